"""The firing rate over the current, as a table and a figure: ``pyhh-fast fi``."""

import argparse
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis.firing_rates import fi_curve, rates_and_swings
from pyhh_fast.analysis.hodgkin_huxley import ModelSubject
from pyhh_fast.analysis.neuron import NeuronSubject
from pyhh_fast.analysis.pulse_thresholds import rheobase
from pyhh_fast.analysis.setup import Setup
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.cli import common, library
from pyhh_fast.cli.common import COUNT, NUMBER
from pyhh_fast.engine.time_steps import STEP
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADER = "current_uA_per_cm2,rate_Hz"

DEFAULTS = common.defaults_of(fi_curve)


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    fi = commands.add_parser(
        "fi",
        help="print the firing rate over the current",
        description="Run the neuron from rest under a range of constant currents, and print its "
        "steady firing rate under each as CSV. Where V keeps swinging below the threshold, the "
        "rate is that of the swing, and a warning says so.",
        argument_default=argparse.SUPPRESS,
    )
    fi.set_defaults(parser=fi)
    fi.add_argument(
        "--from", dest="first", default=0.0, help="first current in uA/cm2 (default: 0)", **NUMBER
    )
    fi.add_argument(
        "--to", dest="last", default=20.0, help="last current in uA/cm2 (default: 20)", **NUMBER
    )
    fi.add_argument(
        "--points", default=201, help="how many currents, evenly spaced (default: 201)", **COUNT
    )
    fi.add_argument(
        "--duration",
        help="time to simulate in ms; the rate is that of its second half (default: "
        f"{DEFAULTS['duration']:g})",
        **NUMBER,
    )
    dt = f"{STEP:g}, shorter where the neuron is faster"
    method = f"{ModelSubject.method}, with --neuron {NeuronSubject.method}"
    common.add_run_options(fi, method, dt)
    fi.add_argument("--threads", help="(default: one for each CPU there is)", **COUNT)
    file: Any = {"type": Path, "metavar": "FILE", "default": None}
    fi.add_argument("-o", "--output", help="write the CSV to a file", **file)
    fi.add_argument("--plot", help="draw the curve into a file", **file)
    common.add_parameters(fi)
    library.add_options(fi)


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    if given.output is not None:
        with common.writing(given.output):
            common.try_to_write(given.output)
    how = DEFAULTS | vars(given)
    try:
        points = validation.count("points", given.points, least=1)
        first = validation.real_number("from", given.first, unit="µA/cm²")
        last = validation.real_number("to", given.last, unit="µA/cm²")
        currents = np.linspace(first, last, points)
        model = library.neuron_of(given) or HHModel(**common.parameters_of(given))
        setup = Setup.of(
            model, how["dt"], how["method"], how["threshold"], how["threads"], how["start"]
        )
        rates, swings = rates_and_swings(setup, currents, how["duration"], common.has_bar())
    except (TypeError, ValueError) as error:
        given.parser.error(common.in_options(str(error)))
    rows = [f"{current:.10g},{rate:.10g}" for current, rate in zip(currents, rates, strict=True)]
    table = "\n".join([HEADER, *rows, ""])
    with common.writing(given.output or "to standard output"):
        if given.output is None:
            print(table, end="", flush=True)
        else:
            given.output.write_text(table, encoding="ascii", newline="\n")
    if not rates.any():
        common.report("pyhh-fast fi", _hint(model, how, setup.settings.dt))
    if given.plot is not None:
        with common.writing(given.plot):
            common.save_figure(lambda: _figure(currents, rates, swings), given.plot)
    return 0


def _hint(model: HHModel | Neuron, how: dict[str, Any], dt: float) -> str:
    """Return what to do where all rates are 0, with the rheobase if steps of `dt` soon find it."""
    options = {name: how[name] for name in ("dt", "method", "threshold", "threads", "start")}
    reason = ""
    if dt >= STEP / 100:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            current = rheobase(model, **options)
        if not caught and 0 < current < math.inf:
            reason = f"; a single spike takes {current:.4g} µA/cm², the rheobase"
    return f"all rates are 0{reason}. Widen the range, --from and --to."


def _figure(currents: FloatArray, rates: FloatArray, swings: Any) -> "Figure":
    from pyhh_fast.plotting import plot_fi_curve

    return plot_fi_curve(currents, rates, swings=swings)

"""The firing rate over the current, as a table and a figure: ``pyhh-fast fi``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis.firing_rates import rates_and_swings
from pyhh_fast.analysis.setup import Setup
from pyhh_fast.cli import common
from pyhh_fast.cli.common import INTERRUPTED, NUMBER
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "pyhh-fast fi"
HEADER = "current_uA_per_cm2,rate_Hz"


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    fi = commands.add_parser(
        "fi",
        help="print the firing rate over the current",
        description="Run the neuron from rest under a range of constant currents, and print its "
        "steady firing rate under each as CSV. Where V keeps swinging below the threshold, the "
        "rate is that of the swing, and a warning says so.",
    )
    fi.set_defaults(parser=fi)
    fi.add_argument(
        "--from", dest="first", default=0.0, help="first current in uA/cm2 (default: 0)", **NUMBER
    )
    fi.add_argument(
        "--to", dest="last", default=20.0, help="last current in uA/cm2 (default: 20)", **NUMBER
    )
    fi.add_argument(
        "--points",
        type=int,
        default=201,
        metavar="COUNT",
        help="how many currents, evenly spaced (default: 201)",
    )
    fi.add_argument(
        "--duration",
        default=1000.0,
        help="time to simulate in ms; the rate is that of its second half (default: 1000)",
        **NUMBER,
    )
    fi.add_argument(
        "--dt", help="step in ms (default: 0.01, shorter where the neuron is faster)", **NUMBER
    )
    fi.add_argument(
        "--method",
        choices=METHODS,
        default="exponential_euler",
        help="(default: %(default)s)",
    )
    fi.add_argument("--threshold", help="of spikes, in mV (default: 50)", **NUMBER)
    fi.add_argument(
        "--threads", type=int, metavar="COUNT", help="(default: one for each CPU there is)"
    )
    fi.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the CSV to a file")
    fi.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve into a file")
    common.add_parameters(fi)


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    try:
        with common.warnings_told(NAME):
            return _run(given)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(given: argparse.Namespace) -> int:
    try:
        if given.output is not None:
            common.try_to_write(given.output)
    except OSError as error:
        return _cannot_write(given.output, error)
    try:
        points = validation.count("points", given.points, least=1)
        first = validation.real_number("from", given.first, unit="µA/cm²")
        last = validation.real_number("to", given.last, unit="µA/cm²")
        currents = np.linspace(first, last, points)
        model = HHModel(**common.parameters_of(given))
        setup = Setup.of(
            model, given.dt, given.method, given.threshold, given.threads, start="rest"
        )
        rates, swings = rates_and_swings(setup, currents, given.duration, common.has_bar())
    except ValueError as error:
        given.parser.error(common.in_options(str(error)))
    rows = [f"{current:.10g},{rate:.10g}" for current, rate in zip(currents, rates, strict=True)]
    table = "\n".join([HEADER, *rows, ""])
    try:
        if given.output is None:
            print(table, end="", flush=True)
        else:
            given.output.write_text(table, encoding="ascii", newline="\n")
    except OSError as error:
        return _cannot_write(given.output or "to standard output", error)
    try:
        if given.plot is not None:
            common.save_figure(lambda: _figure(currents, rates, swings), given.plot)
    except (OSError, ValueError) as error:
        return _cannot_write(given.plot, error)
    return 0


def _figure(currents: FloatArray, rates: FloatArray, swings: Any) -> "Figure":
    from pyhh_fast.plotting import plot_fi_curve

    return plot_fi_curve(currents, rates, swings=swings)


def _cannot_write(what: object, error: Exception) -> int:
    common.tell(NAME, common.cannot_write(what, error))
    return 1

"""The firing rate over the current, as a table and a figure: ``pyhh-fast fi``."""

import argparse
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis import fi_curve
from pyhh_fast.models import PARAMETERS, HHModel
from pyhh_fast.populations import FIXED_STEP
from pyhh_fast.validation import FloatArray

NAME = "pyhh-fast fi"
HEADER = "current_uA_per_cm2,rate_Hz"
INTERRUPTED = 130  # what shells make of Ctrl-C


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    fi = commands.add_parser(
        "fi",
        help="print the firing rate over the current",
        description="Run the neuron from rest under a range of constant currents, all at once, "
        "and print its steady firing rate under each as CSV.",
    )
    fi.set_defaults(parser=fi)
    number = {"type": float, "metavar": "NUMBER"}
    fi.add_argument(
        "--from", dest="first", default=0.0, help="first current in uA/cm2 (default: 0)", **number
    )
    fi.add_argument(
        "--to", dest="last", default=20.0, help="last current in uA/cm2 (default: 20)", **number
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
        **number,
    )
    fi.add_argument("--dt", default=0.01, help="step in ms (default: 0.01)", **number)
    fi.add_argument(
        "--method",
        choices=FIXED_STEP,
        default="exponential_euler",
        help="(default: %(default)s)",
    )
    fi.add_argument(
        "--threads", type=int, metavar="COUNT", help="(default: one for each CPU there is)"
    )
    fi.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the CSV to a file")
    fi.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve into a file")
    parameters = fi.add_argument_group("parameters of the neuron")
    for name, unit in PARAMETERS.items():
        ascii_unit = unit.replace("µ", "u").replace("²", "2")
        default = getattr(HHModel, name)
        parameters.add_argument(
            f"--{name}", default=default, help=f"{ascii_unit} (default: {default:g})", **number
        )


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_: _tell(f"warning: {message}")
            return _run(given)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(given: argparse.Namespace) -> int:
    try:
        if given.output is not None:
            _try_to_write(given.output)  # before the work, not after it
    except OSError as error:
        return _cannot_write(given.output, error)
    try:
        points = validation.count("points", given.points, least=1)
        first = validation.real_number("from", given.first, unit="µA/cm²")
        last = validation.real_number("to", given.last, unit="µA/cm²")
        currents = np.linspace(first, last, points)
        model = HHModel.at_rest(**{name: getattr(given, name) for name in PARAMETERS})
        rates = fi_curve(
            model,
            currents,
            duration=given.duration,
            dt=given.dt,
            method=given.method,
            threads=given.threads,
            progress=sys.stderr.isatty() and find_spec("tqdm") is not None,
        )
    except ValueError as error:
        given.parser.error(str(error))
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
            _draw(currents, rates, given.plot)
    except (OSError, ValueError) as error:
        return _cannot_write(given.plot, error)
    return 0


def _try_to_write(output: Path) -> None:
    there = output.exists()
    output.open("a").close()
    if not there:
        output.unlink()


def _draw(currents: FloatArray, rates: FloatArray, output: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from pyhh_fast.plotting import plot_fi_curve

    plot_fi_curve(currents, rates).savefig(output, dpi=120)


def _cannot_write(what: object, error: Exception) -> int:
    _tell(f"cannot write {what}: {error}")
    return 1


def _tell(what: str) -> None:
    print(f"{NAME}: {what}", file=sys.stderr)

"""What commands share: options, times, paths, figures, messages, exit codes."""

import argparse
import contextlib
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyhh_fast.errors import NO_ROOM
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.models.names import suggestion
from pyhh_fast.variables import PARAMETERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INTERRUPTED = 130  # what shells make of Ctrl-C

NUMBER: Any = {"type": float, "metavar": "NUMBER"}

COUNT: Any = {"type": int, "metavar": "COUNT"}

UNITS = {"": 1, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
"""Of times, in ms."""

_IN_PYTHON = (
    # What messages of the library recommend, and what a user of a command can do instead.
    (r'Pass start="model" to start in the state that the model is in\.', "Give other parameters."),
    (
        r'Start there by unstable="steady", or with .*HHModel\.steady\(V\)\.',
        "Give other parameters.",
    ),
    (r"Start with steady gates at any V by HHModel\.steady\(V\)\.", "Give other parameters."),
    (
        r"Check the parameters, and the rates of an overridden _UpdateGateTimeConstants\.",
        "Check the parameters.",
    ),
    (r"; to startingVoltage too\.", "; to a starting voltage too."),
    (r"\bPass a duration of ([-+.e\d]+) ms", r"Give --duration \1"),
    (r"\brun\(\.\.\., method='(\w+)'\)", r"--method \1"),
    (r"\bmethod='(\w+)'", r"--method \1"),
    (r"\bLeave dt out\b", "Leave --dt out"),
    (r"\bPass (root|temperature)=", r"Give --\1"),
    (r"\bPass cell_id=", "Give --cell"),
    (r"Pass input_id=, that of a generator\.", "Give the stimulus by options."),
    (r"\ba (smaller|larger) dt\b", r"a \1 --dt"),
    (r"\ba shorter duration\b", "a shorter --duration"),
    (rf"\b({'|'.join(PARAMETERS)})=(?=[-+.\d])", r"--\1 "),
)


class Failed(Exception):
    """An error that other arguments would not mend; the exit code is 1."""


def in_options(message: str) -> str:
    """Return a message of the library that names options of a command, not Python arguments."""
    for python, option in _IN_PYTHON:
        message = re.sub(python, option, message)
    return message


def with_signs(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which a negative number is joined to the option before it.

    Argparse takes -5,70,130 and -1e3 for options.
    """
    joined: list[str] = []
    for argument in arguments:
        after_option = bool(joined) and re.fullmatch(r"--\w+", joined[-1])
        if after_option and re.match(r"-\.?[0-9]", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def meant_option(argument: str, parser: argparse.ArgumentParser) -> str:
    """Return a sentence that suggests which option of a command was meant; empty where none is."""
    known = [name[2:] for name in parser._option_string_actions if name.startswith("--")]
    name = argument.partition("=")[0].lstrip("-")
    advice = re.fullmatch(r"Did you mean (\w+)\?", suggestion(name, known))
    return f". Did you mean --{advice[1]}?" if advice and argument.startswith("-") else ""


def defaults_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments of a function that have defaults, and these."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def add_run_options(parser: argparse.ArgumentParser, method: str, dt: str) -> None:
    """Add options for how a run is made, whose help states these defaults."""
    parser.add_argument("--dt", help=f"step in ms (default: {dt})", **NUMBER)
    parser.add_argument("--method", choices=METHODS, help=f"(default: {method})")
    parser.add_argument(
        "--threshold", help="of spikes, in mV (default: 50, or the neuron's)", **NUMBER
    )


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add an option for each parameter of the neuron."""
    parameters = parser.add_argument_group("parameters of the neuron")
    for name, parameter in PARAMETERS.items():
        ascii_unit = parameter.unit.replace("µ", "u").replace("²", "2")
        about = f"{ascii_unit} (default: {getattr(HHModel, name):g})"
        parameters.add_argument(f"--{name}", help=about, **NUMBER)


def parameters_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters of the neuron that were given."""
    return {name: getattr(given, name) for name in PARAMETERS if hasattr(given, name)}


def milliseconds(text: str) -> float:
    """Return a time in ms, for argparse: 500, 90s, "2 min" or 1.5h."""
    found = re.fullmatch(r"\s*([-+0-9.eE_]+)\s*([a-z]*)\s*", text)
    try:
        if found and found[2] in UNITS:
            number, factor = float(found[1]), UNITS[found[2]]
            # A hundredth of a second, say, is 10 ms, and so is 0.01 times 1000 when rounded.
            return number * factor if factor == 1 else float(f"{number * factor:.15g}")
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"must be a time such as 500 (ms), 90s, 2min or 1.5h; got {text!r}"
    )


def shown_time(time: float) -> str:
    """Return a time in ms as people write it."""
    if time < 1_000:
        return f"{time:.6g} ms"
    minutes, seconds = divmod(round(time / 1_000, 6), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = {"h": hours, "min": minutes, "s": seconds}
    return " ".join(f"{value:.8g} {unit}" for unit, value in parts.items() if value)


def has_bar() -> bool:
    """Whether a progress bar can be seen, and shown."""
    return sys.stderr.isatty() and find_spec("tqdm") is not None


def report(name: str, what: str) -> None:
    """Print a message of a command to standard error."""
    print(f"{name}: {what}", file=sys.stderr)


@contextlib.contextmanager
def reported_warnings(name: str) -> Iterator[None]:
    """Print warnings for the user in a line each."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: report(
            name, f"warning: {in_options(str(message))}"
        )
        yield


def try_to_write(output: Path) -> None:
    """See, before the work and not after it, that a file can be written."""
    there = output.exists()
    output.open("a").close()
    if not there:
        output.unlink()


def figure_file(text: str) -> Path:
    """Return the path of a figure, for argparse; its name must end in what can be drawn."""
    from matplotlib.backend_bases import FigureCanvasBase

    known = sorted(f".{ending}" for ending in FigureCanvasBase.get_supported_filetypes())
    output = Path(text)
    if output.suffix.lower() not in known:
        raise argparse.ArgumentTypeError(
            f"must be a file whose name ends in {', '.join(known)}; got {text!r}"
        )
    return output


@contextlib.contextmanager
def writing(what: object) -> Iterator[None]:
    """Make an error in writing one of the command."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise Failed(cannot_write(what, error)) from None


def cannot_write(what: object, error: Exception) -> str:
    """Return the message for a file that cannot be written, and, of a full disk, what to do."""
    full = isinstance(error, OSError) and error.errno in NO_ROOM
    advice = ". Free space, or name a file on another disk." if full else ""
    return f"cannot write {what}: {error}{advice}"


def save_figure(draw: Callable[[], "Figure"], output: Path) -> None:
    """Draw a figure into a file, without a screen."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    try:
        figure = draw()
    except OSError as error:  # of the store of a run, and not of the figure
        raise ValueError(f"cannot read what is to be drawn: {error}") from error
    try:
        figure.savefig(output, dpi=120)
    finally:
        plt.close(figure)

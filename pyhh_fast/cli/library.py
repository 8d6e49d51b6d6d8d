"""Published neurons: ``pyhh-fast neurons``, and --neuron and --set of other commands."""

import argparse
import functools
import inspect
from collections.abc import Callable
from typing import Any

from pyhh_fast import neurons, validation
from pyhh_fast.channels import paths
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.cli import common

Setting = tuple[str, float | str]
"""A path, or the name of an argument, and its value."""


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    library = commands.add_parser(
        "neurons",
        help="list the published neurons, or show one",
        description="List the published neurons that --neuron of 'pyhh-fast simulate' and "
        "'pyhh-fast fi' names: their channels, each with its gates, and arguments; or show the "
        "declaration of one, and the parameters that --set changes.",
    )
    library.add_argument(
        "neuron", nargs="?", type=_known, metavar="NAME", help="one that is to be shown"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which a command runs a published neuron."""
    group = parser.add_argument_group("published neurons")
    group.add_argument(
        "--neuron",
        type=_known,
        metavar="NAME",
        help="run this one, of those that 'pyhh-fast neurons' lists",
    )
    group.add_argument(
        "--set",
        action="append",
        type=_setting,
        metavar="PATH=VALUE",
        help="another value of one of its parameters or arguments, which 'pyhh-fast neurons NAME' "
        "lists; as often as you like",
    )


def neuron_of(given: argparse.Namespace) -> Neuron | None:
    """Return the neuron that --neuron names, with the values of --set; None without --neuron.

    It exits with a message where options of the model are given as well.

    Raise TypeError or ValueError if there is no such parameter or argument, or it cannot have that
    value.
    """
    if not hasattr(given, "neuron"):
        if hasattr(given, "set"):
            given.parser.error("--set goes with --neuron. Give parameters by their options.")
        return None
    for name in common.parameters_of(given):
        given.parser.error(f"--{name} does not go with --neuron. Use --set.")
    return _set(_function(given.neuron), dict(getattr(given, "set", [])))


def _set(make: Callable[..., Neuron], given: dict[str, float | str]) -> Neuron:
    neuron = make()
    arguments = inspect.signature(make).parameters
    known = [*arguments, *neuron.parameters, "area", "threshold"]
    suggestion = functools.partial(paths.suggestion, neuron._all_parts)
    for path in given:
        validation.choice("--set", path, known, suggestion)
    own = {path: value for path, value in given.items() if path in arguments}
    others: Any = {path: value for path, value in given.items() if path not in own}
    return (make(**own) if own else neuron).replace(others)


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    if given.neuron is None:
        print("\n".join(line for name in neurons.__all__ for line in _listed(name)))
    else:
        neuron = _function(given.neuron)()
        values = [f"{path}={value:g}" for path, value in neuron.parameters.items()]
        print(neuron, *_arguments(given.neuron), f"Parameters: {', '.join(values)}", sep="\n")
    return 0


def _function(name: str) -> Callable[..., Neuron]:
    make: Callable[..., Neuron] = getattr(neurons, name)
    return make


def _listed(name: str) -> list[str]:
    """Return lines on a neuron: what it is, its channels with their gates, its arguments."""
    make = _function(name)
    channels = [_with_gates(one, channel.gates) for one, channel in make().channels.items()]
    about = (inspect.getdoc(make) or "").partition("\n")[0].removeprefix("Return ")
    indented = [f"    {line}" for line in (", ".join(channels), *_arguments(name))]
    return [f"{name}: {about}", *indented]


def _with_gates(name: str, gates: Any) -> str:
    return f"{name} ({' '.join(map(_raised, gates, gates.values()))})" if gates else name


def _raised(name: str, gate: Gate) -> str:
    return f"{name}^{gate.power}" if gate.power > 1 else name


def _arguments(name: str) -> list[str]:
    parameters = inspect.signature(_function(name)).parameters.values()
    values = ", ".join(f"{one.name}={one.default}" for one in parameters)
    return [f"Arguments: {values}"] if values else []


def _known(text: str) -> str:
    try:
        return validation.choice("it", text, neurons.__all__)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("it ")) from None


def _setting(text: str) -> Setting:
    path, sign, value = text.partition("=")
    if not (path and sign and value):
        raise argparse.ArgumentTypeError(f"must be PATH=VALUE, as Cm=1.5; got {text!r}")
    try:
        return path, float(value)
    except ValueError:
        return path, value

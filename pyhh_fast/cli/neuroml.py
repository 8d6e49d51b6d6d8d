"""Files of NeuroML: ``pyhh-fast neuroml``, and --neuroml of ``pyhh-fast simulate``."""

import argparse
from pathlib import Path
from typing import Any

from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.cli import common, neuroml_report
from pyhh_fast.neuroml import reading
from pyhh_fast.neuroml.reading import ReadRun

OPTIONS = ("cell", "temperature", "root")


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    command = commands.add_parser(
        "neuroml",
        help="show what is read from a file of NeuroML",
        description="Show what 'pyhh-fast simulate --neuroml FILE' reads from a file of NeuroML 2, "
        "or of LEMS, and what it includes: cells as neurons, with units, inputs, and what is not "
        "supported, with file and line.",
        argument_default=argparse.SUPPRESS,
    )
    command.add_argument("file", type=Path, metavar="FILE")
    _add_options(command)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which a command runs a neuron of a file."""
    group = parser.add_argument_group("neurons of NeuroML")
    group.add_argument(
        "--neuroml",
        type=Path,
        metavar="FILE",
        help="run the cell of this file of NeuroML 2, or of LEMS, from its initial potential, with "
        "its network's input, or with the stimuli that are given in place of it, for its "
        "Simulation's time, if it has one; --set gives other values",
    )
    group.add_argument("--cell", metavar="ID", help="which cell (default: the only one)")
    _add_options(group)


def _add_options(group: Any) -> None:
    group.add_argument(
        "--temperature",
        type=float,
        metavar="CELSIUS",
        help="of Q10 factors and Nernst potentials (default: that of the file's network)",
    )
    group.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="that included files must lie in (default: the file's)",
    )


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    try:
        root, temperature = getattr(given, "root", None), getattr(given, "temperature", None)
        lines = list(neuroml_report.lines(given.file, temperature, root))
    except (OSError, ValueError) as error:
        raise common.Failed(error) from None
    problem = neuroml_report.problem_of(lines)
    print("\n".join(map(common.in_options, [*lines, *([problem] if problem else [])])))
    return 1 if problem else 0


def run_of(given: argparse.Namespace) -> ReadRun | None:
    """Return the neuron that --neuroml names, and how its file runs it; None without --neuroml.

    It exits with a message where options of other neurons are given as well.

    Raise ValueError if it cannot be read.
    """
    if not hasattr(given, "neuroml"):
        for name in OPTIONS:
            if hasattr(given, name):
                given.parser.error(f"--{name} goes with --neuroml")
        return None
    for name in [*(["neuron"] if hasattr(given, "neuron") else []), *common.parameters_of(given)]:
        given.parser.error(f"--{name} does not go with --neuroml. Use --set.")
    options = (getattr(given, name, None) for name in OPTIONS)
    try:
        return reading.read_run(given.neuroml, *options)
    except OSError as error:
        raise common.Failed(error) from None


def changed(neuron: Neuron, given: argparse.Namespace) -> Neuron:
    """Return a neuron with the values of --set."""
    values: Any = dict(getattr(given, "set", []))
    if "area" in values and not hasattr(given, "stimuli"):
        given.parser.error(
            "--set area does not go with --neuroml and the file's input, which is a current over "
            "the file's area. Give the input as a density, as --constant."
        )
    return neuron.replace(values)

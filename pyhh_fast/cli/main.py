"""The command ``pyhh-fast``."""

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from pyhh_fast import __version__
from pyhh_fast.cli import common, fi, library, neuroml, plot, simulate
from pyhh_fast.cli.common import INTERRUPTED, with_signs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(_parsed(arguments))
    except KeyboardInterrupt:
        if arguments[:1] == ["run"]:
            raise  # as the script's own
        return INTERRUPTED


def _parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed arguments; exit with a message where they cannot be used."""
    parser = _parser()
    if arguments[:1] != ["run"]:  # what follows there is the script's
        arguments = with_signs(arguments)
        for argument in arguments:
            if argument.startswith("--") and argument.endswith("=--"):  # argparse makes it a list
                parser.error(f"argument {argument[:-3]}: must have a value; got '--'")
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        command: argparse.ArgumentParser = getattr(given, "parser", parser)
        advice = common.meant_option(unknown[0], command)
        command.error(f"unrecognized arguments: {' '.join(unknown)}{advice}")
    return given


def _run(given: argparse.Namespace) -> int:
    """Run a command; return the exit code."""
    if given.command == "run":
        from pyhh_fast.cli.run_script import run_script

        script, *script_arguments = given.script
        return run_script(script, script_arguments)
    commands = {
        "demo": _demo,
        "fi": fi.run,
        "info": _info,
        "neuroml": neuroml.run,
        "neurons": library.run,
        "plot": plot.run,
        "simulate": simulate.run,
    }
    name = f"pyhh-fast {given.command}"
    try:
        with common.reported_warnings(name):
            return commands[given.command](given)
    except common.Failed as error:
        common.report(name, f"error: {common.in_options(str(error))}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pyhh-fast", description="Hodgkin-Huxley neurons: pyHH on a compiled core."
    )
    parser.add_argument("--version", action="version", version=f"pyhh_fast {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="run the README's example and draw it",
        description="Run the README's example on the compiled core, compare it with pure Python, "
        "and draw it.",
    )
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo.png"),
        metavar="FILE",
        help="figure to write (default: demo.png)",
    )

    run = commands.add_parser(
        "run",
        help="run an unmodified pyHH script on this package",
        description="Run SCRIPT as 'python SCRIPT ARGS...' would, with 'import pyhh' answered by "
        "pyhh_fast.",
    )
    # PARSER and not REMAINDER, which would swallow a "--" behind the script.
    run.add_argument(
        "script", nargs=argparse.PARSER, metavar="SCRIPT", help="a Python file, then its arguments"
    )

    simulate.add_to(commands)
    plot.add_to(commands)
    fi.add_to(commands)
    library.add_to(commands)
    neuroml.add_to(commands)

    commands.add_parser(
        "info",
        help="print versions and what the kernels run on",
        description="Print the version, the kernels' level, the CPU's features, Python and NumPy.",
    )
    return parser


def _demo(given: argparse.Namespace) -> int:
    from pyhh_fast.cli.demo import demo

    with common.writing(given.output):
        text = demo(given.output)
    print(text)
    return 0


def _info(_: argparse.Namespace) -> int:
    import numpy as np

    from pyhh_fast import _cpu
    from pyhh_fast.engine import kernels

    features = ", ".join(_cpu.features()) or "none detected"
    build = _cpu.COMPILER if _cpu.FLAVOUR == "optimised" else f"{_cpu.FLAVOUR}, {_cpu.COMPILER}"
    python = f"{platform.python_implementation()}, {platform.system()} {platform.machine()}"
    print(f"pyhh_fast     {__version__}")
    print(f"kernel level  {kernels.LEVEL} of {', '.join(_cpu.levels())} ({build})")
    print(f"CPU features  {features}")
    print(f"Python        {platform.python_version()} ({python})")
    print(f"NumPy         {np.__version__}")
    return 0

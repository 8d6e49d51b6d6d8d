"""A figure of a run in a store, or of a part of it: ``pyhh-fast plot``."""

import argparse
from pathlib import Path
from typing import Any

from pyhh_fast.cli import common


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    plot = commands.add_parser(
        "plot",
        help="draw a run that was written to a .zarr, or a part of it",
        description="Draw what 'pyhh-fast simulate --out RUN.zarr', or run(..., to=...), has "
        "written, also while it is being written. However long the run is, of many rows only "
        "what can be seen is drawn. Times are in ms, or as 90s, 2min, 1.5h.",
    )
    plot.set_defaults(parser=plot)
    plot.add_argument("store", type=Path, metavar="RUN.zarr")
    time: Any = {"type": common.milliseconds, "metavar": "TIME"}
    plot.add_argument("--from", dest="start", help="where to begin (default: 0)", **time)
    plot.add_argument("--to", dest="stop", help="where to end (default: the end)", **time)
    plot.add_argument(
        "-o",
        "--output",
        type=common.figure_file,
        metavar="FILE",
        help="figure to write (default: RUN.png, next to the run)",
    )


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    from pyhh_fast.plotting import plot_recording
    from pyhh_fast.plotting.decimation import Window
    from pyhh_fast.storage import resume

    store = given.store if given.store.name not in ("", "..") else given.store.resolve()
    output = given.output or store.with_name(f"{store.stem}.png")
    try:
        recording = resume.open_recording(store)
    except (ImportError, OSError, ValueError) as error:
        raise common.Failed(error) from None
    try:
        window = Window.of(recording, given.start, given.stop, ("--from", "--to"))
    except ValueError as error:
        given.parser.error(str(error))
    try:
        common.try_to_write(output)
        common.save_figure(lambda: plot_recording(recording, *window), output)
        print(output, flush=True)
    except OSError as error:
        raise common.Failed(common.cannot_write(output, error)) from None
    except ValueError as error:  # a store that is damaged where it is read only now
        raise common.Failed(error) from None
    return 0

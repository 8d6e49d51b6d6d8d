"""The loop of a run, whatever makes its steps and wherever its rows go."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pyhh_fast.engine.progress import bar_of_run
from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import Rows
from pyhh_fast.models.hh_model import snapshot
from pyhh_fast.recording import Origin, Recording
from pyhh_fast.system.rounding import rounds_to_nearest

FAILED = "the run failed"
"""Why there is no model to make a run again from."""


class Run(NamedTuple):
    """A run that is ready to be made, and the model before it, as its recording will have it."""

    read_ahead: ReadAhead
    stepper: Stepper
    rows: Rows
    origin: Origin


def origin_of(model: Any) -> Origin:
    """Return a copy of a model before its run, or why there is none."""
    if (copied := snapshot(model)) is not None:
        return copied
    return "the model was not copied, because it holds more than numbers, gates and small arrays"


@rounds_to_nearest
def make(run: Run, progress: bool, keep: Callable[[Recording], object]) -> None:
    """Make the steps of a run; whatever ends it, `keep` gets the recording of what there is.

    Raises
    ------
    SimulationError
        If a step cannot be made.
    OSError
        If the rows cannot be written.
    KeyboardInterrupt
        After Ctrl-C.
    """
    read_ahead, stepper, rows, origin = run
    start, can_go_on = stepper.state, True
    bar = bar_of_run(read_ahead, stepper, progress)

    def finish() -> None:
        stepper.leave()
        try:
            rows.end(stepper, failed=not can_go_on)
        finally:
            keep(rows.recording(origin if can_go_on else FAILED))

    try:
        with bar as show:
            while can_go_on and stepper.step < read_ahead.steps:
                can_go_on = stepper.advance()
                rows.take(stepper)
                show()
    finally:
        # After Ctrl-C or an error too: nothing computed is lost. Nor by a second Ctrl-C.
        try:
            finish()
        except KeyboardInterrupt:
            finish()
            raise
    if not can_go_on:
        raise stepper.error(start)

"""The loop of a run, whatever makes its steps and wherever its rows go."""

from collections.abc import Callable

from pyhh_fast.engine.progress import bar_of_run
from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.sampling import Rows
from pyhh_fast.recording import Recording
from pyhh_fast.system.rounding import rounds_to_nearest


@rounds_to_nearest
def make(
    recording: Recording,
    stepper: Stepper,
    rows: Rows,
    progress: bool,
    keep: Callable[[Recording], object],
) -> None:
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
    start, steps, can_go_on = stepper.state, recording.steps, True
    bar = bar_of_run(recording, stepper, progress)

    def finish() -> None:
        stepper.leave()
        try:
            rows.end(stepper, failed=not can_go_on)
        finally:
            keep(recording)

    try:
        with bar as show:
            while can_go_on and stepper.step < steps:
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

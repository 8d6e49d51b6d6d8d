"""The loop of a run of one cell: `Simulation` calls it, with a stepper and a sink."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pyhh_fast.channels.state import NeuronState
from pyhh_fast.engine.choose_stepper import python_stepper_after
from pyhh_fast.engine.progress import bar_of_run
from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import RunSink
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.models.copies import snapshot
from pyhh_fast.recording import Origin, Recording
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.system.stopping import stop_if_told

FAILED = "the run failed"
"""Why there is no model from which a run can be repeated."""


class Run(NamedTuple):
    """A run before its first step; `origin` is the model before it, for the recording."""

    read_ahead: ReadAhead
    stepper: Stepper
    sink: RunSink
    origin: Origin


def origin_of(model: Any) -> Origin:
    """Return a copy of a model before its run, or why there is none."""
    if isinstance(model, NeuronState):
        return model.copy()
    if (copied := snapshot(model)) is not None:
        return copied
    return "the model was not copied, because it holds more than numbers, gates and small arrays"


@rounds_to_nearest
def run_steps(run: Run, progress: bool, keep: Callable[[Recording], object]) -> None:
    """Make the steps of a run; `keep` gets its recording, also where an error or Ctrl-C ends it.

    Raise SimulationError if a step cannot be made. Raise OSError if the samples cannot be written.
    Raise KeyboardInterrupt after Ctrl-C.
    """
    read_ahead, stepper, sink, origin = run
    start, can_continue = stepper.state, True

    def finish() -> None:
        stepper.write_back()
        try:
            sink.end(stepper, failed=not can_continue)
        finally:
            keep(sink.recording(origin if can_continue else FAILED))

    try:
        with bar_of_run(read_ahead, stepper.step, progress) as show:
            while can_continue and stepper.step < read_ahead.steps:
                stop_if_told()
                try:
                    can_continue = stepper.advance()
                except NotTabulable as error:
                    stepper = python_stepper_after(stepper, error)
                sink.collect(stepper)
                show(stepper)
    finally:
        # After Ctrl-C or an error too: nothing computed is lost. A second Ctrl-C is delayed.
        try:
            finish()
        except KeyboardInterrupt:
            finish()
            raise
    if not can_continue:
        raise stepper.error(start)

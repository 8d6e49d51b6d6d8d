"""Compiled steps of fixed length: forward and exponential Euler, and Runge-Kutta."""

from pyhh_fast.compiled_cell import CompiledCell, not_tabulated, tell_log
from pyhh_fast.divergence import (
    LOOK_BACK,
    STATES,
    divergence_error,
    own_step_error,
    states_before,
)
from pyhh_fast.kernels import loops
from pyhh_fast.kinetics import NotTabulable
from pyhh_fast.models import GATES, HHModel, snapshot
from pyhh_fast.python_stepper import PythonStepper
from pyhh_fast.recording import Recording, State
from pyhh_fast.stepper import Stepper
from pyhh_fast.validation import FloatArray

NUMBERS = {"euler": 0, "exponential_euler": 1, "rk4": 2}
"""The methods as src/fixed_step.h counts them."""


class FixedStepper(Stepper):
    """Steps a model that is HHModel in all but its numbers and its kinetics.

    Raises
    ------
    NotTabulable
        If its rates cannot be had from V alone, or, for forward Euler, from a table.
    """

    CHUNK = 262_144  # some 3 ms

    def __init__(self, model: HHModel, recording: Recording) -> None:
        self._at = CompiledCell(model, recording)
        self._number = NUMBERS[recording.method]
        self._slow: PythonStepper | None = None

    @property
    def step(self) -> int:
        return self._slow.step if self._slow else int(self._at.cell["step"][0])

    @property
    def spike_times(self) -> FloatArray:
        return self._slow.spike_times if self._slow else self._at.spike_times

    @property
    def state(self) -> State:
        if self._slow:
            return self._slow.state
        V, m, h, n = (float(self._at.cell[name][0]) for name in ("V", *GATES))
        return V, m, h, n

    def advance(self) -> bool:
        if self._slow:
            return self._slow.advance()
        at = self._at
        try:
            status = self._advance()
            return at.help(status) or status == loops.Ending.DONE
        except NotTabulable as error:
            # V has come to where the model's kinetics turn out to be what no table holds.
            if at.recording.method != "euler":
                raise own_step_error(at.recording, self.state, self.step, error) from None
            tell_log(f"stepping in Python: {not_tabulated(at.model, error)}")
            self.leave()
            self._slow = PythonStepper(at.model, at.recording, self.step, self.spike_times)
            return True

    def _advance(self) -> int:
        at, r = self._at, self._at.recording
        rows = slice(self.step, min(self.step + self.CHUNK, len(r)))
        ending: int = loops.fixed_step(
            self._number,
            at.cell,
            at.parameters,
            *at.rates_arguments(),
            r.stimulus[rows],
            r.dt,
            r.threshold,
            at.spike_room,
            *at.outputs(rows),
        )
        return ending

    def leave(self) -> None:
        (self._slow or self._at).leave()

    def error(self, start: State) -> Exception:
        if self._slow:
            return self._slow.error(start)
        r, step = self._at.recording, self.step
        if set(STATES) <= set(r.recorded) or r._start is None:
            late = states_before(r, start, self.state, step)
        else:
            first = max(0, step - LOOK_BACK)
            start, seen = _again(r, first, step)
            late = states_before(seen, start, self.state, step, first)
        stable = " method='exponential_euler' is stable for any dt."
        return divergence_error(self._at.model, r, late, stable)


def _again(recording: Recording, first: int, stop: int) -> tuple[State, Recording]:
    """Return the state before step `first` of a run, and its states from there, made again."""
    model = snapshot(recording._start)
    for rows, recorded in ((slice(0, first), ()), (slice(first, stop), STATES)):
        part = Recording(
            recording.stimulus[rows], recording.dt, recorded=recorded, method=recording.method
        )
        stepper = FixedStepper(model, part)
        start = stepper.state
        while stepper.step < len(part):
            stepper.advance()
        stepper.leave()
    return start, part

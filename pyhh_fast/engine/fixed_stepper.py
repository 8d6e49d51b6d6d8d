"""Compiled steps of fixed length: forward and exponential Euler, and Runge-Kutta."""

import numpy as np

from pyhh_fast.engine.compiled_stepper import Checkpoint, CompiledCell, not_tabulated, tell_log
from pyhh_fast.engine.divergence import LOOK_BACK, divergence_error, own_step_error
from pyhh_fast.engine.kernels import loops, struct
from pyhh_fast.engine.protocols import SavableStepper
from pyhh_fast.engine.python_stepper import PythonStepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import Places, Rows
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.recording import State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray, StructArray
from pyhh_fast.variables import CURRENTS, STATE_SYMBOLS


class FixedStepper(SavableStepper):
    """Steps a model that is HHModel in all but its numbers and its kinetics.

    Raises
    ------
    NotTabulable
        If its rates cannot be had from V alone, or, for forward Euler, from a table.
    """

    CHUNK = 262_144  # some 3 ms

    def __init__(
        self,
        model: HHModel,
        settings: RunSettings,
        read_ahead: ReadAhead,
        rows: Rows,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._at = CompiledCell(model, settings, checkpoint)
        self._read_ahead, self._rows = read_ahead, rows
        # Where the loop stood LOOK_BACK steps ago, or more.
        self._earlier = self._latest = self._at.cell.copy()
        self._settings = struct(
            loops.FIXED_STEP_SETTINGS,
            method=loops.Method[settings.method],
            dt=settings.dt,
            threshold=settings.threshold,
        )
        self._slow: PythonStepper | None = None

    @property
    def step(self) -> int:
        return self._slow.step if self._slow else int(self._at.cell["step"][0])

    @property
    def spikes(self) -> int:
        return self._slow.spikes if self._slow else self._at.spikes

    @property
    def spike_times(self) -> FloatArray:
        return self._slow.spike_times if self._slow else self._at.spike_times

    @property
    def state(self) -> State:
        if self._slow:
            return self._slow.state
        return tuple(float(self._at.cell[name][0]) for name in STATE_SYMBOLS)

    def advance(self) -> bool:
        if self._slow:
            return self._slow.advance()
        at = self._at
        try:
            ended, missing_V = self._advance()
            return at.help(ended, missing_V) or ended == loops.Ending.DONE
        except NotTabulable as error:
            # V has come to where the model's kinetics turn out to be what no table holds.
            if at.settings.method != "euler":
                raise own_step_error(at.settings, self.state, self.step, error) from None
            tell_log(f"stepping in Python: {not_tabulated(at.model, error)}")
            self.leave()
            so_far = self.step, self.spike_times
            self._slow = PythonStepper(at.model, at.settings, self._read_ahead, self._rows, *so_far)
            return True

    def _advance(self) -> tuple[int, float]:
        at, step = self._at, self.step
        if step - self._latest["step"][0] >= LOOK_BACK:
            self._earlier, self._latest = self._latest, at.cell.copy()
        # Chunks end at multiples of their length, wherever the loop stopped in between.
        length = min(self.CHUNK, self._rows.most, self._read_ahead.block_length)
        stop = min(step - step % length + length, self._read_ahead.steps)
        places = self._rows.places(step, stop)
        return self._step(at.cell, self._read_ahead.window(step, stop), self._settings, places)

    def _step(
        self,
        cell: StructArray,
        I: FloatArray,  # noqa: E741
        settings: StructArray,
        places: Places,
    ) -> tuple[int, float]:
        at = self._at
        ended: tuple[int, float] = loops.fixed_step(
            settings, cell, at.parameters, at.rates(), I, at.spike_room, places
        )
        return ended

    @property
    def resumable(self) -> bool:
        return True

    def numbers(self) -> dict[str, float]:
        return self._at.numbers()

    def forget_spikes(self, number: int) -> None:
        self._at.forget_spikes(number)

    def leave(self) -> None:
        (self._slow or self._at).leave()

    def error(self, start: State) -> Exception:
        if self._slow:
            return self._slow.error(start)
        return divergence_error(
            self._at.model,
            self._at.settings,
            self._read_ahead.stimulus,
            self._late(),
            adaptive=True,
        )

    def _late(self) -> list[tuple[int, State]]:
        """Return the latest steps, each with the state before it, made again."""
        at, cell, step = self._at, self._earlier.copy(), self.step
        first = int(cell["step"][0])
        I = self._read_ahead.reread(first, step)  # noqa: E741
        traces = np.empty((len(STATE_SYMBOLS), step - first + 1))
        traces[:, 0] = [cell[name][0] for name in STATE_SYMBOLS]
        settings = self._settings.copy()
        settings["threshold"] = np.inf  # its spikes are known
        while (done := int(cell["step"][0])) < step:
            states = [trace[done - first + 1 :] for trace in traces]
            places = (*states, *[None for _ in CURRENTS])
            at.help(*self._step(cell, I[done - first :], settings, places))
        late = traces[:, -LOOK_BACK:].T
        return [(step - len(late) + 1 + i, tuple(state)) for i, state in enumerate(late.tolist())]

"""Compiled steps whose length follows the error."""

import numpy as np

from pyhh_fast import validation
from pyhh_fast.engine.compiled_stepper import Checkpoint, CompiledCell
from pyhh_fast.engine.divergence import own_step_error, stuck_error
from pyhh_fast.engine.kernels import loops, struct
from pyhh_fast.engine.protocols import SavableStepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import Places, Rows
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.recording import State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray, StructArray
from pyhh_fast.variables import STATE_SYMBOLS

RESTART_INTERVAL = 100.0
"""Time between the points at which a run may end and be continued, in ms: whole rows nearest."""


class AdaptiveStepper(SavableStepper):
    """Solves a model that is HHModel in all but its numbers and its kinetics.

    Raises
    ------
    NotTabulable
        If its rates cannot be had from V alone.
    """

    CHUNK = 32_768  # attempts; some 5 ms

    WINDOW = 262_144
    """Rows of which the stimulus is read at once, to the next restart point."""

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
        self._restart_every = max(
            1, round(min(RESTART_INTERVAL / settings.dt, validation.MOST_STEPS))
        )
        self._settings = struct(
            loops.ADAPTIVE_SETTINGS,
            dt=settings.dt,
            rtol=settings.rtol,
            atol=settings.atol,
            threshold=settings.threshold,
            restart_every=self._restart_every,
            max_attempts=self.CHUNK,
        )
        self._ending = loops.Ending.DONE
        # A run is continued from a restart point. The currents of row 0 are not known yet.
        begin = self.step
        last_row = loops.LastRow.WHOLE if begin else loops.LastRow.STATE
        self._progress = struct(loops.ADAPTIVE_RUN, begin=begin, end=begin, last_row=last_row)
        for name in STATE_SYMBOLS:
            self._progress[name] = self._at.cell[name]
        self._begin_window(begin)

    @property
    def step(self) -> int:
        return int(self._at.cell["step"][0])

    @property
    def spikes(self) -> int:
        return self._at.spikes

    @property
    def spike_times(self) -> FloatArray:
        return self._at.spike_times

    @property
    def state(self) -> State:
        return tuple(float(self._progress[name][0]) for name in STATE_SYMBOLS)

    def _begin_window(self, begin: int) -> None:
        """Begin a window of the stimulus at row `begin`, where the solver is.

        It ends at a later restart point or at the end of the run. The last one begins at the last
        restart point, so that all that led there stays the same when the run is continued.
        """
        steps = self._read_ahead.steps
        length = max(self._restart_every, self.WINDOW - self.WINDOW % self._restart_every)
        end = min(begin + length, steps - steps % self._restart_every)
        self._progress["window"], self._end = begin, end if end > begin else steps
        # Where the loop skipped the last row, it can be computed again from here: where the call
        # began that completed the last two rows. Those at the end of a window are not skipped.
        self._before = (self._at.cell.copy(), self._progress.copy())

    def advance(self) -> bool:
        at = self._at
        if self.step == self._end:
            self._begin_window(self._end)
        before = (at.cell.copy(), self._progress.copy())
        places = None
        if at.settings.record or at.settings.envelope:
            places = self._rows.places(self.step, self._end)
        ended, missing_V = self._solve(at.cell, self._progress, self._end, self._settings, places)
        if self.step >= before[0]["step"][0] + 2:
            self._before = before
        self._ending = ended
        try:
            helped = at.help(ended, missing_V)
        except NotTabulable as error:
            raise own_step_error(at.settings, self.state, self.step, error) from None
        return helped or ended in (loops.Ending.DONE, loops.Ending.PAUSED)

    def _solve(
        self,
        cell: StructArray,
        progress: StructArray,
        stop: int,
        settings: StructArray,
        places: Places | None,
    ) -> tuple[int, float]:
        at = self._at
        I = self._read_ahead.window(int(progress["window"][0]), self._end)  # noqa: E741
        ended: tuple[int, float] = loops.adaptive(
            settings, cell, progress, at.parameters, at.rates(), I, stop, at.spike_room, places
        )
        return ended

    @property
    def resumable(self) -> bool:
        return self.step == self._end and self.step % self._restart_every == 0

    def numbers(self) -> dict[str, float]:
        return self._at.numbers()

    def forget_spikes(self, number: int) -> None:
        self._at.forget_spikes(number)

    def leave(self) -> None:
        """Put the model at the last row that is behind the solver."""
        row = self.step
        if row and self._progress["last_row"][0] != loops.LastRow.WHOLE:
            cell, progress = (part.copy() for part in self._before)
            settings = self._settings.copy()
            settings["threshold"] = np.inf  # its spikes are known
            while cell["step"][0] < row:
                self._at.help(*self._solve(cell, progress, row, settings, None))
            cell["spikes"] = self._at.cell["spikes"]
            self._at.cell = cell  # the solver's own state, which an error names, stays
        self._at.leave()

    def error(self, start: State) -> Exception:
        p = self._progress[0]
        time = float(p["begin"] * self._at.settings.dt + p["elapsed"])
        tolerances = f"rtol={self._at.settings.rtol:g} and atol={self._at.settings.atol:g}"
        why = {
            loops.Ending.STEP_TOO_SMALL: f"no step of {loops.SMALLEST_STEP:g} ms or more meets "
            f"{tolerances}",
            loops.Ending.TOO_MANY_STEPS: f"{tolerances} need more than "
            f"{loops.MAX_STEPS_PER_MS:,} steps for a millisecond",
        }[self._ending]
        return stuck_error(self._at.model, start, self.state, self.step, time, why)

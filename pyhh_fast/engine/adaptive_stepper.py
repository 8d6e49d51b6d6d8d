"""Compiled steps whose length follows the error."""

import numpy as np

from pyhh_fast import validation
from pyhh_fast.engine.compiled_stepper import CompiledCell, Kept
from pyhh_fast.engine.divergence import own_step_error, stuck_error
from pyhh_fast.engine.kernels import loops
from pyhh_fast.engine.protocols import SavableStepper
from pyhh_fast.engine.read_ahead import Feed
from pyhh_fast.engine.sampling import Rows, unwanted
from pyhh_fast.kinetics.evaluated import NotTabulable
from pyhh_fast.models.hh_model import GATES, HHModel
from pyhh_fast.recording import TRACES, Recording, State
from pyhh_fast.typing import FloatArray, StructArray

PROGRESS = np.dtype(
    [
        (name, np.float64)
        for name in ("V", *GATES, "elapsed", "step_size", "log_err_before", "ms_remaining")
    ]
    + [(name, np.int64) for name in ("begin", "end", "attempts", "rejected", "at_row")]
)
"""Where the solver stands, as the time loop sees it (adaptive_run in src/adaptive.h)."""

MARK = 100.0
"""Time between the marks at which a run may be cut and lengthened, in ms: whole rows nearest."""


class AdaptiveStepper(SavableStepper):
    """Solves a model that is HHModel in all but its numbers and its kinetics.

    Raises
    ------
    NotTabulable
        If its rates cannot be had from V alone.
    """

    CHUNK = 32_768  # attempts; some 5 ms

    WINDOW = 262_144
    """Rows for which the stimulus is had at once, to the next mark."""

    def __init__(
        self,
        model: HHModel,
        recording: Recording,
        feed: Feed,
        rows: Rows,
        kept: Kept | None = None,
    ) -> None:
        self._at = CompiledCell(model, recording, kept)
        self._feed, self._rows = feed, rows
        self._progress = np.zeros(1, PROGRESS)
        for name in ("V", *GATES):
            self._progress[name] = self._at.cell[name]
        self._mark = max(1, round(min(MARK / recording.dt, validation.MOST_STEPS)))
        self._ending = loops.Ending.DONE
        # A run goes on from a mark, where the step size is chosen anew.
        begin = self._progress["begin"] = self._progress["end"] = self.step
        self._progress["at_row"] = 2 if begin else 1  # row 0, whose currents are not known yet
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
        V, m, h, n = (float(self._progress[name][0]) for name in ("V", *GATES))
        return V, m, h, n

    def _begin_window(self, begin: int) -> None:
        """Have the stimulus from row `begin`, where the solver stands, to a later mark or the end.

        The last window begins at the last mark, so that all that led there stays when a run is
        lengthened.
        """
        steps = self._at.recording.steps
        length = max(self._mark, self.WINDOW - self.WINDOW % self._mark)
        end = min(begin + length, steps - steps % self._mark)
        self._begin, self._end = begin, end if end > begin else steps
        # Where the loop did not look at the last row, it can be looked at again from here: where
        # the call began that made the last two rows whole. It looks at those of a window.
        self._before = (self._at.cell.copy(), self._progress.copy())

    def advance(self) -> bool:
        at = self._at
        if self.step == self._end:
            self._begin_window(self._end)
        before = (at.cell.copy(), self._progress.copy())
        r, places = at.recording, None
        if r.recorded or r.envelope:
            places = self._rows.places(self.step, self._end)
        status = self._solve(at.cell, self._progress, self._end, r.threshold, places)
        if self.step >= before[0]["step"][0] + 2:
            self._before = before
        self._ending = status
        try:
            helped = at.help(status)
        except NotTabulable as error:
            raise own_step_error(at.recording, self.state, self.step, error) from None
        return helped or status in (loops.Ending.DONE, loops.Ending.PAUSED)

    def _solve(
        self,
        cell: StructArray,
        progress: StructArray,
        stop: int,
        threshold: float,
        places: list[FloatArray] | None,
    ) -> int:
        at, r = self._at, self._at.recording
        nowhere = unwanted(self._end - int(cell["step"][0]))
        ending: int = loops.adaptive(
            cell,
            progress,
            at.parameters,
            *at.rates_arguments(),
            self._feed.window(self._begin, self._end),
            self._begin,
            r.dt,
            r.rtol,
            r.atol,
            self._mark,
            self.CHUNK,
            stop,
            places is not None,
            threshold,
            at.spike_room,
            *(places or [nowhere] * len(TRACES)),
        )
        return ending

    @property
    def resumable(self) -> bool:
        return self.step == self._end and self.step % self._mark == 0

    def numbers(self) -> dict[str, float]:
        return self._at.numbers()

    def forget_spikes(self, number: int) -> None:
        self._at.forget_spikes(number)

    def leave(self) -> None:
        """Put the model at the last row that is behind the solver."""
        row = self.step
        if row and self._progress["at_row"][0] < 2:
            cell, progress = (part.copy() for part in self._before)
            while cell["step"][0] < row:  # its spikes are known
                self._at.help(self._solve(cell, progress, row, np.inf, None))
            cell["spikes"] = self._at.cell["spikes"]
            self._at.cell = cell  # the solver's own state, which an error names, stays
        self._at.leave()

    def error(self, start: State) -> Exception:
        p = self._progress[0]
        time = float(p["begin"] * self._at.recording.dt + p["elapsed"])
        tolerances = f"rtol={self._at.recording.rtol:g} and atol={self._at.recording.atol:g}"
        why = {
            loops.Ending.STEP_TOO_SMALL: f"no step of {loops.SMALLEST_STEP:g} ms or more meets "
            f"{tolerances}",
            loops.Ending.TOO_MANY_STEPS: f"{tolerances} need more than "
            f"{loops.MAX_STEPS_PER_MS:,} steps for a millisecond",
        }[self._ending]
        return stuck_error(self._at.model, start, self.state, self.step, time, why)

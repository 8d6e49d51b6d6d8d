"""Compiled steps whose length follows the error; the method is in src/adaptive.h."""

import numpy as np

from pyhh_fast import validation
from pyhh_fast.engine.compiled_stepper import CompiledStepper
from pyhh_fast.engine.kernels import NO_CONDUCTANCE, loops, struct
from pyhh_fast.engine.sampling import Buffers
from pyhh_fast.recording import State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import StructArray

RESTART_INTERVAL = 100.0
"""Time between the points at which a run may end and be continued, in ms: whole rows nearest."""


def loop_settings(settings: RunSettings, attempts: int) -> StructArray:
    """Return the settings of a run as the time loop takes them, for so many attempts a call."""
    steps = round(min(RESTART_INTERVAL / settings.dt, validation.MOST_STEPS))
    return struct(
        loops.ADAPTIVE_SETTINGS,
        dt=settings.dt,
        rtol=settings.rtol,
        atol=settings.atol,
        threshold=settings.threshold,
        restart_every=max(1, steps),
        max_attempts=attempts,
    )


class AdaptiveStepper(CompiledStepper):
    """Steps as long as rtol and atol allow; rows, at multiples of dt, are interpolated."""

    CHUNK = 32_768  # attempts; some 5 ms

    WINDOW = 262_144
    """Rows of which the stimulus is read at once, to the next restart point."""

    def _prepare(self) -> None:
        self._loop_settings = loop_settings(self.settings, self.CHUNK)
        self._restart_every = int(self._loop_settings["restart_every"][0])
        self._ending = loops.Ending.DONE
        # A run is continued from a restart point. The currents of row 0 are not known yet.
        begin = self.step
        last_row = loops.LastRow.WHOLE if begin else loops.LastRow.STATE
        self._progress = struct(loops.ADAPTIVE_RUN, begin=begin, end=begin, last_row=last_row)
        fields = self.compiled.fields
        fields.put_state(self._progress, fields.state(self._record))
        self._begin_window(begin)

    @property
    def state(self) -> State:
        return self.compiled.fields.state(self._progress)

    def _begin_window(self, begin: int) -> None:
        """Begin a window of the stimulus at row `begin`, where the solver is.

        It ends at a later restart point or at the end of the run. The last one begins at the last
        restart point, so that all that led there stays the same when the run is continued.
        """
        steps = self.read_ahead.steps
        length = max(self._restart_every, self.WINDOW - self.WINDOW % self._restart_every)
        end = min(begin + length, steps - steps % self._restart_every)
        self._progress["window"], self._end = begin, end if end > begin else steps
        # Where the loop skipped the last row, it can be computed again from here: where the call
        # began that completed the last two rows. Those at the end of a window are not skipped.
        self._before = (self._record.copy(), self._progress.copy())

    def advance(self) -> bool:
        if self.step == self._end:
            self._begin_window(self._end)
        before = (self._record.copy(), self._progress.copy())
        buffers = None
        if self.settings.needs_rows:
            buffers = self.sink.buffers(self.step, self._end)
        ended, missing_V = self._run_loop(
            self._record, self._progress, self._end, self._loop_settings, buffers
        )
        if self.step >= before[0]["step"][0] + 2:
            self._before = before
        self._ending = ended
        served = self._serve(ended, missing_V)
        return served or ended in (loops.Ending.DONE, loops.Ending.PAUSED)

    def _run_loop(
        self,
        record: StructArray,
        progress: StructArray,
        stop: int,
        settings: StructArray,
        buffers: Buffers | None,
    ) -> tuple[int, float]:
        window = int(progress["window"][0]), self._end
        I, G = self.read_ahead.window(*window), self.read_ahead.conductances(*window)  # noqa: E741
        neuron = self.compiled.membrane, self.compiled.rates()
        ended: tuple[int, float] = loops.adaptive(
            settings,
            record,
            progress,
            *neuron,
            I,
            NO_CONDUCTANCE if G is None else G,
            stop,
            self._spike_buffer,
            buffers,
        )
        return ended

    @property
    def resumable(self) -> bool:
        return self.step == self._end and self.step % self._restart_every == 0

    def write_back(self) -> None:
        row = self.step
        if row and self._progress["last_row"][0] != loops.LastRow.WHOLE:
            record, progress = (part.copy() for part in self._before)
            settings = self._loop_settings.copy()
            settings["threshold"] = np.inf  # its spikes are known
            while record["step"][0] < row:
                self._serve(*self._run_loop(record, progress, row, settings, None))
            record["spikes"] = self._record["spikes"]
            self._record = record  # the solver's own state, which an error names, stays
        super().write_back()

    def error(self, start: State) -> Exception:
        p = self._progress[0]
        time = float(p["begin"] * self.settings.dt + p["elapsed"])
        tolerances = f"rtol={self.settings.rtol:g} and atol={self.settings.atol:g}"
        why = {
            loops.Ending.STEP_TOO_SMALL: f"no step of {loops.SMALLEST_STEP:g} ms or more meets "
            f"{tolerances}",
            loops.Ending.TOO_MANY_STEPS: f"{tolerances} need more than "
            f"{loops.MAX_STEPS_PER_MS:,} steps for a millisecond",
        }[self._ending]
        return self.compiled.stuck_error(start, self.state, self.step, time, why)

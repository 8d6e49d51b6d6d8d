"""Steps of many cells by the adaptive method, one cell after the other."""

import itertools
import math
import time
from threading import Lock

import numpy as np

from pyhh_fast.engine.adaptive_stepper import AdaptiveStepper, loop_settings
from pyhh_fast.engine.kernels import NO_CONDUCTANCE, loops, struct
from pyhh_fast.engine.populations.stepper import SHARES, PopulationStepper
from pyhh_fast.features.plan import Progress
from pyhh_fast.recording import State
from pyhh_fast.system.schedule import Task
from pyhh_fast.typing import FloatArray, IntArray
from pyhh_fast.variables import POTENTIAL

ADAPTIVE_MS = 3e-6
"""Seconds of a millisecond of a cell by the adaptive method, before any was measured."""

ADAPTIVE_CHUNK = 1.0
"""Seconds of a chunk of it, which is no shorter than from one restart point to the next."""


class AdaptivePopulationStepper(PopulationStepper):
    """Makes them by the adaptive method, cell by cell, each as a Simulation of it does.

    Chunks begin at restart points, where the state of a cell decides all that follows.
    """

    def _prepare(self, cells: IntArray) -> list[float]:
        s = self._run_settings
        self._settings = loop_settings(s, AdaptiveStepper.CHUNK)
        self._lock = Lock()
        self._rows: dict[int, list[int]] = {}  # of the traces of a cell
        for row, cell in enumerate(cells.tolist()):
            self._rows.setdefault(cell, []).append(row)
        shares = min(self._size, 4 * SHARES * self._threads)
        borders = [self._size * i // max(shares, 1) for i in range(shares + 1)]
        self._shares = [range(first, last) for first, last in itertools.pairwise(borders)]
        return [ADAPTIVE_MS * s.dt * len(cells) for cells in self._shares]

    def _end_of_chunk(self, start: int) -> int:
        every = int(self._settings["restart_every"][0])
        steps = ADAPTIVE_CHUNK * self._threads / sum(self._seconds)
        steps = int(min(steps, AdaptiveStepper.WINDOW)) // every * every
        return min(start + max(steps, every), self._steps)

    def _call(self, task: Task) -> None:
        begin = time.perf_counter()
        for cell in self._shares[task.share]:
            spikes = self._solve(cell, task)
            if spikes.size:
                found = np.empty(spikes.size, loops.SPIKE)
                found["cell"], found["time"] = cell, spikes
                self._spike_chunks.append((task.chunk, found))
        seconds = max(time.perf_counter() - begin, 1e-9)
        self._seconds[task.share] = seconds / (task.stop - task.start)

    def _solve(self, cell: int, task: Task) -> FloatArray:
        """Make the steps of a task with a cell; return the times of its spikes."""
        s, (before, after) = self._run_settings, (self._known[task.chunk + i] for i in range(2))
        names = {*s.record} if cell in self._rows else set()
        if before.progress is not None:
            names.add(POTENTIAL.name)
        rows = {name: np.empty(task.stop - task.start) for name in s.variables if name in names}
        state: State = before.cells[cell].item()
        end, spikes = task.start, np.empty(0)
        if np.isfinite(state).all():
            one = range(cell, cell + 1), task.start, task.stop
            I, G = self._stimulus.values(*one)[0], self._stimulus.conductances(*one)  # noqa: E741
            state, end, spikes = self._run(
                cell, state, task.start, I, NO_CONDUCTANCE if G is None else G[0], rows
            )
        if end < task.stop:  # it was lost
            state = (math.nan,) * len(state)
            for values in rows.values():
                values[end - task.start :] = np.nan
            if self.diverged_at[cell] < 0:
                self.diverged_at[cell] = end
        after.cells[cell] = state
        self._keep(cell, task, rows)
        if before.progress is not None and after.progress is not None:
            assert self._plan is not None
            own = Progress(*(values[cell : cell + 1] for values in before.progress))
            own = self._plan.taken(own, rows[POTENTIAL.name][np.newaxis], task.start)
            for values, of_cell in zip(after.progress, own, strict=True):
                values[cell] = of_cell[0]
        return spikes

    def _run(
        self,
        cell: int,
        state: State,
        start: int,
        I: FloatArray,  # noqa: E741
        G: FloatArray,
        rows: dict[str, FloatArray],
    ) -> tuple[State, int, FloatArray]:
        """Solve from a restart point on to the end of I; return the state, step and spikes then."""
        with self._lock:  # custom rates may be evaluated
            compiled = self._compiled.cell(cell, state)
        record = struct(loops.RECORD, step=start)
        progress = struct(
            loops.ADAPTIVE_RUN, window=start, begin=start, end=start, last_row=loops.LastRow.STATE
        )
        for where in (record, progress):
            compiled.fields.put_state(where, state)
        I, G = (x if x.strides[0] == 0 else np.ascontiguousarray(x) for x in (I, G))  # noqa: E741
        stop, spikes, ended = start + I.size, np.empty(64), loops.Ending.PAUSED
        while ended in (loops.Ending.PAUSED, loops.Ending.SPIKES_FULL, loops.Ending.RATES_MISSING):
            self._schedule.check()
            made = int(record["step"][0])
            left = {name: values[made - start :] for name, values in rows.items()}
            ended, missing_V = loops.adaptive(
                self._settings,
                record,
                progress,
                compiled.membrane,
                compiled.rates(),
                I,
                G,
                stop,
                spikes,
                tuple(map(left.get, self._run_settings.variables)) if rows else None,
            )
            if ended == loops.Ending.SPIKES_FULL:
                spikes = np.concatenate([spikes, np.empty(spikes.size)])
            elif ended == loops.Ending.RATES_MISSING:
                with self._lock:
                    if not compiled.find_rates(missing_V):
                        break
        end = int(record["step"][0])
        spikes = spikes[: record["spikes"][0]]
        # Not those of an incomplete step, as of a Simulation.
        spikes = spikes[spikes <= (end + 1e-6) * self._run_settings.dt]
        return compiled.fields.state(record), end, spikes

    def _keep(self, cell: int, task: Task, rows: dict[str, FloatArray]) -> None:
        """Write what is recorded of a task into the traces."""
        s = self._run_settings
        samples = slice(s.rows(task.start), s.rows(task.stop))
        for trace in self._rows.get(cell, ()):
            for number, name in enumerate(s.record):
                self.traces[number, trace, samples] = rows[name][-task.start % s.every :: s.every]

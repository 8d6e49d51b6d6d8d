"""Steps of many cells, for `run.py`, in chunks of time and by several threads.

Cells are the lanes of a time loop or, by the adaptive method, solved one by one. Each call of the
loop reads the states of some cells from before a chunk and writes those after it into another
array. So it can be repeated, with a longer array for spikes or a wider table, and Ctrl-C may drop
what some cells have made beyond the last chunk that all have.
"""

import itertools
import math
import time
from typing import Any, NamedTuple

import numpy as np

from pyhh_fast.engine.compiled_model import CompiledCells, SingleCells, columns
from pyhh_fast.engine.kernels import NO_CONDUCTANCES, loops, struct
from pyhh_fast.engine.read_ahead import CellStimulus
from pyhh_fast.features.plan import Progress, Spikes
from pyhh_fast.methods import METHODS
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays, free_memory
from pyhh_fast.system.schedule import Schedule, Task
from pyhh_fast.typing import FloatArray, IntArray, StructArray

CALL = 0.05
"""Seconds that a call of the time loop may take, so that Ctrl-C interrupts soon."""

CHUNK = 0.2
"""Seconds that a chunk may take, so that Ctrl-C drops little."""

ONE_CHUNK = 0.05
"""Seconds of a run that is one chunk."""

LAST_CHUNK = 0.01
"""Seconds of the last chunk of a longer one. Chunks before it are half of what is left, so that its
last tasks are short, and no thread is long at the last."""

STEP = 0.8e-9
"""Seconds of a step of a cell, by V, gate, and order of the method, before any was measured."""

SHORTEST, LONGEST = 8, 2**20
"""Steps of a chunk."""

INTERVAL = 4.0
"""Milliseconds from one spike to the next at which the array for spikes takes all."""

GROUP = 8
"""Cells that the time loop steps as the lanes of a vector."""

SHARES = 8
"""Shares of the cells for each thread, so that at the end none waits long for the others."""


class Known(NamedTuple):
    """What is known of all cells between two chunks: V (mV) and gates, and what features need."""

    cells: StructArray
    progress: Progress | None


class PopulationStepper:
    """Makes the steps of one run of many cells.

    Attributes
    ----------
    traces : ndarray, shape (recorded variables, cells, samples)
    diverged_at : ndarray of int, shape (size,)
        The step at which a cell diverged, or -1.

    Parameters
    ----------
    compiled : CompiledCells, or of the adaptive method SingleCells
    cells : ndarray of int
        Those whose traces are kept.
    state : structured array, shape (size,)
        V (mV) and gates of each cell at the start. It is not changed.
    stimulus : CellStimulus
    """

    def __init__(
        self,
        settings: RunSettings,
        compiled: CompiledCells | SingleCells,
        state: StructArray,
        stimulus: CellStimulus,
        cells: IntArray,
        threads: int,
    ) -> None:
        s = self._run_settings = settings
        self._compiled: Any = compiled
        self._stimulus = stimulus
        self._size, self._steps = stimulus.shape
        shape = (len(s.record), cells.size, s.rows(self._steps))
        free_memory.check(
            8 * math.prod(shape),
            "the traces of a population",
            "Keep fewer traces by record=, fewer cells by cells=, or every k-th step by every=.",
        )
        self.traces = np.empty(shape)
        self.diverged_at: IntArray = np.full(self._size, -1, dtype=np.int64)
        self._plan, self._compiled_plan, progress = s.plan(), None, None
        if self._plan and self._plan.needs_V:
            need = 24 * self._size * (self._plan.compiled.numbers + self._plan.compiled.history)
            free_memory.check(need, "the features of a population", "Run fewer cells at once.")
            self._compiled_plan = loops.FeaturePlan(*self._plan.arrays)
            progress = self._plan.begin(self._size)
        self._spike_chunks: list[tuple[int, StructArray]] = []  # with the number of the chunk
        self._spike_buffers: list[StructArray] = []  # that no call is using
        # By the number of the chunk before which they are.
        self._known = {0: Known(state, progress)}
        self._threads = threads
        self._seconds = self._prepare(cells)
        self._schedule = Schedule(len(self._shares), self._steps, self._begin_chunk, self._call)

    def _prepare(self, cells: IntArray) -> list[float]:
        """Divide the cells into shares; return how long a step of each takes, in seconds."""
        s = self._run_settings
        self._shares, block = shares_of(self._size, self._threads)
        order = np.argsort(cells, kind="stable")
        variables = np.array([list(s.variables).index(name) for name in s.record], dtype=np.int64)
        rows = order.astype(np.int64)
        self._samples = loops.Samples(cells[order], rows, variables, s.every, self.traces)
        self._settings = struct(
            loops.POPULATION_SETTINGS,
            method=loops.Method[s.method],
            built_in=self._compiled.built_in,
            block_size=block,
            dt=s.dt,
            threshold=s.threshold,
            largest_V=self._compiled.largest_V,
        )
        of_cell = STEP * len(columns(self._known[0].cells)) * METHODS[s.method].order
        return [of_cell * len(cells) for cells in self._shares]

    @property
    def step(self) -> int:
        """How many steps all cells have made."""
        return self._schedule.complete[1]

    @property
    def state(self) -> StructArray:
        """V (mV) and gates of all cells after these steps."""
        return self._known[self._schedule.complete[0]].cells

    def spikes(self) -> tuple[IntArray, FloatArray]:
        """Return how often each cell has fired, and when, by cell and then by time."""
        complete = self._schedule.complete[0]
        chunks = [found for chunk, found in self._spike_chunks if chunk < complete]
        counts = np.zeros(self._size, dtype=np.int64)
        for chunk in chunks:
            first = chunk["cell"].min()
            found = np.bincount(chunk["cell"] - first)
            counts[first : first + found.size] += found
        next_place = np.cumsum(counts) - counts
        times = np.empty(int(counts.sum()))
        for chunk in chunks:
            loops.order_spikes(chunk, next_place, times)
        return counts, times

    def features(self, spikes: tuple[IntArray, FloatArray]) -> dict[str, FloatArray]:
        """Return the features of each cell, whose spikes are those that :meth:`spikes` returns."""
        chunks, step = self._schedule.complete
        progress = self._known[chunks].progress
        if self._plan is None:
            return {}
        if progress is None:
            progress = self._plan.begin(self._size)
        counts, times = spikes
        rows = np.where(self.diverged_at < 0, step, np.minimum(self.diverged_at, step))
        of_cells = Spikes(np.repeat(np.arange(self._size), counts), times)
        return self._plan.values(progress, of_cells, rows)

    def run_steps(self, bar: Any) -> None:
        """Make all steps; `bar` is a context with a progress bar, or with None."""
        with bar as shown:

            def show() -> None:
                if shown is not None:
                    shown.update(self.step - shown.n)

            try:
                self._schedule.run(self._threads, show)
            finally:
                complete = self._schedule.complete[0]
                self._known = {complete: self._known[complete]}

    def _begin_chunk(self, start: int) -> int:
        """Make ready for a chunk; return the step at which it ends."""
        chunk, complete = max(self._known), self._schedule.complete[0]
        cells, progress = self._known[chunk]
        spare = None
        while (old := min(self._known)) < complete:
            unused = self._known.pop(old)
            spare = unused if old else None  # the state at the start is not changed
        if spare is None:
            spare = Known(aligned_arrays.structs(cells), progress and progress.copy())
        self._known[chunk + 1] = spare
        stop = self._end_of_chunk(start)
        self._stimulus.begin(start, stop)
        return stop

    def _end_of_chunk(self, start: int) -> int:
        left, seconds = self._steps - start, sum(self._seconds) / self._threads
        steps = left
        if seconds * left > (LAST_CHUNK if start else ONE_CHUNK):
            steps = max(left // 2, int(LAST_CHUNK / seconds))
            steps = int(min(steps, CALL / max(self._seconds), CHUNK / seconds))
        most = self._stimulus.most_steps(max(map(len, self._shares)))
        return start + min(max(steps, SHORTEST), LONGEST, most, left)

    def _call(self, task: Task) -> None:
        """Make the steps of a task."""
        begin = time.perf_counter()
        steps, cells = task.stop - task.start, self._shares[task.share]
        values = self._stimulus.values(cells, task.start, task.stop)
        conductances = self._stimulus.conductances(cells, task.start, task.stop)
        before, after = self._known[task.chunk], self._known[task.chunk + 1]
        features = None
        if before.progress is not None and after.progress is not None:
            features = loops.Features(self._compiled_plan, *before.progress, *after.progress)
        # More than cells fire, because a call whose buffer is full is repeated.
        enough = int(len(cells) * (2 + steps * min(1.0, self._run_settings.dt / INTERVAL)))
        buffer = self._spike_buffer()
        ended = None
        while ended != loops.Ending.DONE:
            if buffer.size < enough:
                buffer = np.empty(enough, loops.SPIKE)
            ended, missing_V, spikes = loops.population(
                *self._cells_of(task),
                values,
                NO_CONDUCTANCES if conductances is None else conductances,
                task.start,
                cells,
                buffer,
                self._samples,
                features,
            )
            if ended == loops.Ending.SPIKES_FULL:
                enough = 2 * buffer.size
            elif ended == loops.Ending.RATES_MISSING:
                self._compiled.find_rates(missing_V)
        found = buffer[:spikes]
        found = found[~np.isnan(found["time"])]  # a copy; of cells that diverge, times may be NaN
        if found.size:
            self._spike_chunks.append((task.chunk, found))
        self._spike_buffers.append(buffer)
        self._seconds[task.share] = max(time.perf_counter() - begin, 1e-9) / steps

    def _cells_of(self, task: Task) -> tuple[Any, ...]:
        """Return what a time loop takes of the cells, before and after a task."""
        before, after = self._known[task.chunk].cells, self._known[task.chunk + 1].cells
        compiled = self._compiled
        return (
            *(self._settings, compiled.membrane, compiled.parameters, compiled.rates()),
            *(columns(before), columns(after), self.diverged_at),
        )

    def _spike_buffer(self) -> StructArray:
        """Return one that no call is using."""
        try:
            return self._spike_buffers.pop()
        except IndexError:
            return np.empty(0, loops.SPIKE)


def shares_of(size: int, threads: int) -> tuple[list[range], int]:
    """Divide cells into shares of about the same size; return them and the cells of a block.

    The time loop takes groups of eight cells, in blocks; whole blocks of most cells are fastest.
    """
    groups = -(-size // GROUP)
    shares = -(-groups * GROUP // loops.BLOCK)  # of a block
    shares = min(-(-shares // threads) * threads, SHARES * max(threads, 2), groups)
    borders = [GROUP * (groups * i // max(shares, 1)) for i in range(shares)] + [size]
    cells = [range(first, last) for first, last in itertools.pairwise(borders)]
    longest = max(map(len, cells), default=1)
    blocks = -(-longest // loops.BLOCK)
    return cells, GROUP * -(-longest // (GROUP * blocks))

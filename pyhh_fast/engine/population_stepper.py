"""Steps of many cells, for `population_run`: in chunks of time, each by several threads.

A chunk counts once all cells have made its steps, so that all cells are always at the same step.
Each call of the time loop reads the states of some cells from before the chunk and writes those
after it into another array. So it can be repeated, with a longer array for spikes or a wider table,
and Ctrl-C may drop it.
"""

import contextlib
import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast.engine.compiled_model import CompiledCells, columns
from pyhh_fast.engine.kernels import loops, struct
from pyhh_fast.engine.read_ahead import CellStimulus
from pyhh_fast.features.plan import Progress, Spikes
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays, free_memory
from pyhh_fast.typing import FloatArray, IntArray, StructArray

CALL = 0.04
"""Seconds that a call of the time loop may take, so that Ctrl-C interrupts soon."""

CHUNK = 0.2
"""Seconds that a chunk may take, so that Ctrl-C drops little."""

FIRST_CHUNK = 2_000_000
"""Steps of all cells together in the first chunk, before any time was measured."""

SHORTEST, LONGEST = 8, 65_536
"""Steps of a chunk."""

INTERVAL = 4.0
"""Milliseconds from one spike to the next at which the array for spikes takes all."""

CALLS = 8
"""Calls for each thread in a chunk, so that none waits long for the others."""

if TYPE_CHECKING:
    from pyhh_fast.system.background import Workers


class PopulationStepper:
    """Makes the steps of one run of many cells.

    Attributes
    ----------
    traces : ndarray, shape (recorded variables, cells, samples)
    diverged_at : ndarray of int, shape (size,)
        The step at which a cell diverged, or -1.

    Parameters
    ----------
    compiled : CompiledCells
    cells : ndarray of int
        Those whose traces are kept.
    state : structured array, shape (size,)
        V (mV) and gates of each cell at the start. It is not changed.
    stimulus : CellStimulus
    """

    def __init__(
        self,
        settings: RunSettings,
        compiled: CompiledCells,
        state: StructArray,
        stimulus: CellStimulus,
        cells: IntArray,
        threads: int,
    ) -> None:
        s = self._run_settings = settings
        self._compiled, self._stimulus = compiled, stimulus
        self._size, self._steps = stimulus.shape
        shape = (len(s.record), cells.size, s.rows(self._steps))
        free_memory.check(
            8 * math.prod(shape),
            "the traces of a population",
            "Keep fewer traces by record=, fewer cells by cells=, or every k-th step by every=.",
        )
        self.traces = np.empty(shape)
        self.diverged_at: IntArray = np.full(self._size, -1, dtype=np.int64)
        self._spike_chunks: list[StructArray] = []
        self._plan, self._compiled_plan = s.plan(), None
        progress = self._next_progress = None
        if self._plan and self._plan.needs_V:
            need = 16 * self._size * (self._plan.compiled.numbers + self._plan.compiled.history)
            free_memory.check(need, "the features of a population", "Run fewer cells at once.")
            self._compiled_plan = loops.FeaturePlan(*self._plan.arrays)
            progress, self._next_progress = (self._plan.begin(self._size) for _ in range(2))
        # Steps that all cells have made, states after them, chunks of spikes, what is known of
        # features: one tuple, so that Ctrl-C finds either all of a chunk or none of it.
        self._complete: tuple[int, StructArray, int, Progress | None] = (0, state, 0, progress)
        # Two, because `state` is not changed, and that before a chunk is needed until it ends.
        self._next_state = aligned_arrays.structs(state)
        self._last_state = aligned_arrays.structs(state)
        self._threads = threads
        size = max(self._size, 1)
        self._block = min(loops.BLOCK, 8 * -(-size // (8 * threads)))
        blocks = -(-size // self._block)
        per_call = self._block * -(-blocks // (CALLS * threads))
        self._calls = [
            range(first, min(first + per_call, self._size))
            for first in range(0, self._size, per_call)
        ]
        self._chunk = min(max(FIRST_CHUNK // size, SHORTEST), LONGEST)
        self._spike_buffers = [np.empty(1, loops.SPIKE)] * len(self._calls)
        order = np.argsort(cells, kind="stable")
        variables = np.array([list(s.variables).index(name) for name in s.record], dtype=np.int64)
        rows = order.astype(np.int64)
        self._samples = loops.Samples(cells[order], rows, variables, s.every, self.traces)
        self._settings = struct(
            loops.POPULATION_SETTINGS,
            method=loops.Method[s.method],
            built_in=compiled.built_in,
            block_size=self._block,
            dt=s.dt,
            threshold=s.threshold,
            largest_V=compiled.largest_V,
        )

    @property
    def step(self) -> int:
        """How many steps all cells have made."""
        return self._complete[0]

    @property
    def state(self) -> StructArray:
        """V (mV) and gates of all cells after these steps."""
        return self._complete[1]

    def spikes(self) -> tuple[IntArray, FloatArray]:
        """Return how often each cell has fired, and when, by cell and then by time."""
        chunks = self._spike_chunks[: self._complete[2]]
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
        step, _, _, progress = self._complete
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
        with bar as shown, _pool(self._threads) as pool:
            while (done := self.step) < self._steps:
                self.advance(pool)
                if shown is not None:
                    shown.update(self.step - done)

    def advance(self, pool: "Workers | None") -> None:
        """Make the steps of a chunk."""
        step, _, _, last_progress = self._complete
        most = self._stimulus.most_steps(max(map(len, self._calls), default=1))
        steps = min(self._chunk, self._steps - step, most)
        self._stimulus.begin(step, step + steps)
        start = time.perf_counter()
        numbers = range(len(self._calls))
        found: Iterable[StructArray]
        if pool is None:
            found = [self._call(number, steps) for number in numbers]
        else:
            jobs = [pool.submit(self._call, number, steps) for number in numbers]
            try:
                found = [job.result() for job in jobs]
            finally:
                for job in jobs:
                    job.cancel()
        self._spike_chunks += [chunk for chunk in found if chunk.size]
        self._stimulus.end()
        chunks = len(self._spike_chunks)
        self._complete = (step + steps, self._next_state, chunks, self._next_progress)
        self._next_progress = last_progress
        self._next_state, self._last_state = self._last_state, self._next_state
        took = max(time.perf_counter() - start, 1e-9)
        longest = min(CHUNK, CALL * len(self._calls) / self._threads)
        self._chunk = int(min(max(steps * min(longest / took, 16), SHORTEST), LONGEST))

    def _call(self, number: int, steps: int) -> StructArray:
        """Make the steps of a chunk with the cells of one call; return their spikes."""
        step, state, _, progress = self._complete
        cells = self._calls[number]
        values = self._stimulus.values(cells)
        features = None
        if progress is not None and self._next_progress is not None:
            features = loops.Features(self._compiled_plan, *progress, *self._next_progress)
        # More than cells fire, because a call whose buffer is full is repeated.
        enough = int(len(cells) * (2 + steps * min(1.0, self._run_settings.dt / INTERVAL)))
        if self._spike_buffers[number].size < enough:
            self._spike_buffers[number] = np.empty(enough, loops.SPIKE)
        while True:
            buffer = self._spike_buffers[number]
            ended, missing_V, spikes = loops.population(
                self._settings,
                self._compiled.membrane,
                self._compiled.parameters,
                self._compiled.rates(),
                columns(state),
                columns(self._next_state),
                self.diverged_at,
                values,
                step,
                cells,
                buffer,
                self._samples,
                features,
            )
            if ended == loops.Ending.DONE:
                return buffer[:spikes].copy()
            if ended == loops.Ending.SPIKES_FULL:
                self._spike_buffers[number] = np.empty(2 * buffer.size, loops.SPIKE)
            else:
                self._compiled.find_rates(missing_V)


def _pool(threads: int) -> Any:
    """Return a context with threads, or with None where the caller's thread is enough."""
    if threads == 1:
        return contextlib.nullcontext()
    from pyhh_fast.system.background import Workers  # here, because one cell needs none

    return Workers(threads, "pyhh_fast population")

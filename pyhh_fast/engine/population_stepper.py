"""Steps of many cells: in chunks of time, and in each by several threads.

A chunk counts once all cells have made it, so the cells always stand at one step. Each call of the
time loop takes its cells from where the chunk began, and writes where they end beside it: it can be
made again, with more room or a longer table, or dropped by Ctrl-C.
"""

import contextlib
import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast._rate_tables import LINE
from pyhh_fast.engine.kernels import loops, struct
from pyhh_fast.engine.read_ahead import SharedStimulus
from pyhh_fast.kinetics.protocol import Kinetics
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays, free_memory
from pyhh_fast.typing import FloatArray, IntArray, StructArray
from pyhh_fast.variables import TRACES

CALL = 0.04
"""Seconds that a call of the time loop may take, so that Ctrl-C is heard soon."""

CHUNK = 0.2
"""Seconds that a chunk may take, so that Ctrl-C drops little."""

FIRST = 2_000_000
"""Steps of all cells together in the first chunk, of which no time is known yet."""

SHORTEST, LONGEST = 8, 65_536
"""Steps of a chunk."""

MOST_OFTEN = 4.0
"""Milliseconds from one spike to the next at which there is room for all."""

CALLS = 8
"""Calls for each thread in a chunk, so that none waits long for the others."""

if TYPE_CHECKING:
    from pyhh_fast.system.background import Workers


class PopulationStepper:
    """Makes the steps of one run.

    Attributes
    ----------
    traces : ndarray, shape (recorded variables, cells, samples)
    diverged_at : ndarray of int, shape (size,)
        The step at which a cell diverged, or -1.

    Parameters
    ----------
    parameters : structured array, shape (size,)
    cells : ndarray of int
        Those whose traces are kept.
    state : structured array, shape (size,)
        V (mV) and gates of each cell at the start. It is not changed.
    stimulus : ndarray, shape (size, steps), or SharedStimulus, µA/cm²
        With any strides.
    """

    def __init__(
        self,
        settings: RunSettings,
        parameters: StructArray,
        state: StructArray,
        stimulus: FloatArray | SharedStimulus,
        cells: IntArray,
        kinetics: Kinetics,
        threads: int,
    ) -> None:
        from threading import Lock  # here, because importing the package needs none

        s = self._run_settings = settings
        self._parameters, self._stimulus = parameters, stimulus
        self._size, self._steps = stimulus.shape
        shape = (len(s.record), cells.size, s.rows(self._steps))
        free_memory.check(
            8 * math.prod(shape),
            "the traces of a population",
            "Keep fewer traces by record=, fewer cells by cells=, or every k-th step by every=.",
        )
        self.traces = np.empty(shape)
        self.diverged_at: IntArray = np.full(self._size, -1, dtype=np.int64)
        self._values: FloatArray  # those of the chunk
        self._kinetics = kinetics
        self._table = kinetics.table_for_cells()
        self._table_lock = Lock()
        # How many steps are whole, where they led, and the spikes on the way: replaced at once.
        self._parts: list[StructArray] = []
        self._whole = (0, state, 0)
        self._spare = aligned_arrays.structs(state)
        self._other = aligned_arrays.structs(state)
        self._threads = threads
        size = max(self._size, 1)
        self._block = min(loops.BLOCK, 8 * -(-size // (8 * threads)))
        blocks = -(-size // self._block)
        per_call = self._block * -(-blocks // (CALLS * threads))
        self._calls = [
            (first, min(first + per_call, self._size)) for first in range(0, self._size, per_call)
        ]
        self._chunk = min(max(FIRST // size, SHORTEST), LONGEST)
        self._rooms = [np.empty(1, loops.SPIKE)] * len(self._calls)
        order = np.argsort(cells, kind="stable")
        variables = np.array([TRACES.index(name) for name in s.record], dtype=np.int64)
        rows = order.astype(np.int64)
        self._samples = loops.Samples(cells[order], rows, variables, s.every, self.traces)
        self._settings = struct(
            loops.POPULATION_SETTINGS,
            method=loops.Method[s.method],
            built_in=kinetics.built_in,
            block_size=self._block,
            dt=s.dt,
            threshold=s.threshold,
            largest_V=rate_tables.LARGEST_V,
        )

    @property
    def step(self) -> int:
        """How many steps are whole."""
        return self._whole[0]

    @property
    def state(self) -> StructArray:
        """V (mV) and gates of all cells after them."""
        return self._whole[1]

    def spikes(self) -> tuple[np.ndarray, FloatArray]:
        """Return how often each cell has fired, and when, by cell and then by time."""
        parts = self._parts[: self._whole[2]]
        counts = np.zeros(self._size, dtype=np.int64)
        for part in parts:
            first = part["cell"].min()
            found = np.bincount(part["cell"] - first)
            counts[first : first + found.size] += found
        next_place = np.cumsum(counts) - counts
        times = np.empty(int(counts.sum()))
        for part in parts:
            loops.order_spikes(part, next_place, times)
        return counts, times

    def make_all(self, bar: Any) -> None:
        """Make all steps; `bar` is a context with a progress bar, or with None."""
        with bar as shown, _pool(self._threads) as pool:
            while (done := self.step) < self._steps:
                self.advance(pool)
                if shown is not None:
                    shown.update(self.step - done)

    def advance(self, pool: "Workers | None") -> None:
        """Make the steps of a chunk."""
        step, _, _ = self._whole
        steps = min(self._chunk, self._steps - step)
        self._values = self._stimulus_from(step, step + steps)
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
        self._parts += [part for part in found if part.size]
        self._whole = (step + steps, self._spare, len(self._parts))
        self._spare, self._other = self._other, self._spare
        took = max(time.perf_counter() - start, 1e-9)
        longest = min(CHUNK, CALL * len(self._calls) / self._threads)
        self._chunk = int(min(max(steps * min(longest / took, 16), SHORTEST), LONGEST))

    def _stimulus_from(self, start: int, stop: int) -> FloatArray:
        if isinstance(self._stimulus, SharedStimulus):
            return self._stimulus.window(start, stop)
        return self._stimulus[:, start:stop]

    def _call(self, number: int, steps: int) -> StructArray:
        """Make steps with the cells of one call, until they are made."""
        step, state, _ = self._whole
        first, last = self._calls[number]
        # More than cells fire, because to find the room full costs all that was made.
        enough = int((last - first) * (2 + steps * min(1.0, self._run_settings.dt / MOST_OFTEN)))
        if self._rooms[number].size < enough:
            self._rooms[number] = np.empty(enough, loops.SPIKE)
        while True:
            room = self._rooms[number]
            ended, missing_V, spikes = loops.population(
                self._settings,
                self._parameters,
                self._rates(),
                state,
                self._spare,
                self.diverged_at,
                self._values,
                step,
                range(first, last),
                room,
                self._samples,
            )
            if ended == loops.Ending.DONE:
                return room[:spikes].copy()
            if ended == loops.Ending.SPIKES_FULL:
                self._rooms[number] = np.empty(2 * room.size, loops.SPIKE)
            else:
                self._cover(missing_V)

    def _rates(self) -> Any:
        """Return the rates for the time loop."""
        s, t = self._run_settings, self._table
        rows = t.relaxing(s.dt) if s.method == "exponential_euler" else t.times(s.dt)
        return loops.Rates(rows, t.first, t.inverse_width, t.low, t.high, NONE_EVALUATED)

    def _cover(self, V: float) -> None:
        """Have a table that covers V; raise NotTabulable where none can."""
        with self._table_lock:
            if not self._table.low < V < self._table.high:
                self._table = self._kinetics.table(V)


def _pool(threads: int) -> Any:
    """Return a context with threads, or with None where the caller's thread is enough."""
    if threads == 1:
        return contextlib.nullcontext()
    from pyhh_fast.system.background import Workers  # here, because one cell needs none

    return Workers(threads, "pyhh_fast population")


NONE_EVALUATED = np.empty((0, LINE))

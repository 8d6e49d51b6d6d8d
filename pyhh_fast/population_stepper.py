"""Steps of many cells: in chunks of time, and in each by several threads.

A chunk counts once all cells have made it, so the cells always stand at one step. Each call of the
time loop takes its cells from where the chunk began, and writes where they end beside it: it can be
made again, with more room or a longer table, or dropped by Ctrl-C.
"""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast._rate_tables import LINE
from pyhh_fast.fixed_stepper import NUMBERS
from pyhh_fast.kernels import loops
from pyhh_fast.kinetics import BuiltIn, Own
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.recording import TRACES
from pyhh_fast.validation import FloatArray, StructArray

CHUNK = 0.05
"""Seconds that a chunk should take, so that little is lost to Ctrl-C."""

COST = {"euler": 2e-9, "exponential_euler": 1e-8, "rk4": 8e-9}
"""Seconds that a step of a cell takes, roughly."""

SHORTEST, LONGEST = 8, 65_536
"""Steps of a chunk."""

CALLS = 8
"""Calls for each thread in a chunk, so that none waits long for the others."""

Part = tuple[np.ndarray, FloatArray]
"""Cells and times of some spikes, those of one cell in order."""


class PopulationStepper:
    """Makes the steps of one run, and fills its recording.

    Parameters
    ----------
    state : structured array, shape (size,)
        V (mV), m, h, n of each cell at the start. It is not changed.
    stimulus : ndarray, shape (size, steps), µA/cm²
        With any strides.
    """

    def __init__(
        self,
        state: StructArray,
        stimulus: FloatArray,
        recording: PopulationRecording,
        kinetics: BuiltIn | Own,
        threads: int,
    ) -> None:
        r = self._recording = recording
        self._stimulus = stimulus
        self._kinetics = kinetics
        built_in = isinstance(kinetics, BuiltIn)
        self._tabulated = not built_in or r.method == "exponential_euler"
        self._built_in = built_in
        self._table = kinetics.table(0.0)
        self._table_lock = threading.Lock()
        # How many steps are whole, where they led, and the spikes on the way: replaced at once.
        self._parts: list[Part] = []
        self._whole = (0, state.copy(), 0)
        self._spare = state.copy()
        self._threads = threads
        per_thread = -(-r.size // threads)
        self._block = min(loops.BLOCK, 8 * -(-per_thread // 8)) if r.size else loops.BLOCK
        blocks = -(-r.size // self._block)
        per_call = self._block * -(-blocks // (CALLS * threads))
        self._calls = [
            (first, min(first + per_call, r.size)) for first in range(0, r.size, per_call)
        ]
        seconds = max(r.size, 64) * COST[r.method] * (1 if built_in else 4) / threads
        self.chunk = int(min(max(CHUNK / seconds, SHORTEST), LONGEST))
        spikes = [int((last - first) * (2 + self.chunk * r.dt / 5)) for first, last in self._calls]
        self._rooms = [(np.empty(n, np.int32), np.empty(n)) for n in spikes]
        order = np.argsort(r.cells, kind="stable")
        self._recorded = r.cells[order], order.astype(np.int64)
        self._variables = np.array([TRACES.index(name) for name in r.recorded], dtype=np.int64)

    @property
    def step(self) -> int:
        """How many steps are whole."""
        return self._whole[0]

    @property
    def state(self) -> StructArray:
        """V (mV), m, h and n of all cells after them."""
        return self._whole[1]

    def spikes(self) -> Part:
        """Return how often each cell has fired, and when, by cell and then by time."""
        parts = self._parts[: self._whole[2]]
        counts = np.zeros(self._recording.size, dtype=np.int64)
        for cells, _ in parts:
            counts += np.bincount(cells, minlength=counts.size)
        next_place = np.cumsum(counts) - counts
        times = np.empty(int(counts.sum()))
        for cells, part in parts:
            loops.order_spikes(cells, part, next_place, times)
        return counts, times

    def advance(self, pool: ThreadPoolExecutor | None) -> None:
        """Make the steps of a chunk."""
        step, state, parts = self._whole
        steps = min(self.chunk, self._recording.steps - step)
        numbers = range(len(self._calls))
        found: Iterable[Part]
        if pool is None:
            found = [self._call(number, steps) for number in numbers]
        else:
            futures = [pool.submit(self._call, number, steps) for number in numbers]
            try:
                found = [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()
        del self._parts[parts:]
        self._parts += [part for part in found if part[0].size]
        after, self._spare = self._spare, state
        self._whole = (step + steps, after, len(self._parts))

    def _call(self, number: int, steps: int) -> Part:
        """Make steps with the cells of one call, until they are made."""
        r, (step, state, _) = self._recording, self._whole
        found, wanted = np.zeros(1, np.int64), np.zeros(1)
        while True:
            room, table = self._rooms[number], self._table
            relaxing = r.method == "exponential_euler"
            ending = loops.population(
                NUMBERS[r.method],
                state,
                self._spare,
                r._parameters,
                self._tabulated,
                self._built_in,
                rate_tables.LARGEST_V,
                table.relaxing(r.dt) if relaxing else table.times(r.dt),
                table.first,
                table.inverse_width,
                table.low,
                table.high,
                NONE_ASKED,
                wanted,
                self._stimulus[:, step : step + steps],
                step,
                r.dt,
                r.threshold,
                *self._calls[number],
                self._block,
                r.diverged_at,
                *room,
                found,
                r.every,
                *self._recorded,
                self._variables,
                r._traces,
            )
            if ending == loops.Ending.DONE:
                spikes = int(found[0])
                return room[0][:spikes].copy(), room[1][:spikes].copy()
            if ending == loops.Ending.SPIKES_FULL:
                size = 2 * room[1].size
                self._rooms[number] = np.empty(size, np.int32), np.empty(size)
            else:
                self._cover(float(wanted[0]))

    def _cover(self, V: float) -> None:
        """Have a table that covers V; raise NotTabulable where none can."""
        with self._table_lock:
            if not self._table.low < V < self._table.high:
                self._table = self._kinetics.table(V)


NONE_ASKED = np.empty((0, LINE))

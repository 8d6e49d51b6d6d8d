"""Runs of copies of a model or a neuron under constant currents, each by a `Simulation`.

Analyses make so what populations do not run: the adaptive method.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis.runs import Outcome
from pyhh_fast.analysis.subject import Subject
from pyhh_fast.engine.progress import bar_over
from pyhh_fast.errors import SimulationError
from pyhh_fast.settings import RunSettings
from pyhh_fast.simulations import Simulation
from pyhh_fast.system.background import Workers
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, StructArray


class SingleRuns:
    """As the protocol `Runs` says, by any method that a `Simulation` has.

    Parameters
    ----------
    subject : Subject
        What runs, in the state that runs start in.
    settings : RunSettings
        Of which dt is the distance of samples where the method is adaptive.
    """

    parts = 4  # each current costs a run

    def __init__(self, subject: Subject, settings: RunSettings, threads: int) -> None:
        self._subject, self.start = subject, subject.start
        self._settings, self._threads = settings, threads

    @rounds_to_nearest
    def run(
        self,
        state: StructArray,
        currents: FloatArray,
        steps: int,
        *,
        record: tuple[str, ...] = (),
        every: int = 1,
        progress: bool = False,
    ) -> Outcome:
        """Make runs from these states, under one current (µA/cm²) each."""
        traces = {name: np.full((currents.size, -(-steps // every)), np.nan) for name in record}
        times = [np.empty(0)] * currents.size
        diverged = np.zeros(currents.size, dtype=bool)
        end = state.copy()

        def run(cell: int) -> None:
            simulation = self._subject.simulation_at(state[cell])
            diverged[cell] = not self._complete(
                simulation, currents[cell], self._settings.dt, steps, record, every
            )
            if simulation.recording is not None:
                times[cell] = simulation.recording.spike_times
                for name in record:
                    trace = simulation.recording[name]
                    traces[name][cell, : trace.size] = trace
            end[cell] = self._subject.state_of(simulation)

        with bar_over(currents.size * steps, progress) as bar:
            for _ in self._each(run, range(currents.size)):
                if bar is not None:
                    bar.update(steps)
        counts = np.array([spikes.size for spikes in times], dtype=np.int64)
        return Outcome(traces, counts, np.concatenate([np.empty(0), *times]), diverged, end)

    @rounds_to_nearest
    def responses(
        self, currents: FloatArray, durations: FloatArray, waits: FloatArray
    ) -> tuple[BoolArray, BoolArray]:
        """Return under which currents a pulse makes the model fire, and under which it diverges."""
        fired, diverged = np.zeros((2, *currents.shape), dtype=bool)

        def search(row: int) -> None:
            for column, current in enumerate(currents[row]):
                found = self._response(current, durations[row], waits[row])
                fired[row, column], diverged[row, column] = found
                if any(found):
                    return

        list(self._each(search, range(durations.size)))
        return fired, diverged

    def _response(self, current: float, duration: float, wait: float) -> tuple[bool, bool]:
        """Return whether a pulse makes the model fire, and whether it diverges."""
        state = self.start.copy()
        for strength, length in ((current, duration), (0.0, wait)):
            if length >= validation.LEAST_STEP:  # what is shorter moves nothing
                steps = max(1, math.ceil(length / self._settings.dt - 1e-9))
                simulation = self._subject.simulation_at(state[0])
                complete = self._complete(simulation, strength, length / steps, steps)
                if simulation.recording is not None and simulation.recording.spike_times.size:
                    return True, not complete
                if not complete:
                    return False, True
                state[0] = self._subject.state_of(simulation)
        return False, False

    def _complete(
        self,
        simulation: Simulation,
        current: float,
        dt: float,
        steps: int,
        record: tuple[str, ...] = (),
        every: int = 1,
    ) -> bool:
        """Make a run; return whether it came to its end, and did not diverge before."""
        method: Any = self._settings.method
        try:
            simulation.run(
                float(current),
                float(dt),
                duration=float(steps * dt),
                method=method,
                threshold=self._settings.threshold,
                record=record,
                every=every,
            )
        except SimulationError:
            return False
        return True

    def _each(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        """Yield what a function returns for each item, in order."""
        if self._threads == 1:
            yield from map(function, items)
            return
        with Workers(self._threads, "pyhh_fast single runs") as pool:
            jobs = [pool.submit(function, item) for item in items]
            try:
                for job in jobs:
                    yield job.result()
            finally:
                for job in jobs:
                    job.cancel()

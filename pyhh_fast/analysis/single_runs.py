"""Runs of copies of a model one by one: each as a `Simulation` makes it, by any method of its."""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pyhh_fast.analysis.firing import PROBES, SMALLEST, TOLERANCE, Fired, Watched, steady_rates
from pyhh_fast.engine.progress import bar_over
from pyhh_fast.errors import SimulationError
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.recording import Recording
from pyhh_fast.settings import RunSettings
from pyhh_fast.simulations import Simulation
from pyhh_fast.system.background import Workers
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray
from pyhh_fast.variables import GATES

BETWEEN = 3
"""Currents that are tried between two: a run is made for each, so there are few."""


class SingleRuns:
    """Runs of copies of a model, a `Simulation` each, in threads; as `FixedRuns` otherwise.

    Parameters
    ----------
    model : HHModel
        It is not changed; runs start in its state.
    settings : RunSettings
        Of which dt is the distance of samples where the method is adaptive.
    threads : int
    """

    @rounds_to_nearest
    def __init__(self, model: HHModel, settings: RunSettings, threads: int) -> None:
        self._model = model
        self._settings, self._threads = settings, threads
        self.start = np.zeros(1, [(name, np.float64) for name in ("V", *GATES)])
        self.start["V"] = model.Vm
        for name in GATES:
            self.start[name] = getattr(model, name).state

    @rounds_to_nearest
    def fire(
        self, state: StructArray, currents: FloatArray, steps: int, progress: bool = False
    ) -> Fired:
        """Return what becomes of runs from these states, under one current each."""

        def run(cell: int) -> tuple[Recording | None, HHModel]:
            simulation = Simulation(self._copy(state[cell]))
            whole = self._run(simulation, float(currents[cell]), self._settings.dt, steps)
            return (simulation.recording if whole else None), simulation.model

        with bar_over(currents.size * steps, progress) as bar:
            done = []
            for one in self._each(run, range(currents.size)):
                done.append(one)
                if bar is not None:
                    bar.update(steps)
        counts, times, diverged, end = _ends(done, state)
        rates = steady_rates(counts, times, steps * self._settings.dt)
        return Fired(rates, diverged, end)

    @rounds_to_nearest
    def watch(self, state: StructArray, currents: FloatArray, steps: int, every: int) -> Watched:
        """Make runs from these states, under one current each; keep V of every so many steps."""

        def run(cell: int) -> tuple[Recording | None, HHModel]:
            simulation = Simulation(self._copy(state[cell]))
            current = float(currents[cell])
            whole = self._run(simulation, current, self._settings.dt, steps, ("Vm",), every)
            return (simulation.recording if whole else None), simulation.model

        done = list(self._each(run, range(currents.size)))
        samples = -(-steps // every)
        V = [np.full(samples, np.nan) if r is None else r.Vm for r, _ in done]
        return Watched(np.array(V).reshape(currents.size, samples), *_ends(done, state))

    @rounds_to_nearest
    def traces(
        self,
        state: StructArray,
        currents: FloatArray,
        steps: int,
        names: tuple[str, ...],
        every: int = 1,
    ) -> FloatArray:
        """Return traces of every so many steps, shape (names, cells, samples)."""

        def run(cell: int) -> list[FloatArray]:
            simulation = Simulation(self._copy(state[cell]))
            self._run(simulation, float(currents[cell]), self._settings.dt, steps, names, every)
            return [getattr(simulation, name) for name in names]

        cells = list(self._each(run, range(currents.size)))
        return np.array(cells).reshape(currents.size, len(names), -1).transpose(1, 0, 2)

    @rounds_to_nearest
    def thresholds(self, durations: FloatArray, wait: float) -> FloatArray:
        """Return the threshold currents (µA/cm²) of pulses of these durations (ms)."""
        search = self._each(lambda duration: self._threshold(float(duration), wait), durations)
        return np.array(list(search), dtype=np.float64)

    def _threshold(self, duration: float, wait: float) -> float:
        low, high = 0.0, math.inf
        currents = PROBES
        while True:
            fired = False
            for current in currents:
                fired, lost = self.response(float(current), duration, wait)
                if fired:
                    high = float(current)
                    break
                if lost:
                    return math.nan
                low = float(current)
            if not (math.isfinite(high) and high - low > max(TOLERANCE * high, SMALLEST)):
                return high
            currents = np.linspace(low, high, BETWEEN + 2)[1:-1]

    def response(self, current: float, duration: float, wait: float) -> tuple[bool, bool]:
        """Return whether a pulse makes the model fire, and whether the solver gave up before."""
        model = self._copy(self.start[0])
        for strength, length in ((current, duration), (0.0, wait)):
            if length > 0:
                steps = max(1, math.ceil(length / self._settings.dt - 1e-9))
                simulation = Simulation(model)
                whole = self._run(simulation, strength, length / steps, steps)
                if simulation.recording is not None and simulation.recording.spike_times.size:
                    return True, not whole
                if not whole:
                    return False, True
        return False, False

    def _run(
        self,
        simulation: Simulation,
        current: float,
        dt: float,
        steps: int,
        record: tuple[str, ...] = (),
        every: int = 1,
    ) -> bool:
        """Make a run; return False where the solver gave up before its end."""
        how: dict[str, Any] = {
            "method": self._settings.method,
            "threshold": self._settings.threshold,
        }
        try:
            simulation.run(current, dt, duration=steps * dt, record=record, every=every, **how)
        except SimulationError:
            return False
        return True

    def _copy(self, state: Any) -> HHModel:
        model = copy.deepcopy(self._model)
        model.Vm = float(state["V"])
        for name in GATES:
            getattr(model, name).state = float(state[name])
        return model

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


def _ends(
    done: list[tuple[Recording | None, HHModel]], state: StructArray
) -> tuple[IntArray, FloatArray, BoolArray, StructArray]:
    """Return the spikes of runs, as `steady_rates` takes them, which diverged, and their ends."""
    spikes = [np.empty(0) if r is None else r.spike_times for r, _ in done]
    counts = np.array([times.size for times in spikes], dtype=np.int64)
    end = state.copy()
    for cell, (_, model) in enumerate(done):
        end[cell] = (model.Vm, *(getattr(model, name).state for name in GATES))
    diverged = np.array([r is None for r, _ in done], dtype=bool)
    return counts, np.concatenate([np.empty(0), *spikes]), diverged, end

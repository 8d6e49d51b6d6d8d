"""Runs of copies of a model under constant currents: how fast they fire, and from which current.

`FixedRuns` makes all runs at once, as cells of a population; `single_runs.SingleRuns` one by one,
for the methods that populations do not have.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from pyhh_fast.engine.population_run import make_run
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.populations import Population
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray

TOLERANCE = 1e-6
"""Largest relative error of a threshold current."""

SMALLEST = 1e-9
"""A threshold is looked for down to this, in µA/cm²."""

PROBES = np.array([0.0, *np.geomspace(1e-3, 1e9, 63)])
"""Currents (µA/cm²) that are tried first; afterwards as many between the two that matter."""

FIRST_STOP = 10.0
"""Cells that have fired are left out after this time, in ms, and after twice, four times it ..."""

LEAST_SPIKES = 4
"""In the second half of a run, or the cell is too slow for it."""

NEARLY_WHOLE = 1e-9
"""Steps; a duration that is nearer to a whole number of them is one."""


class Fired(NamedTuple):
    """What became of runs under constant currents.

    Parameters
    ----------
    rates : ndarray, Hz
        As :func:`pyhh_fast.fi_curve` defines them, of crossings of the threshold.
    diverged : ndarray of bool
    state : structured array
        V (mV), m, h, n at the end.
    """

    rates: FloatArray
    diverged: BoolArray
    state: StructArray


class Watched(NamedTuple):
    """V (mV) of runs, shape (cells, samples); spikes as `steady_rates` takes them; their ends."""

    V: FloatArray
    counts: IntArray
    times: FloatArray
    diverged: BoolArray
    state: StructArray


class Cells(Population):
    """Copies of one model."""

    def go_on(
        self,
        currents: FloatArray,
        steps: int,
        settings: RunSettings,
        threads: int,
        progress: bool = False,
    ) -> PopulationRecording:
        """Make steps under constant currents, one a cell; who asks has checked what he asks for."""
        wave = np.broadcast_to(currents[:, np.newaxis], (self.size, steps))
        return make_run(self, wave, settings, threads, progress=progress)

    def put(self, state: StructArray) -> None:
        """Be as many cells as there are states, and stand there."""
        self._parameters = np.repeat(self._parameters[:1], state.size)
        self._state = state


class FixedRuns:
    """Runs of copies of a model by a method of fixed step.

    Parameters
    ----------
    model : HHModel
        It is copied, with the state that runs start in.
    settings : RunSettings
    threads : int
    """

    @rounds_to_nearest
    def __init__(self, model: HHModel, settings: RunSettings, threads: int) -> None:
        self._cells = Cells.from_model(model, 1)
        self._settings, self._threads = settings, threads
        self.start = self._cells._state

    @rounds_to_nearest
    def fire(
        self, state: StructArray, currents: FloatArray, steps: int, progress: bool = False
    ) -> Fired:
        """Return what becomes of runs from these states, under one current each."""
        self._cells.put(state)
        recording = self._cells.go_on(currents, steps, self._settings, self._threads, progress)
        counts, times = recording.spike_counts, recording.spikes.time
        rates = steady_rates(counts, times, steps * self._settings.dt)
        return Fired(rates, recording.diverged_at >= 0, self._cells._state)

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
        self._cells.put(state)
        settings = dataclasses.replace(self._settings, record=names, every=every)
        recording = self._cells.go_on(currents, steps, settings, self._threads)
        return np.array([getattr(recording, name) for name in names])

    @rounds_to_nearest
    def watch(self, state: StructArray, currents: FloatArray, steps: int, every: int) -> Watched:
        """Make runs from these states, under one current each; keep V of every so many steps."""
        self._cells.put(state)
        settings = dataclasses.replace(self._settings, record=("Vm",), every=every)
        recording = self._cells.go_on(currents, steps, settings, self._threads)
        counts, times = recording.spike_counts, recording.spikes.time
        lost = recording.diverged_at >= 0
        return Watched(recording.Vm, counts, times, lost, self._cells._state)

    @rounds_to_nearest
    def thresholds(self, durations: FloatArray, wait: float) -> FloatArray:
        """Return the threshold currents (µA/cm²) of pulses of these durations (ms).

        :func:`pyhh_fast.strength_duration` says what they are.
        """
        low, high = np.zeros(durations.size), np.full(durations.size, np.inf)
        sought = np.arange(durations.size)
        currents = np.tile(PROBES, (durations.size, 1))
        while sought.size:
            fired, lost = self._responses(currents, durations[sought], wait)
            # Beside the first current that fires; where none does, beside `high`.
            place = np.where(fired.any(axis=1), fired.argmax(axis=1), PROBES.size)
            edges = np.column_stack([low[sought], currents, high[sought]])
            rows = np.arange(sought.size)
            low[sought], high[sought] = edges[rows, place], edges[rows, place + 1]
            unknown = lost & (np.arange(PROBES.size) < place[:, np.newaxis])
            high[sought[unknown.any(axis=1)]] = np.nan
            # Not for infinity or NaN.
            sought = np.flatnonzero(high - low > np.maximum(TOLERANCE * high, SMALLEST))
            between = np.linspace(low[sought], high[sought], PROBES.size + 2, axis=1)
            currents = between[:, 1:-1]
        return high

    def _responses(
        self, currents: FloatArray, durations: FloatArray, wait: float
    ) -> tuple[BoolArray, BoolArray]:
        """Return under which currents, shape (pulses, currents), cells fire or diverge.

        Pulses end where others go on, so all cells are run from one end to the next; those that
        have fired, or waited, are left out. A last step that a pulse covers in part has that part
        of its current.
        """
        whole, part, last = pulse_steps(durations, wait, self._settings.dt)
        I = currents.ravel()  # noqa: E741
        counts = currents.shape[1]
        pulse, rest, end = (np.repeat(steps, counts) for steps in (whole, part, last))
        fired, lost = np.zeros((2, I.size), dtype=bool)
        state = np.repeat(self.start, I.size)
        step = 0
        stops = np.concatenate([whole, whole + (part > 0), last])
        doublings = np.arange(max(0.0, np.log2(stops.max() * self._settings.dt / FIRST_STOP)))
        early = (FIRST_STOP / self._settings.dt * 2**doublings).astype(np.int64)
        for stop in np.unique([*early, *stops]):
            going = np.flatnonzero(~(fired | lost) & (step < end))
            if stop == 0 or not going.size:
                continue
            self._cells.put(state[going])
            now = np.where(step < pulse, I, np.where(step == pulse, rest * I, 0.0))[going]
            recording = self._cells.go_on(now, int(stop) - step, self._settings, self._threads)
            state[going] = self._cells._state
            fired[going] = recording.spike_counts > 0
            lost[going] = recording.diverged_at >= 0
            step = int(stop)
        return fired.reshape(currents.shape), lost.reshape(currents.shape)


def pulse_steps(
    durations: FloatArray, wait: float, dt: float
) -> tuple[IntArray, FloatArray, IntArray]:
    """Return whole steps of pulses, the part of one more they cover, and all steps with `wait`."""
    steps = durations / dt
    nearest = np.round(steps)
    whole = np.abs(steps - nearest) <= np.maximum(NEARLY_WHOLE, 1e-15 * steps)
    steps = np.where(whole, nearest, steps)
    whole = np.floor(steps)
    part = steps - whole
    last = np.ceil(steps + wait / dt - NEARLY_WHOLE)
    return whole.astype(np.int64), part, np.maximum(last, whole + (part > 0)).astype(np.int64)


@rounds_to_nearest
def steady_rates(
    counts: IntArray, times: FloatArray, end: float, bursts: bool = False
) -> FloatArray:
    """Return the firing rate of each cell, in Hz, as :func:`pyhh_fast.fi_curve` defines it.

    Parameters
    ----------
    counts : ndarray of int, shape (cells,)
        How many spikes each cell has.
    times : ndarray, ms
        Of all spikes, by cell and then by time.
    end : float, ms
        Of the run.
    bursts : bool, default False
        Take the last spikes for no end of firing, however long before the end they are.

    Returns
    -------
    ndarray, Hz
        0 where there are fewer than `LEAST_SPIKES` in the second half, or firing has ended.
    """
    late = late_spikes(counts, times, end)
    rates = np.zeros(counts.size)
    fires = np.flatnonzero(late >= LEAST_SPIKES)
    late, next_cell = late[fires], np.cumsum(counts)[fires]
    first, before_last, last = (times[next_cell - back] for back in (late, 2, 1))
    goes_on = bursts | (end - last <= 2 * (last - before_last))
    rates[fires] = np.where(goes_on, 1000 * (late - 1) / (last - first), 0.0)
    return rates


def late_spikes(counts: IntArray, times: FloatArray, end: float) -> IntArray:
    """Return how many spikes each cell has in the second half of a run."""
    cell = np.repeat(np.arange(counts.size), counts)
    return np.bincount(cell[times >= end / 2], minlength=counts.size)

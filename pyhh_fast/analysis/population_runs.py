"""Runs of copies of a model or neuron under constant currents, all at once, as cells of one run."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pyhh_fast.analysis.runs import Outcome
from pyhh_fast.cells import Cells
from pyhh_fast.engine.populations.run import make_run
from pyhh_fast.kinetics.protocol import Kinetics
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray

FIRST_STOP = 10.0
"""Cells that have fired are left out after this time, in ms, and after twice, four times it ..."""

NEARLY_WHOLE = 1e-9
"""Steps; a duration that is nearer to a whole number of them is one."""


class PopulationRuns:
    """As the protocol `Runs` says, by a method that populations have.

    Parameters
    ----------
    cells : callable
        Takes states, of the fields of `start`, and returns cells in them.
    kinetics : Kinetics or None
        Rates of a model; None of a neuron.
    start : structured array, shape (1,)
        The state that runs start in.
    """

    parts = 65

    def __init__(
        self,
        cells: Callable[[StructArray], Cells],
        kinetics: Kinetics | None,
        start: StructArray,
        settings: RunSettings,
        threads: int,
    ) -> None:
        self._cells, self._kinetics, self.start = cells, kinetics, start
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
        cells = self._cells(state)
        settings = dataclasses.replace(self._settings, record=record, every=every)
        stimulus = np.broadcast_to(currents[:, np.newaxis], (currents.size, steps))
        recording = make_run(
            cells, stimulus, settings, self._kinetics, self._threads, progress=progress
        )
        return Outcome(
            {name: getattr(recording, name) for name in record},
            recording.spike_counts,
            recording.spikes.time,
            recording.diverged_at >= 0,
            cells._state.view(state.dtype),
        )

    @rounds_to_nearest
    def responses(
        self, currents: FloatArray, durations: FloatArray, waits: FloatArray
    ) -> tuple[BoolArray, BoolArray]:
        """Return under which currents a pulse makes the model fire, and under which it diverges.

        Pulses end where others continue, so all cells are run from one end to the next; those that
        have fired, or waited, are left out. A last step that a pulse covers in part has that part
        of its current.
        """
        whole, part, last = _pulse_steps(durations, waits, self._settings.dt)
        I = currents.ravel()  # noqa: E741
        counts = currents.shape[1]
        pulse, rest, end = (np.repeat(steps, counts) for steps in (whole, part, last))
        fired, diverged = np.zeros((2, I.size), dtype=bool)
        state = np.repeat(self.start, I.size)
        step = 0
        stops = np.concatenate([whole, whole + (part > 0), last])
        first = FIRST_STOP / self._settings.dt
        doublings = np.arange(max(0.0, np.log2(max(1, stops.max())) - np.log2(first)))
        early = (first * 2**doublings).astype(np.int64)
        for stop in np.unique([*early, *stops]):
            running = np.flatnonzero(~(fired | diverged) & (step < end))
            if stop == 0 or not running.size:
                continue
            now = np.where(step < pulse, I, np.where(step == pulse, rest * I, 0.0))[running]
            outcome = self.run(state[running], now, int(stop) - step)
            state[running] = outcome.state
            fired[running] = outcome.counts > 0
            diverged[running] = outcome.diverged
            step = int(stop)
        return fired.reshape(currents.shape), diverged.reshape(currents.shape)


def _pulse_steps(
    durations: FloatArray, waits: FloatArray, dt: float
) -> tuple[IntArray, FloatArray, IntArray]:
    """Return whole steps of pulses, the part of one more they cover, and all steps with `waits`."""
    steps = durations / dt
    nearest = np.round(steps)
    whole = np.abs(steps - nearest) <= np.maximum(NEARLY_WHOLE, 1e-15 * steps)
    whole &= nearest > 0  # of a step that is much longer than the pulse, the pulse is a part
    steps = np.where(whole, nearest, steps)
    whole = np.floor(steps)
    part = steps - whole
    last = np.ceil(steps + waits / dt - NEARLY_WHOLE)
    return whole.astype(np.int64), part, np.maximum(last, whole + (part > 0)).astype(np.int64)

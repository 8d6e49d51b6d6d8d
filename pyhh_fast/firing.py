"""Whether and how fast copies of a model fire: many runs at once, under constant currents."""

import numpy as np
import numpy.typing as npt

from pyhh_fast.models import HHModel
from pyhh_fast.population_recording import IntArray, PopulationRecording
from pyhh_fast.population_run import How, make_run
from pyhh_fast.populations import Population
from pyhh_fast.validation import FloatArray, StructArray

TOLERANCE = 1e-6
"""Largest relative error of a threshold current."""

SMALLEST = 1e-9
"""A threshold is looked for down to this, in µA/cm²."""

PROBES = np.array([0.0, *np.geomspace(1e-3, 1e9, 63)])
"""Currents (µA/cm²) that are tried first; afterwards as many between the two that matter."""


class Cells(Population):
    """Copies of one model."""

    def go_on(
        self,
        currents: FloatArray,
        steps: int,
        how: How,
    ) -> PopulationRecording:
        """Make steps under constant currents, one a cell; who asks has checked what he asks for."""
        wave = np.broadcast_to(currents[:, np.newaxis], (self.size, steps))
        return make_run(self, wave, how)

    def put(self, state: StructArray) -> None:
        """Be as many cells as there are states, and stand there."""
        self._parameters = np.repeat(self._parameters[:1], state.size)
        self._state = state


def steady_rates(recording: PopulationRecording) -> FloatArray:
    """Return the firing rate of each cell, in Hz, as :func:`pyhh_fast.fi_curve` defines it."""
    cell, time = recording.spikes
    end = recording.steps * recording.dt
    late = np.bincount(cell[time >= end / 2], minlength=recording.size)
    rates = np.zeros(recording.size)
    fires = np.flatnonzero(late >= 2)
    late, next_cell = late[fires], np.cumsum(recording.spike_counts)[fires]
    first, before_last, last = (time[next_cell - back] for back in (late, 2, 1))
    goes_on = end - last <= 2 * (last - before_last)
    rates[fires] = np.where(goes_on, 1000 * (late - 1) / (last - first), 0.0)
    return rates


def thresholds(model: HHModel, steps: IntArray, wait: int, how: How) -> FloatArray:
    """Return the threshold current of pulses of so many steps, in µA/cm².

    :func:`pyhh_fast.strength_duration` says what it is.
    """
    cells = Cells.from_model(model, 1)
    start = cells._state
    low, high = np.zeros(steps.size), np.full(steps.size, np.inf)
    sought = np.arange(steps.size)
    currents = np.tile(PROBES, (steps.size, 1))
    while sought.size:
        fired, lost = _responses(cells, start, currents, steps[sought], wait, how)
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
    cells: Cells, start: StructArray, currents: FloatArray, steps: IntArray, wait: int, how: How
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return under which currents, shape (pulses, currents), a cell fires, and where it diverges.

    Pulses end where others go on, so all cells are run from one end to the next; those that have
    fired, or waited, are left out.
    """
    I = currents.ravel()  # noqa: E741
    pulse = np.repeat(steps, currents.shape[1])
    fired, lost = np.zeros((2, I.size), dtype=bool)
    state = np.repeat(start, I.size)
    step = 0
    for end in np.unique([steps, steps + wait]):
        going = np.flatnonzero(~(fired | lost) & (step < pulse + wait))
        if not going.size:
            break
        cells.put(state[going])
        now = np.where(step < pulse, I, 0.0)[going]
        recording = cells.go_on(now, int(end) - step, how)
        state[going] = cells._state
        fired[going] = recording.spike_counts > 0
        lost[going] = recording.diverged_at >= 0
        step = int(end)
    return fired.reshape(currents.shape), lost.reshape(currents.shape)

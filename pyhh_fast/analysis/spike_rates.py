"""Firing rates from spike times, as `fi_curve` defines them."""

import numpy as np

from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray

LEAST_SPIKES = 4
"""In the second half of a run, or the cell is too slow for it."""


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

"""Firing rates from spike times, as `fi_curve` defines them."""

import numpy as np

from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray

LEAST_SPIKES = 4
"""In the second half of a run, or the cell is too slow for it."""

REGULAR = 1e-3
"""Intervals repeat where they differ by less than that part of them."""

VARYING = 0.01
"""A cell bursts or stutters where intervals both rise and fall by more than that part of their
mean; adapting cells have intervals that only rise or only fall."""


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


def late_trains(counts: IntArray, times: FloatArray, end: float) -> list[FloatArray]:
    """Return the spike times (ms) of each cell in the second half of a run."""
    trains = np.split(times, np.cumsum(counts)[:-1])
    return [train[train >= end / 2] for train in trains]


def is_regular(train: FloatArray, tolerance: float = REGULAR) -> bool:
    """Whether intervals are the same; just below the onset they get longer until firing ends."""
    intervals = np.diff(train)
    return bool(intervals.size and np.ptp(intervals) <= tolerance * intervals[-1])


def varies(train: FloatArray) -> bool:
    """Whether the intervals between spikes both rise and fall."""
    if train.size < LEAST_SPIKES:
        return False
    intervals = np.diff(train)
    rise = np.max(intervals - np.minimum.accumulate(intervals))
    fall = np.max(np.maximum.accumulate(intervals) - intervals)
    return bool(min(rise, fall) > VARYING * intervals.mean())


def rate_of_bursts(train: FloatArray, *, periodic: bool = True) -> float:
    """Return the rate (Hz) over whole bursts; 0 where there are too few, or they must repeat.

    A burst begins after an interval that is nearer to the longest than to the shortest.
    """
    intervals = np.diff(train)
    starts = 1 + np.flatnonzero(intervals > 0.5 * (intervals.min() + intervals.max()))
    periods = np.diff(train[starts])
    if starts.size < (LEAST_SPIKES if periodic else 2):
        return 0.0
    if periodic and np.ptp(periods) > REGULAR * periods[-1]:
        return 0.0
    return float(1000 * (starts[-1] - starts[0]) / periods.sum())


def late_spikes(counts: IntArray, times: FloatArray, end: float) -> IntArray:
    """Return how many spikes each cell has in the second half of a run."""
    cell = np.repeat(np.arange(counts.size), counts)
    return np.bincount(cell[times >= end / 2], minlength=counts.size)

"""Features of the times of spikes.

A spike is an upward crossing of the threshold, V before < threshold ≤ V after; its time is
interpolated between samples, linearly on traces, to the order of the method in runs. eFEL takes
the time of the sample at the peak instead, which is later by the rise of the spike. Interpolated
times err by the square of dt, those of peaks by dt.
"""

import dataclasses
from typing import ClassVar

import numpy as np

from pyhh_fast import validation
from pyhh_fast.features.base import Feature
from pyhh_fast.features.plan import Measured, Spikes
from pyhh_fast.typing import FloatArray, IntArray


@dataclasses.dataclass(frozen=True, repr=False)
class spike_count(Feature):
    """Number of spikes in the window: eFEL's `spike_count_stimint`.

    One counts when it crosses the threshold; eFEL's must have come back below it.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 100, 0, 0, 100, 0, 0]
    >>> features.of(V, 1.0, [features.spike_count(0, 8)], threshold=50)
    {'spike_count': 2.0}
    """

    def _value(self, measured: Measured) -> FloatArray:
        spikes = measured.spikes.within(self.start, self.stop)
        return np.bincount(spikes.cell, minlength=measured.cells).astype(np.float64)


@dataclasses.dataclass(frozen=True, repr=False)
class time_to_first_spike(Feature):
    """Latency, in ms: time from `start` to the first spike; eFEL's `time_to_first_spike`.

    NaN without a spike in the window.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 100, 0, 0, 100, 0, 0]
    >>> features.of(V, 1.0, [features.time_to_first_spike(0, 8)], threshold=50)
    {'time_to_first_spike': 2.5}
    """

    unit: ClassVar[str] = "ms"

    def _value(self, measured: Measured) -> FloatArray:
        spikes = measured.spikes.within(self.start, self.stop)
        first, _ = _first_and_last(measured.cells, spikes)
        return first - self.start


@dataclasses.dataclass(frozen=True, repr=False)
class mean_frequency(Feature):
    """Spikes in Hz, from `start` to the last one: eFEL's `mean_frequency`.

    The number of spikes over the time from `start` to the last of them, not over the window. NaN
    without a spike in the window, or where all are at `start`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 100, 0, 0, 100, 0, 0]  # spikes at 2.5 and 5.5 ms
    >>> features.of(V, 1.0, [features.mean_frequency(1.5, 8)], threshold=50)
    {'mean_frequency': 500.0}
    """

    unit: ClassVar[str] = "Hz"

    def _value(self, measured: Measured) -> FloatArray:
        spikes = measured.spikes.within(self.start, self.stop)
        _, last = _first_and_last(measured.cells, spikes)
        time = last - self.start
        count = np.bincount(spikes.cell, minlength=measured.cells)
        return 1000 * count / np.where(time > 0, time, np.nan)


@dataclasses.dataclass(frozen=True, repr=False)
class mean_ISI(Feature):
    """Mean interval between the spikes in the window, in ms; NaN of fewer than two.

    It is the mean of eFEL's `all_ISI_values`, those of the window.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 100, 0, 0, 100, 0, 0]
    >>> features.of(V, 1.0, [features.mean_ISI(0, 8)], threshold=50)
    {'mean_ISI': 3.0}
    """

    unit: ClassVar[str] = "ms"

    def _value(self, measured: Measured) -> FloatArray:
        spikes = measured.spikes.within(self.start, self.stop)
        return measured.mean_by_cell(*_intervals(spikes.cell, spikes.time))


@dataclasses.dataclass(frozen=True, repr=False)
class ISI_CV(Feature):
    """Coefficient of variation of the intervals between spikes: eFEL's `ISI_CV`.

    The standard deviation (with n - 1) over the mean of the intervals in the window. NaN of fewer
    than two intervals.

    Parameters
    ----------
    start, stop : float, ms
    ignore_first_ISI : bool, default True
        Leave out the first interval of the window, as eFEL does.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import features
    >>> V = np.zeros(60)
    >>> V[[5, 15, 25, 55]] = 100  # intervals of 10, 10 and 30 ms
    >>> found = features.of(V, 1.0, [features.ISI_CV(0, 60)], threshold=50)
    >>> round(found["ISI_CV"], 4)  # sqrt(200) / 20
    0.7071
    """

    ignore_first_ISI: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        validation.flag("ignore_first_ISI", self.ignore_first_ISI)

    def _value(self, measured: Measured) -> FloatArray:
        spikes = measured.spikes.within(self.start, self.stop)
        if self.ignore_first_ISI:
            spikes = _without_first(spikes)
        cell, interval = _intervals(spikes.cell, spikes.time)
        mean = measured.mean_by_cell(cell, interval)
        count = np.bincount(cell, minlength=measured.cells)
        variance = measured.mean_by_cell(cell, (interval - mean[cell]) ** 2, least=2)
        return np.sqrt(variance * count / np.maximum(count - 1, 1)) / mean


@dataclasses.dataclass(frozen=True, repr=False)
class adaptation_index2(Feature):
    """Mean relative change from an interval to the next: eFEL's `adaptation_index2`.

    The mean of (next - interval) / (next + interval) over the intervals in the window, the first
    left out. Above 0 where firing slows down; between -1 and 1. NaN of fewer than four spikes.
    (eFEL's `adaptation_index` leaves out a tenth of the spikes, which is known only at the end.)

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import features
    >>> V = np.zeros(60)
    >>> V[[5, 15, 25, 55]] = 100  # intervals of 10, 10 and 30 ms
    >>> features.of(V, 1.0, [features.adaptation_index2(0, 60)], threshold=50)
    {'adaptation_index2': 0.5}
    """

    def _value(self, measured: Measured) -> FloatArray:
        spikes = _without_first(measured.spikes.within(self.start, self.stop))
        cell, interval = _intervals(spikes.cell, spikes.time)
        changing, change = _intervals(cell, interval)
        total = (interval[1:] + interval[:-1])[cell[1:] == cell[:-1]]
        return measured.mean_by_cell(changing, change / total)


def _without_first(spikes: Spikes) -> Spikes:
    """Return all spikes but the first of each cell."""
    return spikes.where(np.append(False, spikes.cell[1:] == spikes.cell[:-1])[: spikes.cell.size])


def _intervals(cell: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the differences of successive values of each cell, with their cells."""
    same = cell[1:] == cell[:-1]
    return cell[1:][same], np.diff(values)[same]


def _first_and_last(cells: int, spikes: Spikes) -> tuple[FloatArray, FloatArray]:
    """Return the times, in ms, of the first and the last of the spikes of each cell, else NaN."""
    first, last = np.full((2, cells), np.nan)
    first[spikes.cell[::-1]] = spikes.time[::-1]  # of several values the last one stays
    last[spikes.cell] = spikes.time
    return first, last

"""Features of the shape of spikes: begin, amplitude, half-width, afterhyperpolarisation.

A spike belongs to the window in which it crosses the threshold, as in the module `spikes`; its
shape is known if V is below the threshold again before `stop`. Its peak is the highest sample in
between. What leads to the peak is sought in the `LOOKBACK` before it, also before `start`.

Voltages are those of samples, as eFEL has them where its `interp_step` is dt (its default is
0.1 ms) and `strict_stiminterval` is set: at the begin of a spike they err by up to 10 mV/ms times
dt and what V rises in it, at the peak by the square of dt.
"""

import dataclasses
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from pyhh_fast import validation
from pyhh_fast.features.base import Feature, Traces
from pyhh_fast.typing import BoolArray, FloatArray, IntArray

BEGIN_SLOPE = 10.0
"""dV/dt (mV/ms) with which a spike begins: eFEL's `DerivativeThreshold`."""

BEGIN_SAMPLES = 3
"""Successive samples that must have it: eFEL's `DerivativeWindow`."""

LOOKBACK = 5.0
"""Time (ms) before a peak in which a spike must begin."""

Which: TypeAlias = int | Literal["mean"]


@dataclasses.dataclass(frozen=True, repr=False)
class _OfShape(Feature):
    """A feature of one spike of the window, or of all."""

    spike: Which = "mean"

    measure: ClassVar[int]
    """Which of the values that `_measured` returns."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.spike, str):
            if self.spike != "mean":
                rule = "a whole number, 0 or more, or 'mean'"
                raise ValueError(validation.message("spike", rule, repr(self.spike)))
        else:
            vars(self).update(spike=validation.count("spike", self.spike))

    def _values(self, traces: Traces) -> FloatArray:
        key = self.start, self.stop
        if key not in traces.measured:
            traces.measured[key] = _measured(traces, *key)
        cell, values = traces.measured[key][0], traces.measured[key][1][self.measure]
        if self.spike == "mean":
            known = ~np.isnan(values)
            return traces.mean_by_cell(cell[known], values[known])
        number = np.arange(cell.size) - np.searchsorted(cell, cell)  # of a spike in its cell
        chosen = number == self.spike
        found = np.full(traces.cells, np.nan)
        found[cell[chosen]] = values[chosen]
        return found


@dataclasses.dataclass(frozen=True, repr=False)
class AP_begin_voltage(_OfShape):
    """V at which spikes begin, their threshold, in mV: eFEL's `AP_begin_voltage`.

    A spike begins at the sample from which dV/dt, by central differences, is 10 mV/ms or more for
    three samples, the last such sample before the peak, 5 ms before it or later. (eFEL seeks it
    from the lowest V since the last spike, or `stim_start`, on.) Noise at every step, which dV/dt
    shows the more the shorter dt is, makes it come late.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        Which spike of the window, from 0; or the mean of all that have a begin. NaN where there is
        none, as of slow spikes.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AP_begin_voltage(0, 12, spike=0)], threshold=50)
    {'AP_begin_voltage': 0.0}
    """

    measure: ClassVar[int] = 0


@dataclasses.dataclass(frozen=True, repr=False)
class AP_amplitude(_OfShape):
    """Height of spikes above their begin, in mV: eFEL's `AP_amplitude`.

    V at the peak minus `AP_begin_voltage`.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        As of `AP_begin_voltage`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AP_amplitude(0, 12)], threshold=50)
    {'AP_amplitude': 80.0}
    """

    measure: ClassVar[int] = 1


@dataclasses.dataclass(frozen=True, repr=False)
class AP_duration_half_width(_OfShape):
    """Width of spikes at half their amplitude, in ms: eFEL's `AP_duration_half_width`.

    The time for which V is above the mean of begin and peak, around the peak. The crossings are
    interpolated linearly; eFEL takes the nearest samples, so that its widths differ by up to dt.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        As of `AP_begin_voltage`. NaN, too, where V does not fall to half before the next spike, or
        `stop`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AP_duration_half_width(0, 12)], threshold=50)
    {'AP_duration_half_width': 3.0}
    """

    measure: ClassVar[int] = 2


@dataclasses.dataclass(frozen=True, repr=False)
class AHP_depth_abs(_OfShape):
    """V at the first minimum after spikes, in mV: eFEL's `AHP_depth_abs` or `min_AHP_values`.

    After V is below the threshold again, the first sample that two follow which are not lower;
    without such, the lowest sample before the next spike, or `stop`.
    NaN where that is the last before `stop`. (eFEL seeks it from the peak on.) Noise in V makes it
    come early: `min_between_peaks_values` does not depend on dt.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        Which spike of the window, from 0; or the mean of all that have such a value.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AHP_depth_abs(0, 12, spike=0)], threshold=50)
    {'AHP_depth_abs': -10.0}
    """

    measure: ClassVar[int] = 3


@dataclasses.dataclass(frozen=True, repr=False)
class min_between_peaks_values(_OfShape):
    """Lowest V between a peak and the next spike, or `stop`: eFEL's `min_between_peaks_values`.

    In mV. After the last spike it may be lower than that of the spike itself, as where the
    stimulus ends before `stop`.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        As of `AHP_depth_abs`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.min_between_peaks_values(0, 12)], threshold=50)
    {'min_between_peaks_values': -10.0}
    """

    measure: ClassVar[int] = 4


def _measured(traces: Traces, start: float, stop: float) -> tuple[IntArray, FloatArray]:
    """Return the cells of the spikes in a window, and five values of each, (5, spikes)."""
    spikes, end = traces.spikes, traces.rows_before(stop)
    inside = np.flatnonzero(spikes.within(start, stop))
    values = np.full((5, inside.size), np.nan)
    for i, at in enumerate(inside):
        cell, row = spikes.cell[at], int(spikes.row[at])
        before, after = 0, end
        if at > 0 and spikes.cell[at - 1] == cell:
            before = int(spikes.row[at - 1])
        if at + 1 < spikes.cell.size and spikes.cell[at + 1] == cell:
            after = min(end, int(spikes.row[at + 1]))
        V = traces.V[cell, :after]
        below = V[row:] < traces.threshold
        if below.any():
            down = row + int(np.argmax(below))
            peak = row + int(np.argmax(V[row:down]))
            values[:3, i] = _begin_height_width(V, before, row, peak, traces.dt)
            minimum = down + _first_minimum(V[down:])
            values[3, i] = V[minimum] if minimum < end - 1 else np.nan
            values[4, i] = V[peak:].min()
    return spikes.cell[inside], values


def _begin_height_width(
    V: FloatArray, before: int, row: int, peak: int, dt: float
) -> tuple[float, float, float]:
    """Return V at the begin, the amplitude and the half-width of a spike, as far as they exist.

    It crosses the threshold at `row`; its begin is sought after the lowest V since the row
    `before`.
    """
    earliest = max(before, peak - validation.whole_steps(LOOKBACK, dt)[0])
    lowest = earliest + int(np.argmin(V[earliest:row])) if earliest < row else earliest
    first = max(lowest - 1, 1)  # slopes are those of the rows from here until the peak
    fast = (V[first + 1 : peak + 2] - V[first - 1 : peak]) / (2 * dt) >= BEGIN_SLOPE
    begins = first + 1 + _begins(fast)
    if not begins.size:
        return np.nan, np.nan, np.nan
    begin = int(begins[-1])
    half = (V[begin] + V[peak]) / 2
    falls = np.flatnonzero(V[peak:] < half)
    width = np.nan
    if falls.size:
        rises = begin + int(np.flatnonzero(V[begin:peak] < half)[-1])
        falling = peak + int(falls[0]) - 1
        width = (_crossing(V, falling, half) - _crossing(V, rises, half)) * dt
    return float(V[begin]), float(V[peak] - V[begin]), width


def _begins(fast: BoolArray) -> IntArray:
    """Return where, from the second on, a run of `BEGIN_SAMPLES` or more begins."""
    if fast.size <= BEGIN_SAMPLES:
        return np.empty(0, np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(fast[1:], BEGIN_SAMPLES).all(axis=1)
    return np.flatnonzero(runs & ~fast[: runs.size])


def _first_minimum(V: FloatArray) -> int:
    """Return the first sample that two follow which are not lower, or that of the lowest V.

    No sample before the first such one is lower than it: two would follow that one as well.
    """
    found = (V[1:-1] >= V[:-2]) & (V[2:] >= V[:-2])
    return int(np.argmax(found) if found.any() else np.argmin(V))


def _crossing(V: FloatArray, row: int, level: float) -> float:
    """Return where, in rows, V crosses a level between a row and the next."""
    return row + float((level - V[row]) / (V[row + 1] - V[row]))

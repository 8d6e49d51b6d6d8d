"""What features need of V, gathered while V is computed, and what they are made of then."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from pyhh_fast import validation
from pyhh_fast._features import (
    FEATURE_SETTINGS,
    FEATURE_SLOT,
    FEATURE_SPAN,
    FEATURE_WINDOW,
    FeaturePlan,
    Measure,
    take,
)
from pyhh_fast.typing import BoolArray, FloatArray, IntArray

BEGIN_SLOPE = 10.0
"""dV/dt (mV/ms) with which a spike begins: eFEL's `DerivativeThreshold`."""

LOOKBACK = 5.0
"""Time (ms) before a peak in which a spike must begin."""

ALL = -1
"""The number of a spike that stands for all."""

Which: TypeAlias = int | Literal["mean"]


@dataclasses.dataclass(frozen=True)
class Spikes:
    """Upward crossings of the threshold, by cell and then by time; arrays of shape (spikes,)."""

    cell: IntArray
    time: FloatArray
    """In ms."""

    def within(self, start: float, stop: float) -> "Spikes":
        """Return those from `start` until before `stop`."""
        return self.where((self.time >= start) & (self.time < stop))

    def where(self, chosen: Any) -> "Spikes":
        """Return some of them."""
        return Spikes(self.cell[chosen], self.time[chosen])

    @classmethod
    def of_cell(cls, times: FloatArray) -> "Spikes":
        """Return those of one cell."""
        return cls(np.zeros(times.size, np.int64), times)


class Window(NamedTuple):
    """V in a window, of each cell: its mean, central moments and extremes."""

    mean: FloatArray
    variance: FloatArray
    third: FloatArray
    fourth: FloatArray
    lowest: FloatArray
    highest: FloatArray

    @property
    def varies(self) -> BoolArray:
        """Whether V is not constant, but for rounding."""
        largest = np.maximum(np.abs(self.lowest), np.abs(self.highest))
        return self.variance > (1e-14 * largest) ** 2


class Progress(NamedTuple):
    """What is known of some cells after some rows of V."""

    numbers: FloatArray
    """Of shape (cells, numbers)."""
    history: FloatArray
    """V of the latest rows, the last one last, of shape (cells, history); NaN of none."""

    def copy(self) -> "Progress":
        """Return one that can be changed."""
        return Progress(self.numbers.copy(), self.history.copy())


def rows_before(time: float, dt: float) -> int:
    """Return how many rows of V are at earlier times (ms): row i is at (i + 1) dt."""
    whole, rest = validation.whole_steps(time, dt)
    return max(whole + int(rest > 0) - 1, 0)


class NoRow(Exception):
    """No row of V is in a window."""


class Plan:
    """What some features need.

    Parameters
    ----------
    features : dict of str to Feature
    dt : float, ms
    threshold : float, mV
        NaN where no feature is about spikes.
    """

    def __init__(self, features: Mapping[str, Any], dt: float, threshold: float) -> None:
        self.features, self.dt, self.threshold = dict(features), dt, threshold
        self._windows: dict[tuple[int, int], int] = {}
        self._spans: dict[tuple[float, float, int], int] = {}
        self._slots: dict[tuple[int, int, int], int] = {}
        none = Measured(self, None, Spikes.of_cell(np.empty(0)), 0)
        for name, feature in self.features.items():
            try:
                feature._value(none)  # which asks for what it needs
            except NoRow as error:
                raise ValueError(
                    f"{name} must have a multiple of dt, {dt:g}, in each window that it needs "
                    f"(ms); got {error}. Take a longer window, or a smaller dt."
                ) from None
        widths = any(measure == Measure.width for _, measure, _ in self._slots)
        lookback = validation.whole_steps(LOOKBACK, dt)[0]
        settings = np.zeros(1, FEATURE_SETTINGS)
        settings[0] = (dt, threshold, BEGIN_SLOPE, lookback, widths)
        self.arrays = (
            settings,
            np.array(list(self._windows), FEATURE_WINDOW),
            np.array(list(self._spans), FEATURE_SPAN),
            np.array(list(self._slots), FEATURE_SLOT),
        )
        self.compiled = FeaturePlan(*self.arrays)
        self.needs_V = bool(self._windows or self._slots)

    def window(self, start: float, stop: float) -> int:
        """Return the number of a window of V, in ms. Raise NoRow if no row is in it."""
        rows = rows_before(start, self.dt), rows_before(stop, self.dt)
        if rows[0] == rows[1]:
            raise NoRow(f"{start:g} to {stop:g}")
        return self._windows.setdefault(rows, len(self._windows))

    def slot(self, start: float, stop: float, measure: Measure, spike: Which) -> int:
        """Return the number of a measure of the spikes in a window, or of one of them."""
        key = (start, stop, rows_before(stop, self.dt))
        span = self._spans.setdefault(key, len(self._spans))
        number = ALL if spike == "mean" else spike
        return self._slots.setdefault((span, int(measure), number), len(self._slots))

    def begin(self, cells: int) -> Progress:
        """Return what is known of some cells before the first row."""
        numbers = np.tile(self.compiled.start(), (cells, 1))
        return Progress(numbers, np.full((cells, self.compiled.history), np.nan))

    def taken(self, progress: Progress, V: FloatArray, row: int) -> Progress:
        """Return what is known after further rows of V, shape (cells, rows), from number `row`."""
        after = progress.copy()
        for numbers, history, trace in zip(*after, V, strict=True):
            take(self.compiled, numbers, history, trace, row)
        return after

    def values(
        self, progress: Progress, spikes: Spikes, rows: int | IntArray
    ) -> dict[str, FloatArray]:
        """Return the features of each cell; NaN where its rows, so many, end before `stop`."""
        measured = Measured(self, progress, spikes, len(progress.numbers))
        return {
            name: np.where(
                rows >= rows_before(feature.stop, self.dt), feature._value(measured), np.nan
            )
            for name, feature in self.features.items()
        }

    def _first_slot(self) -> int:
        return self.compiled.numbers - 2 * len(self._slots)

    def _first_window(self) -> int:
        return self._first_slot() - len(self._spans) - len(Window._fields) * len(self._windows)


class Measured:
    """What features are made of; without `progress` it is only asked for.

    Attributes
    ----------
    cells : int
        How many there are.
    spikes : Spikes
    """

    def __init__(self, plan: Plan, progress: Progress | None, spikes: Spikes, cells: int) -> None:
        self._plan, self._progress, self.spikes, self.cells = plan, progress, spikes, cells

    def window(self, start: float, stop: float) -> Window:
        """Return V in a window."""
        number = self._plan.window(start, stop)
        if self._progress is None:
            return Window(*np.full((len(Window._fields), self.cells), np.nan))
        first = self._plan._first_window() + len(Window._fields) * number
        mean, second, third, fourth, low, high = self._progress.numbers.T[first : first + 6]
        whole = np.where(np.isnan(mean), np.nan, 1.0)  # extremes do not see NaN
        count = rows_before(stop, self._plan.dt) - rows_before(start, self._plan.dt)
        return Window(
            mean, second / count, third / count, fourth / count, whole * low, whole * high
        )

    def shape(self, start: float, stop: float, measure: Measure, spike: Which) -> FloatArray:
        """Return a measure of the spikes in a window, its mean or that of one of them."""
        number = self._plan.slot(start, stop, measure, spike)
        if self._progress is None:
            return np.empty(0)
        first = self._plan._first_slot() + 2 * number
        total, count = self._progress.numbers.T[first : first + 2]
        mean: FloatArray = total / np.where(count > 0, count, np.nan)
        return mean

    def mean_by_cell(self, cell: IntArray, values: FloatArray, least: int = 1) -> FloatArray:
        """Return the mean of the values of each cell; NaN of fewer than `least`."""
        count = np.bincount(cell, minlength=self.cells)
        means = np.bincount(cell, values, self.cells) / np.maximum(count, 1)
        return np.where(count >= least, means, np.nan)

"""What a feature is, and the traces that it is computed on."""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np

from pyhh_fast import validation
from pyhh_fast.typing import BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class Spikes:
    """Upward crossings of the threshold, by cell and then by time; arrays of shape (spikes,)."""

    cell: IntArray
    row: IntArray
    """First row at or above the threshold."""
    time: FloatArray
    """In ms, interpolated linearly."""

    def within(self, start: float, stop: float) -> BoolArray:
        """Return which are from `start` until before `stop`."""
        return (self.time >= start) & (self.time < stop)

    def where(self, chosen: Any) -> "Spikes":
        """Return some of them."""
        return Spikes(self.cell[chosen], self.row[chosen], self.time[chosen])


class Traces:
    """V of some cells, in mV, of shape (cells, samples).

    A row is a sample: row i is at time (i + 1) dt, as the rows of a recording.
    """

    def __init__(self, V: FloatArray, dt: float, threshold: float) -> None:
        self.V, self.dt, self.threshold = V, dt, threshold
        self.measured: dict[Any, Any] = {}
        self._spikes: Spikes | None = None

    @property
    def cells(self) -> int:
        """How many there are."""
        return len(self.V)

    def rows_before(self, time: float) -> int:
        """Return how many rows are at earlier times."""
        whole, rest = validation.whole_steps(time, self.dt)
        return min(max(whole + int(rest > 0) - 1, 0), int(self.V.shape[1]))

    def window(self, start: float, stop: float) -> FloatArray:
        """Return V from `start` until before `stop`."""
        return self.V[:, self.rows_before(start) : self.rows_before(stop)]

    @property
    def spikes(self) -> Spikes:
        """All spikes: V before < threshold ≤ V after."""
        if self._spikes is None:
            below = self.V < self.threshold
            cell, before = np.nonzero(below[:, :-1] & ~below[:, 1:])
            first, last = self.V[cell, before], self.V[cell, before + 1]
            part = (self.threshold - first) / (last - first)
            self._spikes = Spikes(cell, before + 1, (before + 1 + part) * self.dt)
        return self._spikes

    def spikes_in(self, start: float, stop: float) -> Spikes:
        """Return the spikes whose time is from `start` until before `stop`."""
        return self.spikes.where(self.spikes.within(start, stop))

    def mean_by_cell(self, cell: IntArray, values: FloatArray, least: int = 1) -> FloatArray:
        """Return the mean of the values of each cell; NaN of fewer than `least`."""
        count = np.bincount(cell, minlength=self.cells)
        means = np.bincount(cell, values, self.cells) / np.maximum(count, 1)
        return np.where(count >= least, means, np.nan)


@dataclasses.dataclass(frozen=True, repr=False)
class Feature(abc.ABC):
    """A number that describes V of a cell in a window of time.

    The classes of :mod:`pyhh_fast.features` are features; they can be compared and pickled. What is
    at `stop` or later does not count, so that a feature is known when a run reaches its `stop`.

    Parameters
    ----------
    start, stop : float, ms
        The window is from `start` until before `stop`.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, `start` is negative, or `stop` is not above `start`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.mean_voltage(0, 100)
    mean_voltage(0, 100)
    """

    start: float
    stop: float

    needs_threshold: ClassVar[bool] = True
    """Whether it is about spikes."""

    def __post_init__(self) -> None:
        start = validation.at_least("start", self.start, 0, unit="ms")
        stop = validation.real_number("stop", self.stop, unit="ms")
        if not stop > start:
            rule, got = f"above start, {start:g}", validation.shown(self.stop)
            raise ValueError(validation.message("stop", rule, got, unit="ms"))
        vars(self).update(start=start, stop=stop)

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)
        given = [(getattr(self, field.name), field.default) for field in fields]
        while given[-1][0] == given[-1][1]:
            given.pop()
        values = (repr(value).removesuffix(".0") for value, _ in given)
        return f"{type(self).__name__}({', '.join(values)})"

    @abc.abstractmethod
    def _values(self, traces: Traces) -> FloatArray:
        """Return that of each cell, of shape (cells,); NaN where there is none."""

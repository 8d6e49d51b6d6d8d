"""What a feature is: a number that describes V of a cell in a window of time."""

import abc
import dataclasses
from typing import ClassVar

from pyhh_fast import validation
from pyhh_fast.features.plan import Measured
from pyhh_fast.typing import FloatArray


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

    unit: ClassVar[str] = "1"
    """Of its values."""

    @property
    def _attributes(self) -> dict[str, str]:
        """Those of its values in a Dataset of xarray."""
        return {"units": self.unit, "long_name": repr(self)}

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
    def _value(self, measured: Measured) -> FloatArray:
        """Return that of each cell, of shape (cells,); NaN where there is none."""

"""The three forms in which most rates are published, as data: comparable, and storable as JSON.

They are those of NeuroML: HHExpRate, HHExpLinearRate and HHSigmoidRate. With x = (V - midpoint) /
scale,

    exponential  rate * exp(x)
    linoid       rate * x / (1 - exp(-x)), which is `rate` at x = 0
    sigmoid      rate / (1 + exp(-x))

Rates are in 1/ms, midpoints and scales in mV; a negative scale mirrors the curve at its midpoint.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from pyhh_fast import validation
from pyhh_fast.typing import FloatArray

__all__ = ["RateForm", "exponential", "linoid", "sigmoid"]


def _linoid(x: FloatArray) -> FloatArray:
    at_0 = x == 0
    curve: FloatArray = np.where(at_0, 1.0, x / -np.expm1(-np.where(at_0, 1.0, x)))
    return curve


_CURVES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "exponential": np.exp,
    "linoid": _linoid,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@dataclasses.dataclass(frozen=True, repr=False)
class RateForm:
    """A function of V (mV) that is known by its form and three numbers.

    Use :func:`exponential`, :func:`linoid` or :func:`sigmoid` to make one.

    Attributes
    ----------
    form : str
    rate : float, 1/ms
    midpoint, scale : float, mV
    """

    form: str
    rate: float
    midpoint: float
    scale: float

    def __post_init__(self) -> None:
        form = validation.choice("form", self.form, _CURVES)
        numbers = {
            "rate": validation.real_number(f"{form}'s rate", self.rate, positive=True),
            "midpoint": validation.real_number(f"{form}'s midpoint", self.midpoint, unit="mV"),
            "scale": validation.real_number(f"{form}'s scale", self.scale, unit="mV"),
        }
        if numbers["scale"] == 0:
            raise ValueError(f"{form}'s scale must be a finite number other than 0 (mV); got 0.")
        for name, number in numbers.items():
            object.__setattr__(self, name, number)

    @overload
    def __call__(self, V: float) -> float: ...
    @overload
    def __call__(self, V: FloatArray) -> FloatArray: ...
    def __call__(self, V: Any) -> Any:
        """Return the value at V (mV), a number or an array."""
        with np.errstate(over="ignore", under="ignore"):
            x = (np.asarray(V, np.float64) - self.midpoint) / self.scale
            values = self.rate * _CURVES[self.form](x)
        return values if np.ndim(V) else float(values)

    def __repr__(self) -> str:
        numbers = ", ".join(map(as_typed, (self.rate, self.midpoint, self.scale)))
        return f"{self.form}({numbers})"

    def description(self) -> dict[str, Any]:
        """Return what JSON can hold: the arguments of RateForm, by name."""
        return dataclasses.asdict(self)


def exponential(rate: float, midpoint: float, scale: float) -> RateForm:
    """Return the form ``rate * exp((V - midpoint) / scale)``, NeuroML's HHExpRate.

    Parameters
    ----------
    rate : float, 1/ms
        Its value at the midpoint, above 0.
    midpoint : float, mV
    scale : float, mV
        In how many mV it grows e-fold; it falls where this is negative.

    Raises
    ------
    TypeError, ValueError
        If an argument is no finite number, `rate` is not above 0, or `scale` is 0.

    Examples
    --------
    >>> from pyhh_fast.rate_forms import exponential
    >>> exponential(0.125, -44, -80)(-44)
    0.125
    """
    return RateForm("exponential", rate, midpoint, scale)


def linoid(rate: float, midpoint: float, scale: float) -> RateForm:
    """Return the form ``rate * x / (1 - exp(-x))``, x = (V - midpoint) / scale: HHExpLinearRate.

    Parameters
    ----------
    rate : float, 1/ms
        Its value at the midpoint, above 0.
    midpoint : float, mV
    scale : float, mV
        On the far side it is ``rate * (V - midpoint) / scale``.

    Raises
    ------
    TypeError, ValueError
        If an argument is no finite number, `rate` is not above 0, or `scale` is 0.

    Examples
    --------
    >>> from pyhh_fast.rate_forms import linoid
    >>> linoid(0.1, -34, 10)(-34)
    0.1
    """
    return RateForm("linoid", rate, midpoint, scale)


def sigmoid(rate: float, midpoint: float, scale: float) -> RateForm:
    """Return the form ``rate / (1 + exp(-(V - midpoint) / scale))``, NeuroML's HHSigmoidRate.

    Parameters
    ----------
    rate : float, 1/ms
        Its largest value, above 0; it is half of it at the midpoint. 1 where it is an open
        fraction, as `inf` of a gate.
    midpoint : float, mV
    scale : float, mV
        It falls with V where this is negative.

    Raises
    ------
    TypeError, ValueError
        If an argument is no finite number, `rate` is not above 0, or `scale` is 0.

    Examples
    --------
    >>> from pyhh_fast.rate_forms import sigmoid
    >>> sigmoid(1, -28, 10)(-28)
    0.5
    """
    return RateForm("sigmoid", rate, midpoint, scale)


def as_typed(number: float) -> str:
    """Return a number in the shortest way that it can be typed."""
    return repr(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)

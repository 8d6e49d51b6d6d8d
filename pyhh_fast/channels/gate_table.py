"""The table of a gate: its rates as piecewise polynomials of V - shift, or of a concentration."""

from typing import Any, ClassVar

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.channels.axes import CONCENTRATION, VOLTAGE, Axis
from pyhh_fast.typing import FloatArray

NODES = np.array(_rate_tables.NODES)

REACH = VOLTAGE.reach
"""Tables cover V - shift from -400 to 400 mV: V to 300 mV, shifts to 100."""

LARGEST_V = 300.0
"""V may be up to this, in mV, in a run with tables."""


class GateTable:
    """Polynomials for the rates of one gate over u = V - shift; never changed.

    Attributes
    ----------
    coefficients : ndarray, shape (rows, 6, 2)
        For each row and power alpha and alpha + beta, in 1/ms, without the gate's speed; inf and 1
        of an instantaneous gate. Row k is for u within half a width of k times the width, in powers
        of r = u / width - k, |r| <= 1/2.
    first : int
        Number k of the first row.
    width : float, mV
        Of a row; a power of two.
    own_width : float, mV
        The width that this gate needs; others of the neuron may need a smaller one.
    """

    __slots__ = ("coefficients", "first", "own_width", "width")

    axis: ClassVar[Axis] = VOLTAGE

    def __init__(self, coefficients: FloatArray, width: float, own_width: float) -> None:
        self.coefficients = np.ascontiguousarray(coefficients, np.float64)
        self.coefficients.flags.writeable = False
        self.width = width
        self.own_width = own_width
        self.first = self.axis.first(width)

    @property
    def inverse_width(self) -> float:
        """1 / width."""
        return 1 / self.width

    def __call__(self, u: FloatArray) -> FloatArray:
        """Return both at each u (mV), which must be within 400 mV, shape (2, n)."""
        number, r = self.axis.find(u, self.width)
        return _horner(self.coefficients[number - self.first], r[:, np.newaxis]).T

    def at_nodes(self) -> FloatArray:
        """Return both at the nodes of each row, shape (rows, 6, 2)."""
        return _horner(self.coefficients[:, np.newaxis], NODES[:, np.newaxis])

    def slopes(self, u: FloatArray) -> FloatArray:
        """Return the derivatives of both over u at each u, shape (2, n), per mV."""
        number, r = self.axis.find(u, self.width)
        powers = np.arange(1, _rate_tables.POWERS)[:, np.newaxis]
        rows = self.coefficients[number - self.first, 1:] * powers
        slopes = _horner(rows, r[:, np.newaxis]).T
        return np.asarray(slopes / self.axis.length(number, self.width))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.coefficients, self.width, self.own_width)


class PoolTable(GateTable):
    """The same over the concentration of a pool, in mM: what the rates are multiplied by.

    Of a gate of calcium alone these are its rates, of one that has `times` that function and 1.
    Its width is 1 over the number of rows in an octave. Row k is for concentrations whose bits,
    shifted right until an octave has so many numbers, are k; r is measured from its middle.
    """

    __slots__ = ()

    axis = CONCENTRATION


def _horner(coefficients: FloatArray, r: FloatArray) -> FloatArray:
    """Return polynomials, whose powers are along the second axis from the end.

    Products and sums are rounded one by one, so the bits are the same on all CPUs.
    """
    powers = coefficients.shape[-2]
    values: FloatArray = coefficients[..., powers - 1, :] * r
    for power in range(powers - 2, 0, -1):
        values = (values + coefficients[..., power, :]) * r
    return values + coefficients[..., 0, :]


class TabulatedRate:
    """A function that is known by its gate's table: what is left of one that was pickled.

    Parameters
    ----------
    name : str
        What it is of the gate: alpha, beta, inf, tau or times.
    """

    __slots__ = ("name", "table")

    def __init__(self, table: GateTable, name: str) -> None:
        self.table = table
        self.name = name

    def __call__(self, V: Any) -> Any:
        """Return the value at V (mV) or a concentration (mM), a number or an array.

        It is NaN beyond the table's ends.
        """
        u = np.atleast_1d(np.asarray(V, np.float64))
        inside = self.table.axis.covers(u)
        alpha, alpha_plus_beta = self.table(np.where(inside, u, 1.0))
        values = {
            "alpha": alpha,
            "beta": alpha_plus_beta - alpha,
            "inf": alpha / alpha_plus_beta,
            "tau": 1 / alpha_plus_beta,
            "times": alpha,
        }[self.name]
        values = np.where(inside, values, np.nan)
        return values if np.ndim(V) else float(values[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TabulatedRate):
            return NotImplemented
        return self.name == other.name and np.array_equal(
            self.table.coefficients, other.table.coefficients
        )

    def __hash__(self) -> int:
        coefficients = self.table.coefficients
        return hash((self.name, coefficients.shape, coefficients[len(coefficients) // 3].tobytes()))

    def __repr__(self) -> str:
        return f"<tabulated {self.name}>"

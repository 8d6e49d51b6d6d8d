"""The table of a gate: its rates as piecewise polynomials of V - shift."""

from typing import Any

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.typing import FloatArray, IntArray

NODES = np.array(_rate_tables.NODES)

REACH = 400.0
"""Tables cover V - shift from -400 to 400 mV: V to 300 mV, shifts to 100."""

WIDEST = 0.5
"""Largest width of rows, in mV."""

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

    def __init__(self, coefficients: FloatArray, width: float, own_width: float) -> None:
        self.coefficients = np.ascontiguousarray(coefficients, np.float64)
        self.coefficients.flags.writeable = False
        self.width = width
        self.own_width = own_width
        self.first = -(len(coefficients) // 2)

    @property
    def inverse_width(self) -> float:
        """1 / width."""
        return 1 / self.width

    def __call__(self, u: FloatArray) -> FloatArray:
        """Return both at each u (mV), which must be within 400 mV, shape (2, n)."""
        number, r = self._place(u)
        return _horner(self.coefficients[number], r).T

    def at_nodes(self) -> FloatArray:
        """Return both at the nodes of each row, shape (rows, 6, 2)."""
        return _horner(self.coefficients[:, np.newaxis], NODES[:, np.newaxis])

    def slopes(self, u: FloatArray) -> FloatArray:
        """Return the derivatives of both over u at each u, shape (2, n), per mV."""
        number, r = self._place(u)
        powers = np.arange(1, _rate_tables.POWERS)[:, np.newaxis]
        return _horner(self.coefficients[number, 1:] * powers, r).T * self.inverse_width

    def __reduce__(self) -> tuple[Any, ...]:
        return GateTable, (self.coefficients, self.width, self.own_width)

    def _place(self, u: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return the rows of u, counted from 0, and r, shape (n, 1), measured from their middles.

        Where u is a little beyond the last row's end, that row's polynomial is continued.
        """
        place = u * self.inverse_width
        number = np.clip(np.rint(place), self.first, -self.first)
        return (number - self.first).astype(np.int64), (place - number)[:, np.newaxis]


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
    """A function of V that is known by its gate's table: what is left of one that was pickled.

    Parameters
    ----------
    name : str
        What it is of the gate: alpha, beta, inf or tau.
    """

    __slots__ = ("name", "table")

    def __init__(self, table: GateTable, name: str) -> None:
        self.table = table
        self.name = name

    def __call__(self, V: Any) -> Any:
        """Return the value at V (mV), a number or an array; NaN beyond the table's ends."""
        u = np.atleast_1d(np.asarray(V, np.float64))
        inside = np.abs(u) <= REACH + WIDEST / 2
        alpha, alpha_plus_beta = self.table(np.where(inside, u, 0.0))
        values = {
            "alpha": alpha,
            "beta": alpha_plus_beta - alpha,
            "inf": alpha / alpha_plus_beta,
            "tau": 1 / alpha_plus_beta,
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

"""Tables of rates: polynomials over V, which the time loops read instead of formulas.

`kinetics` makes them, stores hold them. A row depends on its V alone, not on when or for what range
it was computed, so results do not depend on the range of the table.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.system import aligned_arrays
from pyhh_fast.typing import FloatArray, IntArray

WIDTH = 0.25
"""Width of a row in mV. At 0.5 the last term that is left out is 1e-14 of a rate like e^(V/10), at
0.25 below rounding; the time loop is as fast with either."""

FIRST_RANGE = (-50.0, 150.0)
"""Where a table begins, in mV; rows are added where V goes beyond."""

LARGEST_V = 1_000.0
"""No rows beyond this, in mV: the rates there are evaluated one by one."""

LARGEST_RATE = 1e300
"""In 1/ms: far from rest rates are infinite, and are replaced by this where two are divided."""

GROWTH = 100.0
"""Rows are added up to the next multiple of this, in mV."""

RANGE_FOR_MANY = 300.0
"""Half the range, in mV, of the table of built-in rates that populations use."""

RATES = np.dtype([(f"{rate}_{gate}", np.float64) for gate in "mhn" for rate in ("alpha", "beta")])
"""The rates at one V, as hodgkin_huxley.h has them."""

RatesAt = Callable[[FloatArray], FloatArray]
"""Takes V, shape (n,), mV; returns rates, shape (n, 6), 1/ms: alpha m, h, n, beta m, h, n."""


class RateTable:
    """Polynomials for the rates over a range of V; never changed.

    Parameters
    ----------
    rows : ndarray, shape (n, 6, 8)
        Coefficients, as src/rate_table.h lays them out.
    first : int
        Number of the first row; row k is centred on k times `width`.
    width : float
        Width of a row, in mV; a power of two.
    """

    def __init__(self, rows: FloatArray, first: int, width: float) -> None:
        self.rows = rows
        self.first = first
        self.width = width
        self.inverse_width = 1 / width
        # Numbers of rows with nodes of their own.
        self.repaired: set[int] = set()
        # Where V may be, in mV, both ends excluded. Up to the middle of the outermost rows, the row
        # of a V exists, whichever way the CPU rounds its number.
        self.low = first * width
        self.high = (first + len(rows) - 1) * width
        self.low, self.high = max(self.low, -LARGEST_V), min(self.high, LARGEST_V)
        self._scaled: dict[str, tuple[float, FloatArray]] = {}

    def times(self, dt: float) -> FloatArray:
        """Return rows of alpha and alpha + beta times `dt`; those of the latest `dt` are cached."""
        return self._for("times", dt, self._make_times)

    def times_phi1(self, dt: float) -> FloatArray:
        """Return rows for exponential Euler: the same times phi1(-(alpha + beta) dt).

        See src/exponential_euler.h. Those of the latest `dt` are cached.
        """
        return self._for("phi1", dt, self._make_times_phi1)

    def _for(self, what: str, dt: float, make: Callable[[float], FloatArray]) -> FloatArray:
        cached_dt, rows = self._scaled.get(what, (None, self.rows))
        if cached_dt != dt:
            rows = make(dt)
            self._scaled[what] = (dt, rows)
        return rows

    def _make_times(self, dt: float) -> FloatArray:
        rows = _empty_rows(len(self.rows))
        with np.errstate(over="ignore"):  # by a dt at which any run diverges
            np.multiply(self.rows, dt, out=rows)
            half = _rate_tables.LANES // 2
            rows[:, :, half:] += rows[:, :, :half]
        return rows

    def _make_times_phi1(self, dt: float) -> FloatArray:
        numbers = np.arange(self.first, self.first + len(self.rows))
        return rows_of(lambda V: times_phi1(self(V), dt), numbers, self.width)

    def __call__(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V within the table."""
        rates = np.empty((V.size, 6))
        _rate_tables.evaluate(self.rows, self.first, self.inverse_width, V, rates)
        return rates


def hodgkin_huxley(V: FloatArray) -> FloatArray:
    """Return the rates of Hodgkin & Huxley (1952), as compiled, at each V."""
    rates = np.empty(V.size, RATES)
    _rate_tables.rates_at(V, rates)
    by_gate = rates.view(np.float64).reshape(V.size, 3, 2)
    return np.concatenate([by_gate[:, :, 0], by_gate[:, :, 1]], axis=1)


def tabulate(rates_at: RatesAt, low: float, high: float, width: float = WIDTH) -> RateTable:
    """Return a table of `rates_at` that covers `low` to `high`."""
    first, last = round(low / width), round(high / width)
    numbers = np.arange(first, last + 1)
    return RateTable(rows_of(rates_at, numbers, width), first, width)


def rows_of(rates_at: RatesAt, numbers: IntArray, width: float, reach: float = 1.0) -> FloatArray:
    """Return the rows of these numbers.

    Parameters
    ----------
    reach : float, default 1
        Where in a row the nodes are, relative to Chebyshev's; below 1 they move inwards.
    """
    nodes = reach * np.array(_rate_tables.NODES)
    V = (numbers[:, np.newaxis] + nodes) * width
    values = rates_at(V.ravel()).reshape(numbers.size, _rate_tables.POWERS, 6)
    rows = _empty_rows(numbers.size)
    _rate_tables.fit(values, rows)
    if reach != 1:
        rows /= reach ** np.arange(_rate_tables.POWERS)[:, np.newaxis]
    return rows


def empty() -> RateTable:
    """Return a table that covers no V: all rates are evaluated one by one."""
    table = RateTable(np.zeros((1, _rate_tables.POWERS, _rate_tables.LANES)), 0, WIDTH)
    table.low, table.high = np.inf, -np.inf
    return table


def steady(rates: FloatArray) -> FloatArray:
    """Return the steady states of the gates, shape (n, 3), of rates of shape (n, 6)."""
    alpha, beta = np.split(np.minimum(rates, LARGEST_RATE), 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(alpha / (alpha + beta))


def times(rates: FloatArray, dt: float) -> FloatArray:
    """Return alpha and alpha + beta times `dt`, of rates of shape (n, 6)."""
    with np.errstate(over="ignore"):  # by a dt at which any run diverges
        scaled = rates * dt
        scaled[:, 3:] += scaled[:, :3]
    return scaled


def times_phi1(rates: FloatArray, dt: float) -> FloatArray:
    """Return the same times phi1(-(alpha + beta) dt), for exponential Euler.

    phi1(z) is (e^z - 1) / z: M. Hochbruck and A. Ostermann, "Exponential integrators", Acta
    Numerica 19, 209-286 (2010).
    """
    scaled = times(rates, dt)
    _rate_tables.relax(scaled)
    return scaled


def line(V: float, rates: FloatArray) -> FloatArray:
    """Return a line, shape (1, 9), by which the time loops know the rates at `V` without a row."""
    numbers = np.zeros((1, _rate_tables.LINE))
    numbers[0, 0], numbers[0, 1:4], numbers[0, 5:8] = V, rates[:3], rates[3:]
    return numbers


NO_LINES = np.empty((0, _rate_tables.LINE))
"""No such lines."""


def range_with(
    V: float, low: float = FIRST_RANGE[0], high: float = FIRST_RANGE[1]
) -> tuple[float, float]:
    """Return `low` and `high`, moved out to a multiple of GROWTH where `V` is not between them."""
    far = min(LARGEST_V, GROWTH * (math.floor(abs(V) / GROWTH) + 1))
    return (min(low, -far) if V <= low else low, max(high, far) if V >= high else high)


_built_in: RateTable | None = None


def built_in(V: float) -> RateTable:
    """Return the table of Hodgkin & Huxley's rates, extended to cover `V`; it is cached."""
    global _built_in
    table = _built_in
    if table is None:
        table = tabulate(hodgkin_huxley, *range_with(V))
    elif not table.low < V < table.high:
        table = tabulate(hodgkin_huxley, *range_with(V, table.low, table.high))
    _built_in = table
    return table


@functools.cache
def built_in_for_many() -> RateTable:
    """Return the table of Hodgkin & Huxley's rates that populations use, of one range for all.

    Beyond it they compute the rates by the equations, whose last bits differ: so the range must
    not depend on what was run before.
    """
    return tabulate(hodgkin_huxley, -RANGE_FOR_MANY, RANGE_FOR_MANY)


def _empty_rows(rows: int) -> FloatArray:
    """Return an empty array of `rows` rows, each of which begins at a cache line."""
    shape = (rows, _rate_tables.POWERS, _rate_tables.LANES)
    return aligned_arrays.aligned(rows * _rate_tables.POWERS * _rate_tables.LANES).reshape(shape)

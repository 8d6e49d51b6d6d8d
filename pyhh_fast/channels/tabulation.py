"""Tables of a gate's rates: fitted, checked between their nodes, mended at 0/0.

They are over V, or over the concentration of a pool; axes.py says how either is divided into rows.

A table is piecewise polynomials of degree 5. Where they err by more than 1e-12, rows are halved;
where that does not help, as at a kink, the error there is stated, or refused if it is above 1e-4.
"""

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.channels.gate_rates import CheckedFunction, GateRates
from pyhh_fast.channels.gate_table import NODES
from pyhh_fast.typing import FloatArray, IntArray

TOLERANCE = 7e-13
"""Largest relative error of a table where it is checked; between these places it is 1e-12."""

LARGEST_ERROR = 1e-4
"""The same beside kinks."""

INF_FLOOR = 1e-3
"""alpha counts relative to itself plus this part of alpha + beta: where a steady state is below
1e-3, formulas such as ``0.5 * (1 + tanh(x))`` have few digits."""

JUMP = 10
"""What changes so many times more within that than beside it is a jump."""

POWERS = _rate_tables.POWERS
CHECKED_AT = np.array([-0.4999, -0.2113, 0.2871, 0.4999])
DENSE = np.linspace(-0.4999, 0.4999, 34)
"""Where in a row its error is measured; dense where it is stated."""

NODES_TRIED = (NODES, 0.93 * NODES, 0.85 * NODES, NODES + 0.05, NODES - 0.05)
"""Where nodes are in rows with a 0/0 at or near one."""

APART = 314_159 * (np.arange(32) + np.arange(32) ** 2 % 31 / 31)
APART -= APART.mean()
"""How many units in the last place the V of a mean are from its middle: so many, and so uneven,
that the rounding of ``exp(V / 64)`` beside 1 is not the same at all of them."""

MOST_AVERAGED = 16
"""Rows in which means are tried. Formulas have no more 0/0."""

BLOCK = 1024
"""Rows that are fitted at a time: their arrays stay in the cache, and linear algebra is done by one
thread, which gives the same bits whatever the number of CPUs."""

HALVING = 16
"""Smooth rates err by less than this part where rows are halved (1/64, but for rounding)."""


def width_for(rates: GateRates) -> float:
    """Return the width that a gate probably needs, from some of the rows."""
    axis = rates.axis
    width, error = 2 * axis.widest, np.inf
    while error > TOLERANCE and width > axis.finest:
        finer = _fit(rates, axis.sampled(width / 2), width / 2)[1].max()
        if not (np.isfinite(finer) and finer <= max(TOLERANCE, error / HALVING)):
            break
        width, error = width / 2, finer
    return min(width, axis.widest)


def fit(rates: GateRates, width: float) -> tuple[FloatArray, str | float]:
    """Return polynomials of all rows, shape (2, 6, rows), or the width that they need instead.

    Raise ValueError if no table can hold the rates.

    Returns
    -------
    polynomials : ndarray
    warning : str or float
        Of kinks, empty where there are none; a number is the width that is needed.
    """
    numbers = rates.axis.rows(width)
    polynomials, errors = _fit(rates, numbers, width)
    bad = np.flatnonzero(~(errors <= TOLERANCE))
    if bad.size:
        mended, errors = _mend(rates, polynomials[:, :, bad], numbers[bad], width)
        polynomials[:, :, bad] = mended
        left = ~(errors <= TOLERANCE)
        bad, errors = bad[left], errors[left]
    if 0 < bad.size <= MOST_AVERAGED:
        mended, of_means = _mend(_Means(rates), polynomials[:, :, bad], numbers[bad], width)
        left = ~(of_means <= TOLERANCE)
        polynomials[:, :, bad[~left]] = mended[:, :, ~left]
        bad, errors = bad[left], errors[left]
    if not bad.size:
        return polynomials, ""
    _see_finite(rates, polynomials, numbers, bad, width)
    if width > rates.axis.finest and _halving_helps(rates, numbers[bad], errors, width):
        return polynomials, width / 2
    return polynomials, _rough(rates, numbers[bad], width)


class _Means:
    """Rates averaged over less than 1e-6 mV, within which formulas' rounding is not the same.

    The means have a fifth of it. A kink stays what it is.
    """

    def __init__(self, rates: GateRates) -> None:
        self.axis = rates.axis
        self._rates = rates

    def __call__(self, V: FloatArray) -> FloatArray:
        means: FloatArray = self._around(V).mean(axis=0)
        return means

    def rounding(self, V: FloatArray) -> FloatArray:
        """Return by how much rounding still moves them, shape (2, n): four standard errors."""
        values = self._around(V)
        apart = APART[:, np.newaxis, np.newaxis]
        values -= values.mean(axis=0)
        values -= apart * ((apart * values).sum(axis=0) / (apart**2).sum())  # the slope
        errors: FloatArray = 4 * values.std(axis=0) / np.sqrt(APART.size)
        return errors

    def _around(self, V: FloatArray) -> FloatArray:
        """Return the rates near each V, shape (32, 2, n), from one call of the functions."""
        near = V + APART[:, np.newaxis] * self.axis.rounding(V)
        values = self._rates(near.ravel()).reshape(2, *near.shape)
        return np.ascontiguousarray(values.swapaxes(0, 1))


def _fit(
    rates: GateRates, numbers: IntArray, width: float, at: FloatArray = CHECKED_AT
) -> tuple[FloatArray, FloatArray]:
    """Return the polynomials of these rows, shape (2, 6, n), and their errors, shape (n,)."""
    # In memory as GateTable has them, so that they need not be copied.
    polynomials = np.empty((numbers.size, POWERS, 2)).transpose(2, 1, 0)
    errors = np.empty(numbers.size)
    points = np.concatenate([NODES, at])
    for start in range(0, numbers.size, BLOCK):
        block = slice(start, start + BLOCK)
        values = _values(rates, numbers[block], points, width)
        of_block = fitted(values[:, :POWERS])
        polynomials[:, :, block] = of_block
        np.max(_errors(of_block, values[:, POWERS:], at), axis=0, out=errors[block])
    return polynomials, errors


def _values(
    rates: GateRates | _Means, numbers: IntArray, at: FloatArray, width: float
) -> FloatArray:
    """Return both rates at these places of rows, shape (2, at.size, n)."""
    V = rates.axis.points(numbers, at[:, np.newaxis], width)
    return rates(V.ravel()).reshape(2, *V.shape)


def _matrix(nodes: FloatArray) -> FloatArray:
    """Return the matrix that turns values at the nodes into coefficients."""
    powers = nodes[:, np.newaxis] ** np.arange(POWERS)
    return np.asarray(np.linalg.inv(powers), np.float64)


_AT_NODES = _matrix(NODES)


def fitted(values: FloatArray, matrix: FloatArray = _AT_NODES) -> FloatArray:
    """Return polynomials from values at the nodes, both along the last axis but one."""
    middle = values[..., 2:3, :]
    # Differences are fitted, so that rounding counts against the change within a row.
    polynomials: FloatArray = matrix @ (values - middle)
    polynomials[..., :1, :] += middle
    return polynomials


def _errors(polynomials: FloatArray, exact: FloatArray, at: FloatArray) -> FloatArray:
    """Return the larger relative error of alpha and alpha + beta, shape (at.size, n)."""
    got = at[:, np.newaxis] ** np.arange(POWERS) @ polynomials
    errors = np.abs(got - exact)
    scale = np.abs(exact)
    scale[0] += INF_FLOOR * scale[1]
    errors /= np.maximum(scale, 1e-290, out=scale)
    largest: FloatArray = np.maximum(errors[0], errors[1])
    if np.isnan(largest).any():
        largest[np.isnan(got).any(axis=0)] = np.inf
    return largest


def _mend(
    rates: GateRates | _Means, polynomials: FloatArray, numbers: IntArray, width: float
) -> tuple[FloatArray, FloatArray]:
    """Fit rows again with other nodes, away from a 0/0 at or near one.

    There a formula gives NaN, or loses digits. Return the better polynomials and their errors, but
    for what the formulas' own rounding adds to them.
    """
    best, errors = polynomials.copy(), _errors_of(rates, polynomials, numbers, width)
    for nodes in NODES_TRIED:
        again = fitted(_values(rates, numbers, nodes, width), _matrix(nodes))
        errors_again = _errors_of(rates, again, numbers, width)
        better = errors_again < errors
        best[:, :, better], errors[better] = again[:, :, better], errors_again[better]
    return best, errors


def _errors_of(
    rates: GateRates | _Means, polynomials: FloatArray, numbers: IntArray, width: float
) -> FloatArray:
    """Return the errors of rows without the formulas' own rounding."""
    errors = _errors(polynomials, _values(rates, numbers, CHECKED_AT, width), CHECKED_AT)
    doubtful = ~(errors <= TOLERANCE)
    if doubtful.any():
        V = rates.axis.points(numbers, CHECKED_AT[:, np.newaxis], width)
        errors[doubtful] -= _rounding(rates, V[doubtful])
        errors[np.isnan(errors)] = 0.0  # at a 0/0
    largest: FloatArray = errors.max(axis=0)
    return largest


def _rounding(rates: GateRates | _Means, V: FloatArray) -> FloatArray:
    """Return by how much the formulas' rounding moves the rates at each V, relatively.

    It is what they do between V that are next to one another, or what is left of it in means: next
    to nothing, except beside a 0/0. At a 0/0 itself it is NaN.
    """
    at = rates(V)
    if isinstance(rates, _Means):
        moved = rates.rounding(V)
    else:
        ulps = rates.axis.rounding(V)
        beside = [np.abs(rates(V + j * ulps) - at) for j in (-3, -2, -1, 1, 2, 3)]
        moved = 4 * np.max(beside, axis=0)
    largest: FloatArray = (moved / np.maximum(at, 1e-290)).max(axis=0)
    return largest


def _see_finite(
    rates: GateRates, polynomials: FloatArray, numbers: IntArray, bad: IntArray, width: float
) -> None:
    """See that the functions are finite in bad rows, but for single points."""
    infinite = bad[~np.isfinite(polynomials[:, :, bad]).all(axis=(0, 1))]
    for number in sorted(numbers[infinite].tolist(), key=abs):
        middle = float(rates.axis.points(number, 0.0, width))
        error = rates.not_finite_near(middle, 0.4 * float(rates.axis.length(number, width)))
        if error is not None:
            raise error


def _halving_helps(rates: GateRates, numbers: IntArray, errors: FloatArray, width: float) -> bool:
    """Whether any of these rows is only too wide for how steep the rates are there."""
    chosen = np.unique(np.concatenate([np.argsort(errors)[-16:], np.arange(0, errors.size, 16)]))
    halves = rates.axis.within(numbers[chosen], width, width / 2)
    new_errors = _fit(rates, halves.ravel(), width / 2, DENSE)[1].reshape(halves.shape).max(axis=1)
    return bool((new_errors <= np.maximum(TOLERANCE, errors[chosen] / HALVING)).any())


def _rough(rates: GateRates, numbers: IntArray, width: float) -> str | float:
    """Return the warning for rows where rates are not smooth, or the width that they need."""
    errors = np.nan_to_num(_fit(rates, numbers, width, DENSE)[1], nan=0.0)
    worst = int(np.argmax(errors))
    number, error = int(numbers[worst]), float(errors[worst])
    axis, finer = rates.axis, width / 2
    while finer >= axis.finest and not error <= LARGEST_ERROR:
        inside = axis.within(numbers[worst : worst + 1], width, finer).ravel()
        error = float(_fit(rates, inside, finer, DENSE)[1].max())
        if error <= LARGEST_ERROR:
            return finer
        finer /= 2
    label, V, jumps = _find_roughness(rates, number, width)
    what = "jumps" if jumps else "has a kink or bends sharply"
    if not error <= LARGEST_ERROR:
        raise ValueError(
            f"{label} must be a smooth function of {axis.name}; got one that {what} at "
            f"{axis.at(V)}, where a table has a relative error of {error:.1g}, above "
            f"{LARGEST_ERROR:g}. Pass a smooth one."
        )
    more = f", as in {numbers.size - 1} more places" if numbers.size > 1 else ""
    return (
        f"{label} {what} at {axis.at(V)}{more}: the relative error of the rates is up to "
        f"{error:.1g} there, within {axis.length(number, width):.3g} {axis.unit}. Pass a smooth "
        "function where that matters."
    )


def _find_roughness(rates: GateRates, number: int, width: float) -> tuple[str, float, bool]:
    """Return which function is not smooth in a row, where, and whether it jumps there."""
    axis, row = rates.axis, np.array([number])

    def error_of(function: CheckedFunction) -> float:
        values = function(axis.points(row, np.concatenate([NODES, DENSE]), width))
        both = np.stack([values, np.zeros(values.size)])[:, :, np.newaxis]
        errors = _errors(fitted(both[:, :POWERS]), both[:, POWERS:], DENSE)
        return float(np.nan_to_num(errors).max())

    function = max(rates.functions.values(), key=error_of)
    low, high = axis.points(row, np.array([-0.5, 0.5]), width)
    while high - low > axis.located_within(low):
        points = np.linspace(low, high, 65)
        bend = np.abs(np.diff(function(points), 2))
        i = int(np.nanargmax(bend)) if np.isfinite(bend).any() else 32
        low, high = points[max(i - 1, 0)], points[min(i + 3, 64)]
    before, low_value, high_value, after = function(
        np.array([2 * low - high, low, high, 2 * high - low])
    )
    change = abs(high_value - low_value)
    beside = abs(low_value - before) + abs(after - high_value)
    jumps = change > JUMP * beside and change > 1e-9 * abs(low_value)
    return function.label, 0.5 * (low + high), bool(jumps)

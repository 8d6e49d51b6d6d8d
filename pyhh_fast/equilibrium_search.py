"""Where dV/dt of membranes with steady gates is 0: brackets on a grid, then roots between them.

Two equilibria that are closer than the grid, as near a fold where they meet, are found as well:
where dV/dt comes near 0 between points of the grid and leaves again, its extremum is looked for.
Closer than about 1e-5 mV they count as none.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pyhh_fast.membranes import IntArray, IteratedMembrane, Membranes
from pyhh_fast.validation import FloatArray

FINEST = 2.0**-52
"""Equilibria are given to this, in mV, or to their own last bit where that is more."""

SECANTS = 12
"""After so many steps towards a root, those that are left are found by halving."""

NEAR = 8
"""How far from where the secants end the root is looked for first, in units of its last bit."""

EXTREMUM_POINTS = 17
EXTREMUM_ROUNDS = 6

CLOSE = 1e-9
"""Where a secant step is shorter, in mV, the next point is the root but for rounding."""

Bracket = tuple[IntArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Cells, and V (mV) at either side of a root of each, and dV/dt there."""

Cells = Membranes | IteratedMembrane


def equilibria_of(cells: Cells) -> tuple[IntArray, FloatArray]:
    """Return all equilibria: the numbers of their cells, and V (mV) rising for each cell."""
    V, over_grid = cells.over_grid()
    found: list[Bracket] = []
    for first, dVdt in over_grid:
        if not dVdt.any():
            continue
        positive = dVdt > 0
        crossed = positive[:, :-1] != positive[:, 1:]
        if not np.isfinite(dVdt).all():
            known = ~np.isnan(dVdt)
            crossed &= known[:, :-1] & known[:, 1:]
        cell, i = _where(crossed)
        found.append((cell + first, V[i], V[i + 1], dVdt[cell, i], dVdt[cell, i + 1]))
        found.extend(_pairs(cells, first, V, dVdt, positive))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0)
    cell, *bracket = (np.concatenate(parts) for parts in zip(*found, strict=True))
    V = _roots(cells.take(cell), *bracket)
    order = np.lexsort((V, cell))
    cell, V = cell[order], V[order]
    again = np.zeros(cell.size, bool)  # where dV/dt is 0 at a point of the grid
    again[1:] = (cell[1:] == cell[:-1]) & (V[1:] == V[:-1])
    return cell[~again], V[~again]


def _where(true: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Return what np.nonzero does of two dimensions, five times as fast."""
    row, column = np.divmod(np.flatnonzero(true), true.shape[1])
    return row, column


def _pairs(
    cells: Cells, first: int, V: FloatArray, dVdt: FloatArray, positive: npt.NDArray[np.bool_]
) -> Iterator[Bracket]:
    """Find pairs of equilibria between which there is no point of the grid."""
    size = np.abs(dVdt)
    at = size[:, 1:-1]
    lowest = (at <= size[:, :-2]) & (at <= size[:, 2:])
    lowest &= (positive[:, :-2] == positive[:, 1:-1]) & (positive[:, 2:] == positive[:, 1:-1])
    cell, i = _where(lowest)
    before, here, after = size[cell, i], size[cell, i + 1], size[cell, i + 2]
    # The parabola through the three, and as much again as it may err.
    bend = np.maximum(before + after - 2 * here, 1e-300)
    near_0 = here - (after - before) ** 2 / (8 * bend) <= 0.25 * bend
    row, i = cell[near_0], i[near_0]
    if not row.size:
        return
    cell, ends = row + first, (dVdt[row, i], dVdt[row, i + 2])
    side = positive[row, i]
    sign = np.where(side, 1.0, -1.0)
    low, high = V[i], V[i + 2]
    for _ in range(EXTREMUM_ROUNDS):
        between = np.linspace(low, high, EXTREMUM_POINTS, axis=1)
        owners = cells.take(np.repeat(cell, EXTREMUM_POINTS))
        towards_0 = owners.dVdt(between.ravel()).reshape(between.shape) * sign[:, np.newaxis]
        best = np.clip(np.nanargmin(towards_0, axis=1), 1, EXTREMUM_POINTS - 2)
        one = np.arange(cell.size)
        low, high = between[one, best - 1], between[one, best + 1]
    middle, there = between[one, best], towards_0[one, best] * sign
    beyond = (there > 0) != side
    yield cell[beyond], V[i][beyond], middle[beyond], ends[0][beyond], there[beyond]
    yield cell[beyond], middle[beyond], V[i + 2][beyond], there[beyond], ends[1][beyond]


def _roots(
    cells: Cells, low: FloatArray, high: FloatArray, at_low: FloatArray, at_high: FloatArray
) -> FloatArray:
    """Return where dV/dt of each cell changes its sign between `low` and `high` (mV).

    It is the lowest V, to the last bit, where it has not the sign any more that it has at `low`.
    """
    positive = at_low > 0
    near = _secants(cells, low, high, at_low, at_high)
    unit = np.maximum(np.spacing(np.abs(near)), FINEST)
    # From here on in whole units.
    least, most = np.floor(low / unit), np.ceil(high / unit)
    low, high = _widened(cells, np.rint(near / unit), unit, positive, least, most)
    while True:
        middle = low + np.floor((high - low) / 2)
        # Not only high - low > 1: far from `near`, whole numbers may be too large for each to be.
        wide = (low < middle) & (middle < high)
        if not wide.any():
            break
        as_low = (cells.dVdt(middle * unit) > 0) == positive
        as_low, middle = as_low | ~wide, np.where(wide, middle, low)
        low, high = np.where(as_low, middle, low), np.where(as_low, high, middle)
    return high * unit


def _secants(
    cells: Cells, a: FloatArray, b: FloatArray, f_a: FloatArray, f_b: FloatArray
) -> FloatArray:
    """Approach the roots between `a` and `b` by the method of Anderson and Björck."""
    near = b.copy()
    left = np.arange(b.size)  # those that are not there yet
    for _ in range(SECANTS):
        new = b - f_b * ((b - a) / (f_b - f_a))
        within = (new >= np.minimum(a, b)) & (new <= np.maximum(a, b))
        new = np.where(within, new, 0.5 * (a + b))
        near[left] = new
        far = np.abs(new - b) > CLOSE
        if not far.all():
            left, cells = left[far], cells.take(np.flatnonzero(far))
            a, b, f_a, f_b, new = a[far], b[far], f_a[far], f_b[far], new[far]
        if not left.size:
            break
        f_new = cells.dVdt(new)
        same_side = (f_new > 0) == (f_b > 0)
        factor = 1 - f_new / f_b
        f_a = np.where(same_side, f_a * np.where(factor > 0, factor, 0.5), f_b)
        a, b, f_b = np.where(same_side, a, b), new, f_new
    return near


def _widened(
    cells: Cells,
    at: FloatArray,
    unit: FloatArray,
    positive: npt.NDArray[np.bool_],
    least: FloatArray,
    most: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return whole numbers of units around `at` between which the sign changes."""
    ends = []
    for side, end in ((-1, least), (1, most)):
        reach = np.full(at.size, float(NEAR))
        while True:
            place = np.clip(at + side * reach, least, most)
            as_low = (cells.dVdt(place * unit) > 0) == positive
            wrong = (as_low if side > 0 else ~as_low) & (place != end)
            if not wrong.any():
                break
            reach[wrong] *= 32
        ends.append(place)
    return ends[0], ends[1]

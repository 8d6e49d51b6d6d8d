"""The search for equilibria: where dV/dt changes its sign on a grid, then the roots between.

`rest_states` calls it. Two equilibria that are closer than the grid, as near a fold where they
meet, are found as well: where dV/dt approaches 0 between points of the grid and departs again, its
extremum is searched for. If they are closer than about 1e-5 mV, neither is found.
"""

from typing import Protocol, Self

import numpy as np

from pyhh_fast import _equilibria, root_search
from pyhh_fast.typing import FloatArray, IntArray

EXTREMUM_POINTS = 17
EXTREMUM_ROUNDS = 6

SCAN_BUFFER = 4_096
"""Brackets that a scan of the grid returns at most, in addition to those that one cell may have."""

Bracket = tuple[IntArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Cells, and V (mV) at either side of a root of each, and dV/dt there."""


class Cells(Protocol):
    """What is searched: `Membranes`, and what can be evaluated as they can."""

    def take(self, cell: IntArray) -> Self:
        """Return these cells, in this order."""

    def over_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return V of a grid, weights and parts, as `Membranes` does."""

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt of each cell at its V with steady gates, mV/ms."""

    def finish(self, search: FloatArray, V: FloatArray) -> bool:
        """Complete the searches in compiled code, where possible; return whether it was."""


def equilibria_of(cells: Cells) -> tuple[IntArray, FloatArray]:
    """Return all equilibria: the numbers of their cells, and V (mV), ascending for each cell."""
    V, weights, parts = cells.over_grid()
    room = SCAN_BUFFER + 2 * V.size
    scratch, places, ends = np.empty(V.size), np.empty((room, 3), np.int64), np.empty((room, 2))
    found: list[Bracket] = []
    first = 0
    while first < len(weights):
        first, count = _equilibria.scan(weights, parts, first, scratch, places, ends)
        beside_fold = places[:count, 2] == 1
        for paired in (False, True):
            which = np.flatnonzero(beside_fold == paired)
            if which.size:
                cell, i = places[which, 0], places[which, 1]
                bracket = cell, V[i], V[i + 1 + paired], ends[which, 0], ends[which, 1]
                found += _pairs(cells, *bracket) if paired else [bracket]
    if not found:
        return np.zeros(0, np.int64), np.zeros(0)
    cell, low, high, at_low, at_high = (np.concatenate(part) for part in zip(*found, strict=True))
    V = _roots(cells.take(cell), low, high, at_low, at_high)
    order = np.lexsort((V, cell))
    cell, V = cell[order], V[order]
    # Where dV/dt is 0 at a point of the grid, the intervals on both sides have the root.
    twice = np.zeros(cell.size, bool)
    twice[1:] = (cell[1:] == cell[:-1]) & (V[1:] == V[:-1])
    return cell[~twice], V[~twice]


def _pairs(
    cells: Cells,
    cell: IntArray,
    first: FloatArray,
    last: FloatArray,
    at_first: FloatArray,
    at_last: FloatArray,
) -> list[Bracket]:
    """Return the pairs of equilibria within these intervals, whose ends have one sign."""
    side = at_first > 0
    sign = np.where(side, 1.0, -1.0)
    low, high = first, last
    owners = cells.take(np.repeat(cell, EXTREMUM_POINTS))
    one = np.arange(cell.size)
    for _ in range(EXTREMUM_ROUNDS):
        between = np.linspace(low, high, EXTREMUM_POINTS, axis=1)
        # dV/dt with the sign that makes it positive at the ends: its minimum is the extremum.
        towards_0 = owners.dVdt(between.ravel()).reshape(between.shape) * sign[:, np.newaxis]
        best = np.clip(np.nanargmin(towards_0, axis=1), 1, EXTREMUM_POINTS - 2)
        low, high = between[one, best - 1], between[one, best + 1]
    middle, there = between[one, best], towards_0[one, best] * sign
    # Where the extremum is beyond 0, there is a root on either side of it.
    beyond = (there > 0) != side
    cell, first, last, at_first, at_last, middle, there = (
        part[beyond] for part in (cell, first, last, at_first, at_last, middle, there)
    )
    return [(cell, first, middle, at_first, there), (cell, middle, last, there, at_last)]


def _roots(
    cells: Cells, low: FloatArray, high: FloatArray, at_low: FloatArray, at_high: FloatArray
) -> FloatArray:
    """Return where dV/dt of each cell changes its sign between `low` and `high` (mV).

    It is the lowest V, to the last bit, where its sign is not that at `low`.
    """
    search, V = root_search.begin(low, high, at_low, at_high)
    if cells.finish(search, V):
        return V
    return root_search.proceed(lambda V, left: cells.take(left).dVdt(V), search, V)

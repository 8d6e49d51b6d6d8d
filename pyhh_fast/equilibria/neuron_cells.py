"""Where the cells of a neuron rest: the search for equilibria of many, each with its numbers."""

import functools
import math
from typing import Self

import numpy as np

from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.channels.steady import potential, reversals
from pyhh_fast.equilibria.membranes import GRID_STEP, grid
from pyhh_fast.equilibria.neurons import jacobians, net_current
from pyhh_fast.equilibria.rest_states import NoRest
from pyhh_fast.equilibria.search import equilibria_of
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray

TOGETHER = 8_192
"""Cells that are searched at once."""

WITH_OWN_SHIFTS = 64
"""The same, of those that have dV/dt over the grid each for itself."""


class CellMembranes:
    """dV/dt of cells whose gates are steady, as the search for equilibria takes it."""

    def __init__(self, cells: NeuronCells) -> None:
        self.cells = cells

    def take(self, cell: IntArray) -> Self:
        """Return these cells, in this order."""
        return type(self)(self.cells._take(cell))

    def finish(self, search: FloatArray, V: FloatArray) -> bool:
        """Return False: searches need the tables."""
        return False

    def over_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the V of a grid, ascending, and dV/dt of each cell there, as `Membranes` does."""
        neuron, size = self.cells.neuron, self.cells.size
        ends = reversals(neuron, self.cells._value).values()
        E = np.concatenate([np.ravel(one) for of_one in ends for one in of_one])
        low, high = max(E.min() - 1, -LARGEST_V), min(E.max() + 1, LARGEST_V - 1)
        width = min([GRID_STEP / 4, *(table.width for table in neuron.tables.values())])
        V = grid(low, high, width)
        if not self.cells._open_alike:
            # What is open at a V is found once, as far as it is the same in all cells.
            dVdt = self._dVdt(V[np.newaxis])
            return V, np.eye(size), np.array(np.broadcast_to(dVdt, (size, V.size)))
        # What is open is the same in all cells.
        channels = neuron.channels
        steady = neuron._steady(V)
        parts, weights = np.empty((2 * len(channels), V.size)), np.empty((size, 2 * len(channels)))
        for i, (name, channel) in enumerate(channels.items()):
            gates = channel.gates.items()
            # By products, as in net_current.
            factors = (steady[f"{name}.{key}"] for key, gate in gates for _ in range(gate.power))
            parts[2 * i] = math.prod(factors, start=np.ones(V.size))
            parts[2 * i + 1] = parts[2 * i] * V
            per_Cm = self.cells._value(f"{name}.g") / self.cells._value("Cm")
            weights[:, 2 * i + 1] = -per_Cm
            weights[:, 2 * i] = 0.0
            if isinstance(channel.E, Nernst):
                reversal = potential(name, channel.E, steady, self.cells._value)
                parts[2 * i + 1] -= parts[2 * i] * reversal
            else:
                weights[:, 2 * i] = per_Cm * self.cells._value(f"{name}.E")
        return V, weights, parts

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt of each cell at its V with steady gates, mV/ms."""
        return self._dVdt(V[:, np.newaxis])[:, 0]

    def _dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt at V of shape (cells, n), or (1, n) for all cells."""

        cells = self.cells
        column = functools.partial(cells._column, dimensions=2)
        steady = cells._steady_gates(V)
        dVdt: FloatArray = net_current(cells.neuron, 0.0, V, steady, column) / column("Cm")
        return dVdt

    def are_stable(self, V: FloatArray) -> BoolArray:
        """Whether small deviations of each cell from its equilibrium at V die out."""
        eigenvalues = np.linalg.eigvals(jacobians(self.cells, V)).astype(np.complex128)
        return np.asarray((eigenvalues.real < 0).all(axis=1))


@rounds_to_nearest
def starts_of_cells(cells: NeuronCells) -> FloatArray:
    """Return the V (mV) at which each cell starts: as `start_of_neuron` says, with its numbers.

    Raises
    ------
    NoRest
        If a cell has no equilibrium.
    """
    # Cells whose numbers are equal start at the same V.
    numbers = np.column_stack([np.zeros(cells.size), *cells._values.values()])
    kinds, which = np.unique(numbers, axis=0, return_inverse=True)
    first = np.zeros(len(kinds), np.int64)
    first[which.ravel()[::-1]] = np.arange(cells.size)[::-1]
    starts = np.empty(len(kinds))
    together = TOGETHER if cells._open_alike else WITH_OWN_SHIFTS
    for begin in range(0, len(kinds), together):
        some = first[begin : begin + together]
        starts[begin : begin + together] = _starts(CellMembranes(cells._take(some)), some)
    return starts[which.ravel()]


def _starts(membranes: CellMembranes, numbers: IntArray) -> FloatArray:
    """Return where each of some cells starts; `numbers` are theirs, for an error."""
    cells = membranes.cells
    with np.errstate(all="ignore"):
        cell, V = equilibria_of(membranes)
        stable = membranes.take(cell).are_stable(V)
    leaks = [name for name, channel in cells.neuron.channels.items() if not channel.gates]
    nearest = np.zeros(V.size)
    if leaks:
        of_leak = reversals(cells.neuron, cells._value)[leaks[0]][0]
        E = np.broadcast_to(of_leak, (cells.size,))
        nearest = np.abs(V - E[cell])
    has_stable = np.zeros(cells.size, bool)
    has_stable[cell[stable]] = True
    # The lowest stable one; else the nearest to the leak's reversal potential, or the lowest.
    usable = np.flatnonzero(stable | ~has_stable[cell])
    rank = np.where(stable, V, nearest)[usable]
    order = usable[np.lexsort((V[usable], rank, cell[usable]))]
    found = np.full(cells.size, np.nan)
    found[cell[order[::-1]]] = V[order[::-1]]
    if np.isnan(found).any():
        without = int(numbers[np.argmax(np.isnan(found))])
        raise NoRest([], without, "parameters", "Start it by start='steady' and Vm=.")
    return found

"""Where the cells of a neuron rest: the search for equilibria of many, each with its numbers."""

from typing import Self

import numpy as np

from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.equilibria.membranes import GRID_STEP, grid
from pyhh_fast.equilibria.neurons import jacobians, net_current
from pyhh_fast.equilibria.rest_states import NoRest
from pyhh_fast.equilibria.search import equilibria_of
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray

TOGETHER = 64
"""Cells whose dV/dt is over the grid at once."""


class CellMembranes:
    """dV/dt of cells whose gates are steady, as the search for equilibria takes it."""

    def __init__(self, cells: NeuronCells) -> None:
        self.cells = cells

    def take(self, cell: IntArray) -> Self:
        """Return these cells, in this order."""
        return type(self)(self.cells.take(cell))

    def finish(self, search: FloatArray, V: FloatArray) -> bool:
        """Return False: searches need the tables."""
        return False

    def over_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the V of a grid, ascending, and dV/dt of each cell there, as `Membranes` does."""
        neuron, size = self.cells.neuron, self.cells.size
        reversals = [np.ravel(self.cells.value(f"{name}.E")) for name in neuron.channels]
        E = np.concatenate(reversals)
        low, high = max(E.min() - 1, -LARGEST_V), min(E.max() + 1, LARGEST_V - 1)
        width = min([GRID_STEP / 4, *(table.width for table in neuron.tables.values())])
        V = grid(low, high, width)
        return V, np.eye(size), self._dVdt(np.broadcast_to(V, (size, V.size)))

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt of each cell at its V with steady gates, mV/ms."""
        return self._dVdt(V[:, np.newaxis])[:, 0]

    def _dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt at several V of each cell, shape (cells, n)."""

        def column(path: str) -> FloatArray:
            return np.reshape(self.cells.value(path), (-1, 1))

        cells = self.cells
        steady = cells.steady_gates(V)
        return net_current(cells.neuron, 0.0, V, steady, column) / column("Cm")

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
    # Cells whose numbers that matter are equal start at the same V.
    matter = [
        own for path, own in cells.values.items() if not path.endswith(".speed") and path != "Cm"
    ]
    speeds = [own for path, own in cells.values.items() if path.endswith(".speed") or path == "Cm"]
    kinds, which = np.unique(
        np.column_stack([np.zeros(cells.size), *matter, *speeds]), axis=0, return_inverse=True
    )
    first = np.zeros(len(kinds), np.int64)
    first[which.ravel()[::-1]] = np.arange(cells.size)[::-1]
    starts = np.empty(len(kinds))
    for begin in range(0, len(kinds), TOGETHER):
        some = first[begin : begin + TOGETHER]
        starts[begin : begin + TOGETHER] = _starts(CellMembranes(cells.take(some)), some)
    return starts[which.ravel()]


def _starts(membranes: CellMembranes, numbers: IntArray) -> FloatArray:
    """Return where each of some cells starts; `numbers` are theirs, for an error."""
    cells = membranes.cells
    with np.errstate(all="ignore"):
        cell, V = equilibria_of(membranes)
        stable = membranes.take(cell).are_stable(V)
    leaks = [name for name, channel in cells.neuron.channels.items() if not channel.gates]
    targets = np.zeros(cells.size)
    if leaks:
        targets[:] = cells.value(f"{leaks[0]}.E")
    found = np.empty(cells.size)
    for i in range(cells.size):
        own, rests = V[cell == i], V[(cell == i) & stable]
        if not own.size:
            raise NoRest([], int(numbers[i]), "parameters", "Start it by start='steady' and Vm=.")
        target = own[0]
        if leaks:
            target = np.ravel(cells.value(f"{leaks[0]}.E"))[
                i if f"{leaks[0]}.E" in cells.values else 0
            ]
        found[i] = rests[0] if rests.size else own[np.argmin(np.abs(own - target))]
    return found

"""Equilibria of a Neuron, their stability, and which of them is its rest."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.equilibria.membranes import GRID_STEP, grid
from pyhh_fast.equilibria.rest_states import NoRest
from pyhh_fast.equilibria.search import equilibria_of
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray


class Equilibrium(NamedTuple):
    """A state in which nothing changes under a constant current.

    Attributes
    ----------
    V : float, mV
    stable : bool
        Whether small deviations die out: all eigenvalues have negative real parts.
    eigenvalues : ndarray of complex, 1/ms
        Of the Jacobian of V and the gates that are not instantaneous.
    """

    V: float
    stable: bool
    eigenvalues: npt.NDArray[np.complex128]


class ChannelMembrane:
    """dV/dt of a neuron whose gates are steady, as the search for equilibria takes it.

    Parameters
    ----------
    current : float, µA/cm²
    """

    def __init__(self, neuron: Neuron, current: float) -> None:
        self._neuron = neuron
        self._current = current

    def take(self, cell: IntArray) -> "ChannelMembrane":
        """Return this neuron, for as many V as there are numbers."""
        return self

    def finish(self, search: FloatArray, V: FloatArray) -> bool:
        """Return False: its searches need its tables."""
        return False

    def over_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the V of a grid, ascending, and dV/dt there, as `Membranes` does.

        Without current all equilibria are between reversal potentials.
        """
        reversals = [channel.E for channel in self._neuron.channels.values()]
        low, high = min(reversals) - 1, max(reversals) + 1
        if self._current:
            low, high = -LARGEST_V, LARGEST_V
        width = min([GRID_STEP / 4, *(table.width for table in self._neuron.tables.values())])
        V = grid(max(low, -LARGEST_V), min(high, LARGEST_V - 1), width)
        return V, np.ones((1, 1)), self.dVdt(V)[np.newaxis]

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt at each V with steady gates, mV/ms."""
        steady = self._neuron._steady_gates(V)
        return net_current(self._neuron, self._current, V, steady) / self._neuron.Cm


def net_current(
    neuron: Neuron,
    current: Any,
    V: FloatArray,
    gates: Mapping[str, FloatArray],
    value: Callable[[str], Any] | None = None,
) -> FloatArray:
    """Return Cm dV/dt (µA/cm²) at each V with these gates: the injected current less all others.

    The numbers of many cells are what `value` returns for a path, in the shape of V.
    """
    value = neuron.parameters.__getitem__ if value is None else value
    total: FloatArray = np.zeros(V.shape) + current
    for name, channel in neuron.channels.items():
        conductance = np.zeros(V.shape) + value(f"{name}.g")
        for gate_name, gate in channel.gates.items():
            for _ in range(gate.power):  # the last bits of NumPy's powers depend on the CPU
                conductance *= gates[f"{name}.{gate_name}"]
        total -= conductance * (V - value(f"{name}.E"))
    return total


def jacobian(neuron: Neuron, V: float) -> FloatArray:
    """Return the derivatives of dV/dt and of the gates' rates of change, with steady gates at V.

    Instantaneous gates follow V, so what they do is in the column of V.

    Returns
    -------
    ndarray, shape (n, n), 1/ms
        Rows and columns are V and the gates that are not instantaneous, in declared order.
    """
    found: FloatArray = jacobians(NeuronCells(neuron, 1, {}), np.array([V]))[0]
    return found


def jacobians(cells: NeuronCells, V: FloatArray) -> FloatArray:
    """Return the Jacobian of each cell at its V, shape (cells, n, n), as :func:`jacobian` does."""
    neuron, value = cells.neuron, cells._value
    steady = cells._steady_gates(V)
    moving = [path for path, gate in neuron.gates.items() if not gate.instantaneous]
    column = {path: 1 + i for i, path in enumerate(moving)}
    matrix = np.zeros((V.size, 1 + len(moving), 1 + len(moving)))
    for name, channel in neuron.channels.items():
        gates = {f"{name}.{gate_name}": gate for gate_name, gate in channel.gates.items()}
        at = V - value(f"{name}.shift") if gates else V
        factors = {path: steady[path] ** gate.power for path, gate in gates.items()}
        g, E = value(f"{name}.g"), value(f"{name}.E")
        matrix[:, 0, 0] -= g * math.prod(factors.values())
        for path, gate in gates.items():
            x, table = steady[path], neuron.tables[path]
            others = math.prod(one for other, one in factors.items() if other != path)
            change = -g * (V - E) * gate.power * x ** (gate.power - 1) * others
            alpha_slope, total_slope = table.slopes(at)
            if gate.instantaneous:
                matrix[:, 0, 0] += change * alpha_slope
                continue
            i, speed = column[path], value(f"{path}.speed")
            matrix[:, 0, i] = change
            matrix[:, i, 0] = speed * (alpha_slope - total_slope * x)
            matrix[:, i, i] = -speed * table(at)[1]
    matrix[:, 0] /= np.reshape(value("Cm"), (-1, 1))
    return matrix


@rounds_to_nearest
def equilibria(neuron: Neuron, current: float = 0.0) -> list[Equilibrium]:
    """Return all equilibria of a neuron under a constant current (µA/cm²), V ascending.

    Those beyond 300 mV, where its tables end, are not found.
    """
    with np.errstate(all="ignore"):
        _, found = equilibria_of(ChannelMembrane(neuron, current))
    return [equilibrium_at(neuron, V) for V in found.tolist()]


def equilibrium_at(neuron: Neuron, V: float) -> Equilibrium:
    """Return the equilibrium at V (mV), under whatever current that takes."""
    eigenvalues = np.linalg.eigvals(jacobian(neuron, V)).astype(np.complex128)
    return Equilibrium(V, bool((eigenvalues.real < 0).all()), eigenvalues)


def rest_of_neuron(neuron: Neuron) -> float:
    """Return the lowest stable equilibrium without current, in mV.

    Raise NoRest if no equilibrium is stable.
    """
    found = equilibria(neuron)
    for one in found:
        if one.stable:
            return one.V
    advice = "Give Simulation(neuron, Vm=...) a potential to start at."
    raise NoRest([one.V for one in found], owner="the neuron", advice=advice)


def start_of_neuron(neuron: Neuron) -> float:
    """Return the V (mV) to start at: rest, or the unstable equilibrium nearest the leak's E.

    The leak is the first channel without gates; where there is none, the lowest equilibrium is
    taken.

    Raise NoRest if there is no equilibrium.
    """
    try:
        return neuron.rest
    except NoRest as error:
        if not error.found:
            raise
        leaks = [channel.E for channel in neuron.channels.values() if not channel.gates]
        target = leaks[0] if leaks else error.found[0]
        return min(error.found, key=lambda V: abs(V - target))

"""Equilibria of a Neuron, their stability, and which of them is its rest."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.channels.steady import potential, rates, reversals
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
        Of the Jacobian of V, the gates that are not instantaneous, and pools.
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
        value = self._neuron.parameters.__getitem__
        ends = [float(E) for of_one in reversals(self._neuron, value).values() for E in of_one]
        low, high = min(ends) - 1, max(ends) + 1
        if self._current:
            low, high = -LARGEST_V, LARGEST_V
        width = min([GRID_STEP / 4, *(table.width for table in self._neuron.tables.values())])
        V = grid(max(low, -LARGEST_V), min(high, LARGEST_V - 1), width)
        return V, np.ones((1, 1)), self.dVdt(V)[np.newaxis]

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt at each V with steady gates, mV/ms."""
        state = self._neuron._steady(V)
        return net_current(self._neuron, self._current, V, state) / self._neuron.Cm


def net_current(
    neuron: Neuron,
    current: Any,
    V: FloatArray,
    state: Mapping[str, FloatArray],
    value: Callable[[str], Any] | None = None,
) -> FloatArray:
    """Return Cm dV/dt (µA/cm²) at each V: the injected current less all others.

    The state has gates by path, and concentrations by pool.

    The numbers of many cells are what `value` returns for a path, as they broadcast with V.
    """
    value = neuron.parameters.__getitem__ if value is None else value
    total: FloatArray = np.zeros(V.shape) + current
    for name, channel in neuron.channels.items():
        conductance = np.zeros(V.shape) + value(f"{name}.g")
        for gate_name, gate in channel.gates.items():
            for _ in range(gate.power):  # the last bits of NumPy's powers depend on the CPU
                conductance = conductance * state[f"{name}.{gate_name}"]
        total = total - conductance * (V - potential(name, channel.E, state, value))
    return total


def jacobian(neuron: Neuron, V: float) -> FloatArray:
    """Return the derivatives of all rates of change, with steady gates and pools at V.

    Instantaneous gates follow V and calcium, so what they do is in their columns.

    Returns
    -------
    ndarray, shape (n, n), 1/ms
        Rows and columns are V, the gates that are not instantaneous, and pools, in declared order.
    """
    found: FloatArray = jacobians(NeuronCells(neuron, 1, {}), np.array([V]))[0]
    return found


def jacobians(cells: NeuronCells, V: FloatArray) -> FloatArray:
    """Return the Jacobian of each cell at its V, shape (cells, n, n), as :func:`jacobian` does."""
    neuron, value = cells.neuron, cells._value
    steady = cells._steady_gates(V)
    moving = [path for path, gate in neuron.gates.items() if not gate.instantaneous]
    column = {name: i for i, name in enumerate(["Vm", *moving, *neuron.pools])}
    matrix = np.zeros((V.size, len(column), len(column)))
    inflow = {name: np.zeros(V.size) for name in neuron.pools}
    for name, channel in neuron.channels.items():
        gates = {f"{name}.{gate_name}": gate for gate_name, gate in channel.gates.items()}
        factors = {path: steady[path] ** gate.power for path, gate in gates.items()}
        g = value(f"{name}.g")
        beyond = V - potential(name, channel.E, steady, value)
        conductance = g * math.prod(factors.values())
        # The derivatives of its current by all variables.
        current = np.zeros((V.size, len(column)))
        current[:, 0] = conductance
        if isinstance(channel.E, Nernst):
            slope = cells._reversal(name)[1]
            current[:, column[channel.E.pool]] += conductance * slope / steady[channel.E.pool]
        for path, gate in gates.items():
            x = steady[path]
            others = math.prod(one for other, one in factors.items() if other != path)
            by_x = g * beyond * gate.power * x ** (gate.power - 1) * others
            if not gate.instantaneous:
                i, speed = column[path], value(f"{path}.speed")
                current[:, i] += by_x
                matrix[:, i, i] = -speed * rates(neuron, path, V, steady, value)[1]
            for other, (alpha_slope, total_slope) in _slopes(cells, path, V, steady).items():
                if gate.instantaneous:
                    current[:, column[other]] += by_x * alpha_slope
                else:
                    matrix[:, i, column[other]] = speed * (alpha_slope - total_slope * x)
        matrix[:, 0] -= current
        if channel.feeds is not None:
            inflow[channel.feeds] -= conductance * beyond
            matrix[:, column[channel.feeds]] -= current
    matrix[:, 0] /= np.reshape(value("Cm"), (-1, 1))
    for name, current_in in inflow.items():
        row = column[name]
        gain = np.where(current_in > 0, value(f"{name}.gain"), 0.0)
        matrix[:, row] *= gain[:, np.newaxis]
        matrix[:, row, row] -= 1 / value(f"{name}.tau")
    return matrix


def _slopes(
    cells: NeuronCells, path: str, V: FloatArray, steady: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Return the derivatives of alpha and alpha + beta of a gate, by what they depend on."""
    neuron, gate = cells.neuron, cells.neuron.gates[path]
    if gate.of is not None:
        return {gate.of: neuron.pool_tables[path].slopes(steady[gate.of])}
    table, at = neuron.tables[path], V - cells._value(f"{path.partition('.')[0]}.shift")
    by_V = table.slopes(at)
    if gate.times is None:
        return {"Vm": by_V}
    pool, of_pool = gate.times[0], neuron.pool_tables[path]
    by_V[0] *= of_pool(steady[pool])[0]
    by_pool = of_pool.slopes(steady[pool]) * table(at)[0]  # the slopes of the function and of 1
    return {"Vm": by_V, pool: by_pool}


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
        E = reversals(neuron, neuron.parameters.__getitem__)
        leaks = [E[name][0] for name, channel in neuron.channels.items() if not channel.gates]
        target = leaks[0] if leaks else error.found[0]
        return min(error.found, key=lambda V: abs(V - target))

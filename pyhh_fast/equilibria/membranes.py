"""dV/dt of membranes whose gates are steady, for the search for equilibria.

`Membranes` are cells that step as HHModel does, at rates that depend on V alone: dV/dt is computed
at all V at once, compiled. Any other model is an `IteratedMembrane`, whose dV/dt comes from its
overridden `iterate`: one forward Euler step of 1 ms moves each variable by its time derivative.
"""

from typing import Any, Self

import numpy as np

from pyhh_fast import _equilibria, rate_tables
from pyhh_fast.models import membrane
from pyhh_fast.models.hh_model import set_rates
from pyhh_fast.rate_tables import RatesAt
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray
from pyhh_fast.variables import CAPACITANCE, CHANNELS

GRID_STEP = 1.0
"""Spacing of the search, in mV, before intervals are divided."""

ITERATED_GRID_STEP = 0.25
"""The same for an `IteratedMembrane`, whose gates do not refine the grid."""

MOST_GRID_POINTS = 20_000

LARGEST_CHANGE = 0.1
"""Intervals over which the steady state of a gate changes by more are divided, ..."""

DIVISIONS = 16
"""... at most so often."""

MARGIN = 50.0
"""How far beyond the reversal potentials to search, in mV, where currents may flow uphill."""

V_WIDTH = 1e-4
"""Deviation of V, in mV, from which derivatives of rates are taken."""


class Membranes:
    """Cells with the equations of HHModel, each with its parameters.

    Parameters
    ----------
    parameters : structured array, shape (size,)
        Its fields are those of `hh_parameters` in src/hodgkin_huxley.h.
    rates_at : callable
        Takes V, shape (n,), and returns rates, shape (n, 6): alpha m, h, n, beta m, h, n.
    """

    def __init__(self, parameters: StructArray, rates_at: RatesAt) -> None:
        self._parameters = parameters
        self._rates_at = rates_at

    def take(self, cell: IntArray) -> Self:
        """Return these cells, in this order."""
        return type(self)(self._parameters[cell], self._rates_at)

    def _search_range(self) -> tuple[float, float]:
        """Return a range of V, in mV, that contains all equilibria.

        Where no conductance is negative, all currents are outward above the reversal potentials,
        and inward below.
        """
        p = self._parameters
        low, high, margin = np.inf, -np.inf, 1.0
        for channel in CHANNELS:
            g = p[channel.conductance.symbol]
            reversals = p[channel.reversal.symbol][g != 0]
            if reversals.size:
                low, high = min(low, float(reversals.min())), max(high, float(reversals.max()))
            if (g < 0).any():
                margin = MARGIN
        return (low - margin, high + margin) if low <= high else (0.0, 0.0)

    def _steady_gates(self, V: FloatArray) -> FloatArray:
        """Return the steady states of the gates, shape (n, 3)."""
        rates = self._rates_at(V)
        gates: FloatArray = rates[:, :3] / (rates[:, :3] + rates[:, 3:])
        return gates

    def over_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the V of a grid, ascending, and dV/dt there as a product: V, weights, parts.

        dV/dt of all cells is `weights` @ `parts`, shape (size, k) and (k, V.size).
        """
        V = grid(*self._search_range(), GRID_STEP)
        gates = self._steady_gates(V)
        for _ in range(DIVISIONS):
            steep = np.flatnonzero((np.abs(gates[1:] - gates[:-1]) > LARGEST_CHANGE).any(axis=1))
            if not steep.size or V.size > MOST_GRID_POINTS:
                break
            between = 0.5 * (V[steep] + V[steep + 1])
            gates = np.insert(gates, steep + 1, self._steady_gates(between), axis=0)
            V = np.insert(V, steep + 1, between)
        parts = np.empty((6, V.size))
        _equilibria.parts_over(V, gates, parts)
        p = self._parameters
        weights = np.empty((p.size, 6))
        for i, channel in enumerate(CHANNELS):
            per_C_m = p[channel.conductance.symbol] / p[CAPACITANCE.symbol]
            weights[:, 2 * i] = -per_C_m
            weights[:, 2 * i + 1] = per_C_m * p[channel.reversal.symbol]
        return V, weights, parts

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt of each cell at its V with steady gates, mV/ms."""
        dVdt = np.empty(V.size)
        _equilibria.slopes(self._parameters, V, self._rates_at(V), dVdt)
        return dVdt

    def finish(self, search: FloatArray, V: FloatArray) -> bool:
        """Finish the searches of these cells, if compiled code can; return whether it did."""
        if self._rates_at is not rate_tables.hodgkin_huxley:
            return False
        _equilibria.finish_built_in(search, self._parameters, V)
        return True

    def are_stable(self, V: FloatArray) -> BoolArray:
        """Whether small deviations of each cell from its equilibrium at V decay.

        They do where all eigenvalues of the Jacobian of (V, m, h, n) have negative real parts.
        """
        rates, higher, lower = (self._rates_at(V + side) for side in (0.0, V_WIDTH, -V_WIDTH))
        coefficients = np.empty((4, V.size))
        _equilibria.characteristic(self._parameters, V, V_WIDTH, rates, higher, lower, coefficients)
        stable: BoolArray = _routh_hurwitz(*coefficients)
        return stable


class IteratedMembrane:
    """A single cell whose derivatives come from its overridden `iterate`."""

    def __init__(self, scratch: Any) -> None:
        self._scratch = scratch

    def take(self, cell: IntArray) -> Self:
        """Return this cell, for as many V as there are numbers."""
        return self

    def finish(self, search: FloatArray, V: FloatArray) -> bool:
        """Return False: its searches need its overridden `iterate`."""
        return False

    def over_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the V of a grid and dV/dt there, as `Membranes` does."""
        reversals = [float(E) for E in membrane.reversals_of(self._scratch)]
        V = grid(min(reversals) - MARGIN, max(reversals) + MARGIN, ITERATED_GRID_STEP)
        probes = [0, V.size // 3, V.size - 1]
        one_by_one = [self._dVdt_at(float(V[i])) for i in probes]
        try:
            together = np.asarray(self._dVdt_at(V), dtype=np.float64)
        except Exception:  # of a user's formulas that take no arrays
            together = np.empty(0)
        right = together.shape == V.shape and np.allclose(
            together[probes], one_by_one, rtol=1e-9, atol=0
        )
        return V, np.ones((1, 1)), (together if right else self.dVdt(V))[np.newaxis]

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt at each V with steady gates, mV/ms; V are given one by one."""
        return np.array([self._dVdt_at(float(v)) for v in V])

    def _dVdt_at(self, V: Any) -> Any:
        self._set_steady(V)
        try:
            self._scratch.iterate(0.0, 1.0)
        except Exception as error:  # of a user's code
            if np.ndim(V) == 0:
                name = type(self._scratch).__name__
                error.add_note(f"In a step of {name}, its own iterate, at V = {V:.6g} mV.")
            raise
        return self._scratch.Vm - V

    def _set_steady(self, V: Any) -> None:
        self._scratch.Vm = V
        set_rates(self._scratch, V)
        for gate in membrane.gates_of(self._scratch):
            gate.setInfiniteState()

    def are_stable(self, V: FloatArray) -> BoolArray:
        """Whether small deviations from the equilibrium at each V decay.

        The Jacobian is that of `iterate`, by differences.
        """
        return np.array([self._is_stable(float(v)) for v in V], bool)

    def _is_stable(self, V: float) -> bool:
        self._set_steady(V)
        at = np.array(membrane.state_of(self._scratch))
        jacobian = np.empty((4, 4))
        for column, deviation in enumerate(np.diag([V_WIDTH, 1e-6, 1e-6, 1e-6])):
            after, before = self._derivative(at + deviation), self._derivative(at - deviation)
            jacobian[:, column] = (after - before) / (2 * deviation[column])
        return bool(all_decay(jacobian))

    def _derivative(self, at: FloatArray) -> FloatArray:
        scratch = self._scratch
        scratch.Vm, *states = at.tolist()
        for gate, state in zip(membrane.gates_of(scratch), states, strict=True):
            gate.state = state
        scratch.iterate(0.0, 1.0)
        change: FloatArray = np.array(membrane.state_of(scratch)) - at
        return change


def grid(low: float, high: float, step: float) -> FloatArray:
    """Return V from `low` to `high` or a little beyond, the same whatever the range.

    So the last bits of an equilibrium do not depend on the other cells of a search. The steps of
    very wide ranges are wider. No point is a round number, where a user's formulas may be 0/0.
    """
    first, last = np.floor(low / step), np.ceil(high / step)
    if last - first < MOST_GRID_POINTS:
        V: FloatArray = np.arange(first, last + 1) * step + 0.01234567
        return V
    return np.linspace(low, high, MOST_GRID_POINTS) + 0.01234567


def _routh_hurwitz(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Whether all roots of x^4 + a x^3 + b x^2 + c x + d have negative real parts."""
    return (a > 0) & (c > 0) & (d > 0) & (a * b * c > c * c + a * a * d)


def all_decay(jacobian: FloatArray) -> Any:
    """Whether all eigenvalues of 4x4 matrices, shape (..., 4, 4), have negative real parts.

    The characteristic polynomial is by Faddeev and LeVerrier. LAPACK would give the eigenvalues,
    but its threads keep spinning for a while, on the CPUs that a run needs next.
    """
    unit = np.eye(4)
    coefficients: list[Any] = []
    power = np.zeros_like(jacobian)
    for degree in range(1, 5):
        last = coefficients[-1] if coefficients else np.ones(jacobian.shape[:-2])
        power = np.einsum("...ij,...jk->...ik", jacobian, power + last[..., None, None] * unit)
        coefficients.append(-np.trace(power, axis1=-2, axis2=-1) / degree)
    return _routh_hurwitz(*coefficients)

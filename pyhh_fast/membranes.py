"""dV/dt of membranes whose gates are steady: what the search for equilibria is made on.

`Membranes` are cells that make their steps as HHModel does, at rates that depend on V alone: dV/dt
is had at all V at once. Any other model is an `IteratedMembrane`, which takes it from the model's
own `iterate`: one forward Euler step of 1 ms moves each variable by exactly its time derivative.
"""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pyhh_fast.models import GATES, PARAMETERS, HHModel, set_rates
from pyhh_fast.rate_tables import RatesAt
from pyhh_fast.validation import FloatArray

IntArray = npt.NDArray[np.int64]

CELLS_AT_ONCE = 256
"""Cells whose dV/dt over the grid are computed at a time; so many stay in the cache."""

GRID_STEP = 1.0
"""Spacing of the search, in mV, before intervals are divided."""

ITERATED_GRID_STEP = 0.25
"""The same for an `IteratedMembrane`, whose gates do not refine the grid."""

MOST_GRID_POINTS = 20_000

LARGEST_CHANGE = 0.1
"""Intervals over which the steady state of a gate changes by more are divided, at most so often:"""

DIVISIONS = 16

MARGIN = 50.0
"""How far beyond the reversal potentials to search, in mV, where currents may flow uphill."""

V_WIDTH = 1e-4
"""Deviation of V, in mV, from which derivatives of rates are taken."""


class Membranes:
    """Cells with the equations of HHModel, each with its parameters.

    Parameters
    ----------
    parameters : dict
        By the names of PARAMETERS, arrays of shape (size,).
    rates_at : callable
        Takes V, shape (n,), and returns rates, shape (n, 6): alpha m, h, n, beta m, h, n.
    """

    def __init__(self, parameters: dict[str, FloatArray], rates_at: RatesAt) -> None:
        self._parameters = parameters
        self._rates_at = rates_at
        self._equations = _equations_of(parameters)

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self._parameters["Cm"].size

    def take(self, cell: IntArray) -> Self:
        """Return these cells, in this order."""
        parameters = {name: values[cell] for name, values in self._parameters.items()}
        return type(self)(parameters, self._rates_at)

    def _search_range(self) -> tuple[float, float]:
        """Return the V, in mV, between which all equilibria are.

        Where no conductance is negative, all currents are outward above the reversal potentials,
        and inward below.
        """
        p = self._parameters
        low, high, margin = np.inf, -np.inf, 1.0
        for g, E in (("gNa", "ENa"), ("gK", "EK"), ("gKleak", "EKleak")):
            reversals = p[E][p[g] != 0]
            if reversals.size:
                low, high = min(low, float(reversals.min())), max(high, float(reversals.max()))
            if (p[g] < 0).any():
                margin = MARGIN
        return (low - margin, high + margin) if low <= high else (0.0, 0.0)

    def _steady_gates(self, V: FloatArray) -> FloatArray:
        """Return the steady states of the gates, shape (n, 3)."""
        rates = self._rates_at(V)
        gates: FloatArray = rates[:, :3] / (rates[:, :3] + rates[:, 3:])
        return gates

    def over_grid(self) -> tuple[FloatArray, Iterator[tuple[int, FloatArray]]]:
        """Return the V of a grid, rising, and dV/dt there, some cells at a time.

        Each item has the number of its first cell and an array with a row a cell.
        """
        V = _grid(*self._search_range(), GRID_STEP)
        gates = self._steady_gates(V)
        for _ in range(DIVISIONS):
            steep = np.flatnonzero((np.abs(np.diff(gates, axis=0)) > LARGEST_CHANGE).any(axis=1))
            if not steep.size or V.size > MOST_GRID_POINTS:
                break
            between = 0.5 * (V[steep] + V[steep + 1])
            gates = np.insert(gates, steep + 1, self._steady_gates(between), axis=0)
            V = np.insert(V, steep + 1, between)
        return V, self._dVdt_over(V, gates)

    def _dVdt_over(self, V: FloatArray, gates: FloatArray) -> Iterator[tuple[int, FloatArray]]:
        # dV/dt is linear in each conductance, and in its product with its reversal potential.
        one = dict.fromkeys(("Cm", "gNa", "gK", "gKleak"), 1.0)
        unit = _equations_of(one | dict.fromkeys(("ENa", "EK", "EKleak"), V - 1))
        _currents(unit, V, gates.T)  # at 1 mV from the reversals: the conductances
        p = self._parameters
        parts, weights = [], []
        channels = (("gNa", "ENa", "INa"), ("gK", "EK", "IK"), ("gKleak", "EKleak", "IKleak"))
        for g, E, current in channels:
            conductance = np.broadcast_to(getattr(unit, current), V.shape)
            parts += [conductance * V, conductance]
            weights += [-p[g] / p["Cm"], p[g] / p["Cm"] * p[E]]
        for first in range(0, self.size, CELLS_AT_ONCE):
            some = [w[first : first + CELLS_AT_ONCE, np.newaxis] for w in weights]
            dVdt = some[0] * parts[0]
            part = np.empty_like(dVdt)
            for w, over_V in zip(some[1:], parts[1:], strict=True):
                dVdt += np.multiply(w, over_V, out=part)
            yield first, dVdt

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt of each cell at its V with steady gates, mV/ms."""
        return _currents(self._equations, V, self._steady_gates(V).T)

    def are_stable(self, V: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether small deviations of each cell from its equilibrium at V die out.

        They do where all eigenvalues of the Jacobian of (V, m, h, n) have negative real parts.
        """
        alpha, beta = np.split(self._rates_at(V).T, 2)
        speed = alpha + beta
        gates = alpha / speed
        higher, lower = self._rates_at(V + V_WIDTH).T, self._rates_at(V - V_WIDTH).T
        d_alpha, d_beta = np.split((higher - lower) / (2 * V_WIDTH), 2)
        by_V = d_alpha * (1 - gates) - d_beta * gates

        # V, m, h and n that deviate in turn, to either side; dV/dt is linear in V.
        widths = np.array([1.0, 1e-6, 1e-6, 1e-6])
        at = np.array([V, *gates])[:, np.newaxis, np.newaxis]
        moves = np.eye(4)[:, np.newaxis] * np.array([widths, -widths])
        moved = at + moves[..., np.newaxis]  # variable, side, deviating variable, cell
        beside = _currents(self._equations, moved[0], moved[1:])
        slopes = (beside[0] - beside[1]) / (2 * widths[:, np.newaxis])
        stable: npt.NDArray[np.bool_] = _decay_of_gates_and_V(slopes[0], slopes[1:], by_V, speed)
        return stable


class IteratedMembrane:
    """A single cell whose derivatives come from its own `iterate`."""

    size = 1

    def __init__(self, scratch: Any) -> None:
        self._scratch = scratch

    def take(self, cell: IntArray) -> Self:
        """Return this cell, for as many V as there are numbers."""
        return self

    def over_grid(self) -> tuple[FloatArray, Iterator[tuple[int, FloatArray]]]:
        """Return the V of a grid and dV/dt there, as `Membranes` does."""
        reversals = [float(getattr(self._scratch, name)) for name in ("ENa", "EK", "EKleak")]
        V = _grid(min(reversals) - MARGIN, max(reversals) + MARGIN, ITERATED_GRID_STEP)
        probes = [0, V.size // 3, V.size - 1]
        one_by_one = [self._dVdt_at(float(V[i])) for i in probes]
        try:
            together = np.asarray(self._dVdt_at(V), dtype=np.float64)
        except Exception:  # whatever a user's scalar formulas make of an array
            together = np.empty(0)
        right = together.shape == V.shape and np.allclose(
            together[probes], one_by_one, rtol=1e-9, atol=0
        )
        return V, iter([(0, (together if right else self.dVdt(V))[np.newaxis])])

    def dVdt(self, V: FloatArray) -> FloatArray:
        """Return dV/dt at each V with steady gates, mV/ms; V are given one by one."""
        return np.array([self._dVdt_at(float(v)) for v in V])

    def _dVdt_at(self, V: Any) -> Any:
        self._settle(V)
        self._scratch.iterate(0.0, 1.0)
        return self._scratch.Vm - V

    def _settle(self, V: Any) -> None:
        self._scratch.Vm = V
        set_rates(self._scratch, V)
        for name in GATES:
            getattr(self._scratch, name).setInfiniteState()

    def are_stable(self, V: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether small deviations from the equilibrium at each V die out.

        The Jacobian's rows are those of `iterate`; gates are taken to act on V alone.
        """
        return np.array([self._is_stable(float(v)) for v in V], bool)

    def _is_stable(self, V: float) -> bool:
        self._settle(V)
        at = np.array([V, *(getattr(self._scratch, name).state for name in GATES)])
        jacobian = np.empty((4, 4))
        for column, width in enumerate((V_WIDTH, 1e-6, 1e-6, 1e-6)):
            deviation = np.zeros(4)
            deviation[column] = width
            after, before = self._derivative(at + deviation), self._derivative(at - deviation)
            jacobian[:, column] = (after - before) / (2 * width)
        return bool(all_decay(jacobian))

    def _derivative(self, at: FloatArray) -> FloatArray:
        scratch = self._scratch
        gates = [getattr(scratch, name) for name in GATES]
        scratch.Vm = float(at[0])
        for gate, state in zip(gates, at[1:], strict=True):
            gate.state = float(state)
        scratch.iterate(0.0, 1.0)
        after: FloatArray = np.array([scratch.Vm, *(gate.state for gate in gates)]) - at
        return after


def _grid(low: float, high: float, step: float) -> FloatArray:
    """Return V from `low` to `high` or a little beyond, the same whatever the range.

    So the last bits of an equilibrium do not depend on the cells it is looked for with. Very wide
    ranges get fewer points. All are off the round numbers, where a user's formulas may be 0/0.
    """
    first, last = np.floor(low / step), np.ceil(high / step)
    if last - first < MOST_GRID_POINTS:
        V: FloatArray = np.arange(first, last + 1) * step + 0.01234567
        return V
    return np.linspace(low, high, MOST_GRID_POINTS) + 0.01234567


def _decay_of_gates_and_V(V_by_V: Any, V_by_gates: Any, gates_by_V: Any, speed: Any) -> Any:
    """Whether all eigenvalues of these Jacobians have negative real parts.

    Parameters
    ----------
    V_by_V : ndarray, shape (n,)
        d(dV/dt)/dV, gates fixed.
    V_by_gates, gates_by_V : ndarray, shape (3, n)
        d(dV/dt)/dx and d(dx/dt)/dV of the gates x.
    speed : ndarray, shape (3, n)
        alpha + beta of the gates: d(dx/dt)/dx is minus that, and gates do not act on each other.
    """
    p, q, r = speed
    s1, s2, s3 = p + q + r, p * q + p * r + q * r, p * q * r
    loops = V_by_gates * gates_by_V
    others = np.array([q + r, p + r, p + q]), np.array([q * r, p * r, p * q])
    a = s1 - V_by_V
    b = s2 - V_by_V * s1 - loops.sum(axis=0)
    c = s3 - V_by_V * s2 - (loops * others[0]).sum(axis=0)
    d = -V_by_V * s3 - (loops * others[1]).sum(axis=0)
    return _routh_hurwitz(a, b, c, d)


def _routh_hurwitz(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Whether all roots of x^4 + a x^3 + b x^2 + c x + d have negative real parts."""
    return (a > 0) & (c > 0) & (d > 0) & (a * b * c > c * c + a * a * d)


def all_decay(jacobian: FloatArray) -> Any:
    """Whether all eigenvalues of 4x4 matrices, shape (..., 4, 4), have negative real parts.

    The characteristic polynomial is by Faddeev and LeVerrier. LAPACK would give the eigenvalues,
    but its threads keep spinning for a while, on the CPUs that a run wants next.
    """
    unit = np.eye(4)
    coefficients: list[Any] = []
    power = np.zeros_like(jacobian)
    for degree in range(1, 5):
        last = coefficients[-1] if coefficients else np.ones(jacobian.shape[:-2])
        power = np.einsum("...ij,...jk->...ik", jacobian, power + last[..., None, None] * unit)
        coefficients.append(-np.trace(power, axis1=-2, axis2=-1) / degree)
    return _routh_hurwitz(*coefficients)


def _equations_of(parameters: dict[str, Any]) -> HHModel:
    """Return a model that holds arrays, for its equations only."""
    model: HHModel = object.__new__(HHModel)  # without the deep copies of HHModel.__new__
    for name in GATES:
        setattr(model, name, HHModel.Gate())
    for name in PARAMETERS:
        setattr(model, name, parameters[name])
    return model


def _currents(equations: HHModel, V: FloatArray, gates: FloatArray) -> FloatArray:
    """Return dV/dt in mV/ms, with m, h and n, shape (3, ...); the model keeps the currents."""
    model: Any = equations
    model.Vm, model.m.state, model.h.state, model.n.state = V, *gates
    model._UpdateCellVoltage(0.0, 0.0)
    dVdt: FloatArray = (0.0 - model.INa - model.IK - model.IKleak) / model.Cm
    return dVdt

"""Where a model stands still without stimulus, and whether it stays there.

Everything is asked of the model's own `iterate`, so it holds for subclasses as well: one forward
Euler step of 1 ms moves each variable by exactly its time derivative.
"""

import copy
from typing import Any

import numpy as np

from pyhh_fast.models import set_rates
from pyhh_fast.validation import FloatArray

GRID_STEP = 0.05
"""Spacing, in mV, of the search; two equilibria closer than that may be missed."""

MOST_GRID_POINTS = 20_000


def resting_potential(model: Any) -> float:
    """Return the stable equilibrium of `model` nearest 0 mV.

    Raises
    ------
    ValueError
        If it has none.
    """
    with np.errstate(all="ignore"):
        found = equilibria(model)
        stable = [V for V in found if is_stable(model, V)]
    if stable:
        return min(stable, key=abs)
    places = ", ".join(f"{V:.4g}" for V in found)
    got = f"unstable ones at V = {places} mV" if found else "no equilibrium at all"
    raise ValueError(
        f"parameters must have a stable resting potential; got {got}. "
        "Choose a start with HHModel(startingVoltage=...) instead."
    )


def equilibria(model: Any) -> list[float]:
    """Return all V, in mV and rising, at which `model` with steady gates has dV/dt = 0."""
    reversals = [float(model.ENa), float(model.EK), float(model.EKleak)]
    low, high = min(reversals) - 50, max(reversals) + 50
    points = min(int((high - low) / GRID_STEP), MOST_GRID_POINTS)
    # Off the round numbers, where a user's own formulas may be 0/0.
    V = np.linspace(low, high, points + 1) + 0.01234567
    dVdt = _steady_dVdt(model, V)
    if not dVdt.any():
        return []
    rising = np.sign(dVdt)
    brackets = np.flatnonzero((rising[:-1] * rising[1:] < 0) | (rising[:-1] == 0))
    return [_bisect(model, float(V[i]), float(V[i + 1])) for i in brackets]


def is_stable(model: Any, V: float) -> bool:
    """Whether small deviations from the equilibrium at `V` die out.

    They do where all eigenvalues of the Jacobian of (V, m, h, n) have negative real parts.
    """
    scratch = copy.deepcopy(model)
    _settle(scratch, V)
    at = np.array([V, scratch.m.state, scratch.h.state, scratch.n.state], dtype=np.float64)
    jacobian = np.empty((4, 4))
    for column, width in enumerate((1e-4, 1e-6, 1e-6, 1e-6)):
        deviation = np.zeros(4)
        deviation[column] = width
        after = _derivative(scratch, at + deviation)
        before = _derivative(scratch, at - deviation)
        jacobian[:, column] = (after - before) / (2 * width)
    if not np.isfinite(jacobian).all():
        return False
    return bool(np.linalg.eigvals(jacobian).real.max() < 0)


def _steady_dVdt(model: Any, V: FloatArray) -> FloatArray:
    """Return dV/dt with steady gates at each V: in one call where the hooks take arrays."""
    probes = [0, V.size // 3, V.size - 1]
    one_by_one = [_steady_dVdt_at(model, float(V[i])) for i in probes]
    try:
        together = np.asarray(_steady_dVdt_at(model, V), dtype=np.float64)
    except Exception:  # whatever a user's scalar formulas make of an array
        together = np.empty(0)
    if together.shape == V.shape and np.allclose(together[probes], one_by_one, rtol=1e-9, atol=0):
        return together
    return np.array([_steady_dVdt_at(model, float(v)) for v in V])


def _steady_dVdt_at(model: Any, V: Any) -> Any:
    scratch = copy.deepcopy(model)
    _settle(scratch, V)
    scratch.iterate(0.0, 1.0)
    return scratch.Vm - V


def _settle(scratch: Any, V: Any) -> None:
    scratch.Vm = V
    set_rates(scratch, V)
    for gate in (scratch.m, scratch.h, scratch.n):
        gate.setInfiniteState()


def _derivative(scratch: Any, at: FloatArray) -> FloatArray:
    scratch.Vm, scratch.m.state, scratch.h.state, scratch.n.state = at
    scratch.iterate(0.0, 1.0)
    after = [scratch.Vm, scratch.m.state, scratch.h.state, scratch.n.state]
    return np.array(after, dtype=np.float64) - at


def _bisect(model: Any, low: float, high: float) -> float:
    sign = np.sign(_steady_dVdt_at(model, low))
    if sign == 0:
        return low
    while low < (middle := 0.5 * (low + high)) < high:
        if np.sign(_steady_dVdt_at(model, middle)) == sign:
            low = middle
        else:
            high = middle
    return high

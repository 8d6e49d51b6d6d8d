"""Where a model stands still without stimulus, and whether it stays there.

Everything is asked of the model's own `iterate`, so it holds for subclasses as well: one forward
Euler step of 1 ms moves each variable by exactly its time derivative.
"""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pyhh_fast.models import PARAMETERS, HHModel, set_rates
from pyhh_fast.validation import FloatArray

GRID_STEP = 0.05
"""Spacing, in mV, of the search; two equilibria closer than that may be missed."""

MOST_GRID_POINTS = 20_000

HALVINGS = 64
"""Until an interval is far below the rounding of its ends."""

CELLS_AT_ONCE = 500
"""Cells of a population that are searched at a time."""


class NoRest(ValueError):
    """A model, or one cell of many, has no equilibrium to start at."""

    def __init__(self, found: list[float], cell: int | None = None) -> None:
        places = ", ".join(f"{V:.4g}" for V in found)
        steady = "HHModel.steady(V)" if cell is None else "Population.steady(size, V)"
        whose = "" if cell is None else f" of cell {cell}"
        if found:
            rule, got = "a stable resting potential", f"unstable ones at V = {places} mV"
            advice = f'Start there by unstable="steady", or with steady gates at any V by {steady}.'
        else:
            rule, got = "an equilibrium", "none"
            advice = f"Start with steady gates at any V by {steady}."
        super().__init__(f"parameters{whose} must have {rule}; got {got}. {advice}")
        self.found = found
        self.cell = cell


def start_at_rest(model: HHModel, *, stacklevel: int = 3) -> HHModel:
    """Return a copy of `model` at rest, and where no rest is stable, at an unstable equilibrium.

    This is where analysis starts its runs, whatever state the model is in.

    Parameters
    ----------
    model : HHModel
        It is not changed.
    stacklevel : int, default 3
        That of the warning: 3 is where the caller of this function was called.

    Returns
    -------
    HHModel
        As :meth:`HHModel.at_rest` returns with ``unstable="steady"``.

    Raises
    ------
    ValueError
        If the model has no equilibrium at all.

    Warns
    -----
    UserWarning
        If none is stable.
    """
    from pyhh_fast.starts import set_steady

    start: HHModel = copy_of(model)
    V, stable = rest_of(start, None, True)
    set_steady(start, V)
    if not stable:
        warnings.warn(
            f"the model has no stable resting potential; it starts at its unstable equilibrium at "
            f'V = {V:.4g} mV with steady gates. Pass start="model" to start in the state that '
            "the model is in.",
            UserWarning,
            stacklevel=stacklevel,
        )
    return start


def copy_of(model: Any) -> Any:
    """Return a copy of a model that shares no state with it; what cannot be copied is shared."""
    try:
        return copy.deepcopy(model)
    except Exception:  # a lock, a file, whatever a user's attributes hold
        twin = object.__new__(type(model))
        memo = {id(model): twin}
        for name, value in vars(model).items():
            try:
                vars(twin)[name] = copy.deepcopy(value, memo)
            except Exception:
                vars(twin)[name] = value
        return twin


def rest_of(
    model: Any, near: float | None = None, take_unstable: bool = False
) -> tuple[float, bool]:
    """Return the equilibrium that a model rests at, and whether it is stable.

    It is the lowest stable one, or the stable one nearest `near` (mV). Where none is stable and
    `take_unstable`, it is the unstable one nearest `near`, or nearest EKleak.

    Raises
    ------
    NoRest
        If there is none.
    """
    with np.errstate(all="ignore"):
        found = equilibria(model)
        stable = [V for V in found if is_stable(model, V)]
    if not stable and not (found and take_unstable):
        raise NoRest(found)
    if near is None and stable:
        return stable[0], True
    target = float(model.EKleak) if near is None else near
    return min(stable or found, key=lambda V: abs(V - target)), bool(stable)


def resting_potentials(
    models: HHModel, size: int, near: FloatArray | None = None, take_unstable: bool = False
) -> FloatArray:
    """Return the equilibria that `size` cells rest at, as :func:`rest_of` chooses them.

    Parameters
    ----------
    models : HHModel
        With the parameters of all cells: arrays of shape (size,).
    near : ndarray of shape (size,), optional, mV

    Raises
    ------
    NoRest
        If a cell has none.
    """
    with np.errstate(all="ignore"):
        cell, V = _equilibria_of_many(models, size)
        stable = is_stable(_cells_of(models, cell), V)
    has_stable = np.zeros(size, bool)
    has_stable[cell[stable]] = True
    if near is None:
        rank = np.where(stable, V, np.abs(V - models.EKleak[cell]))  # type: ignore[index]
    else:
        rank = np.abs(V - near[cell])
    usable = stable | ~has_stable[cell] if take_unstable else stable
    order = np.argsort(-rank, kind="stable")  # the first choice last, so that it stays
    order = order[usable[order]]
    rest = np.full(size, np.nan)
    rest[cell[order]] = V[order]
    if np.isnan(rest).any():
        without = int(np.argmax(np.isnan(rest)))
        raise NoRest(V[cell == without].tolist(), without)
    return rest


def _equilibria_of_many(models: HHModel, size: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return all equilibria, each as the number of its cell and V."""
    reversals = [models.ENa, models.EK, models.EKleak]
    V = _grid(float(np.min(reversals)), float(np.max(reversals)))
    conductances = {"gNa": "ENa", "gK": "EK", "gKleak": "EKleak"}
    # Cm dV/dt is linear in each conductance, and in its product with its reversal potential.
    alone = HHModel(**dict.fromkeys(PARAMETERS, 0.0) | {"Cm": 1.0})
    weights, parts = [], []
    for g, E in conductances.items():
        setattr(alone, g, 1.0)
        parts.append(_steady_dVdt_at(alone, V))
        setattr(alone, E, 1.0)
        parts.append(_steady_dVdt_at(alone, V) - parts[-1])
        setattr(alone, g, 0.0)
        weights += [getattr(models, g), getattr(models, g) * getattr(models, E)]
    cells, lows = [], []
    for start in range(0, size, CELLS_AT_ONCE):
        some = [w[start : start + CELLS_AT_ONCE, np.newaxis] for w in weights]
        positive = sum(w * part for w, part in zip(some, parts, strict=True)) > 0
        cell, low = np.nonzero(positive[:, :-1] != positive[:, 1:])
        cells.append(cell + start)
        lows.append(low)
    cell, low = np.concatenate(cells), np.concatenate(lows)
    owners = _cells_of(models, cell)
    return cell, bisect_all(lambda V: _steady_dVdt_at(owners, V), V[low], V[low + 1])


def _cells_of(models: HHModel, cell: npt.NDArray[np.int64]) -> HHModel:
    some = HHModel()
    for name in PARAMETERS:
        setattr(some, name, getattr(models, name)[cell])
    return some


def bisect_all(
    f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return where `f` changes its sign, once at least, on the way from each low to its high."""
    sign = np.sign(f(low))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        as_low = np.sign(f(middle)) == sign
        low, high = np.where(as_low, middle, low), np.where(as_low, high, middle)
    return high


def equilibria(model: Any) -> list[float]:
    """Return all V, in mV and rising, at which `model` with steady gates has dV/dt = 0."""
    reversals = [float(model.ENa), float(model.EK), float(model.EKleak)]
    V = _grid(min(reversals), max(reversals))
    dVdt = _steady_dVdt(model, V)
    if not dVdt.any():
        return []
    rising = np.sign(dVdt)
    brackets = np.flatnonzero((rising[:-1] * rising[1:] < 0) | (rising[:-1] == 0))
    return [_bisect(model, float(V[i]), float(V[i + 1])) for i in brackets]


def _grid(lowest: float, highest: float) -> FloatArray:
    """Return the V to search, in mV, where these are the reversal potentials at the ends."""
    low, high = lowest - 50, highest + 50
    points = min(int((high - low) / GRID_STEP), MOST_GRID_POINTS)
    # Off the round numbers, where a user's own formulas may be 0/0.
    return np.linspace(low, high, points + 1) + 0.01234567


def is_stable(model: Any, V: Any) -> Any:
    """Whether small deviations from the equilibrium at `V` (a number or an array) die out.

    They do where all eigenvalues of the Jacobian of (V, m, h, n) have negative real parts.
    """
    scratch = copy_of(model)
    _settle(scratch, V)
    at = np.array([V, scratch.m.state, scratch.h.state, scratch.n.state], dtype=np.float64)
    jacobian = np.empty((*np.shape(V), 4, 4))
    for column, width in enumerate((1e-4, 1e-6, 1e-6, 1e-6)):
        deviation = np.zeros((4, *[1] * np.ndim(V)))
        deviation[column] = width
        after = _derivative(scratch, at + deviation)
        before = _derivative(scratch, at - deviation)
        jacobian[..., column] = np.moveaxis((after - before) / (2 * width), 0, -1)
    return _all_decay(jacobian)


def _all_decay(jacobian: FloatArray) -> Any:
    """Whether all eigenvalues of 4x4 matrices, shape (..., 4, 4), have negative real parts.

    They do where the coefficients of the characteristic polynomial, here by Faddeev and LeVerrier,
    meet the conditions of Routh and Hurwitz. LAPACK would tell as well, but its threads go on
    spinning, on the CPUs that a run wants next.
    """
    unit = np.eye(4)
    coefficients: list[Any] = []
    power = np.zeros_like(jacobian)
    for degree in range(1, 5):
        last = coefficients[-1] if coefficients else np.ones(jacobian.shape[:-2])
        power = np.einsum("...ij,...jk->...ik", jacobian, power + last[..., None, None] * unit)
        coefficients.append(-np.trace(power, axis1=-2, axis2=-1) / degree)
    a, b, c, d = coefficients
    return (a > 0) & (c > 0) & (d > 0) & (a * b * c > c * c + a * a * d)


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
    scratch = copy_of(model)
    _settle(scratch, V)
    scratch.iterate(0.0, 1.0)
    return scratch.Vm - V


def _settle(scratch: Any, V: Any) -> None:
    scratch.Vm = V
    set_rates(scratch, V)
    for gate in (scratch.m, scratch.h, scratch.n):
        gate.setInfiniteState()


def _derivative(scratch: Any, at: FloatArray) -> FloatArray:
    scratch.Vm, scratch.m.state, scratch.h.state, scratch.n.state = at.copy()  # changed in place
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

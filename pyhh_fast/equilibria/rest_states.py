"""Equilibria of models and cells without stimulus, and which of them is the rest.

`starts`, populations, analyses and the default threshold use it.
"""

from typing import Any

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.equilibria.membranes import IteratedMembrane, Membranes
from pyhh_fast.equilibria.search import equilibria_of
from pyhh_fast.kinetics.choose_kinetics import kinetics_of
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.models import copies, membrane
from pyhh_fast.models.overrides import custom_behaviour
from pyhh_fast.rate_tables import RatesAt
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray


class NoRest(ValueError):
    """A model, or one cell of many, has no equilibrium to start at.

    Attributes
    ----------
    found : list of float, mV
        Its equilibria, all unstable.
    cell : int, optional
    problem : str
        The message without advice.
    """

    def __init__(
        self,
        found: list[float],
        cell: int | None = None,
        owner: str = "parameters",
        advice: str = "",
    ) -> None:
        places = ", ".join(f"{V:.4g}" for V in found)
        steady = "HHModel.steady(V)" if cell is None else "Population.steady(size, V)"
        whose = "" if cell is None else f" of cell {cell}"
        if found:
            rule, got = "a stable resting potential", f"unstable ones at V = {places} mV"
            usual = f'Start there by unstable="steady", or with steady gates at any V by {steady}.'
        else:
            rule, got = "an equilibrium", "none"
            usual = f"Start with steady gates at any V by {steady}."
        self.problem = f"{owner}{whose} must have {rule}; got {got}."
        super().__init__(f"{self.problem} {advice or usual}")
        self.found = found
        self.cell = cell


@rounds_to_nearest
def rest_of(
    model: Any, near: float | None = None, take_unstable: bool = False
) -> tuple[float, bool]:
    """Return the equilibrium that a model rests at, and whether it is stable.

    It is the lowest stable one, or the stable one nearest `near` (mV). Where none is stable and
    `take_unstable`, it is the unstable one nearest `near`, or nearest EKleak.

    Raise NoRest if there is none. An exception of the model's overridden methods passes, with notes
    on V and on what to do.
    """
    try:
        with np.errstate(all="ignore"):
            V, stable = equilibria(model)
    except Exception as error:
        if hasattr(error, "__notes__"):  # they say that it came from the model's overridden methods
            error.add_note(
                "The rest is searched for between the model's reversal potentials and 50 mV "
                "beyond, where its code must work. HHModel.steady(V) calls it for one V alone."
            )
        raise
    if not stable.any() and not (V.size and take_unstable):
        raise NoRest(V.tolist())
    if near is None and stable.any():
        return float(V[stable][0]), True
    target = float(model.EKleak) if near is None else near
    usable = V[stable] if stable.any() else V
    return float(usable[np.argmin(np.abs(usable - target))]), bool(stable.any())


@rounds_to_nearest
def rests_of_many(
    parameters: StructArray,
    near: FloatArray | None = None,
    take_unstable: bool = False,
    rates_at: RatesAt = rate_tables.hodgkin_huxley,
) -> FloatArray:
    """Return the equilibria that cells with these rates rest at, chosen as by :func:`rest_of`.

    Raise NoRest if a cell has none.

    Parameters
    ----------
    parameters : structured array, shape (size,)
        As for :class:`Membranes`.
    near : ndarray of shape (size,), optional, mV
    """
    which = _kinds([*(parameters[name] for name in parameters.dtype.names or ()), near])
    _, first = np.unique(which, return_index=True)
    parameters, near = parameters[first], None if near is None else near[first]
    cells = Membranes(parameters, rates_at)
    with np.errstate(all="ignore"):
        cell, V = equilibria_of(cells)
        stable = cells.take(cell).are_stable(V)
    has_stable = np.zeros(parameters.size, bool)
    has_stable[cell[stable]] = True
    if near is None:
        rank = np.where(stable, V, np.abs(V - parameters["E_L"][cell]))
    else:
        rank = np.abs(V - near[cell])
    usable = stable | ~has_stable[cell] if take_unstable else stable
    order = np.lexsort((-rank, cell))  # the first choice of a cell last, so that it stays
    order = order[usable[order]]
    rest = np.full(parameters.size, np.nan)
    rest[cell[order]] = V[order]
    if np.isnan(rest).any():
        without = int(np.argmax(np.isnan(rest)))
        raise NoRest(V[cell == without].tolist(), int(first[without]))
    return rest[which]


def _kinds(columns: list[FloatArray | None]) -> IntArray:
    """Return a number of the kind of each cell, from 0: cells of a kind have equal values."""
    size = len(columns[0]) if columns[0] is not None else 0
    which = np.zeros(size, np.int64)
    for values in columns:
        if values is not None and not (values == values[:1]).all():
            _, kind = np.unique(values, return_inverse=True)
            _, which = np.unique(which * size + kind, return_inverse=True)
    return which


@rounds_to_nearest
def equilibria(model: Any) -> tuple[FloatArray, BoolArray]:
    """Return all V (mV, ascending) where dV/dt is 0 with steady gates, and which are stable."""
    cells = _membrane(model)
    cell, V = equilibria_of(cells)
    return V, cells.take(cell).are_stable(V) if V.size else np.zeros(0, bool)


def _membrane(model: Any) -> Membranes | IteratedMembrane:
    if custom_behaviour(model) is None:
        try:
            rates_at = kinetics_of(model, table_needed=False).rates_at
        except NotTabulable:
            pass
        else:
            return Membranes(membrane.parameters_of(model), rates_at)
    return IteratedMembrane(copies.deep(model))

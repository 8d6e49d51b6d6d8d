"""Warnings of models that can be computed but are hardly meant, once for each model.

They are of attributes that nothing reads, potentials in absolute mV, conductances below 0 and gates
that are not between 0 and 1. Runs, populations and sweeps check here. The model notes its warnings,
so that its copies do not repeat them.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyhh_fast.errors import warn_user
from pyhh_fast.models.code_names import may_read, mentioned
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics
from pyhh_fast.models.names import KNOWN, bases_below, declared, is_parameter, suggestion
from pyhh_fast.models.overrides import custom_behaviour, is_overridden
from pyhh_fast.variables import CONDUCTANCES, GATES, PARAMETERS, REVERSALS, STATE

HOOKS = ("iterate", "_UpdateGateTimeConstants", "_UpdateCellVoltage", "_UpdateGateStates")

ROUNDING = 1e-9
"""How far a step may move a gate beyond 0 or 1 without a warning."""

# Relative to rest, sodium reverses near 115 and potassium near -12 mV: far enough from what is
# here that scans of one of them, and those of textbooks (EK -35, ENa 50 to 130), stay outside.
# Inside, a cell relative to rest would have sodium below 15 and potassium below -115 mV in
# absolute terms, or a leak there, which no neuron has; in absolute mV they are the usual numbers.
ENA_BELOW, EK_BELOW, EKLEAK_BELOW = 80.0, -50.0, -40.0

ENA_FROM = 20.0
"""In absolute mV, sodium reverses above this in every neuron."""

AS_RELATIVE = -20.0
"""EK and EKleak from here on (mV) may be relative to rest, where others are not."""

# The attributes of the class at import; what a user adds later is not among them.
_ON_CLASS = frozenset(vars(HHModel))


def are_absolute(ENa: Any, EK: Any, EKleak: Any) -> Any:
    """Whether reversal potentials (mV), numbers or arrays, are plainly not relative to rest."""
    return (ENA_FROM <= ENa) & (ENa < ENA_BELOW) & ((EK < EK_BELOW) | (EKleak < EKLEAK_BELOW))


def check(model: HHModel, *, state: bool = True) -> None:
    """Warn of a model that is about to run; without `state`, of its parameters alone."""
    _check_attributes(model)
    check_parameters(model)
    if not state:
        return
    for name in GATES:
        gate = getattr(model, name)
        if not -ROUNDING <= gate.state <= 1 + ROUNDING and _steps_gates(model, gate):
            _warn_once(model, name, gate_message(f"{name}.state", f"{gate.state:.6g}"))


def check_parameters(model: HHModel) -> None:
    """Warn of implausible parameters, unless the model overrides how a step is made."""
    try:
        conductances = [getattr(model, name) for name in CONDUCTANCES]
        potentials = [getattr(model, name) for name in REVERSALS]
        absolute = are_absolute(*potentials)
        if not absolute and min(conductances) >= 0:
            return
    except Exception:  # where an overridden step reads them, they may be anything, or not set yet
        return
    if is_overridden(model, "iterate") or is_overridden(model, "_UpdateCellVoltage"):
        return
    for name, value in zip(CONDUCTANCES, conductances, strict=True):
        if value < 0:
            _warn_once(model, name, conductance_message(name, f"{value:g}"))
    if absolute and not has_custom_kinetics(model) and custom_behaviour(model) is None:
        _warn_once(model, "potentials", potentials_message(potentials))


def _steps_gates(model: HHModel, gate: Any) -> bool:
    """Whether the steps of a gate are HHModel's."""
    custom = is_overridden(model, "iterate") or is_overridden(model, "_UpdateGateStates")
    return type(gate) is HHModel.Gate and not custom


def conductance_message(name: str, got: str) -> str:
    """Return the warning of a conductance below 0."""
    return (
        f"{name} is {got} (mS/cm²). A conductance below 0 drives V away from its reversal "
        "potential; it is computed as it is. Check the sign."
    )


def gate_message(name: str, got: str) -> str:
    """Return the warning of a gate that is not between 0 and 1."""
    return (
        f"{name} is {got}. The open fraction of a gate is between 0 and 1; it is computed as it "
        "is. Set it, or start from at_rest() or steady(V)."
    )


def potentials_message(potentials: Sequence[float], whose: str = "") -> str:
    """Return the warning of potentials in absolute mV, with the conversion."""
    ENa, EK, EKleak = potentials
    # A potential that is at its default, or converted already, stays.
    new_EK, new_EKleak = (E + 65 if E < AS_RELATIVE else E for E in (EK, EKleak))
    return (
        f"the reversal potentials{whose}, ENa {ENa:g}, EK {EK:g} and EKleak {EKleak:g} mV, are "
        "those of a cell in absolute mV, but voltages of an HHModel with built-in rates are "
        "relative to rest. For a rest at -65 mV add 65 mV: "
        f"ENa={ENa + 65:.6g}, EK={new_EK:.6g}, EKleak={new_EKleak:.6g}; to startingVoltage too."
    )


def check_cells(cells: Any) -> None:
    """Warn of the cells of a Population."""
    for name in CONDUCTANCES:
        values = getattr(cells, name)
        if values.size and values.min() < 0:
            at = int(values.argmin())
            _warn_once(cells, name, conductance_message(f"{name} of cell {at}", f"{values[at]:g}"))
    for name, gate in list(STATE.items())[1:]:
        values = getattr(cells, name)
        if values.size and not -ROUNDING <= values.min() <= values.max() <= 1 + ROUNDING:
            at = int(np.argmax(np.abs(values - 0.5)))
            if np.isfinite(values[at]):
                message = gate_message(f"{name} of cell {at}", f"{values[at]:.6g}")
                _warn_once(cells, gate.symbol, message)
    potentials = cells.ENa, cells.EK, cells.EKleak
    first = [float(E[0]) for E in potentials if E.size]
    if first and cells._origin is None and are_absolute(*first) and are_absolute(*potentials).all():
        _warn_once(
            cells, "potentials", potentials_message(first, whose=" of cell 0 and the others")
        )


def check_grid(axes: dict[str, Any], cells: Any) -> None:
    """Warn of the values in the grid of a sweep of a model, of which `cells` is one cell."""
    for name in CONDUCTANCES:
        if name in axes and axes[name].min() < 0:
            warn_user(conductance_message(name, f"{axes[name].min():g} at a point of the grid"))
    names = ("ENa", "EK", "EKleak")
    largest = [float(np.max(axes.get(name, getattr(cells, name)))) for name in names]
    if axes.keys() & names and cells._origin is None and are_absolute(*largest):
        warn_user(potentials_message(largest, whose=" of the grid"))


def _warn_once(model: Any, what: str, message: str) -> None:
    """Warn, unless the model or the one that it was copied from was warned of this before."""
    told = vars(model).get("_told", ())
    if what not in told:
        vars(model)["_told"] = (*told, what)
        warn_user(message)


def _check_attributes(model: HHModel) -> None:
    unknown = vars(model).keys() - KNOWN
    cls = type(model)
    if not unknown and cls is HHModel and len(vars(HHModel)) == len(_ON_CLASS):
        return
    bases = bases_below(cls)
    names = [*unknown, *(name for base in bases for name in vars(base))]
    names += vars(HHModel).keys() - _ON_CLASS
    names = [name for name in dict.fromkeys(names) if not name.startswith("__")]
    if not names:
        return
    plain = not _has_code(model, bases)
    lower = {name.lower(): name for name in (*PARAMETERS, *HOOKS)}
    for name in sorted(names):
        meant = lower.get(name.lower())
        if plain and name not in KNOWN and not name.startswith("_"):
            _warn_once(model, name, _unread(model, name))
        elif meant not in (None, name) and name not in mentioned(bases):
            what = "calls" if meant in HOOKS else "reads"
            message = f"nothing {what} {cls.__name__}.{name}. Did you mean {meant}?"
            _warn_once(model, name, message)
        elif name in unknown and _is_misspelled(model, name):
            _warn_once(model, name, _unread(model, name))


def _is_misspelled(model: HHModel, name: str) -> bool:
    """Whether a number on a model, whose class declares parameters, is a misspelling of one.

    A name that code of the class may read is none; nor is gCa2 beside gCa, a note of the user's.
    """
    if (
        not declared(type(model))
        or hasattr(type(model), name)
        or not is_parameter(name, vars(model)[name])
    ):
        return False
    if name in vars(model).get("_told", ()):
        return False
    advice = re.fullmatch(r"Did you mean (\w+)\?", _advice(model, name, cutoff=0.8))
    if advice is None or re.sub(r"\d", "", name) == re.sub(r"\d", "", advice[1]):
        return False
    return not may_read(model, name)


def _advice(model: HHModel, name: str, cutoff: float = 0.7) -> str:
    known = [*PARAMETERS, *declared(type(model)), "Vm"]
    return suggestion(name, [one for one in known if one != name], cutoff)


def _unread(model: HHModel, name: str) -> str:
    advice = _advice(model, name)
    whose = "an" if type(model) is HHModel else "this"
    return (
        f"nothing reads the attribute {name} of {whose} {type(model).__name__}: it changes no run. "
        f"{advice} Begin the name of a note of your own with an underscore, or read it in a method "
        "of a subclass, and there is no warning."
    ).replace("  ", " ")


def _has_code(model: HHModel, bases: tuple[type, ...]) -> bool:
    """Whether there is code that may read attributes which HHModel does not have."""
    values = [value for base in bases for value in vars(base).items()]
    return (
        custom_behaviour(model) is not None
        or has_custom_kinetics(model)
        or any(_is_code(name, value) for name, value in [*values, *vars(model).items()])
    )


def _is_code(name: str, value: Any) -> bool:
    if isinstance(value, HHModel.Gate) or name in ("__dict__", "__weakref__", "__doc__"):
        return False
    return callable(value) or hasattr(type(value), "__get__")

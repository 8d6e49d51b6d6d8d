"""Names of attributes of models: parameters, those of subclasses, and what others may mean.

Constructors, populations, sweeps and the command line check names here.
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.models.hh_model import HHModel, parameter
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS

KNOWN = frozenset([*PARAMETERS, *GATES, "Vm", *CURRENTS, "tabulate", "iterate", "Gate"])
"""Public attributes of HHModel itself that runs read or set."""

_KNOWN_LOWER = frozenset(name.lower() for name in KNOWN)  # gna is gNa misspelled


def declared(model_class: type) -> dict[str, float]:
    """Return the parameters that a subclass declares, with their defaults.

    They are the public finite numbers in its body, and in those of the classes between it and
    HHModel.
    """
    found: dict[str, float] = {}
    for base in reversed(bases_below(model_class)):
        for name, value in vars(base).items():
            if is_parameter(name, value):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def custom_parameters(model: HHModel) -> dict[str, float]:
    """Return the parameters of a model other than HHModel's: public numbers on it and its class."""
    names = [*declared(type(model)), *vars(model)]
    values = {name: getattr(model, name) for name in dict.fromkeys(names)}
    return {name: value for name, value in values.items() if is_parameter(name, value)}


def bases_below(model_class: type) -> tuple[type, ...]:
    """Return a class and its bases, down to HHModel, which is not among them."""
    mro = model_class.__mro__
    return mro[: mro.index(HHModel)] if HHModel in mro else mro


def is_parameter(name: str, value: Any) -> bool:
    """Whether an attribute is a parameter that HHModel does not have."""
    return (
        name.lower() not in _KNOWN_LOWER
        and not name.startswith("_")
        and isinstance(value, numbers.Real)
        and not isinstance(value, bool | np.timedelta64)
        and math.isfinite(validation.as_float(value))
    )


def checked(source: Any, name: str, value: Any) -> float:
    """Return the value of a parameter of a model or of a class of models, as a float.

    Raise TypeError if `source` has no such parameter, or the value is no real number. Raise
    ValueError if the value is NaN or infinite, or Cm is not positive.
    """
    check_name(source, name, ["startingVoltage"] * isinstance(source, type))
    return parameter(name, value) if name in PARAMETERS else validation.real_number(name, value)


def check_name(source: Any, name: str, others: Iterable[str] = ()) -> None:
    """Raise TypeError where `name` is no parameter of a model or class; `others` are allowed."""
    if name not in PARAMETERS:
        own = declared(source) if isinstance(source, type) else custom_parameters(source)
        if name not in own:
            known = [*PARAMETERS, *own, *others]
            raise TypeError(validation.unknown_name("parameter", name, known, suggestion))


REST_NAMES = ("vrest", "erest", "restingpotential", "vr")
TEMPERATURE_NAMES = ("temperature", "celsius", "temp", "q10")
OTHER_NAMES = {
    ("v", "vm", "v0", "vinit", "vstart", "startingvm"): ("startingVoltage", "Vm"),
    ("el", "eleak", "vl", "vleak", "erev"): ("EKleak",),
    ("gl", "gleak"): ("gKleak",),
    ("c", "cm", "capacitance"): ("Cm",),
}
"""What others call parameters, in lower case and without underscores."""


def suggestion(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return a sentence that says which parameter was meant by `name`; empty for none."""
    known = list(known)
    plain = name.lower().replace("_", "")
    if plain in REST_NAMES:
        return "Voltages are relative to rest, near 0 mV; to start there use at_rest()."
    if plain in TEMPERATURE_NAMES and name not in known:
        return "For rates at a temperature override _UpdateGateTimeConstants in a subclass."
    for names, parameters in OTHER_NAMES.items():
        for parameter_name in parameters:
            if plain in names and parameter_name in known:
                return f"Did you mean {parameter_name}?"
    return validation.closest_name(name, known, cutoff)


def present(
    owner: Any,
    name: str,
    label: str,
    advice: str = "A subclass's __init__ must call super().__init__(), or set it.",
) -> Any:
    """Return an attribute of a model, which must have it."""
    try:
        return getattr(owner, name)
    except AttributeError:
        got = type(owner).__name__
        raise TypeError(f"model must have {label}; got {got} without it. {advice}") from None


def shown_shortly(value: Any) -> str:
    """Return a number with six digits, or anything else as an error message shows it."""
    if isinstance(value, float | int):
        return f"{value:.6g}"
    return validation.shown(value)

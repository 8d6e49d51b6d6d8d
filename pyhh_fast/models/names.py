"""Names of parameters: those that a subclass declares, and what was meant by one that is none."""

import math
import numbers
import os
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.models.hh_model import HHModel, parameter
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS

KNOWN = frozenset([*PARAMETERS, *GATES, "Vm", *CURRENTS, "tabulate", "iterate", "Gate"])
"""Public attributes of HHModel itself that runs read or set."""

_KNOWN_LOWER = frozenset(name.lower() for name in KNOWN)  # gna is gNa misspelled

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


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


def own_parameters(model: HHModel) -> dict[str, float]:
    """Return the parameters of a model beside HHModel's: the public numbers on it and its class."""
    names = [*declared(type(model)), *vars(model)]
    values = {name: getattr(model, name) for name in dict.fromkeys(names)}
    return {name: value for name, value in values.items() if is_parameter(name, value)}


def bases_below(model_class: type) -> tuple[type, ...]:
    """Return a class and its bases, down to HHModel, which is not among them."""
    mro = model_class.__mro__
    return mro[: mro.index(HHModel)] if HHModel in mro else mro


def is_parameter(name: str, value: Any) -> bool:
    """Whether an attribute that HHModel does not have can be a parameter."""
    return (
        name.lower() not in _KNOWN_LOWER
        and not name.startswith("_")
        and isinstance(value, numbers.Real)
        and not isinstance(value, bool | np.timedelta64)
        and abs(float(value)) < math.inf
    )


def checked(source: Any, name: str, value: Any) -> float:
    """Return the value of a parameter of a model or of a class of models, as a float.

    Raises
    ------
    TypeError
        If `source` has no such parameter, or the value is no real number.
    ValueError
        If the value is NaN or infinite, or Cm is not positive.
    """
    check_name(source, name, ["startingVoltage"] * isinstance(source, type))
    return parameter(name, value) if name in PARAMETERS else validation.real_number(name, value)


def check_name(source: Any, name: str, others: Iterable[str] = ()) -> None:
    """Raise TypeError where `name` is no parameter of a model or class; `others` are taken too."""
    if name not in PARAMETERS:
        own = declared(source) if isinstance(source, type) else own_parameters(source)
        if name not in own:
            known = [*PARAMETERS, *own, *others]
            raise TypeError(validation.unknown_name("parameter", name, known))


def shown_shortly(value: Any) -> str:
    """Return a number with six digits, or anything else as an error message shows it."""
    if isinstance(value, float | int):
        return f"{value:.6g}"
    return validation.shown(value)


def warn_user(message: str) -> None:
    """Give a UserWarning that shows the line outside this package from which it came."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)

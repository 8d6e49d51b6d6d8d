"""Copies of a model by ``copy.copy``: they share all but the gates, which a run changes."""

import copy
import types
from typing import Any, TypeVar

from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.variables import GATES

Model = TypeVar("Model", bound=HHModel)


def shallow(model: Model) -> Model:
    """Return a copy of `model` whose run does not change `model`.

    The gates are copied, those that a subclass adds too, in whatever list, tuple or dict they are;
    methods that were put on `model` or on a gate become those of the copy.
    """
    twin: Model = object.__new__(type(model))
    copies: dict[int, Any] = {id(model): twin}  # by the id of the original
    for name in GATES:
        if name in vars(model):
            _copy_of_gate(vars(model)[name], copies)
    state: Any = model.__getstate__()
    if hasattr(twin, "__setstate__"):
        twin.__setstate__(_with_copies(state, copies))
        return twin
    attributes, slots = state if isinstance(state, tuple) else (state, {})  # as object has it
    vars(twin).update(_with_copies(attributes, copies) or {})
    for name, value in slots.items():
        object.__setattr__(twin, name, _with_copies(value, copies))
    return twin


def _copy_of_gate(gate: Any, copies: dict[int, Any]) -> Any:
    if id(gate) not in copies:
        twin = copies[id(gate)] = copy.copy(gate)
        if hasattr(twin, "__dict__"):
            vars(twin).update({k: _with_copies(v, copies) for k, v in vars(gate).items()})
    return copies[id(gate)]


def _with_copies(value: Any, copies: dict[int, Any]) -> Any:
    """Return `value` with copies in the place of gates, and of the model in its methods."""
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, HHModel.Gate):
        return _copy_of_gate(value, copies)
    if isinstance(value, types.MethodType):
        return types.MethodType(value.__func__, _with_copies(value.__self__, copies))
    if type(value) not in (list, tuple, dict):
        return value
    copies[id(value)] = value  # a list may be in itself
    parts = list(value.values()) if type(value) is dict else value
    copied: list[Any] = [_with_copies(part, copies) for part in parts]
    if any(new is not old for new, old in zip(copied, parts, strict=True)):
        is_dict = type(value) is dict
        copies[id(value)] = (
            dict(zip(value, copied, strict=True)) if is_dict else type(value)(copied)
        )
    return copies[id(value)]

"""Copies of a model: those of `copy.copy` share all but the gates, recordings hold snapshots,
and searches for rest change deep copies.
"""

import copy
import types
from typing import Any, TypeVar

import numpy as np

from pyhh_fast.models.hh_model import HHModel, is_plain, twin_of
from pyhh_fast.variables import GATES, PARAMETERS

Model = TypeVar("Model", bound=HHModel)

LARGEST_ARRAY = 1_000_000
"""Most bytes of an array that a snapshot copies."""

MOST_ITEMS = 1_000
"""Most items of a list that a snapshot copies."""


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


def snapshot(model: Any) -> Any:
    """Return a copy of `model` as it is, which shares nothing with it that can change.

    None where there is none, or it would be too slow at every run: where the model holds more than
    numbers, gates and the like, and small arrays and lists of them, or a function.
    """
    try:
        gates = {name: vars(model)[name] for name in GATES if name in vars(model)}
        others = [value for name, value in vars(model).items() if name not in gates]
        parts = [value for gate in gates.values() for value in vars(gate).values()]
        if all(is_plain(value) for value in [*others, *parts]):
            # Most models are so; copy.deepcopy takes ten times as long.
            twin = twin_of(model)
            vars(twin).update({name: twin_of(gate) for name, gate in gates.items()})
        elif all(_is_small(value, model) for value in vars(model).values()):
            twin = copy.deepcopy(model)
        else:
            return None
        for name in PARAMETERS:
            if hasattr(model, name):
                vars(twin).setdefault(name, getattr(model, name))  # it may be on the class
    except Exception:  # whatever a user's classes make of it
        return None
    return twin


def _is_small(value: Any, model: Any, depth: int = 3) -> bool:
    """Whether an attribute of `model` is fast to copy, and does not refer to the model."""
    if is_plain(value):
        return True
    if isinstance(value, np.ndarray):
        return value.nbytes <= LARGEST_ARRAY and value.dtype.kind in "biufc"
    if callable(value):  # a method of this model; any other may refer to the model itself
        return getattr(value, "__self__", None) is model
    parts = value if isinstance(value, list | tuple) else vars(value).values()
    return (
        len(parts) <= MOST_ITEMS
        and depth > 0
        and all(_is_small(part, model, depth - 1) for part in parts)
    )


def deep(model: Any) -> Any:
    """Return a copy of a model that shares only what cannot be copied with it."""
    try:
        return copy.deepcopy(model)
    except Exception:  # a lock, a file: attributes of a user
        twin = object.__new__(type(model))
        memo = {id(model): twin}
        for name, value in vars(model).items():
            try:
                vars(twin)[name] = copy.deepcopy(value, memo)
            except Exception:
                vars(twin)[name] = value
        return twin

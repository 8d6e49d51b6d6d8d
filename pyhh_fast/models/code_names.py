"""Which attributes the code of a user's class may read: for warnings of misspelled ones."""

import contextlib
import functools
import math
import numbers
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.variables import GATES

_BY_TEXT = frozenset(
    [
        *("getattr", "setattr", "hasattr", "delattr", "vars", "dir", "attrgetter"),
        *("locals", "globals", "eval", "exec"),
        *("__dict__", "__getattribute__", "__getattr__", "__setattr__"),
        *("__getstate__", "__reduce__", "__reduce_ex__"),
    ]
)
"""What reads or sets attributes whose names need not be in the code."""


def mentioned(bases: tuple[type, ...]) -> set[str]:
    """Return the names that the code of classes reads, sets or calls, and its text constants."""
    functions = [
        function for base in bases for value in vars(base).values() for function in _parts(value)
    ]
    return {name for function in functions for name in _names_in(function.__code__)}


def may_read(model: HHModel, name: str) -> bool:
    """Whether the code of a model's class may read an attribute.

    It may where it mentions the name, and where that is uncertain: where it reads attributes by
    strings, uses other code or is not Python, and where the model holds functions or other objects.
    """
    bases = tuple(base for base in type(model).__mro__ if base not in (HHModel, object))
    return name in mentioned(bases) or not _reads_only_mentioned(model, bases)


def _reads_only_mentioned(model: HHModel, bases: tuple[type, ...]) -> bool:
    """Whether the code certainly mentions all attributes that it reads."""
    for name, value in vars(model).items():
        if name in GATES:
            if type(value) is not HHModel.Gate:
                return False
        elif name != "_told" and not isinstance(
            value, numbers.Number | np.generic | np.ndarray | str | None
        ):
            return False
    for base in bases:
        if not _BY_TEXT.isdisjoint(vars(base).keys() - {"__dict__"}):
            return False
        for name, value in vars(base).items():
            if name in ("__dict__", "__weakref__", "__doc__") or isinstance(
                value,
                staticmethod | classmethod | HHModel.Gate,  # none of which gets the model
            ):
                continue
            parts = _parts(value)
            if not parts and (callable(value) or hasattr(type(value), "__get__")):
                return False
            if any(_may_pass_on(part, bases) for part in parts):
                return False
    return True


def _parts(value: Any) -> list[types.FunctionType]:
    """Return the functions that an attribute of a class consists of."""
    if isinstance(value, property):
        found = [value.fget, value.fset, value.fdel]
    elif isinstance(value, staticmethod | classmethod):
        found = [value.__func__]
    elif isinstance(value, functools.cached_property):
        found = [value.func]
    else:
        found = [value]
    return [part for part in found if isinstance(part, types.FunctionType)]


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _may_pass_on(function: types.FunctionType, bases: tuple[type, ...]) -> bool:
    """Whether a function reads by strings, or uses other code, which may be given the model."""
    names = set(_names_in(function.__code__))
    used = [function.__globals__[name] for name in names & function.__globals__.keys()]
    with contextlib.suppress(ValueError):  # a variable that is not set yet
        used += [cell.cell_contents for cell in function.__closure__ or ()]
    own = (HHModel, *bases)
    return not _BY_TEXT.isdisjoint(names) or any(
        (callable(one) and one not in own and not isinstance(one, np.ufunc | type(math.exp)))
        or (isinstance(one, types.ModuleType) and one not in (np, math))
        for one in used
    )

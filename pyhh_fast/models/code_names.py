"""Which attributes the code of a user's class may read: for warnings of misspelled ones."""

import dis
import functools
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
    strings, passes the model to other code or is not Python, and where the model holds functions or
    other objects.
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
            if not all(_keeps_to_itself(part) for part in parts):
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


def _keeps_to_itself(function: types.FunctionType) -> bool:
    """Whether a method uses its first argument for nothing but attributes that it names."""
    code = function.__code__
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    if any(callable(content) and not isinstance(content, type) for content in cells):
        return False  # a decorator's
    if not code.co_argcount:
        return not code.co_flags & 0x0C  # *args and **kwargs
    return _keeps(code, code.co_varnames[0])


def _is_full(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _keeps(code: types.CodeType, model: str) -> bool:
    """Whether code uses the variable `model` for nothing but attributes that it names."""
    if not _BY_TEXT.isdisjoint(code.co_names):
        return False
    instructions = list(dis.get_instructions(code))
    for this, following in zip(instructions, [*instructions[1:], None], strict=True):
        # Newer versions of Python load two variables by one instruction, the later on top.
        variables = this.argval if isinstance(this.argval, tuple) else (this.argval,)
        if not this.opname.startswith(("LOAD_", "STORE_FAST_LOAD")) or model not in variables:
            continue
        if this.opname.startswith(("LOAD_CONST", "LOAD_ATTR", "LOAD_METHOD", "LOAD_GLOBAL")):
            continue
        if this.opname == "LOAD_CLOSURE":
            continue  # the code inside is examined below
        if model in variables[:-1] or following is None:
            return False
        if not following.opname.endswith(("_ATTR", "_METHOD")):
            return False
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return all(_keeps(one, model) for one in inner)

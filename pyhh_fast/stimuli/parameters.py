"""Parameters of stimuli: numbers, or arrays with one for each cell of a population."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from pyhh_fast import validation

Parameter: TypeAlias = Any
"""A float, or a read-only array of shape (cells,); one of shape (1,) is that of all cells.

Given as a number, or anything that NumPy makes a 1-D array of numbers of.
"""


def is_series(value: Any) -> bool:
    """Whether a value is, as an array or a list, a series of numbers."""
    if validation.is_scalar(value):
        return False
    return isinstance(value, list | tuple | range) or hasattr(value, "__array__")


def parameter(
    name: str,
    value: Any,
    *,
    unit: str = "",
    positive: bool = False,
    least: Parameter = None,
    least_name: str = "",
) -> Parameter:
    """Return a number as a float and a series as a new array, of which all must be finite.

    They must be above 0 where `positive`, and at least `least`, which has a name or is a number.
    """
    if not is_series(value):
        if least is not None and not isinstance(least, np.ndarray):
            return validation.at_least(name, value, least, unit=unit, least_name=least_name)
        found: Any = validation.real_number(name, value, unit=unit, positive=positive)
    else:
        rule = f"a {'positive, ' * positive}finite number, or a 1-D array of one for each cell"
        found = validation.array_of_numbers(name, value, rule, unit=unit, positive=positive)
        found.flags.writeable = False
    if least is not None:
        check_lengths(
            (n, np.size(x)) for n, x in ((least_name, least), (name, found)) if np.ndim(x)
        )
        low = np.atleast_1d(found < least)
        if low.any():
            at = int(np.argmax(low))
            limit, got = (np.broadcast_to(x, low.shape)[at] for x in (least, found))
            rule = f"at least {least_name}, {limit}" if least_name else f"{limit:g} or more"
            raise ValueError(validation.message(name, rule, f"{got} at index {at}", unit=unit))
    return found


def count(name: str, value: Any) -> Any:
    """Return a whole number of 0 or more, or an array of them; None as it is."""
    if value is None or not is_series(value):
        return None if value is None else validation.count(name, value)
    numbers = parameter(name, value, least=0)
    whole = (numbers == np.floor(numbers)) & (numbers <= validation.MOST_STEPS)
    if not whole.all():
        at = int(np.argmin(whole))
        rule, got = "a whole number, 0 or more", f"{numbers[at]} at index {at}"
        raise ValueError(validation.message(name, rule, got))
    numbers = numbers.astype(np.int64)
    numbers.flags.writeable = False
    return numbers


def check_lengths(arrays: Iterable[tuple[str, int]], size: int | None = None) -> None:
    """See that arrays, by name and length, have one value, or one for each cell.

    Without a `size` all must be of as many cells.
    """
    known, cells = "", size
    for name, length in arrays:
        if length == 1 or length == cells:
            known = known or name
            continue
        if size is not None:
            rule = "a number, or an array of one for each cell"
            got = f"{length} values for a population of size {size}"
            raise ValueError(validation.message(name, rule, got))
        if cells is not None:
            raise ValueError(
                f"{name} must have as many values as {known}, one for each cell, {cells}; got "
                f"{length}."
            )
        known, cells = name, length


def rows(count: int, *parameters: Parameter) -> Any:
    """Return a list of arrays, of each parameter, with an element for each of so many cells."""
    return [one if np.shape(one) == (count,) else np.full(count, one) for one in parameters]


def largest(parameter: Any) -> float:
    """Return the largest number of any cell, 0 or more."""
    return float(np.max(parameter, initial=0.0))


def same(one: Any, other: Any) -> bool:
    """Whether two parameters are equal."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def plain(value: Any) -> Any:
    """Return a parameter as descriptions have it."""
    return value.tolist() if isinstance(value, np.ndarray) else value


MOST_SHOWN = 8
"""Values of an array in a repr."""


def short(value: Any) -> str:
    """Return a parameter as it is typed; of a long array how many values it has."""
    if isinstance(value, np.ndarray):
        if len(value) > MOST_SHOWN:
            return f"<{len(value)} values>"
        return f"[{', '.join(map(short, value.tolist()))}]"
    return repr(value).removesuffix(".0")

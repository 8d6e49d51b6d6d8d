"""Many cells as two arrays of structs, of parameters and of states: what a run of them takes.

Sweeps and analyses make them as they are. models/hh_cells.py names and checks the fields of models'
cells, channels/neuron_cells.py those of a neuron's: of these are populations.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.typing import FloatArray, IntArray, StructArray


class Cells:
    """Cells, and where a run of them leaves their state and its recording.

    Parameters
    ----------
    parameters, state : structured array, shape (size,)
        Fields of float64; those of the state are V (mV) and the gates, in this order. A run
        replaces the state, and does not change it.
    """

    _parameters: StructArray
    _state: StructArray
    recording: Any = None

    _same_for_all: Mapping[str, float] = MappingProxyType({})
    """Parameters that are one number for all cells, by name."""

    def __init__(self, parameters: StructArray, state: StructArray) -> None:
        self._parameters, self._state = parameters, state

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self._state.size


def per_cell(
    name: str, value: Any, size: int, *, unit: str = "", positive: bool = False
) -> FloatArray:
    """Return one number for all of `size` cells, or an array of one for each."""
    if validation.is_scalar(value):
        return np.array(validation.real_number(name, value, unit=unit, positive=positive))
    kind = "positive, finite" if positive else "finite"
    rule = f"a {kind} number, or one for each of {size} cells"
    values = validation.array_of_numbers(name, value, rule, unit=unit, positive=positive)
    if values.size != size:
        got = f"{values.size} values for a population of size {size}"
        raise ValueError(validation.message(name, rule, got, unit=unit))
    return values


def cell_numbers(name: str, value: Any, size: int) -> IntArray:
    """Return the numbers of cells, each from 0 to `size` - 1, by default of all."""
    if value is None:
        return np.arange(size, dtype=np.int64)
    if validation.is_scalar(value):
        return np.array([validation.index(name, value, size)], dtype=np.int64)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        rule = f"a sequence of whole numbers from 0 to {size - 1}"
        raise TypeError(validation.message(name, rule, validation.shown(value)))
    given = list(value)
    if any(isinstance(one, bool | np.bool_) for one in given):
        rule = f"a sequence of whole numbers from 0 to {size - 1}"
        raise TypeError(validation.message(name, rule, "a mask", "Pass numpy.flatnonzero of it."))
    numbers = [validation.index(name, one, size, f" at index {i}") for i, one in enumerate(given)]
    return np.array(numbers, dtype=np.int64)

"""Many cells as two arrays of structs, of parameters and of states: what a run of them takes.

`Population` is the public class of them; sweeps and analyses make cells without its checks.
"""

from typing import Any

from pyhh_fast import validation
from pyhh_fast.typing import StructArray
from pyhh_fast.variables import PARAMETERS, STATE


class Cells:
    """Cells, and where a run of them leaves their state and its recording.

    Parameters
    ----------
    parameters, state : structured array, shape (size,)
        Of `PARAMETER_STRUCT` and `STATE_STRUCT`. A run replaces the state, and does not change it.
    """

    _parameters: StructArray
    _state: StructArray
    recording: Any = None

    def __init__(self, parameters: StructArray, state: StructArray) -> None:
        self._parameters, self._state = parameters, state


class PerCell:
    """A number of each cell, as an attribute that is a view of a field of its arrays."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._array = "_parameters" if name in PARAMETERS else "_state"
        known = PARAMETERS[name] if name in PARAMETERS else STATE[name]
        self._field, self._unit = known.symbol, known.unit
        self._positive = name in PARAMETERS and PARAMETERS[name].positive

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else getattr(instance, self._array)[self._field]

    def __set__(self, instance: Any, value: Any) -> None:
        array = getattr(instance, self._array)
        array[self._field] = validation.per_cell(
            self._name, value, array.size, unit=self._unit, positive=self._positive
        )

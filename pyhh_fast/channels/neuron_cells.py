"""Cells that are one neuron but for some of their numbers: what its populations are made of."""

import functools
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.cells import Cells, per_cell
from pyhh_fast.channels import paths, steady
from pyhh_fast.channels.gate_table import LARGEST_V, REACH
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.typing import FloatArray, IntArray
from pyhh_fast.variables import POTENTIAL

LARGEST_SHIFT = REACH - LARGEST_V
"""Of a channel, in mV."""


class NeuronCells(Cells):
    """Cells of a neuron.

    Parameters
    ----------
    neuron : Neuron
    size : int
    values : dict of str to float or array_like of shape (size,)
        Parameters by path, in place of the neuron's; those of `Neuron.parameters`.

    Raises
    ------
    TypeError, ValueError
        If a path is unknown, or a number cannot be what the path says.
    """

    def __init__(self, neuron: Neuron, size: int, values: Mapping[str, Any]) -> None:
        arrays: dict[str, FloatArray] = {}
        numbers: dict[str, FloatArray] = {}
        for path, given in values.items():
            suggestion = functools.partial(paths.suggestion, neuron._all_parts)
            validation.choice("path", path, neuron.parameters, suggestion)
            own = per_cell(path, given, size)
            (arrays if own.ndim else numbers)[path] = own
        neuron = neuron.replace({path: float(own) for path, own in numbers.items()})
        for path, own in arrays.items():
            for extreme in (own.argmin(), own.argmax()) if own.size else ():
                _check(neuron, path, own, int(extreme))
        self.neuron = neuron
        self._values: dict[str, FloatArray] = arrays
        self._same_for_all = {
            path: number for path, number in neuron.parameters.items() if path not in arrays
        }
        parameters = np.zeros(size, [(path, np.float64) for path in arrays])
        for path, own in arrays.items():
            parameters[path] = own
        fields = [POTENTIAL.name, *neuron.gates, *neuron.pools]
        super().__init__(parameters, np.zeros(size, [(name, np.float64) for name in fields]))

    def _take(self, cell: IntArray) -> Self:
        """Return these cells, in this order, with a state of zeros."""
        twin = type(self).__new__(type(self))
        twin.neuron = self.neuron
        twin._values = {path: own[cell] for path, own in self._values.items()}
        Cells.__init__(twin, self._parameters[cell], np.zeros(cell.size, self._state.dtype))
        return twin

    @property
    def _open_alike(self) -> bool:
        """Whether steady gates, concentrations and what follows them are the same in all cells."""
        channels = self.neuron.channels.items()
        of_calcium = {
            name for name, one in channels if one.feeds is not None or isinstance(one.E, Nernst)
        }
        of_calcium |= {*self.neuron.pools}
        return not any(
            path.endswith(".shift") or path.partition(".")[0] in of_calcium for path in self._values
        )

    def _value(self, path: str) -> Any:
        """Return a parameter: one number, or an array of one for each cell."""
        return self._values[path] if path in self._values else self.neuron.parameters[path]

    def _column(self, path: str, dimensions: int = 1) -> Any:
        """Return a parameter as it broadcasts with V that have the cells along their first axis."""
        value = self._value(path)
        return value.reshape(-1, *[1] * (dimensions - 1)) if np.ndim(value) else value

    def _reversal(self, name: str) -> tuple[Any, Any]:
        """Return the reversal potential of a channel, mV, at 1 mM if it follows a pool, and by how
        much it falls with the logarithm of the concentration, or 0: numbers, or one for each cell.
        """
        return steady.reversal(name, self.neuron.channels[name].E, self._value)

    def _steady_gates(self, V: FloatArray) -> dict[str, FloatArray]:
        """Return the steady states of gates, by path, and pools at V (mV) of each cell.

        V has the cells along its first axis.
        """
        return steady.state_at(self.neuron, V, lambda path: self._column(path, V.ndim))

    def _set_steady(self, V: FloatArray) -> None:
        """Put the cells at V (mV), with steady gates and pools."""
        state = np.zeros(self.size, self._state.dtype)
        state[POTENTIAL.name] = V
        for path, x in self._steady_gates(state[POTENTIAL.name]).items():
            state[path] = x
        self._state = state


def _check(neuron: Neuron, path: str, own: FloatArray, index: int) -> None:
    """Raise ValueError where the number of a cell cannot be what a path says."""
    try:
        neuron.replace({path: float(own[index])})
    except (TypeError, ValueError) as error:
        rule, _, got = str(error).partition("; got ")
        _, stop, advice = got.partition(". ")
        place = f"{own[index]:g} at index {index}"
        raise type(error)(f"{rule}; got {place}{stop or '.'}{advice}") from None

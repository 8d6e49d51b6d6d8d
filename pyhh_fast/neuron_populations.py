"""Populations of a declared neuron, which `Population.from_model` makes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.cells import per_cell
from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.equilibria.neuron_cells import starts_of_cells
from pyhh_fast.runs_of_many import RunsOfMany
from pyhh_fast.system import free_memory
from pyhh_fast.system.exclusive import Exclusive
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray
from pyhh_fast.variables import POTENTIAL, Variable

STARTS = ("rest", "steady")
"""Where cells of a neuron may start."""

BYTES_A_NUMBER = 24
"""What a run takes of each number of a cell: parameters, and V and gates before and after."""


class NeuronPopulation(NeuronCells, RunsOfMany):
    """Many cells of one :class:`pyhh_fast.Neuron`, not coupled, each with its numbers and state.

    :meth:`pyhh_fast.Population.from_model` makes them. The numbers do not change; the state is that
    of the last run, or what :meth:`reset` sets.

    Attributes
    ----------
    size : int
    neuron : Neuron
        With the numbers that are those of all cells.
    parameters : mapping of str to ndarray, shape (size,)
        By path; they cannot be changed.
    Vm : ndarray, shape (size,), mV
        Membrane potential of each cell now.
    gates : mapping of str to ndarray, shape (size,)
        Open fractions now, by path.
    concentrations : mapping of str to ndarray, shape (size,), mM
        Of the pools now, by name.
    recording : PopulationRecording or None
        Of the latest run.

    Examples
    --------
    How often do neurons of Wang and Buzsáki with more and more potassium fire in a second?

    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> neuron = pyhh.neurons.wang_buzsaki()
    >>> population = pyhh.Population.from_model(neuron, 3, {"K.g": [6, 9, 12]})
    >>> population.run(2.0, 0.01, duration=1_000, method="rk4").spike_counts
    array([124, 102,  92])
    """

    def __init__(self, neuron: Neuron, size: int, values: Mapping[str, Any]) -> None:
        size = validation.count("size", size)
        numbers = len(values) + len(neuron.variables)
        free_memory.check(
            BYTES_A_NUMBER * numbers * size, "a population", "Make several, one after the other."
        )
        super().__init__(neuron, size, values)
        self._origin = self.neuron

    @property
    def parameters(self) -> Mapping[str, FloatArray]:
        """Parameters of the cells, by path."""
        size = (self.size,)
        every = {path: np.broadcast_to(self._value(path), size) for path in self.neuron.parameters}
        return MappingProxyType({path: _read_only(own) for path, own in every.items()})

    @property
    def Vm(self) -> FloatArray:
        """Membrane potential of each cell now, mV."""
        return _read_only(self._state[POTENTIAL.name])

    @property
    def gates(self) -> Mapping[str, FloatArray]:
        """Open fractions of each cell now, by path."""
        return MappingProxyType({path: _read_only(self._state[path]) for path in self.neuron.gates})

    @property
    def concentrations(self) -> Mapping[str, FloatArray]:
        """Concentrations of the pools of each cell now, mM, by name."""
        return MappingProxyType({name: _read_only(self._state[name]) for name in self.neuron.pools})

    @rounds_to_nearest
    def reset(self, start: str = "rest", Vm: npt.ArrayLike | None = None) -> None:
        """Put all cells where they start, with steady gates.

        Parameters
        ----------
        start : {"rest", "steady"}, default "rest"
            The rest of each cell, or where it has none the unstable equilibrium nearest the leak's
            reversal potential; or `Vm`.
        Vm : float or array_like of shape (size,), mV
            Where start is "steady": one number for all cells, or one for each.

        Raises
        ------
        TypeError, ValueError
            If `start` is neither, `Vm` is missing or not to be given, no finite number or beyond
            300 mV, or a cell has no equilibrium.
        """
        start = validation.choice("start", start, STARTS)
        with Exclusive("population", self):
            self._set_steady(self._start(start, Vm))

    def _start(self, start: str, Vm: npt.ArrayLike | None) -> FloatArray:
        if start == "rest":
            if Vm is not None:
                raise TypeError(
                    f"Vm must be left out where start is 'rest' (mV); got {validation.shown(Vm)}. "
                    "Pass start='steady' with it."
                )
            return starts_of_cells(self)
        if Vm is None:
            raise TypeError(
                "Vm must be given where start is 'steady' (mV); got None. Pass one number for all "
                "cells, or one for each."
            )
        V = per_cell("Vm", Vm, self.size, unit="mV")
        if (np.abs(V) > LARGEST_V).any():
            worst = V.flat[np.argmax(np.abs(V))]
            raise ValueError(
                f"Vm must be from -{LARGEST_V:g} to {LARGEST_V:g} (mV); got {worst:g}. A neuron's "
                "tables end there."
            )
        return np.broadcast_to(V, (self.size,))

    @property
    def _variables(self) -> dict[str, Variable]:
        return self.neuron.variables

    def _kinetics(self) -> None:
        """Return None: they are the neuron's."""

    def _suiting_step(self, cells: IntArray) -> float:
        from pyhh_fast.engine.time_steps import step_for_neuron_cells

        return step_for_neuron_cells(self._take(cells))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("Vm", "gates", "concentrations", "parameters", "size") or not (
            name.startswith("_") or name in ("neuron", "recording")
        ):
            raise AttributeError(
                f"{name} of a neuron's population cannot be set. Use reset(start, Vm) for its "
                "state; make another by Population.from_model for other numbers."
            )
        super().__setattr__(name, value)


def _read_only(values: FloatArray) -> FloatArray:
    view = values[:]
    view.flags.writeable = False
    return view

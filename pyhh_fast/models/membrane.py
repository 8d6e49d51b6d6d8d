"""A model, or many cells, as plain arrays and numbers in the order of variables.py.

The engine, stores and the search for equilibria use a membrane in this form: they know neither the
number of gates and channels, nor their names.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from pyhh_fast.typing import StructArray
from pyhh_fast.variables import CAPACITANCE, CHANNELS, GATES, PARAMETERS, REVERSALS, STATE

PARAMETER_STRUCT = np.dtype([(one.symbol, np.float64) for one in PARAMETERS.values()])
"""The parameters of a cell, as compiled code has them (hh_parameters in src/hodgkin_huxley.h)."""

STATE_STRUCT = np.dtype([(one.symbol, np.float64) for one in STATE.values()])
"""V (mV) and the open fractions of the gates of a cell, as compiled code has them."""


def parameters_of(model: Any) -> StructArray:
    """Return the parameters of a model, shape (1,)."""
    found = np.zeros(1, PARAMETER_STRUCT)
    for name, parameter in PARAMETERS.items():
        found[parameter.symbol] = getattr(model, name)
    return found


def gates_of(model: Any) -> list[Any]:
    """Return the gates of a model."""
    return [getattr(model, name) for name in GATES]


def state_of(model: Any) -> tuple[Any, ...]:
    """Return V (mV) and the open fractions of the gates of a model."""
    return (model.Vm, *(gate.state for gate in gates_of(model)))


def reversals_of(model: Any) -> list[Any]:
    """Return the reversal potentials of a model, or of many cells, in mV."""
    return [getattr(model, name) for name in REVERSALS]


def conductances_of(model: Any, gates: Iterable[float] | None = None) -> list[Any]:
    """Return the conductance of each channel (mS/cm²) at open fractions, by default the largest."""
    largest = [getattr(model, channel.conductance.name) for channel in CHANNELS]
    if gates is None:
        return largest
    state = dict(zip(GATES, gates, strict=True))
    return [
        g * math.prod(state[gate] ** power for gate, power in channel.powers.items())
        for g, channel in zip(largest, CHANNELS, strict=True)
    ]


def rate_of(model: Any, gates: Iterable[float] | None = None) -> Any:
    """Return the rate of the membrane (1/ms) at open fractions, by default at all 1."""
    return sum(conductances_of(model, gates)) / getattr(model, CAPACITANCE.name)


def add_leak(model: Any, g: float) -> None:
    """Make the leak of a model larger by `g` (mS/cm²)."""
    for channel in CHANNELS:
        if not channel.powers:
            name = channel.conductance.name
            setattr(model, name, getattr(model, name) + g)


def current_of(model: Any, V: float, gates: Iterable[float]) -> float:
    """Return the current through the membrane (µA/cm²), outward positive."""
    pairs = zip(conductances_of(model, gates), reversals_of(model), strict=True)
    return float(sum(g * (V - E) for g, E in pairs))

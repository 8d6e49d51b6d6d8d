"""Steps that suit a model, by its fastest rate: the default of analyses, and recommendations."""

import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from pyhh_fast.channels import steady
from pyhh_fast.errors import warn_user
from pyhh_fast.kinetics.built_in import BuiltIn
from pyhh_fast.kinetics.protocol import Kinetics
from pyhh_fast.methods import LARGEST_ADVISED_STEP
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.models.membrane import rate_of, reversals_of
from pyhh_fast.typing import FloatArray

STEP = 0.01
"""Of the built-in model at its default parameters, in ms: exponential Euler's rates are then right
to 0.01 %, and its error falls like the square of the step times the rates."""

SAME_STEP_FACTOR = 1.15
"""A model that is faster by less than this factor has the same step."""

RATE_POINTS = 201
"""Potentials at least at which rates are compared, ..."""

LARGEST_CHANGE = 1.3
"""By how many times a concentration may change within a step of a voltage clamp."""

LARGEST_SPACING = 1.0
"""... no farther apart than this, in mV, ..."""

MOST_RATE_POINTS = 100_000
"""... as long as there are no more of them."""


def default_step(speed: float) -> float:
    """Return the step (ms) that suits what is so many times faster than the built-in model.

    That is 0.01 ms over a whole number, so durations stay whole numbers of steps.
    """
    return STEP / math.ceil(max(speed / SAME_STEP_FACTOR, 1.0))


def warn_of_step_too_large(dt: float, speed: float, kind: str) -> None:
    """Warn of a step (ms) that is too large for a model, or a neuron, that is so fast."""
    if dt > (advised := advised_step(speed)):
        warn_user(
            f"dt is {dt:g} ms; steps of {advised:.3g} ms or less are recommended for the rates of "
            f"this {kind}. Leave dt out, or use method='adaptive'."
        )


def warn_of_fast_calcium(recording: Any, pools: Iterable[str]) -> None:
    """Warn where one of the concentrations that a voltage clamp records changes much in a step."""
    if recording.settings.every > 1:
        return
    for name in pools:
        if name in recording.recorded:
            with np.errstate(all="ignore"):
                change = np.exp(np.abs(np.diff(np.log(recording[name]), axis=-1)))
            largest = float(np.nanmax(change, initial=1.0))
            if largest > LARGEST_CHANGE:
                warn_user(
                    f"{name} changes {largest:.2g} times within a step of {recording.dt:g} ms: its "
                    "error may be as large. Use a smaller dt, until its trace stays the same."
                )


def largest_advised_step(model: Any, kinetics: Any, V: Iterable[float] = ()) -> float:
    """Return the largest step (ms) that is recommended for the rates of `model`.

    These are those between the reversal potentials, and out to each of `V` (mV) beyond.
    """
    return advised_step(speed(model, kinetics, V))


def advised_step(speed: float) -> float:
    """Return the largest step (ms) recommended for what is so many times faster than the model."""
    return LARGEST_ADVISED_STEP / max(speed / SAME_STEP_FACTOR, 1.0)


def step_for_cells(parameters: dict[str, FloatArray], kinetics: Kinetics) -> float:
    """Return the largest step (ms) that is recommended for many cells with these parameters."""
    return largest_advised_step(SimpleNamespace(**parameters), kinetics)


def step_for_neuron_cells(cells: Any) -> float:
    """Return the largest step (ms) that is recommended for these `NeuronCells`."""
    return advised_step(speed_of_neuron_cells(cells))


def speed_of_neuron_cells(cells: Any) -> float:
    """Return how many times faster than the built-in model the fastest of these `NeuronCells` is.

    Its gates count as they are between the reversal potentials, all shifts included; those of
    calcium at the concentrations that are steady there. Potentials that follow calcium count where
    no other depolarises: spikes end far below them.
    """
    neuron = cells.neuron
    of_channels = steady.reversals(neuron, cells._value)
    constant = [E for E in of_channels.values() if len(E) == 1]
    if not any(np.max(E) > 0 for E in constant):
        constant = list(of_channels.values())
    E = np.concatenate([np.ravel(E) for of_channel in constant for E in of_channel])
    V = np.linspace(E.min(), E.max(), RATE_POINTS)
    own = neuron.parameters
    pools = steady.state_at(neuron, V, own.__getitem__) if neuron.pools else {}
    gate, conductance = 0.0, 0.0
    for name, channel in neuron.channels.items():
        conductance += cells._value(f"{name}.g")
        for gate_name, one in channel.gates.items():
            path = f"{name}.{gate_name}"
            if not one.instantaneous:
                speed = float(np.max(cells._value(f"{path}.speed")))
                shifted = f"{name}.shift"  # gates of calcium alone have none
                shifts = cells._value(shifted) if shifted in own else 0.0
                for shift in np.unique(shifts)[[0, -1]]:
                    value = (own | {shifted: shift}).__getitem__
                    total = steady.rates(neuron, path, V, pools, value)[1]
                    gate = max(gate, speed * float(total.max()))
    return relative_speed(gate, float(np.max(conductance / cells._value("Cm"))))


def rounded_down(step: float) -> float:
    """Return a step rounded down to two digits."""
    unit = 10.0 ** (math.floor(math.log10(step)) - 1)
    return math.floor(step / unit * (1 + 1e-9)) * unit


def speed(model: Any, kinetics: Any, V: Iterable[float] = ()) -> float:
    """Return how many times faster than the built-in model at its default parameters `model` is.

    It is the larger of two ratios: of the largest alpha + beta of a gate between the outermost
    reversal potentials, and of the rate of the membrane with all channels open. Parameters may be
    arrays, of cells, of which the fastest counts. Where some of `V` (mV) are beyond the reversal
    potentials, the range of the gates extends to them.
    """
    return relative_speed(_fastest_gate(model, kinetics, V), float(np.max(rate_of(model))))


def relative_speed(gate: float, membrane: float) -> float:
    """Return how many times faster this gate or this membrane (1/ms) is than the built-in ones."""
    return max(gate / _fastest_gate(HHModel, BuiltIn()), membrane / float(rate_of(HHModel)))


def gate_speed(model: Any, kinetics: Any) -> float:
    """Return how many times faster than at the built-in rates the fastest gate is."""
    return _fastest_gate(model, kinetics) / _fastest_gate(HHModel, BuiltIn())


def _fastest_gate(model: Any, kinetics: Any, beyond: Iterable[float] = ()) -> float:
    largest = 0.0
    for low, high in _voltage_ranges(model, beyond):
        points = min(max(RATE_POINTS, math.ceil((high - low) / LARGEST_SPACING)), MOST_RATE_POINTS)
        rates = kinetics.checked_rates_at(np.linspace(low, high, points))
        with np.errstate(all="ignore"):
            alpha, beta = np.split(rates, 2, axis=1)
            largest = max(largest, float(np.nanmax(alpha + beta, initial=0.0)))
    return min(largest, 1e6)


def _voltage_ranges(model: Any, beyond: Iterable[float]) -> list[list[float]]:
    """Return the ranges of V (mV) between the outermost reversal potentials, joined if they meet.

    For a single model `beyond` (mV) are among them.

    The rates of all cells are the same functions of V, so the fastest is found on these.
    """
    reversals = np.array([np.ravel(E) for E in (*reversals_of(model), *beyond)])
    ranges: list[list[float]] = []
    for low, high in np.unique([reversals.min(axis=0), reversals.max(axis=0)], axis=1).T.tolist():
        if ranges and low <= ranges[-1][1]:
            ranges[-1][1] = max(high, ranges[-1][1])
        else:
            ranges.append([low, high])
    return ranges

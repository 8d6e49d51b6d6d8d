"""A neuron as plain arrays, which the compiled loops take: its gates in vectors, its channels."""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.typing import BoolArray, FloatArray, IntArray

LANES = 4
"""Gates in a vector."""

V_LANE = 3
"""The lane of V: the last of the first vector."""

FEWEST_FACTORS = 4

ONE = -1
"""In a list of factors: not a gate, but 1."""


class MembraneVariable(NamedTuple):
    """A variable, and where it is: a gate's lane, or a channel in the order of evaluation."""

    name: str
    kind: Literal["V", "gate", "current"]
    place: int


@dataclasses.dataclass(frozen=True, eq=False)
class Membrane:
    """A membrane with any set of channels.

    Gate g is lane ``gate_lane[g]``: of vector ``gate_lane[g] // 4`` lane ``gate_lane[g] % 4``. V
    is lane 3. The open fraction of a channel is the product of the lanes that it lists; they are
    multiplied in pairs, ``(f0 * f1) * (f2 * f3)``, so m³h is ``(m * m) * (m * h)``.

    Attributes
    ----------
    C_m : float, µF/cm²
    g, E : ndarray, shape (channels,), mS/cm² and mV
        In the order of evaluation: ungated ones first, each kind as declared.
    ungated : int
        How many channels have no gates.
    factors : ndarray of int64, shape (channels - ungated, factors)
        Lanes, each gate as often as its power says, -1 for 1; their number is a power of two, 4 or
        more.
    vectors : int
        Vectors of 4 lanes, 1 or more.
    shift : ndarray, shape (vectors,), mV
        The gates of a vector have their rates at V - shift.
    shifted_by : tuple of str, optional
        For each vector the channel whose shifts it has where they are each cell's own, else None.
    gate_lane : ndarray of int64, shape (gates,)
        In declared order, as all of gates is.
    gate_speed : ndarray, shape (gates,)
    gate_instantaneous : ndarray of bool, shape (gates,)
    variables : tuple of MembraneVariable
        V, gates, currents, each in declared order.
    """

    C_m: float
    g: FloatArray
    E: FloatArray
    ungated: int
    factors: IntArray
    vectors: int
    shift: FloatArray
    shifted_by: tuple[str | None, ...]
    gate_lane: IntArray
    gate_speed: FloatArray
    gate_instantaneous: BoolArray
    variables: tuple[MembraneVariable, ...]


def membrane_of(neuron: Neuron, shifted: Mapping[str, str] | None = None) -> Membrane:
    """Return the arrays of a neuron.

    Parameters
    ----------
    shifted : dict of str to str, optional
        Of many cells: the channels whose shift is each cell's own, and for each the channel whose
        shifts it has, too, or itself.
    """
    channels, gates = neuron.channels, neuron.gates
    order = sorted(channels, key=lambda name: bool(channels[name].gates))  # a stable sort
    lane, shift, shifted_by = _packed(channels, shifted or {})
    ungated = sum(not channel.gates for channel in channels.values())
    variables = [MembraneVariable("Vm", "V", V_LANE)]
    variables += [MembraneVariable(path, "gate", lane[path]) for path in gates]
    variables += [MembraneVariable(name, "current", order.index(name)) for name in channels]
    return Membrane(
        C_m=neuron.Cm,
        g=np.array([channels[name].g for name in order]),
        E=np.array([channels[name].E for name in order]),
        ungated=ungated,
        factors=_factors({name: channels[name] for name in order[ungated:]}, lane),
        vectors=len(shift),
        shift=np.array(shift),
        shifted_by=tuple(shifted_by),
        gate_lane=np.array([lane[path] for path in gates], np.int64),
        gate_speed=np.array([gate.speed for gate in gates.values()]),
        gate_instantaneous=np.array([gate.instantaneous for gate in gates.values()], np.bool_),
        variables=tuple(variables),
    )


def _packed(
    channels: Mapping[str, Channel], shifted: Mapping[str, str]
) -> tuple[dict[str, int], list[float], list[str | None]]:
    """Return the lane of each gate, by path, and the shift of each vector, and whose it is.

    Gates with one shift share vectors, and the first vector has room for three. It holds gates
    that need no more vectors for that, if there are any.
    """
    by_shift: dict[tuple[float, str | None], list[str]] = {}
    for name, channel in channels.items():
        for gate_name in channel.gates:
            own = shifted.get(name)
            shift = 0.0 if own else channel.shift
            by_shift.setdefault((shift, own), []).append(f"{name}.{gate_name}")
    groups = sorted(by_shift.items(), key=lambda group: len(group[1]) % LANES == 0)
    lane: dict[str, int] = {}
    shifts: list[float] = []
    owners: list[str | None] = []
    for (shift, own), paths in groups or [((0.0, None), [])]:
        begin = LANES * len(shifts)
        skipped = 0 if begin else 1  # V's
        lane |= {path: begin + i + (skipped and i >= V_LANE) for i, path in enumerate(paths)}
        vectors = max(1, -(-(len(paths) + skipped) // LANES))
        shifts += [shift] * vectors
        owners += [own] * vectors
    return lane, shifts, owners


def _factors(gated: Mapping[str, Channel], lane: Mapping[str, int]) -> IntArray:
    """Return the lanes that are multiplied for each of these channels."""
    lists = [
        [
            lane[f"{name}.{gate_name}"]
            for gate_name, gate in channel.gates.items()
            for _ in range(gate.power)
        ]
        for name, channel in gated.items()
    ]
    most = max([FEWEST_FACTORS, *map(len, lists)])
    factors = np.full((len(lists), 1 << (most - 1).bit_length()), ONE, np.int64)
    for row, lanes in zip(factors, lists, strict=True):
        row[: len(lanes)] = lanes
    return factors

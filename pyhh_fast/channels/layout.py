"""A neuron as plain arrays, which the compiled loops take: gates in vectors, channels, pools."""

import dataclasses
import itertools
from collections.abc import Container, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.channels.steady import reversal
from pyhh_fast.typing import BoolArray, FloatArray, IntArray

LANES = 4
"""Gates in a vector."""

V_LANE = 3
"""The lane of V: the last of the first vector."""

FEWEST_FACTORS = 4

ONE = -1
"""In a list of factors: not a gate, but 1."""


class MembraneVariable(NamedTuple):
    """A variable, and where it is: the lane of a gate or a pool, or a channel as evaluated."""

    name: str
    kind: Literal["V", "gate", "pool", "current"]
    place: int


class MembranePool(NamedTuple):
    """A pool of calcium, carried in a lane as gates are.

    Attributes
    ----------
    name : str
    lane : int
    rest, tau, gain : float
        In mM, ms, mM/ms per µA/cm².
    feeders : ndarray of int64
        The channels that feed it, in the order of evaluation.
    vectors : ndarray of int64
        The vectors that have rows in its table, in rising order: those of its gates, and the first
        where a potential follows it.
    """

    name: str
    lane: int
    rest: float
    tau: float
    gain: float
    feeders: IntArray
    vectors: IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class Membrane:
    """A membrane with any set of channels.

    Gate g is lane ``gate_lane[g]``: of vector ``gate_lane[g] // 4`` lane ``gate_lane[g] % 4``. V
    is lane 3. The open fraction of a channel is the product of the lanes that it lists; they are
    multiplied in pairs, ``(f0 * f1) * (f2 * f3)``, so m³h is ``(m * m) * (m * h)``. Pools have the
    lanes that gates leave free, or those of one vector more, the last.

    Attributes
    ----------
    C_m : float, µF/cm²
    g, E : ndarray, shape (channels,), mS/cm² and mV
        In the order of evaluation: ungated ones first, each kind as declared. An E that follows a
        pool is that at 1 mM: it is ``E - nernst_slope * ln(Ca)``.
    nernst_pool : ndarray of int64, shape (channels,)
        The number of the pool that E follows, or -1.
    nernst_slope : ndarray, shape (channels,), mV
        Or 0.
    ungated : int
        How many channels have no gates.
    factors : ndarray of int64, shape (channels - ungated, factors)
        Lanes, each gate as often as its power says, -1 for 1; their number is a power of two, 4 or
        more.
    vectors : int
        Vectors of 4 lanes, 1 or more.
    rows : int
        How many of them, the first, have rows of V.
    shift : ndarray, shape (vectors,), mV
        The gates of a vector have their rates at V - shift.
    shifted_by : tuple of str, optional
        For each vector the channel whose shifts it has where they are each cell's own, else None.
    gate_lane : ndarray of int64, shape (gates,)
        In declared order, as all of gates is.
    gate_speed : ndarray, shape (gates,)
    gate_instantaneous : ndarray of bool, shape (gates,)
    pools : tuple of MembranePool
        In declared order.
    variables : tuple of MembraneVariable
        V, gates, pools, currents, each in declared order.
    """

    C_m: float
    g: FloatArray
    E: FloatArray
    nernst_pool: IntArray
    nernst_slope: FloatArray
    ungated: int
    factors: IntArray
    vectors: int
    rows: int
    shift: FloatArray
    shifted_by: tuple[str | None, ...]
    gate_lane: IntArray
    gate_speed: FloatArray
    gate_instantaneous: BoolArray
    pools: tuple[MembranePool, ...]
    variables: tuple[MembraneVariable, ...]


def membrane_of(neuron: Neuron, shifted: Mapping[str, str] | None = None) -> Membrane:
    """Return the arrays of a neuron.

    Parameters
    ----------
    shifted : dict of str to str, optional
        Of many cells: the channels whose shift is each cell's own, and for each the channel whose
        shifts it has, too, or itself.
    """
    channels, gates, pools = neuron.channels, neuron.gates, list(neuron.pools)
    order = evaluation_order(neuron)
    lane, shift, shifted_by = _packed(channels, shifted or {})
    rows = len(shift)
    pool_lane = _lanes_of_pools(pools, set(lane.values()))
    if any(place >= LANES * rows for place in pool_lane.values()):
        shift, shifted_by = [*shift, 0.0], [*shifted_by, None]
    ungated = sum(not channel.gates for channel in channels.values())
    variables = [MembraneVariable("Vm", "V", V_LANE)]
    variables += [MembraneVariable(path, "gate", lane[path]) for path in gates]
    variables += [MembraneVariable(name, "pool", pool_lane[name]) for name in pools]
    variables += [MembraneVariable(name, "current", order.index(name)) for name in channels]
    value = neuron.parameters.__getitem__
    E = [reversal(name, channels[name].E, value) for name in order]
    follows = [one.pool if isinstance(one := channels[name].E, Nernst) else None for name in order]
    return Membrane(
        C_m=neuron.Cm,
        g=np.array([channels[name].g for name in order]),
        E=np.array([float(one) for one, _ in E]),
        nernst_pool=np.array(
            [-1 if one is None else pools.index(one) for one in follows], np.int64
        ),
        nernst_slope=np.array([slope for _, slope in E]),
        ungated=ungated,
        factors=_factors({name: channels[name] for name in order[ungated:]}, lane),
        vectors=len(shift),
        rows=rows,
        shift=np.array(shift),
        shifted_by=tuple(shifted_by),
        gate_lane=np.array([lane[path] for path in gates], np.int64),
        gate_speed=np.array([gate.speed for gate in gates.values()]),
        gate_instantaneous=np.array([gate.instantaneous for gate in gates.values()], np.bool_),
        pools=tuple(
            _pool(neuron, name, pool_lane[name], order, lane, name in follows) for name in pools
        ),
        variables=tuple(variables),
    )


def evaluation_order(neuron: Neuron) -> list[str]:
    """Return the names of the channels in the order of evaluation: those without gates first."""
    return sorted(neuron.channels, key=lambda name: bool(neuron.channels[name].gates))


def _pool(
    neuron: Neuron, name: str, place: int, order: list[str], lane: Mapping[str, int], followed: bool
) -> MembranePool:
    pool = neuron.pools[name]
    feeders = [i for i, one in enumerate(order) if neuron.channels[one].feeds == name]
    vectors = {lane[path] // LANES for path, gate in neuron.gates.items() if gate.pool == name}
    vectors |= {0} if followed else set()
    numbers = np.array(feeders, np.int64), np.array(sorted(vectors), np.int64)
    return MembranePool(name, place, pool.rest, pool.tau, pool.gain, *numbers)


def _lanes_of_pools(pools: Sequence[str], taken: Container[int]) -> dict[str, int]:
    """Return the lanes of the pools: those that are free, then those after the last vector."""
    every = (i for i in itertools.count() if i != V_LANE and i not in taken)
    return dict(zip(pools, every, strict=False))


def _packed(
    channels: Mapping[str, Channel], shifted: Mapping[str, str]
) -> tuple[dict[str, int], list[float], list[str | None]]:
    """Return the lane of each gate, by path, and the shift of each vector, and whose it is.

    Gates with one shift share vectors, and the first vector has room for three. It holds gates
    that need no more vectors for that, if there are any; and gates of calcium, where that can be,
    as the tables of pools are shorter then. Gates of calcium alone share any vector.
    """
    by_shift: dict[tuple[float, str | None], list[str]] = {}
    of_calcium: list[str] = []
    reading: set[str] = set()
    for name, channel in channels.items():
        for gate_name, gate in channel.gates.items():
            path, own = f"{name}.{gate_name}", shifted.get(name)
            if gate.pool is not None:
                reading.add(path)
            if gate.of is not None:
                of_calcium.append(path)
                continue
            shift = 0.0 if own else channel.shift
            by_shift.setdefault((shift, own), []).append(path)
    for path in of_calcium:
        if not by_shift:
            by_shift[0.0, None] = []
        sizes = {key: len(paths) for key, paths in by_shift.items()}
        added = {key: _vectors([n + (k == key) for k, n in sizes.items()]) for key in sizes}
        best = min(sizes, key=lambda key: (added[key], reading.isdisjoint(by_shift[key])))
        by_shift[best].append(path)
    for paths in by_shift.values():
        paths.sort(key=lambda path: path not in reading)
    groups = sorted(
        by_shift.items(),
        key=lambda group: (len(group[1]) % LANES == 0, reading.isdisjoint(group[1])),
    )
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


def _vectors(sizes: list[int]) -> int:
    """Return how many vectors groups of so many gates take, one of which shares with V."""
    return sum(-(-size // LANES) for size in sizes) + all(size % LANES == 0 for size in sizes)


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

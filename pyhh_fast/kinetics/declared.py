"""The rates of a declared neuron as a time loop takes them: the tables of its gates in rows."""

import collections
import math
import threading
from collections.abc import Callable, Container

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.channels.axes import CONCENTRATION
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.channels.layout import LANES, V_LANE, Membrane, MembranePool
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.steady import logarithm
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays
from pyhh_fast.typing import FloatArray

LARGEST_CACHE = 64 * 2**20
"""Bytes of rows that are cached; those used longest ago are dropped."""

WIDTH_WITHOUT_GATES = 512.0
"""Of rows, in mV, that hold no rates."""

FIRST_WITHOUT_GATES = -1
"""Number of the first of them."""

_cache: collections.OrderedDict[tuple[object, ...], FloatArray] = collections.OrderedDict()
_lock = threading.Lock()


def rows_of(
    neuron: Neuron,
    membrane: Membrane,
    settings: RunSettings,
    own_speed: Container[str] = (),
) -> FloatArray:
    """Return the rows for the method and the step of a run, shape (n * membrane.rows, 6, 8).

    A row has alpha and alpha + beta of the gates of each vector, multiplied by the gate's speed
    and, where the step is fixed, by dt; for exponential Euler by phi1 as well. Those of an
    instantaneous gate are inf and 1, those of a gate of calcium alone 1 and 1.

    Parameters
    ----------
    own_speed : container of str
        Of many cells: paths of the gates whose speed is each cell's own, so that the time loop has
        to multiply by phi1.
    """
    gates = neuron.gates
    tables = [neuron.tables.get(path) for path in gates]  # none of gates of calcium alone
    scaling = _scaling(neuron, settings, own_speed)
    key = (tuple(tables), tuple(membrane.gate_lane), membrane.rows, *scaling)

    def made() -> FloatArray:
        heights = [len(table.coefficients) for table in tables if table is not None]
        rows = _empty(max(heights, default=2 * -FIRST_WITHOUT_GATES + 1), membrane.rows)
        rows[:] = 0
        for table, lane, how in zip(tables, membrane.gate_lane, scaling, strict=True):
            of_gate = rows[:, lane // LANES, :, :, lane % LANES]
            of_gate[:, 0] = 1
            if table is not None:
                of_gate[:] = _scaled(table, *how)
        return rows

    return _cached(key, made)


def pool_rows_of(
    neuron: Neuron,
    membrane: Membrane,
    settings: RunSettings,
    own_speed: Container[str] = (),
) -> list[tuple[FloatArray, int, int]]:
    """Return what each pool multiplies the rates by, over its concentration.

    Returns
    -------
    list of (rows, first, bits)
        Rows of shape (n * vectors of the pool, 6, 8), as those of V; there are 2 to the power of
        bits in an octave, and `first` is the number of the first (PoolTable). Of a gate of calcium
        alone they have alpha and alpha + beta, as rows of V have them of others; of a gate that has
        `times` this function and 1; lane 3 of the first vector has ln(Ca) and 1; all other lanes
        have 1 and 1.
    """
    return [_rows_of_pool(neuron, membrane, pool, settings, own_speed) for pool in membrane.pools]


def _rows_of_pool(
    neuron: Neuron,
    membrane: Membrane,
    pool: MembranePool,
    settings: RunSettings,
    own_speed: Container[str],
) -> tuple[FloatArray, int, int]:
    gates = neuron.gates
    tables = [neuron.pool_tables[path] if gates[path].pool == pool.name else None for path in gates]
    width = min([table.width for table in tables if table], default=CONCENTRATION.widest)
    scaling = [
        how if gate.times is None else AS_IT_IS
        for gate, how in zip(gates.values(), _scaling(neuron, settings, own_speed), strict=True)
    ]
    vectors = pool.vectors.tolist()
    key = (tuple(tables), tuple(membrane.gate_lane), tuple(vectors), "pool", *scaling)

    def made() -> FloatArray:
        rows = _empty(CONCENTRATION.rows(width).size, len(vectors))
        rows[:] = 0
        rows[:, :, 0] = 1
        for table, lane, how in zip(tables, membrane.gate_lane, scaling, strict=True):
            if table is not None:
                place = vectors.index(lane // LANES)
                rows[:, place, :, :, lane % LANES] = _scaled(table, *how)
        if 0 in vectors:
            rows[:, 0, :, 0, V_LANE] = _logarithm_rows(width)
        return rows

    return _cached(key, made), CONCENTRATION.first(width), round(math.log2(1 / width))


def _scaling(
    neuron: Neuron, settings: RunSettings, own_speed: Container[str]
) -> list[tuple[float, bool]]:
    """Return of each gate what its rates are multiplied by, and whether by phi1 as well."""
    dt = settings.dt if settings.fixed_step else 1.0
    phi1 = settings.method == "exponential_euler"
    return [
        AS_IT_IS if gate.instantaneous else (gate.speed * dt, phi1 and path not in own_speed)
        for path, gate in neuron.gates.items()
    ]


AS_IT_IS = 1.0, False


def _scaled(table: GateTable, factor: float, phi1: bool) -> FloatArray:
    """Return the polynomials of a table times a factor, shape (rows, 6, 2)."""
    polynomials: FloatArray = table.coefficients * factor
    if phi1:
        polynomials = np.empty_like(polynomials)
        _rate_tables.fit_exponential(table.at_nodes() * factor, polynomials)
    return polynomials


def _logarithm_rows(width: float) -> FloatArray:
    """Return the polynomials of ln(Ca) in the rows of a concentration, shape (rows, 6).

    Around the middle c of a row ln(c (1 + q r)) is its Taylor series, q being at most the width.
    Of the power of 6 Chebyshev's polynomial is taken off, which leaves q^6 / 12288; with the power
    of 7 it is 1.4e-15 or less.
    Sums and products alone, which have the same bits on all CPUs.
    """
    numbers = CONCENTRATION.rows(width)
    q = 1 / (numbers % round(1 / width) + 0.5 + 1 / width)
    found = np.empty((numbers.size, _rate_tables.POWERS))
    found[:, 0] = logarithm(CONCENTRATION.points(numbers, 0.0, width))
    power = np.ones(q.size)
    for i in range(1, _rate_tables.POWERS):
        power = power * -q
        found[:, i] = -power / i
    sixth = power * q / 6  # -q^6 / 6
    found[:, 4] += 0.375 * sixth
    found[:, 2] -= 0.03515625 * sixth
    found[:, 0] += sixth / 2048
    return found


def _empty(height: int, vectors: int) -> FloatArray:
    shape = (height, vectors, _rate_tables.POWERS, 2, LANES)
    return aligned_arrays.aligned(math.prod(shape)).reshape(shape)


def _cached(key: tuple[object, ...], made: Callable[[], FloatArray]) -> FloatArray:
    """Return the rows of this key, made if they are not cached, as time loops take them."""
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    rows = made().reshape(-1, _rate_tables.POWERS, 2 * LANES)
    rows.flags.writeable = False
    with _lock:
        _cache[key] = rows
        while sum(one.nbytes for one in _cache.values()) > LARGEST_CACHE and len(_cache) > 1:
            _cache.popitem(last=False)
    return rows

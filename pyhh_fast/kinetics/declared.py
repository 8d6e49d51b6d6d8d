"""The rates of a declared neuron as a time loop takes them: the tables of all its gates in rows."""

import collections
import math
import threading
from collections.abc import Container

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.channels.layout import LANES, Membrane
from pyhh_fast.channels.neuron import Neuron
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
    """Return the rows for the method and the step of a run, shape (rows * vectors, 6, 8).

    A row has alpha and alpha + beta of the gates of each vector, multiplied by the gate's speed
    and, where the step is fixed, by dt; for exponential Euler by phi1 as well. Those of an
    instantaneous gate are inf and 1.

    Parameters
    ----------
    own_speed : container of str
        Of many cells: paths of the gates whose speed is each cell's own, so that the time loop has
        to multiply by phi1.
    """
    tables = tuple(neuron.tables[path] for path in neuron.gates)
    dt = settings.dt if settings.fixed_step else 1.0
    phi1 = settings.method == "exponential_euler"
    without_phi1 = tuple(not phi1 or path in own_speed for path in neuron.gates)
    key = (tables, tuple(membrane.gate_lane), tuple(membrane.gate_speed), dt, without_phi1)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    height = len(tables[0].coefficients) if tables else 2 * -FIRST_WITHOUT_GATES + 1
    shape = (height, membrane.vectors, _rate_tables.POWERS, 2, LANES)
    lanes = aligned_arrays.aligned(math.prod(shape)).reshape(shape)
    lanes[:] = 0
    for table, lane, speed, instantaneous, plain in zip(
        *(tables, membrane.gate_lane, membrane.gate_speed, membrane.gate_instantaneous),
        without_phi1,
        strict=True,
    ):
        polynomials = table.coefficients
        if not instantaneous:
            factor = speed * dt
            polynomials = table.coefficients * factor
            if not plain:
                polynomials = np.empty_like(polynomials)
                _rate_tables.fit_exponential(table.at_nodes() * factor, polynomials)
        lanes[:, lane // LANES, :, :, lane % LANES] = polynomials
    rows: FloatArray = lanes.reshape(height * membrane.vectors, _rate_tables.POWERS, 2 * LANES)
    rows.flags.writeable = False
    with _lock:
        _cache[key] = rows
        while sum(one.nbytes for one in _cache.values()) > LARGEST_CACHE and len(_cache) > 1:
            _cache.popitem(last=False)
    return rows

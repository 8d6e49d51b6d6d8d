"""Stores of runs for the tests: what they hold is known row by row."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

zarr = pytest.importorskip("zarr", minversion="3.1.3", reason="stores need the extra 'store'")

from pyhh_fast.rate_tables import RateTable  # noqa: E402
from pyhh_fast.storage.run_store import RunStore, StoredVariable  # noqa: E402

VARIABLES = {
    "time": StoredVariable("time", {"units": "ms", "long_name": "time of V and the gates"}),
    "Vm": StoredVariable("time", {"units": "mV"}),
    "spike_time": StoredVariable("spike", {"units": "ms"}),
}
ALONG = {"time": ["time", "Vm"], "spike": ["spike_time"]}
CHUNK_HERE = 8
TABLE = RateTable(np.arange(96.0).reshape(2, 6, 8) / 7, -1, 0.25)
SPECIAL = np.array([0x7FF8000000000123, 0xFFF8000000000000, 1 << 63, 0x7FF << 52], np.uint64)

posix = pytest.mark.skipif(os.name != "posix", reason="by signals and limits of POSIX")


def rows(name, start, stop):
    """What an array holds; of Vm every third is a NaN with a payload, a -0.0 or an infinity."""
    numbers = np.arange(start, stop)
    values = (numbers + 1) * 0.01 + len(name)
    if name == "Vm":
        odd = numbers % 3 == 0
        values[odd] = SPECIAL.view(np.float64)[numbers[odd] % 4]
    return values


def append(store, dimension, count):
    start = store.length(dimension)
    for name in ALONG[dimension]:
        store.append(name, rows(name, start, start + count))


def same_bits(found, expected):
    np.testing.assert_array_equal(found.view(np.uint64), expected.view(np.uint64))


def create(out, chunk=CHUNK_HERE):
    return RunStore.create(out, {"step": 0}, VARIABLES, chunk=chunk)


def unbroken(out, lengths, attributes, table=False):
    """A store that was written in one go."""
    with create(out) as store:
        for dimension, length in lengths.items():
            append(store, dimension, length)
        if table:
            store.put_table(TABLE)
        store.commit(attributes)
    return out


def check(store, lengths, attributes):
    """That a store has exactly the rows of these lengths."""
    assert store.attributes == attributes
    for dimension, names in ALONG.items():
        assert store.length(dimension) == lengths[dimension]
        for name in names:
            same_bits(store.values(name), rows(name, 0, lengths[dimension]))


def made(out, steps=20, spikes=3):
    return unbroken(out, {"time": steps, "spike": spikes}, {"step": steps}, table=True)


def dead(store):
    """As the end of its process leaves it, with what it was just writing."""
    with contextlib.suppress(BaseException):
        store._store.wait()
    store._store.close()
    os.close(store._place._lock._number)


COMMITS = 150


def write_or_resume(out):
    """Write a store of `COMMITS` commits to its end, resuming one that exists."""
    out = Path(out)
    with RunStore.open(out) if out.exists() else create(out) as store:
        for step in range(store.attributes["step"], COMMITS):
            append(store, "time", step % 13)
            append(store, "spike", step % 3)
            if step % 50 == 20:
                store.put_table(RateTable(TABLE.rows + step, step, 0.25))
            store.commit({"step": step + 1})

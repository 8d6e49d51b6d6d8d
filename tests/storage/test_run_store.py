"""The store of a run: what was committed is read back to the bit, by this package and xarray."""

import os
import shutil

import numpy as np
import pytest
from error_messages import raises
from hypothesis import given, settings
from hypothesis import strategies as st
from run_stores import (
    ALONG,
    SPECIAL,
    TABLE,
    VARIABLES,
    append,
    check,
    create,
    dead,
    made,
    rows,
    same_bits,
    unbroken,
)
from store_files import files, shared

from pyhh_fast import rate_tables
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.storage.description import CHUNK

xarray = pytest.importorskip("xarray", reason="stores need the extra 'store'")
zarr = pytest.importorskip("zarr", minversion="3.1.3", reason="stores need the extra 'store'")

from pyhh_fast.storage.run_store import RunStore  # noqa: E402

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(list(ALONG)), st.integers(0, 30)),
        st.tuples(st.just("cut"), st.sampled_from(list(ALONG)), st.floats(0, 1)),
        st.tuples(st.just("commit")),
        st.tuples(st.just("close")),
        st.tuples(st.just("kill")),
        st.tuples(st.just("values"), st.integers(-40, 40), st.integers(-40, 40)),
        st.tuples(st.just("table")),
    ),
    max_size=25,
)


@settings(max_examples=40)
@given(operations=OPERATIONS)
def test_store_holds_what_was_appended(tmp_path_factory, operations):
    """After random operations; at the end its files equal those of a store written at once."""
    tmp = tmp_path_factory.mktemp("model")
    out = tmp / "run.zarr"
    store, now, attributes = create(out), {"time": 0, "spike": 0}, {"step": 0}
    tables = 0
    store.commit(attributes)
    committed, kept = dict(now), 0
    for number, (what, *arguments) in enumerate(operations):
        if what == "append":
            dimension, count = arguments
            append(store, dimension, count)
            now[dimension] += count
        elif what == "cut":
            dimension, fraction = arguments
            now[dimension] = int(now[dimension] * fraction)
            store.cut(dimension, now[dimension])
        elif what == "table":
            store.put_table(TABLE)
            tables = 1
        elif what == "commit":
            attributes, committed, kept = {"step": number}, dict(now), tables
            store.commit(attributes)
        elif what == "values":
            for name in VARIABLES:
                whole = rows(name, 0, now[VARIABLES[name].dimension])
                same_bits(store.values(name, *arguments), whole[slice(*arguments)])
        else:
            if what == "close":
                store.close()
            else:
                dead(store)  # not only its lock released: its thread would go on writing
            store, now, tables = RunStore.open(out), dict(committed), kept
            assert len(store.tables()) == tables
        assert {dimension: store.length(dimension) for dimension in ALONG} == now
        with RunStore.read(out) as reader:
            check(reader, committed, attributes)
    store.commit({"end": 1})
    store.close()
    whole = unbroken(tmp / "whole.zarr", now, {"end": 1}, table=tables > 0)
    assert shared(out) == shared(whole)
    shutil.rmtree(tmp)


def test_xarray_reads_labels_and_units(out):
    made(out)
    with xarray.open_zarr(out) as opened:
        found = opened.load()
    assert found.attrs == {"run_store": 1, "identity": RunStore.read(out).identity, "step": 20}
    assert found.Vm.attrs == {"units": "mV"}
    assert found.time.attrs == {"units": "ms", "long_name": "time of V and the gates"}
    assert found.Vm.dims == ("time",)
    assert found.spike_time.dims == ("spike",)
    same_bits(found.Vm.values, rows("Vm", 0, 20))
    same_bits(found.indexes["time"].values, rows("time", 0, 20))
    same_bits(found.Vm.sel(time=rows("time", 8, 9)[0]).values, rows("Vm", 8, 9)[0])


def test_empty_store_can_be_opened(out):
    unbroken(out, {}, {})
    with xarray.open_zarr(out) as opened:
        assert opened.load().sizes == {"time": 0, "spike": 0}


@pytest.mark.parametrize("consolidated", [True, False])
def test_zarr_lists_all_arrays(out, consolidated):
    made(out)
    group = zarr.open_group(out, mode="r", use_consolidated=consolidated)
    found = dict(group.members(max_depth=None))
    assert set(found) == {*VARIABLES, "rates", "rates/rows_-1_to_0"}
    same_bits(found["Vm"][:], rows("Vm", 0, 20))
    np.testing.assert_array_equal(found["rates/rows_-1_to_0"], TABLE.rows)
    assert found["Vm"].metadata.to_dict()["codecs"][1]["configuration"]["cname"] == "lz4"


def test_readers_see_only_what_is_committed(out):
    with create(out) as store:
        append(store, "time", 20)
        assert not out.exists()
        store.commit({"step": 20})
        reader = RunStore.read(out)
        append(store, "time", 20)
        with xarray.open_zarr(out) as opened:
            assert opened.sizes["time"] == 20
        store.commit({"step": 40})
        check(reader, {"time": 20, "spike": 0}, {"step": 20})
        with xarray.open_zarr(out) as opened:
            assert opened.sizes["time"] == 40
    with raises(RuntimeError, f"{str(out)!r} is not open for writing, or could not be written."):
        reader.append("time", [1.0])


def test_arrays_of_other_types_become_float64(out):
    with create(out) as store:
        store.append("time", [1, 2, 3])
        store.append("Vm", np.arange(6, dtype=np.float32)[::2])
        store.commit({})
    with RunStore.read(out) as reader:
        np.testing.assert_array_equal(reader.values("time"), [1, 2, 3])
        np.testing.assert_array_equal(reader.values("Vm"), [0, 2, 4])


def test_chunks_that_are_all_nan_are_written(out):
    with create(out) as store:
        for name in ALONG["time"]:
            store.append(name, np.full(20, np.nan))
        store.commit({})
    assert sorted(os.listdir(out / "Vm/c")) == ["0", "1", "2"]
    with RunStore.open(out) as store:
        assert np.isnan(store.values("Vm")).sum() == 20


def test_attributes_are_read_back_exactly(out):
    state = {
        "V": 0.1 + 0.2,
        "tiny": 5e-324,
        "zero": -0.0,
        "many": (1, [2.5, None, True]),
        "text": "µ",
    }
    with create(out) as store:
        store.commit(state)
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.commit({"V": np.nan})
        with pytest.raises(TypeError, match="not JSON serializable"):
            store.commit({"V": np.zeros(2)})
        # Neither has done harm, and the order in which they are given does none.
        before = files(out)
        store.commit(dict(reversed(state.items())))
        assert files(out) == before
    with RunStore.read(out) as reader:
        assert reader.attributes == state | {"many": [1, [2.5, None, True]]}
        assert str(reader.attributes["zero"]) == "-0.0"


def test_rate_tables_are_read_back_exactly_and_not_overwritten(out):
    """To the bit, payloads of NaN included."""
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -10, 20)
    table.repaired.update({7, -3})
    odd = RateTable(np.resize(SPECIAL.view(np.float64), (1, 6, 8)), 5, 0.25)
    with create(out) as store:
        for one in (table, odd, odd, table):
            store.put_table(one)
        other = [RateTable(-table.rows, -40, 0.25), RateTable(table.rows, -40, 0.125)]
        for one in (*other, RateTable(np.abs(odd.rows), 5, 0.25)):
            with pytest.raises(ValueError, match=r"^there is another table 'rows_"):
                store.put_table(one)
        store.commit({})
        store.put_table(TABLE)
        assert len(RunStore.read(out).tables()) == 2
        store.commit({})
    found, found_odd, last = RunStore.read(out).tables()
    same_bits(found.rows, table.rows)
    assert (found.first, found.width, found.repaired) == (-40, 0.25, {7, -3})
    same_bits(found_odd.rows, odd.rows)
    same_bits(last.rows, TABLE.rows)
    assert sorted(os.listdir(out / "rates"))[1:] == ["rows_-40_to_80", "rows_5_to_5", "zarr.json"]


def test_arrays_along_a_dimension_must_have_equal_lengths(out):
    with create(out) as store:
        store.append("time", [1.0])
        with raises(ValueError, "time has more rows than another array along time"):
            store.commit({})
        assert store.length("time") == 0
        store.append("Vm", [1.0])
        store.commit({})
        with raises(ValueError, "time has 1 rows, not 2"):
            store.cut("time", 2)


def test_only_the_requested_chunks_are_read(out):
    made(out, steps=40)
    for chunk in (0, 1, 3, 4):
        (out / f"Vm/c/{chunk}").write_bytes(b"x" * 40)
    with RunStore.read(out) as reader:
        same_bits(reader.values("Vm", 16, 24), rows("Vm", 16, 24))
        with pytest.raises(ValueError, match="'Vm/c/3' that is no chunk"):
            reader.values("Vm", 16, 25)


def test_default_chunk_size_is_used(out):
    with create(out, chunk=CHUNK) as store:
        append(store, "time", CHUNK + 1)
        store.commit({})
    assert sorted(os.listdir(out / "Vm/c")) == ["0", "1"]
    with RunStore.read(out) as reader:
        same_bits(reader.values("Vm", CHUNK - 1), rows("Vm", CHUNK - 1, CHUNK + 1))


@pytest.mark.parametrize("again", [0, 4, 6, 11, 12, 15, 30])
def test_cut_rows_remain_until_the_next_commit(out, again):
    """Whatever part of them was appended again."""
    made(out, steps=15)
    before = files(out)
    with RunStore.open(out) as store:
        store.cut("time", 3)
        append(store, "time", again)
    assert files(out) == before
    store = RunStore.open(out)
    store.cut("time", 3)
    append(store, "time", again)
    dead(store)
    with RunStore.read(out) as reader:
        check(reader, {"time": 15, "spike": 3}, {"step": 15})
    RunStore.open(out).close()
    assert files(out) == before

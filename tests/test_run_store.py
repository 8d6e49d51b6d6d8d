"""The store of a run: what was committed is there, to the bit and to the byte, whatever happens."""

import errno
import json
import os
import re
import reprlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhh_fast import rate_tables, stored_rates
from pyhh_fast.store_description import CHUNK
from pyhh_fast.store_directory import DirectoryLock
from pyhh_fast.stored_rates import Table

xarray = pytest.importorskip("xarray", reason="stores need the extra 'store'")
zarr = pytest.importorskip("zarr", minversion="3.1.3", reason="stores need the extra 'store'")

from pyhh_fast.run_store import RunStore, Variable  # noqa: E402

VARIABLES = {
    "time": Variable("time", {"units": "ms", "long_name": "time of V and the gates"}),
    "Vm": Variable("time", {"units": "mV"}),
    "spike_time": Variable("spike", {"units": "ms"}),
}
ALONG = {"time": ["time", "Vm"], "spike": ["spike_time"]}
CHUNK_HERE = 8
TABLE = np.arange(96.0).reshape(2, 6, 8) / 7
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


def files(directory):
    """All that a store holds, by name."""
    return {
        str(f.relative_to(directory)): f.read_bytes() if f.is_file() else None
        for f in directory.rglob("*")
    }


def raises(kind, message):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "run.zarr"


def create(out, chunk=CHUNK_HERE):
    return RunStore.create(out, {"step": 0}, VARIABLES, chunk=chunk)


def unbroken(out, lengths, attributes, table=False):
    """A store that was written in one go."""
    with create(out) as store:
        for dimension, length in lengths.items():
            append(store, dimension, length)
        if table:
            store.put_table("rows_-1_to_0", TABLE, {"first": -1})
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


@settings(max_examples=150, deadline=None)
@given(operations=OPERATIONS)
def test_it_is_what_lists_are(tmp_path_factory, operations):
    """And in the end its files are those of a store written in one go."""
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
            store.put_table("rows_-1_to_0", TABLE, {"first": -1})
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
                store._lock.release()
            store, now, tables = RunStore.open(out), dict(committed), kept
            assert len(store.tables()) == tables
        assert {dimension: store.length(dimension) for dimension in ALONG} == now
        with RunStore.read(out) as reader:
            check(reader, committed, attributes)
    store.commit({"end": 1})
    store.close()
    whole = unbroken(tmp / "whole.zarr", now, {"end": 1}, table=tables > 0)
    assert files(out) == files(whole)
    shutil.rmtree(tmp)


def test_xarray_has_labels_and_units(out):
    made(out)
    with xarray.open_zarr(out) as opened:
        found = opened.load()
    assert found.attrs == {"run_store": 1, "step": 20}
    assert found.Vm.attrs == {"units": "mV"}
    assert found.time.attrs == {"units": "ms", "long_name": "time of V and the gates"}
    assert found.Vm.dims == ("time",)
    assert found.spike_time.dims == ("spike",)
    same_bits(found.Vm.values, rows("Vm", 0, 20))
    same_bits(found.indexes["time"].values, rows("time", 0, 20))
    same_bits(found.Vm.sel(time=rows("time", 8, 9)[0]).values, rows("Vm", 8, 9)[0])


def test_an_empty_store_can_be_opened_too(out):
    unbroken(out, {}, {})
    with xarray.open_zarr(out) as opened:
        assert opened.load().sizes == {"time": 0, "spike": 0}


@pytest.mark.parametrize("consolidated", [True, False])
def test_zarr_lists_all_there_is(out, consolidated):
    made(out)
    group = zarr.open_group(out, mode="r", use_consolidated=consolidated)
    found = dict(group.members(max_depth=None))
    assert set(found) == {*VARIABLES, "rates", "rates/rows_-1_to_0"}
    same_bits(found["Vm"][:], rows("Vm", 0, 20))
    np.testing.assert_array_equal(found["rates/rows_-1_to_0"], TABLE)
    assert found["Vm"].metadata.to_dict()["codecs"][1]["configuration"]["cname"] == "lz4"


def test_a_tree_of_xarray_has_the_tables(out):
    made(out)
    tree = xarray.open_datatree(out, engine="zarr")
    np.testing.assert_array_equal(tree["rates/rows_-1_to_0"], TABLE)


def test_readers_see_commits_only(out):
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


def test_arrays_of_other_kinds_become_float64(out):
    with create(out) as store:
        store.append("time", [1, 2, 3])
        store.append("Vm", np.arange(6, dtype=np.float32)[::2])
        store.commit({})
    with RunStore.read(out) as reader:
        np.testing.assert_array_equal(reader.values("time"), [1, 2, 3])
        np.testing.assert_array_equal(reader.values("Vm"), [0, 2, 4])


def test_rows_that_are_all_nan_are_rows(out):
    with create(out) as store:
        for name in ALONG["time"]:
            store.append(name, np.full(20, np.nan))
        store.commit({})
    assert sorted(os.listdir(out / "Vm/c")) == ["0", "1", "2"]
    with RunStore.open(out) as store:
        assert np.isnan(store.values("Vm")).sum() == 20


def test_attributes_survive_to_the_bit(out):
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


def test_tables_are_their_own(out):
    table = TABLE.copy()
    with create(out) as store:
        store.put_table("one", table, {"first": -200, "width": 0.25, "repaired": [3]})
        table[:] = 0
        store.commit({})
        store.put_table("one", TABLE, {"first": -200, "width": 0.25, "repaired": [3]})
        with raises(ValueError, "there is another table 'one'"):
            store.put_table("one", TABLE, {"first": -201, "width": 0.25, "repaired": [3]})
        with raises(ValueError, "there is another table 'one'"):
            store.put_table("one", -TABLE, {"first": -200, "width": 0.25, "repaired": [3]})
        store.put_table("odd", SPECIAL.view(np.float64), {})
        store.put_table("odd", SPECIAL.view(np.float64), {})
        with raises(ValueError, "there is another table 'odd'"):
            store.put_table("odd", np.abs(SPECIAL.view(np.float64)), {})
        store.put_table("two", TABLE[:1], {})
        with RunStore.read(out) as reader:
            assert list(reader.tables()) == ["one"]
        store.commit({})
    with RunStore.read(out) as reader:
        one, _, two = reader.tables().values()
        np.testing.assert_array_equal(one.rows, TABLE)
        assert one.attributes == {"first": -200, "width": 0.25, "repaired": [3]}
        np.testing.assert_array_equal(two.rows, TABLE[:1])


def test_arrays_along_a_dimension_must_be_as_long(out):
    with create(out) as store:
        store.append("time", [1.0])
        with raises(ValueError, "time has more rows than another array along time"):
            store.commit({})
        assert store.length("time") == 0
        store.append("Vm", [1.0])
        store.commit({})
        with raises(ValueError, "time has 1 rows, not 2"):
            store.cut("time", 2)


def test_only_the_chunks_needed_are_read(out):
    made(out, steps=40)
    for chunk in (0, 1, 3, 4):
        (out / f"Vm/c/{chunk}").write_bytes(b"x" * 40)
    with RunStore.read(out) as reader:
        same_bits(reader.values("Vm", 16, 24), rows("Vm", 16, 24))
        with pytest.raises(ValueError, match="'Vm/c/3' that is no chunk"):
            reader.values("Vm", 16, 25)


def test_chunks_are_as_large_as_was_measured(out):
    with create(out, chunk=CHUNK) as store:
        append(store, "time", CHUNK + 1)
        store.commit({})
    assert sorted(os.listdir(out / "Vm/c")) == ["0", "1"]
    with RunStore.read(out) as reader:
        same_bits(reader.values("Vm", CHUNK - 1), rows("Vm", CHUNK - 1, CHUNK + 1))


@pytest.mark.parametrize("again", [0, 4, 6, 11, 12, 15, 30])
def test_rows_cut_off_are_there_until_a_commit(out, again):
    """Whatever part of them was appended anew."""
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


# What dies


class Killed(BaseException):
    pass


STEPS = [5, 30, 2, 16]
SPIKES = [1, 22, 3, 20]  # the third commit has fewer than the second


def write_on(store, steps=STEPS):
    """Go on with a store to the end, a commit a step, with a table and a cut on the way."""
    for step in range(store.attributes.get("step", 0), len(steps)):
        # A run resumed from an earlier state writes again what is there.
        store.cut("time", store.length("time") // 2 if step == 2 else store.length("time"))
        append(store, "time", sum(steps[: step + 1]) - store.length("time"))
        store.cut("spike", min(store.length("spike"), SPIKES[step] - 1))
        append(store, "spike", SPIKES[step] - store.length("spike"))
        if step == 1:
            store.put_table("rows_-1_to_0", TABLE, {"first": -1})
        if step == 3:
            store.put_table("rows_-3_to_0", TABLE[:1], {"first": -3})
        store.commit({"step": step + 1})


def check_state(store):
    """That it is at one of the commits."""
    step = store.attributes["step"]
    check(store, {"time": sum(STEPS[:step]), "spike": SPIKES[step - 1]}, {"step": step})
    assert list(store.tables()) == ["rows_-1_to_0", "rows_-3_to_0"][: (step > 1) + (step > 3)]
    return step


@pytest.fixture
def whole(tmp_path):
    with create(tmp_path / "whole.zarr") as store:
        write_on(store)
    found = files(tmp_path / "whole.zarr")
    shutil.rmtree(tmp_path / "whole.zarr")
    return found


class Fault:
    """Raises an error from the n-th time on that a file is put in place, removed or moved."""

    def __init__(self, monkeypatch, error, at, names):
        self.count, self.error, self.at = 0, error, at
        for name in names:
            monkeypatch.setattr(os, name, self.wrapped(getattr(os, name)))

    def wrapped(self, function):
        def wrapper(*arguments, **options):
            self.count += 1
            if self.count >= self.at:
                raise self.error
            return function(*arguments, **options)

        return wrapper


def dead(store):
    """As the end of its process leaves it."""
    os.close(store._lock._number)


def test_killed_before_any_file_it_goes_on(tmp_path, monkeypatch, whole):
    at, seen = 1, set()
    while True:
        out = tmp_path / "run.zarr"
        store = None
        with monkeypatch.context() as patch:
            fault = Fault(patch, Killed(), at, ["mkdir", "replace", "rename", "unlink"])
            try:
                store = create(out)
                write_on(store)
            except Killed:
                pass
            finished = fault.count < at
        if store is not None:
            dead(store)
        if finished:
            break
        if out.exists():
            assert not list(out.glob("*.part"))  # which Zarr would warn of
            with RunStore.read(out) as reader:
                seen.add(check_state(reader))
            with xarray.open_zarr(out) as opened:
                opened.load()
            store = RunStore.open(out)
            check_state(store)
        else:
            store = create(out)
        with store:
            write_on(store)
        assert files(out) == whole
        assert os.listdir(tmp_path) == ["run.zarr"]
        shutil.rmtree(out)
        at += 1
    assert at > 45
    assert seen == {1, 2, 3}  # nothing follows the fourth


def test_a_full_disk_leaves_the_last_commit(tmp_path, monkeypatch, whole):
    out, at = tmp_path / "run.zarr", 1
    while True:
        store = None
        with monkeypatch.context() as patch:
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")
            Fault(patch, error, at, ["mkdir", "replace", "rename"])
            raised = None
            try:
                store = create(out)
                write_on(store)
            except OSError as full:
                raised = full
            if store is not None:
                if raised:
                    with pytest.raises(RuntimeError, match="could not be written"):
                        append(store, "time", 1)
                store.close()
        assert not list(tmp_path.rglob("*.part"))  # which takes room
        if raised is None:
            break
        message = "[Errno 28] No space left on device. "
        if out.exists():
            message += f"{str(out)!r} is as of its last commit. Once there is room, "
            message += "Simulation.resume goes on from there.: 'somewhere'"
        elif store is not None:
            message += f"{str(out)!r} was not made.: 'somewhere'"
        else:
            message += f"to must be where a directory can be made.: {str(out)!r}"
        assert str(raised) == message
        assert os.listdir(tmp_path) == ["run.zarr"] * out.exists()
        if out.exists():
            with RunStore.open(out) as store:
                check_state(store)
                write_on(store)
            assert files(out) == whole
            shutil.rmtree(out)
        at += 1
    assert at > 45


@posix
def test_all_is_safe_on_disk_before_it_counts(out, tmp_path, monkeypatch):
    """Not only what was told to the system, which may lose its power."""
    synced, named, fsync = set(), [], os.fsync
    replace, rename, mkdir = os.replace, os.rename, os.mkdir

    def followed_fsync(number):
        synced.add(os.fstat(number).st_ino)
        fsync(number)

    def followed_mkdir(path, *mode):
        named.append(Path(path).parent)
        mkdir(path, *mode)
        synced.discard(Path(path).parent.stat().st_ino)

    def followed_replace(source, target):
        target = Path(target)
        assert os.stat(source).st_ino in synced
        if target.parent.name.startswith(("run.zarr", ".run.zarr")):
            inside = {directory for directory in named if directory != tmp_path}
            assert {directory.stat().st_ino for directory in inside} <= synced
            named.clear()
        named.append(target.parent)
        synced.discard(target.parent.stat().st_ino)
        replace(source, target)

    def followed_rename(source, target):
        assert Path(source).stat().st_ino in synced
        synced.discard(tmp_path.stat().st_ino)
        named.clear()
        rename(source, target)

    monkeypatch.setattr(os, "fsync", followed_fsync)
    monkeypatch.setattr(os, "mkdir", followed_mkdir)
    monkeypatch.setattr(os, "replace", followed_replace)
    monkeypatch.setattr(os, "rename", followed_rename)
    with create(out) as store:
        write_on(store)
    assert {tmp_path.stat().st_ino, out.stat().st_ino} <= synced


LIMITED = """
import resource, signal, sys
import numpy as np
from pyhh_fast.run_store import RunStore, Variable

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = RunStore.create(sys.argv[1], {}, {"x": Variable("x", {})})
store.append("x", np.random.default_rng(1).random(1_000))
store.commit({"rows": 1_000})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store.append("x", np.random.default_rng(2).random(100_000))
try:
    store.commit({})
except OSError as error:
    print(error.errno, error)
store.close()
"""


@posix
def test_a_file_that_can_grow_no_more_is_told_of(out):
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, out], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    assert run.stdout == (
        f"{errno.EFBIG} [Errno {errno.EFBIG}] File too large. {str(out)!r} is as of its last "
        f"commit. Once there is room, Simulation.resume goes on from there.: {str(out)!r}\n"
    )
    with RunStore.open(out) as store:
        assert store.attributes == {"rows": 1_000}
        same_bits(store.values("x"), np.random.default_rng(1).random(1_000))
    assert sorted(files(out)) == ["x", "x/c", "x/c/0", "x/zarr.json", "zarr.json"]


@pytest.mark.parametrize("what", [".", "Vm", "Vm/c", "rates"])
def test_what_is_removed_during_the_run_does_not_come_back(out, what):
    made(out)
    store = RunStore.open(out)
    append(store, "time", 1)
    shutil.rmtree(out / what)
    advice = f"{str(out)!r} was removed or moved, in whole or in part, during the run."
    with store:
        if what == "rates":
            store.commit({})
        else:
            with pytest.raises(FileNotFoundError, match=re.escape(advice)):
                store.commit({})
    assert not (out / what).exists()


def test_nor_with_a_table(out):
    made(out)
    with RunStore.open(out) as store:
        shutil.rmtree(out)
        with pytest.raises(FileNotFoundError, match="was removed or moved"):
            store.put_table("late", TABLE, {})
    assert not out.exists()


LOOP = """
import sys
sys.path.insert(0, sys.argv[2])
from test_run_store import ALONG, LONG, RunStore, append, create, go_on, os

go_on(sys.argv[1])
"""
LONG = 150


def go_on(out):
    """Write a store to the end, resuming what is there."""
    out = Path(out)
    with RunStore.open(out) if out.exists() else create(out) as store:
        for step in range(store.attributes["step"], LONG):
            append(store, "time", step % 13)
            append(store, "spike", step % 3)
            if step % 50 == 20:
                store.put_table(f"rows_{step}", TABLE + step, {})
            store.commit({"step": step + 1})


def in_a_process(out, script=LOOP):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, str(out), str(Path(__file__).parent)]
    )


@posix
@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on(tmp_path, kills):
    whole, out = tmp_path / "whole.zarr", tmp_path / "run.zarr"
    begun = time.perf_counter()
    go_on(whole)
    seconds = time.perf_counter() - begun
    expected = files(whole)
    rng, killed = np.random.default_rng(1), 0
    while killed < kills:
        process = in_a_process(out)
        begun = time.perf_counter()
        while not list(tmp_path.glob("*run.zarr*")) and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, seconds / 3))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        if out.exists():
            with RunStore.read(out) as reader:
                steps = np.arange(reader.attributes["step"])
                lengths = {"time": (steps % 13).sum(), "spike": (steps % 3).sum()}
                check(reader, lengths, {"step": steps.size})
            with xarray.open_zarr(out) as opened:
                same_bits(opened.Vm.values, rows("Vm", 0, lengths["time"]))
        if process.returncode == 0:
            assert files(out) == expected
            shutil.rmtree(out)
    go_on(out)
    assert files(out) == expected
    assert sorted(os.listdir(tmp_path)) == ["run.zarr", "whole.zarr"]


# One writer at a time

HOLD = """
import sys
from pyhh_fast.run_store import RunStore, Variable

if sys.argv[3:]:
    store = RunStore.create(sys.argv[1], {}, {"x": Variable("x", {})})
else:
    store = RunStore.open(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def held(out, *more):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out), "", *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process


def end(process):
    process.kill()
    process.communicate()


def test_one_process_writes_at_a_time(out):
    made(out)
    process = held(out)
    message = f"{str(out)!r} is being written by another process. Wait for it, or stop it."
    try:
        with raises(RuntimeError, message):
            RunStore.open(out)
        with RunStore.read(out) as reader:
            check(reader, {"time": 20, "spike": 3}, {"step": 20})
    finally:
        end(process)
    with RunStore.open(out):
        with raises(RuntimeError, message):
            RunStore.open(out)
        with RunStore.read(out):
            pass
    RunStore.open(out).close()
    with create(out.with_name("new.zarr")) as store:
        store.commit({})
        with pytest.raises(RuntimeError, match="is being written"):
            RunStore.open(out.with_name("new.zarr"))


def test_what_a_dead_process_began_is_removed(out, tmp_path):
    other = tmp_path / ".other.zarr.1-0.part"
    other.mkdir()
    for kill in (False, True):
        process = held(out, "create")
        (begun,) = tmp_path.glob(".run.zarr.*.part")
        if kill:
            end(process)
        store = create(out)
        assert begun.exists() != kill
        store.close()
        assert begun.exists() != kill
        end(process)
        shutil.rmtree(begun, ignore_errors=True)
    assert os.listdir(tmp_path) == [other.name]


@posix
def test_a_directory_that_goes_while_it_is_locked(out, monkeypatch):
    """It was another's, who removed it as one that a dead process left."""
    import fcntl

    def lock(*_):
        out.rmdir()
        out.mkdir()
        (out / "other").touch()

    out.mkdir()
    monkeypatch.setattr(fcntl, "flock", lock)
    with pytest.raises(FileNotFoundError):
        DirectoryLock(out)


@posix
def test_a_file_system_without_locks(out, tmp_path, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    warning = r"' is on a file system without locks \(.*\): see that nothing else writes to it\.$"
    maybe_alive = tmp_path / ".run.zarr.1-0.part"
    maybe_alive.mkdir()
    with pytest.warns(UserWarning, match=warning):
        store = create(out)
    with store:
        append(store, "time", 20)
        store.commit({})
    with pytest.warns(UserWarning, match=warning):
        RunStore.open(out).close()
    assert maybe_alive.exists()


def exists(out):
    return (
        f"to must be a new path; got {str(out)!r}, which exists. Go on with it by "
        "Simulation.resume, remove it, or name another."
    )


def test_an_existing_path_is_not_written_over(out):
    for make in (out.mkdir, out.touch, lambda: out.symlink_to("nowhere")):
        make()
        with raises(ValueError, exists(out)):
            create(out)
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    made(out)
    before = files(out)
    with raises(ValueError, exists(out)):
        create(str(out))
    assert files(out) == before


@pytest.mark.parametrize("what", ["directory", "full directory", "file", "store"])
def test_nor_one_that_came_to_exist(out, tmp_path, what):
    with create(out) as store:
        if what == "file":
            out.write_text("mine")
        elif what == "store":
            made(out)
        else:
            out.mkdir()
            if what == "full directory":
                (out / "thesis.tex").touch()
        before = files(out)
        with raises(ValueError, exists(out)):
            store.commit({})
    assert files(out) == before
    assert os.listdir(tmp_path) == ["run.zarr"]


@posix
@pytest.mark.parametrize("made_by", ["full directory", "file"])
def test_nor_one_that_came_to_exist_at_the_last_moment(out, tmp_path, monkeypatch, made_by):
    with create(out) as store:
        out.touch() if made_by == "file" else (out / "x").mkdir(parents=True)
        monkeypatch.setattr(os.path, "lexists", lambda path: False)
        with raises(ValueError, exists(out)):
            store.commit({})
    assert os.listdir(tmp_path) == ["run.zarr"]


# Errors


def test_where_no_store_can_be_made(tmp_path, monkeypatch):
    out = tmp_path / "deep" / "run.zarr"
    message = (
        f"to must be in a directory that is there; got {str(out)!r}, and {str(out.parent)!r} is "
        "none. Make it, or name another."
    )
    with raises(ValueError, message):
        create(out)
    out.parent.touch()
    with raises(ValueError, message):
        create(out)
    with raises(TypeError, "to must be a path of the local file system; got 3."):
        create(3)
    monkeypatch.chdir(tmp_path)
    with create("run.zarr") as store:
        store.commit({})
    with raises(ValueError, exists("run.zarr")):
        create("run.zarr")

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "somewhere")

    monkeypatch.setattr(os, "mkdir", refuse)
    with raises(
        PermissionError,
        "[Errno 13] Permission denied. to must be where a directory can be made.: 'new.zarr'",
    ):
        create("new.zarr")


def test_without_zarr(out, monkeypatch):
    made(out)
    monkeypatch.setitem(sys.modules, "pyhh_fast.store_arrays", None)
    monkeypatch.delattr("pyhh_fast.store_arrays")
    message = "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"
    for door in (create, RunStore.open, RunStore.read):
        with raises(ImportError, message):
            door(out.with_name("new.zarr") if door == create else out)


def refused(out, got, *, damaged=True):
    advice = " Copy it anew from where it is whole, or make the run again." if damaged else ""
    message = f"{str(out)!r} must be a store written by run(..., to=...); got {got}.{advice}"
    before = files(out)
    for door in (RunStore.read, RunStore.open):
        with raises(ValueError, message), door(out) as store:
            for name in VARIABLES:
                store.values(name)
    assert files(out) == before


def test_what_is_no_store(out):
    refused(out, "a path where nothing is", damaged=False)
    out.touch()
    refused(out, "a file", damaged=False)
    out.unlink()
    out.mkdir()
    refused(out, "a directory without zarr.json", damaged=False)
    shutil.rmtree(out)
    xarray.Dataset({"x": ("t", [1.0])}).to_zarr(out, zarr_format=3, consolidated=False)
    refused(out, "something else", damaged=False)


def changed(out, change):
    content = json.loads((out / "zarr.json").read_text())
    outcome = change(content)
    (out / "zarr.json").write_text(json.dumps(content if outcome is None else outcome))


def test_a_later_format(out):
    made(out)
    changed(out, lambda content: content["attributes"].update(run_store=2))
    refused(out, "one of format 2, of another version of pyhh_fast", damaged=False)


def array(content, name="Vm"):
    return content["consolidated_metadata"]["metadata"][name]


def set_in(*path):
    *way, last, value = path

    def change(content):
        at = array(content)
        for key in way:
            at = at[key]
        at[last] = value

    return change


def renamed(name):
    def change(content):
        listed = content["consolidated_metadata"]["metadata"]
        listed[name] = listed.pop("Vm")

    return change


def of_table(key, value):
    return lambda content: array(content, "rates/rows_-1_to_0").update({key: value})


BLOSC = {"name": "blosc", "configuration": {"cname": "zstd"}}
CRAFTED = {
    "dtype": (set_in("data_type", "float32"), "an array 'Vm' with data_type 'float32'"),
    "object": (set_in("data_type", "object"), "an array 'Vm' with data_type 'object'"),
    "pickle": (
        set_in("codecs", [{"name": "numcodecs.pickle"}]),
        "an array 'Vm' with codecs [{'name': 'numcodecs.pickle'}]",
    ),
    "no codecs": (set_in("codecs", []), "an array 'Vm' with codecs []"),
    "zstd": (
        set_in("codecs", 1, BLOSC),
        "an array 'Vm' with codecs [{'configuration': {'endian': 'little'}, 'name': 'bytes'}, "
        "{'configuration': {'cname': 'zstd'}, 'name': 'blosc'}]",
    ),
    "level": (
        set_in("codecs", 1, "configuration", "clevel", 9),
        "an array 'Vm' with codecs [{'configuration': {'endian': 'little'}, 'name': 'bytes'}, "
        "{'configuration': {'blocksize': 0, 'clevel': 9, 'cname': 'lz4', 'shuffle': 'shuffle', "
        "...}, 'name': 'blosc'}]",
    ),
    "long": (set_in("shape", [2**60]), f"an array 'Vm' with shape [{2**60}]"),
    "long by few": (set_in("shape", [21]), "an array 'Vm' of 21 rows beside one of 20"),
    "negative": (set_in("shape", [-1]), "an array 'Vm' with shape [-1]"),
    "fraction": (set_in("shape", [20.0]), "an array 'Vm' with shape [20.0]"),
    "true": (set_in("shape", [True]), "an array 'Vm' with shape [True]"),
    "two dimensions": (set_in("shape", [20, 1]), "an array 'Vm' with shape [20, 1]"),
    "no shape": (set_in("shape", None), "an array 'Vm' with shape None"),
    "chunk": (
        set_in("chunk_grid", "configuration", "chunk_shape", [2**40]),
        f"an array 'Vm' with chunk_shape [{2**40}]",
    ),
    "no chunk": (
        set_in("chunk_grid", "configuration", "chunk_shape", [0]),
        "an array 'Vm' with chunk_shape [0]",
    ),
    "other chunk": (
        set_in("chunk_grid", "configuration", "chunk_shape", [16]),
        "one without all of its arrays",
    ),
    "grid": (
        set_in("chunk_grid", "name", "odd"),
        "an array 'Vm' with chunk_grid {'configuration': {'chunk_shape': [8]}, 'name': 'odd'}",
    ),
    "keys": (
        set_in("chunk_key_encoding", {"name": "v2"}),
        "an array 'Vm' with chunk_key_encoding {'name': 'v2'}",
    ),
    "transformers": (
        set_in("storage_transformers", [{}]),
        "an array 'Vm' with storage_transformers [{}]",
    ),
    "extension": (set_in("extension", 1), "an array 'Vm' with extension 1"),
    "fill": (set_in("fill_value", 0), "an array 'Vm' with fill_value 0"),
    "no dimension": (set_in("dimension_names", None), "an array 'Vm' along None"),
    "odd dimension": (set_in("dimension_names", ["../x"]), "an array 'Vm' along ['../x']"),
    "attributes": (set_in("attributes", []), "an array 'Vm' with attributes []"),
    "path up": (renamed("../Vm"), "an array '../Vm'"),
    "path": (renamed("/etc/Vm"), "an array '/etc/Vm'"),
    "inner path": (renamed("a/b"), "an array 'a/b'"),
    "newline": (renamed("Vm\n"), "an array 'Vm\\n'"),
    "nameless": (renamed(""), "an array ''"),
    "not there": (renamed("Wm"), "no directory 'Wm'"),
    "table's path": (renamed("rates/../../x"), "a table '../../x'"),
    "table's path within": (renamed("rates/x/../../y"), "a table 'x/../../y'"),
    "table's shape": (
        of_table("shape", [2**20] * 3),
        "a table 'rows_-1_to_0' of shape [1048576, 1048576, 1048576]",
    ),
    "table's rows": (
        of_table("shape", [2, 6, 9]),
        "an array 'rows_-1_to_0' with chunk_grid {'configuration': {'chunk_shape': "
        "[2, 6, 8]}, 'name': 'regular'}",
    ),
    "table's type": (
        of_table("data_type", "int64"),
        "an array 'rows_-1_to_0' with data_type 'int64'",
    ),
    "table's attributes": (
        of_table("attributes", None),
        "an array 'rows_-1_to_0' with attributes None",
    ),
    "group": (
        lambda content: array(content, "rates").update(node_type="array"),
        "no group 'rates'",
    ),
    "no group": (
        lambda content: content["consolidated_metadata"]["metadata"].pop("rates") and None,
        "one without all of its arrays",
    ),
    "no list": (
        lambda content: content.update(consolidated_metadata=None),
        "one without a list of its arrays",
    ),
    "no arrays": (
        lambda content: content["consolidated_metadata"].update(metadata={}),
        "one without all of its arrays",
    ),
    "text": (set_in("shape", "20"), "an array 'Vm' with shape '20'"),
    "no object": (
        lambda content: content["consolidated_metadata"]["metadata"].update(Vm=[1]),
        "an array 'Vm' with shape None",
    ),
}


@pytest.mark.parametrize("craft", CRAFTED)
def test_a_crafted_store_is_refused(out, craft):
    made(out)
    change, got = CRAFTED[craft]
    changed(out, change)
    refused(out, got)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        (lambda text: text[:-20], r"a zarr\.json that cannot be read \(.*line \d+.*\)"),
        (lambda text: b"", r"a zarr\.json that cannot be read \(.*\)"),
        (lambda text: b"[1]", r"a zarr\.json that cannot be read \(a list instead of an object\)"),
        (lambda text: b"\xff\xfe\x00", r"a zarr\.json that cannot be read \(.*\)"),
        (
            lambda text: b"[" * 100_000,
            r"a zarr\.json that cannot be read \(brackets nested too deep\)",
        ),
        (lambda text: b'{"a": ' + b"1" * 5_000 + b"}", r"a zarr\.json that cannot be read \(.*\)"),
    ],
    ids=["short", "empty", "list", "binary", "deep", "digits"],
)
def test_damaged_metadata_are_refused(out, text, got):
    made(out)
    (out / "zarr.json").write_bytes(text((out / "zarr.json").read_bytes()))
    for door in (RunStore.read, RunStore.open):
        with pytest.raises(ValueError, match=rf"; got {got}\. Copy it anew"):
            door(out)


def header_of(chunk, sizes):
    return chunk[:4] + sizes + chunk[8:]


DAMAGED = {
    "short": (lambda chunk: chunk[:-1], "a file '{}' that was cut short"),
    "stub": (lambda chunk: chunk[:9], "a file '{}' that is no chunk of it"),
    "empty": (lambda chunk: b"", "a file '{}' that is no chunk of it"),
    "long": (lambda chunk: chunk + b"x", "a file '{}' that was cut short"),
    "huge": (lambda c: header_of(c, b"\xff\xff\xff\x7f"), "a file '{}' that is no chunk of it"),
    "text": (lambda chunk: b"not a chunk at all, but text", "a file '{}' that is no chunk of it"),
}


@pytest.mark.parametrize("file", ["Vm/c/0", "Vm/c/2", "spike_time/c/0"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_chunk_is_refused(out, file, damage):
    made(out)
    change, got = DAMAGED[damage]
    (out / file).write_bytes(change((out / file).read_bytes()))
    refused(out, got.format(file))


def test_a_chunk_of_garbage_is_refused(out):
    """With the right sizes on top, it is for the codec to see."""
    made(out, steps=CHUNK_HERE)
    chunk = out / "Vm/c/0"
    content = chunk.read_bytes()
    chunk.write_bytes(b"\xff" * 4 + content[4:16] + b"\xff" * (len(content) - 16))
    head = f"{str(out)!r} must be a store written by run(..., to=...); got "
    head += "a file 'Vm/c/0' that is no chunk of it ("
    with (
        RunStore.read(out) as reader,
        pytest.raises(ValueError, match=f"^{re.escape(head)}"),
    ):
        reader.values("Vm")


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("what", ["Vm", "Vm/c", "rates", "rates/rows_-1_to_0"])
def test_a_directory_that_is_missing_or_elsewhere(out, tmp_path, what, link):
    made(out)
    (out / what).rename(tmp_path / "elsewhere")
    before = files(tmp_path / "elsewhere")
    if link:
        (out / what).symlink_to(tmp_path / "elsewhere")
    refused(out, f"no directory {what!r}")
    assert files(tmp_path / "elsewhere") == before


@pytest.mark.parametrize("file", ["Vm/c/0", "Vm/c/2"])
def test_a_missing_chunk_is_refused(out, file):
    made(out)
    reader = RunStore.read(out)
    (out / file).unlink()
    refused(out, f"no file {file!r}")
    for door in (RunStore.read, RunStore.open, lambda _: reader.values("Vm")):
        with pytest.raises(ValueError, match=f"; got no file '{file}'"):
            door(out)


def test_a_chunk_of_another_name_is_none(out):
    made(out)
    (out / "Vm/c/1").rename(out / "Vm/c/01")
    refused(out, "no file 'Vm/c/1'")
    with pytest.raises(ValueError, match="; got no file 'Vm/c/1'"):
        RunStore.read(out)


@pytest.mark.parametrize("size", [None, 0, 767, 769])
def test_a_damaged_table_is_refused(out, size):
    made(out)
    file = out / "rates/rows_-1_to_0/c/0/0/0"
    assert file.read_bytes() == TABLE.tobytes()
    file.write_bytes(b"x" * size) if size is not None else file.unlink()
    refused(out, "no whole file 'rates/rows_-1_to_0/c/0/0/0'")


def test_tables_of_rates_come_back(out):
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -10, 20)
    table.repaired.update({7, -3})
    name = stored_rates.name_of(table)
    assert name == "rows_-40_to_80"
    with create(out) as store:
        store.put_table(name, table.rows, stored_rates.attributes_of(table))
        store.commit({})
    with RunStore.read(out) as reader:
        found = stored_rates.table_of(reader.tables()[name])
    np.testing.assert_array_equal(found.rows, table.rows)
    assert (found.first, found.width, found.repaired) == (-40, 0.25, {7, -3})


@pytest.mark.parametrize(
    "change",
    [
        {"first": 0.5},
        {"first": None},
        {"first": -10_000},
        {"first": 10_000},
        {"width": 0.2},
        {"width": 0.0},
        {"width": -0.25},
        {"width": 1e-300},
        {"width": 2.0**-10},
        {"width": None},
        {"width": 0.5},
        {"width": 1},
        {"repaired": None},
        {"repaired": [0.5]},
        {"rows": TABLE[:, :5]},
        {"rows": TABLE[0]},
    ],
)
def test_a_crafted_table_of_rates_is_refused(change):
    """The time loops would read what is beyond its end."""
    attributes = {"first": -1, "width": 0.25, "repaired": []} | change
    rows = attributes.pop("rows", TABLE)
    assert stored_rates.table_of(Table(TABLE, {"first": -1, "width": 0.25, "repaired": []}))
    got = f"{reprlib.repr(attributes)} and rows of shape {rows.shape}"
    with raises(ValueError, f"a table of rates must be as it was written; got {got}."):
        stored_rates.table_of(Table(rows, attributes))


def test_what_is_not_committed_is_removed_at_the_next_opening(out):
    made(out)
    before = files(out)
    for name in ("Vm/zarr.json.part", "zarr.1f.partial", "Vm/c/1.part", "time/c/0.ab.partial"):
        (out / name).touch()
    shutil.copy(out / "Vm/c/0", out / "Vm/c/3")
    shutil.copy(out / "Vm/c/0", out / "Vm/c/7")
    shutil.copytree(out / "rates/rows_-1_to_0", out / "rates/rows_-9_to_0")
    (out / "Vm/zarr.json").write_text("ahead")
    RunStore.open(out).close()
    assert files(out) == before


def test_links_are_not_followed(out, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.part").touch()
    (elsewhere / "thesis.tex").touch()
    made(out)
    (out / "c").symlink_to(elsewhere)
    (out / "rates/more").symlink_to(elsewhere)
    unbroken(tmp_path / "other.zarr", {}, {})
    (tmp_path / "other.zarr/rates").symlink_to(elsewhere)
    RunStore.open(out).close()
    RunStore.open(tmp_path / "other.zarr").close()
    assert len(os.listdir(elsewhere)) == 2
    assert not (out / "rates/more").is_symlink()
    assert not (tmp_path / "other.zarr/rates").is_symlink()


def test_a_user_may_add_notes(out):
    made(out)
    zarr.open_group(out, mode="r+").attrs["note"] = "a good run"
    (out / "notes.txt").write_text("a good run")
    (out / "Vm/c/notes.txt").write_text("see chunk 2")
    with RunStore.open(out) as store:
        assert store.attributes == {"step": 20, "note": "a good run"}
        append(store, "time", 1)
        store.commit(store.attributes)
    assert (out / "notes.txt").read_text() == "a good run"
    assert (out / "Vm/c/notes.txt").read_text() == "see chunk 2"

"""The store of a run after a kill, full disk or removal: it has its last commit and resumes."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from other_processes import ENVIRONMENT, python
from run_stores import (
    TABLE,
    append,
    check,
    create,
    dead,
    made,
    posix,
    rows,
    same_bits,
    write_or_resume,
)
from store_files import files, shared

xarray = pytest.importorskip("xarray", reason="stores need the extra 'store'")
zarr = pytest.importorskip("zarr", minversion="3.1.3", reason="stores need the extra 'store'")

from pyhh_fast.rate_tables import RateTable  # noqa: E402
from pyhh_fast.storage.run_store import RunStore  # noqa: E402


class Killed(BaseException):
    pass


each_fault = pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.slow)])
"""File operations from one fault to the next; 1 tries every operation."""

STEPS = [5, 30, 2, 16]
LATER_TABLE = RateTable(TABLE.rows[:1], -3, 0.25)
SPIKES = [1, 22, 3, 20]  # the third commit has fewer than the second


def write_to_end(store, steps=STEPS):
    """Write a store from its last commit to the end, a commit per step, with a table and a cut."""
    for step in range(store.attributes.get("step", 0), len(steps)):
        # A run resumed from an earlier state writes again what is there.
        store.cut("time", store.length("time") // 2 if step == 2 else store.length("time"))
        append(store, "time", sum(steps[: step + 1]) - store.length("time"))
        store.cut("spike", min(store.length("spike"), SPIKES[step] - 1))
        append(store, "spike", SPIKES[step] - store.length("spike"))
        if step == 1:
            store.put_table(TABLE)
        if step == 3:
            store.put_table(LATER_TABLE)
        store.commit({"step": step + 1})


def check_at_a_commit(store):
    """Check that the store is at one of the commits; return which."""
    step = store.attributes["step"]
    check(store, {"time": sum(STEPS[:step]), "spike": SPIKES[step - 1]}, {"step": step})
    assert [table.first for table in store.tables()] == [-1, -3][: (step > 1) + (step > 3)]
    return step


@pytest.fixture
def uninterrupted(tmp_path):
    with create(tmp_path / "whole.zarr") as store:
        write_to_end(store)
    found = shared(tmp_path / "whole.zarr")
    shutil.rmtree(tmp_path / "whole.zarr")
    return found


class Fault:
    """Raises an error from the n-th call of one of these functions of `os` on."""

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


@each_fault
def test_store_resumes_after_a_kill_at_any_file_operation(
    tmp_path, monkeypatch, uninterrupted, stride
):
    at, seen = 1, set()
    while True:
        out = tmp_path / "run.zarr"
        store = None
        with monkeypatch.context() as patch:
            fault = Fault(patch, Killed(), at, ["mkdir", "replace", "rename", "unlink"])
            try:
                store = create(out)
                write_to_end(store)
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
                seen.add(check_at_a_commit(reader))
            with xarray.open_zarr(out) as opened:
                opened.load()
            store = RunStore.open(out)
            check_at_a_commit(store)
        else:
            store = create(out)
        with store:
            write_to_end(store)
        assert shared(out) == uninterrupted
        assert os.listdir(tmp_path) == ["run.zarr"]
        shutil.rmtree(out)
        at += stride
    assert at > 45
    assert seen == {1, 2, 3}  # nothing follows the fourth


@each_fault
def test_store_has_its_last_commit_after_disk_is_full(tmp_path, monkeypatch, uninterrupted, stride):
    out, at = tmp_path / "run.zarr", 1
    while True:
        store = None
        with monkeypatch.context() as patch:
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")
            Fault(patch, error, at, ["mkdir", "replace", "rename"])
            raised = None
            try:
                store = create(out)
                write_to_end(store)
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
            message += "Simulation.resume continues from there.: 'somewhere'"
        elif store is not None:
            message += f"{str(out)!r} was not made.: 'somewhere'"
        else:
            message += f"to must be where a directory can be made.: {str(out)!r}"
        assert str(raised) == message
        assert os.listdir(tmp_path) == ["run.zarr"] * out.exists()
        if out.exists():
            with RunStore.open(out) as store:
                check_at_a_commit(store)
                write_to_end(store)
            assert shared(out) == uninterrupted
            shutil.rmtree(out)
        at += stride
    assert at > 45


@posix
def test_files_are_synced_before_they_are_renamed(out, tmp_path, monkeypatch):
    """A commit must survive a power failure: files and directories are synced first."""
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
        write_to_end(store)
    assert {tmp_path.stat().st_ino, out.stat().st_ino} <= synced


LIMITED = """
import resource, signal, sys
import numpy as np
from pyhh_fast.storage.run_store import RunStore, StoredVariable

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = RunStore.create(sys.argv[1], {}, {"x": StoredVariable("x", {})})
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
def test_file_size_limit_is_reported_with_the_store_path(out):
    printed, errors = python(LIMITED, out)
    assert errors == ""
    assert printed == (
        f"{errno.EFBIG} [Errno {errno.EFBIG}] File too large. {str(out)!r} is as of its last "
        f"commit. Once there is room, Simulation.resume continues from there.: {str(out)!r}\n"
    )
    with RunStore.open(out) as store:
        assert store.attributes == {"rows": 1_000}
        same_bits(store.values("x"), np.random.default_rng(1).random(1_000))
    assert sorted(files(out)) == ["x", "x/c", "x/c/0", "x/zarr.json", "zarr.json"]


@pytest.mark.parametrize("what", [".", "Vm", "Vm/c", "rates"])
def test_directories_removed_during_the_run_are_not_recreated(out, what):
    made(out)
    store = RunStore.open(out)
    append(store, "time", 1)
    shutil.rmtree(out / what)
    advice = f"{str(out)!r} was removed, moved or replaced, in whole or in part, during the run."
    with store:
        if what == "rates":
            store.commit({})
        else:
            with pytest.raises(FileNotFoundError, match=re.escape(advice)):
                store.commit({})
    assert not (out / what).exists()


def test_writing_a_table_does_not_recreate_a_removed_store(out):
    made(out)
    with RunStore.open(out) as store:
        shutil.rmtree(out)
        with pytest.raises(FileNotFoundError, match="was removed, moved or replaced"):
            store.put_table(LATER_TABLE)
    assert not out.exists()


RESUMING_SCRIPT = """
import sys

from run_stores import write_or_resume

write_or_resume(sys.argv[1])
"""


def start_process(out, script=RESUMING_SCRIPT):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, str(out)], cwd=sys.prefix, env=ENVIRONMENT
    )


@posix
@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_store_resumes_after_kills_at_random_moments(tmp_path, kills):
    uninterrupted, out = tmp_path / "whole.zarr", tmp_path / "run.zarr"
    begun = time.perf_counter()
    write_or_resume(uninterrupted)
    seconds = time.perf_counter() - begun
    expected = shared(uninterrupted)
    rng, killed = np.random.default_rng(1), 0
    while killed < kills:
        process = start_process(out)
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
            assert shared(out) == expected
            shutil.rmtree(out)
    write_or_resume(out)
    assert shared(out) == expected
    assert sorted(os.listdir(tmp_path)) == ["run.zarr", "whole.zarr"]

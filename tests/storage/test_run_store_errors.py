"""The store of a run: its lock, and where one can be created."""

import errno
import os
import shutil
import subprocess
import sys

import pytest
from error_messages import raises
from run_stores import append, check, create, made, posix
from store_files import files

import pyhh_fast as pyhh
from pyhh_fast.storage.locks import DirectoryLock

xarray = pytest.importorskip("xarray", reason="stores need the extra 'store'")
zarr = pytest.importorskip("zarr", minversion="3.1.3", reason="stores need the extra 'store'")

from pyhh_fast.storage.run_store import RunStore  # noqa: E402

HOLDING_SCRIPT = """
import sys
from pyhh_fast.storage.run_store import RunStore, StoredVariable

if sys.argv[3:]:
    store = RunStore.create(sys.argv[1], {}, {"x": StoredVariable("x", {})})
else:
    store = RunStore.open(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def process_holding(out, *create):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING_SCRIPT, str(out), "", *create],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process


def kill_and_wait(process):
    process.kill()
    process.communicate()


def test_one_process_writes_at_a_time(out):
    made(out)
    process = process_holding(out)
    message = f"{str(out)!r} is being written by another process. Wait for it, or stop it."
    try:
        with raises(RuntimeError, message):
            RunStore.open(out)
        with RunStore.read(out) as reader:
            check(reader, {"time": 20, "spike": 3}, {"step": 20})
    finally:
        kill_and_wait(process)
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


def test_unfinished_store_of_a_dead_process_is_removed(out, tmp_path):
    other = tmp_path / ".other.zarr.1-0.part"
    other.mkdir()
    for kill in (False, True):
        process = process_holding(out, "create")
        (begun,) = tmp_path.glob(".run.zarr.*.part")
        if kill:
            kill_and_wait(process)
        store = create(out)
        assert begun.exists() != kill
        store.close()
        assert begun.exists() != kill
        kill_and_wait(process)
        shutil.rmtree(begun, ignore_errors=True)
    assert os.listdir(tmp_path) == [other.name]


@posix
@pytest.mark.parametrize("killed", [True, False])
def test_forked_child_does_not_hold_the_lock(tmp_path, killed):
    lock = DirectoryLock(tmp_path)
    begun, begin = os.pipe()
    wait, end_child = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end_child)
        os.write(begin, b"x")
        os.read(wait, 1)  # nothing, when the parent has ended
        os._exit(0)
    os.close(wait)
    try:
        with pytest.raises(BlockingIOError):
            DirectoryLock(tmp_path)
        if killed:
            os.read(begun, 1)
            lock._let_go()  # as the system does
        else:
            lock.release()  # at once, whether or not the child has come to let go of it
        DirectoryLock(tmp_path).release()
    finally:
        for number in (end_child, begun, begin):
            os.close(number)
        os.waitpid(child, 0)


def test_lock_follows_its_directory(tmp_path):
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    place.mkdir()
    lock = DirectoryLock(place)
    assert lock.is_at(place)
    if sys.platform != "win32":
        place.rename(elsewhere)
        assert not lock.is_at(place)
        place.mkdir()
        assert not lock.is_at(place)
        assert lock.is_at(elsewhere)
    lock.release()
    assert not lock.is_at(elsewhere)


@posix
def test_directory_replaced_while_it_is_locked_is_an_error(out, monkeypatch):
    """Another process may remove it, taking it for one left by a dead process."""
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
def test_file_system_without_locks_warns(out, tmp_path, monkeypatch):
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


def path_exists_message(out):
    return (
        f"to must be a new path; got {str(out)!r}, which exists. Continue it by "
        "Simulation.resume, remove it, or name another."
    )


def test_existing_path_is_not_overwritten(out):
    for make in (out.mkdir, out.touch, lambda: out.symlink_to("nowhere")):
        make()
        with raises(ValueError, path_exists_message(out)):
            create(out)
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    made(out)
    before = files(out)
    with raises(ValueError, path_exists_message(out)):
        create(str(out))
    assert files(out) == before


@pytest.mark.parametrize("what", ["directory", "full directory", "file", "store"])
def test_path_created_before_the_first_commit_is_refused(out, tmp_path, what):
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
        with raises(ValueError, path_exists_message(out)):
            store.commit({})
    assert files(out) == before
    assert os.listdir(tmp_path) == ["run.zarr"]


@posix
@pytest.mark.parametrize("made_by", ["full directory", "file"])
def test_path_created_meanwhile_is_refused(out, tmp_path, monkeypatch, made_by):
    with create(out) as store:
        out.touch() if made_by == "file" else (out / "x").mkdir(parents=True)
        monkeypatch.setattr(os.path, "lexists", lambda path: False)
        with raises(ValueError, path_exists_message(out)):
            store.commit({})
    assert os.listdir(tmp_path) == ["run.zarr"]


def test_directory_that_is_missing_or_not_writable_is_refused(tmp_path, monkeypatch):
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
    with raises(ValueError, path_exists_message("run.zarr")):
        create("run.zarr")

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "somewhere")

    monkeypatch.setattr(os, "mkdir", refuse)
    with raises(
        PermissionError,
        "[Errno 13] Permission denied. to must be where a directory can be made.: 'new.zarr'",
    ):
        create("new.zarr")


def test_missing_zarr_names_what_to_install(out, monkeypatch):
    made(out)
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.delitem(sys.modules, "pyhh_fast.storage.arrays")
    monkeypatch.delattr("pyhh_fast.storage.arrays")
    new = out.with_name("new.zarr")
    message = "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"
    for function in (
        lambda: RunStore.open(out),
        lambda: RunStore.read(out),
        lambda: pyhh.Simulation(pyhh.HHModel()).run(1.0, 0.01, duration=1.0, to=new),
    ):
        with raises(ImportError, message):
            function()
    assert not new.exists()

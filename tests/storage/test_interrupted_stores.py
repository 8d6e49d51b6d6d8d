"""Stored runs that end early: by one or two Ctrl-C, a full disk, a store that was moved."""

import errno
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from model_states import resting_simulation

import pyhh_fast as pyhh
from pyhh_fast.storage import run_sink, zarr_files
from pyhh_fast.storage import writer as store_writer
from pyhh_fast.storage.run_store import RunStore

pytest.importorskip("zarr")

OPTIONS = {"dt": 0.01, "duration": 900_000.0, "record": ("Vm",), "every": 10}


def run_until_error(store, kind, **options):
    simulation = resting_simulation()
    with pytest.raises(kind) as error:
        simulation.run(10.0, to=store, **OPTIONS | options)
    return simulation, error.value


def check_resume(store, steps):
    """Check that a run resumed from the store equals one in memory, over 1,000 more steps."""
    resumed = pyhh.Simulation.resume(store, duration=(steps + 1_000) * 0.01)
    expected = resting_simulation().run(10.0, **OPTIONS | {"duration": (steps + 1_000) * 0.01})
    np.testing.assert_array_equal(resumed.recording.Vm, expected.Vm)
    np.testing.assert_array_equal(resumed.recording.spike_times, expected.spike_times)


@pytest.fixture
def after_commits(monkeypatch):
    """A function that has the writing thread call another one after the third commit of a run."""
    monkeypatch.setattr(run_sink, "COMMIT", 0.02)
    commit, numbers = RunStore.commit, itertools.count()

    def call(function):
        def commit_and_call(self, attributes):
            commit(self, attributes)
            if next(numbers) == 2:
                function()

        monkeypatch.setattr(RunStore, "commit", commit_and_call)

    return call


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("method", ["euler", "adaptive"])
def test_completed_steps_are_kept_after_ctrl_c(times, method, out, after_commits):
    def interrupt():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.002)

    after_commits(interrupt)
    simulation, _ = run_until_error(out, KeyboardInterrupt, method=method)
    steps = simulation.recording.steps
    assert 0 < steps < 90_000_000
    assert simulation.Vm.size == -(-steps // 10)
    assert simulation.Vm.size == 0 or np.isfinite(simulation.Vm).all()
    assert [t for t in threading.enumerate() if "pyhh_fast" in t.name] == []
    resumed = pyhh.Simulation.resume(out, duration=steps * 0.01)
    np.testing.assert_array_equal(resumed.Vm, simulation.Vm)
    if times == 1:
        # The last step of an adaptive run is shortened to its end; an interrupted run has none.
        tolerance = 1e-5 if method == "adaptive" else 0
        assert resumed.model.Vm == pytest.approx(simulation.model.Vm, rel=0, abs=tolerance)


def test_store_has_its_last_commit_after_disk_is_full(out, monkeypatch, after_commits):
    replace = zarr_files.replace

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

    after_commits(lambda: monkeypatch.setattr(zarr_files, "replace", full))
    simulation, error = run_until_error(out, OSError)
    assert error.errno == errno.ENOSPC
    assert str(error) == (
        f"[Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}. {str(out)!r} is as of its last "
        "commit. Once there is room, Simulation.resume continues from there.: 'somewhere'"
    )
    monkeypatch.setattr(zarr_files, "replace", replace)
    recording = simulation.recording
    assert 0 < recording.steps < 90_000_000
    assert recording.Vm.size == len(recording)
    assert recording.spike_times[-1] <= recording.steps * 0.01
    check_resume(out, recording.steps)


def test_disk_that_is_full_at_the_end_leaves_no_thread(out, monkeypatch):
    """The error is raised where the last rows are handed to the thread that writes them."""
    monkeypatch.setattr(run_sink, "COMMIT", 0.0)
    commit = RunStore.commit

    def commit_once(self, attributes):
        if out.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")
        commit(self, attributes)

    def end(self):
        while not self._failed:
            time.sleep(0.001)

    monkeypatch.setattr(RunStore, "commit", commit_once)
    monkeypatch.setattr(store_writer.StoreWriter, "end", end)
    simulation, _ = run_until_error(out, OSError, duration=10.0)
    assert simulation.recording.steps == 0
    assert [t for t in threading.enumerate() if "pyhh_fast" in t.name] == []


def test_store_moved_during_the_run_ends_the_run(tmp_path, after_commits):
    store, moved = tmp_path / "run.zarr", tmp_path / "moved.zarr"
    after_commits(lambda: store.rename(moved))
    simulation, error = run_until_error(store, FileNotFoundError)
    recording = simulation.recording
    if sys.platform == "linux":
        assert str(error).startswith(
            f"[Errno {errno.ENOENT}] {os.strerror(errno.ENOENT)}. {str(store)!r} was moved during "
            f"the run. {str(moved)!r} is as of its last commit: Simulation.resume continues from "
            "there."
        )
        assert recording.steps == RunStore.read(moved).attributes["done"] > 0
        assert recording.Vm.size == len(recording)
    else:
        assert "was removed, moved or replaced, in whole or in part, during the run." in str(error)
    check_resume(moved, RunStore.read(moved).attributes["done"])


def test_no_store_is_created_if_an_argument_is_wrong(tmp_path):
    for wrong in ({"every": 0}, {"duration": None}, {"method": "magic"}, {"record": ["V"]}):
        with pytest.raises(ValueError, match=" must be "):
            resting_simulation().run(
                **{"stimulus": 1.0, "to": tmp_path / "run.zarr"} | OPTIONS | wrong
            )
    assert list(tmp_path.iterdir()) == []


LONG_RUN = """
import sys, pyhh_fast as pyhh
print("begun", flush=True)
pyhh.Simulation(pyhh.HHModel.at_rest()).run(
    10.0, 0.01, duration=1e9, record=("Vm",), to=sys.argv[1], every=10)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_second_process_is_refused_until_the_first_ends(out):
    process = subprocess.Popen([sys.executable, "-c", LONG_RUN, out], cwd=Path(__file__).parent)
    with process:
        while not out.exists():
            time.sleep(0.01)
        message = r"run.zarr' is being written by another process\. Wait for it, or stop it\.$"
        with pytest.raises(RuntimeError, match=message):
            pyhh.Simulation.resume(out)
        process.kill()
    check_resume(out, RunStore.read(out).attributes["done"] + 1_000_000)


def test_missing_tqdm_leaves_no_store(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"^progress=True needs tqdm\."):
        resting_simulation().run(1.0, 0.01, duration=1.0, to=tmp_path / "run.zarr", progress=True)
    assert list(tmp_path.iterdir()) == []


def refuse_to_sync_directories(monkeypatch, number):
    fsync, refused = os.fsync, []

    def refuse(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            refused.append(file)
            raise OSError(number, os.strerror(number))
        fsync(file)

    monkeypatch.setattr(os, "fsync", refuse)
    return refused


@pytest.mark.skipif(sys.platform == "win32", reason="syncs no directory")
@pytest.mark.parametrize("name", ["EINVAL", "ENOTSUP", "ENOSYS", "EBADF", "EPERM", "EACCES"])
def test_file_system_without_directory_sync_is_accepted(name, out, monkeypatch):
    refused = refuse_to_sync_directories(monkeypatch, getattr(errno, name))
    resting_simulation().run(10.0, 0.01, duration=50.0, to=out)
    assert refused
    longer = pyhh.Simulation.resume(out, duration=100.0)
    assert longer.recording.spike_times.size == 7


@pytest.mark.skipif(sys.platform == "win32", reason="syncs no directory")
@pytest.mark.parametrize("name", ["EIO", "ENOSPC", "EDQUOT"])
def test_failed_directory_sync_is_an_error(name, tmp_path, monkeypatch):
    refused = refuse_to_sync_directories(monkeypatch, getattr(errno, name))
    with pytest.raises(OSError, match=r"run\.zarr' was not made\.") as error:
        resting_simulation().run(10.0, 0.01, duration=50.0, to=tmp_path / "run.zarr")
    assert error.value.errno == getattr(errno, name)
    assert refused
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_on_a_slow_disk_says_what_is_being_written(out, monkeypatch, capsys):
    monkeypatch.setattr(store_writer, "PATIENCE", 0.0)
    monkeypatch.setattr(run_sink, "COMMIT", 0.0)
    fsync, commit, counts = os.fsync, RunStore.commit, []

    def slow(file):
        time.sleep(0.02)
        fsync(file)

    def counted(self, attributes):
        counts.append(attributes["done"])
        commit(self, attributes)
        if len(counts) == 5:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "fsync", slow)
    monkeypatch.setattr(RunStore, "commit", counted)
    simulation, _ = run_until_error(out, KeyboardInterrupt, record=("Vm", "INa", "StateM"))
    assert capsys.readouterr().err == (
        f"pyhh_fast: interrupted; the last rows are being written to {str(out)!r}. Another "
        "Ctrl-C gives them up.\n"
    )
    assert 6 <= len(counts) <= 7  # one that was about to begin, and the last
    monkeypatch.setattr(os, "fsync", fsync)
    assert simulation.recording.steps == counts[-1]
    assert [t for t in threading.enumerate() if "pyhh_fast" in t.name] == []
    check_resume(out, simulation.recording.steps)

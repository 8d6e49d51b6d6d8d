"""No recording shows another run's traces, and no run writes into another's store."""

import json
import os
import pickle
import shutil
import sys

import numpy as np
import pytest
from error_messages import raises
from run_stores import CHUNK_HERE, append, check, create, made
from store_files import files, shared

import pyhh_fast as pyhh
from pyhh_fast.cli import main as cli
from pyhh_fast.plotting.decimation import Source
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.storage import arrays, resume, run_sink, zarr_files

xarray = pytest.importorskip("xarray")
pytest.importorskip("zarr")

from pyhh_fast.storage.run_store import RunStore  # noqa: E402

OPTIONS = {"dt": 0.01, "duration": 50.0, "record": ("Vm",), "envelope": 100}

posix = pytest.mark.skipif(os.name != "posix", reason="no open directory is moved on Windows")


def run(current, to, **options):
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    return simulation.run(current, to=to, **OPTIONS | options)


def missing_store_message(path):
    return (
        f"{str(path)!r} must be the store that this recording was written to; got a path where "
        "nothing is. If it was moved, move it back."
    )


def other_store_message(path):
    return (
        f"{str(path)!r} must be the store that this recording was written to; got that of another "
        "run, which was put in its place. If it was moved, move it back."
    )


def test_recording_finds_its_store_from_another_working_directory(tmp_path, monkeypatch):
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "A")
    recording = run(10, "run.zarr")
    expected = recording.Vm
    monkeypatch.chdir(tmp_path / "B")
    assert recording.spike_times.size == 4
    np.testing.assert_array_equal(recording.Vm, expected)
    run(0, "run.zarr")
    np.testing.assert_array_equal(recording.Vm, expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(recording)).Vm, expected)
    resumed = pyhh.Simulation.resume(os.path.join("..", "A", "run.zarr"), duration=100)
    monkeypatch.chdir(tmp_path)
    assert resumed.recording.Vm.size == 10_000
    assert resumed.recording.spike_times.size == 7


def test_working_directory_may_change_during_the_run(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    take = run_sink.StoreSink.collect

    def take_elsewhere(self, stepper):
        os.chdir(tmp_path / "other")
        take(self, stepper)

    monkeypatch.setattr(run_sink.StoreSink, "collect", take_elsewhere)
    recording = run(10, "run.zarr")
    assert recording.Vm.size == 5_000
    assert os.listdir(tmp_path / "other") == []


def test_recording_refuses_a_replaced_store(out):
    recording = run(10, out)
    copy = pickle.loads(pickle.dumps(recording))
    shutil.rmtree(out)
    for one in (recording, copy):
        with raises(ValueError, missing_store_message(out)):
            one.Vm  # noqa: B018
    run(0, out)
    for one in (recording, copy):
        for name in ("Vm", "Vm_min"):
            with raises(ValueError, other_store_message(out)):
                getattr(one, name)
        with raises(ValueError, other_store_message(out)):
            one.plot()
    assert recording.spike_times.size == 4


def test_repeated_run_has_another_identity(out):
    recording = run(10, out)
    shutil.move(out, out.with_name("first.zarr"))
    assert (run(10, out).Vm == resume.open_recording(out.with_name("first.zarr")).Vm).all()
    assert shared(out) == shared(out.with_name("first.zarr"))
    assert files(out) != files(out.with_name("first.zarr"))
    with raises(ValueError, other_store_message(out)):
        recording.Vm  # noqa: B018
    shutil.rmtree(out)
    shutil.move(out.with_name("first.zarr"), out)
    assert recording.Vm.size == 5_000


def test_figure_refuses_a_store_replaced_while_drawing(out):
    """So that one figure never shows parts of two runs."""
    recording = run(10, out)
    read = Source(recording).trace("Vm").read
    assert read(0, 10).size == 10
    shutil.rmtree(out)
    run(0, out)
    with raises(ValueError, other_store_message(out)):
        read(0, 10)


def test_shortened_traces_of_a_run_being_continued_are_refused(out):
    recording = run(10, out)
    with RunStore.open(out) as store:
        store.cut("time", 1_000)
        store.commit(store.attributes)
    message = (
        f"{str(out)!r} has 1000 of 5000 rows of Vm: the run is being continued from before its "
        "end. Wait until that is done, or resume it."
    )
    with raises(RuntimeError, message):
        recording.Vm  # noqa: B018


def replace_store(out, how):
    """Put another store in the place of one: a new one, another's files, or after a move."""
    if how == "files":
        other = out.with_name("other.zarr")
        made(other)
        for path in list(out.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(other, out, dirs_exist_ok=True)
        shutil.rmtree(other)
    elif how == "moved":
        out.rename(out.with_name("moved.zarr"))
        made(out)
    else:
        shutil.rmtree(out)
        made(out)


@posix
@pytest.mark.parametrize("how", ["new", "moved", "files"])
@pytest.mark.parametrize("what", ["append", "cut", "table", "commit", "close"])
def test_replacement_of_the_store_is_not_written_to(out, what, how):
    store = create(out)
    append(store, "time", 3 * CHUNK_HERE + 1)
    store.commit({"step": 1})
    append(store, "time", CHUNK_HERE - 3)
    replace_store(out, how)
    before = files(out)
    error = None
    try:
        if what == "append":
            append(store, "time", 4 * CHUNK_HERE)
        elif what == "cut":
            store.cut("time", 2)
        elif what == "table":
            store.put_table(RateTable(np.zeros((1, 6, 8)), 9, 0.25))
        elif what == "commit":
            store.commit({"step": 2})
    except FileNotFoundError as raised:
        error = raised
    store.close()
    assert files(out) == before
    if what == "close" or (how == "files" and what in ("append", "cut")):
        return  # nothing was to be written, or it was not waited for
    assert error is not None
    if how == "moved" and sys.platform == "linux":
        moved = out.with_name("moved.zarr")
        assert f"{str(out)!r} was moved during the run. {str(moved)!r} is as of" in str(error)
        assert store.path == str(moved)
        with RunStore.open(moved) as found:
            check(found, {"time": 3 * CHUNK_HERE + 1, "spike": 0}, {"step": 1})
    elif how == "files":
        assert "was removed, moved or replaced, in whole or in part, during the run." in str(error)
    else:
        advice = "was removed or moved during the run, and is something else now, which was left"
        assert advice in str(error)


@posix
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("file", [f"c/{3}", "zarr.json"])
def test_store_replaced_during_a_write_is_not_written_to(out, monkeypatch, file, moment):
    """Replaced between the check of the directory and the renaming of a file into it."""
    monkeypatch.setattr(arrays.DurableStore, "THREADS", 1)
    store = create(out)
    append(store, "time", 3 * CHUNK_HERE + 1)
    store.commit({"step": 1})
    replace, exchanged = zarr_files.replace, []

    def exchange(path, content, part=None, check=None):
        here = str(path).endswith(file) and not exchanged
        if here and moment == "before":
            exchanged.append(file)
            replace_store(out, "new")

        def late():
            if here and moment == "after":
                exchanged.append(file)
                replace_store(out, "new")
            if check is not None:
                check()

        replace(path, content, part, late)

    monkeypatch.setattr(zarr_files, "replace", exchange)
    append(store, "time", 3)
    with pytest.raises(FileNotFoundError, match="and is something else now, which was left as"):
        store.commit({"step": 2})
    assert exchanged
    store.close()
    monkeypatch.undo()
    made(out.with_name("whole.zarr"))
    assert shared(out) == shared(out.with_name("whole.zarr"))


@posix
def test_first_of_two_runs_to_one_path_ends_in_an_error(out, monkeypatch):
    """Its store is removed and the other's created between two of its commits."""
    monkeypatch.setattr(run_sink, "COMMIT", 0.0)
    commit, commits = RunStore.commit, []

    def commit_twice(self, attributes):
        commit(self, attributes)
        commits.append(None)
        if len(commits) == 3:
            monkeypatch.setattr(RunStore, "commit", commit)
            shutil.rmtree(out)
            run(3, out, every=100)

    monkeypatch.setattr(RunStore, "commit", commit_twice)
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    with pytest.raises(FileNotFoundError, match="and is something else now, which was left as"):
        simulation.run(10, to=out, **OPTIONS | {"duration": 90_000.0, "every": 100})
    found = resume.open_recording(out)
    assert found.stimulus[0] == 3
    expected = pyhh.Simulation(pyhh.HHModel.at_rest()).run(3, **OPTIONS | {"every": 100})
    np.testing.assert_array_equal(found.Vm, expected.Vm)
    assert simulation.recording.steps == 0
    with raises(ValueError, other_store_message(out)):
        simulation.Vm  # noqa: B018


@pytest.mark.parametrize("identity", [None, 5, "", "x" * 32, "0" * 31])
def test_store_without_an_identity_is_refused(out, identity):
    made(out)
    content = json.loads((out / "zarr.json").read_text())
    content["attributes"]["identity"] = identity
    (out / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"; got one with the identity .*\. Copy it again from"):
        RunStore.read(out)


def test_identities_of_stores_are_unique(out):
    identities = set()
    for _ in range(5):
        with create(out) as store:
            identities.add(store.identity)
    assert len(identities) == 5


def test_store_replaced_while_resuming_is_reported_by_the_command(out, monkeypatch, capsys):
    run(10, out)

    def resume(*_, **__):
        shutil.rmtree(out)
        run(3, out)

    monkeypatch.setattr(pyhh.Simulation, "resume", resume)
    assert cli.main(["simulate", "--resume", str(out), "--duration", "60"]) == 1
    assert capsys.readouterr().err == f"pyhh-fast simulate: error: {other_store_message(out)}\n"


def test_partial_files_of_two_stores_have_different_names(tmp_path):
    parts = {arrays.DurableStore(tmp_path, lambda: None)._part for _ in range(9)}
    assert len(parts) == 9

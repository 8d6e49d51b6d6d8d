"""Paths given by users: errors where nothing can be read or written there."""

import contextlib
import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
from error_messages import raises
from model_states import resting_simulation
from run_stores import made
from store_files import files

import pyhh_fast as pyhh
from pyhh_fast.cli import main as cli
from pyhh_fast.storage.run_store import RunStore

pytest.importorskip("zarr")

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")


def run(to):
    return resting_simulation().run(10, 0.01, duration=5, to=to)


def sweep(out):
    pytest.importorskip("xarray")
    return pyhh.sweep(pyhh.HHModel.at_rest(), {"gNa": [100.0]}, 10, 0.01, duration=5, out=out)


CALLS = {
    "to": run,
    "out": sweep,
    "path": lambda path: resting_simulation().save_state(path),
    "path of load_state": pyhh.Simulation.load_state,
    "path of resume": pyhh.Simulation.resume,
}


class BytesPath:
    def __fspath__(self):
        return b"run.zarr"


@pytest.mark.parametrize("call", CALLS)
def test_invalid_path_is_refused(call, tmp_path):
    head = f"{call.split()[0]} must be a path of the local file system; got "
    for path, kind, message in (
        ("", ValueError, "an empty text. Name a file or a directory."),
        ("a\0b", ValueError, "'a\\x00b'. Remove the NUL character."),
        (Path("a\0b"), ValueError, "'a\\x00b'. Remove the NUL character."),
        (BytesPath(), TypeError, "b'run.zarr' (bytes). Decode it by os.fsdecode."),
        (b"run.zarr", TypeError, "b'run.zarr' (bytes)."),
        (3, TypeError, "3."),
    ):
        with raises(kind, head + message):
            CALLS[call](path)
    assert list(tmp_path.iterdir()) == []


ENDINGS = [".h5", ".hdf5", ".npz", ".npy", ".nc", ".csv", ".mat", ".pkl", ".json", ".txt"]
ENDINGS += [".parquet", ".png", ".zip", ".H5", ".Npz"]


@pytest.mark.parametrize("call", ["to", "out"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_store_name_with_the_ending_of_another_format_is_refused(ending, call, tmp_path):
    how = "numpy.savez('run.npz', Vm=recording.Vm)" if call == "to" else "to_netcdf"
    message = (
        f"{call} must be a path for a Zarr directory; got 'run{ending}', whose name is that of "
        f"another format, {ending}. Name it .zarr, or leave {call} out and save what is "
        f"returned, as by {how}."
    )
    with raises(ValueError, message):
        CALLS[call](f"run{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run", "run.zarr", "run.2", "run.v1.5", "gNa=100.0"])
def test_other_store_names_are_accepted(name):
    assert run(name).Vm.size == 500


@pytest.mark.parametrize("name", ["run.h5", "run.csv", "run", "run.nc", ""])
def test_command_refuses_unknown_formats(name, capsys, tmp_path):
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--duration", "5", "--out", name])
    message = f"must be a file whose name ends in .zarr or .npz; got {name!r}"
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# Files of state


def test_state_file_replaces_only_regular_files(tmp_path):
    (tmp_path / "directory").mkdir()
    special = {"directory": "a directory", "directory/": "a directory", ".": "a directory"}
    if hasattr(os, "mkfifo"):
        os.mkfifo("fifo")
        special["fifo"] = "a FIFO"
    for path, kind in special.items():
        message = (
            f"path must be that of a file to be written; got {path!r}, which is {kind}. Name "
            "another, such as 'state.json'."
        )
        with raises(ValueError, message):
            resting_simulation().save_state(path)


def test_path_that_is_no_state_file_is_refused():
    os.mkdir("directory")
    made(Path("run.zarr"))
    head = "path must be a file that save_state has written; got "
    advice = ". The store of a run is continued by Simulation.resume"
    for path in ("directory", "run.zarr"):
        with raises(ValueError, f"{head}{path!r}, a directory{advice}"):
            pyhh.Simulation.load_state(path)
    if hasattr(os, "mkfifo"):
        os.mkfifo("fifo")
        with raises(ValueError, f"{head}'fifo', a FIFO"):
            pyhh.Simulation.load_state("fifo")
        with raises(ValueError, f"{head}'/dev/zero', a device"):
            pyhh.Simulation.load_state("/dev/zero")
    with open("large", "wb") as file:
        file.truncate(50 * 2**30)
    with raises(ValueError, f"{head}'large', a larger file"):
        pyhh.Simulation.load_state("large")


def test_state_file_may_be_a_link():
    resting_simulation().save_state("state.json")
    with contextlib.suppress(OSError):  # as Windows has for most users
        os.symlink("state.json", "link")
        assert pyhh.Simulation.load_state("link").model.gNa == 120


def raise_no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_names_the_state_file(monkeypatch, tmp_path):
    resting_simulation().save_state("state.json")
    before = Path("state.json").read_bytes()
    monkeypatch.setattr(os, "fsync", raise_no_space)
    message = (
        f"[Errno {errno.ENOSPC}] No space left on device. The file is as it was. Free space, or "
        "name a file on another disk.: 'state.json'"
    )
    with raises(OSError, message):
        resting_simulation().save_state("state.json")
    assert Path("state.json").read_bytes() == before
    assert os.listdir() == ["state.json"]


def test_state_file_in_a_missing_directory_is_refused():
    message = (
        "[Errno 2] No such file or directory. path must be where a file can be written: it is as "
        "it was.: 'no/state.json'"
    )
    with raises(FileNotFoundError, message):
        resting_simulation().save_state("no/state.json")


@pytest.mark.parametrize("command", ["demo", "fi", "fi --plot", "simulate --plot", "plot"])
def test_commands_report_a_full_disk(command, capsys, monkeypatch):
    import matplotlib.figure

    run("run.zarr")
    figures = matplotlib.figure.Figure
    monkeypatch.setattr(figures, "savefig", raise_no_space)
    file = "out.png"
    arguments = {
        "demo": "demo -o out.png",
        "fi --plot": "fi --from 10 --to 10 --plot out.png",
        "simulate --plot": "simulate --duration 5 --plot out.png",
        "plot": "plot run.zarr -o out.png",
    }
    if command == "fi":
        monkeypatch.setattr(Path, "write_text", raise_no_space)
        arguments["fi"], file = "fi --from 10 --to 10 -o out.csv", "out.csv"
    assert cli.main(arguments[command].split()) == 1
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.endswith(
        f"cannot write {file}: [Errno {errno.ENOSPC}] No space left on device. Free space, or name "
        "a file on another disk."
    )


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads all")
def test_trace_without_read_permission_is_reported(capsys):
    run("run.zarr")
    os.chmod("run.zarr/Vm/c/0", 0)
    assert cli.main(["plot", "run.zarr", "-o", "p.png"]) == 1
    assert "error: cannot read what is to be drawn: [Errno 13] " in capsys.readouterr().err


def test_trace_that_cannot_be_read_is_reported(capsys, monkeypatch):
    from pyhh_fast.storage import arrays

    run("run.zarr")

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "run.zarr/Vm/c/0")

    monkeypatch.setattr(arrays.RowsArray, "values", refuse)
    monkeypatch.setattr("pyhh_fast.storage.resume.RunStore.values", lambda *_: np.empty(0))
    monkeypatch.setattr("pyhh_fast.plotting.plot_recording", refuse)
    assert cli.main(["plot", "run.zarr", "-o", "p.png"]) == 1
    assert capsys.readouterr().err == (
        "pyhh-fast plot: error: cannot read what is to be drawn: [Errno 13] Permission denied: "
        "'run.zarr/Vm/c/0'\n"
    )


# Stores of runs in which something else is in the place of a file


def assert_refused(out, got):
    head = re.escape(f"{str(out)!r} must be a store written by run(..., to=...); got {got}")
    for read in (RunStore.read, RunStore.open):
        with pytest.raises(ValueError, match=f"^{head}"), read(out) as store:
            [store.values(name) for name in ("Vm", "spike_time")]


@posix
@pytest.mark.parametrize("name", ["zarr.json", "Vm/c/0", "Vm/c/2", "spike_time/c/0"])
@pytest.mark.parametrize("what", ["FIFO", "link", "device", "directory", "large"])
def test_files_that_are_not_small_and_regular_are_refused(what, name, out, tmp_path):
    made(out)
    before = files(out)
    path = out / name
    path.rename(tmp_path / "elsewhere")
    got = {"FIFO": "a FIFO", "directory": "a directory", "large": "a file of more than "}
    if what == "FIFO":
        os.mkfifo(path)
    elif what == "large":
        with path.open("wb") as file:
            file.truncate(50 * 2**30)
    elif what == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere" if what == "link" else "/dev/zero")
    unreadable = "a zarr.json that cannot be read (" if name == "zarr.json" else ""
    assert_refused(out, unreadable + got.get(what, "a link"))
    path.rmdir() if what == "directory" else path.unlink()
    (tmp_path / "elsewhere").rename(path)
    assert files(out) == before

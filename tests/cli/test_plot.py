"""The command `pyhh-fast plot`, and the recording of a store that it reads."""

import json
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from commands import command, failed, figure_size, refused

import pyhh_fast as pyhh
from pyhh_fast import stimuli, storage
from pyhh_fast.cli import common
from pyhh_fast.plotting import runs
from pyhh_fast.settings import RunSettings
from pyhh_fast.storage import resume
from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.variables import TRACES


@pytest.fixture
def drawn_windows(monkeypatch):
    """The recordings and windows that are drawn."""
    seen = []

    def watched(axis, recording, source, window, original=runs._draw_potential):
        seen.append((recording, *window))
        return original(axis, recording, source, window)

    monkeypatch.setattr(runs, "_draw_potential", watched)
    return seen


def run_to_store(name="run.zarr", drive=12, duration=3_000, **options):
    if isinstance(drive, np.ndarray):
        duration = None
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    return simulation.run(drive, 0.01, duration=duration, to=name, **options)


def change_attributes(name, **attributes):
    """Change attributes of a store."""
    path = Path(name, "zarr.json")
    content = json.loads(path.read_text())
    content["attributes"] |= attributes
    path.write_text(json.dumps(content))


def test_whole_run_is_drawn_beside_the_store(tmp_path, monkeypatch, capsys, drawn_windows):
    mpl.use("svg")
    Path("data").mkdir()
    run_to_store("data/run.zarr")
    assert command("plot", "data/run.zarr") == 0
    figure = Path("data", "run.png")
    assert capsys.readouterr() == (f"{figure}\n", "")
    assert figure_size(figure) == (960, 960)
    assert [part[1:] for part in drawn_windows] == [(0, 3_000)]
    assert mpl.get_backend().lower() == "agg", "it needs a display"
    figure.unlink()
    monkeypatch.chdir("data/run.zarr")
    assert command("plot", ".") == 0
    assert capsys.readouterr().out == f"{tmp_path / figure}\n"
    assert (tmp_path / figure).exists()


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_part_of_the_run_is_drawn_into_the_given_file(option, capsys, drawn_windows):
    run_to_store()
    Path("part.svg").write_text("something that was there before")
    assert command("plot", "run.zarr", "--from", "0.5s", "--to", "520.25", option, "part.svg") == 0
    assert capsys.readouterr() == ("part.svg\n", "")
    assert "<svg" in Path("part.svg").read_text()
    assert [part[1:] for part in drawn_windows] == [(500, 520.25)]


def test_run_being_written_is_drawn_up_to_its_last_commit(capsys, drawn_windows):
    drive = stimuli.ornstein_uhlenbeck(8, 3, 5, 1)
    model = pyhh.HHModel.at_rest()
    settings = RunSettings(dt=0.01, every=3, envelope=7)
    run = resume.begin_run(model, settings, drive, 100_000, "run.zarr")
    while run.stepper.step < 90_000:
        run.stepper.advance()
        run.sink.collect(run.stepper)
    made = run.stepper.step
    assert made % 7 > 1, "the last window is not whole, and not there"
    run.sink._commit(run.stepper)
    directory = Path("run.zarr")  # another thread writes it
    while not directory.exists() or resume.open_recording("run.zarr").steps < made:
        time.sleep(0.01)
    assert command("plot", "run.zarr") == 0
    assert command("plot", "run.zarr", "--from", "1ms", "--to", ".2s") == 0
    late = made * 0.01 - 100
    assert command("plot", "run.zarr", "--from", late) == 0
    assert [part[1:] for part in drawn_windows] == [(0, made * 0.01), (1, 200), (late, made * 0.01)]
    found = drawn_windows[0][0]
    assert (len(found), found.envelope) == (-(-made // 3), 7)
    V = found.Vm
    run.sink.end(run.stepper, failed=False)
    np.testing.assert_array_equal(resume.open_recording("run.zarr").Vm, V)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "2s", "--to", "1s"], "--from must be before --to, 1000 (ms); got 2000.0."),
        (["--from", "3s"], "--from must be before the end of the run, 3000 (ms); got 3000.0."),
        (["--to", "1h"], "--to must be at most the end of the run, 3000 (ms); got 3600000.0."),
        (["--from", "-1"], "--from must be a finite number, 0 or more (ms); got -1.0."),
        (
            ["--to", "late"],
            "argument --to: must be a time such as 500 (ms), 90s, 2min or 1.5h; got 'late'",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    run_to_store()
    assert refused(capsys, "plot", "run.zarr", *arguments) == message
    assert not Path("run.png").exists()


def test_unknown_figure_format_is_refused(capsys):
    message = refused(capsys, "plot", "run.zarr", "-o", "run.xyz")
    assert message.startswith("argument -o/--output: must be a file whose name ends in ")


def test_missing_store_figure_directory_and_zarr_are_reported(capsys, monkeypatch):
    message = "'no.zarr' must be a store written by run(..., to=...); got a path where nothing is."
    assert failed(capsys, "plot", "no.zarr") == message
    run_to_store()
    monkeypatch.setattr(common, "save_figure", None)  # it is noticed before
    error = "[Errno 2] No such file or directory: 'no/run.png'"
    message = failed(capsys, "plot", "run.zarr", "-o", "no/run.png")
    assert message == f"cannot write no/run.png: {error}"
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.delitem(sys.modules, "pyhh_fast.storage.arrays")
    monkeypatch.delattr(storage, "arrays")
    message = "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"
    assert failed(capsys, "plot", "run.zarr") == message


def test_damaged_chunk_is_reported(capsys):
    run_to_store()
    path = Path("run.zarr", "Vm", "c", "0")
    path.write_bytes(path.read_bytes()[:-1])
    message = failed(capsys, "plot", "run.zarr")
    where = repr(str(path.parents[2].absolute()))
    assert message.startswith(f"{where} must be a store written by run(..., to=...); got a file")
    assert "that was cut short" in message


# The recording of a store


def times_of_files():
    return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in Path("run.zarr").rglob("*")}


@pytest.mark.parametrize("options", [{}, {"every": 7, "envelope": 900}, {"record": ["INa"]}])
def test_recorded_equals_the_recording_of_the_run(options):
    drive = stimuli.step(9, 100, 200) + 5
    made = run_to_store(drive=drive, threshold=30.0, method="rk4", **options)
    with RunStore.open("run.zarr"):  # which holds the lock
        before = times_of_files()
        found = resume.open_recording("run.zarr")
        assert times_of_files() == before
    assert repr(found) == repr(made)
    for name in ("steps", "dt", "every", "envelope", "threshold", "method", "rtol", "atol"):
        assert getattr(found, name) == getattr(made, name)
    assert found.stimulus == drive
    assert set(found.recorded) == set(made.recorded)
    for name in (*made.recorded, *made.enveloped, "times", "spike_times"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    with pytest.raises(RuntimeError) as caught:
        found.estimate_error()
    assert str(caught.value) == "The error cannot be estimated: it was read from a store."


def test_recorded_reads_stores_of_another_build():
    made = run_to_store()
    change_attributes("run.zarr", build="of a later version")
    np.testing.assert_array_equal(resume.open_recording("run.zarr").Vm, made.Vm)


def test_recorded_has_a_constant_but_not_an_array_stimulus():
    run_to_store()
    constant = resume.open_recording("run.zarr").stimulus
    assert constant.strides == (0,)
    np.testing.assert_array_equal(constant, np.full(300_000, 12.0))
    run_to_store("array.zarr", np.arange(5.0))
    np.testing.assert_array_equal(resume.open_recording("array.zarr").stimulus, np.full(5, np.nan))


@pytest.mark.parametrize(
    "attributes",
    [
        {"done": 299_000},
        {"done": 300_001, "steps": 300_001},
        {"recorded": [*TRACES, "Vn"]},
        {"envelope": 100},
        {"envelope": 900},
        {"stimulus": {"kind": "constant"}},
        {"state": {}},
        {"done": None},
    ],
    ids=str,
)
def test_recorded_refuses_changed_attributes(attributes):
    run_to_store(envelope=1_000, record=["Vm"])
    resume.open_recording("run.zarr")
    change_attributes("run.zarr", **attributes)
    expected = "got one whose attributes are not what was written"
    with pytest.raises(ValueError, match=expected):
        resume.open_recording("run.zarr")


def test_recorded_refuses_missing_traces():
    run_to_store(record=["Vm"])
    change_attributes("run.zarr", recorded=["StateM"])
    with pytest.raises(ValueError, match=r"got one whose attributes .*StateM"):
        resume.open_recording("run.zarr")

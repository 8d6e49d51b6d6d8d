"""Errors of `pyhh-fast simulate`: their messages, and the files that remain."""

import sys
from pathlib import Path

import numpy as np
import pytest
from commands import failed, figure_size, refused, simulate
from other_processes import python

import pyhh_fast as pyhh
from pyhh_fast import storage
from pyhh_fast.cli import common
from pyhh_fast.cli import main as cli
from pyhh_fast.storage import resume
from pyhh_fast.variables import PARAMETERS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "--duration is required where the stimulus has no end"),
        ("--step 9,1,2 --sine 1,5", "--duration is required where the stimulus has no end"),
        (
            "--duration soon",
            "argument --duration: must be a time such as 500 (ms), 90s, 2min or 1.5h; got 'soon'",
        ),
        ("--duration -1s", "duration must be 0 or more (ms); got -1000.0."),
        (
            "--duration 1 --out run.csv",
            "argument --out: must be a file whose name ends in .zarr or .npz; got 'run.csv'",
        ),
        ("--duration 1 --dt 0", "dt must be a positive, finite number (ms); got 0.0."),
        ("--duration 1 --gNa much", "argument --gNa: invalid float value: 'much'"),
        ("--duration 1 --voltage inf", "startingVoltage must be a finite number (mV); got inf."),
        (
            "--duration 1 --record Vm,Ina2",
            "record must be one of IK, IKleak, INa, StateH, StateM, StateN, Vm; got 'Ina2'. Did "
            "you mean INa?",
        ),
        ("--constant x", "argument --constant: must be AMPLITUDE, a number; got 'x'"),
        (
            "--step 5,1",
            "argument --step: must be AMPLITUDE,START,STOP, numbers with commas between; got '5,1'",
        ),
        (
            "--pulses 20,1,25,0,1,9",
            "argument --pulses: must be AMPLITUDE,WIDTH,PERIOD[,START[,COUNT]], numbers with "
            "commas between; got '20,1,25,0,1,9'",
        ),
        ("--step 5,3,1", "argument --step: stop must be at least start, 3.0 (ms); got 1.0."),
        (
            "--duration 1 --noise 1,1,1 --seed -1",
            "seed must be a whole number from 0 to 18446744073709551615; got -1.",
        ),
        (
            "--duration 1 --dt 0.02 --epsc 1e12,1,1",
            "rate must be at most 1000000 events a step (Hz); got 1000000000000.0 at dt 0.02. "
            "Use ornstein_uhlenbeck, which so many add up to.",
        ),
        (
            "--resume run.zarr --dt 0.01 --noise 1,2,3 --gNa 120 --step 1,2,3",
            "--resume continues a run as it was begun, and takes only --duration and --plot; "
            "got --noise, --step, --dt, --gNa",
        ),
        (
            "--resume run.zarr --out more.zarr",
            "--resume continues a run as it was begun, and takes only --duration and --plot; "
            "got --out",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    got = refused(capsys, "simulate", "" if "--out" in arguments else "--plot run.svg", arguments)
    if "got --noise" in message:  # in any order
        assert sorted(got.split()) == sorted(message.split())
    else:
        assert got == message
    assert list(Path().iterdir()) == []


def test_wrong_arguments_create_no_store(capsys):
    given = "--duration 1 --dt 0.02 --epsc 1e99,1,1 --out run.zarr"
    message = refused(capsys, "simulate", given)
    assert message.startswith("rate must be at most 1000000 events a step (Hz)")
    assert list(Path().iterdir()) == []


def test_usage_shows_how_to_begin_and_to_continue(capsys):
    with pytest.raises(SystemExit):
        simulate("--help")
    assert capsys.readouterr().out.startswith(
        "usage: pyhh-fast simulate [--duration TIME] [OPTION...]\n"
        "       pyhh-fast simulate --resume RUN.zarr [--duration TIME] [--plot FILE]\n"
    )


def test_unknown_figure_format_is_refused(capsys):
    message = refused(capsys, "simulate", "--duration 1 --plot run.xyz")
    assert message.startswith("argument --plot: must be a file whose name ends in ")
    assert ".pdf, " in message
    assert message.endswith("; got 'run.xyz'")


@pytest.mark.parametrize("name", ["run.zarr", "run.npz"])
def test_existing_files_are_not_overwritten(name, capsys, monkeypatch):
    monkeypatch.setattr(pyhh.Simulation, "run", None)
    Path(name).write_text("mine")
    other = ", continue it by --resume run.zarr" if name == "run.zarr" else ""
    message = f"{name} exists. Name another file{other}, or remove it."
    assert failed(capsys, "simulate", "--duration 1 --out", name) == message
    assert Path(name).read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", ["--out no/run.zarr", "--out no/run.npz", "--out run.npz --plot no/run.png"]
)
def test_unwritable_files_are_refused_before_the_run(arguments, capsys, monkeypatch):
    monkeypatch.setattr(pyhh.Simulation, "run", None)
    path = arguments.split()[-1]
    message = failed(capsys, "simulate", "--duration 1", arguments)
    assert message == f"cannot write {path}: [Errno 2] No such file or directory: {path!r}"
    assert list(Path().iterdir()) == []


def test_missing_zarr_names_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.delitem(sys.modules, "pyhh_fast.storage.arrays", raising=False)
    monkeypatch.delattr(storage, "arrays", raising=False)
    message = failed(capsys, "simulate", "--duration 1 --out run.zarr")
    assert message == "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"


def test_too_little_memory_is_reported_with_advice(capsys, monkeypatch):
    def run(*_, **__):
        raise MemoryError

    monkeypatch.setattr(pyhh.Simulation, "run", run)
    assert failed(capsys, "simulate", "--duration 1h --out run.npz") == (
        "there is not enough memory for the traces of 360,000,000 steps. Write them to a file "
        "that ends in .zarr, or keep less, by --record, --every and --envelope."
    )


def test_diverging_run_is_written_up_to_its_end(capsys):
    options = "--duration 10 --step -1e5,5,20 --plot run.png"
    for name in ("run.zarr", "run.npz"):
        assert simulate(options, "--out", name) == 1
        out, err = capsys.readouterr()
        assert err.startswith("pyhh-fast simulate: error: the run diverged at step 5")
        assert err.count("\n") == 1
        assert out.endswith(f"data        {name}: Vm, spike times\nfigure      run.png\n")
        assert figure_size("run.png") == (480, 960)
    with np.load("run.npz") as found:
        V = found["Vm"]
    steps = np.isfinite(V).sum()
    assert 500 < steps < 510
    np.testing.assert_array_equal(resume.open_recording("run.zarr").Vm[:500], V[:500])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_full_disks_are_reported(capsys, monkeypatch):
    def save(file, **_):
        Path("/dev/full").write_text("x" * 100_000)

    monkeypatch.setattr(np, "savez", save)
    assert simulate("--duration 1 --out run.npz --plot run.png") == 1
    out, err = capsys.readouterr()
    no_space = "[Errno 28] No space left on device. Free space, or name a file on another disk."
    assert err == f"pyhh-fast simulate: error: cannot write run.npz: {no_space}\n"
    assert out.endswith("figure      run.png\n")
    assert [path.name for path in Path().iterdir()] == ["run.png"]


def test_ctrl_c_before_the_first_step_writes_nothing(capsys, monkeypatch):
    def at_rest(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pyhh.HHModel, "at_rest", at_rest)
    assert simulate("--duration 1s --out run.zarr") == 130
    assert capsys.readouterr() == ("", "pyhh-fast simulate: interrupted\n")
    assert list(Path().iterdir()) == []


def test_every_parameter_of_the_model_is_an_option():
    parser = cli._parser()
    given = parser.parse_args(["simulate", *(f"--{name}=1" for name in PARAMETERS)])
    assert common.parameters_of(given) == dict.fromkeys(PARAMETERS, 1.0)


def test_arguments_of_scripts_are_not_changed(tmp_path, capsys):
    Path("script.py").write_text("import sys; print(sys.argv[1:])")
    code = "from pyhh_fast.cli import main as cli; cli.main(['run', 'script.py', '--x', '-5'])"
    assert python(code, folder=tmp_path) == ("['--x', '-5']\n", "")

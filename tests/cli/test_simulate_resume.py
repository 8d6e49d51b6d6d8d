"""Runs by `pyhh-fast simulate` that are interrupted and resumed."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import failed, figure_size, refused, simulate
from store_files import files, shared

import pyhh_fast as pyhh
from pyhh_fast.cli import common
from pyhh_fast.storage import resume


def test_resumed_run_equals_an_uninterrupted_one(capsys):
    noise = "--noise 8,3,5 --envelope 70 --record Vm,INa"
    assert simulate("--duration 400 --out one.zarr", noise) == 0
    assert simulate("--duration 150 --out two.zarr", noise) == 0
    capsys.readouterr()
    assert simulate("--resume two.zarr --duration .4s --plot two.png") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("steps       40,000 of 0.01 ms, 25,000 of them now, euler\n")
    assert out.endswith(
        "data        two.zarr: Vm, INa, Vm_min, Vm_max, spike times\nfigure      two.png\n"
    )
    assert shared(Path("two.zarr")) == shared(Path("one.zarr"))
    assert figure_size("two.png") == (720, 960)
    assert simulate("--resume two.zarr") == 0
    assert "0 of them now" in capsys.readouterr().out
    assert shared(Path("two.zarr")) == shared(Path("one.zarr"))


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        ("20", "duration must be that of the whole run, 30 ms or more, which are done; got 20."),
        (
            "40.005",
            "duration must be a whole number of steps (ms); got 40.005, which is 4000.5 steps of "
            "0.01. The nearest whole ones are 40 and 40.01.",
        ),
    ],
)
def test_wrong_durations_for_resume_are_refused(duration, message, capsys):
    simulate("--duration 30 --out run.zarr")
    capsys.readouterr()
    before = files(Path("run.zarr"))
    assert refused(capsys, "simulate", "--resume run.zarr --duration", duration) == message
    assert files(Path("run.zarr")) == before


def test_stores_that_cannot_be_resumed_are_reported(capsys):
    message = "'no.zarr' must be a store written by run(..., to=...); got a path where nothing is."
    assert failed(capsys, "simulate", "--resume no.zarr") == message
    model = pyhh.HHModel.at_rest()
    pyhh.Simulation(model).run(np.zeros(500), 0.01, to="array.zarr")
    message = "cannot write no/a.png: [Errno 2] No such file or directory: 'no/a.png'"
    assert failed(capsys, "simulate", "--resume array.zarr --plot no/a.png") == message
    assert failed(capsys, "simulate", "--resume array.zarr") == (
        "stimulus must be given again, because a store does not hold the values of an array or a "
        "function; got None. Pass an array to Simulation.resume(..., stimulus=...)."
    )
    from pyhh_fast.storage.run_store import RunStore

    with RunStore.open("array.zarr"):
        message = "'array.zarr' is being written by another process. Wait for it, or stop it."
        assert failed(capsys, "simulate", "--resume array.zarr") == message


class CommandProcess(subprocess.Popen):
    """The command in a process of its own, whose run has begun when this is created."""

    def __init__(self, arguments):
        code = (
            "import sys; from pyhh_fast.cli import main as cli\n"
            "from pyhh_fast.engine import run_loop\n"
            "make = run_loop.run_steps\n"
            "run_loop.run_steps = lambda *all: (print('ready', flush=True), make(*all))[1]\n"
            "sys.exit(cli.main(['simulate', *sys.argv[1:]]))"
        )
        command = [sys.executable, "-c", code, *shlex.split(arguments)]
        pipe = subprocess.PIPE
        super().__init__(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        assert self.stdout.readline() == "ready\n"

    def interrupted(self):
        self.send_signal(signal.SIGINT)
        out, err = self.communicate(timeout=20)
        assert self.returncode == 130
        return out, err


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_run_resumed_after_ctrl_c_has_the_store_of_an_uninterrupted_one(capsys):
    name = "a run.zarr"
    options = "--constant 9 --noise 0,3,5 --envelope 1000 --every 10"
    with CommandProcess(f"--duration 1h --out '{name}' {options} --plot run.png") as process:
        while not Path(name).is_dir():
            time.sleep(0.01)
        time.sleep(0.5)
        out, err = process.interrupted()
    steps = resume.open_recording(name).steps
    assert 0 < steps < 360_000_000
    *slow, last = err.splitlines()  # preceded by a message on a slow disk
    assert last == (
        f"pyhh-fast simulate: interrupted at {common.shown_time(steps * 0.01)} of 1 h. "
        f"{name} has that much. To continue: pyhh-fast simulate --resume 'a run.zarr'"
    )
    assert all(line.startswith("pyhh_fast: interrupted; the last rows are being") for line in slow)
    assert out.startswith(f"steps       {steps:,} of 0.01 ms, euler\n")
    assert out.endswith(
        f"data        {name}: Vm, Vm_min, Vm_max, spike times\nfigure      run.png\n"
    )
    assert figure_size("run.png")[1] == 960
    duration = (steps + 12_345) * 0.01
    assert simulate("--resume 'a run.zarr' --duration", f"{duration:.2f}") == 0
    assert simulate(f"--duration {duration:.2f} --out whole.zarr", options) == 0
    assert shared(Path(name)) == shared(Path("whole.zarr"))
    # An interrupted resumed run has its figure, too, and can be resumed again.
    with CommandProcess(f"--resume '{name}' --duration 1h --plot again.png") as process:
        while resume.open_recording(name).steps <= steps + 12_345:
            time.sleep(0.01)
        out, err = process.interrupted()
    assert " of 1 h. a run.zarr has that much. To continue: " in err
    assert out.endswith("figure      again.png\n")
    assert figure_size("again.png")[1] == 960


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
@pytest.mark.parametrize(
    ("out", "kept"),
    [
        (
            "--out a.npz --every 100",
            "a.npz has that much; to continue, it would have to be a .zarr.",
        ),
        ("", "Nothing more is kept: for that, and to continue, name a .zarr with --out."),
    ],
)
def test_ctrl_c_without_a_store_says_what_is_kept(out, kept):
    with CommandProcess(f"--duration 10h --constant 10 {out} --plot run.png") as process:
        time.sleep(0.7)
        printed, err = process.interrupted()
    assert err.startswith("pyhh-fast simulate: interrupted at ")
    assert err.endswith(f" of 10 h. {kept}\n")
    assert printed.endswith("figure      run.png\n")
    assert figure_size("run.png") == (480, 960)
    if out:
        with np.load("a.npz") as found:
            steps, V = int(found["steps"]), found["Vm"]
        assert printed.startswith(f"steps       {steps:,} of 0.01 ms")
        model = pyhh.HHModel.at_rest()
        expected = pyhh.Simulation(model).run(
            10, 0.01, duration=steps * 0.01, record=["Vm"], every=100
        )
        np.testing.assert_array_equal(V, expected.Vm)

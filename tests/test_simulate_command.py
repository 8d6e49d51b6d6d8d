"""The command `pyhh-fast simulate`; how it goes on with a run has a file of its own."""

import itertools
import json
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import cli, command_line, run_files, simulate_command, stimuli, stored_runs
from pyhh_fast.models import PARAMETERS
from pyhh_fast.recording import ALL

USAGE = """\
usage: pyhh-fast simulate --duration TIME [OPTION...]
       pyhh-fast simulate --resume RUN.zarr [--duration TIME] [--plot FILE]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def simulate(*arguments):
    words = [word for one in arguments for word in shlex.split(str(one))]
    return cli.main(["simulate", *words])


def refused(capsys, *arguments):
    """Return the error that wrong arguments give, after the usage."""
    with pytest.raises(SystemExit) as caught:
        simulate(*arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{USAGE}pyhh-fast simulate: error: ")
    assert err.count("\n") == 3
    return err.removeprefix(f"{USAGE}pyhh-fast simulate: error: ").rstrip("\n")


def failed(capsys, *arguments):
    """Return the error of what went wrong with files."""
    assert simulate(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pyhh-fast simulate: error: ")
    assert err.count("\n") == 1
    return err.removeprefix("pyhh-fast simulate: error: ").rstrip("\n")


def files(path):
    return {p.relative_to(path): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def figure_size(name):
    return mpl.image.imread(name).shape[:2]


# What it does


def test_a_summary(capsys, monkeypatch):
    clock = itertools.count(0, 0.0123456)
    monkeypatch.setattr(simulate_command.time, "perf_counter", lambda: next(clock))
    assert simulate("--duration 1s --constant 10") == 0
    expected = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10, 0.01, duration=1_000)
    assert expected.spike_times.size == 69
    assert capsys.readouterr() == (
        "steps       100,000 of 0.01 ms, euler\n"
        "model time  1 s\n"
        "wall time   12.3 ms, 8.1 million steps/s, 81 x real time\n"
        "spikes      69, 69 Hz\n",
        "",
    )
    assert list(Path().iterdir()) == []


def test_nothing_is_kept_in_memory_that_is_not_wanted(monkeypatch):
    seen = []
    run = pyhh.Simulation.run

    def watched(self, *arguments, **options):
        seen.append((options["record"], options["envelope"]))
        return run(self, *arguments, **options)

    monkeypatch.setattr(pyhh.Simulation, "run", watched)
    monkeypatch.setattr(simulate_command, "LONG", 20_000)
    simulate("--duration 100 --record all")
    simulate("--duration 200 --plot a.png")
    simulate("--duration 200.01 --plot b.png")
    simulate("--duration 400.02 --plot c.png --every 2 --envelope 20")
    simulate("--duration 200.01 --plot d.png --record INa")
    simulate("--duration 200.01 --out e.npz")
    assert seen == [
        *(((), None), (("Vm",), None), ((), 1_000), ((), 20)),
        *((("INa",), None), (("Vm",), None)),
    ]


def test_every_option_counts():
    parameters = {"Cm": 1.1, "gNa": 130, "gK": 35, "gKleak": 0.25, "ENa": 110, "EK": -11}
    parameters["EKleak"] = 11
    given = [f"--{name} {value}" for name, value in parameters.items()]
    options = "--duration .2s --dt 0.02 --method adaptive --rtol 1e-5 --atol 1e-4 --threshold 30"
    more = "--record Vm,StateM --every 5 --envelope 50 --voltage -3 --constant -2 --step 20,1,1e3"
    assert simulate(options, more, "--out run.npz", *given) == 0
    model = pyhh.HHModel(-3, **parameters)
    expected = pyhh.Simulation(model).run(
        stimuli.constant(-2) + stimuli.step(20, 1, 1e3),
        0.02,
        duration=200,
        method="adaptive",
        rtol=1e-5,
        atol=1e-4,
        threshold=30,
        record=["Vm", "StateM"],
        every=5,
        envelope=50,
    )
    assert expected.spike_times.size > 5
    with np.load("run.npz") as found:
        for name in ("Vm", "StateM", "Vm_min", "Vm_max", "spike_times", "times", "envelope_times"):
            np.testing.assert_array_equal(found[name], getattr(expected, name))
        for name in ("dt", "steps", "every", "envelope", "threshold", "method", "rtol", "atol"):
            assert found[name] == getattr(expected, name)
        assert json.loads(str(found["parameters"])) == parameters
        described = json.loads(str(found["stimulus"]))
        assert stimuli.from_description(described) == expected.stimulus
        assert found["pyhh_fast"] == pyhh.__version__
        assert not {"INa", "current_times"} & set(found)


def test_all_traces_and_none():
    assert simulate("--duration 10 --constant 20 --record all --out all.npz") == 0
    assert simulate("--duration 10 --constant 20 --record none --out none.npz") == 0
    expected = pyhh.Simulation(pyhh.HHModel.at_rest()).run(20, 0.01, duration=10)
    with np.load("all.npz") as found, np.load("none.npz") as none:
        for name in ALL:
            np.testing.assert_array_equal(found[name], getattr(expected, name))
        np.testing.assert_array_equal(found["current_times"], np.arange(1_000) * 0.01)
        assert not {*ALL, "times", "current_times", "envelope"} & set(none)
        np.testing.assert_array_equal(none["spike_times"], expected.spike_times)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", stimuli.constant(0)),
        ("--constant 10", stimuli.constant(10)),
        ("--constant -1e1", stimuli.constant(-10)),
        ("--step -5,70,130", stimuli.step(-5, 70, 130)),
        ("--pulses 20,1,25", stimuli.pulses(20, 1, 25)),
        ("--pulses 20,1,25,5", stimuli.pulses(20, 1, 25, 5)),
        ("--pulses 20,1,25,5,3", stimuli.pulses(20, 1, 25, 5, 3)),
        ("--ramp=0,20,100,900", stimuli.ramp(0, 20, 100, 900)),
        ("--sine 5,10", stimuli.sine(5, 10)),
        ("--sine 5,10,1.5", stimuli.sine(5, 10, 1.5)),
        ("--chirp 5,1,50,1000", stimuli.chirp(5, 1, 50, 1_000)),
        ("--noise 5,2,10", stimuli.ornstein_uhlenbeck(5, 2, 10, 0)),
        ("--epsc 500,3,2 --seed 7", stimuli.poisson_epsc(500, 3, 2, 7)),
        (
            "--seed 3 --noise 5,2,10 --step 1,2,3 --epsc 9,1,2 --noise 5,2,10 --step 4,5,6",
            stimuli.ornstein_uhlenbeck(5, 2, 10, 3)
            + stimuli.step(1, 2, 3)
            + stimuli.poisson_epsc(9, 1, 2, 4)
            + stimuli.ornstein_uhlenbeck(5, 2, 10, 5)
            + stimuli.step(4, 5, 6),
        ),
    ],
)
def test_stimuli_add_up(options, expected):
    assert simulate("--duration 1 --out run.npz", options) == 0
    with np.load("run.npz") as found:
        assert json.loads(str(found["stimulus"])) == expected.description()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90000", 90_000),
        ("250ms", 250),
        ("0.07s", 70),
        ("2min", 120_000),
        ("1.5 h", 5_400_000),
        ("1e-3h", 3_600),
        (" 1h ", 3_600_000),
    ],
)
def test_times(text, time):
    assert command_line.milliseconds(text) == time


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "0 ms"),
        (12.5, "12.5 ms"),
        (1_500, "1.5 s"),
        (59_999.99, "59.99999 s"),
        (60_000, "1 min"),
        (3_720_000, "1 h 2 min"),
        (3_600_010, "1 h 0.01 s"),
        (360_000_000, "100 h"),
    ],
)
def test_times_for_people(time, text):
    assert command_line.shown_time(time) == text


def test_numbers_for_people():
    shown = [run_files._short(number) for number in (0.01234, 12.34, 1_234.5, 999_600, 1.234e9)]
    assert shown == ["0.0123", "12.3", "1,230", "1,000,000", "1,230 million"]


def test_a_store_and_a_figure(capsys):
    mpl.use("svg")
    assert simulate("--duration 300 --constant 12 --out run.zarr --envelope 100 --plot a.png") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[-2:] == [
        "data        run.zarr: Vm, Vm_min, Vm_max, spike times",
        "figure      a.png",
    ]
    found = stored_runs.recorded("run.zarr")
    model = pyhh.HHModel.at_rest()
    expected = pyhh.Simulation(model).run(12, 0.01, duration=300, record=["Vm"], envelope=100)
    for name in ("Vm", "Vm_min", "Vm_max", "times", "spike_times", "stimulus"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert figure_size("a.png") == (480, 960)
    assert mpl.get_backend().lower() == "agg", "it asked for a screen"


def test_no_figure_needs_no_matplotlib():
    code = """
import sys
from pyhh_fast import cli
assert cli.main(["simulate", "--duration", "1"]) == 0
assert "matplotlib" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("tqdm", [True, False])
def test_a_bar_on_a_terminal_where_tqdm_is_installed(tqdm, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    if not tqdm:
        monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    assert simulate("--duration 100 --out run.zarr") == 0
    assert ("10.0k/10.0k" in capsys.readouterr().err) == tqdm
    assert simulate("--resume run.zarr --duration 150") == 0
    err = capsys.readouterr().err
    assert ("15.0k/15.0k" in err) == tqdm
    assert tqdm or err == ""


def test_warnings_are_told_in_a_line_each(capsys):
    assert simulate("--duration 10 --dt 0.1") == 0
    out, err = capsys.readouterr()
    assert out.startswith("steps       100 of 0.1 ms, euler\n")
    assert err == (
        "pyhh-fast simulate: warning: dt is 0.1 ms; steps of 0.05 ms or less are recommended\n"
    )


# What is wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: --duration"),
        (
            "--duration soon",
            "argument --duration: must be a time such as 500 (ms), 90s, 2min or 1.5h; got 'soon'",
        ),
        (
            "--duration 2days",
            "argument --duration: must be a time such as 500 (ms), 90s, 2min or 1.5h; got '2days'",
        ),
        (
            "--duration 1.005",
            "duration must be a whole number of steps (ms); got 1.005, which is 100.5 steps of "
            "0.01. The nearest whole ones are 1 and 1.01.",
        ),
        ("--duration -1s", "duration must be 0 or more (ms); got -1000.0."),
        (
            "--duration 1 --out run.csv",
            "argument --out: must be a file whose name ends in .zarr or .npz; got 'run.csv'",
        ),
        ("--duration 1 --dt 0", "dt must be a positive, finite number (ms); got 0.0."),
        ("--duration 1 --every 0", "every must be a whole number, 1 or more; got 0."),
        ("--duration 1 --envelope -3", "envelope must be a whole number, 1 or more; got -3."),
        ("--duration 1 --rtol 0", "rtol must be a positive, finite number; got 0.0."),
        ("--duration 1 --Cm 0", "Cm must be a positive, finite number (µF/cm²); got 0.0."),
        ("--duration 1 --gNa much", "argument --gNa: invalid float value: 'much'"),
        ("--duration 1 --voltage inf", "startingVoltage must be a finite number (mV); got inf."),
        (
            "--duration 1 --record Vm,Ina2",
            "argument --record: each must be one of IK, IKleak, INa, StateH, StateM, StateN, Vm; "
            "got 'Ina2'. Did you mean INa?",
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
            "--pulses 20,1,25,0,1.5",
            "argument --pulses: count must be a whole number, 0 or more; got 1.5.",
        ),
        (
            "--duration 1 --noise 1,1,1 --seed -1",
            "seed must be a whole number from 0 to 18446744073709551615; got -1.",
        ),
        (
            "--duration 1 --dt 0.02 --pulses 1,.01,.01",
            "dt must be at most the period of the pulses, 0.01 (ms); got 0.02.",
        ),
        (
            "--resume run.zarr --dt 0.01 --noise 1,2,3 --gNa 120 --step 1,2,3",
            "--resume goes on with a run as it was begun, and takes only --duration and --plot; "
            "got --noise, --step, --dt, --gNa",
        ),
        (
            "--resume run.zarr --out more.zarr",
            "--resume goes on with a run as it was begun, and takes only --duration and --plot; "
            "got --out",
        ),
    ],
    ids=str,
)
def test_wrong_arguments(arguments, message, capsys):
    got = refused(capsys, "" if "--out" in arguments else "--plot run.svg", arguments)
    if "got --noise" in message:  # in what order does not matter
        assert sorted(got.split()) == sorted(message.split())
    else:
        assert got == message
    assert list(Path().iterdir()) == []


def test_arguments_that_are_none_of_a_new_store(capsys):
    given = "--duration 1 --dt 0.02 --pulses 1,.01,.01 --out run.zarr"
    message = "dt must be at most the period of the pulses, 0.01 (ms); got 0.02."
    assert refused(capsys, given) == message
    assert list(Path().iterdir()) == []


def test_a_neuron_without_rest(capsys):
    message = refused(capsys, "--duration 1 --EKleak 60")
    assert message.startswith("parameters must have a stable resting potential")


def test_a_figure_that_cannot_be_drawn(capsys):
    message = refused(capsys, "--duration 1 --plot run.xyz")
    assert message.startswith("argument --plot: must be a file whose name ends in ")
    assert ".pdf, " in message
    assert message.endswith("; got 'run.xyz'")


@pytest.mark.parametrize("name", ["run.zarr", "run.npz"])
def test_what_is_there_is_not_overwritten(name, capsys, monkeypatch):
    monkeypatch.setattr(pyhh.Simulation, "run", None)
    Path(name).write_text("mine")
    other = ", go on with it by --resume run.zarr" if name == "run.zarr" else ""
    message = f"{name} exists. Name another file{other}, or remove it."
    assert failed(capsys, "--duration 1 --out", name) == message
    assert Path(name).read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", ["--out no/run.zarr", "--out no/run.npz", "--out run.npz --plot no/run.png"]
)
def test_what_cannot_be_written_is_noticed_before_the_run(arguments, capsys, monkeypatch):
    monkeypatch.setattr(pyhh.Simulation, "run", None)
    path = arguments.split()[-1]
    message = failed(capsys, "--duration 1", arguments)
    assert message == f"cannot write {path}: [Errno 2] No such file or directory: {path!r}"
    assert list(Path().iterdir()) == []


def test_a_store_needs_zarr(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.delitem(sys.modules, "pyhh_fast.store_arrays", raising=False)
    monkeypatch.delattr(pyhh, "store_arrays", raising=False)
    message = failed(capsys, "--duration 1 --out run.zarr")
    assert message == "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"


def test_too_much_for_the_memory(capsys, monkeypatch):
    def run(*_, **__):
        raise MemoryError

    monkeypatch.setattr(pyhh.Simulation, "run", run)
    assert failed(capsys, "--duration 1h --out run.npz") == (
        "there is not enough memory for the traces of 360,000,000 steps. Write them to a file "
        "that ends in .zarr, or keep less, by --record, --every and --envelope."
    )


def test_a_run_that_diverges_is_written_up_to_there(capsys):
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
    np.testing.assert_array_equal(stored_runs.recorded("run.zarr").Vm[:500], V[:500])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_full_disks(capsys, monkeypatch):
    def save(file, **_):
        Path("/dev/full").write_text("x" * 100_000)

    monkeypatch.setattr(np, "savez", save)
    assert simulate("--duration 1 --out run.npz --plot run.png") == 1
    out, err = capsys.readouterr()
    no_space = "[Errno 28] No space left on device"
    assert err == f"pyhh-fast simulate: error: cannot write run.npz: {no_space}\n"
    assert out.endswith("figure      run.png\n")
    assert [path.name for path in Path().iterdir()] == ["run.png"]
    code = "from pyhh_fast import cli; raise SystemExit(cli.main(['simulate', '--duration', '1']))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    error = f"cannot write to standard output: {no_space}"
    assert done.stderr == f"pyhh-fast simulate: error: {error}\n"


def test_ctrl_c_before_the_first_step(capsys, monkeypatch):
    def at_rest(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pyhh.HHModel, "at_rest", at_rest)
    assert simulate("--duration 1s --out run.zarr") == 130
    assert capsys.readouterr() == ("", "pyhh-fast simulate: interrupted\n")
    assert list(Path().iterdir()) == []


def test_the_options_are_those_of_the_model():
    parser = cli._parser()
    given = parser.parse_args(["simulate", *(f"--{name}=1" for name in PARAMETERS)])
    assert command_line.parameters_of(given) == dict.fromkeys(PARAMETERS, 1.0)


def test_arguments_of_scripts_are_left_as_they_are(tmp_path, capsys):
    Path("script.py").write_text("import sys; print(sys.argv[1:])")
    code = "from pyhh_fast import cli; cli.main(['run', 'script.py', '--x', '-5'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['--x', '-5']\n", "")

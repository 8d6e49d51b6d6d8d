"""The command `pyhh-fast simulate`; errors, --resume and starts have files of their own."""

import itertools
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from commands import figure_size, simulate

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.cli import common, summary
from pyhh_fast.cli import simulate as simulate_command
from pyhh_fast.storage import resume
from pyhh_fast.variables import TRACES


def test_summary_is_printed(capsys, monkeypatch):
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


def test_only_requested_traces_are_recorded(monkeypatch):
    recorded = []
    run = pyhh.Simulation.run

    def watched(self, *arguments, **options):
        recorded.append((options["record"], options["envelope"]))
        return run(self, *arguments, **options)

    monkeypatch.setattr(pyhh.Simulation, "run", watched)
    monkeypatch.setattr(simulate_command, "LONG", 20_000)
    simulate("--duration 100 --record all")
    simulate("--duration 200 --plot a.png")
    simulate("--duration 200.01 --plot b.png")
    simulate("--duration 400.02 --plot c.png --every 2 --envelope 20")
    simulate("--duration 400 --plot c.png --every 2")
    simulate("--duration 200.01 --plot d.png --record INa")
    simulate("--duration 200.01 --out e.npz")
    assert recorded == [
        *(((), None), (("Vm",), None), ((), 1_000), ((), 20)),
        *((("Vm",), None), (("INa",), None), (("Vm",), None)),
    ]


def test_every_option_is_used():
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


def test_record_all_and_record_none():
    assert simulate("--duration 10 --constant 20 --record all --out all.npz") == 0
    assert simulate("--duration 10 --constant 20 --record none --out none.npz") == 0
    expected = pyhh.Simulation(pyhh.HHModel.at_rest()).run(20, 0.01, duration=10)
    with np.load("all.npz") as found, np.load("none.npz") as none:
        for name in TRACES:
            np.testing.assert_array_equal(found[name], getattr(expected, name))
        np.testing.assert_array_equal(found["current_times"], np.arange(1_000) * 0.01)
        assert not {*TRACES, "times", "current_times", "envelope"} & set(none)
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
        ("--epsc 500,3,2,0.5 --seed 7", stimuli.poisson_epsc(500, 3, 2, 7, rise=0.5)),
        ("--conductance 0.1,-12", stimuli.conductance(0.1, -12)),
        (
            "--noise-conductance 0.1,0.02,3,60 --conductance 0.1,-12 --epsc 9,1,2 --seed 4",
            stimuli.conductance(stimuli.ornstein_uhlenbeck(0.1, 0.02, 3, 4), 60)
            + stimuli.conductance(0.1, -12)
            + stimuli.poisson_epsc(9, 1, 2, 5),
        ),
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
def test_stimulus_options_are_summed(options, expected):
    assert simulate("--duration 1 --out run.npz", options) == 0
    with np.load("run.npz") as found:
        assert json.loads(str(found["stimulus"])) == expected.description()


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ("--step 5,2,20", 2_000),
        ("--ramp 0,9,1,7.001 --chirp 5,1,50,12", 1_200),
        ("--step 5,2,20 --duration 5", 500),
        ("--step 5,2,20 --sine 1,2 --duration 5", 500),
    ],
)
def test_run_ends_with_its_stimulus(options, steps):
    assert simulate("--out run.npz", options) == 0
    with np.load("run.npz") as found:
        assert found["steps"] == steps


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90000", 90_000),
        ("250ms", 250),
        ("0.07s", 70),
        ("2min", 120_000),
        ("2.01s", 2_010),
        ("1.5 h", 5_400_000),
        ("1e-3h", 3_600),
        (" 1h ", 3_600_000),
    ],
)
def test_times_are_parsed_with_units(text, time):
    assert common.milliseconds(text) == time


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
def test_times_are_shown_with_units(time, text):
    assert common.shown_time(time) == text


def test_numbers_are_shown_with_three_digits():
    shown = [summary._short(number) for number in (0.01234, 12.34, 1_234.5, 999_600, 1.234e9)]
    assert shown == ["0.0123", "12.3", "1,230", "1,000,000", "1,230 million"]


def test_store_and_figure_are_written(capsys):
    mpl.use("svg")
    assert simulate("--duration 300 --constant 12 --out run.zarr --envelope 100 --plot a.png") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[-2:] == [
        "data        run.zarr: Vm, Vm_min, Vm_max, spike times",
        "figure      a.png",
    ]
    found = resume.open_recording("run.zarr")
    model = pyhh.HHModel.at_rest()
    expected = pyhh.Simulation(model).run(12, 0.01, duration=300, record=["Vm"], envelope=100)
    for name in ("Vm", "Vm_min", "Vm_max", "times", "spike_times", "stimulus"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert figure_size("a.png") == (480, 960)
    assert mpl.get_backend().lower() == "agg", "it needs a display"


def test_warnings_are_printed_in_one_line_each(capsys):
    assert simulate("--duration 10 --dt 0.1") == 0
    out, err = capsys.readouterr()
    assert out.startswith("steps       100 of 0.1 ms, euler\n")
    assert err == (
        "pyhh-fast simulate: warning: dt is 0.1 ms; steps of 0.05 ms or less are recommended, or "
        "--method adaptive, which is right at any dt\n"
    )

"""Published neurons on the command line: `pyhh-fast neurons`, and simulate's --neuron and --set."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import command, figure_size, refused, simulate

import pyhh_fast as pyhh
from pyhh_fast import neurons
from pyhh_fast.stimuli import step
from pyhh_fast.storage import resume


def test_neurons_are_listed(capsys):
    assert command("neurons") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split(":")[0] for line in out.splitlines() if line[0] != " "] == neurons.__all__
    assert (
        "pospischil_ib: the bursting cell, whose L current gives the burst and whose M current "
        "ends it.\n"
        "    leak, Na (m^3 h), K (n^4), M (p), L (q^2 r)\n"
        "    Arguments: temperature=36.0\n"
    ) in out
    assert out.endswith("\n    leak, Na (m^3 h), K (n^4)\n")  # without arguments


def test_a_neuron_is_shown_with_its_parameters(capsys):
    assert command("neurons morris_lecar") == 0
    neuron = neurons.morris_lecar()
    assert capsys.readouterr().out == (
        f"{neuron}\n"
        "Arguments: excitability=II\n"
        "Parameters: Cm=20, leak.g=2, leak.E=-60, Ca.g=4.4, Ca.E=120, Ca.shift=-1.2, K.g=8, "
        "K.E=-84, K.shift=2, K.w.speed=0.04\n"
    )


def test_neuron_runs_with_its_stimulus_and_options():
    options = "--neuron pospischil_rs --step 2.6,10,90 --duration 100 --method rk4 --every 5"
    changed = "--set temperature=34 --set M.g=0.05 --set area=20000 --set threshold=-10"
    outputs = "--record Vm,K.n,Na --envelope 50 --out run.npz --plot run.png"
    assert simulate(options, changed, outputs) == 0
    neuron = neurons.pospischil_rs(temperature=34)
    neuron = neuron.replace({"M.g": 0.05, "area": 20_000, "threshold": -10})
    expected = pyhh.Simulation(neuron).run(
        step(2.6, 10, 90),
        0.01,
        duration=100,
        method="rk4",
        every=5,
        record=["Vm", "K.n", "Na"],
        envelope=50,
    )
    assert expected.spike_times.size >= 3
    with np.load("run.npz") as found:
        for name in (*expected.recorded, *expected.enveloped):
            np.testing.assert_array_equal(found[name], expected[name])
        np.testing.assert_array_equal(found["spike_times"], expected.spike_times)
        np.testing.assert_array_equal(found["times"], expected.times)
        np.testing.assert_array_equal(found["current_times"], np.arange(2_000) * 5 * 0.01)
        assert found["threshold"] == -10
        assert found["neuron"] == "pospischil_rs"
        assert json.loads(str(found["parameters"])) == neuron.parameters
    assert figure_size("run.png") == (960, 960)


def test_all_traces_of_a_neuron_are_recorded():
    run = "--neuron morris_lecar --set excitability=I --duration 5 --record all --out run.npz"
    assert simulate(run, "--steady -50") == 0
    expected = pyhh.Simulation(neurons.morris_lecar("I"), Vm=-50).run(0, 0.01, duration=5)
    with np.load("run.npz") as found:
        for name in neurons.morris_lecar().variables:
            np.testing.assert_array_equal(found[name], expected[name])


def test_run_of_a_neuron_is_written_continued_and_drawn(capsys):
    run = "--neuron morris_lecar --set K.g=7.5 --constant 100 --record Vm,K.w,Ca --envelope 500"
    assert simulate(run, "--duration 200 --out run.zarr") == 0
    assert simulate("--resume run.zarr --duration 400 --plot resumed.png") == 0
    assert command("plot run.zarr --from 100 --to 300 -o part.png") == 0
    assert capsys.readouterr().err == ""
    options = {"record": ["Vm", "K.w", "Ca"], "envelope": 500}
    neuron = neurons.morris_lecar().replace({"K.g": 7.5})
    expected = pyhh.Simulation(neuron).run(100, 0.01, duration=400, **options)
    assert expected.spike_times.size >= 3
    found = resume.open_recording("run.zarr")
    for name in (*expected.recorded, *expected.enveloped):
        np.testing.assert_array_equal(found[name], expected[name])
    np.testing.assert_array_equal(found.spike_times, expected.spike_times)
    assert figure_size("resumed.png") == figure_size("part.png") == (960, 960)


def test_spontaneously_firing_neuron_starts_at_its_unstable_equilibrium(capsys):
    assert simulate("--neuron traub_miles --duration 5 --out run.npz") == 0
    assert capsys.readouterr().err == (
        "pyhh-fast simulate: warning: the neuron has no stable resting potential; it starts at "
        "its unstable equilibrium at V = -33.41 mV with steady gates. --steady starts it at "
        "another potential.\n"
    )
    expected = pyhh.Simulation(neurons.traub_miles()).run(0, 0.01, duration=5)
    np.testing.assert_array_equal(np.load("run.npz")["Vm"], expected.Vm)


def test_firing_rates_are_those_of_the_neuron(capsys):
    options = "--neuron connor_stevens --set A.g=40 --from 8 --to 20 --points 4 --duration 500"
    assert command("fi", options) == 0
    neuron = neurons.connor_stevens().replace({"A.g": 40})
    rates = pyhh.fi_curve(neuron, [8, 12, 16, 20], duration=500)
    assert rates[-1] > rates[0] > 0
    rows = capsys.readouterr().out.splitlines()[1:]
    np.testing.assert_allclose([float(row.split(",")[1]) for row in rows], rates, rtol=1e-9)


@pytest.mark.parametrize("name", ["fi", "simulate"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--neuron wang_buzsacki",
            f"argument --neuron: must be one of {', '.join(neurons.__all__)}; got 'wang_buzsacki'. "
            "Did you mean wang_buzsaki?",
        ),
        ("--set Cm=2", "--set goes with --neuron. Give parameters by their options."),
        ("--neuron wang_buzsaki --gNa 40", "--gNa does not go with --neuron. Use --set."),
        (
            "--neuron wang_buzsaki --set Na.g",
            "argument --set: must be PATH=VALUE, as Cm=1.5; got 'Na.g'",
        ),
        (
            "--neuron wang_buzsaki --set Na.gg=3",
            "--set must be one of Cm, K.E, K.g, K.n.speed, K.shift, Na.E, Na.g, Na.h.speed, "
            "Na.shift, area, leak.E, leak.g, threshold; got 'Na.gg'. Did you mean Na.g?",
        ),
        (
            "--neuron wang_buzsaki --set K.n.power=3",
            "--set must be one of Cm, K.E, K.g, K.n.speed, K.shift, Na.E, Na.g, Na.h.speed, "
            "Na.shift, area, leak.E, leak.g, threshold; got 'K.n.power'. power is not a parameter: "
            "declare a neuron for each, with a population of its own.",
        ),
        (
            "--neuron pospischil_fs --set temperature=warm",
            "temperature must be a finite number (°C); got 'warm' (str).",
        ),
        (
            "--neuron pospischil_fs --set Na.g=-1",
            "Na.g must be a finite number, 0 or more (mS/cm²); got -1.0.",
        ),
    ],
)
def test_wrong_neurons_are_refused(name, arguments, message, capsys):
    assert refused(capsys, name, "--duration 1 --plot run.svg", arguments) == message
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--neuron wang_buzsaki --voltage 0", "--voltage does not go with --neuron. Use --steady."),
        (
            "--neuron wang_buzsaki --record Na.n",
            "record must be one of K, K.n, Na, Na.h, Na.m, Vm, leak; got 'Na.n'. Did you mean "
            "Na.m?",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    for output in ("--plot run.svg", ""):
        assert refused(capsys, "simulate", "--duration 1", output, arguments) == message
    assert list(Path().iterdir()) == []

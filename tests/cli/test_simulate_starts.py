"""Initial states of runs of `pyhh-fast simulate`."""

import numpy as np
from commands import refused, simulate

import pyhh_fast as pyhh

SPONTANEOUS = {"gNa": 100, "gK": 5, "EK": -35}
OPTIONS = "--gNa 100 --gK 5 --EK -35"
RUN = "--duration 5 --out run.npz"


def trace_from(model):
    return pyhh.Simulation(model).run(0, 0.01, duration=5).Vm


def test_spontaneously_firing_neuron_starts_at_its_unstable_equilibrium(capsys):
    assert simulate(RUN, OPTIONS) == 0
    assert capsys.readouterr().err == (
        "pyhh-fast simulate: warning: the neuron has no stable resting potential; it starts at "
        "its unstable equilibrium at V = 6.887 mV with steady gates. --steady starts it at another "
        "potential.\n"
    )
    expected = trace_from(pyhh.HHModel.at_rest(unstable="steady", **SPONTANEOUS))
    np.testing.assert_array_equal(np.load("run.npz")["Vm"], expected)


def test_steady_starts_at_any_potential_with_steady_gates(capsys):
    assert simulate(RUN, OPTIONS, "--steady -30") == 0
    assert capsys.readouterr().err == ""
    expected = trace_from(pyhh.HHModel.steady(-30, **SPONTANEOUS))
    np.testing.assert_array_equal(np.load("run.npz")["Vm"], expected)


def test_neuron_without_equilibrium_is_refused(capsys):
    assert refused(capsys, "simulate", RUN, "--gNa 0 --gK 0 --gKleak 0") == (
        "parameters must have an equilibrium; got none. Start at any potential by --steady."
    )


def test_steady_and_voltage_together_are_refused(capsys):
    assert refused(capsys, "simulate", RUN, "--steady 3 --voltage 4") == (
        "--steady and --voltage are two starts. Give one of them."
    )

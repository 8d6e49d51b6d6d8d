"""Analyses of neurons with calcium."""

import numpy as np
from calcium_neurons import bursting, bursting_gates, low_threshold

import pyhh_fast as pyhh
from pyhh_fast.analysis.neuron import NeuronSubject
from pyhh_fast.analysis.swings import is_still, slowest_time_constant


def test_steady_states_have_concentrations_and_time_constants_at_them():
    V = np.array([-70.0, -40.0, 10.0])
    steady = pyhh.steady_state(bursting(), V)
    Ca = bursting().steady_state(V)["Ca"]
    np.testing.assert_array_equal(steady["Ca"].inf, Ca)
    np.testing.assert_array_equal(steady["Ca"].tau, [80, 80, 80])
    gates, _ = bursting_gates(V, Ca)
    names = {"h": "Na.h", "n": "K.n", "s": "CaL.s", "f": "CaL.f", "q": "AHP.q", "m_K": "KCa.m"}
    for name, path in names.items():
        inf, tau = gates[name]
        np.testing.assert_allclose(steady[path].inf, inf, rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(steady[path].tau, tau * np.ones(3), rtol=1e-11)
    assert list(steady) == [*bursting().gates, "Ca"]
    assert (steady["Na.m"].tau == 0).all()
    assert type(pyhh.steady_state(bursting(), -40.0)["Ca"].inf) is float


def test_a_state_is_still_only_where_its_concentration_is():
    neuron = low_threshold()
    subject = NeuronSubject(neuron)
    state = np.repeat(subject.steady(np.array([neuron.rest])), 3)
    state["Ca"] *= [1, 1 + 5e-5, 1 + 3e-4]
    np.testing.assert_array_equal(is_still(subject, state, np.zeros(3)), [True, True, False])


def test_a_pool_may_be_the_slowest():
    slow = low_threshold().replace({"Ca.tau": 3000})
    assert slowest_time_constant(NeuronSubject(slow)) == 3000

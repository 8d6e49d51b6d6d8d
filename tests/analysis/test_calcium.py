"""Analyses of neurons with calcium."""

import numpy as np
import pytest
from calcium_neurons import bursting, bursting_gates, bursting_slopes, low_threshold
from scipy.optimize import brentq

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


def test_runs_start_with_steady_concentrations():
    neuron = low_threshold()
    start = NeuronSubject(neuron).started("rest", None).start
    assert {name: start[name][0] for name in start.dtype.names[1:]} == neuron.steady_state(
        neuron.rest
    )
    assert NeuronSubject(neuron).simulation_at(start[0])._state.concentrations == {
        "Ca": start["Ca"][0]
    }


def test_a_pool_may_be_the_slowest():
    slow = low_threshold().replace({"Ca.tau": 3000})
    assert slowest_time_constant(NeuronSubject(slow)) == 3000


# Phase planes.


def at_rest_of_bursting():
    """Return a neuron with a stable rest, whose pool is slow, and its equilibrium."""
    neuron = bursting().replace({"leak.E": -70})
    plane = pyhh.phase_plane(neuron, y="Ca", duration=5)
    return neuron, plane


def test_the_plane_of_V_and_calcium_has_the_papers_nullclines():
    neuron, plane = at_rest_of_bursting()
    V_line, Ca_line = plane.x_nullcline, plane.y_nullcline
    # The gate q is slower than the pool at this rest, and is held; all others follow V and Ca.
    assert list(plane.held) == ["AHP.q"]
    q = plane.held["AHP.q"]

    def dVdt(V, Ca):
        gates, _ = bursting_gates(V, Ca)
        state = [V, *(gates[k][0] for k in ("h", "n", "s", "f")), q, gates["m_K"][0], Ca]
        return bursting_slopes(state, -0.1 * (-60 - -70))[0]  # of the leak at -70 mV

    found = V_line.T[np.isfinite(V_line[1])]
    assert len(found) > 30
    for V, Ca in found:
        assert dVdt(V, Ca * (1 - 1e-7)) * dVdt(V, Ca * (1 + 1e-7)) <= 0
    for V, Ca in Ca_line.T[::97]:
        gates, _ = bursting_gates(V, Ca)
        state = [V, *(gates[k][0] for k in ("h", "n", "s", "f", "q", "m_K")), Ca]
        assert bursting_slopes(state)[-1] == pytest.approx(0, abs=1e-14)
    V, Ca = plane.steady
    assert V == pytest.approx(neuron.rest, abs=1e-9)
    assert Ca == neuron.steady_state(V)["Ca"]
    assert plane.stable
    assert np.interp(V, *Ca_line) == pytest.approx(Ca, rel=1e-4)


def test_a_pool_that_is_held_does_not_follow_V():
    neuron = bursting().replace({"leak.E": -70})
    plane = pyhh.phase_plane(neuron, y="AHP.q", held=["Ca"], duration=5)
    Ca = plane.held["Ca"]
    assert Ca == neuron.steady_state(neuron.rest)["Ca"]
    inf = 48 * Ca**2 / (48 * Ca**2 + 0.003)
    np.testing.assert_allclose(plane.y_nullcline[1], inf, rtol=1e-11)
    free = pyhh.phase_plane(neuron, y="AHP.q", held=[], duration=5)
    exact = neuron.steady_state(free.y_nullcline[0])["AHP.q"]
    np.testing.assert_array_equal(free.y_nullcline[1], exact)
    # Where f is held, less calcium comes in, and all that follows it is less.
    held = pyhh.phase_plane(neuron, y="AHP.q", held=["CaL.f"], duration=5)
    f = held.held["CaL.f"]
    V = -20.0
    i = int(np.argmin(np.abs(held.y_nullcline[0] - V)))
    V = held.y_nullcline[0][i]
    gates, _ = bursting_gates(V, 1e-3)

    def inflow(Ca):
        state = [V, 0, 0, gates["s"][0], f, 0, 0, Ca]
        return bursting_slopes(state)[-1]

    Ca = brentq(inflow, 1e-4, 10, xtol=1e-18)
    assert held.y_nullcline[1][i] == pytest.approx(48 * Ca**2 / (48 * Ca**2 + 0.003), rel=1e-9)


def test_a_plane_without_V_has_curves_where_calcium_counts():
    neuron = bursting().replace({"leak.E": -70})
    plane = pyhh.phase_plane(neuron, x="Ca", y="AHP.q", duration=5)
    Ca, q = plane.y_nullcline
    np.testing.assert_allclose(q, 48 * Ca**2 / (48 * Ca**2 + 0.003), rtol=1e-10)
    Ca, q = plane.x_nullcline  # which does not depend on q
    np.testing.assert_allclose(Ca, neuron.steady_state(neuron.rest)["Ca"], rtol=1e-12)
    np.testing.assert_array_equal(q, np.linspace(0, 1, q.size))
    assert plane.held == {"Vm": neuron.rest}
    other = pyhh.phase_plane(neuron, x="AHP.q", y="Ca", duration=5)
    np.testing.assert_array_equal(other.x_nullcline[::-1], plane.y_nullcline)


# Runs.


def test_firing_rates_and_thresholds_are_those_of_runs():
    neuron = bursting().replace({"leak.E": -70, "Ca.tau": 20})
    curve = pyhh.fi_curve(neuron, [0.0, 3.0], duration=1000)
    run = pyhh.Simulation(neuron).run(3.0, 0.025, duration=6000, method="adaptive")
    late = np.diff(run.spike_times[run.spike_times > 3000])
    assert curve[0] == 0
    assert curve[1] == pytest.approx(1000 / late.mean(), rel=2e-3)
    threshold = pyhh.rheobase(neuron)
    for factor, spikes in ((0.99, False), (1.01, True)):
        run = pyhh.Simulation(neuron).run(factor * threshold, 0.05, duration=500, method="adaptive")
        assert bool(run.spike_times.size) == spikes


def test_cells_have_the_bits_of_each_neuron_with_its_numbers():
    neuron = low_threshold()
    values = {
        "Ca.tau": [5.0, 50.0, 5.0],
        "Ca.gain": [5e-5, 1e-4, 3e-5],
        "Ca.rest": [2.4e-4, 1e-4, 2e-4],
        "T.E.outside": [2.0, 3.0, 1.5],
        "T.E.celsius": [36.0, 30.0, 24.0],
    }
    cells = pyhh.Population.from_model(neuron, 3, values)
    found = cells.run(0.1, 0.02, duration=300, method="rk4", record=["Vm", "Ca"])
    for i in range(3):
        own = neuron.replace({path: column[i] for path, column in values.items()})
        alone = pyhh.Simulation(own).run(0.1, 0.02, duration=300, method="rk4")
        np.testing.assert_allclose(found["Ca"][i], alone["Ca"], rtol=1e-11)
        np.testing.assert_allclose(found["Vm"][i], alone["Vm"], rtol=0, atol=1e-9)

"""Phase planes of any two variables, against the papers' equations. Units: mV, ms, µA/cm²."""

import numpy as np
import pytest
from declared_neurons import hodgkin_huxley
from error_messages import raises
from neuron_papers import hodgkin_huxley as hodgkin_huxley_paper
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

import pyhh_fast as pyhh
from pyhh_fast.analysis.variable_plane import PLANE_POINTS
from pyhh_fast.neurons import wang_buzsaki

NEURON = pyhh.neurons.hodgkin_huxley()
GATES, CURRENT = hodgkin_huxley_paper()


def steady_gates(V):
    return [inf for inf, _ in GATES(V)]


STEADY = brentq(lambda V: 10 - CURRENT(V, *steady_gates(V)), -70, -50, xtol=1e-13)


@pytest.mark.parametrize(
    ("held", "gates_held"), [(None, {"Na.h"}), (["Na.h", "Na.m"], {"Na.h", "Na.m"}), ([], set())]
)
def test_nullclines_are_those_of_the_papers_equations(held, gates_held):
    # At the steady state h is slower than n, and m faster.
    plane = pyhh.phase_plane(NEURON, 10.0, y="K.n", held=held)
    assert (plane.x, plane.y) == ("Vm", "K.n")
    at_steady = dict(zip(("Na.m", "Na.h", "K.n"), steady_gates(STEADY), strict=True))
    np.testing.assert_allclose(plane.steady, [STEADY, at_steady["K.n"]], rtol=0, atol=1e-8)
    assert plane.held == pytest.approx({path: at_steady[path] for path in gates_held}, abs=1e-9)
    V, of_V = plane.x_nullcline
    np.testing.assert_array_equal(V, plane.y_nullcline[0])
    assert V.shape == (PLANE_POINTS,)
    assert 200 < np.isfinite(of_V).sum() < PLANE_POINTS
    for v, n, of_n in zip(V[::7], of_V[::7], plane.y_nullcline[1, ::7], strict=True):
        gates = dict(zip(("Na.m", "Na.h", "K.n"), steady_gates(v), strict=True))
        assert of_n == pytest.approx(gates["K.n"], rel=1e-10)
        m, h, _ = (gates | {path: at_steady[path] for path in gates_held}).values()

        def net_current(n, v=v, m=m, h=h):
            return 10 - CURRENT(v, m, h, n)

        crosses = net_current(0) * net_current(1) < 0
        assert np.isfinite(n) == crosses
        if crosses:
            assert n == pytest.approx(brentq(net_current, 0, 1, xtol=1e-14), abs=1e-9)


def test_nullclines_cross_at_the_steady_state_of_any_gate():
    for path in NEURON.gates:
        plane = pyhh.phase_plane(NEURON, 10.0, y=path)
        for nullcline in (plane.x_nullcline, plane.y_nullcline):
            curve = CubicSpline(*nullcline[:, np.isfinite(nullcline[1])])
            assert curve(plane.steady[0]) == pytest.approx(plane.steady[1], abs=1e-6)


def test_axes_may_be_exchanged():
    plane = pyhh.phase_plane(NEURON, 10.0, y="K.n", duration=5)
    other = pyhh.phase_plane(NEURON, 10.0, x="K.n", y="Vm", duration=5)
    assert (other.x, other.y) == ("K.n", "Vm")
    np.testing.assert_array_equal(other.x_nullcline, plane.y_nullcline[::-1])
    np.testing.assert_array_equal(other.y_nullcline, plane.x_nullcline[::-1])
    np.testing.assert_array_equal(other.trajectory, plane.trajectory[::-1])
    np.testing.assert_array_equal(other.steady, plane.steady[::-1])


def test_plane_of_two_gates_holds_V():
    plane = pyhh.phase_plane(NEURON, 10.0, x="Na.h", y="K.n", duration=5, Vm=-50)
    assert plane.held == {"Vm": pytest.approx(STEADY, abs=1e-8)}
    _, h, n = steady_gates(STEADY)
    np.testing.assert_allclose(plane.steady, [h, n], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(plane.x_nullcline[0], plane.steady[0])
    np.testing.assert_array_equal(plane.y_nullcline[1], plane.steady[1])
    for along in (plane.x_nullcline[1], plane.y_nullcline[0]):
        np.testing.assert_allclose(along, np.linspace(0, 1, PLANE_POINTS), rtol=1e-12)


def test_trajectory_is_a_run_from_rest_or_Vm():
    for start in ({}, {"Vm": -50.0}):
        simulation = pyhh.Simulation(NEURON, **start)
        V, h = simulation.Vm, simulation.gates["Na.h"]
        run = simulation.run(10.0, 0.01, duration=20, method="adaptive")
        plane = pyhh.phase_plane(NEURON, 10.0, y="Na.h", duration=20, **start)
        np.testing.assert_array_equal(plane.trajectory[0], [V, *run["Vm"]])
        np.testing.assert_array_equal(plane.trajectory[1], [h, *run["Na.h"]])


def test_plane_of_a_model_is_that_of_its_channels():
    of_model = pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0, x="StateH", y="Vm", method="rk4")
    declared = pyhh.phase_plane(hodgkin_huxley(), 10.0, x="Na.h", y="Vm", method="rk4")
    for found, expected in zip(of_model[2:6], declared[2:6], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_instantaneous_gate_is_at_its_nullcline():
    plane = pyhh.phase_plane(wang_buzsaki(), 1.0, y="Na.m", duration=20)
    assert list(plane.held) == ["Na.h", "K.n"]  # slower than what is at once
    V, m = plane.trajectory
    np.testing.assert_allclose(m, np.interp(V, *plane.y_nullcline), rtol=0, atol=2e-5)


def test_nullclines_end_with_the_tables():
    plane = pyhh.phase_plane(NEURON, 90.0, y="K.n", Vm=299, duration=1)
    assert plane.x_nullcline[0][-1] == 300


def test_steady_state_nearest_rest_is_chosen():
    plane = pyhh.phase_plane(wang_buzsaki(), y="K.n", duration=1)  # of three
    assert plane.steady[0] == wang_buzsaki().rest


def test_a_current_without_steady_state_is_refused():
    message = (
        "current must leave the neuron a steady state (µA/cm²); got 100000.0, and none from -300 "
        "to 300 mV."
    )
    with raises(ValueError, message):
        pyhh.phase_plane(NEURON, 1e5, y="K.n")


def test_trajectory_beyond_the_tables_ends_in_nan_and_warns():
    strong = NEURON.replace({"Na.g": 1e4, "Na.E": 400})
    with pytest.warns(UserWarning, match="^the neuron diverged, and the trajectory is NaN from"):
        plane = pyhh.phase_plane(strong, 0.0, y="K.n", Vm=-30)
    assert np.isnan(plane.trajectory[:, -1]).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({}, TypeError, "y must be given, one of Vm, Na.m, Na.h, K.n; got None. Pass y='K.n'."),
        (
            {"y": "n"},
            ValueError,
            "y must be one of K.n, Na.h, Na.m, Vm; got 'n'. Did you mean K.n?",
        ),
        ({"y": "Vm"}, ValueError, "y must differ from x; got 'Vm' for both."),
        ({"y": "K.n", "held": ["K.n"]}, ValueError, "held must be one of Na.h, Na.m; got 'K.n'."),
        (
            {"x": "Na.h", "y": "K.n", "held": ["Na.m"]},
            ValueError,
            "held must be left out where neither axis is Vm, on which alone gates depend; got "
            "['Na.m'].",
        ),
        ({"y": "K.n", "Vm": "x"}, TypeError, "Vm must be a finite number (mV); got 'x' (str)."),
        (
            {"model": pyhh.HHModel(), "Vm": 5},
            TypeError,
            "Vm must be left out for a model, which has its own state; got 5. Set model.Vm, or use "
            "HHModel.steady.",
        ),
        (
            {"model": pyhh.HHModel(), "x": "StateH"},
            TypeError,
            "y must be given, one of Vm, StateM, StateH, StateN; got None. Pass y='StateN'.",
        ),
        (
            {"model": pyhh.HHModel(), "x": np.void(b"1")},
            TypeError,
            "x must be one of Vm, StateM, StateH, StateN; got b'\\x31'.",
        ),
    ],
    ids=str,
)
def test_variables_that_cannot_be_drawn_are_refused(arguments, kind, message):
    with raises(kind, message):
        pyhh.phase_plane(**{"model": NEURON, **arguments})


@pytest.mark.parametrize("y", ["K.n", "Na.h"])
def test_steady_state_is_stable_below_the_Hopf_bifurcation(y):
    # Of HH52 at 9.780 µA/cm² (Rinzel and Miller, 1980).
    for current, stable in ((9.77, True), (9.79, False)):
        plane = pyhh.phase_plane(NEURON, current, y=y, duration=12.3)
        assert (plane.stable, plane.duration) == (stable, 12.3)
    assert pyhh.phase_plane(NEURON, 9.77, x="Na.h", y="K.n").stable
    plane = pyhh.phase_plane(pyhh.HHModel(), 9.77, duration=12.3)
    assert (plane.stable, plane.duration) == (True, 12.3)
    assert not pyhh.phase_plane(pyhh.HHModel(), 9.79).stable

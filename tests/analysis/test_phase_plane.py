"""steady_state and phase_plane against `reference.py`. Units: mV, ms, µA/cm²."""

import copy
import re

import numpy as np
import pytest
import reference
from scipy.optimize import brentq
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast.analysis.variable_plane import PLANE_POINTS


class Textbook(pyhh.HHModel):
    """The formulas as printed: 0/0 at 10 and 25 mV, and for scalars only."""

    def _UpdateGateTimeConstants(self, Vm):
        Vm = np.float64(float(Vm))
        self.n.alpha = 0.01 * (10 - Vm) / (np.exp((10 - Vm) / 10) - 1)
        self.n.beta = 0.125 * np.exp(-Vm / 80)
        self.m.alpha = 0.1 * (25 - Vm) / (np.exp((25 - Vm) / 10) - 1)
        self.m.beta = 4 * np.exp(-Vm / 18)
        self.h.alpha = 0.07 * np.exp(-Vm / 20)
        self.h.beta = 1 / (np.exp((30 - Vm) / 10) + 1)


@pytest.mark.parametrize("kind", [pyhh.HHModel, Textbook])
def test_steady_states_match_the_reference(kind):
    V = np.array([-200, -65.5, 0, 9.99, 10, 25, 50, 115, 300.0])  # 0/0 at 10 and 25
    steady = pyhh.steady_state(kind(-30.0), V)
    for gate in "mhn":
        rates = [reference.rates(v)._asdict() for v in V]
        alpha = np.array([r[f"alpha_{gate}"] for r in rates])
        beta = np.array([r[f"beta_{gate}"] for r in rates])
        np.testing.assert_allclose(getattr(steady, gate), alpha / (alpha + beta), rtol=1e-9)
        np.testing.assert_allclose(getattr(steady, f"tau_{gate}"), 1 / (alpha + beta), rtol=1e-9)


def test_steady_states_of_custom_kinetics():
    V = np.linspace(-50, 100, 7)
    plain, scaled = pyhh.steady_state(pyhh.HHModel(), V), pyhh.steady_state(Warm(), V)
    np.testing.assert_allclose(scaled[:3], plain[:3], rtol=1e-12)
    np.testing.assert_allclose(scaled[3:], np.array(plain[3:]) / 2, rtol=1e-12)


def test_steady_states_have_the_shape_of_V():
    V = np.linspace(-50, 100, 6)
    whole = pyhh.steady_state(pyhh.HHModel(), V)
    square = pyhh.steady_state(pyhh.HHModel(), V.reshape(2, 3))
    one = pyhh.steady_state(pyhh.HHModel(), V[1])
    for values, rows, value in zip(whole, square, one, strict=True):
        assert values.shape == (6,)
        np.testing.assert_array_equal(rows, values.reshape(2, 3))
        assert isinstance(value, float)
        assert value == values[1]


def test_steady_states_at_extreme_potentials_are_finite():
    steady = pyhh.steady_state(pyhh.HHModel(), [-1e5, 1e5])
    np.testing.assert_array_equal([steady.m, steady.h, steady.n], [[0, 1], [1, 0], [0, 1]])
    assert np.isfinite(steady).all()


@pytest.mark.parametrize("current", [-5.0, 0.0, 10.0, 160.0])  # c from 1.02 to 0.72
def test_phase_plane_matches_the_reference(current):
    plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), current)
    parameters = reference.Parameters()
    steady = reference.equilibrium(parameters, current)
    assert plane.steady_V == pytest.approx(steady.V, abs=1e-9)
    assert plane.steady_n == pytest.approx(steady.n, abs=1e-9)
    assert plane.c == pytest.approx(steady.h + steady.n, abs=1e-9)

    def membrane_current(V, n):
        state = reference.steady(V)._replace(h=steady.h + steady.n - n, n=n)
        return current - sum(reference.currents(parameters, state))

    assert plane.V.shape == plane.V_nullcline.shape == plane.n_nullcline.shape == (PLANE_POINTS,)
    low, high = max(0.0, plane.c - 1), min(1.0, plane.c)
    for V, n in zip(plane.V, plane.V_nullcline, strict=True):
        there = membrane_current(V, low) * membrane_current(V, high) < 0
        assert np.isnan(n) != there
        if there:
            root = brentq(lambda n, V=V: membrane_current(V, n), low, high, xtol=1e-14)
            assert n == pytest.approx(root, abs=1e-12)
    assert 50 < np.isfinite(plane.V_nullcline).sum() < PLANE_POINTS
    np.testing.assert_allclose(
        plane.n_nullcline, [reference.steady(V).n for V in plane.V], rtol=1e-12
    )


def test_nullclines_cross_at_the_steady_state():
    plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0)
    for nullcline in (plane.V_nullcline, plane.n_nullcline):
        there = np.interp(plane.steady_V, plane.V, nullcline)
        assert there == pytest.approx(plane.steady_n, abs=1e-5)


@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
def test_trajectory_is_a_run_from_the_state_of_the_model(kind):
    model = kind(4.0)
    run = pyhh.Simulation(copy.deepcopy(model)).run(20.0, 0.02, duration=30.0, method="rk4")
    plane = pyhh.phase_plane(model, 20.0, duration=30.0, dt=0.02, method="rk4")
    V, n = np.append(4.0, run.Vm), np.append(model.n.state, run.StateN)
    np.testing.assert_allclose(plane.trajectory_V, V, rtol=0, atol=1e-8)
    np.testing.assert_allclose(plane.trajectory_n, n, rtol=0, atol=1e-10)
    assert plane.V[0] < V.min() < V.max() < plane.V[-1]


def test_nullclines_do_not_depend_on_the_speed_of_gates():
    plain = pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0, duration=1.0)
    scaled = pyhh.phase_plane(Warm.at_rest(), 10.0, duration=1.0)
    assert scaled.steady_V == pytest.approx(plain.steady_V, abs=1e-9)
    np.testing.assert_allclose(scaled.V_nullcline, plain.V_nullcline, rtol=0, atol=1e-9)


def test_steady_state_may_be_strongly_hyperpolarised():
    # So far hyperpolarised that only the leak conducts.
    plane = pyhh.phase_plane(
        pyhh.HHModel.at_rest(), -100.0, duration=10.0, method="exponential_euler"
    )
    assert plane.steady_V == pytest.approx(10.6 - 100 / 0.3, abs=0.1)
    assert plane.V[0] == pytest.approx(plane.steady_V - 5)


def test_nullclines_cover_the_trajectory():
    plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), 1500.0, duration=5.0)
    assert plane.trajectory_V.max() > 150
    assert plane.V[-1] == plane.trajectory_V.max() + 5


def test_steady_state_nearest_0_is_chosen():
    model = pyhh.HHModel(gNa=100, gK=0, gKleak=1, EKleak=-20)  # rest, threshold and plateau
    V = np.linspace(-30, 120, 15_001)
    steady = pyhh.steady_state(model, V)
    membrane_current = -100 * steady.m**3 * steady.h * (V - 115) - (V + 20)
    zeros = V[:-1][np.diff(np.sign(membrane_current)) != 0]
    assert zeros.size == 3
    assert pyhh.phase_plane(model).steady_V == pytest.approx(zeros[1], abs=0.01)


@pytest.mark.filterwarnings("ignore:.*are recommended:UserWarning")
def test_diverging_trajectory_ends_in_nan_and_warns():
    message = (
        "the model diverged, and the trajectory is NaN from there on. "
        "Use a smaller dt, or method='adaptive'."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), 20.0, dt=0.1, method="euler")
    assert "diverged" in str(caught[-1].message)
    assert caught[-1].filename == __file__
    assert np.isnan(plane.trajectory_V[-1])
    assert np.isfinite(plane.V).all()

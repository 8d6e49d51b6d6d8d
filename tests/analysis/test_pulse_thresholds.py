"""rheobase and strength_duration against slow references.

Units: mV, ms, µA/cm². Where no source is named, the reference is a `Simulation` for each run.
"""

import copy
import re

import numpy as np
import pytest
from scipy.optimize import brentq
from sweep_models import Warm

import pyhh_fast as pyhh


def fires(model, current, duration, wait=20.0, dt=0.01, threshold=50.0):
    pulse, after = round(duration / dt), round(wait / dt)
    stimulus = np.repeat([current, 0.0], [pulse, after])
    simulation = pyhh.Simulation(copy.deepcopy(model))
    return simulation.run(stimulus, dt, threshold=threshold, record=()).spike_times.size > 0


def test_published_rheobase():
    # Between 2.20 and 2.25 by `test_method_figures`.
    assert 2.20 < pyhh.rheobase(pyhh.HHModel.at_rest()) < 2.25


@pytest.mark.filterwarnings("ignore:after a pulse of 2 ms the model fires later")
@pytest.mark.parametrize("wait", [0.0, 20.0])
def test_thresholds_equal_those_of_single_runs(wait):
    model = pyhh.HHModel.at_rest(gK=30)
    durations = [2.0, 0.01, 7.5, 50.0, *np.arange(1, 9) / 10]
    found = pyhh.strength_duration(model, durations, wait=wait, method="euler")
    for duration, current in zip(durations, found, strict=True):
        assert fires(model, current * (1 + 1e-9), duration, wait)
        assert not fires(model, current * (1 - 1.1e-6), duration, wait)


def test_threshold_of_a_one_step_pulse_equals_a_displacement():
    model = pyhh.HHModel.at_rest(Cm=2.0)

    def peak_above_50(displacement):
        moved = copy.deepcopy(model)
        moved.Vm += displacement
        return pyhh.Simulation(moved).run(0.0, 0.01, duration=20.0).Vm.max() - 50

    displacement = brentq(peak_above_50, 5, 10, xtol=1e-9)
    current = pyhh.strength_duration(model, 0.01, method="euler")
    # At rest one Euler step moves V and nothing else (its own rest is right to 1e-12).
    assert current * 0.01 / 2.0 == pytest.approx(displacement, rel=3e-6)


def test_thresholds_scale_with_membrane_area():
    model = pyhh.HHModel.at_rest()
    larger = pyhh.HHModel.at_rest(Cm=4, gNa=480, gK=144, gKleak=1.2)
    durations = [0.1, 1, 10]
    expected = 4 * pyhh.strength_duration(model, durations)
    np.testing.assert_allclose(pyhh.strength_duration(larger, durations), expected, rtol=2e-6)


def test_thresholds_of_custom_kinetics():
    durations = np.array([0.5, 2.0, 20.0])
    fast = pyhh.strength_duration(Warm.at_rest(Cm=0.5), durations / 2, wait=10.0, dt=0.005)
    slow = pyhh.strength_duration(pyhh.HHModel.at_rest(), durations)
    np.testing.assert_allclose(fast, slow, rtol=2e-6)


@pytest.mark.filterwarnings("ignore:the model makes no spike")
def test_pulse_of_a_billionth_of_a_step_has_its_charge():
    model, durations = pyhh.HHModel.at_rest(), [1e-8, 1e-7, 10]  # of one step, or one whole step
    with pytest.warns(UserWarning, match=r"^dt is 10 ms;"):
        found = pyhh.strength_duration(model, durations, dt=10, threshold=0.1)
    np.testing.assert_allclose(found * durations, found[2] * 10, rtol=3e-6)


def test_thresholds_have_the_shape_of_the_durations():
    model = pyhh.HHModel.at_rest()
    whole = pyhh.strength_duration(model, [1, 5, 1, 0.5])
    assert whole[0] == whole[2]
    assert whole[3] > whole[0] > whole[1]
    one = pyhh.strength_duration(model, 5)
    assert isinstance(one, float)
    assert one == whole[1]
    assert pyhh.rheobase(model, 5) == one
    square = pyhh.strength_duration(model, [[1, 5], [1, 0.5]])
    np.testing.assert_array_equal(square, whole.reshape(2, 2))
    assert pyhh.strength_duration(model, []).shape == (0,)


def test_thresholds_with_another_method_and_spike_threshold():
    model = pyhh.HHModel.at_rest()
    coarse = pyhh.rheobase(model, 20.0, dt=0.02, method="rk4")
    fine = pyhh.rheobase(model, 20.0, dt=0.01, method="rk4")
    assert coarse == pytest.approx(fine, rel=1e-5)
    assert fine != pytest.approx(pyhh.rheobase(model, 20.0, method="euler"), rel=1e-5)
    with pytest.warns(UserWarning, match="^the model makes no spike at 0.5629 µA/cm² for 20 ms"):
        assert pyhh.rheobase(model, 20.0, threshold=1.0) < fine / 2


def test_tiny_thresholds_are_found():
    model = pyhh.HHModel.at_rest()
    model.Vm += 6.4985  # 6.4987 is enough
    found = pyhh.rheobase(model, 5.0, method="euler", start="model")
    assert 1e-4 < found < 2e-4
    assert fires(model, found, 5.0)
    assert not fires(model, found - 2e-9, 5.0)


def test_model_that_fires_without_current_has_threshold_0():
    model = pyhh.HHModel.at_rest()
    model.Vm = 20.0
    assert fires(model, 0.0, 10.0)
    assert pyhh.rheobase(model, 10.0, start="model") == 0
    found = pyhh.strength_duration(model, [0.1, 10], start="model")
    np.testing.assert_array_equal(found, [0, 0])


def test_model_that_never_fires_has_an_infinite_threshold():
    # In a step of 0.01 ms even 1e9 µA/cm² gets V only to 1e7 mV.
    how = {"wait": 0, "method": "exponential_euler"}
    found = pyhh.strength_duration(pyhh.HHModel.at_rest(), [0.01, 0.02], threshold=1e9, **how)
    np.testing.assert_array_equal(found, [np.inf, np.inf])


def test_thresholds_of_a_diverging_model_are_nan_and_warn():
    model = pyhh.HHModel.at_rest()
    model.Vm = -150.0
    advice = "Use method='adaptive', whose steps follow the fastest rate."
    how = {"method": "euler", "start": "model"}
    message = f"the model diverged before it fired, and the rheobase is NaN. {advice}"
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        assert np.isnan(pyhh.rheobase(model, 1.0, **how))
    assert caught[0].filename == __file__
    message = (
        f"for some durations the model diverged before it fired, and the current is NaN. {advice}"
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        found = pyhh.strength_duration(model, [1.0, 2.0], **how)
    assert caught[0].filename == __file__
    assert np.isnan(found).all()
    right = pyhh.rheobase(model, 1.0, method="adaptive", start="model")
    assert np.isfinite(right)
    assert pyhh.rheobase(model, 1.0, start="model") == pytest.approx(right, rel=1e-3)

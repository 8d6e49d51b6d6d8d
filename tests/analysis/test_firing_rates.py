"""fi_curve against slow references.

Units: mV, ms, µA/cm². Where no source is named, the reference is a `Simulation` for each run.
"""

import copy
import re
from itertools import pairwise

import numpy as np
import pytest
from sweep_models import Warm

import pyhh_fast as pyhh


def spikes_of(model, stimulus, **options):
    return pyhh.Simulation(copy.deepcopy(model)).run(stimulus, 0.01, **options).spike_times


def rate_of(spikes, duration):
    """Return the rate as fi_curve's docstring defines it, for one cell, in a loop."""
    late = [time for time in spikes if time >= duration / 2]
    if len(late) < 4 or duration - late[-1] > 2 * (late[-1] - late[-2]):
        return 0.0
    intervals = [after - before for before, after in pairwise(late)]
    return 1000 / (sum(intervals) / len(intervals))


def test_published_onset_of_repetitive_firing():
    # The limit cycle ends at 6.2649.
    rates = pyhh.fi_curve(pyhh.HHModel.at_rest(), [6.25, 6.263, 6.267, 6.30], duration=2000.0)
    assert rates[:2].tolist() == [0, 0]
    assert (rates[2:] > 50).all()


@pytest.mark.parametrize("end", [160.0, 170.0])
def test_rates_equal_those_of_single_runs(end):
    model = pyhh.HHModel.at_rest()
    currents = np.array([-5, 0, 2.25, 5, 6.2, 6.215, 6.22, 7, 10, 60, 150, 200.0])
    spikes = [spikes_of(model, current, duration=end, record=()) for current in currents]
    slow = [rate_of(times, end) for times in spikes]
    late = [np.count_nonzero(times >= end / 2) for times in spikes]
    # Under 6.215 two late spikes, or one, and silence; under 6.22 a gap of 1.9 intervals, or 2.4.
    # Both are continued: below 6.23, the onset by this method, firing ends.
    assert any(n >= 2 and rate == 0 for n, rate in zip(late, slow, strict=True))
    assert (1 in late) == (end == 170)
    slow[-2] = 167.8  # of a subthreshold oscillation, as by exponential Euler
    with pytest.warns(UserWarning, match="^under 1 of the currents V keeps swinging"):
        found = pyhh.fi_curve(model, currents, duration=end, method="euler")
    np.testing.assert_allclose(found[-2], slow[-2], rtol=1e-3)
    np.testing.assert_allclose(np.delete(found, -2), np.delete(slow, -2), rtol=1e-9)


def test_rates_with_another_threshold_method_and_start():
    model = pyhh.HHModel(30.0, gNa=110)
    how = {"method": "exponential_euler", "threshold": 20.0}
    spikes = [spikes_of(model, current, duration=200.0, **how) for current in (10.0, 90.0)]
    slow = [rate_of(times, 200.0) for times in spikes]
    assert min(slow) > 0
    fast = pyhh.fi_curve(model, [10.0, 90.0], duration=200.0, dt=0.01, start="model", **how)
    np.testing.assert_allclose(fast, slow, rtol=1e-9)


def test_rates_have_the_shape_of_the_currents():
    model = pyhh.HHModel.at_rest()
    whole = pyhh.fi_curve(model, [5, 10, 20, 50], duration=200.0)
    assert whole.shape == (4,)
    one = pyhh.fi_curve(model, 20, duration=200.0)
    assert isinstance(one, float)
    assert one == whole[2]
    square = pyhh.fi_curve(model, np.array([[5, 10], [20, 50]]), duration=200.0)
    np.testing.assert_array_equal(square, whole.reshape(2, 2))
    assert pyhh.fi_curve(model, []).shape == (0,)


@pytest.mark.parametrize("duration", [0.0, 0.01, 5.0])
def test_runs_too_short_for_any_spike_are_continued(duration):
    rates = pyhh.fi_curve(pyhh.HHModel.at_rest(), [0.0, 6.0, 20.0, 50.0], duration=duration)
    expected = pyhh.fi_curve(pyhh.HHModel.at_rest(), [0.0, 6.0, 20.0, 50.0], duration=2000)
    assert expected[2] == pytest.approx(86.46, abs=0.01)
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_rates_do_not_depend_on_threads():
    model, currents = pyhh.HHModel.at_rest(), np.linspace(0, 30, 50)
    one = pyhh.fi_curve(model, currents, duration=100.0, threads=1)
    np.testing.assert_array_equal(pyhh.fi_curve(model, currents, duration=100.0, threads=3), one)


def test_shift_of_leak_reversal_equals_a_current():
    model, shifted = pyhh.HHModel.at_rest(), pyhh.HHModel.at_rest()
    shifted.EKleak += 10.0
    currents = np.array([7, 20, 50.0])
    how = {"duration": 200.0, "start": "model"}
    rates = pyhh.fi_curve(model, currents + 3.0, **how)
    assert rates.min() > 50
    np.testing.assert_allclose(pyhh.fi_curve(shifted, currents, **how), rates, rtol=1e-9)


def test_rates_of_custom_kinetics():
    # Twice the rates over half the capacitance is the same cell, twice as fast.
    fast = pyhh.fi_curve(Warm.at_rest(Cm=0.5), [7, 20], duration=150.0, dt=0.005)
    slow = pyhh.fi_curve(pyhh.HHModel.at_rest(), [7, 20], duration=300.0, dt=0.01)
    assert slow.min() > 50
    np.testing.assert_allclose(fast, 2 * slow, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.*are recommended:UserWarning")
def test_diverging_runs_have_rate_nan_and_warn():
    model = pyhh.HHModel.at_rest()
    message = (
        "under 2 of 4 currents the model diverged, 20 µA/cm² for one, and the rate is NaN. "
        "Use method='adaptive', whose steps follow the fastest rate."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        rates = pyhh.fi_curve(model, [0, 1, 20, 30], dt=0.1, method="euler")
    assert [warning.filename for warning in caught if "diverged" in str(warning.message)] == [
        __file__
    ]
    np.testing.assert_array_equal(rates, [0, 0, np.nan, np.nan])


def test_rates_show_progress(capsys):
    pyhh.fi_curve(pyhh.HHModel.at_rest(), [0, 20], duration=20.0, progress=True)
    assert "2.00k/2.00k" in capsys.readouterr().err


def test_train_that_outlasts_the_duration_counts_as_firing():
    found = [pyhh.fi_curve(pyhh.HHModel(), 6.26, duration=T) for T in (150, 1000)]
    assert found[0] == pytest.approx(50.4, abs=0.1)
    assert found[1] == 0

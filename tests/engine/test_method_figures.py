"""Published figures of the equations, by every method, with steps for which its error vanishes.

Units: mV, ms, µA/cm²; rest near 0 mV. Unless a comment names another source, a figure was computed
outside this package, from the equations with a high-order solver or with continuation.
Tolerances are half a unit of the last digit given.
"""

import numpy as np
import pytest
import reference
from model_states import model_in

import pyhh_fast as pyhh

DEFAULTS = reference.Parameters()
SETTINGS = {
    "euler": {"dt": 0.001},
    "exponential_euler": {"dt": 0.002},
    "rk4": {"dt": 0.02},
    "adaptive": {"dt": 0.1, "rtol": 1e-8, "atol": 1e-8},
}


def run(method, model, current, duration, **options):
    settings = SETTINGS[method] | options
    return pyhh.Simulation(model).run(current, method=method, duration=duration, **settings)


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize(("current", "rate"), [(7, 58.3), (10, 68.3), (20, 86.5), (50, 117.0)])
def test_steady_firing_rate(method, current, rate):
    times = run(method, pyhh.HHModel.at_rest(), current, 1_000.0, record=()).spike_times
    assert 1_000 / (times[-1] - times[-2]) == pytest.approx(rate, abs=0.05)


@pytest.mark.parametrize("method", SETTINGS)
def test_onset_of_firing_under_a_long_step(method):
    silent = run(method, pyhh.HHModel.at_rest(), 6.25, 1_000.0, record=()).spike_times
    assert silent[-1] < 200
    firing = run(method, pyhh.HHModel.at_rest(), 6.30, 1_000.0, record=()).spike_times
    assert firing[-1] > 980
    assert len(run(method, pyhh.HHModel.at_rest(), 2.20, 500.0, record=()).spike_times) == 0
    assert len(run(method, pyhh.HHModel.at_rest(), 2.25, 500.0, record=()).spike_times) == 1


def swings(recording):
    """Return the range of V from 20 to 60 ms, and in the last 40 ms."""
    times = recording.times
    late = times > times[-1] - 40
    return np.ptp(recording.Vm[(20 < times) & (times < 60)]), np.ptp(recording.Vm[late])


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize(
    ("current", "grows"), [(9.70, False), (9.85, True), (154.0, True), (155.0, False)]
)
def test_small_displacement_grows_between_hopf_points_and_decays_outside(method, current, grows):
    state = reference.equilibrium(DEFAULTS, current)
    model = model_in(state._replace(V=state.V + 0.01))
    first, last = swings(run(method, model, current, 1_000.0, dt=min(0.02, SETTINGS[method]["dt"])))
    assert last > 2 * first if grows else last < first / 2


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize(("current", "fires"), [(6.255, False), (6.275, True), (9.75, True)])
def test_initial_state_decides_between_rest_and_firing_where_bistable(method, current, fires):
    # Both are stable from 6.265, where the limit cycle ends, to the Hopf point at 9.779.
    model = pyhh.HHModel.at_rest()
    for level in 6.5 + (current - 6.5) * np.arange(10) / 10:
        run(method, model, level, 50.0, record=())
    times = run(method, model, current, 1_000.0, record=()).spike_times
    assert (times[-1:] > 980).any() == fires
    state = reference.equilibrium(DEFAULTS, current)
    first, last = swings(run(method, model_in(state._replace(V=state.V + 0.1)), current, 500.0))
    assert last < 0.9 * first < 0.2


# NeuroML2 (github.com/NeuroML/NeuroML2), LEMSexamples/test/.test.ex1.mep and .test.ex5.mep: the
# squid cell at rest -65 mV with a leak at -54.3 mV (EKleak 10.7 here), 8 µA/cm² for a while. Their
# spikes are upward crossings of 0 mV (65 here), and for m of 0.9. Their engines differ from each
# other by up to 0.37 %.
NEUROML_EXAMPLES = {
    1: (50, 100, [52.24, 68.5, 84.56, 100.67]),
    5: (100, 200, [102.22, 118.46, 134.5, 150.52, 166.55, 182.58, 198.6]),
}
CROSSINGS_OF_M = [102.44, 118.69, 134.72, 150.75, 166.77, 182.8, 198.83]


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize("example", NEUROML_EXAMPLES)
def test_spike_times_equal_those_of_neuroml(method, example):
    begin, end, published = NEUROML_EXAMPLES[example]
    model = pyhh.HHModel(EKleak=10.7)
    model.h.setInfiniteState()
    dt = SETTINGS[method]["dt"]
    times = np.arange(round(300 / dt)) * dt
    stimulus = np.where((times > begin - dt / 2) & (times < end - dt / 2), 8.0, 0.0)
    recording = run(method, model, stimulus, None, threshold=65.0)
    assert recording.spike_times == pytest.approx(published, rel=0.0037)
    if example == 5:
        of_m = reference.spike_times(recording.StateM, dt, 0.0, 0.9)
        assert of_m == pytest.approx(CROSSINGS_OF_M, rel=0.0037)


def test_rk4_at_0_05_ms_has_spike_times_to_2_microseconds():
    stimulus = np.where(np.arange(20_000) < 1_000, 0.0, 10.0)
    recording = run("rk4", model_in(reference.steady(0.0)), stimulus, None, dt=0.05)
    protocol, precision = [(50.0, 0.0), (950.0, 10.0)], {"rtol": 1e-9, "atol": 1e-9}
    exact = reference.solve(DEFAULTS, reference.steady(0.0), protocol, **precision)
    assert np.abs(recording.spike_times - exact.spike_times).max() < 2e-3

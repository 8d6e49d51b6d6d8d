"""Features of runs and of synthetic trains against eFEL, which knows nothing of this package.

eFEL takes each sample as it is where its `interp_step` is dt. It is given the trace up to the end
of the window, beyond which no feature here looks, and the window half a sample early, because its
own times of samples are rounded.
"""

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli

efel = pytest.importorskip("efel")


def of_efel(V, dt, start, stop, threshold, names):
    times = (np.arange(V.size) + 1) * dt
    before = times < stop - dt / 2
    window = {"stim_start": [start - dt / 2], "stim_end": [stop - dt / 2]}
    efel.reset()
    efel.set_setting("interp_step", dt)
    efel.set_setting("Threshold", threshold)
    efel.set_setting("strict_stiminterval", True)
    try:
        traces = [{"T": times[before], "V": V[before], **window}]
        return efel.get_feature_values(traces, names, raise_warnings=False)[0]
    finally:
        efel.reset()


def run_of(cell, current, dt=0.01, stop=250, duration=300):
    stimulus = stimuli.step(current, 50, stop)
    return pyhh.Simulation(cell).run(stimulus, dt, duration=duration, record=("Vm",))


RUNS = {
    "HHModel": lambda: run_of(pyhh.HHModel.at_rest(), 10),
    "Wang-Buzsaki": lambda: run_of(pyhh.neurons.wang_buzsaki(), 2),
    "Pospischil IB": lambda: run_of(pyhh.neurons.pospischil_ib(), 1.0636, 0.02, 550, 600),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request):
    return RUNS[request.param]()


def windows(run):
    """Return the window of the stimulus, which begins at 50 ms, and one within the train."""
    stop = run.steps * run.dt - 50
    return [(50, stop), (run.spike_times[1] - 3, run.spike_times[-2] + 3)]


SHAPES = ("AP_begin_voltage", "AP_amplitude", "AHP_depth_abs", "min_between_peaks_values")


@pytest.mark.parametrize("window", [0, 1])
@pytest.mark.parametrize("name", [*SHAPES, "AP_duration_half_width"])
def test_shapes_of_spikes(run, name, window):
    start, stop = windows(run)[window]
    kind = getattr(features, name)
    chosen = {i: kind(start, stop, i) for i in range(run.spike_times.size)}
    chosen = {str(i): one for i, one in chosen.items()} | {"mean": kind(start, stop)}
    found = features.of(run.Vm, run.dt, chosen, threshold=run.threshold)
    expected = of_efel(run.Vm, run.dt, start, stop, run.threshold, [name])[name]
    each = [found[str(i)] for i in range(len(expected))]
    assert len(expected) >= 5
    # eFEL's widths are those between nearest samples.
    tolerance = run.dt if name == "AP_duration_half_width" else 1e-6
    np.testing.assert_allclose(each, expected, rtol=0, atol=tolerance)
    assert abs(found["mean"] - np.mean(expected)) <= tolerance
    assert np.isnan([found[str(i)] for i in range(len(expected), run.spike_times.size)]).all()


def test_voltages(run):
    start, stop = windows(run)[0]
    chosen = [features.minimum_voltage(start, stop), features.maximum_voltage(start, stop)]
    chosen.append(features.voltage_base(0, start))
    found = features.of(run.Vm, run.dt, chosen)
    expected = of_efel(run.Vm, run.dt, start, stop, run.threshold, list(found))
    for name, value in found.items():
        assert abs(value - expected[name][0]) < 1e-6
    steady = of_efel(run.Vm, run.dt, start, stop, 0.0, ["steady_state_voltage_stimend"])
    found = features.of(run.Vm, run.dt, [features.voltage_base(start, stop)])["voltage_base"]
    assert abs(found - steady["steady_state_voltage_stimend"][0]) < 1e-6


@pytest.mark.parametrize("current", [-3, -0.5, 2])
def test_sag(current):
    run = run_of(pyhh.HHModel.at_rest(), current)
    names = ["sag_amplitude", "sag_ratio1"]
    chosen = [getattr(features, name)(50, 250) for name in names]
    found = features.of(run.Vm, run.dt, chosen)
    expected = of_efel(run.Vm, run.dt, 50, 250, 50.0, names)
    for name, value in found.items():
        if current > 0:
            assert np.isnan(value)
            assert expected[name] is None
        else:
            assert abs(value - expected[name][0]) < 1e-6
            assert value > 0.1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 30])
def test_times_of_spikes_in_synthetic_train(count):
    # A spike is one sample, so that the time of its peak is a fixed time after its crossing.
    dt, rest, height = 0.1, -65.0, 85.0
    rows = 1_000 + np.cumsum(np.random.default_rng(3).integers(20, 400, count))
    V = np.full(rows[-1] + 200, rest)
    V[rows] += height
    stop = V.size * dt
    names = ["spike_count_stimint", "time_to_first_spike", "mean_frequency"]
    names += ["ISI_CV", "adaptation_index2"]
    expected = of_efel(V, dt, 50.0, stop, -20.0, names)
    expected = {name: np.nan if one is None else one[0] for name, one in expected.items()}
    chosen = [getattr(features, name.removesuffix("_stimint"))(50, stop) for name in names]
    found = features.of(V, dt, chosen, threshold=-20)
    late = dt * (1 - 45 / 85)
    half = dt / 2  # the window of eFEL begins that much earlier
    assert found["spike_count"] == expected["spike_count_stimint"] == count
    np.testing.assert_allclose(
        found["time_to_first_spike"], expected["time_to_first_spike"] - late - half, rtol=1e-9
    )
    np.testing.assert_allclose(
        count / found["mean_frequency"],
        count / expected["mean_frequency"] - (late + half) / 1000,
        rtol=1e-9,
    )
    for name in ("ISI_CV", "adaptation_index2"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-7, atol=1e-12)
    assert np.isnan(found["adaptation_index2"]) == (count < 4)

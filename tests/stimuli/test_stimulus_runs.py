"""Runs under stimuli: order of the sampling, estimate of its error, runs that end by themselves."""

import itertools
import math

import numpy as np
import pytest
import reference
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh
from pyhh_fast import stimuli

METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]
NOISE = stimuli.ornstein_uhlenbeck(8, 3, 5, seed=4)


def run(stimulus, dt, method="adaptive", **options):
    return pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, dt, method=method, **options)


def exact_spikes(current, pieces):
    """Return the spike times under a smooth current of t (ms) between the times in `pieces`."""
    parameters = reference.Parameters()
    state, spikes = np.array(reference.equilibrium(parameters)), []

    def crossing(t, y):
        return y[0] - 50

    crossing.direction = 1
    for begin, end in itertools.pairwise(pieces):
        found = solve_ivp(
            lambda t, y: reference.right_hand_side(t, y, current(t), parameters),
            (begin, end),
            state,
            method="DOP853",
            rtol=1e-11,
            atol=1e-11,
            events=crossing,
        )
        spikes += found.t_events[0].tolist()
        state = found.y[:, -1]
    return np.array(spikes)


@pytest.fixture(scope="module")
def under_sine():
    return exact_spikes(lambda t: 8 * math.sin(2 * math.pi * 50 * t / 1_000), [0, 100])


@pytest.mark.parametrize(
    ("dt", "error", "method"),
    [(0.1, 1e-4, "adaptive"), (0.01, 1e-6, "adaptive"), (0.01, 1e-6, "rk4")],
)
def test_sine_stimulus_is_sampled_with_second_order(dt, error, method, under_sine):
    recording = run(stimuli.sine(8, 50), dt, method, duration=100)
    actual = np.abs(recording.spike_times - under_sine).max()
    assert actual <= error
    # Half the step leaves a quarter of an error of second order.
    assert recording.estimate_error().spike_times == pytest.approx(actual * 3 / 4, rel=0.15)


def test_function_stimulus_is_sampled_with_second_order(under_sine):
    sine = stimuli.sine(8, 50)
    for stimulus in (
        lambda t: 8 * np.sin(2 * np.pi * 50 * t / 1_000),
        sine / 2 + (lambda t: 4 * np.sin(2 * np.pi * 50 * t / 1_000)),
    ):
        recording = run(stimulus, 0.1, duration=100)
        actual = np.abs(recording.spike_times - under_sine).max()
        assert actual <= 1e-4
        assert recording.estimate_error().spike_times == pytest.approx(actual * 3 / 4, rel=0.15)


def test_spike_near_the_threshold_is_not_lost():
    stimulus = stimuli.ramp(0, 4.5, 5, 9) + stimuli.step(-4.5, 9, 1e6)
    (exact,) = exact_spikes(
        lambda t: 4.5 * min(max((t - 5) / 4, 0), 1) if t < 9 else 0, [0, 5, 8.999999999, 9, 100]
    )
    assert exact == pytest.approx(13.9527, abs=1e-4)
    errors = []
    for dt in (0.1, 0.05, 0.025, 0.01):
        (found,) = run(stimulus, dt, duration=100).spike_times
        errors.append(abs(found - exact))
    assert errors[0] < 0.1
    orders = np.log(errors[0] / errors[-1]) / np.log(10)
    assert orders == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("start", [5.0, 5.0371, 5.05])
def test_edges_between_samples_are_of_second_order(start):
    step = stimuli.step(20, start, 9.0123)
    exact = exact_spikes(lambda t: 20.0 if start <= t < 9.0123 else 0.0, [0, start, 9.0123, 50])
    for dt in (0.1, 0.05):
        found = run(step, dt, duration=50).spike_times
        assert np.abs(found - exact).max() < 0.2 * dt**2


@pytest.mark.parametrize("method", METHODS)
def test_error_estimate_holds_noise_and_arrays(method):
    wave = NOISE.to_array(5_000, 0.04)
    finer = {"rtol": 1e-7, "atol": 1e-7} if method == "adaptive" else {}
    refined = run(np.repeat(wave, 2), 0.02, method, **finer)
    for stimulus in (NOISE, stimuli.from_array(wave), 2 * NOISE - stimuli.from_array(wave)):
        recording = run(stimulus, 0.04, method, duration=200)
        same = run(wave, 0.04, method)
        np.testing.assert_allclose(recording.spike_times, same.spike_times, atol=1e-9)
        change = recording.estimate_error()
        expected = np.abs(refined.spike_times - recording.spike_times).max()
        assert change.spikes == 0
        assert change.spike_times == pytest.approx(expected, rel=1e-3, abs=1e-8)
    later = NOISE.shifted(40)
    change = run(later, 0.04, method, duration=200).estimate_error()
    wave = later.to_array(5_000, 0.04)
    refined = run(np.repeat(wave, 2), 0.02, method, **finer)
    expected = np.abs(refined.spike_times - run(wave, 0.04, method).spike_times).max()
    assert change.spike_times == pytest.approx(expected, rel=1e-3, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_error_estimate_resamples_smooth_parts_beside_noise(method):
    stimulus = NOISE + stimuli.sine(8, 50) + stimuli.poisson_epsc(500, 1, 2, seed=2)
    smooth = stimuli.sine(8, 50) + stimuli.poisson_epsc(500, 1, 2, seed=2)
    held = np.repeat(NOISE.to_array(2_500, 0.04), 2)
    finer = {"rtol": 1e-7, "atol": 1e-7} if method == "adaptive" else {}
    refined = run(held + smooth.to_array(5_000, 0.02), 0.02, method, **finer)
    recording = run(stimulus, 0.04, method, duration=100)
    expected = np.abs(refined.spike_times - recording.spike_times).max()
    assert recording.estimate_error().spike_times == pytest.approx(expected, rel=1e-6, abs=1e-10)


def test_run_ends_with_its_stimulus():
    for stimulus, steps in (
        (stimuli.step(10, 5, 20), 2_000),
        (2 * stimuli.step(10, 5, 20).shifted(-4), 1_600),
        (stimuli.step(10, 5, 20) + stimuli.pulses(3, 1, 5, start=3, count=4), 2_000),
        (stimuli.chirp(3, 1, 30, 12.345), 1_235),
        (stimuli.ramp(0, 9, 0, 7.001), 701),
        (stimuli.step(10, 5, 0.3 / 0.1 * 4), 1_200),
        (stimuli.step(10, -5, 0), 0),
        (stimuli.step(10, 5, 20) + stimuli.from_array(np.zeros(7)), 7),
    ):
        recording = run(stimulus, 0.01, "euler")
        assert recording.steps == steps
    assert run(stimuli.step(10, 5, 20), 0.01, "euler", duration=30).steps == 3_000
    assert pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimuli.step(10, 5, 20), 0.01).steps == 2_000


def test_unreachable_or_missing_end_is_refused():
    message = r"^duration must be at most 281474976710656 steps; got 1e\+300 at dt 0.01\. Check the"
    with pytest.raises(ValueError, match=message):
        run(stimuli.step(10, 5, 1e300), 0.01)
    for endless in (stimuli.sine(1, 2), stimuli.step(1, 2, 3) + 4):
        with pytest.raises(ValueError, match=r"^duration must be given with a stimulus that has"):
            run(endless, 0.01)


def test_stored_run_of_a_shifted_multiple_continues(tmp_path):
    pytest.importorskip("zarr")
    stimulus = 2 * NOISE.shifted(-3) - stimuli.sine(3, 20).shifted(1.003) / 2
    run(stimulus, 0.01, "euler", duration=40, to=tmp_path / "run.zarr")
    resumed = pyhh.Simulation.resume(tmp_path / "run.zarr", duration=80).recording
    np.testing.assert_array_equal(resumed.Vm, run(stimulus, 0.01, "euler", duration=80).Vm)

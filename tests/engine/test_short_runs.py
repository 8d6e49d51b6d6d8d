"""Runs of no step and of one keep their stimulus, also in a store, and can be continued."""

import copy
import pickle

import matplotlib
import numpy as np
import pytest
from model_states import resting_simulation

import pyhh_fast as pyhh
from pyhh_fast import stimuli

matplotlib.use("agg")

NUMBERS = [10, 10.0, np.float32(10), np.array(10.0), stimuli.constant(10)]
NOISE = stimuli.ornstein_uhlenbeck(5, 2, 10, seed=1)


@pytest.mark.parametrize("method", ["euler", "adaptive"])
@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("stimulus", [*NUMBERS, NOISE], ids=[0, 1, 2, 3, 4, "noise"])
def test_short_stored_run_continues_with_its_stimulus(stimulus, steps, method, out):
    pytest.importorskip("zarr")
    options = {"dt": 0.01, "method": method, "every": 3, "envelope": 5}
    resting_simulation().run(stimulus, duration=steps * 0.01, to=out, **options)
    given = None if stimulus is NOISE else 10
    for duration, again in ((50, given), (100, None)):
        resumed = pyhh.Simulation.resume(out, duration=duration, stimulus=again).recording
    unbroken = resting_simulation().run(stimulus, duration=100, **options)
    np.testing.assert_array_equal(resumed.spike_times, unbroken.spike_times)
    np.testing.assert_array_equal(resumed.Vm, unbroken.Vm)
    np.testing.assert_array_equal(resumed.Vm_max, unbroken.Vm_max)
    if stimulus is not NOISE:
        assert resumed.spike_times.size == 7


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_short_array_must_be_given_again(steps, out):
    pytest.importorskip("zarr")
    resting_simulation().run(np.full(steps, 10.0), 0.01, to=out)
    with pytest.raises(ValueError, match=r"^stimulus must be given again, because a store does"):
        pyhh.Simulation.resume(out, duration=100)
    resumed = pyhh.Simulation.resume(out, duration=100, stimulus=np.full(10_000, 10.0))
    assert resumed.recording.spike_times.size == 7


def pickled(recording):
    return pickle.loads(pickle.dumps(recording))


@pytest.mark.parametrize("twin", [pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_copy_of_a_short_recording_has_the_stimulus(steps, twin):
    for stimulus in (10.0, np.full(steps, 10.0)):
        duration = {} if np.ndim(stimulus) else {"duration": steps * 0.01}
        found = twin(resting_simulation().run(stimulus, 0.01, **duration)).stimulus
        np.testing.assert_array_equal(found, np.full(steps, 10.0))
        # A constant is a broadcast array, also in copies, so that a long one costs no memory.
        assert (found.base is not None and found.base.ndim == 0) == (np.ndim(stimulus) == 0)


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4", "adaptive"])
@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("stimulus", [10.0, NOISE], ids=["constant", "noise"])
def test_short_run_can_be_plotted_and_estimated(stimulus, steps, method):
    import matplotlib.pyplot as plt

    options = {"method": method, "every": 7, "envelope": 9}
    recording = resting_simulation().run(stimulus, 0.01, duration=steps * 0.01, **options)
    number = f"{steps} step{'s' * (steps != 1)} of 0.01 ms, {steps * 0.01:g} ms, 0 spikes"
    assert repr(recording) == f"Recording({number})"
    assert recording.Vm.size == recording.Vm_min.size == recording.times.size == steps
    change = recording.estimate_error()
    assert np.isnan(change.spike_times)
    assert np.isnan(change.Vm) == (steps == 0)
    assert not change.Vm > 0.01
    plt.close(recording.plot())


@pytest.mark.parametrize("steps", [0, 1])
def test_short_run_of_a_population(steps):
    population = pyhh.Population.at_rest(3)
    before = population.Vm.copy()
    recording = population.run(10, 0.01, duration=steps * 0.01, record=("Vm",), every=5)
    assert recording.Vm.shape == (3, steps)
    assert (pickled(recording).spike_counts == 0).all()
    assert (population.Vm == before).all() == (steps == 0)

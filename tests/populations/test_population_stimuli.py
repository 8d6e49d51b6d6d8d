"""Stimuli and functions of time shared by all cells of a population or sweep."""

import threading
import tracemalloc

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import stimuli

NOISE = 2 * stimuli.ornstein_uhlenbeck(4, 1, 5, seed=1) + stimuli.step(5, 20, 70)


def cells():
    return pyhh.Population.at_rest(5, gNa=[100, 110, 120, 130, 140])


def assert_same_results(one, other):
    np.testing.assert_array_equal(one.Vm, other.Vm)
    np.testing.assert_array_equal(one.spikes.time, other.spikes.time)
    np.testing.assert_array_equal(one.final_state.Vm, other.final_state.Vm)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
def test_all_cells_receive_the_values_of_a_stimulus(method, threads, monkeypatch):
    monkeypatch.setattr("pyhh_fast.engine.population_stepper.LONGEST", 777)
    monkeypatch.setattr("pyhh_fast.engine.read_ahead.ReadAhead.BLOCK", 1_000)
    options = {"method": method, "threads": threads, "record": ("Vm",)}
    values = NOISE.to_array(10_000, 0.01)
    expected = cells().run(values, 0.01, **options)
    assert expected.spike_counts.min() > 2
    assert_same_results(cells().run(NOISE, 0.01, duration=100, **options), expected)


def test_functions_constants_and_stimuli_with_an_end():
    record = {"record": ("Vm",)}
    step = stimuli.step(10, 5, 30)
    expected = cells().run(step.to_array(3_000, 0.01), 0.01, **record)
    assert_same_results(cells().run(step, 0.01, **record), expected)
    assert_same_results(cells().run(lambda t: 10 * (t > 5), 0.01, duration=30, **record), expected)
    constant = cells().run(10, 0.01, duration=30, **record)
    assert_same_results(cells().run(stimuli.constant(10), 0.01, duration=30, **record), constant)
    with pytest.raises(ValueError, match="duration must be given with a stimulus that has no end"):
        cells().run(NOISE, 0.01)


def test_memory_does_not_grow_with_the_steps():
    def peak(duration):
        population = cells()
        tracemalloc.start()
        population.run(NOISE, 0.05, duration=duration, threshold=1_000)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1_000)
    assert peak(100_000) < 8 * 2_000_000 / 2 < 8 * 100_000 / 0.05


def test_error_of_a_function_keeps_the_completed_steps():
    def fails(t):
        if np.any(t > 60):
            raise ZeroDivisionError
        return 10.0 * np.ones_like(t)

    population = cells()
    with pytest.raises(ZeroDivisionError) as caught:
        population.run(fails, 0.0005, duration=100)
    assert caught.value.__notes__ == ["In the function that is the stimulus, at t = 60.00025 ms."]
    assert 0 < population.recording.steps * 0.0005 < 60
    for thread in threading.enumerate():
        if thread.name.startswith("pyhh_fast stimulus"):
            thread.join(timeout=30)
            assert not thread.is_alive()


def test_stimulus_unsuitable_for_dt_is_refused_before_the_run():
    population = cells()
    with pytest.raises(ValueError, match="rate must be at most 1000000 events a step"):
        population.run(stimuli.poisson_epsc(1e300, 1, 5, 1), 0.01, duration=5)
    assert getattr(population, "recording", None) is None


def test_sweeps_accept_stimuli_and_functions():
    pytest.importorskip("xarray")
    grid, model = {"gNa": [100, 120, 140]}, pyhh.HHModel.at_rest()
    values = NOISE.to_array(10_000, 0.01)
    expected = pyhh.sweep(model, grid, values, 0.01, reduce="final_Vm")
    got = pyhh.sweep(model, grid, NOISE, 0.01, duration=100, reduce="final_Vm")
    assert got.identical(expected)
    step = stimuli.step(10, 5, 30)
    expected = pyhh.sweep(model, grid, step.to_array(3_000, 0.01), 0.01)
    assert pyhh.sweep(model, grid, step, 0.01).identical(expected)
    assert pyhh.sweep(model, grid, lambda t: 10 * (t > 5), 0.01, duration=30).identical(expected)
    constant = pyhh.sweep(model, grid, 10.0, 0.01, duration=30)
    assert pyhh.sweep(model, grid, stimuli.constant(10), 0.01, duration=30).identical(constant)

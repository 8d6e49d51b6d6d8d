"""Stimuli and functions of time of all cells of a population or sweep; noise of each cell."""

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
    wave = stimuli.sine(8, 20) + stimuli.step(5, 20, 70)
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 777)
    monkeypatch.setattr("pyhh_fast.engine.read_ahead.ReadAhead.BLOCK", 1_000)
    options = {"method": method, "threads": threads, "record": ("Vm",)}
    values = wave.to_array(10_000, 0.01)
    expected = cells().run(values, 0.01, **options)
    assert expected.spike_counts.min() > 2
    assert_same_results(cells().run(wave, 0.01, duration=100, **options), expected)


@pytest.mark.parametrize(
    "noise",
    [
        NOISE,
        stimuli.white_noise(30, seed=2) + 8,
        stimuli.white_noise(2, seed=2, per="sqrt_ms", cell=3) + 8,
        stimuli.poisson_epsc(2_000, 1, 5, seed=3),
        5 - stimuli.ornstein_uhlenbeck(4, 1, 5, seed=1).shifted(1),
    ],
    ids=str,
)
def test_each_cell_has_noise_of_its_own(noise, monkeypatch):
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 777)
    each = np.array([noise.of_cell(cell).to_array(5_000, 0.01) for cell in range(5)])
    assert len(np.unique(each[:, 1_000:], axis=0)) == 5
    np.testing.assert_array_equal(each[0], noise.to_array(5_000, 0.01))
    expected = cells().run(each, 0.01, record=("Vm",))
    for threads in (1, 3):
        got = cells().run(noise, 0.01, duration=50, record=("Vm",), threads=threads)
        assert_same_results(got, expected)
    # Nor does it depend on the other cells.
    alone = pyhh.Population.at_rest(2, gNa=[100, 110]).run(noise, 0.01, duration=50, record=("Vm",))
    np.testing.assert_array_equal(alone.Vm, expected.Vm[:2])


def test_noise_of_many_cells_is_made_in_pieces(monkeypatch):
    population = pyhh.Population.at_rest(300)
    noise = stimuli.ornstein_uhlenbeck(8, 3, 5, seed=1) + stimuli.white_noise(3, seed=1)
    expected = population.run(noise, 0.01, duration=2).final_state.Vm
    assert len(np.unique(expected)) == 300
    monkeypatch.setattr("pyhh_fast.engine.read_ahead.OWN_VALUES", 300)
    again = pyhh.Population.at_rest(300).run(noise, 0.01, duration=2, threads=2).final_state.Vm
    np.testing.assert_array_equal(again, expected)


def test_error_beside_noise_keeps_the_completed_steps(monkeypatch):
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 77)
    noise = stimuli.white_noise(1, seed=1) + stimuli.from_function(lambda t: 5 if t < 3 else np.nan)
    population = cells()
    with pytest.raises(ValueError, match=r"got nan at t = 3\.005 ms"):
        population.run(noise, 0.01, duration=10, record=("Vm",), threads=1)
    done = population.recording.steps
    assert done == 231
    expected = cells().run(
        np.array([noise.of_cell(cell).to_array(done, 0.01) for cell in range(5)]),
        0.01,
        record=("Vm",),
    )
    np.testing.assert_array_equal(population.recording.Vm, expected.Vm)


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

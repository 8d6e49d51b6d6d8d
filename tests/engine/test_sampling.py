"""What a run records: every k-th sample, and the envelope of V."""

import numpy as np
import pytest
from custom_models import InPython
from model_states import full_state_of

import pyhh_fast as pyhh
from pyhh_fast.engine import sampling
from pyhh_fast.engine.adaptive_stepper import AdaptiveStepper
from pyhh_fast.engine.fixed_stepper import FixedStepper
from pyhh_fast.variables import TRACES

METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]

STIMULUS = np.repeat(np.random.default_rng(0).normal(8, 5, 100), 50)


def run(stimulus=STIMULUS, dt=0.01, kind=pyhh.HHModel, **options):
    return pyhh.Simulation(kind.at_rest()).run(stimulus, dt, **options)


def assert_same_samples(recording, full):
    every, window = recording.every, recording.envelope
    assert len(recording) == len(full.Vm[::every])
    for name in ("times", *recording.recorded):
        np.testing.assert_array_equal(getattr(recording, name), getattr(full, name)[::every])
    np.testing.assert_array_equal(recording.spike_times, full.spike_times)
    if window:
        parts = [full.Vm[i : i + window] for i in range(0, full.steps, window)]
        np.testing.assert_array_equal(recording.Vm_min, [part.min() for part in parts])
        np.testing.assert_array_equal(recording.Vm_max, [part.max() for part in parts])
        first = np.arange(len(parts)) * window
        np.testing.assert_array_equal(recording.envelope_times, first * full.dt)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("every", [1, 2, 10, 777, 5_000, 10_000])
@pytest.mark.parametrize("envelope", [None, 1, 7, 1_000, 20_000])
def test_samples_and_envelope_equal_those_of_the_full_run(method, every, envelope):
    recording = run(method=method, every=every, envelope=envelope)
    assert_same_samples(recording, run(method=method))


@pytest.mark.parametrize(("every", "envelope"), [(3, None), (1, 50), (70, 30)])
def test_samples_and_envelope_of_a_model_stepped_in_python(every, envelope):
    stimulus = STIMULUS[:2_500]
    full = run(stimulus, kind=InPython)
    assert_same_samples(run(stimulus, kind=InPython, every=every, envelope=envelope), full)


@pytest.mark.parametrize("method", ["euler", "adaptive"])
@pytest.mark.parametrize(("chunk", "length"), [(1, 65_536), (7, 5), (1_000, 64), (13, 1)])
def test_results_do_not_depend_on_the_chunk_size(method, chunk, length, monkeypatch):
    full = run(method=method)
    monkeypatch.setattr(FixedStepper, "CHUNK", chunk)
    monkeypatch.setattr(AdaptiveStepper, "CHUNK", chunk)
    monkeypatch.setattr(sampling, "BLOCK", length)
    assert_same_samples(run(method=method, every=10, envelope=64), full)


@pytest.mark.parametrize(
    ("bound", "size"),
    [*(("WINDOW", rows) for rows in (1, 10_000, 25_000, 262_144)), ("CHUNK", 1), ("CHUNK", 100)],
)
@pytest.mark.parametrize("record", [(), ("IK",), TRACES])
def test_results_of_the_adaptive_method_do_not_depend_on_its_bounds(
    bound, size, record, monkeypatch
):
    stimulus = np.repeat(STIMULUS, 9)  # 45,000 samples, with a restart point every 10,000
    expected = pyhh.Simulation(pyhh.HHModel.at_rest())
    full = expected.run(stimulus, 0.01, method="adaptive")
    monkeypatch.setattr(AdaptiveStepper, bound, size)
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    recording = simulation.run(stimulus, 0.01, method="adaptive", record=record)
    assert_same_samples(recording, full)
    assert full_state_of(simulation.model) == full_state_of(expected.model)


def test_spikes_between_samples_are_in_the_envelope():
    recording = run(10.0, duration=500.0, record=("Vm",), every=10_000, envelope=3_000)
    assert recording.Vm.max() < 50 < recording.Vm_max.min()
    assert recording.Vm_min.max() < 5
    assert recording.spike_times.size > 30


def test_envelope_needs_no_recorded_trace():
    recording = run(record=(), envelope=100)
    np.testing.assert_array_equal(recording.Vm_max[0], run().Vm[:100].max())
    with pytest.raises(AttributeError, match=r"^Vm was not recorded\. Name it in run"):
        recording.Vm  # noqa: B018


@pytest.mark.parametrize("name", ["Vm_min", "Vm_max"])
def test_envelope_that_was_not_recorded_raises_attribute_error(name):
    with pytest.raises(AttributeError) as error:
        getattr(run(), name)
    assert str(error.value) == f"{name} was not recorded. Ask for it by run(..., envelope=...)."
    assert run().envelope is None


def test_simulation_times_of_sparse_samples_follow_pyhh():
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    recording = simulation.run(STIMULUS, 0.01, every=10)
    assert simulation.Vm is recording.Vm
    np.testing.assert_array_equal(simulation.times, np.arange(5_000)[::10] * 0.01)


def test_diverged_run_has_nan_from_the_failed_step_on():
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    full = pyhh.Simulation(pyhh.HHModel.at_rest())
    stimulus = np.zeros(3_000)
    stimulus[1_234:] = -1e4
    with pytest.raises(pyhh.SimulationError) as sparse_error:
        simulation.run(stimulus, 0.01, every=10, envelope=7)
    with pytest.raises(pyhh.SimulationError) as error:
        full.run(stimulus, 0.01)
    assert str(sparse_error.value) == str(error.value)
    np.testing.assert_array_equal(simulation.Vm, full.Vm[::10])
    failed = error.value.step
    assert np.isnan(simulation.Vm[-(-failed // 10) :]).all()
    recording = simulation.recording
    expected = [np.nanmax(full.Vm[i : i + 7]) for i in range(0, failed, 7)]
    np.testing.assert_array_equal(recording.Vm_max[: len(expected)], expected)
    assert np.isnan(recording.Vm_max[len(expected) :]).all()
    assert recording.Vm_max.size == 429


@pytest.mark.parametrize("method", ["euler", "adaptive"])
def test_ctrl_c_keeps_the_samples_so_far(method, monkeypatch):
    full = run(method=method)
    monkeypatch.setattr(FixedStepper, "CHUNK", 1_000)
    monkeypatch.setattr(AdaptiveStepper, "CHUNK", 100)
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    taken = sampling.MemorySink.collect

    def interrupted(self, stepper):
        if stepper.step > 2_000:
            monkeypatch.setattr(sampling.MemorySink, "collect", taken)
            raise KeyboardInterrupt
        taken(self, stepper)

    monkeypatch.setattr(sampling.MemorySink, "collect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulation.run(STIMULUS, 0.01, method=method, every=7, envelope=300)
    recording = simulation.recording
    assert 2_000 < recording.steps < 5_000
    np.testing.assert_array_equal(recording.Vm, full.Vm[: recording.steps : 7])
    assert recording.Vm_min.size == -(-recording.steps // 300)
    last = (recording.steps - 1) // 300 * 300
    assert recording.Vm_max[-1] == full.Vm[last : recording.steps].max()
    assert recording.stimulus.size == recording.steps
    assert simulation.model.Vm == full.Vm[recording.steps - 1]


def test_memory_depends_on_the_samples_only():
    import tracemalloc

    tracemalloc.start()
    try:
        run(5.0, duration=20_000.0, record=("Vm", "INa"), every=1_000, envelope=1_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8e6  # the traces of all steps would be 32 MB


@pytest.mark.parametrize("method", ["euler", "rk4", "adaptive"])
def test_error_estimate_of_a_sparsely_sampled_run(method):
    full = run(method=method).estimate_error()
    sparse = run(method=method, every=7, record=("Vm",)).estimate_error()
    assert sparse.spike_times == full.spike_times
    assert 0 < sparse.Vm <= full.Vm

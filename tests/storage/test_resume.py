"""Runs written to a store and resumed from it are bit-identical to uninterrupted ones."""

import copy
import re

import numpy as np
import pytest
from custom_models import NineTimes
from model_states import full_state_of, resting_simulation
from store_files import NOISE, files, shared
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli
from pyhh_fast.storage import run_sink

xarray = pytest.importorskip("xarray")
pytest.importorskip("zarr")

METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]


FEATURES = {
    "width": features.AP_duration_half_width(20, 234.5),
    "skewness": features.voltage_skewness(100, 200),
    "count": features.spike_count(0, 150),
}

OPTIONS = {
    "all": {},
    "few": {"record": ("Vm", "INa"), "every": 10, "envelope": 1_000, "features": FEATURES},
    "spikes": {"record": (), "envelope": 333},
}


def assert_same_bits(recording, expected):
    assert recording.steps == expected.steps
    np.testing.assert_equal(recording.features, expected.features)
    for name in (*expected.recorded, *expected.enveloped, "spike_times", "times"):
        got, want = getattr(recording, name), getattr(expected, name)
        np.testing.assert_array_equal(got.view(np.int64), want.view(np.int64), err_msg=name)


@pytest.mark.parametrize(
    ("method", "kind", "stimulus", "options"),
    [(method, kind, NOISE, "few") for method in METHODS for kind in (pyhh.HHModel, Warm)]
    + [(method, pyhh.HHModel, 10.0, o) for method in ("euler", "adaptive") for o in OPTIONS],
    ids=str,
)
def test_stored_and_resumed_runs_equal_runs_in_memory(method, kind, stimulus, options, tmp_path):
    options = {"dt": 0.01, "method": method, **OPTIONS[options]}
    expected, stored = resting_simulation(kind), resting_simulation(kind)
    in_memory = expected.run(stimulus, duration=234.56, **options)
    recording = stored.run(stimulus, duration=234.56, to=tmp_path / "run.zarr", **options)
    assert_same_bits(recording, in_memory)
    assert full_state_of(stored.model) == full_state_of(expected.model)

    longer = pyhh.Simulation.resume(tmp_path / "run.zarr", duration=345.67)
    expected = resting_simulation(kind)
    assert_same_bits(longer.recording, expected.run(stimulus, duration=345.67, **options))
    assert full_state_of(longer.model) == full_state_of(expected.model)
    resting_simulation(kind).run(stimulus, duration=345.67, to=tmp_path / "at_once.zarr", **options)
    assert shared(tmp_path / "run.zarr") == shared(tmp_path / "at_once.zarr")


class SinkError(Exception):
    pass


@pytest.mark.parametrize(
    ("method", "stimulus", "error"),
    [(method, NOISE, KeyboardInterrupt) for method in METHODS]
    + [(method, 10.0, KeyboardInterrupt) for method in ("euler", "adaptive")]
    + [("euler", NOISE, SinkError)],
    ids=lambda value: value if value in METHODS else str(value)[:9],
)
def test_interrupted_run_resumes_to_the_uninterrupted_one(
    method, stimulus, error, tmp_path, monkeypatch
):
    options = {"dt": 0.01, "duration": 900.0, "method": method, "every": 3, "envelope": 77}
    monkeypatch.setattr(run_sink, "BLOCK", 2_500)
    monkeypatch.setattr(run_sink.StoreSink, "block_length", 2_500)
    monkeypatch.setattr("pyhh_fast.engine.adaptive_stepper.AdaptiveStepper.CHUNK", 300)
    monkeypatch.setattr("pyhh_fast.engine.adaptive_stepper.AdaptiveStepper.WINDOW", 20_000)
    expected = resting_simulation()
    in_memory = expected.run(stimulus, to=tmp_path / "at_once.zarr", **options)
    take = run_sink.StoreSink.collect

    def interrupted(self, stepper):
        if stepper.step > 40_000:
            monkeypatch.setattr(run_sink.StoreSink, "collect", take)
            raise error
        take(self, stepper)

    monkeypatch.setattr(run_sink.StoreSink, "collect", interrupted)
    simulation = resting_simulation()
    with pytest.raises(error):
        simulation.run(stimulus, to=tmp_path / "run.zarr", **options)
    there = simulation.recording
    assert 40_000 < there.steps < 90_000
    np.testing.assert_array_equal(there.Vm, in_memory.Vm[: len(there)])
    assert there.spike_times[-1] <= there.steps * 0.01
    assert simulation.Vm.size == len(there)
    with xarray.open_zarr(tmp_path / "run.zarr") as dataset:
        np.testing.assert_array_equal(dataset.Vm, there.Vm)
        assert dataset.Vm_max.size == there.Vm_max.size == there.windows

    resumed = pyhh.Simulation.resume(tmp_path / "run.zarr")
    assert_same_bits(resumed.recording, in_memory)
    assert full_state_of(resumed.model) == full_state_of(expected.model)
    assert shared(tmp_path / "run.zarr") == shared(tmp_path / "at_once.zarr")


def test_resuming_a_finished_run_changes_nothing(out):
    recording = resting_simulation().run(NOISE, 0.01, duration=50.0, to=out)
    before = files(out)
    again = pyhh.Simulation.resume(out)
    assert_same_bits(again.recording, recording)
    assert files(out) == before


def test_error_estimate_of_stored_runs_but_not_of_resumed_ones(out):
    recording = resting_simulation().run(NOISE, 0.01, duration=50.0, every=7, to=out)
    expected = resting_simulation().run(NOISE, 0.01, duration=50.0, every=7).estimate_error()
    assert recording.estimate_error() == expected
    resumed = pyhh.Simulation.resume(out).recording
    with pytest.raises(RuntimeError, match="The error cannot be estimated: it was resumed, and "):
        resumed.estimate_error()


def test_recording_keeps_its_length_when_its_store_grows(out):
    options = {"dt": 0.01, "every": 7, "envelope": 100}
    first = resting_simulation().run(NOISE, duration=50.0, to=out, **options)
    pyhh.Simulation.resume(out, duration=80.0)
    assert_same_bits(first, resting_simulation().run(NOISE, duration=50.0, **options))


def test_stored_arrays_have_labels_and_units(out):
    options = {"every": 10, "envelope": 100, "record": ("Vm", "StateM", "INa")}
    recording = resting_simulation().run(20.0, 0.01, duration=50.0, to=out, **options)
    with xarray.open_zarr(out) as dataset:
        assert {name: str(dataset[name].attrs["units"]) for name in dataset.variables} == {
            "Vm": "mV",
            "StateM": "1",
            "INa": "µA/cm²",
            "Vm_min": "mV",
            "Vm_max": "mV",
            "time": "ms",
            "current_time": "ms",
            "envelope_time": "ms",
            "spike_time": "ms",
        }
        np.testing.assert_array_equal(dataset.time, recording.times)
        np.testing.assert_array_equal(dataset.current_time, np.arange(500) * 10 * 0.01)
        np.testing.assert_array_equal(dataset.envelope_time, recording.envelope_times)
        np.testing.assert_array_equal(dataset.spike_time, recording.spike_times)
        assert dataset.Vm.sel(time=0.11, method="nearest") == recording.Vm[1]
        assert dataset.INa.dims == ("current_time",)
        assert dataset.attrs["stimulus"] == {"kind": "constant", "amplitude": 20.0}
        assert dataset.attrs["model"]["parameters"]["gNa"] == 120
        assert dataset.attrs["method"] == "euler"
        assert dataset.attrs["steps"] == dataset.attrs["done"] == 5_000


def test_array_stimulus_must_be_given_again(out):
    wave = np.random.default_rng(0).normal(8, 5, 30_000)
    resting_simulation().run(wave[:20_000], 0.01, to=out)
    with pytest.raises(ValueError, match=r"^stimulus must be given again, because a store"):
        pyhh.Simulation.resume(out, duration=300.0)
    with pytest.raises(ValueError, match=r"^stimulus must have a value for each of 30000 steps"):
        pyhh.Simulation.resume(out, stimulus=wave[:20_000], duration=300.0)
    with pytest.raises(ValueError, match=r"^stimulus must be that of the run; got an array with"):
        pyhh.Simulation.resume(out, stimulus=wave + 1e-9, duration=300.0)
    resumed = pyhh.Simulation.resume(out, stimulus=wave, duration=300.0)
    assert_same_bits(resumed.recording, resting_simulation().run(wave, 0.01))


def test_stimulus_containing_an_array_must_be_given_again(out):
    wave = np.random.default_rng(0).normal(8, 5, 30_000)
    noise = stimuli.ornstein_uhlenbeck(0, 1, 5, seed=2)
    stimulus = stimuli.from_array(wave) + noise
    resting_simulation().run(stimulus, 0.01, duration=200.0, to=out)
    with pytest.raises(ValueError, match=r"^stimulus must be given again"):
        pyhh.Simulation.resume(out, duration=300.0)
    with pytest.raises(ValueError, match=r"^stimulus must be that of the run, "):
        pyhh.Simulation.resume(out, stimulus=noise, duration=300.0)
    resumed = pyhh.Simulation.resume(out, stimulus=stimulus, duration=300.0)
    assert_same_bits(resumed.recording, resting_simulation().run(stimulus, 0.01))


def test_conductance_of_an_array_must_be_given_again_itself(out):
    g = np.full(1_000, 0.1)
    stimulus = stimuli.conductance(g, 0) + stimuli.step(2, 1, 3)
    resting_simulation().run(stimulus, 0.01, to=out)
    kept = "conductance(an array of 1000 values, 0) + step(2, 1, 3)"
    advice = " Give that stimulus itself again, with its arrays and functions, not an array alone."
    for wrong, got in (
        (g, "an array of float64 with shape (1000,)"),
        (stimuli.from_array(g), "from_array(<1000 values>)"),
        (stimuli.conductance(g, 1), "conductance(from_array(<1000 values>), 1)"),
    ):
        with pytest.raises((TypeError, ValueError)) as error:
            pyhh.Simulation.resume(out, stimulus=wrong)
        assert str(error.value) == f"stimulus must be that of the run, {kept}; got {got}.{advice}"
    with pytest.raises(ValueError, match=re.escape(f"got None. Pass {kept} to Sim")):
        pyhh.Simulation.resume(out)
    resumed = pyhh.Simulation.resume(out, stimulus=stimulus)
    assert_same_bits(resumed.recording, resting_simulation().run(stimulus, 0.01))


@pytest.mark.parametrize(
    ("stimulus", "kept"),
    [
        (lambda t: 0 * t, "a function"),
        (2 * stimuli.from_array(np.ones(9)).shifted(0.02) - 1, "scaled(2, shifted(0.02, 0, an "
         "array of 9 values)) + constant(-1)"),
        (stimuli.conductance(lambda t: 0 * t + 1, -70), "conductance(a function, -70)"),
    ],
)  # fmt: skip
def test_message_shows_what_a_store_knows_of_a_stimulus(stimulus, kept, out):
    resting_simulation().run(stimulus, 0.01, duration=0.05, to=out)
    with pytest.raises(ValueError, match=re.escape(f"must be that of the run, {kept}; got const")):
        pyhh.Simulation.resume(out, stimulus=9)


def test_custom_kinetics_need_the_model_only_outside_their_stored_range(out):
    stimulus = stimuli.step(20, 10, 100) + stimuli.step(-60, 200, 300)
    options = {"method": "exponential_euler", "dt": 0.01}
    resting_simulation(Warm).run(stimulus, duration=150.0, to=out, **options)
    expected = resting_simulation(Warm)
    full = expected.run(stimulus, duration=400.0, **options)
    assert full.Vm.min() < -50
    message = r"^model must be given to continue: V has reached -50.* mV, and the rates"
    with pytest.raises(ValueError, match=message):
        pyhh.Simulation.resume(out, duration=400.0)
    with pytest.raises(ValueError, match=r"^model must be the one that was saved; got one with"):
        pyhh.Simulation.resume(out, model=pyhh.HHModel())
    warmer = Warm()
    warmer.factor = 3.0
    with pytest.raises(ValueError, match=r"^model must be the one that was saved; got one with"):
        pyhh.Simulation.resume(out, model=warmer)
    with pytest.raises(ValueError, match="got one with gNa 110 instead of 120"):
        pyhh.Simulation.resume(out, model=Warm(gNa=110))
    model = Warm(12.0)
    resumed = pyhh.Simulation.resume(out, model=model)
    assert resumed.model is model
    assert_same_bits(resumed.recording, full)
    assert full_state_of(model) == full_state_of(expected.model)


def test_model_with_custom_iterate_or_random_rates_cannot_be_stored(tmp_path):
    class OwnIterate(pyhh.HHModel):
        def iterate(self, stimulusCurrent, deltaTms):
            super().iterate(stimulusCurrent, deltaTms)

    class Noisy(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.m.alpha = self.m.alpha * np.random.default_rng().uniform()

    for kind in (OwnIterate, Noisy):
        with pytest.raises(ValueError, match=r"^model must be one that can be saved as num"):
            pyhh.Simulation(kind()).run(1.0, 0.01, duration=1.0, to=tmp_path / "run.zarr")
    assert list(tmp_path.iterdir()) == []


def test_diverged_run_stores_its_finite_steps(out):
    simulation = resting_simulation()
    with pytest.raises(pyhh.SimulationError) as error:
        simulation.run(-1e4, 0.01, duration=10.0, to=out, every=2)
    recording = simulation.recording
    assert recording.steps == error.value.step
    assert recording.Vm.size == -(-recording.steps // 2)
    assert np.isfinite(recording.Vm).all()
    with pytest.raises(pyhh.SimulationError) as again:
        pyhh.Simulation.resume(out)
    assert again.value.step == error.value.step


def test_traces_not_recorded_raise_attribute_error(out):
    simulation = resting_simulation()
    recording = simulation.run(1.0, 0.01, duration=1.0, record=("Vm",), to=out)
    for owner in (simulation, recording):
        assert owner.Vm.size == 100
        with pytest.raises(AttributeError, match=r"^INa was not recorded\. Name it in run"):
            owner.INa  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        recording.nothing  # noqa: B018


@pytest.mark.parametrize("kind", [pyhh.HHModel, NineTimes])
def test_a_run_that_had_diverged_says_what_gives_the_right_result(kind, tmp_path):
    store = tmp_path / "run.zarr"
    dt = 0.5 if kind is pyhh.HHModel else 0.1
    with (
        pytest.warns(UserWarning, match="steps of 0.05 ms or less"),
        pytest.raises(pyhh.SimulationError, match="the run diverged") as first,
    ):
        pyhh.Simulation(kind.at_rest()).run(40, dt, duration=100, to=store)
    V, step = first.value.V, first.value.step
    before = {path: path.read_bytes() for path in store.rglob("c/*") if path.is_file()}
    if kind is NineTimes:
        with pytest.raises(ValueError, match=r"Pass model=\.\.\. to resume"):
            pyhh.Simulation.resume(store)
    message = (
        f"the run had failed at step {step} (t = {step * dt:g} ms), at V = {V:.6g} mV, before it "
        f"was resumed, and fails there again: its method, 'euler', and its dt, {dt} ms, stay as "
        "they are. Run it again into another store, with method='adaptive' or a smaller dt."
    )
    with pytest.raises(pyhh.SimulationError, match=f"^{re.escape(message)}$") as again:
        pyhh.Simulation.resume(store, model=kind.at_rest())
    assert (again.value.step, again.value.V) == (step, V)
    assert {path: path.read_bytes() for path in before} == before
    # Both ways that it names are right: those of a solver with other tolerances.
    other = pyhh.Simulation(kind.at_rest())
    adaptive = other.run(40, dt, duration=100, method="adaptive", to=tmp_path / "2.zarr")
    small = pyhh.Simulation(kind.at_rest()).run(40, dt / 100, duration=100, to=tmp_path / "3.zarr")
    assert adaptive.spike_times.size == small.spike_times.size > 8
    np.testing.assert_allclose(adaptive.spike_times, small.spike_times, rtol=0, atol=0.5)


def test_custom_rates_beyond_every_table_go_to_a_store(out):
    model = NineTimes.steady(30_000)
    options = {"duration": 0.001, "method": "exponential_euler"}
    twin = copy.deepcopy(model)
    recording = pyhh.Simulation(model).run(0, 1e-5, to=out, **options)
    again = pyhh.Simulation(twin).run(0, 1e-5, **options)
    np.testing.assert_array_equal(recording.Vm, again.Vm)

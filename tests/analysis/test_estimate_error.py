"""`Recording.estimate_error`: the change by half the step, compared with the true error."""

import math
import pickle
import types

import numpy as np
import pytest
import reference
from custom_models import InPython

import pyhh_fast as pyhh
from pyhh_fast import stimuli

STIMULUS = np.where(np.arange(20_000) < 5_000, 0.0, 10.0)
METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]


def steady(kind=pyhh.HHModel):
    model = kind()
    model.h.setInfiniteState()
    return model


def run(method="euler", stimulus=STIMULUS, dt=0.01, model=None, **options):
    return pyhh.Simulation(model or steady()).run(stimulus, dt, method=method, **options)


@pytest.fixture(scope="module")
def exact():
    protocol = [(50.0, 0.0), (150.0, 10.0)]
    return reference.solve(reference.Parameters(), reference.steady(0.0), protocol).spike_times


@pytest.mark.parametrize(
    ("method", "fraction"), [("euler", 1 / 2), ("exponential_euler", 3 / 4), ("rk4", 15 / 16)]
)
def test_estimate_matches_order_of_method(method, fraction, exact):
    recording = run(method)
    error = np.abs(recording.spike_times - exact).max()
    assert recording.estimate_error().spike_times == pytest.approx(fraction * error, rel=0.1)


def test_estimate_of_the_adaptive_method_is_the_error(exact):
    recording = run("adaptive", rtol=1e-5, atol=1e-5)
    error = np.abs(recording.spike_times - exact).max()
    assert recording.estimate_error().spike_times == pytest.approx(error, rel=0.2)


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
def test_estimate_is_the_difference_from_half_the_step(method):
    recording = run(method)
    finer = run(method, np.repeat(STIMULUS, 2), 0.005)
    change = recording.estimate_error()
    assert change.Vm == np.abs(recording.Vm - finer.Vm[1::2]).max()
    assert change.spike_times == np.abs(recording.spike_times - finer.spike_times).max()
    assert change.spikes == 0
    assert change == (change.Vm, change.spike_times, change.spikes)


@pytest.mark.parametrize("method", METHODS)
def test_estimate_changes_neither_recording_nor_model(method):
    model = steady()
    simulation = pyhh.Simulation(model)
    recording = simulation.run(STIMULUS, 0.01, method=method)
    before = pickle.dumps(recording), pickle.dumps(model)
    recording.estimate_error()
    assert (pickle.dumps(recording), pickle.dumps(model)) == before
    assert simulation.recording is recording


def test_estimate_uses_initial_state_and_parameters_of_the_run():
    model = steady()
    simulation = pyhh.Simulation(model)
    simulation.run(20.0, 0.01, duration=33.0)
    model.gNa = 100.0
    recording = simulation.run(20.0, 0.01, duration=33.0)
    first = recording.estimate_error()
    model.gNa, model.Vm, model.m.state = 10.0, 90.0, 0.9
    simulation.run(20.0, 0.01, duration=3.0)
    assert recording.estimate_error() == first
    assert first.Vm < 10


def test_estimate_uses_class_parameters_of_the_run(monkeypatch):
    monkeypatch.setattr(pyhh.HHModel, "gK", 30.0)
    recording = run()
    first = recording.estimate_error()
    monkeypatch.undo()
    assert recording.estimate_error() == first


def test_estimate_of_coarse_steps_does_not_warn(recwarn):
    with pytest.warns(UserWarning, match="dt is"):
        recording = run("rk4", 10.0, 0.08, duration=100.0)
    coarse = recording.estimate_error()
    assert coarse.spike_times > run("rk4", 10.0, 0.05, duration=100.0).estimate_error().spike_times
    assert not recwarn.list, "half of a large step must not warn again"


def test_traces_not_recorded_are_not_compared():
    for record in [(), ("IK",)]:
        change = run(record=record).estimate_error()
        assert math.isnan(change.Vm)
        assert change.spike_times == run().estimate_error().spike_times
    silent = run(stimulus=np.zeros(100))
    assert math.isnan(silent.estimate_error().spike_times)
    assert silent.estimate_error().Vm < 1e-3
    assert math.isnan(run(stimulus=[]).estimate_error().Vm)


@pytest.mark.filterwarnings("ignore:dt is")
def test_spikes_missing_at_half_the_step_are_counted():
    # 1 s with 10 µA/cm² from 50 ms: 69 spikes at 0.069 ms, 65 at less than 0.0675.
    dt = 0.069
    stimulus = np.where(np.arange(round(1_000 / dt)) * dt < 50, 0.0, 10.0)
    recording = run("euler", stimulus, dt)
    assert recording.spike_times.size == 69
    change = recording.estimate_error()
    assert change.spikes == -4
    assert change.spike_times < 8, "those with none near are left out"


class Warmer(pyhh.HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        pyhh.HHModel._UpdateGateTimeConstants(self, Vm)
        self.m.beta = 1.1 * self.m.beta


def test_estimate_of_custom_models():
    stimulus = STIMULUS[4_000:8_000]
    expected = run(stimulus=stimulus, model=steady(Warmer)).estimate_error()
    assert expected != run(stimulus=stimulus).estimate_error()

    patched = pyhh.HHModel()
    hook = Warmer(0.0)._UpdateGateTimeConstants.__func__
    patched._UpdateGateTimeConstants = types.MethodType(lambda self, V: hook(self, V), patched)
    start = steady(Warmer)
    for name in ("m", "h", "n"):
        getattr(patched, name).state = getattr(start, name).state
    assert run(stimulus=stimulus, model=patched).estimate_error() == expected

    stepped = run(stimulus=stimulus, model=steady(InPython)).estimate_error()
    assert stepped == pytest.approx(run(stimulus=stimulus).estimate_error(), rel=1e-6)


class WithMCurrent(pyhh.HHModel):
    """A model with a fourth gate, and an array that counts the steps."""

    def __init__(self):
        super().__init__()
        self.h.setInfiniteState()
        self.p = pyhh.HHModel.Gate()
        self.p.alpha, self.p.beta = 0.01, 0.03
        self.steps = np.zeros(1)

    def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
        leak = 0.3 * self.p.state * (self.Vm + 12)
        super()._UpdateCellVoltage(stimulusCurrent - leak, deltaTms)

    def _UpdateGateStates(self, deltaTms):
        super()._UpdateGateStates(deltaTms)
        self.p.update(deltaTms)
        self.steps += 1


def test_repeated_run_shares_nothing_with_the_model():
    stimulus = np.full(2_000, 12.0)
    model = WithMCurrent()
    recording = run(stimulus=stimulus, model=model)
    before = model.p.state, model.steps.copy()
    change = recording.estimate_error()
    assert (model.p.state, model.steps) == before
    finer = run(stimulus=np.repeat(stimulus, 2), dt=0.005, model=WithMCurrent())
    assert change.Vm == np.abs(recording.Vm - finer.Vm[1::2]).max()


@pytest.mark.parametrize(
    "held", [np.zeros(200_000), [0.0] * 2_000, lambda V: V, {1: 2}, np.array([None])]
)
def test_models_with_large_attributes_are_not_copied(held):
    model = steady()
    model._held = held
    recording = run(stimulus=np.full(50, 12.0), model=model)
    with pytest.raises(RuntimeError, match="it holds more than numbers, gates and small arrays"):
        recording.estimate_error()
    model._held = [1.0, np.zeros(3), "a name", None, pyhh.HHModel.Gate()]
    run(stimulus=np.full(50, 12.0), model=model).estimate_error()


def test_model_with_a_hook_bound_to_it_is_not_copied():
    model = steady()

    def hook(Vm):
        pyhh.HHModel._UpdateGateTimeConstants(model, Vm)

    model._UpdateGateTimeConstants = hook
    recording = run(stimulus=np.full(50, 12.0), model=model)
    before = model.m.alpha, model.Vm
    with pytest.raises(RuntimeError, match="the model was not copied"):
        recording.estimate_error()
    assert (model.m.alpha, model.Vm) == before


def test_failed_runs_and_copies_cannot_be_estimated():
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    with pytest.raises(pyhh.SimulationError):
        simulation.run(-50.0, 0.01, duration=20.0)
    with pytest.raises(RuntimeError, match=r"^The error cannot be estimated: the run failed\.$"):
        simulation.recording.estimate_error()
    again = pickle.loads(pickle.dumps(run()))
    message = "cannot be estimated: the recording is a copy, without its model"
    with pytest.raises(RuntimeError, match=message):
        again.estimate_error()

    class Slotted:
        __slots__ = ("IK", "IKleak", "INa", "Vm", "h", "m", "n")

        def __init__(self):
            self.Vm = 0.0
            self.m, self.h, self.n = (pyhh.HHModel.Gate() for _ in range(3))

        def iterate(self, stimulusCurrent, deltaTms):
            self.INa = self.IK = self.IKleak = 0.0
            self.Vm += deltaTms

    with pytest.raises(RuntimeError, match="the model was not copied"):
        run(stimulus=np.zeros(9), model=Slotted()).estimate_error()


@pytest.mark.filterwarnings("ignore:dt is")
def test_divergence_of_the_finer_run_under_noise_is_told():
    noise = stimuli.ornstein_uhlenbeck(1, 1, 5, seed=1)
    recording = run("euler", noise, 1e3, duration=3e3)
    with pytest.raises(pyhh.SimulationError, match=r"^the run diverged at step \d \(t = "):
        recording.estimate_error()


def test_interrupted_run_is_compared_up_to_its_end(monkeypatch):
    from pyhh_fast.engine.fixed_stepper import FixedStepper

    original = FixedStepper.advance
    monkeypatch.setattr(FixedStepper, "CHUNK", 3_000)

    def advance(self):
        going = original(self)
        if self.step == 12_000:
            raise KeyboardInterrupt
        return going

    monkeypatch.setattr(FixedStepper, "advance", advance)
    simulation = pyhh.Simulation(steady())
    with pytest.raises(KeyboardInterrupt):
        simulation.run(STIMULUS, 0.01)
    monkeypatch.undo()
    change = simulation.recording.estimate_error()
    assert change == run(stimulus=STIMULUS[:12_000]).estimate_error()

"""Overrides of methods, parameters and gates are honoured: each against the plain Python loop.

Overridden kinetics have a file of their own.
"""

import logging

import numpy as np
import pytest
from custom_models import FrozenGates, OtherGate
from model_states import full_state_of
from slow_runs import slow_run

import pyhh_fast as pyhh
from pyhh_fast import HHModel
from pyhh_fast.models.overrides import custom_behaviour
from pyhh_fast.variables import TRACES

Gate = HHModel.Gate


class Pumped(HHModel):
    def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
        super()._UpdateCellVoltage(stimulusCurrent - 1.5, deltaTms)


class TwiceAStep(HHModel):
    def iterate(self, stimulusCurrent, deltaTms):
        super().iterate(stimulusCurrent, deltaTms / 2)
        super().iterate(stimulusCurrent, deltaTms / 2)


class ComputedConductance(HHModel):
    @property
    def gNa(self):
        return 120.0 if self.Vm < 20 else 100.0


class Clamped(HHModel):
    def __setattr__(self, name, value):
        super().__setattr__(name, min(value, 60.0) if name == "Vm" else value)


class Watched(HHModel):
    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        return value * 0.9 if name == "gK" else value


class ComputedPotential(HHModel):
    @property
    def Vm(self):
        return self.__dict__["V"]

    @Vm.setter
    def Vm(self, value):
        self.__dict__["V"] = min(value, 60.0)


class ComputedCurrent(HHModel):
    @property
    def IK(self):
        return self.__dict__.get("I")

    @IK.setter
    def IK(self, value):
        self.__dict__["I"] = 0.9 * value


class ComputedGate(HHModel):
    def __init__(self):
        self.slow = Gate()
        super().__init__()

    @property
    def h(self):
        self.slow.alpha *= 0.99
        return self.slow


class Switched:
    """A descriptor other than a property."""

    def __get__(self, model, cls):
        return 120.0 if model is None or model.Vm < 20 else 100.0


class SwitchedConductance(HHModel):
    gNa = Switched()


class ChildOfPumped(Pumped):
    pass


class HalfOpening(Gate):
    @property
    def alpha(self):
        return self.__dict__.get("rate", 0.0)

    @alpha.setter
    def alpha(self, value):
        self.__dict__["rate"] = value / 2


class SlowGate(Gate):
    def update(self, deltaTms):
        super().update(deltaTms / 3)


class LeakyGate(Gate):
    @property
    def state(self):
        return self.__dict__.get("open", 0.0) + 0.01

    @state.setter
    def state(self, value):
        self.__dict__["open"] = value - 0.02


class SlowGateOnTheClass(HHModel):
    h = SlowGate()


def hook_on_the_instance(monkeypatch):
    model = HHModel()
    original = model._UpdateGateStates
    model._UpdateGateStates = lambda deltaTms: original(deltaTms / 2)
    return model


def gate_method_on_the_class(monkeypatch):
    original = Gate.update
    monkeypatch.setattr(Gate, "update", lambda self, deltaTms: original(self, deltaTms / 2))
    return HHModel()


def gate_method_on_the_instance(monkeypatch):
    model = HHModel()
    model.n.update = lambda deltaTms: None
    return model


def replaced_gate(kind):
    def make(monkeypatch):
        model = HHModel()
        model.h = kind()
        return model

    make.__name__ = f"replaced_by_{kind.__name__}"
    return make


def one_gate_for_two(monkeypatch):
    model = HHModel()
    model.n = model.h
    return model


def made(cls):
    def make(monkeypatch):
        return cls()

    make.__name__ = cls.__name__
    return make


CASES = [
    *map(made, [Pumped, FrozenGates, TwiceAStep, ComputedConductance, Clamped, Watched]),
    *map(made, [ComputedPotential, ComputedCurrent, ComputedGate, SwitchedConductance]),
    *map(made, [ChildOfPumped, SlowGateOnTheClass]),
    hook_on_the_instance,
    gate_method_on_the_class,
    gate_method_on_the_instance,
    *map(replaced_gate, [SlowGate, LeakyGate, HalfOpening, OtherGate]),
    one_gate_for_two,
]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_overrides_are_honoured(make, monkeypatch):
    stimulus = np.concatenate([np.zeros(50), np.full(1_500, 20.0)])
    with monkeypatch.context() as patched:
        slow = slow_run(make(patched), stimulus, 0.01)
    with monkeypatch.context() as patched:
        model = make(patched)
        assert custom_behaviour(model) is not None
        fast = pyhh.Simulation(model)
        fast.Run(stimulus, 0.01)
    plain = pyhh.Simulation(HHModel())
    plain.Run(stimulus, 0.01)
    for name in TRACES:
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))
    assert full_state_of(fast.model) == full_state_of(slow.model)
    assert np.abs(fast.Vm - plain.Vm).max() > 1e-3, "the override made no difference"


def test_object_with_the_attributes_of_pyhh_models_runs():
    class Passive:
        """Only the attributes that a run uses."""

        __slots__ = ("IK", "IKleak", "INa", "Vm", "h", "m", "n")

        def __init__(self):
            self.Vm = 0.0
            self.m = self.h = self.n = Gate()

        def iterate(self, stimulusCurrent, deltaTms):
            self.INa = self.IK = 0.0
            self.IKleak = 0.3 * self.Vm
            self.Vm += deltaTms * (stimulusCurrent - self.IKleak)

    recording = pyhh.Simulation(Passive()).run(3.0, 0.01, duration=100.0)
    assert recording.Vm[-1] == pytest.approx(10.0)


def test_models_stepped_in_python_log_the_reason(caplog):
    class Renamed(HHModel):
        gNa = 100

        def spike(self):
            return self.Vm > 50

    for model in (HHModel(), HHModel(gK=3), Renamed(), HHModel.at_rest()):
        assert custom_behaviour(model) is None
    model = HHModel()
    model.note = "mine"
    model.h = Gate()
    assert custom_behaviour(model) is None
    with caplog.at_level(logging.INFO, logger="pyhh_fast"):
        pyhh.Simulation(HHModel()).Run(np.zeros(1), 0.01)
        assert caplog.messages == []
        pyhh.Simulation(Pumped()).Run(np.zeros(1), 0.01)
    reason = "stepping in Python: Pumped._UpdateCellVoltage is overridden"
    assert caplog.record_tuples == [("pyhh_fast", logging.INFO, reason)]


def test_overflow_in_a_python_step_does_not_warn():
    # Warnings are errors in this suite.
    with pytest.raises(pyhh.SimulationError):
        pyhh.Simulation(Pumped()).run(-60.0, 0.01, duration=100.0)


@pytest.mark.parametrize("hook", ["iterate", "_UpdateCellVoltage"])
@pytest.mark.parametrize("where", ["class", "instance"])
def test_parameters_that_no_code_reads_are_not_checked(hook, where):
    def integrate(self, stimulusCurrent, deltaTms):
        self.INa = self.IK = self.IKleak = 0.0
        self.Vm += stimulusCurrent * deltaTms

    model = type("Mine", (HHModel,), {hook: integrate} if where == "class" else {})()
    if where == "instance":
        setattr(model, hook, integrate.__get__(model))
    model.gNa = None
    recording = pyhh.Simulation(model).run([1.0, 1.0], 0.01)
    np.testing.assert_allclose(recording.Vm, [0.01, 0.02])

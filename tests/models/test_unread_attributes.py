"""Attributes that no code reads warn, once for each model, as misspelled parameters."""

import copy
import operator
import pickle

import numpy as np
import pytest
from user_warnings import warnings_of

import pyhh_fast as pyhh


def run(model, **options):
    return pyhh.Simulation(model).run(0.0, 0.01, duration=1.0, **options)


def unread_message(name, advice, whose="an HHModel"):
    return (
        f"nothing reads the attribute {name} of {whose}: it changes no run. {advice}"
        f"{' ' * bool(advice)}Begin the name of a note of your own with an underscore, or read it "
        "in a method of a subclass, and there is no warning."
    )


REST = "Voltages are relative to rest, near 0 mV; to start there use at_rest()."

NAMES = {
    "gna": "Did you mean gNa?",
    "gNA": "Did you mean gNa?",
    "g_K": "Did you mean gK?",
    "EL": "Did you mean EKleak?",
    "C": "Did you mean Cm?",
    "V": "Did you mean Vm?",
    "V_rest": REST,
    "Vrest": REST,
    "temperature": "For rates at a temperature override _UpdateGateTimeConstants in a subclass.",
    "name": "",
}


@pytest.mark.parametrize(("name", "advice"), NAMES.items())
def test_attribute_that_nothing_reads_warns_once(name, advice):
    model = pyhh.HHModel.at_rest()
    setattr(model, name, 3)
    assert warnings_of(lambda: run(model)) == [unread_message(name, advice)]
    for twin in (model, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert warnings_of(lambda twin=twin: run(twin)) == []
    model.gk = 4
    assert warnings_of(lambda: run(model)) == [unread_message("gk", "Did you mean gK?")]


@pytest.mark.parametrize(
    "use",
    [
        lambda model: pyhh.Simulation(model).Run(np.zeros(10), 0.01),
        lambda model: pyhh.Population.from_model(model, 2),
        lambda model: pyhh.sweep(model, {"gNa": [100, 120]}, 0, 0.01, duration=1),
        lambda model: pyhh.fi_curve(model, [0.0], duration=10),
        lambda model: pyhh.rheobase(model, 1.0),
        lambda model: pyhh.steady_state(model, 0.0),
        lambda model: pyhh.phase_plane(model, duration=1.0),
    ],
)
def test_every_function_that_runs_a_model_warns(use):
    model = pyhh.HHModel.at_rest()
    model.gna = 0
    assert warnings_of(lambda: use(model)) == [unread_message("gna", "Did you mean gNa?")]


def test_attributes_of_classes_without_code_warn(monkeypatch):
    class Squid(pyhh.HHModel):
        gNa = 110
        V_rest = -65

    assert warnings_of(lambda: run(Squid())) == [unread_message("V_rest", REST, "this Squid")]
    monkeypatch.setattr(pyhh.HHModel, "gna", 3, raising=False)
    assert warnings_of(lambda: run(pyhh.HHModel())) == [unread_message("gna", "Did you mean gNa?")]


class Reading(pyhh.HHModel):
    factor = 2.0

    def __init__(self, startingVoltage=0, **parameters):
        super().__init__(startingVoltage, **parameters)
        self.label = "mine"

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.n.alpha = self.factor * self.n.alpha
        self.n.beta = getattr(self, "gk", 1.0) * self.n.beta


class WithMethod(pyhh.HHModel):
    def firing(self):
        return self.Vm > self.level


def hook_on_instance():
    model = pyhh.HHModel()
    model._UpdateGateStates = lambda deltaTms: None
    return model


@pytest.mark.parametrize("make", [Reading, WithMethod, hook_on_instance])
def test_attributes_of_models_with_code_do_not_warn(make):
    model = make()
    model.level, model.temperature, model.notes = 50, 20.0, ["a"]
    assert warnings_of(lambda: run(model)) == []


def test_names_with_an_underscore_do_not_warn():
    model = pyhh.HHModel()
    model._name = "cell 3"
    assert warnings_of(lambda: run(model)) == []


def test_name_that_differs_in_case_only_warns():
    model = Reading()
    model.gna = 3
    assert warnings_of(lambda: run(model)) == ["nothing reads Reading.gna. Did you mean gNa?"]
    model.gk = 1.0  # this one the hook reads
    assert warnings_of(lambda: run(model)) == []

    class Hook(pyhh.HHModel):
        def _updateGateStates(self, deltaTms):
            raise AssertionError

    message = "nothing calls Hook._updateGateStates. Did you mean _UpdateGateStates?"
    assert warnings_of(lambda: run(Hook())) == [message]


class Warm(pyhh.HHModel):
    temperature = 6.3
    gNa = 110

    def __init__(self, startingVoltage=0, **parameters):
        self.calls = 0
        super().__init__(startingVoltage, **parameters)

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        factor = self._factor(self.temperature)
        for gate in (self.m, self.h, self.n):
            gate.alpha, gate.beta = factor * gate.alpha, factor * gate.beta

    @staticmethod
    def _factor(temperature):
        return 3 ** ((temperature - 6.3) / 10)

    @property
    def open_fractions(self):
        return [gate.state for gate in (self.m, self.h, self.n) if self.Vm < 1_000]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("temprature", "temperature"), ("temperatur", "temperature"), ("EKleek", "EKleak")],
)
def test_misspelled_parameter_of_a_subclass_with_code_warns_once(name, meant):
    model = Warm.at_rest()
    setattr(model, name, 18)
    assert warnings_of(lambda: run(model)) == [
        unread_message(name, f"Did you mean {meant}?", "this Warm")
    ]
    assert warnings_of(lambda: run(copy.copy(model))) == []


def reading_function(self, Vm):
    Warm._UpdateGateTimeConstants(self, Vm)


class ByDict(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm + self.__dict__.get("temp" + "rature", 0))


class ByGetattr(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm + getattr(self, "temp" + "rature", 0))


class ByHelper(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        reading_function(self, Vm)


class ByModule(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        pickle.dumps(self)


class ByClosure(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        (lambda: reading_function(self, Vm))()


class ByNestedCode(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        any(self.temprature for _ in range(0))


class BySetter(Warm):
    @property
    def other(self):
        return 1

    @other.setter
    def other(self, value):
        self.temprature = value


class ByGetattribute(Warm):
    def __getattr__(self, name):
        raise AttributeError(name)


class BehindMixin:
    def note(self):
        return self.temprature


class ByMixin(Warm, BehindMixin):
    pass


def wrapped(function):
    def wrapper(self, Vm):
        return function(self, Vm)

    return wrapper


class ByDecorator(Warm):
    _UpdateGateTimeConstants = wrapped(reading_function)


class ByCallable(Warm):
    reader = operator.attrgetter("temperature")


SILENT = [
    ByDict, ByGetattr, ByHelper, ByModule, ByClosure, ByNestedCode, BySetter,
    ByGetattribute, ByMixin, ByDecorator, ByCallable,
]  # fmt: skip


@pytest.mark.parametrize("silent", SILENT)
def test_attributes_that_code_of_a_subclass_may_read_do_not_warn(silent):
    model = silent()
    model.temprature = 18
    assert warnings_of(lambda: run(model)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trial", 3),
        ("temperature2", 3),  # a sibling of temperature
        ("temprature", "warm"),
        ("calls", 4),  # set in __init__
        ("_temprature", 3),
        ("open_fraction", 0.3),
    ],
)
def test_other_attributes_on_a_model_with_parameters_do_not_warn(name, value):
    model = Warm()
    setattr(model, name, value)
    assert warnings_of(lambda: run(model)) == []


def test_attributes_of_models_that_hold_other_objects_do_not_warn():
    for value in ([], print, {}):
        model = Warm()
        model.temprature, model.held = 18, value
        assert warnings_of(lambda model=model: run(model)) == []

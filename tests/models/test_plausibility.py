"""What can be computed but is hardly meant is told of, once for each model; what may be is not."""

import copy
import operator
import pickle
import warnings

import numpy as np
import pytest

import pyhh_fast as pyhh


def run(model, **options):
    return pyhh.Simulation(model).run(0.0, 0.01, duration=1.0, **options)


def told(call):
    """Return the messages of warnings, having seen that they show a line of this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert all(warning.filename == __file__ for warning in caught)
    assert all(warning.category is UserWarning for warning in caught)
    return [str(warning.message) for warning in caught]


def unread(name, advice, whose="an HHModel"):
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
def test_an_attribute_that_nothing_reads_is_told_of_once(name, advice):
    model = pyhh.HHModel.at_rest()
    setattr(model, name, 3)
    assert told(lambda: run(model)) == [unread(name, advice)]
    for twin in (model, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert told(lambda twin=twin: run(twin)) == []
    model.gk = 4
    assert told(lambda: run(model)) == [unread("gk", "Did you mean gK?")]


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
def test_whatever_runs_a_model_tells_of_it(use):
    model = pyhh.HHModel.at_rest()
    model.gna = 0
    assert told(lambda: use(model)) == [unread("gna", "Did you mean gNa?")]


def test_attributes_of_the_class_and_of_subclasses_without_code_count(monkeypatch):
    class Squid(pyhh.HHModel):
        gNa = 110
        V_rest = -65

    assert told(lambda: run(Squid())) == [unread("V_rest", REST, "this Squid")]
    monkeypatch.setattr(pyhh.HHModel, "gna", 3, raising=False)
    assert told(lambda: run(pyhh.HHModel())) == [unread("gna", "Did you mean gNa?")]


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
def test_code_of_a_user_may_read_any_name(make):
    model = make()
    model.level, model.temperature, model.notes = 50, 20.0, ["a"]
    assert told(lambda: run(model)) == []


def test_notes_that_begin_with_an_underscore_are_free():
    model = pyhh.HHModel()
    model._name = "cell 3"
    assert told(lambda: run(model)) == []


def test_a_name_that_differs_by_case_alone_is_never_meant():
    model = Reading()
    model.gna = 3
    assert told(lambda: run(model)) == ["nothing reads Reading.gna. Did you mean gNa?"]
    model.gk = 1.0  # this one the hook reads
    assert told(lambda: run(model)) == []

    class Hook(pyhh.HHModel):
        def _updateGateStates(self, deltaTms):
            raise AssertionError

    message = "nothing calls Hook._updateGateStates. Did you mean _UpdateGateStates?"
    assert told(lambda: run(Hook())) == [message]


ABSOLUTE = {"ENa": 50, "EK": -77, "EKleak": -54.387}


def potentials(ENa, EK, EKleak, converted, whose=""):
    return (
        f"the reversal potentials{whose}, ENa {ENa:g}, EK {EK:g} and EKleak {EKleak:g} mV, are "
        "those of a cell in absolute mV, but voltages of an HHModel with built-in rates are "
        f"relative to rest. For a rest at -65 mV add 65 mV: {converted}; to startingVoltage too."
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ABSOLUTE, potentials(50, -77, -54.387, "ENa=115, EK=-12, EKleak=10.613")),
        ({"ENa": 50, "EK": -77}, potentials(50, -77, 10.6, "ENa=115, EK=-12, EKleak=10.6")),
        ({"ENa": 55, "EKleak": -65}, potentials(55, -12, -65, "ENa=120, EK=-12, EKleak=0")),
        ({"ENa": 40, "EK": -90}, potentials(40, -90, 10.6, "ENa=105, EK=-25, EKleak=10.6")),
    ],
)
def test_absolute_potentials_are_told_of_with_their_conversion(given, message):
    assert told(lambda: run(pyhh.HHModel(-65, **given))) == [message]
    assert told(lambda: pyhh.HHModel.at_rest(unstable="steady", **given)) == [message]
    model = pyhh.HHModel()
    for name, value in given.items():
        setattr(model, name, value)
    assert told(lambda: run(model)) == [message]
    assert told(lambda: run(model)) == []
    assert told(lambda: type("Mine", (pyhh.HHModel,), given)()) == [message]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"gNa": 100, "gK": 5, "EK": -35},
        {"ENa": 50},
        {"ENa": 50, "EK": -35},
        {"EK": -77},
        {"ENa": 130, "EK": -77},
        {"EKleak": -50},
        {"ENa": 115, "EK": -60, "EKleak": -60},
        {"ENa": 0, "EKleak": -12},
        {"ENa": -60, "EK": -60, "EKleak": -60},
    ],
)
def test_scans_of_potentials_relative_to_rest_are_not(given):
    assert told(lambda: run(pyhh.HHModel(-65, **given))) == []


def test_potentials_of_custom_rates_may_be_absolute():
    class Absolute(pyhh.HHModel):
        ENa, EK, EKleak = 50, -77, -54.4

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm + 65)

    class Step(Absolute):
        def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
            super()._UpdateCellVoltage(stimulusCurrent, deltaTms)

    assert told(lambda: run(Absolute.at_rest())) == []
    assert told(lambda: run(Step())) == []


NEGATIVE = (
    "{} is {} (mS/cm²). A conductance below 0 drives V away from its reversal potential; it is "
    "computed as it stands. Check the sign."
)


def test_negative_conductances_are_taken_with_a_warning():
    assert told(lambda: run(pyhh.HHModel(gNa=-1))) == [NEGATIVE.format("gNa", "-1")]
    model = pyhh.HHModel()
    model.gK = -0.5
    assert told(lambda: run(model)) == [NEGATIVE.format("gK", "-0.5")]
    assert told(lambda: run(pyhh.HHModel(gNa=0, gK=0))) == []


@pytest.mark.parametrize("state", [5, -0.2])
def test_gates_outside_0_to_1_are_taken_with_a_warning(state):
    model = pyhh.HHModel()
    model.m.state = state
    assert told(lambda: run(model)) == [
        f"m.state is {state}. The open fraction of a gate is between 0 and 1; it is computed as it "
        "stands. Set it, or start from at_rest() or steady(V)."
    ]
    model.h.state = 1 + 1e-12
    assert told(lambda: run(model)) == []


def test_populations_tell_of_cells():
    told_of = NEGATIVE.format("gNa of cell 1", "-2")
    assert told(lambda: pyhh.Population(2, gNa=[-1, -2])) == [told_of]
    population = pyhh.Population(3)
    population.gK[2] = -1
    population.StateM = [0, 5, 1]
    messages = [
        NEGATIVE.format("gK of cell 2", "-1"),
        "StateM of cell 1 is 5. The open fraction of a gate is between 0 and 1; it is computed as "
        "it stands. Set it, or start from at_rest() or steady(V).",
    ]
    assert told(lambda: population.run(0, 0.01, duration=1)) == messages
    assert told(lambda: population.run(0, 0.01, duration=1)) == []
    whose = " of cell 0 and the others"
    message = potentials(50, -77, 10.6, "ENa=115, EK=-12, EKleak=10.6", whose)
    assert told(lambda: pyhh.Population(3, ENa=[50, 55, 60], EK=-77)) == [message]
    assert told(lambda: pyhh.Population(3, ENa=[50, 55, 90], EK=-77)) == []
    assert told(lambda: pyhh.Population(0)) == []


def test_a_model_and_its_population_tell_once():
    model = pyhh.HHModel()
    model.gNa, model.ENa, model.EK = -1, 50, -77
    model.m.state = 3

    def use():
        pyhh.Population.from_model(model, 2).run(0, 0.01, duration=0.1)

    assert len(told(use)) == 3


def test_sweeps_tell_of_their_grid_once():
    model = pyhh.HHModel.at_rest()
    message = NEGATIVE.format("gNa", "-3 at a point of the grid")
    grid = {"gNa": np.linspace(-3, 100, 200), "current": np.arange(100)}
    assert told(lambda: pyhh.sweep(model, grid, 0, 0.01, duration=0.1)) == [message]
    message = potentials(60, -77, 10.6, "ENa=125, EK=-12, EKleak=10.6", " of the grid")
    grid = {"ENa": [50, 60], "EK": [-77, -90]}
    assert told(lambda: pyhh.sweep(model, grid, 0, 0.01, duration=0.1)) == [message]
    assert told(lambda: pyhh.sweep(model, {"ENa": [50, 60]}, 0, 0.01, duration=0.1)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ENa", "50", "--EK", "-77"], "add 65 mV: --ENa 115, --EK -12, --EKleak 10.6;"),
        (["--gNa", "-1"], "gNa is -1 (mS/cm²)."),
    ],
)
def test_the_command_line_tells_once(arguments, message, capsys):
    from pyhh_fast.cli.main import main

    assert main(["simulate", "--duration", "1", "--voltage", "0", *arguments]) == 0
    told = capsys.readouterr().err
    assert told.startswith("pyhh-fast simulate: warning: ")
    assert message in told
    assert told.count("warning") == 1


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
def test_a_misspelled_parameter_of_a_subclass_with_code_is_told_of_once(name, meant):
    model = Warm.at_rest()
    setattr(model, name, 18)
    assert told(lambda: run(model)) == [unread(name, f"Did you mean {meant}?", "this Warm")]
    assert told(lambda: run(copy.copy(model))) == []


def by_text(self, Vm):
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
        by_text(self, Vm)


class ByKeyword(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        {}.update(model=self)


class ByAlias(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        me = self
        super()._UpdateGateTimeConstants(Vm)
        by_text(me, Vm)


class ByClosure(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        (lambda: by_text(self, Vm))()


class ByArguments(Warm):
    def _UpdateGateTimeConstants(*arguments):
        by_text(*arguments)


class ByNestedCode(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        assert len([self.temprature for _ in range(1) if self.Vm > 1_000]) == 0


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
    _UpdateGateTimeConstants = wrapped(by_text)


class ByCallable(Warm):
    reader = operator.attrgetter("temperature")


SILENT = [
    ByDict, ByGetattr, ByHelper, ByKeyword, ByAlias, ByClosure, ByArguments, ByNestedCode,
    BySetter, ByGetattribute, ByMixin, ByDecorator, ByCallable,
]  # fmt: skip


@pytest.mark.parametrize("silent", SILENT)
def test_what_the_code_of_a_subclass_may_read_is_not_told_of(silent):
    model = silent()
    model.temprature = 18
    assert told(lambda: run(model)) == []


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
def test_notes_of_the_user_on_a_model_with_parameters_are_not_told_of(name, value):
    model = Warm()
    setattr(model, name, value)
    assert told(lambda: run(model)) == []


def test_a_model_that_holds_other_objects_may_be_read_by_them():
    for value in ([], print, {}):
        model = Warm()
        model.temprature, model.held = 18, value
        assert told(lambda model=model: run(model)) == []

"""Messages about arguments that cannot be meant: accepted names, types, what to do."""

import datetime
import functools
import re
import subprocess
import sys

import numpy as np
import pytest
from custom_models import InPython, WithTemperature
from error_messages import raises

import pyhh_fast as pyhh
from pyhh_fast import stimuli

PARAMETERS = "Cm, EK, EKleak, ENa, gK, gKleak, gNa"


@pytest.mark.parametrize(
    "call",
    [
        lambda: pyhh.HHModel.at_rest(foo=3),
        lambda: pyhh.HHModel().at_rest(foo=3),
        lambda: pyhh.HHModel.steady(3, foo=3),
        lambda: pyhh.HHModel().steady(3, foo=3),
        lambda: pyhh.Population.at_rest(3, foo=3),
        lambda: pyhh.Population.steady(3, 4, foo=3),
        lambda: pyhh.Population.from_model(pyhh.HHModel(), 3, foo=3),
    ],
)
def test_messages_list_only_accepted_names(call):
    with raises(TypeError, f"parameter must be one of {PARAMETERS}; got 'foo'."):
        call()


@pytest.mark.parametrize("kind", [pyhh.HHModel, lambda **others: pyhh.Population(3, **others)])
def test_startingVoltage_is_listed_where_it_is_accepted(kind):
    kind(startingVoltage=3)
    names = f"{PARAMETERS}, startingVoltage"
    with pytest.raises(TypeError, match=f"^parameter must be one of {names}; got 'foo'"):
        kind(foo=3)


def test_parameters_that_a_subclass_declares_are_listed():
    of_model = functools.partial(pyhh.Population.from_model, WithTemperature(), 3)
    for call in (WithTemperature.at_rest, of_model):
        with pytest.raises(TypeError, match=f"{PARAMETERS}, temperature; got 'temprature'"):
            call(temprature=3)


def test_class_with_its_own_constructor_takes_its_own_arguments():
    class Named(pyhh.HHModel):
        def __init__(self, label, **others):
            super().__init__(**others)
            self._label = label

    assert Named.at_rest(label="x")._label == "x"

    class Two(pyhh.Population):
        def __init__(self, size, factor=1.0, **others):
            super().__init__(size, gNa=120 * factor, **others)

    assert Two.steady(2, 0.0, factor=0.5).gNa.tolist() == [60, 60]


QUESTIONS = {
    "Simulation": lambda model: pyhh.Simulation(model),
    "run": lambda model: pyhh.Simulation(model).run(1.0, 0.01, duration=1),
    "Run": lambda model: pyhh.Simulation(model).Run([1.0], 0.01),
    "from_model": lambda model: pyhh.Population.from_model(model, 3),
    "from_model of a parameter": lambda model: pyhh.Population.from_model(model, 3, temperature=5),
    "sweep": lambda model: pyhh.sweep(model, {"gNa": [100]}, 1.0, 0.01, duration=1),
    "sweep of a parameter": lambda model: pyhh.sweep(model, {"temperature": [6]}, 1.0, 0.01),
    "fi_curve": lambda model: pyhh.fi_curve(model, [10]),
    "rheobase": lambda model: pyhh.rheobase(model),
    "strength_duration": lambda model: pyhh.strength_duration(model, [1]),
    "steady_state": lambda model: pyhh.steady_state(model, [1]),
    "phase_response": lambda model: pyhh.phase_response(model, 10, 0.5),
    "refractory_period": lambda model: pyhh.refractory_period(model, 20),
    "phase_plane": lambda model: pyhh.phase_plane(model),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("model", "got"),
    [
        (WithTemperature, "the class WithTemperature"),
        (5, "5"),
        ("HHModel", "'HHModel' (str)"),
        (None, "None (NoneType)"),
        (np.zeros(3), "an array of float64 with shape (3,)"),
    ],
    ids=repr,
)
def test_non_models_are_refused(question, model, got):
    if "sweep" in question:
        pytest.importorskip("xarray")
    advice = "Pass one, as HHModel() or neurons.wang_buzsaki()."
    if isinstance(model, type):
        advice = "Pass an instance, not a class."
    with raises(TypeError, f"model must be an HHModel or a Neuron; got {got}. {advice}"):
        QUESTIONS[question](model)


@pytest.mark.parametrize("question", [pyhh.Simulation, pyhh.rheobase])
@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (pyhh.Population(3), "Pass the one that the population was made from."),
        (pyhh.Simulation(pyhh.HHModel()), "Pass its model, simulation.model."),
    ],
    ids=repr,
)
def test_what_runs_a_model_is_not_taken_for_it(question, given, advice):
    with pytest.raises(TypeError, match=rf"^model must be an HHModel or .*\. {re.escape(advice)}$"):
        question(given)


@pytest.mark.parametrize("question", [pyhh.Simulation, pyhh.rheobase])
def test_published_neuron_that_was_not_called_is_told(question):
    message = r"^model must be .*; got <.*\(function\)\. Call it: pass wang_buzsaki\(\)\.$"
    with pytest.raises(TypeError, match=message):
        question(pyhh.neurons.wang_buzsaki)


def test_population_has_the_declared_parameters_of_its_model():
    cells = pyhh.Population.from_model(WithTemperature(), 3, temperature=8)
    assert cells.temperature == 8
    message = (
        "temperature is one number for all cells, on which their rates may depend, and is not "
        "changed later. Make a population by from_model(model, size, temperature=18)."
    )
    with raises(AttributeError, message):
        cells.temperature = 18
    for other in (cells, pyhh.Population(3)):
        with pytest.raises(AttributeError, match="'Population' object has no attribute 'foo'"):
            _ = other.foo
    assert not hasattr(pyhh.Population(3), "temperature")


SUM = (
    "what a stimulus is added to, or subtracted from, must be a stimulus, a number or a function "
    "of t (µA/cm²); got {}. Pass one value a step as stimuli.from_array(values), one a cell as "
    "stimuli.constant(values)."
)


@pytest.mark.parametrize("series", [np.ones(5), [1.0, 2.0], np.ones((2, 2)), (1.0,), range(3)])
def test_array_added_to_a_stimulus_is_refused(series):
    step = stimuli.step(1, 1, 2)
    shown = pyhh.validation.shown(series)
    for call in (
        lambda: step + series,
        lambda: series + step,
        lambda: step - series,
        lambda: series - step,
    ):
        with raises(TypeError, SUM.format(shown)):
            call()


def test_recommendation_for_adding_an_array_works():
    step, values = stimuli.step(1, 1, 2), np.arange(3.0)
    assert (step + stimuli.from_array(values)).to_array(3, 1.0).tolist() == [0, 2, 2]
    product = stimuli.from_array(values * step.to_array(3, 1.0))
    assert product.to_array(3, 1.0).tolist() == [0, 1, 0]


NUMBERS = [np.array([]), np.ones(2), np.ones(1), [], "a", None, 1j]


@pytest.mark.parametrize("value", NUMBERS, ids=map(repr, NUMBERS))
@pytest.mark.parametrize(("name", "unit"), [("gNa", "mS/cm²"), ("EK", "mV"), ("Cm", "µF/cm²")])
def test_non_numeric_parameters_of_models_that_step_in_python_are_refused(name, unit, value):
    model = InPython()
    setattr(model, name, value)
    message = (
        f"{name} must be a finite number ({unit}); got {pyhh.validation.shown(value)}. The steps "
        "of the model need one."
    )
    with pytest.raises(TypeError, match=f"{re.escape(message)}$"):
        pyhh.Simulation(model).run(1.0, 0.01, duration=1)


@pytest.mark.parametrize("value", [np.float32(100), np.array(100.0), True, 100])
def test_models_that_step_in_python_accept_any_real_number(value):
    model = InPython()
    model.gNa = value
    assert len(pyhh.Simulation(model).run(1.0, 0.01, duration=1)) == 100


def test_custom_step_that_leaves_no_number_is_reported():
    class Wrong(pyhh.HHModel):
        def iterate(self, stimulusCurrent, deltaTms):
            super().iterate(stimulusCurrent, deltaTms)
            self.IK = np.zeros(2)

    message = "^IK must be a real number after each step; got an array of float64 with shape"
    with pytest.raises(TypeError, match=message):
        pyhh.Simulation(Wrong()).run(1.0, 0.01, duration=1)


def test_reprs_of_models_gates_and_simulations():
    assert repr(pyhh.HHModel()) == "HHModel(Vm=0 mV)"
    assert repr(pyhh.HHModel(5, gNa=100, gK=36.0)) == "HHModel(gNa=100, Vm=5 mV)"
    assert repr(WithTemperature(temperature=8)) == "WithTemperature(temperature=8, Vm=0 mV)"
    model = pyhh.HHModel()
    model.gNa = np.ones(2)
    assert repr(model) == "HHModel(gNa=an array of float64 with shape (2,), Vm=0 mV)"
    assert repr(pyhh.HHModel.__new__(pyhh.HHModel)) == "HHModel()"
    assert repr(pyhh.HHModel().m) == "Gate(alpha=0.223564, beta=4, state=0.0529325)"
    assert repr(pyhh.Simulation(WithTemperature())) == "Simulation(WithTemperature(Vm=0 mV))"


def test_python_m_runs_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "pyhh_fast", "--version"], capture_output=True, text=True, cwd="/"
    )
    assert done.stdout == f"pyhh_fast {pyhh.__version__}\n"


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("1s", "'1s' (str)"),
        (datetime.timedelta(seconds=1), "datetime.timedelta(seconds=1) (timedelta)"),
        (np.timedelta64(1, "s"), f"{np.timedelta64(1, 's')!r} (timedelta64)"),
    ],
    ids=["str", "timedelta", "timedelta64"],
)
@pytest.mark.parametrize(
    ("name", "rule", "call"),
    [
        ("duration", "", lambda v: simulation().run(10, 0.01, duration=v)),
        ("duration", "", lambda v: simulation().run(pyhh.stimuli.constant(1), 0.01, duration=v)),
        ("duration", "", lambda v: pyhh.Population(2).run(10, 0.01, duration=v)),
        ("duration", "", lambda v: pyhh.fi_curve(pyhh.HHModel(), [10], duration=v)),
        ("dt", "positive, ", lambda v: simulation().run(10, v, duration=5)),
        ("stepSizeMs", "positive, ", lambda v: simulation().Run(np.zeros(5), v)),
        ("stop", "", lambda v: pyhh.stimuli.step(10, 5, v)),
    ],
)
def test_non_numeric_time_asks_for_ms(name, rule, call, value, got):
    message = f"{name} must be a {rule}finite number (ms); got {got}. Pass it in ms, as a number."
    with raises(TypeError, message):
        call(value)


def test_non_numeric_times_ask_for_ms():
    with pytest.raises(TypeError, match=r"Convert it to numbers in ms first\.$"):
        pyhh.strength_duration(pyhh.HHModel(), ["1s"])


def simulation():
    return pyhh.Simulation(pyhh.HHModel.at_rest())


def test_model_with_iterate_alone_is_accepted():
    class Duck:
        def iterate(self, stimulusCurrent, deltaTms):
            raise AssertionError

    assert isinstance(pyhh.Simulation(Duck()).model, Duck)

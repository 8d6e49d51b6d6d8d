"""Errors of populations: the type and whole text of every message."""

import re

import numpy as np
import pytest
from custom_models import FrozenGates  # steps in Python
from error_messages import errors, raises

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli

NAMES = "Cm, EK, EKleak, ENa, gK, gKleak, gNa, startingVoltage"
METHODS = "adaptive, euler, exponential_euler, rk4"
FORMS = "Pass shape (steps,), (3, steps), or with duration=... a number or (3,)."
NUMBERS = "stimulus must be an array of finite numbers, of 1 or 2 dimensions (µA/cm²)"


PARAMETERS = {
    ValueError: [
        ([-1], {}, "size must be a whole number, 0 or more; got -1."),
        ([2.5], {}, "size must be a whole number, 0 or more; got 2.5."),
        (
            [3],
            {"gNa": [100, 110]},
            "gNa must be a finite number, or one for each of 3 cells (mS/cm²); got 2 values for a "
            "population of size 3.",
        ),
        (
            [3],
            {"EK": [-12, np.nan, -12]},
            "EK must be a finite number, or one for each of 3 cells (mV); got nan at index 1. "
            "Replace or remove it.",
        ),
        ([3], {"gK": np.inf}, "gK must be a finite number (mS/cm²); got inf."),
        (
            [3],
            {"Cm": [1, 2, 0]},
            "Cm must be a positive, finite number, or one for each of 3 cells (µF/cm²); got 0.0 at "
            "index 2.",
        ),
        ([3], {"Cm": -1}, "Cm must be a positive, finite number (µF/cm²); got -1."),
        (
            [2],
            {"gNa": np.ones((2, 2))},
            "gNa must be a finite number, or one for each of 2 cells (mS/cm²); got 2 dimensions, "
            "shape (2, 2).",
        ),
        (
            [3],
            {"startingVoltage": [0, 1]},
            "startingVoltage must be a finite number, or one for each of 3 cells (mV); got 2 "
            "values for a population of size 3.",
        ),
    ],
    TypeError: [
        (["3"], {}, "size must be a whole number, 0 or more; got '3' (str)."),
        ([3], {"gna": 100}, f"parameter must be one of {NAMES}; got 'gna'. Did you mean gNa?"),
        (
            [3],
            {"ENa": ["a", "b", "c"]},
            "ENa must be a finite number, or one for each of 3 cells (mV); got ['a', 'b', 'c'] "
            "(list), an array of <U1. Convert it to numbers first.",
        ),
        ([3], {"ENa": 1j}, "ENa must be a finite number (mV); got 1j."),
    ],
}


@pytest.mark.parametrize(("kind", "arguments", "parameters", "message"), errors(PARAMETERS))
def test_wrong_sizes_and_parameters_are_refused(arguments, parameters, kind, message):
    with raises(kind, message):
        pyhh.Population(*arguments, **parameters)


def test_attributes_are_checked_when_set_and_before_a_run():
    population = pyhh.Population(3)
    message = "Vm must be a finite number (mV); got nan."
    with raises(ValueError, message):
        population.Vm = np.nan
    population.gK[2] = np.nan
    message = (
        "gK must be a finite number, or one for each of 3 cells (mS/cm²); got nan at index 2. "
        "Replace or remove it."
    )
    with raises(ValueError, message):
        population.run(1.0, 0.01, duration=1.0)
    assert population.recording is None


STIMULI = {
    ValueError: [
        (
            1.0,
            {},
            "duration must be given with a constant stimulus (ms); got None. Pass duration=..., or "
            "an array with one value a step.",
        ),
        (
            np.zeros((3, 50)),
            {"duration": 0.5},
            "duration must be left out where stimulus has two dimensions; got 0.5. The array's "
            "second dimension gives the number of steps.",
        ),
        (
            np.zeros((4, 50)),
            {},
            "stimulus must be one row for each cell (µA/cm²); got 4 rows for a population of size "
            f"3. {FORMS}",
        ),
        (
            np.zeros(50),
            {"duration": 0.5},
            "stimulus must be one value for each cell, where duration is given (µA/cm²); got 50 "
            "values for a population of size 3. For a value a step leave duration out.",
        ),
        (np.zeros((3, 2, 2)), {}, f"{NUMBERS}; got 3 dimensions, shape (3, 2, 2). {FORMS}"),
        (
            [[0, 1], [2, np.inf], [0, 0]],
            {},
            f"{NUMBERS}; got inf at index (1, 1). Replace or remove it.",
        ),
        ([0, np.nan], {}, f"{NUMBERS}; got nan at index 1. Replace or remove it."),
        (np.nan, {"duration": 1.0}, "stimulus must be a finite number (µA/cm²); got nan."),
        ([[1], [1, 2]], {}, f"{NUMBERS}; got [[1], [1, 2]] (list). {FORMS}"),
    ],
    TypeError: [
        ("ten", {}, f"{NUMBERS}; got 'ten' (str). {FORMS}"),
        (None, {}, f"{NUMBERS}; got None (NoneType). {FORMS}"),
    ],
}


@pytest.mark.parametrize(("kind", "stimulus", "options", "message"), errors(STIMULI))
def test_wrong_stimuli_are_refused(stimulus, options, kind, message):
    population = pyhh.Population(3)
    with raises(kind, message):
        population.run(stimulus, 0.01, **options)
    assert population.recording is None


@pytest.mark.parametrize("one", [list, np.array])
def test_value_a_step_that_may_be_a_constant_for_each_cell_warns(one):
    values = one([1.0, 2.0, 3.0])
    message = (
        "stimulus is a value a step, the same for all cells, and has 3 values, as many as there "
        "are cells. For a constant for each cell pass duration=..., or, if a value a step is "
        "meant, stimuli.from_array(stimulus)."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        expected = pyhh.Population(3).run(values, 0.01, record=["Vm"]).Vm
    assert caught[0].filename == __file__
    same = (
        pyhh.Population(3).run(stimuli.from_array(values), 0.01, record=["Vm"]),
        pyhh.Population(3).run(np.tile(values, (3, 1)), 0.01, record=["Vm"]),
    )
    for recording in same:
        np.testing.assert_array_equal(recording.Vm, expected)
    pyhh.Population(3).run(values, 0.01, duration=1)
    pyhh.Population(1).run(values[:1], 0.01)
    pyhh.Population(2).run(values, 0.01)
    pyhh.Population(3).run(stimuli.step([1, 2, 3], 0, 1), 0.01)


CELLS = "cells must be a whole number from 0 to 2"
SEVERAL = "cells must be a sequence of whole numbers from 0 to 2"
UNRECORDED = "cells must be left out where record names no traces"
RECORD = "Pass record=['Vm'], or so, to keep traces of these cells."


OPTIONS = {
    ValueError: [
        ({"method": "leapfrog"}, f"method must be one of {METHODS}; got 'leapfrog'."),
        ({"every": 0}, "every must be a whole number, 1 or more; got 0."),
        ({"threads": 0}, "threads must be a whole number, 1 or more; got 0."),
        (
            {"record": ["V"]},
            "record must be one of IK, IKleak, INa, StateH, StateM, StateN, Vm; got 'V'. Did you "
            "mean Vm?",
        ),
        ({"cells": [0, 3]}, f"{CELLS}; got 3 at index 1."),
        ({"cells": -1}, f"{CELLS}; got -1."),
        ({"cells": [0, 2]}, f"{UNRECORDED}; got [0, 2] (list). {RECORD}"),
        (
            {"cells": [0], "features": {"n": features.spike_count(0, 1)}},
            f"{UNRECORDED}; got [0] (list). {RECORD}",
        ),
        ({"threshold": np.nan}, "threshold must be a finite number (mV); got nan."),
        (
            {"duration": 0.015},
            "duration must be a whole number of steps (ms); got 0.015, which is 1.5 steps of 0.01. "
            "The nearest whole ones are 0.02 and 0.01.",
        ),
    ],
    TypeError: [
        ({"cells": [True, False, True]}, f"{SEVERAL}; got a mask. Pass numpy.flatnonzero of it."),
        ({"cells": "all"}, f"{SEVERAL}; got 'all' (str)."),
    ],
}


@pytest.mark.parametrize(("kind", "options", "message"), errors(OPTIONS))
def test_wrong_arguments_of_run_are_refused(options, kind, message):
    population = pyhh.Population(3)
    with raises(kind, message):
        population.run(1.0, 0.01, **{"duration": 1.0} | options)
    assert population.recording is None


def test_wrong_dt_is_refused_and_large_dt_warns():
    for dt, kind in ((0, ValueError), (-0.01, ValueError), ("0.01", TypeError)):
        with pytest.raises(kind, match=r"^dt must be a positive, finite number \(ms\); got"):
            pyhh.Population(3).run(1.0, dt, duration=1.0)
    with pytest.warns(
        UserWarning, match="^dt is 0.1 ms; steps of 0.05 ms or less are recommended"
    ) as w:
        pyhh.Population(3).run(1.0, 0.1, duration=1.0)
    assert w[0].filename == __file__


def test_masked_value_is_refused():
    masked = np.ma.masked_array(np.zeros((3, 4)), mask=False)
    masked[2, 1] = np.ma.masked
    message = f"{NUMBERS}; got -- at index (2, 1). Replace or remove it."
    with raises(ValueError, message):
        pyhh.Population(3).run(masked, 0.01)


def test_unknown_cell_of_a_recording_is_refused():
    r = pyhh.Population(3).run(1.0, 0.01, duration=1.0)
    with raises(ValueError, "cell must be a whole number from 0 to 2; got 3."):
        r.spike_times(3)
    with raises(TypeError, "cell must be a whole number from 0 to 2; got 'a' (str)."):
        r.spike_times("a")


def test_misspelled_attribute_is_refused():
    population = pyhh.Population(3)
    message = (
        "attribute of a Population must be one of Cm, EK, EKleak, ENa, StateH, StateM, StateN, Vm, "
        "gK, gKleak, gNa; got 'gNA'. Did you mean gNa?"
    )
    with raises(AttributeError, message):
        population.gNA = 100


def test_models_unsuitable_for_populations_are_refused():
    message = (
        "model must make its steps as HHModel does; got FrozenGates._UpdateGateStates is "
        "overridden. Run such models one by one, with Simulation."
    )
    with raises(ValueError, message):
        pyhh.Population.from_model(FrozenGates(), 3)
    message = "from_model takes the state of the model; pass start='steady' and Vm=."
    with raises(TypeError, message):
        pyhh.Population.from_model(pyhh.HHModel(), 3, startingVoltage=3)
    with pytest.raises(
        TypeError, match=r"^model must be an HHModel or a Neuron; got the class HHModel"
    ):
        pyhh.Population.from_model(pyhh.HHModel, 3)

    class Jumps(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.m.alpha = self.m.alpha * (1 + (Vm > 3.3))

    with pytest.raises(
        ValueError, match=r"^model must have rates that can be tabulated; got: Jumps"
    ) as e:
        pyhh.Population.from_model(Jumps(), 3)
    assert "not smooth at V = 3.25" in str(e.value)
    assert str(e.value).endswith("Run such models one by one, with Simulation.")


def test_rates_found_not_to_be_smooth_end_a_run():
    class RoughFarOut(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.m.alpha = self.m.alpha * (1 + (Vm < -60.3))

    population = pyhh.Population.from_model(RoughFarOut.at_rest(), 2)
    message = r"^the run cannot continue at step \d+ .* not smooth at V = -60.*with Simulation.$"
    with pytest.raises(pyhh.SimulationError, match=message) as caught:
        population.run(np.array([0.0, -30.0]), 0.01, duration=20.0)
    assert population.recording.steps == caught.value.step
    assert np.isfinite(population.Vm).all()


def test_missing_xarray_names_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    r = pyhh.Population(1).run(1.0, 0.01, duration=1.0)
    message = "to_xarray needs xarray. Install it with: pip install 'pyhh_fast[sweep]'"
    with raises(ImportError, message):
        r.to_xarray()

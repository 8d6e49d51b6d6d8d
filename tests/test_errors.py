"""Every message a user can be given for bad input: its type and its whole text."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from custom_models import FrozenGates  # steps in Python
from error_messages import errors, raises

import pyhh_fast as pyhh
from pyhh_fast import stimuli

NAMES = "Cm, EK, EKleak, ENa, gK, gKleak, gNa, startingVoltage"
WAVE = "must be a 1-D array of finite numbers (µA/cm²)"
STEPS = "Pass one value a step, or a number with duration=..."
FOR_RUN = "Pass one value a step; for a constant use run(current, dt, duration=...)."
NO_LENGTH = (
    "duration must be given with a constant stimulus (ms); got None. "
    "Pass duration=..., or an array with one value a step."
)


def simulation():
    return pyhh.Simulation(pyhh.HHModel())


PARAMETERS = {
    TypeError: [
        ({"gna": 100}, f"parameter must be one of {NAMES}; got 'gna'. Did you mean gNa?"),
        ({"CM": 1}, f"parameter must be one of {NAMES}; got 'CM'. Did you mean Cm?"),
        ({"xyz": 100}, f"parameter must be one of {NAMES}; got 'xyz'."),
        ({"gK": "36"}, "gK must be a finite number (mS/cm²); got '36' (str)."),
        ({"ENa": 1j}, "ENa must be a finite number (mV); got 1j."),
        ({"EKleak": None}, "EKleak must be a finite number (mV); got None (NoneType)."),
        ({"gKleak": Decimal(1)}, "gKleak must be a finite number (mS/cm²); got 1."),
        (
            {"gNa": np.ones(3)},
            "gNa must be a finite number (mS/cm²); got an array of float64 with shape (3,).",
        ),
        (
            {"startingVoltage": "rest"},
            "startingVoltage must be a finite number (mV); got 'rest' (str).",
        ),
    ],
    ValueError: [
        ({"Cm": 0}, "Cm must be a positive, finite number (µF/cm²); got 0."),
        ({"Cm": -1.5}, "Cm must be a positive, finite number (µF/cm²); got -1.5."),
        ({"gNa": np.nan}, "gNa must be a finite number (mS/cm²); got nan."),
        ({"EK": -np.inf}, "EK must be a finite number (mV); got -inf."),
        (
            {"startingVoltage": 10**400},
            f"startingVoltage must be a finite number (mV); got {10**400}.",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "parameters", "message"), errors(PARAMETERS), ids=str)
def test_wrong_parameters_are_refused(parameters, kind, message):
    with raises(kind, message):
        pyhh.HHModel(**parameters)
    if "startingVoltage" not in parameters:
        with raises(kind, message.replace(", startingVoltage", "")):
            pyhh.HHModel.at_rest(**parameters)


@pytest.mark.parametrize(
    "number", [3, 3.0, True, np.True_, np.int16(3), np.float32(3), Fraction(7, 2)]
)
def test_any_real_number_is_accepted(number):
    model = pyhh.HHModel(number, gNa=number)
    assert (model.Vm, model.gNa) == (float(number), float(number))
    recording = pyhh.Simulation(model).run(number, 0.01, duration=number, threshold=number)
    assert len(recording) == round(float(number) / 0.01)
    assert pyhh.HHModel(np.array(2.5)).Vm == 2.5
    assert len(simulation().run([0.0], 0.01, progress=np.False_)) == 1


WAVEFORMS = {
    ValueError: [
        ([[1.0, 2.0]], f"{WAVE}; got 2 dimensions, shape (1, 2). {STEPS}"),
        ([1, np.nan, 3], f"{WAVE}; got nan at index 1. Replace or remove it."),
        ([1, 2, -np.inf], f"{WAVE}; got -inf at index 2. Replace or remove it."),
        (
            np.array([1, 2, 3], dtype=np.longdouble) * 10 ** np.longdouble(400),
            f"{WAVE}; got 1e+400 at index 0. Replace or remove it.",
        ),
        (
            np.ma.masked_array([1.0, 2.0], [False, True]),
            f"{WAVE}; got -- at index 1. Replace or remove it.",
        ),
        ([[1], [2, 3]], f"{WAVE}; got [[1], [2, 3]] (list). {STEPS}"),
    ],
    TypeError: [
        ("50", f"{WAVE}; got '50' (str). {STEPS}"),
        (b"50", f"{WAVE}; got b'50' (bytes). {STEPS}"),
        (None, f"{WAVE}; got None (NoneType). {STEPS}"),
        (["50"], f"{WAVE}; got ['50'] (list), an array of <U2. Convert it to numbers first."),
        (
            [1, None],
            f"{WAVE}; got [1, None] (list), an array of object. Convert it to numbers first.",
        ),
        (
            [None] * 99,
            f"{WAVE}; got [None, None, None, None, None, None, ...] (list), an array of object. "
            "Convert it to numbers first.",
        ),
        ({1: 2}, f"{WAVE}; got {{1: 2}} (dict), an array of object. Convert it to numbers first."),
        (
            np.ones(2, dtype=complex),
            f"{WAVE}; got an array of complex128 with shape (2,). Convert it to numbers first.",
        ),
        (
            np.zeros(2, dtype="m8[s]"),
            f"{WAVE}; got an array of timedelta64[s] with shape (2,). Convert it to numbers first.",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "stimulus", "message"), errors(WAVEFORMS), ids=str)
def test_wrong_waveforms_are_refused(stimulus, kind, message):
    if message.endswith("got 1e+400 at index 0. Replace or remove it.") and not np.isfinite(
        stimulus[0]
    ):
        pytest.skip("long double is double here")
    with raises(kind, f"stimulusWaveform {message.replace(STEPS, FOR_RUN)}"):
        simulation().Run(stimulus, 0.01)
    with raises(kind, f"stimulus {message}"):
        simulation().run(stimulus, 0.01)


def test_constant_is_refused_by_run_of_pyhh():
    with raises(TypeError, f"stimulusWaveform {WAVE}; got 5. {FOR_RUN}"):
        simulation().Run(5, 0.01)


@pytest.mark.parametrize(
    ("step", "kind", "got"),
    [
        (0, ValueError, "0"),
        (-0.01, ValueError, "-0.01"),
        (np.nan, ValueError, "nan"),
        (np.inf, ValueError, "inf"),
        ("0.01", TypeError, "'0.01' (str). Pass it in ms, as a number"),
        (None, TypeError, "None (NoneType)"),
        (1j, TypeError, "1j"),
        ([0.01], TypeError, "[0.01] (list)"),
    ],
)
def test_wrong_steps_are_refused(step, kind, got):
    with raises(kind, f"stepSizeMs must be a positive, finite number (ms); got {got}."):
        simulation().Run(np.zeros(3), step)
    with raises(kind, f"dt must be a positive, finite number (ms); got {got}."):
        simulation().run(np.zeros(3), step)


@pytest.mark.parametrize("step", [1e-301, 1e-310, 5e-324, 1e301, 1.7e308])
def test_steps_whose_quotients_or_multiples_are_infinite_are_refused(step):
    with raises(ValueError, f"stepSizeMs must be from 1e-300 to 1e+300 (ms); got {step}."):
        simulation().Run(np.zeros(3), step)
    # By the adaptive method V was infinite, without an error.
    with raises(ValueError, f"dt must be from 1e-300 to 1e+300 (ms); got {step}."):
        simulation().run(np.zeros(3), step, method="adaptive")
    with raises(ValueError, f"dt must be from 1e-300 to 1e+300 (ms); got {step}."):
        pyhh.fi_curve(pyhh.HHModel(), 10, dt=step)
    with raises(ValueError, f"dt must be from 1e-300 to 1e+300 (ms); got {step}."):
        stimuli.step(10, 1, 2).plot(3, step)


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4", "adaptive"])
def test_V_is_linear_in_time_over_the_smallest_steps(method):
    n = pyhh.HHModel().n.state
    slope = 10 - 36 * n**4 * 12 + 0.3 * 10.6  # mV/ms, at V = 0 and h = 0
    recording = simulation().run(10, 1e-300, duration=9e-300, method=method)
    np.testing.assert_allclose(recording.Vm, slope * recording.times, rtol=1e-12)


ARGUMENTS = {
    ValueError: [
        ({"stimulus": 5.0}, NO_LENGTH),
        ({"stimulus": np.array(5.0)}, NO_LENGTH),
        (
            {"stimulus": np.nan, "duration": 1.0},
            "stimulus must be a finite number (µA/cm²); got nan.",
        ),
        (
            {"duration": 1.0},
            "duration must be left out where stimulus is an array; got 1.0. "
            "The array's length gives the number of steps.",
        ),
        ({"threshold": np.inf}, "threshold must be a finite number (mV); got inf."),
        ({"every": 0}, "every must be a whole number, 1 or more; got 0."),
        ({"every": 1.5}, "every must be a whole number, 1 or more; got 1.5."),
        ({"envelope": 0}, "envelope must be a whole number, 1 or more; got 0."),
    ],
    TypeError: [
        ({"stimulus": 1j, "duration": 1.0}, "stimulus must be a finite number (µA/cm²); got 1j."),
        ({"progress": 1}, "progress must be True or False; got 1."),
        ({"every": "10"}, "every must be a whole number, 1 or more; got '10' (str)."),
    ],
}


@pytest.mark.parametrize(("kind", "arguments", "message"), errors(ARGUMENTS), ids=str)
def test_wrong_arguments_of_run_are_refused(arguments, kind, message):
    with raises(kind, message):
        simulation().run(**{"stimulus": np.zeros(3), "dt": 0.01, **arguments})


NOT_WHOLE = "a whole number of steps (ms); got {} steps of 0.01. The nearest whole ones are {}."


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        (1.005, NOT_WHOLE.format("1.005, which is 100.5", "1 and 1.01")),
        (1.008, NOT_WHOLE.format("1.008, which is 100.8", "1.01 and 1")),
        (1.0 + 1e-8, NOT_WHOLE.format("1.00000001, which is 100.000001", "1 and 1.01")),
        (-1.0, "0 or more (ms); got -1.0."),
        (np.nan, "a finite number (ms); got nan. Pass the time to simulate."),
        (
            1e30,
            f"at most {2**48} steps; got 1e+30 at dt 0.01. "
            "Check the units of duration and dt: both are in ms.",
        ),
    ],
)
def test_wrong_durations_are_refused(duration, message):
    with raises(ValueError, f"duration must be {message}"):
        simulation().run(5.0, 0.01, duration=duration)


@pytest.mark.parametrize(
    ("points", "kind", "got"),
    [
        (-1, ValueError, "-1"),
        (2.5, ValueError, "2.5"),
        (np.inf, ValueError, "inf"),
        (2**49, ValueError, f"{2**49}"),
        ("3", TypeError, "'3' (str)"),
    ],
)
def test_wrong_point_counts_are_refused(points, kind, got):
    with raises(kind, f"pointCount must be a whole number, 0 or more; got {got}."):
        simulation().CreateArrays(points, 0.01)


def test_wrong_step_of_create_arrays_is_refused():
    with raises(
        TypeError,
        "deltaTms must be a finite number (ms); got '1' (str). Pass it in ms, as a number.",
    ):
        simulation().CreateArrays(3, "1")


def test_non_finite_value_far_into_a_stimulus_is_found():
    stimulus = np.zeros(2**20 + 5)  # checked in blocks of 2**20
    stimulus[-2] = np.nan
    message = f"stimulus {WAVE}; got nan at index {2**20 + 3}. Replace or remove it."
    with raises(ValueError, message):
        simulation().run(stimulus, 0.01)


def lacking(**attributes):
    model = type("Partial", (), {"iterate": lambda self, stimulusCurrent, deltaTms: None})()
    vars(model).update(attributes)
    return model


@pytest.mark.parametrize(
    ("model", "lacks", "owner"),
    [
        (type("Partial", (pyhh.HHModel,), {"__init__": lambda self: None})(), "Vm (mV)", "Partial"),
        (lacking(), "Vm (mV)", "Partial"),
        (lacking(Vm=0.0), "gate m", "Partial"),
        (lacking(Vm=0.0, m=3), "m.state", "int"),
        (
            lacking(Vm=0.0, **dict.fromkeys("mhn", pyhh.HHModel.Gate())),
            "INa after a step",
            "Partial",
        ),
    ],
    ids=["no __init__", "empty", "no gates", "no state", "no currents"],
)
def test_models_without_required_attributes_are_refused(model, lacks, owner):
    advice = {
        "m.state": "Set model.m.state, not model.m; a gate of your own must have it.",
        "INa after a step": "An override of iterate or _UpdateCellVoltage must set it.",
    }.get(lacks, "A subclass's __init__ must call super().__init__(), or set it.")
    with raises(TypeError, f"model must have {lacks}; got {owner} without it. {advice}"):
        pyhh.Simulation(model).Run(np.zeros(3), 0.01)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gNa", np.nan, "gNa must be a finite number (mS/cm²); got nan."),
        ("Cm", 0, "Cm must be a positive, finite number (µF/cm²); got 0."),
        ("Vm", np.inf, "Vm must be a finite number (mV); got inf."),
        ("m.state", np.nan, "m.state must be a finite number; got nan."),
    ],
)
@pytest.mark.parametrize("kind", [pyhh.HHModel, FrozenGates])
def test_bad_numbers_set_on_a_model_are_found_at_the_run(kind, name, value, message):
    model = kind()
    owner = model.m if name == "m.state" else model
    setattr(owner, name.removeprefix("m."), value)
    with raises(ValueError, message):
        pyhh.Simulation(model).Run(np.zeros(3), 0.01)


def test_refused_run_changes_nothing():
    sim = simulation()
    sim.Run(np.full(10, 5.0), 0.01)
    kept, Vm = sim.recording, sim.model.Vm
    for bad in ({"dt": -1}, {"stimulus": [np.nan]}, {"threshold": "x"}):
        with pytest.raises((TypeError, ValueError)):
            sim.run(**{"stimulus": np.zeros(3), "dt": 0.01, **bad})
    assert sim.recording is kept
    assert sim.Vm is kept.Vm
    assert sim.model.Vm == Vm


def test_missing_tqdm_names_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    message = "progress=True needs tqdm. Install it with: pip install 'pyhh_fast[progress]'"
    with raises(ImportError, message):
        simulation().run(np.zeros(3), 0.01, progress=True)


def test_plot_before_a_run_is_refused():
    with raises(RuntimeError, "There is nothing to plot yet. Call Run or run first."):
        simulation().plot()


def test_refused_arrays_change_nothing():
    sim = simulation()
    sim.CreateArrays(3, 0.5)
    with pytest.raises(TypeError):
        sim.CreateArrays(7, "x")
    np.testing.assert_array_equal(sim.times, [0.0, 0.5, 1.0])


def test_refused_run_shows_no_progress_bar(capsys):
    sim = simulation()
    sim.model.Cm = -1
    with pytest.raises(ValueError, match="Cm must be"):
        sim.run(0.0, 0.01, duration=1.0, progress=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("record", "kind", "message"),
    [
        (
            "Vm",
            TypeError,
            "record must be a sequence of names; got 'Vm' (str). Pass some of ('Vm', 'StateM', "
            "'StateH', 'StateN', 'INa', 'IK', 'IKleak'), for example ('Vm',).",
        ),
        (
            ("Vm", "StateH", "Ina"),
            ValueError,
            "record must be one of IK, IKleak, INa, StateH, StateM, StateN, Vm; got 'Ina'. "
            "Did you mean INa?",
        ),
        (
            [3],
            TypeError,
            "record must be one of Vm, StateM, StateH, StateN, INa, IK, IKleak; got 3.",
        ),
    ],
)
def test_wrong_records_are_refused(record, kind, message):
    with raises(kind, message):
        simulation().run(np.zeros(3), 0.01, record=record)


def test_traces_not_recorded_raise_attribute_error():
    sim = simulation()
    recording = sim.run(np.zeros(3), 0.01, record=("Vm",))
    for owner in (sim, recording):
        with raises(AttributeError, "INa was not recorded. Name it in run(..., record=...)."):
            owner.INa  # noqa: B018
        with pytest.raises(AttributeError, match="has no attribute 'spikes'"):
            owner.spikes  # noqa: B018


def test_fraction_of_a_step_is_refused_in_long_runs():
    with pytest.raises(ValueError, match="whole number of steps"):
        simulation().run(0.0, 0.01, duration=1e7 + 0.004)

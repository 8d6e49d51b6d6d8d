"""Errors of the analysis functions: the type and whole text of every message."""

import numpy as np
import pytest
from custom_models import FrozenGates  # steps in Python
from error_messages import errors, raises

import pyhh_fast as pyhh
from pyhh_fast.analysis import hodgkin_huxley, swings

CUSTOM_STEP = (
    "model must make its steps as HHModel does; got FrozenGates._UpdateGateStates is overridden."
)
ONE_BY_ONE = "Run such models one by one, with Simulation."
NO_MODEL = (
    "model must be an HHModel or a Neuron; got 'HHModel' (str). Pass one, as HHModel() or "
    "neurons.wang_buzsaki()."
)
METHODS = "adaptive, euler, exponential_euler, rk4"


def call(name, **changed):
    """Call an analysis function with valid arguments, of which these are changed."""
    valid = {
        "fi_curve": {"currents": [0, 20]},
        "rheobase": {"duration": 1.0},
        "strength_duration": {"durations": [1, 2]},
        "steady_state": {"V": [0, 20]},
        "phase_plane": {"current": 10.0},
    }
    return getattr(pyhh, name)(**{"model": pyhh.HHModel(), **valid[name], **changed})


FUNCTIONS = ["fi_curve", "rheobase", "strength_duration", "steady_state", "phase_plane"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_object_that_is_no_model_is_refused(name):
    with raises(TypeError, NO_MODEL):
        call(name, model="HHModel")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_models_with_custom_steps_are_refused(name):
    advice = "" if name == "steady_state" else f" {ONE_BY_ONE}"
    with raises(ValueError, CUSTOM_STEP + advice):
        call(name, model=FrozenGates())


def test_rates_that_depend_on_more_than_V_are_refused():
    class Lagging(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.m.alpha *= 1 + self.h.state

    class LaggingFarAway(Lagging):
        def _UpdateGateTimeConstants(self, Vm):
            kind = Lagging if np.max(Vm) > 500 else pyhh.HHModel
            kind._UpdateGateTimeConstants(self, Vm)

    message = (
        "model must have rates that depend on V alone; got others: of _UpdateGateTimeConstants it "
        "was found that it reads state."
    )
    with raises(ValueError, message):
        call("steady_state", model=Lagging())
    pyhh.steady_state(LaggingFarAway(), 400)
    with raises(ValueError, message):
        pyhh.steady_state(LaggingFarAway(), 600)


STEPS = {
    ValueError: [
        ({"dt": 0}, "dt must be a positive, finite number (ms); got 0."),
        ({"method": "eular"}, f"method must be one of {METHODS}; got 'eular'. Did you mean euler?"),
    ],
    TypeError: [
        (
            {"dt": "x"},
            "dt must be a positive, finite number (ms); got 'x' (str). Pass it in ms, as a number.",
        )
    ],
}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "steady_state"])
@pytest.mark.parametrize(("kind", "arguments", "message"), errors(STEPS), ids=str)
def test_invalid_steps_and_methods_are_refused(name, arguments, kind, message):
    with raises(kind, message):
        call(name, **arguments)


STARTS = {
    ValueError: [
        ({"start": "modle"}, "start must be one of model, rest; got 'modle'. Did you mean model?"),
        ({"threads": 0}, "threads must be a whole number, 1 or more; got 0."),
        ({"threshold": np.nan}, "threshold must be a finite number (mV); got nan."),
    ],
    TypeError: [
        ({"start": None}, "start must be one of rest, model; got None (NoneType)."),
        ({"threshold": [50]}, "threshold must be a finite number (mV); got [50] (list)."),
    ],
}


@pytest.mark.parametrize("name", ["fi_curve", "rheobase", "strength_duration"])
@pytest.mark.parametrize(("kind", "arguments", "message"), errors(STARTS), ids=str)
def test_invalid_starts_threads_and_thresholds_are_refused(name, arguments, kind, message):
    with raises(kind, message):
        call(name, **arguments)


LENGTH = f"must be above 0, and at most {2**48} steps of 0.01 (ms)"
WAIT = LENGTH.replace("above 0", "0 or more")
ARRAY = "must be a finite number or an array of them"


ARGUMENTS = {
    ValueError: [
        (
            "fi_curve",
            {"currents": [1, np.nan]},
            f"currents {ARRAY} (µA/cm²); got nan at index 1. Replace or remove it.",
        ),
        (
            "fi_curve",
            {"currents": [[1, 2], [3, np.inf]]},
            f"currents {ARRAY} (µA/cm²); got inf at index (1, 1). Replace or remove it.",
        ),
        ("fi_curve", {"currents": np.nan}, "currents must be a finite number (µA/cm²); got nan."),
        (
            "fi_curve",
            {"duration": 1.005},
            "duration must be a whole number of steps (ms); got 1.005, which is 100.5 steps of "
            "0.01. The nearest whole ones are 1 and 1.01.",
        ),
        ("rheobase", {"duration": 0}, f"duration {LENGTH}; got 0.0."),
        ("rheobase", {"wait": -1}, f"wait {WAIT}; got -1.0."),
        ("strength_duration", {"durations": [1, 0]}, f"durations {LENGTH}; got 0.0 at index 1."),
        (
            "strength_duration",
            {"durations": [[1, 2], [-3, 4]]},
            f"durations {LENGTH}; got -3.0 at index (1, 0).",
        ),
        (
            "strength_duration",
            {"durations": [1e300]},
            f"durations {LENGTH}; got 1e+300 at index 0.",
        ),
        (
            "steady_state",
            {"V": [0, np.nan]},
            f"V {ARRAY} (mV); got nan at index 1. Replace or remove it.",
        ),
        ("phase_plane", {"duration": -1}, "duration must be 0 or more (ms); got -1."),
        (
            "phase_plane",
            {"model": pyhh.HHModel(gKleak=0), "current": -5},
            "current must leave the model a steady state (µA/cm²); got -5.0, and none from -62 to "
            "165 mV.",
        ),
    ],
    TypeError: [
        ("fi_curve", {"currents": "7"}, f"currents {ARRAY} (µA/cm²); got '7' (str)."),
        ("fi_curve", {"progress": 1}, "progress must be True or False; got 1."),
        (
            "rheobase",
            {"duration": [1, 2]},
            "duration must be a finite number (ms); got [1, 2] (list).",
        ),
        ("strength_duration", {"durations": None}, f"durations {ARRAY} (ms); got None (NoneType)."),
        (
            "strength_duration",
            {"wait": "20"},
            "wait must be a finite number (ms); got '20' (str). Pass it in ms, as a number.",
        ),
        ("steady_state", {"V": None}, f"V {ARRAY} (mV); got None (NoneType)."),
        ("steady_state", {"V": 1j}, "V must be a finite number (mV); got 1j."),
        (
            "phase_plane",
            {"current": [1, 2]},
            "current must be a finite number (µA/cm²); got [1, 2] (list).",
        ),
    ],
}


@pytest.mark.parametrize(
    ("kind", "name", "arguments", "message"),
    errors(ARGUMENTS),
    ids=lambda value: str(value).partition(" at 0x")[0],  # of a model
)
def test_invalid_arguments_are_refused(name, arguments, kind, message):
    with raises(kind, message):
        call(name, **arguments)


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("fi_curve", {"duration": 6}),
        ("rheobase", {"duration": 6, "wait": 12}),
        ("strength_duration", {"durations": 6, "wait": 12}),
        ("phase_plane", {"duration": 6}),
    ],
)
def test_large_step_warns_once_at_the_line_of_the_call(name, lengths):
    with pytest.warns(UserWarning, match="^dt is 0.06 ms; steps of 0.05 ms or less ") as caught:
        getattr(pyhh, name)(pyhh.HHModel(), *([20.0] * (name == "fi_curve")), dt=0.06, **lengths)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.filterwarnings("ignore:the model makes no spike")
@pytest.mark.parametrize("dt", [1e3, 2.0**70, 1e300])
def test_steps_longer_than_all_durations_give_an_answer(dt):
    model, durations = pyhh.HHModel.at_rest(), [1e-323, 1.0, 2.0]
    with pytest.warns(UserWarning, match="^dt is 1"):
        found = pyhh.strength_duration(model, durations, dt=dt)
    assert found[0] == np.inf
    # What counts is the charge, all of it in one step.
    np.testing.assert_allclose(found[1], 2 * found[2], rtol=3e-6)
    with pytest.warns(UserWarning, match="^dt is 1"):
        assert pyhh.fi_curve(model, 0.0, duration=1e-323, dt=dt) == 0
    adaptive = pyhh.strength_duration(model, durations, dt=dt, method="adaptive")
    expected = pyhh.strength_duration(model, durations, method="adaptive")
    np.testing.assert_array_equal(adaptive, expected)


def test_steps_too_small_for_the_durations_are_refused(monkeypatch):
    for dt in (1e-250, 1e-300):
        with raises(
            ValueError,
            f"durations must be above 0, and at most {2**48} steps of {dt:g} (ms); got 1.0.",
        ):
            pyhh.strength_duration(pyhh.HHModel(), 1.0, dt=dt)
        with raises(
            ValueError,
            f"wait must be 0 or more, and at most {2**48} steps of {dt:g} (ms); got 20.0.",
        ):
            pyhh.rheobase(pyhh.HHModel(), dt, dt=dt)
    monkeypatch.setattr(swings, "MOST_STEPS", 10_000)
    with pytest.warns(UserWarning, match="the rate is NaN: the duration is too short"):
        assert np.isnan(pyhh.fi_curve(pyhh.HHModel(), 10.0, duration=0, dt=1e-300))


def test_ctrl_c_interrupts_between_blocks_of_steady_states(monkeypatch):
    block_sizes = []

    def interrupted(self, V):
        block_sizes.append(V.size)
        if len(block_sizes) == 3:
            raise KeyboardInterrupt
        return np.ones((V.size, 6))

    kinetics = type("Kinetics", (), {"checked_rates_at": interrupted, "built_in": True})()
    monkeypatch.setattr(hodgkin_huxley, "kinetics_of", lambda model, table_needed: kinetics)
    with pytest.raises(KeyboardInterrupt):
        pyhh.steady_state(pyhh.HHModel(), np.zeros(1_000_000))
    assert block_sizes == [hodgkin_huxley.BLOCK] * 3

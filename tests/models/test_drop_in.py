"""Compatibility with pyHH: what is the same, and what differs on purpose."""

import inspect
import warnings

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from model_states import full_state_of
from slow_runs import agree, slow_run

import pyhh_fast as pyhh
from pyhh_fast.variables import TRACES

PARAMETERS = reference.Parameters._fields


def fast_run(model, stimulus, dt):
    simulation = pyhh.Simulation(model)
    simulation.Run(stimulus, dt)
    return simulation


def readme_model():
    model = pyhh.HHModel()
    model.gNa = 100
    model.gK = 5
    model.EK = -35
    return model


def readme_stimulus():
    stimulus = np.zeros(20_000)
    stimulus[7_000:13_000] = 50
    return stimulus


models = st.fixed_dictionaries(
    {
        "startingVoltage": st.floats(-40, 120),
        "Cm": st.floats(0.5, 3),
        "gNa": st.floats(0, 150),
        "gK": st.floats(0, 50),
        "gKleak": st.floats(0, 2),
        "ENa": st.floats(60, 130),
        "EK": st.floats(-40, 0),
        "EKleak": st.floats(-5, 30),
    }
)
stimuli = st.lists(st.floats(-20, 100), min_size=1, max_size=300)


def is_stable(parameters, dt, V, m, h, n):
    """Return whether forward Euler is stable at all states of a run, which may have overflowed.

    It is if dt times the rate of each gate and of the membrane is at most 2: above that, rounding
    grows without bound.
    """
    model = pyhh.HHModel(**parameters)
    V, m, h, n = (np.asarray(trace, dtype=np.float64) for trace in (V, m, h, n))
    if not np.abs(V).max() < 1e3:
        return False
    model._UpdateGateTimeConstants(np.append(V, model.Vm))
    gates = max((gate.alpha + gate.beta).max() for gate in (model.m, model.h, model.n))
    membrane = (model.gNa * m**3 * h + model.gK * n**4 + model.gKleak).max() / model.Cm
    return dt * max(gates, membrane) <= 2


@given(parameters=models, stimulus=stimuli, dt=st.floats(1e-4, 0.02))
@settings(max_examples=200)
def test_runs_match_the_loop_in_python(parameters, stimulus, dt):
    with np.errstate(all="ignore"):
        slow = slow_run(pyhh.HHModel(**parameters), np.array(stimulus), dt)
    assume(is_stable(parameters, dt, slow.Vm, slow.StateM, slow.StateH, slow.StateN))
    fast = fast_run(pyhh.HHModel(**parameters), np.array(stimulus), dt)
    agree(fast, slow)


@given(parameters=models, current=st.floats(-100, 100), dt=st.floats(1e-4, 0.05))
def test_single_steps_match_the_loop_in_python_to_1e_12(parameters, current, dt):
    slow = slow_run(pyhh.HHModel(**parameters), np.array([current]), dt)
    fast = fast_run(pyhh.HHModel(**parameters), np.array([current]), dt)
    # Absolute too, because terms of a sum may cancel.
    for name in TRACES:
        np.testing.assert_allclose(
            getattr(fast, name), getattr(slow, name), rtol=1e-12, atol=1e-12, err_msg=name
        )


@given(parameters=models, stimulus=stimuli, dt=st.floats(1e-4, 0.02))
def test_runs_match_the_independent_reference(parameters, stimulus, dt):
    cell = {name: value for name, value in parameters.items() if name != "startingVoltage"}
    start = reference.pyhh_start(parameters["startingVoltage"])
    expected = reference.euler(reference.Parameters(**cell), start, stimulus, dt)
    assume(is_stable(parameters, dt, expected.V, expected.m, expected.h, expected.n))
    fast = fast_run(pyhh.HHModel(**parameters), stimulus, dt)
    for got, want in zip(
        (fast.Vm, fast.StateM, fast.StateH), vars(expected).values(), strict=False
    ):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def test_readme_example_matches_to_1e_9_mV():
    slow = slow_run(readme_model(), readme_stimulus(), 0.01)
    fast = fast_run(readme_model(), readme_stimulus(), 0.01)
    assert np.abs(fast.Vm - slow.Vm).max() < 1e-9
    assert len(fast.recording.spike_times) == 17
    assert fast.recording.threshold == 50


@pytest.mark.slow
@pytest.mark.parametrize("current", [10.0, 50.0])
def test_million_steps_of_steady_firing_match_to_1e_6_mV(current):
    stimulus = np.full(1_000_000, current)
    slow = slow_run(pyhh.HHModel(), stimulus, 0.01)
    fast = fast_run(pyhh.HHModel(), stimulus, 0.01)
    assert np.abs(fast.Vm - slow.Vm).max() < 1e-6


def test_step_uses_only_the_state_before_it():
    model = pyhh.HHModel(5.0)
    model.h.state = 0.5
    before = reference.State(model.Vm, model.m.state, model.h.state, model.n.state)
    fast = fast_run(model, [30.0], 0.02)
    flow = reference.currents(reference.Parameters(), before)
    slope = reference.right_hand_side(0.0, before, 30.0, reference.Parameters())
    after = [x + 0.02 * dx for x, dx in zip(before, slope, strict=True)]
    got = [fast.Vm[0], fast.StateM[0], fast.StateH[0], fast.StateN[0]]
    np.testing.assert_allclose(got, after, rtol=1e-14)
    np.testing.assert_allclose([fast.INa[0], fast.IK[0], fast.IKleak[0]], flow, rtol=1e-14)


def test_time_conventions_of_simulation_and_recording():
    # Enough steps for accumulated times to differ.
    simulation = fast_run(pyhh.HHModel(), np.full(1_000, 10.0), 0.025)
    np.testing.assert_array_equal(simulation.times, np.arange(1_000) * 0.025)
    np.testing.assert_array_equal(simulation.recording.times, (np.arange(1_000) + 1) * 0.025)
    simulation.Run(np.zeros(2), 0.01)
    np.testing.assert_array_equal(simulation.times, [0, 0.01])


def test_new_model_has_m_and_n_steady_and_h_at_0():
    model = pyhh.HHModel(12.5)
    expected = reference.steady(12.5)
    assert model.Vm == 12.5
    assert model.h.state == 0
    np.testing.assert_allclose([model.m.state, model.n.state], [expected.m, expected.n], rtol=1e-14)
    assert not hasattr(model, "INa")
    for name, value in reference.Parameters()._asdict().items():
        assert getattr(model, name) == value == getattr(pyhh.HHModel, name)


def test_starting_voltage_becomes_a_float():
    # A float32 would make every later number of a plain Python loop a float32.
    assert type(pyhh.HHModel(np.float32(1.5)).Vm) is float
    assert pyhh.HHModel(np.int8(3)).Vm == 3.0
    assert pyhh.HHModel(True).Vm == 1.0
    assert type(pyhh.HHModel(gNa=np.float32(100)).gNa) is float


def test_run_continues_from_the_present_state():
    stimulus = 20 * np.random.default_rng(0).random(3_000)
    whole = fast_run(pyhh.HHModel(), stimulus, 0.01)
    simulation = fast_run(pyhh.HHModel(), stimulus[:1_234], 0.01)
    first = simulation.Vm
    assert simulation.Run(stimulus[1_234:], 0.01) is None
    np.testing.assert_array_equal(np.concatenate([first, simulation.Vm]), whole.Vm)
    assert full_state_of(simulation.model) == full_state_of(whole.model)


def test_run_leaves_the_model_in_its_last_state():
    slow = slow_run(pyhh.HHModel(), np.full(500, 20.0), 0.01)
    fast = fast_run(pyhh.HHModel(), np.full(500, 20.0), 0.01)
    np.testing.assert_allclose(full_state_of(fast.model), full_state_of(slow.model), rtol=1e-12)
    assert len(full_state_of(fast.model)) == 4 + 9
    assert fast.model.Vm == fast.Vm[-1]
    assert fast.model.IKleak == fast.IKleak[-1]


def test_iterate_continues_after_run():
    slow = slow_run(pyhh.HHModel(), np.full(501, 20.0), 0.01)
    fast = fast_run(pyhh.HHModel(), np.full(500, 20.0), 0.01)
    fast.model.iterate(stimulusCurrent=20.0, deltaTms=0.01)
    np.testing.assert_allclose(fast.model.Vm, slow.model.Vm, rtol=1e-12)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_may_be_set_by_keyword_attribute_and_subclass(name):
    value = 0.9 * getattr(pyhh.HHModel, name)
    by_keyword = pyhh.HHModel(**{name: value})
    by_attribute = pyhh.HHModel()
    setattr(by_attribute, name, value)
    by_subclass = type("Mine", (pyhh.HHModel,), {name: value})()
    expected = slow_run(pyhh.HHModel(**{name: value}), np.full(400, 10.0), 0.01).Vm
    plain = fast_run(pyhh.HHModel(), np.full(400, 10.0), 0.01).Vm
    assert np.abs(plain - expected).max() > 1e-6
    for model in (by_keyword, by_attribute, by_subclass):
        np.testing.assert_allclose(
            fast_run(model, np.full(400, 10.0), 0.01).Vm, expected, atol=1e-9
        )


def test_parameters_may_be_set_on_the_class(monkeypatch):
    model = pyhh.HHModel()
    monkeypatch.setattr(pyhh.HHModel, "gNa", 90)
    expected = fast_run(pyhh.HHModel(gNa=90), np.full(400, 10.0), 0.01).Vm
    np.testing.assert_array_equal(fast_run(model, np.full(400, 10.0), 0.01).Vm, expected)


def test_parameters_and_state_may_be_set_between_runs():
    model = pyhh.HHModel()
    simulation = fast_run(model, np.full(400, 10.0), 0.01)
    model.gK, model.Vm, model.h.state = 30, 3, 0.6
    start = reference.State(3.0, model.m.state, 0.6, model.n.state)
    simulation.Run(np.full(400, 10.0), 0.01)
    expected = reference.euler(reference.Parameters(gK=30), start, [10.0] * 400, 0.01)
    np.testing.assert_allclose(simulation.Vm, expected.V, atol=1e-9)


@pytest.mark.parametrize("method", ["Run", "run"])
def test_step_above_50_us_warns_the_caller(method):
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    with pytest.warns(UserWarning, match=r"is 0.06 ms; steps of 0.05 ms or less") as caught:
        getattr(simulation, method)(np.zeros(10), 0.06)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(simulation, method)(np.zeros(10), 0.05)


@pytest.mark.parametrize(
    "stimulus",
    [
        np.array([10, 0, -3, 10]),
        np.array([10, 0, 3, 10], dtype=np.uint8),
        np.array([10.5, 0, -3, 10], dtype=np.float32),
        np.array([10.5, 0, -3, 10], dtype=np.float16),
        np.array([10.5, 0, -3, 10], dtype=np.longdouble),
        np.array([10.5, 0, -3, 10], dtype=">f8"),
        np.array([True, False, True, True]),
        np.arange(40.0)[::10],
        np.arange(4.0)[::-1],
        [10, 0.5, True, -3],
        (10, 0.5, -3),
        range(4),
        np.ma.masked_array([1.0, 2.0]),
    ],
    ids=str,
)
def test_stimulus_may_be_any_real_1d_array(stimulus):
    expected = fast_run(pyhh.HHModel(), [float(x) for x in stimulus], 0.01)
    got = fast_run(pyhh.HHModel(), stimulus, 0.01)
    np.testing.assert_array_equal(got.Vm, expected.Vm)
    assert type(got.recording.stimulus) is np.ndarray


def test_stimulus_is_not_modified():
    stimulus = readme_stimulus()
    stimulus.setflags(write=False)
    kept = stimulus.copy()
    recording = pyhh.Simulation(pyhh.HHModel()).run(stimulus, 0.01)
    np.testing.assert_array_equal(stimulus, kept)
    assert not np.shares_memory(recording.stimulus, stimulus)


def test_runs_do_not_share_arrays():
    simulation = pyhh.Simulation(pyhh.HHModel())
    first = simulation.run(np.full(100, 10.0), 0.01)
    kept = {name: getattr(first, name).copy() for name in TRACES}
    simulation.Run(np.full(100, -10.0), 0.01)
    for name in TRACES:
        np.testing.assert_array_equal(getattr(first, name), kept[name])
        assert not np.shares_memory(getattr(first, name), getattr(simulation, name))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (pyhh.HHModel.iterate, ["stimulusCurrent", "deltaTms"]),
        (pyhh.HHModel._UpdateGateTimeConstants, ["Vm"]),
        (pyhh.HHModel._UpdateGateStates, ["deltaTms"]),
        (pyhh.HHModel._UpdateCellVoltage, ["stimulusCurrent", "deltaTms"]),
        (pyhh.HHModel.Gate.update, ["deltaTms"]),
        (pyhh.Simulation.Run, ["stimulusWaveform", "stepSizeMs"]),
        (pyhh.Simulation.CreateArrays, ["pointCount", "deltaTms"]),
    ],
)
def test_arguments_are_called_as_those_of_pyhh(function, names):
    assert list(inspect.signature(function).parameters)[1:] == names


def test_modules_are_called_as_those_of_pyhh():
    assert pyhh.models.HHModel is pyhh.HHModel
    assert pyhh.simulations.Simulation is pyhh.Simulation
    assert pyhh.HHModel(startingVoltage=1).Vm == 1


def test_gates_can_be_used_alone():
    gate = pyhh.HHModel.Gate()
    assert (gate.alpha, gate.beta, gate.state) == (0, 0, 0)
    gate.alpha, gate.beta = 0.3, 0.1
    gate.update(deltaTms=0.5)
    assert gate.state == 0.15
    gate.update(0.5)
    assert gate.state == pytest.approx(0.15 + 0.5 * (0.3 * 0.85 - 0.1 * 0.15), rel=1e-15)
    gate.setInfiniteState()
    assert gate.state == 0.3 / 0.4


def test_rates_of_an_array_of_potentials():
    model = pyhh.HHModel()
    V = np.array([-50.0, 0, 10, 25, 100])
    model._UpdateGateTimeConstants(V)
    expected = [reference.rates(v) for v in V]
    np.testing.assert_allclose(model.m.alpha, [r.alpha_m for r in expected], rtol=1e-14)
    np.testing.assert_allclose(model.n.alpha, [r.alpha_n for r in expected], rtol=1e-14)
    np.testing.assert_allclose(model.h.beta, [r.beta_h for r in expected], rtol=1e-14)


# Different on purpose.


def test_gates_belong_to_one_model():
    one, other = pyhh.HHModel(), pyhh.HHModel(50.0)
    assert one.m is not other.m
    assert one.m.state == pytest.approx(0.0529325, abs=1e-7)
    fast_run(other, np.full(100, 10.0), 0.01)
    assert one.n.state == pytest.approx(0.3176769, abs=1e-7)


def test_gates_declared_by_a_subclass_belong_to_one_model():
    class Mine(pyhh.HHModel):
        m = pyhh.HHModel.Gate()

        def __init__(self):  # never calls HHModel's
            self.Vm = 0.0

    one, other = Mine(), Mine()
    one.m.state = 0.7
    assert other.m.state == 0
    assert Mine.m.state == 0


def test_attributes_of_custom_gates_belong_to_one_model():
    class Logging(pyhh.HHModel.Gate):
        def __init__(self):
            self.log = []

    class Mine(pyhh.HHModel):
        h = Logging()

    assert Mine().h.log is not Mine().h.log


@pytest.mark.parametrize("V", [10, 25, 10.0, 25.0, np.float64(25)])
@pytest.mark.parametrize("run", [slow_run, fast_run])
def test_rates_at_removable_points_are_their_limits(run, V):
    model = pyhh.HHModel(V)
    assert model.n.alpha == 0.1 if V == 10 else model.m.alpha == 1
    simulation = run(model, np.zeros(1), 0.01)
    assert np.isfinite(simulation.StateM).all()
    assert model.n.alpha == 0.1 if V == 10 else model.m.alpha == 1


def test_nothing_is_printed(capsys):
    fast_run(pyhh.HHModel(), np.zeros(100), 0.01)
    pyhh.Simulation(pyhh.HHModel()).run(0.0, 0.01, duration=1.0)
    assert capsys.readouterr() == ("", "")


def test_progress_shows_a_bar(capsys):
    pytest.importorskip("tqdm")
    pyhh.Simulation(pyhh.HHModel()).run(0.0, 0.01, duration=1000.0, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "100%" in err
    assert "100k/100k" in err

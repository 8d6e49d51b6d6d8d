"""Voltage clamp of many cells: each as by itself."""

import numpy as np
import pytest
import reference
from custom_models import WithTemperature
from error_messages import raises

import pyhh_fast as pyhh
from pyhh_fast import neurons, stimuli
from pyhh_fast.engine.populations import stepper
from pyhh_fast.engine.populations.clamp_stepper import CellsClampStepper

COMMANDS = np.array([-20.0, 26.0, 63.0, 88.0, 109.0])


def assert_each_as_by_itself(recording, subjects, commands, dt, **options):
    for i, (subject, V) in enumerate(zip(subjects, commands, strict=True)):
        alone = pyhh.Simulation(subject).clamp(V, dt, **options)
        for name in recording.recorded:
            np.testing.assert_array_equal(recording[name][i], alone[name], name)


def warm():
    model = WithTemperature()
    model.temperature = 16.3
    return model


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("model", [pyhh.HHModel, warm])
def test_family_of_commands_has_the_bits_of_single_clamps(model, threads):
    cells = pyhh.Population.from_model(model(), COMMANDS.size)
    record = ["Vm", "StateM", "StateH", "StateN", "INa", "IK", "IKleak", "I_total"]
    options = {"duration": 8.0, "holding": -5.0}
    family = cells.clamp(COMMANDS, 0.01, record=record, threads=threads, **options)
    models = [model() for _ in COMMANDS]
    assert_each_as_by_itself(family, models, COMMANDS, 0.01, **options)
    np.testing.assert_array_equal(cells.StateM, family.StateM[:, -1])
    np.testing.assert_array_equal(family.final_state.Vm, COMMANDS)
    assert family.spike_counts.sum() == 0
    np.testing.assert_array_equal(family.times, (np.arange(800) + 1) * 0.01)


def test_custom_rates_and_far_commands_have_the_bits_of_single_clamps():
    V = [-320.0, 330.0, 700.0]
    cells = pyhh.Population.from_model(warm(), 3)
    family = cells.clamp(V, 0.01, duration=1.0, holding=0.0, record=["StateH", "INa"])
    assert_each_as_by_itself(family, [warm()] * 3, V, 0.01, duration=1.0, holding=0.0)


NUMBERS = {
    "pospischil_ib": {"Na.g": [50, 20, 30], "M.E": [-100, -90, -80], "Na.shift": [-55, -63, -50.3]},
    "wang_buzsaki": {"K.g": [9, 5, 2], "Na.shift": [0, -2.5, 1]},
    "morris_lecar": {"Ca.g": [4.4, 4, 5], "Ca.shift": [-1.2, 3, 0], "Cm": [20, 10, 5]},
}


@pytest.mark.parametrize("name", NUMBERS)
def test_families_of_neurons_have_the_bits_of_single_clamps(name):
    neuron, values = getattr(neurons, name)(), NUMBERS[name]
    command = stimuli.step(50, 1, 5) + stimuli.constant(-70) + stimuli.white_noise(1, seed=1)
    cells = pyhh.Population.from_model(neuron, 3, values)
    record = tuple(cells.neuron.variables)
    family = cells.clamp(command, 0.02, duration=9.0, record=(*record, "I_total"))
    single = [neuron.replace({path: x[i] for path, x in values.items()}) for i in range(3)]
    commands = [command.of_cell(i) for i in range(3)]
    assert_each_as_by_itself(family, single, commands, 0.02, duration=9.0)
    assert set(family.final_state) == {"Vm", *neuron.gates}
    for path, x in cells.gates.items():
        np.testing.assert_array_equal(x, family[path][:, -1])


def test_speeds_of_their_own_follow_the_closed_form():
    speeds = np.array([0.2, 1.0, 3.0])
    neuron = neurons.hodgkin_huxley()
    cells = pyhh.Population.from_model(neuron, 3, {"K.n.speed": speeds, "Na.m.speed": speeds})
    family = cells.clamp(-5.0, 0.05, duration=10.0, holding=-65.0, record=["K.n", "Na.m", "Na.h"])
    r, held = reference.rates(60.0), reference.steady(0.0)
    for gate, path in (("n", "K.n"), ("m", "Na.m"), ("h", "Na.h")):
        total = getattr(r, f"alpha_{gate}") + getattr(r, f"beta_{gate}")
        inf, factor = getattr(r, f"alpha_{gate}") / total, 1.0 if gate == "h" else speeds
        decay = np.exp(-np.multiply.outer(factor * total * np.ones(3), family.times))
        expected = inf - (inf - getattr(held, gate)) * decay
        np.testing.assert_allclose(family[path], expected, rtol=1e-10)


def test_commands_of_all_shapes():
    cells, record = pyhh.Population(3), ["Vm", "I_total"]
    steps, each = np.array([5.0, 10.0, 30.0, 0.0]), np.array([1.0, 20.0, -7.0])
    shared = cells.clamp(steps, 0.1, record=record)
    np.testing.assert_array_equal(shared.Vm, [steps] * 3)
    whole = cells.clamp(np.multiply.outer(each, steps), 0.1, record=record)
    np.testing.assert_array_equal(whole.Vm, np.multiply.outer(each, steps))
    constant = cells.clamp(each, 0.1, duration=0.4, holding=[0, 20, 0], record=record)
    np.testing.assert_array_equal(constant.Vm, np.repeat(each, 4).reshape(3, 4))
    assert constant.I_total[1, 0] == pytest.approx(constant.I_total[1, 1], rel=1e-9)
    assert constant.I_total[0, 0] - constant.I_total[0, 1] == pytest.approx(1 / 0.1, rel=0.05)
    by_stimulus = cells.clamp(stimuli.step(each, 0.1, 0.3), 0.1, duration=0.4, record=record)
    np.testing.assert_array_equal(by_stimulus.Vm, np.multiply.outer(each, [0, 1, 1, 0]))
    by_function = cells.clamp(lambda t: 10 * t, 0.1, duration=0.4, record=record)
    np.testing.assert_allclose(by_function.Vm, [[0.5, 1.5, 2.5, 3.5]] * 3)
    assert cells.clamp(np.empty((3, 0)), 0.1).steps == 0


def test_some_cells_and_every_other_step():
    V = stimuli.ramp(-20, 60, 0, 20)
    cells = pyhh.Population(20, gNa=np.linspace(10, 120, 20))
    whole = cells.clamp(V, 0.05, record=["INa", "I_total"])
    some = cells.clamp(V, 0.05, record=["I_total", "INa"], cells=[17, 3, 3], every=6)
    for name in some.recorded:
        np.testing.assert_array_equal(some[name], whole[name][[17, 3, 3], ::6])


def test_chunks_do_not_matter(monkeypatch):
    def clamped():
        cells = pyhh.Population(9, gK=np.linspace(10, 50, 9))
        return cells.clamp(stimuli.white_noise(20, seed=1), 0.01, duration=5.0, record=["I_total"])

    whole = clamped()
    monkeypatch.setattr(stepper, "ONE_CHUNK", 0.0)
    monkeypatch.setattr(stepper, "LAST_CHUNK", 0.0)
    monkeypatch.setattr(stepper, "LONGEST", 37)
    np.testing.assert_array_equal(clamped().I_total, whole.I_total)


def test_ctrl_c_keeps_the_completed_steps(monkeypatch):
    original, calls = CellsClampStepper._call, []

    def call(self, task):
        calls.append(task)
        if len(calls) == 4:
            raise KeyboardInterrupt
        original(self, task)

    monkeypatch.setattr(stepper, "ONE_CHUNK", 0.0)
    monkeypatch.setattr(stepper, "LAST_CHUNK", 0.0)
    monkeypatch.setattr(stepper, "LONGEST", 50)
    monkeypatch.setattr(CellsClampStepper, "_call", call)
    cells, V = pyhh.Population(3), stimuli.ramp(0, 60, 0, 10)
    with pytest.raises(KeyboardInterrupt):
        cells.clamp(V, 0.01, record=["INa"], threads=1)
    monkeypatch.undo()
    assert cells.recording.steps == 150
    shorter = pyhh.Population(3)
    shorter.clamp(V, 0.01, duration=1.5, record=["INa"])
    np.testing.assert_array_equal(cells.recording.INa, shorter.recording.INa)
    np.testing.assert_array_equal(cells.StateN, shorter.StateN)


def test_labelled_dataset_has_currents_at_the_times_of_the_gates():
    pytest.importorskip("xarray")
    data = pyhh.Population(2).clamp(9.0, 0.5, duration=2, record=["IK", "I_total"]).to_xarray()
    assert data.IK.dims == data.I_total.dims == ("cell", "time")
    assert data.I_total.units == "µA/cm²"
    assert data.method == "clamp"


WIDE = "V must be above -300 and below 300 (mV); got"
END = "A neuron's tables end there."


@pytest.mark.parametrize(
    ("message", "V", "options"),
    [
        (f"{WIDE} 400.0 at index 1. {END}", [0, 400], {"duration": 1}),
        (f"{WIDE} -310.0. {END}", -310, {"duration": 1}),
        (f"{WIDE} 999.0 at index (1, 2). {END}", [[0, 1, 2], [0, 1, 999]], {}),
        (f"{WIDE} 305.0 at index 30. {END}", lambda t: 1000 * t, {"duration": 1}),
        (
            f"holding must be above -300 and below 300 (mV); got 300.0 at index 1. {END}",
            *(0, {"duration": 1, "holding": [0, 300]}),
        ),
        (
            "V must be one value for each cell, where duration is given (mV); got 3 values for a "
            "population of size 2. For a value a step leave duration out.",
            *([1, 2, 3], {"duration": 1}),
        ),
        (
            "duration must be left out where V has two dimensions; got 1. The array's second "
            "dimension gives the number of steps.",
            *([[1], [2]], {"duration": 1}),
        ),
        (
            "record must be one of I_total, K, K.n, Na, Na.h, Na.m, Vm, leak; got 'I_Na'. Did you "
            "mean Na?",
            *(0, {"duration": 1, "record": ["I_Na"]}),
        ),
    ],
)
def test_errors_speak_of_V(message, V, options):
    cells = pyhh.Population.from_model(neurons.wang_buzsaki(), 2)
    before = cells.Vm.copy()
    with raises(ValueError, message):
        cells.clamp(V, 0.01, **{"record": ()} | options)
    if not callable(V):
        assert cells.recording is None
        np.testing.assert_array_equal(cells.Vm, before)


def test_one_value_for_each_cell_is_not_taken_for_a_value_a_step_unnoticed():
    with pytest.warns(UserWarning, match=r"^V is a value a step, .* stimuli\.from_array\(V\)\."):
        pyhh.Population(2).clamp([5.0, 10.0], 0.1)


def test_cells_without_traces_are_refused():
    rule = "cells must be left out where record names no traces; got 0. "
    with raises(ValueError, rule + "Pass record=['Vm'], or so, to keep traces of these cells."):
        pyhh.Population(2).clamp(5.0, 0.1, duration=1, cells=0)

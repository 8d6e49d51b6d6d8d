"""Populations of declared neurons, against simulations of each cell by itself."""

import numpy as np
import pytest
from declared_neurons import neurons
from error_messages import raises
from hypothesis import given, settings
from hypothesis import strategies as st

import pyhh_fast as pyhh
from pyhh_fast import Channel, Neuron
from pyhh_fast.methods import of_populations
from pyhh_fast.neurons import (
    connor_stevens,
    hodgkin_huxley,
    pospischil_ib,
    pospischil_rs,
    wang_buzsaki,
)

METHODS = tuple(of_populations())
PUBLISHED = [wang_buzsaki(), connor_stevens(), pospischil_rs(), pospischil_ib(), hodgkin_huxley()]
WANG_BUZSAKI = PUBLISHED[0]


def one_by_one(neuron, values, Vm, currents, **options):
    """Return the recordings of simulations of each cell, with its numbers."""
    for i, current in enumerate(currents):
        one = neuron.replace({path: float(np.ravel(own)[i]) for path, own in values.items()})
        V = None if Vm is None else float(Vm[i])
        yield pyhh.Simulation(one, Vm=V).run(float(current), 0.01, **options)


def assert_equal(recording, alone, names):
    """See that all traces and spikes of cells are those of simulations, to the bit."""
    for i, one in enumerate(alone):
        for name in names:
            np.testing.assert_array_equal(recording[name][i], one[name], strict=True)
        np.testing.assert_array_equal(recording.spike_times(i), one.spike_times)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("neuron", PUBLISHED, ids=["WB", "CS", "RS", "IB", "HH"])
def test_each_cell_has_the_bits_of_its_simulation(neuron, method):
    draw = np.random.default_rng(1).uniform
    size = 11
    values = {
        path: value * draw(0.95, 1.05, size) + draw(-1, 1, size) * path.endswith("shift")
        for path, value in neuron.parameters.items()
        if not path.endswith("speed")
    }
    currents = np.linspace(0, 12, size)
    V = draw(-75, -60, size)
    population = pyhh.Population.from_model(neuron, size, values, start="steady", Vm=V)
    names = list(neuron.variables)
    options = {"duration": 60, "method": method, "threshold": -20}
    recording = population.run(currents, 0.01, record=names, **options)
    assert recording.spike_counts.max() > 2
    assert_equal(recording, one_by_one(neuron, values, V, currents, **options), names)
    assert {name: x[3] for name, x in recording.final_state.items()} == {
        name: recording[name][3, -1] for name in ["Vm", *neuron.gates]
    }
    np.testing.assert_array_equal(population.Vm, recording["Vm"][:, -1])
    np.testing.assert_array_equal(
        list(population.gates.values()), [recording[path][:, -1] for path in neuron.gates]
    )


@given(
    neuron=neurons(), method=st.sampled_from(METHODS), I=st.floats(-3, 5), number=st.integers(0, 99)
)
@settings(max_examples=60)
def test_any_neuron_with_numbers_of_each_cell_is_its_simulation(neuron, method, I, number):  # noqa: E741
    draw = np.random.default_rng(number).uniform
    values = {
        path: draw(0.5, 2, 3) if path.endswith("speed") or path == "Cm" else value + draw(0, 1, 3)
        for path, value in neuron.parameters.items()
        if draw() < 0.7
    }
    cells = pyhh.Population.from_model(neuron, 3, values, start="steady", Vm=-60.0)
    options = {"duration": 1.0, "method": method}
    recording = cells.run(I, 0.01, record=list(neuron.variables), **options)
    alone = one_by_one(neuron, values, [-60.0] * 3, [I] * 3, **options)
    # Speeds multiply rates after the table, not in it, so the last digits differ.
    for i, one in enumerate(alone):
        for name in neuron.variables:
            np.testing.assert_allclose(recording[name][i], one[name], rtol=1e-10, atol=1e-12)


def test_long_steps_of_fast_gates_by_exponential_euler_are_those_of_a_simulation():
    # phi1 of the gates, and of V, is beyond its polynomial and beyond its series.
    speed = np.array([1.0, 30.0, 3_000.0])
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 3, {"K.n.speed": speed, "K.g": [9, 90, 900]})
    V = cells.Vm
    options = {"duration": 20, "method": "exponential_euler"}
    recording = cells.run(2.0, 0.01, record=["Vm", "K.n"], **options)
    values = {"K.n.speed": speed, "K.g": [9, 90, 900]}
    for i, one in enumerate(one_by_one(WANG_BUZSAKI, values, V, [2.0] * 3, **options)):
        np.testing.assert_allclose(recording["Vm"][i], one.Vm, rtol=0, atol=1e-8)
        np.testing.assert_allclose(recording["K.n"][i], one["K.n"], rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_bits_do_not_depend_on_other_cells_threads_or_chunks(method, monkeypatch):
    neuron, size = pospischil_ib(), 150
    draw = np.random.default_rng(2).uniform
    values = {
        "Na.g": draw(40, 60, size),
        "Na.shift": draw(-60, -50, size),
        "M.p.speed": draw(0.5, 2, size),
    }
    currents = draw(0, 8, size)

    def run(chosen, threads=1):
        some = {path: own[chosen] for path, own in values.items()}
        cells = pyhh.Population.from_model(neuron, len(chosen), some, start="steady", Vm=-70)
        r = cells.run(
            currents[chosen], 0.01, duration=40, method=method, threads=threads, record=["Vm", "M"]
        )
        return [r["Vm"], r["M"], [r.spike_times(cell).tolist() for cell in range(len(chosen))]]

    everyone = np.arange(size)
    Vm, M, spikes = run(everyone)
    assert sum(map(len, spikes)) > 300

    def same(chosen, threads=1):
        got = run(chosen, threads)
        np.testing.assert_array_equal(got[0], Vm[chosen])
        np.testing.assert_array_equal(got[1], M[chosen])
        assert got[2] == [spikes[cell] for cell in chosen]

    same(everyone, threads=3)
    same(np.random.default_rng(3).permutation(size), threads=2)
    same(np.array([149]))
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 7)
    same(everyone[:50], threads=2)


def test_channels_with_equal_shifts_share_rows():
    # Whether channels share the rows of a shift makes no difference to the bits.
    neuron, shift = pospischil_rs(), np.linspace(-60, -50, 5)
    names = [name for name, channel in neuron.channels.items() if channel.gates]
    together, apart = (
        pyhh.Population.from_model(neuron, 5, values, start="steady", Vm=-70).run(
            5.0, 0.01, duration=50, record=["Vm"]
        )
        for values in (
            {f"{name}.shift": shift for name in names[:2]},
            {f"{name}.shift": shift + 0 * i for i, name in enumerate(names[:2])},
        )
    )
    np.testing.assert_array_equal(together.Vm, apart.Vm)


@pytest.mark.parametrize("path", ["K.shift", "K.E", "Cm"])
def test_each_cell_starts_at_its_rest(path):
    neuron = connor_stevens()
    size = 200
    draw = np.random.default_rng(4).uniform
    values = {
        "leak.g": draw(0.2, 0.4, size),
        "A.E": draw(-80, -70, size),
    }
    values[path] = neuron.parameters[path] + draw(0, 3, size)
    cells = pyhh.Population.from_model(neuron, size, values)
    for i in range(0, size, 20):
        one = neuron.replace({path: own[i] for path, own in values.items()})
        simulation = pyhh.Simulation(one)
        assert cells.Vm[i] == pytest.approx(simulation.Vm, abs=1e-9)
        assert [x[i] for x in cells.gates.values()] == pytest.approx(
            list(simulation.gates.values()), rel=1e-9
        )
    # Nothing moves there.
    recording = cells.run(0.0, 0.01, duration=20, record=["Vm"], method="rk4")
    np.testing.assert_allclose(recording.Vm[:, -1], recording.Vm[:, 0], rtol=0, atol=1e-8)


def test_cells_without_a_rest_start_at_the_unstable_equilibrium_nearest_the_leak():
    neuron = WANG_BUZSAKI.replace({"leak.E": -40})
    with pytest.raises(ValueError, match="must have a stable resting potential"):
        neuron.rest  # noqa: B018
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 2, {"leak.E": [-65, -40]})
    expected = [pyhh.Simulation(one).Vm for one in (WANG_BUZSAKI, neuron)]
    assert cells.Vm.tolist() == pytest.approx(expected, abs=1e-9)


def test_population_without_cells():
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 0, {"K.g": []})
    recording = cells.run(2.0, 0.01, duration=1, record=["Vm"])
    assert recording.Vm.shape == (0, 100)
    assert recording.spikes.time.size == 0


def test_reset_puts_cells_back():
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 3, {"K.g": [8, 9, 10]})
    rest = cells.Vm.copy()
    first = cells.run(2.0, 0.01, duration=30).spikes.time
    assert (cells.Vm != rest).all()
    cells.reset()
    np.testing.assert_array_equal(cells.Vm, rest)
    np.testing.assert_array_equal(cells.run(2.0, 0.01, duration=30).spikes.time, first)
    cells.reset("steady", Vm=[-70, -60, -50])
    assert cells.Vm.tolist() == [-70, -60, -50]
    assert {path: x[1] for path, x in cells.gates.items()} == WANG_BUZSAKI.steady_state(-60.0)


def test_one_number_is_the_neurons_and_an_array_is_each_cells():
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 2, {"K.g": 7, "Na.g": [30, 40]}, Cm=1.5)
    assert cells.neuron == WANG_BUZSAKI.replace({"K.g": 7, "Cm": 1.5})
    recording = cells.run(1.0, 0.01, duration=1)
    for parameters in (cells.parameters, recording.parameters):
        expected = {path: [number] * 2 for path, number in cells.neuron.parameters.items()}
        found = {path: own.tolist() for path, own in parameters.items()}
        assert found == expected | {"Na.g": [30, 40]}
    with pytest.raises(ValueError, match="read-only"):
        cells.Vm[0] = 3


def test_advised_step_suits_the_shifts_of_all_cells():
    advice = []
    for shift in ([0.0, -90.0, 0.0], [0.0, 0.0, -90.0]):
        values = {"K.shift": shift, "K.n.speed": 5_000}
        cells = pyhh.Population.from_model(WANG_BUZSAKI, 3, values, start="steady", Vm=20)
        with pytest.warns(UserWarning, match="^3 of 3 cells diverged") as caught:
            cells.run(0.0, 0.01, duration=20)
        advice.append(str(caught[0].message).partition("has all. ")[2])
    assert advice[0] == advice[1]


@pytest.mark.parametrize("method", METHODS)
def test_cell_that_leaves_the_tables_diverges_and_the_others_go_on(method):
    neuron = Neuron(leak=Channel(0.1, E=-65), **WANG_BUZSAKI.without("leak").channels)
    currents = np.array([1.0, 4e4, 2.0])
    cells = pyhh.Population.from_model(neuron, 3)
    with pytest.warns(UserWarning, match=r"^1 of 3 cells diverged.* \(cell 1\)"):
        recording = cells.run(currents, 0.01, duration=20, method=method, record=["Vm"])
    with pytest.raises(pyhh.SimulationError) as error:
        pyhh.Simulation(neuron).run(4e4, 0.01, duration=20, method=method)
    assert recording.diverged_at.tolist() == [-1, error.value.step, -1]
    assert np.isnan(recording.Vm[1, error.value.step :]).all()
    assert np.isnan(cells.Vm[1])
    others = pyhh.Population.from_model(neuron, 2).run(
        currents[[0, 2]], 0.01, duration=20, method=method, record=["Vm"]
    )
    np.testing.assert_array_equal(recording.Vm[[0, 2]], others.Vm)


def test_dataset_has_the_names_of_the_neuron():
    xarray = pytest.importorskip("xarray")
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 2, {"Na.g": [30, 40]})
    recording = cells.run(2.0, 0.01, duration=5, record=["Vm", "Na", "Na.h"])
    dataset = recording.to_xarray()
    assert isinstance(dataset, xarray.Dataset)
    np.testing.assert_array_equal(dataset["Na.h"], recording["Na.h"])
    assert dataset["Na"].attrs["units"] == "µA/cm²"
    assert dataset["Na.g"].attrs["units"] == "mS/cm²"
    np.testing.assert_array_equal(dataset["final_K.n"], recording.final_state["K.n"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"values": {"Na.g": [1, 2, -3]}},
            "Na.g must be a finite number, 0 or more (mS/cm²); got -3 at index 2.",
        ),
        (
            {"values": {"Na.g": [1, 2]}},
            "Na.g must be a finite number, or one for each of 3 cells; got 2 values for a "
            "population of size 3.",
        ),
        (
            {"values": {"Na.shift": [0, 0, 200]}},
            "Na.shift must be from -100 to 100 (mV); got 200 at index 2.",
        ),
        (
            {"values": {"K.n.power": 3}},
            "path must be one of Cm, K.E, K.g, K.n.speed, K.shift, Na.E, Na.g, Na.h.speed, "
            "Na.shift, leak.E, leak.g; got 'K.n.power'. power is not a parameter: declare a neuron "
            "for each, with a population of its own.",
        ),
        (
            {"start": "model"},
            "start must be one of rest, steady; got 'model'.",
        ),
        (
            {"start": "steady", "Vm": [1, 2, 400]},
            "Vm must be from -300 to 300 (mV); got 400. A neuron's tables end there.",
        ),
    ],
)
def test_wrong_numbers_are_named(options, message):
    with raises(ValueError, message):
        pyhh.Population.from_model(WANG_BUZSAKI, 3, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"start": "steady"},
            "Vm must be given where start is 'steady' (mV); got None. Pass one number for all "
            "cells, or one for each.",
        ),
        (
            {"values": 5},
            "values must be a dict of parameters; got 5. Pass {'gNa': 100}, or {'Na.g': 40} "
            "for a neuron.",
        ),
        (
            {"Vm": -65},
            "Vm must be left out where start is 'rest' (mV); got -65. Pass start='steady' with it.",
        ),
    ],
)
def test_arguments_of_the_wrong_kind_are_named(options, message):
    with raises(TypeError, message):
        pyhh.Population.from_model(WANG_BUZSAKI, 3, **options)


def test_neuron_is_no_size():
    with raises(
        TypeError,
        "size must be a whole number; got a Neuron. Pass it to Population.from_model.",
    ):
        pyhh.Population(WANG_BUZSAKI)


def test_trace_that_was_not_recorded_is_told():
    recording = pyhh.Population.from_model(WANG_BUZSAKI, 2).run(1.0, 0.01, duration=1)
    with pytest.raises(KeyError, match="Na was not recorded"):
        recording["Na"]
    with pytest.raises(KeyError, match=r"name must be one of .* Na\.h"):
        recording["Na.x"]


def test_numbers_and_state_cannot_be_set():
    cells = pyhh.Population.from_model(WANG_BUZSAKI, 2)
    for name in ("Vm", "gates", "parameters", "gNa"):
        with pytest.raises(AttributeError, match=f"^{name} of a neuron's population cannot be set"):
            setattr(cells, name, 1)


@pytest.mark.parametrize("custom", [False, True])
def test_cells_of_a_model_start_where_they_are_told(custom):
    class Fast(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.n.alpha, self.n.beta = 2 * self.n.alpha, 2 * self.n.beta

    model = Fast() if custom else pyhh.HHModel()
    gK = [30.0, 36.0]
    rested = pyhh.Population.from_model(model, 2, {"gK": gK}, start="rest")
    steady = pyhh.Population.from_model(model, 2, gK=gK, start="steady", Vm=[1, 2])
    for i in range(2):
        one = type(model).at_rest(gK=gK[i])
        assert rested.Vm[i] == pytest.approx(one.Vm, abs=1e-9)
        assert rested.StateH[i] == pytest.approx(one.h.state, rel=1e-9)
        one = type(model).steady(1 + i)
        assert steady.StateN[i] == pytest.approx(one.n.state, rel=1e-12)
    assert pyhh.Population.from_model(model, 2).StateH.tolist() == [0, 0]
    with raises(
        TypeError,
        "Vm must be given where start is 'steady', and only there (mV); got Vm=None and "
        "start='steady'.",
    ):
        pyhh.Population.from_model(model, 2, start="steady")


def test_a_parameter_is_given_once():
    neuron = pyhh.neurons.wang_buzsaki()
    with raises(TypeError, "parameters must be given once; got Cm in values and by keyword."):
        pyhh.Population.from_model(neuron, 2, {"Cm": 2}, Cm=1)

"""Conductances of all cells of a population, a sweep, a simulator: each as a run of one cell."""

import pickle

import numpy as np
import pytest
from sweep_models import Warm
from sweep_runs import executors

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli
from pyhh_fast.engine.populations import stepper
from pyhh_fast.neurons import pospischil_rs, wang_buzsaki

METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]
DT, STEPS = 0.02, 1_500
NOISE = stimuli.conductance(stimuli.ornstein_uhlenbeck(0.1, 0.1, 3, seed=1), 20)
SYNAPSES = stimuli.conductance(stimuli.poisson_epsc(500, 0.2, 4, seed=2, rise=2), -20)
KINDS = {
    "shared": stimuli.conductance(stimuli.step(0.3, 1, 20), 30) + stimuli.sine(4, 40),
    "array": stimuli.conductance(np.linspace(0, 0.4, STEPS), 30) + 2,
    "noise": 1 + NOISE + stimuli.step(2, 5, 12) + SYNAPSES,
    "reversals": stimuli.conductance(0.2, [-20, 0, 20, 40, 60] * 2) + NOISE,
    "constants": stimuli.conductance(stimuli.constant(np.linspace(0, 0.3, 10)), 20),
}
CELLS = {
    "model": (pyhh.HHModel.at_rest, {"gNa": np.linspace(100, 130, 10)}),
    "tabulated": (Warm.at_rest, {"gNa": np.linspace(100, 130, 10)}),
    "neuron": (wang_buzsaki, {"K.g": np.linspace(7, 11, 10)}),
    "shifted": (pospischil_rs, {"Na.shift": np.linspace(-58, -54, 10)}),
}


def single(make, parameters, stimulus, cell, **options):
    """Return V of a simulation of one of the cells."""
    own = {name: float(values[cell]) for name, values in parameters.items()}
    if make in (wang_buzsaki, pospischil_rs):
        simulation = pyhh.Simulation(make().replace(own), Vm=-64.0)
    else:
        model = type(make())()
        for name, value in own.items():
            setattr(model, name, value)
        simulation = pyhh.Simulation(model)
    return simulation.run(stimulus.of_cell(cell), DT, duration=STEPS * DT, **options)


def population(make, parameters):
    if make in (wang_buzsaki, pospischil_rs):
        return pyhh.Population.from_model(make(), 10, parameters, start="steady", Vm=-64.0)
    return pyhh.Population.from_model(type(make())(), 10, parameters, start="model")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_cells_have_the_bits_of_single_simulations(name, kind, method):
    make, parameters = CELLS[name]
    cells, stimulus = population(make, parameters), KINDS[kind]
    run = cells.run(stimulus, DT, duration=STEPS * DT, method=method, record=["Vm"], threads=2)
    built_in = name == "model" and method != "adaptive"  # by shared exponentials, not by tables
    for cell in (0, 3, 9):
        alone = single(make, parameters, stimulus, cell, method=method)
        if built_in:
            np.testing.assert_allclose(run.Vm[cell], alone.Vm, rtol=0, atol=1e-6)
        else:
            np.testing.assert_array_equal(run.Vm[cell], alone.Vm)
        assert run.spike_counts[cell] == alone.spike_times.size


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model", "neuron"])
def test_threads_and_chunks_do_not_matter(name, kind, method, monkeypatch):
    options = {"duration": STEPS * DT, "method": method, "record": ["Vm"]}
    whole = population(*CELLS[name]).run(KINDS[kind], DT, threads=1, **options)
    monkeypatch.setattr(stepper, "LONGEST", 77)
    monkeypatch.setattr("pyhh_fast.engine.read_ahead.ReadAhead.BLOCK", 100)
    monkeypatch.setattr("pyhh_fast.engine.read_ahead.OWN_VALUES", 300)
    for threads in (1, 3):
        cut = population(*CELLS[name]).run(KINDS[kind], DT, threads=threads, **options)
        np.testing.assert_array_equal(cut.Vm, whole.Vm)
        np.testing.assert_array_equal(cut.spikes.time, whole.spikes.time)


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_conductance_of_each_cell_equals_a_leak(method):
    """A leak of the same conductance and reversal potential of each cell."""
    g, E = np.linspace(0, 0.1, 10), np.linspace(-30, 20, 10)
    parameters = {"leak.g": 0.1 + g, "leak.E": (0.1 * -65 + g * E) / (0.1 + g)}
    options = {"duration": 30, "method": method, "record": ["Vm"]}
    leaky = pyhh.Population.from_model(wang_buzsaki(), 10, parameters, start="steady", Vm=-64.0)
    expected = leaky.run(1.0, DT, **options)
    plain = pyhh.Population.from_model(wang_buzsaki(), 10, start="steady", Vm=-64.0)
    got = plain.run(stimuli.conductance(stimuli.constant(g), E) + 1, DT, **options)
    assert expected.spike_counts.max() > 1
    np.testing.assert_allclose(got.Vm, expected.Vm, rtol=0, atol=1e-6)


def test_features_of_cells_with_conductances():
    wanted = {"count": features.spike_count(0, 30), "mean": features.mean_voltage(5, 20)}
    cells = population(*CELLS["neuron"])
    run = cells.run(KINDS["noise"], DT, duration=STEPS * DT, features=wanted)
    for cell in (0, 9):
        alone = single(*CELLS["neuron"], KINDS["noise"], cell, features=wanted)
        assert {name: values[cell] for name, values in run.features.items()} == alone.features


@pytest.mark.parametrize("method", ["euler", "adaptive"])
@pytest.mark.parametrize("kind", ["shared", "array", "noise"])
def test_points_of_a_sweep_have_the_bits_of_cells_that_share_their_noise(kind, method):
    pytest.importorskip("xarray")
    stimulus, options = KINDS[kind], {"duration": STEPS * DT, "method": method}
    found = pyhh.sweep(
        wang_buzsaki(), {"K.g": [7.0, 9.0]}, stimulus, DT, reduce="final_Vm", **options
    )
    for g, V in zip([7.0, 9.0], found["final_Vm"].values, strict=True):
        one = pyhh.Simulation(wang_buzsaki().replace({"K.g": g})).run(stimulus, DT, **options)
        assert one.Vm[-1] == V


def bombarded(g, E):
    return stimuli.conductance(stimuli.constant(g), E) + NOISE


@pytest.mark.parametrize("executor", ["here", "processes"])
def test_conductances_may_be_axes_of_a_sweep(executor):
    pytest.importorskip("xarray")
    grid = {"g": [0.0, 0.1], "E": [-70.0, 0.0, 30.0]}
    options = {"duration": 10, "reduce": "final_Vm"}
    with executors(executor) as pool:
        found = pyhh.sweep(wang_buzsaki(), grid, bombarded, DT, executor=pool, **options)
    found = found["final_Vm"].values
    for i, g in enumerate(grid["g"]):
        for j, E in enumerate(grid["E"]):
            stimulus = stimuli.conductance(g, E) + NOISE
            one = pyhh.Simulation(wang_buzsaki()).run(stimulus, DT, duration=10)
            assert found[i, j] == one.Vm[-1]


def test_rows_of_a_simulator_have_conductances_of_their_own():
    wanted = {"last": features.mean_voltage(9.9, 10), "n": features.spike_count(0, 10)}
    options = {"duration": 10, "features": wanted}
    simulate = pyhh.simulator(wang_buzsaki(), ["g", "E"], bombarded, DT, **options)
    theta = np.array([[0.1, -70.0], [0.2, 20.0], [0.0, 20.0]])
    found = pickle.loads(pickle.dumps(simulate))(theta, seed=[4, 5, 4])
    for row, (g, E), stream in zip(found, theta, [4, 5, 4], strict=True):
        stimulus = stimuli.conductance(g, E) + NOISE.of_cell(stream)
        one = pyhh.Simulation(wang_buzsaki()).run(stimulus, DT, duration=10, features=wanted)
        assert row.tolist() == [one.features["last"], one.features["n"]]


def test_a_conductance_of_as_many_steps_as_cells_is_told():
    stimulus = stimuli.conductance(np.full(10, 0.1), 20)
    with pytest.warns(
        UserWarning, match=r"^stimulus has a conductance of a value a step, .* pass stim"
    ):
        population(*CELLS["neuron"]).run(stimulus, DT)
    population(*CELLS["neuron"]).run(stimulus, DT, duration=10 * DT)


def test_population_recordings_with_conductances_are_pickled():
    run = population(*CELLS["neuron"]).run(KINDS["noise"], DT, duration=5, record=["Vm"])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(run)).Vm, run.Vm)

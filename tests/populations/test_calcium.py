"""Populations, sweeps, stores and features of neurons with calcium."""

import calcium_twin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyhh_fast as pyhh
from pyhh_fast import features, neurons
from pyhh_fast.methods import of_populations

METHODS = tuple(of_populations())
CALCIUM = [neurons.pospischil_lts, neurons.ermentrout, neurons.prinz]


def assert_cells_are_simulations(neuron, values, Vm, currents, **options):
    """Assert that cells have the bits of simulations with their numbers, traces and states."""
    names = list(neuron.variables)
    cells = pyhh.Population.from_model(neuron, len(currents), values, start="steady", Vm=Vm)
    recording = cells.run(currents, 0.01, record=names, **options)
    for i, current in enumerate(currents):
        one = pyhh.Simulation(neuron.replace({path: own[i] for path, own in values.items()}), Vm=Vm)
        alone = one.run(current, 0.01, **options)
        for name in names:
            np.testing.assert_array_equal(recording[name][i], alone[name], err_msg=name)
        np.testing.assert_array_equal(recording.spike_times(i), alone.spike_times)
        assert {name: Ca[i] for name, Ca in cells.concentrations.items()} == one.concentrations


@pytest.mark.parametrize("make", CALCIUM, ids=lambda make: make.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_each_cell_has_the_bits_of_its_simulation(make, method):
    neuron, size = make(), 11
    draw = np.random.default_rng(1).uniform
    values = {
        path: value * draw(1.0, 1.1, size)
        for path, value in neuron.parameters.items()
        if not path.endswith("speed")
    }
    currents = np.linspace(0, 8, size)
    assert_cells_are_simulations(neuron, values, -55.0, currents, duration=60, method=method)


@given(neuron=calcium_twin.neurons(), method=st.sampled_from(METHODS), I=st.floats(-3, 8))
@settings(max_examples=25)
def test_any_cell_has_the_bits_of_its_simulation(neuron, method, I):  # noqa: E741
    pool = next(iter(neuron.pools.values()))
    name = next(iter(neuron.pools))
    values = {f"{name}.tau": pool.tau * np.array([0.7, 1.0, 1.4])}
    assert_cells_are_simulations(neuron, values, -60.0, [I] * 3, duration=2.0, method=method)


@pytest.mark.parametrize("method", ["rk4", "adaptive"])
def test_stored_and_resumed_run_has_the_bits_of_one_in_memory(method, tmp_path):
    pytest.importorskip("zarr")
    neuron = neurons.prinz()
    options = {"dt": 0.02, "method": method, "every": 3}
    whole = pyhh.Simulation(neuron, Vm=-50.0)
    want = whole.run(0.0, duration=200, **options)
    begun = pyhh.Simulation(neuron, Vm=-50.0)
    begun.run(0.0, duration=90, to=tmp_path / "run.zarr", **options)
    for model in (None, neuron):
        resumed = pyhh.Simulation.resume(tmp_path / "run.zarr", model=model, duration=200)
        for name in neuron.variables:
            np.testing.assert_array_equal(resumed.recording[name], want[name], err_msg=name)
        assert resumed.concentrations == whole.concentrations
        assert (resumed.model == neuron) == (model is neuron)
    whole.save_state(tmp_path / "state.json")
    again = pyhh.Simulation.load_state(tmp_path / "state.json")
    assert (again.Vm, again.gates, again.concentrations) == (
        whole.Vm,
        whole.gates,
        whole.concentrations,
    )


def test_sweep_over_a_pool_has_the_bits_of_a_population():
    tau = np.array([20.0, 80.0, 320.0])
    swept = pyhh.sweep(
        neurons.ermentrout(),
        {"Ca.tau": tau},
        5.0,
        0.02,
        duration=200,
        method="rk4",
        reduce="final_Ca",
    )
    cells = pyhh.Population.from_model(neurons.ermentrout(), 3, {"Ca.tau": tau})
    cells.run(5.0, 0.02, duration=200, method="rk4")
    np.testing.assert_array_equal(swept["final_Ca"], cells.concentrations["Ca"])


def test_adaptation_is_a_feature_and_grows_with_the_ahp_current():
    g = np.array([0.0, 2.0, 5.0])
    cells = pyhh.Population.from_model(neurons.ermentrout(), 3, {"AHP.g": g})
    options = {"duration": 400, "method": "rk4", "features": [features.adaptation_index2(0, 400)]}
    (adaptation,) = cells.run(5.0, 0.02, **options).features.values()
    assert abs(adaptation[0]) < 1e-6
    assert (np.diff(adaptation) > 2e-3).all()
    for one, want in zip(g, adaptation, strict=True):
        simulation = pyhh.Simulation(neurons.ermentrout().replace({"AHP.g": one}))
        (alone,) = simulation.run(5.0, 0.02, **options).features.values()
        assert alone == want

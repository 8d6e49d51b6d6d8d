"""`simulator`: rows of parameters against populations and simulations of them."""

import pickle

import numpy as np
import pytest
from error_messages import raises
from scipy.optimize import differential_evolution

import pyhh_fast as pyhh
from pyhh_fast import features, inference, stimuli
from pyhh_fast.neurons import wang_buzsaki

NEURON = wang_buzsaki()
NAMES = ["K.g", "Na.shift"]
THETA = np.array([[9, 0], [12, 0], [12, 3], [7, -1.0]])


def counts(recording):
    return recording.spike_counts


def counts_and_ends(recording):
    return np.column_stack([recording.spike_counts, recording["Vm"][:, -1]])


def values():
    return dict(zip(NAMES, THETA.T, strict=True))


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_rows_are_cells_of_a_population(method, monkeypatch):
    options = {"method": method, "record": ["Vm"], "every": 10}
    simulate = pyhh.simulator(
        NEURON, NAMES, 2.0, 0.01, 100, features=counts_and_ends, start="steady", Vm=-65, **options
    )
    cells = pyhh.Population.from_model(NEURON, 4, values(), start="steady", Vm=-65)
    expected = counts_and_ends(cells.run(2.0, 0.01, duration=100, **options))
    x = simulate(THETA)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(simulate(THETA.tolist()), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(simulate))(THETA), expected)
    monkeypatch.setattr(inference, "MOST_BYTES", 3 * (1_000 + 8 * 1_000))  # three rows at once
    np.testing.assert_array_equal(simulate(THETA), expected)


def test_rows_of_a_model():
    simulate = pyhh.simulator(
        pyhh.HHModel.at_rest(), ["gNa"], stimuli.step(20, 5, 45), 0.01, features=counts
    )
    models = [pyhh.HHModel.at_rest(), pyhh.HHModel.at_rest()]
    models[1].gNa = 20
    runs = [pyhh.Simulation(model).run(stimuli.step(20, 5, 45), 0.01) for model in models]
    expected = [run.spike_times.size for run in runs]
    assert simulate([[120], [20]])[:, 0].tolist() == expected == [4, 1]


def test_each_row_of_each_call_has_noise_of_its_own(monkeypatch):
    noise = stimuli.white_noise(30, seed=3) + 1
    simulate = pyhh.simulator(
        NEURON, NAMES, noise, 0.01, 20, features=counts_and_ends, record=["Vm"]
    )
    first, second = simulate(THETA[[0, 0]]), simulate(THETA[[0, 0]])
    assert len(np.unique([*first[:, 1], *second[:, 1]])) == 4
    for call, row in ((0, 0), (0, 1), (1, 1)):
        stream = noise.of_cell(call * 2**32 + row).to_array(2_000, 0.01)
        one = pyhh.Simulation(NEURON).run(stream, 0.01)
        assert (first, second)[call][row, 1] == one.Vm[-1]
    monkeypatch.setattr(inference, "MOST_BYTES", 1)  # one row at once
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(simulate))(THETA[[0, 0]]), first)


def test_rows_that_diverge_are_nan():
    simulate = pyhh.simulator(NEURON, ["Cm"], 2.0, 0.05, 20, features=counts)
    x = simulate([[1.0], [1e-4]])
    assert x[0, 0] > 0
    assert np.isnan(x[1, 0])


def test_named_features_are_columns():
    chosen = {
        "n": features.spike_count(0, 100),
        "lowest": features.minimum_voltage(20, 100),
        "latency": features.time_to_first_spike(0, 100),
    }
    simulate = pyhh.simulator(NEURON, ["Cm"], 2.0, 0.02, 100, features=chosen, method="rk4")
    x = pickle.loads(pickle.dumps(simulate))([[1.0], [1e-4], [1.5]])
    assert np.isnan(x[1]).all()  # it diverged
    for row, Cm in ((0, 1.0), (2, 1.5)):
        one = pyhh.Simulation(NEURON.replace(Cm=Cm)).run(2.0, 0.02, duration=100, method="rk4")
        found = features.of(one.Vm, 0.02, chosen, threshold=one.threshold)
        assert x[row].tolist() == list(found.values())


def test_no_rows_give_none():
    simulate = pyhh.simulator(NEURON, NAMES, 2.0, 0.01, 1, features=counts)
    assert simulate(np.empty((0, 2))).shape == (0, 1)


def test_scipys_differential_evolution_takes_it():
    simulate = pyhh.simulator(NEURON, ["K.g"], 2.0, 0.02, 500, features=counts, method="rk4")
    wanted = simulate([[9.0]])[0, 0]

    def cost(theta):
        return np.abs(simulate(theta.T)[:, 0] - wanted)

    found = differential_evolution(
        cost, [(5, 15)], vectorized=True, updating="deferred", maxiter=8, popsize=10, polish=False
    )
    assert found.fun == 0


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        (
            [[1, 2, 3]],
            "theta must be an array of finite numbers with a column for each of K.g, Na.shift; got "
            "one of shape (1, 3).",
        ),
        (
            [1, 2],
            "theta must be an array of finite numbers with a column for each of K.g, Na.shift; got "
            "1 dimensions, shape (2,).",
        ),
        ([[9, 0], [-1, 0]], "K.g must be a finite number, 0 or more (mS/cm²); got -1 at index 1."),
    ],
)
def test_wrong_rows_are_named(theta, message):
    simulate = pyhh.simulator(NEURON, NAMES, 2.0, 0.01, 1, features=counts)
    with raises(ValueError, message):
        simulate(theta)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"parameters": ["K.G"]}, ValueError, r"^parameters must be one of .*; got 'K\.G'"),
        ({"parameters": "K.g"}, TypeError, "^parameters must be a sequence of names"),
        ({"dt": 0}, ValueError, "^dt must be "),
        ({"method": "adaptive"}, ValueError, "^method must be one of "),
        ({"record": ["StateM"]}, ValueError, "^record must be one of "),
        ({"features": "spikes"}, TypeError, "^features must be a dict of features, or a function"),
        ({"features": {"n": 3}}, TypeError, r"^features\['n'\] must be a feature; got 3"),
        (
            {"features": {"n": features.spike_count(0, 9)}},
            ValueError,
            r"^stop of n must be at most the time of the last sample, 1 \(ms\); got 9",
        ),
        (
            {"features": {"n": features.spike_count(0, 1)}, "every": 2},
            TypeError,
            "^record and every must be left out where features is a dict",
        ),
        ({"duration": None}, ValueError, "^duration must be given"),
        ({"start": "model"}, ValueError, "^start must be one of rest, steady"),
    ],
)
def test_wrong_arguments_are_named_when_it_is_made(wrong, error, message):
    arguments = {"parameters": NAMES, "stimulus": 2.0, "dt": 0.01, "duration": 1}
    with pytest.raises(error, match=message):
        pyhh.simulator(NEURON, **(arguments | {"features": counts} | wrong))


@pytest.mark.parametrize("found", ["text", 3, [1, 2, 3]])
def test_features_that_are_none_are_named(found):
    simulate = pyhh.simulator(NEURON, NAMES, 2.0, 0.01, 1, features=lambda recording: found)
    with pytest.raises(ValueError, match=r"^features must be a function that returns a number"):
        simulate(THETA)

"""`simulator`: rows of parameters against populations and simulations of them."""

import pickle

import numpy as np
import pytest
from error_messages import raises
from scipy.optimize import differential_evolution

import pyhh_fast as pyhh
from pyhh_fast import features, inference, stimuli
from pyhh_fast.engine import read_ahead
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


NOISE = 2 * stimuli.white_noise(30, seed=3).shifted(1) + 1 + stimuli.poisson_epsc(500, 2, 3, seed=3)


def noisy(**options):
    return pyhh.simulator(
        NEURON, NAMES, NOISE, 0.01, 20, features=counts_and_ends, record=["Vm"], **options
    )


def end_with_stream(number, row=0):
    model = NEURON.replace(dict(zip(NAMES, THETA[row], strict=True)))
    return pyhh.Simulation(model).run(NOISE.of_cell(number), 0.01, duration=20).Vm[-1]


@pytest.mark.parametrize("most_bytes", [2**28, 1])  # all rows at once, or one
def test_seeds_of_rows_are_numbers_of_streams(most_bytes, monkeypatch):
    monkeypatch.setattr(inference, "MOST_BYTES", most_bytes)
    monkeypatch.setattr(read_ahead, "OWN_VALUES", 300)  # several pieces
    seeds = [5, 2**62 - 1, 0, 5]
    expected = [end_with_stream(seed, row) for row, seed in enumerate(seeds)]
    simulate = noisy()
    first = simulate(THETA)
    assert simulate(THETA, seed=seeds)[:, 1].tolist() == expected
    assert (
        simulate(THETA[::-1], seed=np.array(seeds[::-1], np.uint64))[::-1, 1].tolist() == expected
    )
    np.testing.assert_array_equal(noisy()(THETA), simulate(THETA, seed=np.arange(4)))
    again = noisy()
    again(THETA, seed=seeds)
    np.testing.assert_array_equal(again(THETA), first)  # calls with a seed do not count


def test_seeds_of_simulator_and_of_call_both_count():
    found = [noisy(seed=own)(THETA, seed=seed)[:, 1] for own in (0, 1) for seed in (4, [4] * 4)]
    assert len(np.unique(found)) == 16
    simulate = noisy(seed=1)
    calls = [simulate(THETA) for _ in range(3)]
    np.testing.assert_array_equal(noisy(seed=1)(THETA, seed=2), calls[2])
    of_rows = [simulate(THETA, seed=[3, 9, 3, 9]), simulate(THETA[[2]], seed=[3])]
    np.testing.assert_array_equal(of_rows[0][[2]], of_rows[1])


def test_columns_with_names_must_be_those_of_the_parameters():
    class Table:
        def __init__(self, columns):
            self.columns = columns

        def __array__(self, dtype=None, copy=None):
            return THETA

    simulate = noisy(seed=1)
    expected = simulate(THETA, seed=0)
    for columns in (NAMES, range(len(NAMES))):
        np.testing.assert_array_equal(simulate(Table(columns), seed=0), expected)
    message = (
        f"theta must be a table with the columns {', '.join(NAMES)}; got {', '.join(NAMES[::-1])}. "
        "Pass theta[list(simulate.parameters)]."
    )
    with raises(ValueError, message):
        simulate(Table(NAMES[::-1]), seed=0)


def test_features_may_be_a_sequence():
    chosen = [features.spike_count(0, 20), features.mean_voltage(0, 20)]
    named = {type(one).__name__: one for one in chosen}
    run = [
        pyhh.simulator(NEURON, NAMES, 2.0, 0.01, 20, features=one)(THETA) for one in (chosen, named)
    ]
    np.testing.assert_array_equal(*run)


def test_streams_of_rows_are_theirs_in_any_order():
    seeds = np.random.default_rng(0).permutation(300)  # more than a thread steps at once
    theta = np.repeat(THETA[:1], 300, axis=0)
    np.testing.assert_array_equal(noisy()(theta, seed=seeds), noisy()(theta)[seeds])


def test_seed_and_call_choose_the_noise():
    simulate, other, none = noisy(seed=0), noisy(seed=1), noisy()
    results = [one(THETA[[0, 0]]) for one in (simulate, simulate, other, other, none, none)]
    assert len(np.unique([ends[:, 1] for ends in results])) == 12
    copies = [pickle.loads(pickle.dumps(simulate)), noisy(seed=0)]
    for copy in copies:
        for ends in results[:2]:
            np.testing.assert_array_equal(copy(THETA[[0, 0]]), ends)
    np.testing.assert_array_equal(none(THETA[[0, 0]], seed=1), results[2])
    words = np.random.SeedSequence(1, spawn_key=(1,)).generate_state(1, np.uint64)
    assert results[3][1, 1] == end_with_stream(int(words[0]) // 8 + 1)


def test_without_noise_a_seed_changes_nothing():
    simulate = pyhh.simulator(NEURON, NAMES, 2.0, 0.01, 20, features=counts, seed=1)
    np.testing.assert_array_equal(simulate(THETA, seed=[1, 2, 3, 4]), simulate(THETA))


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "seed must be a whole number from 0 to 18446744073709551615; got -1."),
        (1.5, ValueError, "seed must be a whole number from 0 to 18446744073709551615; got 1.5."),
        (True, TypeError, "seed must be a whole number from 0 to 18446744073709551615; got True."),
    ],
)
def test_wrong_seeds_are_named(seed, error, message):
    with raises(error, message):
        noisy(seed=seed)
    with raises(error, message):
        noisy()(THETA, seed=seed)


@pytest.mark.parametrize(
    ("seed", "error", "got"),
    [
        ([1, 2], ValueError, "one of shape (2,)"),
        ([1, 2, 3, 4.5], TypeError, "[1, 2, 3, 4.5] (list)"),
        ("1", TypeError, "'1' (str)"),
        ([1, [2, 3]], ValueError, "[1, [2, 3]] (list)"),
    ],
)
def test_wrong_seeds_of_rows_are_named(seed, error, got):
    with raises(error, f"seed must be a whole number, or one for each of 4 rows; got {got}."):
        noisy()(THETA, seed=seed)


@pytest.mark.parametrize("wrong", [-1, 2**62])
def test_seed_of_a_row_that_is_no_stream_is_named(wrong):
    rule = f"a whole number from 0 to {2**62 - 1}"
    with raises(ValueError, f"seed must be {rule}; got {wrong} at index 2."):
        noisy()(THETA, seed=[0, 1, wrong, wrong])


def pulse_and_noise(amplitude, *, width=5.0):
    pulse = stimuli.step(amplitude, 2, 2 + width)
    return pulse + amplitude * stimuli.white_noise(10, seed=3)


def test_columns_may_be_parameters_of_the_stimulus(monkeypatch):
    names, options = ["amplitude", "K.g", "width"], {"features": counts_and_ends, "record": ["Vm"]}
    simulate = pyhh.simulator(NEURON, names, pulse_and_noise, 0.01, 20, **options)
    theta = np.array([[3, 9, 10], [1, 9, 5], [3, 12, 5.005]])
    x = simulate(theta, seed=[4, 2, 8])
    for row, stream, (amplitude, K, width) in zip(x, (4, 2, 8), theta, strict=True):
        current = pulse_and_noise(amplitude, width=width).of_cell(stream).to_array(2_000, 0.01)
        one = pyhh.Simulation(NEURON.replace({"K.g": K})).run(current, 0.01)
        assert row.tolist() == [one.spike_times.size, one.Vm[-1]]
    monkeypatch.setattr(inference, "MOST_BYTES", 1)  # one row at once
    again = pickle.loads(pickle.dumps(simulate))
    np.testing.assert_array_equal(again(theta, seed=[4, 2, 8]), x)
    default = pyhh.simulator(NEURON, names[:2], pulse_and_noise, 0.01, 20, **options)
    np.testing.assert_array_equal(default(theta[1:2, :2], seed=[2]), x[1:2])
    with pytest.raises(ValueError, match=r"^stop must be at least start, 2\.0 .*; got -1\.0"):
        simulate([[3, 9, -3]])


def test_wrong_parameters_of_stimuli_are_refused():
    message = "duration must be given where stimulus is a function of parameters (ms); got None. "
    with raises(ValueError, message + "Pass duration=..."):
        pyhh.simulator(NEURON, ["amplitude"], pulse_and_noise, 0.01, features=counts)
    with pytest.raises(ValueError, match=r"^parameters must be one of .*; got 'height'\."):
        pyhh.simulator(NEURON, ["height"], pulse_and_noise, 0.01, 5, features=counts)
    with pytest.raises(ValueError, match=r"^stimulus must be of one cell; got constant\(\[1, 2\]"):
        pyhh.simulator(NEURON, ["K.g"], stimuli.constant([1, 2]), 0.01, 5, features=counts)
    with pytest.raises(ValueError, match=r"got one of amplitude, width\. Did you mean amplitude\?"):
        pyhh.simulator(NEURON, ["amplitud"], pulse_and_noise, 0.01, 5, features=counts)
    message = "stimulus must be a number, where duration is given (µA/cm²); got 2 values. For a "
    with raises(ValueError, message + "value a step leave duration out."):
        pyhh.simulator(NEURON, ["K.g"], [1, 2], 0.01, 5, features=counts)
    first = pyhh.simulator(
        NEURON, ["a"], lambda a: stimuli.step(a[0], 1, 3), 0.01, 5, features=counts
    )
    assert first([[3.0]]).shape == (1, 1)
    with pytest.raises(ValueError, match=r"with an array of 2 values; got step\(3, 1, 3\)"):
        first([[3.0], [4.0]])


def test_rows_that_diverge_are_nan():
    simulate = pyhh.simulator(NEURON, ["Cm"], 2.0, 0.05, 20, features=counts)
    x = simulate([[1.0], [1e-4]])
    assert x[0, 0] > 0
    assert np.isnan(x[1, 0])


def test_named_features_are_columns(monkeypatch):
    chosen = {
        "n": features.spike_count(0, 100),
        "lowest": features.minimum_voltage(20, 100),
        "latency": features.time_to_first_spike(0, 100),
    }
    simulate = pyhh.simulator(NEURON, ["Cm"], 2.0, 0.02, 100, features=chosen, method="rk4")
    x = pickle.loads(pickle.dumps(simulate))([[1.0], [1e-4], [1.5]])
    assert np.isnan(x[1]).all()  # it diverged
    for row, Cm in ((0, 1.0), (2, 1.5)):
        one = pyhh.Simulation(NEURON.replace(Cm=Cm)).run(
            2.0, 0.02, duration=100, method="rk4", features=chosen
        )
        assert x[row].tolist() == list(one.features.values())
    monkeypatch.setattr(inference, "MOST_BYTES", 1)  # one row at once
    np.testing.assert_array_equal(simulate([[1.0], [1e-4], [1.5]]), x)


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
            "1 dimensions, shape (2,). Put a single row into brackets: [[...]].",
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
        ({"method": "leapfrog"}, ValueError, "^method must be one of "),
        ({"record": ["StateM"]}, ValueError, "^record must be one of "),
        ({"features": "spikes"}, TypeError, "^features must be a dict or a sequence of features"),
        ({"features": features.spike_count}, TypeError, "^features must be a dict or a sequence"),
        ({"features": []}, ValueError, "^features must have one feature or more; got none"),
        (
            {"parameters": []},
            ValueError,
            r"^parameters must be one name or more, each once; got \[]",
        ),
        (
            {"parameters": ["K.g"] * 2},
            ValueError,
            "^parameters must be one name or more, each once",
        ),
        ({"features": {"n": 3}}, TypeError, r"^features\['n'\] must be a feature; got 3"),
        (
            {"features": {"n": features.spike_count(0, 9)}},
            ValueError,
            r"^stop of n must be at most the duration of the run, 1 \(ms\); got 9",
        ),
        ({"features": {}}, ValueError, r"^features must have one feature or more; got none\.$"),
        (
            {"features": {"n": features.spike_count(0, 1)}, "every": 2},
            TypeError,
            "^record and every must be left out where features is no function",
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

"""Tables of gates are made once, and pickled and described with their neuron."""

import json
import pickle
import threading
import warnings

import numpy as np
import pytest
from published_gates import FALLING, PUBLISHED, RISING, exp, one_gate, table_of

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.channels import descriptions
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.rate_forms import exponential, linoid


def test_tables_of_known_functions_are_not_made_again():
    evaluated = []

    def alpha(V):
        evaluated.append(np.size(V))
        return exp(V / 20)

    first = one_gate(alpha=alpha, beta=FALLING)
    assert sum(evaluated) > 10_000
    assert len(evaluated) < 50  # most of them with arrays
    evaluated.clear()
    second = one_gate("K.n", alpha=alpha, beta=FALLING, power=4, speed=3)
    assert 0 < sum(evaluated) < 50
    assert second.tables["K.n"] is first.tables["Na.m"]
    evaluated.clear()
    assert first.replace({"Na.m.speed": 3, "Na.shift": 9}).tables["Na.m"] is first.tables["Na.m"]
    assert evaluated == []


def test_a_function_that_reads_what_has_changed_is_evaluated_again():
    phi = [1.0]

    def alpha(V):
        return phi[0] * exp(V / 20)

    first = one_gate(alpha=alpha, beta=FALLING)
    phi[0] = 2.0
    second = one_gate(alpha=alpha, beta=FALLING)
    at_0 = np.array([0.0])
    assert first.tables["Na.m"](at_0)[0] == pytest.approx(1)
    assert second.tables["Na.m"](at_0)[0] == pytest.approx(2)
    assert first.replace(Cm=2).tables["Na.m"](at_0)[0] == pytest.approx(1)


def test_forms_share_a_table():
    tables = [one_gate(alpha=linoid(1, -40, 10), beta=FALLING).tables["Na.m"] for _ in range(2)]
    assert tables[0] is tables[1]


def test_neurons_are_made_in_many_threads():
    made = []

    def make(k):
        for i in range(5):
            made.append(one_gate(f"C{k}.x", alpha=linoid(1, -40 - i, 10), beta=FALLING))

    threads = [threading.Thread(target=make, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 20


def test_callables_without_hash_are_tabulated():
    class Rate:
        __hash__ = None

        def __call__(self, V):
            return exp(V / 20)

    assert table_of(alpha=Rate(), beta=FALLING)(np.array([20.0]))[0] == pytest.approx(np.e)


# Pickles.


def lambdas():
    return Neuron(
        threshold=-10,
        area=300,
        leak=Channel(0.1, E=-65),
        Na=Channel(
            35,
            E=55,
            shift=-2,
            m=Gate(power=3, instantaneous=True, **PUBLISHED["wang_buzsaki_m"]),
            h=Gate(alpha=exponential(0.07, -58, -20), beta=lambda V: 1 / (1 + exp(-(V + 28) / 10))),
        ),
        T=Channel(1, E=120, u=Gate(speed=2, **PUBLISHED["pospischil_u"])),
    )


def same_tables(one, other):
    assert list(one.tables) == list(other.tables)
    for path, table in one.tables.items():
        assert table.width == other.tables[path].width
        np.testing.assert_array_equal(table.coefficients, other.tables[path].coefficients)


def test_a_pickle_of_lambdas_works_from_its_tables():
    neuron = lambdas()
    pickled = pickle.dumps(neuron)
    assert b"test_tables" not in pickled  # no function by its name, which another process may lack
    again = pickle.loads(pickled)
    same_tables(again, neuron)
    assert not again.tables["Na.m"].coefficients.flags.writeable
    assert again.parameters == neuron.parameters
    assert (again.area, again.threshold) == (300, -10)
    assert again == pickle.loads(pickle.dumps(neuron))
    assert hash(again) == hash(pickle.loads(pickle.dumps(again)))
    assert again != neuron
    assert again.gates["Na.h"].alpha == exponential(0.07, -58, -20)
    V = np.linspace(-100, 50, 301)
    np.testing.assert_allclose(again.gates["T.u"].inf(V), neuron.gates["T.u"].inf(V), rtol=1e-9)
    np.testing.assert_allclose(again.gates["T.u"].tau(V), neuron.gates["T.u"].tau(V), rtol=2e-12)
    np.testing.assert_allclose(again.gates["Na.h"].beta(V), neuron.gates["Na.h"].beta(V), rtol=1e-9)
    assert type(again.gates["T.u"].tau(-40.0)) is float


def test_an_unpickled_neuron_is_changed_as_any():
    again = pickle.loads(pickle.dumps(lambdas()))
    same_tables(again.replace({"Na.g": 3, "T.u.speed": 4}), lambdas())
    more = again.with_channels(K=Channel(9, E=-90, n=Gate(alpha=RISING, beta=FALLING)))
    same_tables(more.without("K"), again)
    assert again.tables["Na.m"].width == 1 / 4
    coarser = again.without("T")
    assert coarser.tables["Na.m"].width == 1 / 2
    V = np.random.default_rng(2).uniform(-300, 300, 4000)
    np.testing.assert_allclose(
        coarser.tables["Na.m"](V)[0], lambdas().tables["Na.m"](V)[0], rtol=1e-11, atol=1e-15
    )


def test_forms_keep_the_tables_they_were_pickled_with():
    # Those of another machine, whose last bits are others.
    neuron = one_gate(alpha=RISING, beta=FALLING)
    table = neuron.tables["Na.m"]
    other = GateTable(table.coefficients * (1 + 1e-15), table.width, table.own_width)
    far = descriptions.neuron_from(descriptions.describe(neuron), {"Na.m": other})
    assert far == neuron
    assert (far.tables["Na.m"].coefficients != table.coefficients).any()
    same_tables(pickle.loads(pickle.dumps(far)), far)
    same_tables(far.replace(Cm=3), far)


def test_described_neuron_has_the_tables_that_it_is_given():
    # Also where its gates would do with wider rows, which would change the bits of its runs.
    narrow = lambdas().tables
    neuron = lambdas().without("T")
    again = descriptions.neuron_from(descriptions.describe(neuron), narrow)
    assert neuron.tables["Na.m"].width == 2 * again.tables["Na.m"].width
    assert all(again.tables[path] is narrow[path] for path in neuron.gates)


def test_descriptions_are_json():
    neuron = lambdas()
    description = json.loads(json.dumps(descriptions.describe(neuron)))
    again = descriptions.neuron_from(description, neuron.tables)
    same_tables(again, neuron)
    assert again.parameters == neuron.parameters
    assert description["channels"][1]["gates"][1]["functions"] == {
        "alpha": {"form": "exponential", "rate": 0.07, "midpoint": -58, "scale": -20},
        "beta": None,
    }


def test_a_tabulated_rate_in_another_gate_is_a_function_as_any():
    again = pickle.loads(pickle.dumps(lambdas()))
    inf = again.gates["T.u"].inf
    mixed = one_gate(inf=inf, tau=RISING).tables["Na.m"]
    V = np.array([-90.2, -70.1, -63.3])
    np.testing.assert_allclose(mixed(V)[1], 1 / RISING(V), rtol=1e-11)
    np.testing.assert_allclose(mixed(V)[0], inf(V) / RISING(V), rtol=1e-11)


def test_channels_and_gates_are_pickled_alone():
    Na = lambdas().channels["Na"]
    again = pickle.loads(pickle.dumps(Na))
    assert (again.g, again.E, again.shift, list(again.gates)) == (35, 55, -2, ["m", "h"])
    gate = pickle.loads(pickle.dumps(Na.gates["m"]))
    assert (gate.power, gate.instantaneous) == (3, True)
    same_tables(Neuron(Na=again), Neuron(Na=Na))


def test_no_warning_of_numpy_escapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gate in PUBLISHED.values():
            one_gate(**gate)
        with pytest.raises(ValueError, match="must be finite"):
            one_gate(alpha=lambda V: exp(V / 0.5), beta=FALLING)

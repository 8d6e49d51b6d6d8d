"""Tables of gates: right to 1e-12, made for any function of V, or refused in words."""

import json
import math
import pickle
import re
import threading
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.channels import descriptions
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

exp = np.exp
RISING, FALLING = exponential(1, -50, 20), exponential(1, -50, -20)


def one_gate(path="Na.m", **gate):
    channel, name = path.split(".")
    return Neuron(**{channel: Channel(1, E=50, **{name: Gate(**gate)})})


def table_of(**gate):
    return one_gate(**gate).tables["Na.m"]


def lin(x):
    return x / (1 - exp(-x))


# Gates of published neurons, as functions that keep NumPy's long double.
PUBLISHED = {
    "wang_buzsaki_m": {
        "alpha": lambda V: lin((V + 35) / 10),
        "beta": lambda V: 4 * exp(-(V + 60) / 18),
    },
    "pospischil_m": {
        "alpha": lambda V: 1.28 * lin((V - 13) / 4),
        "beta": lambda V: 1.4 * lin(-(V - 40) / 5),
    },
    "pospischil_h": {
        "alpha": lambda V: 0.128 * exp(-(V - 17) / 18),
        "beta": lambda V: 4 / (1 + exp(-(V - 40) / 5)),
    },
    "pospischil_p": {
        "inf": lambda V: 1 / (1 + exp(-(V + 35) / 10)),
        "tau": lambda V: 1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20)),
    },
    "pospischil_u": {
        "inf": lambda V: 1 / (1 + exp((V + 81) / 4)),
        "tau": lambda V: 30.8 + (211.4 + exp((V + 113.2) / 5)) / (1 + exp((V + 84) / 3.2)),
    },
    "connor_stevens_a": {
        "inf": lambda V: (
            (0.0761 * exp(0.0314 * (V + 94.22)) / (1 + exp(0.0346 * (V + 1.17)))) ** (V * 0 + 1 / 3)
        ),
        "tau": lambda V: 0.3632 + 1.158 / (1 + exp(0.0497 * (V + 55.96))),
    },
    "connor_stevens_b": {
        "inf": lambda V: (1 + exp(0.0688 * (V + 53.3))) ** -4,
        "tau": lambda V: 1.24 + 2.678 / (1 + exp(0.0624 * (V + 50))),
    },
    "morris_lecar_w": {
        "inf": lambda V: 0.5 * (1 + np.tanh((V - 12) / 17.4)),
        "tau": lambda V: 1 / np.cosh((V - 12) / 34.8),
    },
}


def exact(gate, V):
    """Return alpha and alpha + beta as the paper has them, in long double where there is one."""
    V = V.astype(np.longdouble)
    if "alpha" in gate:
        alpha, beta = gate["alpha"](V), gate["beta"](V)
        return np.array([alpha, alpha + beta])
    inf, tau = gate["inf"](V), gate["tau"](V)
    return np.array([inf / tau, 1 / tau])


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_rates_are_right_to_1e_12(name):
    gate = PUBLISHED[name]
    V = np.random.default_rng(3).uniform(-400, 400, 20_000)
    alpha, total = table_of(**gate)(V)
    exact_alpha, exact_total = exact(gate, V)
    np.testing.assert_allclose(total, exact_total, rtol=1e-12)
    # Steady states below 1e-3 count as that much: formulas as 1 + tanh have few digits there.
    error = np.abs(alpha - exact_alpha) / (exact_alpha + 1e-3 * exact_total)
    assert error.max() < 1e-12


def naive(form, midpoint, scale):
    """Return a form as users type it, which is 0/0 at the midpoint of a linoid."""
    return {
        "exponential": lambda V: exp((V - midpoint) / scale),
        "linoid": lambda V: (V - midpoint) / scale / (1 - exp(-(V - midpoint) / scale)),
        "sigmoid": lambda V: 1 / (1 + exp(-(V - midpoint) / scale)),
    }[form]


def in_long_double(form, midpoint, scale, V):
    x = (V.astype(np.longdouble) - midpoint) / scale
    if form == "linoid":
        return np.where(x == 0, 1, x / -np.expm1(-np.where(x == 0, 1, x)))
    return exp(x) if form == "exponential" else 1 / (1 + exp(-x))


forms = st.tuples(
    st.sampled_from(["exponential", "linoid", "sigmoid"]),
    st.floats(-120, 60) | st.integers(-120_000, 60_000).map(lambda thousandth: thousandth / 1000),
    st.floats(2.3, 100) | st.floats(-100, -2.3),
)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="needs a long double of 80 bits")
@example(("linoid", -75.065, -85.95), ("sigmoid", -74.5, 6.27), 0)  # 0/0 near an inner node
@example(("exponential", 0.0, 2.5), ("linoid", 1.3125, 53.0), 0)  # 0/0 at the end of a row
@given(forms, forms, st.integers(0, 2**32))
def test_any_forms_are_right_to_1e_12(alpha, beta, seed):
    table = table_of(alpha=naive(*alpha), beta=naive(*beta))
    midpoints = alpha[1] + np.array([0, 1e-9, -1e-4, 0.1]), beta[1] + np.array([0, 1e-6])
    V = np.concatenate([np.random.default_rng(seed).uniform(-300, 300, 1000), *midpoints])
    exact_alpha = in_long_double(*alpha, V)
    exact_total = exact_alpha + in_long_double(*beta, V)
    got_alpha, got_total = table(V)
    # Beside a 0/0 these formulas have lost digits themselves; the table has most of them.
    beside = np.minimum(np.abs(V - alpha[1]), np.abs(V - beta[1])) < 0.1
    limit = np.where(beside, 5e-12, 1e-12)
    assert (np.abs(got_total / exact_total - 1) < limit).all()
    assert (np.abs(got_alpha - exact_alpha) / (exact_alpha + 1e-3 * exact_total) < limit).all()


def test_coefficients_are_powers_of_the_place_in_a_row():
    table = table_of(**PUBLISHED["wang_buzsaki_m"])
    assert table.coefficients.shape == (1601, 6, 2)
    assert (table.first, table.width, table.inverse_width) == (-800, 0.5, 2.0)
    for u in (-300.0, -61.3, 0.2, 47.75):
        k = round(u / 0.5)
        r = u / 0.5 - k
        row = table.coefficients[k + 800]
        values = sum(row[power] * r**power for power in range(6))
        np.testing.assert_allclose(values, exact(PUBLISHED["wang_buzsaki_m"], np.array(u)), 1e-12)


def test_values_at_nodes_and_slopes():
    gate = PUBLISHED["pospischil_h"]
    table = table_of(**gate)
    nodes = 0.5 * np.cos((2 * np.arange(6) + 1) * np.pi / 12)
    rows = np.arange(-160, 161)
    V = (rows[:, np.newaxis] + nodes) * table.width
    at_nodes = table.at_nodes()[rows - table.first]
    np.testing.assert_allclose(at_nodes[..., 0], gate["alpha"](V), rtol=1e-13)
    np.testing.assert_allclose(at_nodes[..., 1], gate["alpha"](V) + gate["beta"](V), rtol=1e-13)
    V = np.linspace(-80, 80, 201)
    slopes = table.slopes(V)
    steepness = -gate["alpha"](V) / 18
    np.testing.assert_allclose(slopes[0], steepness, rtol=1e-7)
    fraction = gate["beta"](V) / 4
    np.testing.assert_allclose(slopes[1] - slopes[0], 4 * fraction * (1 - fraction) / 5, atol=1e-13)


def test_an_instantaneous_gate_has_its_steady_state():
    V = np.linspace(-100, 100, 401) + 0.01
    for gate in (PUBLISHED["wang_buzsaki_m"], PUBLISHED["pospischil_p"]):
        inf, one = table_of(**gate, instantaneous=True)(V)
        alpha, total = exact(gate, V)
        np.testing.assert_allclose(inf, alpha / total, rtol=1e-11)
        assert (one == 1).all()
    alone, _ = table_of(inf=PUBLISHED["pospischil_p"]["inf"], instantaneous=True)(V)
    np.testing.assert_array_equal(alone, inf)


def test_rows_of_all_gates_are_as_narrow_as_the_steepest_needs():
    steep = Channel(1, E=0, x=Gate(inf=sigmoid(1, -40, 2), tau=lambda V: 5.0))
    smooth = Channel(1, E=0, x=Gate(alpha=RISING, beta=FALLING))
    both = Neuron(A=smooth, B=steep)
    assert {path: table.width for path, table in both.tables.items()} == {
        "A.x": 1 / 8,
        "B.x": 1 / 8,
    }
    assert both.without("B").tables["A.x"].width == 1 / 2
    assert Neuron(A=smooth).with_channels(B=steep).tables["A.x"].width == 1 / 8
    V = np.random.default_rng(1).uniform(-60, -20, 4000)
    inf = both.tables["B.x"](V)[0] * 5
    np.testing.assert_allclose(inf, 1 / (1 + exp(-(V + 40) / 2)), rtol=1e-12, atol=1e-15)


# Functions of any kind.


def scalar_linoid(V):
    return 0.1 * (V + 40) / (1 - math.exp(-(V + 40) / 10))


def array_linoid(V):
    return 0.1 * (V + 40) / (1 - exp(-(V + 40) / 10))


NODE = 0.5 * math.cos(math.pi / 12) * 0.5


@pytest.mark.parametrize(
    ("function", "midpoint"),
    [
        (scalar_linoid, -40),
        (array_linoid, -40),
        (lambda V: array_linoid(V - NODE), -40 + NODE),
        (lambda V: array_linoid(V - NODE - 1e-5), -40 + NODE + 1e-5),
        (lambda V: array_linoid(V + 0.4999 * 0.5), -40 - 0.4999 * 0.5),
        (lambda V: scalar_linoid(V - NODE), -40 + NODE),
    ],
)
def test_a_0_divided_by_0_is_its_limit(function, midpoint):
    table = table_of(alpha=function, beta=FALLING)
    assert table.width == 1 / 2  # rows are mended, not all of them halved
    form = linoid(1, midpoint, 10)
    V = midpoint + np.concatenate([np.linspace(-1, 1, 2001), [1e-9, -1e-12, 1e-6]])
    np.testing.assert_allclose(table(V)[0], form(V), rtol=2e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda V: math.exp(V / 20),
        lambda V: math.exp(V / 20) if V < 500 else 1.0,
        lambda V: np.exp(np.multiply(V, 0.05, out=V if isinstance(V, np.ndarray) else None)),
        lambda V: exp((V - np.mean(V)) / 20) * exp(V / 20),
        lambda V: exp(V[:] / 20),
        np.vectorize(lambda V: math.exp(V / 20)),
    ],
    ids=["math", "if", "changes its argument", "mean", "arrays alone", "vectorize"],
)
def test_functions_of_numbers_and_of_arrays(function):
    V = np.linspace(-300, 300, 1001) + 0.011
    np.testing.assert_allclose(
        table_of(alpha=function, beta=FALLING)(V)[0], exp(V / 20), rtol=1e-12
    )


def test_a_constant_may_be_given_as_one_number():
    alpha, total = table_of(inf=sigmoid(1, -40, 9), tau=lambda V: 5)(np.array([-40.0]))
    assert (alpha[0], total[0]) == pytest.approx((0.1, 0.2), rel=1e-12)


# What is refused.


def mostly(V):
    return np.where(V > 100.3, np.nan, 1.0)


@pytest.mark.parametrize(
    ("gate", "kind", "message"),
    [
        (
            {"alpha": lambda V: 1.0 if V < -40.123 else 1.1},
            ValueError,
            "alpha must be a smooth .* jumps at V = -40.123 mV, where a table has a .* of 0.0",
        ),
        (
            {"beta": lambda V: np.where(V < 7.7, 1.0, 1.1)},
            ValueError,
            "beta must be a smooth .* jumps at V = 7.7 mV",
        ),
        (
            {"inf": sigmoid(1, -40, 9), "tau": lambda V: 0.05 + abs(V + 40.2)},
            ValueError,
            "tau must be a smooth .* a kink or bends sharply at V = -40.2 mV",
        ),
        (
            {"alpha": mostly},
            ValueError,
            "alpha must be finite from -400 to 400 mV; got nan near V = 10",
        ),
        (
            {"beta": lambda V: exp(V / 0.5)},
            ValueError,
            "beta must be finite .*; got inf near V = 35",
        ),
        (
            {"alpha": lambda V: math.exp(V / 0.5)},
            ValueError,
            r"alpha must have a value at each V .* mV; it raised OverflowError\(.*\) at V = 3",
        ),
        (
            {"alpha": lambda V: {}["a"]},
            ValueError,
            r"alpha .* it raised KeyError\('a'\) at V = -380.3 mV",
        ),
        (
            {"alpha": lambda V: 0.1 * (V + 40)},
            ValueError,
            r"alpha must be 0 or more \(1/ms\); got -34",
        ),
        (
            {"beta": lambda V: 0.1 * (V + 40)},
            ValueError,
            r"beta must be 0 or more \(1/ms\); got -34",
        ),
        (
            {"alpha": lambda V: 0 * V, "beta": lambda V: 0 * V},
            ValueError,
            r"alpha \+ beta must be above 0 \(1/ms\); got 0 at V = ",
        ),
        (
            {"inf": lambda V: 1.1 / (1 + exp(-V)), "tau": RISING},
            ValueError,
            "inf must be from 0 to 1.05; got 1.1 at V = 1",
        ),
        (
            {"inf": lambda V: V / 1000, "tau": RISING},
            ValueError,
            "inf must be from 0 to 1.05; got -0.38",
        ),
        (
            {"inf": sigmoid(1, -40, 9), "tau": lambda V: V + 100},
            ValueError,
            r"tau must be above 0 \(ms\); got -28",
        ),
        (
            {"alpha": lambda V: None},
            TypeError,
            r"alpha must give a number; got None \(NoneType\) at V = -380.3 mV",
        ),
        ({"alpha": lambda V: 1j * V}, TypeError, "alpha must give a number; got "),
        (
            {"alpha": lambda V: np.ones(3)},
            TypeError,
            r"alpha must give a number; got an array of float64 with shape \(3,\)",
        ),
    ],
)
def test_what_no_gate_can_have_is_named(gate, kind, message):
    functions = {"alpha": RISING, "beta": FALLING} | gate if "inf" not in gate else gate
    with pytest.raises(kind, match=f"^Na.m: {message}"):
        one_gate(**functions)


def test_dependence_on_anything_but_V_is_found():
    calls = []

    def drifting(V):
        calls.append(V)
        return 1 + 1e-9 * len(calls)

    random = np.random.default_rng(1).random
    for function in (drifting, lambda V: 1 + 1e-3 * random(np.shape(V))):
        with pytest.raises(
            ValueError, match=r"^Na.m: alpha must depend on V alone; got 1\S* and then"
        ):
            one_gate(alpha=function, beta=FALLING)


def test_rounding_of_a_steady_state_is_no_negative_one():
    table_of(inf=lambda V: 1 / (1 + exp(-(V + 40) / 5)) - 1e-16, tau=RISING)


# Kinks.


@pytest.mark.parametrize("vectorised", [True, False])
def test_a_kink_is_accepted_with_its_error(vectorised):
    def tau(V):
        return np.maximum(3 * exp(-(V + 40) / 20), 0.05)

    with pytest.warns(UserWarning, match="^Na.m: tau has a kink") as caught:
        neuron = one_gate(
            inf=sigmoid(1, -40, 9),
            tau=tau if vectorised else lambda V: max(3 * math.exp(-(V + 40) / 20), 0.05),
        )
    assert caught[0].filename == __file__
    found = re.fullmatch(
        r"Na.m: tau has a kink or bends sharply at V = (\S+) mV: the relative error of the rates "
        r"is up to (\S+) there, within (\S+) mV. Pass a smooth function where that matters.",
        str(caught[0].message),
    )
    V_kink, stated, width = map(float, found.groups())
    assert V_kink == pytest.approx(-40 + 20 * math.log(60), abs=1e-3)
    assert stated <= 1e-4
    near = V_kink + np.linspace(-width, width, 5001)
    error = np.abs(neuron.tables["Na.m"](near)[1] * tau(near) - 1)
    assert 0.5 * stated < error.max() < 1.2 * stated
    V = np.random.default_rng(5).uniform(-300, 300, 20_000)
    V = V[np.abs(V - V_kink) > width]
    np.testing.assert_allclose(neuron.tables["Na.m"](V)[1], 1 / tau(V), rtol=1e-12)


def test_places_of_many_kinks_are_counted():
    def tau(V):
        return np.interp(V, [-100, -60, -40, 0, 50], [1, 2, 3, 2, 1])

    with pytest.warns(UserWarning, match="tau has a kink .* as in 4 more places: the relative"):
        one_gate(inf=sigmoid(1, -40, 9), tau=tau)


def test_a_small_jump_is_told():
    with pytest.warns(
        UserWarning, match=r"alpha jumps at V = -40.123 mV: .* is up to [45]e-06 there"
    ):
        one_gate(alpha=lambda V: np.where(V < -40.123, 1.0, 1.00001), beta=lambda V: 1e-9)


def test_a_copy_does_not_repeat_the_warning():
    tau = lambda V: np.maximum(3 * exp(-(V + 40) / 20), 0.05)  # noqa: E731
    with pytest.warns(UserWarning, match="^Na.m: tau"):
        neuron = one_gate(inf=sigmoid(1, -40, 9), tau=tau)
    neuron.replace({"Na.g": 3})
    with pytest.warns(UserWarning, match="^K.n: tau has a kink"):
        one_gate("K.n", inf=sigmoid(1, -40, 9), tau=tau)


# Tables are made once.


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


def test_descriptions_are_json():
    neuron = lambdas()
    description = json.loads(json.dumps(descriptions.describe(neuron)))
    again = descriptions.neuron_from(description, neuron.tables)
    same_tables(again, neuron)
    assert again.parameters == neuron.parameters
    assert description["channels"]["Na"]["gates"]["h"]["functions"] == {
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

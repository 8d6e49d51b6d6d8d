"""Tables of gates are right to 1e-12, and made for any function of V."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from published_gates import FALLING, PUBLISHED, RISING, exact, exp, table_of

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.rate_forms import linoid, sigmoid


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
@example(("exponential", 0.0, 3.0), ("linoid", -0.1328125, -64.0), 0)  # which rounds evenly
@example(("exponential", 0.0, 8.0), ("linoid", -70.249, 64.0), 0)  # and so at a place of a check
@example(("linoid", -120.25, -63.0), ("exponential", 0.0, 25.0), 0)  # lost digits beside an end
@example(("linoid", -50.55282500000002, -74.0), ("exponential", 12.9, 4.0), 0)  # -inf beside 0/0
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

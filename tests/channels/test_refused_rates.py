"""Rates that no table holds are refused in words, and kinks are told with their error."""

import math
import re

import numpy as np
import pytest
from error_messages import errors
from published_gates import FALLING, RISING, exp, one_gate, table_of

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.rate_forms import sigmoid


def mostly(V):
    return np.where(V > 100.3, np.nan, 1.0)


RATES = {
    ValueError: [
        (
            {"alpha": lambda V: 1.0 if V < -40.123 else 1.1},
            "alpha must be a smooth .* jumps at V = -40.123 mV, where a table has a .* of 0.0",
        ),
        (
            {"beta": lambda V: np.where(V < 7.7, 1.0, 1.1)},
            "beta must be a smooth .* jumps at V = 7.7 mV",
        ),
        (
            {"inf": sigmoid(1, -40, 9), "tau": lambda V: 0.05 + abs(V + 40.2)},
            "tau must be a smooth .* a kink or bends sharply at V = -40.2 mV",
        ),
        ({"alpha": mostly}, "alpha must be finite from -400 to 400 mV; got nan near V = 10"),
        ({"beta": lambda V: exp(V / 0.5)}, "beta must be finite .*; got inf near V = 35"),
        (
            {"alpha": lambda V: math.exp(V / 0.5)},
            r"alpha must have a value at each V .* mV; it raised OverflowError\(.*\) at V = 3",
        ),
        ({"alpha": lambda V: {}["a"]}, r"alpha .* it raised KeyError\('a'\) at V = -380.3 mV"),
        ({"alpha": lambda V: 0.1 * (V + 40)}, r"alpha must be 0 or more \(1/ms\); got -34"),
        ({"beta": lambda V: 0.1 * (V + 40)}, r"beta must be 0 or more \(1/ms\); got -34"),
        (
            {"alpha": lambda V: 0 * V, "beta": lambda V: 0 * V},
            r"alpha \+ beta must be above 0 \(1/ms\); got 0 at V = ",
        ),
        (
            {"inf": lambda V: 1.1 / (1 + exp(-V)), "tau": RISING},
            "inf must be from 0 to 1.05; got 1.1 at V = 1",
        ),
        ({"inf": lambda V: V / 1000, "tau": RISING}, "inf must be from 0 to 1.05; got -0.38"),
        (
            {"inf": sigmoid(1, -40, 9), "tau": lambda V: V + 100},
            r"tau must be above 0 \(ms\); got -28",
        ),
    ],
    TypeError: [
        (
            {"alpha": lambda V: None},
            r"alpha must give a number; got None \(NoneType\) at V = -380.3 mV",
        ),
        ({"alpha": lambda V: 1j * V}, "alpha must give a number; got "),
        (
            {"alpha": lambda V: np.ones(3)},
            r"alpha must give a number; got an array of float64 with shape \(3,\)",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "gate", "message"), errors(RATES))
def test_what_no_gate_can_have_is_named(gate, kind, message):
    functions = {"alpha": RISING, "beta": FALLING} | gate if "inf" not in gate else gate
    with pytest.raises(kind, match=f"^Na.m: {message}"):
        one_gate(**functions)


@pytest.mark.parametrize(
    "functions",
    [
        {"inf": lambda Ca: Ca / (Ca + 3e-3), "tau": RISING},
        {"inf": sigmoid(1, -40, 9), "tau": lambda Ca, K=3: 20 / (K + Ca)},
        {"inf": lambda Ca: math.log(Ca), "tau": RISING},
        {"inf": lambda Ca: Ca**0.5, "tau": RISING},
        {"alpha": lambda Ca: 50 * Ca, "beta": lambda Ca: 0.02 + 0 * Ca},
        {"alpha": RISING, "beta": lambda Ca: np.exp(9 * Ca)},
        {"alpha": lambda V: -V + V, "beta": lambda Ca: 0 * Ca},
    ],
)
def test_functions_of_calcium_without_of_are_told_how_it_is_named(functions):
    hint = r" Pass of='Ca' if it is a function of calcium alone\.$"
    with pytest.raises((TypeError, ValueError), match=r"^Na.m: .* must .*" + hint):
        one_gate(**functions)
    for name in ("V", "v", "U", "u", "Vm", "vm"):
        of_V = {}
        for key, function in functions.items():
            makes_it = eval(f"lambda function: lambda {name}: function({name})")
            of_V[key] = makes_it(function)
        with pytest.raises((TypeError, ValueError), match=r"^Na.m: .* must .*") as error:
            one_gate(**of_V)
        assert "Pass of=" not in str(error.value)


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

    m = Gate(
        inf=sigmoid(1, -40, 9),
        tau=tau if vectorised else lambda V: max(3 * math.exp(-(V + 40) / 20), 0.05),
    )
    with pytest.warns(UserWarning, match="^Na.m: tau has a kink") as caught:
        neuron = Neuron(Na=Channel(1, E=50, m=m))
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


@pytest.mark.parametrize("place", [-0.2, -0.1328125, 0.0])
def test_a_kink_of_1e_11_is_told_also_beside_a_0_divided_by_0(place):
    def beta(V):
        x = (V + 0.1328125) / -64
        return x / (1 - exp(-x)) * (1 + 2e-9 * np.abs(V - place))

    with pytest.warns(UserWarning, match=r"beta has a kink .* up to [12]e-11 there"):
        one_gate(alpha=lambda V: exp(V / 3), beta=beta)


def test_a_copy_does_not_repeat_the_warning():
    tau = lambda V: np.maximum(3 * exp(-(V + 40) / 20), 0.05)  # noqa: E731
    with pytest.warns(UserWarning, match="^Na.m: tau"):
        neuron = one_gate(inf=sigmoid(1, -40, 9), tau=tau)
    neuron.replace({"Na.g": 3})
    with pytest.warns(UserWarning, match="^K.n: tau has a kink"):
        one_gate("K.n", inf=sigmoid(1, -40, 9), tau=tau)

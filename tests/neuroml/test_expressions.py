"""Expressions of LEMS: parsed by hand, evaluated with NumPy, shown, compared, pickled."""

import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhh_fast.neuroml import expression
from pyhh_fast.neuroml.expressions import Expression, constant
from pyhh_fast.neuroml.formulas import NoFormula, parse
from pyhh_fast.rate_forms import exponential, linoid


def of(value, **constants):
    return Expression((("y", (("", value),)),), tuple(constants.items()))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 - 2 - 3", -4),
        ("8 / 4 / 2", 1),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("2 * 3 ^ 2", 18),
        ("2 ^ -1", 0.5),
        ("(-2) ^ 2", 4),
        ("2 * -3", -6),
        ("1 - -1", 2),
        ("-(1 + 2)", -3),
        ("+4", 4),
        ("1.5e-3 * 2", 0.003),
        (".5 + 1.", 1.5),
        ("exp(1)", math.e),
        ("log(exp(2))", 2),
        ("ln(exp(2))", 2),
        ("log10(1000)", 3),
        ("sqrt(16) + abs(-1)", 5),
        ("ceil(1.2) + floor(1.8)", 3),
        ("sin(1) + cos(1) + tan(1)", math.sin(1) + math.cos(1) + math.tan(1)),
        ("sinh(1) + cosh(1) + tanh(1)", math.sinh(1) + math.cosh(1) + math.tanh(1)),
        ("H(-0.1) + H(0) + H(2)", 2),
    ],
)
def test_values(text, value):
    assert of(text)(0.0) == pytest.approx(value, rel=1e-15)


_leaf = st.floats(0.1, 9).map(lambda x: f"{x:.6g}") | st.just("v")
_trees = st.recursive(
    _leaf,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda t: f"exp(-({t}))")
        | inner.map(lambda t: f"-({t})")
    ),
    max_leaves=12,
)


@given(_trees, st.floats(-3, 3))
def test_values_and_texts_are_those_of_python(text, v):
    """So precedence and association are right, in what is evaluated and in what is shown."""

    def expected(source, **names):
        try:
            return eval(source, {"exp": math.exp} | names)  # what this test made itself
        except (OverflowError, ZeroDivisionError):
            return None

    found = of(text)
    for source, names in ((text, {"v": v}), (repr(found)[1:-1], {"V": v})):
        value = expected(source, **names)
        if value is not None and abs(value) < 1e200:
            assert found(v) == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_first_case_that_holds_counts_for_each_element():
    cases = (("v .lt. 0", "1"), ("v .lt. 10 .and. v .neq. 5", "2"), ("v .geq. 20", "3"))
    V = np.array([-1.0, 0, 5, 9, 10, 19, 20])
    expected = [1, 2, np.nan, 2, np.nan, np.nan, 3]
    np.testing.assert_array_equal(Expression((("y", cases),))(V), expected)
    np.testing.assert_array_equal(Expression((("y", (*cases, ("", "4"))),))(V)[[2, 4]], [4, 4])
    assert Expression((("y", cases),))(9.0) == 2


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("v .gt. 1", False),
        ("v .geq. 1", True),
        ("v .lt. 1", False),
        ("v .leq. 1", True),
        ("v .eq. 1", True),
        ("v .neq. 1", False),
        ("v .gt. 1 .or. v .gt. 0", True),
        ("v .gt. 1 .and. v .gt. 2 .or. v .gt. 0", True),  # and binds more than or
    ],
)
def test_conditions(condition, holds):
    assert Expression((("y", ((condition, "1"), ("", "0"))),))(1.0) == holds


def test_values_are_of_the_kind_and_shape_of_the_argument():
    function = of("3")
    assert type(function(1)) is float
    np.testing.assert_array_equal(function(np.zeros((2, 3))), np.full((2, 3), 3.0))
    V = np.array([1.0, 2.0])
    result = of("v")(V)
    result[:] = 0
    assert V.tolist() == [1, 2]


def test_0_over_0_is_nan_without_a_warning():
    assert np.isnan(of("v / (exp(v) - 1)")(0.0))
    assert of("exp(v)")(1e4) == np.inf


def test_functions_are_evaluated_first():
    parts = (("alpha", linoid(1, -40, 10)), ("beta", exponential(4, -65, -18)))
    inf = Expression((("inf", (("", "alpha / (alpha + beta)"),)),), (), parts)
    alpha, beta = parts[0][1](-50.0), parts[1][1](-50.0)
    assert inf(-50.0) == alpha / (alpha + beta)
    assert repr(inf) == (
        "<alpha / (alpha + beta) with alpha = linoid(1, -40, 10), beta = exponential(4, -65, -18)>"
    )


def test_equal_expressions_have_the_same_parts():
    one = of("a * v", a=2.0)
    assert one == of("a * v", a=2.0)
    assert hash(one) == hash(of("a * v", a=2.0))
    assert one != of("a * v", a=3.0)
    assert one != of("v * a", a=2.0)
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(one))(4.0) == 8


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (of("(v - (-55 * mV)) / mV - 13", mV=1.0), "<V + 55 - 13>"),
        (of("rate * exp((v - mid) / s) / ms", rate=4.0, mid=-65.0, s=-18.0, ms=1.0),
         "<4 * exp((V + 65) / -18)>"),
        (of("a - (b - v) - c", a=1.5, b=2.0, c=0.0), "<1.5 - (2 - V)>"),
        (of("v / (2 * v)"), "<V / (2 * V)>"),
        (of("0 - v + zero * 1", zero=0.0), "<0 - V>"),
        (of("1 / v * one", one=1.0), "<1 / V>"),
        (constant("tau", 5.0), "<5>"),
        (Expression((("x", (("v .eq. 0", "1"), ("", "v"))), ("y", (("", "x + 2"),)))),
         "<x + 2 with x = 1 if V == 0 else V>"),
        (Expression((("x", (("", "+".join(["v"] * 40)),)), ("y", (("", "x * x"),)))),
         f"<x * x with x = {' + '.join(['V'] * 40)}>"),
    ],
)  # fmt: skip
def test_expressions_are_shown_with_their_numbers(expression, text):
    assert repr(expression) == text


def test_expressions_are_stated_in_python():
    found = expression(" a *  exp(-v/b) ", a=2, b=10, unused=3)
    assert found(10.0) == pytest.approx(2 * math.exp(-1), rel=1e-15)
    assert found == expression("a * exp(-v/b)", a=2.0, b=10.0)
    assert expression("k * caConc", variable="caConc", k=50)(0.1) == 5
    assert expression("0.02", variable="caConc")(np.ones(3)).tolist() == [0.02] * 3


@pytest.mark.parametrize(
    ("arguments", "constants", "kind", "message"),
    [
        ((3,), {}, TypeError, "text must be an expression; got 3. Pass 'exp(v / 10)'."),
        (("v +",), {}, ValueError, "text must be a whole expression; got 'v +'."),
        (
            ("a * V",),
            {"a": 1},
            ValueError,
            "text must depend on v, a alone; got V. Pass constants ",
        ),
        (("v",), {"variable": "caConc"}, ValueError, "text must depend on caConc alone; got v."),
        (("v",), {"variable": "V"}, ValueError, "variable must be "),
        (("a",), {"a": "1"}, TypeError, "a must be "),
    ],
)
def test_expressions_that_cannot_be_stated(arguments, constants, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        expression(*arguments, **constants)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a whole expression; got ''."),
        ("1 +", "must be a whole expression; got '1 +'."),
        ("(1", "must be a whole expression; got '(1'."),
        ("exp(1))", "got ')' where none can be, in 'exp(1))'."),
        ("v v", "got 'v' where none can be, in 'v v'."),
        ("2v", "must be an expression of LEMS; got '2v'."),
        ("v > 1", "must be an expression of LEMS; got '> 1'."),
        ("v ** 2", "must be an expression of LEMS; got '*' where none can be, in 'v ** 2'."),
        ("random(1)", "must have only the functions H, abs, ceil, "),
        ("__import__('os').system('true')", "must be an expression of LEMS; got"),
        ("v.__class__", "must be an expression of LEMS; got '.__class__'."),
        ("-v ^ 2", "must say by parentheses whether a sign or ^ comes first; got '-v ^ 2'."),
        ("2 ^ 3 ^ 2", "must say by parentheses which ^ comes first; got '2 ^ 3 ^ 2'."),
        ("(" * 50 + "1" + ")" * 50, "must be nested 40 deep at most; got '(((((("),
        ("-" * 50 + "1", "must be nested 40 deep at most; got '------"),
        ("+".join(["v"] * 200), "must have 100 terms at most; got 'v+v+v"),
        ("1" * 10_001, "must have 10,000 characters at most; got 10,001."),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(NoFormula, match=re.escape(message)):
        parse(text)

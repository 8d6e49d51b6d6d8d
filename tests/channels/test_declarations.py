"""Gates, channels and neurons as data: what they hold, when they are equal, what they refuse."""

import copy

import numpy as np
import pytest
from error_messages import errors

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid


def rising(V):
    return 0.1 * np.exp(V / 20)


def falling(V):
    return 0.2 * np.exp(-V / 30)


def m(**others):
    return Gate(**{"alpha": rising, "beta": falling} | others)


def neuron(**others):
    channels = {
        "leak": Channel(0.1, E=-65),
        "Na": Channel(35, E=55, shift=-3, m=m(power=3, instantaneous=True), h=m(speed=5)),
        "K": Channel(9, E=-90, n=m(power=4)),
    }
    return Neuron(**{"threshold": 0} | channels | others)


# What is what.


def test_parameters_are_listed_by_path():
    assert neuron(Cm=2).parameters == {
        "Cm": 2,
        "leak.g": 0.1,
        "leak.E": -65,
        "Na.g": 35,
        "Na.E": 55,
        "Na.shift": -3,
        "Na.h.speed": 5,
        "K.g": 9,
        "K.E": -90,
        "K.shift": 0,
        "K.n.speed": 1,
    }


def test_variables_are_V_then_gates_then_currents():
    variables = neuron().variables
    assert list(variables) == ["Vm", "Na.m", "Na.h", "K.n", "leak", "Na", "K"]
    assert [one.unit for one in variables.values()] == ["mV"] + 3 * ["1"] + 3 * ["µA/cm²"]
    assert [one.before_step for one in variables.values()] == 4 * [False] + 3 * [True]


def test_replace_changes_what_the_paths_say_and_nothing_else():
    before = neuron()
    values = {"Na.g": 40, "Na.shift": 2, "K.n.speed": 2, "leak.E": -70, "threshold": -20}
    after = before.replace(values, Cm=1.5, area=300)
    changed = {"Cm": 1.5, "Na.g": 40, "Na.shift": 2, "K.n.speed": 2, "leak.E": -70}
    assert after.parameters == before.parameters | changed
    assert (after.threshold, after.area) == (-20, 300)
    assert before == neuron()
    assert after.channels["Na"].gates is not before.channels["Na"].gates
    assert after.gates["K.n"] == m(power=4, speed=2)
    assert after.gates["Na.h"] == before.gates["Na.h"]


def test_channels_are_added_and_removed():
    A = Channel(1, E=-80, a=m())
    more = neuron().with_channels(A=A)
    assert list(more.channels) == ["leak", "Na", "K", "A"]
    assert more.without("A") == neuron()
    assert list(more.without("Na", "leak").channels) == ["K", "A"]


def test_density_of_a_published_area():
    # Pospischil et al. 2008: a cylinder of 96 µm by 96 µm.
    cylinder = neuron(area=np.pi * 96 * 96)
    assert cylinder.density(nA=0.75) == pytest.approx(2.5904, abs=5e-5)
    np.testing.assert_allclose(cylinder.density(nA=[0.75, 1.5]), [2.5904, 5.1808], atol=1e-4)


# Equality.


def test_neurons_are_equal_by_their_parts():
    assert neuron() == neuron()
    assert hash(neuron()) == hash(neuron())
    assert len({neuron(), neuron(), neuron(Cm=2)}) == 2
    for path in [*neuron().parameters, "area", "threshold"]:
        assert neuron().replace({path: 77}) != neuron(), path
    assert neuron() != neuron(K=Channel(9, E=-90, n=m(power=3)))
    assert neuron() != neuron(K=Channel(9, E=-90, n=m(power=4, instantaneous=True)))
    assert neuron() != neuron(K=Channel(9, E=-90, n=m(power=4, beta=rising)))
    assert neuron() != neuron(K=Channel(9, E=-90, p=m(power=4)))
    assert neuron() != "neuron"
    assert neuron().channels["K"] != 3


def test_the_order_of_channels_and_gates_counts():
    leak, K = neuron().channels["leak"], neuron().channels["K"]
    assert Neuron(leak=leak, K=K) != Neuron(K=K, leak=leak)
    assert Channel(1, E=0, m=m(), h=m(speed=2)) != Channel(1, E=0, h=m(speed=2), m=m())


def test_whole_numbers_and_arrays_of_none_are_numbers():
    assert Channel(np.int64(35), E=np.array(55)) == Channel(35.0, E=55.0)
    assert type(Channel(np.int64(35), E=55).g) is float


@pytest.mark.parametrize("part", [m(), Channel(1, E=0, m=m()), neuron()])
def test_parts_cannot_be_changed(part):
    for name in [name for name in dir(part) if not name.startswith("_")]:
        if not callable(getattr(part, name)) or name in ("alpha", "beta"):
            with pytest.raises(AttributeError):
                setattr(part, name, 3)
    with pytest.raises((AttributeError, TypeError)):
        part.other = 3
    assert copy.copy(part) is part
    assert copy.deepcopy(part) is part


def test_mappings_cannot_be_changed():
    with pytest.raises(TypeError):
        neuron().channels["K"] = Channel(1, E=0)
    with pytest.raises(TypeError):
        neuron().channels["K"].gates["n"] = m()


# What is refused.


@pytest.mark.parametrize(
    ("functions", "got"),
    [
        ({}, "none of them"),
        ({"alpha": rising}, "alpha"),
        ({"inf": rising}, "inf"),
        ({"alpha": rising, "tau": falling}, "alpha and tau"),
        ({"alpha": rising, "beta": falling, "tau": rising}, "alpha and beta and tau"),
        ({"tau": rising, "instantaneous": True}, "tau"),
        ({"alpha": rising, "instantaneous": True}, "alpha"),
    ],
)
def test_other_mixes_of_functions_are_refused(functions, got):
    message = (
        "a gate must have alpha and beta, or inf and tau, or be instantaneous with inf alone; "
        f"got {got}."
    )
    with pytest.raises(TypeError) as caught:
        Gate(**functions)
    assert str(caught.value) == message


def test_an_instantaneous_gate_needs_no_tau():
    assert list(Gate(inf=sigmoid(1, -40, 5), instantaneous=True).functions) == ["inf"]
    assert list(Gate(inf=rising, tau=rising, instantaneous=True).functions) == ["inf", "tau"]


INPUT = {
    TypeError: [
        (lambda: m(beta=5), r"a gate's beta must be a function of V in mV; got 5\. For"),
        (lambda: m(power="3"), "a gate's power must be a whole number, 1 or more; got '"),
        (lambda: m(instantaneous=1), "instantaneous must be True or False; got 1"),
        (lambda: Channel(1, E="3"), "a channel's E must be a finite number"),
        (lambda: Channel(1, E=3, m=rising), r"gate m must be a Gate; .*Pass m=Gate\("),
        (lambda: neuron(pump=m()), r"channel pump must be a Channel; .*pump=Channel\("),
        (lambda: Channel(0.1), r"given as Channel\(g, E=\.\.\.\), .*; got Channel\(0.1\)\.$"),
        (lambda: Channel(E=-65), r"; got Channel\(E=-65\)\.$"),
        (lambda: Channel(0.1, -65), r"; got Channel\(0.1, -65\)\.$"),
        (lambda: Neuron(1), r"channels by name; got 1\. Pass Neuron\(leak=Channel\("),
        (lambda: neuron().replace({3: 3}), "path must be one of "),
        (lambda: neuron().replace({"Na.E": "3"}), r"^Na.E must be a finite .* \(mV\)"),
        (lambda: neuron(area=3).density(nA="3"), r"nA must be .* \(nA\); got '3'"),
    ],
    ValueError: [
        (lambda: m(power=0), "a gate's power must be a whole number, 1 or more; got 0"),
        (lambda: m(power=2.5), "a gate's power must be a whole number, 1 .*; got 2.5"),
        (lambda: m(speed=0), "a gate's speed must be a positive, finite number; got 0"),
        (lambda: m(speed=np.nan), "a gate's speed must be a positive, .*; got nan"),
        (lambda: Channel(-1, E=3), "a channel's g must be a finite number, 0 or more"),
        (lambda: Channel(1, E=np.inf), r"a channel's E must be .* \(mV\); got inf"),
        (
            lambda: Channel(1, E=3, shift=101, m=m()),
            r"a channel's shift must be from -100 to 100 \(mV\); got 101\.",
        ),
        (lambda: Channel(1, E=3, shift=2), "shift must be left out where it has no"),
        (lambda: Channel(1, E=3, m=m(power=10), h=m(power=7)), "16 at most; got 17, of"),
        (lambda: Channel(1, E=3, gates=m()), "name of a gate must be none of E, feeds, g, "),
        (lambda: Channel(1, E=3, m=m(), M=m()), "more than capitals; got 'm' and 'M'"),
        (lambda: Channel(1, E=3, **{"a.b": m()}), "letter first; got 'a.b'"),
        (lambda: Neuron(), "a neuron must have 1 to 8 channels; got 0"),
        (
            lambda: Neuron(**{f"leak{i}": Channel(1, E=0) for i in range(9)}),
            "a neuron must have 1 to 8 channels; got 9",
        ),
        (
            lambda: Neuron(A=Channel(1, E=0, **{f"m{i}": m() for i in range(16)}), B=neuron_K()),
            "a neuron's channels must have 16 gates together at most; got 17",
        ),
        (lambda: neuron(Cm=0), r"Cm must be a positive, .* \(µF/cm²\); got 0"),
        (lambda: neuron(area=-1), r"area must be a positive, .* \(µm²\); got -1"),
        (lambda: neuron(threshold=np.nan), r"threshold must be .* \(mV\); got nan"),
        (lambda: neuron(cm=1), r"capitals; got 'cm'\. Did you mean Cm\?$"),
        (lambda: neuron(Vm=neuron_K()), "name of a channel must be none of Cm, .*'Vm'"),
        (lambda: neuron(replace=neuron_K()), "name of a channel .*got 'replace'"),
        (lambda: neuron(NA=neuron_K()), "more than capitals; got 'Na' and 'NA'"),
        (lambda: neuron(_K=neuron_K()), "letter first; got '_K'"),
        (lambda: neuron().with_channels(K=neuron_K()), r"are new; got 'K'\. Remove"),
        (lambda: neuron().without("k"), r"got 'k'\. Did you mean K\?"),
        (lambda: Neuron(K=neuron_K()).without("K"), "1 to 8 channels; got 0"),
        (lambda: neuron().replace({"Na.G": 3}), r"got 'Na.G'\. Did you mean Na.g\?"),
        (
            lambda: neuron().replace({"Na.m.speed": 3}),
            r"'Na\.m\.speed'\. Na\.m is instantaneous, and so has no speed\.$",
        ),
        (
            lambda: neuron().replace({"leak.shift": 3}),
            r"'leak\.shift'\. leak has no gates, and so no shift\.$",
        ),
        (lambda: neuron(M=neuron_K()).replace({"gM": 3}), r"'gM'\. Did you mean M.g\?$"),
        (lambda: neuron().replace({"gM": 3}), r"got 'gM'\.$"),
        (lambda: neuron().replace({"leak.shift": 3}), "path must be one of .*leak.shift"),
        (lambda: neuron().replace({"Na.g": -3}), "^Na.g must be a finite number, 0 or"),
        (lambda: neuron().replace({"K.shift": 101}), "^K.shift must be from -100 to"),
        (lambda: neuron().replace({"K.n.speed": 0}), "^K.n.speed must be a positive"),
        (lambda: neuron().replace(Cm=-3), "^Cm must be a positive"),
        (lambda: neuron().density(nA=3), r"area must be given where .*; got None\. Pass"),
    ],
}


@pytest.mark.parametrize(("kind", "make", "message"), errors(INPUT))
def test_bad_input_is_named(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def neuron_K():
    return Channel(9, E=-90, n=m(power=4))


# Forms of rates.


def test_forms_are_those_of_neuroml():
    V = np.linspace(-100, 100, 41) + 0.1
    x = (V + 35) / 10
    np.testing.assert_allclose(exponential(3, -35, 10)(V), 3 * np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(linoid(3, -35, 10)(V), 3 * x / (1 - np.exp(-x)), rtol=1e-13)
    np.testing.assert_allclose(sigmoid(3, -35, 10)(V), 3 / (1 + np.exp(-x)), rtol=1e-14)
    np.testing.assert_allclose(linoid(3, -35, -10)(V), 3 * x / (np.exp(x) - 1), rtol=1e-13)


def test_rates_of_wang_and_buzsaki():
    # As the paper writes them, beside the forms of the example in Neuron's docstring.
    V = np.array([-80.0, -60.0, -35.5, -20.0, 10.0])
    for form, paper in [
        (linoid(1, -35, 10), -0.1 * (V + 35) / (np.exp(-0.1 * (V + 35)) - 1)),
        (exponential(4, -60, -18), 4 * np.exp(-(V + 60) / 18)),
        (exponential(0.07, -58, -20), 0.07 * np.exp(-(V + 58) / 20)),
        (sigmoid(1, -28, 10), 1 / (np.exp(-0.1 * (V + 28)) + 1)),
        (linoid(0.1, -34, 10), -0.01 * (V + 34) / (np.exp(-0.1 * (V + 34)) - 1)),
        (exponential(0.125, -44, -80), 0.125 * np.exp(-(V + 44) / 80)),
    ]:
        np.testing.assert_allclose(form(V), paper, rtol=1e-13)


def test_a_linoid_has_its_limit_at_the_midpoint():
    form = linoid(0.1, -34, 10)
    assert form(-34) == 0.1
    beside = form(np.array([-34 - 1e-9, -34.0, -34 + 1e-9]))
    np.testing.assert_allclose(beside, 0.1 * (1 + np.array([-0.5, 0, 0.5]) * 1e-10), rtol=1e-15)


def test_forms_take_numbers_and_arrays():
    assert type(linoid(1, 0, 10)(3)) is float
    assert linoid(1, 0, 10)(np.zeros((2, 3))).shape == (2, 3)
    assert sigmoid(1, 0, 1)(-1e4) == 0
    assert exponential(1, 0, -1)(-1e4) == np.inf


def test_forms_are_compared_and_shown():
    assert linoid(1, -35, 10) == linoid(1.0, -35.0, 10.0) != linoid(1, -35, 9)
    assert linoid(1, -35, 10) != sigmoid(1, -35, 10)
    assert len({linoid(1, -35, 10), linoid(1, -35, 10)}) == 1
    assert repr(linoid(0.1, -34, 10)) == "linoid(0.1, -34, 10)"
    assert m(alpha=linoid(1, -35, 10)) == m(alpha=linoid(1, -35, 10))


@pytest.mark.parametrize("form", [exponential, linoid, sigmoid])
def test_bad_numbers_of_forms_are_named(form):
    name = form.__name__
    with pytest.raises(
        ValueError, match=f"^{name}'s rate must be a positive, finite number; got 0"
    ):
        form(0, 1, 1)
    with pytest.raises(TypeError, match=f"^{name}'s midpoint must be a finite number"):
        form(1, None, 1)
    with pytest.raises(ValueError, match=rf"^{name}'s scale must be .* than 0 \(mV\); got 0"):
        form(1, 1, 0)

"""to_neuroml: libNeuroML's validator accepts it, and what is read again is the same neuron."""

import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neuroml_files import FILES

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Nernst, Neuron, Pool, Simulation
from pyhh_fast.neuroml import expression
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

libneuroml = pytest.importorskip("neuroml", reason="to_neuroml needs the extra 'neuroml'")
from neuroml.utils import validate_neuroml2  # noqa: E402

LEAK = Channel(0.1, E=-65)
ALPHA, BETA = linoid(1, -40, 10), exponential(1, -40, -10)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("written") / "it.nml"


def again(neuron, path, **options):
    """Return a neuron that was written, validated and read."""
    neuron.to_neuroml(path, **options)
    validate_neuroml2(str(path))
    return Neuron.from_neuroml(path)


def within_two_bits(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert abs(found[name] - value) <= 2 * np.spacing(abs(value)), name


numbers = st.floats(0.5, 2)
moves = st.floats(-3, 3)


@st.composite
def neurons(draw):
    """Neurons that fire, with the rates of Hodgkin and Huxley changed, a shift, and a slow gate."""
    a, b, c, d = (draw(moves) for _ in range(4))
    steady = {"inf": sigmoid(1, -40 + c, 8), "tau": lambda V: 40 * a + 150}
    slow = draw(st.sampled_from([steady, {"inf": steady["inf"], "instantaneous": True}]))
    return Neuron(
        Cm=draw(numbers),
        area=draw(st.floats(1, 1e5)),
        threshold=draw(moves),
        leak=Channel(0.3 * draw(numbers), E=-54 + b),
        Na=Channel(
            120,
            E=50 + d,
            m=Gate(alpha=linoid(1, -40 + a, 10), beta=exponential(4, -65, -18 + c), power=3),
            h=Gate(alpha=exponential(0.07, -65, -20 + a), beta=sigmoid(1, -35, 10)),
        ),
        K=Channel(
            36 * draw(numbers),
            E=-77 + c,
            shift=draw(st.just(0) | moves),
            n=Gate(
                alpha=linoid(0.1 * draw(numbers), -55, 10),
                beta=exponential(0.125, -65 + b, -80),
                power=4,
                speed=draw(st.just(1) | numbers),
            ),
        ),
        M=Channel(draw(numbers), E=-90, p=Gate(**slow, power=draw(st.integers(1, 3)))),
    )


@settings(max_examples=30)
@given(neurons())
def test_neurons_of_forms_are_the_same_after_a_round_trip(path, neuron):
    read = again(neuron, path, Vm=-65)
    shift = neuron.parameters["K.shift"]
    expected = neuron.parameters | {"K.shift": 0.0}
    within_two_bits(read.parameters, expected)
    within_two_bits(
        {"area": read.area, "threshold": read.threshold},
        {"area": neuron.area, "threshold": neuron.threshold},
    )
    assert read.channels["Na"] == neuron.channels["Na"]
    n, m = read.channels["K"].gates["n"], neuron.channels["K"].gates["n"]
    assert n.alpha == linoid(m.alpha.rate, m.alpha.midpoint + shift, m.alpha.scale)
    assert n.beta == exponential(m.beta.rate, m.beta.midpoint + shift, m.beta.scale)
    spikes, same = (
        Simulation(one, Vm=-65).run(40, 0.05, duration=40, method="adaptive").spike_times
        for one in (neuron, read)
    )
    np.testing.assert_allclose(same, spikes, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["wang_buzsaki", "hodgkin_huxley", "warm_axon", "rs", "lts"])
def test_neurons_spike_the_same_after_a_round_trip(path, name):
    neuron = {
        "wang_buzsaki": pyhh.neurons.wang_buzsaki,
        "hodgkin_huxley": lambda: pyhh.neurons.hodgkin_huxley(temperature=10),
        "warm_axon": lambda: Neuron.from_neuroml(FILES / "warm_axon.nml"),
        "rs": lambda: Neuron.from_neuroml(FILES / "pospischil.nml", "RS"),
        "lts": lambda: Neuron.from_neuroml(FILES / "lts.nml"),
    }[name]()
    read = again(neuron, path, Vm=-60)
    expected = neuron.parameters
    changed = {path: 0.0 for path in expected if path.endswith(".shift")}
    within_two_bits(read.parameters, expected | changed)
    spikes, same = (
        Simulation(one, Vm=-60).run(15, 0.05, duration=100, method="adaptive").spike_times
        for one in (neuron, read)
    )
    assert spikes.size >= 3
    np.testing.assert_allclose(same, spikes, atol=1e-9, rtol=0)


def test_expressions_with_a_shift_keep_it_in_their_constant(path):
    neuron = Neuron.from_neuroml(FILES / "pospischil.nml", "RS")
    shifted = Neuron(leak=LEAK, Na=Channel(50, E=50, shift=6.5, m=neuron.channels["Na"].gates["m"]))
    # Its rate of closing does not know vShift.
    with pytest.raises(ValueError, match=r"Na\.m: beta must be a form of rate_forms or an express"):
        shifted.to_neuroml(path)
    m = Gate(alpha=neuron.channels["Na"].gates["m"].alpha, beta=exponential(1, -40, -20))
    s = Gate(alpha=ALPHA, beta=BETA, instantaneous=True)
    shifted = Neuron(leak=LEAK, Na=Channel(50, E=50, shift=6.5, m=m, s=s))
    V = np.linspace(-100, 50, 31)
    read = again(shifted, path, Vm=-60).steady_state(V)
    for name, expected in shifted.steady_state(V).items():
        np.testing.assert_allclose(read[name], expected, rtol=1e-11)


def test_expressions_and_constants_of_the_user(path):
    tau = expression("longest / (3.3 * exp((v + 35) / 20) + exp(-(v + 35) / 20))", longest=1000)
    gates = {
        "p": Gate(inf=sigmoid(1, -35, 10), tau=tau, speed=0.7),
        "q": Gate(inf=expression("1 / (1 + exp(-v / 9))"), tau=lambda V: 7.25),
        "r": Gate(alpha=expression("2.5e-17 * exp(-v/20)"), beta=expression("b", b=3e16)),
    }
    neuron = Neuron(leak=LEAK, M=Channel(1, E=-90, **gates))
    read = again(neuron, path, Vm=-65)
    assert "e+" not in path.read_text()  # which the schema does not know
    V = np.linspace(-150, 100, 41)
    for name, gate in gates.items():
        for key, function in gate.functions.items():
            found = read.channels["M"].gates[name].functions[key](V)
            np.testing.assert_allclose(found, [function(v) for v in V.tolist()], rtol=1e-15)
    within_two_bits(read.parameters, neuron.parameters)


def test_calcium_is_the_same_after_a_round_trip(path):
    times = "Ca", expression("caConc / (caConc + half)", variable="caConc", half=3e-3)
    q = Gate(
        alpha=expression("k * caConc", variable="caConc", k=50),
        beta=expression("0.02", variable="caConc"),
        of="Ca",
        power=2,
    )
    neuron = Neuron(
        leak=LEAK,
        Ca=Pool(7.3e-5, 12.5, depth=0.7),
        T=Channel(
            0.4,
            E=Nernst("Ca", outside=2.1, celsius=36.6),
            feeds="Ca",
            s=Gate(inf=sigmoid(1, -57, 6.2), tau=lambda V: 3.0),
        ),
        AHP=Channel(1, E=-90, q=q),
        KCa=Channel(2, E=-80, m=Gate(inf=sigmoid(1, -28.3, 12.6), tau=lambda V: 9.0, times=times)),
    )
    read = again(neuron, path)
    within_two_bits(read.parameters, {name: neuron.parameters[name] for name in read.parameters})
    assert read.parameters.keys() == neuron.parameters.keys()
    for V in (-80.0, -40.0):
        found, expected = read.steady_state(V), neuron.steady_state(V)
        assert found == pytest.approx(expected, rel=1e-12)
    runs = [
        Simulation(one, Vm=-60).run(3, 0.01, duration=20, method="rk4") for one in (neuron, read)
    ]
    np.testing.assert_allclose(runs[1].Vm, runs[0].Vm, atol=1e-9)
    np.testing.assert_allclose(runs[1]["Ca"], runs[0]["Ca"], rtol=1e-9)


def test_neuron_without_area_and_threshold_gets_them(path):
    neuron = Neuron(leak=LEAK, K=Channel(1, E=-90, n=Gate(alpha=ALPHA, beta=BETA)))
    read = again(neuron, path)
    assert read.area == pytest.approx(1000, rel=1e-15)
    assert read.threshold == neuron.rest + 50
    text = path.read_text()
    assert f'<initMembPotential value="{neuron.rest!r} mV"/>' in text
    neuron.to_neuroml(path, cell_id="mine", Vm=-71)
    assert '<cell id="mine">' in path.read_text()
    assert '<initMembPotential value="-71.0 mV"/>' in path.read_text()


def rate(V):
    return np.exp(V / 20)


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        (
            Neuron(leak=LEAK, K=Channel(1, E=-90, n=Gate(alpha=ALPHA, beta=rate))),
            "K.n: beta must be a form of rate_forms or an expression, which can be written; got "
            "rate. State it by exponential, linoid or sigmoid, or by "
            "pyhh_fast.neuroml.expression('...').",
        ),
        (
            Neuron(leak=LEAK, K=Channel(1, E=-90, n=Gate(inf=sigmoid(1, -40, 9), tau=rate))),
            "K.n: tau must be a form of rate_forms or an expression, which can be written; got ra",
        ),
        (
            Neuron(
                leak=LEAK,
                Ca=Pool(1e-4, 20, depth=1),
                Cb=Pool(1e-4, 20, depth=1),
                T=Channel(1, E=90, feeds="Ca"),
                L=Channel(1, E=90, feeds="Cb"),
            ),
            "a neuron must have one pool at most; got Ca, Cb.",
        ),
        (
            Neuron(
                leak=LEAK,
                Ca=Pool(1e-4, 20, depth=1),
                T=Channel(1e-3, E=Nernst("Ca", outside=2, celsius=20), feeds="Ca"),
                L=Channel(1e-3, E=Nernst("Ca", outside=3, celsius=20), feeds="Ca"),
            ),
            "must have one outside and one celsius; got (2.0, 20.0) and (3.0, 20.0).",
        ),
        (
            Neuron(
                leak=LEAK,
                Ca=Pool(1e-4, 20, depth=1),
                T=Channel(1e-3, E=Nernst("Ca", outside=2, celsius=20)),
                L=Channel(1e-3, E=90, feeds="Ca"),
            ),
            "T must feed Ca, whose concentration its E follows, as a channelDensityNernst does; "
            "got feeds=None. Pass feeds='Ca'.",
        ),
    ],
)
def test_neurons_that_cannot_be_written_are_refused(path, neuron, message):
    path.write_text("kept")
    with pytest.raises(ValueError, match=re.escape(message)):
        neuron.to_neuroml(path)
    assert path.read_text() == "kept"


def test_start_must_be_given_where_there_is_no_rest(path):
    firing = pyhh.neurons.wang_buzsaki().replace({"leak.E": -40, "leak.g": 0.5})
    with pytest.raises(ValueError, match=r"Pass Vm=, at which the cell starts \(mV\)\."):
        firing.to_neuroml(path)
    firing.to_neuroml(path, Vm=-60)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"cell_id": 3}, TypeError, "cell_id must be a text; got 3"),
        (
            {"cell_id": "my cell"},
            ValueError,
            "cell_id must be letters, digits and underscores, no ",
        ),
        ({"Vm": "rest"}, TypeError, "Vm must be "),
        ({"path": 3}, TypeError, "path must be a path of the local file system; got 3"),
        ({"path": "http://h/it.nml"}, ValueError, "path must be a path of the local file system"),
    ],
)
def test_arguments(path, options, kind, message):
    with pytest.raises(kind, match=message):
        pyhh.neurons.wang_buzsaki().to_neuroml(**({"path": path} | options))


def test_missing_library_is_told(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "neuroml", None)
    with pytest.raises(ImportError, match=r"to_neuroml needs libNeuroML\. Install it with: pip"):
        pyhh.neurons.wang_buzsaki().to_neuroml(path)

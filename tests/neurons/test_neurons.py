"""Published neurons: spikes as published, and as the equations of the papers give them."""

import neuron_papers as papers
import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import neurons
from pyhh_fast.stimuli import step

WANG_BUZSAKI = (neurons.wang_buzsaki, -70, (2.0, 0, 100), 100)
RS = (neurons.pospischil_rs, -70, (0.75e5 / (np.pi * 96**2), 300, 700), 800)
IB = (neurons.pospischil_ib, -84, (0.15e5 / (np.pi * 96**2), 500, 1000), 1000)
CONNOR_STEVENS = (neurons.connor_stevens, -68, (10.0, 0, 100), 100)


def hodgkin_huxley_of_neuroml():
    return neurons.hodgkin_huxley(leak_reversal=-54.3)


def warm():
    return neurons.hodgkin_huxley(-54.387, temperature=16.3)


SQUID = (neurons.hodgkin_huxley, -65, (10.0, 50, 100), 120)
SQUID_OF_NEUROML = (hodgkin_huxley_of_neuroml, -65, (8.0, 50, 100), 150)
SQUID_OF_NEUROML_LATER = (hodgkin_huxley_of_neuroml, -65, (8.0, 100, 200), 250)
WARM_SQUID = (warm, -65, (20.0, 5, 55), 60)


def spike_times(case, **options):
    neuron, Vm, pulse, duration = case
    simulation = pyhh.Simulation(neuron(), Vm=Vm)
    recording = simulation.run(
        step(*pulse), 0.1, duration=duration, method="adaptive", record=[], **options
    )
    return recording.spike_times


REFERENCES = [  # computed from the equations with DOP853 at 1e-10, given to 1e-3 ms
    (RS, [320.553, 348.525, 387.966, 456.816, 592.418]),
    (IB, [617.724, 624.632, 631.103, 637.790, 644.916, 652.684, 661.443, 672.135]),
]


@pytest.mark.parametrize(("case", "spikes"), REFERENCES)
def test_spikes_are_those_computed_once(case, spikes):
    np.testing.assert_allclose(spike_times(case), spikes, rtol=0, atol=1e-3)


def test_wang_buzsaki_spikes_are_those_computed_once():
    spikes = spike_times(WANG_BUZSAKI)
    assert spikes.size == 10
    picked = spikes[[0, 1, 2, -1]]
    np.testing.assert_allclose(picked, [8.911, 18.770, 28.596, 97.368], rtol=0, atol=1e-3)


PUBLISHED = [  # by NeuroML's tests of the models, from simulators with a finite step
    (SQUID_OF_NEUROML, [52.24, 68.5, 84.56, 100.67]),
    (SQUID_OF_NEUROML_LATER, [102.22, 118.46, 134.5, 150.52, 166.55, 182.58, 198.6]),
    (RS, [320.554, 348.522, 387.944, 456.69, 592.105]),
    (IB, [617.725, 624.632, 631.101, 637.786, 644.909, 652.671, 661.42, 672.085]),
]


@pytest.mark.parametrize(("case", "spikes"), PUBLISHED)
def test_spikes_are_those_published(case, spikes):
    np.testing.assert_allclose(spike_times(case), spikes, rtol=0.004)


def test_wang_buzsaki_spikes_are_those_published():
    spikes = spike_times(WANG_BUZSAKI)
    assert spikes.size == 10
    np.testing.assert_allclose(spikes[[0, 1, -1]], [8.901, 18.754, 97.311], rtol=0.004)


@pytest.mark.parametrize(
    ("case", "paper"),
    [
        (WANG_BUZSAKI, papers.wang_buzsaki()),
        (SQUID, papers.hodgkin_huxley()),
        (SQUID_OF_NEUROML, papers.hodgkin_huxley(-54.3)),
        (WARM_SQUID, papers.hodgkin_huxley(-54.387, phi=3.0)),
        (RS, papers.pospischil(0.1, -70, 0.07, 0.0)),
        (IB, papers.pospischil(0.01, -85, 0.03, 0.17)),
        (CONNOR_STEVENS, papers.connor_stevens()),
    ],
)
def test_spikes_are_those_of_scipy(case, paper):
    want = papers.spike_times(paper, *case[1:])
    assert want.size >= 3
    np.testing.assert_allclose(spike_times(case), want, rtol=0, atol=1e-3)
    precise = spike_times(case, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(precise, want, rtol=0, atol=1e-5)


def test_hodgkin_huxley_fires_as_the_model_of_1952():
    case = (neurons.hodgkin_huxley, -65, (10.0, 50, 1000), 1000)
    spikes = spike_times(case, threshold=-15)  # an HHModel's
    assert spikes.size == 65
    assert spikes[-1] == pytest.approx(988.978, abs=1e-3)


@pytest.mark.parametrize(
    ("leak_reversal", "rest"), [(-54.4, 0.000278), (-54.387, 0.003621), (-54.3, 0.025948)]
)
def test_rest_of_hodgkin_huxley_depends_on_the_reversal_of_the_leak(leak_reversal, rest):
    assert neurons.hodgkin_huxley(leak_reversal).rest + 65 == pytest.approx(rest, abs=1e-6)


@pytest.mark.parametrize("name", ["leak_reversal", "temperature"])
@pytest.mark.parametrize(("value", "error"), [(np.nan, ValueError), ("6.3", TypeError)])
def test_hodgkin_huxley_takes_finite_numbers(name, value, error):
    with pytest.raises(error, match=f"{name} must be a .*number .*; got '?{value}"):
        neurons.hodgkin_huxley(**{name: value})


@pytest.mark.parametrize("temperature", [-0.1, 279.45, 1e6])
def test_hodgkin_huxley_takes_temperatures_in_degrees_celsius(temperature):
    message = rf"temperature must be from 0 to 50 \(°C\); got {temperature:g}\."
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        neurons.hodgkin_huxley(temperature=temperature)


def test_connor_stevens_rests_where_published_equations_do():
    simulation = pyhh.Simulation(neurons.connor_stevens())
    assert simulation.Vm == pytest.approx(-67.97812, abs=1e-5)
    gates = {"Na.m": 0.01007, "Na.h": 0.96591, "K.n": 0.15586, "A.a": 0.54042, "A.b": 0.28867}
    assert simulation.gates == pytest.approx(gates, abs=1e-5)


@pytest.mark.parametrize(
    ("current", "first", "interval"),
    [(10, [38.139, 67.512], 29.372), (20, [8.448], 7.559), (8.2, [], 289.15)],
)
def test_connor_stevens_fires_slowly_near_its_threshold(current, first, interval):
    spikes = spike_times((neurons.connor_stevens, -68, (current, 0, 1000), 1000))
    np.testing.assert_allclose(spikes[: len(first)], first, rtol=0, atol=1e-3)
    assert np.diff(spikes)[-1] == pytest.approx(interval, abs=1e-3 if first else 1e-2)
    assert spikes.size == 3 or first


def test_connor_stevens_is_silent_below_its_threshold():
    assert spike_times((neurons.connor_stevens, -68, (8.0, 0, 1000), 1000)).size == 0


def test_pospischil_current_of_an_electrode_is_spread_over_the_area():
    assert neurons.pospischil_rs().density(nA=0.75) == pytest.approx(2.5904, abs=5e-5)
    assert neurons.pospischil_ib().density(nA=0.15) == pytest.approx(2.5904 / 5, abs=5e-5)

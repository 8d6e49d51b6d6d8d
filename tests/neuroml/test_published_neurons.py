"""Neurons of files spike as published, and as references that know nothing of this package.

Reference: SciPy's DOP853 at 1e-10 on the papers' equations. Published: NeuroML's own tests, from
simulators with a finite step.
"""

import numpy as np
import pytest
from neuroml_files import FILES

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Neuron, Simulation, stimuli
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

RS = FILES / "pospischil.nml"
CASES = {
    "RS": (
        (RS, -70, 800),
        [320.554, 348.522, 387.944, 456.69, 592.105],
        [320.553, 348.525, 387.966, 456.816, 592.418],
    ),
    "IB": (
        (RS, -84, 1000),
        [617.725, 624.632, 631.101, 637.786, 644.909, 652.671, 661.42, 672.085],
        [617.724, 624.632, 631.103, 637.790, 644.916, 652.684, 661.443, 672.135],
    ),
    "LTS": (
        (FILES / "lts.nml", -84, 1000),
        [431.423, 445.189, 517.237, 720.422],
        [431.420, 445.191, 517.327, 720.629],
    ),
    "axon": ((FILES / "squid_axon.xml", -65, 150), [52.24, 68.5, 84.56, 100.67], None),
    "warm": ((FILES / "warm_axon.nml", -65, 300), [103.22, 146.89, 189.9], None),
}


@pytest.mark.parametrize("cell", CASES)
def test_spikes_are_those_published_and_of_the_reference(cell):
    (path, start, duration), published, reference = CASES[cell]
    neuron, stimulus = Neuron.from_neuroml(path, cell), stimuli.from_neuroml(path, cell)
    assert neuron.threshold == 0
    spikes = (
        Simulation(neuron, Vm=start)
        .run(stimulus, 0.01, duration=duration, method="adaptive")
        .spike_times
    )
    assert len(spikes) == len(published)
    np.testing.assert_allclose(spikes, published, rtol=0.004)
    if reference is not None:
        np.testing.assert_allclose(spikes, reference, atol=1e-3, rtol=0)


def test_calcium_rises_as_published_and_of_the_reference():
    """It rises through 0.0009 mM with the first two spikes of the LTS cell."""
    path = FILES / "lts.nml"
    simulation = Simulation(Neuron.from_neuroml(path), Vm=-84)
    found = simulation.run(stimuli.from_neuroml(path), 0.001, duration=460, method="rk4")
    Ca, t = found["ca"], found.times
    at = np.flatnonzero((Ca[:-1] < 9e-4) & (Ca[1:] >= 9e-4))
    rises = t[at] + 0.001 * (9e-4 - Ca[at]) / (Ca[at + 1] - Ca[at])
    np.testing.assert_allclose(rises, [430.315, 443.502], rtol=0.004)
    np.testing.assert_allclose(rises, [430.312, 443.507], atol=1e-3, rtol=0)


def test_wang_buzsaki_spikes_as_published():
    path = FILES / "wang_buzsaki.nml"
    neuron, stimulus = Neuron.from_neuroml(path), stimuli.from_neuroml(path)
    spikes = (
        Simulation(neuron, Vm=-70).run(stimulus, 0.01, duration=100, method="adaptive").spike_times
    )
    assert len(spikes) == 10
    np.testing.assert_allclose(spikes[[0, 1, 9]], [8.901, 18.754, 97.311], rtol=0.004)
    np.testing.assert_allclose(spikes[[0, 1, 2, 9]], [8.911, 18.770, 28.596, 97.368], atol=1e-3)


@pytest.mark.parametrize("name", ["RS", "IB"])
def test_a_file_has_the_rates_of_the_published_neuron(name):
    """Those of `neurons`, which other tests compare with the paper, at potentials of all kinds."""
    read = Neuron.from_neuroml(RS, name)
    known = getattr(pyhh.neurons, f"pospischil_{name.lower()}")()
    V = np.linspace(-120.7, 80.3, 97)
    names = {"K": "Kd"}
    for path, expected in known.steady_state(V).items():
        channel, gate = path.split(".")
        found = read.steady_state(V)[f"{names.get(channel, channel)}.{gate}"]
        np.testing.assert_allclose(found, expected, rtol=1e-11)
    for channel, one in known.channels.items():
        same = read.channels[names.get(channel, channel)]
        assert (same.g, same.E) == (one.g, one.E)
    assert read.area == pytest.approx(known.area, rel=1e-15)


def test_numbers_of_a_file_are_those_of_the_neuron_to_the_bit():
    assert Neuron.from_neuroml(FILES / "squid_axon.xml") == Neuron(
        area=1000,
        threshold=0,
        passive=Channel(0.3, E=-54.3),
        na=Channel(
            120,
            E=50,
            m=Gate(alpha=linoid(1, -40, 10), beta=exponential(4, -65, -18), power=3),
            h=Gate(alpha=exponential(0.07, -65, -20), beta=sigmoid(1, -35, 10)),
        ),
        k=Channel(
            36,
            E=-77,
            n=Gate(alpha=linoid(0.1, -55, 10), beta=exponential(0.125, -65, -80), power=4),
        ),
    )


def test_the_warm_axon_has_its_rates_times_the_factor_of_its_temperature():
    path = FILES / "warm_axon.nml"
    for celsius, speed in ((None, 3**-1), (32, 1), (22, 3**-1), (37, 3**0.5)):
        read = Neuron.from_neuroml(path, temperature=celsius)
        assert read.parameters["na.m.speed"] == pytest.approx(speed, rel=1e-14)
        assert read.parameters["na.h.speed"] == read.parameters["k.n.speed"]
    beta = read.channels["k"].gates["n"].beta
    assert repr(beta) == "<0.125 * exp((V + 65) / -80)>"
    V = np.linspace(-100, 50, 31)
    np.testing.assert_allclose(beta(V), exponential(0.125, -65, -80)(V), rtol=1e-15)

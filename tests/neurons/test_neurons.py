"""Published neurons: spikes as published, and as the equations of the papers give them."""

import neuron_papers as papers
import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import neurons
from pyhh_fast.equilibria.neurons import equilibria
from pyhh_fast.stimuli import step


def hodgkin_huxley_of_neuroml():
    return neurons.hodgkin_huxley(leak_reversal=-54.3)


def warm_squid():
    return neurons.hodgkin_huxley(-54.387, temperature=16.3)


def traub_miles_of_neuron():
    return neurons.traub_miles(leak_reversal=-65)


def cool_bursting():
    return neurons.pospischil_ib(temperature=35)


def cool_fast_spiking():
    return neurons.pospischil_fs(temperature=26)


def morris_lecar_i():
    return neurons.morris_lecar("I")


LARGE, SMALL = 1e5 / (np.pi * 96**2), 1e5 / (np.pi * 67**2)  # cylinders: µA/cm² for 1 nA

# Neuron, V at the start, amplitude of a step (µA/cm²) with its start and stop, duration.
WANG_BUZSAKI = (neurons.wang_buzsaki, -70, (2.0, 0, 100), 100)
RS = (neurons.pospischil_rs, -70, (0.75 * LARGE, 300, 700), 800)
FS = (neurons.pospischil_fs, -70, (0.5 * SMALL, 300, 700), 800)
COOL_FS = (cool_fast_spiking, -70, (0.5 * SMALL, 0, 100), 100)
IB = (neurons.pospischil_ib, -84, (0.15 * LARGE, 500, 1000), 1000)
IBR = (neurons.pospischil_ibr, -84, (0.15 * LARGE, 500, 1000), 1000)
COOL_IB = (cool_bursting, -84, (0.15 * LARGE, 0, 400), 400)
CONNOR_STEVENS = (neurons.connor_stevens, -68, (10.0, 0, 100), 100)
SQUID = (neurons.hodgkin_huxley, -65, (10.0, 50, 100), 120)
SQUID_OF_NEUROML = (hodgkin_huxley_of_neuroml, -65, (8.0, 50, 100), 150)
SQUID_OF_NEUROML_LATER = (hodgkin_huxley_of_neuroml, -65, (8.0, 100, 200), 250)
WARM_SQUID = (warm_squid, -65, (20.0, 5, 55), 60)
TRAUB_MILES = (neurons.traub_miles, -60, (2.5, 5, 95), 100)
TRAUB_MILES_OF_NEURON = (traub_miles_of_neuron, -65, (2.5, 5, 95), 100)
SPONTANEOUS = (neurons.traub_miles, -60, (0.0, 0, 300), 300)
MORRIS_LECAR_I = (morris_lecar_i, -60, (40.5, 0, 1000), 1000)
MORRIS_LECAR_II = (neurons.morris_lecar, -60, (100.0, 0, 500), 500)

CASES = [
    (WANG_BUZSAKI, papers.wang_buzsaki()),
    (SQUID, papers.hodgkin_huxley()),
    (SQUID_OF_NEUROML, papers.hodgkin_huxley(-54.3)),
    (WARM_SQUID, papers.hodgkin_huxley(-54.387, phi=3.0)),
    (RS, papers.pospischil(0.1, -70, g_M=0.07)),
    (FS, papers.pospischil(0.15, -70, g_K=10)),
    (COOL_FS, papers.pospischil(0.15, -70, g_K=10, warmer=-1)),
    (IB, papers.pospischil(0.01, -85, g_M=0.03, g_L=0.17)),
    (COOL_IB, papers.pospischil(0.01, -85, g_M=0.03, g_L=0.17, warmer=-0.1)),
    (IBR, papers.pospischil(0.01, -85, g_M=0.03, g_L=0.22)),
    (CONNOR_STEVENS, papers.connor_stevens()),
    (TRAUB_MILES, papers.traub_miles()),
    (TRAUB_MILES_OF_NEURON, papers.traub_miles(-65)),
    (SPONTANEOUS, papers.traub_miles()),
    (MORRIS_LECAR_I, papers.morris_lecar(4.0, V_3=12, V_4=17.4, phi=1 / 15)),
    (MORRIS_LECAR_II, papers.morris_lecar(4.4, V_3=2, V_4=30, phi=0.04)),
]
NAMES = [case[0].__name__ for case, _ in CASES]


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


@pytest.mark.parametrize(
    ("case", "count", "spikes"),  # the first, the second, the last
    [
        (WANG_BUZSAKI, 10, [8.901, 18.754, 97.311]),
        (FS, 20, [317.023, 337.195, 700.299]),
        (IBR, 28, [617.698, 622.347, 770.557]),
    ],
)
def test_long_trains_are_those_published(case, count, spikes):
    found = spike_times(case)
    assert found.size == count
    np.testing.assert_allclose(found[[0, 1, -1]], spikes, rtol=0, atol=0.1)


@pytest.mark.parametrize(("case", "paper"), CASES, ids=NAMES)
def test_spikes_are_those_of_scipy(case, paper):
    want = papers.spike_times(paper, *case[1:])
    assert want.size >= 3
    np.testing.assert_allclose(spike_times(case), want, rtol=0, atol=1e-3)
    precise = spike_times(case, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(precise, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
@pytest.mark.parametrize(
    "case",
    [case for case, _ in CASES if case[0].__name__ in neurons.__all__],
    ids=lambda case: case[0].__name__,
)
def test_errors_of_fixed_steps_fall_as_their_order_says(case, method):
    neuron, Vm, pulse, _ = case
    duration = np.ceil(spike_times(case)[0]) + 4

    def potentials(method, dt, **options):
        simulation = pyhh.Simulation(neuron(), Vm=Vm)
        options |= {"duration": duration, "method": method, "record": ["Vm"]}
        every = round(0.1 / dt)
        return simulation.run(step(*pulse), dt, **options).Vm[every - 1 :: every]

    want = potentials("adaptive", 0.1, rtol=1e-11, atol=1e-11)
    dt = {"euler": 0.002, "exponential_euler": 0.01, "rk4": 0.01}[method]
    dt *= 5 if neuron().Cm > 1 else 1  # rk4's error would be that of rounding
    errors = [abs(potentials(method, step) - want).max() for step in (dt, dt / 2)]
    instantaneous = any(gate.instantaneous for gate in neuron().gates.values())
    order = {"euler": 1, "exponential_euler": 1 if instantaneous else 2, "rk4": 4}[method]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


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


@pytest.mark.parametrize(
    "neuron",
    [
        neurons.hodgkin_huxley,
        neurons.pospischil_rs,
        neurons.pospischil_fs,
        neurons.pospischil_ib,
        neurons.pospischil_ibr,
    ],
)
@pytest.mark.parametrize("temperature", [-0.1, 279.45, 1e6])
def test_temperatures_are_in_degrees_celsius(neuron, temperature):
    message = rf"temperature must be from 0 to 50 \(°C\); got {temperature:g}\."
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        neuron(temperature=temperature)


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
    assert neurons.pospischil_fs().density(nA=0.5) == pytest.approx(3.5454, abs=5e-5)
    assert neurons.traub_miles().density(nA=0.5) == 2.5


def test_neuron_of_the_benchmark_rests_or_fires_by_its_leak():  # SciPy's figures
    assert neurons.traub_miles(-65).rest == pytest.approx(-64.764629, abs=1e-6)
    assert np.diff(spike_times(SPONTANEOUS)) == pytest.approx(72.1769, abs=1e-3)


@pytest.mark.parametrize("current", [93.86, 212.01])
def test_morris_lecar_loses_stability_at_hopf_points(current):
    near = (current - 0.01, current + 0.01)
    stable = [equilibria(neurons.morris_lecar(), one)[0].stable for one in near]
    assert stable == [current < 100, current > 100]


def test_rest_of_morris_lecar_of_type_one_ends_in_a_saddle_node():
    found = [equilibria(morris_lecar_i(), current) for current in (39.95, 39.97)]
    assert [one.stable for one in found[0]] == [True, False, False]
    assert [one.stable for one in found[1]] == [False]


def test_morris_lecar_takes_one_of_two_types():
    message = r"excitability must be one of I, II; got 'III'\."
    with pytest.raises(ValueError, match=message):
        neurons.morris_lecar("III")


@pytest.mark.parametrize("name", neurons.__all__)
def test_published_neurons_are_equal_when_made_again(name):
    neuron = getattr(neurons, name)
    assert neuron() == neuron()
    assert neuron().threshold == 0

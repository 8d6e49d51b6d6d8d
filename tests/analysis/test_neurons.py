"""Analysis of declared neurons, against published figures and SciPy on the papers' equations.

Units: mV, ms, µA/cm². HH52 declared as channels must have the figures of an `HHModel`.
"""

import re

import numpy as np
import pytest
from declared_neurons import hodgkin_huxley, wang_buzsaki_steady
from error_messages import raises
from neuron_papers import connor_stevens as connor_stevens_paper
from neuron_papers import hodgkin_huxley as hodgkin_huxley_paper
from neuron_papers import pospischil, spike_times
from neuron_papers import wang_buzsaki as wang_buzsaki_paper
from scipy.optimize import minimize_scalar

import pyhh_fast as pyhh
from pyhh_fast.engine.time_steps import step_for_neuron_cells
from pyhh_fast.neurons import connor_stevens, pospischil_ib, prinz, wang_buzsaki

HODGKIN_HUXLEY, WANG_BUZSAKI, CONNOR_STEVENS = hodgkin_huxley(), wang_buzsaki(), connor_stevens()
PAPERS = {
    "wang_buzsaki": (WANG_BUZSAKI, wang_buzsaki_paper()),
    "connor_stevens": (CONNOR_STEVENS, connor_stevens_paper()),
    "pospischil_ib": (pospischil_ib(), pospischil(0.01, -85, 0.03, 0.17)),
}
SPONTANEOUS = WANG_BUZSAKI.replace({"leak.E": -50})


# --- firing rates --------------------------------------------------------------------------------


def test_published_rates_of_hodgkin_and_huxley():
    currents = [6.25, 6.5, 7, 8, 10, 20, 50, 85, 90, 100, 150, 154.52, 154.6]
    published = [0, 55.0, 58.3, 62.5, 68.3, 86.5, 117.0, 139.7, 142.4, 147.3, 167.8, 169.0, 0]
    message = "under 4 of the currents V keeps swinging without crossing the threshold of 50 mV"
    with pytest.warns(UserWarning, match=message):
        rates = pyhh.fi_curve(HODGKIN_HUXLEY, currents)
    np.testing.assert_allclose(rates, published, rtol=0, atol=0.2)
    with pytest.warns(UserWarning, match=message):
        of_model = pyhh.fi_curve(pyhh.HHModel(), currents, method="adaptive")
    np.testing.assert_allclose(rates, of_model, rtol=1e-6)


def test_published_intervals_of_connor_and_stevens():
    rates = pyhh.fi_curve(CONNOR_STEVENS, [8, 8.2, 10, 20])
    assert rates[0] == 0
    intervals, digits = 1000 / rates[1:], (2, 3, 3)
    rounded = [round(x, n) for x, n in zip(intervals, digits, strict=True)]
    assert rounded == [289.15, 29.372, 7.559]


def test_rates_are_those_of_the_papers_equations():
    neuron, paper = PAPERS["wang_buzsaki"]
    times = spike_times(paper, neuron.rest, (2.0, 0, 400), 400)
    late = times[times >= 200]
    rate = pyhh.fi_curve(neuron, 2.0, duration=400)
    assert rate == pytest.approx(1000 / np.diff(late).mean(), rel=1e-5)


def test_a_neuron_fires_from_the_fold_of_its_equilibria_on():
    # There rest meets an unstable equilibrium, and neurons fire as slowly as may be.
    fold = minimize_scalar(
        lambda V: wang_buzsaki_steady(V)[0], bounds=(-62, -57), options={"xatol": 1e-10}
    )
    onset = -fold.fun
    rates = pyhh.fi_curve(WANG_BUZSAKI, onset + np.array([-1e-3, 1e-3, 4e-3]))
    assert rates[0] == 0
    assert rates[2] / rates[1] == pytest.approx(2, rel=0.02)  # as the root of the distance
    assert pyhh.rheobase(WANG_BUZSAKI, 1e5) == pytest.approx(onset, rel=1e-5)


@pytest.mark.parametrize("method", ["rk4", "exponential_euler"])
def test_rates_by_the_methods_of_fixed_step(method):
    expected = pyhh.fi_curve(CONNOR_STEVENS, [10, 20])
    rates = pyhh.fi_curve(CONNOR_STEVENS, [10, 20], method=method)
    np.testing.assert_allclose(rates, expected, rtol=1e-4)
    assert (rates != expected).all()


@pytest.mark.parametrize("method", ["rk4", "exponential_euler"])
def test_rates_are_those_of_single_runs(method):
    currents = np.array([9.0, 10.0, 15.0, 20.0])
    rates = pyhh.fi_curve(CONNOR_STEVENS, currents, method=method, dt=0.01, duration=400)
    for current, rate in zip(currents, rates, strict=True):
        run = pyhh.Simulation(CONNOR_STEVENS).run(current, 0.01, duration=400, method=method)
        late = run.spike_times[run.spike_times >= 200]
        assert rate == 1000 * (late.size - 1) / (late[-1] - late[0])


def test_default_step_of_hodgkin_and_huxley_is_that_of_a_model():
    options = {"method": "rk4", "duration": 200}
    rate = pyhh.fi_curve(HODGKIN_HUXLEY, 20, **options)
    assert rate == pyhh.fi_curve(HODGKIN_HUXLEY, 20, dt=0.01, **options)
    fast = HODGKIN_HUXLEY.replace({"Na.m.speed": 2})  # of the gates the fastest
    small = HODGKIN_HUXLEY.replace(Cm=0.5)
    for neuron in (fast, small):
        rate = pyhh.fi_curve(neuron, 20, **options)
        assert rate == pyhh.fi_curve(neuron, 20, dt=0.005, **options)


def test_error_of_the_first_order_that_instantaneous_gates_cause_is_told():
    truth = pyhh.fi_curve(WANG_BUZSAKI, 2)
    with pytest.warns(UserWarning, match="^the rate under 2 µA/cm² has an error of") as caught:
        rate = pyhh.fi_curve(WANG_BUZSAKI, 2, method="exponential_euler")
    error = float(str(caught[0].message).split("has an error of ")[1].split(" %")[0])
    assert error == pytest.approx(100 * (rate / truth - 1), rel=0.05)


def test_rates_of_neurons_do_not_depend_on_threads():
    currents = np.linspace(0, 3, 7)
    one, three = (
        pyhh.fi_curve(WANG_BUZSAKI, currents, duration=100, threads=threads) for threads in (1, 3)
    )
    np.testing.assert_array_equal(one, three)


# --- threshold currents --------------------------------------------------------------------------


def test_published_threshold_currents_of_hodgkin_and_huxley():
    assert pyhh.rheobase(HODGKIN_HUXLEY) == pytest.approx(2.241, abs=5e-4)
    found = pyhh.strength_duration(HODGKIN_HUXLEY, [0.1, 1.0])
    np.testing.assert_allclose(found, [65.15, 6.921], rtol=1e-4)
    of_model = pyhh.strength_duration(pyhh.HHModel(), [0.1, 1.0], method="adaptive")
    np.testing.assert_allclose(found, of_model, rtol=2e-6)


@pytest.mark.parametrize(("name", "duration"), [("connor_stevens", 1.0), ("pospischil_ib", 7.123)])
def test_threshold_currents_are_those_of_the_papers_equations(name, duration):
    neuron, paper = PAPERS[name]
    found = pyhh.strength_duration(neuron, [duration])[0]
    for factor, fires in ((1 + 1e-5, True), (1 - 1e-5, False)):
        pulse = (found * factor, 0, duration)
        assert (spike_times(paper, neuron.rest, pulse, duration + 80).size > 0) == fires


@pytest.mark.parametrize("method", [None, "rk4", "exponential_euler"])
def test_threshold_currents_of_a_leak_are_those_of_Lapicque(method):
    leak = pyhh.Neuron(Cm=2, leak=pyhh.Channel(0.1, E=-65), threshold=-45)
    durations = np.array([0.123, 1.0, 30.0])
    exact = 0.1 * 20 / (1 - np.exp(-durations * 0.1 / 2))
    with pytest.warns(UserWarning, match="^the neuron makes no spike at "):
        found = pyhh.strength_duration(leak, durations, method=method)
    np.testing.assert_allclose(found, exact, rtol=2e-6)


# --- starts and thresholds -----------------------------------------------------------------------


def test_a_neuron_without_rest_starts_at_its_unstable_equilibrium():
    message = (
        "the neuron has no stable resting potential; it starts at its unstable equilibrium at V = "
        "-34.59 mV with steady gates. Simulation(neuron, Vm=...) starts elsewhere."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        rate = pyhh.fi_curve(SPONTANEOUS, 0)
    assert caught[0].filename == __file__
    assert rate == pytest.approx(pyhh.fi_curve(WANG_BUZSAKI, 1.5), rel=1e-6)  # 0.1 times 15 mV
    with pytest.warns(UserWarning, match="^the neuron has no stable"):
        assert pyhh.rheobase(SPONTANEOUS) == 0


def test_spikes_without_a_declared_threshold_are_50_mV_above_rest():
    neuron = pyhh.Neuron(**HODGKIN_HUXLEY.channels)
    message = "^under 1 of the currents V keeps swinging without crossing the threshold of 50.0003"
    with pytest.warns(UserWarning, match=message):
        pyhh.fi_curve(neuron, 90)
    with pytest.warns(UserWarning, match="^the neuron makes no spike at "):
        low = pyhh.rheobase(neuron, 1.0, threshold=2)
    assert low < pyhh.rheobase(neuron, 1.0)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"start": "model"},
            ValueError,
            "start must be 'rest' for a Neuron, which has no state of its own; got 'model'.",
        ),
        (
            {"method": "eular"},
            ValueError,
            "method must be one of adaptive, euler, exponential_euler, rk4; got 'eular'. Did you "
            "mean euler?",
        ),
    ],
)
def test_arguments_that_a_neuron_cannot_have_are_refused(arguments, kind, message):
    with raises(kind, message):
        pyhh.fi_curve(WANG_BUZSAKI, 1.0, **arguments)


# --- divergence and steps ------------------------------------------------------------------------


def test_currents_that_drive_V_out_of_the_tables_have_rate_nan():
    message = (
        "under 2 of 3 currents the neuron diverged, 100000 µA/cm² for one, and the rate is NaN. "
        "Use weaker currents, or check the parameters: a neuron's tables end at 300 mV."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        rates = pyhh.fi_curve(HODGKIN_HUXLEY, [1e5, -1e5, 10])
    np.testing.assert_array_equal(np.isnan(rates), [True, True, False])
    message = "^the neuron diverged before it fired, and the rheobase is NaN. Use weaker currents, "
    with pytest.warns(UserWarning, match=message):
        assert np.isnan(pyhh.rheobase(HODGKIN_HUXLEY, 1.0, threshold=299))


def test_a_step_too_large_for_a_neuron_warns():
    message = (
        "dt is 0.02 ms; steps of 0.011 ms or less are recommended for the rates of this neuron. "
        "Leave dt out, or use method='adaptive'."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        pyhh.rheobase(CONNOR_STEVENS, 1.0, dt=0.02, method="rk4")
    pyhh.rheobase(CONNOR_STEVENS, 1.0, dt=0.02)  # the distance of samples


# --- steady states -------------------------------------------------------------------------------


@pytest.mark.parametrize("V", [-80.1, -50.0, 20.3])
def test_steady_states_are_those_of_the_papers(V):
    warm = pyhh.neurons.hodgkin_huxley(temperature=16.3)  # its rates are shifted by -65 mV
    pairs = [PAPERS["connor_stevens"], (warm, hodgkin_huxley_paper(phi=3.0))]
    for neuron, (gates, _) in pairs:
        steady = pyhh.steady_state(neuron, V)
        assert list(steady) == list(neuron.gates)
        np.testing.assert_allclose(list(steady.values()), list(gates(V)), rtol=1e-11)


def test_steady_states_of_neurons_have_the_shape_of_V():
    V = np.array([[-70.0, -35.5], [0.0, 33.3]])
    steady = pyhh.steady_state(WANG_BUZSAKI, V)
    np.testing.assert_array_equal(steady["Na.m"].tau, np.zeros((2, 2)))  # instantaneous
    for i in np.ndindex(V.shape):
        one = pyhh.steady_state(WANG_BUZSAKI, V[i])
        for path, gate in one.items():
            assert (type(gate.inf), type(gate.tau)) == (float, float)
            assert gate == (steady[path].inf[i], steady[path].tau[i])
    with pytest.raises(ValueError, match=r"^V must be from -300 to 300 \(mV\); got 301.0"):
        pyhh.steady_state(WANG_BUZSAKI, 301)
    assert pyhh.steady_state(pyhh.Neuron(leak=pyhh.Channel(1, E=0)), 0) == {}


def test_step_that_suits_a_burster_is_not_that_of_potentials_it_never_reaches():
    # At its E_Ca, 134 mV at rest, the gate of H has a time constant of 1 µs.
    burster = prinz()
    assert step_for_neuron_cells(pyhh.Population.from_model(burster, 1)) > 0.002
    tau = burster.channels["H"].gates["m"].tau
    assert tau(134.0) < 0.01 * tau(50.0)

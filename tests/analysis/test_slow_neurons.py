"""Analysis of neurons that fire late, stutter or adapt, on the papers' equations in SciPy.

Units: mV, ms, µA/cm².
"""

import re

import numpy as np
import pytest
from declared_neurons import golomb
from neuron_papers import golomb as golomb_paper
from neuron_papers import spike_times
from neuron_papers import wang_buzsaki as wang_buzsaki_paper
from scipy.optimize import approx_fprime, brentq

import pyhh_fast as pyhh

GOLOMB = golomb()
WANG_BUZSAKI = pyhh.neurons.wang_buzsaki()
PASSIVE = GOLOMB.without("Na")


def growth_and_current(V):
    """Return the growth rate of Golomb's neuron in its equilibrium at V, and the current of it."""
    gates, current = golomb_paper()
    steady = np.array([V, *(inf for inf, _ in gates(V))])

    def change(y):
        V, *x = y
        return [
            -current(V, *x),
            *((inf - g) / tau for g, (inf, tau) in zip(x, gates(V), strict=True)),
        ]

    jacobian = approx_fprime(steady, change, 1e-6)
    return np.linalg.eigvals(jacobian).real.max(), current(*steady)


def test_rheobase_is_where_the_equilibrium_loses_its_stability():
    # Close to it spikes are later than the longest pulse of 500 ms shows, which gives 4.313.
    V = brentq(lambda V: growth_and_current(V)[0], -51, -49)
    onset = growth_and_current(V)[1]
    assert pyhh.rheobase(GOLOMB) == pytest.approx(onset, rel=1e-4)
    assert pyhh.rheobase(GOLOMB, 500) == pyhh.strength_duration(GOLOMB, 500) > 4


def test_rheobase_that_is_not_settled_is_told():
    message = (
        "the rheobase is not settled: pulses of more than 500 ms may make the neuron fire under "
        "less than 4.31298 µA/cm². Pass a longer duration."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        pyhh.rheobase(GOLOMB, dt=1e-5)  # so many steps that no longer pulse is tried
    assert caught[0].filename == __file__


@pytest.mark.parametrize("duration", [1.0, 10.0])
def test_thresholds_count_spikes_however_late(duration):
    found = pyhh.strength_duration(WANG_BUZSAKI, duration)
    assert pyhh.rheobase(WANG_BUZSAKI, duration) == found
    late, none = (
        spike_times(wang_buzsaki_paper(), WANG_BUZSAKI.rest, (part * found, 0, duration), 500)
        for part in (1 + 2e-6, 1 - 1e-4)
    )
    assert late[0] > duration + 50
    assert none.size == 0


def test_thresholds_that_a_given_wait_makes_too_large_are_told():
    message = (
        "after a pulse of 1 ms the neuron fires later than the wait of 20 ms under up to 2.3 % "
        "less current than was found; other currents may be too large as well. Pass no wait, or 80."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        found = pyhh.strength_duration(WANG_BUZSAKI, [1.0, 10.0], wait=20)
    assert caught[0].filename == __file__
    paper, rest = wang_buzsaki_paper(), WANG_BUZSAKI.rest
    for part, spikes in ((1 + 2e-6, 1), (1 - 2e-6, 0)):
        assert spike_times(paper, rest, (part * found[0], 0, 1.0), 21).size == spikes
    right = pyhh.strength_duration(WANG_BUZSAKI, 1.0, wait=80)
    assert 1 - right / found[0] == pytest.approx(0.023, abs=5e-4)


def test_thresholds_that_are_not_settled_are_told():
    message = (
        "the current for 1 ms is not settled: waits of more than 80 ms may make the neuron fire "
        "under less than 6.68673 µA/cm². Pass a longer wait."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        pyhh.strength_duration(
            WANG_BUZSAKI, [1.0], dt=1e-7
        )  # so many steps that no longer wait is tried


def test_rate_of_a_stuttering_neuron_is_that_of_whole_bursts():
    times = spike_times(golomb_paper(), GOLOMB.rest, (4.5, 0, 2500), 2500)
    burst = np.flatnonzero(np.diff(times) > 100)[-2:]
    expected = 1000 * np.diff(burst) / np.diff(times[burst])
    # At 1000 ms bursts are cut; those of the second half of 6000 ms are more than four.
    for duration in (1000, 6000):
        rate = pyhh.fi_curve(GOLOMB, 4.5, duration=duration)
        assert rate == pytest.approx(expected[0], rel=1e-4)


def test_rate_of_an_adapting_neuron_is_that_of_its_end():
    times = spike_times(golomb_paper(), GOLOMB.rest, (5.0, 0, 2500), 2500)
    expected = 1000 / np.diff(times)[-1]
    assert pyhh.fi_curve(GOLOMB, 5) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("model", [PASSIVE, pyhh.HHModel.at_rest(gNa=0)])
def test_passive_depolarisation_is_no_spike(model):
    kind = "neuron" if model is PASSIVE else "model"
    message = (
        rf"^the {kind} makes no spike at \S+ µA/cm² for 500 ms: V passes the threshold of \d+ mV, "
        r"but rises no more than 0\.\d+ mV above it under 0\.1 % more\. Check the channels, or "
        "pass a threshold that only spikes cross.$"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        pyhh.rheobase(model)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="^the .* makes no spike at .* for 1 ms: V passes"):
        pyhh.strength_duration(model, [1.0, 10.0])

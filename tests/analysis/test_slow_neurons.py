"""Analysis of neurons that fire late, stutter or adapt, on the papers' equations in SciPy.

Units: mV, ms, µA/cm².
"""

import re

import numpy as np
import pytest
from declared_neurons import golomb
from neuron_papers import golomb as golomb_paper
from neuron_papers import spike_times
from scipy.optimize import approx_fprime, brentq

import pyhh_fast as pyhh

GOLOMB = golomb()
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

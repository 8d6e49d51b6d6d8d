"""The point-conductance model (Destexhe, Rudolph, Fellous & Sejnowski 2001, Neuroscience 107, 13):
statistics of a passive membrane under two fluctuating conductances, against a NumPy twin.
"""

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import Channel, Neuron, stimuli

# In mS/cm², of an area of 34,636 µm²; mV; ms.
G_E, G_I, SD_E, SD_I = 1e5 / 34_636 * np.array([0.0121, 0.0573, 0.0030, 0.0066])
TAU_E, TAU_I, E_E, E_I = 2.728, 10.49, 0.0, -75.0
LEAK, E_LEAK = 0.045, -80.0

CELLS, STEPS, DT = 200, 20_000, 0.05
SETTLED = 2_000
"""Steps, 25 time constants of the membrane and ten of the slower conductance."""

BOUND = 5.0
"""Standard errors: one comparison in two million is beyond by chance."""


def stimulus(factor=1):
    excitation = stimuli.ornstein_uhlenbeck(G_E, factor * SD_E, TAU_E, seed=1)
    inhibition = stimuli.ornstein_uhlenbeck(G_I, factor * SD_I, TAU_I, seed=2)
    return stimuli.conductance(excitation, E_E) + stimuli.conductance(inhibition, E_I)


def twin(factor):
    """V and the conductances of all cells, (3, cells, steps), with NumPy's own random numbers."""
    draw = np.random.default_rng(3)
    mean, tau = np.array([[G_E], [G_I]]), np.array([[TAU_E], [TAU_I]])
    sd = factor * np.array([[SD_E], [SD_I]])
    decay = np.exp(-DT / tau)
    y = sd * draw.normal(size=(2, CELLS))
    V, found = np.full(CELLS, -65.0), np.empty((3, CELLS, STEPS))
    for i in range(STEPS):
        g = np.maximum(mean + y, 0)
        total = LEAK + g.sum(axis=0)
        steady = (LEAK * E_LEAK + g[0] * E_E + g[1] * E_I) / total
        V = steady + (V - steady) * np.exp(-DT * total)  # of a membrane of 1 µF/cm²
        found[:, :, i] = V, *g
        y = decay * y + sd * np.sqrt(1 - decay**2) * draw.normal(size=(2, CELLS))
    return found[:, :, SETTLED:]


@pytest.fixture(scope="module", params=[1, 4])
def both(request):
    membrane = Neuron(leak=Channel(LEAK, E=E_LEAK))
    cells = pyhh.Population.from_model(membrane, CELLS, start="steady", Vm=-65.0)
    options = {"method": "exponential_euler", "record": ["Vm"]}
    V = cells.run(stimulus(request.param), DT, duration=STEPS * DT, **options).Vm
    parts = stimulus(request.param).parts
    of_cells = [
        [part.of_cell(cell).to_arrays(STEPS, DT)[1] for cell in range(CELLS)] for part in parts
    ]
    return request.param, np.array([V, *of_cells])[:, :, SETTLED:], twin(request.param)


def standard_errors_apart(one, other):
    """How far means over independent cells are apart; `one` and `other` have a number for each."""
    error = np.hypot(one.std(ddof=1), other.std(ddof=1)) / np.sqrt(len(one))
    return abs(one.mean() - other.mean()) / error


def correlation(x, lag):
    """Autocovariance of each cell at a lag in steps, about the mean of all."""
    x = x - x.mean()
    return (x[:, :-lag] * x[:, lag:]).mean(axis=1)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["V", "g_e", "g_i"])
def test_means_deviations_and_correlations_are_those_of_the_twin(both, which):
    _, found, expected = (one if isinstance(one, int) else one[which] for one in both)
    assert standard_errors_apart(found.mean(axis=1), expected.mean(axis=1)) < BOUND
    assert standard_errors_apart(found.var(axis=1), expected.var(axis=1)) < BOUND
    for lag in (55, 210):  # a time constant of each conductance
        assert standard_errors_apart(correlation(found, lag), correlation(expected, lag)) < BOUND


def test_moments_are_those_of_theory(both):
    """That of effective time constants, at the published deviations, where g hardly fluctuates."""
    factor, (V, g_e, g_i), _ = both
    if factor > 1:
        pytest.skip("clipped, and far from linear")
    total = LEAK + G_E + G_I
    mean, tau = (LEAK * E_LEAK + G_E * E_E + G_I * E_I) / total, 1 / total
    parts = [
        (sd * (E - mean) / total) ** 2 * own / (own + tau)
        for sd, E, own in ((SD_E, E_E, TAU_E), (SD_I, E_I, TAU_I))
    ]
    assert V.mean() == pytest.approx(mean, abs=0.1)
    assert V.std() == pytest.approx(np.sqrt(sum(parts)), rel=0.03)
    for g, g_0, sd, own, lag in ((g_e, G_E, SD_E, TAU_E, 55), (g_i, G_I, SD_I, TAU_I, 210)):
        assert g.mean() == pytest.approx(g_0, rel=0.01)
        assert g.std() == pytest.approx(sd, rel=0.01)
        of_lag = correlation(g, lag).mean() / g.var()
        assert of_lag == pytest.approx(np.exp(-lag * DT / own), abs=0.01)

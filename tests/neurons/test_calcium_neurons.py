"""Published neurons with calcium: spikes and concentrations as published, and as SciPy has them."""

import calcium_papers as papers
import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import Channel, Nernst, Pool, neurons
from pyhh_fast.stimuli import step

LARGE = 1e5 / (np.pi * 96**2)  # a cylinder: µA/cm² for 1 nA

# Neuron, V at the start, amplitude of a step (µA/cm²) with its start and stop, duration.
LTS = (neurons.pospischil_lts, -84, (0.15 * LARGE, 400, 800), 800)
ERMENTROUT = (neurons.ermentrout, -67, (5.0, 20, 270), 300)
PRINZ = (neurons.prinz, -50, (0.0, 0, 0), 460)


def ib_with_calcium(E):
    """Return the bursting cell of Pospischil whose L current feeds a pool."""
    ib = neurons.pospischil_ib()
    L = Channel(ib.channels["L"].g, E=E, feeds="Ca", **ib.channels["L"].gates)
    return ib.without("L").with_channels(L=L, Ca=Pool(2.4e-4, 5, depth=1))


def ib_with_nernst_potential():
    return ib_with_calcium(Nernst("Ca", outside=2, celsius=36))


def l_current_alone():
    return ib_with_calcium(120.2547).without("Na", "K", "M")


IB = (ib_with_nernst_potential, -84, (0.15 * LARGE, 500, 1000), 1000)
L_ALONE = (l_current_alone, -84, (0.2 * LARGE, 300, 700), 500)

CASES = [
    (LTS, papers.pospischil(0.01, g_M=0.03, g_T=0.4)),
    (IB, papers.pospischil(0.01, g_M=0.03, g_L=0.17, E_L=None)),
    (ERMENTROUT, papers.ermentrout(rest=1e-8)),
    (PRINZ, papers.prinz(*papers.AB_PD_1)),
]
NAMES = [case[0].__name__ for case, _ in CASES]


def run(case, dt=0.1, **options):
    make, Vm, pulse, duration = case
    stimulus = step(*pulse) if pulse[1] < pulse[2] else 0.0
    simulation = pyhh.Simulation(make(), Vm=Vm)
    options = {"duration": duration, "method": "adaptive", "record": ["Ca"]} | options
    return simulation.run(stimulus, dt, **options)


def rising_times(recording, level):
    """Return when calcium rises through a level (mM), between rows on a straight line."""
    t, Ca = recording.times, recording["Ca"]
    before = np.flatnonzero((Ca[:-1] < level) & (Ca[1:] >= level))
    return t[before] + (level - Ca[before]) / (Ca[before + 1] - Ca[before]) * np.diff(t)[before]


def test_spikes_and_calcium_of_lts_are_those_computed_once():
    recording = run(LTS, dt=0.01)
    want = [431.420, 445.191, 517.327, 720.629]  # by SciPy's DOP853 at 1e-10
    np.testing.assert_allclose(recording.spike_times, want, rtol=0, atol=1e-3)
    np.testing.assert_allclose(rising_times(recording, 9e-4), [430.312, 443.507], rtol=0, atol=1e-3)


def test_spikes_and_calcium_of_lts_are_those_published():
    recording = run(LTS, dt=0.01)
    published = [431.423, 445.189, 517.237, 720.422]  # by NeuroML's tests, at a finite step
    np.testing.assert_allclose(recording.spike_times, published, rtol=0.004)
    np.testing.assert_allclose(rising_times(recording, 9e-4), [430.315, 443.502], rtol=0.004)


@pytest.mark.parametrize(
    ("make", "spikes"),
    [
        (neurons.pospischil_ib, 8),
        (lambda: ib_with_calcium(120.2547), 8),
        (ib_with_nernst_potential, 4),
    ],
)
def test_bursting_cell_fires_half_as_often_with_a_nernst_potential(make, spikes):
    assert run((make, *IB[1:]), record=[]).spike_times.size == spikes


def test_calcium_of_the_l_current_alone_is_that_computed_once():
    recording = run(L_ALONE, dt=0.01, record=["Vm", "Ca"], threshold=100.0)
    np.testing.assert_allclose(recording.spike_times, [435.194], rtol=0, atol=1e-3)
    for level, time in [(2.6e-4, 396.852), (1e-3, 413.552), (2e-3, 416.364)]:
        np.testing.assert_allclose(rising_times(recording, level), [time], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("case", "paper"), CASES, ids=NAMES)
def test_spikes_and_calcium_are_those_of_scipy(case, paper):
    want = papers.solve(paper, *case[1:], dense=True)
    assert want.spike_times.size >= 4
    spikes = run(case, record=[]).spike_times
    np.testing.assert_allclose(spikes, want.spike_times, rtol=0, atol=1e-3)
    precise = run(case, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(precise.spike_times, want.spike_times, rtol=0, atol=1e-5)
    np.testing.assert_allclose(precise["Ca"], want(precise.times)[-1], rtol=1e-6)


def test_prinz_bursts_as_often_as_its_equations():
    recording = run((neurons.prinz, -50, (0.0, 0, 0), 7500), dt=0.05)
    spikes = recording.spike_times
    first_of_bursts = spikes[1:][np.diff(spikes) > 200]
    np.testing.assert_allclose(np.diff(first_of_bursts)[-1], 1504.0315, rtol=0, atol=1e-2)
    of_last = spikes[(spikes >= first_of_bursts[-2]) & (spikes < first_of_bursts[-1])]
    assert of_last.size == 17
    cycle = recording["Ca"][recording.times > 5900]
    assert cycle.min() == pytest.approx(3.40954e-3, rel=1e-5)
    assert cycle.max() == pytest.approx(0.341746, rel=1e-5)


def test_least_rest_of_a_pool_hardly_delays_ermentrouts_spikes():
    want = papers.solve(papers.ermentrout(), *ERMENTROUT[1:]).spike_times
    np.testing.assert_allclose(run(ERMENTROUT, record=[]).spike_times, want, rtol=1e-5)


def test_ermentrout_adapts_by_its_calcium_alone():
    case = (neurons.ermentrout, -67, (5.0, 0, 500), 500)
    intervals = np.diff(run(case, record=[]).spike_times)
    assert intervals[0] == pytest.approx(8.6728, abs=1e-3)
    assert intervals[-1] == pytest.approx(13.7606, abs=1e-3)
    assert (np.diff(intervals) > -1e-6).all()
    steady = (lambda: neurons.ermentrout().replace({"AHP.g": 0}), *case[1:])
    intervals = np.diff(run(steady, record=[]).spike_times)
    assert np.ptp(intervals[1:]) < 0.01 * intervals[0]


@pytest.mark.parametrize("temperature", [30, 37.5])
def test_temperature_of_lts_is_that_of_its_rates_and_of_calcium(temperature):
    cool, warm = neurons.pospischil_lts(temperature), neurons.pospischil_lts()
    parameters = cool.parameters
    assert parameters["T.E.celsius"] == temperature
    for path, q10 in [("Na.m", 3), ("K.n", 3), ("M.p", 2.3), ("T.u", 3)]:
        ratio = cool.gates[path].speed / warm.gates[path].speed
        assert ratio == pytest.approx(q10 ** ((temperature - 36) / 10))
    assert cool.pools == warm.pools

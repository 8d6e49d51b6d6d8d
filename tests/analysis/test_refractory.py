"""refractory_period against runs of pairs of pulses.

Units: mV, ms, µA/cm². The equations are those of the papers, in neuron_papers, solved with SciPy.
"""

import re

import numpy as np
import pytest
from error_messages import raises
from neuron_papers import connor_stevens as connor_stevens_paper
from neuron_papers import hodgkin_huxley as hodgkin_huxley_paper
from neuron_papers import wang_buzsaki as wang_buzsaki_paper
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh
from pyhh_fast.analysis import refractory
from pyhh_fast.neurons import connor_stevens, traub_miles, wang_buzsaki

SQUID, WIDTH, WAIT = pyhh.HHModel.at_rest(), 0.5, 80.0
TWICE = 2 * 13.2801  # threshold of 0.5 ms
CASES = {  # neuron, equations, rest and threshold of those (mV), first pulse
    "squid": (SQUID, hodgkin_huxley_paper(-54.4), -64.9997, -15.0, TWICE),
    "wang_buzsaki": (wang_buzsaki(), wang_buzsaki_paper(), wang_buzsaki().rest, 0.0, 27.0),
    "connor_stevens": (connor_stevens(), connor_stevens_paper(), connor_stevens().rest, 0.0, 170.0),
}


def has_second_spike(case, interval, second, width=WIDTH, threshold=None, wait=WAIT):
    """Whether channels drive V further up above the threshold after the second pulse begins."""
    _, (gates, membrane), rest, usual, pulse = CASES[case]
    threshold = usual if threshold is None else threshold
    pieces = [(pulse, width), (0.0, interval - width), (second, width), (0.0, wait)]
    y = np.array([rest, *(inf for inf, _ in gates(rest))])
    inward = []
    for current, duration in pieces:

        def slope(t, y, current=current):
            V, *x = y.tolist()
            changes = [(inf - x) / tau for x, (inf, tau) in zip(x, gates(V), strict=True)]
            return [current - membrane(V, *x), *changes]

        times = np.linspace(0, duration, 4001)
        solution = solve_ivp(
            slope, (0, duration), y, method="DOP853", rtol=1e-10, atol=1e-10, t_eval=times
        )
        y = solution.y[:, -1]
        inward.append(any(V >= threshold and membrane(V, *x) < 0 for V, *x in solution.y.T))
    assert inward[0] or inward[1]
    return inward[2] or inward[3]


@pytest.mark.parametrize("ratio", [1.0, 3.0, 0.6])
@pytest.mark.parametrize("case", CASES)
def test_second_spikes_begin_there_by_the_papers_equations(case, ratio):
    neuron, _, _, _, pulse = CASES[case]
    second, width = ratio * pulse, 0.503  # not a whole number of steps
    found = pyhh.refractory_period(neuron, pulse, width=width, second=second)
    assert has_second_spike(case, found * (1 + 1e-4), second, width)
    assert not has_second_spike(case, found * (1 - 1e-4), second, width)


def test_pulses_fire_at_all_longer_intervals_though_also_at_some_shorter_ones():
    second = 1.01 * 13.2801
    found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, second=second)
    intervals = np.arange(5.0, 70.0, 0.5)
    stimulus = np.zeros((intervals.size, 10_000))
    stimulus[:, :50] = TWICE
    for row, interval in zip(stimulus, intervals, strict=True):
        begin = round(100 * interval)
        row[begin : begin + 50] = second
    population = pyhh.Population.at_rest(intervals.size)
    fires = population.run(stimulus, 0.01, method="rk4").spike_counts == 2
    np.testing.assert_array_equal(fires[intervals > found], True)
    last = intervals[~fires].max()
    assert last < found < last + 0.5
    assert fires[intervals < found - 5].any()


def test_a_pulse_that_only_lifts_V_across_the_threshold_causes_no_spike():
    second = 14 * 13.2801
    found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, second=second, threshold=20.0)
    stimulus = np.zeros(4000)
    stimulus[:50] = TWICE
    begin = round(100 * (found - 0.05))
    stimulus[begin : begin + 50] = second
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, 0.01, threshold=20.0)
    assert run.spike_times.size == 2  # V crosses it a second time
    assert not has_second_spike("squid", found - 0.05, second, threshold=-45.0)
    assert has_second_spike("squid", found + 0.05, second, threshold=-45.0)


def test_periods_fall_with_strength_and_have_its_shape():
    second = TWICE * np.array([[0.55, 1, 2], [4, 5, 0.49]])
    found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, second=second)
    assert found.shape == (2, 3)
    assert (np.diff(found.ravel()[:5]) < 0).all()
    assert found[1, 2] == np.inf
    one = pyhh.refractory_period(SQUID, TWICE, width=WIDTH)
    assert isinstance(one, float)
    assert one == found[0, 1]
    assert pyhh.refractory_period(SQUID, TWICE, second=[]).shape == (0,)


def test_refractory_periods_scale_with_the_speed_of_a_membrane():
    neuron = pyhh.neurons.hodgkin_huxley()
    gates = {f"{path}.speed": 2.0 for path in neuron.gates}
    fast = neuron.replace({"Cm": 0.5, **gates})
    slow = pyhh.refractory_period(neuron, 30.0, width=1.0)
    found = pyhh.refractory_period(fast, 30.0, width=0.5, wait=10.0)
    assert 2 * found == pytest.approx(slow, rel=1e-5)


@pytest.mark.parametrize("method", ["adaptive", "exponential_euler"])
def test_other_methods_and_threads(method):
    expected = pyhh.refractory_period(SQUID, TWICE, width=WIDTH)
    found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, method=method)
    assert found == pytest.approx(expected, rel=1e-4)
    one = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, method=method, threads=1)
    assert one == found


def test_the_distance_of_samples_changes_nothing():
    options = {"width": WIDTH, "method": "adaptive"}
    found, expected = (pyhh.refractory_period(SQUID, TWICE, dt=dt, **options) for dt in (1.0, None))
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_late_spike_counts_until_the_end_of_a_given_wait_which_is_told():
    message = (
        "with a wait of {} ms the refractory period for a second pulse of 26.5602 µA/cm² is {} ms, "
        "and {:.5g} where later spikes count; others may change as well. Pass no wait, or 80."
    )
    right = pyhh.refractory_period(SQUID, TWICE, width=WIDTH)
    with pytest.warns(UserWarning, match="^with a wait of") as caught:
        found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, wait=1)
    assert str(caught[0].message) == message.format(1, f"{found:.5g}", right)
    assert has_second_spike("squid", found * (1 + 1e-4), TWICE, wait=1)
    assert not has_second_spike("squid", found * (1 - 1e-4), TWICE, wait=1)
    with pytest.warns(UserWarning, match="^with a wait of") as caught:
        found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, wait=0)
    assert str(caught[0].message) == message.format(0, "inf", right)
    assert found == np.inf


def test_periods_that_are_not_settled_are_told(monkeypatch):
    monkeypatch.setattr(refractory, "LONGEST_WAIT", 100.0)
    message = (
        r"^the refractory period is not settled: waits of more than 80 ms may make it shorter than "
        r"3\.\d+ ms. Pass a longer wait.$"
    )
    with pytest.warns(UserWarning, match=message):
        pyhh.refractory_period(wang_buzsaki(), 27.0, width=WIDTH)


def test_periods_that_rise_again_with_strength_are_told():
    second = TWICE * np.array([16.0, 5.0, 8.0])
    message = (
        r"^the refractory period is (\S+) ms for a second pulse of 212.482 µA/cm², and (\S+) for "
        r"424.963: stronger pulses do not always make it shorter. Take for the absolute refractory "
        r"period not that of the strongest, but the least of all, (\S+) ms.$"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        found = pyhh.refractory_period(SQUID, TWICE, width=WIDTH, second=second, dt=0.002)
    shown = re.match(message, str(caught[0].message)).groups()
    assert shown == tuple(f"{period:.5g}" for period in (found[2], found[0], found[2]))
    for period, strength in zip(found, second, strict=True):
        assert has_second_spike("squid", period * (1 + 1e-4), strength)
        assert not has_second_spike("squid", period * (1 - 1e-4), strength)


def test_the_present_state_of_the_model_counts_only_if_it_is_the_start():
    model = pyhh.HHModel.at_rest()
    model.Vm += 3.0
    expected = pyhh.refractory_period(SQUID, 8.0)
    assert pyhh.refractory_period(model, 8.0) == expected
    assert pyhh.refractory_period(model, 8.0, start="model") != expected


def test_a_pulse_longer_than_the_period_is_told():
    message = (
        "the second pulse causes a spike as soon as the first ends, after 8 ms, so that the "
        "refractory period is shorter. Pass a smaller width."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        found = pyhh.refractory_period(SQUID, 20.0, width=8.0)
    assert found == 8.0


def test_pulses_that_make_the_neuron_diverge_have_period_nan():
    message = "^second pulses made the neuron diverge, and the period is NaN. Use "
    with pytest.warns(UserWarning, match=message):
        found = pyhh.refractory_period(wang_buzsaki(), 27.0, width=WIDTH, second=[1e4, 40])
    np.testing.assert_array_equal(np.isnan(found), [True, False])


def test_an_error_of_the_step_is_told():
    with pytest.warns(UserWarning, match="^the refractory period has an error of "):
        pyhh.refractory_period(wang_buzsaki(), 27.0, width=WIDTH, method="exponential_euler")


RULE = "pulse must be one that causes a single spike of the {}, which then rests (µA/cm²); got {}"


@pytest.mark.filterwarnings("ignore:the neuron has no stable rest")
@pytest.mark.parametrize(
    ("neuron", "pulse", "reason"),
    [
        (
            SQUID,
            5.0,
            "causes no spike. Pass a stronger one; strength_duration returns the smallest that is "
            "enough.",
        ),
        (
            SQUID,
            1000.0,
            "causes no spike. It carries V past the threshold, and the channels do not; pass a "
            "weaker one.",
        ),
        (
            traub_miles(),
            300.0,
            "causes more than one spike. Pass a weaker or shorter one, or a model that rests "
            "without it.",
        ),
        (
            wang_buzsaki(),
            1e4,
            "makes the neuron diverge. Use method='adaptive', whose steps follow the fastest rate.",
        ),
    ],
)
def test_first_pulses_that_do_not_cause_one_spike_are_refused(neuron, pulse, reason):
    kind = "model" if neuron is SQUID else "neuron"
    with raises(ValueError, RULE.format(kind, f"{pulse:g}, which for 0.5 ms {reason}")):
        pyhh.refractory_period(neuron, pulse, width=WIDTH)


def test_a_cell_that_does_not_rest_is_refused():
    # It fires without end, and of its spikes only the first rises so far.
    firing = pyhh.neurons.hodgkin_huxley(leak_reversal=-20.0)
    message = "leaves the neuron in motion. Only at rest does it recover.$"
    with (
        pytest.warns(UserWarning, match="^the neuron has no stable resting potential"),
        pytest.raises(ValueError, match=message),
    ):
        pyhh.refractory_period(firing, 60.0, width=WIDTH, threshold=30.7)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"pulse": "a"}, TypeError, "pulse must be a finite number (µA/cm²); got 'a' (str)."),
        ({"width": 0}, ValueError, "width must be a positive, finite number (ms); got 0."),
        ({"wait": -1}, ValueError, "wait must be a finite number, 0 or more (ms); got -1."),
        ({"wait": 1e9}, ValueError, "wait must be at most 4000000 steps of 0.01 (ms); got 1e+09."),
        (
            {"second": [np.nan]},
            ValueError,
            "second must be a finite number or an array of them (µA/cm²); got nan at index 0. "
            "Replace or remove it.",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, kind, message):
    with raises(kind, message):
        pyhh.refractory_period(SQUID, **{"pulse": 20.0, **arguments})

"""What each stimulus is, against slow twins, exact formulas and the statistics of its process."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats
from test_noise import filled, uniform, words

from pyhh_fast import _stimuli, stimuli

DT = 0.01


@given(
    time=st.decimals(0, 100_000, places=3), dt=st.sampled_from(["0.01", "0.025", "0.1", "0.007"])
)
@example(time=Decimal(70), dt="0.01")
@example(time=Decimal("0.3"), dt="0.1")
@example(time=Decimal("9000000.051"), dt="0.003")  # the quotient is rounded up by 5e-7
def test_a_border_is_the_first_step_at_or_after_it(time, dt):
    exact = math.ceil(Fraction(time) / Fraction(dt))
    assert _stimuli.border(float(time), float(dt)) == exact


def test_borders_far_out():
    borders = [_stimuli.border(time, 0.01) for time in (-1e300, -0.01, -1e-300, 0, 1e300, 1e308)]
    assert borders == [0, 0, 0, 0, _stimuli.NEVER, _stimuli.NEVER]
    far = stimuli.pulses(1, 1, 1.7e308, 1.7e308).to_array(99, 1e9)
    np.testing.assert_array_equal(far, 0.0)
    # Where i dt overflows.
    reader = stimuli.pulses(1, 1e300, 1.7e308).reader(1.7e308, {"step": 2**48 - 99})
    np.testing.assert_array_equal(reader.read(99), 0.0)
    assert [_stimuli.border(70 + apart, 0.01) for apart in (-1e-13, 1e-13, 1e-9)] == [
        *(7_000, 7_000, 7_001)
    ]


def test_steps():
    for start, stop in ((70, 130), (-5, 0.3), (0.3, 0.3), (-9, -1), (0.005, 0.015), (190, 500)):
        exact = [-(-round(t * 1000) // 10) for t in (start, stop)]
        i = np.arange(20_000)
        expected = np.where((exact[0] <= i) & (i < exact[1]), 50.0, 0.0)
        np.testing.assert_array_equal(stimuli.step(50, start, stop).to_array(20_000, DT), expected)


places = st.integers(1, 300).map(lambda n: Decimal(n) / 1_000)


@given(
    width=places,
    gap=st.just(Decimal(0)) | places,
    start=places,
    count=st.none() | st.integers(0, 40),
    dt=st.sampled_from(["0.01", "0.025", "0.003"]),
    skip=st.integers(0, 500),
)
def test_pulses_are_those_that_all_steps_are_asked_for(width, gap, start, count, dt, skip):
    dt = min(Decimal(dt), width + gap)
    parameters = [float(x) for x in (width, width + gap, start)]
    reader = stimuli.pulses(7, *parameters, count).reader(float(dt))
    reader.read(skip)
    got = reader.read(500)
    for i, value in enumerate(got, skip):
        t = i * dt - start
        k = t // (width + gap)
        inside = t >= 0 and (count is None or k < count) and t - k * (width + gap) < width
        assert value == (7 if inside else 0), i


def test_ramps():
    i = np.arange(3_000)
    for start, stop in ((2.005, 17), (0, 0.01), (3, 3), (-5, 5), (-3, -1), (20, 90)):
        expected = np.interp(i * DT, [start, stop], [-1, 30])
        if start == stop:
            expected = np.where(i < 300, -1.0, 30.0)
        got = stimuli.ramp(-1, 30, start, stop).to_array(3_000, DT)
        np.testing.assert_allclose(got, expected, atol=1e-12)
    starts = [float(k * Decimal("0.013")) for k in range(500)]  # some are above k * 0.013
    at_start = [stimuli.ramp(0, 1, t, t + 1).to_array(500, 0.013)[k] for k, t in enumerate(starts)]
    assert 0 == min(at_start) <= max(at_start) < 1e-12
    np.testing.assert_array_equal(stimuli.ramp(0.1, 0.1, 1, 9).to_array(2_000, DT), 0.1)


@pytest.mark.parametrize(("frequency", "phase"), [(10, 0), (123.456, 1), (0, -2), (7e4, 100.0)])
@pytest.mark.parametrize("first", [0, 10**6, 10**10])
def test_sines(frequency, phase, first):
    got = stimuli.sine(3, frequency, phase).reader(DT, {"step": first}).read(1_000)
    cycles = [
        Fraction(frequency) * i * Fraction(DT) / 1000 % 1 for i in range(first, first + 1_000)
    ]
    expected = [3 * math.sin(2 * math.pi * float(c) + phase) for c in cycles]
    many = frequency * (first + 1_000) * DT / 1e3
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 + 3 * 4e-16 * 2 * np.pi * many)


def test_sines_are_finite_whatever_the_frequency():
    for frequency, dt in ((1e308, 1e300), (1e308, 1.0), (1e15, 0.7)):
        assert (abs(stimuli.sine(1, frequency, 1e300).to_array(99, dt)) <= 1).all()


@pytest.mark.parametrize(("first", "last"), [(2, 300), (250, 0), (30, 30)])
def test_chirps(first, last):
    duration = 1_234.567
    i = np.arange(300_000)
    t = i * DT
    slope = (last - first) / duration
    cycles = np.where(
        t < duration,
        first * t + slope * t**2 / 2,
        (first + last) * duration / 2 + last * (t - duration),
    )
    got = stimuli.chirp(4, first, last, duration).to_array(len(i), DT)
    np.testing.assert_allclose(got, 4 * np.sin(2 * np.pi * cycles / 1e3), atol=1e-10)


def test_noise_is_that_of_the_formula():
    mean, sd, tau, seed = 10, 2, 5, 12345
    below, above = uniform(words(seed, _stimuli.ORNSTEIN_UHLENBECK, 0, 3_000))
    normals = np.where(below < 0.5, special.ndtri(below), -special.ndtri(above))
    for dt in (0.01, 5.0, 15.0, 400.0):
        decay, x = math.exp(-dt / tau), mean + sd * normals[0]
        expected = [x]
        for normal in normals[1:]:
            x = mean + (x - mean) * decay + sd * math.sqrt(-math.expm1(-2 * dt / tau)) * normal
            expected.append(x)
        got = stimuli.ornstein_uhlenbeck(mean, sd, tau, seed).to_array(3_000, dt)
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_noise_has_the_statistics_of_the_process():
    # Of n values that are e^(-1/50) correlated, n / 100 are as good as independent.
    noise = stimuli.ornstein_uhlenbeck(10, 2, 5, 7).to_array(4_000_000, 0.1) - 10
    independent = len(noise) * 0.1 / (2 * 5)
    assert abs(noise.mean()) < 4 * 2 / math.sqrt(independent)
    assert abs(noise.var() / 4 - 1) < 4 * math.sqrt(2 / (2 * independent))
    for lag in (1, 50, 150):
        correlation = (noise[lag:] * noise[:-lag]).mean() / 4
        assert abs(correlation - math.exp(-lag * 0.1 / 5)) < 4 * math.sqrt(2 / independent)
    assert stats.kstest(noise[::1_000] / 2, "norm").pvalue > 0.01


def test_noise_begins_stationary():
    first = [stimuli.ornstein_uhlenbeck(0, 3, 5, seed).to_array(1, DT)[0] for seed in range(2_000)]
    assert stats.kstest(np.array(first) / 3, "norm").pvalue > 0.01


def test_noise_far_out_is_that_of_its_step():
    stimulus = stimuli.ornstein_uhlenbeck(0, 1, 1e-9, 5)  # every value is a normal number
    got = stimulus.reader(DT, {"step": 10**12 + 1, "deviation": 9.0}).read(999)
    word = words(5, _stimuli.ORNSTEIN_UHLENBECK, 10**12 + 1, 999)
    np.testing.assert_array_equal(got, filled(_stimuli.normals, word))
    np.testing.assert_array_equal(stimuli.ornstein_uhlenbeck(3, 0, 5, 1).to_array(9, DT), 3.0)


def event_times(rate, seed, count):
    """In ms, from the words themselves."""
    u, _ = uniform(words(seed, _stimuli.POISSON_EPSC, 0, count))
    return np.cumsum(-np.log(u)) * 1e3 / rate


@pytest.mark.parametrize(
    ("rate", "dt", "steps"),
    [(1_000, 0.01, 3_000), (50, 0.025, 20_000), (300_000, 0.01, 3_000), (40, 90.0, 3_000)],
)
def test_synaptic_currents_are_the_sum_of_all_events(rate, dt, steps):
    amplitude, tau = -1.5, 3.0
    got = stimuli.poisson_epsc(rate, amplitude, tau, 11).to_array(steps, dt)
    times = event_times(rate, 11, 10 + int(2 * rate * steps * dt / 1e3))
    expected, current, t_before, k = [], 0.0, 0.0, 0
    for i in range(steps):
        t = i * dt
        current *= math.exp(-(t - t_before) / tau)
        while times[k] <= t:
            current += amplitude * math.exp(-(t - times[k]) / tau)
            k += 1
        expected.append(current)
        t_before = t
    assert k > 19
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)


def test_synaptic_currents_have_the_statistics_of_shot_noise():
    rate, amplitude, tau, dt = 2_000.0, 2.0, 5.0, 0.1
    currents = stimuli.poisson_epsc(rate, amplitude, tau, 4).to_array(4_000_000, dt)
    assert currents[0] == 0
    steady = currents[1_000:]
    mean, variance = rate / 1e3 * amplitude * tau, rate / 1e3 * amplitude**2 * tau / 2
    independent = len(steady) * dt / (2 * tau)
    assert abs(steady.mean() - mean) < 4 * math.sqrt(variance / independent)
    # The fourth cumulant of shot noise, rate amplitude⁴ tau / 4, widens the error of the variance.
    kurtosis = rate / 1e3 * amplitude**4 * tau / 4 / variance**2
    assert abs(steady.var() / variance - 1) < 4 * math.sqrt((2 + kurtosis) / independent)


def test_the_number_of_events_is_poisson():
    reader = stimuli.poisson_epsc(1_000, 1, 5, 8).reader(DT)
    drawn = []
    for _ in range(2_000):
        reader.read(500)
        drawn.append(reader.state["event"])
    counts = np.diff(drawn)
    assert abs(counts.mean() - 5) < 4 * math.sqrt(5 / len(counts))
    assert abs(counts.var() / 5 - 1) < 4 * math.sqrt(2 / len(counts))
    expected = stats.poisson(5).pmf(np.arange(2, 9)) * len(counts)
    observed = np.array([(counts == n).sum() for n in range(2, 9)])
    assert (abs(observed - expected) < 4 * np.sqrt(expected)).all()


def test_event_times_do_not_depend_on_the_step_size():
    fine = stimuli.poisson_epsc(100, 1, 5, 8).to_array(80_001, 0.0125)
    coarse = stimuli.poisson_epsc(100, 1, 5, 8).to_array(10_001, 0.1)
    np.testing.assert_allclose(fine[::8], coarse, rtol=1e-11, atol=1e-13)


def test_events_far_out_lose_no_precision():
    near = {"step": 5, "current": 1.0, "next_step": 7, "lead": 0.25, "event": 3}
    far = near | {"step": 10**14 + 5, "next_step": 10**14 + 7}
    stimulus = stimuli.poisson_epsc(9_000, 1, 3, 1)
    np.testing.assert_array_equal(
        stimulus.reader(DT, far).read(999), stimulus.reader(DT, near).read(999)
    )


def test_no_events_and_currents_that_have_faded():
    np.testing.assert_array_equal(stimuli.poisson_epsc(0, 1, 5, 1).to_array(99, DT), 0.0)
    np.testing.assert_array_equal(stimuli.poisson_epsc(1e-300, 1, 5, 1).to_array(99, DT), 0.0)
    state = {"step": 9, "current": 1.0, "next_step": _stimuli.NEVER, "lead": 0.0, "event": 1}
    currents = stimuli.poisson_epsc(1, 1, 5, 1).reader(0.1, state).read(60_000)
    assert not (abs(currents[currents != 0]) < 1e-291).any()  # no subnormal numbers
    assert currents[-1] == 0


def test_many_events_leave_room_for_an_interrupt(monkeypatch):
    stimulus = stimuli.poisson_epsc(1e6, -0.1, 0.02, 3)
    whole = stimulus.to_array(500, DT)
    monkeypatch.setattr("pyhh_fast.stimulus_kinds.EVENTS_AT_ONCE", 3)
    np.testing.assert_array_equal(stimulus.to_array(500, DT), whole)

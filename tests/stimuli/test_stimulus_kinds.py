"""Values of each stimulus against exact formulas and the statistics of its process."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from random_words import filled, uniform, words
from scipy import special, stats

import pyhh_fast as pyhh
from pyhh_fast import _stimuli, stimuli

DT = 0.01


def mean_of_rectangle(i, dt, start, stop):
    """The part of step i from start to stop, exactly."""
    begin, end = max(i * dt, start), min((i + 1) * dt, stop)
    return max(end - begin, 0) / dt


@given(
    time=st.decimals(0, 100_000, places=3), dt=st.sampled_from(["0.01", "0.025", "0.1", "0.007"])
)
@example(time=Decimal(70), dt="0.01")
@example(time=Decimal("0.3"), dt="0.1")
@example(time=Decimal("9000000.051"), dt="0.003")  # the quotient is rounded up by 5e-7
def test_edges_are_exact_up_to_rounding(time, dt):
    exact = Fraction(time) / Fraction(dt)
    step, part = _stimuli.edge(float(time), float(dt))
    assert step == math.floor(exact)
    assert part == pytest.approx(float(exact - step), abs=1e-5)
    assert (part == 0) == (exact == step)


def test_edges_at_extreme_times():
    edges = [_stimuli.edge(time, 0.01) for time in (-1e300, -0.01, -1e-300, 0, 1e300, 1e308)]
    assert edges == [(0, 0)] * 4 + [(_stimuli.NEVER, 0)] * 2
    far = stimuli.pulses(1, 1, 1.7e308, 1.7e308).to_array(99, 1e9)
    np.testing.assert_array_equal(far, 0.0)
    # Where i dt overflows.
    reader = stimuli.pulses(1, 1e300, 1.7e308).reader(1.7e308, {"step": 2**48 - 99})
    np.testing.assert_array_equal(reader.read(99), 0.0)
    assert [_stimuli.edge(70 + apart, 0.01)[0] for apart in (-1e-13, 1e-13, -1e-9)] == [
        *(7_000, 7_000, 6_999)
    ]


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("70", "130"),
        ("-5", "0.3"),
        ("0.3", "0.3"),
        ("-9", "-1"),
        ("0.005", "0.015"),
        ("0.002", "0.009"),
        ("0.123", "0.1241"),
        ("190", "500"),
        ("70.0071", "130.0029"),
    ],
)
def test_steps_are_averaged_over_each_sample(start, stop):
    first, last, dt = Fraction(start), Fraction(stop), Fraction("0.01")
    expected = [float(50 * mean_of_rectangle(i, dt, first, last)) for i in range(20_000)]
    got = stimuli.step(50, float(start), float(stop)).to_array(20_000, DT)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    whole = np.isin(expected, [0.0, 50.0])
    np.testing.assert_array_equal(got[whole], np.array(expected)[whole])


places = st.integers(1, 300).map(lambda n: Decimal(n) / 1_000)


@given(
    width=places,
    gap=st.just(Decimal(0)) | places,
    start=places,
    count=st.none() | st.integers(0, 40),
    dt=st.sampled_from(["0.01", "0.025", "0.003", "0.1", "1"]),
    skip=st.integers(0, 500),
)
@example(Decimal("0.001"), Decimal("0.001"), Decimal("0.0305"), 40, "1", 0)
def test_pulses_are_averaged_over_each_sample(width, gap, start, count, dt, skip):
    width, period, begin, dt = (Fraction(x) for x in (width, width + gap, start, dt))
    parameters = [float(x) for x in (width, period, begin)]
    reader = stimuli.pulses(7, *parameters, count).reader(float(dt))
    reader.read(skip)
    got = reader.read(100)
    for i, value in enumerate(got, skip):
        first = max(math.floor((i * dt - begin) / period), 0)
        last = math.floor(((i + 1) * dt - begin) / period)
        last = last if count is None else min(last, count - 1)
        exact = sum(
            mean_of_rectangle(i, dt, begin + k * period, begin + k * period + width)
            for k in range(first, last + 1)
        )
        assert value == pytest.approx(float(7 * exact), abs=1e-9), i
        if exact in (0, 1) and period >= dt:
            assert value == 7 * exact, i


def test_many_pulses_per_sample_far_from_the_start():
    # 1/4 of every 0.0001 ms, 10⁴ of them a step, an hour on
    reader = stimuli.pulses(8, 0.000025, 0.0001).reader(1.0, {"step": 3_600_000})
    np.testing.assert_allclose(reader.read(100), 2.0, rtol=1e-4)
    np.testing.assert_allclose(stimuli.pulses(8, 1e-300, 4e-300).to_array(9, 1.0), 2.0)


def exact_ramp_mean(i, dt, first, last, start, stop):
    """The mean of the straight line over step i, from its integral up to each end of the step."""

    def integral(t):
        slope = min(max(t, start), stop) - start
        rising = slope * slope / (2 * (stop - start)) if stop > start else 0
        return first * t + (last - first) * (rising + max(t - stop, 0))

    return (integral((i + 1) * dt) - integral(i * dt)) / dt


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("2.005", "17"),
        ("0", "0.01"),
        ("3", "3"),
        ("3.0042", "3.0042"),
        ("3.001", "3.008"),
        ("3", "3.008"),
        ("-5", "5"),
        ("-0.001", "0.003"),
        ("-3", "-1"),
        ("20", "90"),
        ("0.0033", "0.0155"),
    ],
)
def test_ramps_are_averaged_over_each_sample(start, stop):
    values = Fraction(-1), Fraction(30), Fraction(start), Fraction(stop)
    expected = [float(exact_ramp_mean(i, Fraction("0.01"), *values)) for i in range(3_000)]
    got = stimuli.ramp(-1, 30, float(start), float(stop)).to_array(3_000, DT)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)


def test_ramp_between_equal_values_is_constant():
    np.testing.assert_array_equal(stimuli.ramp(0.1, 0.1, 1, 9).to_array(2_000, DT), 0.1)


@pytest.mark.parametrize(("frequency", "phase"), [(10, 0), (123.456, 1), (0, -2), (7e4, 100.0)])
@pytest.mark.parametrize("first", [0, 10**6, 10**10])
def test_sines_match_the_formula(frequency, phase, first):
    got = stimuli.sine(3, frequency, phase).reader(DT, {"step": first}).read(1_000)
    middles = [(i + Fraction(1, 2)) * Fraction(DT) for i in range(first, first + 1_000)]
    cycles = [Fraction(frequency) * t / 1000 % 1 for t in middles]
    expected = [3 * math.sin(2 * math.pi * float(c) + phase) for c in cycles]
    many = frequency * (first + 1_000) * DT / 1e3
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 + 3 * 4e-16 * 2 * np.pi * many)


def test_sines_of_extreme_frequencies_are_finite():
    for frequency, dt in ((1e308, 1e300), (1e308, 1.0), (1e15, 0.7)):
        assert (abs(stimuli.sine(1, frequency, 1e300).to_array(99, dt)) <= 1).all()


@pytest.mark.parametrize(("first", "last"), [(2, 300), (250, 0), (30, 30)])
def test_chirps_match_the_formula(first, last):
    duration = 1_234.567
    i = np.arange(300_000)
    t = (i + 0.5) * DT
    slope = (last - first) / duration
    cycles = np.where(
        t < duration,
        first * t + slope * t**2 / 2,
        (first + last) * duration / 2 + last * (t - duration),
    )
    got = stimuli.chirp(4, first, last, duration).to_array(len(i), DT)
    np.testing.assert_allclose(got, 4 * np.sin(2 * np.pi * cycles / 1e3), atol=1e-10)


def test_noise_matches_the_exact_update_formula():
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


def test_noise_at_a_far_step_uses_the_words_of_that_step():
    stimulus = stimuli.ornstein_uhlenbeck(0, 1, 1e-9, 5)  # every value is a normal number
    got = stimulus.reader(DT, {"step": 10**12 + 1, "deviation": 9.0}).read(999)
    word = words(5, _stimuli.ORNSTEIN_UHLENBECK, 10**12 + 1, 999)
    np.testing.assert_array_equal(got, filled(_stimuli.normals, word))
    np.testing.assert_array_equal(stimuli.ornstein_uhlenbeck(3, 0, 5, 1).to_array(9, DT), 3.0)


@pytest.mark.parametrize("cell", [0, 9])
def test_white_noise_is_the_normal_number_of_each_step(cell):
    found = np.empty(1_500, np.uint64)
    _stimuli.words(3, _stimuli.WHITE_NOISE, 0, found, cell)
    normals = filled(_stimuli.normals, found)
    noise = stimuli.white_noise(2, seed=3, cell=cell)
    np.testing.assert_array_equal(noise.to_array(1_500, 0.25), 2 * normals)
    np.testing.assert_array_equal(
        stimuli.white_noise(2, 3).of_cell(cell).to_array(9, 0.1), 2 * normals[:9]
    )
    continuous = stimuli.white_noise(2, 3, per="sqrt_ms", cell=cell)
    np.testing.assert_allclose(continuous.to_array(1_500, 0.25), 4 * normals, rtol=1e-15)
    np.testing.assert_array_equal(noise.reader_at(0.25, 1_000).read(500), 2 * normals[1_000:])


def test_variance_of_V_under_white_noise_per_sqrt_ms_does_not_depend_on_dt():
    # A leak alone filters it: the variance of V is sd² / (2 g C).
    leak = pyhh.Neuron(Cm=1, leak=pyhh.Channel(0.5, E=0), threshold=1e3)
    noise = stimuli.white_noise(3, seed=5, per="sqrt_ms")
    for dt in (0.01, 0.05):
        cells = pyhh.Population.from_model(leak, 4_000)
        V = cells.run(noise, dt, duration=15, method="exponential_euler").final_state["Vm"]
        # The variance of 4,000 independent normal numbers has a deviation of 2.2 %.
        assert V.var() == pytest.approx(9 / (2 * 0.5), rel=0.09)


def test_cells_have_streams_of_their_own():
    for noise in (
        stimuli.ornstein_uhlenbeck(1, 2, 5, seed=1),
        stimuli.white_noise(2, seed=1),
        stimuli.poisson_epsc(900, 2, 5, seed=1),
    ):
        assert noise.differs_by_cell
        assert noise.of_cell(0) == noise
        assert repr(noise.of_cell(2)).endswith("cell=2)")
        assert stimuli.from_description(noise.of_cell(2).description()) == noise.of_cell(2)
        assert "cell" not in noise.description()
        streams = [noise.of_cell(cell).to_array(2_000, 1.0) for cell in range(3)]
        assert np.abs(np.corrcoef(streams) - np.eye(3)).max() < 0.3
    assert not stimuli.step(1, 2, 3).differs_by_cell


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
    # The charge of an event up to t is amplitude tau (1 - e^-((t - t_k) / tau)); what has flowed of
    # all up to the beginning of a step, and what is left of it, come from the step before.
    expected, current, k = [], 0.0, 0
    for i in range(steps):
        charge = -current * tau * math.expm1(-dt / tau)
        current *= math.exp(-dt / tau)
        while times[k] <= (i + 1) * dt:
            age = ((i + 1) * dt - times[k]) / tau
            charge -= amplitude * tau * math.expm1(-age)
            current += amplitude * math.exp(-age)
            k += 1
        expected.append(charge / dt)
    assert k > 19
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)


def peak_time(tau, rise):
    """Over tau, of e^(-t/tau) - e^(-t/rise): where its derivative is 0."""
    return 1.0 if rise == tau else math.log(tau / rise) * rise / (tau - rise)


def charge(age, tau, rise):
    """Of a current of peak 1 up to an age: the published alpha and dual exponential functions."""
    if rise == tau:
        return math.e * (tau - (tau + age) * np.exp(-age / tau))

    def dual(t, a, b):
        return a * np.exp(-t / tau) - b * np.exp(-t / rise)

    peak = dual(tau * peak_time(tau, rise), 1, 1)
    return (tau - rise - dual(age, tau, rise)) / peak


@pytest.mark.parametrize("tau", [0.004, 3.0])
@pytest.mark.parametrize("part", [1e-3, 0.25, 0.8, 1.0])
@pytest.mark.parametrize(("rate", "dt", "steps"), [(3_000, 0.01, 2_000), (200, 2.5, 200)])
def test_rising_synaptic_currents_are_the_sum_of_all_events(tau, part, rate, dt, steps):
    amplitude, rise = -1.5, tau * part
    got = stimuli.poisson_epsc(rate, amplitude, tau, 11, rise).to_array(steps, dt)
    times = event_times(rate, 11, 10 + int(2 * rate * steps * dt / 1e3) + 40)
    edges = np.arange(steps + 1)[:, np.newaxis] * dt
    charges = charge(np.maximum(edges - times[times < steps * dt], 0), tau, rise)
    expected = amplitude * np.diff(charges.sum(axis=1)) / dt
    assert charges.shape[1] > 19
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-10)


@given(st.floats(1, 1e3), st.floats(-18, -2))
def test_rises_close_to_the_decay_lose_no_precision(tau, power):
    alpha = stimuli.poisson_epsc(9_000, 1, tau, 3, tau).to_array(200, 0.1)
    near = 10**power
    close = stimuli.poisson_epsc(9_000, 1, tau, 3, tau * (1 - near)).to_array(200, 0.1)
    np.testing.assert_allclose(close, alpha, rtol=30 * near + 1e-13, atol=0)


@pytest.mark.parametrize("rise", [1e-320, 1e-200, 1e-20])
def test_the_shortest_rises_are_none(rise):
    got = stimuli.poisson_epsc(9_000, 1, 3, 3, rise).to_array(200, 0.1)
    np.testing.assert_allclose(got, stimuli.poisson_epsc(9_000, 1, 3, 3).to_array(200, 0.1), 1e-12)
    shortest = stimuli.poisson_epsc(9_000, 1, 1e-310, 3, 1e-320).to_array(200, 0.1)
    assert (abs(shortest) < 1e-140).all()


@pytest.mark.parametrize("rise", [0.5, 5.0])
def test_rising_synaptic_currents_have_the_statistics_of_shot_noise(rise):
    rate, amplitude, tau, dt = 2_000.0, 2.0, 5.0, 0.1
    currents = stimuli.poisson_epsc(rate, amplitude, tau, 4, rise).to_array(4_000_000, dt)
    growth = amplitude * math.exp(peak_time(tau, rise))
    mean = rate / 1e3 * growth * tau
    variance = rate / 1e3 * growth**2 * tau**2 / (2 * (tau + rise))
    independent = 4e5 / (2 * (tau + rise))
    assert abs(currents[1_000:].mean() - mean) < 4 * math.sqrt(variance / independent)
    assert abs(currents[1_000:].var() / variance - 1) < 4 * math.sqrt(3 / independent)


def test_the_charge_of_synaptic_currents_does_not_depend_on_the_step_size():
    fine = stimuli.poisson_epsc(100, 1, 5, 8).to_array(80_000, 0.0125)
    coarse = stimuli.poisson_epsc(100, 1, 5, 8).to_array(10_000, 0.1)
    means = fine.reshape(10_000, 8).mean(axis=1)
    np.testing.assert_allclose(means, coarse, rtol=1e-10, atol=1e-13)


def test_synaptic_currents_have_the_statistics_of_shot_noise():
    rate, amplitude, tau, dt = 2_000.0, 2.0, 5.0, 0.1
    currents = stimuli.poisson_epsc(rate, amplitude, tau, 4).to_array(4_000_000, dt)
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


def test_events_far_out_lose_no_precision():
    near = {"step": 5, "current": 1.0, "next_step": 7, "lead": 0.25, "event": 3}
    far = near | {"step": 10**14 + 5, "next_step": 10**14 + 7}
    stimulus = stimuli.poisson_epsc(9_000, 1, 3, 1)
    np.testing.assert_array_equal(
        stimulus.reader(DT, far).read(999), stimulus.reader(DT, near).read(999)
    )


def test_no_events_and_decayed_currents_are_zero():
    state = {"step": 9, "current": 1.0, "next_step": _stimuli.NEVER, "lead": 0.0, "event": 1}
    rising = stimuli.poisson_epsc(1, 1, 5, 1, 4).reader(0.1, state | {"rising": 1.0}).read(60_000)
    assert not (abs(rising[rising != 0]) < 1e-291).any()
    assert rising[-1] == 0
    np.testing.assert_array_equal(stimuli.poisson_epsc(0, 1, 5, 1).to_array(99, DT), 0.0)
    np.testing.assert_array_equal(stimuli.poisson_epsc(1e-300, 1, 5, 1).to_array(99, DT), 0.0)
    state = {"step": 9, "current": 1.0, "next_step": _stimuli.NEVER, "lead": 0.0, "event": 1}
    currents = stimuli.poisson_epsc(1, 1, 5, 1).reader(0.1, state).read(60_000)
    assert not (abs(currents[currents != 0]) < 1e-291).any()  # no subnormal numbers
    assert currents[-1] == 0


def test_many_events_are_summed_in_parts(monkeypatch):
    stimulus = stimuli.poisson_epsc(1e6, -0.1, 0.02, 3)
    whole = stimulus.to_array(500, DT)
    monkeypatch.setattr("pyhh_fast.stimuli.noise.EVENTS_AT_ONCE", 3)
    np.testing.assert_array_equal(stimulus.to_array(500, DT), whole)

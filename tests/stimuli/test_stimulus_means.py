"""Each value of a stimulus is its mean over the step, but for the error of the midpoint rule."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyhh_fast import stimuli

STEPS = 40

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def mean_over(current, begin, end, breaks):
    """Return the mean of a function from begin to end, which is smooth between its breaks."""
    inside = sorted(time for time in breaks if begin < time < end)
    total = 0.0
    for low, high in zip([begin, *inside], [*inside, end], strict=True):
        at = (low + high) / 2 + (high - low) / 2 * NODES
        total += (high - low) / 2 * float(WEIGHTS @ current(at))
    return total / (end - begin)


def sine(amplitude, frequency, phase):
    w = 2 * math.pi * frequency / 1e3
    formula = lambda t: amplitude * np.sin(w * t + phase)  # noqa: E731
    kind = stimuli.sine(amplitude, frequency, phase)
    return kind, formula, [], abs(amplitude) * w**2, abs(amplitude) * max(w, 1)


def chirp(amplitude, first, last, duration):
    f1, f2 = first / 1e3, last / 1e3

    def formula(t):
        moving = f1 * t + (f2 - f1) * t**2 / (2 * duration)
        steady = (f1 - f2) * duration / 2 + f2 * t
        return amplitude * np.sin(2 * np.pi * np.where(t < duration, moving, steady))

    w = 2 * math.pi * max(f1, f2)
    curvature = abs(amplitude) * (w**2 + 2 * math.pi * abs(f2 - f1) / duration)
    kind = stimuli.chirp(amplitude, first, last, duration)
    return kind, formula, [duration], curvature, abs(amplitude) * max(w, 1)


def function(amplitude, tau):
    formula = lambda t: amplitude * np.exp(-t / tau)  # noqa: E731
    kind = stimuli.from_function(formula)
    return kind, formula, [], abs(amplitude) / tau**2, abs(amplitude) * max(1, 1 / tau)


def ramp(first, last, start, length):
    stop = start + length

    def formula(t):
        return first + (last - first) * np.clip((t - start) / length, 0, 1)

    size = abs(first) + abs(last)
    kind = stimuli.ramp(first, last, start, stop)
    return kind, formula, [start, stop], 0.0, size * max(1, 1 / length)


def step(amplitude, start, length):
    formula = lambda t: amplitude * ((t >= start) & (t < start + length))  # noqa: E731
    kind = stimuli.step(amplitude, start, start + length)
    return kind, formula, [start, start + length], 0.0, abs(amplitude)


def pulses(amplitude, width, gap, start, count):
    period = width + gap
    on = [start + k * period for k in range(count)]
    formula = lambda t: amplitude * sum((t >= a) & (t < a + width) for a in on)  # noqa: E731
    kind = stimuli.pulses(amplitude, width, period, start, count)
    return kind, formula, [*on, *(a + width for a in on)], 0.0, abs(amplitude)


AMPLITUDES = st.floats(-100, 100)
TIMES = st.floats(0.01, 10)
KINDS = st.one_of(
    st.builds(sine, AMPLITUDES, st.floats(0, 2_000), st.floats(-10, 10)),
    st.builds(chirp, AMPLITUDES, st.floats(0, 2_000), st.floats(0, 2_000), TIMES),
    st.builds(function, AMPLITUDES, TIMES),
    st.builds(ramp, AMPLITUDES, AMPLITUDES, st.floats(-5, 5), TIMES),
    st.builds(step, AMPLITUDES, st.floats(-5, 5), TIMES),
    st.builds(pulses, AMPLITUDES, TIMES, TIMES, st.floats(0, 5), st.integers(1, 20)),
)
SHIFTS = st.one_of(st.just(0.0), st.floats(0, 10))


@given(kind=KINDS, skip=SHIFTS, delay=SHIFTS, dt=st.floats(0.005, 0.5))
@example(kind=sine(5, 50, 0), skip=0.0, delay=0.37, dt=0.1)
@example(kind=chirp(5, 50, 2, 0.3), skip=0.0, delay=0.37, dt=0.1)
@example(kind=function(5, 1), skip=0.0, delay=0.37, dt=0.1)
@example(kind=ramp(-5, 5, 0.01, 0.02), skip=0.0, delay=0.37, dt=0.1)
@example(kind=ramp(-5, 5, 0.5, 0.08), skip=0.49, delay=0.33, dt=0.1)
@example(kind=step(5, 0, 0.5), skip=0.46, delay=0.33, dt=0.1)
@example(kind=sine(5, 50, 1), skip=0.46, delay=0.37, dt=0.1)
def test_values_are_the_means_over_steps(kind, skip, delay, dt):
    stimulus, current, breaks, curvature, steepness = kind
    got = stimulus.shifted(-skip).shifted(delay).to_array(STEPS, dt)
    moved = [time - skip + delay for time in breaks]
    for i, value in enumerate(got):
        begin, end = max(i * dt, delay), (i + 1) * dt
        expected, bound = 0.0, 0.0
        if begin < end:
            covered = (end - begin) / dt
            mean = mean_over(lambda t: current(t - delay + skip), begin, end, moved)
            expected, bound = covered * mean, covered * (end - begin) ** 2 / 24 * curvature
        # Times within 1e-9 of a step are on it.
        assert value == pytest.approx(expected, abs=bound * (1 + 1e-9) + 1e-8 * steepness + 1e-12)


@pytest.mark.parametrize(
    "stimulus",
    [stimuli.sine(5, 50), stimuli.from_function(lambda t: 5 * np.sin(2 * np.pi * 50 * t / 1e3))],
    ids=["sine", "from_function"],
)
def test_sine_that_begins_within_a_step(stimulus):
    got = stimulus.shifted(0.37).to_array(5, 0.1)
    # The integral, 5 (1 - cos 2 pi f 0.03) / (2 pi f), over the 0.1 ms of the step.
    mean = 5 * (1 - math.cos(2 * math.pi * 0.05 * 0.03)) / (2 * math.pi * 0.05) / 0.1
    np.testing.assert_allclose(got[:4], [0, 0, 0, mean], rtol=1e-5)
    assert mean == pytest.approx(0.0071, abs=5e-5)

"""Multiples, differences and shifts of stimuli."""

import json
import re

import numpy as np
import pytest
from error_messages import raises

from pyhh_fast import stimuli

DT = 0.01
STEP = stimuli.step(10, 5, 20)
SINE = stimuli.sine(8, 50)
NOISE = stimuli.ornstein_uhlenbeck(0, 2, 5, seed=1)
ARRAY = stimuli.from_array(np.arange(1.0, 501.0))


def values(stimulus, steps=3_000, dt=DT):
    return stimulus.to_array(steps, dt)


@pytest.mark.parametrize("factor", [2, -0.5, np.float32(3), np.array(4), True])
def test_multiples_of_stimuli(factor):
    expected = values(NOISE) * float(factor)
    np.testing.assert_array_equal(values(factor * NOISE), expected)
    np.testing.assert_array_equal(values(NOISE * factor), expected)
    np.testing.assert_allclose(values(NOISE / factor), values(NOISE) / float(factor), rtol=1e-15)


def test_differences_of_stimuli():
    np.testing.assert_array_equal(values(SINE - NOISE), values(SINE) - values(NOISE))
    np.testing.assert_array_equal(values(-NOISE), -values(NOISE))
    np.testing.assert_array_equal(values(NOISE - 3), values(NOISE) - 3)
    np.testing.assert_array_equal(values(np.float64(3) - NOISE), 3 - values(NOISE))
    np.testing.assert_array_equal(
        values(-(SINE + NOISE) / 4 - STEP), (-values(SINE) - values(NOISE)) / 4 - values(STEP)
    )
    assert NOISE - 0 is NOISE
    assert 0 - NOISE == -NOISE
    assert +NOISE is NOISE


def test_equal_expressions_are_equal_stimuli():
    assert 2 * (3 * SINE) == 6 * SINE
    negative = -SINE
    assert -negative == SINE == 2 * SINE / 2
    assert 2 * (SINE + STEP) == 2 * SINE + 2 * STEP
    assert -stimuli.constant(3) == stimuli.constant(-3)
    assert (2 * SINE).shifted(3) == 2 * SINE.shifted(3)
    assert (SINE + NOISE).shifted(3) == SINE.shifted(3) + NOISE.shifted(3)
    assert SINE.shifted(3).shifted(-3) == SINE == SINE.shifted(0)
    assert SINE.shifted(3).shifted(4) == SINE.shifted(7)
    assert SINE.shifted(-3).shifted(-4) == SINE.shifted(-7)
    assert SINE.shifted(-3).shifted(3) != SINE
    assert 2 * SINE != 3 * SINE


@pytest.mark.parametrize(
    ("stimulus", "shown"),
    [
        (2 * SINE, "2 * sine(8, 50)"),
        (-SINE, "-sine(8, 50)"),
        (STEP - SINE, "step(10, 5, 20) - sine(8, 50)"),
        (-2 * SINE - 3 * NOISE, "-2 * sine(8, 50) - 3 * ornstein_uhlenbeck(0, 2, 5, 1)"),
        (STEP - 3, "step(10, 5, 20) + constant(-3)"),
        (-SINE.shifted(-3), "-sine(8, 50).shifted(-3)"),
        (SINE.shifted(-3).shifted(1.5), "sine(8, 50).shifted(-3).shifted(1.5)"),
    ],
)
def test_repr_and_description_give_an_equal_stimulus(stimulus, shown):
    assert repr(stimulus) == shown
    assert eval(shown, vars(stimuli)) == stimulus
    description = json.loads(json.dumps(stimulus.description()))
    assert stimuli.from_description(description) == stimulus


@pytest.mark.parametrize("kind", [NOISE, ARRAY, SINE, STEP, stimuli.poisson_epsc(900, 1, 5, 2)])
def test_shifts_by_whole_steps_move_the_values(kind):
    whole = values(kind, 500)
    later = values(kind.shifted(1.23), 500)
    np.testing.assert_array_equal(later, [*[0.0] * 123, *whole[:377]])
    np.testing.assert_array_equal(values(kind.shifted(-1.23), 377), whole[123:])
    again = values(kind.shifted(-1.23).shifted(2), 500)
    np.testing.assert_array_equal(again, [*[0.0] * 200, *whole[123:423]])


def test_values_before_0_are_not_shifted_in():
    np.testing.assert_array_equal(
        values(stimuli.step(10, -5, 2).shifted(1), 40, 0.1), [0.0] * 10 + [10.0] * 20 + [0.0] * 10
    )
    np.testing.assert_array_equal(values(stimuli.constant(4).shifted(0.025), 4), [0, 0, 2, 4])


@pytest.mark.parametrize("by", [0.0042, 7.0077, -3.0042])
def test_shifts_by_a_fraction_of_a_step(by):
    for kind, shifted in (
        (STEP, stimuli.step(10, 5 + by, 20 + by)),
        (stimuli.ramp(0, 9, 5, 20), stimuli.ramp(0, 9, 5 + by, 20 + by)),
        (stimuli.pulses(3, 0.8, 2.5, 4, 7), stimuli.pulses(3, 0.8, 2.5, 4 + by, 7)),
    ):
        np.testing.assert_allclose(values(kind.shifted(by)), values(shifted), atol=1e-9)
    t = (np.arange(3_000) + 0.5) * DT - by
    begun = np.arange(3_000) * DT > by
    for kind, current in (
        (SINE, 8 * np.sin(2 * np.pi * 50 * t / 1e3)),
        (stimuli.from_function(lambda t: t * t), t * t),
        (stimuli.chirp(5, 2, 300, 900), 5 * np.sin(2 * np.pi * (2 * t + 298 / 1_800 * t**2) / 1e3)),
    ):
        np.testing.assert_allclose(values(kind.shifted(by))[begun], current[begun], atol=1e-9)
        assert not values(kind.shifted(by))[np.arange(3_000) * DT + DT <= by].any()


@pytest.mark.parametrize(
    "eight",
    [
        stimuli.from_function(lambda t: 8),
        stimuli.constant(8),
        stimuli.constant(8).shifted(-1),
        stimuli.step(8, 0, 1),
        stimuli.step(8, -5, 1),
        stimuli.pulses(8, 1, 2),
        stimuli.ramp(8, 0, 1, 2),
    ],
)
def test_shifted_onset_within_a_step_counts_in_proportion(eight):
    np.testing.assert_allclose(values(eight.shifted(0.0325), 5), [0, 0, 0, 6, 8], rtol=1e-9)


def test_function_is_not_called_before_0():
    got = values(stimuli.from_function(np.sqrt).shifted(0.0075), 3)
    np.testing.assert_allclose(
        got, [0.25 * np.sqrt(0.00125), np.sqrt(0.0075), np.sqrt(0.0175)], rtol=1e-9
    )


def test_durations_of_stimuli():
    ends = [
        (STEP, 20),
        (stimuli.step(1, -3, -1), 0),
        (stimuli.ramp(0, 1, 3, 9), 9),
        (stimuli.pulses(1, 2, 5, start=3, count=4), 20),
        (stimuli.pulses(1, 2, 5, count=0), 0),
        (stimuli.chirp(1, 2, 3, 40), 40),
        (2 * STEP, 20),
        (STEP.shifted(5), 25),
        (STEP.shifted(-5), 15),
        (STEP.shifted(-50), 0),
        (STEP - stimuli.chirp(1, 2, 3, 40), 40),
    ]
    assert [stimulus.duration for stimulus, _ in ends] == [end for _, end in ends]
    endless = [SINE, NOISE, stimuli.pulses(1, 2, 5), stimuli.constant(3), STEP + SINE, ARRAY]
    assert [stimulus.duration for stimulus in endless] == [None] * 6
    assert (2 * ARRAY).steps == (ARRAY - SINE).steps == 500


def test_shifted_array_ends_later_or_earlier():
    assert ARRAY.shifted(1).steps is None
    for by, size in ((1, 600), (-1, 400), (-9, 0)):
        assert ARRAY.shifted(by).to_array(size, DT).size == size
        message = rf"^steps must be at most {size}, the number of values"
        with pytest.raises(ValueError, match=message):
            ARRAY.shifted(by).to_array(size + 1, DT)


def test_wrong_factors_and_shifts_are_refused():
    with raises(ValueError, "factor must be a finite number; got nan."):
        SINE * np.nan
    with raises(TypeError, "factor must be a finite number; got 1j."):
        1j * SINE
    with raises(ValueError, "divisor must not be 0; got 0."):
        SINE / 0
    with raises(ValueError, "factor must be a finite number; got inf."):
        1e200 * SINE * 1e200
    with raises(ValueError, "amplitude must be a finite number; got inf."):
        stimuli.constant(1e200) * 1e200
    with raises(ValueError, "by must be a finite number (ms); got inf."):
        SINE.shifted(np.inf)
    advice = "Pass it in ms, as a number."
    with raises(TypeError, f"by must be a finite number (ms); got '3' (str). {advice}"):
        SINE.shifted("3")
    for wrong in ("3", None, SINE):
        with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
            SINE * wrong
    with pytest.raises(TypeError, match="unsupported operand"):
        3 / SINE
    message = (
        "by must be a whole number of steps, where noise or an array is shifted (ms); "
        "got 0.005 at dt 0.01."
    )
    for kind in (NOISE, ARRAY, stimuli.poisson_epsc(900, 1, 5, 2)):
        for by in (0.005, -0.005):
            with raises(ValueError, message):
                (SINE + kind.shifted(by)).reader(DT)
    finer = values(NOISE.shifted(0.005), 9, 0.005)
    np.testing.assert_array_equal(finer[1:], values(NOISE, 8, 0.005))


def test_state_of_another_shift_is_refused():
    shifted = NOISE.shifted(1)
    reader = shifted.reader(DT)
    reader.read(150)
    state = reader.state
    np.testing.assert_array_equal(shifted.reader(DT, state).read(50), values(shifted, 200)[150:])
    state["stimulus"]["step"] = 51
    message = "state['stimulus']['step'] must be 50, that of the shifted stimulus; got 51."
    with raises(ValueError, message):
        shifted.reader(DT, state)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"kind": "scaled"}, "description of kind scaled must have factor, stimulus, and nothing"),
        ({"kind": "scaled", "factor": "2", "stimulus": STEP.description()}, "factor must be a fin"),
        ({"kind": "scaled", "factor": 2, "stimulus": 3}, "description['stimulus'] must be a dict"),
        (
            {"kind": "scaled", "factor": 2, "stimulus": (2 * SINE).description()},
            "description['stimulus'] must be a dict with one of",
        ),
        (
            {"kind": "shifted", "delay": 2, "skip": 0, "stimulus": (2 * SINE).description()},
            "description['stimulus'] must be a dict with one of",
        ),
        (
            {"kind": "shifted", "delay": -2, "skip": 0, "stimulus": SINE.description()},
            "delay must be a finite number, 0 or more (ms); got -2.",
        ),
    ],
)
def test_crafted_descriptions_are_refused(description, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        stimuli.from_description(description)

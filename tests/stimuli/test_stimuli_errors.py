"""Errors of stimuli: wrong parameters, operands, reads and arrays."""

import json
from decimal import Decimal

import numpy as np
import pytest
from error_messages import errors, raises
from stimulus_arguments import NOISE, SEED

import pyhh_fast as pyhh
from pyhh_fast import stimuli

NOT_NEGATIVE = "must be a finite number, 0 or more"
POSITIVE = "must be a positive, finite number"


PARAMETERS = {
    TypeError: [
        ("constant", ["1"], "amplitude must be a finite number (µA/cm²); got '1' (str)."),
        ("constant", [1j], "amplitude must be a finite number (µA/cm²); got 1j."),
        ("step", [1, None, 2], "start must be a finite number (ms); got None (NoneType)."),
        ("sine", [1, 1, "0"], "phase must be a finite number (radians); got '0' (str)."),
        ("ornstein_uhlenbeck", [0, 1, 5, None], f"{SEED}; got None (NoneType)."),
    ],
    ValueError: [
        ("constant", [np.nan], "amplitude must be a finite number (µA/cm²); got nan."),
        ("step", [1, 2, np.inf], "stop must be a finite number (ms); got inf."),
        ("step", [1, 70, 50], "stop must be at least start, 70.0 (ms); got 50."),
        ("pulses", [1, 0, 2], f"width {POSITIVE} (ms); got 0."),
        ("pulses", [1, 5, 3], "period must be at least width, 5.0 (ms); got 3."),
        ("pulses", [1, 1, 2, -3], f"start {NOT_NEGATIVE} (ms); got -3."),
        ("pulses", [1, 1, 2, 0, -1], "count must be a whole number, 0 or more; got -1."),
        ("pulses", [1, 1, 2, 0, 1.5], "count must be a whole number, 0 or more; got 1.5."),
        ("ramp", [1, 2, 9, 8], "stop must be at least start, 9.0 (ms); got 8."),
        ("ramp", [1e308, -1e308, 0, 1], "last - first must be a finite number (µA/cm²); got -inf."),
        ("sine", [1, -1], f"frequency {NOT_NEGATIVE} (Hz); got -1."),
        ("chirp", [1, -1, 0, 1], f"first_frequency {NOT_NEGATIVE} (Hz); got -1."),
        ("chirp", [1, 0, -1, 1], f"last_frequency {NOT_NEGATIVE} (Hz); got -1."),
        ("chirp", [1, 0, 1, 0], f"duration {POSITIVE} (ms); got 0."),
        (
            "chirp",
            [1, 0, 1e10, 1e10],
            "duration must be at most 2^48 cycles of the chirp's highest frequency (ms); got "
            "10000000000.0. Check the units: frequencies are in Hz, times in ms.",
        ),
        ("white_noise", [-1, 1], f"sd {NOT_NEGATIVE} (µA/cm²); got -1."),
        ("white_noise", [1, 1, "ms"], "per must be one of sqrt_ms, step; got 'ms'."),
        ("white_noise", [1, 2**64], f"{SEED}; got {2**64}."),
        ("ornstein_uhlenbeck", [0, -1, 5, 1], f"sd {NOT_NEGATIVE} (µA/cm²); got -1."),
        ("ornstein_uhlenbeck", [0, 1, 0, 1], f"tau {POSITIVE} (ms); got 0."),
        ("ornstein_uhlenbeck", [0, 1, 5, -1], f"{SEED}; got -1."),
        ("ornstein_uhlenbeck", [0, 1, 5, 2**64], f"{SEED}; got {2**64}."),
        ("ornstein_uhlenbeck", [0, 1, 5, 0.5], f"{SEED}; got 0.5."),
        ("poisson_epsc", [-1, 1, 5, 1], f"rate {NOT_NEGATIVE} (Hz); got -1."),
        ("poisson_epsc", [1, 1, -5, 1], f"tau {POSITIVE} (ms); got -5."),
        ("poisson_epsc", [1, 1, 5, 1, -1], f"rise {NOT_NEGATIVE} (ms); got -1."),
        ("poisson_epsc", [1, 1, 5, 1, 6], "tau must be at least rise, 6.0 (ms); got 5.0."),
        ("poisson_epsc", [1, 1, 5, np.nan], f"{SEED}; got nan."),
    ],
}


@pytest.mark.parametrize(("kind", "make", "given", "message"), errors(PARAMETERS))
def test_wrong_parameters_are_refused(make, given, kind, message):
    with raises(kind, message):
        getattr(stimuli, make)(*given)


def test_numbers_of_other_types_are_accepted():
    stimulus = stimuli.pulses(True, np.float32(1), np.array(2), 0, np.int64(3))
    assert repr(stimulus) == "pulses(1, 1, 2, 0, 3)"
    assert json.loads(json.dumps(stimulus.description()))["count"] == 3
    seeds = [np.uint64(2**64 - 1), 2**64 - 1]
    assert stimuli.poisson_epsc(1, 1, 1, seeds[0]) == stimuli.poisson_epsc(1, 1, 1, seeds[1])


@pytest.mark.parametrize("other", ["x", None, [1, 2], np.zeros(3), {}])
def test_operands_that_cannot_be_added_are_refused(other):
    for pair in ((NOISE, other), (other, NOISE)):
        with pytest.raises(TypeError, match=r"unsupported operand|concatenate|stimuli\.from_array"):
            pair[0] + pair[1]


@pytest.mark.parametrize(
    ("other", "kind"), [(np.nan, ValueError), (1j, TypeError), (Decimal(1), TypeError)]
)
def test_numbers_that_cannot_be_added_are_refused(other, kind):
    for add in (lambda: NOISE + other, lambda: other + NOISE):
        with raises(kind, f"stimulus must be a finite number (µA/cm²); got {other}."):
            add()


def test_wrong_reads_are_refused():
    with raises(ValueError, f"dt {POSITIVE} (ms); got 0."):
        NOISE.reader(0)
    with raises(ValueError, "steps must be a whole number, 0 or more; got -1."):
        NOISE.to_array(-1, 0.01)
    with raises(TypeError, "steps must be a whole number, 0 or more; got '1' (str)."):
        NOISE.plot("1", 0.01)
    short = NOISE + stimuli.from_array([1, 2, 3])
    with raises(
        ValueError, "steps must be at most 3, the number of values that the stimulus has; got 4."
    ):
        short.to_array(4, 0.01)
    reader = short.reader(0.01)
    reader.read(2)
    with raises(
        ValueError,
        "steps must be at most 1, the number of values that the stimulus has left; got 2.",
    ):
        reader.read(2)
    with raises(
        ValueError,
        "rate must be at most 1000000 events a step (Hz); got 1e+300 at dt 0.01. "
        "Use ornstein_uhlenbeck, which so many add up to.",
    ):
        stimuli.poisson_epsc(1e300, 1, 5, 1).reader(0.01)


# Arrays


class Shrinking:
    shape, dtype = (9,), np.dtype(float)

    def __getitem__(self, part):
        return np.zeros(9)[part][:2]


ARRAY = "values must be a 1-D array of finite numbers (µA/cm²)"


VALUES = {
    TypeError: [
        (3, f"{ARRAY}; got 3."),
        ("123", f"{ARRAY}; got '123' (str)."),
        (None, f"{ARRAY}; got None (NoneType)."),
        ({0: 1}, f"{ARRAY}; got {{0: 1}} (dict)."),
        ({1}, f"{ARRAY}; got {{1}} (set)."),
        (np.array(1.0), f"{ARRAY}; got an array of float64 with shape ()."),
        (
            np.zeros(3, complex),
            f"{ARRAY}; got an array of complex128. Convert it to numbers first.",
        ),
        (
            np.zeros(3, "M8[s]"),
            f"{ARRAY}; got an array of datetime64[s]. Convert it to numbers first.",
        ),
    ],
    ValueError: [
        (np.zeros((2, 3)), f"{ARRAY}; got 2 dimensions, shape (2, 3)."),
        ([1, np.nan], f"{ARRAY}; got nan at index 1. Replace or remove it."),
        ([[1], [2]], f"{ARRAY}; got 2 dimensions, shape (2, 1)."),
    ],
}


@pytest.mark.parametrize(("kind", "values", "message"), errors(VALUES))
def test_non_array_stimulus_is_refused(values, kind, message):
    with raises(kind, message):
        stimuli.from_array(values)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_refused_when_they_are_read(wrong):
    values = np.zeros(200_000)
    values[123_456] = wrong
    reader = (NOISE + stimuli.from_array(values)).reader(0.01)
    reader.read(10_000)
    before = reader.state
    with raises(
        ValueError,
        "stimulus must be a 1-D array of finite numbers (µA/cm²); "
        f"got {wrong} at index 123456. Replace or remove it.",
    ):
        reader.read(150_000)  # in its second block
    assert reader.state == before
    assert reader.read(113_456).shape == (113_456,)


def test_masked_values_and_overflowing_long_doubles_are_refused():
    masked = np.ma.masked_equal([1.0, 2.0, 3.0], 2.0)
    message = "stimulus must be a 1-D array of finite numbers (µA/cm²); got {} at index 1. "
    with raises(ValueError, message.format("--") + "Replace or remove it."):
        stimuli.from_array(masked).to_array(3, 0.01)
    large = np.array([1, np.finfo(np.longdouble).max], np.longdouble)
    if large[1] > np.finfo(float).max:
        with raises(ValueError, message.format(str(large[1])) + "Replace or remove it."):
            stimuli.from_array(large).to_array(2, 0.01)


@pytest.mark.parametrize("odd", [2, 2.5, True, 2**63], ids=str)
def test_long_list_is_converted_in_pieces(odd, monkeypatch):
    """Between two of them Ctrl-C is heard."""
    sizes, asarray = [], np.asarray

    def watched(values):
        sizes.append(len(values))
        return asarray(values)

    monkeypatch.setattr(np, "asarray", watched)
    values = [1] * 99 + [0.5] + [3] * 200_000 + [odd]
    found = stimuli.from_array(values).values
    np.testing.assert_array_equal(found, asarray(values, dtype=np.float64))
    assert stimuli.from_array(range(200_000)).values[-1] == 199_999
    assert max(sizes) < 100_000
    with pytest.raises(TypeError, match=r"must be a 1-D array .*; got .*, an array of <U"):
        stimuli.from_array([*values, "1"])
    with pytest.raises(ValueError, match=r"must be a 1-D array of finite numbers"):
        stimuli.from_array([*values, [1.0]])


def test_array_that_has_shrunk_is_refused():
    with raises(
        ValueError,
        "stimulus must be a 1-D array of finite numbers (µA/cm²); got an array of float64 with "
        "shape (2,) from index 0 to 5. Leave it as it was.",
    ):
        stimuli.from_array(Shrinking()).to_array(5, 0.01)


def test_run_of_pyhh_says_how_to_pass_a_stimulus():
    simulation = pyhh.Simulation(pyhh.HHModel())
    rule = "stimulusWaveform must be a 1-D array of finite numbers (µA/cm²)"
    with raises(TypeError, f"{rule}; got sine(1, 2). Pass its to_array(steps, dt)."):
        simulation.Run(stimuli.sine(1, 2), 0.01)
    message = (
        f"{rule}; got <ufunc 'sin'> (ufunc). Pass its values, "
        "stimuli.from_function(...).to_array(steps, dt)."
    )
    with raises(TypeError, message):
        simulation.Run(np.sin, 0.01)

"""Unusual types and values of arguments: each is refused in words or means what it says."""

import datetime
import re
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast.cli import main as cli

REFUSED = {
    "None": None,
    "text": "1",
    "bytes": b"1",
    "list": [1.0, 2.0],
    "empty list": [],
    "dict": {},
    "object": object(),
    "complex": 1 + 2j,
    "Decimal": Decimal(1),
    "timedelta64": np.timedelta64(50, "ns"),
    "timedelta64 in s": np.timedelta64(1, "s"),
    "timedelta64 without unit": np.timedelta64(5),
    "datetime64": np.datetime64("2020"),
    "timedelta": datetime.timedelta(seconds=1),
    "datetime": datetime.datetime(2020, 1, 1),
    "0-d text": np.array("Vm"),
    "0-d object": np.array(None),
    "0-d timedelta64": np.array(1, "m8[s]"),
    "object array": np.array([None, 1]),
    "timedelta64 array": np.array([1, 2], "m8[s]"),
    "masked": np.ma.masked_array(1.0, mask=True),
    "masked itself": np.ma.masked,
    "nan": np.nan,
    "inf": np.inf,
    "-inf": -np.inf,
    "10**400": 10**400,
    "float16 inf": np.float16("inf"),
    "longdouble 1e4000": np.longdouble("1e4000"),
}


def run(**options):
    return pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        options.pop("stimulus", 1), **{"dt": 0.01, "duration": 1} | options
    )


def cells(**options):
    return pyhh.Population(2).run(1, **{"dt": 0.01, "duration": 1, "threads": 1} | options)


NUMBERS = {
    "dt": lambda x: run(dt=x),
    "duration": lambda x: run(duration=x),
    "every": lambda x: run(every=x),
    "envelope": lambda x: run(envelope=x),
    "threshold": lambda x: run(threshold=x),
    "rtol": lambda x: run(method="adaptive", rtol=x),
    "atol": lambda x: run(method="adaptive", atol=x),
    "gNa": lambda x: pyhh.HHModel(gNa=x),
    "startingVoltage": lambda x: pyhh.HHModel(x),
    "size": lambda x: pyhh.Population(x),
    "threads": lambda x: cells(threads=x),
    "population's dt": lambda x: cells(dt=x),
    "population's duration": lambda x: cells(duration=x),
    "cell": lambda x: cells().spike_times(x),
}

OPTIONAL = {"envelope", "threshold", "threads"}

MAY = {"masked"}  # NumPy gives its data where a number is asked for


@pytest.mark.parametrize("argument", NUMBERS)
def test_non_numbers_are_refused(argument):
    for kind, value in REFUSED.items():
        if (kind == "None" and argument in OPTIONAL) or kind in MAY:
            continue
        name = argument.removeprefix("population's ")
        with pytest.raises((TypeError, ValueError)) as caught:
            NUMBERS[argument](value)
        assert re.match(rf"{name} must be .*; got .*", str(caught.value)), (kind, caught.value)


GOOD = {
    "int": 2,
    "Fraction": Fraction(2),
    "float16": np.float16(2),
    "float32": np.float32(2),
    "longdouble": np.longdouble(2),
    "uint8": np.uint8(2),
    "0-d array": np.array(2.0),
    "0-d whole numbers": np.array(2, ">i2"),
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_type_of_real_number_is_accepted(kind):
    value = GOOD[kind]
    np.testing.assert_array_equal(run(every=value).Vm, run(every=2).Vm)
    np.testing.assert_array_equal(run(duration=value).Vm, run(duration=2.0).Vm)
    assert pyhh.HHModel(gNa=value).gNa == 2.0
    assert pyhh.Population(value).size == 2
    np.testing.assert_array_equal(cells(threads=value).final_state.Vm, cells().final_state.Vm)
    three = pyhh.Population(3).run([0, 10, 60], 0.01, duration=20, threads=value)
    np.testing.assert_array_equal(three.spike_times(value), three.spike_times(2))


def test_large_whole_numbers_are_compared_exactly():
    """MOST_STEPS is infinite as a float16."""
    assert cells(threads=np.float16(6)).size == 2
    with pytest.raises(ValueError, match=r"^every must be a whole number, 1 or more; got 1\.5\.$"):
        run(every=np.float16(1.5))


@pytest.mark.parametrize("value", [True, np.bool_(True), np.array(True)])
def test_bool_is_refused_as_the_number_of_a_cell(value):
    message = r"^cell must be a whole number from 0 to 1; got "
    with pytest.raises(TypeError, match=message):
        cells().spike_times(value)


@pytest.mark.parametrize("value", [np.array("Vm"), np.array(1), 5, "Vm"])
def test_single_object_is_refused_as_a_sequence_of_names(value):
    message = r"^record must be a sequence of names; got .* Pass some of \('Vm', "
    with pytest.raises(TypeError, match=message):
        run(record=value)
    with pytest.raises(TypeError, match=message):
        cells(record=value)


@pytest.mark.parametrize("dt", [1e9, 1e30, 1e300])
def test_absurd_step_takes_no_memory(dt):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        stable = pyhh.Population(1).run(np.ones(30), dt, method="exponential_euler")
    assert stable.diverged_at.shape == (1,)


@pytest.mark.parametrize(("V", "m", "n"), [(-1e300, 0.0, 0.0), (1e300, 1.0, 1.0)])
def test_gates_at_extreme_potentials_are_at_their_limits(V, m, n):
    population = pyhh.Population(2, startingVoltage=V)
    np.testing.assert_array_equal(population.StateM, [m, m])
    np.testing.assert_array_equal(population.StateN, [n, n])


@pytest.mark.parametrize("option", ["--pulses", "--duration", "--noise", "--dt"])
def test_two_dashes_are_refused_as_the_value_of_an_option(capsys, option):
    with pytest.raises(SystemExit) as ended:
        cli.main(["simulate", "--duration", "10", f"{option}=--"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(
        f"pyhh-fast: error: argument {option}: must have a value; got '--'\n"
    )

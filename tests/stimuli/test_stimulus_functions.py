"""Functions of time as stimuli."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from model_states import resting_simulation

import pyhh_fast as pyhh
from pyhh_fast import stimuli

DT = 0.01
MIDDLES = (np.arange(1_000) + 0.5) * DT


def values(function, steps=1_000):
    return stimuli.from_function(function).to_array(steps, DT)


def array_only(t):
    found = np.zeros(len(t))
    found[t > 5] = 10
    return found


class Squares:
    def __call__(self, t):
        return t * t


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda t: 10 * (t > 5), 10.0 * (MIDDLES > 5)),
        (lambda t: 10 if t > 5 else 0, 10.0 * (MIDDLES > 5)),
        (lambda t: t > 5, 1.0 * (MIDDLES > 5)),
        (array_only, 10.0 * (MIDDLES > 5)),
        (lambda t: np.where(t > 5, np.sin(t), 0), np.where(MIDDLES > 5, np.sin(MIDDLES), 0)),
        (lambda t: 3 * math.exp(-t), 3 * np.exp(-MIDDLES)),
        (lambda t: 7, np.full(1_000, 7.0)),
        (lambda t: np.array([7]), np.full(1_000, 7.0)),
        (lambda t: np.mean(t), MIDDLES),  # of an array another value
        (lambda t: np.asarray(t) - np.min(t), np.zeros(1_000)),  # and one of its length
        (lambda t: 4 if np.any(t > 5) else 1, np.where(MIDDLES > 5, 4.0, 1.0)),
        (np.sqrt, np.sqrt(MIDDLES)),
        (Squares(), MIDDLES**2),
        (np.poly1d([1.0, 0.0, 2.0]), MIDDLES**2 + 2),
        (lambda t: t.clip(1, 2), MIDDLES.clip(1, 2)),
    ],
)
def test_values_are_taken_in_the_middle_of_each_step(function, expected):
    np.testing.assert_allclose(values(function), expected, rtol=1e-12, atol=1e-15)


def test_function_is_accepted_wherever_a_stimulus_is():
    expected = resting_simulation().run(stimuli.step(10, 5, 50), DT, duration=50)
    recording = resting_simulation().run(lambda t: 10 * (t > 5), DT, duration=50)
    assert recording.spike_times.size == 3
    np.testing.assert_array_equal(recording.Vm, expected.Vm)
    np.testing.assert_array_equal(recording.spike_times, expected.spike_times)
    half = stimuli.step(5, 5, 50)
    for stimulus in (half + (lambda t: 5 * (t > 5)), (lambda t: 5 * (t > 5)) + half):
        np.testing.assert_array_equal(
            resting_simulation().run(stimulus, DT, duration=50).Vm, expected.Vm
        )
    difference = (lambda t: 15 * (t > 5)) - half
    np.testing.assert_array_equal(
        resting_simulation().run(difference, DT, duration=50).Vm, expected.Vm
    )
    with pytest.raises(ValueError, match="duration must be given with a stimulus that has no end"):
        resting_simulation().run(lambda t: 3.0, DT)


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (lambda t: None, TypeError, "got None (NoneType) at t = 0.005 ms."),
        (lambda t: "3", TypeError, "got '3' (str) at t = 0.005 ms."),
        (lambda t: 3j, TypeError, "got 3j at t = 0.005 ms."),
        (lambda t: [1, 2], TypeError, "got [1, 2] (list) at t = 0.005 ms."),
        (lambda t: np.inf if t > 2 else 0, ValueError, "got inf at t = 2.005 ms."),
        (lambda t: np.where(t > 2, np.nan, 0), ValueError, "got nan at t = 2.005 ms."),
    ],
)
def test_wrong_values_are_named_with_their_time(function, kind, message):
    rule = "stimulus must be a function of t (ms) that returns a finite number (µA/cm²); "
    with pytest.raises(kind, match=f"^{re.escape(rule + message)}$"):
        values(function)


def test_errors_of_the_function_are_named_with_their_time():
    def fails(t):
        return 1 / (0 if t > 2 else 1)

    with pytest.raises(ZeroDivisionError) as caught:
        resting_simulation().run(fails, DT, duration=10)
    assert caught.value.__notes__ == ["In the function that is the stimulus, at t = 2.005 ms."]
    with pytest.raises(TypeError) as caught:
        values(stimuli.sine)
    assert caught.value.__notes__ == ["In the function that is the stimulus, at t = 0.005 ms."]


def test_function_that_varies_between_calls_is_refused():
    draw = np.random.default_rng(1)
    message = r"always the same for the same t; got .* and then .* at t = .* For noise see"
    with pytest.raises(ValueError, match=message):
        values(lambda t: draw.normal())
    with pytest.raises(ValueError, match=message):
        values(lambda t: draw.normal(size=np.shape(t)))


def test_non_function_is_refused():
    for wrong in (3, "t", None, [1, 2]):
        with pytest.raises(TypeError, match=r"^function must be a function of t \(ms\); got "):
            stimuli.from_function(wrong)


def test_function_may_write_into_the_times():
    def careless(t):
        t += 1
        return t

    np.testing.assert_array_equal(values(careless), MIDDLES + 1)


def test_copies_and_pickles_of_function_stimuli():
    module_level = stimuli.from_function(array_only)
    again = pickle.loads(pickle.dumps(module_level))
    assert again == module_level
    assert hash(again) == hash(module_level)
    local = stimuli.from_function(lambda t: t)
    assert copy.deepcopy(local) == local == copy.copy(local)
    assert local != module_level
    message = (
        r"^a stimulus that is to be pickled must be of a function that pickle finds by its name; "
        r"got <lambda>\. Define it with def, in a module, or use its values"
    )
    with pytest.raises(TypeError, match=message):
        pickle.dumps(2 * local + 3)
    assert repr(2 * local) == "2 * from_function(<lambda>)"
    assert "Squares object" in repr(stimuli.from_function(Squares()))


def test_description_asks_for_the_function():
    description = (2 * stimuli.from_function(Squares())).description()
    assert description == {"kind": "scaled", "factor": 2, "stimulus": {"kind": "from_function"}}
    with pytest.raises(stimuli.SourceNeeded, match="Pass the function again, to from_function"):
        stimuli.from_description(description)


def wave(t):
    return 9 + 3 * np.sin(t)


@pytest.mark.parametrize(
    "stimulus", [wave, 2 * stimuli.from_function(wave).shifted(3.003) - stimuli.sine(3, 30)]
)
def test_stored_run_continues_when_the_function_is_given_again(stimulus, tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    resting_simulation().run(stimulus, DT, duration=50, to=path)
    message = r"^stimulus must be given again, because a store does not hold the values"
    with pytest.raises(ValueError, match=message):
        pyhh.Simulation.resume(path, duration=100)
    resumed = pyhh.Simulation.resume(path, duration=100, stimulus=stimulus).recording
    unbroken = resting_simulation().run(stimulus, DT, duration=100)
    np.testing.assert_array_equal(resumed.Vm, unbroken.Vm)
    np.testing.assert_array_equal(resumed.spike_times, unbroken.spike_times)


def test_other_function_is_refused_on_resume(tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    resting_simulation().run(wave, DT, duration=50, to=path)
    message = (
        r"^stimulus must be that of the run; got a function, <lambda>, that returns [\d.]+ at "
        r"t = 49\.365 ms, where it was [\d.]+\.$"
    )
    with pytest.raises(ValueError, match=message):
        pyhh.Simulation.resume(path, duration=100, stimulus=lambda t: wave(t) + 1e-6)
    with pytest.raises(ValueError, match=r"must be that of the run, a function; got sine"):
        pyhh.Simulation.resume(path, duration=100, stimulus=stimuli.sine(1, 2))
    longer = pyhh.Simulation.resume(path, duration=100, stimulus=wave).recording
    assert longer.steps == 10_000


def test_crafted_states_are_refused():
    stimulus = stimuli.from_function(wave)
    reader = stimulus.reader(DT)
    reader.read(100)
    state = reader.state
    assert state["last"] == values(wave, 100)[36:].tolist()
    with pytest.raises(ValueError, match=r"state\['last'\] must be a list of the last 64 values"):
        stimulus.reader(DT, state | {"last": []})
    with pytest.raises(ValueError, match=r"state\['last'\]\[0\] must be a finite number"):
        stimulus.reader(DT, state | {"last": [np.nan] * 64})


def test_function_stimulus_is_drawn():
    recording = resting_simulation().run(wave, DT, duration=20)
    times, drawn = recording.plot(5, 10).axes[1].lines[0].get_data()
    np.testing.assert_array_equal(drawn[:-1], values(wave)[500:])
    np.testing.assert_allclose(times[:-1], np.arange(500, 1_000) * DT)


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda t: np.log(-t), "got nan at t = 0.005 ms."),
        (lambda t: np.log(t - 5), "got nan at t = 0.005 ms."),
        (lambda t: 1 / (t - 5.005), "got inf at t = 5.005 ms."),
        (lambda t: float(np.log(np.float64(-t))), "got nan at t = 0.005 ms."),
        (lambda t: np.exp(1000 * t), "got inf at t = 0.715 ms."),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda f: pyhh.Simulation(pyhh.HHModel.at_rest()).run(f, 0.01, duration=10),
        lambda f: pyhh.Population(2).run(f, 0.01, duration=10),
        lambda f: stimuli.from_function(f).to_array(1_000, 0.01),
    ],
    ids=["one cell", "cells", "values"],
)
def test_non_finite_function_gives_one_error_and_no_warnings(function, got, use):
    with pytest.raises(ValueError, match=rf"^stimulus must be a function of t .*; {got}$"):
        use(function)


def test_overflow_within_a_function_does_not_warn():
    values = stimuli.from_function(lambda t: 10 / (1 + np.exp(1_000 * (5 - t)))).to_array(900, 0.01)
    assert values[0] == 0
    assert values[-1] == 10

"""Parameters of the stimulus as axes of a sweep: each point equals a cell of a Population."""

import re

import numpy as np
import pytest
from error_messages import errors
from sweep_runs import crossed, cut, executors, raises

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.neurons import wang_buzsaki

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")

same = xarray.testing.assert_identical

WAVE = np.random.default_rng(3).normal(0, 3, 1_500)
AXES = {"amplitude": [2.0, 5.0, 9.0], "onset": [1.0, 4.005]}
NEURONS = {
    "model": (pyhh.HHModel.at_rest(), {"gNa": [100.0, 120.0]}),
    "neuron": (wang_buzsaki(), {"K.g": [6.0, 9.0]}),
}


def pulse(amplitude, onset):
    return stimuli.step(amplitude, onset, onset + 8) - 1


def many_parts(amplitude, onset):
    """Parts that are the same at all points, a function and an array among them."""
    noise = stimuli.ornstein_uhlenbeck(0, 2, 5, seed=1)
    return (
        stimuli.from_function(lambda t: np.sin(t))
        + stimuli.from_array(WAVE)
        + stimuli.sine(amplitude, 30).shifted(onset)
        + amplitude * noise
        + stimuli.white_noise(amplitude, seed=4)
        + stimuli.from_array(WAVE).shifted(np.round(onset, 2))
        + 1
    )


def expected_ends(neuron, grid, function):
    """V at the end, of a population whose cells have the values of their stimuli."""
    points = {name: np.array(values) for name, values in crossed(grid).items()}
    numbers = [points.pop(name) for name in AXES]
    current = points.pop("current", np.zeros(len(numbers[0])))
    values = [
        function(*one).to_array(1_500, 0.01) + more
        for *one, more in zip(*numbers, current, strict=True)
    ]
    cells = pyhh.Population.from_model(neuron, len(current), points)
    cells.run(values, 0.01)
    return cells.Vm if isinstance(neuron, pyhh.HHModel) else cells.recording.final_state["Vm"]


@pytest.mark.parametrize("executor", ["here", "processes"])
@pytest.mark.parametrize("function", [pulse, many_parts])
@pytest.mark.parametrize("name", NEURONS)
def test_each_point_has_the_stimulus_of_its_numbers(name, function, executor, monkeypatch):
    neuron, own = NEURONS[name]
    grid = {"amplitude": AXES["amplitude"], **own, "current": [0.0, 3.0], "onset": AXES["onset"]}
    expected = expected_ends(neuron, grid, function)
    assert len(np.unique(expected)) == 24
    cut(monkeypatch, 5)
    options = {"duration": 15, "reduce": "final_Vm"}
    with executors(executor) as pool:
        result = pyhh.sweep(neuron, grid, function, 0.01, executor=pool, **options)
    assert result.final_Vm.dims == ("amplitude", *own, "current", "onset")
    np.testing.assert_array_equal(result.final_Vm.values.ravel(), expected)
    np.testing.assert_array_equal(result.onset, AXES["onset"])
    assert not result.onset.attrs
    zipped = {k: np.array(v)[[0, 7, 13, 20]] for k, v in crossed(grid).items()}
    some = pyhh.sweep(neuron, zipped, function, 0.01, product=False, **options)
    np.testing.assert_array_equal(some.final_Vm, expected[[0, 7, 13, 20]])


def test_grid_of_the_stimulus_alone_lasts_as_long_as_the_stimulus():
    model = pyhh.HHModel.at_rest()
    result = pyhh.sweep(model, {"stop": [3, 30]}, lambda stop: stimuli.step(10, 1, stop), 0.01)
    assert result.attrs["steps"] == 3_000
    runs = [
        pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimuli.step(10, 1, stop), 0.01, duration=30)
        for stop in (3, 30)
    ]
    np.testing.assert_array_equal(result.spike_counts, [len(run.spike_times) for run in runs])
    assert len(runs[1].spike_times) > len(runs[0].spike_times)


def test_store_is_of_the_values_that_the_function_gave(tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    cut(monkeypatch, 2)
    neuron, out = wang_buzsaki(), tmp_path / "sweep.zarr"

    def run(factor, **options):
        def function(amplitude, onset):
            return factor * stimuli.sine(amplitude, 40).shifted(onset)

        return pyhh.sweep(neuron, AXES, function, 0.01, duration=5, reduce="final_Vm", **options)

    first = run(2.0, out=out)
    same(run(2.0, out=out), first)
    same(run(2.0), first)
    same(xarray.open_zarr(out).load(), first)
    with pytest.raises(ValueError, match="stimulus"):
        run(3.0, out=out)


OF_ARRAYS = (
    "stimulus must be a function of amplitude that returns a stimulus with an array of 2 values"
)
IGNORED = "The function takes no notice of amplitude, or of the first value alone."
OF_NAMES = "stimulus must be a function of t (ms), or of names that the model does not have"
RENAME = "Rename the argument, wherever it is named."


ARGUMENTS = {
    TypeError: [
        (
            lambda amplitude: amplitude,
            "stimulus must be a function of amplitude that returns a stimulus; got an array of "
            "float64 with shape (2,) from it.",
        )
    ],
    ValueError: [
        (
            lambda amplitude, width: stimuli.step(amplitude, 1, width),
            "stimulus must be a function of amplitude; got one of width, too. Name it among them, "
            "or give it a default.",
        ),
        (
            lambda amplitude: stimuli.step(5, 1, 3),
            f"{OF_ARRAYS}; got step(5, 1, 3) from it. {IGNORED}",
        ),
        (
            lambda amplitude: stimuli.step(amplitude[:1], 1, 3),
            f"{OF_ARRAYS}; got step([1], 1, 3) from it. {IGNORED}",
        ),
        (
            lambda amplitudes: stimuli.step(amplitudes, 1, 3),
            "stimulus must be a function of amplitude; got one of amplitudes. Did you mean "
            "amplitudes?",
        ),
        (
            lambda onset, amplitud=1: stimuli.step(amplitud, onset, 3),
            "stimulus must be a function of amplitude; got one of onset, amplitud. Did you mean "
            "amplitud?",
        ),
        (
            lambda amplitude, amplitude2: stimuli.step(amplitude, 1, 3),
            "stimulus must be a function of amplitude; got one of amplitude2, too. Name it among "
            "them, or give it a default.",
        ),
        (
            lambda current: stimuli.step(current, 1, 3),
            f"{OF_NAMES}; got one of current, which is added to the stimulus. {RENAME}",
        ),
        (
            lambda amplitude, Cm: stimuli.step(amplitude * Cm, 1, 3),
            f"{OF_NAMES}; got one of Cm, which is a parameter of the model. {RENAME}",
        ),
        (
            lambda t: t,
            "grid's names must be one of Cm, EK, EKleak, ENa, current, gK, gKleak, gNa; got "
            "'amplitude'. A parameter of the stimulus is an argument of a function, as lambda "
            "amplitude: stimuli.step(amplitude, 5, 9).",
        ),
        (
            lambda amplitude: stimuli.step([1, 2, 3], 1, 5),
            "amplitude of step must be a number, or an array of one for each cell; got 3 values "
            "for a population of size 2.",
        ),
        (
            lambda amplitude: stimuli.pulses(1, 1 - amplitude, 5),
            "width must be a positive, finite number, or a 1-D array of one for each cell (ms); "
            "got 0.0 at index 0.",
        ),
        (
            stimuli.step([1, 2], 1, 5),
            "grid's names must be one of Cm, EK, EKleak, ENa, current, gK, gKleak, gNa; got "
            "'amplitude'. A parameter of the stimulus is an argument of a function, as lambda "
            "amplitude: stimuli.step(amplitude, 5, 9).",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "stimulus", "message"), errors(ARGUMENTS))
def test_wrong_functions_are_refused(kind, stimulus, message):
    grid = {"amplitude": [1.0, 2.0]}
    note = r"(\nIn the function that is the stimulus, of arrays amplitude\.)?"
    with pytest.raises(kind, match=f"^{re.escape(message)}{note}$"):
        pyhh.sweep(pyhh.HHModel.at_rest(), grid, stimulus, 0.01, duration=5)


def test_errors_of_functions_say_where_they_are_from():
    def fails(amplitude):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        pyhh.sweep(wang_buzsaki(), {"amplitude": [1]}, fails, 0.01, duration=1)
    assert caught.value.__notes__ == ["In the function that is the stimulus, of arrays amplitude."]


@pytest.mark.parametrize("name", ["current", "Cm"])
def test_names_of_other_axes_are_no_arguments(name):
    function = eval(f"lambda {name}: stimuli.step({name}, 1, 2)", {"stimuli": stimuli})
    with pytest.raises(ValueError, match=f"got one of {name}, which is .* Rename the argument"):
        pyhh.sweep(wang_buzsaki(), {name: [1, 2]}, function, 0.01, duration=5)


@pytest.mark.parametrize("name", ["point", "column", "value", "diverged_at", "spike_counts"])
def test_names_of_the_result_are_no_arguments(name):
    function = eval(f"lambda {name}: stimuli.step({name}, 1, 2)", {"stimuli": stimuli})
    message = (
        f"grid's names must be other than those of the result; got '{name}'. Call the function's "
        "argument otherwise."
    )
    with raises(ValueError, message):
        pyhh.sweep(wang_buzsaki(), {name: [1]}, function, 0.01)

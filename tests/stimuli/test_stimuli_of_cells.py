"""Parameters of stimuli that are arrays, one number a cell: each cell as with numbers."""

import copy
import itertools
import json
import pickle

import numpy as np
import pytest
from error_messages import raises
from hypothesis import given
from hypothesis import strategies as st

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.engine.stimulus_arguments import stimulus_of_cells
from pyhh_fast.neurons import wang_buzsaki

DT = 0.01
STEPS = 150
CELLS = 3

ARRAY = np.random.default_rng(1).normal(size=STEPS)


class Drawn:
    """A parameter: a number, an array of one, or of all cells; `of` gives that of one cell."""

    def __init__(self, values, kind=np.array):
        self.values, self.kind = values, kind

    def of(self, cell):
        if cell is None:
            return self.kind(self.values) if isinstance(self.values, list) else self.values
        if isinstance(self.values, list):
            return self.values[cell if len(self.values) > 1 else 0]
        return self.values


def parameters(low, high, numbers=st.floats):
    one = numbers(low, high)
    lists = st.lists(one, min_size=CELLS, max_size=CELLS) | st.lists(one, min_size=1, max_size=1)
    return st.builds(Drawn, one | lists, st.sampled_from([np.array, list]))


currents = parameters(-5, 5)
lengths = parameters(0.001, 0.9)
counts = parameters(0, 4, st.integers)
whole_steps = parameters(-60, 60, st.integers)


@st.composite
def stimuli_and_those_of_cells(draw):
    """Return a function that makes a stimulus of all cells, or of the one with a number."""
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from([*KINDS]))
        drawn = [draw(one) for one in KINDS[kind]]
        noise = kind in ("ornstein_uhlenbeck", "white_noise", "poisson_epsc", "rising")
        by = draw(st.none() | (whole_steps if noise or kind == "array" else parameters(-0.7, 0.9)))
        factor = draw(st.none() | currents.filter(lambda one: np.min(np.abs(one.values)) > 1e-9))
        terms.append((kind, drawn, noise, by, factor, draw(st.sampled_from("+-/"))))

    def make(cell):
        made = stimuli.constant(1)
        for kind, drawn, noise, by, factor, sign in terms:
            numbers = [one.of(cell) for one in drawn]
            one = MAKERS.get(kind) or getattr(stimuli, kind)
            one = one(*numbers, seed=7, cell=cell or 0) if noise else one(*numbers)
            if by is not None:
                delay = by.of(cell)
                one = one.shifted(np.multiply(delay, DT) if noise or kind == "array" else delay)
            number = 1 if factor is None else factor.of(cell)
            if sign == "/":
                made = made + one / number
            else:
                made = made + number * one if sign == "+" else made - one * number
        return made

    return make


KINDS = {
    "constant": [currents],
    "step": [currents, parameters(-0.5, 1), parameters(1, 2)],
    "pulses": [currents, lengths, parameters(0.9, 1.5), parameters(0, 0.7), counts],
    "dense pulses": [currents, parameters(0.001, 0.002), parameters(0.002, 0.02)],
    "ramp": [currents, currents, parameters(-0.5, 0.5), parameters(0.5, 2)],
    "sine": [currents, parameters(0, 3_000), currents],
    "chirp": [currents, parameters(0, 3_000), parameters(0, 3_000), lengths],
    "ornstein_uhlenbeck": [currents, lengths, lengths],
    "white_noise": [lengths],
    "poisson_epsc": [parameters(0, 9_000), currents, lengths],
    "rising": [parameters(0, 9_000), currents, parameters(0.5, 0.9), parameters(0, 0.5)],
    "function": [],
    "array": [],
}
MAKERS = {
    "rising": lambda rate, amplitude, tau, rise, **of: stimuli.poisson_epsc(
        rate, amplitude, tau, rise=rise, **of
    ),
    "dense pulses": stimuli.pulses,
    "function": lambda: stimuli.from_function(lambda t: t * t),
    "array": lambda: stimuli.from_array(ARRAY),
}


@given(make=stimuli_and_those_of_cells(), cuts=st.lists(st.integers(0, STEPS), max_size=3))
def test_cells_have_the_bits_of_a_stimulus_of_numbers(make, cuts):
    stimulus, of_cells = make(None), [make(cell) for cell in range(CELLS)]
    steps = min([STEPS, *(one._size(DT) for one in of_cells if one._size(DT) is not None)])
    expected = np.array([one.to_array(steps, DT) for one in of_cells])
    read = stimulus_of_cells(stimulus, CELLS, steps * DT, DT)
    values = np.empty((CELLS, steps))
    for start, stop in itertools.pairwise(sorted({0, *(min(cut, steps) for cut in cuts), steps})):
        read.begin(start, stop)
        for cells in (range(2), range(2, 3)):
            values[cells.start : cells.stop, start:stop] = read.values(cells, start, stop)
    read.close()
    np.testing.assert_array_equal(values, expected)
    for cell in range(CELLS):
        of_cell = stimulus.of_cell(cell)
        assert of_cell.cells is None
        np.testing.assert_array_equal(of_cell.to_array(steps, DT), expected[cell])
    if stimulus.cells == CELLS:
        np.testing.assert_array_equal(stimulus.to_array(steps, DT), expected)
        assert stimulus.differs_by_cell
        ends = [one.duration for one in of_cells]
        assert stimulus.duration == (None if None in ends else pytest.approx(max(ends)))


STEP = stimuli.step([5, 10, 20], [0.1, 0.2, 0.3], 1)
SUM = STEP * [1, 2, -1] + stimuli.sine(3, [50]).shifted([-0.1, 0.2, 0]) - 2
OTHERS = [
    stimuli.pulses(1, 0.1, [0.2, 0.3], count=[1, 2]),
    stimuli.chirp([1, 2], 3, 4, 5),
    stimuli.ornstein_uhlenbeck([1, 2], 3, 4, 5) / 3,
    stimuli.white_noise([1, 2], 3, "sqrt_ms").of_cell(1),
]


@pytest.mark.parametrize("stimulus", [STEP, SUM, *OTHERS], ids=str)
def test_copies_descriptions_and_reprs_are_equal(stimulus):
    description = json.loads(json.dumps(stimulus.description(), allow_nan=False))
    for one in (
        pickle.loads(pickle.dumps(stimulus)),
        copy.deepcopy(stimulus),
        stimuli.from_description(description),
        eval(repr(stimulus), vars(stimuli)),
    ):
        assert one == stimulus
        assert hash(one) == hash(stimulus)
        np.testing.assert_array_equal(one.to_array(200, DT), stimulus.to_array(200, DT))


def test_stimuli_with_other_arrays_differ():
    assert STEP != stimuli.step([5, 10, 21], [0.1, 0.2, 0.3], 1)
    assert stimuli.constant([3]) != stimuli.constant(3)
    assert SUM != SUM.of_cell(0)
    assert repr(stimuli.constant(np.arange(9))) == "constant(<9 values>)"
    assert (STEP.cells, SUM.cells, stimuli.sine(1, [2]).cells, (SUM.of_cell(1)).cells) == (
        *(3, 3, 1),
        None,
    )


def test_arrays_are_copied_and_cannot_be_written_to():
    given = np.array([1.0, 2.0])
    stimulus = stimuli.constant(given)
    given[0] = 9
    for one in (stimulus, copy.copy(stimulus), pickle.loads(pickle.dumps(stimulus))):
        np.testing.assert_array_equal(one.amplitude, [1, 2])
        with pytest.raises(ValueError, match="read-only"):
            one.amplitude[0] = 9


def test_one_number_in_an_array_is_that_of_all_cells():
    one = stimuli.step([5], 0.1, [0.7])
    number = stimuli.step(5, 0.1, 0.7)
    np.testing.assert_array_equal(one.to_array(99, DT), [number.to_array(99, DT)])
    assert one.of_cell(8) == number
    assert not one.differs_by_cell
    both = one + STEP
    np.testing.assert_array_equal(
        both.to_array(99, DT), one.to_array(99, DT) + STEP.to_array(99, DT)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: stimuli.constant([1, np.nan]),
            "amplitude must be a finite number, or a 1-D array of one for each cell (µA/cm²); got "
            "nan at index 1. Replace or remove it.",
        ),
        (
            lambda: stimuli.constant([[1.0], [2.0]]),
            "amplitude must be a finite number, or a 1-D array of one for each cell (µA/cm²); got "
            "2 dimensions, shape (2, 1).",
        ),
        (
            lambda: stimuli.pulses(1, [1, 0], 5),
            "width must be a positive, finite number, or a 1-D array of one for each cell (ms); "
            "got 0.0 at index 1.",
        ),
        (
            lambda: stimuli.pulses(1, [1, 2], 1.5),
            "period must be at least width, 2.0 (ms); got 1.5 at index 1.",
        ),
        (
            lambda: stimuli.step(1, 5, [6, 4]),
            "stop must be at least start, 5.0 (ms); got 4.0 at index 1.",
        ),
        (
            lambda: stimuli.sine(1, [3, -1]),
            "frequency must be 0 or more (Hz); got -1.0 at index 1.",
        ),
        (
            lambda: stimuli.pulses(1, 1, 2, count=[1, 2.5]),
            "count must be a whole number, 0 or more; got 2.5 at index 1.",
        ),
        (
            lambda: stimuli.chirp(1, 0, 1e6, [1, 1e12]),
            "duration must be at most 2^48 cycles of the chirp's highest frequency (ms); got "
            "1000000000000.0 at index 1. Check the units: frequencies are in Hz, times in ms.",
        ),
        (
            lambda: stimuli.ramp([-1e308, 0], 1e308, 0, 1),
            "last - first must be a finite number, or a 1-D array of one for each cell (µA/cm²); "
            "got inf at index 0. Replace or remove it.",
        ),
        (lambda: STEP / [1, 0, 2], "divisor must not be 0; got 0 at index 1."),
        (
            lambda: STEP * [1e300, 1, 1] * 1e300,
            "factor must be a finite number, or a 1-D array of one for each cell; got inf at index "
            "0. Replace or remove it.",
        ),
        (
            lambda: stimuli.step(1, [5, 6], [6, 7, 8]),
            "stop must have as many values as start, one for each cell, 2; got 3.",
        ),
        (
            lambda: stimuli.sine([1, 2], [1, 2, 3]),
            "frequency of sine must have as many values as amplitude of sine, one for each cell, "
            "2; got 3.",
        ),
        (
            lambda: STEP + stimuli.white_noise([1], 1) + stimuli.sine(1, [1, 2]),
            "frequency of sine must have as many values as amplitude of step, one for each cell, "
            "3; got 2.",
        ),
        (
            lambda: STEP * [1, 2],
            "factor must have as many values as amplitude of step, one for each cell, 3; got 2.",
        ),
        (
            lambda: STEP.shifted([1, 2]),
            "by must have as many values as amplitude of step, one for each cell, 3; got 2.",
        ),
        (lambda: STEP.of_cell(3), "cell must be a whole number from 0 to 2; got 3."),
        (
            lambda: stimuli.white_noise(1, 2).shifted([0.01, 0.025]).to_array(9, DT),
            "by must be a whole number of steps, where noise or an array is shifted (ms); got "
            "0.025 at dt 0.01.",
        ),
        (
            lambda: stimuli.poisson_epsc([1, 1e300], 1, 5, 1).to_array(9, DT),
            "rate must be at most 1000000 events a step (Hz); got 1e+300 at dt 0.01. Use "
            "ornstein_uhlenbeck, which so many add up to.",
        ),
    ],
)
def test_wrong_arrays_are_refused(make, message):
    with raises(ValueError, message):
        make()


def test_arrays_for_another_number_of_cells_are_refused():
    population = pyhh.Population.at_rest(4)
    with raises(
        ValueError,
        "amplitude of step must be a number, or an array of one for each cell; got 3 values for a "
        "population of size 4.",
    ):
        population.run(STEP, DT)
    for stimulus in ([1, 2] * stimuli.sine(1, 2), stimuli.sine(1, 2).shifted([3, -4])):
        with pytest.raises(ValueError, match=r"^(factor|by) must be a number, or an array of one"):
            population.run(stimulus, DT, duration=1)
    with raises(
        TypeError,
        "what a stimulus is added to, or subtracted from, must be a stimulus, a number or a "
        "function of t (µA/cm²); got [1, 2] (list). Pass one value a step as "
        "stimuli.from_array(values), one a cell as stimuli.constant(values).",
    ):
        stimuli.sine(1, 2) - [1, 2]


@pytest.mark.parametrize(
    "use",
    [
        lambda stimulus: pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, DT),
        lambda stimulus: stimulus.reader(DT),
        lambda stimulus: stimulus.plot(100, DT),
    ],
)
def test_one_cell_cannot_have_the_stimulus_of_several(use):
    with raises(
        ValueError,
        "stimulus must be of one cell; got step([5, 10, 20], [0.1, 0.2, 0.3], 1), of 3. Run a "
        "Population of as many, or take of_cell(number). For a product at each step pass "
        "stimuli.from_array(values * stimulus.to_array(steps, dt)).",
    ):
        use(STEP)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("neuron", [pyhh.HHModel.at_rest(), wang_buzsaki()], ids=repr)
def test_cells_of_a_population_have_the_currents_of_their_numbers(neuron, threads, monkeypatch):
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 77)
    amplitudes = np.linspace(0, 20, 20)
    stimulus = (
        stimuli.step(amplitudes, np.linspace(0.5, 3, 20), 12)
        + stimuli.pulses(3, 0.255, 5, count=np.arange(20))
        + np.linspace(-1, 1, 20) * stimuli.ornstein_uhlenbeck(0, 1, 5, seed=1)
    )
    options = {"record": ["Vm"], "threads": threads}
    got = pyhh.Population.from_model(neuron, 20).run(stimulus, DT, duration=15, **options)
    values = [stimulus.of_cell(cell).to_array(1_500, DT) for cell in range(20)]
    expected = pyhh.Population.from_model(neuron, 20).run(values, DT, **options)
    assert len(np.unique(expected.spike_counts)) > 1
    np.testing.assert_array_equal(got.Vm, expected.Vm)
    ends = pyhh.Population.from_model(neuron, 20).run(stimuli.step(amplitudes, 1, 12), DT)
    assert ends.steps == 1_200

"""Inputs that are conductances: their currents at 0 mV and their conductances, step by step."""

import copy
import itertools
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from error_messages import errors, raises
from hypothesis import given
from hypothesis import strategies as st
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from other_processes import ENVIRONMENT
from scipy import stats

from pyhh_fast import Nernst, stimuli
from pyhh_fast.engine.stimulus_arguments import stimulus_of_cells
from pyhh_fast.stimuli.of_parameters import fingerprint_of, sampled

DT, STEPS = 0.01, 300

NOISE = stimuli.ornstein_uhlenbeck(0.1, 0.2, 5, seed=1)
STEP = stimuli.step(0.3, 0.505, 2)
SINE = stimuli.sine(4, 100)
ARRAY = np.random.default_rng(2).random(STEPS)

EXAMPLES = {
    "constant": stimuli.conductance(0.25, -75),
    "step": stimuli.conductance(STEP, 10),
    "noise": stimuli.conductance(NOISE, -70),
    "synapses": stimuli.conductance(stimuli.poisson_epsc(9_000, 0.2, 1, 3), 0),
    "scaled": 0.5 * stimuli.conductance(NOISE - STEP, -80) / 3,
    "shifted": stimuli.conductance(NOISE, -80).shifted(0.3),
    "earlier": stimuli.conductance(STEP, -80).shifted(-0.7),
    "sum": 3 + stimuli.conductance(NOISE, 0) + SINE + stimuli.conductance(STEP, -75),
    "sum with array": stimuli.conductance(ARRAY, -75) - SINE,
}
PER_CELL = {
    "reversals": stimuli.conductance(NOISE, [-70, -80, 0]),
    "constants": stimuli.conductance(stimuli.constant([0.1, 0.2, 0]), -70) + SINE,
    "factors": [1, 2, 0] * stimuli.conductance(STEP, 0) + [1, -2, 3] * SINE,
    "shifts": stimuli.conductance(STEP + NOISE, 0).shifted([0, 0.2, 0.1]),
    "sum": SINE + stimuli.conductance(STEP, -75) + stimuli.conductance(0.1, [0, 5, 9]) + NOISE,
}
each = pytest.mark.parametrize("name", EXAMPLES)
for_cells = pytest.mark.parametrize("name", PER_CELL)


def test_currents_and_conductances_add_up():
    I, G = EXAMPLES["sum"].to_arrays(STEPS, DT)  # noqa: E741
    noise = np.maximum(NOISE.to_array(STEPS, DT), 0)
    step, sine = STEP.to_array(STEPS, DT), SINE.to_array(STEPS, DT)
    np.testing.assert_array_equal(G, noise + step)
    np.testing.assert_allclose(I, 3 + sine - 75 * step, rtol=1e-13, atol=1e-13)
    assert (noise == 0).any()
    np.testing.assert_array_equal(
        EXAMPLES["sum with array"].to_arrays(STEPS, DT), [-75 * ARRAY - sine, ARRAY]
    )


@pytest.mark.parametrize("g", [0.25, np.float32(0.25), lambda t: 0.25, stimuli.constant(0.25)])
def test_constants_functions_and_stimuli_of_one_number_are_the_same(g):
    I, G = stimuli.conductance(g, -60).to_arrays(3, DT)  # noqa: E741
    assert (I.tolist(), G.tolist()) == ([-15] * 3, [0.25] * 3)


def test_a_list_is_a_value_a_step():
    found = stimuli.conductance([1, 2, 0], 2)
    assert (found.steps, found.cells) == (3, None)
    np.testing.assert_array_equal(found.to_arrays(3, DT), [[2, 4, 0], [1, 2, 0]])


def test_what_does_not_conduct_has_conductances_of_zero():
    assert not (SINE + STEP).conducts
    I, G = (SINE + STEP).to_arrays(STEPS, DT)  # noqa: E741
    np.testing.assert_array_equal(I, (SINE + STEP).to_array(STEPS, DT))
    np.testing.assert_array_equal(G, np.zeros(STEPS))


def test_clipped_noise_has_the_moments_of_the_docstring():
    mean, sd = 0.1, 0.2
    _, G = stimuli.conductance(stimuli.white_noise(sd, seed=4) + mean, 0).to_arrays(10**6, DT)
    m = mean / sd
    expected = mean * stats.norm.cdf(m) + sd * stats.norm.pdf(m)
    assert G.mean() == pytest.approx(expected, abs=5 * sd / 1e3)
    assert (G == 0).mean() == pytest.approx(stats.norm.cdf(-m), abs=5 * 0.5 / 1e3)


def test_noise_of_mean_zero_or_with_what_may_outweigh_its_mean_is_clipped():
    below = NOISE - 0.2
    for g in (stimuli.white_noise(0.1, 3), -stimuli.white_noise(0.1, 3), 0 * below, below + STEP):
        _, G = stimuli.conductance(g, 0).to_arrays(STEPS, DT)
        np.testing.assert_array_equal(G, np.maximum(g.to_array(STEPS, DT), 0))


@each
def test_multiples_and_shifts_act_on_currents_and_conductances(name):
    stimulus = EXAMPLES[name]
    whole = np.array(stimulus.to_arrays(STEPS, DT))
    np.testing.assert_allclose((2.5 * stimulus).to_arrays(STEPS, DT), 2.5 * whole, rtol=1e-13)
    np.testing.assert_allclose((stimulus / 2.5).to_arrays(STEPS, DT), whole / 2.5, rtol=1e-13)
    later = np.array(stimulus.shifted(0.5).to_arrays(STEPS, DT))
    assert not later[:, :50].any()
    np.testing.assert_allclose(later[:, 50:], whole[:, :-50], rtol=1e-12, atol=1e-12)


@given(name=st.sampled_from([*EXAMPLES]), cuts=st.lists(st.integers(0, STEPS), max_size=4))
def test_pieces_of_any_length_have_the_bits_of_one(name, cuts):
    stimulus = EXAMPLES[name]
    whole, reader = np.array(stimulus.to_arrays(STEPS, DT)), stimulus.reader(DT)
    for start, stop in itertools.pairwise(sorted({0, *cuts, STEPS})):
        reader = stimulus.reader(DT, json.loads(json.dumps(reader.state)))
        np.testing.assert_array_equal(reader.read_arrays(stop - start), whole[:, start:stop])
    assert reader.step == STEPS


@given(name=st.sampled_from([*PER_CELL]), cuts=st.lists(st.integers(0, STEPS), max_size=3))
def test_cells_have_the_bits_of_their_own_stimulus(name, cuts):
    stimulus = PER_CELL[name]
    expected = np.array([stimulus.of_cell(cell).to_arrays(STEPS, DT) for cell in range(3)])
    read = stimulus_of_cells(stimulus, 3, STEPS * DT, DT)
    assert read.conducts
    for start, stop in itertools.pairwise(sorted({0, *cuts, STEPS})):
        read.begin(start, stop)
        for cells in (range(2), range(2, 3)):
            part = expected[cells.start : cells.stop, :, start:stop]
            np.testing.assert_array_equal(read.values(cells, start, stop), part[:, 0])
            np.testing.assert_array_equal(read.conductances(cells, start, stop), part[:, 1])
    read.close()


@for_cells
def test_arrays_of_all_cells_have_a_row_for_each(name):
    stimulus = PER_CELL[name]
    rows = [stimulus.of_cell(cell).to_arrays(STEPS, DT) for cell in range(3)]
    if stimulus.cells == 3:
        found = stimulus.to_arrays(STEPS, DT)
        np.testing.assert_array_equal(found, np.swapaxes(rows, 0, 1))


@pytest.mark.parametrize("stimulus", [0.1, ARRAY, NOISE])
def test_stimuli_of_cells_without_conductances_have_none(stimulus):
    read = stimulus_of_cells(stimulus, 2, None if stimulus is ARRAY else 1, DT)
    read.begin(0, 10)
    read.values(range(2), 0, 10)
    assert not read.conducts
    assert read.conductances(range(2), 0, 10) is None
    read.close()


def test_stimulus_that_all_cells_share_is_read_once():
    stimulus = EXAMPLES["step"] + SINE
    read = stimulus_of_cells(stimulus, 3, STEPS * DT, DT)
    read.begin(0, STEPS)
    G = read.conductances(range(1, 3), 0, STEPS)
    assert (G.shape, G.strides[0]) == ((2, STEPS), 0)
    np.testing.assert_array_equal(G[1], stimulus.to_arrays(STEPS, DT)[1])
    read.close()


@pytest.mark.parametrize("stimulus", [*EXAMPLES.values(), *PER_CELL.values()], ids=str)
def test_copies_pickles_descriptions_and_reprs_are_equal(stimulus):
    others = [pickle.loads(pickle.dumps(stimulus)), copy.deepcopy(stimulus)]
    if "array" not in repr(stimulus):
        description = json.loads(json.dumps(stimulus.description(), allow_nan=False))
        others += [stimuli.from_description(description), eval(repr(stimulus), vars(stimuli))]
    for one in others:
        assert one == stimulus
        assert hash(one) == hash(stimulus)
        assert fingerprint_of(one) == fingerprint_of(stimulus)
        np.testing.assert_array_equal(one.to_arrays(99, DT), stimulus.to_arrays(99, DT))


def test_conductances_that_differ_are_not_equal():
    every = [*EXAMPLES.values(), *PER_CELL.values(), stimuli.conductance(0.25, -74)]
    assert len(set(every)) == len(every)
    assert stimuli.conductance(0.25, -75) == stimuli.conductance(stimuli.constant(0.25), -75.0)
    assert repr(stimuli.conductance(NOISE, [1, 2])) == (
        "conductance(ornstein_uhlenbeck(0.1, 0.2, 5, 1), [1, 2])"
    )


def test_ends_and_numbers_of_steps_are_those_of_g():
    assert (EXAMPLES["step"].duration, EXAMPLES["noise"].duration) == (2.0, None)
    assert (EXAMPLES["sum with array"].steps, EXAMPLES["step"].steps) == (STEPS, None)
    assert (EXAMPLES["earlier"].duration, EXAMPLES["sum"].differs_by_cell) == (1.3, True)
    assert EXAMPLES["noise"].of_cell(3) == stimuli.conductance(NOISE.of_cell(3), -70)


@each
def test_half_the_step_follows_the_same_path(name):
    stimulus = EXAMPLES[name]
    finer = np.array(stimulus._refined().to_arrays(2 * STEPS, DT / 2))
    whole = np.array(stimulus.to_arrays(STEPS, DT))
    coarser = (finer[:, ::2] + finer[:, 1::2]) / 2
    np.testing.assert_allclose(coarser, whole, atol=0.01)


@pytest.mark.parametrize("stimulus", [*EXAMPLES.values(), *PER_CELL.values()], ids=str)
def test_sampled_stimuli_have_the_same_values(stimulus):
    found = sampled(stimulus, STEPS, DT)
    for cell in range(3):  # all have the noise of the first
        expected = stimulus._of_cells(cell, 0).to_arrays(STEPS, DT)
        np.testing.assert_allclose(
            found._of_cells(cell, 0).to_arrays(STEPS, DT), expected, rtol=1e-14, atol=1e-14
        )


CODE = """
import sys
from test_conductances import EXAMPLES
for stimulus in EXAMPLES.values():
    for values in stimulus.to_arrays(300, 0.01):
        sys.stdout.buffer.write(values)
"""


def test_values_do_not_depend_on_numpys_instruction_sets(request):
    dispatched = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    values = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        cwd=request.path.parent,
        env=ENVIRONMENT | {"NPY_DISABLE_CPU_FEATURES": dispatched},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    here = [np.array(stimulus.to_arrays(STEPS, DT)).tobytes() for stimulus in EXAMPLES.values()]
    assert values == b"".join(here)


CONSTANT = EXAMPLES["constant"]
NOT_NEGATIVE = "Conductances are never negative: one of noise is clipped at 0, others are refused."
BELOW = (
    "It is clipped at 0, and little of this is left; inhibition has a low reversal, not a negative "
    "g."
)
CASES = {
    TypeError: [
        (
            lambda: stimuli.conductance(0.1, Nernst("Ca", outside=2, celsius=9)),
            "reversal must be a finite number, or a 1-D array of one for each cell (mV); got "
            "Nernst('Ca', outside=2, celsius=9). One that follows calcium is that of a Channel "
            "alone.",
        ),
        (
            lambda: stimuli.conductance("0.1", 0),
            "g must be a number, an array of a value a step, a stimulus or a function of t "
            "(mS/cm²); got '0.1' (str).",
        ),
        (
            lambda: stimuli.conductance(CONSTANT, 0),
            "g must be a stimulus without a conductance; got conductance(0.25, -75). Add "
            "conductances by +.",
        ),
        (
            lambda: stimuli.conductance(0.1, "0"),
            "reversal must be a finite number (mV); got '0' (str).",
        ),
        (
            lambda: stimuli.conductance(0.1j, 0),
            "g must be a finite number (mS/cm²); got 0.1j.",
        ),
        (
            lambda: stimuli.conductance(["a"], 0),
            "g must be a 1-D array of finite numbers (mS/cm²); got ['a'] (list), an array of <U1. "
            "Convert it to numbers first.",
        ),
    ],
    ValueError: [
        (
            lambda: stimuli.conductance(-0.1, 0),
            "g must be a finite number, 0 or more (mS/cm²); got -0.1.",
        ),
        (
            lambda: stimuli.conductance(np.nan, 0),
            "g must be a finite number (mS/cm²); got nan.",
        ),
        (
            lambda: stimuli.conductance(0.1, [0, np.inf]),
            "reversal must be a finite number, or a 1-D array of one for each cell (mV); got inf "
            "at index 1. Replace or remove it.",
        ),
        (
            lambda: stimuli.conductance(stimuli.constant([0.1, -1]), 0),
            "g must be 0 or more (mS/cm²); got -1.0 at index 1.",
        ),
        (
            lambda: stimuli.conductance([0.1, -0.2], 0),
            f"g must be 0 or more (mS/cm²); got -0.2 at index 1. {NOT_NEGATIVE}",
        ),
        (
            lambda: stimuli.conductance([0.1, np.nan], 0),
            "g must be a 1-D array of finite numbers (mS/cm²); got nan at index 1. Replace or "
            "remove it.",
        ),
        (
            lambda: stimuli.conductance(np.zeros((2, 3)), 0),
            "g must be a 1-D array of finite numbers (mS/cm²); got 2 dimensions, shape (2, 3).",
        ),
        (
            lambda: stimuli.conductance(stimuli.step(-1, 1, 2), 0).to_arrays(200, DT),
            f"g must be 0 or more (mS/cm²); got -1.0 at index 100. {NOT_NEGATIVE}",
        ),
        (
            lambda: stimuli.conductance(lambda t: np.where(t < 1, 0, np.nan), 0).to_arrays(101, DT),
            "g must be a function of t (ms) that returns a finite number (mS/cm²); got nan at t = "
            "1.005 ms.",
        ),
        (
            lambda: stimuli.conductance(stimuli.constant([1, 2]), [1, 2, 3]),
            "amplitude of constant must have as many values as reversal, one for each cell, 3; "
            "got 2.",
        ),
        (
            lambda: stimuli.conductance(stimuli.ornstein_uhlenbeck(-1, 0.02, 3, seed=1), 0),
            f"g must be of a mean of 0 or more (mS/cm²); got noise of mean -1. {BELOW}",
        ),
        (
            lambda: stimuli.conductance(-NOISE.shifted(1) / 2, 0),
            f"g must be of a mean of 0 or more (mS/cm²); got noise of mean -0.05. {BELOW}",
        ),
        (
            lambda: stimuli.conductance(NOISE - [0.1, 0.3] * stimuli.constant(1), 0),
            "g must be of a mean of 0 or more (mS/cm²); got noise of mean -0.2 at index 1. "
            + BELOW,
        ),
        (
            lambda: -CONSTANT,
            "factor must be 0 or more, where a conductance is in the stimulus; got -1. "
            + NOT_NEGATIVE,
        ),
        (
            lambda: (SINE + CONSTANT) * [1, -2],
            "factor must be 0 or more, where a conductance is in the stimulus; got -2.0 at index "
            f"1. {NOT_NEGATIVE}",
        ),
        (
            lambda: CONSTANT / -2,
            "divisor must be 0 or more, where a conductance is in the stimulus; got -2. "
            + NOT_NEGATIVE,
        ),
        (
            lambda: SINE - CONSTANT,
            "what is subtracted from a stimulus must be a stimulus without a conductance; got "
            f"conductance(0.25, -75). {NOT_NEGATIVE}",
        ),
        (
            lambda: 3 - CONSTANT,
            "factor must be 0 or more, where a conductance is in the stimulus; got -1. "
            + NOT_NEGATIVE,
        ),
        (
            lambda: CONSTANT.to_array(3, DT),
            "stimulus must be of currents alone; got conductance(0.25, -75), which conducts. Use "
            "to_arrays(steps, dt): of what conducts there are I and G, and the membrane gets "
            "I - G V.",
        ),
        (
            lambda: CONSTANT.reader(DT).read(3),
            "stimulus must be of currents alone; got conductance(0.25, -75), which conducts. Use "
            "read_arrays(steps): of what conducts there are I and G, and the membrane gets "
            "I - G V.",
        ),
        (
            lambda: stimuli.from_description({"kind": "conductance", "g": {}, "reversal": 0}),
            "description['g'] must be a dict with one of constant, step, pulses, ramp, sine, "
            "chirp, ornstein_uhlenbeck, white_noise, poisson_epsc, from_array, from_function, "
            "scaled, shifted as its 'kind'; got {} (dict).",
        ),
        (
            lambda: stimuli.from_description({"kind": "conductance", "reversal": 0}),
            "description of kind conductance must have g, reversal, and nothing else; got "
            "{'kind': 'conductance', 'reversal': 0} (dict).",
        ),
    ],
    stimuli.SourceNeeded: [
        (
            lambda: stimuli.from_description(EXAMPLES["sum with array"].description()),
            "description['parts'][0]['g'] must be of a stimulus without an array; got one of 300 "
            "values. Pass the array again, to from_array.",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "call", "message"), errors(CASES))
def test_wrong_use_is_refused(kind, call, message):
    with raises(kind, message):
        call()


def test_errors_of_a_function_keep_their_kind_and_notes():
    def wrong(t):
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError) as caught:
        stimuli.conductance(wrong, 0).to_arrays(3, DT)
    assert caught.value.__notes__ == ["In the function that is the stimulus, at t = 0.005 ms."]

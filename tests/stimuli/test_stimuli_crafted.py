"""Crafted descriptions and states of stimuli are refused."""

import re

import numpy as np
import pytest
from error_messages import raises
from stimulus_arguments import NOISE, SEED, SYNAPSES

from pyhh_fast import stimuli
from pyhh_fast.stimuli import descriptions

KINDS = ", ".join(descriptions._KINDS)
OTHERS = "from_array, from_function, scaled, shifted, conductance"
A_DICT = f"must be a dict with one of {KINDS}, {OTHERS} as its 'kind'"
ONE = f"description {A_DICT}"
PARTS = "description['parts']"
OF_KIND = "description of kind"
ANY_STEP = f"must be a whole number from 0 to {2**48}"

STEP = stimuli.step(1, 2, 3).description()
SHOWN_STEP = "{'amplitude': 1.0, 'kind': 'step', 'start': 2.0, 'stop': 3.0}"
NESTED = {"kind": "sum", "parts": [STEP, {"kind": "sum", "parts": [STEP, STEP]}]}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (None, f"{ONE}; got None (NoneType)."),
        ([], f"{ONE}; got [] (list)."),
        ({}, f"{ONE}; got {{}} (dict)."),
        ({"kind": ["step"]}, f"{ONE}; got {{'kind': ['step']}} (dict)."),
        ({"kind": "os"}, f"{ONE}; got {{'kind': 'os'}} (dict)."),
        ({"kind": "__add__"}, f"{ONE}; got {{'kind': '__add__'}} (dict)."),
        ({"kind": "from_description"}, f"{ONE}; got {{'kind': 'from_description'}} (dict)."),
        (
            {"kind": "constant"},
            f"{OF_KIND} constant must have amplitude, and nothing else; "
            "got {'kind': 'constant'} (dict).",
        ),
        (
            {"kind": "constant", "amplitude": 1, "x": 2},
            f"{OF_KIND} constant must have amplitude, and nothing else; "
            "got {'amplitude': 1, 'kind': 'constant', 'x': 2} (dict).",
        ),
        (
            STEP | {"start": "1"},
            "start must be a finite number (ms); got '1' (str). Pass it in ms, as a number.",
        ),
        (STEP | {"start": {}}, "start must be a finite number (ms); got {} (dict)."),
        (
            STEP | {"amplitude": float("nan")},
            "amplitude must be a finite number (µA/cm²); got nan.",
        ),
        (
            STEP | {"amplitude": 10**400},
            f"amplitude must be a finite number (µA/cm²); got {10**400}.",
        ),
        (NOISE.description() | {"seed": 2.5}, f"{SEED}; got 2.5."),
        (NOISE.description() | {"seed": 1e300}, f"{SEED}; got 1e+300."),
        (
            {"kind": "sum"},
            f"{OF_KIND} sum must have parts, and nothing else; got {{'kind': 'sum'}} (dict).",
        ),
        (
            {"kind": "sum", "parts": STEP},
            f"{PARTS} must be a list of two or more; got {SHOWN_STEP} (dict).",
        ),
        (
            {"kind": "sum", "parts": [STEP]},
            f"{PARTS} must be a list of two or more; got [{SHOWN_STEP}] (list).",
        ),
        ({"kind": "sum", "parts": [STEP, 1]}, f"{PARTS}[1] {A_DICT}; got 1."),
        (
            {"kind": "from_array"},
            f"{OF_KIND} from_array must have steps, and nothing else; "
            "got {'kind': 'from_array'} (dict).",
        ),
        ({"kind": "from_array", "steps": -1}, "steps must be a whole number, 0 or more; got -1."),
    ],
)
def test_crafted_descriptions_are_refused(description, message):
    with raises(ValueError, message) as caught:
        stimuli.from_description(description)
    assert type(caught.value) is ValueError


def test_nested_descriptions_are_refused():
    with pytest.raises(ValueError, match=re.escape(f"{PARTS}[1] {A_DICT}")):
        stimuli.from_description(NESTED)
    deep = STEP
    for _ in range(100_000):
        deep = {"kind": "sum", "parts": [STEP, deep]}
    with pytest.raises(ValueError, match=re.escape(f"{PARTS}[1] {A_DICT}")):
        stimuli.from_description(deep)
    while "parts" in deep:  # or Python takes it apart recursively
        deep = deep["parts"].pop()


def test_description_of_an_array_asks_for_the_array():
    array = stimuli.from_array(np.zeros(1_000))
    for stimulus, name in ((array, "description"), (NOISE + array, f"{PARTS}[1]")):
        with raises(
            stimuli.SourceNeeded,
            f"{name} must be of a stimulus without an array; got one of 1000 values. "
            "Pass the array again, to from_array.",
        ):
            stimuli.from_description(stimulus.description())


# States

SUM = NOISE + SYNAPSES
SAME = "Pass the state of a reader of the same stimulus."
SUMMED = {"step": 1, "parts": [{"step": 1, "deviation": 0.5}, {}]}
EVENTS = {"step": 5, "current": 1.0, "next_step": 9, "lead": 0.5, "event": 3}


@pytest.mark.parametrize(
    ("stimulus", "state", "message"),
    [
        (stimuli.constant(1), [], f"state must be a dict with step; got [] (list). {SAME}"),
        (
            NOISE,
            {"step": 3},
            f"state must be a dict with step, deviation; got {{'step': 3}} (dict). {SAME}",
        ),
        (
            stimuli.constant(1),
            {"step": 3, "x": 1},
            f"state must be a dict with step; got {{'step': 3, 'x': 1}} (dict). {SAME}",
        ),
        (stimuli.constant(1), {"step": -1}, f"state['step'] {ANY_STEP}; got -1."),
        (stimuli.constant(1), {"step": 1.5}, f"state['step'] {ANY_STEP}; got 1.5."),
        (stimuli.constant(1), {"step": 2**70}, f"state['step'] {ANY_STEP}; got {2**70}."),
        (stimuli.constant(1), {"step": None}, f"state['step'] {ANY_STEP}; got None (NoneType)."),
        (
            stimuli.from_array([1, 2]),
            {"step": 3},
            "state['step'] must be a whole number from 0 to 2; got 3.",
        ),
        (
            NOISE,
            {"step": 1, "deviation": "0"},
            "state['deviation'] must be a finite number; got '0' (str).",
        ),
        (
            NOISE,
            {"step": 1, "deviation": np.inf},
            "state['deviation'] must be a finite number; got inf.",
        ),
        (SYNAPSES, EVENTS | {"lead": 1.0}, "state['lead'] must be 0 or more, below 1; got 1.0."),
        (SYNAPSES, EVENTS | {"lead": -0.1}, "state['lead'] must be 0 or more, below 1; got -0.1."),
        (SYNAPSES, EVENTS | {"lead": np.nan}, "state['lead'] must be a finite number; got nan."),
        (
            SYNAPSES,
            EVENTS | {"current": np.nan},
            "state['current'] must be a finite number; got nan.",
        ),
        (SYNAPSES, EVENTS | {"next_step": 4}, "state['next_step'] must be 6 or more; got 4."),
        (SYNAPSES, EVENTS | {"event": 0}, "state['event'] must be 1 or more; got 0."),
        (
            SYNAPSES,
            EVENTS | {"event": 2**63},
            f"state['event'] must be a whole number from 0 to {2**62}; got {2**63}.",
        ),
        (
            SUM,
            SUMMED | {"parts": []},
            f"state['parts'] must be a list of 2 states; got [] (list). {SAME}",
        ),
        (
            SUM,
            SUMMED,
            "state['parts'][1] must be a dict with step, current, next_step, lead, event; "
            f"got {{}} (dict). {SAME}",
        ),
        (
            SUM,
            SUMMED | {"parts": [SUMMED["parts"][0], EVENTS]},
            "state['parts'][1]['step'] must be 1, as that of the sum; got 5.",
        ),
    ],
)
def test_crafted_states_are_refused(stimulus, state, message):
    with raises(ValueError, message):
        stimulus.reader(0.01, state)


def test_order_of_keys_of_a_state_does_not_matter():
    reader = SYNAPSES.reader(0.01)
    reader.read(500)
    shuffled = dict(reversed(reader.state.items()))
    np.testing.assert_array_equal(SYNAPSES.reader(0.01, shuffled).read(999), reader.read(999))

"""The stimulus of a stored run: what its store holds of it, and the same one for a resumed run.

storage/resume.py uses it. A store does not hold the values of arrays or functions, but a
fingerprint by which they are recognised when they are given again.
"""

from typing import Any, NamedTuple

import numpy as np

from pyhh_fast import stimuli, validation
from pyhh_fast.engine.read_ahead import fingerprint
from pyhh_fast.engine.stimulus_arguments import steps_of
from pyhh_fast.recording import RunStimulus
from pyhh_fast.stimuli.functions import as_stimulus
from pyhh_fast.typing import FloatArray

ARRAY = {"kind": "array"}
"""The description of a plain array."""


def description_of(stimulus: RunStimulus) -> dict[str, Any]:
    """Return what a store holds of a stimulus."""
    return ARRAY if isinstance(stimulus, np.ndarray) else stimulus.description()


class NeedsArray(NamedTuple):
    """A stimulus of which a store knows all but the values of an array or a function."""

    description: dict[str, Any]


def rebuilt(description: Any) -> stimuli.Stimulus | NeedsArray:
    """Return the stimulus with this description, as far as it is known."""
    if description == ARRAY:
        return NeedsArray(description)
    try:
        made = stimuli.from_description(description)
    except stimuli.SourceNeeded:
        return NeedsArray(description)
    made._check_of_one_cell()
    return made


def same_stimulus(
    kept: stimuli.Stimulus | NeedsArray, given: Any, dt: float, steps: int, state: dict[str, Any]
) -> RunStimulus:
    """Return the stimulus of a stored run: rebuilt, or given again, if it is the same so far."""
    if isinstance(kept, NeedsArray) and given is None:
        raise ValueError(
            "stimulus must be given again, because a store does not hold the values of an array "
            f"or a function; got None. Pass {_text(kept.description)} to "
            "Simulation.resume(..., stimulus=...)."
        )
    if isinstance(kept, NeedsArray) and kept.description == ARRAY:
        wave = _given_array(given, steps)
        if fingerprint(wave, state["step"]) != state["stimulus"]:
            raise ValueError("stimulus must be that of the run; got an array with other values.")
        return wave
    shown, advice = repr(kept), ""
    if isinstance(kept, NeedsArray):
        shown = _text(kept.description)
        advice = " Give that stimulus itself again, with its arrays and functions"
        advice += ", not an array alone." if "conductance" in shown else "."
    if given is None:
        given = kept
    elif (made := as_stimulus(given)) is not None:
        given = made
    elif validation.is_scalar(given):
        given = stimuli.constant(validation.real_number("stimulus", given, unit="µA/cm²"))
    else:
        raise TypeError(
            f"stimulus must be that of the run, {shown}; got {validation.shown(given)}."
            + (advice or " Leave it out: the store holds it.")
        )
    assert isinstance(given, stimuli.Stimulus)
    description = kept.description if isinstance(kept, NeedsArray) else kept.description()
    if not _alike(given.description(), description):
        raise ValueError(f"stimulus must be that of the run, {shown}; got {given!r}.{advice}")
    steps_of(given, steps * dt, dt)
    return given


def _text(description: Any) -> str:
    """Return a description, or what is in it, in words for a message."""
    if isinstance(description, list):
        return " + ".join(map(_text, description))
    if not isinstance(description, dict):
        return repr(description).removesuffix(".0")
    kind = str(description.get("kind"))
    values = ", ".join(_text(value) for key, value in description.items() if key != "kind")
    in_words = {
        "array": "an array",
        "from_array": f"an array of {values} values",
        "from_function": "a function",
        "sum": values,
    }
    return in_words.get(kind, f"{kind}({values})")


def _given_array(given: Any, steps: int) -> FloatArray:
    wave = validation.waveform("stimulus", given, advice="Pass the array that was run.")
    if wave.size < steps:
        raise ValueError(
            f"stimulus must have a value for each of {steps} steps; got {wave.size}. Pass the "
            "array that was run, or a longer one."
        )
    return wave[:steps]


def _alike(description: Any, other: Any) -> bool:
    """Whether two stimuli are the same, apart from the lengths of arrays."""
    if isinstance(description, list) and isinstance(other, list):
        return len(description) == len(other) and all(map(_alike, description, other))
    if not isinstance(description, dict) or not isinstance(other, dict):
        return bool(description == other)
    if description.get("kind") == other.get("kind") == "from_array":
        return True
    return description.keys() == other.keys() and all(
        _alike(value, other[key]) for key, value in description.items()
    )

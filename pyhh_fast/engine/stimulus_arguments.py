"""Validation of a stimulus and of the duration that is passed with it; simulations, populations,
sweeps and stores use it before a run.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast import rate_tables, validation
from pyhh_fast.engine.read_ahead import CellStimulus, OwnStimulus, SharedStimulus
from pyhh_fast.recording import RunStimulus, array_of_steps
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from pyhh_fast.stimuli import Stimulus


def normalise_stimulus(stimulus: Any, duration: Any, dt: float) -> tuple[RunStimulus, int]:
    """Return the stimulus of one cell as a run takes it, and the number of steps.

    Raise TypeError or ValueError if it is no number, stimulus, function or 1-D array of finite
    numbers, or does not go with `duration`.
    """
    if validation.is_scalar(stimulus):
        from pyhh_fast.stimuli.waveforms import constant  # here, because arrays do not need it

        number, steps = _constant(stimulus, duration, dt)
        return constant(number), steps
    if callable(stimulus) or hasattr(type(stimulus), "reader"):
        from pyhh_fast.stimuli.functions import as_stimulus  # as above

        made = as_stimulus(stimulus)
        if made is not None:
            made._check_of_one_cell()
            return made, steps_of(made, duration, dt)
    advice = "Pass one value a step, or a number with duration=..."
    values = validation.waveform("stimulus", stimulus, advice=advice)
    if duration is not None:
        raise ValueError(
            f"duration must be left out where stimulus is an array; got {duration}. "
            "The array's length gives the number of steps."
        )
    return values, values.size


def check_command(V: Any) -> None:
    """Raise ValueError where the command of a voltage clamp is a stimulus that conducts."""
    if getattr(V, "conducts", False) is True:
        advice = "Under voltage clamp V does not depend on it, and its current is g (V - reversal)."
        rule, got = "a potential, without a conductance", repr(V)
        raise ValueError(validation.message("V", rule, got, advice, unit="mV"))


def in_range(name: str, values: FloatArray, *, neuron: bool, first: int = 0, cell: int = 0) -> None:
    """Raise ValueError where a potential (mV) is beyond the rates that there are.

    Parameters
    ----------
    values : ndarray, shape (), (steps,) or (cells, steps), mV
        With any strides.
    neuron : bool
        Whether it is a neuron's, and not a model's.
    first, cell : int, default 0
        Numbers of the first step and of the first cell.
    """
    largest = rate_tables.LARGEST_V
    if neuron:
        from pyhh_fast.channels.gate_table import LARGEST_V as largest  # models do not need it

    # What is repeated is looked at once.
    some = values[tuple(slice(1 if stride == 0 else None) for stride in values.strides)]
    if some.size == 0 or (some.min() > -largest and some.max() < largest):
        return
    at = np.unravel_index(int(np.argmax(~(np.abs(some) < largest))), some.shape)
    begins = (cell, first)[2 - some.ndim :]
    own = zip(at, begins, values.strides, strict=True)
    place = tuple(int(i) + begin for i, begin, stride in own if stride)
    got = str(some[at])
    if place:
        got += f" at index {place[0] if len(place) == 1 else place}"
    rule = f"above -{largest:g} and below {largest:g}"
    advice = "A neuron's tables end there." if neuron else "Check its unit."
    raise ValueError(validation.message(name, rule, got, advice, unit="mV"))


def stimulus_of_cells(
    stimulus: Any, size: int, duration: Any, dt: float, streams: Sequence[int] | None = None
) -> CellStimulus:
    """Return the stimulus of `size` cells as their run takes it.

    Noise of cell i is that of stream ``streams[i]``, by default i.
    """
    from pyhh_fast.stimuli.functions import as_stimulus
    from pyhh_fast.stimuli.parameters import check_lengths

    made = as_stimulus(stimulus)
    if made is None:
        return CellStimulus(_currents_of_cells(stimulus, size, duration, dt))
    check_lengths(made._arrays(), size)
    if made.cells == 1:
        made = made._of_cells(0, 0)
    steps = steps_of(made, duration, dt)
    if made.differs_by_cell:
        return OwnStimulus(made, size, steps, dt, streams)
    values = array_of_steps(made, steps)
    if values is not None:
        return CellStimulus(np.broadcast_to(values, (size, steps)))
    return SharedStimulus(made, size, steps, dt)


def _currents_of_cells(stimulus: Any, size: int, duration: Any, dt: float) -> FloatArray:
    """Return currents of shape (size, steps): as given, or a view that repeats them."""
    if validation.is_scalar(stimulus):
        current, steps = _constant(stimulus, duration, dt)
        return np.broadcast_to(np.float64(current), (size, steps))
    rule = "an array of finite numbers, of 1 or 2 dimensions"
    advice = f"Pass shape (steps,), ({size}, steps), or with duration=... a number or ({size},)."
    given = validation.array_of_numbers(
        "stimulus", stimulus, rule, dimensions=(1, 2), unit="µA/cm²", advice=advice
    )
    if given.ndim == 2 and duration is not None:
        raise ValueError(
            f"duration must be left out where stimulus has two dimensions; got {duration}. "
            "The array's second dimension gives the number of steps."
        )
    if given.ndim == 2 and len(given) != size:
        got = f"{len(given)} rows for a population of size {size}"
        rule = "one row for each cell"
        raise ValueError(validation.message("stimulus", rule, got, advice, unit="µA/cm²"))
    if duration is None:
        return np.broadcast_to(given, (size, given.shape[-1]))
    if given.size != size:
        got = f"{given.size} values for a population of size {size}"
        rule, advice = "one value for each cell, where duration is given", "For a value a step "
        advice += "leave duration out."
        if size == 1:
            rule, got = "a number, where duration is given", f"{given.size} values"
        raise ValueError(validation.message("stimulus", rule, got, advice, unit="µA/cm²"))
    return np.broadcast_to(given[:, np.newaxis], (size, validation.steps_in(duration, dt)))


def _constant(stimulus: Any, duration: Any, dt: float) -> tuple[float, int]:
    """Return the value of a constant stimulus and the number of steps that it lasts."""
    current = validation.real_number("stimulus", stimulus, unit="µA/cm²")
    if duration is None:
        raise ValueError(
            "duration must be given with a constant stimulus (ms); got None. Pass duration=..."
            ", or an array with one value a step."
        )
    return current, validation.steps_in(duration, dt)


def steps_of(stimulus: "Stimulus", duration: Any, dt: float) -> int:
    """Return the number of steps of a stimulus that is computed, or fetched, as it is needed.

    Without a `duration` it is that of the stimulus, its last step begun if not whole.
    """
    available = stimulus._size(dt)
    if duration is not None:
        steps = validation.steps_in(duration, dt)
        if available is not None and steps > available:
            raise ValueError(
                f"duration must be at most that of the stimulus (ms); got {duration}, which is "
                f"{steps} steps of {dt}, and the stimulus has {available}."
            )
        return steps
    if available is not None:
        return available
    if stimulus.duration is None:
        raise ValueError(
            "duration must be given with a stimulus that has no end (ms); got None. Pass "
            "duration=..."
        )
    whole, rest = validation.whole_steps(stimulus.duration, dt)
    if whole >= validation.MOST_STEPS:
        advice = "Check the units of stimulus and dt: both are in ms."
        rule = f"at most {validation.MOST_STEPS} steps"
        got = f"{stimulus.duration} at dt {dt}"
        raise ValueError(validation.message("duration", rule, got, advice))
    return whole + (rest > 0)

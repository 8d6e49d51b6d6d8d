"""Stimuli that a function makes of parameters: axes of a sweep, or columns of a simulator.

It is called with arrays, and returns a stimulus with arrays as parameters.
"""

import hashlib
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.arrays import from_array
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.combinations import Scaled, Shifted, Sum
from pyhh_fast.stimuli.conductances import conductance
from pyhh_fast.stimuli.parameters import check_lengths
from pyhh_fast.stimuli.waveforms import constant
from pyhh_fast.typing import FloatArray

MakesStimulus = Callable[..., Stimulus]


def arguments_of(stimulus: Any, names: Iterable[Any], known: Collection[str]) -> tuple[str, ...]:
    """Return which names are arguments of a function that makes a stimulus.

    Parameters
    ----------
    stimulus : object
        As a user gives it. A function is one of the time where all names are known.
    names : iterable
        Of the parameters that there are.
    known : collection of str
        Those of the model, or neuron.

    Raises
    ------
    ValueError
        If an argument without a default is a name that is known, or none of the names that are
        not; or if one of these is hardly meant for anything but such an argument.
    """
    unknown = [name for name in names if isinstance(name, str) and name not in known]
    if isinstance(stimulus, Stimulus) or not callable(stimulus):
        return ()
    try:
        signature = inspect.signature(stimulus).parameters.values()
    except (TypeError, ValueError):  # of a function of C
        return ()
    named = [one for one in signature if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    arguments = tuple(one.name for one in named if one.name in unknown)
    others = [one.name for one in named if one.default is one.empty and one.name not in unknown]
    _check_not_known(others, known)
    _check_spelling(unknown, [one.name for one in named], known)
    if arguments and others:
        rule = f"a function of {', '.join(unknown)}"
        advice = "Name it among them, or give it a default."
        raise ValueError(validation.message("stimulus", rule, f"one of {others[0]}, too", advice))
    return arguments


def _check_not_known(arguments: Iterable[str], known: Collection[str]) -> None:
    """Raise ValueError if an argument of a function has a name of something else."""
    for name in filter(known.__contains__, arguments):
        what = "added to the stimulus" if name == "current" else "a parameter of the model"
        rule = "a function of t (ms), or of names that the model does not have"
        got, advice = (
            f"one of {name}, which is {what}",
            "Rename the argument, wherever it is named.",
        )
        raise ValueError(validation.message("stimulus", rule, got, advice))


def _check_spelling(unknown: Iterable[str], arguments: list[str], known: Iterable[str]) -> None:
    """Raise ValueError if a name is more like an argument of a function than any that is known."""
    left = [name for name in arguments if name not in unknown]
    for name in unknown:
        meant = validation.closest_name(name, [*known, *left], cutoff=0.6)
        if name not in arguments and meant in map("Did you mean {}?".format, left):
            rule, got = f"a function of {name}", f"one of {', '.join(arguments)}"
            raise ValueError(validation.message("stimulus", rule, got, meant))


def suggested(name: str, suggestion: str) -> str:
    """Return a suggestion for a name that is not known; without one that of an argument."""
    if suggestion or not name.isidentifier():
        return suggestion
    return (
        "A parameter of the stimulus is an argument of a function, as "
        f"lambda {name}: stimuli.step({name}, 5, 9)."
    )


def made_by(function: MakesStimulus, numbers: Mapping[str, FloatArray], size: int) -> Stimulus:
    """Return the stimulus of `size` cells that a function makes of arrays, one for each argument.

    Raise what the function raises, with a note; TypeError or ValueError if it returns anything but
    a stimulus of so many cells, as where it takes no notice of the arrays.
    """
    try:
        made = function(**{name: np.array(values) for name, values in numbers.items()})
    except Exception as error:
        error.add_note(f"In the function that is the stimulus, of arrays {', '.join(numbers)}.")
        raise
    if not isinstance(made, Stimulus):
        rule = f"a function of {', '.join(numbers)} that returns a stimulus"
        raise TypeError(validation.message("stimulus", rule, f"{validation.shown(made)} from it"))
    check_lengths(made._arrays(), size)
    if size > 1 and made.cells in (None, 1):
        names = ", ".join(numbers)
        rule = f"a function of {names} that returns a stimulus with an array of {size} values"
        advice = f"The function takes no notice of {names}, or of the first value alone."
        raise ValueError(validation.message("stimulus", rule, f"{made!r} from it", advice))
    return made


def sampled(stimulus: Stimulus, steps: int, dt: float) -> Stimulus:
    """Return the same with arrays in the place of what is the same for all cells.

    So functions need not be pickled, and noise is that of one stream.
    """
    if isinstance(stimulus, constant):
        return stimulus
    if isinstance(stimulus, conductance):
        return stimulus.of_g(sampled(stimulus.g, steps, dt))
    if stimulus.cells is None and not stimulus.conducts:
        return from_array(stimulus.to_array(steps, dt))
    if isinstance(stimulus, Sum):
        return Sum(tuple(sampled(part, steps, dt) for part in stimulus.parts))
    if isinstance(stimulus, Scaled):
        return Scaled(sampled(stimulus.stimulus, steps, dt), stimulus.factor)
    if isinstance(stimulus, Shifted) and isinstance(stimulus.stimulus, from_array):
        inner = stimulus.stimulus
        return stimulus._with(stimulus=from_array(inner.to_array(inner.steps, dt)))
    return stimulus


def fingerprint_of(stimulus: Stimulus) -> str:
    """Return a digest by which a sampled stimulus is told from others; of functions their names."""
    digest = hashlib.sha256()
    for name, value in stimulus._leaves():
        if isinstance(value, np.ndarray):
            value = value.astype(value.dtype.newbyteorder("<")).tobytes()
        elif name == "function" and not isinstance(value, str):
            value = getattr(value, "__qualname__", type(value).__qualname__)
        digest.update(f"{name} {value!r}\n".encode())
    return f"sha256 {digest.hexdigest()}"

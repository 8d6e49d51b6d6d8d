"""The operators of stimuli: sums, multiples and shifts of them."""

from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.combinations import Held, Scaled, Shifted, Sum
from pyhh_fast.stimuli.conductances import NOT_NEGATIVE, conductance
from pyhh_fast.stimuli.functions import as_stimulus
from pyhh_fast.stimuli.parameters import Parameter, check_lengths, is_series, parameter
from pyhh_fast.stimuli.waveforms import constant


def added(first: Any, second: Any, sign: int = 1) -> Any:
    """Return the sum, or where `sign` is -1 the difference, of which one is a stimulus."""
    parts: list[Stimulus] = []
    for value, factor in ((first, 1), (second, sign)):
        stimulus = as_stimulus(value)
        if stimulus is None:
            if not validation.is_scalar(value):
                if not is_series(value):
                    return NotImplemented
                raise TypeError(
                    "what a stimulus is added to, or subtracted from, must be a stimulus, a number "
                    f"or a function of t (µA/cm²); got {validation.shown(value)}. Pass one value a "
                    "step as stimuli.from_array(values), one a cell as stimuli.constant(values)."
                )
            amplitude = validation.real_number("stimulus", value, unit="µA/cm²")
            if amplitude:
                parts.append(constant(factor * amplitude))
        else:
            if factor == -1 and stimulus.conducts:
                rule, advice = "a stimulus without a conductance", NOT_NEGATIVE
                name = "what is subtracted from a stimulus"
                raise ValueError(validation.message(name, rule, repr(stimulus), advice))
            parts += parts_of(stimulus if factor == 1 else -stimulus)
    return parts[0] if len(parts) == 1 else Sum(tuple(parts))


def multiplied(stimulus: Stimulus, name: str, number: Any) -> Any:
    """Return a multiple; `number`, or each of them, is a "factor", or a "divisor" other than 0."""
    if not validation.is_scalar(number) and not is_series(number):
        return NotImplemented
    factor = parameter(name, number)
    low = np.atleast_1d(factor < 0)
    if stimulus.conducts and low.any():
        at = int(np.argmax(low))
        got = f"{np.atleast_1d(factor)[at]} at index {at}" if np.ndim(factor) else f"{factor:g}"
        rule = "0 or more, where a conductance is in the stimulus"
        raise ValueError(validation.message(name, rule, got, NOT_NEGATIVE))
    check_lengths([*stimulus._arrays(), *[(name, np.size(factor))] * np.ndim(factor)])
    if name == "divisor":
        zero = np.atleast_1d(factor) == 0
        if zero.any():
            place = f" at index {int(np.argmax(zero))}" * np.ndim(factor)
            raise ValueError(f"divisor must not be 0; got 0{place}.")
        return Sum.of(part for part in (_scaled(one, 1, factor) for one in parts_of(stimulus)))
    return Sum.of(_scaled(one, factor, 1) for one in parts_of(stimulus))


def _scaled(part: Stimulus, factor: Parameter, divisor: Parameter) -> Stimulus:
    if isinstance(part, conductance):
        return part.of_g(Sum.of(_scaled(one, factor, divisor) for one in parts_of(part.g)))
    if isinstance(part, constant):
        return constant(_product("amplitude", part.amplitude, factor, divisor))
    inner, before = (part.stimulus, part.factor) if isinstance(part, Scaled) else (part, 1.0)
    factor = _product("factor", before, factor, divisor)
    return inner if np.ndim(factor) == 0 and factor == 1 else Scaled(inner, factor)


def _product(name: str, before: Parameter, factor: Parameter, divisor: Parameter) -> Any:
    with np.errstate(over="ignore"):
        return parameter(name, before * factor / divisor)


def shifted(stimulus: Stimulus, by: Any) -> Stimulus:
    """Return a stimulus later by `by` ms, or earlier."""
    by = parameter("by", by, unit="ms")
    check_lengths([*stimulus._arrays(), *[("by", np.size(by))] * np.ndim(by)])
    return Sum.of(_shifted(part, by) for part in parts_of(stimulus))


def _shifted(part: Stimulus, by: Parameter) -> Stimulus:
    if isinstance(part, conductance):
        return part.of_g(shifted(part.g, by))
    if isinstance(part, Scaled):
        return Scaled(_shifted(part.stimulus, by), part.factor)
    shift = part if isinstance(part, Shifted) else Shifted(part, 0.0, 0.0)
    # Where it goes back beyond the delay, the rest is skipped.
    with np.errstate(over="ignore"):
        delay = np.maximum(shift.delay + by, 0.0)
        skip = shift.skip + np.maximum(-by - shift.delay, 0.0)
    delay, skip = (parameter("by", time, unit="ms") for time in (delay, skip))
    return Shifted(shift.stimulus, delay, skip) if np.any(delay) or np.any(skip) else shift.stimulus


def parts_of(stimulus: Stimulus) -> tuple[Stimulus, ...]:
    """Return the parts of a sum, or the stimulus itself."""
    return stimulus.parts if isinstance(stimulus, Sum) else (stimulus,)


def held(stimulus: Stimulus) -> Stimulus:
    """Return what has each value of a stimulus twice, in steps of half the length."""
    return Held(stimulus)

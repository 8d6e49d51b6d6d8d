"""Validation of arguments, general: public functions validate, and code behind them does not again.

Every message reads ``<name> must be <rule> [(<unit>)]; got <value> [at index i]. <what to do>``.
The wrong kind of thing is a TypeError, the wrong value of the right kind a ValueError.
"""

import datetime
import math
import numbers
import os
import reprlib
import sys
from collections.abc import Callable, Container, Iterable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from pyhh_fast.typing import FloatArray

Name = TypeVar("Name", bound=str)

Suggestion = Callable[[str, list[str]], str]
"""Returns a sentence that says which of some names was meant by another; empty for none."""

MOST_STEPS = 2**48
"""More steps than any machine computes; a larger number is a mistake of units."""

LEAST_STEP = 1e-300
"""Time (ms) below which quotients of it and of steps as short are not all finite."""

LARGEST_STEP = 1e300
"""Time (ms) above which the end of a run of a few steps may not be finite."""

BLOCK = 2**16
"""Values converted or checked at a time, so that Ctrl-C is heard in between."""


def message(name: str, rule: str, got: str, advice: str = "", *, unit: str = "") -> str:
    """Return the text of an error."""
    unit = f" ({unit})" if unit else ""
    return f"{name} must be {rule}{unit}; got {got}. {advice}".rstrip()


def shown(value: object) -> str:
    """Return `value` as an error message shows it: short, and with its type if it is no number."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    if isinstance(value, numbers.Number | np.generic) and not isinstance(value, np.timedelta64):
        return str(value)
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def is_real(value: object) -> bool:
    """Whether `value` is one real number, NaN and infinity included."""
    if isinstance(value, float | int):  # as most are; the abstract types below take longer
        return True
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "biuf" and not getattr(value, "mask", False)
    # NumPy has timedelta64 among its whole numbers, in whatever unit it is.
    return isinstance(value, numbers.Real | np.bool_) and not isinstance(value, np.timedelta64)


def _whole(value: Any) -> int | None:
    """Return a real number as an int, or None where it is not whole or not finite."""
    try:
        number = int(value)
    except (OverflowError, ValueError):
        return None
    return number if number == value else None


def as_float(value: Any) -> float:
    """Return a real number as a float, one that no float holds as infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def is_scalar(value: object) -> bool:
    """Whether `value` is one number, of whatever kind, and not a series of them."""
    return isinstance(value, numbers.Number | np.generic) or (
        isinstance(value, np.ndarray) and value.ndim == 0
    )


def real_number(
    name: str, value: Any, *, unit: str = "", positive: bool = False, advice: str = ""
) -> float:
    """Return `value` as a float; it must be one finite real number, above 0 where `positive`."""
    rule = "a positive, finite number" if positive else "a finite number"
    if not is_real(value):
        if unit == "ms" and isinstance(value, str | datetime.timedelta | np.timedelta64):
            advice = "Pass it in ms, as a number."
        raise TypeError(message(name, rule, shown(value), advice, unit=unit))
    number = as_float(value)
    if not math.isfinite(number) or (positive and not number > 0):
        raise ValueError(message(name, rule, shown(value), advice, unit=unit))
    return number


def step_size(name: str, value: Any) -> float:
    """Return `value` as a float; it must be a time from `LEAST_STEP` to `LARGEST_STEP`."""
    dt = real_number(name, value, unit="ms", positive=True)
    if not LEAST_STEP <= dt <= LARGEST_STEP:
        rule = f"from {LEAST_STEP:g} to {LARGEST_STEP:g}"
        raise ValueError(message(name, rule, shown(value), unit="ms"))
    return dt


def at_least(name: str, value: Any, least: float, *, unit: str = "", least_name: str = "") -> float:
    """Return `value` as a float; it must be a finite number, `least` or more."""
    number = real_number(name, value, unit=unit)
    if number < least:
        above = f"at least {least_name}, {least}"
        rule = above if least_name else f"a finite number, {least:g} or more"
        raise ValueError(message(name, rule, shown(value), unit=unit))
    return number


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool; it must be one."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(message(name, "True or False", shown(value)))
    return bool(value)


def count(name: str, value: Any, *, least: int = 0) -> int:
    """Return `value` as an int; it must be a whole number, `least` or more."""
    rule = f"a whole number, {least} or more"
    if not is_real(value):
        raise TypeError(message(name, rule, shown(value)))
    number = _whole(value)
    if number is None or not least <= number <= MOST_STEPS:
        raise ValueError(message(name, rule, shown(value)))
    return number


def waveform(name: str, value: Any, *, advice: str) -> FloatArray:
    """Return a new float64 array; `value` must be 1-D, real and finite."""
    rule = "a 1-D array of finite numbers"
    return array_of_numbers(name, value, rule, unit="µA/cm²", advice=advice)


def array_of_numbers(
    name: str,
    value: Any,
    rule: str,
    *,
    dimensions: Container[int] = (1,),
    unit: str = "",
    positive: bool = False,
    advice: str = "",
) -> FloatArray:
    """Return an array of float64 with one of these numbers of dimensions.

    All values must be finite, and above 0 where `positive`. The array is a new one, but for more
    than one dimension, of float64 already.
    """
    given = _real_array(name, value, rule, unit, advice)
    if given.ndim not in dimensions:
        got = f"{given.ndim} dimensions, shape {given.shape}"
        raise ValueError(message(name, rule, got, advice, unit=unit))
    # MaskedArray's attribute, read without importing numpy.ma, which takes 10 ms.
    mask: Any = getattr(given, "mask", np.False_)
    copied = given.ndim == 1 or given.dtype != np.float64
    values = np.empty(given.shape) if copied else np.asarray(given)
    rows = max(1, BLOCK // max(1, given[:1].size))
    for start in range(0, len(given), rows):
        block = slice(start, start + rows)
        if copied:
            with np.errstate(over="ignore"):
                values[block] = given[block]
        good = np.isfinite(values[block])
        if mask.ndim:
            good &= ~mask[block]
        if not good.all():
            at = np.unravel_index(int(np.argmin(good)), good.shape)
            place = (start + int(at[0]), *map(int, at[1:]))
            got = f"{given[place]!s} at index {place[0] if given.ndim == 1 else place}"
            raise ValueError(message(name, rule, got, "Replace or remove it.", unit=unit))
    if positive and not (values > 0).all():
        at_first = int(np.argmin(values > 0))
        got = f"{values[at_first]} at index {at_first}"
        raise ValueError(message(name, rule, got, unit=unit))
    return values


def _real_array(name: str, value: Any, rule: str, unit: str, advice: str) -> npt.NDArray[Any]:
    """Return what NumPy makes of `value`, which must be an array of real numbers."""
    if value is None or isinstance(value, str | bytes) or is_scalar(value):
        raise TypeError(message(name, rule, shown(value), advice, unit=unit))
    try:
        given = _array_of(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(message(name, rule, shown(value), advice, unit=unit)) from None
    if given.dtype.kind in "biuf":
        return given
    got = shown(value)
    if hasattr(value, "to_array"):  # a Stimulus, where only its values can be used
        conducts = getattr(value, "conducts", False)
        got = repr(value)
        advice = "Pass it to run." if conducts else "Pass its to_array(steps, dt)."
    elif callable(value):
        advice = "Pass its values, stimuli.from_function(...).to_array(steps, dt)."
    else:
        if given is not value:
            got += f", an array of {given.dtype}"
        advice = f"Convert it to numbers{' in ms' if unit == 'ms' else ''} first."
    raise TypeError(message(name, rule, got, advice, unit=unit))


def _array_of(value: Any) -> npt.NDArray[Any]:
    """Return what NumPy makes of `value`; a long list is converted in pieces."""
    if not isinstance(value, list | tuple | range) or len(value) <= BLOCK:
        return np.asanyarray(value)
    pieces = [np.asarray(value[i : i + BLOCK]) for i in range(0, len(value), BLOCK)]
    return np.concatenate(pieces)


def real_numbers(name: str, value: Any, *, unit: str = "") -> FloatArray:
    """Return an array of any shape, that of a number being (); all must be finite."""
    if is_scalar(value):
        return np.array(real_number(name, value, unit=unit))
    rule = "a finite number or an array of them"
    return array_of_numbers(name, value, rule, dimensions=range(1, 65), unit=unit)


def index(name: str, value: Any, size: int, place: str = "") -> int:
    """Return `value` as an int; it must be a whole number from 0 to `size` - 1."""
    rule, got = f"a whole number from 0 to {size - 1}", shown(value) + place
    bool_given = isinstance(value, bool | np.bool_) or getattr(value, "dtype", None) == np.bool_
    if bool_given or not is_real(value):
        raise TypeError(message(name, rule, got))
    number = _whole(value)
    if number is None or not 0 <= number < size:
        raise ValueError(message(name, rule, got))
    return number


def closest_name(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return a sentence that suggests which of `known` was meant by `name`; empty for none."""
    import difflib  # here, because only errors need it

    lower = {k.lower(): k for k in sorted(known)}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=cutoff)
    return f"Did you mean {lower[close[0]]}?" if close else ""


def unknown_name(
    kind: str, name: str, known: Iterable[str], suggestion: Suggestion = closest_name
) -> str:
    """Return the message for a name that is none of `known`, with a suggestion."""
    known = sorted(known)
    return message(kind, f"one of {', '.join(known)}", repr(name), suggestion(name, known))


def choice(
    name: str, value: Name, known: Iterable[str], suggestion: Suggestion = closest_name
) -> Name:
    """Return `value`, which must be one of the names in `known`."""
    known = list(known)
    if not isinstance(value, str):
        raise TypeError(message(name, f"one of {', '.join(known)}", shown(value)))
    if value not in known:
        raise ValueError(unknown_name(name, value, known, suggestion))
    return cast(Name, str(value))


def names(name: str, value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in `value`, each once, in the order of `known`, which must have them."""
    rule = "a sequence of names"
    advice = f"Pass some of {known}, for example ({known[0]!r},)."
    if isinstance(value, str | bytes) or is_scalar(value) or not isinstance(value, Iterable):
        raise TypeError(message(name, rule, shown(value), advice))
    given = list(value)
    for one in given:
        if not isinstance(one, str):
            raise TypeError(message(name, f"one of {', '.join(known)}", shown(one)))
        if one not in known:
            raise ValueError(unknown_name(name, one, known))
    return tuple(one for one in known if one in given)


def instance(name: str, value: Any, kind: Any, rule: str, advice: str) -> None:
    """Raise TypeError unless `value` is an instance of `kind`."""
    if not isinstance(value, kind):
        raise TypeError(message(name, rule, shown(value), advice))


def local_path(name: str, value: Any) -> str:
    """Return a path of the local file system, whether or not anything is there."""
    rule = "a path of the local file system"
    if not isinstance(value, str | os.PathLike):
        raise TypeError(message(name, rule, shown(value)))
    path = os.fspath(value)
    if not isinstance(path, str):  # bytes, as a path-like may have them
        raise TypeError(message(name, rule, shown(path), "Decode it by os.fsdecode."))
    if not path:
        raise ValueError(message(name, rule, "an empty text", "Name a file or a directory."))
    if "\0" in path:
        raise ValueError(message(name, rule, repr(path), "Remove the NUL character."))
    if "://" in path:
        advice = "Copy it there when it is finished."
        raise ValueError(message(name, rule, repr(path), advice))
    return path


def steps_in(duration: Any, dt: float) -> int:
    """Return how many steps of `dt` make up `duration`; it must be a whole number of them."""
    length = real_number("duration", duration, unit="ms", advice="Pass the time to simulate.")
    if length < 0:
        raise ValueError(message("duration", "0 or more", shown(duration), unit="ms"))
    steps = length / dt
    if steps > MOST_STEPS:
        advice = "Check the units of duration and dt: both are in ms."
        got = f"{duration} at dt {dt}"
        raise ValueError(message("duration", f"at most {MOST_STEPS} steps", got, advice))
    whole = round(steps)
    if not _is_whole(steps):
        other = whole + 1 if steps > whole else whole - 1
        advice = f"The nearest whole ones are {whole * dt:.12g} and {other * dt:.12g}."
        got = f"{duration}, which is {steps:.12g} steps of {dt}"
        raise ValueError(message("duration", "a whole number of steps", got, advice, unit="ms"))
    return whole


def whole_steps(time: float, dt: float) -> tuple[int, float]:
    """Return the whole steps in a time, and the rest, in steps: 0 where it is only rounding."""
    steps = min(max(time / dt, -2.0 * MOST_STEPS), 2.0 * MOST_STEPS)
    whole = round(steps)
    if _is_whole(steps):
        return whole, 0.0
    below = math.floor(steps)
    return below, steps - below


def _is_whole(steps: float) -> bool:
    """Whether a number of steps is whole but for rounding."""
    # In long runs the quotient of two times itself is rounded by more than 1e-9.
    whole = round(steps)
    return abs(steps - whole) <= max(1e-9, 4 * sys.float_info.epsilon * abs(whole))

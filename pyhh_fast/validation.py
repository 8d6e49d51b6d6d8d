"""The checks at the door; nothing behind them sees unchecked input.

Every message reads ``<name> must be <rule> [(<unit>)]; got <value> [at index i]. <what to do>``.
The wrong kind of thing is a TypeError, the wrong value of the right kind a ValueError.
"""

import datetime
import math
import numbers
import os
import reprlib
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from pyhh_fast.typing import FloatArray, IntArray

Name = TypeVar("Name", bound=str)

MOST_STEPS = 2**48
"""More steps than any machine will do; what is above is a slip of units."""

BLOCK = 2**16
"""Values checked at a time, so that Ctrl-C is heard in between."""


def _message(name: str, rule: str, unit: str, got: str, advice: str) -> str:
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
        raise TypeError(_message(name, rule, unit, shown(value), advice))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or (positive and not number > 0):
        raise ValueError(_message(name, rule, unit, shown(value), advice))
    return number


def at_least(name: str, value: Any, least: float, *, unit: str = "", least_name: str = "") -> float:
    """Return `value` as a float; it must be a finite number, `least` or more."""
    number = real_number(name, value, unit=unit)
    if number < least:
        above = f"at least {least_name}, {least}"
        rule = above if least_name else f"a finite number, {least:g} or more"
        raise ValueError(_message(name, rule, unit, shown(value), ""))
    return number


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool; it must be one."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(_message(name, "True or False", "", shown(value), ""))
    return bool(value)


def count(name: str, value: Any, *, least: int = 0) -> int:
    """Return `value` as an int; it must be a whole number, `least` or more."""
    rule = f"a whole number, {least} or more"
    if not is_real(value):
        raise TypeError(_message(name, rule, "", shown(value), ""))
    number = _whole(value)
    if number is None or not least <= number <= MOST_STEPS:
        raise ValueError(_message(name, rule, "", shown(value), ""))
    return number


def waveform(name: str, value: Any, *, advice: str) -> FloatArray:
    """Return a new float64 array; `value` must be 1-D, real and finite."""
    return _numbers(name, value, "a 1-D array of finite numbers", (1,), "µA/cm²", advice)


def _numbers(
    name: str, value: Any, rule: str, dimensions: tuple[int, ...], unit: str, advice: str
) -> FloatArray:
    """Return an array of float64 with one of these numbers of dimensions; all must be finite.

    It is a new one, but for more than one dimension, of float64 already.
    """
    if value is None or isinstance(value, str | bytes) or is_scalar(value):
        raise TypeError(_message(name, rule, unit, shown(value), advice))
    try:
        given = np.asanyarray(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(_message(name, rule, unit, shown(value), advice)) from None
    if given.dtype.kind not in "biuf":
        got = shown(value)
        if given is not value:
            got += f", an array of {given.dtype}"
        advice = f"Convert it to numbers{' in ms' if unit == 'ms' else ''} first."
        if hasattr(value, "to_array"):  # a Stimulus, where only its values can be used
            got, advice = repr(value), "Pass its to_array(steps, dt)."
        elif callable(value):
            got = shown(value)
            advice = "Pass its values, stimuli.from_function(...).to_array(steps, dt)."
        raise TypeError(_message(name, rule, unit, got, advice))
    if given.ndim not in dimensions:
        got = f"{given.ndim} dimensions, shape {given.shape}"
        raise ValueError(_message(name, rule, unit, got, advice))
    # MaskedArray's attribute, asked for without importing numpy.ma, which takes 10 ms.
    mask: Any = getattr(given, "mask", np.False_)
    copied = given.ndim == 1 or given.dtype != np.float64
    wave = np.empty(given.shape) if copied else np.asarray(given)
    rows = max(1, BLOCK // max(1, given[:1].size))
    for start in range(0, len(given), rows):
        block = slice(start, start + rows)
        if copied:
            with np.errstate(over="ignore"):
                wave[block] = given[block]
        good = np.isfinite(wave[block])
        if mask.ndim:
            good &= ~mask[block]
        if not good.all():
            at = np.unravel_index(int(np.argmin(good)), good.shape)
            place = (start + int(at[0]), *map(int, at[1:]))
            index = place[0] if given.ndim == 1 else place
            got = f"{given[place]!s} at index {index}"
            raise ValueError(_message(name, rule, unit, got, "Replace or remove it."))
    return wave


def per_cell(
    name: str, value: Any, size: int, *, unit: str = "", positive: bool = False
) -> FloatArray:
    """Return one number for all of `size` cells, or an array of one each."""
    if is_scalar(value):
        return np.array(real_number(name, value, unit=unit, positive=positive))
    kind = "positive, finite" if positive else "finite"
    rule = f"a {kind} number, or one for each of {size} cells"
    values = _numbers(name, value, rule, (1,), unit, "")
    if values.size != size:
        got = f"{values.size} values for a population of size {size}"
        raise ValueError(_message(name, rule, unit, got, ""))
    if positive:
        _all_positive(name, values, rule, unit)
    return values


def _all_positive(name: str, values: FloatArray, rule: str, unit: str) -> None:
    if not (values > 0).all():
        at = int(np.argmin(values > 0))
        raise ValueError(_message(name, rule, unit, f"{values[at]} at index {at}", ""))


def constant(name: str, value: Any, duration: Any, dt: float) -> tuple[float, int]:
    """Return the value of a constant stimulus and the number of steps that it lasts."""
    current = real_number(name, value, unit="µA/cm²")
    if duration is None:
        raise ValueError(
            "duration must be given with a constant stimulus (ms); got None. Pass duration=..."
            ", or an array with one value a step."
        )
    return current, steps_in(duration, dt)


def stimuli(name: str, value: Any, size: int, duration: Any, dt: float) -> FloatArray:
    """Return currents of shape (size, steps): as given, or a view that repeats them."""
    if is_scalar(value):
        current, steps = constant(name, value, duration, dt)
        return np.broadcast_to(np.float64(current), (size, steps))
    rule = "an array of finite numbers, of 1 or 2 dimensions"
    advice = f"Pass shape (steps,), ({size}, steps), or with duration=... a number or ({size},)."
    given = _numbers(name, value, rule, (1, 2), "µA/cm²", advice)
    if given.ndim == 2 or duration is None:
        if duration is not None:
            raise ValueError(
                f"duration must be left out where {name} has two dimensions; got {duration}. "
                "The array's second dimension gives the number of steps."
            )
        if given.ndim == 2 and len(given) != size:
            got = f"{len(given)} rows for a population of size {size}"
            raise ValueError(_message(name, "one row for each cell", "µA/cm²", got, advice))
        return np.broadcast_to(given, (size, given.shape[-1]))
    if given.size != size:
        got = f"{given.size} values for a population of size {size}"
        rule = "one value for each cell, where duration is given"
        advice = "For a value a step leave duration out."
        raise ValueError(_message(name, rule, "µA/cm²", got, advice))
    return np.broadcast_to(given[:, np.newaxis], (size, steps_in(duration, dt)))


def index(name: str, value: Any, size: int, place: str = "") -> int:
    """Return the number of a cell, which must be there."""
    rule, got = f"a whole number from 0 to {size - 1}", shown(value) + place
    bool_given = isinstance(value, bool | np.bool_) or getattr(value, "dtype", None) == np.bool_
    if bool_given or not is_real(value):
        raise TypeError(_message(name, rule, "", got, ""))
    number = _whole(value)
    if number is None or not 0 <= number < size:
        raise ValueError(_message(name, rule, "", got, ""))
    return number


def indices(name: str, value: Any, size: int) -> IntArray:
    """Return the numbers of cells, of which each must be there, or of all for None."""
    if value is None:
        return np.arange(size, dtype=np.int64)
    if is_scalar(value):
        return np.array([index(name, value, size)], dtype=np.int64)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        rule = f"a sequence of whole numbers from 0 to {size - 1}"
        raise TypeError(_message(name, rule, "", shown(value), ""))
    given = list(value)
    if any(isinstance(one, bool | np.bool_) for one in given):
        rule = f"a sequence of whole numbers from 0 to {size - 1}"
        raise TypeError(_message(name, rule, "", "a mask", "Pass numpy.flatnonzero of it."))
    numbers = [index(name, one, size, f" at index {i}") for i, one in enumerate(given)]
    return np.array(numbers, dtype=np.int64)


def present(
    owner: Any,
    name: str,
    label: str,
    advice: str = "A subclass's __init__ must call super().__init__(), or set it.",
) -> Any:
    """Return an attribute of a model, which must have it."""
    try:
        return getattr(owner, name)
    except AttributeError:
        got = type(owner).__name__
        raise TypeError(f"model must have {label}; got {got} without it. {advice}") from None


def choice(name: str, value: Name, known: Iterable[str]) -> Name:
    """Return `value`, which must be one of the names in `known`."""
    known = list(known)
    if not isinstance(value, str):
        raise TypeError(_message(name, f"one of {', '.join(known)}", "", shown(value), ""))
    if value not in known:
        raise ValueError(unknown_name(name, value, known))
    return cast(Name, str(value))


def names(name: str, value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in `value`, each once, in the order of `known`, which must have them."""
    rule = "a sequence of names"
    advice = f"Pass some of {known}, for example ({known[0]!r},)."
    if isinstance(value, str | bytes) or is_scalar(value) or not isinstance(value, Iterable):
        raise TypeError(_message(name, rule, "", shown(value), advice))
    given = list(value)
    for one in given:
        if not isinstance(one, str):
            raise TypeError(_message(name, f"one of {', '.join(known)}", "", shown(one), ""))
        if one not in known:
            raise ValueError(unknown_name(name, one, known))
    return tuple(one for one in known if one in given)


def steps_in(duration: Any, dt: float) -> int:
    """Return how many steps of `dt` make up `duration`; it must be a whole number of them."""
    length = real_number("duration", duration, unit="ms", advice="Pass the time to simulate.")
    if length < 0:
        raise ValueError(_message("duration", "0 or more", "ms", shown(duration), ""))
    steps = length / dt
    if steps > MOST_STEPS:
        advice = "Check the units of duration and dt: both are in ms."
        got = f"{duration} at dt {dt}"
        raise ValueError(_message("duration", f"at most {MOST_STEPS} steps", "", got, advice))
    whole = round(steps)
    if _apart(steps, whole):
        advice = f"The nearest whole ones are {whole * dt:.12g} and {_other(steps) * dt:.12g}."
        got = f"{duration}, which is {steps:.12g} steps of {dt}"
        raise ValueError(_message("duration", "a whole number of steps", "ms", got, advice))
    return whole


def _apart(steps: Any, whole: Any) -> Any:
    """Whether numbers of steps are other than whole; of numbers and arrays."""
    # In long runs the quotient itself is rounded by more than 1e-9.
    return np.abs(steps - whole) > np.maximum(1e-9, 4 * np.finfo(float).eps * np.abs(whole))


def _other(steps: float) -> int:
    """Return the second nearest whole number."""
    whole = round(steps)
    return whole + 1 if steps > whole else whole - 1


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that is none of `known`, with the nearest one suggested."""
    known = sorted(known)
    return _message(kind, f"one of {', '.join(known)}", "", repr(name), meant(name, known))


def meant(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return a sentence that suggests which of `known` was meant by `name`; empty where none is."""
    import difflib

    lower = {k.lower(): k for k in sorted(known)}
    plain = name.lower().replace("_", "")
    if "EKleak" in lower.values():  # the parameters of a model
        if plain in REST_NAMES:
            return "Voltages are relative to rest, near 0 mV; to start there use at_rest()."
        if plain in TEMPERATURE_NAMES and name not in lower.values():
            return "For rates at a temperature override _UpdateGateTimeConstants in a subclass."
        for names, parameters in OTHER_NAMES.items():
            for one in parameters:
                if plain in names and one in lower.values():
                    return f"Did you mean {one}?"
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=cutoff)
    return f"Did you mean {lower[close[0]]}?" if close else ""


REST_NAMES = ("vrest", "erest", "restingpotential", "vr")
TEMPERATURE_NAMES = ("temperature", "celsius", "temp", "q10")
OTHER_NAMES = {
    ("v", "vm", "v0", "vinit", "vstart", "startingvm"): ("startingVoltage", "Vm"),
    ("el", "eleak", "vl", "vleak", "erev"): ("EKleak",),
    ("gl", "gleak"): ("gKleak",),
    ("c", "cm", "capacitance"): ("Cm",),
}
"""What others call parameters of a model, in lower case and without underscores."""


def steps_of(stimulus: Any, duration: Any, dt: float) -> int:
    """Return the number of steps of a stimulus that is made, or read, as it is needed.

    Without a `duration` it is that of the stimulus, its last step begun if not whole.
    """
    there: int | None = stimulus._size(dt)
    if duration is None:
        if there is not None:
            return there
        if stimulus.duration is None:
            raise ValueError(
                "duration must be given with a stimulus that has no end (ms); got None. Pass "
                "duration=..."
            )
        whole, rest = whole_steps(stimulus.duration, dt)
        if whole >= MOST_STEPS:
            advice = "Check the units of stimulus and dt: both are in ms."
            rule, got = f"at most {MOST_STEPS} steps", f"{stimulus.duration} at dt {dt}"
            raise ValueError(_message("duration", rule, "", got, advice))
        return whole + (rest > 0)
    steps = steps_in(duration, dt)
    if there is not None and steps > there:
        raise ValueError(
            f"duration must be at most that of the stimulus (ms); got {duration}, which is {steps} "
            f"steps of {dt}, and the stimulus has {there}."
        )
    return steps


def whole_steps(time: float, dt: float) -> tuple[int, float]:
    """Return how many steps a time is, and the part of a step that is left: 0 but for rounding."""
    steps = min(max(time / dt, -2.0 * MOST_STEPS), 2.0 * MOST_STEPS)
    whole = round(steps)
    if not _apart(steps, whole):
        return whole, 0.0
    below = math.floor(steps)
    return below, steps - below


def axis(name: str, value: Any, *, unit: str, positive: bool = False) -> FloatArray:
    """Return the numbers along one dimension of a grid; there must be one or more."""
    kind = "positive, finite" if positive else "finite"
    rule = f"a 1-D array of one or more {kind} numbers"
    values = _numbers(name, value, rule, (1,), unit, "")
    if values.size == 0:
        raise ValueError(_message(name, rule, unit, "none", ""))
    if positive:
        _all_positive(name, values, rule, unit)
    return values


def of_each_cell(name: str, value: Any, size: int) -> FloatArray:
    """Return what a function found of `size` cells: a number of each, or a row of them."""
    rule = f"a function that returns a number, or a row of numbers, for each of {size} cells"
    try:
        found = np.asarray(value)
    except ValueError:
        raise ValueError(_message(name, rule, "", f"{shown(value)} from it", "")) from None
    got = f"{shown(found if found.ndim else value)} from it"
    if found.dtype.kind not in "biuf":
        raise TypeError(_message(name, rule, "", got, ""))
    if found.ndim not in (1, 2) or len(found) != size or found[:1].size == 0:
        raise ValueError(_message(name, rule, "", got, ""))
    return found.astype(np.float64)


def real_numbers(name: str, value: Any, *, unit: str = "") -> FloatArray:
    """Return an array of any shape, that of a number being (); all must be finite."""
    if is_scalar(value):
        return np.array(real_number(name, value, unit=unit))
    rule = "a finite number or an array of them"
    return _numbers(name, value, rule, tuple(range(1, 65)), unit, "")


def lengths(name: str, value: Any, dt: float, *, positive: bool = True) -> FloatArray:
    """Return times (ms) of any shape: above 0, or 0 or more, and of not too many steps."""
    times = real_numbers(name, value, unit="ms")
    wrong = (times <= 0 if positive else times < 0) | (times / dt > MOST_STEPS)
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        got = f"{times[place]}"
        if times.ndim:
            at = tuple(map(int, place))
            got += f" at index {at[0] if len(at) == 1 else at}"
        rule = f"{'above 0' if positive else '0 or more'}, and at most {MOST_STEPS} steps of {dt:g}"
        raise ValueError(_message(name, rule, "ms", got, ""))
    return times


def same_rows(
    name: str, found: npt.NDArray[Any], before: npt.NDArray[Any], dimensions: int
) -> None:
    """See that what a function found of some cells has rows as long as those of others."""
    got, expected = (array.shape[dimensions:] for array in (found, before))
    if got != expected:
        rule = "a function that returns as many numbers for every cell"
        got_both = f"rows of shape {got} after {expected}"
        raise ValueError(_message(name, rule, "", got_both, ""))


def curve(name: str, value: Any, unit: str, size: int | None = None, along: str = "") -> FloatArray:
    """Return numbers to be drawn, which may be NaN or infinite: one, or a 1-D array of them.

    Where `size` is given there must be so many, as in the array that is called `along`.
    """
    rule = "a 1-D array of numbers"
    if size is not None:
        rule = f"a 1-D array of {size} numbers, as {along} is" if along else "a number"
    try:
        given = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        raise TypeError(_message(name, rule, unit, shown(value), "")) from None
    if given.dtype.kind not in "biuf":
        raise TypeError(_message(name, rule, unit, shown(value), ""))
    if given.ndim > 1 or size not in (None, given.size):
        raise ValueError(_message(name, rule, unit, shown(given), ""))
    with np.errstate(over="ignore"):
        return np.atleast_1d(given).astype(np.float64)


def instance(name: str, value: Any, kind: Any, rule: str, advice: str) -> None:
    """See that `value` is of that kind."""
    if not isinstance(value, kind):
        raise TypeError(_message(name, rule, "", shown(value), advice))


def local_path(name: str, value: Any) -> str:
    """Return the path of what is, or may come to be, in the local file system."""
    rule = "a path of the local file system"
    if not isinstance(value, str | os.PathLike):
        raise TypeError(_message(name, rule, "", shown(value), ""))
    path = os.fspath(value)
    if not isinstance(path, str):  # bytes, as a path-like may have them
        raise TypeError(_message(name, rule, "", shown(path), "Decode it by os.fsdecode."))
    if not path:
        raise ValueError(_message(name, rule, "", "an empty text", "Name a file or a directory."))
    if "\0" in path:
        raise ValueError(_message(name, rule, "", repr(path), "Remove the NUL character."))
    if "://" in path:
        advice = "Copy it there when it is finished."
        raise ValueError(_message(name, rule, "", repr(path), advice))
    return path

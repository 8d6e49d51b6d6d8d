"""Stimuli that are functions of time, from the user."""

import contextlib
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.reader import State, number_in_state
from pyhh_fast.stimuli.waveform import Waveform
from pyhh_fast.typing import FloatArray

REMEMBERED = 64
"""Values that a reader's state keeps, by which the function is recognised."""

COMPARED = 16
"""Times of a block at which the values for an array are compared with those for single times."""

RULE = "must be a function of t (ms) that returns a finite number (µA/cm²)"


class OtherFunction(ValueError):
    """A function that is not the one whose values a state remembers."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class from_function(Waveform):
    """A stimulus from a function of time, which is called while the values are needed.

    A function may be passed wherever a stimulus may: to `run`, or added to a stimulus. The
    stimulus's description lacks the function. It can be pickled if pickle finds the function by its
    name, so not with a lambda.

    Parameters
    ----------
    function : callable
        Returns the current, µA/cm², at a time in ms: of an array of times, one value for each, or
        of a single one, which is slower; which of them it takes is found by trying, and compared.
        It is called for the middle of each step, (i + 1/2) dt, in a thread, and must always return
        the same for the same time. Its jumps lie between steps if they are at whole numbers of dt.

    Raises
    ------
    TypeError
        If it cannot be called; when it is read, if the function returns anything but a number.
    ValueError
        When it is read, if the function returns a number that is not finite, or not always the
        same.
    Exception
        When it is read, whatever the function raises, with a note that says at which time.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.from_function(lambda t: 10 * (t > 2)).to_array(4, dt=1)
    array([ 0.,  0., 10., 10.])
    >>> (stimuli.constant(1) + (lambda t: 2 * t)).to_array(3, dt=1)
    array([2., 4., 6.])
    """

    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        validation.instance("function", self.function, Callable, "a function of t (ms)", "")

    def __hash__(self) -> int:
        return hash(self.kind)

    def __repr__(self) -> str:
        return f"from_function({self._name})"

    def __copy__(self) -> "from_function":
        return self

    def __deepcopy__(self, memo: Any) -> "from_function":
        return self

    def __reduce__(self) -> Any:
        try:
            pickle.dumps(self.function)
        except Exception as error:  # whatever a user's objects make of it
            raise TypeError(
                f"a stimulus that is to be pickled must be of a function that pickle finds by its "
                f"name; got {self._name}. Define it with def, in a module, or use its values, "
                "from_function(...).to_array(steps, dt)."
            ) from error
        return type(self), (self.function,)

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", None) or repr(self.function)

    def description(self) -> dict[str, Any]:
        """As :meth:`pyhh_fast.stimuli.Stimulus.description`."""
        return {"kind": self.kind}

    def _begin(self) -> State:
        return {"step": 0, "last": []}

    def _at(self, step: int) -> State:
        return {"step": step, "last": []}

    def _checked(self, state: Any, name: str) -> State:
        step, last = super()._checked(state, name)["step"], state["last"]
        if not isinstance(last, list) or len(last) != min(step, REMEMBERED):
            raise ValueError(
                f"{name}['last'] must be a list of the last {min(step, REMEMBERED)} values; "
                f"got {validation.shown(last)}."
            )
        places = (f"{name}['last'][{i}]" for i in range(len(last)))
        return {
            "step": step,
            "last": [number_in_state(*one) for one in zip(places, last, strict=True)],
        }

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:
        last = np.array(state["last"])
        if not len(last):
            return
        first, again = state["step"] - len(last), np.empty_like(last)
        self._read(self._at(first), again[np.newaxis], dt, late)
        # Other versions of NumPy may round otherwise.
        alike = np.isclose(again, last, rtol=1e-9, atol=1e-12)
        if not alike.all():
            i = int(np.argmin(alike))
            begins = first + i == 0 and late > 0
            time = (1 - late) * dt / 2 if begins else _middles(first + i, 1, dt, late)[0]
            raise OtherFunction(
                f"stimulus must be that of the run; got a function, {self._name}, that returns "
                f"{again[i]} at t = {time:.12g} ms, where it was "
                f"{last[i]}."
            )

    def _read(self, state: State, values: FloatArray, dt: float, late: float = 0.0) -> State:
        step = super()._read(state, values, dt, late)["step"]
        last = state["last"] + values[0, -REMEMBERED:].tolist()
        return {"step": step, "last": last[-REMEMBERED:]}

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        values[:] = evaluate(self.function, _middles(first, values.shape[1], dt, late))


def as_stimulus(value: Any) -> Stimulus | None:
    """Return a stimulus, or that of a function of time; None for anything else."""
    if isinstance(value, Stimulus):
        return value
    return from_function(value) if callable(value) else None


def _middles(first: int, count: int, dt: float, late: float) -> FloatArray:
    """Return the times in the middle of steps, for a function that begins `late` steps late."""
    steps = np.arange(first, first + count, dtype=np.float64)
    return (steps + (0.5 - late)) * dt


def evaluate(function: Callable[[Any], Any], times: FloatArray) -> FloatArray:
    """Return a function's values at one or more times, having found whether it takes arrays.

    Raises
    ------
    TypeError, ValueError
        If it returns anything but one finite number for a time, or not always the same.
    Exception
        Whatever the function raises, with a note that says at which time.
    """
    with np.errstate(all="ignore"):  # of what it computes, only values that are not finite matter
        return _evaluated(function, times)


def _evaluated(function: Callable[[Any], Any], times: FloatArray) -> FloatArray:
    some = np.unique(np.linspace(0, len(times) - 1, COMPARED).astype(np.int64))
    values = _of_array(function, times)
    if values is not None and _agrees(function, times[some], values[some]):
        bad = ~np.isfinite(values)
        if bad.any():
            i = int(np.argmax(bad))
            raise ValueError(f"stimulus {RULE}; got {values[i]} at t = {times[i]:.12g} ms.")
        return values
    values = _one_by_one(function, times)
    again = np.array([_at_time(function, time) for time in times[some]])
    if not np.array_equal(again, values[some]):
        i = int(np.argmax(again != values[some]))
        raise ValueError(
            f"stimulus {RULE}, always the same for the same t; got {values[some][i]} and then "
            f"{again[i]} at t = {times[some][i]:.12g} ms. For noise see pyhh_fast.stimuli."
        )
    return values


def _of_array(function: Callable[[Any], Any], times: FloatArray) -> FloatArray | None:
    """Return what it gives for all times at once; None where that is not one value each."""
    try:
        found = np.asarray(function(times.copy()))
    except Exception:  # whatever a function of one time makes of an array
        return None
    if found.shape != times.shape or found.dtype.kind not in "biuf":
        return None
    return found.astype(np.float64)


def _one_by_one(function: Callable[[Any], Any], times: FloatArray) -> FloatArray:
    """Return what it gives for each time, having checked all at once where nothing is wrong."""
    with contextlib.suppress(Exception):  # which comes again where the time is known
        found = np.asarray([function(time) for time in times])
        numbers = found.shape == times.shape and found.dtype.kind in "biuf"
        if numbers and np.isfinite(found).all():
            return found.astype(np.float64)
    return np.array([_at_time(function, time) for time in times])


def _agrees(function: Callable[[Any], Any], times: FloatArray, values: FloatArray) -> bool:
    """Whether values found for an array are those of single times, or arrays of one."""
    try:
        single = [float(np.asarray(function(time)).item()) for time in times]
    except Exception:  # whatever a function of arrays makes of one time
        parts = [_of_array(function, times[i : i + 1]) for i in range(len(times))]
        if any(part is None for part in parts):
            return False
        single = [float(part[0]) for part in parts if part is not None]
    return bool(np.isclose(single, values, rtol=1e-9, atol=1e-12, equal_nan=True).all())


def _at_time(function: Callable[[Any], Any], time: np.float64) -> float:
    try:
        found = function(time)
    except Exception as error:
        error.add_note(f"In the function that is the stimulus, at t = {time:.12g} ms.")
        raise
    value = np.asarray(found)
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise TypeError(f"stimulus {RULE}; got {validation.shown(found)} at t = {time:.12g} ms.")
    if not np.isfinite(value).all():
        raise ValueError(f"stimulus {RULE}; got {value.item()} at t = {time:.12g} ms.")
    return float(value.item())

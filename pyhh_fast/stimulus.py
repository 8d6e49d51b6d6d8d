"""What a stimulus is, how it is read step after step, and sums of several.

:mod:`pyhh_fast.stimuli` makes them; :mod:`pyhh_fast.stimulus_kinds` knows what each is made of.
"""

import abc
import copy
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pyhh_fast import validation
from pyhh_fast.validation import BLOCK, FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

State = dict[str, Any]
"""What reading goes on from: whole numbers, floats, lists and dicts of them, for JSON."""


class ArrayNeeded(ValueError):
    """The description of a stimulus from an array, which does not hold the array's values."""


@dataclasses.dataclass(frozen=True, repr=False)
class Stimulus(abc.ABC):
    """A current, in µA/cm², of which any part can be computed when it is needed.

    It is constant from i dt to (i + 1) dt: value i belongs to step i, and is the current at the
    time i dt. The functions of :mod:`pyhh_fast.stimuli` make stimuli; ``+`` adds stimuli and
    numbers. A stimulus does not change, takes no room however long it lasts, and holds no state
    of a random generator: it can be compared, copied, pickled and sent to other processes. There,
    and on every CPU, it has the same values, to the bit.

    Attributes
    ----------
    steps : int or None
        Number of values there are, the fewest of a sum's parts; None where there is no end.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimulus = stimuli.step(50, 0.2, 0.4) + stimuli.constant(2)
    >>> stimulus
    step(50, 0.2, 0.4) + constant(2)
    >>> stimulus.to_array(6, dt=0.1)
    array([ 2.,  2., 52., 52.,  2.,  2.])
    """

    kind: ClassVar[str]

    # NumPy's numbers leave `number + stimulus` to the stimulus.
    __array_ufunc__ = None

    def __add__(self, other: Any) -> "Stimulus":
        if isinstance(other, Stimulus):
            return Sum((*_parts(self), *_parts(other)))
        if not validation.is_scalar(other):
            return NotImplemented
        amplitude = validation.real_number("stimulus", other, unit="µA/cm²")
        return Sum((*_parts(self), Constant(amplitude))) if amplitude else self

    def __radd__(self, other: Any) -> "Stimulus":
        if not validation.is_scalar(other):
            return NotImplemented
        amplitude = validation.real_number("stimulus", other, unit="µA/cm²")
        return Sum((Constant(amplitude), *_parts(self))) if amplitude else self

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)
        given = [(getattr(self, field.name), field.default) for field in fields]
        while given and given[-1][0] == given[-1][1]:
            given.pop()
        return f"{self.kind}({', '.join(_short(value) for value, _ in given)})"

    @property
    def steps(self) -> int | None:
        """Number of values there are; None where there is no end."""
        return None

    def description(self) -> dict[str, Any]:
        """Return what the stimulus is, as a dict for JSON.

        Returns
        -------
        dict
            The function's name as "kind", and its parameters, for
            :func:`pyhh_fast.stimuli.from_description`; of a sum its "parts"; of an array only the
            number of "steps".

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> stimuli.step(50, 70, 130).description()
        {'kind': 'step', 'amplitude': 50.0, 'start': 70.0, 'stop': 130.0}
        """
        return {"kind": self.kind} | dataclasses.asdict(self)

    def to_array(self, steps: int, dt: float) -> FloatArray:
        """Return the first values.

        Parameters
        ----------
        steps : int
            Their number.
        dt : float, ms
            Step size.

        Returns
        -------
        ndarray of float64, shape (steps,), µA/cm²
            Value i is that at i dt.

        Raises
        ------
        ValueError
            If there are fewer, if `steps` is no whole number of 0 or more or `dt` is not positive;
            if a value that is read from an array is not finite; or if the stimulus is too fast for
            `dt`: pulses with a shorter period, or more than 10⁶ synaptic events a step.
        TypeError
            If `steps` or `dt` is no number.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> stimuli.ramp(0, 6, 1, 4).to_array(6, dt=1)
        array([0., 0., 2., 4., 6., 6.])
        """
        return self.reader(dt).read(steps)

    def plot(self, steps: int, dt: float) -> "Figure":
        """Draw the first values over time.

        Parameters
        ----------
        steps : int
            Their number; of many, only what a screen can show is kept.
        dt : float, ms
            Step size.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError, TypeError
            As of :meth:`to_array`.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> figure = stimuli.sine(5, 10).plot(20_000, dt=0.01)
        """
        from pyhh_fast.plotting import plot_stimulus

        return plot_stimulus(self, steps, dt)

    def reader(self, dt: float, state: State | None = None) -> "Reader":
        """Return a reader of the values, from the first on or from where another one was.

        Parameters
        ----------
        dt : float, ms
            Step size.
        state : dict, optional
            The state of an earlier reader of this stimulus with this `dt`.

        Raises
        ------
        ValueError
            If `state` is no such state; the others as of :meth:`to_array`.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> noise = stimuli.ornstein_uhlenbeck(10, 2, 5, seed=1)
        >>> reader = noise.reader(0.01)
        >>> values = reader.read(1_000)
        >>> later = noise.reader(0.01, reader.state)
        >>> later.step
        1000
        >>> bool((later.read(9) == reader.read(9)).all())
        True
        """
        return Reader(self, dt, state)

    def _suits(self, dt: float) -> None:  # noqa: B027 (most suit any)
        """See that the stimulus can be had in steps of `dt`, ms."""

    def _begin(self) -> State:
        """Return the state of a reader that has read nothing."""
        return {"step": 0}

    def _checked(self, state: Any, name: str) -> State:
        """Return a state that was given, in an error `name`, which must be one of this kind."""
        known = self._begin()
        if not isinstance(state, dict) or state.keys() != known.keys():
            raise ValueError(
                f"{name} must be a dict with {', '.join(known)}; got {validation.shown(state)}. "
                "Pass the state of a reader of the same stimulus."
            )
        most = validation.MOST_STEPS if self.steps is None else self.steps
        return {"step": whole(f"{name}['step']", state["step"], most)}

    @abc.abstractmethod
    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        """Fill `values`, at most BLOCK, with those that follow a state; return the state after."""


@dataclasses.dataclass(frozen=True, repr=False)
class Constant(Stimulus):
    """One current for ever."""

    kind = "constant"
    amplitude: float

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        values[:] = self.amplitude
        return {"step": state["step"] + len(values)}


@dataclasses.dataclass(frozen=True, repr=False)
class Sum(Stimulus):
    """Two or more stimuli, none of them a sum, added from left to right."""

    kind = "sum"
    parts: tuple[Stimulus, ...]

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))

    @property
    def steps(self) -> int | None:
        """Number of values there are: the fewest of any part."""
        return min((part.steps for part in self.parts if part.steps is not None), default=None)

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`."""
        return {"kind": self.kind, "parts": [part.description() for part in self.parts]}

    def _suits(self, dt: float) -> None:
        for part in self.parts:
            part._suits(dt)

    def _begin(self) -> State:
        return {"step": 0, "parts": [part._begin() for part in self.parts]}

    def _checked(self, state: Any, name: str) -> State:
        step, parts = super()._checked(state, name)["step"], state["parts"]
        if not isinstance(parts, list) or len(parts) != len(self.parts):
            raise ValueError(
                f"{name}['parts'] must be a list of {len(self.parts)} states; "
                f"got {validation.shown(parts)}. Pass the state of a reader of the same stimulus."
            )
        places = [f"{name}['parts'][{i}]" for i in range(len(parts))]
        found = [
            part._checked(one, place)
            for part, one, place in zip(self.parts, parts, places, strict=True)
        ]
        for one, place in zip(found, places, strict=True):
            if one["step"] != step:
                raise ValueError(
                    f"{place}['step'] must be {step}, as that of the sum; got {one['step']}."
                )
        return {"step": step, "parts": found}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        more = np.empty_like(values)
        after: list[State] = []
        for part, one in zip(self.parts, state["parts"], strict=True):
            after.append(part._read(one, more if after else values, dt))
            if len(after) > 1:
                values += more
        return {"step": state["step"] + len(values), "parts": after}


class Reader:
    """Reads a stimulus step after step; :meth:`Stimulus.reader` makes it.

    The values do not depend on how many are read at a time.

    Attributes
    ----------
    stimulus : Stimulus
    dt : float, ms
        Step size.
    step : int
        Number of values read.
    state : dict
        What :meth:`Stimulus.reader` goes on from, made of numbers, lists and dicts for JSON.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> reader = stimuli.ramp(0, 9, 0, 9).reader(dt=1)
    >>> reader.read(3), reader.read(2)
    (array([0., 1., 2.]), array([3., 4.]))
    >>> reader.step, reader.state
    (5, {'step': 5})
    """

    def __init__(self, stimulus: Stimulus, dt: float, state: State | None = None) -> None:
        self.stimulus = stimulus
        self.dt = validation.real_number("dt", dt, unit="ms", positive=True)
        stimulus._suits(self.dt)
        self._state = stimulus._begin() if state is None else stimulus._checked(state, "state")

    def read(self, steps: int) -> FloatArray:
        """Return the next values, of shape (steps,) and µA/cm², in an array of their own.

        An error, or Ctrl-C, leaves the reader where it was.

        Raises
        ------
        ValueError
            If fewer are left, or if a value that is read from an array is not finite.
        """
        steps = validation.count("steps", steps)
        there = self.stimulus.steps
        if there is not None and self.step + steps > there:
            raise ValueError(
                f"steps must be at most {there - self.step}, the number of values that the "
                f"stimulus {'has left' if self.step else 'has'}; got {steps}."
            )
        values, state = np.empty(steps), self._state
        for block in _blocks(values):
            state = self.stimulus._read(state, block, self.dt)
        self._state = state
        return values

    @property
    def step(self) -> int:
        """Number of values read."""
        return int(self._state["step"])

    @property
    def state(self) -> State:
        """What reading goes on from, for JSON: a copy."""
        return copy.deepcopy(self._state)


def _blocks(values: FloatArray) -> Iterator[FloatArray]:
    # So that Ctrl-C is heard in between.
    return (values[start : start + BLOCK] for start in range(0, len(values), BLOCK))


def _parts(stimulus: Stimulus) -> tuple[Stimulus, ...]:
    return stimulus.parts if isinstance(stimulus, Sum) else (stimulus,)


def _short(value: Any) -> str:
    return repr(value).removesuffix(".0")


def whole(name: str, value: Any, most: int) -> int:
    """Return a whole number, 0 to `most`, from a state."""
    try:
        return validation.index(name, value, most + 1)
    except TypeError as error:
        raise ValueError(str(error)) from None


def number(name: str, value: Any) -> float:
    """Return a finite number from a state."""
    try:
        return validation.real_number(name, value)
    except TypeError as error:
        raise ValueError(str(error)) from None

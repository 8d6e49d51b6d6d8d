"""What a stimulus is.

The public ones are classes of their own, in :mod:`pyhh_fast.stimuli.waveforms`, noise, arrays and
functions; :mod:`pyhh_fast.stimuli.algebra` has sums, multiples and shifts.
"""

import abc
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.reader import Reader, State, whole_in_state
from pyhh_fast.system import free_memory
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SourceNeeded(ValueError):
    """The description of a stimulus from an array or a function, which does not hold its values."""


class Algebra(Protocol):
    """The functions of :mod:`pyhh_fast.stimuli.algebra`, which makes subclasses of Stimulus."""

    def added(self, first: Any, second: Any, sign: int = 1) -> Any:
        """Return the sum, or where `sign` is -1 the difference."""

    def multiplied(self, stimulus: Any, name: str, number: Any) -> Any:
        """Return a multiple, or the part that a divisor leaves."""

    def shifted(self, stimulus: Any, by: float) -> "Stimulus":
        """Return a stimulus later by `by` ms, or earlier."""


@dataclasses.dataclass(frozen=True, repr=False)
class Stimulus(abc.ABC):
    """A current, in µA/cm², of which any part can be computed when it is needed.

    It is constant from i dt to (i + 1) dt: value i belongs to step i. It is the current in the
    middle of the step, or the mean over the step where an edge or a bend lies in it; arrays and
    noise hold their value. The classes of :mod:`pyhh_fast.stimuli` are stimuli; they can be added
    to, and subtracted from, each other, numbers and functions of time, and multiplied by numbers. A
    stimulus does not change, takes no memory however long it lasts, and holds no state of a random
    generator: it can be compared, copied, pickled and sent to other processes. There, and on every
    CPU, it has the same values, to the bit.

    Attributes
    ----------
    duration : float or None, ms
        When it ends: `stop` of a step or ramp, the end of the last of a number of pulses, the
        `duration` of a chirp, the longest of a sum's parts. None where there is no end, and of
        arrays, whose end depends on dt. A run without a `duration` takes that of its stimulus.
    steps : int or None
        Number of values there are of an array, the fewest of a sum's parts; None where there is no
        end, or, for an array that is shifted, where it depends on dt.

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
    """Name of the class in repr and descriptions."""

    _algebra: ClassVar[Algebra]
    """What the operators call; stimuli/__init__.py sets it, because algebra.py imports this."""

    # NumPy's numbers leave `number + stimulus` to the stimulus.
    __array_ufunc__ = None

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__.lower()

    def __add__(self, other: Any) -> Any:
        return self._algebra.added(self, other)

    def __radd__(self, other: Any) -> Any:
        return self._algebra.added(other, self)

    def __sub__(self, other: Any) -> Any:
        return self._algebra.added(self, other, sign=-1)

    def __rsub__(self, other: Any) -> Any:
        return (-self).__radd__(other)

    def __mul__(self, factor: Any) -> Any:
        return self._algebra.multiplied(self, "factor", factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Any:
        return self._algebra.multiplied(self, "divisor", divisor)

    def __neg__(self) -> Any:
        return self * -1

    def __pos__(self) -> "Stimulus":
        return self

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)
        given = [(getattr(self, field.name), field.default) for field in fields]
        while given and given[-1][0] == given[-1][1]:
            given.pop()
        return f"{self.kind}({', '.join(short(value) for value, _ in given)})"

    def of_cell(self, cell: int) -> "Stimulus":
        """Return the stimulus as a cell of a population has it.

        Parameters
        ----------
        cell : int
            Its number, from 0.

        Returns
        -------
        Stimulus
            Noise has a stream of its own for each cell, that of cell 0 is the stimulus itself;
            what is no noise is the same for all.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> stimuli.white_noise(3, seed=1).of_cell(5)
        white_noise(3, 1, cell=5)
        """
        return self

    @property
    def differs_by_cell(self) -> bool:
        """Whether cells of a population have different values: where there is noise."""
        return False

    @property
    def steps(self) -> int | None:
        """Number of values there are; None where there is no end."""
        return None

    @property
    def duration(self) -> float | None:
        """Time at which the stimulus ends, in ms; None where it does not, or depends on dt."""
        return None

    def shifted(self, by: float) -> "Stimulus":
        """Return the stimulus later, or, where `by` is negative, earlier.

        Parameters
        ----------
        by : float, ms
            Where it is positive, the current is 0 before `by`, and what it was from 0 on
            follows. Where it is negative, what was before ``-by`` is left out. For arrays and
            noise it must be a whole number of steps.

        Returns
        -------
        Stimulus

        Raises
        ------
        TypeError, ValueError
            If `by` is no finite number; when it is read, if an array or noise would have to be
            shifted by a part of a step.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> stimuli.ramp(0, 9, 0, 3).shifted(2).to_array(6, dt=1)
        array([0. , 0. , 1.5, 4.5, 7.5, 9. ])
        >>> stimuli.step(10, 5, 20).shifted(-2).duration
        18.0
        """
        return self._algebra.shifted(self, validation.real_number("by", by, unit="ms"))

    def description(self) -> dict[str, Any]:
        """Return what the stimulus is, as a dict for JSON.

        Returns
        -------
        dict
            Its name as "kind", and its parameters, for
            :func:`pyhh_fast.stimuli.from_description`; of a sum its "parts"; of an array only the
            number of "steps", of a function nothing.

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
            Value i holds from i dt to (i + 1) dt.

        Raises
        ------
        ValueError
            If there are fewer, if `steps` is no whole number of 0 or more or `dt` is not positive;
            if a value that is read from an array or comes from a function is not finite; or if
            there are more than 10⁶ synaptic events a step.
        TypeError
            If `steps` or `dt` is no number.
        MemoryError
            If the values do not fit into the free memory.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> stimuli.ramp(0, 6, 1, 4).to_array(6, dt=1)
        array([0., 1., 3., 5., 6., 6.])
        """
        steps = validation.count("steps", steps)
        free_memory.check(8 * steps, "the values", "Pass the stimulus itself to a run.")
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

    def reader_at(self, dt: float, step: int) -> "Reader | None":
        """Return a reader that begins at a step; None where the values before are needed for it."""
        state = self._at(step)
        if state is None:
            return None
        reader = Reader(self, dt)
        reader._state = state
        return reader

    def _suits(self, dt: float) -> None:  # noqa: B027 (most suit any)
        """See that the stimulus can be had in steps of `dt`, ms."""

    def _size(self, dt: float) -> int | None:
        """Return the number of values in steps of `dt`, ms; None where there is no end."""
        return self.steps

    def _at(self, step: int) -> State | None:
        """Return the state of a reader before a step; None where the values before are needed."""
        return None

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:  # noqa: B027
        """See that a state is of this stimulus, as far as its values tell."""

    def _refined(self) -> "Stimulus":
        """Return what follows the same path in steps of half the length."""
        return Held(self)

    def _bends(self) -> list[float] | None:
        """Return the times, in ms, between which it is straight; None where it is not."""
        return None

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
        return {"step": whole_in_state(f"{name}['step']", state["step"], most)}

    @abc.abstractmethod
    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        """Fill `values`, at most BLOCK, with those that follow a state; return the state after."""

    def _begin_cells(self, cells: range) -> Any:
        """Return what :meth:`_read_cells` begins with."""
        if not self.differs_by_cell:
            return self._begin()
        return [self.of_cell(cell)._begin() for cell in cells]

    def _read_cells(self, state: Any, values: FloatArray, dt: float, cells: range) -> Any:
        """Fill `values`, shape (cells, steps), with those of cells that follow a state.

        Return the state after; that before does not change.
        """
        if self.differs_by_cell:
            return [
                self.of_cell(cell)._read(before, row, dt)
                for cell, before, row in zip(cells, state, values, strict=True)
            ]
        after = self._read(state, values[0], dt)
        values[1:] = values[0]
        return after


@dataclasses.dataclass(frozen=True, repr=False)
class Waveform(Stimulus):
    """A current of which every step can be computed without those before."""

    edges_exact: ClassVar[bool] = False
    """Whether `_fill` itself lets the stimulus begin within a step."""

    def _at(self, step: int) -> State:
        return {"step": step}

    def _refined(self) -> Stimulus:
        return self

    def _read(self, state: State, values: FloatArray, dt: float, late: float = 0.0) -> State:
        """As :meth:`Stimulus._read`, where it begins `late` < 1 of a step late."""
        step, rest = state["step"], values
        if late and step == 0 and len(values) and not self.edges_exact:
            values[0] = self._beginning(0.0, 1 - late, dt)
            rest = values[1:]
        if len(rest):
            self._fill(rest, step + len(values) - len(rest), dt, late)
        return {"step": step + len(values)}

    def _beginning(self, skip: float, covered: float, dt: float) -> float:
        """Return the value of a step of which only the last part, `covered` <= 1, has a current.

        It is that of the stimulus from `skip` ms on.
        """
        length = covered * dt
        value = np.empty(1)
        self._fill(value, 0, length, -skip / length)  # as of a step that is that long
        return covered * float(value[0])

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, repr=False)
class Held(Stimulus):
    """A stimulus in steps of half its own: each value twice."""

    part: Stimulus

    def of_cell(self, cell: int) -> Stimulus:
        """As :meth:`Stimulus.of_cell`."""
        return Held(self.part.of_cell(cell))

    @property
    def differs_by_cell(self) -> bool:
        """As :attr:`Stimulus.differs_by_cell`."""
        return self.part.differs_by_cell

    def _suits(self, dt: float) -> None:
        self.part._suits(2 * dt)

    def _size(self, dt: float) -> int | None:
        size = self.part._size(2 * dt)
        return None if size is None else 2 * size

    def _begin(self) -> State:
        return {"step": 0, "part": self.part._begin(), "second": 0.0}

    def _checked(self, state: Any, name: str) -> State:
        part = self.part._checked(state["part"], f"{name}['part']")
        return super()._checked(state, name) | {"part": part, "second": float(state["second"])}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        step, second = state["step"], state["second"]
        begun = step % 2
        values[:begun] = second
        rest = values[begun:]
        fresh = np.empty((len(rest) + 1) // 2)
        part = self.part._read(state["part"], fresh, 2 * dt) if len(fresh) else state["part"]
        rest[::2] = fresh
        rest[1::2] = fresh[: len(rest) // 2]
        return {
            "step": step + len(values),
            "part": part,
            "second": float(fresh[-1]) if len(fresh) else second,
        }


def short(value: Any) -> str:
    """Return a parameter as it is typed."""
    return repr(value).removesuffix(".0")

"""What a stimulus is.

The public ones are classes of their own, in :mod:`pyhh_fast.stimuli.waveforms`, noise, arrays and
functions; :mod:`pyhh_fast.stimuli.algebra` has sums, multiples and shifts.
"""

import abc
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.stimuli.of_cells import OfCells
from pyhh_fast.stimuli.parameters import check_lengths, plain, same, short
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

    def shifted(self, stimulus: Any, by: Any) -> "Stimulus":
        """Return a stimulus later by `by` ms, or earlier."""

    def held(self, stimulus: Any) -> "Stimulus":
        """Return what has each value of a stimulus twice, in steps of half the length."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Stimulus(OfCells, abc.ABC):
    """A current, in µA/cm², of which any part can be computed when it is needed.

    It is constant from i dt to (i + 1) dt: value i belongs to step i. It is the current in the
    middle of the step, or the mean over the step where an edge or a bend lies in it; arrays and
    noise hold their value. The classes of :mod:`pyhh_fast.stimuli` are stimuli; they can be added
    to, and subtracted from, each other, numbers and functions of time, and multiplied by numbers. A
    stimulus does not change, takes no memory however long it lasts, and holds no state of a random
    generator: it can be compared, copied, pickled and sent to other processes. There, and on every
    CPU, it has the same values, to the bit.

    Each parameter but a seed, each factor and each shift may be an array of shape (cells,), with
    one number for each cell of a population; an array of one is that of all cells.

    Attributes
    ----------
    duration : float or None, ms
        When it ends: `stop` of a step or ramp, the end of the last of a number of pulses, the
        `duration` of a chirp, the longest of a sum's parts. None where there is no end, and of
        arrays, whose end depends on dt. A run without a `duration` takes that of its stimulus.
    steps : int or None
        Number of values there are of an array, the fewest of a sum's parts; None where there is no
        end, or, for an array that is shifted, where it depends on dt.
    cells : int or None
        Of how many cells its parameters are; None where all are numbers.
    conducts : bool
        Whether there is a :class:`pyhh_fast.stimuli.conductance` in it: the membrane then gets
        I - G V.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimulus = stimuli.step(50, 0.2, 0.4) + stimuli.constant(2)
    >>> stimulus
    step(50, 0.2, 0.4) + constant(2)
    >>> stimulus.to_array(6, dt=0.1)
    array([ 2.,  2., 52., 52.,  2.,  2.])
    """

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

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(map(same, self._fields().values(), other._fields().values()))

    def __hash__(self) -> int:
        every = map(plain, self._fields().values())
        return hash((self.kind, *(tuple(x) if isinstance(x, list) else x for x in every)))

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)
        given = [(getattr(self, field.name), field.default) for field in fields]
        while given and same(*given[-1]):
            given.pop()
        return f"{self.kind}({', '.join(short(value) for value, _ in given)})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)

    def _set(self, **parameters: Any) -> None:
        """Set parameters, checked ones; arrays cannot be written to from then on."""
        vars(self).update(parameters)
        for value in parameters.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        check_lengths(self._arrays())

    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def steps(self) -> int | None:
        """Number of values there are; None where there is no end."""
        return None

    @property
    def duration(self) -> float | None:
        """Time at which the stimulus ends, in ms; None where it does not, or depends on dt."""
        return None

    def shifted(self, by: npt.ArrayLike) -> "Stimulus":
        """Return the stimulus later, or, where `by` is negative, earlier.

        Parameters
        ----------
        by : float or array_like of shape (cells,), ms
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
        return self._algebra.shifted(self, by)

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
        return {"kind": self.kind} | {name: plain(x) for name, x in self._fields().items()}

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
        ndarray of float64, shape (steps,) or (cells, steps), µA/cm²
            Value i holds from i dt to (i + 1) dt. Where parameters are arrays, there is a row for
            each cell.

        Raises
        ------
        ValueError
            If the stimulus conducts; if there are fewer values, if `steps` is no whole number of 0
            or more or `dt` is not positive; if a value that is read from an array or comes from a
            function is not finite; or if there are more than 10⁶ synaptic events a step.
        TypeError
            If `steps` or `dt` is no number.
        MemoryError
            If the values do not fit into the free memory.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> stimuli.ramp(0, 6, 1, 4).to_array(6, dt=1)
        array([0., 1., 3., 5., 6., 6.])
        >>> stimuli.step([5, 10], [0, 2], 3).to_array(4, dt=1)
        array([[ 5.,  5.,  5.,  0.],
               [ 0.,  0., 10.,  0.]])
        """
        self._check_of_currents("Use to_arrays(steps, dt)")
        values: FloatArray = self._first_values(steps, dt, 1)[0]
        return values

    def to_arrays(self, steps: int, dt: float) -> tuple[FloatArray, FloatArray]:
        """Return the first currents I and conductances G: the membrane gets I - G V.

        Of conductances g_k with reversal potentials E_k, I has the currents at V = 0, their sum of
        g_k E_k, and G is the sum of g_k.

        Parameters
        ----------
        steps : int
            Their number.
        dt : float, ms
            Step size.

        Returns
        -------
        I : ndarray of float64, shape (steps,) or (cells, steps), µA/cm²
        G : ndarray of float64, of the same shape, mS/cm²
            Value i of both holds from i dt to (i + 1) dt. Where parameters are arrays, there is a
            row for each cell.

        Raises
        ------
        ValueError, TypeError, MemoryError
            As :meth:`to_array`, but for a stimulus that conducts; and if a conductance without
            noise is negative.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> I, G = (stimuli.conductance(0.5, -70) + stimuli.step(10, 1, 3)).to_arrays(4, dt=1)
        >>> I, G
        (array([-35., -25., -25., -35.]), array([0.5, 0.5, 0.5, 0.5]))
        """
        values = self._first_values(steps, dt, 2)
        return values[0], values[1]

    def _first_values(self, steps: int, dt: float, arrays: int) -> FloatArray:
        """Return the first currents, and conductances where two arrays are asked for."""
        steps = validation.count("steps", steps)
        cells = 1 if self.cells is None else self.cells
        sized = 8 * steps * cells * arrays
        free_memory.check(sized, "the values", "Pass the stimulus itself to a run.")
        if self.cells is None:
            return self.reader(dt)._read(steps, arrays)
        numbers = np.arange(cells, dtype=np.uint64)
        return Reader(self._of_cells(slice(None), numbers), dt)._read(steps, arrays)

    def _check_of_currents(self, advice: str) -> None:
        """Raise ValueError where a conductance is in the stimulus."""
        if self.conducts:
            got = f"{self!r}, which conducts"
            advice += ": of what conducts there are I and G, and the membrane gets I - G V."
            raise ValueError(validation.message("stimulus", "of currents alone", got, advice))

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
            If `state` is no such state, or parameters are arrays; the others as of
            :meth:`to_array`.

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
        self._check_of_one_cell()
        return Reader(self, dt, state)

    def reader_at(self, dt: float, step: int) -> "Reader | None":
        """Return a reader that begins at a step; None where the values before are needed for it."""
        state = self._at(step)
        if state is None:
            return None
        reader = Reader(self, dt)
        reader._state = state
        return reader

    def _suits(self, dt: float) -> None:
        """See that the stimulus can be had in steps of `dt`, ms."""

    def _size(self, dt: float) -> int | None:
        """Return the number of values in steps of `dt`, ms; None where there is no end."""
        return self.steps

    def _at(self, step: int) -> State | None:
        """Return the state of a reader before a step; None where the values before are needed."""
        return None

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:
        """See that a state is of this stimulus, as far as its values tell."""

    def _refined(self) -> "Stimulus":
        """Return what follows the same path in steps of half the length."""
        return self._algebra.held(self)

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
        """Fill `values` with those that follow a state; return the state after.

        Parameters
        ----------
        values : ndarray, shape (rows, steps)
            A row for each cell, whose parameters and streams of noise it then has, or just one;
            at most BLOCK steps. Rows are contiguous.
        """

    def _read_arrays(self, state: State, I: FloatArray, G: FloatArray, dt: float) -> State:  # noqa: E741
        """As :meth:`_read`, with the conductances, too."""
        G[:] = 0.0
        return self._read(state, I, dt)

    def _read_each(self, state: State, values: FloatArray, dt: float) -> State:
        """As :meth:`_read`, cell by cell."""
        before = state.get("cells") or [state] * len(values)
        after = [
            self._of_cells(i, 0)._read(one, values[i : i + 1], dt) for i, one in enumerate(before)
        ]
        return {"step": state["step"] + values.shape[1], "cells": after}

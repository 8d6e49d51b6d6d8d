"""How a stimulus is read, step after step."""

import copy
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from pyhh_fast import validation
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.validation import BLOCK

State = dict[str, Any]
"""What reading continues from: whole numbers, floats, lists and dicts of them, for JSON."""


class Steps(Protocol):
    """What a reader needs of a stimulus; :class:`pyhh_fast.stimuli.Stimulus` explains it."""

    @property
    def cells(self) -> int | None:
        """Number of cells, each with a row of values; None of a stimulus of one cell."""

    @property
    def conducts(self) -> bool:
        """Whether there is a conductance in it."""

    def _suits(self, dt: float) -> None: ...
    def _size(self, dt: float) -> int | None: ...
    def _begin(self) -> State: ...
    def _checked(self, state: Any, name: str) -> State: ...
    def _recognise(self, state: State, dt: float) -> None: ...
    def _read(self, state: State, values: FloatArray, dt: float) -> State: ...
    def _read_arrays(
        self,
        state: State,
        I: FloatArray,  # noqa: E741
        G: FloatArray,
        dt: float,
    ) -> State: ...
    def _check_of_currents(self, advice: str) -> None: ...


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
        What :meth:`Stimulus.reader` continues from, made of numbers, lists and dicts for JSON.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> reader = stimuli.ramp(0, 9, 0, 9).reader(dt=1)
    >>> reader.read(3), reader.read(2)
    (array([0.5, 1.5, 2.5]), array([3.5, 4.5]))
    >>> reader.step, reader.state
    (5, {'step': 5})
    """

    def __init__(self, stimulus: Steps, dt: float, state: State | None = None) -> None:
        self.stimulus = stimulus
        self.dt = validation.real_number("dt", dt, unit="ms", positive=True)
        stimulus._suits(self.dt)
        if state is None:
            self._state = stimulus._begin()
        else:
            self._state = stimulus._checked(state, "state")
            stimulus._recognise(self._state, self.dt)

    def read(self, steps: int) -> FloatArray:
        """Return the next values, of shape (steps,) and µA/cm², in an array of their own.

        An error, or Ctrl-C, leaves the reader where it was.

        Raises
        ------
        ValueError
            If the stimulus conducts, if fewer values are left, or if a value that is read from an
            array is not finite.
        """
        self.stimulus._check_of_currents("Use read_arrays(steps)")
        values: FloatArray = self._read(steps, 1)[0]
        return values

    def read_arrays(self, steps: int) -> tuple[FloatArray, FloatArray]:
        """Return the next currents, µA/cm², and conductances, mS/cm²: the membrane gets I - G V.

        Each is an array of its own, of shape (steps,); the latter are 0 where the stimulus does not
        conduct. It is otherwise as :meth:`read`.
        """
        values = self._read(steps, 2)
        return values[0], values[1]

    @rounds_to_nearest
    def _read(self, steps: int, arrays: int) -> FloatArray:
        """Return the next currents, and conductances where two arrays are asked for."""
        steps = validation.count("steps", steps)
        there = self.stimulus._size(self.dt)
        if there is not None and self.step + steps > there:
            raise ValueError(
                f"steps must be at most {there - self.step}, the number of values that the "
                f"stimulus {'has left' if self.step else 'has'}; got {steps}."
            )
        cells = self.stimulus.cells
        values = np.empty((arrays, 1 if cells is None else cells, steps))
        state = self._state
        for block in _blocks(values):
            if arrays == 1:
                state = self.stimulus._read(state, block[0], self.dt)
            else:
                state = self.stimulus._read_arrays(state, block[0], block[1], self.dt)
        self._state = state
        return values[:, 0] if cells is None else values

    @property
    def step(self) -> int:
        """Number of values read."""
        return int(self._state["step"])

    @property
    def state(self) -> State:
        """What reading continues from, for JSON: a copy."""
        return copy.deepcopy(self._state)


def _blocks(values: FloatArray) -> Iterator[FloatArray]:
    # So that Ctrl-C is heard in between.
    _, rows, steps = values.shape
    block = max(BLOCK // max(rows, 1), 1)
    return (values[..., start : start + block] for start in range(0, steps, block))


def whole_in_state(name: str, value: Any, most: int) -> int:
    """Return a whole number, 0 to `most`, from a state."""
    try:
        return validation.index(name, value, most + 1)
    except TypeError as error:
        raise ValueError(str(error)) from None


def number_in_state(name: str, value: Any) -> float:
    """Return a finite number from a state."""
    try:
        return validation.real_number(name, value)
    except TypeError as error:
        raise ValueError(str(error)) from None

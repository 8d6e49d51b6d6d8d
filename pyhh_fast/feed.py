"""The stimulus of a run as the time loops take it: some steps at a time."""

from typing import Any, Protocol

import numpy as np

from pyhh_fast.validation import FloatArray


class Reader(Protocol):
    """Gives the values of a stimulus one after the other."""

    @property
    def state(self) -> Any:
        """What another reader needs to go on from here; numbers that JSON can hold."""

    def read(self, steps: int) -> FloatArray:
        """Return the next values."""


class Readable(Protocol):
    """A stimulus that is made, or fetched, as it is needed."""

    def reader(self, dt: float, state: Any = None) -> Reader:
        """Return a reader for steps of `dt` ms, from the beginning or from a reader's state."""


SEEN = 64
"""Values of an array that are kept, to know it again."""


def seen(stimulus: FloatArray, step: int) -> list[float]:
    """Return the last values of an array before a step, or nothing where it is a constant."""
    if stimulus.strides == (0,):
        return []
    last: list[float] = stimulus[max(0, step - SEEN) : step].tolist()
    return last


class Feed:
    """The values of a stimulus from step to step.

    Parameters
    ----------
    stimulus : ndarray or Readable
        One value a step, µA/cm².
    dt : float, ms
    step : int, default 0
        Where to begin, and with which `state` of a reader.
    """

    def __init__(
        self, stimulus: FloatArray | Readable, dt: float, step: int = 0, state: Any = None
    ) -> None:
        self._stimulus = stimulus
        self._dt = dt
        if isinstance(stimulus, np.ndarray):
            return
        self._reader = stimulus.reader(dt, state)
        self._begin, self._values = step, np.empty(0)
        # Where the latest two windows began: what was read can be read again from there.
        self._before = self._now = (step, self._reader.state)

    def window(self, start: int, stop: int) -> FloatArray:
        """Return the values of steps `start` to `stop`, which is excluded.

        A window begins where the last one ended, or is a part of it.
        """
        if isinstance(self._stimulus, np.ndarray):
            return self._stimulus[start:stop]
        end = self._begin + self._values.size
        if start >= end:
            assert start == end
            self._before, self._now = self._now, (start, self._reader.state)
            self._begin, self._values = start, self._reader.read(stop - start)
        return self._values[start - self._begin : stop - self._begin]

    def again(self, start: int, stop: int) -> FloatArray:
        """Return values of the latest two windows."""
        if isinstance(self._stimulus, np.ndarray):
            return self._stimulus[start:stop]
        reader, begin = self._from(start)
        return reader.read(stop - begin)[start - begin :]

    def state_at(self, step: int) -> Any:
        """Return a reader's state before a step of the latest two windows.

        Of an array it is the last values before it, by which the array can be known again.
        """
        if isinstance(self._stimulus, np.ndarray):
            return seen(self._stimulus, step)
        if step == self._begin + self._values.size:
            return self._reader.state
        reader, begin = self._from(step)
        reader.read(step - begin)
        return reader.state

    def _from(self, step: int) -> tuple[Reader, int]:
        assert not isinstance(self._stimulus, np.ndarray)
        begin, state = self._now if step >= self._now[0] else self._before
        return self._stimulus.reader(self._dt, state), begin

"""The stimulus of a run as the time loops take it: some steps at a time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from pyhh_fast.stimuli.protocols import Readable, Reader
    from pyhh_fast.system.background import Job, Workers

KEPT = 16
"""Blocks that can be read again."""

SEEN = 64
"""Values of an array that are kept, to know it again."""


def seen(stimulus: FloatArray, step: int) -> list[float]:
    """Return the last values of an array before a step, or nothing where it is a constant."""
    if constant_of(stimulus) is not None:
        return []
    last: list[float] = stimulus[max(0, step - SEEN) : step].tolist()
    return last


class Feed:
    """The values of a stimulus from step to step.

    What is computed or fetched is so in a thread of its own, a block ahead of the run: both release
    the interpreter, so that noise costs next to nothing where there is a second core.

    Attributes
    ----------
    stimulus : ndarray or Readable
        One value a step, µA/cm².
    steps : int
        Of the whole run.
    dt : float, ms

    Parameters
    ----------
    step : int, default 0
        Where to begin, and with which `state` of a reader.
    """

    BLOCK = 65_536

    def __init__(
        self,
        stimulus: "FloatArray | Readable",
        steps: int,
        dt: float,
        step: int = 0,
        state: Any = None,
    ) -> None:
        self.stimulus, self.steps, self.dt = stimulus, steps, dt
        self._thread: Workers | None = None
        if isinstance(stimulus, np.ndarray):
            return
        from pyhh_fast.system import background  # here, because an array needs no thread

        self._reader = stimulus.reader(dt, state)
        self._begin, self._values = step, np.empty(0)
        # Where the latest blocks began: what was read can be read again from there.
        self._states = [(step, self._reader.state)]
        self._thread = background.Workers(1, "pyhh_fast stimulus")
        self._ahead = self._read_ahead(step)

    def _read_ahead(self, begin: int) -> "Job[FloatArray]":
        """Have a thread read the block that begins at step `begin`, up to a multiple of BLOCK."""
        end = min(begin - begin % self.BLOCK + self.BLOCK, self.steps)
        assert self._thread is not None
        return self._thread.submit(self._reader.read, end - begin)

    def close(self) -> None:
        """Have the thread end; windows that were had can still be read again."""
        if self._thread is not None:
            self._ahead.cancel()
            self._thread.end()

    @property
    def most(self) -> int:
        """How many values are had at once with the least trouble."""
        return self.steps if isinstance(self.stimulus, np.ndarray) else self.BLOCK

    def window(self, start: int, stop: int) -> FloatArray:
        """Return the values of steps `start` to `stop`, which is excluded.

        A window begins where the last one ended, or is a part of it.
        """
        if isinstance(self.stimulus, np.ndarray):
            return self.stimulus[start:stop]
        while (end := self._begin + self._values.size) < stop:
            block = self._ahead.result()  # an error of the reader shows where its values are wanted
            left = self._values[start - self._begin :]
            values = np.concatenate([left, block]) if left.size else block
            self._states = [*self._states[-KEPT:], (end + block.size, self._reader.state)]
            self._begin, self._values = end - left.size, values
            self._ahead = self._read_ahead(end + block.size)
        return self._values[start - self._begin : stop - self._begin]

    def again(self, start: int, stop: int) -> FloatArray:
        """Return values of the latest windows."""
        if isinstance(self.stimulus, np.ndarray):
            return self.stimulus[start:stop]
        reader, begin = self._from(start)
        return reader.read(stop - begin)[start - begin :]

    def state_at(self, step: int) -> Any:
        """Return a reader's state before a step of the latest windows.

        Of an array it is the last values before it, by which the array can be known again.
        """
        if isinstance(self.stimulus, np.ndarray):
            return seen(self.stimulus, step)
        reader, begin = self._from(step)
        reader.read(step - begin)
        return reader.state

    def _from(self, step: int) -> "tuple[Reader, int]":
        """Return a reader that stands at or a little before a step, and where."""
        assert not isinstance(self.stimulus, np.ndarray)
        begin, state = next(known for known in reversed(self._states) if known[0] <= step)
        return self.stimulus.reader(self.dt, state), begin


class SharedStimulus:
    """A stimulus that all cells of a population receive, some steps at a time.

    Attributes
    ----------
    shape : tuple of int
        Cells and steps.
    """

    def __init__(self, stimulus: "Readable", size: int, steps: int, dt: float) -> None:
        stimulus.reader(dt)  # it suits dt
        self.shape = size, steps
        self._stimulus, self._dt = stimulus, dt
        self._feed: Feed | None = None

    def window(self, start: int, stop: int) -> FloatArray:
        """Return the values of steps `start` to `stop`, shape (cells, steps), as a view of one row.

        A window begins where the last one ended.
        """
        if self._feed is None:  # not before the run, or its thread might outlive an error
            self._feed = Feed(self._stimulus, self.shape[1], self._dt)
        return np.broadcast_to(self._feed.window(start, stop), (self.shape[0], stop - start))

    def close(self) -> None:
        """Have the thread end."""
        if self._feed is not None:
            self._feed.close()


def shared_stimulus(
    stimulus: Any, size: int, duration: Any, dt: float
) -> FloatArray | SharedStimulus:
    """Return the stimulus that a user gave for a population as its run takes it, checked."""
    from pyhh_fast.stimuli.functions import as_stimulus

    made = as_stimulus(stimulus)
    if made is None:
        return validation.stimuli("stimulus", stimulus, size, duration, dt)
    steps = validation.steps_of(made, duration, dt)
    wave = as_run(made, steps)
    if isinstance(wave, np.ndarray):
        return np.broadcast_to(wave, (size, steps))
    return SharedStimulus(wave, size, steps, dt)


def drive(stimulus: Any, duration: Any, dt: float) -> "tuple[FloatArray | Readable, int]":
    """Return the stimulus that a user gave as a run takes it, checked, and the number of steps."""
    if callable(stimulus) or hasattr(type(stimulus), "reader"):
        from pyhh_fast.stimuli.functions import as_stimulus  # here, because most runs need none

        made = as_stimulus(stimulus)
        assert made is not None
        steps = validation.steps_of(made, duration, dt)
        return as_run(made, steps), steps
    wave, steps = validation.drive("stimulus", stimulus, duration, dt)
    return (repeated(wave[0], steps) if validation.is_scalar(stimulus) else wave), steps


def repeated(value: float, steps: int) -> FloatArray:
    """Return a constant as a run takes it: one number, repeated.

    It is a view of that one number, by which :func:`constant_of` tells it from an array of values,
    whatever the number of steps: strides do not, where there are none.
    """
    found = np.ndarray((steps,), np.float64, np.array(value, dtype=np.float64), strides=(0,))
    found.flags.writeable = False
    return found


def constant_of(stimulus: FloatArray) -> float | None:
    """Return the number that a constant repeats, of 0 steps as well; None for other arrays."""
    number = stimulus.base
    return float(number) if isinstance(number, np.ndarray) and number.ndim == 0 else None


def as_run(stimulus: "Readable", steps: int) -> "FloatArray | Readable":
    """Return a stimulus as a run takes it: a constant is one number, repeated."""
    from pyhh_fast.stimuli.waveforms import constant  # here, because most runs need none

    if isinstance(stimulus, constant):
        return repeated(stimulus.amplitude, steps)
    return stimulus

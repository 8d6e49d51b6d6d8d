"""The values of a stimulus, read ahead of the time loops that take them; steppers use it."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast.recording import RunStimulus, array_of_steps
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from pyhh_fast.stimuli import Reader, Stimulus
    from pyhh_fast.system.background import Future, Workers

LATEST_BLOCKS = 16
"""How many blocks can be read again."""

FINGERPRINT = 64
"""Number of values by which an array is recognised."""


def fingerprint(values: FloatArray, step: int) -> list[float]:
    """Return the last values of an array before a step, by which a resumed run recognises it."""
    last: list[float] = values[max(0, step - FINGERPRINT) : step].tolist()
    return last


OWN_VALUES = 2**18
"""How many values of cells' own stimuli are made at once, 2 MB."""


class ReadAhead:
    """The values of a stimulus from step to step.

    Values that are computed or fetched are read by a thread of its own, a block ahead of the run:
    both release the interpreter, so that noise costs almost nothing where there is a second core.

    Attributes
    ----------
    stimulus : RunStimulus
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
        self, stimulus: RunStimulus, steps: int, dt: float, step: int = 0, state: Any = None
    ) -> None:
        self.stimulus, self.steps, self.dt = stimulus, steps, dt
        self._array = array_of_steps(stimulus, steps)
        self._thread: Workers | None = None
        if isinstance(stimulus, np.ndarray) or self._array is not None:
            return
        from pyhh_fast.system import background  # here, because an array needs no thread

        self._reader = stimulus.reader(dt, state)
        # A row of currents and, where the stimulus conducts, one of conductances.
        self._begin, self._values = step, np.empty((1 + stimulus.conducts, 0))
        # Where the latest blocks began: what was read can be read again from there.
        self._states = [(step, self._reader.state)]
        self._thread = background.Workers(1, "pyhh_fast stimulus")
        self._ahead = self._begin_reading(step)

    def _begin_reading(self, begin: int) -> "Future[FloatArray]":
        """Let the thread read the block that begins at step `begin`, up to a multiple of BLOCK."""
        end = min(begin - begin % self.BLOCK + self.BLOCK, self.steps)
        assert self._thread is not None
        return self._thread.submit(self._reader._read, end - begin, len(self._values))

    def close(self) -> None:
        """End the thread; the latest windows can still be read again."""
        if self._thread is not None:
            self._ahead.cancel()
            self._thread.end()

    @property
    def block_length(self) -> int:
        """The preferred number of values in a window."""
        return self.BLOCK if self._array is None else self.steps

    def window(self, start: int, stop: int) -> FloatArray:
        """Return the values of steps `start` to `stop`, which is excluded.

        A window begins where the last one ended, or is a part of it. Of a constant it is one
        number, repeated by a stride of 0.
        """
        if self._array is not None:
            return self._array[start:stop]
        while (end := self._begin + self._values.shape[1]) < stop:
            block = self._ahead.result()  # raises the reader's error when its values are needed
            left, size = self._values[:, start - self._begin :], block.shape[1]
            values = np.concatenate([left, block], axis=1) if left.size else block
            self._states = [*self._states[-LATEST_BLOCKS:], (end + size, self._reader.state)]
            self._begin, self._values = end - left.shape[1], values
            self._ahead = self._begin_reading(end + size)
        row: FloatArray = self._values[0, start - self._begin : stop - self._begin]
        return row

    def conductances(self, start: int, stop: int) -> FloatArray | None:
        """Return the conductances (mS/cm²) beside the latest window, or a part of it.

        Return None where the stimulus has none.
        """
        if self._array is not None or len(self._values) == 1:
            return None
        row: FloatArray = self._values[1, start - self._begin : stop - self._begin]
        return row

    def reread(self, start: int, stop: int) -> FloatArray:
        """Return values of the latest windows."""
        return self._array[start:stop] if self._array is not None else self._reread(start, stop)[0]

    def reread_conductances(self, start: int, stop: int) -> FloatArray | None:
        """Return the conductances beside those values; None where the stimulus has none."""
        if self._array is not None or len(self._values) == 1:
            return None
        return self._reread(start, stop)[1]

    def _reread(self, start: int, stop: int) -> list[FloatArray]:
        reader, begin = self._from(start)
        return [*reader._read(stop - begin, len(self._values))[:, start - begin :]]

    def state_at(self, step: int) -> Any:
        """Return a reader's state before a step of the latest windows.

        Of an array it is its fingerprint; of a constant there is none.
        """
        if isinstance(self.stimulus, np.ndarray):
            return fingerprint(self.stimulus, step)
        if self._array is not None:
            return []
        reader, begin = self._from(step)
        reader._read(step - begin, len(self._values))
        return reader.state

    def _from(self, step: int) -> "tuple[Reader, int]":
        """Return a reader that is at or a little before a step, and the reader's step."""
        assert not isinstance(self.stimulus, np.ndarray)
        begin, state = next(known for known in reversed(self._states) if known[0] <= step)
        return self.stimulus.reader(self.dt, state), begin


class Command(ReadAhead):
    """The command of a voltage clamp; values that are not known before are checked when read."""

    def __init__(
        self, stimulus: RunStimulus, steps: int, dt: float, check: Callable[[FloatArray, int], None]
    ) -> None:
        super().__init__(stimulus, steps, dt)
        self._check = check
        if self._array is not None:
            check(self._array, 0)

    def window(self, start: int, stop: int) -> FloatArray:
        with errors_of_command():
            values = super().window(start, stop)
        if self._array is None:
            self._check(values, start)
        return values


def errors_of_command() -> contextlib.AbstractContextManager[None]:
    """Have errors of a stimulus that is the command of a voltage clamp speak of V, in mV."""
    from pyhh_fast.stimuli.renamed_errors import errors_named  # here, because arrays need none

    return errors_named("V", "mV")


class CellStimulus:
    """The stimulus of each cell of a population, given as an array.

    Attributes
    ----------
    shape : tuple of int
        Cells and steps.
    conducts : bool
        Whether it has conductances.

    Parameters
    ----------
    values : ndarray, shape (size, steps), µA/cm²
        With any strides.
    """

    conducts = False

    def __init__(self, values: FloatArray) -> None:
        self.shape: tuple[int, int] = values.shape[0], values.shape[1]
        self._values = values

    def most_steps(self, cells: int) -> int:
        """Return how many steps of so many cells may be asked for at once."""
        return self.shape[1]

    def begin(self, start: int, stop: int) -> None:
        """Make ready for the steps from `start` to `stop`, where the next ones will begin.

        Those before the latest are not asked for any more.
        """

    def values(self, cells: range, start: int, stop: int) -> FloatArray:
        """Return the values of these steps of some cells, shape (cells, steps); from any thread.

        Those of the same cells begin where they ended.
        """
        return self._values[cells.start : cells.stop, start:stop]

    def conductances(self, cells: range, start: int, stop: int) -> FloatArray | None:
        """Return the conductances (mS/cm²) beside the values that were returned last, once.

        Of the same cells and steps; None where the stimulus has none.
        """
        return None

    def first_values(self) -> FloatArray:
        """Return the values of the first step, shape (cells,), before any are read."""
        return self._values[:, 0]

    def close(self) -> None:
        """End what reads ahead."""


class SharedStimulus(CellStimulus):
    """A stimulus that all cells of a population share, read some steps at a time."""

    def __init__(self, stimulus: "Stimulus", size: int, steps: int, dt: float) -> None:
        stimulus._suits(dt)
        self.shape = size, steps
        self._stimulus, self._dt = stimulus, dt
        self._read_ahead: ReadAhead | None = None
        self.conducts = stimulus.conducts
        # The first steps and values of the latest, and the conductances.
        self._rows: list[tuple[int, tuple[FloatArray, FloatArray | None]]] = []

    def most_steps(self, cells: int) -> int:
        return ReadAhead.BLOCK

    def begin(self, start: int, stop: int) -> None:
        if self._read_ahead is None:  # not before the run, or its thread might outlive an error
            self._read_ahead = ReadAhead(self._stimulus, self.shape[1], self._dt)
        row = self._read_ahead.window(start, stop)
        own = self._read_ahead.conductances(start, stop)
        self._rows = [*self._rows[-1:], (start, (row, own))]

    def values(self, cells: range, start: int, stop: int) -> FloatArray:
        row, _ = dict(self._rows)[start]
        return np.broadcast_to(row, (len(cells), row.size))

    def conductances(self, cells: range, start: int, stop: int) -> FloatArray | None:
        _, row = dict(self._rows)[start]
        return None if row is None else np.broadcast_to(row, (len(cells), row.size))

    def first_values(self) -> FloatArray:
        return np.broadcast_to(self._stimulus.reader(self._dt).read(1), (self.shape[0],))

    def close(self) -> None:
        if self._read_ahead is not None:
            self._read_ahead.close()


class OwnStimulus(CellStimulus):
    """A stimulus of which each cell has values of its own, by its parameters or by noise.

    The values are made where they are needed, by the thread that steps the cells, and not kept.

    Parameters
    ----------
    streams : sequence of int, optional
        The number of the stream of noise of each cell, by default its own number.
    """

    def __init__(
        self,
        stimulus: "Stimulus",
        size: int,
        steps: int,
        dt: float,
        streams: Sequence[int] | None = None,
    ) -> None:
        stimulus._suits(dt)
        self.shape = size, steps
        self._stimulus, self._dt = stimulus, dt
        if streams is None:
            streams = range(size)
        if isinstance(streams, range):
            self._streams = np.arange(streams.start, streams.stop, dtype=np.uint64)
        else:
            self._streams = np.array(streams, dtype=np.uint64)
        self._states: dict[range, Any] = {}  # of some cells, before their next step
        self.conducts = stimulus.conducts
        self._conductances: dict[range, FloatArray] = {}  # beside the latest values of some cells

    def most_steps(self, cells: int) -> int:
        return max(OWN_VALUES // max(cells, 1), 1)

    def values(self, cells: range, start: int, stop: int) -> FloatArray:
        values = np.empty((len(cells), stop - start))
        numbers = slice(cells.start, cells.stop)
        part = self._stimulus._of_cells(numbers, self._streams[numbers])
        before = self._states.get(cells)
        before = part._begin() if before is None else before
        if self.conducts:
            G = np.empty_like(values)
            self._states[cells] = part._read_arrays(before, values, G, self._dt)
            self._conductances[cells] = G
        else:
            self._states[cells] = part._read(before, values, self._dt)
        return values

    def conductances(self, cells: range, start: int, stop: int) -> FloatArray | None:
        return self._conductances.pop(cells) if self.conducts else None

    def first_values(self) -> FloatArray:
        values = np.empty((self.shape[0], 1))
        part = self._stimulus._of_cells(slice(None), self._streams)
        part._read(part._begin(), values, self._dt)
        return values[:, 0]

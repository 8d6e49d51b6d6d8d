"""Min-max decimation of the traces and the stimulus of a run, for the figures of plotting/runs.py.

Rows are read block by block, from memory or from a store, so that a run of any length is drawn in
constant memory.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.recording import Recording, RunStimulus
from pyhh_fast.stimuli.algebra import parts_of
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.combinations import Sum
from pyhh_fast.stimuli.conductances import conductance
from pyhh_fast.stimuli.parameters import short
from pyhh_fast.stimuli.reader import Reader
from pyhh_fast.stimuli.waveforms import constant
from pyhh_fast.storage.description import CHUNK
from pyhh_fast.typing import FloatArray, IntArray
from pyhh_fast.variables import ENVELOPE

MOST_POINTS = 4_000
"""Up to so many rows all are drawn: more than a screen has pixel columns."""

SEGMENTS = 1_000
"""More rows are cut into so many segments, of each of which four rows are drawn."""

BLOCK = CHUNK
"""Rows read at a time; blocks end where the chunks of a store end: none is read twice."""

MOST_VALUES = 10**8
"""Most values of a stimulus that are computed for a figure; those of noise take a second."""

Points = tuple[FloatArray, FloatArray]
"""Times (ms) and values that are drawn."""

Read = Callable[[int, int], FloatArray]
"""Returns the rows from one number up to another, which is excluded."""


class Window(NamedTuple):
    """A part of a run, from `start` to `stop` in ms."""

    start: float
    stop: float

    @classmethod
    def of(
        cls,
        recording: Recording,
        start: float | None = None,
        stop: float | None = None,
        names: tuple[str, str] = ("start", "stop"),
    ) -> Self:
        """Return a window of a recording; by default from its beginning and to its end.

        Raise TypeError or ValueError if `start` and `stop`, which the message calls `names`, are
        not 0 ≤ start < stop ≤ end.
        """
        end = recording.steps * recording.dt
        least, most = 0.0, end
        if start is not None:
            least = validation.at_least(names[0], start, 0, unit="ms")
        if stop is not None:
            most = validation.real_number(names[1], stop, unit="ms")
            if most > end * (1 + 1e-9):
                raise ValueError(
                    f"{names[1]} must be at most the end of the run, {end:.12g} (ms); got {stop}."
                )
        if start is not None and least >= most:
            border = names[1] if stop is not None else "the end of the run"
            raise ValueError(f"{names[0]} must be before {border}, {most:.12g} (ms); got {start}.")
        if most < least or (stop is not None and most == least):
            raise ValueError(f"{names[1]} must be after the beginning of the run (ms); got {stop}.")
        return cls(least, most)


@dataclasses.dataclass(frozen=True)
class LazyTrace:
    """A trace whose rows are read when they are drawn.

    Parameters
    ----------
    read : callable
        Returns the values from one row up to another.
    size : int
        Number of rows.
    dt : float, ms
    spacing, offset : float
        Row i is at the time ``(i * spacing + offset) * dt``.
    """

    read: Read
    size: int
    dt: float
    spacing: float = 1
    offset: float = 0

    def within(self, window: Window) -> range:
        """Return the numbers of the rows in a window, its ends included."""
        start, stop = (time / self.dt - self.offset for time in window)
        slack = 1e-6 + 1e-15 * abs(stop)  # quotients of times are rounded
        first = max(0, math.ceil((start - slack) / self.spacing))
        last = min(self.size, math.floor((stop + slack) / self.spacing) + 1)
        return range(first, max(first, last))

    def points(self, window: Window) -> tuple[FloatArray, FloatArray]:
        """Return the times (ms) and values that are drawn in a window."""
        rows, values = decimated(self.read, self.within(window))
        return (rows.astype(np.float64) * self.spacing + self.offset) * self.dt, values


class Source:
    """The traces of a recording, in memory or in its store, which is opened once: at one commit."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._opened: Any = None

    def trace(self, name: str) -> LazyTrace:
        """Return a trace that was recorded."""
        r = self._recording
        return LazyTrace(
            self._read(name),
            len(r),
            r.dt,
            r.every,
            0 if r.settings.variables[name].before_step else 1,
        )

    def envelope(self) -> LazyTrace:
        """Return the lowest and the highest V of each window alternately.

        Where there are more than pixels, a line through them fills the band in which V is.
        """
        r = self._recording
        assert r.envelope
        lowest, highest = (self._read(name) for name in ENVELOPE)

        def read(start: int, stop: int) -> FloatArray:
            windows = slice(start // 2, -(-stop // 2))
            both = [one(windows.start, windows.stop) for one in (lowest, highest)]
            return np.ravel(both, order="F")[start - 2 * windows.start :][: stop - start]

        return LazyTrace(read, 2 * self._windows(), r.dt, r.envelope / 2, r.envelope / 4)

    def band(self, window: Window) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the edges (ms) of the envelope's windows, and the lowest and highest V of each."""
        r = self._recording
        assert r.envelope
        length = r.envelope * r.dt
        first = math.floor(window.start / length + 1e-9)
        last = min(self._windows(), math.ceil(window.stop / length - 1e-9))
        edges = (np.arange(first, max(first, last) + 1.0) * length).clip(*window)
        lowest, highest = (self._read(name)(first, max(first, last)) for name in ENVELOPE)
        return edges, lowest, highest

    def _windows(self) -> int:
        # While a run is being made, its store lacks the last window, which is not complete.
        store = self._store
        return store.length("envelope_time") if store else self._recording.windows

    def _read(self, name: str) -> Read:
        store = self._store
        if store is None or name in vars(self._recording):
            values = self._recording[name]
            return lambda start, stop: values[start:stop]
        return lambda start, stop: store.values(name, start, stop)

    @property
    def _store(self) -> Any:
        """The store of the recording, opened once; None where there is none."""
        source = self._recording._source
        if source is not None and self._opened is None:
            self._opened = source.open()
        return self._opened


class Inputs(NamedTuple):
    """What is drawn of a stimulus: currents, and each conductance by the name in a legend.

    Those of the same reversal potential are numbered in their order in the stimulus.
    """

    currents: Points | None
    conductances: list[tuple[str, Points]]

    @classmethod
    def of(
        cls,
        stimulus: "RunStimulus | None",
        steps: int,
        dt: float,
        window: Window,
        *,
        whole: bool = False,
    ) -> Self | None:
        """Return the times (ms) at which a stimulus changes in a window, and its values from there.

        Return None where it is not known, or would take long, unless it is to be read as a
        whole: noise is computed value by value.
        """
        currents, conductances = [stimulus], []
        if isinstance(stimulus, Stimulus) and stimulus.conducts:
            parts = parts_of(stimulus)
            others = [part for part in parts if not part.conducts]
            currents = [Sum.of(others)] if others else []
            conductances = [part for part in parts if isinstance(part, conductance)]
        drawn = [_points(one, steps, dt, window, whole) for one in (*currents, *conductances)]
        known = [points for points in drawn if points is not None]
        if len(known) < len(drawn):
            return None
        names = [f"E = {short(one.reversal)} mV" for one in conductances]
        for name in {name for name in names if names.count(name) > 1}:
            same = [i for i, other in enumerate(names) if other == name]
            for number, i in enumerate(same, start=1):
                names[i] = f"{name} ({number})"
        of_g = list(zip(names, known[len(currents) :], strict=True))
        return cls(known[0] if currents else None, of_g)


def _points(
    stimulus: "RunStimulus | None", most: int, dt: float, window: Window, whole: bool
) -> Points | None:
    """Return what is drawn of currents, or of one conductance."""
    first = math.floor(window.start / dt + 1e-6)
    last = min(most, math.ceil(window.stop / dt - 1e-6))
    steps = range(first, max(first, last))
    if stimulus is None:
        return None
    if isinstance(stimulus, constant):
        number = np.array([stimulus.amplitude] * bool(len(steps)))
        return until_end(np.array([first])[: len(steps)], number, last, dt, window)
    if isinstance(stimulus, np.ndarray):
        found = decimated(lambda start, stop: stimulus[start:stop], steps)
        return until_end(*found, last, dt, window)
    reader = stimulus.reader_at(dt, first)
    costly = sum(not isinstance(part, constant) for part in parts_of(stimulus))
    if (last - (first if reader else 0)) * costly > MOST_VALUES and not whole:
        bends = stimulus._bends()
        if bends is None:
            return None
        return until_end(*_straight(stimulus, bends, dt, steps), last, dt, window)
    if reader is None:
        reader = stimulus.reader(dt)
        for start in range(0, first, BLOCK):
            _next(reader, min(BLOCK, first - start))
    found = decimated(lambda start, stop: _next(reader, stop - start), steps)
    return until_end(*found, last, dt, window)


def _next(reader: Reader, steps: int) -> FloatArray:
    """Return the next currents, or conductances where there are some."""
    values: FloatArray = reader._read(steps, 1 + reader.stimulus.conducts)[-1]
    return values


def until_end(
    steps: IntArray, values: FloatArray, last: int, dt: float, window: Window
) -> tuple[FloatArray, FloatArray]:
    """Return the times of steps, cut to a window, and values; the last value to step `last`."""
    times = (np.append(steps, [last] * bool(len(steps))) * dt).clip(*window)
    return times, np.append(values, values[-1:])


def _straight(
    stimulus: Stimulus, bends: list[float], dt: float, steps: range
) -> tuple[IntArray, FloatArray]:
    """Return steps and values of a stimulus that is linear between the times at which it bends."""
    near = {math.ceil(time / dt) + i for time in bends for i in (-2, -1, 0, 1)}
    evenly = steps[:: -(-len(steps) // SEGMENTS)]
    found = sorted({*evenly, steps[-1], *(i for i in near if i in steps)})
    readers = [stimulus.reader_at(dt, step) for step in found]
    values = [float(_next(reader, 1)[0]) for reader in readers if reader]
    return np.array(found, dtype=np.int64), np.array(values)


def decimated(read: Read, rows: range) -> tuple[IntArray, FloatArray]:
    """Return numbers and values of `rows`, or of a few of many through which a line looks the same.

    These are the first, lowest, highest and last of each of up to 1,000 segments: a line through
    them crosses the same pixels (Jugel et al. 2014, Proc. VLDB 7, 797-808). Rows are read in order,
    each once.
    """
    if len(rows) <= MOST_POINTS:
        return np.array(rows, dtype=np.int64), read(rows.start, rows.stop)
    width = -(-len(rows) // SEGMENTS)
    # Extremes of whole segments, and, by number, those of parts of segments that blocks cut.
    whole: list[tuple[IntArray, FloatArray]] = []
    parts: dict[int, list[tuple[IntArray, FloatArray]]] = {}
    for first, values in _blocks(read, rows):
        begin, end = 0, 0
        while (begin := end) < len(values):
            segment, at = divmod(first + begin - rows.start, width)
            segments = 0 if at else (len(values) - begin) // width
            end = begin + segments * width if segments else min(begin + width - at, len(values))
            found = _extremes(first + begin, values[begin:end].reshape(segments or 1, -1))
            (whole if segments else parts.setdefault(segment, [])).append(found)
    for found_in_parts in parts.values():
        numbers, kept = (np.concatenate(one) for one in zip(*found_in_parts, strict=True))
        order = _extremes(0, kept[np.newaxis])[0]
        whole.append((numbers[order], kept[order]))
    numbers, kept = (np.concatenate(one) for one in zip(*whole, strict=True))
    numbers, first_places = np.unique(numbers, return_index=True)
    return numbers, kept[first_places]


def _blocks(read: Read, rows: range) -> Iterator[tuple[int, FloatArray]]:
    first = rows.start
    while first < rows.stop:
        last = min((first // BLOCK + 1) * BLOCK, rows.stop)
        yield first, read(first, last)
        first = last


def _extremes(first: int, segments: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return number and value of the first, lowest, highest and last of each row of `segments`.

    The numbers rise; `first` is the number of the first value of all.
    """
    count, width = segments.shape
    places = np.zeros((count, 4), dtype=np.int64)
    places[:, 1], places[:, 2] = segments.argmin(axis=1), segments.argmax(axis=1)
    places[:, 3] = width - 1
    if np.isnan(np.take_along_axis(segments, places, axis=1)).any():
        # After a divergence; the finite ones are drawn all the same.
        unknown = np.isnan(segments)
        places[:, 1] = np.where(unknown, np.inf, segments).argmin(axis=1)
        places[:, 2] = np.where(unknown, -np.inf, segments).argmax(axis=1)
    places.sort(axis=1)
    values = np.take_along_axis(segments, places, axis=1)
    numbers = first + width * np.arange(count)[:, np.newaxis] + places
    return np.ravel(numbers), np.ravel(values)

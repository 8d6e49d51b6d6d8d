"""What sums, multiples and shifts of stimuli are; :mod:`pyhh_fast.stimuli.algebra` makes them.

In a sum no part is a sum; what is multiplied is neither a sum nor a multiple, and what is shifted
is none of the three. So descriptions nest by four levels at most.
"""

import dataclasses
import threading
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.parameters import Parameter, check_lengths, largest, plain, short
from pyhh_fast.stimuli.reader import State
from pyhh_fast.stimuli.waveform import Waveform
from pyhh_fast.typing import FloatArray
from pyhh_fast.validation import BLOCK

_NONE: FloatArray = np.empty(0)

_scratch = threading.local()
"""Memory that a thread's sums take again and again: new pages of 2 MB would take 7 ns a value."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Sum(Stimulus):
    """Two or more stimuli, none of them a sum, added from left to right."""

    parts: tuple[Stimulus, ...]

    def __post_init__(self) -> None:
        check_lengths(self._arrays())

    @classmethod
    def of(cls, parts: Any) -> Stimulus:
        """Return the sum of one or more parts."""
        every = tuple(parts)
        return every[0] if len(every) == 1 else cls(every)

    def __repr__(self) -> str:
        first, *others = map(repr, self.parts)
        signs = (f" - {one[1:]}" if one[0] == "-" else f" + {one}" for one in others)
        return first + "".join(signs)

    def _inner(self) -> tuple[Stimulus, ...]:
        return self.parts

    @property
    def steps(self) -> int | None:
        """Number of values there are: the fewest of any part."""
        return _least(part.steps for part in self.parts)

    @property
    def duration(self) -> float | None:
        """When the last part ends, in ms; None where one does not."""
        ends = [part.duration for part in self.parts if part.duration is not None]
        return max(ends) if len(ends) == len(self.parts) else None

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`."""
        return {"kind": self.kind, "parts": [part.description() for part in self.parts]}

    def _suits(self, dt: float) -> None:
        for part in self.parts:
            part._suits(dt)

    def _size(self, dt: float) -> int | None:
        return _least(part._size(dt) for part in self.parts)

    def _begin(self) -> State:
        return {"step": 0, "parts": [part._begin() for part in self.parts]}

    def _at(self, step: int) -> State | None:
        parts = [part._at(step) for part in self.parts]
        return None if None in parts else {"step": step, "parts": parts}

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

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:
        for part, one in zip(self.parts, state["parts"], strict=True):
            part._recognise(one, dt)

    def _refined(self) -> Stimulus:
        return Sum(tuple(part._refined() for part in self.parts))

    def _bends(self) -> list[float] | None:
        every = [part._bends() for part in self.parts]
        return None if None in every else [time for bends in every for time in bends or ()]

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        return self._add_up(state, (values,), dt)

    def _read_arrays(self, state: State, I: FloatArray, G: FloatArray, dt: float) -> State:  # noqa: E741
        return self._add_up(state, (I, G), dt)

    def _add_up(self, state: State, totals: tuple[FloatArray, ...], dt: float) -> State:
        """Fill the currents, or the currents and the conductances, with sums."""
        memories = vars(_scratch).setdefault("memories", [])
        memory = memories.pop() if memories else _NONE  # not that of a sum around this one
        rows, steps = totals[0].shape
        needed = len(totals) * rows * steps
        memory = memory if memory.size >= needed else np.empty(needed)
        more = memory[:needed].reshape(len(totals), rows, steps)
        after: list[State] = []
        for part, one in zip(self.parts, state["parts"], strict=True):
            own = rows if part.cells == rows else 1  # the same for all
            read = [each[:own] for each in (more if after else totals)]
            if part.conducts:
                after.append(part._read_arrays(one, read[0], read[1], dt))
            else:
                after.append(part._read(one, read[0], dt))
                del read[1:]
            if len(after) > 1:
                for total, values in zip(totals, read, strict=False):
                    total += values
                continue
            for total in totals[len(read) :]:
                total[:] = 0.0
            for total, values in zip(totals, read, strict=False):
                total[own:] = values[:1]
        memories.append(memory)
        return {"step": state["step"] + steps, "parts": after}


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Scaled(Stimulus):
    """A stimulus times a number; its reader has the state of the stimulus's."""

    stimulus: Stimulus
    factor: Parameter

    def __post_init__(self) -> None:
        check_lengths(self._arrays())

    def __repr__(self) -> str:
        factor = "-" if plain(self.factor) == -1 else f"{short(self.factor)} * "
        return f"{factor}{self.stimulus!r}"

    def _inner(self) -> tuple[Stimulus, ...]:
        return (self.stimulus,)

    @property
    def steps(self) -> int | None:
        """As :attr:`Stimulus.steps`."""
        return self.stimulus.steps

    @property
    def duration(self) -> float | None:
        """As :attr:`Stimulus.duration`."""
        return self.stimulus.duration

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`."""
        stimulus = self.stimulus.description()
        return {"kind": self.kind, "factor": plain(self.factor), "stimulus": stimulus}

    def _suits(self, dt: float) -> None:
        self.stimulus._suits(dt)

    def _size(self, dt: float) -> int | None:
        return self.stimulus._size(dt)

    def _begin(self) -> State:
        return self.stimulus._begin()

    def _at(self, step: int) -> State | None:
        return self.stimulus._at(step)

    def _checked(self, state: Any, name: str) -> State:
        return self.stimulus._checked(state, name)

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:
        self.stimulus._recognise(state, dt)

    def _refined(self) -> Stimulus:
        return Scaled(self.stimulus._refined(), self.factor)

    def _bends(self) -> list[float] | None:
        return self.stimulus._bends()

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        if len(values) == 1 or self.stimulus.cells == len(values):
            after = self.stimulus._read(state, values, dt)
            values *= np.reshape(self.factor, (-1, 1))
        else:
            row = np.empty_like(values[:1])
            after = self.stimulus._read(state, row, dt)
            np.multiply(row, np.reshape(self.factor, (-1, 1)), out=values)
        return after


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Shifted(Stimulus):
    """A stimulus without its first `skip` ms, after `delay` ms of no current."""

    stimulus: Stimulus
    delay: Parameter
    skip: Parameter

    def __post_init__(self) -> None:
        check_lengths(self._arrays())

    def __repr__(self) -> str:
        shifts = [f".shifted({short(by)})" for by in (-self.skip, self.delay) if np.any(by)]
        return f"{self.stimulus!r}{''.join(shifts)}"

    def _inner(self) -> tuple[Stimulus, ...]:
        return (self.stimulus,)

    @property
    def duration(self) -> float | None:
        """As :attr:`Stimulus.duration`."""
        end = self.stimulus.duration
        return None if end is None else largest(self.delay + np.maximum(end - self.skip, 0.0))

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`."""
        about = {"delay": plain(self.delay), "skip": plain(self.skip)}
        return {"kind": self.kind, **about, "stimulus": self.stimulus.description()}

    def _place(self, dt: float) -> tuple[int, float]:
        """Return where the stimulus would begin but for `skip`: a step and a part of it."""
        return validation.whole_steps(float(self.delay - self.skip), dt)

    def _suits(self, dt: float) -> None:
        self.stimulus._suits(dt)
        if isinstance(self.stimulus, Waveform):
            return
        for by in np.unique([self.delay, self.skip]).tolist():
            if validation.whole_steps(by, dt)[1]:
                raise ValueError(
                    "by must be a whole number of steps, where noise or an array is shifted (ms); "
                    f"got {by} at dt {dt}."
                )

    def _size(self, dt: float) -> int | None:
        size = self.stimulus._size(dt)
        if size is None:
            return None
        earliest = float(np.min(self.delay - self.skip, initial=np.inf))
        return max(size + validation.whole_steps(earliest, dt)[0], 0)

    def _begin(self) -> State:
        return {"step": 0, "stimulus": self.stimulus._begin()}

    def _at(self, step: int) -> State | None:
        inner = self.stimulus._at(0)
        return None if inner is None else {"step": step, "stimulus": inner}

    def _checked(self, state: Any, name: str) -> State:
        inner = super()._checked(state, name)
        inner["stimulus"] = self.stimulus._checked(state["stimulus"], f"{name}['stimulus']")
        return inner

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:
        step, (place, late) = state["step"], self._place(dt)
        expected = step - place if step > validation.whole_steps(self.delay, dt)[0] else 0
        if state["stimulus"]["step"] != expected:
            got = state["stimulus"]["step"]
            raise ValueError(
                f"state['stimulus']['step'] must be {expected}, that of the shifted stimulus; "
                f"got {got}."
            )
        self.stimulus._recognise(state["stimulus"], dt, late)

    def _refined(self) -> Stimulus:
        return self if self.stimulus._refined() is self.stimulus else Held(self)

    def _bends(self) -> list[float] | None:
        bends = self.stimulus._bends()
        moved = self.delay - self.skip
        return None if bends is None else [self.delay, *(time + moved for time in bends)]

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        if isinstance(self.delay, np.ndarray):
            return self._read_each(state, values, dt)
        step, inner = state["step"], state["stimulus"]
        begin, begin_late = validation.whole_steps(self.delay, dt)
        place, late = self._place(dt)
        rows, steps = values.shape
        silent = min(max(begin - step, 0), steps)
        values[:, :silent] = 0.0
        rest = values[:, silent:]
        if rest.size:
            inner = self._inner_at(inner, step + silent - place, dt, rows)
            if late:
                assert isinstance(self.stimulus, Waveform)
                inner = self.stimulus._read(inner, rest, dt, late)
            else:
                inner = self.stimulus._read(inner, rest, dt)
            if self.skip and begin_late and step + silent == begin:
                assert isinstance(self.stimulus, Waveform)
                length = 1 - begin_late, dt
                rest[:, 0] = self.stimulus._beginning(rows, float(self.skip), *length)
        return {"step": step + steps, "stimulus": inner}

    def _inner_at(self, inner: State, step: int, dt: float, rows: int) -> State:
        """Return the state of the stimulus's reader at a step, which is not before its own."""
        if inner["step"] == step:
            return inner
        known = self.stimulus._at(step)
        if known is not None:
            return known
        unread = np.empty((rows, max(BLOCK // max(rows, 1), 1)))
        while inner["step"] < step:
            inner = self.stimulus._read(inner, unread[:, : step - inner["step"]], dt)
        return inner


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Held(Stimulus):
    """A stimulus in steps of half its own: each value twice."""

    part: Stimulus

    def _inner(self) -> tuple[Stimulus, ...]:
        return (self.part,)

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
        values[:, :begun] = second
        rest = values[0, begun:]
        fresh = np.empty((1, (len(rest) + 1) // 2))
        part = self.part._read(state["part"], fresh, 2 * dt) if fresh.size else state["part"]
        rest[::2] = fresh[0]
        rest[1::2] = fresh[0, : len(rest) // 2]
        return {
            "step": step + values.shape[1],
            "part": part,
            "second": float(fresh[0, -1]) if fresh.size else second,
        }


def _least(sizes: Any) -> int | None:
    return min((size for size in sizes if size is not None), default=None)

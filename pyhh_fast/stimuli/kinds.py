"""What each stimulus is made of: its parameters, and how its values come from them.

:mod:`pyhh_fast.stimuli`, where stimuli are made, explains the parameters and has them checked.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from pyhh_fast import _stimuli
from pyhh_fast.stimuli import arrays
from pyhh_fast.stimuli.base import Stimulus, Waveform, number, whole
from pyhh_fast.stimuli.reader import State
from pyhh_fast.typing import FloatArray

EVENTS_AT_ONCE = 2**20
"""Synaptic events between two chances for Ctrl-C, some 20 ms."""

MOST_EVENTS = 1e6
"""In one step; more would take long, and could not be told from a constant."""

LARGEST_RATIO = 1e300
"""Of dt to tau: e^-x is 0 there, and 0 x still 0."""


@dataclasses.dataclass(frozen=True, repr=False)
class Step(Waveform):
    """See :func:`pyhh_fast.stimuli.step`."""

    kind = "step"
    edges_exact = True
    amplitude: float
    start: float
    stop: float

    @property
    def duration(self) -> float:
        """When it is switched off, in ms."""
        return max(self.stop, 0.0)

    def _bends(self) -> list[float]:
        return [self.start, self.stop]

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        start, stop = (max(time, 0.0) + late * dt for time in (self.start, self.stop))
        _stimuli.rectangle(values, first, self.amplitude, start, stop, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class Pulses(Waveform):
    """See :func:`pyhh_fast.stimuli.pulses`."""

    kind = "pulses"
    edges_exact = True
    amplitude: float
    width: float
    period: float
    start: float = 0.0
    count: int | None = None

    @property
    def duration(self) -> float | None:
        """When the last pulse ends, in ms; None where there is no last one."""
        if self.count is None:
            return None
        return self.start + (self.count - 1) * self.period + self.width if self.count else 0.0

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        count, start = self.count, self.start + late * dt
        if self.width == self.period:  # no gap: one rectangle
            stop = math.inf if count is None else start + count * self.period
            _stimuli.rectangle(values, first, self.amplitude, start, stop, dt)
            return
        count = _stimuli.NEVER if count is None else count
        _stimuli.pulses(values, first, self.amplitude, self.width, self.period, start, count, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class Ramp(Waveform):
    """See :func:`pyhh_fast.stimuli.ramp`."""

    kind = "ramp"
    first: float
    last: float
    start: float
    stop: float

    @property
    def duration(self) -> float:
        """When it reaches `last`, in ms."""
        return max(self.stop, 0.0)

    def _bends(self) -> list[float]:
        return [self.start, self.stop]

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        start, stop = self.start + late * dt, self.stop + late * dt
        _stimuli.ramp(values, first, self.first, self.last, start, stop, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class Sine(Waveform):
    """See :func:`pyhh_fast.stimuli.sine`."""

    kind = "sine"
    amplitude: float
    frequency: float
    phase: float = 0.0

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        cycles = self.phase / (2 * math.pi)
        _stimuli.sine(values, first, self.amplitude, self.frequency / 1e3, cycles, late, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class Chirp(Waveform):
    """See :func:`pyhh_fast.stimuli.chirp`."""

    kind = "chirp"
    amplitude: float
    first_frequency: float
    last_frequency: float
    length: float

    @property
    def duration(self) -> float:
        """Until when the frequency moves, in ms."""
        return self.length

    def description(self) -> dict[str, Any]:
        """As :meth:`pyhh_fast.stimuli.base.Stimulus.description`."""
        about = super().description()
        duration = about.pop("length")
        return about | {"duration": duration}

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        frequencies = self.first_frequency / 1e3, self.last_frequency / 1e3
        _stimuli.chirp(values, first, self.amplitude, *frequencies, self.length, late, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class OrnsteinUhlenbeck(Stimulus):
    """See :func:`pyhh_fast.stimuli.ornstein_uhlenbeck`."""

    kind = "ornstein_uhlenbeck"
    mean: float
    sd: float
    tau: float
    seed: int

    def _begin(self) -> State:
        return {"step": 0, "deviation": 0.0}

    def _checked(self, state: Any, name: str) -> State:
        return super()._checked(state, name) | {
            "deviation": number(f"{name}['deviation']", state["deviation"])
        }

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        deviation = _stimuli.ornstein_uhlenbeck(
            *(values, state["step"], state["deviation"], self.mean, self.sd),
            *(dt / self.tau, self.seed),
        )
        return {"step": state["step"] + len(values), "deviation": deviation}


@dataclasses.dataclass(frozen=True, repr=False)
class PoissonEpsc(Stimulus):
    """See :func:`pyhh_fast.stimuli.poisson_epsc`."""

    kind = "poisson_epsc"
    rate: float
    amplitude: float
    tau: float
    seed: int

    def _suits(self, dt: float) -> None:
        if self.rate / 1e3 * dt > MOST_EVENTS:
            raise ValueError(
                f"rate must be at most {MOST_EVENTS:.0f} events a step (Hz); got {self.rate} at dt "
                f"{dt}. Use ornstein_uhlenbeck, which so many add up to."
            )

    def _refined(self) -> Stimulus:
        return self  # the times of its events do not depend on dt

    def _begin(self) -> State:
        return {"step": 0, "current": 0.0, "next_step": 0, "lead": 0.0, "event": 0}

    def _checked(self, state: Any, name: str) -> State:
        found = super()._checked(state, name)
        for key in ("next_step", "event"):
            found[key] = whole(f"{name}['{key}']", state[key], _stimuli.NEVER)
        for key in ("current", "lead"):
            found[key] = number(f"{name}['{key}']", state[key])
        begun = found["step"] > 0
        for key, least in (("event", int(begun)), ("next_step", found["step"] + int(begun))):
            if found[key] < least:
                raise ValueError(f"{name}['{key}'] must be {least} or more; got {found[key]}.")
        if not 0 <= found["lead"] < 1:
            raise ValueError(f"{name}['lead'] must be 0 or more, below 1; got {found['lead']}.")
        return {key: found[key] for key in self._begin()}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        ratio = min(dt / self.tau, LARGEST_RATIO)
        interval = math.inf if self.rate == 0 else 1e3 / self.rate / dt
        step, current, next_step, lead, event = state.values()
        while len(values):
            done, current, next_step, lead, event = _stimuli.poisson_epsc(
                *(values, step, current, next_step, lead, event),
                *(self.amplitude, interval, ratio, self.seed, EVENTS_AT_ONCE),
            )
            values, step = values[done:], step + done
        return dict(zip(state, (step, current, next_step, lead, event), strict=True))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class FromArray(Stimulus):
    """See :func:`pyhh_fast.stimuli.from_array`."""

    kind = "from_array"
    values: Any
    size: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FromArray):
            return NotImplemented
        mine, theirs = self.values, other.values
        if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
            return np.array_equal(mine, theirs)
        return mine is theirs

    def __hash__(self) -> int:
        return hash((self.kind, self.size))

    def __repr__(self) -> str:
        return f"from_array(<{self.size} values>)"

    @property
    def steps(self) -> int:
        """Number of values there are."""
        return self.size

    def description(self) -> dict[str, Any]:
        """As :meth:`pyhh_fast.stimuli.base.Stimulus.description`."""
        return {"kind": self.kind, "steps": self.size}

    def _at(self, step: int) -> State:
        return {"step": step}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        arrays.read("stimulus", self.values, state["step"], values)
        return {"step": state["step"] + len(values)}

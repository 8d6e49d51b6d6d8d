"""What each stimulus is made of: its parameters, and how its values come from them.

:mod:`pyhh_fast.stimuli`, where stimuli are made, explains the parameters and has them checked.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from pyhh_fast import _stimuli, series, validation
from pyhh_fast.stimulus import State, Stimulus, number, whole
from pyhh_fast.validation import FloatArray

EVENTS_AT_ONCE = 2**20
"""Synaptic events between two chances for Ctrl-C, some 20 ms."""

MOST_EVENTS = 1e6
"""In one step; more would take long, and could not be told from a constant."""

LARGEST_RATIO = 1e300
"""Of dt to tau: e^-x is 0 there, and 0 x still 0."""


@dataclasses.dataclass(frozen=True, repr=False)
class Waveform(Stimulus):
    """A current that is a function of time."""

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        self._fill(values, state["step"], dt)
        return {"step": state["step"] + len(values)}

    def _fill(self, values: FloatArray, first: int, dt: float) -> None:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, repr=False)
class Step(Waveform):
    """See :func:`pyhh_fast.stimuli.step`."""

    kind = "step"
    amplitude: float
    start: float
    stop: float

    def _fill(self, values: FloatArray, first: int, dt: float) -> None:
        start, stop = _stimuli.border(self.start, dt), _stimuli.border(self.stop, dt)
        values[:] = 0.0
        values[max(start - first, 0) : max(stop - first, 0)] = self.amplitude


@dataclasses.dataclass(frozen=True, repr=False)
class Pulses(Waveform):
    """See :func:`pyhh_fast.stimuli.pulses`."""

    kind = "pulses"
    amplitude: float
    width: float
    period: float
    start: float = 0.0
    count: int | None = None

    def _suits(self, dt: float) -> None:
        if dt > self.period:
            raise ValueError(
                f"dt must be at most the period of the pulses, {self.period} (ms); got {dt}."
            )

    def _fill(self, values: FloatArray, first: int, dt: float) -> None:
        count = 2 * validation.MOST_STEPS if self.count is None else self.count
        _stimuli.pulses(
            values, first, self.amplitude, self.width, self.period, self.start, count, dt
        )


@dataclasses.dataclass(frozen=True, repr=False)
class Ramp(Waveform):
    """See :func:`pyhh_fast.stimuli.ramp`."""

    kind = "ramp"
    first: float
    last: float
    start: float
    stop: float

    def _fill(self, values: FloatArray, first: int, dt: float) -> None:
        _stimuli.ramp(values, first, self.first, self.last, self.start, self.stop, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class Sine(Waveform):
    """See :func:`pyhh_fast.stimuli.sine`."""

    kind = "sine"
    amplitude: float
    frequency: float
    phase: float = 0.0

    def _fill(self, values: FloatArray, first: int, dt: float) -> None:
        cycles = self.phase / (2 * math.pi)
        _stimuli.sine(values, first, self.amplitude, self.frequency / 1e3, cycles, dt)


@dataclasses.dataclass(frozen=True, repr=False)
class Chirp(Waveform):
    """See :func:`pyhh_fast.stimuli.chirp`."""

    kind = "chirp"
    amplitude: float
    first_frequency: float
    last_frequency: float
    duration: float

    def _fill(self, values: FloatArray, first: int, dt: float) -> None:
        frequencies = self.first_frequency / 1e3, self.last_frequency / 1e3
        _stimuli.chirp(values, first, self.amplitude, *frequencies, self.duration, dt)


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

    def _begin(self) -> State:
        return {"step": 0, "current": 0.0, "next_step": 0, "lead": 0.0, "event": 0}

    def _checked(self, state: Any, name: str) -> State:
        found = super()._checked(state, name)
        for key in ("next_step", "event"):
            found[key] = whole(f"{name}['{key}']", state[key], _stimuli.NEVER)
        for key in ("current", "lead"):
            found[key] = number(f"{name}['{key}']", state[key])
        begun = found["step"] > 0
        for key, least in (("event", int(begun)), ("next_step", found["step"])):
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
        """As :meth:`pyhh_fast.stimulus.Stimulus.description`."""
        return {"kind": self.kind, "steps": self.size}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        series.read("stimulus", self.values, state["step"], values)
        return {"step": state["step"] + len(values)}

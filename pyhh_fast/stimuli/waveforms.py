"""Stimuli whose values follow from the time alone: constant, step, pulses, ramp, sine, chirp."""

import dataclasses
import math
from typing import Any

from pyhh_fast import _stimuli, validation
from pyhh_fast.stimuli.base import Waveform
from pyhh_fast.typing import FloatArray

MOST_CYCLES = 2**48
"""Of a chirp; a fraction of a cycle is known to 1/16 there."""


@dataclasses.dataclass(frozen=True, repr=False)
class constant(Waveform):
    """A current that stays.

    Parameters
    ----------
    amplitude : float, µA/cm²

    Raises
    ------
    TypeError
        If `amplitude` is no real number.
    ValueError
        If it is not finite.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.constant(10).to_array(3, dt=0.01)
    array([10., 10., 10.])
    """

    amplitude: float

    def __post_init__(self) -> None:
        amplitude = validation.real_number("amplitude", self.amplitude, unit="µA/cm²")
        vars(self).update(amplitude=amplitude)

    def _bends(self) -> list[float]:
        return []

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        values[:] = self.amplitude


@dataclasses.dataclass(frozen=True, repr=False)
class step(Waveform):
    """A current that is switched on and off again.

    Parameters
    ----------
    amplitude : float, µA/cm²
        From `start` until before `stop`; it is 0 elsewhere. A step of a run in which it is on for a
        part of dt has that part of the amplitude.
    start, stop : float, ms
        May lie before 0.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, or if `stop` is before `start`.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.step(50, start=0.1, stop=0.3).to_array(5, dt=0.1)
    array([ 0., 50., 50.,  0.,  0.])
    >>> stimuli.step(50, start=0.15, stop=0.3).to_array(5, dt=0.1).round(9)
    array([ 0., 25., 50.,  0.,  0.])
    """

    edges_exact = True
    amplitude: float
    start: float
    stop: float

    def __post_init__(self) -> None:
        start = validation.real_number("start", self.start, unit="ms")
        vars(self).update(
            amplitude=validation.real_number("amplitude", self.amplitude, unit="µA/cm²"),
            start=start,
            stop=validation.at_least("stop", self.stop, start, unit="ms", least_name="start"),
        )

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
class pulses(Waveform):
    """A train of rectangular pulses.

    Parameters
    ----------
    amplitude : float, µA/cm²
        In a pulse; it is 0 elsewhere. A step of a run has the mean over dt: pulses may be shorter
        than dt, and several may lie in a step.
    width : float, ms
        Of a pulse.
    period : float, ms
        From the beginning of one to that of the next: `width` or more.
    start : float, ms, default 0
        When the first begins: 0 or later.
    count : int, default without end
        Number of pulses.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if `width` is not positive, `period` shorter, `start` negative or
        `count` no whole number of 0 or more.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.pulses(20, width=2, period=4, start=1, count=2).to_array(10, dt=1)
    array([ 0., 20., 20.,  0.,  0., 20., 20.,  0.,  0.,  0.])
    >>> stimuli.pulses(20, width=0.3, period=1).to_array(3, dt=1).round(9)
    array([6., 6., 6.])
    """

    edges_exact = True
    amplitude: float
    width: float
    period: float
    start: float = 0.0
    count: int | None = None

    def __post_init__(self) -> None:
        width = validation.real_number("width", self.width, unit="ms", positive=True)
        vars(self).update(
            amplitude=validation.real_number("amplitude", self.amplitude, unit="µA/cm²"),
            width=width,
            period=validation.at_least("period", self.period, width, unit="ms", least_name="width"),
            start=validation.at_least("start", self.start, 0, unit="ms"),
            count=None if self.count is None else validation.count("count", self.count),
        )

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
class ramp(Waveform):
    """A current that moves along a straight line from one value to another.

    Parameters
    ----------
    first : float, µA/cm²
        Up to `start`.
    last : float, µA/cm²
        From `stop` on.
    start, stop : float, ms
        May lie before 0. Where they are equal, it is a step to `last`.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, or if `stop` is before `start`.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.ramp(first=2, last=8, start=1, stop=4).to_array(6, dt=1)
    array([2., 3., 5., 7., 8., 8.])
    """

    first: float
    last: float
    start: float
    stop: float

    def __post_init__(self) -> None:
        first = validation.real_number("first", self.first, unit="µA/cm²")
        last = validation.real_number("last", self.last, unit="µA/cm²")
        validation.real_number("last - first", last - first, unit="µA/cm²")
        start = validation.real_number("start", self.start, unit="ms")
        stop = validation.at_least("stop", self.stop, start, unit="ms", least_name="start")
        validation.real_number("stop - start", stop - start, unit="ms")
        vars(self).update(first=first, last=last, start=start, stop=stop)

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
class sine(Waveform):
    """A sine, amplitude sin(2 pi frequency t + phase), at the middle of each step.

    Parameters
    ----------
    amplitude : float, µA/cm²
    frequency : float, Hz
    phase : float, radians, default 0
        At the time 0.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, or if `frequency` is negative.

    Notes
    -----
    After n cycles the phase is known to 2e-16 n cycles. Above 1 / (2 dt) the values are those of a
    slower sine, as of any wave that is sampled.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.sine(10, frequency=100).to_array(4, dt=1).round(2)
    array([ 3.09,  8.09, 10.  ,  8.09])
    """

    amplitude: float
    frequency: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        vars(self).update(
            amplitude=validation.real_number("amplitude", self.amplitude, unit="µA/cm²"),
            frequency=validation.at_least("frequency", self.frequency, 0, unit="Hz"),
            phase=validation.real_number("phase", self.phase, unit="radians"),
        )

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        cycles = self.phase / (2 * math.pi)
        _stimuli.sine(values, first, self.amplitude, self.frequency / 1e3, cycles, late, dt)


@dataclasses.dataclass(frozen=True, repr=False, init=False)
class chirp(Waveform):
    """A sine whose frequency moves along a straight line.

    Parameters
    ----------
    amplitude : float, µA/cm²
    first_frequency : float, Hz
        At the time 0, where the phase is 0.
    last_frequency : float, Hz
        From `duration` on; lower or higher.
    duration : float, ms
        Also that of a run that is not given another.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if a frequency is negative, or `duration` not positive or so long
        that there are more than 2⁴⁸ cycles.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> chirp = stimuli.chirp(10, first_frequency=0, last_frequency=250, duration=4)
    >>> chirp.to_array(4, dt=1).round(2)
    array([0.49, 4.28, 9.42, 6.72])
    """

    amplitude: float
    first_frequency: float
    last_frequency: float
    length: float

    # Not made by dataclass, because `duration` is a property of every stimulus and so no field.
    def __init__(
        self, amplitude: float, first_frequency: float, last_frequency: float, duration: float
    ) -> None:
        first = validation.at_least("first_frequency", first_frequency, 0, unit="Hz")
        last = validation.at_least("last_frequency", last_frequency, 0, unit="Hz")
        length = validation.real_number("duration", duration, unit="ms", positive=True)
        if max(first, last) / 1e3 * length > MOST_CYCLES:
            raise ValueError(
                f"duration must be at most 2^48 cycles of the chirp's highest frequency (ms); "
                f"got {duration}. Check the units: frequencies are in Hz, times in ms."
            )
        amplitude = validation.real_number("amplitude", amplitude, unit="µA/cm²")
        vars(self).update(
            amplitude=amplitude, first_frequency=first, last_frequency=last, length=length
        )

    @property
    def duration(self) -> float:
        """Until when the frequency moves, in ms."""
        return self.length

    def description(self) -> dict[str, Any]:
        """As :meth:`pyhh_fast.stimuli.Stimulus.description`."""
        about = super().description()
        duration = about.pop("length")
        return about | {"duration": duration}

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        frequencies = self.first_frequency / 1e3, self.last_frequency / 1e3
        _stimuli.chirp(values, first, self.amplitude, *frequencies, self.length, late, dt)

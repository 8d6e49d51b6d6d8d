"""Stimuli whose values follow from the time alone: constant, step, pulses, ramp, sine, chirp.

Parameters are numbers, or arrays with one for each cell of a population.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from pyhh_fast import _stimuli
from pyhh_fast.stimuli.parameters import Parameter, count, largest, parameter, rows
from pyhh_fast.stimuli.waveform import Waveform
from pyhh_fast.typing import FloatArray

MOST_CYCLES = 2**48
"""Of a chirp; a fraction of a cycle is known to 1/16 there."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
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

    amplitude: Parameter

    def __post_init__(self) -> None:
        self._set(amplitude=parameter("amplitude", self.amplitude, unit="µA/cm²"))

    def _bends(self) -> list[float]:
        return []

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        values[:] = np.reshape(self.amplitude, (-1, 1))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
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

    Of two cells, each at its own time:

    >>> stimuli.step(50, start=[0.1, 0.2], stop=[0.3, 0.5]).to_array(5, dt=0.1)
    array([[ 0., 50., 50.,  0.,  0.],
           [ 0.,  0., 50., 50., 50.]])
    """

    edges_exact = True
    amplitude: Parameter
    start: Parameter
    stop: Parameter

    def __post_init__(self) -> None:
        start = parameter("start", self.start, unit="ms")
        self._set(
            amplitude=parameter("amplitude", self.amplitude, unit="µA/cm²"),
            start=start,
            stop=parameter("stop", self.stop, unit="ms", least=start, least_name="start"),
        )

    @property
    def duration(self) -> float:
        """When it is switched off, in ms; of cells, the last of them."""
        return largest(self.stop)

    def _bends(self) -> list[Any]:
        return [self.start, self.stop]

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        times = (np.maximum(time, 0.0) + late * dt for time in (self.start, self.stop))
        _stimuli.rectangle(values, first, dt, *rows(len(values), self.amplitude, *times))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
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
    amplitude: Parameter
    width: Parameter
    period: Parameter
    start: Parameter = 0.0
    count: Any = None

    def __post_init__(self) -> None:
        width = parameter("width", self.width, unit="ms", positive=True)
        self._set(
            amplitude=parameter("amplitude", self.amplitude, unit="µA/cm²"),
            width=width,
            period=parameter("period", self.period, unit="ms", least=width, least_name="width"),
            start=parameter("start", self.start, unit="ms", least=0),
            count=count("count", self.count),
        )

    @property
    def duration(self) -> float | None:
        """When the last pulse ends, in ms; None where there is no last one."""
        if self.count is None:
            return None
        ends = self.start + (self.count - 1) * self.period + self.width
        return largest(np.where(self.count, ends, 0.0))

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        count: Any = _stimuli.NEVER if self.count is None else self.count
        times = self.width, self.period, self.start + late * dt
        _stimuli.pulses(values, first, dt, *rows(len(values), self.amplitude, *times, count))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
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

    first: Parameter
    last: Parameter
    start: Parameter
    stop: Parameter

    def __post_init__(self) -> None:
        first = parameter("first", self.first, unit="µA/cm²")
        last = parameter("last", self.last, unit="µA/cm²")
        start = parameter("start", self.start, unit="ms")
        stop = parameter("stop", self.stop, unit="ms", least=start, least_name="start")
        self._set(first=first, last=last, start=start, stop=stop)
        with np.errstate(over="ignore"):
            parameter("last - first", last - first, unit="µA/cm²")
            parameter("stop - start", stop - start, unit="ms")

    @property
    def duration(self) -> float:
        """When it reaches `last`, in ms; of cells, the last of them."""
        return largest(self.stop)

    def _bends(self) -> list[Any]:
        return [self.start, self.stop]

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        times = self.start + late * dt, self.stop + late * dt
        _stimuli.ramp(values, first, dt, *rows(len(values), self.first, self.last, *times))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
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

    amplitude: Parameter
    frequency: Parameter
    phase: Parameter = 0.0

    def __post_init__(self) -> None:
        self._set(
            amplitude=parameter("amplitude", self.amplitude, unit="µA/cm²"),
            frequency=parameter("frequency", self.frequency, unit="Hz", least=0),
            phase=parameter("phase", self.phase, unit="radians"),
        )

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        cycles = self.phase / (2 * math.pi)
        of_rows = rows(len(values), self.amplitude, self.frequency / 1e3, cycles)
        _stimuli.sine(values, first, dt, late, *of_rows)


@dataclasses.dataclass(frozen=True, repr=False, eq=False, init=False)
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

    amplitude: Parameter
    first_frequency: Parameter
    last_frequency: Parameter
    length: Parameter

    # Not made by dataclass, because `duration` is a property of every stimulus and so no field.
    def __init__(
        self,
        amplitude: Parameter,
        first_frequency: Parameter,
        last_frequency: Parameter,
        duration: Parameter,
    ) -> None:
        self._set(
            amplitude=parameter("amplitude", amplitude, unit="µA/cm²"),
            first_frequency=parameter("first_frequency", first_frequency, unit="Hz", least=0),
            last_frequency=parameter("last_frequency", last_frequency, unit="Hz", least=0),
            length=parameter("duration", duration, unit="ms", positive=True),
        )
        with np.errstate(over="ignore"):
            highest = np.maximum(self.first_frequency, self.last_frequency)
            too_long = np.atleast_1d(highest / 1e3 * self.length > MOST_CYCLES)
        if too_long.any():
            at = int(np.argmax(too_long))
            got = np.broadcast_to(self.length, too_long.shape)[at]
            place = f" at index {at}" if self.cells else ""
            raise ValueError(
                f"duration must be at most 2^48 cycles of the chirp's highest frequency (ms); "
                f"got {got}{place}. Check the units: frequencies are in Hz, times in ms."
            )

    @property
    def duration(self) -> float:
        """Until when the frequency moves, in ms; of cells, that of the last."""
        return largest(self.length)

    def description(self) -> dict[str, Any]:
        """As :meth:`pyhh_fast.stimuli.Stimulus.description`."""
        about = super().description()
        duration = about.pop("length")
        return about | {"duration": duration}

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        frequencies = self.first_frequency / 1e3, self.last_frequency / 1e3
        of_rows = rows(len(values), self.amplitude, *frequencies, self.length)
        _stimuli.chirp(values, first, dt, late, *of_rows)

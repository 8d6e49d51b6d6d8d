"""Features of V in a window: each sample in it has the same weight, those of spikes included.

NaN where there is no sample in the window, as in one that is shorter than dt.
"""

import abc
import dataclasses
from typing import ClassVar

import numpy as np

from pyhh_fast import validation
from pyhh_fast.features.base import Feature
from pyhh_fast.features.plan import Measured, Window
from pyhh_fast.typing import FloatArray


@dataclasses.dataclass(frozen=True, repr=False)
class _OfVoltage(Feature):
    """A feature that needs no spikes."""

    unit: ClassVar[str] = "mV"

    needs_threshold: ClassVar[bool] = False

    def _value(self, measured: Measured) -> FloatArray:
        return self._of_window(measured.window(self.start, self.stop))

    @abc.abstractmethod
    def _of_window(self, V: Window) -> FloatArray:
        """Return that of each cell, from what is known of V in the window."""


@dataclasses.dataclass(frozen=True, repr=False)
class mean_voltage(_OfVoltage):
    """Mean of V in the window, in mV; eFEL has `voltage_base` and `steady_state_voltage_stimend`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.of([1, 2, 6, 90], 1.0, [features.mean_voltage(0, 4)])  # samples at 1, 2, 3 ms
    {'mean_voltage': 3.0}
    """

    def _of_window(self, V: Window) -> FloatArray:
        return V.mean


@dataclasses.dataclass(frozen=True, repr=False)
class voltage_base(Feature):
    """Mean of V in the last tenth of the window, in mV: eFEL's `voltage_base`.

    It is eFEL's where the window is from 0 to the beginning of the stimulus, eFEL's
    `steady_state_voltage_stimend` where the window is that of the stimulus.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.of(range(1, 101), 1.0, [features.voltage_base(0, 100)])  # 90 to 99 ms
    {'voltage_base': 94.5}
    """

    unit: ClassVar[str] = "mV"

    needs_threshold: ClassVar[bool] = False

    def _value(self, measured: Measured) -> FloatArray:
        return _end(measured, self.start, self.stop)


@dataclasses.dataclass(frozen=True, repr=False)
class voltage_sd(_OfVoltage):
    """Standard deviation of V in the window, in mV: `numpy.std`, with n. eFEL has none.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.of([1, 3, 1, 3, 90], 1.0, [features.voltage_sd(0, 5)])
    {'voltage_sd': 1.0}
    """

    def _of_window(self, V: Window) -> FloatArray:
        return np.sqrt(V.variance)


@dataclasses.dataclass(frozen=True, repr=False)
class voltage_skewness(_OfVoltage):
    """Skewness of V in the window: `scipy.stats.skew`, the biased one. eFEL has none.

    NaN where V is constant, but for rounding.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> found = features.of([0, 0, 0, 4, 90], 1.0, [features.voltage_skewness(0, 5)])
    >>> round(found["voltage_skewness"], 4)  # 2 / sqrt(3)
    1.1547
    """

    unit: ClassVar[str] = "1"

    def _of_window(self, V: Window) -> FloatArray:
        return V.third / np.where(V.varies, V.variance * np.sqrt(V.variance), np.nan)


@dataclasses.dataclass(frozen=True, repr=False)
class voltage_kurtosis(_OfVoltage):
    """Excess kurtosis of V in the window, 0 of a normal distribution. eFEL has none.

    It is `scipy.stats.kurtosis`, Fisher's, the biased one. NaN where V is constant, but for
    rounding.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.of([1, 3, 1, 3, 90], 1.0, [features.voltage_kurtosis(0, 5)])
    {'voltage_kurtosis': -2.0}
    """

    unit: ClassVar[str] = "1"

    def _of_window(self, V: Window) -> FloatArray:
        return V.fourth / np.where(V.varies, V.variance * V.variance, np.nan) - 3


@dataclasses.dataclass(frozen=True, repr=False)
class minimum_voltage(_OfVoltage):
    """Lowest sample of V in the window, in mV: eFEL's `minimum_voltage`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.of([1, -3, 2, -90], 1.0, [features.minimum_voltage(0, 4)])
    {'minimum_voltage': -3.0}
    """

    def _of_window(self, V: Window) -> FloatArray:
        return V.lowest


@dataclasses.dataclass(frozen=True, repr=False)
class maximum_voltage(_OfVoltage):
    """Highest sample of V in the window, in mV: eFEL's `maximum_voltage`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> features.of([1, -3, 2, 90], 1.0, [features.maximum_voltage(0, 4)])
    {'maximum_voltage': 2.0}
    """

    def _of_window(self, V: Window) -> FloatArray:
        return V.highest


@dataclasses.dataclass(frozen=True, repr=False)
class sag_amplitude(Feature):
    """How far V comes back while it is hyperpolarised, in mV: eFEL's `sag_amplitude`.

    The window is that of the hyperpolarising current. It is the mean of V in the last tenth of the
    window minus the lowest V in the window. NaN where that mean is above the mean of V from
    0.9 `start` until before `start`, eFEL's `voltage_base`, or one of these has no samples.

    Parameters
    ----------
    start, stop : float, ms
        `start` must be above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import features
    >>> V = np.zeros(60)
    >>> V[19:29], V[29:49] = -20, -15  # from 20 to 30 ms, and to 50 ms
    >>> features.of(V, 1.0, [features.sag_amplitude(20, 50)])
    {'sag_amplitude': 5.0}
    """

    unit: ClassVar[str] = "mV"

    needs_threshold: ClassVar[bool] = False

    def __post_init__(self) -> None:
        advice = "A sag needs V before the current."
        validation.real_number("start", self.start, unit="ms", positive=True, advice=advice)
        super().__post_init__()

    def _value(self, measured: Measured) -> FloatArray:
        return self._amplitude_and_depth(measured)[0]

    def _amplitude_and_depth(self, measured: Measured) -> tuple[FloatArray, FloatArray]:
        """Return the sag, and how far the lowest V is below that before the current, in mV."""
        base = _end(measured, 0.0, self.start)
        steady = _end(measured, self.start, self.stop)
        lowest = measured.window(self.start, self.stop).lowest
        return np.where(steady <= base, steady - lowest, np.nan), base - lowest


@dataclasses.dataclass(frozen=True, repr=False)
class sag_ratio1(sag_amplitude):
    """Part of the hyperpolarisation that is a sag, 0 to 1: eFEL's `sag_ratio1`.

    The sag of `sag_amplitude`, as a part of the difference between V before the current (eFEL's
    `voltage_base`, 0.9 `start` to `start`) and the lowest V. NaN where `sag_amplitude` is, or
    where that difference is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import features
    >>> V = np.zeros(60)
    >>> V[19:29], V[29:49] = -20, -15
    >>> features.of(V, 1.0, [features.sag_ratio1(20, 50)])
    {'sag_ratio1': 0.25}
    """

    unit: ClassVar[str] = "1"

    def _value(self, measured: Measured) -> FloatArray:
        sag, depth = self._amplitude_and_depth(measured)
        return sag / np.where(depth == 0, np.nan, depth)


def _end(measured: Measured, start: float, stop: float) -> FloatArray:
    """Return the mean of V of each cell in the last tenth of a window."""
    return measured.window(stop - 0.1 * (stop - start), stop).mean

"""Features of the shape of spikes: begin, amplitude, half-width, afterhyperpolarisation.

A spike belongs to the window in which it crosses the threshold, as in the module `spikes`; its
shape is known if V is below the threshold again before `stop`. Its peak is the highest sample in
between. What leads to the peak is sought in the 5 ms before it, also before `start`.

Voltages are those of samples, as eFEL has them where its `interp_step` is dt (its default is
0.1 ms) and `strict_stiminterval` is set: at the begin of a spike they err by up to 10 mV/ms times
dt and what V rises in it, at the peak by the square of dt.
"""

import dataclasses
from typing import ClassVar

from pyhh_fast import validation
from pyhh_fast._features import Measure
from pyhh_fast.features.base import Feature
from pyhh_fast.features.plan import Measured, Which
from pyhh_fast.typing import FloatArray


@dataclasses.dataclass(frozen=True, repr=False)
class _OfShape(Feature):
    """A feature of one spike of the window, or of all."""

    unit: ClassVar[str] = "mV"

    spike: Which = "mean"

    measure: ClassVar[Measure]

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.spike, str):
            if self.spike != "mean":
                rule = "a whole number, 0 or more, or 'mean'"
                raise ValueError(validation.message("spike", rule, repr(self.spike)))
        else:
            vars(self).update(spike=validation.count("spike", self.spike))

    def _value(self, measured: Measured) -> FloatArray:
        return measured.shape(self.start, self.stop, self.measure, self.spike)


@dataclasses.dataclass(frozen=True, repr=False)
class AP_begin_voltage(_OfShape):
    """V at which spikes begin, their threshold, in mV: eFEL's `AP_begin_voltage`.

    A spike begins at the sample from which dV/dt, by central differences, is 10 mV/ms or more for
    three samples: the last such sample before the peak, 5 ms before it or later, and after the
    spike before, if V does not fall below it again. (eFEL seeks it from the lowest V since the last
    spike, or `stim_start`, on.) Noise at every step, which dV/dt
    shows the more the shorter dt is, makes it come late.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        Which spike of the window, from 0; or the mean of all that have a begin. NaN where there is
        none, as of slow spikes.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AP_begin_voltage(0, 12, spike=0)], threshold=50)
    {'AP_begin_voltage': 0.0}
    """

    measure: ClassVar[Measure] = Measure.begin


@dataclasses.dataclass(frozen=True, repr=False)
class AP_amplitude(_OfShape):
    """Height of spikes above their begin, in mV: eFEL's `AP_amplitude`.

    V at the peak minus `AP_begin_voltage`.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        As of `AP_begin_voltage`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AP_amplitude(0, 12)], threshold=50)
    {'AP_amplitude': 80.0}
    """

    measure: ClassVar[Measure] = Measure.amplitude


@dataclasses.dataclass(frozen=True, repr=False)
class AP_duration_half_width(_OfShape):
    """Width of spikes at half their amplitude, in ms: eFEL's `AP_duration_half_width`.

    The time for which V is above the mean of begin and peak, around the peak. The crossings are
    interpolated linearly; eFEL takes the nearest samples, so that its widths differ by up to dt.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        As of `AP_begin_voltage`. NaN, too, where V does not fall to half before the next spike, or
        `stop`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AP_duration_half_width(0, 12)], threshold=50)
    {'AP_duration_half_width': 3.0}
    """

    unit: ClassVar[str] = "ms"

    measure: ClassVar[Measure] = Measure.width


@dataclasses.dataclass(frozen=True, repr=False)
class AHP_depth_abs(_OfShape):
    """V at the first minimum after spikes, in mV: eFEL's `AHP_depth_abs` or `min_AHP_values`.

    After V is below the threshold again, the first sample that two follow which are not lower;
    without such, the lowest sample before the next spike, or `stop`.
    NaN where that is the last before `stop`. (eFEL seeks it from the peak on.) Noise in V makes it
    come early: `min_between_peaks_values` does not depend on dt.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        Which spike of the window, from 0; or the mean of all that have such a value.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.AHP_depth_abs(0, 12, spike=0)], threshold=50)
    {'AHP_depth_abs': -10.0}
    """

    measure: ClassVar[Measure] = Measure.ahp


@dataclasses.dataclass(frozen=True, repr=False)
class min_between_peaks_values(_OfShape):
    """Lowest V between a peak and the next spike, or `stop`: eFEL's `min_between_peaks_values`.

    In mV. After the last spike it may be lower than that of the spike itself, as where the
    stimulus ends before `stop`.

    Parameters
    ----------
    start, stop : float, ms
    spike : int or "mean", default "mean"
        As of `AHP_depth_abs`.

    Examples
    --------
    >>> from pyhh_fast import features
    >>> V = [0, 0, 0, 20, 40, 60, 80, 40, 0, -10, 0, 0]
    >>> features.of(V, 1.0, [features.min_between_peaks_values(0, 12)], threshold=50)
    {'min_between_peaks_values': -10.0}
    """

    measure: ClassVar[Measure] = Measure.lowest

"""Numbers that describe traces of V: spikes, their shape, and V in a window.

Each feature is a class with a window from `start` until before `stop`, in ms; :func:`of` computes
features on recorded traces. Names and definitions are those of eFEL where it has them.
"""

from pyhh_fast.features.base import Feature
from pyhh_fast.features.compute import of
from pyhh_fast.features.shapes import (
    AHP_depth_abs,
    AP_amplitude,
    AP_begin_voltage,
    AP_duration_half_width,
    min_between_peaks_values,
)
from pyhh_fast.features.spikes import (
    ISI_CV,
    adaptation_index2,
    mean_frequency,
    mean_ISI,
    spike_count,
    time_to_first_spike,
)
from pyhh_fast.features.voltage import (
    maximum_voltage,
    mean_voltage,
    minimum_voltage,
    sag_amplitude,
    sag_ratio1,
    voltage_base,
    voltage_kurtosis,
    voltage_sd,
    voltage_skewness,
)

__all__ = [
    "ISI_CV",
    "AHP_depth_abs",
    "AP_amplitude",
    "AP_begin_voltage",
    "AP_duration_half_width",
    "Feature",
    "adaptation_index2",
    "maximum_voltage",
    "mean_ISI",
    "mean_frequency",
    "mean_voltage",
    "min_between_peaks_values",
    "minimum_voltage",
    "of",
    "sag_amplitude",
    "sag_ratio1",
    "spike_count",
    "time_to_first_spike",
    "voltage_base",
    "voltage_kurtosis",
    "voltage_sd",
    "voltage_skewness",
]

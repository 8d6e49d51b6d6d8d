"""Messages about arguments of features."""

import numpy as np
import pytest
from error_messages import errors, raises

from pyhh_fast import features

ARRAY = "V must be an array of finite numbers, of shape (samples,) or (cells, samples) (mV)"
COUNT = features.spike_count(0, 3)
EXAMPLE = "Pass for example features.spike_count(0, 100)."


@pytest.mark.parametrize(
    ("kind", "make", "message"),
    errors(
        {
            TypeError: [
                (
                    lambda: features.mean_voltage("0", 1),
                    "start must be a finite number (ms); got '0' (str). "
                    "Pass it in ms, as a number.",
                ),
                (
                    lambda: features.AP_amplitude(0, 1, None),
                    "spike must be a whole number, 0 or more; got None (NoneType).",
                ),
                (
                    lambda: features.ISI_CV(0, 1, 3),
                    "ignore_first_ISI must be True or False; got 3.",
                ),
            ],
            ValueError: [
                (
                    lambda: features.mean_voltage(-1, 1),
                    "start must be a finite number, 0 or more (ms); got -1.",
                ),
                (lambda: COUNT.__class__(5, 2), "stop must be above start, 5 (ms); got 2."),
                (lambda: features.ISI_CV(5, 5), "stop must be above start, 5 (ms); got 5."),
                (
                    lambda: features.voltage_sd(5, np.inf),
                    "stop must be a finite number (ms); got inf.",
                ),
                (
                    lambda: features.AP_amplitude(0, 1, "first"),
                    "spike must be a whole number, 0 or more, or 'mean'; got 'first'.",
                ),
                (
                    lambda: features.AHP_depth_abs(0, 1, -1),
                    "spike must be a whole number, 0 or more; got -1.",
                ),
                (
                    lambda: features.sag_ratio1(0, 1),
                    "start must be a positive, finite number (ms); got 0. "
                    "A sag needs V before the current.",
                ),
            ],
        }
    ),
)
def test_feature_that_cannot_be_meant_is_refused(kind, make, message):
    with raises(kind, message):
        make()


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    errors(
        {
            TypeError: [
                (
                    {"features": {"n": "spike_cuont"}},
                    "features['n'] must be a feature; got 'spike_cuont' (str). "
                    f"Did you mean spike_count? {EXAMPLE}",
                ),
                ({"features": [COUNT, 3]}, f"features[1] must be a feature; got 3. {EXAMPLE}"),
                (
                    {"features": {1: COUNT}},
                    "name must be a text; got 1. Name the feature by a text.",
                ),
                (
                    {"features": COUNT},
                    "features must be a dict or a sequence of features; got spike_count(0, 3) "
                    "(spike_count). Pass for example {'n': features.spike_count(0, 100)}.",
                ),
                (
                    {"features": "spike_count"},
                    "features must be a dict or a sequence of features; got 'spike_count' (str). "
                    "Pass for example {'n': features.spike_count(0, 100)}.",
                ),
                (
                    {"threshold": None},
                    "threshold must be a finite number (mV); got None (NoneType). "
                    "Pass that of the run, threshold=recording.threshold.",
                ),
                ({"V": 3.0}, f"{ARRAY}; got 3.0."),
                ({"dt": None}, "dt must be a positive, finite number (ms); got None (NoneType)."),
            ],
            ValueError: [
                (
                    {"features": [COUNT, features.spike_count(1, 2)]},
                    "features must be of different kinds where they have no names; "
                    "got two spike_count. Pass a dict of features by name.",
                ),
                (
                    {"dt": 0.5},
                    "stop of spike_count must be at most the time of the last sample, 2 (ms); "
                    "got 3.",
                ),
                (
                    {"features": {"n": features.mean_voltage(0, 4.5)}},
                    "stop of n must be at most the time of the last sample, 4 (ms); got 4.5.",
                ),
                (
                    {"V": [1, 2, np.nan, 4]},
                    f"{ARRAY}; got nan at index 2. Replace or remove it.",
                ),
                (
                    {"V": [[1, 2, 3], [1, np.inf, 3]]},
                    f"{ARRAY}; got inf at index (1, 1). Replace or remove it.",
                ),
                ({"V": np.zeros((2, 2, 4))}, f"{ARRAY}; got 3 dimensions, shape (2, 2, 4)."),
                ({"dt": 0}, "dt must be a positive, finite number (ms); got 0."),
                ({"threshold": np.nan}, "threshold must be a finite number (mV); got nan."),
            ],
        }
    ),
)
def test_argument_of_of_that_cannot_be_meant_is_refused(kind, given, message):
    arguments = {"V": np.zeros(4), "dt": 1.0, "features": [COUNT], "threshold": 0.0} | given
    with raises(kind, message):
        features.of(**arguments)


def test_class_without_a_window_is_refused():
    with pytest.raises(
        TypeError, match=r"^features\[0\] must .*Give it a window: mean_ISI\(start, stop\)\.$"
    ):
        features.of([1.0], 1.0, [features.mean_ISI])


def test_only_features_of_spikes_need_a_threshold():
    assert features.of([1.0, 2, 3], 1.0, [features.mean_voltage(0, 3)]) == {"mean_voltage": 1.5}

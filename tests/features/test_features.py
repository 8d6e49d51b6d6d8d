"""Features on traces whose values are known, against NumPy and SciPy, and where there are none."""

import pickle

import numpy as np
import pytest
from error_messages import raises
from scipy import stats

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli
from pyhh_fast.features.compute import NAMES

ONE = {"threshold": 0.0}


def of(V, feature, dt=1.0, **options):
    return features.of(V, dt, [feature], **options)[type(feature).__name__]


def train(*times, size=100, dt=1.0):
    """Return a trace at -50 mV that crosses 0 upward at some times, each midway between samples."""
    V = np.full(size, -50.0)
    V[[round(time / dt - 0.5) for time in times]] = 50
    return V


@pytest.fixture(scope="module")
def run():
    model = pyhh.HHModel.at_rest()
    return pyhh.Simulation(model).run(stimuli.step(10, 20, 150), 0.01, duration=200.0)


@pytest.mark.parametrize(
    ("kind", "oracle"),
    [
        ("mean_voltage", np.mean),
        ("voltage_sd", np.std),
        ("voltage_skewness", stats.skew),
        ("voltage_kurtosis", stats.kurtosis),
        ("minimum_voltage", np.min),
        ("maximum_voltage", np.max),
    ],
)
@pytest.mark.parametrize("window", [(0, 200), (20, 150.0), (33.335, 61.27)])
def test_voltages_in_a_window(run, kind, oracle, window):
    inside = (run.times >= window[0] - 1e-9) & (run.times < window[1] - 1e-9)
    found = of(run.Vm, getattr(features, kind)(*window), run.dt)
    np.testing.assert_allclose(found, oracle(run.Vm[inside]), rtol=1e-11)


def test_spikes_of_a_run_in_a_window(run):
    for start, stop in [(0, 200), (30, 110)]:
        times = run.spike_times[(run.spike_times >= start) & (run.spike_times < stop)]
        kinds = [features.spike_count, features.time_to_first_spike, features.mean_ISI]
        kinds.append(features.mean_frequency)
        chosen = [kind(start, stop) for kind in kinds] + [features.ISI_CV(start, stop, False)]
        found = features.of(run.Vm, run.dt, chosen, threshold=run.threshold)
        intervals = np.diff(times)
        expected = [times.size, times[0] - start, intervals.mean()]
        expected += [1000 * times.size / (times[-1] - start)]
        expected += [intervals.std(ddof=1) / intervals.mean()]
        np.testing.assert_allclose(list(found.values()), expected, rtol=1e-9)


def test_window_has_its_start_and_not_its_stop():
    V = np.arange(1.0, 11.0)  # that at 0.1 ms is 1, and so on
    for start, stop, mean in [(0.3, 0.5, 3.5), (0.3, 0.6, 4), (0.25, 0.31, 3), (0, 0.11, 1)]:
        assert of(V, features.mean_voltage(start, stop), 0.1) == mean


@pytest.mark.parametrize(
    ("start", "stop", "count"), [(10.5, 30.5, 2), (10.6, 30.5, 1), (10.5, 30.6, 3), (0, 100, 3)]
)
def test_spike_at_a_border_belongs_to_the_window_that_it_begins(start, stop, count):
    assert of(train(10.5, 20.5, 30.5), features.spike_count(start, stop), **ONE) == count


def test_single_spike_at_the_start_has_no_frequency():
    assert np.isnan(of(train(10.5), features.mean_frequency(10.5, 50), **ONE))


def test_spike_is_below_before_and_at_or_above_after():
    V = [-1, 0, -1, 1, 0, 0, -1]
    assert of(V, features.spike_count(0, 7), **ONE) == 2
    assert of(V, features.time_to_first_spike(0, 7), **ONE) == 2
    assert of([5, 5, 5.0], features.spike_count(0, 3), **ONE) == 0


def test_cells_have_what_each_has_alone():
    trains = [(), (10.5,), (10.5, 30.5), (10.5, 20.5, 40.5), (9.5, 20.5, 40.5, 47.5, 80.5)]
    V = np.array([train(*times) for times in trains])
    V += np.random.default_rng(1).normal(0, 0.1, V.shape)
    chosen = {name: getattr(features, name)(10 * ("sag" in name) or 5, 95) for name in NAMES}
    chosen |= {"third": features.min_between_peaks_values(5, 95, 2)}
    found = features.of(V, 1.0, chosen, **ONE)
    alone = [features.of(row, 1.0, chosen, **ONE) for row in V]
    assert len(chosen) == 21
    for name, values in found.items():
        assert values.shape == (5,)
        np.testing.assert_array_equal(values, [one[name] for one in alone])
    assert found["spike_count"].tolist() == [0, 1, 2, 3, 5]
    assert np.isnan(found["mean_ISI"]).tolist() == [True, True, False, False, False]
    assert np.isnan(found["ISI_CV"]).tolist() == [True, True, True, True, False]
    assert np.isnan(found["adaptation_index2"]).tolist() == [True, True, True, True, False]
    assert np.isnan(found["third"]).tolist() == [True, True, True, False, False]
    assert features.of(np.empty((0, 100)), 1.0, chosen, **ONE)["mean_ISI"].shape == (0,)


def test_traces_of_a_population():
    cells = pyhh.Population.at_rest(3, gK=[30, 36, 42])
    run = cells.run(10.0, 0.01, duration=60.0, record=("Vm",))
    chosen = [features.spike_count(0, 60), features.AP_amplitude(0, 60)]
    found = features.of(run.Vm, run.dt, chosen, threshold=run.threshold)
    assert found["spike_count"].tolist() == run.spike_counts.tolist()
    single = features.of(run.Vm[2], run.dt, chosen, threshold=run.threshold)
    assert found["AP_amplitude"][2] == single["AP_amplitude"]


# Samples at 1, 2, … ms; the threshold is 0.
SPIKE = np.array([-60, -60, -60, -50, -40, -10, 20, 50, 10, -30, -70, -75, -72, -71, -60.0])


def shape(V, start=0, stop=15, spike=0, dt=1.0):
    names = ("AP_begin_voltage", "AP_amplitude", "AP_duration_half_width", "AHP_depth_abs")
    chosen = [getattr(features, name)(start, stop, spike) for name in names]
    return list(features.of(V, dt, chosen, **ONE).values())


def test_shape_of_a_spike():
    # Slopes are 5, 10, 20, 30, ... from the third sample on; half is at 0, 50 above -50, which V
    # is at one third of the step to 20 and one quarter of that to -30.
    assert shape(SPIKE) == pytest.approx([-50, 100, 8.25 - 5 - 1 / 3, -75], rel=1e-14)


def test_shape_of_a_spike_before_the_end_of_its_window():
    nothing = [np.nan] * 4
    np.testing.assert_equal(shape(SPIKE, stop=9), nothing)  # not below the threshold again
    np.testing.assert_equal(shape(SPIKE, stop=10), nothing)
    # Known as soon as it is below, the minimum when V has risen again.
    assert shape(SPIKE, stop=12)[:3] == shape(SPIKE)[:3]
    assert np.isnan(shape(SPIKE, stop=12)[3])
    assert shape(SPIKE, stop=14) == shape(SPIKE)
    np.testing.assert_equal(shape(SPIKE, start=7), nothing)  # crosses at 6 1/3 ms
    assert shape(SPIKE, start=6.3) == shape(SPIKE)  # and begins before


def test_spike_that_does_not_fall_to_half_has_no_width():
    V = np.where(np.arange(15) > 8, 0.0, SPIKE)
    V[9:] = -1.0
    found = shape(V - 1)
    assert found[:2] == [-51, 100]
    assert found[2] == pytest.approx(8 + 10 / 11 - 5 - 1 / 3)  # half is -1
    V[9:] = 0.5
    np.testing.assert_equal(shape(V - 1)[:3], [-51, 100, np.nan])


@pytest.mark.parametrize(
    ("slope", "duration", "begin"), [(9.9, 4, np.nan), (10.0, 4, -28), (10.0, 6, np.nan)]
)
def test_begin_is_fast_and_within_5_ms_of_the_peak(slope, duration, begin):
    V = np.full(300, -30.0)
    rise = 1 + round(duration / 0.2)
    V[100 : 100 + rise] = -30 + slope * 0.2 * np.arange(rise)
    found = shape(V, 0, 60, dt=0.2)
    np.testing.assert_equal(found[0], begin)
    assert found[3] == -30


# Slopes are those between the neighbours of a sample, in mV/ms; the threshold is 0.
@pytest.mark.parametrize(
    ("V", "begin"),
    [
        ([-60, -60, -50, -40, -30, -5, 20, -60], -50),
        ([-60, -60, -50, -45, -40, -5, 20, -60], np.nan),  # fast at two samples alone
        ([-90, -90, -90, -70, -50, -30, -29, -28, -3, 20, 40, -60], -28),  # and earlier at -90
        ([-50, -55, -60, -30, -5, 30, 50, -60], -60),  # from the lowest sample itself on
        # Fast before the lowest sample, slow after it.
        ([-60, -60, -60, -40, -20, -1, -61, -52, -43, -34, -25, -16, -7, 2, -60], np.nan),
    ],
)
def test_begin_is_that_of_the_last_run_of_three_fast_samples(V, begin):
    V = np.append(V, np.full(4, -60.0))
    np.testing.assert_equal(shape(V / 4, 0, len(V) / 4, dt=0.25)[0], begin / 4)


def test_begin_of_the_last_spike_is_not_that_of_the_next():
    # The second spike is slow, less than 5 ms after the begin of the first.
    V = np.concatenate([np.full(9, -60), [-40, -20, 0, 20, 20, 0], np.arange(-4.0, 4), [-60] * 5])
    found = [shape(V, 0, 5, spike, dt=0.2)[0] for spike in (0, 1)]
    np.testing.assert_equal(found, [-60, np.nan])


def test_spike_that_is_fast_from_the_first_sample_on_has_no_begin():
    V = SPIKE.copy()
    V[:5] = -95, -80, -65, -50, -40  # where it begins is not known
    assert np.isnan(shape(V)[0])


def test_first_minimum_and_the_lowest():
    V = np.append(SPIKE, [-50, -60, -70, -80, -90.0])
    assert of(V, features.AHP_depth_abs(0, 20), **ONE) == -75
    assert of(V, features.min_between_peaks_values(0, 20), **ONE) == -80
    assert of(V, features.min_between_peaks_values(0, 16), **ONE) == -75
    V = np.append(SPIKE[:12], [-74, -78, -77, -76, -70])
    assert of(V, features.AHP_depth_abs(0, 17), **ONE) == -78  # a dip of one sample is none


def test_mean_leaves_out_spikes_without_a_value():
    V = np.concatenate([SPIKE, SPIKE, SPIKE[:8]])
    means = shape(V, 0, 38, "mean")
    assert means == pytest.approx(shape(SPIKE), rel=1e-14)
    assert shape(V, 0, 38, 1) == pytest.approx(shape(SPIKE), rel=1e-14)
    assert np.isnan(shape(V, 0, 38, 2)).all()
    assert np.isnan(shape(V, 0, 38, 3)).all()
    assert of(V, features.spike_count(0, 38), **ONE) == 3
    assert np.isnan(shape(np.zeros(38), 0, 38, "mean")).all()


def test_nothing_at_stop_or_later_counts(run):
    # So that what is computed while a run is made can be told when it reaches the stop.
    stop = 77.77
    end = round(stop / run.dt) - 1
    V = np.append(run.Vm[:end], np.random.default_rng(2).normal(0, 100, run.steps - end))
    chosen = {name: getattr(features, name)(20, stop) for name in NAMES}
    before = features.of(run.Vm, run.dt, chosen, threshold=50.0)
    np.testing.assert_equal(features.of(V, run.dt, chosen, threshold=50.0), before)


@pytest.mark.parametrize("name", NAMES)
def test_window_without_samples_is_refused_or_has_no_spike(name):
    feature = getattr(features, name)(5.2, 5.3)
    if feature.needs_threshold:
        found = of(train(10.5), feature, **ONE)
        assert found == 0 if name == "spike_count" else np.isnan(found)
        return
    ends = ("voltage_base", "sag_amplitude", "sag_ratio1")  # of the last tenth
    window = "5.29 to 5.3" if name in ends else "5.2 to 5.3"
    message = (
        f"{name} must have a multiple of dt, 1, in each window that it needs (ms); got "
        f"{window}. Take a longer window, or a smaller dt."
    )
    with raises(ValueError, message):
        of(train(10.5), feature, **ONE)
    options = {"duration": 9, "method": "adaptive", "features": {name: feature}}
    warned = pytest.warns(UserWarning, match="^dt is 1 ms, and features are those of V at its")
    with raises(ValueError, message), warned:
        pyhh.Simulation(pyhh.HHModel()).run(0, 1.0, **options)


def test_constant_V_has_no_skewness():
    V = np.full(1_000, -65.1)
    for kind in (features.voltage_skewness, features.voltage_kurtosis):
        assert np.isnan(of(V, kind(0, 1_000)))
    assert of(V, features.voltage_sd(0, 1_000)) < 1e-12


def test_sag_of_known_steps():
    V = np.repeat([-60.0, -80, -76, -60], [99, 100, 100, 100])
    assert of(V, features.sag_amplitude(100, 300)) == 4
    assert of(V, features.sag_ratio1(100, 300)) == 0.2
    assert np.isnan(of(-V, features.sag_amplitude(100, 300)))
    assert np.isnan(of(np.zeros(399), features.sag_ratio1(100, 300)))
    assert of(np.zeros(399), features.sag_amplitude(100, 300)) == 0
    # The mean before is that of the last tenth of the time before.
    V[:89] = -1000
    assert of(V, features.sag_amplitude(100, 300)) == 4


def test_no_input_is_modified_and_lists_are_welcome():
    V = train(10.5, 30.5).reshape(1, -1)
    given = V.copy()
    chosen = {name: getattr(features, name)(10 * ("sag" in name) or 5, 95) for name in NAMES}
    found = features.of(V, 1, chosen, **ONE)
    assert (V == given).all()
    np.testing.assert_equal(features.of(V.tolist(), 1, chosen, **ONE), found)
    assert features.of(V, 1, []) == {}


def test_features_are_compared_hashed_pickled_and_shown():
    one = features.AP_amplitude(0, 100.5, spike=2)
    assert repr(one) == "AP_amplitude(0, 100.5, 2)"
    assert repr(features.ISI_CV(0, 10)) == "ISI_CV(0, 10)"
    assert eval(repr(one), vars(features)) == one == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(features.AP_amplitude(0.0, 100.5, 2))
    assert one != features.AP_amplitude(0, 100.5)
    assert features.spike_count(0, 1) != features.mean_ISI(0, 1)

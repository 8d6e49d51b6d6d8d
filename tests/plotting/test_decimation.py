"""Which samples of long traces are drawn, and in which window."""

import numpy as np
import pytest
from run_figures import extremes, run

from pyhh_fast.plotting import decimation
from pyhh_fast.plotting.decimation import LazyTrace, Window


@pytest.mark.parametrize("rows", [4_001, 20_000, 123_456, 1_000_001])
@pytest.mark.parametrize("block", [999, 524_288])
@pytest.mark.parametrize("nan", [False, True])
def test_decimation_keeps_first_lowest_highest_and_last_of_each_segment(
    rows, block, nan, monkeypatch
):
    monkeypatch.setattr(decimation, "BLOCK", block)
    rng = np.random.default_rng(rows)
    values = rng.normal(size=rows + 1_234)
    if nan:
        values[rng.random(values.size) < 0.01] = np.nan
        values[rows // 2 :] = np.nan
    blocks = []

    def read(start, stop):
        blocks.append((start, stop))
        return values[start:stop]

    numbers, drawn = decimation.decimated(read, range(1_234, values.size))
    np.testing.assert_array_equal(numbers, extremes(values[1_234:], 1_234))
    np.testing.assert_array_equal(drawn, values[numbers])
    assert numbers.size <= 4_000
    borders = np.ravel(blocks)
    assert (borders[0], borders[-1]) == (1_234, values.size)
    np.testing.assert_array_equal(borders[1:-1:2], borders[2::2])
    assert (borders[1:-1] % block == 0).all()


@pytest.mark.parametrize("rows", [0, 1, 4_000])
def test_few_samples_are_all_drawn(rows):
    values = np.arange(rows) ** 0.5
    numbers, drawn = decimation.decimated(lambda start, stop: values[start:stop], range(rows))
    np.testing.assert_array_equal(numbers, np.arange(rows))
    np.testing.assert_array_equal(drawn, values)


@pytest.mark.parametrize("dt", [0.01, 0.1, 1 / 3])
@pytest.mark.parametrize(("spacing", "offset"), [(1, 0), (1, 1), (7, 1), (2.5, 1.25)])
def test_samples_within_a_window_are_those_between_its_ends(dt, spacing, offset):
    series = LazyTrace(None, 1_000, dt, spacing, offset)
    times = (np.arange(1_000) * spacing + offset) * dt
    borders = [0, 0.3, 0.7, 29 * dt, 30 * dt, 333.3 * dt, 5_000 * dt]
    for start in borders:
        for stop in borders:
            if start < stop:
                expected = np.flatnonzero((times >= start - 1e-9) & (times <= stop + 1e-9))
                np.testing.assert_array_equal(series.within(Window(start, stop)), expected)


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [
        (5, 5, "start must be before stop, 5 (ms); got 5."),
        (6, 5.5, "start must be before stop, 5.5 (ms); got 6."),
        (30, None, "start must be before the end of the run, 30 (ms); got 30."),
        (-1, None, "start must be a finite number, 0 or more (ms); got -1."),
        (np.nan, None, "start must be a finite number (ms); got nan."),
        (None, 30.1, "stop must be at most the end of the run, 30 (ms); got 30.1."),
        (None, 0, "stop must be after the beginning of the run (ms); got 0."),
        (None, -1, "stop must be after the beginning of the run (ms); got -1."),
    ],
)
def test_invalid_windows_are_refused(start, stop, message):
    recording = run(duration=30)
    with pytest.raises(ValueError) as caught:
        recording.plot(start, stop)
    assert str(caught.value) == message
    with pytest.raises(TypeError, match=r"^stop must be a finite number \(ms\); got '9' \(str\)"):
        recording.plot(stop="9")


# What is drawn

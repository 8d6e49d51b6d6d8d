"""Shapes of spikes against their definition, spike by spike, on traces that go anywhere."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyhh_fast import features
from pyhh_fast.features.plan import Plan, Spikes

KINDS = (
    features.AP_begin_voltage,
    features.AP_amplitude,
    features.AP_duration_half_width,
    features.AHP_depth_abs,
    features.min_between_peaks_values,
)
LOOKBACK = 5.0  # ms
SLOPE = 10.0  # mV/ms


def crossing(V, i, level):
    return i + (level - V[i]) / (V[i + 1] - V[i])


def begin_of(V, earliest, peak, dt):
    """Return the row at which the spike begins that has its peak there."""
    fast = {i: V[i + 1] - V[i - 1] >= 2 * dt * SLOPE for i in range(1, peak + 1)}
    begin = None
    for last in range(4, peak + 1):  # the last of three fast rows
        if begin is not None and V[last] < V[begin]:
            begin = None
        first = last - 2
        if first >= max(earliest, 2) and not fast[first - 1]:
            rows = range(first, last + 1)
            lower = [V[i] < V[first] for i in range(first, min(last + 1, peak) + 1)]
            if all(fast[i] for i in rows) and not any(lower):
                begin = first
    return begin if begin is not None and peak - begin <= round(LOOKBACK / dt) else None


def shapes(V, dt, threshold, start, stop):
    """Return five values of each spike in the window, from V alone."""
    rows = np.arange(1, V.size)
    crossed = [i for i in rows if V[i - 1] < threshold <= V[i]]
    end = int(np.sum((np.arange(V.size) + 1) * dt < stop - 1e-9))
    earliest, found = 0, []
    for number, row in enumerate(crossed):
        after = min([end, *crossed[number + 1 : number + 2]])
        down = next((i for i in range(row, V.size) if V[i] < threshold), V.size)
        time, here = (crossing(V, row - 1, threshold) + 1) * dt, earliest
        earliest = down
        if not start <= time < stop:
            continue
        values = np.full(5, np.nan)
        if down < after:
            peak = row + int(np.argmax(V[row:down]))
            begin = begin_of(V, here, peak, dt)
            if begin is not None:
                half = (V[begin] + V[peak]) / 2
                rise = max(i for i in range(begin, peak) if V[i] < half)
                fall = [i for i in range(peak, after) if V[i] < half]
                values[:2] = V[begin], V[peak] - V[begin]
                if fall:
                    values[2] = (crossing(V, fall[0] - 1, half) - crossing(V, rise, half)) * dt
            tail = V[down:after]
            first = [i for i in range(tail.size - 2) if tail[i] <= min(tail[i + 1 : i + 3])]
            minimum = down + (first[0] if first else int(np.argmin(tail)))
            values[3] = V[minimum] if minimum < end - 1 else np.nan
            values[4] = V[peak:after].min()
        found.append(values)
    return np.array(found).reshape(-1, 5)


MOTIFS = [[1, 1, 1, 1], [2, 2, 2], [30, 30], [-40, -40], [-9, -2, 0, 0], [-3, 1, 0], [0]]
MOTIFS += [[5, 5, 5, -16, 1, 1, 30], [3, -4, 3], [-20, 0, 1]]
"""Rises from row to row, in mV: as steep as a begin, a little steeper, jumps, minima with ties."""


@st.composite
def traces(draw):
    """Return a trace that goes anywhere between -60 and 40 mV, and its dt."""
    number = st.integers(0, len(MOTIFS) - 1)
    chosen = np.random.default_rng(draw(st.integers(0))).integers(len(MOTIFS), size=80)
    chosen = draw(st.one_of(st.just(chosen), st.lists(number, min_size=3)))
    V = -20 + np.cumsum(np.concatenate([MOTIFS[i] for i in chosen])).astype(float)
    return np.clip(V, -60, 40), draw(st.sampled_from([0.1, 1.0]))


@given(traces(), st.data())
def test_shapes_are_those_of_the_definition(trace, data):
    V, dt = trace
    rows = st.integers(0, V.size - 1)
    start, stop = sorted(data.draw(st.tuples(rows, rows), label="window"))
    start, stop = start * dt, (stop + 0.5) * dt
    chosen = {(k, n): k(start, stop, n) for k in KINDS for n in ("mean", 0, 1)}
    named = {f"{kind.__name__} {n}": one for (kind, n), one in chosen.items()}
    found = features.of(V, dt, named, threshold=0.0)
    expected = shapes(V, dt, 0.0, start, stop)
    for (kind, n), name in zip(chosen, named, strict=True):
        values = expected[:, KINDS.index(kind)]
        if n == "mean":
            values = values[~np.isnan(values)]
            right = values.mean() if values.size else np.nan
        else:
            right = values[n] if n < values.size else np.nan
        np.testing.assert_allclose(found[name], right, rtol=1e-12, atol=1e-12, err_msg=name)


BEGIN_AT_THE_END = np.array([-19.0, -18, -17, -16, -16, -15, -14, -13, -12])


@given(traces(), st.lists(st.integers(0, 200), max_size=3))
@example((BEGIN_AT_THE_END, 0.1), [8])
def test_rows_in_pieces_give_the_same_bits(trace, cuts):
    V, dt = trace
    window = (0, V.size * dt)
    plan = Plan({kind.__name__: kind(*window) for kind in KINDS}, dt, 0.0)
    plan_of_all = plan.taken(plan.begin(1), V[np.newaxis], 0)
    progress = plan.begin(1)
    borders = sorted({0, V.size, *(min(cut, V.size) for cut in cuts)})
    for first, past in itertools.pairwise(borders):
        progress = plan.taken(progress, V[np.newaxis, first:past], first)
    none = Spikes.of_cell(np.empty(0))
    assert progress.numbers.tobytes() == plan_of_all.numbers.tobytes()
    assert plan.values(progress, none, V.size).keys() == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("rise", [1, 5, 30])
def test_begin_is_sought_for_five_ms_before_the_peak(rise):
    # 20 mV/ms from -60 mV, then a plateau of `rise` rows of 0.1 ms, then the peak.
    V = np.concatenate([np.full(9, -60.0), np.linspace(-60, -20, 21), np.full(rise, -20.0), [20.0]])
    V = np.concatenate([V, np.full(20, -60.0)])
    found = features.of(V, 0.1, [features.AP_begin_voltage(0, 4)], threshold=0.0)
    expected = -60.0 if rise + 20 < 50 else np.nan
    np.testing.assert_equal(found["AP_begin_voltage"], expected)


@pytest.mark.parametrize(("fallen_to", "begin"), [(-59.0, -60.0), (-61.0, np.nan)])
def test_begin_is_forgotten_where_V_falls_below_it(fallen_to, begin):
    V = np.array([-60, -60, -60, -40, -20, -10, fallen_to, 10, -60, -60, -60])
    found = features.of(V, 1.0, [features.AP_begin_voltage(0, 11)], threshold=0.0)
    np.testing.assert_equal(found["AP_begin_voltage"], begin)

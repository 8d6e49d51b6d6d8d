"""The adaptive method: its error follows the tolerance for any stimulus, grid and division."""

import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from model_states import full_state_of, model_in, state_of

import pyhh_fast as pyhh
from pyhh_fast.engine.adaptive_stepper import AdaptiveStepper
from pyhh_fast.variables import TRACES

DEFAULTS = reference.Parameters()
TABLEAU = Path(__file__).parents[2] / "src" / "dop853_tableau.h"


def adaptive(stimulus, dt, model=None, tolerance=1e-6, **options):
    simulation = pyhh.Simulation(model or model_in(reference.steady(0.0)))
    options |= {"method": "adaptive", "rtol": tolerance, "atol": tolerance}
    return simulation.run(stimulus, dt, **options)


# --- accuracy ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def train():
    """One second with 10 µA/cm² from 50 ms on: 65 spikes."""
    protocol, tight = [(50.0, 0.0), (950.0, 10.0)], {"rtol": 1e-13, "atol": 1e-13}
    return reference.solve(DEFAULTS, reference.steady(0.0), protocol, **tight)


TRAIN = np.where(np.arange(10_000) < 500, 0.0, 10.0)


def test_error_of_spike_times_follows_the_tolerance_over_eight_decades(train):
    tolerances = 10.0 ** -np.arange(3, 12)
    errors = []
    for tolerance in tolerances:
        times = adaptive(TRAIN, 0.1, tolerance=tolerance, record=()).spike_times
        assert len(times) == 65
        errors.append(np.abs(times - train.spike_times).max())
    # After 65 spikes in a second the error in ms is about the tolerance, over the whole range.
    ratios = np.maximum(errors, 2e-11) / tolerances
    assert (ratios < 20).all(), ratios
    slope = np.polyfit(np.log(tolerances), np.log(np.maximum(errors, 2e-11)), 1)[0]
    assert slope == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("current", [7.0, 10.0, 50.0, 150.0])
def test_error_of_interpolated_traces_follows_the_tolerance(current):
    exact = reference.solve(DEFAULTS, reference.steady(0.0), [(12.0, current)], dense=True)
    times = np.arange(1, 1_201) * 0.01
    states = np.array([exact.at(t) for t in times]).T
    for tolerance in 10.0 ** -np.arange(2, 11):
        run = adaptive(current, 0.01, tolerance=tolerance, duration=12.0)
        for name, want in zip(TRACES, states, strict=False):
            error = np.abs(getattr(run, name) - want) / (1 + np.abs(want))
            # A delay of the spike is an error of V, and is divided by the spike's slope of 300
            # mV/ms, 6 of these units.
            assert error.max() < 10 * tolerance, (name, tolerance)


@given(
    levels=st.lists(st.floats(-20, 80), min_size=1, max_size=8),
    rows=st.lists(st.integers(1, 200), min_size=8, max_size=8),
    dt=st.sampled_from([0.01, 0.03, 0.0123]),
)
@settings(max_examples=50)
@example(levels=[10.0, 10.0, 0.0], rows=[100] * 8, dt=0.01)
def test_random_steps_of_current_match_the_reference(levels, rows, dt):
    rows = rows[: len(levels)]
    run = adaptive(np.repeat(levels, rows), dt, tolerance=1e-9)
    protocol = [(count * dt, level) for count, level in zip(rows, levels, strict=True)]
    exact = reference.solve(DEFAULTS, reference.steady(0.0), protocol)
    assert abs(run.Vm[-1] - exact.end.V) < 1e-6
    assert len(run.spike_times) == len(exact.spike_times)
    np.testing.assert_allclose(run.spike_times, exact.spike_times, atol=1e-7)


def test_stimulus_that_changes_at_every_sample_matches_the_reference():
    stimulus = np.random.default_rng(0).normal(8, 40, 2_000)
    run = adaptive(stimulus, 0.01, tolerance=1e-8)
    protocol = [(0.01, current) for current in stimulus]
    exact = reference.solve(DEFAULTS, reference.steady(0.0), protocol, dense=True)
    times = np.arange(1, 2_001) * 0.01
    V = np.array([exact.at(t).V for t in times])
    assert np.abs(run.Vm - V).max() < 1e-7
    np.testing.assert_allclose(run.spike_times, exact.spike_times, atol=1e-9)
    assert len(run.spike_times) >= 1


def test_more_stimulus_changes_than_steps_allowed_in_a_millisecond():
    stimulus = np.random.default_rng(5).normal(8, 1, 25_000)
    run = adaptive(stimulus, 1e-6)
    assert abs(run.Vm[-1] - stimulus.mean() * 0.025) < 1e-2


@pytest.mark.parametrize("width", [1, 3])
def test_pulse_shorter_than_any_step_is_not_missed(width):
    stimulus = np.zeros(60_000)
    stimulus[20_000 : 20_000 + width] = 9_000.0 / width  # 1 µs each: 9 nC/cm² in all
    run = adaptive(stimulus, 0.001, pyhh.HHModel.at_rest(), record=())
    rest = reference.equilibrium(DEFAULTS)
    exact = reference.solve(
        DEFAULTS, rest, [(20.0, 0.0), (width * 0.001, 9_000 / width), (40 - width * 0.001, 0.0)]
    )
    assert len(exact.spike_times) == 1
    np.testing.assert_allclose(run.spike_times, exact.spike_times, atol=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [
        {"gNa": 0.0},
        {"gK": 0.0},
        {"gKleak": 0.0},
        {"gNa": 0.0, "gK": 0.0, "gKleak": 0.0},
        {"Cm": 1e9},
        {"Cm": 0.01},
        {"gNa": 500.0, "gK": 150.0},
        {"ENa": 60.0, "EK": -40.0, "EKleak": 0.0},
    ],
)
def test_extreme_parameters_match_the_reference(parameters):
    model = model_in(reference.steady(0.0), **parameters)
    run = adaptive(12.0, 0.05, model, duration=20.0)
    exact = reference.solve(
        DEFAULTS._replace(**parameters), reference.steady(0.0), [(20.0, 12.0)], rtol=1e-10
    ).end
    np.testing.assert_allclose(state_of(model), exact, rtol=2e-4, atol=2e-5)
    assert np.isfinite(run.Vm).all()


@pytest.mark.slow
def test_period_does_not_drift_in_a_million_milliseconds():
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    options = {"method": "adaptive", "record": (), "rtol": 1e-9, "atol": 1e-9}
    times = simulation.run(10.0, 0.1, duration=1e6, **options).spike_times
    early, late = np.diff(times[1_000:2_000]).mean(), np.diff(times[-1_000:]).mean()
    # The period of the limit cycle, from a Newton method on the reference's return map.
    assert early == pytest.approx(late, rel=1e-10)
    exact = reference.solve(DEFAULTS, reference.steady(0.0), [(600.0, 10.0)]).spike_times
    assert late == pytest.approx((exact[-1] - exact[-11]) / 10, rel=1e-9)
    assert len(times) == pytest.approx(1e6 / late, abs=2)


@pytest.mark.skipif(not TABLEAU.exists(), reason="no sources here")
def test_coefficients_equal_those_of_scipy_dop853():
    exact = pytest.importorskip("scipy.integrate._ivp.dop853_coefficients")
    text = TABLEAU.read_text(encoding="utf-8").partition("dop853_a[16][16]")[2]
    rows = [np.array(row.split(","), float) for row in re.findall(r"^    \{([^}]*)\}", text, re.M)]
    given = np.array([np.pad(row, (0, 16 - row.size)) for row in rows])
    np.testing.assert_array_equal(given, np.vstack([exact.A, exact.D]))


# --- spikes --------------------------------------------------------------------------------------


def dense_crossings(V, level):
    return np.count_nonzero((V[:-1] < level) & (V[1:] >= level))


@pytest.mark.parametrize("tolerance", [0.1, 1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("current", [5.0, 10.0, 60.0])
def test_two_crossings_within_one_step_are_found(current, tolerance):
    # At any threshold, also just below the peaks, which V crosses twice within one step.
    V = adaptive(current, 0.0005, tolerance=tolerance, duration=60.0).Vm
    peaks = V[1:-1][(V[1:-1] > V[:-2]) & (V[1:-1] >= V[2:])]
    for peak in peaks:
        for below in (1e-4, 1e-3, 0.1, 3.0):
            run = adaptive(
                current, 0.5, tolerance=tolerance, duration=60.0, threshold=peak - below, record=()
            )
            assert len(run.spike_times) == dense_crossings(V, peak - below)
    for level in np.linspace(V.min() + 0.1, V.max() - 0.1, 60):
        run = adaptive(current, 0.5, tolerance=tolerance, duration=60.0, threshold=level, record=())
        found = run.spike_times
        assert len(found) == dense_crossings(V, level)
        rows = np.flatnonzero((V[:-1] < level) & (V[1:] >= level))
        assert ((rows + 1) * 0.0005 - 1e-9 <= found).all()
        assert (found <= (rows + 2) * 0.0005 + 1e-9).all()


def test_spike_times_do_not_depend_on_the_grid():
    fine, coarse = (adaptive(10.0, dt, duration=500.0).spike_times for dt in (0.01, 0.5))
    assert len(fine) == 35
    np.testing.assert_array_equal(fine, coarse)


def test_spike_at_a_change_of_stimulus_counts_once():
    # Without conductances V is 40 t: it is 50 mV at 1.25 ms, just where the stimulus changes.
    model = model_in((0.0, 0.0, 0.0, 0.0), gNa=0, gK=0, gKleak=0)
    stimulus = np.repeat([40.0, 20.0], 125)
    assert adaptive(stimulus, 0.01, model).spike_times == pytest.approx([1.25], abs=1e-12)
    assert adaptive(1.0, 0.01, model, duration=1.0).spike_times.size == 0  # it was above already


# --- restart points, chunks ----------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-11])
@pytest.mark.parametrize("dt", [0.01, 0.03, 0.7, 100 / 31])
def test_run_divided_at_a_restart_point_is_bit_identical(dt, tolerance):
    restart_point = round(100 / dt)
    stimulus = np.full(3 * restart_point, 10.0)
    # Some changes, and a spike at the first restart point.
    stimulus[: round(10.1 / dt)] = 0.0
    stimulus[round(15 / dt) : round(15 / dt) + 7] = [0, 5, 5, 12, 2, 2, 2]
    stimulus[2 * restart_point :] = 30.0
    options = {"method": "adaptive", "rtol": tolerance, "atol": tolerance}
    whole, cut = pyhh.Simulation(pyhh.HHModel.at_rest()), pyhh.Simulation(pyhh.HHModel.at_rest())
    one = whole.run(stimulus, dt, **options)
    assert dt > 0.5 or 20 < one.Vm[restart_point - 1] < 100
    parts = [
        cut.run(stimulus[rows], dt, **options)
        for rows in (slice(0, restart_point), slice(restart_point, 3 * restart_point))
    ]
    for name in TRACES:
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(one, name))
    assert full_state_of(whole.model) == full_state_of(cut.model)
    spikes = np.concatenate([parts[0].spike_times, parts[1].spike_times + restart_point * dt])
    np.testing.assert_allclose(spikes, one.spike_times, rtol=0, atol=1e-12)


def test_step_shortened_by_a_stimulus_change_does_not_lower_the_step_size(monkeypatch):
    attempts = []
    original = AdaptiveStepper._run_loop

    def solve(self, *arguments):
        attempts.append(self.step)
        return original(self, *arguments)

    monkeypatch.setattr(AdaptiveStepper, "CHUNK", 1)
    monkeypatch.setattr(AdaptiveStepper, "_run_loop", solve)
    # At rest a step may take half a millisecond, so each segment needs one, however short.
    stimulus = np.tile(np.repeat([1e-3, 0.0], [1, 400]), 50)
    adaptive(stimulus, 0.001, pyhh.HHModel.at_rest(), record=())
    assert len(attempts) < 130


def test_runs_of_one_sample_and_of_none():
    run = adaptive([5.0], 0.02)
    exact = reference.solve(DEFAULTS, reference.steady(0.0), [(0.02, 5.0)]).end
    assert run.Vm == pytest.approx([exact.V], abs=1e-8)
    assert adaptive([], 0.02).Vm.size == 0
    assert adaptive([], 0.02, record=()).spike_times.size == 0


# --- stiff and stuck runs ------------------------------------------------------------------------


def test_stiff_run_under_hyperpolarisation_is_accurate():
    model = pyhh.HHModel.at_rest()
    run = adaptive(-50.0, 0.05, model, duration=30.0, record=("Vm",))
    expected = pyhh.Simulation(pyhh.HHModel.at_rest()).run(-50.0, 5e-5, duration=30.0)
    assert np.abs(run.Vm - expected.Vm[999::1_000]).max() < 2e-3


@pytest.mark.parametrize("record", [TRACES, ()])
@pytest.mark.parametrize(
    ("current", "V", "why"),
    [
        (-100.0, 0.0, "more than 20,000 steps for a millisecond. There gate m moves at "),
        (-1e5, 0.0, "more than 20,000 steps for a millisecond. There gate m moves at "),
        (0.0, -2e3, "no step of 1e-09 ms or more meets rtol=1e-06 and atol=1e-06. There gate m "),
        (1e300, 0.0, "no step of 1e-09 ms or more meets rtol=1e-06 and atol=1e-06. Use larger "),
    ],
)
def test_too_stiff_run_is_an_error(current, V, why, record):
    simulation = pyhh.Simulation(pyhh.HHModel(V))
    start = time.perf_counter()
    with pytest.raises(
        pyhh.SimulationError, match=f"^the solver is stuck at t = .*{why}"
    ) as caught:
        simulation.run(current, 0.01, duration=1_000.0, method="adaptive", record=record)
    assert time.perf_counter() - start < 5
    error, model = caught.value, simulation.model
    if "gate m" in why:
        advice = (
            "Use a weaker stimulus, or method='exponential_euler', which is stable at any rate, and"
        )
        assert advice in str(error)
    assert len(simulation.recording) == 100_000
    for name in record:
        trace = getattr(simulation, name)
        assert np.isfinite(trace[: error.step]).all()
        assert np.isnan(trace[error.step :]).all()
    assert error.step == int(error.time / 0.01)
    # The model is at the last whole sample, as after a run that ends there.
    shorter = pyhh.Simulation(pyhh.HHModel(V))
    if error.step:
        shorter.run(current, 0.01, duration=error.step * 0.01, method="adaptive")
    assert state_of(model) == pytest.approx(state_of(shorter.model), rel=1e-4, abs=1e-6)


def test_error_of_a_stuck_solver_does_not_depend_on_recorded_traces():
    stimulus = np.repeat([-30.0, -100.0], [4, 4])
    messages = []
    for record in (TRACES, (), ("Vm",)):
        with pytest.raises(pyhh.SimulationError, match=r"t = 22.* gate m moves") as caught:
            adaptive(stimulus, 5.0, pyhh.HHModel.at_rest(), record=record)
        messages.append((str(caught.value), vars(caught.value)))
    assert messages[0] == messages[1] == messages[2]


@pytest.mark.parametrize("tolerance", [0.1, 1e-3])
def test_custom_rates_are_evaluated_only_near_the_range_of_V(tolerance):
    evaluated = []

    class Narrow(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            evaluated.append((np.min(Vm), np.max(Vm)))
            super()._UpdateGateTimeConstants(Vm)

    V = adaptive(10.0, 0.01, Narrow.at_rest(), duration=300.0, tolerance=tolerance).Vm
    low, high = np.array(evaluated[-40:]).T
    # The largest excursion of a step, and the table made for it, to the next 100 mV.
    assert V.min() - 200 < low.min()
    assert high.max() < V.max() + 200


def test_calls_are_short_where_steps_cover_many_samples(monkeypatch):
    rows = []
    original = AdaptiveStepper.advance

    def advance(self):
        going = original(self)
        rows.append(self.step)
        return going

    monkeypatch.setattr(AdaptiveStepper, "advance", advance)
    adaptive(0.0, 1e-4, pyhh.HHModel.at_rest(), duration=400.0, record=("Vm",))
    assert len(rows) > 1
    assert rows[0] < 3_000_000


def test_run_beyond_all_rate_tables_is_accurate():
    model = pyhh.HHModel.at_rest()
    adaptive(1e5, 0.01, model, duration=0.1)
    exact = reference.solve(DEFAULTS, reference.equilibrium(DEFAULTS), [(0.1, 1e5)]).end
    np.testing.assert_allclose(state_of(model), exact, rtol=1e-5)
    assert model.Vm > 1_000


@pytest.mark.parametrize("tolerance", [1e-15, 1e-18])
def test_runs_with_tolerances_below_rounding_end(tolerance):
    run = adaptive(10.0, 0.01, tolerance=tolerance, duration=20.0, record=())
    assert run.spike_times.size == 2


def test_tolerances_that_cannot_be_met_are_an_error():
    with pytest.raises(pyhh.SimulationError, match="Use larger tolerances"):
        adaptive(10.0, 0.01, tolerance=1e-300, duration=20.0, record=())


# --- interrupts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [TRACES, (), ("Vm",)])
@pytest.mark.parametrize(
    ("dt", "chunk"),
    [(0.01, 50), (0.4, 2), (2.0, 3), (25.0, 50)],
    ids=["many rows a call", "about one", "some calls without", "many calls without"],
)
def test_interrupt_leaves_the_model_at_the_last_whole_sample(dt, chunk, record, monkeypatch):
    original = AdaptiveStepper.advance
    rows_at_calls = []

    def advance(self):
        going = original(self)
        rows_at_calls.append(self.step)
        new_rows = self.step - rows_at_calls[-2] if len(rows_at_calls) > 1 else 9
        if self.spike_times.size > 3 and (new_rows == (0 if dt > 1 else 1) or dt == 0.01):
            raise KeyboardInterrupt
        return going

    monkeypatch.setattr(AdaptiveStepper, "advance", advance)
    monkeypatch.setattr(AdaptiveStepper, "CHUNK", chunk)
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    with pytest.raises(KeyboardInterrupt):
        simulation.run(10.0, dt, duration=1_000.0, method="adaptive", record=record)
    monkeypatch.undo()
    recording = simulation.recording
    whole = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        10.0, dt, duration=1_000.0, method="adaptive"
    )
    rows = len(recording)
    assert 1 <= rows < len(whole) / 2
    for name in record:
        np.testing.assert_array_equal(getattr(recording, name), getattr(whole, name)[:rows])
    assert simulation.model.Vm == whole.Vm[rows - 1]
    assert simulation.model.INa == whole.INa[rows - 1]
    before = whole.spike_times[whole.spike_times <= rows * dt]
    np.testing.assert_array_equal(recording.spike_times, before)
    assert len(before) >= 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs pthread_kill")
def test_ctrl_c_interrupts_within_a_second():
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    main = threading.main_thread().ident
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        simulation.run(10.0, 0.01, duration=1e8, method="adaptive", record=())
    heard = time.perf_counter() - sent[0]
    timer.join()
    assert heard < 1, "it was to be 0.1 s; this machine may be busy"
    assert len(simulation.recording) > 100_000

"""Runs of populations that Ctrl-C ends: what is kept is of one moment, and can be continued."""

import sys
import time
import warnings

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from other_processes import python
from population_runs import assert_same_results, cells

import pyhh_fast as pyhh
from pyhh_fast.engine.populations.stepper import PopulationStepper
from pyhh_fast.system.schedule import Schedule


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 7)


@hypothesis.given(
    size=st.integers(1, 70),
    threads=st.integers(1, 6),
    last=st.integers(0, 40),
    late=st.integers(0, 5),
    method=st.sampled_from(["euler", "exponential_euler", "rk4"]),
    shape=st.sampled_from(["cell", "step", "both", "shared", "noise"]),
)
@hypothesis.settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_ctrl_c_keeps_the_steps_that_all_cells_have_made(
    size, threads, last, late, method, shape, short_chunks
):
    steps = 200
    given, duration = 20 + np.sin(np.arange(size)[:, np.newaxis] + np.arange(steps)), None
    if shape == "step":
        given = given[0]
    elif shape == "cell":
        given, duration = given[:, 0].copy(), steps * 0.05
    elif shape in ("shared", "noise"):
        noise = pyhh.stimuli.white_noise(20, seed=3) + 15
        given, duration = noise if shape == "noise" else pyhh.stimuli.sine(20, 50), steps * 0.05

    def start():
        g = np.linspace(90, 150, size)
        population = pyhh.Population(size, startingVoltage=g / 4, gNa=g)
        population.gKleak[size // 2] = 3e2  # which diverges, but by exponential Euler
        return population

    features = {
        "sd": pyhh.features.voltage_sd(0.1, 2.52),
        "width": pyhh.features.AP_duration_half_width(0, 2.52),
    }

    def run(population, given, duration, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it diverges
            return population.run(
                given, 0.05, duration=duration, method=method, record=["Vm", "INa"], every=3,
                threads=threads, **options,
            )  # fmt: skip

    whole = run(start(), given, duration, features=features)
    calls, call, ends = [], PopulationStepper._call, {}

    def interrupted(self, task):
        ends.update({share: 0 for share in range(len(self._shares)) if share not in ends})
        if task.share == late:
            time.sleep(2e-4)
        call(self, task)
        calls.append(task)
        if len(calls) == last + 1:
            raise KeyboardInterrupt
        ends[task.share] = task.stop

    population = start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PopulationStepper, "_call", interrupted)
        try:
            run(population, given, duration, features=features)
        except KeyboardInterrupt:
            pass
        else:
            assert len(calls) <= last
    r = population.recording
    made = r.steps
    assert made == min(ends.values())
    np.testing.assert_array_equal(r.Vm, whole.Vm[:, : -(-made // 3)])
    np.testing.assert_array_equal(r.INa, whole.INa[:, : -(-made // 3)])
    np.testing.assert_array_equal(
        r.diverged_at, np.where(whole.diverged_at < made, whole.diverged_at, -1)
    )
    for cell in range(size):
        times = whole.spike_times(cell)
        np.testing.assert_array_equal(r.spike_times(cell), times[times <= made * 0.05])
    np.testing.assert_array_equal(population.Vm, r.final_state.Vm)
    for name, values in whole.features.items():
        expected = values if made >= 50 else np.nan
        np.testing.assert_array_equal(r.features[name], np.broadcast_to(expected, size))
    # It can be continued from there.
    if made and shape in ("step", "both"):
        run(population, given[..., made:], None)
        np.testing.assert_array_equal(population.Vm, whole.final_state.Vm)


def test_states_before_a_run_are_not_changed(short_chunks):
    population = cells()
    before = population.Vm
    values = before.copy()
    population.run(20.0, 0.01, duration=2.0, threads=2)
    np.testing.assert_array_equal(before, values)
    assert (population.Vm != values).all()


def test_ctrl_c_while_a_chunk_is_counted_is_of_one_moment(monkeypatch, short_chunks):
    def interrupted(self, task):
        count(self, task)
        if task.chunk == 3:
            raise KeyboardInterrupt

    count = Schedule._count
    monkeypatch.setattr(Schedule, "_count", interrupted)
    population = cells(300)
    with pytest.raises(KeyboardInterrupt):
        population.run(20.0, 0.01, duration=100.0, threads=1)
    monkeypatch.undo()
    steps = population.recording.steps
    assert 15 < steps < 30
    assert_same_results(population.recording, cells(300).run(20.0, 0.01, duration=steps * 0.01))


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_interrupts_within_a_second(threads):
    code = f"""
import signal, threading, time
import numpy as np
import pyhh_fast as pyhh
from pyhh_fast import features
from pyhh_fast.engine.populations.stepper import PopulationStepper
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
population = pyhh.Population(20_000)
sent, begun, begin = [], threading.Event(), PopulationStepper._begin_chunk
def watched(self, step):
    if self.step:  # that all cells have made; this chunk is interrupted, or a later one
        begun.set()
    return begin(self, step)
PopulationStepper._begin_chunk = watched
def send():
    begun.wait()
    time.sleep(0.05)
    sent.append(time.perf_counter())
    signal.raise_signal(signal.SIGINT)
threading.Thread(target=send).start()
try:
    population.run(np.linspace(0, 20, 20_000), 0.01, duration=100_000.0, threads={threads})
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0], population.recording.steps)
"""
    seconds, steps = map(float, python(code)[0].split())
    assert seconds < 1.0  # 0.1 on a quiet machine
    assert steps > 0

"""Runs of populations: stimuli, traces, continuation, threads, memory."""

import pickle
import threading
import tracemalloc

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from population_runs import assert_same_results, cells

import pyhh_fast as pyhh
from pyhh_fast import features
from pyhh_fast.variables import TRACES


def test_stimuli_of_all_shapes_give_the_same_results():
    constant = cells().run(12.0, 0.01, duration=30.0)
    assert constant.spike_counts.sum() > 10
    wave = np.full(3_000, 12.0)
    assert_same_results(constant, cells().run(np.full(6, 12), 0.01, duration=30.0))
    assert_same_results(constant, cells().run(wave, 0.01))
    assert_same_results(constant, cells().run(wave.tolist(), 0.01))
    assert_same_results(constant, cells().run(np.tile(wave, (6, 1)), 0.01))
    assert_same_results(constant, cells().run(np.full((3_000, 6), 12, np.int16).T, 0.01))
    assert_same_results(
        constant, cells().run(np.full((12, 6_000), 12.0, np.float32)[::2, ::2], 0.01)
    )


def test_each_cell_has_its_own_row_of_a_2d_stimulus():
    steps = np.arange(2_000)
    I = 10 + 5 * np.sin(steps * 0.01 * np.arange(1, 7)[:, np.newaxis])  # noqa: E741
    before = I.copy()
    for given in (I, np.asfortranarray(I), np.repeat(I, 2, axis=1)[:, ::2]):
        given.flags.writeable = False
        together = cells().run(given, 0.01, record=["Vm"], threads=2)
        for cell in range(6):
            model = pyhh.HHModel.at_rest(gNa=100 + 8 * cell)
            alone = pyhh.Simulation(model).run(I[cell], 0.01, record=["Vm"])
            np.testing.assert_allclose(together.Vm[cell], alone.Vm, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(I, before)


@pytest.mark.filterwarnings("ignore:stimulus is a value a step")
@hypothesis.given(
    size=st.integers(0, 20),
    steps=st.integers(0, 60),
    every=st.integers(1, 70),
    chosen=st.lists(st.integers(0, 19)),
    names=st.sets(st.sampled_from(TRACES)),
    threads=st.integers(1, 5),
    method=st.sampled_from(["euler", "exponential_euler", "rk4"]),
    shape=st.sampled_from(["cell", "step", "both"]),
)
@hypothesis.settings(max_examples=60)
def test_sampled_traces_equal_those_of_the_full_run(
    size, steps, every, chosen, names, threads, method, shape
):
    chosen = [cell for cell in chosen if cell < size]
    I = 20 + np.arange(size)[:, np.newaxis] + np.sin(np.arange(steps))  # noqa: E741
    given, duration = I, None
    if shape == "cell":
        given, duration = I[:, 0] if steps else np.full(size, 1.0), steps * 0.05
    elif shape == "step":
        given = 5 * np.cos(np.arange(steps))

    def run(**options):
        g = np.linspace(90, 150, size)
        population = pyhh.Population(size, startingVoltage=g / 10, gNa=g)
        return population.run(given, 0.05, duration=duration, method=method, **options)

    full = run(record=TRACES)
    part = run(record=names, cells=chosen if names else None, every=every, threads=threads)
    assert_same_results(full, part)
    assert part.recorded == tuple(name for name in TRACES if name in names)
    np.testing.assert_array_equal(part.times, full.times[::every])
    for name in TRACES:
        if name in names:
            got = getattr(part, name)
            np.testing.assert_array_equal(got, getattr(full, name)[chosen][:, ::every])
            assert got.shape == (len(chosen), -(-steps // every))
        else:
            with pytest.raises(AttributeError, match=f"^{name} was not recorded"):
                getattr(part, name)


def test_recorded_currents_are_of_the_state_before_the_step():
    r = cells(3).run(10.0, 0.01, duration=5.0, record=TRACES)
    gNa = np.linspace(100, 140, 3)[:, np.newaxis]
    V, m, h = r.Vm[:, :-1], r.StateM[:, :-1], r.StateH[:, :-1]
    np.testing.assert_allclose(r.INa[:, 1:], gNa * m**3 * h * (V - 115), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(r.IK[:, 1:], 36 * r.StateN[:, :-1] ** 4 * (V + 12), rtol=1e-12)
    np.testing.assert_allclose(r.IKleak[:, 1:], 0.3 * (V - 10.6), rtol=1e-12)
    np.testing.assert_allclose(r.times, 0.01 * np.arange(1, 501), rtol=1e-14)


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
def test_run_continues_where_the_last_one_ended(method):
    whole = cells().run(15.0, 0.01, duration=60.0, method=method, record=["Vm"])
    population = cells()
    first = population.run(15.0, 0.01, duration=25.0, method=method, record=["Vm"])
    second = population.run(15.0, 0.01, duration=35.0, method=method, record=["Vm"])
    np.testing.assert_array_equal(np.concatenate([first.Vm, second.Vm], axis=1), whole.Vm)
    for name, values in whole.final_state._asdict().items():
        np.testing.assert_array_equal(getattr(population, name), values)
    for cell in range(6):
        times = np.concatenate([first.spike_times(cell), second.spike_times(cell) + 25.0])
        np.testing.assert_allclose(times, whole.spike_times(cell), rtol=0, atol=1e-10)
    assert population.recording is second
    # A recording does not change when the cells run again.
    assert first.final_state.Vm.tolist() == first.Vm[:, -1].tolist()


def test_spikes_are_sorted_by_cell_and_time():
    r = cells().run(np.array([0.0, 20, 7, 0, 30, 20]), 0.01, duration=100.0)
    assert r.spikes.cell.tolist() == sorted(r.spikes.cell.tolist())
    np.testing.assert_array_equal(np.bincount(r.spikes.cell, minlength=6), r.spike_counts)
    assert r.spike_counts[0] == r.spike_counts[3] == 0
    for cell in range(6):
        times = r.spikes.time[r.spikes.cell == cell]
        np.testing.assert_array_equal(r.spike_times(cell), times)
        assert (np.diff(times) > 0).all()


def test_threshold_argument_is_used():
    r = cells(2).run(10.0, 0.01, duration=50.0, threshold=-5.0, record=["Vm"])
    rising = (r.Vm[:, :-1] < -5) & (r.Vm[:, 1:] >= -5)
    np.testing.assert_array_equal(r.spike_counts, rising.sum(axis=1))
    assert cells(2).run(10.0, 0.01, duration=50.0, threshold=200.0).spike_counts.sum() == 0


def test_parameters_and_states_may_be_set_between_runs():
    population = pyhh.Population(3)
    population.gNa = 100
    population.gK[1] = 30
    population.Vm = [1, 2, 3]
    population.StateH[:] = 0.6
    other = pyhh.Population(3, gNa=100, gK=[36, 30, 36], startingVoltage=[1, 2, 3])
    other.StateM, other.StateN = population.StateM, population.StateN
    other.StateH = 0.6
    assert_same_results(
        population.run(9.0, 0.01, duration=30.0), other.run(9.0, 0.01, duration=30.0)
    )
    assert population.recording.parameters["gK"].tolist() == [36, 30, 36]
    final = population.recording.final_state.Vm.tolist()
    population.Vm[:] = 5.0
    assert population.recording.final_state.Vm.tolist() == final
    population.gK = 1.0
    assert population.recording.parameters["gK"].tolist() == [36, 30, 36]


def test_two_populations_can_run_in_two_threads():
    alone = cells(200).run(14.0, 0.01, duration=40.0), cells(150).run(9.0, 0.02, duration=80.0)
    done = {}

    def run(which, size, current, dt, duration):
        done[which] = cells(size).run(current, dt, duration=duration, threads=2)

    threads = [
        threading.Thread(target=run, args=(0, 200, 14.0, 0.01, 40.0)),
        threading.Thread(target=run, args=(1, 150, 9.0, 0.02, 80.0)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for which in (0, 1):
        assert_same_results(done[which], alone[which])


@pytest.mark.parametrize("threads", [1, 2])
def test_million_cells_take_less_than_300_bytes_each(threads, monkeypatch):
    size = 1_000_000
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 5)
    tracemalloc.start()
    population = pyhh.Population.at_rest(size)
    population.gNa = np.linspace(110, 130, size)
    tracemalloc.reset_peak()
    I = np.linspace(0, 20, size)  # noqa: E741
    options = {"record": ["Vm"], "cells": [7], "every": 5, "threads": threads}
    population.run(I, 0.01, duration=0.2, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300 * size


def test_populations_and_recordings_can_be_pickled():
    population = cells()
    first = population.run(15.0, 0.01, duration=20.0, record=["Vm"], cells=[4, 1])
    twin, recording = pickle.loads(pickle.dumps((population, first)))
    assert_same_results(first, recording)
    np.testing.assert_array_equal(first.Vm, recording.Vm)
    assert recording.Vm.base is None or recording.Vm.shape == (2, 2_000)
    assert_same_results(
        twin.run(3.0, 0.01, duration=20.0), population.run(3.0, 0.01, duration=20.0)
    )


def test_progress_bar_counts_steps(capsys):
    pytest.importorskip("tqdm")
    cells().run(1.0, 0.01, duration=10.0, progress=True)
    shown = capsys.readouterr()
    assert "1.00k/1.00k" in shown.err
    assert shown.out == ""


def test_to_xarray_has_labels_and_units():
    pytest.importorskip("xarray")
    r = cells().run(12.0, 0.01, duration=20.0, record=["Vm", "INa"], cells=[4, 1], every=10)
    data = r.to_xarray()
    assert data.Vm.dims == ("recorded_cell", "time")
    assert data.Vm.attrs["units"] == "mV"
    assert data.INa.dims == ("recorded_cell", "current_time")
    assert data.gNa.attrs["units"] == "mS/cm²"
    np.testing.assert_array_equal(data.gNa, np.linspace(100, 140, 6))
    np.testing.assert_allclose(data.time, r.times)
    np.testing.assert_allclose(data.current_time, r.times - 0.01)
    np.testing.assert_array_equal(data.Vm.sel(recorded_cell=1), r.Vm[1])
    np.testing.assert_array_equal(data.final_Vm, r.final_state.Vm)
    spikes = data.spike_time[data.spike_cell == 4]
    np.testing.assert_array_equal(spikes, r.spike_times(4))
    assert data.attrs["method"] == "euler"
    everyone = cells().run(12.0, 0.01, duration=1.0, record=["StateN"]).to_xarray()
    assert everyone.StateN.dims == ("cell", "time")
    assert "spike_counts" in cells().run(12.0, 0.01, duration=1.0).to_xarray()


def test_to_xarray_has_features():
    pytest.importorskip("xarray")
    chosen = {"first": features.time_to_first_spike(0, 20), "n": features.spike_count(0, 20)}
    r = cells().run(12.0, 0.01, duration=20.0, features=chosen)
    data = r.to_xarray()
    np.testing.assert_array_equal(data["first"], r.features["first"])
    assert [data[name].attrs["units"] for name in chosen] == ["ms", "1"]
    assert [data[name].attrs["long_name"] for name in chosen] == [*map(repr, chosen.values())]
    for name in ("cell", "spike_counts", "final_Vm"):
        r = cells().run(0.0, 0.01, duration=20.0, features={name: chosen["n"]})
        with pytest.raises(ValueError, match=f"^features must have names .* got '{name}'"):
            r.to_xarray()


def test_empty_populations_and_runs():
    for population in (pyhh.Population(0), pyhh.Population.at_rest(0)):
        assert population.run(1.0, 0.01, duration=1.0).spike_counts.shape == (0,)
    r = cells().run([], 0.01, record=TRACES)
    assert r.steps == 0
    assert r.Vm.shape == (6, 0)
    np.testing.assert_array_equal(r.final_state.Vm, cells().Vm)


@pytest.mark.parametrize("size", [1, 4])
def test_repr_of_populations_and_recordings(size):
    population = cells(size)
    plural = "s" * (size > 1)
    assert repr(population) == f"Population({size} cell{plural})"
    r = population.run(0.0, 0.01, duration=0.01)
    words = f"{size} cell{plural}, 1 step of 0.01 ms, 0.01 ms, 0 spikes"
    assert repr(r) == f"PopulationRecording({words})"

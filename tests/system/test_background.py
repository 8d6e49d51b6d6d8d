"""Background threads: their results, their end, and runs that outlive the main thread."""

import gc
import threading
import time
from concurrent.futures import CancelledError

import pytest
from other_processes import python

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.system.background import Workers
from pyhh_fast.system.stopping import stop_if_told

NOISE = stimuli.ornstein_uhlenbeck(10, 2, 5, seed=1)


def pyhh_fast_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("pyhh_fast")]


def all_threads_end_soon():
    gc.collect()
    deadline = time.monotonic() + 20
    while pyhh_fast_threads() and time.monotonic() < deadline:
        time.sleep(0.001)
    return pyhh_fast_threads() == []


def test_results_are_in_the_order_of_the_calls():
    with Workers(3, "pyhh_fast test") as workers:
        jobs = [workers.submit(pow, base, 2) for base in range(50)]
        assert [job.result() for job in jobs] == [base**2 for base in range(50)]
        assert jobs[7].result() == 49  # again
    assert pyhh_fast_threads() == []


def test_error_is_raised_by_result_and_the_thread_continues():
    with Workers(1, "pyhh_fast test") as workers:
        failed, after = workers.submit(int, "x"), workers.submit(int, "7")
        assert after.result() == 7
        with pytest.raises(ValueError, match="invalid literal"):
            failed.result()


def test_cancelled_call_is_not_made():
    begun, release, calls = threading.Event(), threading.Event(), []

    def first():
        begun.set()
        release.wait(60)

    with Workers(1, "pyhh_fast test") as workers:
        workers.submit(first)
        second = workers.submit(calls.append, 2)
        assert begun.wait(60)
        second.cancel()
        with pytest.raises(CancelledError):  # at once, without waiting for the thread
            second.result()
        release.set()
    assert calls == []
    with pytest.raises(CancelledError):
        second.result()


def test_call_that_has_begun_cannot_be_cancelled():
    begun, release = threading.Event(), threading.Event()

    def first():
        begun.set()
        return release.wait(60)

    with Workers(1, "pyhh_fast test") as workers:
        job = workers.submit(first)
        assert begun.wait(60)
        job.cancel()
        release.set()
        assert job.result() is True
        job.cancel()
        assert job.result() is True


def test_threads_end_with_their_owner():
    workers = Workers(2, "pyhh_fast test")
    assert len(pyhh_fast_threads()) == 2
    del workers
    assert all_threads_end_soon()


@pytest.mark.parametrize("method", ["euler", "adaptive"])
def test_threads_end_after_a_run(method):
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    simulation.run(NOISE, 0.01, duration=20, method=method)
    assert all_threads_end_soon()


def test_threads_end_after_a_failed_run_whose_error_is_kept():
    stimulus = stimuli.ornstein_uhlenbeck(1e9, 2, 5, seed=1)
    with pytest.raises(pyhh.SimulationError) as error:
        pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, 0.01, duration=900)
    assert all_threads_end_soon()
    assert error.traceback  # which refers to all of the run


def test_threads_end_after_runs_of_populations_and_to_stores(tmp_path):
    pyhh.Population.at_rest(40).run(10, 0.01, duration=5, threads=3)
    assert pyhh_fast_threads() == []
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    simulation.run(NOISE, 0.01, duration=5, to=tmp_path / "run.zarr")
    assert all_threads_end_soon()


SCRIPT = """
import sys, threading, time
import numpy as np
{imports}
import pyhh_fast as pyhh
from pyhh_fast import stimuli

def later():
    threading.main_thread().join()
    time.sleep(0.05)  # the interpreter is waiting for this thread now
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    noise = stimuli.ornstein_uhlenbeck(10, 2, 5, seed=1)
    {call}

threading.Thread(target=later).start()
"""


def run_after_main_thread(call, tmp_path, imports=""):
    return python(SCRIPT.format(call=call, imports=imports), options=(), folder=tmp_path)


@pytest.mark.parametrize(
    ("call", "printed"),
    [
        ("print(simulation.run(noise, 0.01, duration=2_000).steps)", "200000"),
        ("print(simulation.run(noise, 0.1, duration=50, method='adaptive').steps)", "500"),
        ("print(pyhh.Population.at_rest(20).run(10, 0.01, duration=5, threads=2).steps)", "500"),
        ("print(pyhh.fi_curve(pyhh.HHModel.at_rest(), [10]).round(1))", "[68.3]"),
    ],
)
def test_run_outlives_the_main_thread(call, printed, tmp_path):
    assert run_after_main_thread(call, tmp_path) == (f"{printed}\n", "")


def test_stored_run_outlives_the_main_thread(tmp_path):
    pytest.importorskip("zarr")
    call = """
    simulation.run(noise, 0.01, duration=2_000, to="run.zarr")
    recording = pyhh.Simulation.resume("run.zarr", duration=2_100).recording
    print(recording.steps, np.isfinite(recording.Vm).all())"""
    assert run_after_main_thread(call, tmp_path, "import zarr") == ("210000 True\n", "")


def test_writer_outlives_the_main_thread(tmp_path):
    """It must end only when no thread can close it, not with the main thread."""
    pytest.importorskip("zarr")
    call = """
    from pyhh_fast.storage.writer import StoreWriter
    rows = []
    class Store:
        def append(self, name, values, first=None):
            rows.append(first)
    with StoreWriter(Store()) as writer:
        time.sleep(1.5)
        writer.append("Vm", np.zeros(3), 0)
    print(rows)"""
    assert run_after_main_thread(call, tmp_path) == ("[0]\n", "")


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("simulation.run(10, 0.01, duration=5, to='run.zarr')", "a run to a store"),
        ("pyhh.sweep(simulation.model, {'gNa': [110, 120]}, 10, 0.01, duration=5)", "a sweep"),
    ],
)
def test_calls_that_need_the_main_thread_say_so(call, what, tmp_path):
    pytest.importorskip("zarr")
    pytest.importorskip("xarray")
    printed, errors = run_after_main_thread(call, tmp_path)
    assert printed == ""
    assert errors.splitlines()[-1] == (
        f"RuntimeError: the main thread must be alive for {what}; it has ended. Call join() of "
        "the thread that runs it at the end of the script."
    )


def test_runs_in_threads_stop_where_an_error_leaves_the_workers():
    simulation, steps = pyhh.Simulation(pyhh.HHModel.at_rest()), 300_000_000
    begun = threading.Event()

    def run():
        begun.set()
        simulation.run(0.0, 0.01, duration=steps * 0.01, record=())

    with pytest.raises(ZeroDivisionError), Workers(1, "test") as pool:  # noqa: PT012
        job = pool.submit(run)
        begun.wait()
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert simulation.recording.steps < steps


def test_calls_of_workers_that_are_left_without_an_error_are_made():
    with Workers(1, "test") as pool:
        job = pool.submit(stop_if_told)
    assert job.result() is None

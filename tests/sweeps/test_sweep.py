"""Sweeps: every point equals a cell of a Population, for any executor and chunk size."""

import functools
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import sweep_runs
from sweep_runs import GRID, SPAWN, WAVE, crossed, cut, executors, short

import pyhh_fast as pyhh
from pyhh_fast.settings import RunSettings
from pyhh_fast.sweeps import run, sweep, tasks
from pyhh_fast.sweeps.grid import Grid

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")

from sweep_models import Warm, first_spike, peaks, warm_rates  # noqa: E402

same = xarray.testing.assert_identical


def cells_of(model, points, stimulus, method="euler"):
    """The recording of a Population with a cell at each point."""
    points = {name: np.array(values) for name, values in points.items()}
    current = points.pop("current", None)
    size = len(next(iter(points.values()))) if points else len(current)
    population = pyhh.Population.from_model(model, size, **points)
    if np.ndim(stimulus) == 0:
        stimulus = np.full(1_500, stimulus)
    if current is not None:
        stimulus = np.add(current[:, np.newaxis], stimulus)
    return population.run(stimulus, 0.01, method=method, record=["Vm"])


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
@pytest.mark.parametrize("stimulus", [2.0, WAVE], ids=["constant", "wave"])
@pytest.mark.parametrize("names", [("gNa", "current", "EKleak"), ("gNa", "EKleak"), ("current",)])
@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
def test_each_point_equals_a_cell_of_a_population(kind, names, stimulus, method):
    model, grid = kind.at_rest(gK=33), {name: GRID[name] for name in names}
    expected = cells_of(model, crossed(grid), stimulus, method)
    for reduce, values in {
        "spike_counts": expected.spike_counts,
        "final_Vm": expected.final_state.Vm,
        "final_StateH": expected.final_state.StateH,
    }.items():
        result = short(model, grid, stimulus, reduce=reduce, method=method)
        assert result[reduce].dims == names
        assert result[reduce].dtype == values.dtype
        np.testing.assert_array_equal(result[reduce].values.ravel(), values)
        assert (result.diverged_at == -1).all()


def test_zipped_arrays_form_one_dimension():
    grid = {"Cm": [0.9, 1.0, 1.1], "gK": [30, 36, 40], "current": [5.0, 10.0, 20.0]}
    result = short(grid=grid, product=False, reduce="final_Vm")
    expected = cells_of(pyhh.HHModel.at_rest(), grid, 2.0)
    np.testing.assert_array_equal(result.final_Vm, expected.final_state.Vm)
    assert result.final_Vm.dims == ("point",)
    assert list(result.coords) == [*grid]
    for name, values in grid.items():
        np.testing.assert_array_equal(result[name], values)


def test_result_has_units_and_settings():
    result = short(reduce="final_Vm", method="rk4")
    assert {name: result[name].attrs["units"] for name in (*result.coords, "final_Vm")} == {
        "gNa": "mS/cm²",
        "current": "µA/cm²",
        "EKleak": "mV",
        "final_Vm": "mV",
    }
    told = {"model": "HHModel", "gK": 36.0, "stimulus": 2.0, "dt": 0.01, "steps": 1_500}
    told |= {"method": "rk4", "reduce": "final_Vm", "product": True, "grid": [*GRID]}
    assert told.items() <= result.attrs.items()
    assert "gNa" not in result.attrs


def test_cells_start_in_the_state_of_the_model_which_is_unchanged():
    model = Warm(startingVoltage=-7, gK=30)
    pyhh.Simulation(model).run(3.0, 0.01, duration=4.0)
    before = [model.Vm, model.m.state, model.h.state, model.n.state, model.gK]
    result = short(model, {"current": [0.0]}, 1.0, duration=20.0, reduce="final_Vm")
    assert [model.Vm, model.m.state, model.h.state, model.n.state, model.gK] == before
    simulation = pyhh.Simulation(model)
    simulation.run(1.0, 0.01, duration=20.0)
    assert result.final_Vm.item() == pytest.approx(model.Vm, abs=1e-9)


@pytest.mark.parametrize("executor", ["here", "threads", "processes"])
def test_result_does_not_depend_on_chunks_or_executors(monkeypatch, executor):
    class Local(Warm):
        """A class that no worker can find."""

    runs = [
        functools.partial(short, model, GRID, stimulus, **options)
        for model in (pyhh.HHModel.at_rest(), Local.at_rest())
        for stimulus, options in (
            (-60.0, {"reduce": "final_Vm", "method": "exponential_euler"}),  # far below -50 mV
            (WAVE, {"reduce": first_spike}),
            (2.0, {"reduce": peaks, "record": ["Vm"], "threads": 2}),
        )
    ]
    whole = [run() for run in runs]
    with executors(executor) as pool:
        for cells in (1, 7, 29):
            cut(monkeypatch, cells)
            for run, expected in zip(runs, whole, strict=True):
                same(run(executor=pool), expected)


def test_rates_are_evaluated_by_the_caller_only(monkeypatch):
    umath = pytest.importorskip("numpy._core._multiarray_umath", reason="names NumPy's features")
    there = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    options = {"reduce": "final_StateN", "stimulus": -60.0, "method": "exponential_euler"}
    expected = short(Warm.at_rest(), **options)
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", " ".join(there))
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        if np.array_equal(pool.submit(warm_rates).result(), warm_rates()):
            pytest.skip("NumPy gives the same rates with and without")
        same(short(Warm.at_rest(), executor=pool, **options), expected)


def test_rows_of_numbers_have_a_dimension_of_their_own():
    result = short(reduce=peaks, record=["Vm"])
    assert result["peaks"].dims == ("gNa", "current", "EKleak", "column")
    Vm = cells_of(pyhh.HHModel.at_rest(), crossed(GRID), 2.0).Vm
    np.testing.assert_array_equal(result["peaks"].values.reshape(-1, 2)[:, 1], Vm.max(axis=1))


def test_functions_without_a_usable_name_are_named_value():
    def point(recording):
        return recording.spike_counts

    for reduce in (lambda r: r.spike_counts, functools.partial(point)):
        assert list(short(reduce=reduce).data_vars) == ["diverged_at", "value"]
    assert list(short(reduce=point, product=False, grid={"gK": [30]}).data_vars)[1] == "value"
    assert short(reduce=point).point.dtype == np.float64


def test_diverging_cells_warn():
    with pytest.warns(UserWarning, match="diverged") as caught:
        result = short(grid={"current": [0.0, -300.0]}, reduce="final_Vm")
    assert [str(warning.message) for warning in caught] == [
        "1 of 2 cells diverged; diverged_at says which and when. Use "
        "method='exponential_euler', which is stable for V far below all reversal potentials, or "
        "method='adaptive'."
    ]
    assert caught[0].filename == sweep_runs.__file__
    assert result.diverged_at.values[0] == -1
    assert 0 < result.diverged_at.values[1] < 1_500
    np.testing.assert_array_equal(np.isnan(result.final_Vm), [False, True])


def test_large_steps_warn_once():
    with pytest.warns(UserWarning, match=r"^dt is 0\.06 ms") as caught:
        short(dt=0.06)
    assert len(caught) == 1
    assert caught[0].filename == sweep_runs.__file__


def test_chunks_are_boxes_of_bounded_memory():
    grid = Grid({"gNa": np.ones(10), "current": np.ones(1_400)}, crossed=True)
    for cells, chunk in {
        20_000: (10, 1_400), 14_000: (10, 1_400), 9_000: (5, 1_400), 2_800: (2, 1_400),
        1_399: (1, 700), 1: (1, 1),
    }.items():  # fmt: skip
        grid.cut(cells)
        assert grid.chunk == chunk
        boxes = np.zeros(grid.shape, int)
        for number in grid.numbers():
            boxes[grid.box(number)] += 1
        assert (boxes == 1).all()
    task = tasks.Task(None, np.ones(1), 10**5, RunSettings(dt=0.01, record=()), "x", True, 1)
    assert sweep._cells(task, grid) == 2**27 // 10**5
    assert sweep._cells(task._replace(steps=10**9), grid) == 64
    assert sweep._cells(task._replace(steps=0), grid) == 2**14
    recording = task._replace(settings=RunSettings(dt=0.01, record=("Vm", "INa")))
    assert sweep._cells(recording, grid) == 2**26 // (16 * 10**5)
    wave = task._replace(stimulus=np.ones(10**5))
    assert sweep._cells(wave, grid) == 2**26 // (8 * 10**5)
    assert sweep._cells(wave, Grid({"gNa": [1.0]}, crossed=True)) == 2**27 // 10**5


class DelayedExecutor(Executor):
    """Does what it was given when the caller waits; counts. Where it fails, it has done nothing."""

    def __init__(self, fail_at=None):
        self.futures, self.most, self.fail_at = [], 0, fail_at

    def submit(self, fn, *arguments):
        future = Future()
        self.futures.append(future)
        waiting = [f for f in self.futures if not f.done()]
        self.most = max(self.most, len(waiting))
        if len(self.futures) == self.fail_at:
            raise KeyboardInterrupt
        if self.fail_at is None:
            threading.Timer(0.01 * len(waiting), self.finish, (future, fn, arguments)).start()
        return future

    @staticmethod
    def finish(future, fn, arguments):
        if future.set_running_or_notify_cancel():
            future.set_result(fn(*arguments))


def test_executor_workers_use_one_thread_by_default(monkeypatch):
    seen, compute = [], run.compute

    def noted(task, part, rates):
        seen.append(task.threads)
        return compute(task, part, rates)

    monkeypatch.setattr(run, "compute", noted)
    monkeypatch.setattr("pyhh_fast.engine.populations.run.cores", lambda: 5)
    with ThreadPoolExecutor(1) as pool:
        for options in ({}, {"executor": pool}, {"threads": 3}, {"threads": 3, "executor": pool}):
            short(**options)
    assert seen == [5, 1, 3, 3]


def test_number_of_waiting_chunks_is_bounded(monkeypatch):
    cut(monkeypatch, 1)
    monkeypatch.setattr(run, "MOST_WAITING", 9)
    executor = DelayedExecutor()
    same(short(executor=executor), short())
    assert executor.most == 9
    assert len(executor.futures) == 30


def test_number_of_waiting_chunks_falls_with_stimulus_size(monkeypatch):
    cut(monkeypatch, 1)
    monkeypatch.setattr(run, "MOST_SENT", 15 * WAVE.nbytes)
    executor = DelayedExecutor()
    short(stimulus=WAVE, executor=executor)
    assert executor.most == 15


def test_ctrl_c_cancels_waiting_chunks(monkeypatch):
    cut(monkeypatch, 1)
    executor = DelayedExecutor(fail_at=7)
    with pytest.raises(KeyboardInterrupt):
        short(executor=executor)
    assert len(executor.futures) == 7
    # The caller never got the seventh.
    assert [future.cancelled() for future in executor.futures] == [True] * 6 + [False]


def test_progress_bar_counts_steps(capsys):
    short(progress=True)
    assert "45.0k/45.0k" in capsys.readouterr().err
    short()
    assert capsys.readouterr().err == ""


def test_sweep_of_no_steps_on_an_executor():
    with ThreadPoolExecutor(1) as pool:
        result = pyhh.sweep(pyhh.HHModel(), {"gNa": [100, 120]}, [], 0.01, executor=pool)
    assert result.spike_counts.values.tolist() == [0, 0]

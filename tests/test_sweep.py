"""Sweeps: every point is a cell of a Population, whoever computes it and however it is cut."""

import contextlib
import functools
import itertools
import multiprocessing
import re
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import sweep_run, sweep_tasks, sweeps
from pyhh_fast.sweep_grid import Grid

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")

from sweep_models import Kinked, Warm, failing, first_spike, peaks, warm_rates  # noqa: E402

GRID = {"gNa": [90.0, 100.0, 120.0], "current": [0.0, 4.0, 10.0, 20.0, 60.0], "EKleak": [9.0, 10.6]}
WAVE = np.repeat([0.0, 5.0, -20.0, 5.0], [100, 700, 200, 500])
SPAWN = multiprocessing.get_context("spawn")

same = xarray.testing.assert_identical


def raises(kind, message):
    note = rf"(\n{sweep_tasks.NOTE} [\w ,.]+)?"
    return pytest.raises(kind, match=f"^{re.escape(message)}{note}$")


def cut(monkeypatch, cells):
    """Have chunks of at most so many cells."""
    monkeypatch.setattr(sweeps, "LEAST_CELLS", 1)
    monkeypatch.setattr(sweeps, "MOST_CELLS", cells)


def short(model=None, grid=GRID, stimulus=2.0, dt=0.01, **options):
    if np.ndim(stimulus) == 0:
        options = {"duration": 15.0} | options
    return pyhh.sweep(
        pyhh.HHModel.at_rest() if model is None else model, grid, stimulus, dt, **options
    )


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


def crossed(grid):
    return dict(zip(grid, zip(*itertools.product(*grid.values()), strict=True), strict=True))


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
@pytest.mark.parametrize("stimulus", [2.0, WAVE], ids=["constant", "wave"])
@pytest.mark.parametrize("names", [("gNa", "current", "EKleak"), ("gNa", "EKleak"), ("current",)])
@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
def test_each_point_is_a_cell_of_a_population(kind, names, stimulus, method):
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


def test_zipped_arrays_are_one_dimension():
    grid = {"Cm": [0.9, 1.0, 1.1], "gK": [30, 36, 40], "current": [5.0, 10.0, 20.0]}
    result = short(grid=grid, product=False, reduce="final_Vm")
    expected = cells_of(pyhh.HHModel.at_rest(), grid, 2.0)
    np.testing.assert_array_equal(result.final_Vm, expected.final_state.Vm)
    assert result.final_Vm.dims == ("point",)
    assert list(result.coords) == [*grid]
    for name, values in grid.items():
        np.testing.assert_array_equal(result[name], values)


def test_the_result_says_what_it_is():
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


def test_the_model_is_where_cells_start_and_stays_there():
    model = Warm(startingVoltage=-7, gK=30)
    pyhh.Simulation(model).run(3.0, 0.01, duration=4.0)
    before = [model.Vm, model.m.state, model.h.state, model.n.state, model.gK]
    result = short(model, {"current": [0.0]}, 1.0, duration=20.0, reduce="final_Vm")
    assert [model.Vm, model.m.state, model.h.state, model.n.state, model.gK] == before
    simulation = pyhh.Simulation(model)
    simulation.run(1.0, 0.01, duration=20.0)
    assert result.final_Vm.item() == pytest.approx(model.Vm, abs=1e-9)


WHERE = (
    r"^mine\nIn the chunk of a sweep with gNa from \d+ to \d+, current from \d+ to \d+, "
    r"EKleak from 9 to 10\.6\.$"
)


@contextlib.contextmanager
def executors(name):
    if name == "threads":
        with ThreadPoolExecutor(3) as pool:
            yield pool
    elif name == "processes":
        with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
            yield pool
    else:
        yield None


@pytest.mark.parametrize("executor", ["here", "threads", "processes"])
def test_the_result_does_not_depend_on_chunks_or_executors(monkeypatch, executor):
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


def test_rates_are_the_callers_whatever_numpy_a_worker_has(monkeypatch):
    umath = pytest.importorskip("numpy._core._multiarray_umath", reason="names NumPy's features")
    there = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    options = {"reduce": "final_StateN", "stimulus": -60.0, "method": "exponential_euler"}
    expected = short(Warm.at_rest(), **options)
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", " ".join(there))
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        if np.array_equal(pool.submit(warm_rates).result(), warm_rates()):
            pytest.skip("NumPy gives the same rates with and without")
        same(short(Warm.at_rest(), executor=pool, **options), expected)


def test_rows_have_a_dimension_of_their_own():
    result = short(reduce=peaks, record=["Vm"])
    assert result["peaks"].dims == ("gNa", "current", "EKleak", "column")
    Vm = cells_of(pyhh.HHModel.at_rest(), crossed(GRID), 2.0).Vm
    np.testing.assert_array_equal(result["peaks"].values.reshape(-1, 2)[:, 1], Vm.max(axis=1))


def test_functions_without_a_usable_name_give_values():
    def point(recording):
        return recording.spike_counts

    for reduce in (lambda r: r.spike_counts, functools.partial(point)):
        assert list(short(reduce=reduce).data_vars) == ["diverged_at", "value"]
    assert list(short(reduce=point, product=False, grid={"gK": [30]}).data_vars)[1] == "value"
    assert short(reduce=point).point.dtype == np.float64


def test_cells_that_diverge_are_told_of():
    with pytest.warns(UserWarning, match="diverged") as caught:
        result = short(grid={"current": [0.0, -300.0]}, reduce="final_Vm")
    assert [str(warning.message) for warning in caught] == [
        "1 of 2 cells diverged; diverged_at says which and when. A smaller dt, or "
        "method='exponential_euler', may help."
    ]
    assert caught[0].filename == __file__
    assert result.diverged_at.values[0] == -1
    assert 0 < result.diverged_at.values[1] < 1_500
    np.testing.assert_array_equal(np.isnan(result.final_Vm), [False, True])


def test_large_steps_are_warned_of_once():
    with pytest.warns(UserWarning, match=r"^dt is 0\.06 ms") as caught:
        short(dt=0.06)
    assert len(caught) == 1
    assert caught[0].filename == __file__


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
    task = sweep_tasks.Task({}, {}, np.ones(1), 10**5, 0.01, "euler", (), "x", True, 1)
    assert sweeps._cells(task, grid) == 2**27 // 10**5
    assert sweeps._cells(task._replace(steps=10**9), grid) == 64
    assert sweeps._cells(task._replace(steps=0), grid) == 2**14
    assert sweeps._cells(task._replace(record=("Vm", "INa")), grid) == 2**26 // (16 * 10**5)
    wave = task._replace(stimulus=np.ones(10**5))
    assert sweeps._cells(wave, grid) == 2**26 // (8 * 10**5)
    assert sweeps._cells(wave, Grid({"gNa": [1.0]}, crossed=True)) == 2**27 // 10**5


class Later(Executor):
    """Does what it was given when the caller waits; counts."""

    def __init__(self, fail_at=None):
        self.futures, self.most, self.fail_at = [], 0, fail_at

    def submit(self, fn, *arguments):
        future = Future()
        self.futures.append(future)
        waiting = [f for f in self.futures if not f.done()]
        self.most = max(self.most, len(waiting))
        if len(self.futures) == self.fail_at:
            raise KeyboardInterrupt
        threading.Timer(0.01 * len(waiting), self.finish, (future, fn, arguments)).start()
        return future

    @staticmethod
    def finish(future, fn, arguments):
        if future.set_running_or_notify_cancel():
            future.set_result(fn(*arguments))


def test_threads_are_those_of_this_process_or_one(monkeypatch):
    seen, compute = [], sweep_run.compute

    def noted(task, part, rates):
        seen.append(task.threads)
        return compute(task, part, rates)

    monkeypatch.setattr(sweep_run, "compute", noted)
    monkeypatch.setattr(sweeps, "cores", lambda: 5)
    with ThreadPoolExecutor(1) as pool:
        for options in ({}, {"executor": pool}, {"threads": 3}, {"threads": 3, "executor": pool}):
            short(**options)
    assert seen == [5, 1, 3, 3]


def test_only_so_many_chunks_wait_at_a_time(monkeypatch):
    cut(monkeypatch, 1)
    monkeypatch.setattr(sweep_run, "MOST_WAITING", 9)
    executor = Later()
    same(short(executor=executor), short())
    assert executor.most == 9
    assert len(executor.futures) == 30


def test_large_stimuli_wait_in_smaller_numbers(monkeypatch):
    cut(monkeypatch, 1)
    monkeypatch.setattr(sweep_run, "MOST_SENT", 15 * WAVE.nbytes)
    executor = Later()
    short(stimulus=WAVE, executor=executor)
    assert executor.most == 15


def test_ctrl_c_cancels_what_waits(monkeypatch):
    cut(monkeypatch, 1)
    executor = Later(fail_at=7)
    with pytest.raises(KeyboardInterrupt):
        short(executor=executor)
    assert len(executor.futures) == 7
    assert sum(future.cancelled() for future in executor.futures) >= 5


def test_a_bar_shows_steps(capsys):
    short(progress=True)
    assert "45.0k/45.0k" in capsys.readouterr().err
    short()
    assert capsys.readouterr().err == ""


def test_rates_that_turn_out_to_be_rough_end_a_sweep():
    message = (
        "the sweep cannot go on where V goes to {V} mV: of _UpdateGateTimeConstants it was found "
        "that the rates are not smooth at V = -120 mV. Run such models one by one, with Simulation."
    )
    expected = re.escape(message).replace(r"\{V\}", r"-1\d\d(\.\d+)?")
    grid = {"current": [0.0, -160.0]}
    with pytest.raises(RuntimeError, match=f"^{expected}$"):
        short(Kinked.at_rest(), grid, 0.0, method="exponential_euler")


def test_another_build_is_refused(monkeypatch):
    task = sweep_tasks.Task({}, {}, np.ones(1), 1, 0.01, "euler", (), "spike_counts", True, 1)
    monkeypatch.setattr(sweep_tasks, "BUILD", "0.0.1, sources abc, without FMA")
    message = (
        f"the workers of a sweep must have the caller's build of pyhh_fast, {task.build}; got "
        "0.0.1, sources abc, without FMA. Install the same, and leave PYHH_FAST_SIMD unset."
    )
    with raises(RuntimeError, message):
        sweep_tasks.compute(task, {"gNa": np.ones(1)}, None)


def test_without_xarray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    message = "sweep needs xarray. Install it with: pip install 'pyhh_fast[sweep]'"
    with raises(ImportError, message):
        short()


NUMBERS = "a 1-D array of one or more finite numbers"
EXAMPLE = "Pass for example {'gNa': [80, 100, 120]}."
KNOWN = "Cm, EK, EKleak, ENa, current, gK, gKleak, gNa"
FOUND = "reduce must be a function that returns a number, or a row of numbers, for each of 30 cells"


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"grid": [1]},
            TypeError,
            f"grid must be a mapping of names to arrays; got [1] (list). {EXAMPLE}",
        ),
        ({"grid": {}}, ValueError, f"grid must have one name or more; got none. {EXAMPLE}"),
        (
            {"grid": {"gna": [1]}},
            ValueError,
            f"grid's names must be one of {KNOWN}; got 'gna'. Did you mean gNa?",
        ),
        (
            {"grid": {1: [1]}},
            TypeError,
            "grid's names must be one of Cm, gNa, gK, gKleak, ENa, EK, EKleak, current; got 1.",
        ),
        ({"grid": {"gNa": 3}}, TypeError, f"gNa must be {NUMBERS} (mS/cm²); got 3."),
        ({"grid": {"gNa": []}}, ValueError, f"gNa must be {NUMBERS} (mS/cm²); got none."),
        (
            {"grid": {"current": [1, np.nan]}},
            ValueError,
            f"current must be {NUMBERS} (µA/cm²); got nan at index 1. Replace or remove it.",
        ),
        (
            {"grid": {"Cm": [1, 0.0]}},
            ValueError,
            "Cm must be a 1-D array of one or more positive, finite numbers (µF/cm²); got 0.0 at "
            "index 1.",
        ),
        (
            {"grid": {"EK": np.ones((2, 3))}},
            ValueError,
            f"EK must be {NUMBERS} (mV); got 2 dimensions, shape (2, 3).",
        ),
        (
            {"grid": {"gNa": [1, 2, 3], "gK": [1, 2]}, "product": False},
            ValueError,
            "grid must have arrays of one length where product=False; got gNa 3, gK 2. "
            "With product=True they are crossed.",
        ),
        ({"product": 1}, TypeError, "product must be True or False; got 1."),
        (
            {"reduce": "rate"},
            ValueError,
            "reduce must be one of final_StateH, final_StateM, final_StateN, final_Vm, "
            "spike_counts; got 'rate'.",
        ),
        (
            {"reduce": None},
            TypeError,
            "reduce must be a function, or one of spike_counts, final_Vm, final_StateM, "
            "final_StateH, final_StateN; got None (NoneType).",
        ),
        (
            {"reduce": lambda recording: 3},
            ValueError,
            f"{FOUND}; got 3 from it.",
        ),
        (
            {"reduce": lambda recording: np.ones(29)},
            ValueError,
            f"{FOUND}; got an array of float64 with shape (29,) from it.",
        ),
        (
            {"reduce": lambda recording: np.ones((30, 0))},
            ValueError,
            f"{FOUND}; got an array of float64 with shape (30, 0) from it.",
        ),
        (
            {"reduce": lambda recording: np.ones((30, 2, 2))},
            ValueError,
            f"{FOUND}; got an array of float64 with shape (30, 2, 2) from it.",
        ),
        (
            {"reduce": lambda recording: ["a"] * recording.size},
            TypeError,
            f"{FOUND}; got an array of <U1 with shape (30,) from it.",
        ),
        ({"reduce": lambda recording: None}, TypeError, f"{FOUND}; got None (NoneType) from it."),
        (
            {"reduce": lambda recording: [[1, 2], [3]]},
            ValueError,
            f"{FOUND}; got [[1, 2], [3]] (list) from it.",
        ),
        (
            {"executor": 3},
            TypeError,
            "executor must be a concurrent.futures.Executor; got 3. "
            "Of a Dask client pass client.get_executor().",
        ),
        ({"out": 3}, TypeError, "out must be a path of the local file system; got 3."),
        (
            {"out": "s3://bucket/sweep.zarr"},
            ValueError,
            "out must be a path of the local file system; got 's3://bucket/sweep.zarr'. "
            "Copy it there when it is finished.",
        ),
        (
            {"method": "adaptive"},
            ValueError,
            "method must be one of euler, exponential_euler, rk4; got 'adaptive'.",
        ),
        ({"threads": 0}, ValueError, "threads must be a whole number, 1 or more; got 0."),
        (
            {"duration": None},
            ValueError,
            "duration must be given with a constant stimulus (ms); got None. "
            "Pass duration=..., or an array with one value a step.",
        ),
        (
            {"stimulus": WAVE, "duration": 15.0},
            ValueError,
            "duration must be left out where stimulus is an array; got 15.0. "
            "The array's length gives the number of steps.",
        ),
        (
            {"stimulus": np.ones((2, 2))},
            ValueError,
            "stimulus must be a 1-D array of finite numbers (µA/cm²); got 2 dimensions, shape "
            "(2, 2). Pass one value a step, or a number with duration=...",
        ),
        (
            {"model": "HHModel"},
            TypeError,
            "model must be an HHModel; got 'HHModel' (str). "
            "Pass an instance of HHModel, or of a subclass.",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_bad_arguments(options, kind, message):
    with raises(kind, message):
        short(**options)


def test_rows_must_be_of_one_length(monkeypatch):
    cut(monkeypatch, 10)
    message = (
        "reduce must be a function that returns as many numbers for every cell; got rows of shape "
        "(2,) after (1,)."
    )
    with raises(ValueError, message):
        short(reduce=lambda r: np.ones((r.size, 1 + (r.parameters["gNa"][0] > 100))))


def test_processes_need_functions_with_a_name():
    def reduce(recording):
        return recording.spike_counts

    message = (
        "reduce must be a function that pickle finds by its name, for a ProcessPoolExecutor; got "
        "<function test...x...> (function). Define it with def, in a module, or use Dask."
    )
    expected = re.escape(message).replace(r"<function\ test\.\.\.x\.\.\.>", "<function .*>")
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        with pytest.raises(TypeError, match=f"^{expected}$"):
            short(reduce=reduce, executor=pool)
        with pytest.raises(TypeError, match=r"^reduce must be a function that pickle"):
            short(reduce=lambda r: r.spike_counts, executor=pool)


@pytest.mark.parametrize("executor", ["here", "threads", "processes"])
def test_errors_of_functions_are_the_callers(monkeypatch, executor, tmp_path):
    cut(monkeypatch, 10)
    reduce = functools.partial(failing, tmp_path / "calls")
    with executors(executor) as pool, pytest.raises(ZeroDivisionError, match=WHERE):
        short(reduce=reduce, executor=pool)
    calls = (tmp_path / "calls").read_text().split()
    assert len(calls) == len(set(calls))  # and no second try

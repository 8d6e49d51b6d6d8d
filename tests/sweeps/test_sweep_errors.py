"""Errors of sweeps: wrong arguments, and failures during a sweep."""

import functools
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from error_messages import errors
from sweep_models import Kinked, failing
from sweep_runs import SPAWN, WAVE, WHERE, cut, executors, raises, short

from pyhh_fast.settings import RunSettings
from pyhh_fast.sweeps import tasks

pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")


def test_rates_found_not_to_be_smooth_end_a_sweep():
    message = (
        "the sweep cannot continue where V goes to {V} mV: of _UpdateGateTimeConstants it was "
        "found that the rates are not smooth at V = -120 mV. Run such models one by one, with "
        "Simulation."
    )
    expected = re.escape(message).replace(r"\{V\}", r"-1\d\d(\.\d+)?")
    grid = {"current": [0.0, -160.0]}
    with pytest.raises(RuntimeError, match=f"^{expected}$"):
        short(Kinked.at_rest(), grid, 0.0, method="exponential_euler")


def test_worker_of_another_build_is_refused(monkeypatch):
    settings = RunSettings(dt=0.01, record=())
    task = tasks.Task(None, np.ones(1), 1, settings, "spike_counts", True, 1)
    monkeypatch.setattr(tasks, "BUILD", "0.0.1, sources abc, without FMA")
    message = (
        f"the workers of a sweep must have the caller's build of pyhh_fast, {task.build}; got "
        "0.0.1, sources abc, without FMA. Install the same, and leave PYHH_FAST_SIMD unset."
    )
    with raises(RuntimeError, message):
        tasks.compute(task, {"gNa": np.ones(1)}, None)


def test_missing_xarray_names_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    message = "sweep needs xarray. Install it with: pip install 'pyhh_fast[sweep]'"
    with raises(ImportError, message):
        short()


NUMBERS = "a 1-D array of one or more finite numbers"
EXAMPLE = "Pass for example {'gNa': [80, 100, 120]}."
KNOWN = "Cm, EK, EKleak, ENa, current, gK, gKleak, gNa"
FOUND = "reduce must be a function that returns a number, or a row of numbers, for each of 30 cells"


ARGUMENTS = {
    TypeError: [
        ({"grid": [1]}, f"grid must be a mapping of names to arrays; got [1] (list). {EXAMPLE}"),
        (
            {"grid": {1: [1]}},
            "grid's names must be one of Cm, gNa, gK, gKleak, ENa, EK, EKleak, current; got 1.",
        ),
        ({"grid": {"gNa": 3}}, f"gNa must be {NUMBERS} (mS/cm²); got 3."),
        ({"product": 1}, "product must be True or False; got 1."),
        (
            {"reduce": None},
            "reduce must be a function, a dict of features, or one of spike_counts, final_Vm, "
            "final_StateM, final_StateH, final_StateN; got None (NoneType).",
        ),
        (
            {"reduce": lambda recording: ["a"] * recording.size},
            f"{FOUND}; got an array of <U1 with shape (30,) from it.",
        ),
        ({"reduce": lambda recording: None}, f"{FOUND}; got None (NoneType) from it."),
        (
            {"executor": 3},
            "executor must be a concurrent.futures.Executor; got 3. "
            "Of a Dask client pass client.get_executor().",
        ),
        ({"out": 3}, "out must be a path of the local file system; got 3."),
        (
            {"model": "HHModel"},
            "model must be an HHModel or a Neuron; got 'HHModel' (str). "
            "Pass one, as HHModel() or neurons.wang_buzsaki().",
        ),
    ],
    ValueError: [
        ({"grid": {}}, f"grid must have one name or more; got none. {EXAMPLE}"),
        (
            {"grid": {"gna": [1]}},
            f"grid's names must be one of {KNOWN}; got 'gna'. Did you mean gNa?",
        ),
        ({"grid": {"gNa": []}}, f"gNa must be {NUMBERS} (mS/cm²); got none."),
        (
            {"grid": {"current": [1, np.nan]}},
            f"current must be {NUMBERS} (µA/cm²); got nan at index 1. Replace or remove it.",
        ),
        (
            {"grid": {"Cm": [1, 0.0]}},
            "Cm must be a 1-D array of one or more positive, finite numbers (µF/cm²); got 0.0 at "
            "index 1.",
        ),
        (
            {"grid": {"EK": np.ones((2, 3))}},
            f"EK must be {NUMBERS} (mV); got 2 dimensions, shape (2, 3).",
        ),
        (
            {"grid": {"gNa": [1, 2, 3], "gK": [1, 2]}, "product": False},
            "grid must have arrays of one length where product=False; got gNa 3, gK 2. "
            "With product=True they are crossed.",
        ),
        (
            {"reduce": "rate"},
            "reduce must be one of final_StateH, final_StateM, final_StateN, final_Vm, "
            "spike_counts; got 'rate'.",
        ),
        ({"reduce": lambda recording: 3}, f"{FOUND}; got 3 from it."),
        (
            {"reduce": lambda recording: np.ones(29)},
            f"{FOUND}; got an array of float64 with shape (29,) from it.",
        ),
        (
            {"reduce": lambda recording: np.ones((30, 0))},
            f"{FOUND}; got an array of float64 with shape (30, 0) from it.",
        ),
        (
            {"reduce": lambda recording: np.ones((30, 2, 2))},
            f"{FOUND}; got an array of float64 with shape (30, 2, 2) from it.",
        ),
        (
            {"reduce": lambda recording: [[1, 2], [3]]},
            f"{FOUND}; got [[1, 2], [3]] (list) from it.",
        ),
        (
            {"out": "s3://bucket/sweep.zarr"},
            "out must be a path of the local file system; got 's3://bucket/sweep.zarr'. "
            "Copy it there when it is finished.",
        ),
        (
            {"method": "leapfrog"},
            "method must be one of adaptive, euler, exponential_euler, rk4; got 'leapfrog'.",
        ),
        ({"threads": 0}, "threads must be a whole number, 1 or more; got 0."),
        (
            {"duration": None},
            "duration must be given with a constant stimulus (ms); got None. "
            "Pass duration=..., or an array with one value a step.",
        ),
        (
            {"stimulus": WAVE, "duration": 15.0},
            "duration must be left out where stimulus is an array; got 15.0. "
            "The array's length gives the number of steps.",
        ),
        (
            {"stimulus": np.ones((2, 2))},
            "stimulus must be a 1-D array of finite numbers (µA/cm²); got 2 dimensions, shape "
            "(2, 2). Pass one value a step, or a number with duration=...",
        ),
    ],
}


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    errors(ARGUMENTS),
    ids=lambda value: str(value).partition(" at 0x")[0],  # of a function
)
def test_wrong_arguments_are_refused(options, kind, message):
    with raises(kind, message):
        short(**options)


def test_rows_of_different_lengths_are_refused(monkeypatch):
    cut(monkeypatch, 10)
    message = (
        "reduce must be a function that returns as many numbers for every cell; got rows of shape "
        "(2,) after (1,)."
    )
    with raises(ValueError, message):
        short(reduce=lambda r: np.ones((r.size, 1 + (r.parameters["gNa"][0] > 100))))


def test_unpicklable_functions_are_refused_for_processes():
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
def test_errors_of_reduce_are_raised_to_the_caller(monkeypatch, executor, tmp_path):
    cut(monkeypatch, 10)
    reduce = functools.partial(failing, tmp_path / "calls")
    with executors(executor) as pool, pytest.raises(ZeroDivisionError, match=WHERE):
        short(reduce=reduce, executor=pool)
    calls = (tmp_path / "calls").read_text().split()
    assert len(calls) == len(set(calls))  # and no second try

"""The checked and sanitizer builds do check: a wrong call, which corrupts memory elsewhere, stops.

Such calls are made here only where checks are compiled in: PYHH_FAST_BUILD=checked or sanitize.
"""

import signal
import subprocess
import sys

import numpy as np
import pytest
from other_processes import ENVIRONMENT

from pyhh_fast import _cpu, rate_tables
from pyhh_fast.engine.adaptive_stepper import PROGRESS
from pyhh_fast.engine.compiled_stepper import CELL, SYMBOLS
from pyhh_fast.engine.kernels import loops

pytestmark = pytest.mark.skipif(_cpu.FLAVOUR == "optimised", reason="nothing is checked here")

ARRAYS = ["I", "V", "m", "h", "n", "I_Na", "I_K", "I_L"]
PARAMETERS = np.ones(1, [(symbol, float) for symbol in SYMBOLS.values()])


def advance(steps=100, short=None, lanes=8, high=50.0, adaptive=False):
    """Run a loop over arrays of `steps` rows, but one that lacks the last."""
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -50.0, 50.0)
    rows = np.ascontiguousarray(table.times(0.01)[:, :, :lanes])
    I, *traces = [np.zeros(steps - (name == short)) for name in ARRAYS]  # noqa: E741
    rates = (rows, table.first, 4.0, -50.0, high, np.empty((0, 9)), np.zeros(1))
    cell = np.zeros(1, CELL)
    if adaptive:
        rest = (0, 0.01, 1e-6, 1e-6, 10_000, 1_000, steps, True, 50.0, np.empty(9), *traces)
        return loops.adaptive(cell, np.zeros(1, PROGRESS), PARAMETERS, *rates, I, *rest)
    return loops.fixed_step(0, cell, PARAMETERS, *rates, I, 0.01, 50.0, np.empty(9), *traces)


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_right_call_passes(adaptive):
    assert advance(adaptive=adaptive) == loops.Ending.DONE


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("short", ["m", "h", "n", "I_Na", "I_K"])
def test_an_array_that_is_too_short_is_an_error(short, adaptive):
    with pytest.raises(IndexError):
        advance(short=short, adaptive=adaptive)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("wrong", ["short='V'", "short='I_L'", "lanes=4", "high=51.0"])
def test_arrays_of_another_shape_break_an_assertion(wrong, adaptive):
    code = f"import test_checked_build; test_checked_build.advance({wrong}, adaptive={adaptive})"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGABRT
    assert "Assertion" in ended.stderr
    assert "rates_in" in ended.stderr or "_loops_" in ended.stderr


def advance_population(
    cells=20, steps=50, short=None, last=None, block=8, I_rows=None, recorded=(3,)
):
    """Run the loop of many cells, with one array shorter by its last element."""
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -50.0, 50.0)

    def array(name, *shape, kind=float):
        return np.zeros((shape[0] - (name == short), *shape[1:]), kind)

    symbols = [(symbol, float) for symbol in "Vmhn"]
    after = array("after", cells, kind=symbols)
    parameters = np.ones(cells - (short == "parameters"), PARAMETERS.dtype)
    I = np.zeros((I_rows or cells, steps))  # noqa: E741
    return loops.population(
        *(0, np.zeros(cells, symbols), after, parameters, True, 1e3),
        *(table.times(0.01), table.first, 4.0, -50.0, 50.0, np.empty((0, 9)), np.zeros(1)),
        *(I, 0, 0.01, -1.0, 0, cells if last is None else last, block),
        *(array("diverged_at", cells, kind=np.int64), array("spike_cells", 9, kind=np.int32)),
        *(np.zeros(9), np.zeros(1, np.int64), 1),
        *(np.array(recorded), array("recorded_rows", len(recorded), kind=np.int64)),
        *(np.zeros(1, np.int64), array("traces", 1, 1, steps)),
    )


def test_a_right_call_for_many_cells_passes():
    assert advance_population() == loops.Ending.DONE


@pytest.mark.parametrize(
    "wrong",
    [
        f"short='{name}'"
        for name in ("after", "parameters", "diverged_at", "recorded_rows", "traces")
    ]
    + ["last=21", "block=136", "block=0", "I_rows=19"],
)
def test_arrays_of_many_cells_of_another_shape_break_an_assertion(wrong):
    code = f"import test_checked_build; test_checked_build.advance_population({wrong})"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGABRT
    assert "Assertion" in ended.stderr

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
from pyhh_fast.engine.kernels import NO_CONDUCTANCE, NO_CONDUCTANCES, loops, struct

pytestmark = pytest.mark.skipif(_cpu.FLAVOUR == "optimised", reason="nothing is checked here")

ARRAYS = ["I", "V", "m", "h", "n", "I_Na", "I_K", "I_L"]
PARAMETERS = np.ones(1, loops.PARAMETERS)
MEMBRANE = loops.Membrane.of_hodgkin_huxley(PARAMETERS)
NONE_EVALUATED = np.empty((0, 9))


def advance(steps=100, short=None, lanes=8, high=50.0, adaptive=False):
    """Run a loop over arrays of `steps` rows, but one that lacks the last."""
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -50.0, 50.0)
    rows = np.ascontiguousarray(table.times(0.01)[:, :, :lanes])
    I, *traces = [np.zeros(steps - (name == short)) for name in ARRAYS]  # noqa: E741
    rates = loops.Rates(rows, table.first, 4.0, -50.0, high, NONE_EVALUATED)
    record, spikes, out = struct(loops.RECORD), np.empty(9), tuple(traces)
    if adaptive:
        settings = struct(
            loops.ADAPTIVE_SETTINGS,
            dt=0.01,
            rtol=1e-6,
            atol=1e-6,
            threshold=50.0,
            restart_every=10_000,
            max_attempts=1_000,
        )
        progress = struct(loops.ADAPTIVE_RUN)
        arguments = (record, progress, MEMBRANE, rates, I, NO_CONDUCTANCE, steps, spikes, out)
        return loops.adaptive(settings, *arguments)[0]
    settings = struct(loops.FIXED_STEP_SETTINGS, dt=0.01, threshold=50.0)
    return loops.fixed_step(settings, record, MEMBRANE, rates, I, NO_CONDUCTANCE, spikes, out)[0]


@pytest.mark.parametrize("adaptive", [False, True])
def test_valid_call_passes(adaptive):
    assert advance(adaptive=adaptive) == loops.Ending.DONE


def advance_population(
    cells=20, steps=50, short=None, last=None, block=8, I_rows=None, recorded=(3,)
):
    """Run the loop of many cells, with one array shorter by its last element."""
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -50.0, 50.0)

    def array(name, *shape, kind=float):
        return np.zeros((shape[0] - (name == short), *shape[1:]), kind)

    settings = struct(
        loops.POPULATION_SETTINGS,
        built_in=True,
        block_size=block,
        dt=0.01,
        threshold=-1.0,
        largest_V=1e3,
    )
    rates = loops.Rates(table.times(0.01), table.first, 4.0, -50.0, 50.0, NONE_EVALUATED)
    samples = loops.Samples(
        np.array(recorded),
        array("recorded_rows", len(recorded), kind=np.int64),
        *(np.zeros(1, np.int64), 1, array("traces", 1, 1, steps)),
    )
    three = (np.ones(cells),) * 3
    ended, _, _ = loops.population(
        *(settings, MEMBRANE),
        (array("parameters", cells), three, three, three[:1], (None,) * 3, (), ()),
        *(rates, (*three, np.ones(cells)), (*three, array("after", cells))),
        array("diverged_at", cells, kind=np.int64),
        *(np.zeros((I_rows or cells, steps)), NO_CONDUCTANCES, 0),
        range(cells if last is None else last),
        *(np.empty(9, loops.SPIKE), samples, None),
    )
    return ended


def test_valid_call_for_many_cells_passes():
    assert advance_population() == loops.Ending.DONE


WRONG = {
    "advance": [*[f"short='{name}'" for name in ARRAYS[1:]], "lanes=4", "high=51.0"],
    "advance_population": [
        *[f"short='{name}'" for name in ("after", "parameters", "diverged_at")],
        *("short='recorded_rows'", "short='traces'"),
        *("last=21", "block=136", "block=0", "I_rows=19"),
    ],
}
CALLS = [f"{name}({wrong})" for name, many in WRONG.items() for wrong in many]
CALLS += [f"advance({wrong}, adaptive=True)" for wrong in WRONG["advance"]]


@pytest.mark.parametrize("call", CALLS)
def test_wrong_shapes_fail_an_assertion(call):
    code = f"import test_checked_build; test_checked_build.{call}"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=sys.prefix, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGABRT
    assert "Assertion" in ended.stderr

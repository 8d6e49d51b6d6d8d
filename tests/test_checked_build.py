"""The checked and sanitizer builds do check: a wrong call, which corrupts memory elsewhere, stops.

Such calls are made here only where checks are compiled in: PYHH_FAST_BUILD=checked or sanitize.
"""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyhh_fast import _cpu, _euler
from pyhh_fast.stepping import CELL, SYMBOLS

pytestmark = pytest.mark.skipif(_cpu.FLAVOUR == "optimised", reason="nothing is checked here")

ARRAYS = ["I", "V", "m", "h", "n", "I_Na", "I_K", "I_L"]
PARAMETERS = np.ones(1, [(symbol, float) for symbol in SYMBOLS.values()])


def advance(steps=100, stop=100, short=None):
    """Run the loop over arrays of `steps` rows, but one that lacks the last."""
    I, *traces = [np.zeros(steps - (name == short)) for name in ARRAYS]  # noqa: E741
    return _euler.advance(np.zeros(1, CELL), PARAMETERS, I, 0.01, stop, *traces)


def test_a_right_call_passes():
    assert advance()


@pytest.mark.parametrize("short", [name for name in ARRAYS if name != "V"])
def test_an_array_that_is_too_short_is_an_error(short):
    with pytest.raises(IndexError):
        advance(short=short)


def test_a_step_beyond_the_arrays_breaks_an_assertion():
    code = "import test_checked_build; test_checked_build.advance(stop=101)"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGABRT
    assert "Assertion" in ended.stderr
    assert "advance" in ended.stderr

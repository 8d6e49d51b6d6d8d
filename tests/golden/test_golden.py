"""Results keep their bits while the code is rearranged: digests of them, frozen in results.json.

They are the same on all levels of instruction set with FMA, and whatever NumPy uses.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from pyhh_fast import _cpu

HERE = Path(__file__).parent
WITH_FMA = [level for level in _cpu.levels() if level not in ("v2", "base")]
if _cpu.levels() == ["base"]:  # arm64: its compiler has fused multiply-add
    WITH_FMA = ["base"]
DISPATCHED = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])


@pytest.mark.skipif(not WITH_FMA, reason="this CPU has no fused multiply-add")
@pytest.mark.parametrize(
    "environment",
    [*({"PYHH_FAST_SIMD": level} for level in WITH_FMA), {"NPY_DISABLE_CPU_FEATURES": DISPATCHED}],
    ids=lambda environment: "=".join(*environment.items()),
)
def test_results_are_those_that_were_frozen(environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", HERE / "results.py"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        cwd=sys.prefix,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((HERE / "results.json").read_text())

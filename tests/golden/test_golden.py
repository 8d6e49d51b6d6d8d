"""Results keep their bits while the code is rearranged: digests of them, frozen in results.json."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyhh_fast import _cpu

HERE = Path(__file__).parent
WITH_FMA = [level for level in _cpu.levels() if level not in ("v2", "base")]
if _cpu.levels() == ["base"]:  # arm64: its compiler has fused multiply-add
    WITH_FMA = ["base"]


@pytest.mark.skipif(not WITH_FMA, reason="this CPU has no fused multiply-add")
@pytest.mark.parametrize("level", WITH_FMA)
def test_results_are_those_that_were_frozen(level):
    done = subprocess.run(
        [sys.executable, HERE / "results.py"],
        env=os.environ | {"PYHH_FAST_SIMD": level},
        capture_output=True,
        text=True,
        cwd=sys.prefix,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((HERE / "results.json").read_text())

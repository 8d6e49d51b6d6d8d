"""Stubs of compiled modules say what these have, with the names of all arguments."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pyhh_fast

STUBS = sorted(Path(pyhh_fast.__file__).parent.glob("*.pyi"))
# What Cython gives every module and class, and functions that are of a type of its own.
CYTHONS = re.compile(
    r"\.(__test__|__reduce_cython__|__setstate_cython__) is not present in stub$"
    r"| is not a function$|^Found \d+ errors"
)


@pytest.mark.slow
def test_stubs_are_those_of_the_compiled_modules():
    pytest.importorskip("mypy", reason="it comes with the group 'dev'")
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--ignore-disjoint-bases"]
    command += ["--mypy-config-file", str(Path(__file__).parents[2] / "pyproject.toml")]
    modules = [f"pyhh_fast.{stub.stem}" for stub in STUBS]
    assert "pyhh_fast._stimuli" in modules
    done = subprocess.run([*command, *modules], capture_output=True, text=True)
    assert done.stderr == ""
    assert [line for line in done.stdout.splitlines() if not CYTHONS.search(line)] == []

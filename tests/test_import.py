"""What importing the package costs and offers."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from other_processes import python

import pyhh_fast


def test_import_loads_nothing_beyond_numpy():
    # Without site (-S): what an editable install loads at the start would hide imports of ours.
    code = f"""
import json, sys
sys.path += {[str(Path(module.__file__).parents[1]) for module in (np, pyhh_fast)]}
import numpy
before = set(sys.modules)
import pyhh_fast
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    loaded = json.loads(python(code, options=["-S"])[0])
    tops = {name.partition(".")[0] for name in loaded}
    cythons_own = {name for name in tops if name.startswith(("_cython_", "cython_runtime"))}
    # Of the standard library only what is small; NumPy has loaded most of it.
    small = {"contextlib", "copy", "dataclasses", "errno", "inspect", "numbers", "reprlib"}
    assert tops - cythons_own - small == {"numpy", "pyhh_fast"}


def test_running_loads_no_plotting():
    code = """
import sys
import pyhh_fast as pyhh
pyhh.Simulation(pyhh.HHModel()).Run([1.0, 2.0], 0.01)
pyhh.Population(9).run(1.0, 0.01, duration=1.0, threads=1)
unwanted = ["matplotlib", "tqdm", "scipy", "numpy.ma", "logging", "xarray"]
print([name for name in unwanted if name in sys.modules])
"""
    assert python(code)[0] == "[]\n"


def test_a_plain_run_loads_nothing_of_stores_and_sweeps():
    code = """
import sys
import pyhh_fast
pyhh_fast.Simulation(pyhh_fast.HHModel()).run(1.0, 0.01, duration=1.0)
unwanted = ("pyhh_fast.kinetics.frozen", "pyhh_fast.storage", "pyhh_fast.sweeps")
print([name for name in sys.modules if name.startswith(unwanted)])
"""
    assert python(code)[0] == "[]\n"


def test_top_level_names():
    assert set(pyhh_fast.__all__) == {
        *("HHModel", "Simulation", "Recording", "SimulationError", "__version__"),
        *("Neuron", "Channel", "Gate", "Nernst", "Pool", "features", "neurons", "rate_forms"),
        *("Population", "PopulationRecording", "models", "simulations", "simulator", "stimuli"),
        "sweep",
        *("fi_curve", "phase_plane", "phase_response", "rheobase", "steady_state"),
        *("refractory_period", "strength_duration"),
    }
    for name in pyhh_fast.__all__:
        assert hasattr(pyhh_fast, name)


def test_lazily_imported_names_are_listed():
    code = """
import sys
import pyhh_fast
later = ("populations", "analysis", "stimuli", "sweeps")
early = [m for m in later if f"pyhh_fast.{m}" in sys.modules]
print(early, set(pyhh_fast.__all__) <= set(dir(pyhh_fast)), hasattr(pyhh_fast, "Populations"))
from pyhh_fast import *
print(Population is pyhh_fast.populations.Population, fi_curve.__module__, sweep.__module__)
"""
    lines = python(code)[0].splitlines()
    assert lines == ["[] True False", "True pyhh_fast.analysis.firing_rates pyhh_fast.sweeps.sweep"]


def test_version_equals_that_of_the_metadata():
    assert pyhh_fast.__version__ == importlib.metadata.version("pyhh_fast")


@pytest.mark.parametrize(
    ("module", "told"),
    [("numpy", "import of numpy halted"), ("datetime", "Importing the numpy C-extensions failed")],
)
def test_import_error_of_another_module_is_not_put_down_to_the_kernels(module, told):
    code = f"import sys; sys.modules[{module!r}] = None; import pyhh_fast"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "kernels are not built" not in done.stderr
    assert told in done.stderr


def test_missing_kernels_give_one_clear_message(tmp_path):
    package = Path(pyhh_fast.__file__).parent
    shutil.copytree(package, tmp_path / "pyhh_fast", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    # An editable install has a finder of its own, which would still find its kernels.
    code = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'ditable' not in str(f)]\n"
    code += "import pyhh_fast"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: pyhh_fast's compiled kernels are not built here. If this is a source tree, "
        "run 'pip install -e .' in it, or start Python elsewhere to use the installed package."
    )


INTERRUPTED = """
import os, sys
import numpy

for name in ("inspect", "ast", "dis", "opcode", "linecache", "tokenize", "token"):
    sys.modules.pop(name, None)  # as where NumPy does not import them

class Interrupt:
    count = 0

    def find_spec(self, name, path=None, target=None):
        self.count += 1
        if self.count == number:
            raise {error}

number, crashes = 0, []
while True:
    number += 1
    child = os.fork()
    if child == 0:
        sys.meta_path.insert(0, Interrupt())
        code = 1
        try:
            import pyhh_fast
            code = 2 if sys.meta_path[0].count < number else 0
        except {error}:
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 1:
        crashes.append((number, status))
    elif os.WEXITSTATUS(status) == 2:
        break  # fewer modules than that are imported
print(number > 30, crashes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each import takes place in a fork")
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "MemoryError"])
def test_interrupted_import_does_not_crash(error):
    code = INTERRUPTED.replace("{error}", error)
    assert python(code, options=["-W", "ignore"])[0] == "True []\n"


@pytest.mark.skipif(
    not hasattr(sys, "_is_gil_enabled"), reason="only a free-threaded build has a GIL to enable"
)
def test_kernels_do_not_enable_the_gil():
    code = "import sys, pyhh_fast; print(sys._is_gil_enabled())"
    before = python("import sys; print(sys._is_gil_enabled())")[0]
    assert python(code)[0] == before

"""`pyhh-fast run SCRIPT` against `python SCRIPT`: the same output, errors and exit code.

Tracebacks begin with frames of the command itself, which are left out of the comparison.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = [sys.executable]
PYHH_FAST_RUN = [
    shutil.which("pyhh-fast", path=str(Path(sys.executable).parent)) or "pyhh-fast",
    "run",
]
DECOY = "raise RuntimeError('imported the folder beside the script')"


def run(command, *arguments, folder, **environment):
    """Return (exit code, stdout, stderr) of a command."""
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=os.environ | environment,
        input="first\nsecond\n",
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def assert_same(script, *arguments, folder, **environment):
    """Run a script both ways, compare, and return what they agree on."""
    expected = run(PYTHON, script, *arguments, folder=folder, **environment)
    code, out, err = run(PYHH_FAST_RUN, script, *arguments, folder=folder, **environment)
    err = without_frames_of_the_command(err)
    if "Traceback" not in expected[2]:  # a syntax error, before which python ran nothing
        err = err.removeprefix("Traceback (most recent call last):\n")
    assert (code, out, err) == expected
    return expected


def without_frames_of_the_command(err):
    """Return stderr without the frames of the command, with which a traceback begins."""
    kept, ours = [], False
    for line in err.splitlines(keepends=True):
        if '  File "' in line:
            ours = bool(re.search(r'File "(.*pyhh-fast|.*pyhh_fast.cli.*)", line', line))
        elif not line.startswith("    "):  # neither source nor its marks
            ours = False
        kept += [] if ours else [line]
    return "".join(kept)


SUCCEEDING = {
    "main module": """
        import __main__, sys
        values = dict(globals())
        loader = values.pop("__loader__")
        print(values, type(loader), loader.name, loader.path)
        print(__main__ is sys.modules["__main__"], __main__, sys.exc_info(), sys.excepthook)
        if __name__ == "__main__":
            print("run, not imported")
    """,
    "annotations": """
        x: int = 1
        def f(x: int) -> None: pass
        print(__annotations__, f.__annotations__)
    """,
    "pickling": """
        import inspect, pickle
        class Cell: pass
        print(type(pickle.loads(pickle.dumps(Cell()))) is Cell, Cell, inspect.getsource(Cell))
    """,
    "pickling to and from a spawned process": """
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context
        class Cell: pass
        if __name__ == "__main__":
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                print(pool.submit(type, Cell()).result() is Cell)
    """,
    "stdin": """
        import sys
        print(input(), sys.stdin.read())
    """,
    "warnings": """
        import warnings
        warnings.warn("shown in the main module", DeprecationWarning)
        def f(): warnings.warn("once a line", DeprecationWarning, stacklevel=2)
        for _ in range(2): f()
        print(1 is 1, "\\d")
    """,
    "error in a thread": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="T")
        thread.start(); thread.join()
    """,
    "order of the end": """
        import atexit, threading, time
        class Last:
            def __del__(self): print("deleted", __name__)
        last = Last()
        atexit.register(print, "atexit")
        threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
        print("main")
    """,
}

FAILING = {
    "error": """
        def f(): return 1 / 0
        f()
    """,
    "suggestion": "prinnt",
    "syntax error": "x = (1,\ny = 2",
    "exit code": "import sys; sys.exit(3)",
    "exit with an object": "raise SystemExit((1, 2))",
    "interrupt": "raise KeyboardInterrupt",
}

ENCODED = {
    "UTF-8": "print(ascii('é'))  # é\n1 / 0  # é".encode(),
    "byte order mark": "print(ascii('é'))\n1 / 0  # é".encode("utf-8-sig"),
    "declared": "# coding: latin-1\nprint(ascii('é'))\n1 / 0  # é".encode("latin-1"),
    "Windows line ends": b"print(1)\r\nif True:\r\n    1 / 0\r\n",
}


def write(folder, source):
    """Write a script whose source is indented, as the ones above are."""
    lines = source.strip("\n").split("\n")
    margin = len(lines[0]) - len(lines[0].lstrip())
    text = "\n".join(line[margin:] for line in lines)
    (folder / "script.py").write_text(text, encoding="utf-8")
    return "script.py"


@pytest.mark.parametrize("source", SUCCEEDING.values(), ids=SUCCEEDING.keys())
def test_succeeding_script_behaves_as_under_python(source, tmp_path):
    code, out, err = assert_same(write(tmp_path, source), folder=tmp_path)
    assert code == 0
    assert out or err


@pytest.mark.parametrize("source", FAILING.values(), ids=FAILING.keys())
def test_failing_script_behaves_as_under_python(source, tmp_path):
    code, _, _ = assert_same(write(tmp_path, source), folder=tmp_path)
    assert code != 0


@pytest.mark.parametrize("source", ENCODED.values(), ids=ENCODED.keys())
def test_encoded_script_behaves_as_under_python(source, tmp_path):
    (tmp_path / "script.py").write_bytes(source)
    _, out, err = assert_same("script.py", folder=tmp_path)
    assert out
    assert "ZeroDivisionError" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no death by signal")
def test_interrupt_ends_the_process_by_its_signal(tmp_path):
    code, _, _ = run(PYHH_FAST_RUN, write(tmp_path, FAILING["interrupt"]), folder=tmp_path)
    assert code == -signal.SIGINT


@pytest.mark.parametrize(
    "arguments", ["", "--help -x", "-- -x", "a -- --version", "run info -1 --x=y"]
)
def test_options_after_the_script_are_passed_to_it(arguments, tmp_path):
    script = write(tmp_path, "import sys; print(sys.argv)")
    _, out, _ = assert_same(script, *arguments.split(), folder=tmp_path)
    assert out == f"{['script.py', *arguments.split()]}\n"


@pytest.mark.parametrize("typed", ["script.py", "./script.py", "../in/script.py", "{}/script.py"])
@pytest.mark.parametrize("environment", [{}, {"PYTHONSAFEPATH": "1"}], ids=["", "safe path"])
def test_script_paths_behave_as_under_python(typed, environment, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder, "import sys; print(sys.argv, sys.path, __file__); 1 / 0")
    assert_same(typed.format(folder), folder=folder, **environment)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_linked_script_imports_its_neighbours(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "neighbour.py").write_text("print('found')")
    write(tmp_path / "real", "import sys, neighbour; print(sys.path[0], __file__)")
    (tmp_path / "link.py").symlink_to("again.py")
    (tmp_path / "again.py").symlink_to(Path("real") / "script.py")
    _, out, _ = assert_same("link.py", folder=tmp_path)
    assert out.startswith("found")


def test_missing_script_fails_as_under_python(tmp_path):
    code, _, expected = run(PYTHON, "missing.py", folder=tmp_path)
    assert run(PYHH_FAST_RUN, "missing.py", folder=tmp_path) == (
        code,
        "",
        "pyhh-fast" + expected[expected.index(": can't open file") :],
    )
    assert code == 2


@pytest.mark.parametrize("name", ["course.ipynb", "my course.IPYNB"])
def test_notebook_is_refused(name, tmp_path):
    (tmp_path / name).write_text('{"cells": [], "metadata": {}, "nbformat": 4}')
    quoted = f"'{name}'" if " " in name else name
    assert run(PYHH_FAST_RUN, name, folder=tmp_path) == (
        2,
        "",
        f"pyhh-fast: script must be a Python file; got the notebook {name!r}. Make a script of it "
        f"first: jupyter nbconvert --to script {quoted}\n",
    )


@pytest.fixture
def folder_with_pyhh(tmp_path):
    """A folder with a pyHH in the two usual places, which must not be imported."""
    for folder in (tmp_path / "pyhh", tmp_path / "src" / "pyhh"):
        folder.mkdir(parents=True)
        for name in ("__init__.py", "models.py", "simulations.py"):
            (folder / name).write_text(DECOY)
    return tmp_path


def test_every_form_of_import_finds_this_package(folder_with_pyhh):
    script = """
        import sys
        sys.path.insert(0, "./src")
        sys.path.append("./src")
        import importlib
        import pyhh
        import pyhh.models
        import pyhh.simulations as s
        from pyhh import HHModel, Simulation, models as m
        from pyhh.models import HHModel as H
        from pyhh.simulations import Simulation as S
        import pyhh_fast

        def later():
            import pyhh.simulations
            return pyhh

        assert pyhh is later() is importlib.import_module("pyhh") is pyhh_fast
        assert m is pyhh.models is importlib.import_module("pyhh.models") is pyhh_fast.models
        assert s is pyhh.simulations is pyhh_fast.simulations
        assert H is HHModel is pyhh_fast.HHModel
        assert S is Simulation is pyhh_fast.Simulation
        print("done")
    """
    assert run(PYHH_FAST_RUN, write(folder_with_pyhh, script), folder=folder_with_pyhh) == (
        0,
        "done\n",
        "",
    )


def test_spawned_processes_import_this_package(folder_with_pyhh):
    script = """
        import multiprocessing
        import pyhh

        def child(generation):
            print(generation, pyhh.HHModel.__module__, flush=True)
            if generation < 2:
                context = multiprocessing.get_context("spawn")
                process = context.Process(target=child, args=[generation + 1])
                process.start()
                process.join()

        if __name__ == "__main__":
            child(0)
    """
    expected = "".join(f"{generation} pyhh_fast.models.hh_model\n" for generation in range(3))
    assert run(PYHH_FAST_RUN, write(folder_with_pyhh, script), folder=folder_with_pyhh) == (
        0,
        expected,
        "",
    )

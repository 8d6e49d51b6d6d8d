"""Settings of all tests: kernels as new as their sources, printed seeds, Ctrl-C enabled."""

import importlib
import os
import random
import runpy
import signal
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

# In CI no examples of an earlier run exist to be tried first.
IN_CI = {"database": None} if os.environ.get("CI") else {}
hypothesis.settings.register_profile("pyhh_fast", deadline=None, derandomize=False, **IN_CI)
hypothesis.settings.load_profile("pyhh_fast")


def pytest_addoption(parser):
    told = "run each test with the first of its parameters alone"
    parser.addoption("--first-of-each", action="store_true", help=told)


def pytest_collection_modifyitems(config, items):
    if config.option.first_of_each:
        names = [item.nodeid.partition("[")[0] for item in items]
        first = dict(zip(reversed(names), reversed(items), strict=True))
        others = [item for name, item in zip(names, items, strict=True) if first[name] is not item]
        config.hook.pytest_deselected(items=others)
        items[:] = reversed(first.values())


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_xdist_auto_num_workers(config):
    """Share the whole suite among the CPUs; run what is named, files or tests, in this process."""
    named = any(Path(name.partition("::")[0]).is_file() for name in config.option.file_or_dir)
    usable = getattr(os, "sched_getaffinity", lambda process: range(os.cpu_count() or 1))(0)
    return 0 if named else min(8, len(usable))


def pytest_sessionstart():
    # Where the shell had it ignored (nohup, or & in a script), so would all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not (ROOT / "src").is_dir():
        return  # copied out of the tree, to test an installed package
    setup = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
    digest = setup["source_digest"](ROOT)
    # Kernels for a higher level than this CPU's are left out: importing them may crash.
    higher = {f"_loops_{level}" for level in setup["LEVELS"]} - {
        f"_loops_{level}" for level in levels()
    }
    if any(sources_of(kernel) != digest for kernel in setup["KERNELS"].keys() - higher):
        raise pytest.UsageError("The compiled kernels are older than src/. Run: pip install -e .")


def sources_of(kernel):
    """Return the digest of the sources that a kernel was compiled from; None where it is missing.

    An older build lacks the kernels, or the digests, that came later.
    """
    try:
        return getattr(importlib.import_module(f"pyhh_fast.{kernel}"), "SOURCES", None)
    except ImportError:
        return None


def levels():
    """Return the levels that this CPU has; none where the build is too old to tell."""
    try:
        from pyhh_fast import _cpu
    except ImportError:
        return []
    return _cpu.levels() if hasattr(_cpu, "levels") else []


def pytest_report_header(config):
    from pyhh_fast import _cpu

    return [
        f"pyhh_fast: {_cpu.FLAVOUR} kernels in {Path(_cpu.__file__).parent}",
        f"examples: those of --hypothesis-seed={config.option.hypothesis_seed}",
    ]


def pytest_terminal_summary(terminalreporter, config):
    if terminalreporter.stats.get("failed"):
        seed = config.option.hypothesis_seed
        terminalreporter.write_line(f"The same examples again: pytest --hypothesis-seed={seed}")


@pytest.fixture(autouse=True)
def unsynced_files(monkeypatch):
    """Nothing waits for a disk, which takes 2 to 200 ms a file, but the tests that replace this.

    Whether files are synced shows in a loss of power only, not in a kill of the process.
    """
    monkeypatch.setattr(os, "fsync", lambda number: None)


@pytest.fixture
def engines(monkeypatch):
    """Which steppers advanced, in order."""
    from pyhh_fast.engine.fixed_stepper import FixedStepper
    from pyhh_fast.engine.python_stepper import PythonStepper

    used = []
    for kind in (FixedStepper, PythonStepper):

        def watched(self, original=kind.advance):
            used.append(type(self).__name__)
            return original(self)

        monkeypatch.setattr(kind, "advance", watched)
    return used


@pytest.fixture
def out(tmp_path):
    """Where a store may be made."""
    return tmp_path / "run.zarr"

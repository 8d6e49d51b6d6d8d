"""A run that is killed at any moment, however often, and resumed equals an unbroken one."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from other_processes import ENVIRONMENT
from store_files import shared
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.neurons import pospischil_ib
from pyhh_fast.storage import run_sink

pytest.importorskip("zarr")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")

NOISE = stimuli.step(20, 70, 13_000) + stimuli.ornstein_uhlenbeck(5, 2, 10, seed=1)
NOISE += stimuli.poisson_epsc(500, 3, 2, seed=1)

STARTS = {
    "HHModel": pyhh.HHModel.at_rest,
    "Warm": Warm.at_rest,
    "neuron": pospischil_ib,
}

SCRIPT = """
import sys, test_killed_runs
what, store, method, kind, duration = sys.argv[1:]
print("begun", flush=True)
getattr(test_killed_runs, what)(store, method, kind, float(duration))
"""

run_sink.COMMIT = float(os.environ.get("SECONDS_TO_COMMIT", run_sink.COMMIT))


def run(store, method, kind, duration):
    options = {"method": method, "duration": duration, "every": 20, "envelope": 700}
    pyhh.Simulation(STARTS[kind]()).run(NOISE, 0.01, to=store, **options)


def resume(store, *_):
    pyhh.Simulation.resume(store)


def run_killed_after(seconds, store, *arguments):
    """Begin or resume a run in a process killed after some seconds; return whether it was."""
    what = "resume" if store.exists() else "run"
    command = [sys.executable, "-c", SCRIPT, what, str(store), *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        cwd=sys.prefix,
        env=ENVIRONMENT | {"SECONDS_TO_COMMIT": "0.02"},
    )
    with process:
        assert process.stdout.readline() == b"begun\n"
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


class UnbrokenRuns:
    """Runs that were never stopped, each made once, and how long they took."""

    def __init__(self, directory):
        self._directory = directory
        self._known = {}

    def like(self, *arguments):
        if arguments not in self._known:
            store = self._directory / f"{len(self._known)}.zarr"
            begin = time.perf_counter()
            run(store, *arguments)
            self._known[arguments] = shared(store), time.perf_counter() - begin
        return self._known[arguments]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return UnbrokenRuns(tmp_path_factory.mktemp("unbroken"))


def run_with_kills(store, unbroken, moments, *arguments):
    """Kill a run at these fractions of its time in turn, then finish it; return the kills."""
    expected, seconds = unbroken.like(*arguments)
    kills = sum(run_killed_after(seconds * moment, store, *arguments) for moment in moments)
    (resume if store.exists() else run)(store, *arguments)
    assert shared(store) == expected
    return kills


@pytest.mark.parametrize(
    ("method", "kind", "duration"),
    [("euler", "HHModel", 40_000.0), ("adaptive", "HHModel", 10_000.0), ("rk4", "neuron", 7_000.0)],
)
def test_killed_run_resumes_to_the_unbroken_run(method, kind, duration, unbroken, tmp_path):
    arguments = method, kind, duration
    assert run_with_kills(tmp_path / "run.zarr", unbroken, [0.5], *arguments) == 1


@pytest.mark.slow
def test_run_killed_25_times_resumes_to_the_unbroken_run(unbroken, tmp_path):
    draw = random.Random(25)
    kills = 0
    for number in range(40):
        method = draw.choice(["euler", "exponential_euler", "rk4", "adaptive"])
        arguments = method, draw.choice(list(STARTS)), 100_000.0
        moments = [draw.uniform(0.0, 0.9) for _ in range(draw.choice([1, 1, 2, 3]))]
        kills += run_with_kills(tmp_path / f"{number}.zarr", unbroken, moments, *arguments)
        if kills >= 25:
            return
    pytest.fail(f"only {kills} kills")

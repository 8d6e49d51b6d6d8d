"""Long runs in constant memory: time over the bare kernel's, peak memory, bytes on disk.

Each row is a process of its own, so that its peak memory is its own. They are interleaved, and
the smallest time counts; that all have the same spikes and the same last V is asserted. The bare
kernel is the compiled time loop alone, called for 262,144 steps at a time, writing nothing.

    python benchmarks/long_run.py                # 10⁷, 10⁸ and 10⁹ steps, some 10 minutes
    python benchmarks/long_run.py --write        # puts the table into RESULTS.md
    python benchmarks/long_run.py --steps 1e7 --rounds 1
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from timing import conditions, table, three_digits, write_section

STIMULUS = 10.0  # µA/cm²
DT = 0.01  # ms

Result = tuple[float, int, float]
"""Seconds, spikes, and V at the end."""


def bare(steps: int, store: str, stimulus: Any = STIMULUS) -> Result:
    """Call the time loop, and nothing else."""
    import numpy as np

    import pyhh_fast as pyhh
    from pyhh_fast.engine.fixed_stepper import FixedStepper
    from pyhh_fast.engine.read_ahead import ReadAhead
    from pyhh_fast.engine.sampling import MemorySink
    from pyhh_fast.settings import RunSettings

    current = np.broadcast_to(np.float64(stimulus), steps)
    settings, read_ahead = RunSettings(dt=DT, record=()), ReadAhead(current, steps, DT)
    sink = MemorySink(settings, read_ahead)
    stepper = FixedStepper(pyhh.HHModel.at_rest(), settings, read_ahead, sink)
    begin = time.perf_counter()
    while stepper.step < steps:
        stepper.advance()
    seconds = time.perf_counter() - begin
    return seconds, stepper.spikes, stepper.state[0]


def run(steps: int, store: str, stimulus: Any = STIMULUS, **options: Any) -> Result:
    """Make the run as a user does."""
    import pyhh_fast as pyhh

    if options.pop("stored", False):
        options["to"] = store
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    begin = time.perf_counter()
    recording = simulation.run(stimulus, DT, duration=steps * DT, **options)
    seconds = time.perf_counter() - begin
    return seconds, recording.spike_times.size, simulation.model.Vm


def noisy(steps: int, store: str, **options: Any) -> Result:
    """Make the run with noise that is computed on the way."""
    from pyhh_fast import stimuli

    noise = stimuli.ornstein_uhlenbeck(STIMULUS, 2.0, 10.0, seed=1)
    return run(steps, store, noise, **options)


@dataclass
class Row:
    """A way to make the run; `same_as` counts the rows that must have the same end."""

    label: str
    make: Callable[..., Result]
    options: dict[str, Any] = field(default_factory=dict)
    most: float = 1e9
    same_as: int = 0


V_100 = {"record": ("Vm",), "every": 100}
V_10 = {"record": ("Vm",), "every": 10}
ROWS = [
    Row("bare kernel", bare),
    Row("spikes", run, {"record": ()}),
    Row("spikes, V every 100th", run, V_100),
    Row("spikes, V every 10th", run, V_10),
    Row("spikes, V every 100th, progress bar", run, {**V_100, "progress": True}),
    Row("to a store: spikes", run, {"record": (), "stored": True}),
    Row("to a store: spikes, V every 100th", run, {**V_100, "stored": True}),
    Row("to a store: the same and an envelope", run, {**V_100, "stored": True, "envelope": 1_000}),
    Row("to a store: spikes, V every 10th", run, {**V_10, "stored": True}),
    Row("to a store: spikes, all traces every 10th", run, {"every": 10, "stored": True}, 1e8),
    Row("noise, spikes", noisy, {"record": ()}, 1e9, 1),
    Row("noise, to a store: spikes, V every 100th", noisy, {**V_100, "stored": True}, 1e9, 1),
]


@dataclass
class Found:
    """The smallest time of a row, in s, its largest memory and disk space, in bytes."""

    seconds: float
    memory: float
    disk: float
    end: tuple[int, float]

    def with_another(self, other: "Found") -> "Found":
        assert self.end == other.end, (self.end, other.end)
        return Found(
            min(self.seconds, other.seconds),
            max(self.memory, other.memory),
            max(self.disk, other.disk),
            self.end,
        )


def measure(number: int, steps: int) -> Found:
    """Start a process that makes a row's run."""
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory) / "run.zarr"
        command = [sys.executable, __file__, "--row", f"{number}", f"{steps}", str(store)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        )
        found = json.loads(done.stdout)
        disk = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    return Found(found["seconds"], found["memory"], disk, (found["spikes"], found["V"]))


def make_row(number: int, steps: int, store: str) -> None:
    """Make a row's run, in a process of its own, and print what came of it."""
    row = ROWS[number]
    seconds, spikes, V = row.make(steps, store, **row.options)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "spikes": spikes, "V": V, "memory": memory}))


def measured(counts: Sequence[int], rounds: int) -> dict[tuple[int, int], Found]:
    """Return what was found of each row and number of steps."""
    found: dict[tuple[int, int], Found] = {}
    for _ in range(rounds):
        for steps in counts:
            ends: dict[int, tuple[int, float]] = {}
            for number, row in enumerate(ROWS):
                if steps > row.most:
                    continue
                one = measure(number, steps)
                assert ends.setdefault(row.same_as, one.end) == one.end, (row.label, one.end)
                before = found.get((number, steps))
                found[number, steps] = before.with_another(one) if before else one
                print(f"{row.label}, {steps:,} steps: {one.seconds:.2f} s", file=sys.stderr)
    return found


def report(found: dict[tuple[int, int], Found], counts: Sequence[int]) -> str:
    """Return the tables."""
    headings = [f"{steps:,} steps" for steps in counts]
    lines: dict[str, list[list[str]]] = {"time": [], "memory": [], "disk": []}
    for number, row in enumerate(ROWS):
        here = [found.get((number, steps)) for steps in counts]
        bare_kernel = [found[0, steps] for steps in counts]
        times = []
        for steps, one, of_kernel in zip(counts, here, bare_kernel, strict=True):
            ns = one and three_digits(one.seconds / steps * 1e9)
            times += [f"{ns}, × {one.seconds / of_kernel.seconds:.2f}" if one else ""]
        lines["time"].append([row.label, *times])
        memory = [f"{one.memory / 1e6:.0f}" if one else "" for one in here]
        disk = [f"{one.disk / 1e6:,.1f}" if one and one.disk else "" for one in here]
        lines["memory"].append([row.label, *memory, *disk])
    largest = counts[-1]
    return "\n\n".join(
        [
            table(["ns a step, × the bare kernel's time", *headings], lines["time"]),
            table(
                [
                    "peak memory of the process, MB; then bytes on disk, MB",
                    *headings,
                    *(f"disk, {heading}" for heading in headings),
                ],
                lines["memory"],
            ),
            f"{largest:,} steps are {largest * DT / 3.6e6:.2f} hours of model time, with "
            f"{found[0, largest].end[0]:,} spikes; wall time of V every 10th to a store: "
            f"{found[8, largest].seconds:.1f} s.",
            f"Forward Euler, {STIMULUS:g} µA/cm², dt {DT} ms. Agreement was asserted. Each row a "
            f"process of its own, smallest of the rounds; all from one run, {date.today()}.\n"
            + conditions("numpy", "pyhh_fast", "zarr"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=float, nargs="+", default=[1e7, 1e8, 1e9])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        number, steps, store = given.row
        make_row(int(number), int(steps), store)
        return
    counts = [int(steps) for steps in given.steps]
    text = report(measured(counts, given.rounds), counts)
    print(text)
    if given.write:
        write_section("Long runs: long_run.py", text)


if __name__ == "__main__":
    main()

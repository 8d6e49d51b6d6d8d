"""What the benchmarks share: rows timed in turns, and the machine they ran on."""

import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """One way to do the work.

    `prepare` returns the call to be timed; what it does itself, and freeing what that call
    returns, are not timed.
    """

    label: str
    steps: int
    prepare: Callable[[], Callable[[], Any]]
    best: float = float("inf")  # s

    @property
    def ns_per_step(self) -> float:
        return self.best / self.steps * 1e9


def time_in_turns(rows: Sequence[Row], rounds: int) -> None:
    """Time each row once a round and keep its smallest time.

    In turns, so that a noisy minute of the machine hits all rows alike; in an order drawn anew
    each round, because a row leaves its caches and its heap to the next. Call each row once
    before: nothing here warms up.
    """
    order = list(rows)
    draw = random.Random(0)
    for _ in range(rounds):
        draw.shuffle(order)
        for row in order:
            call = row.prepare()
            start = time.perf_counter()
            result = call()
            row.best = min(row.best, time.perf_counter() - start)
            del result, call


def conditions(*packages: str) -> str:
    """Return the machine, the system and the versions of `packages`, in a line."""
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    machine = f"{_cpu_name()}, {os.cpu_count()} cores, {platform.platform()}"
    return f"{machine}; {', '.join(versions)}"


def _cpu_name() -> str:
    """Return the CPU's model name, as far as the system tells."""
    linux = Path("/proc/cpuinfo")
    if linux.exists():
        for line in linux.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()

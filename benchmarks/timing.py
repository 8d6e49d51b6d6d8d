"""What the benchmarks share: rows timed in turns, and the machine they ran on."""

import os
import platform
import random
import re
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
    returns, are not timed. `seconds`, where given, takes what the call returned and says how long
    it was, for work that times itself.
    """

    label: str
    steps: int
    prepare: Callable[[], Callable[[], Any]]
    seconds: Callable[[Any], float] | None = None
    best: float = float("inf")  # s
    spent: float = 0.0  # s, over all rounds

    @property
    def ns_per_step(self) -> float:
        return self.best / self.steps * 1e9


def time_in_turns(rows: Sequence[Row], rounds: int, longest: float = float("inf")) -> None:
    """Time each row once a round and keep its smallest time.

    A row that has taken `longest` seconds in all sits out the rounds that are left.

    In turns, so that a noisy minute of the machine hits all rows alike; in an order drawn anew
    each round, because a row leaves its caches and its heap to the next. Call each row once
    before: nothing here warms up.
    """
    order = list(rows)
    draw = random.Random(0)
    for _ in range(rounds):
        draw.shuffle(order)
        for row in order:
            if row.spent >= longest:
                continue
            call = row.prepare()
            start = time.perf_counter()
            result = call()
            took = time.perf_counter() - start
            row.spent += took
            row.best = min(row.best, row.seconds(result) if row.seconds else took)
            del result, call


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: the first column is text, the others are numbers."""
    rules = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *lines))


def three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}".rstrip(".")


def write_section(heading: str, text: str) -> None:
    """Put `text` under its heading into RESULTS.md, in the place of what stood there."""
    path = Path(__file__).with_name("RESULTS.md")
    old = path.read_text() if path.exists() else PREAMBLE
    first, *sections = re.split("^## ", old, flags=re.MULTILINE)
    kept = [section for section in sections if not section.startswith(f"{heading}\n")]
    kept.append(f"{heading}\n\n{text.strip()}\n")
    path.write_text("\n## ".join([first.rstrip() + "\n", *[s.rstrip() + "\n" for s in kept]]))


PREAMBLE = """# Results

Written by the scripts beside this file, with `--write`; a section is one run of one script.
"""


def conditions(*packages: str) -> str:
    """Return the machine, the system and the versions of `packages`, in a line."""
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    used = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{_cpu_name()}, {used} of {os.cpu_count()} cores, {platform.platform()}"
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

"""What the benchmarks share: interleaved timing, the report, and the machine of a run."""

import argparse
import importlib
import os
import platform
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cell import Unavailable


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


def time_interleaved(rows: Sequence[Row], rounds: int, longest: float = float("inf")) -> None:
    """Time each row once a round and keep its smallest time.

    A row that has taken `longest` seconds in all sits out the rounds that are left.

    Interleaved, so that a noisy minute of the machine hits all rows alike; in another order each
    round, because a row leaves its caches and its heap to the next. Call each row once
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


def set_up(way: Any, left_out: dict[str, str], label: str, *arguments: Any) -> Any:
    """Return way(*arguments); None, with the reason in `left_out`, where it cannot be had."""
    try:
        importlib.import_module(way.package)
        return way(*arguments)
    except Exception as error:  # a package that conflicts with another fails in any way
        expected = isinstance(error, ImportError | Unavailable)
        left_out[label] = str(error) if expected else f"{type(error).__name__}: {error}"
    return None


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks of several rows have."""
    options = argparse.ArgumentParser(description=f"{description}; print Markdown tables.")
    options.add_argument("--rounds", type=int, default=rounds, help="(default: %(default)s)")
    options.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    return options


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: the first column is text, the others are numbers."""
    rules = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *lines))


def three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}".rstrip(".")


def report(
    heading: str | None,
    parts: Sequence[str],
    how: str,
    packages: Iterable[str],
    left_out: dict[str, str],
) -> None:
    """Print the parts and the conditions; write them under `heading` into RESULTS.md, if given."""
    missing = [f"Left out: {label} ({reason})." for label, reason in left_out.items()]
    named = [name for name in dict.fromkeys(["numpy", *packages]) if name not in STANDARD]
    made = f"{how}; all from one run, {date.today()}.\n{conditions(*named)}"
    text = "\n\n".join([*parts, *missing, made])
    print(text)
    if heading is not None:
        write_section(heading, text)


AGREED = "Agreement was asserted before timing."
STANDARD = ("ctypes", "math")
"""Modules of Python's own, whose version is Python's."""


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

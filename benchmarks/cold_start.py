"""How long a new process takes to its first result, one way to simulate the cell at a time.

Run by single_cell.py and neurons.py, which start this file as a process: module, class and neuron
of a way are its arguments. The child imports that way's package and nothing that is not its own.
"""

import importlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass

from cell import STEP, Way

STEPS = 20_000
"""200 ms: what README's example simulates, too."""


@dataclass
class ColdStart:
    """Seconds of one process, or the smallest of several."""

    first_result: float
    importing: float
    setting_up: float
    first_run: float

    def smallest(self, other: "ColdStart") -> "ColdStart":
        return ColdStart(*map(min, vars(self).values(), vars(other).values()))


def measure(way: type[Way], steps: int) -> ColdStart:
    """Start a process and time its first result; then its first run of `steps`, 0 for none."""
    command = [sys.executable, __file__, way.__module__, way.__name__, way.neuron, str(steps)]
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        found = []
        for line in child.stdout or ():
            if line.startswith("{"):  # packages print, too
                found.append(json.loads(line) | {"at": time.perf_counter() - begin})
        if child.wait() or len(found) != 2:
            raise RuntimeError(
                f"{way.label} gave no result: {child.stderr and child.stderr.read()}"
            )
    first, second = found
    return ColdStart(first["at"], first["importing"], first["setting_up"], second["first_run"])


def main() -> None:
    module, name, neuron, steps = sys.argv[1:]
    way = getattr(importlib.import_module(module), name).of(neuron)
    begin = time.perf_counter()
    importlib.import_module(way.package)
    imported = time.perf_counter()
    instance = way(STEPS, STEP, all_traces=True)
    V = instance.read(instance.prepare()())["Vm"]
    done = time.perf_counter()
    if not V.max() > way.threshold:
        sys.exit("There is no spike.")
    parts = {"importing": imported - begin, "setting_up": done - imported}
    print(json.dumps(parts), flush=True)

    first_run = 0.0
    if int(steps):
        call = way(int(steps), STEP, all_traces=True).prepare()
        begin = time.perf_counter()
        call()
        first_run = time.perf_counter() - begin
    print(json.dumps({"first_run": first_run}), flush=True)


if __name__ == "__main__":
    main()

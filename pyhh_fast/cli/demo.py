"""The README's example, run and checked: ``pyhh-fast demo``."""

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from pyhh_fast.cli import common
from pyhh_fast.models.examples import readme_example
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.simulations import Simulation
from pyhh_fast.typing import FloatArray

STEP = 0.01  # ms

Result = TypeVar("Result")


def demo(output: Path) -> str:
    """Run the example, draw it into the file `output`, and return a report."""
    model, stimulus = readme_example()
    twin, slow_twin = copy.deepcopy(model), copy.deepcopy(model)

    first, recording = timed(lambda: Simulation(model).run(stimulus, STEP))
    again, _ = timed(lambda: Simulation(twin).run(stimulus, STEP))
    slow, slow_Vm = timed(lambda: potentials_in_python(slow_twin, stimulus))

    common.save_figure(recording.plot, output)
    steps = recording.steps

    def a_step(seconds: float) -> str:
        return f"{seconds * 1e3:.2f} ms, {seconds / steps * 1e9:,.0f} ns/step"

    return "\n".join(
        [
            f"steps        {steps:,} of {STEP} ms: {steps * STEP:g} ms of model time",
            f"wall time    {a_step(first)}, compiled",
            f"             {a_step(again)}, when run again",
            f"             {a_step(slow)}, in pure Python",
            f"spikes       {recording.spike_times.size}",
            f"difference   {np.abs(recording.Vm - slow_Vm).max():.1e} mV at most, compiled from "
            "pure Python",
            f"figure       {output}",
        ]
    )


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return how many seconds `work` took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def potentials_in_python(model: HHModel, stimulus: FloatArray) -> FloatArray:
    """Return V after each step, made by the model's own `iterate`."""
    Vm = np.empty(stimulus.size)
    for i, current in enumerate(stimulus):
        model.iterate(current, STEP)
        Vm[i] = model.Vm
    return Vm

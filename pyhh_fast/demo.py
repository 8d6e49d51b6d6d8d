"""The README's example, run and checked: ``pyhh-fast demo``."""

import copy
import time
from pathlib import Path

import numpy as np

from pyhh_fast.models import HHModel
from pyhh_fast.recording import Recording
from pyhh_fast.simulations import Simulation
from pyhh_fast.validation import FloatArray

STEP = 0.01  # ms


def demo(output: Path) -> str:
    """Run the example, draw it into the file `output`, and return what to tell the user."""
    model, stimulus = example()
    slow_model = copy.deepcopy(model)
    simulation = Simulation(model)

    start = time.perf_counter()
    recording = simulation.run(stimulus, STEP)
    seconds = time.perf_counter() - start

    start = time.perf_counter()
    slow_Vm = potentials_in_python(slow_model, stimulus)
    slow_seconds = time.perf_counter() - start

    save_figure(recording, output)
    steps = len(recording)
    return "\n".join(
        [
            f"steps        {steps:,} of {STEP} ms: {steps * STEP:g} ms of model time",
            f"wall time    {seconds * 1e3:.2f} ms compiled: {seconds / steps * 1e9:.0f} ns/step",
            f"             {slow_seconds * 1e3:.0f} ms in pure Python: "
            f"{slow_seconds / steps * 1e9:,.0f} ns/step, "
            f"{slow_seconds / seconds:.0f} times as long",
            f"spikes       {recording.spike_times.size}",
            f"difference   {np.abs(recording.Vm - slow_Vm).max():.1e} mV at most, compiled from "
            "pure Python",
            f"figure       {output}",
        ]
    )


def example() -> tuple[HHModel, FloatArray]:
    """Return the README's model and stimulus."""
    model = HHModel()
    model.gNa = 100
    model.gK = 5
    model.EK = -35
    stimulus = np.zeros(20_000)
    stimulus[7_000:13_000] = 50
    return model, stimulus


def potentials_in_python(model: HHModel, stimulus: FloatArray) -> FloatArray:
    """Return V after each step, made by the model's own `iterate`."""
    Vm = np.empty(stimulus.size)
    for i, current in enumerate(stimulus):
        model.iterate(current, STEP)
        Vm[i] = model.Vm
    return Vm


def save_figure(recording: Recording, output: Path) -> None:
    """Draw `recording` into a file, without a screen."""
    import matplotlib

    matplotlib.use("agg")
    recording.plot().savefig(output, dpi=120)

"""The run of many cells, from what was checked to its recording; populations, sweeps, analyses."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.cells import Cells
from pyhh_fast.engine.compiled_model import (
    CompiledCells,
    CompiledModelCells,
    SingleCells,
    SingleModels,
)
from pyhh_fast.engine.populations.adaptive_stepper import AdaptivePopulationStepper
from pyhh_fast.engine.populations.clamp_stepper import CellsClampStepper
from pyhh_fast.engine.populations.stepper import PopulationStepper
from pyhh_fast.engine.progress import bar_over
from pyhh_fast.engine.read_ahead import CellStimulus
from pyhh_fast.errors import SimulationError, warn_user
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray, StructArray


@rounds_to_nearest
def make_run(
    cells: Cells,
    stimulus: FloatArray | CellStimulus,
    settings: RunSettings,
    kinetics: Kinetics | None,
    threads: int,
    *,
    recorded: IntArray | None = None,
    clamped_from: StructArray | None = None,
    progress: bool = False,
) -> PopulationRecording:
    """Make a run, leave the cells at its end, and warn of nothing.

    Parameters
    ----------
    stimulus : ndarray, shape (size, steps), or CellStimulus, µA/cm²
        With any strides.
    kinetics : Kinetics or None
        Rates of models; None of the cells of a neuron, which have their own.
    recorded : ndarray of int, default all
        Numbers of the cells whose traces are recorded, where any traces are.
    clamped_from : structured array, shape (size,), optional
        Of a voltage clamp, whose command is the stimulus: the state of each cell before it.
    """
    if not isinstance(stimulus, CellStimulus):
        stimulus = CellStimulus(stimulus)
    size, steps = stimulus.shape
    recorded = np.arange(size, dtype=np.int64) if recorded is None else recorded
    recorded = recorded if settings.record else recorded[:0]
    parameters = aligned_arrays.copy_of(cells._parameters)
    compiled = _compiled(cells, parameters, settings, kinetics)
    kind = PopulationStepper if settings.fixed_step else AdaptivePopulationStepper
    start = cells._state
    if clamped_from is not None:
        kind, start = CellsClampStepper, clamped_from
    stepper = kind(settings, compiled, start, stimulus, recorded, threads)
    del start, clamped_from  # which would keep their memory
    bar = bar_over(steps, progress)

    def finish() -> PopulationRecording:
        spikes = stepper.spikes()
        cells._state = stepper.state  # before the copy, which takes the memory that it frees
        cells.recording = recording = PopulationRecording(
            settings,
            parameters,
            aligned_arrays.copy_of(stepper.state),
            stepper.step,
            recorded,
            stepper.traces,
            stepper.diverged_at,
            spikes,
            stepper.features(spikes),
            cells._same_for_all,
        )
        return recording

    try:
        stepper.run_steps(bar)
    except NotTabulable as error:
        step = stepper.step
        raise SimulationError(
            f"the run cannot continue at step {step} (t = {step * settings.dt:g} ms): of "
            f"_UpdateGateTimeConstants it was found that {error}. Run such models one by one, "
            "with Simulation.",
            step=step,
            time=step * settings.dt,
            V=float("nan"),
        ) from error
    finally:
        # After Ctrl-C or an error too: nothing computed is lost. Nor by a second Ctrl-C.
        try:
            stimulus.close()
            recording = finish()
        except KeyboardInterrupt:
            recording = finish()
            raise
    return recording


def _compiled(
    cells: Cells, parameters: StructArray, settings: RunSettings, kinetics: Kinetics | None
) -> CompiledCells | SingleCells:
    if kinetics is not None:
        models = CompiledModelCells if settings.fixed_step else SingleModels
        return models(parameters, settings, kinetics)
    from pyhh_fast.channels.neuron_cells import NeuronCells  # models do not need them
    from pyhh_fast.engine.compiled_neuron import CompiledNeuronCells, SingleNeurons

    assert isinstance(cells, NeuronCells)
    neurons = CompiledNeuronCells if settings.fixed_step else SingleNeurons
    return neurons(cells, settings)


def warn_of_divergence(
    recording: PopulationRecording, suiting_step: Callable[[IntArray], float]
) -> None:
    """Warn of cells that diverged.

    Parameters
    ----------
    suiting_step : callable
        Takes the numbers of cells, and returns the largest step (ms) that is recommended for them.
    """
    diverged = np.flatnonzero(recording.diverged_at >= 0)
    if diverged.size:
        steps = recording.diverged_at[diverged]
        first = int(np.argmin(steps))
        advice = NOT_SOLVED
        if recording.settings.fixed_step:
            advice = way_out(suiting_step(diverged), recording.dt, recording.method)
        warn_user(
            f"{diverged.size} of {recording.size} cells diverged, the first at step "
            f"{steps[first]} (cell {diverged[first]}); recording.diverged_at has all. {advice}"
        )


NOT_SOLVED = (
    "There the adaptive method is stuck. Use larger rtol and atol, or method='exponential_euler', "
    "or check the parameters and stimuli."
)
"""What to do where the adaptive method cannot continue."""


def way_out(suits: float, dt: float, method: str) -> str:
    """Return what to do where cells diverged, whose fastest a step of `suits` ms suits."""
    from pyhh_fast.engine.time_steps import rounded_down

    adaptive = "or method='adaptive'."
    suits = rounded_down(suits)
    if suits < dt:
        return f"Use a dt of {suits:g} ms or less, {adaptive}"
    if method == "exponential_euler":
        return "Check their parameters and stimuli, or use method='adaptive'."
    # The step suits all rates between the reversal potentials.
    far_below = "which is stable for V far below all reversal potentials"
    return f"Use method='exponential_euler', {far_below}, {adaptive}"


def thread_count(threads: Any, default: int | None = None) -> int:
    """Return the number of threads that a user gave, else `default`, else one for each CPU."""
    if threads is not None:
        return validation.count("threads", threads, least=1)
    return cores() if default is None else default


def cores() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Runs of many cells, of which all was checked: how they are to be, and the making of them."""

import os
import warnings
from typing import Any, NamedTuple, Protocol

import numpy as np

from pyhh_fast import validation
from pyhh_fast.engine.population_stepper import PopulationStepper
from pyhh_fast.engine.progress import bar_over
from pyhh_fast.engine.read_ahead import SharedStimulus
from pyhh_fast.errors import SimulationError
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.system import aligned_arrays
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray


class Cells(Protocol):
    """What a run needs of a population."""

    _parameters: Any
    _state: Any
    recording: PopulationRecording | None

    def _kinetics(self) -> Kinetics: ...


class How(NamedTuple):
    """How a run is made; checked.

    Parameters
    ----------
    dt : float, ms
    cells : ndarray of int, default all
        Those whose traces are kept, where any is `recorded`.
    """

    dt: float
    method: str
    threshold: float
    threads: int
    recorded: tuple[str, ...] = ()
    cells: IntArray | None = None
    every: int = 1
    progress: bool = False


@rounds_to_nearest
def make_run(
    population: Cells,
    wave: FloatArray | SharedStimulus,
    how: How,
    kinetics: Kinetics | None = None,
) -> PopulationRecording:
    """Make a run, leave the cells at its end, and warn of nothing.

    Parameters
    ----------
    wave : ndarray, shape (size, steps), or SharedStimulus, µA/cm²
        With any strides.
    kinetics : default the population's own
    """
    size, steps = wave.shape
    cells = np.arange(size, dtype=np.int64) if how.cells is None else how.cells
    recording = PopulationRecording(
        aligned_arrays.copy_of(population._parameters),
        steps,
        how.dt,
        how.method,
        how.threshold,
        how.recorded,
        cells if how.recorded else cells[:0],
        how.every,
    )
    kinetics = kinetics or population._kinetics()
    stepper = PopulationStepper(population._state, wave, recording, kinetics, how.threads)
    bar = bar_over(steps, how.progress)

    def finish() -> None:
        recording._end_at(stepper.step)
        recording.spike_counts, recording._spike_times = stepper.spikes()
        population._state = stepper.state
        recording._final = aligned_arrays.copy_of(stepper.state)
        population.recording = recording

    try:
        stepper.make_all(bar)
    except NotTabulable as error:
        step = stepper.step
        raise SimulationError(
            f"the run cannot go on at step {step} (t = {step * how.dt:g} ms): of "
            f"_UpdateGateTimeConstants it was found that {error}. Run such models one by one, "
            "with Simulation.",
            step=step,
            time=step * how.dt,
            V=float("nan"),
        ) from error
    finally:
        # After Ctrl-C or an error too: nothing computed is lost. Nor by a second Ctrl-C.
        try:
            if isinstance(wave, SharedStimulus):
                wave.close()
            finish()
        except KeyboardInterrupt:
            finish()
            raise
    return recording


def warn_of_divergence(recording: PopulationRecording, population: Cells) -> None:
    """Warn the user, two calls up, of cells that diverged."""
    diverged = np.flatnonzero(recording.diverged_at >= 0)
    if diverged.size:
        steps = recording.diverged_at[diverged]
        first = int(np.argmin(steps))
        kinetics = population._kinetics()
        lost = {name: values[diverged] for name, values in recording.parameters.items()}
        warnings.warn(
            f"{diverged.size} of {recording.size} cells diverged, the first at step "
            f"{steps[first]} (cell {diverged[first]}); recording.diverged_at has all. "
            f"{way_out(lost, kinetics, recording.dt, recording.method, 'cells')}",
            UserWarning,
            stacklevel=3,
        )


def way_out(
    parameters: dict[str, FloatArray],
    kinetics: Kinetics,
    dt: float,
    method: str,
    which: str,
) -> str:
    """Return what to do where cells diverged, with the step that suits the fastest of them.

    Parameters
    ----------
    parameters : dict of ndarray
        Those of the cells that diverged.
    """
    from pyhh_fast.engine.time_steps import rounded_down, step_for_cells

    alone = f"run such {which} one by one, by Simulation with method='adaptive'."
    suits = rounded_down(step_for_cells(parameters, kinetics))
    if suits < dt:
        return f"Use a dt of {suits:g} ms or less, or {alone}"
    if method == "exponential_euler":
        return f"Check their parameters and stimuli, or {alone}"
    # The step suits all rates between the reversal potentials.
    far_below = "which stands V far below all reversal potentials"
    return f"Use method='exponential_euler', {far_below}, or {alone}"


def thread_count(threads: Any, default: int | None = None) -> int:
    """Return how many threads a user asked for, or `default`, or one for each CPU there is."""
    if threads is not None:
        return validation.count("threads", threads, least=1)
    return cores() if default is None else default


def cores() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

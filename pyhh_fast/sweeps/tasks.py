"""What a worker does of a sweep: the cells of one chunk, from start to reduction."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.engine.kernels import BUILD
from pyhh_fast.engine.populations.run import make_run
from pyhh_fast.engine.read_ahead import CellStimulus, OwnStimulus
from pyhh_fast.features.base import Feature
from pyhh_fast.kinetics.frozen import BeyondTable
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.recording import RunStimulus
from pyhh_fast.settings import RunSettings
from pyhh_fast.stimuli.waveforms import constant
from pyhh_fast.sweeps.grid import points
from pyhh_fast.sweeps.swept import Points
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray, NumberArray
from pyhh_fast.variables import Variable

NOTE = "In the chunk of a sweep with"

Reduce = str | Mapping[str, Feature] | Callable[[PopulationRecording], npt.ArrayLike]


class Chunk(NamedTuple):
    """What is kept of the cells of a chunk; of features `values` has a column for each."""

    values: NumberArray
    diverged_at: IntArray


class Task(NamedTuple):
    """What all chunks of a sweep have in common. It holds numbers, and of the user's only `reduce`.

    Parameters
    ----------
    points : Points
        What makes the cells.
    stimulus : ndarray, shape (steps,), or (1,) for a constant, µA/cm²; or Stimulus
        That of a chunk may be a stimulus of its cells.
    crossed : bool
        Whether the arrays of a grid are crossed or zipped.
    threads : int
        For each chunk.
    """

    points: Points
    stimulus: RunStimulus
    steps: int
    settings: RunSettings
    reduce: Reduce
    crossed: bool
    threads: int
    build: str = BUILD


def reductions(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Return what can be named for `reduce`, and its unit."""
    final = {f"final_{v.name}": v.unit for v in variables.values() if not v.before_step}
    return {"spike_counts": ""} | final


@rounds_to_nearest
def compute(task: Task, part: dict[str, FloatArray], rates: Any) -> Chunk | BeyondTable:
    """Return what is kept of a chunk, or where its rates are needed beyond what was sent.

    Raise RuntimeError if another build of the package is here, which may round differently. What
    `reduce` raises passes, with a note that says where.

    Parameters
    ----------
    part : dict of ndarray
        The chunk's part of the grid.
    rates : Rates
        Those of the chunk.
    """
    if task.build != BUILD:
        raise RuntimeError(
            f"the workers of a sweep must have the caller's build of pyhh_fast, {task.build}; got "
            f"{BUILD}. Install the same, and leave PYHH_FAST_SIMD unset."
        )
    try:
        recording = _run(task, points(part, task.crossed), rates)
        return Chunk(_reduced(recording, task.reduce), recording.diverged_at)
    except BeyondTable as beyond:
        return BeyondTable(beyond.V)  # without its traceback, which holds all there is here
    except Exception as error:
        where = [f"{name} from {axis[0]:g} to {axis[-1]:g}" for name, axis in part.items()]
        error.add_note(f"{NOTE} {', '.join(where)}.")
        raise


def has_note(error: BaseException) -> bool:
    """Whether an error is one of `compute`, and not of what carried it."""
    return any(note.startswith(NOTE) for note in getattr(error, "__notes__", ()))


def _run(task: Task, numbers: dict[str, FloatArray], rates: Any) -> PopulationRecording:
    size = next(iter(numbers.values())).size
    cells, kinetics = task.points.cells(numbers, size, rates)
    wave = _wave(task, numbers.get("current", np.zeros(1)), size)
    return make_run(cells, wave, task.settings, kinetics, task.threads)


def _wave(task: Task, current: FloatArray, size: int) -> CellStimulus:
    if isinstance(task.stimulus, np.ndarray):
        # One row for all cells, or one column for all steps, where that is all.
        wave = task.stimulus + current[:, np.newaxis]
        return CellStimulus(np.broadcast_to(wave, (size, task.steps)))
    stimulus = task.stimulus + constant(current)
    return OwnStimulus(stimulus, size, task.steps, task.settings.dt, [0] * size)


def _reduced(recording: PopulationRecording, reduce: Reduce) -> NumberArray:
    if isinstance(reduce, Mapping):
        return np.column_stack(list(recording.features.values()))
    if not isinstance(reduce, str):
        return _of_each_cell(reduce(recording), recording.size)
    if reduce == "spike_counts":
        return recording.spike_counts
    final = recording.final_state
    final = final if isinstance(final, dict) else final._asdict()
    values: FloatArray = final[reduce.removeprefix("final_")]
    return values


def _of_each_cell(value: Any, size: int) -> FloatArray:
    """Return what a function found of `size` cells: a number of each, or a row of them."""
    rule = f"a function that returns a number, or a row of numbers, for each of {size} cells"
    try:
        found = np.asarray(value)
    except ValueError:  # rows of several lengths
        got = f"{validation.shown(value)} from it"
        raise ValueError(validation.message("reduce", rule, got)) from None
    got = f"{validation.shown(found if found.ndim else value)} from it"
    if found.dtype.kind not in "biuf":
        raise TypeError(validation.message("reduce", rule, got))
    if found.ndim not in (1, 2) or len(found) != size or found[:1].size == 0:
        raise ValueError(validation.message("reduce", rule, got))
    return found.astype(np.float64)

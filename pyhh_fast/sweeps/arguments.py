"""Arguments of a sweep: checked, and as its run takes them."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared
from pyhh_fast.engine.choose_stepper import check_kind
from pyhh_fast.engine.stimulus_arguments import normalise_stimulus, steps_of
from pyhh_fast.features.compute import by_name
from pyhh_fast.recording import RunStimulus
from pyhh_fast.stimuli.of_parameters import arguments_of, made_by, sampled, suggested
from pyhh_fast.stimuli.waveforms import constant
from pyhh_fast.sweeps.grid import POINT, Axis, Grid
from pyhh_fast.sweeps.store import RATES
from pyhh_fast.sweeps.swept import Swept
from pyhh_fast.sweeps.tasks import Reduce
from pyhh_fast.system.background import main_thread_needed


def swept_of(model: Any) -> Swept:
    """Return what a sweep needs of a model or a neuron."""
    if isinstance(model, Declared):
        from pyhh_fast.sweeps.swept_neuron import SweptNeuron  # models do not need it

        return SweptNeuron(model)
    from pyhh_fast.sweeps.swept_model import SweptModel

    check_kind(model)
    return SweptModel(model)


def check_installed(stores: bool) -> None:
    """Raise ImportError unless what sweeps, and perhaps their stores, need is installed."""
    try:
        with main_thread_needed("a sweep"):
            import xarray  # noqa: F401

            if stores:
                import google_crc32c  # noqa: F401
    except ImportError as error:
        needed = error.name or "xarray"
        raise ImportError(
            f"sweep needs {needed}. Install it with: pip install 'pyhh_fast[sweep]'"
        ) from None


def grid_of(
    grid: Any, product: bool, stimulus: Any, swept: Swept, reductions: Iterable[str]
) -> Grid:
    """Return the grid, which may have arguments of a function that makes the stimulus."""
    names = grid if isinstance(grid, Mapping) else ()
    arguments = arguments_of(stimulus, names, swept.known)
    reserved = {POINT, "column", "value", "diverged_at", RATES, *reductions}
    for name in reserved.intersection(arguments):
        advice = "Call the function's argument otherwise."
        rule = "other than those of the result"
        raise ValueError(validation.message("grid's names", rule, repr(name), advice))

    def closest(name: str, known: list[str]) -> str:
        return suggested(name, swept.closest(name, known))

    own = {name: Axis("", of_stimulus=True) for name in arguments}
    return Grid(grid, product, {**swept.known, **own}, closest)


def values_of(stimulus: Any, points: Grid, duration: Any, dt: float) -> tuple[RunStimulus, int]:
    """Return the stimulus and its number of steps, to be sent to workers.

    It is an array of its values, one of a constant; or a stimulus: of all points, or one that
    conducts.
    """
    own = points.of_stimulus()
    if own:
        made = made_by(stimulus, own, math.prod(points.shape))
        made._suits(dt)
        steps = steps_of(made, duration, dt)
        return sampled(made, steps, dt), steps
    found, steps = normalise_stimulus(stimulus, duration, dt)
    if isinstance(found, constant):
        return np.array([found.amplitude]), steps
    if not isinstance(found, np.ndarray) and found.conducts:
        return sampled(found, steps, dt), steps
    return found if isinstance(found, np.ndarray) else found.to_array(steps, dt), steps


def reduce_of(reduce: Any, known: Iterable[str]) -> Reduce:
    """Return what is kept of each cell; `known` is what can be named."""
    if isinstance(reduce, str):
        return validation.choice("reduce", reduce, known)
    if isinstance(reduce, Mapping):
        return by_name(reduce)
    rule = f"a function, a dict of features, or one of {', '.join(known)}"
    validation.instance("reduce", reduce, Callable, rule, "")
    function: Reduce = reduce
    return function

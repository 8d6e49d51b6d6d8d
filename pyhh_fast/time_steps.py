"""The step of an analysis where a user names none: it follows the fastest rate of the model."""

import math
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.kinetics import BuiltIn, Own
from pyhh_fast.methods import LARGEST_ADVISED_STEP, METHODS
from pyhh_fast.models import HHModel
from pyhh_fast.validation import FloatArray

STEP = 0.01
"""Of the built-in model at its default parameters, in ms: exponential Euler's rates are then right
to 0.01 %, and its error falls like the square of the step times the rates."""

LITTLE = 1.15
"""What is faster by less than this factor takes the same step."""

RATE_POINTS = 201
"""Potentials at which rates are compared."""


def step_for(
    model: HHModel, kinetics: BuiltIn | Own, dt: Any, method: str, *, stacklevel: int = 3
) -> float:
    """Return the step (ms) a user gave, checked, or for None that of `model`.

    That is 0.01 ms over a whole number, so durations stay whole numbers of steps. A step that is
    given and too large for the rates of the model is warned of at `stacklevel`.
    """
    if dt is not None:
        dt = validation.real_number("dt", dt, unit="ms", positive=True)
    if not METHODS[method].fixed_step:
        return STEP if dt is None else dt
    faster = max(speed(model, kinetics) / LITTLE, 1.0)
    if dt is None:
        return STEP / math.ceil(faster)
    advised = LARGEST_ADVISED_STEP / faster
    if dt > advised:
        warnings.warn(
            f"dt is {dt:g} ms; steps of {advised:.3g} ms or less are recommended for the rates of "
            "this model. Leave dt out, or use method='adaptive'.",
            UserWarning,
            stacklevel=stacklevel,
        )
    return float(dt)


def step_for_cells(parameters: dict[str, FloatArray], kinetics: BuiltIn | Own) -> float:
    """Return the step (ms) that suits the fastest of many cells with these parameters."""
    p = SimpleNamespace(**parameters)
    rates = _membrane_rate(p)
    fastest = int(np.argmax(rates))
    one = SimpleNamespace(**{name: float(values[fastest]) for name, values in parameters.items()})
    return STEP / max(speed(one, kinetics), 1.0)


def speed(model: Any, kinetics: BuiltIn | Own) -> float:
    """Return how many times faster than the built-in model at its default parameters `model` is.

    Compared are the largest alpha + beta of a gate between the outermost reversal potentials, and
    the rate of the membrane with all channels open; the larger of both factors counts.
    """
    plain = HHModel
    gates = _fastest_gate(model, kinetics) / _fastest_gate(plain, BuiltIn())
    return max(gates, float(_membrane_rate(model) / _membrane_rate(plain)))


def _fastest_gate(model: Any, kinetics: BuiltIn | Own) -> float:
    reversals = [model.ENa, model.EK, model.EKleak]
    V = np.linspace(min(reversals), max(reversals), RATE_POINTS)
    rates = kinetics.rates_asked(V)
    with np.errstate(all="ignore"):
        largest = np.nanmax(rates[:, :3] + rates[:, 3:])
    return float(min(largest, 1e6)) if largest > 0 else 0.0


def _membrane_rate(model: Any) -> Any:
    return (model.gNa + model.gK + model.gKleak) / model.Cm

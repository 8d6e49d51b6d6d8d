"""States to start in, for `HHModel.at_rest` and `steady`, and for analyses."""

import math
from typing import Any, get_args

import numpy as np

from pyhh_fast import validation
from pyhh_fast.equilibria import rest_states
from pyhh_fast.errors import warn_user
from pyhh_fast.models import copies, names
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics, set_rates
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import Unstable
from pyhh_fast.variables import CURRENTS, GATES

UNSTABLE = get_args(Unstable)
"""What may be done where no equilibrium is stable."""


@rounds_to_nearest
def at_rest(source: Any, near: Any, unstable: Any, parameters: dict[str, Any]) -> Any:
    """Return a new model at rest, as :meth:`HHModel.at_rest` does.

    Parameters
    ----------
    source : HHModel, or a class of them
        The model to copy, or the class to call.
    """
    if "startingVoltage" in parameters:
        raise TypeError("at_rest finds the starting voltage itself; leave it out.")
    near = None if near is None else validation.real_number("near", near, unit="mV")
    unstable = validation.choice("unstable", unstable, UNSTABLE)
    model = _new_model(source, parameters)
    model.Vm = 0.0  # a run that diverged may have set it to NaN
    set_steady(model, rest_states.rest_of(model, near, unstable == "steady")[0])
    return model


def start_at_rest(model: HHModel) -> HHModel:
    """Return a copy of `model` at rest, and where no rest is stable, at an unstable equilibrium.

    Analyses start their runs there, whatever the state of the model.

    Raise ValueError if the model has no equilibrium at all.

    Warn if none is stable.

    Parameters
    ----------
    model : HHModel
        It is not changed.

    Returns
    -------
    HHModel
        As :meth:`HHModel.at_rest` returns with ``unstable="steady"``.
    """
    start: HHModel = copies.deep(model)
    start.Vm = 0.0  # as above
    V, stable = rest_states.rest_of(start, None, True)
    set_steady(start, V)
    if not stable:
        advice = 'Pass start="model" to start in the state that the model is in.'
        warn_of_unstable_start("model", V, advice)
    return start


def warn_of_unstable_start(kind: str, V: float, advice: str) -> None:
    """Warn of a start at an unstable equilibrium, at V (mV), of a model or a neuron."""
    warn_user(
        f"the {kind} has no stable resting potential; it starts at its unstable equilibrium at "
        f"V = {V:.4g} mV with steady gates. {advice}"
    )


@rounds_to_nearest
def steady(source: Any, V: Any, parameters: dict[str, Any]) -> Any:
    """Return a new model with steady gates at `V`, as :meth:`HHModel.steady` does."""
    if "startingVoltage" in parameters:
        raise TypeError("steady takes the starting voltage as V; leave startingVoltage out.")
    V = validation.real_number("V", V, unit="mV")
    model = _new_model(source, parameters)
    set_steady(model, V)
    return model


@rounds_to_nearest
def set_steady(model: HHModel, V: float) -> None:
    """Set V (mV) of a model, and all gates to their steady states.

    Raise ValueError if a gate has no steady state there: its rates are both 0, or one is NaN.
    """
    model.Vm = V
    set_rates(model, V)
    for name in GATES:
        gate = getattr(model, name)
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # of rates that are numpy.float64
                gate.setInfiniteState()
        except ZeroDivisionError:
            gate.state = math.nan
        if not (math.isfinite(gate.state) or has_custom_kinetics(model)):
            raise ValueError(
                f"V must be a potential at which gate {name} has a steady state (mV); got {V:.6g}, "
                f"where alpha is {gate.alpha} and beta {gate.beta} (1/ms). Check its unit: V is in "
                "mV, relative to rest."
            )
        if not math.isfinite(gate.state):
            raise ValueError(
                f"gate {name} must have a steady state at V = {V:.6g} mV; got alpha {gate.alpha} "
                f"and beta {gate.beta} (1/ms). Set rates in _UpdateGateTimeConstants whose sum is "
                "above 0."
            )


def _new_model(source: Any, parameters: dict[str, Any]) -> Any:
    if isinstance(source, type):
        if vars(HHModel)["__init__"] is source.__init__:  # type: ignore[misc]
            for name in parameters:
                names.check_name(source, name)
        return source(**parameters)
    for name in GATES:
        names.present(getattr(source, name), "alpha", f"gate {name}", "Set its state instead.")
    values = {name: names.checked(source, name, value) for name, value in parameters.items()}
    model = copies.deep(source)
    for name, value in values.items():
        setattr(model, name, value)
    for current in CURRENTS:
        vars(model).pop(current, None)  # of a step of the other model
    return model

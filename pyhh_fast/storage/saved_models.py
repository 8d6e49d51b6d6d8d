"""Models as numbers: what the store of a run, or a state file, holds of one; and back.

Nothing is pickled. Custom rates are saved as a table. Whatever else a subclass does cannot be, so
only models that make their steps as HHModel does are accepted.
"""

from typing import Any, NamedTuple

from pyhh_fast import validation
from pyhh_fast.kinetics.choose_kinetics import kinetics_of_run
from pyhh_fast.kinetics.frozen import TabulatedModel
from pyhh_fast.kinetics.protocol import FrozenKinetics, NotTabulable
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics, parameter
from pyhh_fast.models.names import declared, is_parameter
from pyhh_fast.models.overrides import custom_behaviour
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS

GATE_VALUES = tuple(f"{gate}.{part}" for gate in GATES for part in ("alpha", "beta", "state"))


@rounds_to_nearest
def rates_to_save(model: Any, advice: str, table: RateTable | None = None) -> FrozenKinetics:
    """Return the rates of a model that can be saved as numbers, custom ones with a table.

    Parameters
    ----------
    advice : str
        What else could be done.
    table : RateTable, optional
        Of custom rates, if one was saved.

    Raises
    ------
    ValueError
        If the model makes its steps in its own way, or no table can hold its rates.
    """
    reason = custom_behaviour(model)
    if reason is None:
        try:
            return kinetics_of_run(model, table_needed=True).frozen(table)
        except NotTabulable as error:
            reason = f"of _UpdateGateTimeConstants it was found that {error}"
    raise ValueError(
        f"model must be one that can be saved as numbers; got one of which {reason}. {advice}"
    )


def description_of(model: Any) -> dict[str, Any]:
    """Return what a model is, without custom rates, and its state; for JSON."""
    values = {"Vm": model.Vm}
    values |= {name: getattr(model, name) for name in CURRENTS if hasattr(model, name)}
    for key in GATE_VALUES:
        gate, part = key.split(".")
        values[key] = getattr(getattr(model, gate), part)
    return {
        "class": type(model).__name__,
        "own_kinetics": has_custom_kinetics(model),
        "parameters": {name: parameter(name, getattr(model, name)) for name in PARAMETERS},
        "declared": _declared(model),
        "state": {name: validation.real_number(name, value) for name, value in values.items()},
    }


def _declared(model: Any) -> dict[str, float]:
    """Return the parameters that the class of a model declares, with the model's values."""
    if isinstance(model, TabulatedModel):
        return dict(model.declared)
    values = {name: getattr(model, name) for name in declared(type(model))}
    return {name: float(value) for name, value in values.items() if is_parameter(name, value)}


class SavedModel(NamedTuple):
    """A model as it was saved: parameters, those that its class declares, state, custom rates."""

    parameters: dict[str, float]
    declared: dict[str, float]
    state: dict[str, float]
    table: RateTable | None


def checked(description: Any, table: RateTable | None) -> SavedModel:
    """Return what a description says of a model whose custom rates are in `table`.

    Raises
    ------
    ValueError, TypeError
        If that is not what was written.
    """
    keys = {"class", "own_kinetics", "parameters", "declared", "state"}
    if not isinstance(description, dict) or set(description) != keys:
        raise ValueError("no description of a model")
    parameters, state = description["parameters"], description["state"]
    if not isinstance(parameters, dict) or set(parameters) != set(PARAMETERS):
        raise ValueError("no parameters of a model")
    own = description["declared"]
    if not isinstance(own, dict) or not all(is_parameter(*one) for one in own.items()):
        raise ValueError("no declared parameters of a model")
    needed = {"Vm", *GATE_VALUES}
    if not isinstance(state, dict) or not needed <= set(state) <= needed | set(CURRENTS):
        raise ValueError("no state of a model")
    if (table is not None) != description["own_kinetics"]:
        raise ValueError("no table of its rates, or one too many")
    return SavedModel(
        {name: parameter(name, parameters[name]) for name in PARAMETERS},
        {name: float(value) for name, value in own.items()},
        {name: validation.real_number(name, value) for name, value in state.items()},
        table,
    )


def rebuilt(saved: SavedModel, model: Any = None) -> Any:
    """Return a model that was saved: a new one, or `model`, which must be like it; in its state.

    Raises
    ------
    ValueError
        If `model` has other parameters or other rates.
    """
    table = saved.table
    if model is not None:
        _must_agree(model, saved.parameters | saved.declared, table)
    elif table is not None:
        model = TabulatedModel.__new__(TabulatedModel)
        model.table = table
        # Not those that have the name of something else here, such as "table".
        model.declared = {k: value for k, value in saved.declared.items() if not hasattr(model, k)}
        vars(model).update(model.declared)
    else:
        model = HHModel()
    for name, value in saved.parameters.items():
        if getattr(model, name) != value:
            setattr(model, name, value)
    for key, value in saved.state.items():
        gate, _, part = key.rpartition(".")
        setattr(getattr(model, gate) if gate else model, part, value)
    return model


def _must_agree(model: Any, parameters: dict[str, float], table: RateTable | None) -> None:
    for name, value in parameters.items():
        there = getattr(model, name, value)  # of a class without it, the rates tell
        if there != value:
            got = f"{name} {there:.12g} instead of {value:.12g}"
            raise ValueError(f"model must be the one that was saved; got one with {got}.")
    rates = rates_to_save(model, "Pass the one that was saved.", table)
    if not rates.agree_with(table):
        raise ValueError("model must be the one that was saved; got one with other rates.")

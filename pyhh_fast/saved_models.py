"""Models as numbers: what the store of a run, or a file of state, holds of one; and back.

Nothing is pickled. Kinetics of a model's own are kept as a table of their rates. Whatever else a
subclass does cannot be, so only models that make their steps as HHModel does are taken.
"""

from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast._rate_tables import LANES, POWERS
from pyhh_fast.kinetics import FINEST_WIDTH, NotTabulable, kinetics_of
from pyhh_fast.models import GATES, PARAMETERS, HHModel, has_own_kinetics, parameter
from pyhh_fast.overrides import own_behaviour
from pyhh_fast.rate_tables import LARGEST_V, WIDTH, RateTable
from pyhh_fast.recording import CURRENTS
from pyhh_fast.travelling_rates import Rates
from pyhh_fast.validation import FloatArray

GATE_VALUES = tuple(f"{gate}.{part}" for gate in GATES for part in ("alpha", "beta", "state"))

WIDTHS = tuple(WIDTH / 2**i for i in range(round(np.log2(WIDTH / FINEST_WIDTH)) + 1))
"""Those that a table of rates may have, in mV."""


class TabulatedModel(HHModel):
    """A neuron whose rates are those of a table: one that was saved, without its class.

    It knows no rates beyond the potentials that the runs before came to.
    """

    _rates: RateTable

    def _UpdateGateTimeConstants(self, Vm: Any) -> None:
        table, V = self._rates, np.asarray(Vm, dtype=np.float64)
        if not ((table.low < V) & (V < table.high)).all():
            raise ValueError(
                f"the rates that were saved are those between {table.low:g} and {table.high:g} mV"
            )
        rates = table(np.ravel(V))
        for i, name in enumerate(GATES):
            gate = getattr(self, name)
            gate.alpha, gate.beta = (rates[:, j].reshape(V.shape)[()] for j in (i, 3 + i))


def rates_to_save(model: Any, name: str, table: RateTable | None = None) -> Rates:
    """Return the rates of a model that can be saved as numbers, with a table that was kept of them.

    Raises
    ------
    ValueError
        If this one cannot; `name` is what it is wanted for.
    """
    reason = own_behaviour(model)
    if reason is None:
        try:
            return Rates(kinetics_of(model, table_needed=True), table)
        except NotTabulable as error:
            reason = f"of _UpdateGateTimeConstants it was found that {error}"
    raise ValueError(
        f"{name} must be left out for a model that cannot be saved as numbers; got one of which "
        f"{reason}."
    )


def description_of(model: Any) -> dict[str, Any]:
    """Return what a model is, but for kinetics of its own, and its state; for JSON."""
    values = {"Vm": model.Vm}
    values |= {name: getattr(model, name) for name in CURRENTS if hasattr(model, name)}
    for key in GATE_VALUES:
        gate, part = key.split(".")
        values[key] = getattr(getattr(model, gate), part)
    return {
        "class": type(model).__name__,
        "own_kinetics": has_own_kinetics(model),
        "parameters": {name: parameter(name, getattr(model, name)) for name in PARAMETERS},
        "state": {name: validation.real_number(name, value) for name, value in values.items()},
    }


def rebuilt(description: Any, table: RateTable | None, model: Any = None) -> Any:
    """Return a model that was saved: a new one, or `model`, which must be like it; in its state.

    Raises
    ------
    ValueError
        If the description is none, or `model` has other parameters or other rates.
    """
    parameters, state = _checked(description)
    if (table is not None) != description["own_kinetics"]:
        raise ValueError("no table of its rates, or one too many")
    if model is not None:
        _must_agree(model, parameters, table)
    elif table is not None:
        model = TabulatedModel.__new__(TabulatedModel)
        model._rates = table
    else:
        model = HHModel()
    for name, value in parameters.items():
        if getattr(model, name) != value:
            setattr(model, name, value)
    for key, value in state.items():
        gate, _, part = key.rpartition(".")
        setattr(getattr(model, gate) if gate else model, part, value)
    return model


def _must_agree(model: Any, parameters: dict[str, float], table: RateTable | None) -> None:
    for name, value in parameters.items():
        if getattr(model, name) != value:
            got = f"{name} {getattr(model, name):.12g} instead of {value:.12g}"
            raise ValueError(f"model must be the one that was saved; got one with {got}.")
    if not rates_to_save(model, "model", table).agree():
        raise ValueError("model must be the one that was saved; got one with other rates.")


def _checked(description: Any) -> tuple[dict[str, float], dict[str, float]]:
    keys = {"class", "own_kinetics", "parameters", "state"}
    if not isinstance(description, dict) or set(description) != keys:
        raise ValueError("no description of a model")
    parameters, state = description["parameters"], description["state"]
    if not isinstance(parameters, dict) or set(parameters) != set(PARAMETERS):
        raise ValueError("no parameters of a model")
    needed = {"Vm", *GATE_VALUES}
    if not isinstance(state, dict) or not needed <= set(state) <= needed | set(CURRENTS):
        raise ValueError("no state of a model")
    return (
        {name: parameter(name, parameters[name]) for name in PARAMETERS},
        {name: validation.real_number(name, value) for name, value in state.items()},
    )


def table_from(rows: FloatArray, attributes: Any) -> RateTable:
    """Return a table of rates that was saved, having seen that the time loops can read it.

    Raises
    ------
    ValueError
        If they could not.
    """
    if not isinstance(attributes, dict) or set(attributes) != {"first", "width"}:
        raise ValueError("no table of rates")
    first, width = attributes["first"], attributes["width"]
    if type(first) is not int or width not in WIDTHS or rows.shape[1:] != (POWERS, LANES):
        raise ValueError("no table of rates")
    reach = LARGEST_V / width
    if not (-reach <= first and 1 <= len(rows) <= reach - first + 1 and np.isfinite(rows).all()):
        raise ValueError("no table of rates")
    aligned = np.ascontiguousarray(rows, dtype=np.float64)
    return RateTable(aligned, first, float(width))


def attributes_of(table: RateTable) -> dict[str, Any]:
    """Return what is saved of a table beside its rows."""
    return {"first": table.first, "width": table.width}

"""Models as numbers: what the store of a run, or a state file, holds of one; and back.

Custom rates are saved as a table. Whatever else a subclass does cannot be, so only models that make
their steps as HHModel does are accepted.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared
from pyhh_fast.engine.choose_stepper import check_model
from pyhh_fast.engine.compiled_model import FIELDS, CompiledModel
from pyhh_fast.engine.compiled_stepper import log_slow_run
from pyhh_fast.kinetics.choose_kinetics import kinetics_of_run
from pyhh_fast.kinetics.frozen import TabulatedModel
from pyhh_fast.kinetics.protocol import FrozenKinetics, NotTabulable
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics, parameter
from pyhh_fast.models.membrane import reversals_of
from pyhh_fast.models.names import declared, is_parameter
from pyhh_fast.models.overrides import custom_behaviour
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.settings import RunSettings
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS, VARIABLES

GATE_VALUES = tuple(f"{gate}.{part}" for gate in GATES for part in ("alpha", "beta", "state"))


class SavableModel:
    """A model that can be saved, with its rates."""

    key = "model"

    def __init__(self, model: Any, rates: FrozenKinetics) -> None:
        self.subject = model
        self._rates = rates

    @classmethod
    def of(cls, model: Any, advice: str) -> "SavableModel":
        """Return a model whose run may be continued, or whose state may be loaded.

        Raise TypeError or ValueError if it is no model, or cannot be saved as numbers; the latter
        ends with the advice.
        """
        check_model(model)
        return cls(model, rates_to_save(model, advice))

    def description(self) -> dict[str, Any]:
        """As `Savable.description`."""
        return description_of(self.subject)

    @rounds_to_nearest
    def table(self) -> RateTable | None:
        """Return its table, extended to its V, and, where that can be, to its reversals."""
        try:
            self._rates.extend(self.subject.Vm)
        except NotTabulable as error:
            raise ValueError(
                "model must be one that can be saved as numbers; got one of which, at its V = "
                f"{self.subject.Vm:.6g} mV, it was found that {error}. Pickle it instead."
            ) from error
        with contextlib.suppress(NotTabulable):
            for E in reversals_of(self.subject):
                self._rates.extend(E)
        return self._rates.stored

    def compiled(
        self, settings: RunSettings, save: Callable[[Table], object], state: dict[str, Any] | None
    ) -> CompiledModel:
        """As `Savable.compiled`."""
        V = None if state is None else state["cell"]["V"]
        kinetics = self._rates.saved_by(save)
        return CompiledModel(self.subject, settings, kinetics, log_slow_run, V)


@rounds_to_nearest
def rates_to_save(model: Any, advice: str, table: RateTable | None = None) -> FrozenKinetics:
    """Return the rates of a model that can be saved as numbers, custom ones with a table.

    Raise ValueError if the model makes its steps in its own way, or no table can hold its rates.

    Parameters
    ----------
    advice : str
        What else could be done.
    table : RateTable, optional
        Of custom rates, if one was saved.
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


class SavedModel:
    """A model as it was saved: parameters, those that its class declares, state, custom rates."""

    variables = VARIABLES
    fields = FIELDS

    def __init__(self, description: Any, table: Table | None) -> None:
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
        if not isinstance(table, RateTable if description["own_kinetics"] else type(None)):
            raise ValueError("no table of its rates, or one too many")
        self._parameters = {name: parameter(name, parameters[name]) for name in PARAMETERS}
        self._declared = {name: float(value) for name, value in own.items()}
        self._state = {name: validation.real_number(name, value) for name, value in state.items()}
        self._table = table

    def restored(self, given: Any) -> SavableModel:
        """As `Saved.restored`."""
        table, model = self._table, given
        if model is not None:
            self._must_agree(model)
        elif table is not None:
            model = TabulatedModel.__new__(TabulatedModel)
            model.table = table
            # Not those that have the name of something else here, such as "table".
            model.declared = {k: v for k, v in self._declared.items() if not hasattr(model, k)}
            vars(model).update(model.declared)
        else:
            model = HHModel()
        for name, value in self._parameters.items():
            if getattr(model, name) != value:
                setattr(model, name, value)
        for key, value in self._state.items():
            gate, _, part = key.rpartition(".")
            setattr(getattr(model, gate) if gate else model, part, value)
        return SavableModel(model, rates_to_save(model, "Pass the one that was run.", table))

    def _must_agree(self, model: Any) -> None:
        if isinstance(model, Declared):
            raise TypeError("model must be the HHModel that was saved; got a Neuron. Leave it out.")
        check_model(model)
        for name, value in (self._parameters | self._declared).items():
            there = getattr(model, name, value)  # of a class without it, the rates tell
            if there != value:
                got = f"{name} {there:.12g} instead of {value:.12g}"
                raise ValueError(f"model must be the one that was saved; got one with {got}.")
        rates = rates_to_save(model, "Pass the one that was saved.", self._table)
        if not rates.agree_with(self._table):
            raise ValueError("model must be the one that was saved; got one with other rates.")

"""Hodgkin and Huxley's cells, with the names of pyHH: what `Population` is made of and checks."""

import copy
from typing import Any

import numpy as np

from pyhh_fast import rate_tables, validation
from pyhh_fast.cells import Cells, per_cell
from pyhh_fast.models import membrane, plausibility
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.models.names import custom_parameters, suggestion
from pyhh_fast.rate_tables import RatesAt
from pyhh_fast.system import free_memory
from pyhh_fast.variables import GATES, PARAMETERS, STATE

BYTES_A_CELL = 300
"""What a run takes for each cell, apart from traces and spikes."""


class PerCell:
    """A number of each cell, as an attribute that is a view of a field of its arrays."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._array = "_parameters" if name in PARAMETERS else "_state"
        known = PARAMETERS[name] if name in PARAMETERS else STATE[name]
        self._field, self._unit = known.symbol, known.unit
        self._positive = name in PARAMETERS and PARAMETERS[name].positive

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else getattr(instance, self._array)[self._field]

    def __set__(self, instance: Any, value: Any) -> None:
        array = getattr(instance, self._array)
        array[self._field] = per_cell(
            self._name, value, array.size, unit=self._unit, positive=self._positive
        )


class HHCells(Cells):
    """Cells whose parameters and states are attributes, each an array of a number a cell."""

    Cm = PerCell()
    gNa = PerCell()
    gK = PerCell()
    gKleak = PerCell()
    ENa = PerCell()
    EK = PerCell()
    EKleak = PerCell()
    Vm = PerCell()
    StateM = PerCell()
    StateH = PerCell()
    StateN = PerCell()

    _origin: Any
    _told: tuple[str, ...] = ()
    _custom_parameters: dict[str, float] = {}  # noqa: RUF012 (replaced, never changed)

    def __setattr__(self, name: str, value: Any) -> None:
        # A name that is misspelled would else change nothing, without a word.
        if not (name.startswith("_") or hasattr(type(self), name)):
            if name in self._custom_parameters:
                raise AttributeError(
                    f"{name} is one number for all cells, on which their rates may depend, and is "
                    "not changed later. Make a population by from_model(model, size, "
                    f"{name}={validation.shown(value)})."
                )
            known = [*PARAMETERS, *STATE]
            raise AttributeError(
                validation.unknown_name("attribute of a Population", name, known, suggestion)
            )
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        # What the class of the model declares; only names that are not found come here.
        if name in self._custom_parameters:
            return self._custom_parameters[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _set_up(self, size: int, parameters: dict[str, Any]) -> None:
        size = validation.count("size", size)
        free_memory.check(BYTES_A_CELL * size, "a population", "Make several, one after the other.")
        defaults = {name: getattr(HHModel, name) for name in PARAMETERS}
        self._parameters = np.zeros(size, membrane.PARAMETER_STRUCT)
        self._state = np.zeros(size, membrane.STATE_STRUCT)
        self._origin = None
        for name, value in (defaults | parameters).items():
            if name not in PARAMETERS:
                known = [*PARAMETERS, "startingVoltage"]
                raise TypeError(validation.unknown_name("parameter", name, known, suggestion))
            setattr(self, name, value)

    def _set_gates_steady(self, rates_at: RatesAt = rate_tables.hodgkin_huxley) -> None:
        rates = rates_at(np.ascontiguousarray(self.Vm))
        for name, steady in zip(GATES, rate_tables.steady(rates).T, strict=True):
            self._state[name] = steady

    def _check_cells(self) -> None:
        """See that what was set in place can be used."""
        for name, parameter in PARAMETERS.items():
            values = self._parameters[parameter.symbol]
            if not (np.isfinite(values).all() and (not parameter.positive or (values > 0).all())):
                setattr(self, name, values)  # which raises the error
        plausibility.check_cells(self)


def with_custom_parameters(
    model: HHModel, size: int, parameters: dict[str, Any]
) -> tuple[HHModel, dict[str, Any]]:
    """Return a copy of `model` with those parameters that a subclass declares, and the others."""
    others = parameters.keys() - PARAMETERS
    custom = others & custom_parameters(model).keys() if others else set()
    if not custom:
        return model, parameters
    changed = copy.copy(model)
    for name in custom:
        values = np.unique(per_cell(name, parameters[name], size))
        if values.size > 1:
            raise ValueError(
                f"{name} must be one number for all cells, because rates may depend on it; got "
                f"{values.size} different ones. Use sweep(model, {{{name!r}: values}}, ...), or "
                "make a population for each."
            )
        for value in values:
            setattr(changed, name, float(value))
    return changed, {name: value for name, value in parameters.items() if name not in custom}

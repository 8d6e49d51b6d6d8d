"""Rates of a run that goes on later: from a table that is kept with it."""

import types
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from pyhh_fast.kinetics.evaluated import BuiltIn, Own, kinetics_of
from pyhh_fast.kinetics.travelling import Rates
from pyhh_fast.models.hh_model import GATES, PARAMETERS, HHModel
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray


class KeptRates:
    """The rates of a model's own kinetics, from a table that is made wider where that is needed.

    Parameters
    ----------
    rates : Rates or RateTable
        Where they come from, or, where only that is known, a table of them.
    keep : callable
        Takes each table before it is used.

    Raises
    ------
    ValueError
        From a run that wants rates which only the model could tell.
    """

    def __init__(self, rates: Rates | RateTable, keep: Callable[[RateTable], object]) -> None:
        self._rates = rates
        self._keep = keep
        self._kept: RateTable | None = None

    def table(self, V: float) -> RateTable:
        """Return a table that covers `V` (mV), or as much as a table may."""
        if isinstance(self._rates, Rates):
            self._rates.extend(V)
        table = self._rates.table if isinstance(self._rates, Rates) else self._rates
        assert table is not None
        if table is self._rates and not table.low < V < table.high:
            raise _model_wanted(V)
        if table is not self._kept:
            self._keep(table)
            self._kept = table
        return table

    def rates_in(self, table: RateTable, V: float) -> FloatArray:
        """Return the rates, shape (6,), that a step from `V` (mV) used."""
        if table.low < V < table.high:
            rates: FloatArray = table(np.array([V]))[0]
            return rates
        asked: FloatArray = self.rates_asked(np.array([V]))[0]
        return asked

    def rates_asked(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV), beyond any table."""
        if isinstance(self._rates, RateTable):
            raise _model_wanted(float(V[0]))
        return self._rates.asked(V)


class TabulatedModel(HHModel):
    """A neuron whose rates are those of a table: one that was saved, without its class.

    It knows no rates beyond the potentials that the runs before came to, and none for other values
    of the parameters that its class declared.

    Attributes
    ----------
    table : RateTable
    declared : dict of float
        Those parameters as they were saved.
    """

    table: RateTable
    declared: Mapping[str, float] = types.MappingProxyType({})

    def check_declared(self) -> None:
        """See that the declared parameters are those that the table was made for."""
        for name, value in self.declared.items():
            there = getattr(self, name, None)
            if there != value:
                raise ValueError(
                    f"{name} must be as it was saved, {value:.12g}, because the rates are a table "
                    f"without the model's class; got {there}. Pass model=... to resume or "
                    "load_state, and change it there."
                )

    def _UpdateGateTimeConstants(self, Vm: Any) -> None:
        self.check_declared()
        table, V = self.table, np.asarray(Vm, dtype=np.float64)
        if not ((table.low <= V) & (V <= table.high)).all():
            raise ValueError(
                f"the rates that were saved are those between {table.low:g} and {table.high:g} mV"
            )
        rates = table(np.ravel(V))
        for i, name in enumerate(GATES):
            gate = getattr(self, name)
            gate.alpha, gate.beta = (rates[:, j].reshape(V.shape)[()] for j in (i, 3 + i))


class EndlessTableModel(TabulatedModel):
    """The same, with rates of the nearer end where the table has none: for searches beyond it."""

    @classmethod
    def of(cls, model: TabulatedModel) -> Self:
        """Return one with the parameters and the table of `model`."""
        twin = cls.__new__(cls)
        twin.table, twin.Vm = model.table, model.Vm
        for name in PARAMETERS:
            setattr(twin, name, getattr(model, name))
        return twin

    def _UpdateGateTimeConstants(self, Vm: Any) -> None:
        low, high = np.nextafter(self.table.low, np.inf), np.nextafter(self.table.high, -np.inf)
        super()._UpdateGateTimeConstants(np.clip(Vm, low, high))


def kinetics_for(model: HHModel, *, table_needed: bool) -> BuiltIn | Own | KeptRates:
    """Return where the rates of a run of `model` come from; as :func:`kinetics_of`."""
    if isinstance(model, TabulatedModel):
        model.check_declared()
        return KeptRates(model.table, lambda _: None)
    return kinetics_of(model, table_needed=table_needed)


def _model_wanted(V: float) -> ValueError:
    return ValueError(
        f"model must be given to go on: V has come to {V:.6g} mV, and the rates that were saved do "
        "not reach so far. Pass model=... to resume or load_state."
    )

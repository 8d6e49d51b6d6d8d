"""Rates that are fixed as a table: those of stored runs, of saved models and of sweeps.

A user's formulas call NumPy's functions, whose last bits depend on the CPU and on the version. So a
stored run continues with the table that it began with, and the workers of a sweep use the caller's.
Beyond its range, its source extends the table; without a source that is an error.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from pyhh_fast.kinetics.protocol import FrozenKinetics, Kinetics
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import GATES, PARAMETERS


class BeyondTable(ValueError):
    """V (mV) is beyond a table without a source."""

    def __init__(self, V: float) -> None:
        super().__init__(V)
        self.V = V

    def __str__(self) -> str:
        return (
            f"model must be given to continue: V has reached {self.V:.6g} mV, and the rates that "
            "were saved do not reach so far. Pass model=... to resume or load_state."
        )


class FrozenRates(FrozenKinetics):
    """The rates of a table.

    Raise BeyondTable where V is beyond the table and there is no source. Raise NotTabulable where
    the source finds that an extended table cannot hold its rates.

    Parameters
    ----------
    source : Kinetics, optional
        Its rates where it is extended.
    """

    def __init__(self, table: RateTable, source: Kinetics | None = None) -> None:
        self.stored: RateTable = table
        self._source = source
        self._save: Callable[[RateTable], object] | None = None
        self._saved: RateTable | None = None

    def table(self, V: float) -> RateTable:
        self.extend(V)
        table = self.stored
        if self._source is None and not table.low < V < table.high:
            raise BeyondTable(V)
        if self._save is not None and table is not self._saved:
            self._save(table)
            self._saved = table
        return table

    def rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates beyond the table, shape (n, 6), at each V (mV)."""
        if self._source is None:
            raise BeyondTable(float(V[0]))
        return self._source.checked_rates_at(V)

    def agree_with(self, table: RateTable | None) -> bool:
        return self._source is not None and self._source.agree_with(table)

    def frozen(self, table: RateTable | None = None) -> Self:
        return self

    def extend(self, V: float) -> bool:
        if self._source is None or self.stored.low < V < self.stored.high:
            return False
        self.stored = self._source.extended(self.stored, V)
        return True

    def without_source(self) -> "FrozenRates":
        return FrozenRates(self.stored)

    def saved_by(self, save: Callable[[RateTable], object]) -> Self:
        self._save = save
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.stored.rows, self.stored.first, self.stored.width)


def _rebuilt(rows: FloatArray, first: int, width: float) -> FrozenRates:
    return FrozenRates(RateTable(rows, first, width))


class TabulatedModel(HHModel):
    """A neuron whose rates are those of a table: one that was saved, without its class.

    Its rates are known for the potentials that earlier runs reached, and for the saved values of
    the parameters that its class declared.

    Attributes
    ----------
    table : RateTable
    declared : dict of float
        Those parameters as they were saved.
    """

    table: RateTable
    declared: Mapping[str, float] = types.MappingProxyType({})

    def _saved_kinetics(self) -> FrozenRates:
        """Return the rates that a run uses."""
        self.check_declared()
        return FrozenRates(self.table)

    def _at_all_V(self) -> "TabulatedModel":
        """Return a model like this with rates at all V: beyond the table those at its nearer end.

        It is for searches beyond the potentials that runs reached.
        """
        twin = _ClampedModel.__new__(_ClampedModel)
        twin.table, twin.Vm = self.table, self.Vm
        for name in PARAMETERS:
            setattr(twin, name, getattr(self, name))
        return twin

    def check_declared(self) -> None:
        """Raise ValueError unless the declared parameters are those that the table was made for."""
        for name, value in self.declared.items():
            present = getattr(self, name, None)
            if present != value:
                raise ValueError(
                    f"{name} must be as it was saved, {value:.12g}, because the rates are a table "
                    f"without the model's class; got {present}. Pass model=... to resume or "
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


class _ClampedModel(TabulatedModel):
    def _UpdateGateTimeConstants(self, Vm: Any) -> None:
        low, high = np.nextafter(self.table.low, np.inf), np.nextafter(self.table.high, -np.inf)
        super()._UpdateGateTimeConstants(np.clip(Vm, low, high))

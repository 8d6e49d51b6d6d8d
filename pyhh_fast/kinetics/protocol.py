"""What runs, equilibria, stores and sweeps use of rates, whatever their source.

Its three implementations are built-in rates, custom rates (evaluated from a user's method) and
frozen rates (a table without their source), each in its file.
"""

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray


class NotTabulable(Exception):
    """A table cannot replace a model's custom rates; the message says why."""


class NotSmooth(NotTabulable):
    """No table can hold the rates, but they depend on V alone: they may be evaluated at each V."""


class Kinetics(Protocol):
    """The rates of a model; arrays of them have the columns alpha m, h, n, beta m, h, n (1/ms)."""

    built_in: ClassVar[bool] = False
    """Whether they are those that the kernels compute."""

    def table(self, V: float) -> RateTable:
        """Return a table that covers `V` (mV), if |V| is at most `LARGEST_V`, or more."""

    def table_for_cells(self) -> RateTable:
        """Return the table that a run of many cells starts with."""
        return self.table(0.0)

    def rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV)."""

    def checked_rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates at each V (mV); raise NotTabulable if they depend on more than V."""
        return self.rates_at(V)

    def rates_used(self, table: RateTable, V: float) -> FloatArray:
        """Return the rates, shape (6,), that a step from `V` (mV) with this table used."""
        source = table if table.low < V < table.high else self.rates_at
        rates: FloatArray = source(np.array([V]))[0]
        return rates

    def agree_with(self, table: RateTable | None) -> bool:
        """Whether these are the rates that were stored as `table`, None for built-in ones."""

    def extended(self, table: RateTable, V: float) -> RateTable:
        """Return a table that covers `V` (mV) too, with all rows of `table` unchanged."""
        return table

    def frozen(self, table: RateTable | None = None) -> "FrozenKinetics":
        """Return rates with the same bits on every machine: of `table`, or by default a new one."""


class FrozenKinetics(Kinetics, Protocol):
    """Rates whose bits do not change: those that stores hold and sweeps send to workers."""

    stored: RateTable | None
    """The table from which they can be restored; None for built-in rates."""

    def extend(self, V: float) -> bool:
        """Extend the table to cover `V` (mV), if there is one; return whether that changed it.

        Existing rows and the width do not change, and so results do not.
        """
        return False

    def without_source(self) -> "FrozenKinetics":
        """Return rates that can be pickled: those within the table."""
        return self

    def saved_by(self, save: Callable[[RateTable], object]) -> "FrozenKinetics":
        """Return the same rates, of which `save` gets each table before its first use."""
        return self

"""What runs, equilibria, stores and sweeps need of rates, wherever these come from.

Built-in, custom (evaluated from a user's method) and frozen rates (a table is all there is) are
three implementations, in files of their own.
"""

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray


class NotTabulable(Exception):
    """Why a table cannot replace a model's custom rates."""


class NotSmooth(NotTabulable):
    """It cannot, but the rates depend on V alone: they may be evaluated at each V."""


class Kinetics(Protocol):
    """The rates of a model; arrays of them have the columns alpha m, h, n, beta m, h, n (1/ms)."""

    built_in: ClassVar[bool] = False
    """Whether they are those that the kernels compute."""

    def table(self, V: float) -> RateTable:
        """Return a table that covers `V` (mV), where any can; it may reach further."""

    def table_for_cells(self) -> RateTable:
        """Return the table that a run of many cells starts with."""
        return self.table(0.0)

    def rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV)."""

    def checked_rates_at(self, V: FloatArray) -> FloatArray:
        """Return the same, having checked that they depend on V alone; else raise NotTabulable."""
        return self.rates_at(V)

    def rates_used(self, table: RateTable, V: float) -> FloatArray:
        """Return the rates, shape (6,), that a step from `V` (mV) with this table used."""
        source = table if table.low < V < table.high else self.rates_at
        rates: FloatArray = source(np.array([V]))[0]
        return rates

    def agree_with(self, table: RateTable | None) -> bool:
        """Whether these are the rates that were stored as `table`; None if they were built-in."""

    def extended(self, table: RateTable, V: float) -> RateTable:
        """Return a table that covers `V` (mV) too and has all rows of `table` as they are."""
        return table

    def frozen(self, table: RateTable | None = None) -> "FrozenKinetics":
        """Return rates with the same bits on every machine: `table`, or a new one, extended."""


class FrozenKinetics(Kinetics, Protocol):
    """Rates that do not change their last bits: what stores hold, and sweeps send to workers."""

    stored: RateTable | None
    """What must be stored to have them again; None for built-in rates."""

    def extend(self, V: float) -> bool:
        """Extend the table to cover `V` (mV), if there is one; return whether that changed it.

        Rows that exist stay as they are, and so does the width: results do not change.
        """
        return False

    def without_source(self) -> "FrozenKinetics":
        """Return rates that can be pickled and are known as far as the table reaches."""
        return self

    def saved_by(self, save: Callable[[RateTable], object]) -> "FrozenKinetics":
        """Return the same rates, of which `save` gets each table before its first use."""
        return self

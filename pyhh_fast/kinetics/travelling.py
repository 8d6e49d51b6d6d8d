"""Rates of a model's own that are tabulated once, by the caller, and travel with a sweep's tasks.

A user's formulas end in NumPy's functions, whose last bits depend on the CPU and on the version.
Whoever computes a chunk reads the caller's table instead, and where that ends asks for more.
"""

from typing import Any

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.kinetics.evaluated import AGREES_AT, TOLERANCE, BuiltIn, NotSmooth, Own
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray


class BeyondTable(Exception):
    """V (mV) has come to where a table that travelled does not reach."""

    def __init__(self, V: float) -> None:
        super().__init__(V)
        self.V = V


class Tabulated:
    """The rates that a table holds, and no others.

    Raises
    ------
    BeyondTable
        From `table`, where it ends.
    """

    def __init__(self, table: RateTable) -> None:
        self._table = table

    def table(self, V: float) -> RateTable:
        """Return the table, which must cover `V` (mV)."""
        if not self._table.low < V < self._table.high:
            raise BeyondTable(V)
        return self._table

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._table.rows, self._table.first, self._table.width)


class Rates:
    """The rates for all tasks of a sweep.

    Parameters
    ----------
    kinetics : BuiltIn or Own
        Where they come from.
    kept : RateTable, optional
        One that the sweep began with, earlier and maybe elsewhere.

    Raises
    ------
    NotTabulable
        From here and `extend`, where a table cannot hold them.
    """

    def __init__(self, kinetics: BuiltIn | Own, kept: RateTable | None = None) -> None:
        self._kinetics = kinetics
        self.table = kept
        if isinstance(kinetics, Own) and kept is None:
            # Not one of a run before: how fine it is may depend on how far that run went.
            self.table = kinetics._tabulate(*rate_tables.range_with(0.0))
            kinetics._check_what_was_seen()

    def agree(self) -> bool:
        """Whether a table that was kept is right for the model as it is now."""
        if self.table is None or isinstance(self._kinetics, BuiltIn):
            return self.table is None and isinstance(self._kinetics, BuiltIn)
        numbers = self.table.first + np.arange(len(self.table.rows))
        errors = self._kinetics._errors(self.table.rows, numbers, self.table.width, AGREES_AT)
        return bool(errors.max() <= TOLERANCE)

    def to_send(self) -> BuiltIn | Tabulated:
        """Return what can be pickled and gives the same bits everywhere."""
        return BuiltIn() if self.table is None else Tabulated(self.table)

    def asked(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV), from no table."""
        return self._kinetics.rates_asked(V)

    def extend(self, V: float) -> bool:
        """Have a table that covers `V` (mV); return whether that took a new one.

        Rows that there were stay as they are, and so does the width: what was computed with them
        is what the new table gives.
        """
        table, kinetics = self.table, self._kinetics
        if table is None or table.low < V < table.high or isinstance(kinetics, BuiltIn):
            return False
        wider = rate_tables.tabulate(
            kinetics.rates_at, *rate_tables.range_with(V, table.low, table.high), table.width
        )
        errors = kinetics._repair(wider)
        kinetics._check_what_was_seen()
        worst = int(np.argmax(errors))
        if not errors[worst] <= TOLERANCE:
            V = (wider.first + worst) * wider.width
            raise NotSmooth(f"the rates are not smooth at V = {V:.6g} mV")
        start = table.first - wider.first
        wider.rows[start : start + len(table.rows)] = table.rows
        self.table = wider
        return True


def _rebuilt(rows: FloatArray, first: int, width: float) -> Tabulated:
    return Tabulated(RateTable(rows, first, width))

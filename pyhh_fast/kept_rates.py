"""Rates of a run that goes on later: from a table that is kept with it."""

from collections.abc import Callable

import numpy as np

from pyhh_fast.rate_tables import RateTable
from pyhh_fast.travelling_rates import Rates
from pyhh_fast.validation import FloatArray


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
        """Return a table that covers `V` (mV)."""
        if isinstance(self._rates, RateTable):
            table = self._rates
            if not table.low < V < table.high:
                raise _model_wanted(V)
            return table
        self._rates.extend(V)
        assert self._rates.table is not None
        if self._kept is not self._rates.table:
            self._keep(self._rates.table)
            self._kept = self._rates.table
        return self._kept

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


def _model_wanted(V: float) -> ValueError:
    return ValueError(
        f"model must be given to go on: V has come to {V:.6g} mV, and the rates that were saved do "
        "not reach so far. Call Simulation.resume(..., model=...) with the model that was run."
    )

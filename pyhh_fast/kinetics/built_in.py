"""The rates of Hodgkin and Huxley, as the kernels compute them."""

from typing import ClassVar

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.kinetics.protocol import FrozenKinetics
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray


class BuiltIn(FrozenKinetics):
    """The rates of Hodgkin & Huxley (1952)."""

    built_in: ClassVar[bool] = True
    stored = None
    rates_at = staticmethod(rate_tables.hodgkin_huxley)
    checked_rates_at = rates_at

    def table(self, V: float) -> RateTable:
        return rate_tables.built_in(V)

    def table_for_cells(self) -> RateTable:
        return rate_tables.built_in_for_many()

    def rates_used(self, table: RateTable, V: float) -> FloatArray:
        rates: FloatArray = self.rates_at(np.array([V]))[0]  # not the table's, by their last bits
        return rates

    def agree_with(self, table: RateTable | None) -> bool:
        return table is None

    def frozen(self, table: RateTable | None = None) -> "BuiltIn":
        return self

"""Custom rates: a user's `_UpdateGateTimeConstants`, evaluated on a copy of the model.

They are tabulated, so such a model runs as fast as the built-in one. Before that it is checked
whether a table can replace the method: whether rates depend on V alone, and are smooth.
"""

import copy
import math
import weakref
from typing import Any, ClassVar

import numpy as np

from pyhh_fast import rate_tables, validation
from pyhh_fast.kinetics.protocol import FrozenKinetics, Kinetics, NotSmooth, NotTabulable
from pyhh_fast.kinetics.record_access import record_access
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray, IntArray
from pyhh_fast.variables import GATES

TOLERANCE = 1e-13
"""Largest relative error of a table, off its nodes."""

FINEST_WIDTH = 1 / 64
"""Rows are halved down to this, in mV, where rates are too steep for wider ones."""

CHECKED_AT = np.array([-0.4999, -0.4, -0.2, 0.06, 0.3, 0.4999])
"""Where in each row a new table is compared with what it was made from."""

AGREES_AT = np.array([-0.2, 0.3])
"""Where in each row an existing table is compared with a model before a run."""

_FLOATS = {float, np.float64}


def may_tabulate(model: HHModel) -> bool:
    """Whether a run may tabulate the custom rates of a model, by its `tabulate`."""
    try:
        return bool(model.tabulate)
    except Exception:  # as of an array
        got = validation.shown(model.tabulate)
        raise TypeError(validation.message("tabulate", "True or False", got)) from None


class Evaluated(Kinetics):
    """The rates that a model's overridden `_UpdateGateTimeConstants` sets.

    Raise NotTabulable from here and all methods, where rates from V alone would not do what the
    model does. Raise NotSmooth from tables, where the rates are not smooth, or the model's
    `tabulate` is False.
    """

    # By hook its latest table, which each run compares with its model, and where, in mV, the rates
    # were found not to be smooth: the next run checks there first.
    _tables: ClassVar[weakref.WeakKeyDictionary[Any, RateTable]] = weakref.WeakKeyDictionary()
    _rough_V: ClassVar[weakref.WeakKeyDictionary[Any, float]] = weakref.WeakKeyDictionary()

    def __init__(self, model: HHModel) -> None:
        hook = model._UpdateGateTimeConstants
        self._hook = getattr(hook, "__func__", hook)
        try:
            weakref.ref(self._hook)
        except TypeError:  # a callable that cannot be a key
            self._hook = type(self._hook)
        self._may_tabulate = may_tabulate(model)
        self._accessed: set[str] = set()
        try:
            self._scratch = copy.deepcopy(model)
            log = self._accessed
            record_access(self._scratch, {"INa", "IK", "IKleak"}, {"Vm"}, log)
            for name in GATES:
                record_access(getattr(self._scratch, name), {"state"}, {"alpha", "beta"}, log)
        except Exception as error:  # of a user's classes
            raise NotTabulable(f"the model cannot be copied: {error!r}") from error
        self._takes_arrays = False
        low, high = rate_tables.range_with(_number_or_0(getattr(model, "Vm", 0.0)))
        before = [(vars(getattr(model, name)), dict(vars(getattr(model, name)))) for name in GATES]
        try:
            V = np.linspace(low, high, 6) + 0.0123
            one_by_one = self._first_rates(V)
        finally:
            # A function that refers to the model has changed the model and not its copy.
            for now, then in before:
                now.update(then)
        self._takes_arrays = self._arrays_give(one_by_one, V)

    def table(self, V: float) -> RateTable:
        """Return a table that covers `V` (mV) and agrees with the model as it is now."""
        if not self._may_tabulate:
            raise NotSmooth("tabulate is False")
        table = self._tables.get(self._hook)
        if table is None or not self._reproduces(table):
            table = self._tabulate(*rate_tables.range_with(V))
        elif not table.low < V < table.high:
            table = self._tabulate(*rate_tables.range_with(V, table.low, table.high))
        self._check_access()
        self._tables[self._hook] = table
        return table

    def extended(self, table: RateTable, V: float) -> RateTable:
        ends = rate_tables.range_with(V, table.low, table.high)
        extended = rate_tables.tabulate(self.rates_at, *ends, table.width)
        errors = self._repair(extended)
        self._check_access()
        worst = int(np.argmax(errors))
        if not errors[worst] <= TOLERANCE:
            raise _not_smooth((extended.first + worst) * extended.width)
        start = table.first - extended.first
        extended.rows[start : start + len(table.rows)] = table.rows
        return extended

    def agree_with(self, table: RateTable | None) -> bool:
        if table is None:
            return False
        numbers = table.first + np.arange(len(table.rows))
        errors = self._errors(table.rows, numbers, table.width, AGREES_AT)
        return bool(errors.max() <= TOLERANCE)

    def frozen(self, table: RateTable | None = None) -> FrozenKinetics:
        from pyhh_fast.kinetics.frozen import FrozenRates  # here, because most runs need none

        if table is None:
            # Not that of an earlier run: its width may depend on the range of that run.
            table = self._tabulate(*rate_tables.range_with(0.0))
            self._check_access()
        return FrozenRates(table, self)

    def rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV)."""
        with np.errstate(all="ignore"):
            if self._takes_arrays:
                return self._evaluate(V)
            return np.array([self._evaluate(v) for v in V.tolist()]).reshape(V.size, 6)

    def checked_rates_at(self, V: FloatArray) -> FloatArray:
        rates = self.rates_at(V)
        self._check_access()
        return rates

    def _evaluate(self, V: Any) -> FloatArray:
        scratch = self._scratch
        gates = [getattr(scratch, name) for name in GATES]
        for gate in gates:
            gate.alpha = gate.beta = np.nan  # so that a rate that the hook does not set is found
        scratch.Vm = V
        try:
            scratch._UpdateGateTimeConstants(V)
            rates = [gate.alpha for gate in gates] + [gate.beta for gate in gates]
            if type(V) is float and _FLOATS.issuperset(map(type, rates)):
                return np.array(rates)
            values = np.empty((*np.shape(V), 6))
            for i, rate in enumerate(rates):
                values[..., i] = rate
        except Exception as error:  # of a user's formulas
            where = f" at V = {V:.6g} mV" if np.ndim(V) == 0 else ""
            raise NotTabulable(f"it raised {error!r}{where}") from error
        return values

    def _first_rates(self, V: FloatArray) -> FloatArray:
        """Return the rates at each V, having checked that they depend on nothing else."""
        first = self.rates_at(V)
        if not np.isfinite(first).all():
            raise NotTabulable("it sets not all rates, or some to no number")
        self._accessed.clear()  # the first call may set attributes
        if not np.array_equal(self.rates_at(V[::-1])[::-1], first):
            raise NotTabulable("evaluated again, it gives other rates")
        self._check_access()
        return first

    def _check_access(self) -> None:
        if self._accessed:
            raise NotTabulable(f"it {' and '.join(sorted(self._accessed))}")

    def _arrays_give(self, one_by_one: FloatArray, V: FloatArray) -> bool:
        try:
            with np.errstate(all="ignore"):
                together = self._evaluate(V)
        except NotTabulable:
            return False
        return bool(_error(together, one_by_one).max() <= TOLERANCE)

    def _reproduces(self, table: RateTable) -> bool:
        """Whether a table of an earlier run is the one that this model gives."""
        numbers = table.first + np.arange(len(table.rows))
        step = 1 if self._takes_arrays else 8
        errors = self._errors(table.rows[::step], numbers[::step], table.width, AGREES_AT)
        if not errors.max() <= TOLERANCE:
            return False
        # Some rows to the bit, so that a run does not depend on the models that were run before.
        step *= 8
        rows = rate_tables.rows_of(self.rates_at, numbers[::step], table.width)
        repaired = np.isin(numbers[::step], list(table.repaired))
        return bool((repaired | (rows == table.rows[::step]).all(axis=(1, 2))).all())

    def _tabulate(self, low: float, high: float) -> RateTable:
        rough = self._rough_V.get(self._hook)
        if rough is not None and low <= rough <= high:
            self._width_for(rough, FINEST_WIDTH)  # raises at once, if it is still so
        width = rate_tables.WIDTH
        while True:
            table = rate_tables.tabulate(self.rates_at, low, high, width)
            errors = self._repair(table)
            worst = int(np.argmax(errors))
            if errors[worst] <= TOLERANCE:
                return table
            width = self._width_for((table.first + worst) * width, width / 2)

    def _width_for(self, V: float, width: float) -> float:
        """Return the largest width, from `width` down, whose rows around `V` (mV) are right."""
        while width >= FINEST_WIDTH:
            reach = rate_tables.WIDTH / 2
            table = rate_tables.tabulate(self.rates_at, V - reach, V + reach, width)
            if self._repair(table).max() <= TOLERANCE:
                return width
            width /= 2
        self._rough_V[self._hook] = V
        raise _not_smooth(V)

    def _repair(self, table: RateTable) -> FloatArray:
        """Fit again the rows with a node on or near a 0/0 of the user's formulas.

        There a formula gives NaN, or loses digits; nodes a little nearer to the middle of the row
        avoid it. Return the errors of all rows.
        """
        numbers = table.first + np.arange(len(table.rows))
        errors = self._errors(table.rows, numbers, table.width)
        for reach in (0.93, 0.85):
            bad = np.flatnonzero(errors > TOLERANCE)
            if 0 < bad.size <= 16:
                rows = rate_tables.rows_of(self.rates_at, numbers[bad], table.width, reach)
                new_errors = self._errors(rows, numbers[bad], table.width)
                better = new_errors < errors[bad]
                table.rows[bad[better]] = rows[better]
                table.repaired.update(numbers[bad[better]].tolist())
                errors[bad[better]] = new_errors[better]
        return errors

    def _errors(
        self, rows: FloatArray, numbers: IntArray, width: float, checked_at: FloatArray = CHECKED_AT
    ) -> FloatArray:
        """Return the relative error of each row, the largest of its rates, off the nodes."""
        V = (numbers[:, np.newaxis] + checked_at) * width
        shape = (numbers.size, checked_at.size, 6)
        exact = self.rates_at(V.ravel()).reshape(shape)
        powers = checked_at[:, np.newaxis] ** np.arange(rows.shape[1])
        got = (powers @ rows)[:, :, [0, 1, 2, 4, 5, 6]]
        errors = np.where(np.isnan(got), np.inf, _error(got, exact)).max(axis=2)
        doubtful = ~(errors <= TOLERANCE)
        if doubtful.any():
            errors[doubtful] -= self._rounding(V[doubtful])
            errors[np.isnan(errors)] = 0.0
        largest: FloatArray = errors.max(axis=1)
        return largest

    def _rounding(self, V: FloatArray) -> FloatArray:
        """Return by how much the formulas' own rounding moves the rates at each V, relatively.

        It is their change between neighbouring numbers: almost none, except next to a 0/0. At a
        0/0 itself it is NaN.
        """
        ulps = np.spacing(np.abs(V))
        at = self.rates_at(V)
        nearby = [self.rates_at(V + j * ulps) for j in (-3, -2, -1, 1, 2, 3)]
        largest: FloatArray = 4 * np.max([_error(b, at) for b in nearby], axis=(0, 2))
        return largest


def _number_or_0(V: Any) -> float:
    """Return the V (mV) of a model that may have diverged; the rates over V are what they were."""
    try:
        return float(V) if math.isfinite(V) else 0.0
    except TypeError:
        return 0.0


def _not_smooth(V: float) -> NotSmooth:
    return NotSmooth(f"the rates are not smooth at V = {V:.6g} mV")


def _error(got: FloatArray, exact: FloatArray) -> FloatArray:
    """Return the relative error; NaN where either is."""
    with np.errstate(all="ignore"):
        error: FloatArray = np.abs(got - exact) / np.maximum(np.abs(exact), 1e-290)
    return error

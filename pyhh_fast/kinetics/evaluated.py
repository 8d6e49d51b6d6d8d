"""The rates that a run needs: where they come from, and whether a table can hold them.

A subclass with kinetics of its own is asked for them on a copy, tabulated, and then runs as fast
as the built-in. What a table cannot hold is looked for before it is believed.
"""

import copy
import math
import weakref
from typing import Any, ClassVar

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.models.hh_model import GATES, HHModel, has_own_kinetics
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.typing import FloatArray, IntArray

TOLERANCE = 1e-13
"""Largest relative error of a table, off its nodes."""

FINEST_WIDTH = 1 / 64
"""Rows are halved down to this, in mV, where rates are too steep for wider ones."""

CHECKED_AT = np.array([-0.4999, -0.4, -0.2, 0.06, 0.3, 0.4999])
"""Where in each row a new table is compared with what it was made from."""

AGREES_AT = np.array([-0.2, 0.3])
"""Where in each row a kept table is compared with a model before a run."""


_FLOATS = {float, np.float64}


class NotTabulable(Exception):
    """Why a table cannot stand in for a model's own kinetics."""


class NotSmooth(NotTabulable):
    """It cannot, but the rates depend on V alone: they may be asked for at each V."""


class BuiltIn:
    """Hodgkin and Huxley's own rates."""

    rates_at = staticmethod(rate_tables.hodgkin_huxley)
    rates_asked = rates_at

    def table(self, V: float) -> RateTable:
        """Return a table that covers `V` (mV)."""
        return rate_tables.built_in(V)

    def rates_in(self, table: RateTable, V: float) -> FloatArray:
        """Return the rates, shape (6,), that a step from `V` (mV) used."""
        rates: FloatArray = self.rates_at(np.array([V]))[0]
        return rates


class Own:
    """The rates that a model's own `_UpdateGateTimeConstants` sets.

    Raises
    ------
    NotTabulable
        From here and all methods, where rates from V alone would not do what the model does.
    NotSmooth
        From `table`, where the rates are too rough for one, or the model forbids it.
    """

    # One table a hook, kept for the next run and the next model: each run compares it anew. Or
    # where, in mV, its rates were found to be what no table holds: looked at first the next time.
    _tables: ClassVar[weakref.WeakKeyDictionary[Any, RateTable]] = weakref.WeakKeyDictionary()
    _rough_places: ClassVar[weakref.WeakKeyDictionary[Any, float]] = weakref.WeakKeyDictionary()

    def __init__(self, model: HHModel) -> None:
        hook = model._UpdateGateTimeConstants
        self._hook = getattr(hook, "__func__", hook)
        try:
            weakref.ref(self._hook)
        except TypeError:  # a callable that cannot be a key
            self._hook = type(self._hook)
        self._may_tabulate = bool(model.tabulate)
        self._seen: set[str] = set()
        try:
            self._scratch = copy.deepcopy(model)
            watch(self._scratch, {"INa", "IK", "IKleak"}, {"Vm"}, self._seen)
            for name in GATES:
                watch(getattr(self._scratch, name), {"state"}, {"alpha", "beta"}, self._seen)
        except Exception as error:  # whatever a user's classes make of it
            raise NotTabulable(f"the model cannot be copied: {error!r}") from error
        self._takes_arrays = False
        low, high = rate_tables.range_with(_number_or_0(getattr(model, "Vm", 0.0)))
        before = [(vars(getattr(model, name)), dict(vars(getattr(model, name)))) for name in GATES]
        try:
            V = np.linspace(low, high, 6) + 0.0123
            one_by_one = self._with_V_alone(V)
        finally:
            # A function that keeps hold of the model has changed that one and not the copy.
            for now, then in before:
                now.update(then)
        self._takes_arrays = self._arrays_give(one_by_one, V)

    def table(self, V: float) -> RateTable:
        """Return a table that covers `V` (mV) and agrees with the model as it is now."""
        if not self._may_tabulate:
            raise NotSmooth("tabulate is False")
        kept = self._tables.get(self._hook)
        if kept is None or not self._agrees(kept):
            kept = self._tabulate(*rate_tables.range_with(V))
        elif not kept.low < V < kept.high:
            kept = self._tabulate(*rate_tables.range_with(V, kept.low, kept.high))
        self._check_what_was_seen()
        self._tables[self._hook] = kept
        return kept

    def rates_in(self, table: RateTable, V: float) -> FloatArray:
        """Return the rates, shape (6,), that a step from `V` (mV) used."""
        ask = table if table.low < V < table.high else self.rates_at
        rates: FloatArray = ask(np.array([V]))[0]
        return rates

    def rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV)."""
        with np.errstate(all="ignore"):
            if self._takes_arrays:
                return self._ask(V)
            return np.array([self._ask(v) for v in V.tolist()]).reshape(V.size, 6)

    def rates_asked(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at each V (mV), having seen that nothing else counts."""
        rates = self.rates_at(V)
        self._check_what_was_seen()
        return rates

    def _ask(self, V: Any) -> FloatArray:
        scratch = self._scratch
        gates = [getattr(scratch, name) for name in GATES]
        for gate in gates:
            gate.alpha = gate.beta = np.nan  # so that what the hook leaves out is seen
        scratch.Vm = V
        try:
            scratch._UpdateGateTimeConstants(V)
            rates = [gate.alpha for gate in gates] + [gate.beta for gate in gates]
            if type(V) is float and _FLOATS.issuperset(map(type, rates)):
                return np.array(rates)
            values = np.empty((*np.shape(V), 6))
            for i, rate in enumerate(rates):
                values[..., i] = rate
        except Exception as error:  # whatever a user's formulas raise
            where = f" at V = {V:.6g} mV" if np.ndim(V) == 0 else ""
            raise NotTabulable(f"it raised {error!r}{where}") from error
        return values

    def _with_V_alone(self, V: FloatArray) -> FloatArray:
        """Return the rates at each V, having seen that nothing else counts."""
        first = self.rates_at(V)
        if not np.isfinite(first).all():
            raise NotTabulable("it sets not all rates, or some to no number")
        self._seen.clear()  # what is set once may stay so
        if not np.array_equal(self.rates_at(V[::-1])[::-1], first):
            raise NotTabulable("asked again, it gives other rates")
        self._check_what_was_seen()
        return first

    def _check_what_was_seen(self) -> None:
        if self._seen:
            raise NotTabulable(f"it {' and '.join(sorted(self._seen))}")

    def _arrays_give(self, one_by_one: FloatArray, V: FloatArray) -> bool:
        try:
            with np.errstate(all="ignore"):
                together = self._ask(V)
        except NotTabulable:
            return False
        return bool(_error(together, one_by_one).max() <= TOLERANCE)

    def _agrees(self, table: RateTable) -> bool:
        numbers = table.first + np.arange(len(table.rows))
        step = 1 if self._takes_arrays else 8
        errors = self._errors(table.rows[::step], numbers[::step], table.width, AGREES_AT)
        if not errors.max() <= TOLERANCE:
            return False
        # To the bit, lest a run depend on which model was run before.
        step *= 8
        rows = rate_tables.rows_of(self.rates_at, numbers[::step], table.width)
        made_anew = np.isin(numbers[::step], list(table.repaired))
        return bool((made_anew | (rows == table.rows[::step]).all(axis=(1, 2))).all())

    def _tabulate(self, low: float, high: float) -> RateTable:
        rough = self._rough_places.get(self._hook)
        if rough is not None and low <= rough <= high:
            self._width_for(rough, FINEST_WIDTH)  # in a blink, if it is still as it was
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
        self._rough_places[self._hook] = V
        raise NotSmooth(f"the rates are not smooth at V = {V:.6g} mV")

    def _repair(self, table: RateTable) -> FloatArray:
        """Make anew the rows with a node on or beside a 0/0 of the user's formulas.

        There a formula gives NaN, or loses digits; nodes a little further in miss the place.
        Return the errors of all rows.
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
        self,
        rows: FloatArray,
        numbers: IntArray,
        width: float,
        checked_at: FloatArray = CHECKED_AT,
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

        It is what they do between neighbouring numbers: next to nothing, except beside a 0/0. At
        a 0/0 itself it is NaN.
        """
        ulps = np.spacing(np.abs(V))
        at = self.rates_at(V)
        beside = [self.rates_at(V + j * ulps) for j in (-3, -2, -1, 1, 2, 3)]
        largest: FloatArray = 4 * np.max([_error(b, at) for b in beside], axis=(0, 2))
        return largest


def _number_or_0(V: Any) -> float:
    """Return the V (mV) of a model that may have diverged; the rates over V are what they were."""
    try:
        return float(V) if math.isfinite(V) else 0.0
    except TypeError:
        return 0.0


def kinetics_of(model: HHModel, *, table_needed: bool) -> BuiltIn | Own:
    """Return where the rates of `model` come from.

    Raises
    ------
    NotTabulable
        If it must be asked at each step, or, where a `table_needed`, wants to be.
    """
    if not has_own_kinetics(model):
        return BuiltIn()
    if table_needed and not model.tabulate:
        raise NotTabulable("tabulate is False")
    return Own(model)


def watch(instance: Any, unread: set[str], unseen: set[str], seen: set[str]) -> None:
    """Note in `seen` what is read or written of an object, by a class put over its own.

    Reading an attribute in `unread` is noted, and setting any that is not in `unseen` to another
    value.
    """
    cls: Any = type(instance)

    def noted(name: str) -> property:
        def read(self: Any) -> Any:
            seen.add(f"reads {name}")
            if name in vars(self):
                return vars(self)[name]
            return getattr(super(watched, self), name)

        def write(self: Any, value: Any) -> None:
            vars(self)[name] = value

        return property(read, write)

    def set_attribute(self: Any, name: str, value: Any) -> None:
        if name not in unseen and not np.array_equal(vars(self).get(name), value):
            seen.add(f"sets {name}")
        cls.__setattr__(self, name, value)

    names = {name: noted(name) for name in unread}
    watched = type(cls.__name__, (cls,), {**names, "__setattr__": set_attribute})
    instance.__class__ = watched


def _error(got: FloatArray, exact: FloatArray) -> FloatArray:
    """Return the relative error; NaN where either is."""
    with np.errstate(all="ignore"):
        error: FloatArray = np.abs(got - exact) / np.maximum(np.abs(exact), 1e-290)
    return error

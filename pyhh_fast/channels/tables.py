"""Tables of the gates of a neuron, made once and cached by the gates' functions."""

import collections
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyhh_fast.channels import tabulation
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.gate_rates import PROBES, GateRates
from pyhh_fast.channels.gate_table import WIDEST, GateTable, TabulatedRate
from pyhh_fast.errors import warn_user
from pyhh_fast.system.rounding import rounds_to_nearest

LARGEST_CACHE = 64 * 2**20
"""Bytes of tables that are cached; those used longest ago are dropped."""


class _Tabulated:
    """A gate's functions, and its tables by width, with the warning of each."""

    def __init__(self, path: str, gate: Gate) -> None:
        self.rates = GateRates(path, gate)
        self.own_width = tabulation.width_for(self.rates)
        self._tables: dict[float, tuple[GateTable, str]] = {}

    def at(self, path: str, width: float) -> tuple[GateTable, str] | None:
        """Return the table of this width and its warning; None where a smaller one is needed."""
        if width not in self._tables:
            self.rates.rename(path)
            polynomials, outcome = tabulation.fit(self.rates, width)
            if not isinstance(outcome, str):
                self.own_width = outcome
                return None
            table = GateTable(polynomials.transpose(2, 1, 0), width, self.own_width)
            self._tables[width] = table, outcome.removeprefix(path)
        return self._tables[width]

    @property
    def size(self) -> int:
        """Bytes of its tables."""
        return sum(table.coefficients.nbytes for table, _ in self._tables.values())


_cache: collections.OrderedDict[Any, _Tabulated] = collections.OrderedDict()
_lock = threading.RLock()


@rounds_to_nearest
def tables_of(
    gates: Mapping[str, Gate], known: Mapping[str, GateTable] | None = None
) -> dict[str, GateTable]:
    """Return the tables of a neuron's gates by path, all with rows of one width.

    Raise TypeError or ValueError if a function gives no numbers, or none that a gate can have; if
    it depends on something else than V, or is not smooth.

    Warn if a function has a kink, and its table errs by less than 1e-4 there.

    Parameters
    ----------
    gates : dict of str to Gate
        By path.
    known : dict of str to GateTable, optional
        Tables that some of them have already; they are used where their width is the right one.
    """
    with _lock, np.errstate(all="ignore"):  # of users' functions at extreme V
        known = {**(known or {})}
        for path, gate in gates.items():
            table = None if path in known else _table_in(path, gate)
            if table is not None:
                known[path] = table
        made = {path: _tabulated(path, gates[path]) for path in gates if path not in known}
        while True:
            owners: dict[str, GateTable | _Tabulated] = {**known, **made}
            width = min((owners[path].own_width for path in gates), default=WIDEST)
            found: dict[str, tuple[GateTable, str]] = {}
            for path, gate in gates.items():
                if path in known and known[path].width == width:
                    found[path] = known[path], ""
                    continue
                if path not in made:
                    made[path] = _tabulated(path, gate)
                at_width = made[path].at(path, width)
                if at_width is None:
                    break
                found[path] = at_width
            else:
                break
        _drop_oldest()
    for path, (_, warning) in found.items():
        if warning:
            warn_user(path + warning)
    return {path: table for path, (table, _) in found.items()}


def _table_in(path: str, gate: Gate) -> GateTable | None:
    """Return the table that a gate's functions are made of, if that is its own."""
    tables = [one.table for one in gate.functions.values() if isinstance(one, TabulatedRate)]
    if tables:
        given, expected = tables[0](PROBES), GateRates(path, gate)(PROBES)
        if (np.abs(given - expected) <= 1e-10 * expected).all():
            return tables[0]
    return None


def _tabulated(path: str, gate: Gate) -> _Tabulated:
    """Return what is cached for the gate's functions, if they give the same as they did then."""
    key = gate.kinetics
    try:
        cached = _cache.get(key)
    except TypeError:  # a callable without hash
        return _Tabulated(path, gate)
    if cached is None or not cached.rates.give_the_same():
        cached = _cache[key] = _Tabulated(path, gate)
    _cache.move_to_end(key)
    return cached


def _drop_oldest() -> None:
    size = sum(one.size for one in _cache.values())
    while size > LARGEST_CACHE and len(_cache) > 1:
        size -= _cache.popitem(last=False)[1].size

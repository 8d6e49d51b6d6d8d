"""Tables of the gates of a neuron, made once and cached by the gates' functions."""

import collections
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from pyhh_fast.channels import tabulation
from pyhh_fast.channels.axes import VOLTAGE
from pyhh_fast.channels.gate import Gate, Kinetics
from pyhh_fast.channels.gate_rates import GateRates
from pyhh_fast.channels.gate_table import GateTable, PoolTable, TabulatedRate
from pyhh_fast.errors import warn_user
from pyhh_fast.system.rounding import rounds_to_nearest

LARGEST_CACHE = 64 * 2**20
"""Bytes of tables that are cached; those used longest ago are dropped."""


class _Tabulated:
    """A gate's functions, and its tables by width, with the warning of each."""

    def __init__(self, path: str, kinetics: Kinetics) -> None:
        self.rates = GateRates(path, kinetics)
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
            kind = GateTable if self.rates.axis is VOLTAGE else PoolTable
            table = kind(polynomials.transpose(2, 1, 0), width, self.own_width)
            self._tables[width] = table, outcome.removeprefix(path)
        return self._tables[width]

    @property
    def size(self) -> int:
        """Bytes of its tables."""
        return sum(table.coefficients.nbytes for table, _ in self._tables.values())


_cache: collections.OrderedDict[Any, _Tabulated] = collections.OrderedDict()
_lock = threading.RLock()


class Tables(NamedTuple):
    """The tables of a neuron's gates by path: over V, and over the concentrations of its pools.

    Those over V have rows of one width, and so have those over one concentration.
    """

    of_V: Mapping[str, GateTable]
    of_pools: Mapping[str, GateTable]


NO_TABLES = Tables({}, {})


def tables_of_gates(
    gates: Mapping[str, Gate],
    known: Tables = NO_TABLES,
    known_gates: Mapping[str, Gate] = MappingProxyType({}),
) -> Tables:
    """Return the tables of a neuron's gates.

    Raise TypeError or ValueError, and warn, as `tables_of`.

    Parameters
    ----------
    gates : dict of str to Gate
        By path.
    known, known_gates : Tables, dict of str to Gate, optional
        Tables of other gates, used for those with the same path and kinetics where their width is
        the right one.
    """

    def made(
        now: Mapping[str, Kinetics], then: Mapping[str, Kinetics], tables: Mapping[str, GateTable]
    ) -> dict[str, GateTable]:
        same = {path: tables[path] for path in now if path in then and then[path] == now[path]}
        return tables_of(now, same)

    then, found = _over_pools(known_gates), dict[str, GateTable]()
    for pool in dict.fromkeys(gate.pool for gate in gates.values() if gate.pool is not None):
        of_pool = {path: gate for path, gate in gates.items() if gate.pool == pool}
        found |= made(_over_pools(of_pool), then, known.of_pools)
    return Tables(
        made(_over_V(gates), _over_V(known_gates), known.of_V),
        {path: found[path] for path in gates if path in found},
    )


def tables_for(gates: Mapping[str, Gate], tables: Tables) -> Tables:
    """Return those of some tables that are of these gates; raise KeyError if one has none."""
    return Tables(
        {path: tables.of_V[path] for path in _over_V(gates)},
        {path: tables.of_pools[path] for path in _over_pools(gates)},
    )


def _over_V(gates: Mapping[str, Gate]) -> dict[str, Kinetics]:
    found = {path: gate.kinetics_of_V for path, gate in gates.items()}
    return {path: kinetics for path, kinetics in found.items() if kinetics is not None}


def _over_pools(gates: Mapping[str, Gate]) -> dict[str, Kinetics]:
    found = {path: gate.kinetics_of_pool for path, gate in gates.items()}
    return {path: kinetics for path, kinetics in found.items() if kinetics is not None}


@rounds_to_nearest
def tables_of(
    gates: Mapping[str, Kinetics], known: Mapping[str, GateTable] | None = None
) -> dict[str, GateTable]:
    """Return tables of gates by path, all over one axis with rows of one width.

    Raise TypeError or ValueError if a function gives no numbers, or none that a gate can have; if
    it depends on something else than V or the concentration, or is not smooth.

    Warn if a function has a kink, and its table errs by less than 1e-4 there.

    Parameters
    ----------
    gates : dict of str to Kinetics
        By path.
    known : dict of str to GateTable, optional
        Tables that some of them have already; they are used where their width is the right one.
    """
    with _lock, np.errstate(all="ignore"):  # of users' functions at extreme V
        known = {**(known or {})}
        for path, kinetics in gates.items():
            table = None if path in known else _table_in(path, kinetics)
            if table is not None:
                known[path] = table
        made = {path: _tabulated(path, gates[path]) for path in gates if path not in known}
        while True:
            owners: dict[str, GateTable | _Tabulated] = {**known, **made}
            width = min((owners[path].own_width for path in gates), default=VOLTAGE.widest)
            found: dict[str, tuple[GateTable, str]] = {}
            for path, kinetics in gates.items():
                if path in known and known[path].width == width:
                    found[path] = known[path], ""
                    continue
                if path not in made:
                    made[path] = _tabulated(path, kinetics)
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


def _table_in(path: str, kinetics: Kinetics) -> GateTable | None:
    """Return the table that a gate's functions are made of, if that is its own."""
    tables = [one.table for _, one in kinetics.functions if isinstance(one, TabulatedRate)]
    if tables and tables[0].axis is kinetics.axis:
        probes = kinetics.axis.probes
        given, expected = tables[0](probes), GateRates(path, kinetics)(probes)
        if (np.abs(given - expected) <= 1e-10 * expected).all():
            return tables[0]
    return None


def _tabulated(path: str, key: Kinetics) -> _Tabulated:
    """Return what is cached for the gate's functions, if they give the same as they did then."""
    try:
        cached = _cache.get(key)
    except TypeError:  # a callable without hash
        return _Tabulated(path, key)
    if cached is None or not cached.rates.give_the_same():
        cached = _cache[key] = _Tabulated(path, key)
    _cache.move_to_end(key)
    return cached


def _drop_oldest() -> None:
    size = sum(one.size for one in _cache.values())
    while size > LARGEST_CACHE and len(_cache) > 1:
        size -= _cache.popitem(last=False)[1].size

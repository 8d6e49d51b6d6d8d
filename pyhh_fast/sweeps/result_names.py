"""What the values of a sweep are called in its result and its store."""

import re
from collections.abc import Iterable, Mapping

from pyhh_fast import validation
from pyhh_fast.sweeps.grid import Grid
from pyhh_fast.sweeps.store import RATES
from pyhh_fast.sweeps.tasks import Reduce

NAME = re.compile(r"[A-Za-z]([\w -]*\w)?", re.ASCII)
"""Of a feature."""


def named(reduce: Reduce, grid: Grid, units: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the attributes of the values in the result, by name."""
    if isinstance(reduce, str):
        unit = units[reduce]
        return {reduce: {"units": unit} if unit else {}}
    if isinstance(reduce, Mapping):
        _check_names(reduce, _reserved(grid))
        return {name: feature._attributes for name, feature in reduce.items()}
    name = getattr(reduce, "__name__", "")
    usable = name.isidentifier() and name.lower() not in _reserved(grid)
    return {name if usable else "value": {}}


def _reserved(grid: Grid) -> set[str]:
    """Return names that no values may have; case does not count in the names of files."""
    others = ("column", "diverged_at", RATES)
    return {name.lower() for name in (*grid.axes, *grid.dimensions, *others)}


def _check_names(features: Iterable[str], reserved: set[str]) -> None:
    """See that names of features can be those of files in a store."""
    known = set(reserved)
    for name in features:
        lower = name.lower()
        if not NAME.fullmatch(name) or lower in known:
            rule = "of letters, digits, _, - and blanks, begin with a letter"
            rule += f", and be none of {', '.join(sorted(known))}"
            raise ValueError(validation.message("names in reduce", rule, repr(name)))
        known.add(lower)
    if known == reserved:
        raise ValueError("reduce must have one feature or more; got none.")

"""Tables of rates in the store of a run or a sweep, which is continued with the same rates.

Each is an array of one chunk, not compressed, in a group of its own: a codec makes it only a
quarter smaller. Those of a model are a `RateTable`, those of a neuron `GateRows`, which are known
by their attributes.
"""

import hashlib
import math
import os
import re
import reprlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from pyhh_fast import _rate_tables, rate_tables
from pyhh_fast.channels.axes import CONCENTRATION, VOLTAGE
from pyhh_fast.channels.gate_table import GateTable, PoolTable
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.parts import MOST_GATES
from pyhh_fast.channels.tables import Tables
from pyhh_fast.kinetics import evaluated
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.storage import zarr_files
from pyhh_fast.storage.zarr_files import Damaged, ZarrArray
from pyhh_fast.typing import FloatArray

GROUP = "rates"
"""The group with the tables; a name no variable has."""

NAMES = "rows_{}_to_{}"
NAME = re.compile(NAMES.format(*[r"-?\d+"] * 2), re.ASCII)

GATES = "gates"
"""The name of the tables of a neuron's gates in that group."""

ROW = (_rate_tables.POWERS, _rate_tables.LANES)
"""The shape of a row of a model's table."""

GATE = (_rate_tables.POWERS, 2)
"""The shape of a row of a gate's: alpha and alpha + beta."""


class GateRows(NamedTuple):
    """The tables of all gates of a neuron.

    Attributes
    ----------
    rows : ndarray, shape (n, gates, 6, 2), or (n, 6, 2)
        Those of `GateTable`, gates in declared order; where there are tables over concentrations,
        all tables one after another, those over V first.
    width : float, mV
        Of the rows over V.
    own_widths : list of float
        Of each table.
    pool_widths : list of float
        Of the rows of each table over a concentration.
    """

    rows: FloatArray
    width: float
    own_widths: list[float]
    pool_widths: list[float]

    @classmethod
    def of(cls, neuron: Neuron) -> "GateRows | None":
        """Return the tables of a neuron; None where it has no gates."""
        of_V, of_pools = list(neuron.tables.values()), list(neuron.pool_tables.values())
        if not of_V and not of_pools:
            return None
        coefficients = [table.coefficients for table in (*of_V, *of_pools)]
        return cls(
            np.concatenate(coefficients) if of_pools else np.stack(coefficients, axis=1),
            of_V[0].width if of_V else VOLTAGE.widest,
            [table.own_width for table in (*of_V, *of_pools)],
            [table.width for table in of_pools],
        )

    def by_path(self, of_V: Collection[str], of_pools: Collection[str]) -> Tables:
        """Return the tables of the gates with these paths.

        Raise ValueError if there are more or fewer of them.
        """
        if (len(self.own_widths), len(self.pool_widths)) != (
            len(of_V) + len(of_pools),
            len(of_pools),
        ):
            raise ValueError("more or fewer tables than gates")
        widths = [self.width] * len(of_V) + self.pool_widths
        tables = list(zip(widths, self.own_widths, strict=True))
        if not of_pools:
            rows = [self.rows[:, i] for i in range(len(tables))]
        else:
            ends = np.cumsum(_heights(self.width, len(of_V), self.pool_widths))[:-1]
            rows = np.split(self.rows, ends)
        kinds = [GateTable] * len(of_V) + [PoolTable] * len(of_pools)
        made = [kind(part, *both) for kind, part, both in zip(kinds, rows, tables, strict=True)]
        return Tables(
            dict(zip(of_V, made, strict=False)),
            dict(zip(of_pools, made[len(of_V) :], strict=True)),
        )


def _heights(width: float, of_V: int, pool_widths: Iterable[float]) -> list[int]:
    """Return how many rows each table of a neuron has."""
    pools = [CONCENTRATION.rows(one).size for one in pool_widths]
    return [VOLTAGE.rows(width).size] * of_V + pools


Table = RateTable | GateRows


def name_of(table: Table) -> str:
    """Return the name of a table in a store."""
    return _name(table.rows.shape, attributes_of(table))


def _name(shape: Sequence[int], attributes: dict[str, Any]) -> str:
    if _is_of_gates(attributes):
        return GATES
    return NAMES.format(attributes["first"], attributes["first"] + shape[0] - 1)


def attributes_of(table: Table) -> dict[str, Any]:
    """Return the attributes of a table in a store."""
    if isinstance(table, GateRows):
        pools = {"pool_widths": table.pool_widths} if table.pool_widths else {}
        return {"own_widths": table.own_widths, "width": table.width} | pools
    return {"first": table.first, "repaired": sorted(table.repaired), "width": table.width}


def _is_of_gates(attributes: dict[str, Any]) -> bool:
    return "own_widths" in attributes


def table_of(rows: FloatArray, attributes: dict[str, Any]) -> Table:
    """Return a table of which these are the rows and the attributes.

    Raise ValueError if the time loops could not read it; they trust what they are given.
    """
    if not _readable(rows.shape, attributes):
        got = f"{reprlib.repr(attributes)} and rows of shape {rows.shape}"
        raise ValueError(f"a table of rates must be as it was written; got {got}.")
    if _is_of_gates(attributes):
        pools = attributes.get("pool_widths", [])
        return GateRows(rows, attributes["width"], attributes["own_widths"], pools)
    found = RateTable(rows, attributes["first"], attributes["width"])
    found.repaired.update(attributes["repaired"])
    return found


def shape_of_row(attributes: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of a row of a table with these attributes."""
    if "pool_widths" in attributes:
        return GATE
    return (len(attributes["own_widths"]), *GATE) if _is_of_gates(attributes) else ROW


def _readable(shape: tuple[int, ...], attributes: dict[str, Any]) -> bool:
    """Whether the time loops can read a table of this shape with these attributes."""
    if _is_of_gates(attributes):
        return _gates_readable(shape, attributes)
    first, width = attributes.get("first"), attributes.get("width")
    repaired = attributes.get("repaired")
    return (
        shape[1:] == ROW
        and shape[0] > 0
        and type(first) is int
        and _is_width(width, evaluated.FINEST_WIDTH, rate_tables.WIDTH)
        and max(-first, first + shape[0]) * width <= 2 * rate_tables.LARGEST_V
        and isinstance(repaired, list)
        and all(type(number) is int for number in repaired)
    )


def _gates_readable(shape: tuple[int, ...], attributes: dict[str, Any]) -> bool:
    width, own = attributes.get("width"), attributes["own_widths"]
    pools = attributes.get("pool_widths", [])
    if not (isinstance(own, list) and isinstance(pools, list)):
        return False
    of_V = len(own) - len(pools)
    if not (
        1 <= len(own) <= 2 * MOST_GATES
        and 0 <= of_V <= MOST_GATES
        and all(_is_width(one, VOLTAGE.finest, VOLTAGE.widest) for one in [width, *own[:of_V]])
        and all(
            _is_width(one, CONCENTRATION.finest, CONCENTRATION.widest)
            for one in [*pools, *own[of_V:]]
        )
    ):
        return False
    if "pool_widths" in attributes:
        return shape == (sum(_heights(attributes["width"], of_V, pools)), *GATE)
    return shape == (VOLTAGE.rows(attributes["width"]).size, len(own), *GATE)


def _is_width(width: Any, least: float, most: float) -> TypeGuard[float]:
    """Whether it is a power of two that tables can have as width of their rows (mV)."""
    return type(width) is float and least <= width <= most and math.frexp(width)[0] == 0.5


def metadata_of(table: Table) -> dict[str, Any]:
    """Return the metadata of a table in a store."""
    return _metadata(name_of(table), table.rows.shape, attributes_of(table))


def _metadata(name: str, shape: Sequence[int], attributes: dict[str, Any]) -> dict[str, Any]:
    # Tables differ in length, so each has dimensions of its own.
    dimensions = [f"{name}_{axis}" for axis in range(len(shape))]
    return zarr_files.array_metadata("float64", shape, shape, dimensions, attributes)


def check_metadata(what: str, name: str, found: Any) -> None:
    """Check that metadata are those of a table of this name.

    Raise Damaged if they are not; the message calls them `what`.
    """
    described = found if isinstance(found, dict) else {}
    shape, attributes = described.get("shape"), described.get("attributes")
    if not (
        isinstance(shape, list)
        and all(type(n) is int and n > 0 for n in shape)
        and isinstance(attributes, dict)
        and _readable(tuple(shape), attributes)
    ):
        got = f"shape {reprlib.repr(shape)} and attributes {reprlib.repr(attributes)}"
        raise Damaged(f"{what} that has {got}")
    differs = zarr_files.difference(described, _metadata(name, shape, attributes))
    if differs:
        raise Damaged(f"{what} that has {differs}")
    if name != _name(shape, attributes):
        raise Damaged(f"{what} that has the rows of {_name(shape, attributes)!r}")


def group_of(values: tuple[float, ...]) -> str:
    """Return the group with the tables for values of declared parameters; without any, GROUP."""
    if not values:
        return GROUP
    digest = hashlib.sha256(np.array(values, dtype="<f8").tobytes()).hexdigest()
    return f"{GROUP}/of_{digest[:32]}"


def write(store: Path, table: Table, values: tuple[float, ...] = ()) -> None:
    """Write a table to the directory of a store, safe on disk."""
    group = store / group_of(values)
    group.mkdir(exist_ok=True)
    if not ZarrArray.exists(store, group_of(values)):
        zarr_files.replace(
            group / zarr_files.METADATA, zarr_files.as_json(zarr_files.group_metadata({}))
        )
    array = ZarrArray(store, f"{group_of(values)}/{name_of(table)}", metadata_of(table))
    zarr_files.make_directories(store, array.path)
    array.describe()
    array.write(only_chunk(array), table.rows)
    folders = [group, *(folder for folder in array.path.rglob("*") if folder.is_dir())]
    zarr_files.sync([store, array.path, *folders])


def only_chunk(array: ZarrArray) -> tuple[int, ...]:
    """Return the number of a table's only chunk."""
    return (0,) * len(array.shape)


def read(array: ZarrArray) -> Table | None:
    """Return a table, or None where it was not written whole."""
    rows = array.read(only_chunk(array))
    return None if rows is None else table_of(rows, array.metadata["attributes"])


def found(store: Path, values: tuple[float, ...] = ()) -> list[Table]:
    """Return the tables in the directory of a store that were written whole.

    Raise Damaged if something is there that was not written here.
    """
    group = group_of(values)
    if not ZarrArray.exists(store, group):
        return []
    differs = zarr_files.difference(ZarrArray.found(store, group), zarr_files.group_metadata({}))
    if differs:
        raise Damaged(f"a {group}/{zarr_files.METADATA} that has {differs}")
    tables = []
    for name in sorted(os.listdir(store / group)):
        key = f"{group}/{name}"
        if not ((NAME.fullmatch(name) or name == GATES) and ZarrArray.exists(store, key)):
            continue
        metadata = ZarrArray.found(store, key)
        check_metadata(f"a {key}/{zarr_files.METADATA}", name, metadata)
        array = ZarrArray(store, key, metadata)
        table = read(array)
        if table is not None:
            tables.append(table)
        elif os.path.lexists(array.file(only_chunk(array))):
            raise Damaged(f"a table {key!r} that was changed or cut short")
        # else the process was killed before it was written
    return tables

"""Tables of rates in the store of a run or a sweep, which is continued with the same rates.

Each is an array of one chunk, not compressed, in a group of its own: a codec makes it only a
quarter smaller.
"""

import hashlib
import math
import os
import re
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyhh_fast import _rate_tables, rate_tables
from pyhh_fast.kinetics import evaluated
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.storage import zarr_files
from pyhh_fast.storage.zarr_files import Damaged, ZarrArray
from pyhh_fast.typing import FloatArray

GROUP = "rates"
"""The group with the tables; a name no variable has."""

NAMES = "rows_{}_to_{}"
NAME = re.compile(NAMES.format(*[r"-?\d+"] * 2), re.ASCII)

ROW = (_rate_tables.POWERS, _rate_tables.LANES)
"""The shape of a row."""

CHUNK = (0, 0, 0)
"""The number of a table's only chunk."""


def name_of(table: RateTable) -> str:
    """Return the name of a table in a store."""
    return NAMES.format(table.first, table.first + len(table.rows) - 1)


def attributes_of(table: RateTable) -> dict[str, Any]:
    """Return the attributes of a table in a store."""
    return {"first": table.first, "repaired": sorted(table.repaired), "width": table.width}


def table_of(rows: FloatArray, attributes: dict[str, Any]) -> RateTable:
    """Return a table of which these are the rows and the attributes.

    Raises
    ------
    ValueError
        If the time loops could not read it; they trust what they are given.
    """
    if not _readable(rows.shape, attributes):
        got = f"{reprlib.repr(attributes)} and rows of shape {rows.shape}"
        raise ValueError(f"a table of rates must be as it was written; got {got}.")
    found = RateTable(rows, attributes["first"], attributes["width"])
    found.repaired.update(attributes["repaired"])
    return found


def _readable(shape: tuple[int, ...], attributes: dict[str, Any]) -> bool:
    """Whether the time loops can read a table of this shape with these attributes."""
    first, width = attributes.get("first"), attributes.get("width")
    repaired = attributes.get("repaired")
    return (
        shape[1:] == ROW
        and shape[0] > 0
        and type(first) is int
        and type(width) is float
        and evaluated.FINEST_WIDTH <= width <= rate_tables.WIDTH
        and math.frexp(width)[0] == 0.5  # a power of two
        and max(-first, first + shape[0]) * width <= 2 * rate_tables.LARGEST_V
        and isinstance(repaired, list)
        and all(type(number) is int for number in repaired)
    )


def metadata_of(table: RateTable) -> dict[str, Any]:
    """Return the metadata of a table in a store."""
    return _metadata(name_of(table), table.rows.shape, attributes_of(table))


def _metadata(name: str, shape: Sequence[int], attributes: dict[str, Any]) -> dict[str, Any]:
    # Tables differ in length, so each has dimensions of its own.
    dimensions = [f"{name}_{axis}" for axis in range(len(shape))]
    return zarr_files.array_metadata("float64", shape, shape, dimensions, attributes)


def check_metadata(what: str, name: str, found: Any) -> None:
    """Check that metadata are those of a table of this name.

    Raises
    ------
    Damaged
        If they are not; the message calls them `what`.
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
    first = attributes["first"]
    if name != NAMES.format(first, first + shape[0] - 1):
        raise Damaged(f"{what} that begins at row {first} and has {shape[0]}")


def group_of(values: tuple[float, ...]) -> str:
    """Return the group with the tables for values of declared parameters; without any, GROUP."""
    if not values:
        return GROUP
    digest = hashlib.sha256(np.array(values, dtype="<f8").tobytes()).hexdigest()
    return f"{GROUP}/of_{digest[:32]}"


def write(store: Path, table: RateTable, values: tuple[float, ...] = ()) -> None:
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
    array.write(CHUNK, table.rows)
    folders = [group, *(folder for folder in array.path.rglob("*") if folder.is_dir())]
    zarr_files.sync([store, array.path, *folders])


def read(array: ZarrArray) -> RateTable | None:
    """Return a table, or None where it was not written whole."""
    rows = array.read(CHUNK)
    return None if rows is None else table_of(rows, array.metadata["attributes"])


def found(store: Path, values: tuple[float, ...] = ()) -> list[RateTable]:
    """Return the tables in the directory of a store that were written whole.

    Raises
    ------
    Damaged
        If something is there that was not written here.
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
        if not (NAME.fullmatch(name) and ZarrArray.exists(store, key)):
            continue
        metadata = ZarrArray.found(store, key)
        check_metadata(f"a {key}/{zarr_files.METADATA}", name, metadata)
        array = ZarrArray(store, key, metadata)
        table = read(array)
        if table is not None:
            tables.append(table)
        elif os.path.lexists(array.file(CHUNK)):
            raise Damaged(f"a table {key!r} that was changed or cut short")
        # else the process was killed before it was written
    return tables

"""Metadata of a run's store: what is written, and the check that a store has just that.

RunStore writes and reads them. A file from elsewhere can say anything, so metadata are accepted
only where they are those that would be written here for arrays of these lengths: with the same
type and codecs, in chunks no larger, under names that are no paths.
"""

import re
import reprlib
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from pyhh_fast.storage import regular_files, stored_tables, zarr_files
from pyhh_fast.storage.stored_tables import GROUP
from pyhh_fast.storage.zarr_files import Damaged
from pyhh_fast.validation import MOST_STEPS

CHUNK = 524_288
"""Rows in a file, 4 MiB of float64: fewer files, but one chunk of each array is kept in memory."""

FORMAT = {"run_store": 1}
"""The attribute that says what it is; another number is of another version."""

IDENTITY = "identity"
"""The attribute that no two stores share: random, of nothing that the run is made of."""

IDENTITIES = re.compile(r"[0-9a-f]{32}", re.ASCII)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)
"""A name of an array or a dimension, which is no path; that of a gate begins with its channel's."""


class StoredVariable(NamedTuple):
    """An array to be: the dimension that its rows are along, and units and the like."""

    dimension: str
    attributes: dict[str, Any]


class Description(NamedTuple):
    """What is in a store: its identity, attributes, and metadata of arrays and tables by name."""

    identity: str
    attributes: dict[str, Any]
    arrays: dict[str, dict[str, Any]]
    tables: dict[str, dict[str, Any]]


def new(
    attributes: dict[str, Any], variables: dict[str, StoredVariable], chunk: int
) -> Description:
    """Return the description of a store that has no rows yet."""
    arrays = {name: _array(0, chunk, *variable) for name, variable in variables.items()}
    return Description(secrets.token_hex(16), attributes, arrays, {})


def _array(length: int, chunk: int, dimension: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return zarr_files.array_metadata(
        "float64", [length], [chunk], [dimension], attributes, compressed=True
    )


def as_json(described: Description) -> bytes:
    """Return the file that describes a store."""
    members = dict(described.arrays)
    if described.tables:
        members[GROUP] = zarr_files.group_metadata({})
        members |= {f"{GROUP}/{name}": table for name, table in described.tables.items()}
    attributes = FORMAT | {IDENTITY: described.identity} | described.attributes
    return zarr_files.as_json(zarr_files.group_metadata(attributes, members))


def refusal(path: str, got: str, *, damaged: bool) -> ValueError:
    """Return the error for what is no store of a run, or a damaged one."""
    advice = " Copy it again from where it is whole, or repeat the run." * damaged
    return ValueError(f"{path!r} must be a store written by run(..., to=...); got {got}.{advice}")


def has_identity(directory: Path, identity: str) -> bool:
    """Whether the store that is in `directory` now has an identity."""
    try:
        content = regular_files.read(directory / zarr_files.METADATA, zarr_files.MOST_METADATA)
    except (OSError, regular_files.NotRegular):
        return False
    return identity.encode() in content  # which is random, and long enough to be nothing else


def not_the_recordings(path: str, got: str) -> ValueError:
    """Return the error for a path where the store of a recording is not any more."""
    return ValueError(
        f"{path!r} must be the store that this recording was written to; got {got}. If it was "
        "moved, move it back."
    )


def another_run(path: str) -> ValueError:
    """Return the error for a store that is not that of a recording."""
    return not_the_recordings(path, "that of another run, which was put in its place")


def read(path: str, directory: Path, identity: str | None = None) -> Description:
    """Return the description of the store in `directory`, checked.

    Raise ValueError if that is no store of a run, or has another identity; the message has it as
    `path`.
    """
    if not directory.is_dir():
        got = "a file" if directory.exists() else "a path where nothing is"
        if identity is not None and not directory.exists():
            raise not_the_recordings(path, got)
        raise refusal(path, got, damaged=False)
    try:
        content = zarr_files.read_json(directory)
    except FileNotFoundError:
        raise refusal(path, f"a directory without {zarr_files.METADATA}", damaged=False) from None
    except ValueError as error:
        got = f"a {zarr_files.METADATA} that cannot be read ({error})"
        raise refusal(path, got, damaged=True) from None
    attributes = content.get("attributes")
    ((key, version),) = FORMAT.items()
    if not isinstance(attributes, dict) or key not in attributes:
        raise refusal(path, "something else", damaged=False)
    if attributes[key] != version:
        got = f"one of format {attributes[key]!r}, of another version of pyhh_fast"
        raise refusal(path, got, damaged=False)
    try:
        found = _checked(content, {k: v for k, v in attributes.items() if k != key})
    except Damaged as error:
        raise refusal(path, str(error), damaged=True) from None
    if identity is not None and found.identity != identity:
        raise another_run(path)
    return found


def _checked(content: dict[str, Any], attributes: dict[str, Any]) -> Description:
    identity = attributes.pop(IDENTITY, None)
    if not (isinstance(identity, str) and IDENTITIES.fullmatch(identity)):
        raise Damaged(f"one with the {IDENTITY} {reprlib.repr(identity)}")
    listed = content.get("consolidated_metadata")
    members = listed.get("metadata") if isinstance(listed, dict) else None
    if not isinstance(members, dict):
        raise Damaged("one without a list of its arrays")
    found = Description(identity, attributes, {}, {})
    for name, metadata in members.items():
        table = name.removeprefix(f"{GROUP}/")
        if name == GROUP:
            if not (isinstance(metadata, dict) and metadata.get("node_type") == "group"):
                raise Damaged(f"no group {name!r}")
        elif table != name:
            stored_tables.check_metadata(f"a table {reprlib.repr(table)}", table, metadata)
            found.tables[table] = metadata
        else:
            found.arrays[name] = _checked_array(name, metadata)
    if not found.arrays or (found.tables and GROUP not in members):
        raise Damaged("one without all of its arrays")
    grid = next(iter(found.arrays.values()))["chunk_grid"]
    shapes: dict[str, list[int]] = {}
    for array in found.arrays.values():
        shape = shapes.setdefault(array["dimension_names"][0], array["shape"])
        if (array["shape"], array["chunk_grid"]) != (shape, grid):
            raise Damaged("one with arrays of different lengths, or in different chunks")
    return found


def _checked_array(name: str, metadata: Any) -> dict[str, Any]:
    """Return the metadata of an array as they would be written, to which these must be equal."""
    what = f"an array {reprlib.repr(name)}"
    try:
        (length,) = metadata["shape"]
        (chunk,) = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        (dimension,) = metadata["dimension_names"]
        attributes = dict(metadata["attributes"])
    except (LookupError, TypeError, ValueError):
        raise Damaged(f"{what} that is not described as one") from None
    if not (
        all(isinstance(word, str) and NAME.fullmatch(word) for word in (name, dimension))
        and all(type(size) is int for size in (length, chunk))
        and 0 <= length <= MOST_STEPS
        and 1 <= chunk <= CHUNK
    ):
        along, rows, chunks = map(reprlib.repr, (dimension, length, chunk))
        raise Damaged(f"{what} along {along}, of {rows} rows in chunks of {chunks}")
    written = _array(length, chunk, dimension, attributes)
    differs = zarr_files.difference(metadata, written)
    if differs:
        raise Damaged(f"{what} that has {differs}")
    return written

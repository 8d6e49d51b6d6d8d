"""What a run's store says of itself, and whether that is what such a store says.

A file from elsewhere can say anything. Accepted is only what is written here: the codecs, the type,
chunks no larger, names that are no paths.
"""

import math
import re
import reprlib
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from pyhh_fast.storage import regular_files, stored_tables, zarr_files
from pyhh_fast.storage.stored_tables import GROUP
from pyhh_fast.validation import MOST_STEPS

CHUNK = 524_288
"""Rows in a file, 4 MiB of float64: fewer files, but one chunk of each array is kept in memory."""

MOST_IN_TABLE = 2**25
"""Numbers in a table of rates, at most: 256 MiB."""

FORMAT = {"run_store": 1}
"""The attribute that says what it is; another number is of another version."""

IDENTITY = "identity"
"""The attribute that no two stores share: random, of nothing that the run is made of."""

IDENTITIES = re.compile(r"[0-9a-f]{32}", re.ASCII)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
TABLE_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class StoredVariable(NamedTuple):
    """An array to be: the dimension that its rows are along, and units and the like."""

    dimension: str
    attributes: dict[str, Any]


class Description(NamedTuple):
    """What is in a store: its identity, metadata of its arrays and of its tables, by name."""

    identity: str
    attributes: dict[str, Any]
    variables: dict[str, StoredVariable]
    metadata: dict[str, dict[str, Any]]
    tables: dict[str, dict[str, Any]]


class _Wrong(Exception):
    pass


def new(
    attributes: dict[str, Any], variables: dict[str, StoredVariable], chunk: int
) -> Description:
    """Return what a store says when nothing is in it."""
    metadata = {name: _rows(0, chunk, *variable) for name, variable in variables.items()}
    return Description(secrets.token_hex(16), attributes, variables, metadata, {})


def _rows(length: int, chunk: int, dimension: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return zarr_files.array_metadata(
        "float64", [length], [chunk], [dimension], attributes, compressed=True
    )


def refusal(path: str, got: str, *, damaged: bool) -> ValueError:
    """Return the error for what is no store of a run, or a damaged one."""
    advice = "Copy it anew from where it is whole, or make the run again." if damaged else ""
    return ValueError(
        f"{path!r} must be a store written by run(..., to=...); got {got}. {advice}".rstrip()
    )


def has_identity(directory: Path, identity: str) -> bool:
    """Whether the store that is in `directory` now has an identity."""
    try:
        content = regular_files.read(directory / zarr_files.METADATA, zarr_files.MOST_METADATA)
    except (OSError, regular_files.NotRegular):
        return False
    return identity.encode() in content  # which is random, and long enough to be nothing else


def another_run(path: str) -> ValueError:
    """Return the error for a store that is not that of a recording."""
    return ValueError(
        f"{path!r} must be the store that this recording was written to; got that of another run, "
        "which was put in its place. If it was moved, move it back."
    )


def read(path: str, directory: Path, identity: str | None = None) -> Description:
    """Return what the store in `directory` says of itself.

    Raises
    ------
    ValueError
        If that is no store of a run, or has another identity; the message has it as `path`.
    """
    if identity is not None and not directory.exists():
        raise ValueError(
            f"{path!r} must be the store that this recording was written to; got a path where "
            "nothing is. If it was moved, move it back."
        )
    if not directory.exists():
        raise refusal(path, "a path where nothing is", damaged=False)
    if not directory.is_dir():
        raise refusal(path, "a file", damaged=False)
    try:
        content = zarr_files.read_json(directory)
    except FileNotFoundError:
        raise refusal(path, f"a directory without {zarr_files.METADATA}", damaged=False) from None
    except ValueError as error:
        got = f"a {zarr_files.METADATA} that cannot be read ({error})"
        raise refusal(path, got, damaged=True) from None
    attributes = content.get("attributes")
    key, version = next(iter(FORMAT.items()))
    if not isinstance(attributes, dict) or key not in attributes:
        raise refusal(path, "something else", damaged=False)
    if attributes[key] != version:
        got = f"one of format {attributes[key]!r}, of another version of pyhh_fast"
        raise refusal(path, got, damaged=False)
    try:
        found = _parsed(content, {k: v for k, v in attributes.items() if k != key})
    except _Wrong as error:
        raise refusal(path, str(error), damaged=True) from None
    if identity is not None and found.identity != identity:
        raise another_run(path)
    return found


def _parsed(content: dict[str, Any], attributes: dict[str, Any]) -> Description:
    identity = attributes.pop(IDENTITY, None)
    if not (isinstance(identity, str) and IDENTITIES.fullmatch(identity)):
        raise _Wrong(f"one with the {IDENTITY} {reprlib.repr(identity)}")
    found = Description(identity, attributes, {}, {}, {})
    lengths: dict[str, int] = {}
    listed = _at(content, "consolidated_metadata", "metadata")
    if not isinstance(listed, dict):
        raise _Wrong("one without a list of its arrays")
    chunks = set()
    for name, metadata in listed.items():
        if name == GROUP:
            if _at(metadata, "node_type") != "group":
                raise _Wrong(f"no group {name!r}")
        elif name.startswith(f"{GROUP}/"):
            table = name.removeprefix(f"{GROUP}/")
            found.tables[table] = _table(table, metadata)
        else:
            variable, length, chunk = _variable(name, metadata)
            found.variables[name] = variable
            found.metadata[name] = _rows(length, chunk, *variable)
            chunks.add(chunk)
            if lengths.setdefault(variable.dimension, length) != length:
                raise _Wrong(
                    f"an array {name!r} of {length} rows beside one of "
                    f"{lengths[variable.dimension]}"
                )
    if len(chunks) != 1 or (found.tables and GROUP not in listed):
        raise _Wrong("one without all of its arrays")
    return found


def _variable(name: str, metadata: Any) -> tuple[StoredVariable, int, int]:
    if not NAME.fullmatch(name):
        raise _Wrong(f"an array {reprlib.repr(name)}")
    (length,) = _sizes(name, metadata, "shape", axes=[1], least=0, most=MOST_STEPS)
    (chunk,) = _sizes(name, metadata, "chunk_shape", axes=[1], least=1, most=CHUNK)
    dimensions = _at(metadata, "dimension_names")
    dimension = dimensions[0] if isinstance(dimensions, list) and dimensions else None
    if not (isinstance(dimension, str) and NAME.fullmatch(dimension)):
        raise _Wrong(f"an array {name!r} along {reprlib.repr(dimensions)}")
    variable = StoredVariable(dimension, _attributes(name, metadata))
    _same(name, metadata, _rows(length, chunk, *variable))
    return variable, length, chunk


def _table(name: str, metadata: Any) -> dict[str, Any]:
    if not TABLE_NAME.fullmatch(name):
        raise _Wrong(f"a table {reprlib.repr(name)}")
    shape = _sizes(name, metadata, "shape", axes=[1, 2, 3, 4], least=1, most=MOST_IN_TABLE)
    if math.prod(shape) > MOST_IN_TABLE:
        raise _Wrong(f"a table {name!r} of shape {shape}")
    written = stored_tables.metadata(name, tuple(shape), _attributes(name, metadata))
    _same(name, metadata, written)
    return written


def _sizes(name: str, metadata: Any, key: str, axes: list[int], least: int, most: int) -> list[int]:
    path = ("chunk_grid", "configuration", key) if key == "chunk_shape" else (key,)
    sizes = _at(metadata, *path)
    good = (
        isinstance(sizes, list)
        and len(sizes) in axes
        and all(type(size) is int and least <= size <= most for size in sizes)
    )
    if not good:
        raise _Wrong(f"an array {name!r} with {key} {reprlib.repr(sizes)}")
    kept: list[int] = sizes
    return kept


def _attributes(name: str, metadata: Any) -> dict[str, Any]:
    attributes = _at(metadata, "attributes")
    if not isinstance(attributes, dict):
        raise _Wrong(f"an array {name!r} with attributes {reprlib.repr(attributes)}")
    return attributes


def _same(name: str, metadata: dict[str, Any], written: dict[str, Any]) -> None:
    """See that metadata are those that would have been written, and say what is not."""
    # Zarr's library adds this where it writes the file anew, as for a user's attribute.
    written = {"storage_transformers": [], **written}
    metadata = {"storage_transformers": [], **metadata}
    for key in [*written, *metadata]:
        if key not in written or metadata.get(key) != written[key]:
            raise _Wrong(f"an array {name!r} with {key} {reprlib.repr(metadata.get(key))}")


def _at(content: Any, *path: str) -> Any:
    """Return what stands in nested objects, or None."""
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content

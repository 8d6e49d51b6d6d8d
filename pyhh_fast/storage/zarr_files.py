"""Files of Zarr's format 3 that are there whole or not at all, whatever moment a run is killed at.

Their content is written here, and not by Zarr's library, so that it is the same to the byte
whichever version of that is installed. Every reader of Zarr opens it. Stores of runs and of sweeps
are made of these files.
"""

import contextlib
import errno
import json
import math
import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from pyhh_fast.storage import regular_files
from pyhh_fast.storage.regular_files import NotRegular, TooLarge

METADATA = "zarr.json"
"""The file with the metadata of a group or an array, in its directory."""

PART = ".part"
"""The ending of a file that is not whole yet."""

MOST_METADATA = 2**26
"""Bytes of the largest file with metadata that is read."""

CHECKSUM = {"name": "crc32c"}
CHECKSUM_BYTES = 4

FILL = {"f": np.nan, "i": -2}
"""The value of numbers that were not written, by the kind of their type."""

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
BLOSC = {"typesize": 8, "cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}
"""How float64 are compressed: measured at 3 GB/s, to 0.8 of V's bytes and 0.02 of times'."""


CANNOT_SYNC = {
    getattr(errno, name, errno.EINVAL)
    for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EPERM", "EACCES")
}
"""Error numbers of file systems that sync no directory; databases ignore them as well."""


class Damaged(Exception):
    """Something in a store is not what was written; the text says what it is."""


def replace(
    path: Path, content: Any, part: Path | None = None, check: Callable[[], None] | None = None
) -> None:
    """Write a file that is there whole or not at all, even after a kill or a loss of power.

    Parameters
    ----------
    part : Path, optional
        Its path until it is whole, on the same file system; by default beside its place.
    check : callable, optional
        Called when it is safe on disk, before it is moved to its place; may raise.
    """
    part = part or path.with_name(f"{path.name}{PART}")
    try:
        part.unlink(missing_ok=True)  # left by a process that was killed; or a link, not followed
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check()
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # where the disk is full, it takes room
            part.unlink(missing_ok=True)
        raise


def sync(directories: Iterable[Path]) -> None:
    """Make the names in these directories outlast a loss of power, where that is possible."""
    if sys.platform == "win32":
        return  # it opens no directories
    for directory in directories:
        try:
            number = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)
        except OSError as error:
            if error.errno not in CANNOT_SYNC:
                raise


def read_json(directory: Path) -> dict[str, Any]:
    """Return the metadata of a group or an array.

    Raise ValueError if something is there that is no file, or does not hold such.
    """
    try:
        content = from_json(regular_files.read(directory / METADATA, MOST_METADATA))
    except NotRegular as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError(f"a {type(content).__name__} instead of an object")
    return content


def from_json(content: bytes) -> Any:
    """Return what a text says; ValueError for no JSON, or a number that no float holds."""
    try:
        return json.loads(
            content, parse_constant=_finite, parse_float=_finite, parse_int=_finite_whole
        )
    except RecursionError:
        raise ValueError("brackets nested too deep") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text if len(text) < 20 else text[:9] + '...'} in it")
    return number


def _finite_whole(text: str) -> int:
    _finite(text)
    return int(text)


def difference(found: dict[str, Any], written: dict[str, Any]) -> str | None:
    """Return in which member metadata differ from those that would be written, or None."""
    # Zarr's library adds this when it rewrites the file, as for an attribute that a user added.
    written, found = ({"storage_transformers": [], **some} for some in (written, found))
    for key in [*written, *found]:
        if key not in found:
            return f"no {key}"
        if key not in written:
            return f"{key} {reprlib.repr(found[key])}"
        # As text, in which 1, 1.0 and true are three.
        if _text(found[key]) != _text(written[key]):
            return f"{key} {reprlib.repr(found[key])} instead of {reprlib.repr(written[key])}"
    return None


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def checksum(content: Any) -> bytes:
    """Return what Zarr's codec crc32c puts after a chunk."""
    import google_crc32c

    return int(google_crc32c.value(content)).to_bytes(CHECKSUM_BYTES, "little")


def as_json(content: dict[str, Any]) -> bytes:
    """Return metadata as a file has them."""
    return json.dumps(content, indent=2, allow_nan=False).encode()


def group_metadata(
    attributes: dict[str, Any], members: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the metadata of a group; those of its members are in it where they are given.

    They are given for the topmost group, even if there are none: xarray warns that it is slow
    without them. In an inner group, Zarr's library would take them for all that there is.
    """
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    if members is None:
        return group
    listed = {"kind": "inline", "must_understand": False, "metadata": members}
    return {**group, "consolidated_metadata": listed}


def array_metadata(
    dtype: Any,
    shape: Sequence[int],
    chunk: Sequence[int],
    dimensions: Sequence[str] | None,
    attributes: dict[str, Any] | None,
    *,
    compressed: bool = False,
) -> dict[str, Any]:
    """Return the metadata of an array, as JSON has them: with lists and no tuples."""
    kind = np.dtype(dtype)
    blosc = {"name": "blosc", "configuration": dict(BLOSC)}
    metadata: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": kind.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if kind.kind == "f" else FILL[kind.kind],
        "codecs": [BYTES, blosc] if compressed else [BYTES, CHECKSUM],
        "attributes": attributes or {},
    }
    if dimensions is not None:
        metadata["dimension_names"] = list(dimensions)
    return metadata


class ZarrArray:
    """An array in a directory of its own, not compressed: a file that is there is a whole chunk.

    Parameters
    ----------
    key : str
        The array's directory in that of the store.
    metadata : dict
        As :func:`array_metadata` returns them; they are trusted.
    """

    def __init__(self, store: Path, key: str, metadata: dict[str, Any]) -> None:
        self.store, self.key, self.metadata = store, key, metadata
        self.path = store / key
        self.dtype = np.dtype(metadata["data_type"]).newbyteorder("<")
        self.shape = tuple(metadata["shape"])
        self.chunk = tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])

    @classmethod
    def made(cls, store: Path, key: str, metadata: dict[str, Any]) -> Self:
        """Return the array, which is made unless it exists.

        Raise Damaged if something else is there.
        """
        array = cls(store, key, metadata)
        if array.exists(store, key):
            array.check(array.found(store, key))
        else:
            make_directories(store, array.path)
            array.describe()
        return array

    @staticmethod
    def exists(store: Path, key: str) -> bool:
        """Whether something is there that might describe an array."""
        try:
            regular_files.check_directories(store, store / key)
        except FileNotFoundError:
            return False
        except NotRegular as error:
            raise Damaged(str(error)) from None
        return os.path.lexists(store / key / METADATA)

    @staticmethod
    def found(store: Path, key: str) -> dict[str, Any]:
        """Return the metadata that are there, unchecked."""
        try:
            return read_json(store / key)
        except ValueError as error:
            raise Damaged(f"a {key}/{METADATA} that cannot be read ({error})") from None

    def check(self, found: dict[str, Any]) -> None:
        """Check that metadata are those of this array."""
        differs = difference(found, self.metadata)
        if differs:
            raise Damaged(f"a {self.key}/{METADATA} that has {differs}")

    def describe(self) -> None:
        """Write the metadata."""
        replace(self.path / METADATA, as_json(self.metadata))

    def write(self, number: tuple[int, ...], values: np.ndarray) -> None:
        """Write a chunk, or the part of it that is within the array."""
        whole = np.full(self.chunk, FILL[self.dtype.kind], self.dtype)
        whole[tuple(slice(n) for n in values.shape)] = values
        file = self.file(number)
        make_directories(self.store, file.parent)
        content = whole.tobytes()
        replace(file, content + checksum(content))

    def read(self, number: tuple[int, ...]) -> np.ndarray | None:
        """Return a chunk, whole, or None where it was not written, or is not what was written."""
        file, values = self.file(number), math.prod(self.chunk)
        size = values * self.dtype.itemsize
        try:
            regular_files.check_directories(self.store, file.parent)
            content = regular_files.read(file, size + CHECKSUM_BYTES)
        except (FileNotFoundError, TooLarge):
            return None
        except NotRegular as error:
            raise Damaged(f"{error} {file.relative_to(self.store).as_posix()!r}") from None
        # After a loss of power a file may be short.
        if len(content) != size + CHECKSUM_BYTES or checksum(content[:size]) != content[size:]:
            return None
        return np.frombuffer(content, self.dtype, values).reshape(self.chunk).copy()

    def file(self, number: tuple[int, ...]) -> Path:
        """Return the path of a chunk."""
        return self.path.joinpath("c", *map(str, number))


def make_directories(store: Path, directory: Path) -> None:
    """Make a directory within a store, which must be there; nothing is made beyond a link."""
    try:
        regular_files.check_directories(store, directory)
        return
    except FileNotFoundError:
        pass
    except NotRegular as error:
        raise Damaged(str(error)) from None
    here = store
    for name in directory.relative_to(store).parts:
        here = here / name
        here.mkdir(exist_ok=True)

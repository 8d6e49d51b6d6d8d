"""The Zarr store of a sweep: what is done is there whole, whatever moment the run was killed at.

It is Zarr's format 3, written here and not by its library: every file is written under another name
and moved, and a chunk of the sweep is one file of each array, uncompressed, with a checksum.
So a file that is there is complete, and says that its chunk is done. xarray and every other reader
of Zarr open it.

What was not written by this very sweep is not believed: metadata must be what it would write.
"""

import contextlib
import errno
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from pyhh_fast.errors import NO_ROOM
from pyhh_fast.storage import regular_files, stored_tables, zarr_files
from pyhh_fast.storage.locks import FILE, DirectoryLock
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.storage.zarr_files import METADATA, Damaged, ZarrArray, array_metadata
from pyhh_fast.sweeps.grid import Grid, Shape

RATES = stored_tables.GROUP
"""A name no variable has."""

DIVERGED = {"note": "step at which a cell stopped being finite; -1 for none"}

SAME_START = 1e-9
"""Starts as near as that are one, in mV and fractions: another CPU may find them differently."""

MOST_IN_CHUNK = 2**28
"""Numbers in a chunk: 2 GiB."""


class SweepStore:
    """What is done of a sweep, new or opened again. One sweep at a time writes to it.

    Raise ValueError if something else is there, or a store of another sweep, or a damaged one; from
    all that reads, too. Raise RuntimeError if another sweep writes to it. Raise OSError if it
    cannot be read or written, or is not there any more; from all that reads or writes.

    Parameters
    ----------
    path : str
        It is made absolute here: a sweep writes to one place, whatever the working directory is.
    description : dict
        What makes it this sweep and no other, apart from the grid; numbers, text and lists.
    grid : Grid
        With the chunks that a store of this sweep has.
    dtype : {"float64", "int64"}
        Of the arrays of values.
    rows : bool
        Whether there may be a row of them for each point, and not just one.
    attributes : dict of dict
        By the names of the same; one array more is `diverged_at`. They are made with the first
        values.
    kind : type
        Of the tables of rates that it may have.

    Attributes
    ----------
    description : dict
        As it is in the store.
    """

    def __init__(
        self,
        path: str,
        description: dict[str, Any],
        grid: Grid,
        dtype: str,
        rows: bool,
        attributes: Mapping[str, dict[str, str]],
        kind: type[Table],
    ) -> None:
        self._given, self._path = path, Path(os.path.abspath(path))
        self._grid, self._dtype, self._rows = grid, dtype, rows
        self._attributes, self._kind = {**attributes, "diverged_at": DIVERGED}, kind
        self._names = tuple(attributes)
        self._arrays: dict[str, ZarrArray] = {}
        self._made = False
        with self._reporting():
            self._check_place()
            self._path.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
            try:
                self._begin(description)
            except BaseException:
                self._lock.release()
                raise

    def _locked(self) -> DirectoryLock:
        try:
            return DirectoryLock(self._path)
        except BlockingIOError:
            raise RuntimeError(
                f"{self._given!r} is being written by another sweep. Wait for it, stop it, or name "
                "another out."
            ) from None

    def _begin(self, description: dict[str, Any]) -> None:
        self._check_place()  # another may have written to it until now
        if not os.path.lexists(self._path / METADATA):
            self._write_group(description, {})
        self.description = self._opened(description)
        self._made = True
        for key, (dimension, axis, units) in self._grid.coordinates().items():
            metadata = array_metadata("float64", axis.shape, axis.shape, [dimension], units)
            self._arrays[key] = self._coordinate(key, axis, metadata)
        self._make("diverged_at", "int64", ())
        for name in self._names:
            if ZarrArray.exists(self._path, name):
                found = ZarrArray.found(self._path, name)
                self._make(name, self._dtype, self._columns(found))
        self._list()

    def _coordinate(self, key: str, axis: np.ndarray, metadata: dict[str, Any]) -> ZarrArray:
        if ZarrArray.exists(self._path, key):
            found = ZarrArray.found(self._path, key)
            if found.get("shape") != [*axis.shape]:
                self._refuse(f"other values of {key} in its grid")
        array = ZarrArray.made(self._path, key, metadata)
        kept = array.read((0,))
        if kept is None:
            array.write((0,), axis)
        elif not np.array_equal(kept, axis):
            self._refuse(f"other values of {key} in its grid")
        return array

    def _columns(self, found: dict[str, Any]) -> Shape:
        """Return the shape of the rows of an array of values, whose other metadata may be wrong."""
        shape, dimensions = found.get("shape"), len(self._grid.shape)
        if self._rows and isinstance(shape, list) and len(shape) == dimensions + 1:
            columns = shape[-1]
            if type(columns) is int and 1 <= columns <= self._most_columns():
                return (columns,)
        return ()

    def _most_columns(self) -> int:
        return MOST_IN_CHUNK // math.prod(self._grid.chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    @property
    def is_of_built_in_rates(self) -> bool:
        """Whether chunks were written, and before them no table of rates."""
        return self._names[0] in self._arrays and not ZarrArray.exists(self._path, RATES)

    def write(self, number: Shape, arrays: dict[str, np.ndarray]) -> None:
        """Keep a chunk of each array; it is done when the last is there."""
        with self._reporting():
            self._check_identity()
            for name, values in arrays.items():
                more = values.shape[len(number) :]
                if name not in self._arrays:
                    if math.prod(more) > self._most_columns():
                        raise ValueError(
                            "reduce must be a function that returns at most "
                            f"{self._most_columns()} numbers for a cell where out is given; got "
                            f"{math.prod(more)}."
                        )
                    self._make(name, self._dtype, more)
                    self._list()
                array = self._arrays[name]
                kept = array.shape[len(number) :]
                if kept != more:
                    self._refuse(f"rows of {kept} in {name}, where reduce returned {more}")
                array.write((*number, *[0] * len(more)), values)

    def read(self, number: Shape) -> dict[str, np.ndarray] | None:
        """Return a chunk of each array, or None where it is not done."""
        found = {}
        with self._reporting():
            self._check_identity()
            for name in ("diverged_at", *self._names):
                if name not in self._arrays:
                    return None
                array = self._arrays[name]
                whole = array.read((*number, *[0] * (len(array.shape) - len(number))))
                if whole is None:
                    return None
                box = self._grid.box(number)
                found[name] = whole[tuple(slice(part.stop - part.start) for part in box)]
        return found

    def _make(self, name: str, dtype: str, more: Shape) -> None:
        """Have an array over the grid, and over rows of the shape `more`."""
        grid, attributes = self._grid, self._attributes[name]
        dimensions = [*grid.dimensions, *["column"] * len(more)]
        if not grid.crossed:  # what xarray would not take for coordinates by itself
            attributes = {**attributes, "coordinates": " ".join(grid.axes)}
        shape, chunk = grid.shape + more, grid.chunk + more
        metadata = array_metadata(dtype, shape, chunk, dimensions, attributes)
        self._arrays[name] = ZarrArray.made(self._path, name, metadata)

    def _list(self) -> None:
        listed = {name: array.metadata for name, array in self._arrays.items()}
        self._write_group(self.description, listed)

    def _write_group(self, description: dict[str, Any], listed: dict[str, Any]) -> None:
        content = zarr_files.as_json(zarr_files.group_metadata(description, listed))
        file = self._path / METADATA
        # A store that is finished can be read where nothing can be written.
        if not file.exists() or regular_files.read(file, zarr_files.MOST_METADATA) != content:
            zarr_files.replace(file, content)

    def table(self, values: tuple[float, ...] = ()) -> Table | None:
        """Return the widest table of rates in the store, for values of declared parameters."""
        with self._reporting():
            found = stored_tables.found(self._path, values)
        ours = [table for table in found if isinstance(table, self._kind)]
        return max(ours, key=lambda table: len(table.rows), default=None)

    def keep_table(self, table: Table, values: tuple[float, ...] = ()) -> None:
        """Write a table before anything is computed with it, here or on another machine."""
        with self._reporting():
            self._check_identity()
            stored_tables.write(self._path, table, values)

    def refuse_rates(self) -> None:
        """Raise for a model with other rates."""
        self._refuse("other rates of the model")

    def _check_place(self) -> None:
        """See that a sweep is there, or nothing but what one leaves that was killed at once."""
        path = self._path
        if not os.path.lexists(path):
            return
        ours = path.is_dir()
        if ours and os.path.lexists(path / METADATA):
            attributes = self._group().get("attributes")
            ours = isinstance(attributes, dict) and "build" in attributes
        elif ours:
            begun = (f"{METADATA}{zarr_files.PART}", FILE)
            ours = all(file.name in begun for file in path.iterdir())
        if not ours:
            raise ValueError(
                f"out must be a store of a sweep, or new; got {self._given!r}, where something "
                "else is. Name another."
            )

    def _check_identity(self) -> None:
        """See that the store at the path is the one that was locked, and still of this sweep."""
        there = self._lock.is_at(self._path)
        try:
            there = there and self._group().get("attributes") == self.description
        except FileNotFoundError:
            there = False
        if not there:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))

    def _group(self) -> dict[str, Any]:
        try:
            return zarr_files.read_json(self._path)
        except ValueError as error:
            raise Damaged(f"a {METADATA} that cannot be read ({error})") from None

    def _opened(self, description: dict[str, Any]) -> dict[str, Any]:
        """Return the description as it is in the store, which must be that of this sweep."""
        group = self._group()
        kept: dict[str, Any] = group["attributes"]
        for name, value in description.items():
            if name in kept and _same(name, kept[name], value):
                continue
            self._refuse(f"{name} {kept.get(name)!r} instead of {value!r}")
        listed = group.get("consolidated_metadata")  # which is written again, and read by others
        written = {**zarr_files.group_metadata(dict(kept)), "consolidated_metadata": listed}
        written["attributes"] = {name: kept[name] for name in description}
        differs = zarr_files.difference({"consolidated_metadata": listed, **group}, written)
        if differs:
            raise Damaged(f"a {METADATA} that has {differs}")
        return kept

    def _refuse(self, got: str) -> None:
        raise ValueError(
            f"out must be a store of this sweep, or new; got {self._given!r} with {got}. "
            "Name another, or remove it."
        )

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Report damage, and errors of reading and writing."""
        try:
            yield
        except Damaged as error:
            self._refuse(str(error))
        except OSError as error:
            found = f"{error.strerror or error}. {self._advice(error)}"
            raise OSError(error.errno, found, error.filename or str(self._path)) from error

    def _advice(self, error: OSError) -> str:
        path = str(self._path)
        if not self._made:
            return f"out must be where a directory can be made or written; {path!r} cannot."
        if error.errno == errno.ENOENT:
            return (
                f"{path!r} was removed, moved or replaced during the sweep, in whole or in part; "
                "nothing more is written to it."
            )
        when = (
            "free space and" if error.errno in NO_ROOM else "see that it can be read and written,"
        )
        return f"What is done is kept in {path!r}: {when} call again."


def _same(name: str, kept: Any, value: Any) -> bool:
    if name == "start" and isinstance(value, list):
        return (
            isinstance(kept, list)
            and len(kept) == len(value)
            and all(type(one) is float for one in kept)
            and np.allclose(kept, value, rtol=0, atol=SAME_START)
        )
    return zarr_files.difference({name: kept}, {name: value}) is None

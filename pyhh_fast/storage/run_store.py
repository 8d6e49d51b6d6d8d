"""The store of a run: a Zarr group of arrays to which rows are appended, and a run's state.

What is committed is there, and is the same, whatever moment the process is killed at. A commit is
one file, the group's zarr.json, which is moved in place when all else is safe on disk. It holds the
run's state and how long each array is; all readers of Zarr take the arrays to be that long, and
ignore what is in their files beyond. Runs write it through storage/writer.py.
"""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.errors import with_advice
from pyhh_fast.storage import description, directory, stored_tables, zarr_files
from pyhh_fast.storage.description import CHUNK, Description, StoredVariable
from pyhh_fast.storage.locks import DirectoryLock
from pyhh_fast.storage.store_place import StorePlace
from pyhh_fast.storage.zarr_files import Damaged
from pyhh_fast.system.background import main_thread_needed
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from pyhh_fast.storage.arrays import DurableStore, RowsArray

LEFT_OVER = (zarr_files.PART, ".partial")
"""Endings of files that were being written: here, and by Zarr's library."""


class RunStore:
    """What is stored of a run; made by :meth:`create`, :meth:`open` or :meth:`read`.

    One thread at a time uses it. Rows that were committed never change: where some are cut off,
    the same are to be appended again, or the store may hold a mixture if it is killed before the
    next commit.

    Raise TypeError or ValueError if the path cannot be used, or no store of a run is there, or a
    damaged one; from all that reads, too. Raise RuntimeError if another process writes to it. Raise
    OSError if it cannot be read or written. It is then as of its last commit, and takes no more.
    Raise ImportError if zarr is not installed.

    Attributes
    ----------
    attributes : dict
        As committed last.
    identity : str
        No other store has it: one that is put in the place of this one is known by it.
    path : str
        Where it is; after :meth:`close`, where it was moved to, if it was while it was open.
    """

    def __init__(
        self, directory: Path, description: Description, lock: DirectoryLock | None
    ) -> None:
        from pyhh_fast.storage import arrays

        self._directory, self.path = directory, str(directory)
        self.attributes, self.identity = description.attributes, description.identity
        self._place = None if lock is None else StorePlace(directory, self.identity, lock)
        self._broken = False
        self._store: DurableStore = arrays.DurableStore(
            lock.directory if lock else directory, self._place.check if self._place else None
        )
        self._arrays: dict[str, RowsArray] = {}
        self._tables: dict[str, stored_tables.Table] = {}
        with self._reading():
            for name, metadata in description.arrays.items():
                self._arrays[name] = arrays.RowsArray(
                    self._store,
                    name,
                    metadata,
                    made=self._place is None or self._place.appeared,
                    writable=self._place is not None,
                )
            if description.tables:
                arrays.need_directory(self._store, stored_tables.GROUP)
            for name, metadata in description.tables.items():
                self._tables[name] = arrays.read_table(self._store, name, metadata)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        attributes: dict[str, Any],
        variables: dict[str, StoredVariable],
        *,
        chunk: int = CHUNK,
    ) -> Self:
        """Return a new store, which appears under its name at its first commit.

        Parameters
        ----------
        path : str or path-like
            Where nothing is.
        attributes : dict
            What JSON holds, without NaN and infinities.
        variables : dict of StoredVariable
            By name; the one with the name of its dimension labels its rows.
        chunk : int, default 524,288
            Rows in a file.
        """
        name = validation.local_path("to", path)
        directory.check_ending("to", name)
        target = Path(name).absolute()  # the working directory may change
        _need_zarr()
        directory.check_new(name, target)
        described = description.new(_plain(attributes), variables, chunk)
        try:
            lock = directory.make_part(target)
            try:
                return cls(target, described, lock)
            except BaseException:
                lock.remove()
                raise
        except OSError as error:
            raise with_advice(error, "to must be where a directory can be made.", name) from error

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return a store as it was committed last, to append to; others may then only read it."""
        name = validation.local_path("path", path)
        _need_zarr()
        directory = Path(name).absolute()
        description.read(name, directory)  # before a lock is taken on what is no store
        try:
            lock = DirectoryLock(directory)
        except BlockingIOError:
            raise RuntimeError(
                f"{name!r} is being written by another process. Wait for it, or stop it."
            ) from None
        try:
            # Read again: more may have been committed before the lock was taken.
            store = cls(directory, description.read(name, directory), lock)
            store._clean()
        except BaseException:
            lock.release()
            raise
        return store

    @classmethod
    def read(cls, path: str | os.PathLike[str], identity: str | None = None) -> Self:
        """Return a store as it was committed last, to read; another may write to it meanwhile.

        With `identity`, the store that is there must have that.
        """
        name = validation.local_path("path", path)
        _need_zarr()
        directory = Path(name).absolute()
        return cls(directory, description.read(name, directory, identity), None)

    @property
    def names(self) -> set[str]:
        """Names of its arrays."""
        return set(self._arrays)

    def length(self, dimension: str) -> int:
        """Return how many rows all arrays along `dimension` have, committed and appended."""
        return min(array.length for array in self._along(dimension))

    def values(self, name: str, start: int = 0, stop: int | None = None) -> FloatArray:
        """Return rows of an array, as a slice would; only the chunks that have them are read."""
        array = self._arrays[name]
        rows = range(array.length)[start:stop]
        with self._reading():
            found = array.values(rows.start, max(rows.start, rows.stop))
        # Checked afterwards: until then its files may have been exchanged for another's.
        if self._place is None and not description.has_identity(self._directory, self.identity):
            raise description.another_run(self.path)
        return found

    def append(self, name: str, values: Any, first: int | None = None) -> None:
        """Append rows of float64 to an array; full chunks go to disk at once.

        With `first`, the number of the first of them, those that are there already are skipped.
        """
        array = self._arrays[name]
        there = 0 if first is None else array.length - first
        if there < 0:
            raise ValueError(f"{name} has {array.length} rows; got some from number {first} on")
        with self._writing():
            array.append(np.ascontiguousarray(values, dtype=np.float64)[there:])

    def cut(self, dimension: str, length: int) -> None:
        """Forget rows along `dimension` from `length` on, which are to be appended again.

        On disk they stay until the next commit.
        """
        if not 0 <= length <= self.length(dimension):
            raise ValueError(f"{dimension} has {self.length(dimension)} rows, not {length}")
        with self._writing(), self._reading():
            for array in self._along(dimension):
                array.cut(length)

    def put_table(self, table: stored_tables.Table) -> None:
        """Write a table of rates, which is visible with the next commit."""
        from pyhh_fast.storage import arrays

        name = stored_tables.name_of(table)
        kept = self._tables.get(name)
        if kept is not None:
            if not (kept.width == table.width and arrays.same_bits(kept.rows, table.rows)):
                raise ValueError(f"there is another table {name!r}")
            return
        with self._writing() as place:
            place.check()
            stored_tables.write(self._store.root, table)
            self._tables[name] = table

    def tables(self) -> list[stored_tables.Table]:
        """Return the tables of rates, in the order in which they were put."""
        return list(self._tables.values())

    def commit(self, attributes: dict[str, Any]) -> None:
        """Make all that was appended and put visible, with `attributes` instead of those before.

        It is safe on disk when this returns; where this raises, all is as it was.
        """
        plain = _plain(attributes)
        for name, array in self._arrays.items():
            if array.length != self.length(array.dimension):
                raise ValueError(f"{name} has more rows than another array along {array.dimension}")
        with self._writing() as place:
            place.check()
            for array in self._arrays.values():
                array.before_commit()
                array.save_metadata()
            self._store.sync()
            # Not beside its place, where readers that list all there is would wonder about it.
            beside = next(iter(self._arrays))
            self._store.put(zarr_files.METADATA, self._root(plain), within=beside)
            self._store.wait()
            self._store.sync()
            if not place.appeared:
                place.appear()
                self._store.root = self._directory
            self.attributes = plain
            for array in self._arrays.values():
                array.after_commit()

    def _root(self, attributes: dict[str, Any]) -> bytes:
        arrays = {name: array.metadata() for name, array in self._arrays.items()}
        tables = {name: stored_tables.metadata_of(table) for name, table in self._tables.items()}
        return description.as_json(Description(self.identity, attributes, arrays, tables))

    def close(self) -> None:
        """Let others write; what was appended since the last commit is lost."""
        place, self._place = self._place, None
        if place is None:
            return
        # It can wait for the next to open it, where the disk is full.
        with contextlib.suppress(OSError, ValueError), self._reading():
            try:
                self._store.wait()
            finally:
                if place.appeared:
                    place.check()  # nothing is removed from a store that was put in its place
                    self._forget_uncommitted()
        self._store.close()
        self.path = str(place.leave())

    def _forget_uncommitted(self) -> None:
        for array in self._arrays.values():
            if array.length > array.committed:
                array.cut(array.committed)
                array.after_commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _along(self, dimension: str) -> list["RowsArray"]:
        return [array for array in self._arrays.values() if array.dimension == dimension]

    def _clean(self) -> None:
        """Remove what a run that was killed between two commits has left."""
        left_over = functools.partial(directory.remove_left_over, endings=LEFT_OVER)
        with self._writing(), self._reading():
            for name, array in self._arrays.items():
                left_over(self._directory / name)
                array.after_commit()
                array.save_metadata()
            self._store.wait()
            left_over(self._directory)
            rates = self._directory / stored_tables.GROUP
            if not self._tables:
                directory.remove(rates)
                return
            left_over(rates)
            for table in list(rates.iterdir()):
                if table.name not in self._tables and table.is_dir():
                    directory.remove(table)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[StorePlace]:
        """Write in the store's place; after an error nothing more is written."""
        place = self._place
        if place is None or self._broken:
            raise RuntimeError(f"{self.path!r} is not open for writing, or could not be written.")
        try:
            place.check_directory()
            yield place
        except OSError as error:
            self._broken = True
            raise with_advice(error, place.advice(error), error.filename or self.path) from error
        except BaseException:
            self._broken = True
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn damage that is found into an error that names the store."""
        try:
            yield
        except Damaged as error:
            raise description.refusal(self.path, str(error), damaged=True) from error


def _need_zarr() -> None:
    try:
        with main_thread_needed("a run to a store"):
            from pyhh_fast.storage import arrays  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"
        ) from error


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as JSON gives them back, sorted."""
    plain: dict[str, Any] = json.loads(json.dumps(attributes, sort_keys=True, allow_nan=False))
    return plain

"""The store of a run: a Zarr group of arrays to which rows are appended, and a run's state.

What is committed is there, and is the same, whatever moment the process is killed at. A commit is
one file, the group's zarr.json, which is moved in place when all else is safe on disk. It holds the
run's state and how long each array is; all readers of Zarr take the arrays to be that long, and
what is in their files beyond is nothing yet.
"""

import contextlib
import errno
import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.errors import NO_ROOM, with_advice
from pyhh_fast.storage import description, directory, stored_tables, zarr_files
from pyhh_fast.storage.description import CHUNK, FORMAT, Description, StoredVariable
from pyhh_fast.storage.directory import DirectoryLock
from pyhh_fast.storage.stored_tables import StoredTable
from pyhh_fast.storage.zarr_files import Damaged
from pyhh_fast.system.background import main_thread_needed
from pyhh_fast.typing import FloatArray

if TYPE_CHECKING:
    from pyhh_fast.storage.arrays import DurableStore, RowsArray

LEFT_OVER = (zarr_files.PART, ".partial")
"""What names end in of files that were being written: here, and by Zarr's library."""


class RunStore:
    """What is stored of a run; made by :meth:`create`, :meth:`open` or :meth:`read`.

    It is for one thread at a time. Rows that were committed never change: where some are cut off,
    the same are to be appended anew, or the store may hold a mixture if it is killed before the
    next commit.

    Attributes
    ----------
    attributes : dict
        As committed last.
    identity : str
        What no other store has: one that is put in the place of this one is known by it.
    """

    def __init__(
        self,
        directory: Path,
        description: Description,
        lock: DirectoryLock | None,
        *,
        made: bool = True,
    ) -> None:
        from pyhh_fast.storage import arrays

        self._path, self._lock, self._made = str(directory), lock, made
        self._directory = directory
        self.attributes = description.attributes
        self.identity = description.identity
        self._tables: dict[str, StoredTable] = {}
        self._store: DurableStore = arrays.DurableStore(
            lock.directory if lock else directory, self._check_store
        )
        self._arrays: dict[str, RowsArray] = {}
        self._dimensions = {name: v.dimension for name, v in description.variables.items()}
        self._broken = False
        with self._reading():
            for name, metadata in description.metadata.items():
                self._arrays[name] = arrays.RowsArray(
                    self._store, name, metadata, made=made, writable=lock is not None
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
        """Return a new store, which is there under its name from its first commit on.

        Parameters
        ----------
        path : str or path-like
            Where nothing is.
        attributes : dict
            What JSON holds, without NaN and infinities.
        variables : dict of StoredVariable
            By name; one that is named like its dimension labels its rows.
        chunk : int, default 524,288
            Rows in a file.

        Raises
        ------
        TypeError
            If `path` is no path.
        ValueError
            If something is at `path`, or the directory that it would be in is none.
        OSError
            If nothing can be made there.
        ImportError
            If zarr is not installed.
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
                return cls(target, described, lock, made=False)
            except BaseException:
                lock.remove()
                raise
        except OSError as error:
            raise with_advice(error, "to must be where a directory can be made.", name) from error

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return a store as it was committed last, to append to; others may then only read it.

        Raises
        ------
        TypeError
            If `path` is no path.
        ValueError
            If no store of a run is there, or a damaged one.
        RuntimeError
            If another writes to it.
        OSError
            If it cannot be read, or written.
        ImportError
            If zarr is not installed.
        """
        name = validation.local_path("path", path)
        _need_zarr()
        directory = Path(name).absolute()
        description.read(name, directory)  # nothing else is touched
        try:
            lock = DirectoryLock(directory)
        except BlockingIOError:
            raise RuntimeError(
                f"{name!r} is being written by another process. Wait for it, or stop it."
            ) from None
        try:
            # What was committed may be more by now.
            store = cls(directory, description.read(name, directory), lock)
            store._clean()
        except BaseException:
            lock.release()
            raise
        return store

    @classmethod
    def read(cls, path: str | os.PathLike[str], identity: str | None = None) -> Self:
        """Return a store as it was committed last, to read; another may write to it meanwhile.

        Parameters
        ----------
        path : str or path-like
        identity : str, optional
            Of the store that must be there.

        Raises
        ------
        TypeError, ValueError, OSError, ImportError
            As :meth:`open`.
        """
        name = validation.local_path("path", path)
        _need_zarr()
        directory = Path(name).absolute()
        return cls(directory, description.read(name, directory, identity), None)

    @property
    def path(self) -> str:
        """Where it is; after :meth:`close`, where it was moved to, if it was while it was open."""
        return self._path

    @property
    def names(self) -> set[str]:
        """Names of its arrays."""
        return set(self._arrays)

    def length(self, dimension: str) -> int:
        """Return how many rows all arrays along `dimension` have, committed and appended."""
        return min(array.length for array in self._along(dimension))

    def values(self, name: str, start: int = 0, stop: int | None = None) -> FloatArray:
        """Return rows of an array, as a slice would; only the chunks that have them are read.

        Raises
        ------
        ValueError
            If the store is damaged there.
        """
        array = self._arrays[name]
        rows = range(array.length)[start:stop]
        with self._reading():
            found = array.values(rows.start, max(rows.start, rows.stop))
        # Seen afterwards: until then its files may have been exchanged for another's.
        reader = self._lock is None
        if reader and not description.has_identity(self._directory, self.identity):
            raise description.another_run(self._path)
        return found

    def append(self, name: str, values: Any, first: int | None = None) -> None:
        """Append rows of float64 to an array; full chunks go to disk at once.

        Parameters
        ----------
        first : int, optional
            Number of the first of them; those that are there already are passed over.

        Raises
        ------
        ValueError
            If rows are missing before them.
        OSError
            If they cannot be written; the store is then as of its last commit, and takes no more.
        """
        array = self._arrays[name]
        there = 0 if first is None else array.length - first
        if there < 0:
            raise ValueError(f"{name} has {array.length} rows; got some from number {first} on")
        with self._writing():
            array.append(np.ascontiguousarray(values, dtype=np.float64)[there:])

    def cut(self, dimension: str, length: int) -> None:
        """Forget rows along `dimension` from `length` on, which are to be appended anew.

        On disk they stay until the next commit.
        """
        if not 0 <= length <= self.length(dimension):
            raise ValueError(f"{dimension} has {self.length(dimension)} rows, not {length}")
        with self._writing(), self._reading():
            for array in self._along(dimension):
                array.cut(length)

    def put_table(self, name: str, rows: FloatArray, attributes: dict[str, Any]) -> None:
        """Write a table of rates, which is there with the next commit; its name is for it alone."""
        from pyhh_fast.storage import arrays

        # Its own, as it is written: the caller's may change.
        rows = np.array(rows, dtype=np.float64, order="C")
        table = StoredTable(rows, _plain(attributes))
        kept = self._tables.get(name)
        if kept:
            same = kept.rows.shape == rows.shape and arrays.same_bits(kept.rows, rows)
            if not (same and kept.attributes == table.attributes):
                raise ValueError(f"there is another table {name!r}")
            return
        with self._writing():
            self._check_store()
            stored_tables.write(self._store.root, name, table)
            self._tables[name] = table

    def tables(self) -> dict[str, StoredTable]:
        """Return the tables of rates by name, in the order in which they were put."""
        return dict(self._tables)

    def commit(self, attributes: dict[str, Any]) -> None:
        """Make all that was appended and put visible, with `attributes` instead of those before.

        It is on disk, whatever happens then, or all is as it was.

        Raises
        ------
        ValueError
            If arrays along one dimension differ in length, `attributes` are not what JSON holds,
            or at the first commit something else is at the path by now.
        OSError
            If it cannot be written; the store is then as of its last commit, and takes no more.
        """
        plain = _plain(attributes)
        for name, array in self._arrays.items():
            if array.length != self.length(dimension := self._dimensions[name]):
                raise ValueError(f"{name} has more rows than another array along {dimension}")
        with self._writing():
            self._check_store()
            for array in self._arrays.values():
                array.before_commit()
                array.save_metadata()
            self._store.sync()
            # Not beside its place, where readers that list all there is would wonder about it.
            beside = next(iter(self._arrays))
            self._store.put(zarr_files.METADATA, self._root(plain), within=beside)
            self._store.wait()
            self._store.sync()
            self._appear()
            self.attributes = plain
            for array in self._arrays.values():
                array.after_commit()

    def _root(self, attributes: dict[str, Any]) -> bytes:
        members = {name: array.metadata() for name, array in self._arrays.items()}
        if self._tables:
            members[stored_tables.GROUP] = zarr_files.group_metadata({})
        for name, (rows, described) in self._tables.items():
            members[f"{stored_tables.GROUP}/{name}"] = stored_tables.metadata(
                name, rows.shape, described
            )
        own = FORMAT | {description.IDENTITY: self.identity}
        return zarr_files.as_json(zarr_files.group_metadata(own | attributes, members))

    def _check_place(self) -> None:
        """See that what is written is still where it was."""
        assert self._lock is not None
        if not self._lock.is_at(self._lock.directory):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._path)

    def _check_store(self) -> None:
        """See also that the directory does not hold another store, which was copied there."""
        self._check_place()
        if self._made and not description.has_identity(self._directory, self.identity):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._path)

    def _appear(self) -> None:
        """Give the store its name, if it has it not yet."""
        if self._made:
            return
        assert self._lock is not None
        # An empty directory would be replaced, whence the first; the second is for the others.
        if os.path.lexists(self._directory):
            raise directory.exists_error(self._path)
        try:
            self._lock.rename(self._directory)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise directory.exists_error(self._path) from None
            raise
        self._made = True
        self._store.moved_to(self._directory)
        zarr_files.sync([self._directory.parent])

    def close(self) -> None:
        """Let others write; what was appended since the last commit is lost."""
        lock = self._lock
        if lock is None:
            return
        # It can wait for the next to open it, where the disk is full.
        with contextlib.suppress(OSError, ValueError), self._reading():
            try:
                self._store.wait()
            finally:
                if self._made:
                    self._check_store()  # not in one that was put in its place
                    self._forget_uncommitted()
        self._store.close()
        self._lock = None
        if self._made:
            self._path = str(lock.place() or self._path)
            lock.release()
        else:
            lock.remove()

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
        return [self._arrays[name] for name, d in self._dimensions.items() if d == dimension]

    def _clean(self) -> None:
        """Remove what a run leaves that was killed between two commits."""
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
    def _writing(self) -> Iterator[None]:
        """Allow to write, and tell of what keeps from it."""
        if self._lock is None or self._broken:
            raise RuntimeError(f"{self._path!r} is not open for writing, or could not be written.")
        try:
            self._check_place()
            yield
        except OSError as error:
            self._broken = True
            raise with_advice(error, self._advice(error), error.filename or self._path) from error
        except BaseException:
            self._broken = True
            raise

    def _advice(self, error: OSError) -> str:
        if not self._made:
            return f"{self._path!r} was not made."
        if error.errno in directory.GONE:
            return self._where_it_is()
        when = "there is room" if error.errno in NO_ROOM else "it can be written again"
        return (
            f"{self._path!r} is as of its last commit. Once {when}, Simulation.resume goes on "
            "from there."
        )

    def _where_it_is(self) -> str:
        """Return what became of a store that is not in its place, or not whole."""
        assert self._lock is not None
        place = self._lock.place()
        if place is not None and place != self._directory:
            return (
                f"{self._path!r} was moved during the run. {str(place)!r} is as of its last "
                "commit: Simulation.resume goes on from there."
            )
        if place is None and self._directory.exists():
            return (
                f"{self._path!r} was removed or moved during the run, and is something else now, "
                "which was left as it is."
            )
        return (
            f"{self._path!r} was removed, moved or replaced, in whole or in part, during the run."
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell of damage."""
        try:
            yield
        except Damaged as error:
            raise description.refusal(self._path, str(error), damaged=True) from error


def _need_zarr() -> None:
    try:
        with main_thread_needed("a run to a store"):
            from pyhh_fast.storage import arrays  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "a run's store needs zarr. Install it with: pip install 'pyhh_fast[store]'"
        ) from error


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as JSON gives them back, in an order of their own."""
    plain: dict[str, Any] = json.loads(json.dumps(attributes, sort_keys=True, allow_nan=False))
    return plain

"""The arrays of a run's store, of which RunStore is made: compressed chunks, only appended to.

Chunks are compressed and written here, and not by Zarr's library, which leaves that to executors
of concurrent.futures: once the main thread has ended, they refuse what the run of another thread
still has to write.

Chunks go to disk as they fill. The last, not yet full, is kept in memory and written at every
commit. It then begins with the rows that it had before, and files are replaced whole: so a kill
between two writes takes no row from readers, who read as many as were committed.
"""

import os
import secrets
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import zarr  # noqa: F401 (it switches off Blosc's own threads)
from numcodecs import Blosc

from pyhh_fast.storage import regular_files, stored_tables, zarr_files
from pyhh_fast.storage.zarr_files import BLOSC, Damaged, ZarrArray
from pyhh_fast.system.background import Future, Workers
from pyhh_fast.typing import FloatArray

CODEC = Blosc(BLOSC["cname"], BLOSC["clevel"], Blosc.SHUFFLE, BLOSC["blocksize"])
"""What compresses chunks; an array whose metadata name another is refused."""

MOST_OVERHEAD = 4_096
"""Bytes by which a chunk that cannot be compressed may be larger than its rows: Blosc's are 16."""


class DurableStore:
    """Zarr's directory, in which files outlast a loss of power as well as a kill.

    Zarr's own replaces them whole too, but before their content is safe on disk, and makes missing
    directories, so that a store that was removed would come back in part.

    Parameters
    ----------
    check : callable
        Called before a file is moved to its place; raises where another store is at `root`. An
        exchange between that call and the move does no harm: the unfinished files of a store have
        names of their own, so that there is nothing to be moved in the other one.
    """

    THREADS = 16
    """A disk may need 0.2 s until a file is safe. Many are synced at once: the files of a commit,
    then their directories, then the file that is the commit."""

    def __init__(self, root: Path, check: Callable[[], None] | None) -> None:
        self.root = root
        self._check = check
        self._part = f".{os.getpid()}-{secrets.token_hex(4)}{zarr_files.PART}"
        self._touched: set[Path] = set()
        self._workers: Workers | None = None
        self._written: dict[Path, Future[None]] = {}

    def put(self, key: str, content: Any, *, within: str | None = None) -> None:
        """Begin to write a file; in the directory `within`, if given, until it is whole.

        Errors show in :meth:`wait`, or in a later call. The caller must not change `content`.
        """
        path = self.root / key
        part = (path.parent if within is None else self.root / within) / f"{path.name}{self._part}"
        if path in self._written or len(self._written) >= 2 * self.THREADS:
            self.wait()
        self._written[path] = self._submit(zarr_files.replace, path, content, part, self._check)
        self._touched.add(path.parent)

    def _submit(self, function: Callable[..., None], *arguments: Any) -> Future[None]:
        if self._workers is None:
            self._workers = Workers(self.THREADS, "pyhh_fast disk")
        return self._workers.submit(function, *arguments)

    def wait(self) -> None:
        """Wait until all files are in their places, safe on disk."""
        written, self._written = self._written, {}
        _wait_for(written.values())

    def close(self) -> None:
        """End the threads."""
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    def make(self, key: str) -> None:
        """Make a directory; the one that it is in must be there."""
        path = self.root / key
        path.mkdir(exist_ok=True)
        self._touched |= {path, path.parent}

    def sync(self) -> None:
        """Make all that was written, and its names, outlast a loss of power."""
        self.wait()
        _wait_for([self._submit(zarr_files.sync, [directory]) for directory in self._touched])
        self._touched.clear()


def _wait_for(calls: Iterable[Future[None]]) -> None:
    """Wait for all calls; then raise the first error of them."""
    first: BaseException | None = None
    for call in calls:
        try:
            call.result()
        except BaseException as error:
            first = first or error
    if first is not None:
        raise first


class RowsArray:
    """A 1-D array of float64 that grows.

    Raise Damaged if it is not what was written; from all methods that read.

    Parameters
    ----------
    metadata : dict
        As they were committed.
    made : bool
        Whether it is there already.
    writable : bool
        Whether rows will be appended.

    Attributes
    ----------
    length : int
        Rows committed and appended.
    committed : int
        Rows that a reader may count on.
    """

    def __init__(
        self,
        store: DurableStore,
        name: str,
        metadata: dict[str, Any],
        *,
        made: bool,
        writable: bool,
    ) -> None:
        self._store, self._name, self._metadata = store, name, metadata
        self.dimension: str = metadata["dimension_names"][0]
        self.length: int = metadata["shape"][0]
        self.committed = self.length
        self._chunk: int = metadata["chunk_grid"]["configuration"]["chunk_shape"][0]
        if not made:
            store.make(name)
            store.make(f"{name}/c")
        self._on_disk = self._committed_chunks()
        # The last chunk, not yet full, and whether that on disk differs from it.
        self._tail = np.empty(self._chunk if writable else 0)
        self._dirty = False
        self._saved = b""
        if writable and made:
            self._load_tail()

    def _load_tail(self) -> None:
        """Read the last chunk, to append to; it may hold more than was committed."""
        number, rows = divmod(self.length, self._chunk)
        if rows:
            found = self._read(number)
            self._tail[:rows] = found[:rows]
            self._dirty = not same_bits(found[rows:], np.full(self._chunk - rows, np.nan))

    def append(self, values: FloatArray) -> None:
        """Add rows, and write the chunks that they fill."""
        while values.size:
            number, at = divmod(self.length, self._chunk)
            rows = min(self._chunk - at, values.size)
            block = values[:rows]
            if rows < self._chunk:
                self._tail[at : at + rows] = block
                block = self._tail
                self._dirty = True
            if at + rows == self._chunk:
                self._write(number, block)
            self.length += rows
            values = values[rows:]

    def cut(self, length: int) -> None:
        """Forget rows from `length` on."""
        if length == self.length:
            return
        number, rows = divmod(length, self._chunk)
        if rows and number != self.length // self._chunk:
            self._tail[:rows] = self._read(number)[:rows]
        self.length = length
        self._dirty = rows > 0

    def before_commit(self) -> None:
        """Write all rows to disk."""
        # Rows that were cut off but are still committed must stay there until the commit.
        if self.length >= self.committed:
            self._flush()

    def save_metadata(self) -> None:
        """Write its metadata, for readers of this array alone."""
        path = f"{self._name}/{zarr_files.METADATA}"
        content = zarr_files.as_json(self.metadata())
        if content != self._saved:
            self._store.put(path, content)
            self._saved = content

    def metadata(self) -> dict[str, Any]:
        """Return its metadata, with its present length."""
        return {**self._metadata, "shape": [self.length]}

    def after_commit(self) -> None:
        """Remove from disk what is beyond the rows that are committed now."""
        self.committed = self.length
        self._flush()
        self._store.wait()
        chunks = -(-self.length // self._chunk)
        for number in sorted(self._on_disk):
            if number >= chunks:
                self._file(number).unlink(missing_ok=True)
                self._on_disk.remove(number)

    def values(self, start: int, stop: int) -> FloatArray:
        """Return rows from `start` to `stop`, which must be there."""
        values = np.empty(stop - start)
        last = self.length // self._chunk if self._tail.size else None
        for number in range(start // self._chunk, -(-stop // self._chunk)):
            first = number * self._chunk
            low, high = max(start, first), min(stop, first + self._chunk)
            whole = self._tail if number == last else self._read(number)
            values[low - start : high - start] = whole[low - first : high - first]
        return values

    def _flush(self) -> None:
        if self._dirty:
            number, rows = divmod(self.length, self._chunk)
            self._tail[rows:] = np.nan
            self._write(number, self._tail)

    def _write(self, number: int, block: FloatArray) -> None:
        content = CODEC.encode(np.ascontiguousarray(block, "<f8"))
        self._store.put(f"{self._name}/c/{number}", content)
        self._on_disk.add(number)
        self._dirty = False

    def _read(self, number: int) -> FloatArray:
        self._store.wait()
        file = self._file(number)
        return read(file, self._inside(file), self._chunk)

    def _file(self, number: int) -> Path:
        return self._store.root / self._name / "c" / str(number)

    def _committed_chunks(self) -> set[int]:
        """Return the numbers of the chunks on disk; all that were committed must be there."""
        chunks = self._store.root / self._name / "c"
        for directory in (chunks.parent, chunks):
            need_directory(self._store, self._inside(directory))
        numbers = set()
        for file in chunks.iterdir():
            number = int(file.name) if file.name.isascii() and file.name.isdecimal() else -1
            if file.name == str(number):
                numbers.add(number)
        needed = -(-self.length // self._chunk)
        missing = next((n for n in range(min(needed, len(numbers) + 1)) if n not in numbers), None)
        if missing is not None:
            raise Damaged(f"no file {self._inside(self._file(missing))!r}")
        return numbers

    def _inside(self, path: Path) -> str:
        return path.relative_to(self._store.root).as_posix()


def read_table(store: DurableStore, name: str, metadata: dict[str, Any]) -> stored_tables.Table:
    """Return a table of rates."""
    key = f"{stored_tables.GROUP}/{name}"
    need_directory(store, key)
    array = ZarrArray(store.root, key, metadata)
    table = stored_tables.read(array)
    if table is None:
        place = array.file(stored_tables.only_chunk(array)).relative_to(store.root).as_posix()
        raise Damaged(f"no whole file {place!r}")
    return table


def need_directory(store: DurableStore, key: str) -> None:
    """Check that a directory is there and is no link, which may lead anywhere."""
    directory = store.root / key
    if directory.is_symlink() or not directory.is_dir():
        raise Damaged(f"no directory {key!r}")


def read(file: Path, place: str, rows: int) -> FloatArray:
    """Return the rows of a chunk, whose file must be what was written; errors name its `place`."""
    size = 8 * rows
    try:
        content = regular_files.read(file, size + MOST_OVERHEAD)
        # Blosc's header: four bytes, then sizes unpacked, of a block, and packed. They are checked
        # first, because Blosc allocates whatever a crafted file claims to unpack to.
        if len(content) < 16 or struct.unpack("<I", content[4:8])[0] != size:
            raise Damaged(f"a file {place!r} that is no chunk of it")
        if struct.unpack("<I", content[12:16])[0] != len(content):
            raise Damaged(f"a file {place!r} that was cut short")
        found = np.frombuffer(CODEC.decode(content), "<f8")
    except FileNotFoundError:
        raise Damaged(f"no file {place!r}") from None
    except regular_files.NotRegular as error:
        raise Damaged(f"{error} in the place of the file {place!r}") from None
    except (RuntimeError, ValueError) as error:  # from unpacking
        raise Damaged(f"a file {place!r} that is no chunk of it ({error})") from error
    return found.astype(np.float64, copy=False)


def same_bits(one: FloatArray, other: FloatArray) -> bool:
    """Whether arrays are equal to the bit; unlike by ==, a NaN equals itself."""
    return np.array_equal(one.view(np.uint64), other.view(np.uint64))

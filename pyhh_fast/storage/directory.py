"""The directory of a store: one process at a time writes in it, and it shows when it is whole."""

import contextlib
import errno
import os
import shutil
import sys
import weakref
from pathlib import Path

from pyhh_fast.errors import warn_user
from pyhh_fast.storage.zarr_files import PART

HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""What systems say where another has the lock."""

FILE = ".lock"
"""What is locked on Windows, which cannot lock a directory."""


GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, getattr(errno, "ESTALE", errno.ENOENT))
"""What systems say where a directory is not any more."""

MOST_TRIES = 20
"""Names of a directory that are tried."""


class DirectoryLock:
    """Locks a directory until it is released, or the process ends in whatever way.

    On POSIX it is the directory itself that is locked, so nothing is left behind. Children made by
    fork, as workers of an executor are, do not hold it: they may outlive their parent.

    Attributes
    ----------
    directory : Path
    held : bool
        False where the file system has no locks.

    Raises
    ------
    BlockingIOError
        If another holds it, in this process or another.
    FileNotFoundError
        If the directory is not there, or went while it was being locked.

    Warns
    -----
    UserWarning
        If the file system has no locks.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.held = True
        self._number: int | None = self._take()
        _locks.add(self)

    def is_at(self, path: Path) -> bool:
        """Whether the directory that was locked is what is at `path` now."""
        if sys.platform == "win32":  # where none is removed or moved in which a file is open
            return path.is_dir()
        if self._number is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._number), os.stat(path))
        except OSError as error:
            if error.errno in GONE:
                return False
            raise

    def place(self) -> Path | None:
        """Return where the directory that was locked is now; None where that cannot be known."""
        if self.is_at(self.directory):
            return self.directory
        with contextlib.suppress(OSError):  # only Linux tells
            moved = Path(os.readlink(f"/proc/self/fd/{self._number}"))
            if self.is_at(moved):
                return moved
        return None

    def _take(self) -> int:
        place = self.directory / FILE if sys.platform == "win32" else self.directory
        flags = os.O_RDWR | os.O_CREAT if sys.platform == "win32" else os.O_RDONLY
        number = os.open(place, flags)
        try:
            _lock(number)
            # Another may have removed it between the opening and the lock.
            if not os.path.samestat(os.fstat(number), os.stat(place)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
        except OSError as error:
            if error.errno in HELD or isinstance(error, FileNotFoundError):
                os.close(number)
                if error.errno in HELD:
                    raise BlockingIOError(error.errno, error.strerror, str(place)) from None
                raise
            self.held = False
            warn_user(
                f"{str(self.directory)!r} is on a file system without locks "
                f"({os.strerror(error.errno or 0)}): see that nothing else writes to it."
            )
        return number

    def rename(self, target: Path) -> None:
        """Move the directory, locked."""
        if sys.platform == "win32":  # where none is moved in which a file is open
            self.release()
        self.directory.rename(target)
        self.directory = target
        if sys.platform == "win32":
            self._number = self._take()

    def release(self) -> None:
        """Let others write."""
        if self._number is not None:
            _unlock(self._number)
        self._let_go()
        if sys.platform == "win32":
            with contextlib.suppress(OSError):  # who waited for the lock has it open
                (self.directory / FILE).unlink(missing_ok=True)

    def _let_go(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            os.close(number)

    def remove(self) -> None:
        """Remove the directory, as well as can be."""
        if sys.platform == "win32":
            self.release()
        shutil.rmtree(self.directory, ignore_errors=True)
        if sys.platform != "win32":  # before, another might take it for his
            self.release()


_locks: "weakref.WeakSet[DirectoryLock]" = weakref.WeakSet()


def _let_go_of_all() -> None:
    for lock in list(_locks):
        lock._let_go()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_let_go_of_all)


def _lock(number: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(number: int) -> None:
    """Unlock for all who have it, as a child just made by fork may, too."""
    if sys.platform != "win32":
        import fcntl

        with contextlib.suppress(OSError):  # where there are no locks
            fcntl.flock(number, fcntl.LOCK_UN)


TEXTS = {".asc", ".csv", ".dat", ".json", ".tsv", ".txt", ".xls", ".xlsx"}
ARRAYS = {".arrow", ".cdf", ".feather", ".h5", ".hdf", ".hdf5", ".mat", ".nc", ".nc4", ".npy"}
ARRAYS |= {".npz", ".parquet", ".pickle", ".pkl"}
FIGURES = {".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".tiff"}
ARCHIVES = {".bz2", ".db", ".gz", ".sqlite", ".tar", ".xz", ".zip"}
OTHER_FORMATS = TEXTS | ARRAYS | FIGURES | ARCHIVES
"""What names of files of other formats end in."""


def check_ending(argument: str, path: str) -> None:
    """See that a directory to be made for a store does not have the name of another format."""
    ending = Path(path).suffix
    if ending.lower() in OTHER_FORMATS:
        other = "numpy.savez('run.npz', Vm=recording.Vm)" if argument == "to" else "to_netcdf"
        raise ValueError(
            f"{argument} must be a path for a Zarr directory; got {path!r}, whose name is that of "
            f"another format, {ending}. Name it .zarr, or leave {argument} out and save what is "
            f"returned, as by {other}."
        )


def check_new(name: str, target: Path) -> None:
    """See that something can be made at `target`, which errors call `name`."""
    if os.path.lexists(target):
        raise exists_error(name)
    if not target.parent.is_dir():
        raise ValueError(
            f"to must be in a directory that is there; got {name!r}, and {str(target.parent)!r} is "
            "none. Make it, or name another."
        )


def exists_error(name: str) -> ValueError:
    """Return the error for a store to be made where something is."""
    return ValueError(
        f"to must be a new path; got {name!r}, which exists. Go on with it by Simulation.resume, "
        "remove it, or name another."
    )


def make_part(target: Path) -> DirectoryLock:
    """Return a directory beside `target`, locked, where that is made.

    Those that processes left which died are removed.
    """
    head = f".{target.name}."
    for other in list(target.parent.iterdir()):
        if other.name.startswith(head) and other.name.endswith(PART):
            _remove_if_dead(other)
    number = 0
    while True:
        part = target.with_name(f"{head}{os.getpid()}-{number}{PART}")
        try:
            part.mkdir()
            return DirectoryLock(part)
        except (FileExistsError, FileNotFoundError, BlockingIOError):
            # Another that looks for what died may have seen it before it was locked. Some file
            # systems, as /proc, say that nothing is there, whatever one tries to make.
            if number >= MOST_TRIES or not target.parent.is_dir():
                raise
            number += 1


def _remove_if_dead(part: Path) -> None:
    try:
        lock = DirectoryLock(part)
    except OSError:  # who holds the lock is at work
        return
    if lock.held:
        lock.remove()
    else:
        lock.release()


def remove_left_over(directory: Path, endings: tuple[str, ...]) -> None:
    """Remove files whose names have these endings, here and where an array has its chunks."""
    for folder in (directory, directory / "c"):
        there = folder.is_dir() and not folder.is_symlink()
        for file in list(folder.iterdir()) if there else []:
            if file.name.endswith(endings) and not file.is_dir():
                file.unlink()


def remove(directory: Path) -> None:
    """Remove a directory, or a link to one, if it is there."""
    if directory.is_symlink():
        directory.unlink()
    elif directory.exists():
        shutil.rmtree(directory)

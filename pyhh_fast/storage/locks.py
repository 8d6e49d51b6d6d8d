"""Locks of directories: one process at a time writes to a store.

RunStore and SweepStore hold one while they are open for writing.
"""

import contextlib
import errno
import os
import shutil
import sys
import weakref
from pathlib import Path

from pyhh_fast.errors import warn_user

HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""Error numbers of a lock that another has."""

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, getattr(errno, "ESTALE", errno.ENOENT))
"""Error numbers of a directory that is not there any more."""

WINDOWS = sys.platform == "win32"

FILE = ".lock"
"""The file that is locked on Windows, which cannot lock a directory, nor move or remove one in
which a file is open. Only this module knows of the difference."""


class DirectoryLock:
    """Locks a directory until it is released, or the process ends in whatever way.

    On POSIX it is the directory itself that is locked, so nothing is left behind. Children made by
    fork, as workers of an executor are, do not hold it: they may outlive their parent.

    Raise BlockingIOError if another holds it, in this process or another. Raise FileNotFoundError
    if the directory is not there, or went while it was being locked.

    Warn if the file system has no locks.

    Attributes
    ----------
    directory : Path
    held : bool
        False where the file system has no locks.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.held = True
        self._number: int | None = self._take()
        _locks.add(self)

    def is_at(self, path: Path) -> bool:
        """Whether the directory that was locked is what is at `path` now."""
        if self._number is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._number), os.stat(_locked_in(path)))
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
        place = _locked_in(self.directory)
        number = os.open(place, os.O_RDWR | os.O_CREAT if WINDOWS else os.O_RDONLY)
        try:
            try:
                _lock(number)
            except OSError as error:
                if error.errno in HELD:
                    raise BlockingIOError(error.errno, error.strerror, str(place)) from None
                self.held = False
                warn_user(
                    f"{str(self.directory)!r} is on a file system without locks "
                    f"({os.strerror(error.errno or 0)}): see that nothing else writes to it."
                )
            # Another may have removed it between the opening and the lock.
            if not os.path.samestat(os.fstat(number), os.stat(place)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
        except BaseException:
            os.close(number)
            raise
        return number

    def rename(self, target: Path) -> None:
        """Move the directory, locked."""
        if WINDOWS:
            self.release()
        self.directory.rename(target)
        self.directory = target
        if WINDOWS:
            self._number = self._take()

    def release(self) -> None:
        """Let others write."""
        if self._number is not None and not WINDOWS:
            # For all who have it, as a child just made by fork may, too.
            with contextlib.suppress(OSError):  # where there are no locks
                fcntl.flock(self._number, fcntl.LOCK_UN)
        self._let_go()
        if WINDOWS:
            with contextlib.suppress(OSError):  # who waited for the lock has it open
                (self.directory / FILE).unlink(missing_ok=True)

    def _let_go(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            os.close(number)

    def remove(self) -> None:
        """Remove the directory, as well as can be."""
        if WINDOWS:
            self.release()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.release()  # not before: another might take it for his


def _locked_in(directory: Path) -> Path:
    return directory / FILE if WINDOWS else directory


_locks: "weakref.WeakSet[DirectoryLock]" = weakref.WeakSet()


def _let_go_of_all() -> None:
    for lock in list(_locks):
        lock._let_go()


if sys.platform == "win32":
    import msvcrt

    def _lock(number: int) -> None:
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)

    os.register_at_fork(after_in_child=_let_go_of_all)

"""Where a run's store is written, and whether it still is there: nothing is put into another's.

RunStore has one while it is open for writing. A store appears under its name at its first commit.
Anybody may move or remove it meanwhile, or put another in its place.
"""

import errno
import os
from pathlib import Path

from pyhh_fast.errors import NO_ROOM
from pyhh_fast.storage import description, directory, zarr_files
from pyhh_fast.storage.locks import GONE, DirectoryLock


class StorePlace:
    """The locked directory of a store that is written.

    Parameters
    ----------
    target : Path
        Where it is, or will be.
    lock : DirectoryLock
        Of `target`, or of the directory that it is in until it appears there.

    Attributes
    ----------
    appeared : bool
        Whether it is at `target`.
    """

    def __init__(self, target: Path, identity: str, lock: DirectoryLock) -> None:
        self._target, self._identity, self._lock = target, identity, lock
        self.appeared = lock.directory == target

    def check_directory(self) -> None:
        """Raise FileNotFoundError unless the locked directory is where it was."""
        if not self._lock.is_at(self._lock.directory):
            raise self._gone()

    def check(self) -> None:
        """Raise it as well where another store was copied into the directory."""
        self.check_directory()
        if self.appeared and not description.has_identity(self._target, self._identity):
            raise self._gone()

    def _gone(self) -> OSError:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._target))

    def appear(self) -> None:
        """Give the store its name.

        Raise ValueError if something else has that name by now.
        """
        # Renaming replaces an empty directory, hence the check; what is made after it shows in the
        # error of the renaming.
        if os.path.lexists(self._target):
            raise directory.exists_error(str(self._target))
        try:
            self._lock.rename(self._target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise directory.exists_error(str(self._target)) from None
            raise
        self.appeared = True
        zarr_files.sync([self._target.parent])

    def leave(self) -> Path:
        """Release the directory, removed if the store never appeared; return where it is."""
        place = self._lock.place() or self._target
        if self.appeared:
            self._lock.release()
            return place
        self._lock.remove()
        return self._target

    def advice(self, error: OSError) -> str:
        """Return what to do after an error in writing."""
        path = repr(str(self._target))
        if not self.appeared:
            return f"{path} was not made."
        if error.errno not in GONE:
            when = "there is room" if error.errno in NO_ROOM else "it can be written again"
            return (
                f"{path} is as of its last commit. Once {when}, Simulation.resume continues from "
                "there."
            )
        place = self._lock.place()
        if place is not None and place != self._target:
            return (
                f"{path} was moved during the run. {str(place)!r} is as of its last commit: "
                "Simulation.resume continues from there."
            )
        if place is None and self._target.exists():
            return (
                f"{path} was removed or moved during the run, and is something else now, which "
                "was left as it is."
            )
        return f"{path} was removed, moved or replaced, in whole or in part, during the run."

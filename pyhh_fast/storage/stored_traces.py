"""The traces of a recording that are in a store, and are read when they are requested.

The sink of a run, and what opens a store, give one to the Recording in place of arrays.
"""

from typing import NamedTuple

from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.typing import FloatArray


class StoredTraces(NamedTuple):
    """Where the traces of a run are: the absolute path of its store, and the store's identity."""

    path: str
    identity: str

    def open(self) -> RunStore:
        """Return the store, open to read."""
        return RunStore.read(self.path, self.identity)

    def values(self, name: str, rows: int) -> FloatArray:
        """Return the first rows of a trace; the run may have been extended since.

        Raise OSError or ValueError if the store is not there any more. Raise RuntimeError if it has
        fewer rows for the moment.
        """
        found = self.open().values(name, 0, rows)
        if found.size < rows:
            raise RuntimeError(
                f"{self.path!r} has {found.size} of {rows} rows of {name}: the run is being "
                "continued from before its end. Wait until that is done, or resume it."
            )
        return found

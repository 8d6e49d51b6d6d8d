"""A thread that writes a run's store while the run goes on.

Compressing and writing release the GIL. What waits to be written is bounded in bytes, so that a run
that is faster than the disk waits for it, in constant memory.
"""

import contextlib
import copy
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, Self

from pyhh_fast.typing import FloatArray

MOST_WAITING = 2**25
"""Bytes that may wait; one block may be larger, alone."""

MOMENT = 0.2
"""Seconds until who waits is told what for."""

LOOKS = 0.1
"""Seconds between two looks at Ctrl-C, where the caller waits."""


class Store(Protocol):
    """What is written to, as by :class:`pyhh_fast.storage.run_store.RunStore`."""

    def append(self, name: str, values: Any, first: int | None = None) -> None:
        """Append rows to an array."""

    def commit(self, attributes: dict[str, Any]) -> None:
        """Make them visible."""

    def put_table(self, name: str, rows: FloatArray, attributes: dict[str, Any]) -> None:
        """Write a table of rates."""


class StoreWriter:
    """Writes to a store, in order, in a thread of its own, until :meth:`close`.

    An error of the store is raised once, by the next call; after it nothing more is written.
    Whether a call that Ctrl-C interrupts while it waits raises KeyboardInterrupt or not, it has
    taken what it was given.

    Parameters
    ----------
    store : RunStore
        Which nothing else uses meanwhile, and which stays open.
    most_waiting : int, bytes
    """

    # Each counter has one thread that writes it, and a lock serves as a flag, so that there is
    # nothing that Ctrl-C could interrupt halfway, as there is in threading's conditions.

    def __init__(self, store: Store, most_waiting: int = MOST_WAITING) -> None:
        self._store, self._most = store, most_waiting
        self._jobs: queue.SimpleQueue[tuple[int, Callable[[], None]] | None] = queue.SimpleQueue()
        self._given = self._done = 0
        self._news = threading.Lock()
        self._failed = False
        self._error: BaseException | None = None
        self._owner = threading.current_thread()  # may outlive the main thread
        # No daemon, which would be stopped in the midst of a file when the interpreter ends.
        self._thread = threading.Thread(target=self._work, name="pyhh_fast store", daemon=False)
        self._closed = self._ended = self._ending = False
        self._thread.start()

    def append(self, name: str, values: FloatArray, first: int | None = None) -> None:
        """Append rows to an array of the store, the first of which has the number `first`.

        The caller must not touch `values` again.
        """
        self._give(values.nbytes, lambda: self._store.append(name, values, first))

    def commit(self, attributes: dict[str, Any], *, last: bool = False) -> None:
        """Make visible what was appended so far, as soon as it is written."""
        kept = copy.deepcopy(attributes)

        def write() -> None:
            if last or not self._ending:
                self._store.commit(kept)

        self._give(0, write)

    def end(self) -> None:
        """Have the last commit, which is to follow, come as soon as can be.

        Commits that wait are left out, and no call waits for the disk.
        """
        self._ending = True

    def put_table(self, name: str, rows: FloatArray, attributes: dict[str, Any]) -> None:
        """Write a table of rates, before what is given from here on."""
        self._give(rows.nbytes, lambda: self._store.put_table(name, rows, attributes))

    def close(self, tell: Callable[[], object] | None = None) -> None:
        """Wait until all is written, and end the thread.

        Parameters
        ----------
        tell : callable, optional
            Called where that takes more than a moment.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C came meanwhile, when all is written. A second one drops what waits.
        """
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        interrupt: KeyboardInterrupt | None = None
        patience = time.monotonic() + MOMENT
        while not self._ended:
            try:
                self._news.acquire(timeout=LOOKS)
                if tell is not None and not self._ended and time.monotonic() > patience:
                    tell()
                    tell = None
            except KeyboardInterrupt as again:
                self._failed = self._failed or interrupt is not None
                interrupt = interrupt or again
        self._thread.join()  # not earlier: interrupted, Python 3.11's takes a thread for ended
        if interrupt is not None:
            error, self._error = self._error, None
            raise interrupt from error
        self._raise()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _give(self, size: int, job: Callable[[], None]) -> None:
        if self._closed:
            raise ValueError("the writer is closed")
        self._raise()
        interrupt: KeyboardInterrupt | None = None
        try:
            self._wait_for_room(size)
        except KeyboardInterrupt as error:
            interrupt = error
        # Counted afterwards: what was not given must not be waited for.
        self._jobs.put((size, job))
        self._given += size
        if interrupt is not None:
            raise interrupt
        self._raise()

    def _wait_for_room(self, size: int) -> None:
        while not self._ending and 0 < (waiting := self._given - self._done):
            if waiting + size <= self._most:
                return
            self._news.acquire(timeout=LOOKS)

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        try:
            while True:
                try:
                    job = self._jobs.get(timeout=5 * LOOKS)
                except queue.Empty:
                    if self._owner.is_alive():
                        continue
                    return  # nobody is left to close it
                if job is None:
                    return
                self._do(*job)
                del job  # which has the array
        finally:
            self._ended = True
            self._tell()

    def _do(self, size: int, write: Callable[[], None]) -> None:
        try:
            if not self._failed:
                write()
        except BaseException as error:
            self._failed, self._error = True, error
        self._done += size
        self._tell()

    def _tell(self) -> None:
        """Wake the caller, if it waits."""
        with contextlib.suppress(RuntimeError):  # it does not
            self._news.release()

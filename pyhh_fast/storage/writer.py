"""A thread that writes a run's store while the run continues; storage/run_sink.py feeds it.

Compressing and writing release the GIL. What waits to be written is bounded in bytes, so that a run
that is faster than the disk waits for it, in constant memory.
"""

import copy
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.typing import FloatArray

MOST_WAITING = 2**25
"""Bytes that may wait; one block may be larger, alone."""

PATIENCE = 0.2
"""Seconds after which a caller that waits for the end of the writing is told of it."""

PAUSE = 0.001
"""Seconds from one look at the progress of the thread to the next, where the caller waits."""

ALONE = 0.5
"""Seconds from one look at whether the thread that should close it is alive to the next."""


class StoreWriter:
    """Writes to a store, in order, in a thread of its own, until :meth:`close`.

    An error of the store is raised once, by the next call; after it nothing more is written.
    An item is enqueued even if Ctrl-C interrupts the call that waits for room.

    Parameters
    ----------
    store : RunStore
        Which nothing else uses meanwhile, and which stays open.
    """

    # Ctrl-C may interrupt the caller between any two of its instructions. Conditions and events of
    # threading are locks and lists of waiters that must change together, and queue.Queue is made
    # of them: interrupted halfway, they stay locked. A SimpleQueue changes in one instruction. So
    # does a counter that only one thread writes, and the other looks at now and then.

    def __init__(self, store: RunStore, most_waiting: int = MOST_WAITING) -> None:
        self._store, self._most = store, most_waiting
        self._items: queue.SimpleQueue[tuple[int, Callable[[], None]] | None] = queue.SimpleQueue()
        self._enqueued = self._written = 0  # bytes
        self._failed = False
        self._error: BaseException | None = None
        self._owner = threading.current_thread()  # may outlive the main thread
        # No daemon: that would be stopped in the middle of a file when the interpreter ends.
        self._thread = threading.Thread(target=self._work, name="pyhh_fast store", daemon=False)
        self._closed = self._ended = self._ending = False
        self._thread.start()

    def append(self, name: str, values: FloatArray, first: int | None = None) -> None:
        """Append rows, which the caller must not change again, to an array of the store."""
        self._enqueue(values.nbytes, lambda: self._store.append(name, values, first))

    def commit(self, attributes: dict[str, Any], *, last: bool = False) -> None:
        """Make visible what was appended so far, as soon as it is written."""
        kept = copy.deepcopy(attributes)

        def write() -> None:
            if last or not self._ending:
                self._store.commit(kept)

        self._enqueue(0, write)

    def end(self) -> None:
        """Let the last commit, which is to follow, come as soon as possible.

        Commits that wait are left out, and no call waits for the disk.
        """
        self._ending = True

    def put_table(self, table: Table) -> None:
        """Write a table of rates, before what is enqueued from here on."""
        self._enqueue(table.rows.nbytes, lambda: self._store.put_table(table))

    def close(self, report: Callable[[], object] | None = None) -> None:
        """Wait until all is written, and end the thread.

        Raise KeyboardInterrupt if Ctrl-C came meanwhile, when all is written. A second one drops
        what waits.

        Parameters
        ----------
        report : callable, optional
            Called once if that takes long.
        """
        if not self._closed:
            self._closed = True
            self._items.put(None)
        interrupt: KeyboardInterrupt | None = None
        patience = time.monotonic() + PATIENCE
        while not self._ended:
            try:
                time.sleep(PAUSE)
                if report is not None and time.monotonic() > patience:
                    report()
                    report = None
            except KeyboardInterrupt as again:
                self._failed = self._failed or interrupt is not None
                interrupt = interrupt or again
        # Not earlier: a join that is interrupted makes Python 3.11 take the thread for ended.
        self._thread.join()
        if interrupt is not None:
            error, self._error = self._error, None
            raise interrupt from error
        self._raise()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enqueue(self, size: int, write: Callable[[], None]) -> None:
        if self._closed:
            raise ValueError("the writer is closed")
        self._raise()
        interrupt: KeyboardInterrupt | None = None
        try:
            while not self._ending and self._waiting() > max(0, self._most - size):
                time.sleep(PAUSE)
        except KeyboardInterrupt as error:
            interrupt = error
        self._items.put((size, write))
        self._enqueued += size  # afterwards: what is not enqueued must not be waited for
        if interrupt is not None:
            raise interrupt
        self._raise()

    def _waiting(self) -> int:
        """Return how many bytes are not written yet."""
        return self._enqueued - self._written

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        try:
            while True:
                try:
                    item = self._items.get(timeout=ALONE)
                except queue.Empty:
                    if self._owner.is_alive():
                        continue
                    return  # nobody is left to close it
                if item is None:
                    return
                size, write = item
                try:
                    if not self._failed:
                        write()
                except BaseException as error:
                    self._failed, self._error = True, error
                self._written += size
                del item, write  # which have the array
        finally:
            self._ended = True

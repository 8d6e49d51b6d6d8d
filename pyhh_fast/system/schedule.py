"""Steps of many things by several threads: which thread makes which steps of which, and when.

The things, cells for example, are divided into shares, and time into chunks, the same for all. A
task is a share and a chunk. No share waits for all others at the end of a chunk: it may be ahead of
the slowest by one.
"""

import threading
from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

from pyhh_fast.system.background import INTERVAL


class Task(NamedTuple):
    """Steps `start` to `stop`, which is excluded, of a share: those of the chunk."""

    chunk: int
    share: int
    start: int
    stop: int


class Schedule:
    """Makes all tasks by several threads.

    Attributes
    ----------
    complete : tuple of int
        How many chunks all shares have made, and how many steps these are: one tuple, so that
        Ctrl-C finds both of the same moment.

    Parameters
    ----------
    shares, steps : int
    begin_chunk : callable
        Takes the step at which a chunk begins, and returns that at which it ends. It is called once
        for each, in order. While it is called for a chunk, all shares have made those before the
        last.
    make : callable
        Makes a task. Those of a share are made in order, and those of several at the same time.
    """

    def __init__(
        self,
        shares: int,
        steps: int,
        begin_chunk: Callable[[int], int],
        make: Callable[[Task], object],
    ) -> None:
        self.complete = (0, 0 if shares else steps)
        self._steps, self._begin_chunk, self._make = steps, begin_chunk, make
        self._borders = {0: 0}  # the steps at which the latest chunks begin
        self._made = [0] * shares  # how many chunks
        # Shares that no thread is at: a heap of chunks made, and share. The slowest is first.
        self._waiting = [(0, share) for share in range(shares)]
        self._changed = threading.Condition()
        self._interrupted = False
        self._error: tuple[int, BaseException] | None = None  # of the earliest chunk that failed

    def run(self, threads: int, show: Callable[[], object]) -> None:
        """Make all tasks; call `show` now and then.

        After an error the chunks before it are made, and then it is raised. After Ctrl-C each
        thread ends with its task.
        """
        threads = min(threads, len(self._made))
        if threads <= 1:
            while self._advance():
                show()
        else:
            # Daemons: the interpreter would wait at its end for others.
            working = [
                threading.Thread(target=self._work, name="pyhh_fast schedule", daemon=True)
                for _ in range(threads)
            ]
            try:
                for thread in working:
                    thread.start()
                _wait_for(working, show)
            finally:
                self._interrupted = True
                _wait_for(working, lambda: None)
        show()
        if self._error is not None:
            raise self._error[1]

    def check(self) -> None:
        """Raise KeyboardInterrupt in the middle of a long task, where Ctrl-C has ended the run."""
        if self._interrupted:
            raise KeyboardInterrupt

    def _work(self) -> None:
        # Not the thread that gets Ctrl-C, which might interrupt a Condition halfway.
        while self._advance():
            pass

    def _advance(self) -> bool:
        """Make a task; return False where none is left for this thread."""
        task = self._take()
        if task is None:
            return False
        try:
            self._make(task)
        except BaseException as error:
            self._fail(task.chunk, error)
        else:
            self._count(task)
        return True

    def _take(self) -> Task | None:
        with self._changed:
            # After an error only threads that are at an earlier chunk have anything left to make.
            while self._waiting and not (self._interrupted or self._error):
                chunk, share = self._waiting[0]
                start = self._borders[chunk]
                if start == self._steps:
                    break  # threads that are at slower shares continue with these
                if chunk > self.complete[0] + 1:
                    self._changed.wait(INTERVAL)
                    continue
                if chunk + 1 not in self._borders:
                    try:
                        self._borders[chunk + 1] = self._begin_chunk(start)
                    except BaseException as error:
                        self._fail(chunk, error)
                        break
                heappop(self._waiting)
                return Task(chunk, share, start, self._borders[chunk + 1])
        return None

    def _count(self, task: Task) -> None:
        with self._changed:
            self._made[task.share] += 1
            heappush(self._waiting, (self._made[task.share], task.share))
            chunks = min(self._made)
            if chunks > self.complete[0]:
                self.complete = (chunks, self._borders[chunks])
                del self._borders[chunks - 1]
                self._changed.notify_all()

    def _fail(self, chunk: int, error: BaseException) -> None:
        with self._changed:
            if self._error is None or chunk < self._error[0]:
                self._error = (chunk, error)
            self._changed.notify_all()


def _wait_for(threads: list[threading.Thread], meanwhile: Callable[[], object]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(INTERVAL)
            meanwhile()

"""Threads that compute beside the one that waits for them.

Executors of concurrent.futures refuse new work once the main thread has ended, also where another
thread still runs a simulation. These do not, and importing them costs nothing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

Result = TypeVar("Result")

INTERVAL = 0.1
"""Seconds from one look at Ctrl-C to the next, where a wait could not be interrupted otherwise."""


@contextlib.contextmanager
def main_thread_needed(what: str) -> Iterator[None]:
    """Say what is the matter where a library refuses to work after the main thread's end."""
    try:
        yield
    except RuntimeError as error:
        if threading.main_thread().is_alive():
            raise
        raise RuntimeError(
            f"the main thread must be alive for {what}; it has ended. Call join() of the thread "
            "that runs it at the end of the script."
        ) from error


class Future(Generic[Result]):
    """A call that a thread makes, or has made.

    Parameters
    ----------
    function : callable
    arguments : tuple
    """

    # A lock that is taken until the call has returned: unlike the conditions of threading, it has
    # nothing that Ctrl-C could interrupt halfway.

    def __init__(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> None:
        # A list, because pop() gives the call to one thread only: to that which makes it, or to
        # that which cancels it.
        self._call = [(function, arguments)]
        self._cancelled = False
        self._running = threading.Lock()
        self._running.acquire()
        self._returned: list[Result] = []
        self._error: BaseException | None = None

    def result(self) -> Result:
        """Wait for the call; return what it returned, or raise what it raised.

        Raises
        ------
        concurrent.futures.CancelledError
            If it was cancelled before a thread had begun it.
        """
        while not self._running.acquire(timeout=INTERVAL):
            pass
        self._running.release()
        if self._cancelled:
            from concurrent.futures import CancelledError  # here, because few calls are cancelled

            raise CancelledError
        if self._error is not None:
            raise self._error
        return self._returned[0]

    def cancel(self) -> None:
        """Have the call not made, if no thread has begun it; then :meth:`result` raises."""
        try:
            self._call.pop()
        except IndexError:  # it is being made, or was
            return
        self._cancelled = True
        self._running.release()

    def run(self) -> None:
        """Make the call."""
        try:
            function, arguments = self._call.pop()
        except IndexError:  # it was cancelled
            return
        try:
            self._returned.append(function(*arguments))
        except BaseException as error:
            self._error = error
        finally:
            del function, arguments
            self._running.release()


class Workers:
    """Threads that make calls, in the order in which they are submitted, until :meth:`close`.

    They also end where nothing refers to the object any more, and with the interpreter.

    Parameters
    ----------
    threads : int
    name : str
        Of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._jobs: SimpleQueue[Future[Any] | None] = SimpleQueue()
        # Daemons, as the interpreter would wait at its end for others whose owner was never closed.
        self._threads = [
            threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Have a thread call a function; return the call."""
        job = Future(function, arguments)
        self._jobs.put(job)
        return job

    def end(self) -> None:
        """Have the threads end, once they have made the calls that wait."""
        for _ in self._threads:
            self._jobs.put(None)

    def close(self) -> None:
        """End the threads, and wait until they have."""
        self.end()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(INTERVAL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # its construction was interrupted
            self.end()


def _work(jobs: "SimpleQueue[Future[Any] | None]") -> None:
    """Make calls, without a reference to what they are submitted to."""
    while (job := jobs.get()) is not None:
        job.run()
        del job  # which has the result

"""Threads that compute or write in the background: of populations, stimuli and stores.

Executors of concurrent.futures refuse new work once the main thread has ended, also where another
thread still runs a simulation. These do not, and importing them costs nothing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

from pyhh_fast.system.stopping import told_of_threads

Result = TypeVar("Result")

INTERVAL = 0.1
"""Seconds after which a wait that Ctrl-C cannot interrupt is repeated."""


@contextlib.contextmanager
def main_thread_needed(what: str) -> Iterator[None]:
    """Explain the error of a library that refuses to work after the main thread's end."""
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
    """A call that a thread makes, or has made."""

    # A lock is held until the call has returned. Ctrl-C cannot interrupt it halfway, as it can the
    # conditions of threading, which are locks and a list of waiters that must change together.

    def __init__(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> None:
        # A list, because pop() is atomic: one thread only gets the call, to make or to cancel it.
        self._call = [(function, arguments)]
        self._cancelled = False
        self._running = threading.Lock()
        self._running.acquire()
        self._returned: list[Result] = []
        self._error: BaseException | None = None

    def result(self) -> Result:
        """Wait for the call; return what it returned, or raise what it raised.

        Raise concurrent.futures.CancelledError if it was cancelled before a thread had begun it.
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
        """Prevent the call, unless a thread has begun it; then :meth:`result` raises."""
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

    They also end where nothing refers to the object any more, and with the interpreter. What takes
    long in a call asks now and then whether it is still wanted, :func:`stopping.stop_if_told`.

    Parameters
    ----------
    name : str
        Of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._calls: SimpleQueue[Future[Any] | None] = SimpleQueue()
        # Daemons: the interpreter would wait at its end for others, if nobody closes them.
        self._told_to_stop = threading.Event()
        arguments = self._calls, self._told_to_stop
        self._threads = [
            threading.Thread(target=_work, args=arguments, name=name, daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Let a thread call a function; return its future."""
        future = Future(function, arguments)
        self._calls.put(future)
        return future

    def end(self) -> None:
        """Let the threads end once they have made the calls that wait."""
        for _ in self._threads:
            self._calls.put(None)

    def close(self) -> None:
        """End the threads, and wait until they have."""
        self.end()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(INTERVAL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._told_to_stop.set()
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # its construction was interrupted
            self.end()


def _work(calls: "SimpleQueue[Future[Any] | None]", told_to_stop: threading.Event) -> None:
    """Make calls, without a reference to the Workers, which could not be deleted otherwise."""
    told_of_threads[threading.get_ident()] = told_to_stop
    while (future := calls.get()) is not None:
        future.run()
        del future  # which has the result
    del told_of_threads[threading.get_ident()]

"""Whether a thread's work is still wanted; apart from background.py, which loads `threading`."""

from _thread import get_ident
from typing import Protocol


class Told(Protocol):
    """A `threading.Event`."""

    def is_set(self) -> bool:
        """Whether it was told."""


told_of_threads: dict[int, Told] = {}
"""Of the threads of `Workers`, by number: set where these were left by an error or Ctrl-C."""


def stop_if_told() -> None:
    """Raise KeyboardInterrupt in a thread whose `Workers` were left by an error or Ctrl-C."""
    told = told_of_threads.get(get_ident())
    if told is not None and told.is_set():
        raise KeyboardInterrupt

"""What a run needs of a stimulus that is computed, or fetched, while it is made."""

from typing import Any, Protocol

from pyhh_fast.typing import FloatArray


class Reader(Protocol):
    """Gives the values of a stimulus one after the other."""

    @property
    def state(self) -> Any:
        """What another reader continues from; numbers that JSON can hold."""

    def read(self, steps: int) -> FloatArray:
        """Return the next values."""


class Readable(Protocol):
    """A stimulus of which any part can be computed when it is needed."""

    def reader(self, dt: float, state: Any = None) -> Reader:
        """Return a reader for steps of `dt` ms, from the beginning or from a reader's state."""

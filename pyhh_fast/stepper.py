"""What a run asks of whatever makes its steps."""

from typing import Protocol

import numpy as np

from pyhh_fast.recording import State
from pyhh_fast.validation import FloatArray


class Stepper(Protocol):
    """Makes the steps of one run, and gives its rows away.

    It knows at any moment, also when interrupted, how many steps are whole; `leave` puts the
    model where the last whole step left it.
    """

    @property
    def step(self) -> int:
        """How many steps are whole."""

    @property
    def state(self) -> State:
        """V (mV), m, h and n as far as the run has come."""

    @property
    def spikes(self) -> int:
        """How many spikes there were so far."""

    @property
    def spike_times(self) -> FloatArray:
        """Times of the threshold crossings so far, in ms; the last may be of a step not whole."""

    def advance(self) -> bool:
        """Make steps for some milliseconds of the machine's; return False where none can be made.

        In between, Ctrl-C and a progress bar are served.
        """

    def leave(self) -> None:
        """Put the model at the last whole step."""

    def error(self, start: State) -> Exception:
        """Return why no step can be made, of a run that started at `start`."""


def grown(room: FloatArray) -> FloatArray:
    """Return twice the room, with what was in it."""
    more = np.empty(2 * room.size)
    more[: room.size] = room
    return more

"""What a run asks of whatever makes its steps."""

from typing import Protocol

import numpy as np

from pyhh_fast.recording import State
from pyhh_fast.typing import FloatArray


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
        """V (mV) and gates as far as the run has come."""

    @property
    def spikes(self) -> int:
        """How many spikes there were so far."""

    @property
    def spike_times(self) -> FloatArray:
        """Times of the threshold crossings so far, in ms; the last may be of a step not whole.

        Those that were forgotten are not among them.
        """

    def advance(self) -> bool:
        """Make steps for some milliseconds of the machine's; return False where none can be made.

        In between, Ctrl-C and a progress bar are served.
        """

    def leave(self) -> None:
        """Put the model at the last whole step."""

    def error(self, start: State) -> Exception:
        """Return why no step can be made, of a run that started at `start`."""


class SavableStepper(Stepper, Protocol):
    """One that a run can go on from later, as if it had never stopped."""

    @property
    def resumable(self) -> bool:
        """Whether it can go on from right here."""

    def numbers(self) -> dict[str, float]:
        """Return what it needs for that, beside the number of steps and of spikes."""

    def forget_spikes(self, number: int) -> None:
        """Forget the first spikes of the run, up to this number."""


def grown(room: FloatArray) -> FloatArray:
    """Return twice the room, with what was in it."""
    more = np.empty(2 * room.size)
    more[: room.size] = room
    return more

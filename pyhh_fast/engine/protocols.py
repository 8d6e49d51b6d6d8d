"""What the run loop and the stores use of a stepper, which makes the steps of a run."""

from typing import Protocol

from pyhh_fast.recording import State
from pyhh_fast.typing import FloatArray


class Stepper(Protocol):
    """Makes the steps of one run, and hands over the variables after each.

    It knows at any moment, also when interrupted, how many steps are complete.
    """

    @property
    def step(self) -> int:
        """How many steps are complete."""

    @property
    def state(self) -> State:
        """V (mV) and gates after them; of the adaptive method as far as the solver has come."""

    @property
    def spikes(self) -> int:
        """How many spikes there were so far."""

    @property
    def spike_times(self) -> FloatArray:
        """Times of the threshold crossings so far, in ms; the last may be of an incomplete step.

        Those that were forgotten are not among them.
        """

    def advance(self) -> bool:
        """Make steps for some milliseconds of computing time; return False where none can be made.

        In between, Ctrl-C and a progress bar are served.
        """

    def write_back(self) -> None:
        """Give the model the state, currents and rates of the last complete step."""

    def error(self, start: State) -> Exception:
        """Return why no step can be made, of a run that started at `start`."""


class SavableStepper(Stepper, Protocol):
    """A stepper whose run can be continued later, with the bits of an uninterrupted one."""

    @property
    def resumable(self) -> bool:
        """Whether it can be continued from the last complete step."""

    def cell_state(self) -> dict[str, float]:
        """Return what it needs for that, by the equations' symbols: state, currents, last V."""

    def forget_spikes(self, number: int) -> None:
        """Forget the first spikes of the run, up to this number."""

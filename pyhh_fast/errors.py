"""What only the run itself could tell, and what the disk says."""

import errno
from typing import Any

NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What systems say where a disk is full, or a file may not become larger."""


def with_advice(error: OSError, advice: str, path: Any) -> OSError:
    """Return an error of the system that also names the path and says what to do."""
    return OSError(error.errno, f"{error.strerror or error}. {advice}", path)


class SimulationError(RuntimeError):
    """A run that could not be continued.

    What was computed up to there is kept on the simulation; the model stands at its last
    computed step.

    Attributes
    ----------
    step : int
        Index of the step that failed.
    time : float
        Model time before that step, in ms.
    V : float
        Membrane potential before that step, in mV.
    cell : int or None
        Index of the cell within a population; None for a single cell.
    """

    def __init__(
        self, message: str, *, step: int, time: float, V: float, cell: int | None = None
    ) -> None:
        super().__init__(message)
        self.step = step
        self.time = time
        self.V = V
        self.cell = cell

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (str(self), self.step, self.time, self.V, self.cell))


def _rebuild(message: str, step: int, time: float, V: float, cell: int | None) -> SimulationError:
    return SimulationError(message, step=step, time=time, V=V, cell=cell)

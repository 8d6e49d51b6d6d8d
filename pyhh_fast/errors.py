"""Errors that only a run can find, errors of the disk, and warnings for the user."""

import errno
import os
import sys
import warnings
from typing import Any

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What systems say where a disk is full, or a file may not become larger."""


def with_advice(error: OSError, advice: str, path: Any) -> OSError:
    """Return an error of the system that also names the path and says what to do."""
    return OSError(error.errno, f"{error.strerror or error}. {advice}", path)


def warn_user(message: str) -> None:
    """Give a UserWarning that shows the line outside this package from which it came."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


class SimulationError(RuntimeError):
    """A run that could not be continued.

    What was computed up to there is kept on the simulation; the model is at its last
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

"""The arrays that pyHH's `Simulation` has as attributes: those of the latest run."""

from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.recording import Recording, Traces
from pyhh_fast.system import free_memory
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import TRACES


class TraceArrays(Traces):
    """Has the traces of a recording as attributes, or arrays for a loop of the user's own."""

    recording: Recording | None
    _times: FloatArray | None
    _points: int
    _every: int
    _dt: float

    def __getattr__(self, name: str) -> Any:
        recording = vars(self).get("recording")
        if recording is not None and name in recording.recorded:
            return getattr(recording, name)  # from the store of the run
        return super().__getattr__(name)

    @property
    @rounds_to_nearest
    def times(self) -> FloatArray:
        """Times i dt of the rows, in ms."""
        if self._times is None:  # made on demand: a long run need not pay for it
            self._times = np.arange(self._points, dtype=np.float64) * self._every * self._dt
        return self._times

    @times.setter
    def times(self, value: FloatArray) -> None:
        self._times = value

    def CreateArrays(self, pointCount: int, deltaTms: float) -> None:
        """Make new arrays for `pointCount` steps of `deltaTms` ms, filled with NaN.

        For a loop of one's own over `model.iterate`. A run makes its own arrays; where this method
        is overridden, `Run` calls it first, as pyHH's does.

        Parameters
        ----------
        pointCount : int
        deltaTms : float, ms

        Raises
        ------
        TypeError, ValueError
            If `pointCount` is no whole number ≥ 0 or `deltaTms` no finite number.
        MemoryError
            If the arrays do not fit into the free memory.
        """
        self._refuse_neuron("CreateArrays", "Traces are in the recording that run returns.")
        points = validation.count("pointCount", pointCount)
        free_memory.check(8 * len(TRACES) * points, "the arrays", "Use run with record= or every=.")
        self._dt = validation.real_number("deltaTms", deltaTms, unit="ms")
        self._points, self._every = points, 1
        self._times = None
        self.recording = None
        for name in TRACES:
            setattr(self, name, np.full(points, np.nan))

    def _refuse_neuron(self, name: str, advice: str) -> None:
        """Raise TypeError where what runs is a neuron, which has no such arrays."""

    def _keep(self, recording: Recording) -> None:
        self._points, self._every, self._times = len(recording), recording.every, None
        self._dt = recording.dt
        self.recording = recording
        for name in TRACES:
            vars(self).pop(name, None)
        for name in recording.recorded:
            if name in TRACES and name in vars(recording):
                setattr(self, name, getattr(recording, name))

    @property
    def _makes_own_arrays(self) -> bool:
        """Whether `CreateArrays` is overridden: on a subclass, on the instance, or on the class."""
        on_class = type(self).CreateArrays is not _CREATE_ARRAYS
        return on_class or "CreateArrays" in vars(self)


_CREATE_ARRAYS = TraceArrays.CreateArrays

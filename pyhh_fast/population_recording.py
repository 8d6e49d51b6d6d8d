"""`PopulationRecording`: spikes, states and traces of a run of many cells."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyhh_fast.recording import ATTRIBUTES, RunResult, not_recorded
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray, StructArray
from pyhh_fast.validation import index, unknown_name
from pyhh_fast.variables import PARAMETERS

if TYPE_CHECKING:
    import xarray


class PopulationState(NamedTuple):
    """V (mV) and the gates of all cells at one moment; arrays of shape (size,)."""

    Vm: FloatArray
    StateM: FloatArray
    StateH: FloatArray
    StateN: FloatArray


class Spikes(NamedTuple):
    """All spikes, by cell, and those of a cell by time; arrays of shape (spikes,), time in ms."""

    cell: IntArray
    time: FloatArray


class PopulationRecording(RunResult):
    """Spikes, states and traces of one run; made by :meth:`pyhh_fast.Population.run`.

    Attributes
    ----------
    size : int
        How many cells there are.
    steps : int
        How many steps were made.
    spike_counts : ndarray of int, shape (size,)
        How often each cell crossed `threshold` upward.
    final_state : PopulationState
        `Vm` (mV), `StateM`, `StateH`, `StateN` after the last step, each of shape (size,). Of a
        neuron's cells, a dict of V and the gates by path: ``final_state["Na.m"]``.
    diverged_at : ndarray of int, shape (size,)
        The step at which a cell stopped being finite, -1 for all that did not. From that step on
        its traces and its state are NaN.
    Vm, StateM, StateH, StateN, INa, IK, IKleak : ndarray, shape (recorded cells, samples)
        The traces that `record` named, a row for each of `cells`. Sample j of Vm and the gates is
        after step ``j * every``, as in `times`; of the currents (µA/cm², outward positive) it is
        that step's, from the state before it, one dt earlier. Those of a neuron's cells are items,
        as all are: ``recording["Na.m"]``.
    features : dict of str to ndarray, each of shape (size,)
        Those that were asked for, by name; NaN for a cell that diverged before the end of the
        window, or where the run did not come to it.
    cells : ndarray of int
        Numbers of the cells that were recorded, in the order of the rows.
    settings : RunSettings
        What the run was made with.
    parameters : dict of ndarray, each of shape (size,)
        Those that the run was made with, by name; of a neuron's cells by path.

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> population = pyhh.Population.at_rest(4)
    >>> recording = population.run(np.array([0, 5, 10, 20]), 0.01, duration=100.0)
    >>> recording
    PopulationRecording(4 cells, 10000 steps of 0.01 ms, 100 ms, 17 spikes)
    >>> recording.spike_counts
    array([0, 1, 7, 9])
    """

    def __init__(
        self,
        settings: RunSettings,
        parameters: StructArray,
        final: StructArray,
        steps: int,
        cells: IntArray,
        traces: FloatArray,
        diverged_at: IntArray,
        spikes: tuple[IntArray, FloatArray],
        features: dict[str, FloatArray],
        same_for_all: Mapping[str, float],
    ) -> None:
        self.settings, self.features = settings, features
        self.size = parameters.size
        self.steps = steps
        self.cells = cells
        self.diverged_at = diverged_at
        self.diverged_at[diverged_at >= steps] = -1
        self.spike_counts, self._spike_times = spikes
        self._parameters, self._final = parameters, final
        self._same_for_all = dict(same_for_all)
        self._traces = traces[:, :, : settings.rows(steps)]
        for name, trace in zip(self.recorded, self._traces, strict=True):
            if name in ATTRIBUTES:  # others are items
                setattr(self, name, trace)

    def __repr__(self) -> str:
        cells, steps, spikes = self.size, self.steps, self._spike_times.size
        return (
            f"PopulationRecording({cells} cell{'s' * (cells != 1)}, "
            f"{steps} step{'s' * (steps != 1)} of {self.dt:g} ms, {steps * self.dt:g} ms, "
            f"{spikes} spike{'s' * (spikes != 1)})"
        )

    def __getitem__(self, name: str) -> FloatArray:
        """Return the traces of a variable, as ``recording["Vm"]``, or "Na.m" of a neuron's cells.

        Raises
        ------
        KeyError
            If there are none, or they were not recorded; the message says which.
        """
        if name not in self.recorded:
            if name in self.settings.variables:
                raise KeyError(not_recorded(name, self.settings.clamped))
            raise KeyError(unknown_name("name", name, self.settings.variables))
        trace: FloatArray = self._traces[self.recorded.index(name)]
        return trace

    @property
    @rounds_to_nearest
    def times(self) -> FloatArray:
        """Times of the samples of `Vm` and the gates, in ms; a new array of shape (samples,)."""
        samples = np.arange(self._traces.shape[2], dtype=np.float64)
        return (samples * self.every + 1) * self.dt

    @property
    def final_state(self) -> Any:
        """State of all cells after the last step."""
        values = {name: self._final[name] for name in self._final.dtype.names or ()}
        if self.settings.of_model:
            return PopulationState(*values.values())
        return values

    @property
    def spikes(self) -> Spikes:
        """All spikes: their cells and their times in ms, by cell and then by time."""
        return Spikes(np.repeat(np.arange(self.size), self.spike_counts), self._spike_times)

    @property
    def parameters(self) -> dict[str, FloatArray]:
        """Parameters by name, each an array of shape (size,)."""
        names = {parameter.symbol: name for name, parameter in PARAMETERS.items()}
        symbols = self._parameters.dtype.names or ()
        own = {names.get(symbol, symbol): self._parameters[symbol] for symbol in symbols}
        same = self._same_for_all.items()
        return own | {name: np.broadcast_to(np.float64(x), (self.size,)) for name, x in same}

    def spike_times(self, cell: int) -> FloatArray:
        """Return the times, in ms, at which a cell crossed `threshold` upward.

        V before < threshold ≤ V after, the state before the first step included; the time is
        interpolated to the order of the method, as for :class:`pyhh_fast.Recording`.

        Parameters
        ----------
        cell : int
            Its number, from 0.

        Raises
        ------
        TypeError, ValueError
            If there is no such cell.
        """
        cell = index("cell", cell, self.size)
        if not hasattr(self, "_ends"):
            self._ends = np.cumsum(self.spike_counts)
        end = int(self._ends[cell])
        return self._spike_times[end - int(self.spike_counts[cell]) : end]

    def to_xarray(self) -> "xarray.Dataset":
        """Return all of it as an `xarray.Dataset`, with names, units and parameters.

        Parameters of the cells are coordinates of the dimension `cell`. Traces have the dimensions
        `recorded_cell` (`cell` where all were recorded) and `time`; those of the currents, which
        are one dt earlier, `current_time`. Spikes are `spike_time` and `spike_cell` over `spike`.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        from pyhh_fast import to_xarray

        return to_xarray.dataset(self)

"""What a run leaves behind."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyhh_fast.engine.read_ahead import Readable, constant_of, repeated
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import ENVELOPE, TRACES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pyhh_fast.analysis.error_estimate import ErrorEstimate

State = tuple[float, ...]
"""V (mV) and the open fractions of the gates at one moment."""


class Repeated(NamedTuple):
    """A constant stimulus, as it is pickled."""

    value: float
    steps: int


class Traces:
    """What has traces as attributes, or says that they were not recorded."""

    Vm: FloatArray
    INa: FloatArray
    IK: FloatArray
    IKleak: FloatArray
    StateN: FloatArray
    StateM: FloatArray
    StateH: FloatArray

    def __getattr__(self, name: str) -> Any:
        if name in TRACES:
            raise AttributeError(f"{name} was not recorded. Name it in run(..., record=...).")
        if name in ENVELOPE:
            raise AttributeError(f"{name} was not recorded. Ask for it by run(..., envelope=...).")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Recording(Traces):
    """The traces of one run; made by :meth:`pyhh_fast.Simulation.run`.

    Attributes
    ----------
    Vm : ndarray, shape (rows,), mV
        Membrane potential after each step: row i is at time (i + 1) dt, as in `times`; of every
        k-th step alone, where that was asked for: rows 0, k, 2k and so on of all.
    StateM, StateH, StateN : ndarray, shape (rows,)
        Open fraction of the gates, at the same times; by the method "exponential_euler" at dt/2
        earlier.
    INa, IK, IKleak : ndarray, shape (rows,), µA/cm²
        Currents of the same steps, outward positive: row i is at time i dt, from the state before
        the step.
    Vm_min, Vm_max : ndarray, shape (windows,), mV
        Where `envelope` is not None: the lowest and the highest V after a step, of all steps of
        each window; of the last one, of those that were made.
    stimulus : ndarray, shape (steps,), µA/cm², or Stimulus
        Injected current: value i holds from i dt to (i + 1) dt.
    steps : int
        How many were made.
    dt : float, ms
        Step size.
    every : int
        Steps from one row to the next.
    envelope : int or None
        Steps of a window.
    spike_times : ndarray, shape (spikes,), ms
        Upward crossings of `threshold`: V before < threshold ≤ V after, the state before the
        first step included. The time is interpolated to the order of the method: linearly, for
        "rk4" cubically, for "adaptive" by the solver's own polynomial of V, which also has the
        spikes that rise and fall within one step.
    threshold : float, mV
    method : str
    rtol, atol : float
        What the run was made with.
    recorded : tuple of str
        Names of the traces that were recorded; the others are no attributes.

    Notes
    -----
    A run that ended early, by Ctrl-C or an error, leaves the steps it made. After a divergence
    the traces have their full length, with NaN from the step that failed.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10.0, 0.01, duration=50.0)
    >>> recording
    Recording(5000 steps of 0.01 ms, 50 ms, 4 spikes)
    >>> recording.spike_times.round(2)
    array([ 1.86, 16.76, 31.41, 46.04])
    """

    Vm_min: FloatArray
    Vm_max: FloatArray

    def __init__(
        self,
        stimulus: FloatArray | Readable,
        steps: int,
        dt: float,
        *,
        threshold: float = 50.0,
        recorded: tuple[str, ...] = TRACES,
        method: str = "euler",
        rtol: float = 1e-6,
        atol: float = 1e-6,
        every: int = 1,
        envelope: int | None = None,
    ) -> None:
        self.stimulus = stimulus
        self.steps = steps
        self.dt = dt
        self.every = every
        self.envelope = envelope
        self.threshold = threshold
        self.recorded = recorded
        self.method = method
        self.rtol = rtol
        self.atol = atol
        self.spike_times: FloatArray = np.empty(0)
        # The model as it was before the run, and why it is not there where it is not.
        self._start: Any = None
        self._no_start = (
            "the model was not copied, because it holds more than numbers, gates and small arrays"
        )
        self._failed = False
        self._store: tuple[str, str] | None = None  # the absolute path and the identity

    def __getattr__(self, name: str) -> Any:
        if name in (*TRACES, *ENVELOPE) and self._store and name in self.recorded + self.enveloped:
            from pyhh_fast.storage.run_store import RunStore

            # The run may have been made longer since.
            rows = self.windows if name in ENVELOPE else len(self)
            store = RunStore.read(*self._store)
            found = store.values(name, 0, rows)
            if found.size < rows:
                raise RuntimeError(
                    f"{store.path!r} has {found.size} of {rows} rows of {name}: the run is being "
                    "continued from before its end. Wait until that is done, or resume it."
                )
            return found
        return super().__getattr__(name)

    def __len__(self) -> int:
        return self.rows_before(self.steps)

    def rows_before(self, step: int) -> int:
        """Return how many rows there are of the steps before number `step`."""
        return -(-step // self.every)

    def __repr__(self) -> str:
        steps, spikes = self.steps, self.spike_times.size
        return (
            f"Recording({steps} step{'s' * (steps != 1)} of {self.dt:g} ms, "
            f"{steps * self.dt:g} ms, {spikes} spike{'s' * (spikes != 1)})"
        )

    @property
    @rounds_to_nearest
    def times(self) -> FloatArray:
        """Times of `Vm` and the gates, (i + 1) dt, in ms; a new array of shape (rows,)."""
        return (np.arange(len(self), dtype=np.float64) * self.every + 1.0) * self.dt

    @property
    @rounds_to_nearest
    def envelope_times(self) -> FloatArray:
        """Times at which the windows of `Vm_min` and `Vm_max` begin, in ms; a new array."""
        if self.envelope is None:
            raise AttributeError("There is no envelope. Ask for one by run(..., envelope=...).")
        return np.arange(self.windows, dtype=np.float64) * self.envelope * self.dt

    @property
    def windows(self) -> int:
        """How many windows the envelope has; the last may not be whole."""
        return -(-self.steps // self.envelope) if self.envelope else 0

    @property
    def enveloped(self) -> tuple[str, ...]:
        """Names of the traces of the envelope; none where there is none."""
        return tuple(ENVELOPE) if self.envelope else ()

    def estimate_error(self) -> "ErrorEstimate":
        """Make the run again with half the step, and return how much that changes.

        What changes outside the model, such as its class, must be as it was before the run. It
        takes twice as long as the run and up to five times the memory of its Vm. A run by the
        adaptive method is made again with a tenth of its tolerances, too: that changes it by about
        its error, but for a stimulus that changes at every sample, and so cuts every step, perhaps
        by nothing; the error is then below the tolerances.

        The stimulus is sampled at half the step, so that the change includes what its sampling
        costs; arrays and noise keep their path, each value held for both halves.

        Returns
        -------
        ErrorEstimate
            A named tuple ``(Vm, spike_times, spikes)``: the largest change of V in mV and of a
            spike time in ms, and by how many the spikes become more. Where that is not 0, each of
            the fewer spikes is compared with the nearest of the others. The error of the run itself
            is about 2 times these changes for "euler", 4/3 for "exponential_euler" (2 where the
            gates did not start steady), 16/15 for "rk4", where dt is small enough; what the
            sampling of a stimulus adds to it, 4/3 times its part of the change.

        Raises
        ------
        RuntimeError
            If the run failed; if its model holds more than numbers, gates, small arrays and lists,
            which are copied at every run; or if the recording is a copy itself.
        SimulationError
            If the run with half the step fails.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10.0, 0.01, duration=200.0)
        >>> change = recording.estimate_error()
        >>> print(f"{change.spike_times:.3f} ms")  # half the error of the last spike's time
        0.019 ms
        """
        from pyhh_fast.analysis import error_estimate

        return error_estimate.estimate_error(self)

    def plot(self, start: float | None = None, stop: float | None = None) -> "Figure":
        """Draw potential, stimulus, gates and currents over one time axis.

        Parameters
        ----------
        start, stop : float, ms, default all
            Only what is between these times.

        Returns
        -------
        matplotlib.figure.Figure
            Made with pyplot, so ``matplotlib.pyplot.show()`` shows it.

        Raises
        ------
        TypeError, ValueError
            If not 0 ≤ `start` < `stop` ≤ the end of the run.
        """
        from pyhh_fast import plotting

        return plotting.plot_recording(self, start, stop)

    def __getstate__(self) -> dict[str, Any]:
        # Models of classes that cannot be found by name do not pickle; recordings of them do.
        reason = "the recording is a copy, without its model"
        state = vars(self) | {"_start": None, "_no_start": reason}
        if isinstance(self.stimulus, np.ndarray):
            constant = constant_of(self.stimulus)
            if constant is not None:
                state["stimulus"] = Repeated(constant, self.stimulus.size)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if isinstance(self.stimulus, Repeated):
            self.stimulus = repeated(*self.stimulus)

    def _end_at(self, step: int) -> None:
        """Keep the first `step` steps."""
        if step == self.steps:
            return
        self.steps = step
        for name in self.recorded:
            setattr(self, name, getattr(self, name)[: len(self)])
        for name in self.enveloped:
            setattr(self, name, getattr(self, name)[: self.windows])
        if isinstance(self.stimulus, np.ndarray):
            self.stimulus = self.stimulus[:step]

    def _end_in(self, path: str, identity: str, steps: int, spike_times: FloatArray) -> None:
        """Have the traces in a store, from which they are read when they are asked for."""
        self._store, self.steps, self.spike_times = (path, identity), steps, spike_times
        if isinstance(self.stimulus, np.ndarray):
            self.stimulus = self.stimulus[:steps]

    def _blank_from(self, step: int) -> None:
        """Put NaN in the rows from `step` on, which failed."""
        self._failed = True
        for name in self.recorded:
            getattr(self, name)[self.rows_before(step) :] = np.nan
        if self.envelope:
            for name in ENVELOPE:
                getattr(self, name)[-(-step // self.envelope) :] = np.nan

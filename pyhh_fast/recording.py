"""`Recording`: the traces, spikes and settings of a run of one cell, whatever made it."""

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from pyhh_fast import validation
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import ENVELOPE, TOTAL_CURRENT, TRACES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pyhh_fast.analysis.error_estimate import ErrorEstimate
    from pyhh_fast.stimuli import Stimulus

RunStimulus: TypeAlias = "FloatArray | Stimulus"
"""One value a step (µA/cm²), or a stimulus; a number is a :class:`pyhh_fast.stimuli.constant`."""

Origin: TypeAlias = Any
"""A copy of the model before a run, or in words why there is none."""

State = tuple[float, ...]
"""V (mV) and the open fractions of the gates at one moment."""

LateSteps = list[tuple[int, State]]
"""The latest steps of a run in order, each with the state before it; the last one failed."""


def array_of_steps(stimulus: "RunStimulus | None", steps: int) -> FloatArray | None:
    """Return an array as it is, and a constant as a view that repeats one number; else None.

    Of a stimulus that is not known, None, the values are NaN.
    """
    if isinstance(stimulus, np.ndarray):
        return stimulus
    number = np.nan
    if stimulus is not None:
        from pyhh_fast.stimuli.waveforms import constant  # here, because arrays do not need it

        if not isinstance(stimulus, constant):
            return None
        number = stimulus.amplitude
    values = np.ndarray((steps,), np.float64, np.array(number), strides=(0,))
    values.flags.writeable = False
    return values


class TraceSource(Protocol):
    """The traces of a run that are in a store."""

    def values(self, name: str, rows: int) -> FloatArray:
        """Return the first rows of a trace."""

    def open(self) -> Any:
        """Return the store, to read."""


class Traces:
    """Has traces as attributes, or says that they were not recorded."""

    Vm: FloatArray
    INa: FloatArray
    IK: FloatArray
    IKleak: FloatArray
    StateN: FloatArray
    StateM: FloatArray
    StateH: FloatArray
    I_total: FloatArray

    def __getattr__(self, name: str) -> Any:
        settings = vars(self).get("settings")
        known = TRACES if settings is None else settings.variables
        if name in ENVELOPE or (name in ATTRIBUTES and name in known):
            raise AttributeError(not_recorded(name, settings is not None and settings.clamped))
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        if settings is not None and (name in known or name in ATTRIBUTES):
            item = name if name in known else list(known)[-1]
            message += f". Traces of a neuron are items: recording[{item!r}]."
        raise AttributeError(message)


ATTRIBUTES = (*TRACES, TOTAL_CURRENT.name)
"""Names of the traces that are attributes; others are items alone."""


def not_recorded(name: str, clamped: bool = False) -> str:
    """Return the message where a trace or an envelope is missing."""
    if name in ENVELOPE:
        return f"{name} was not recorded. Ask for it by run(..., envelope=...)."
    return f"{name} was not recorded. Name it in {'clamp' if clamped else 'run'}(..., record=...)."


class RunResult(Traces):
    """What the results of all runs have in common."""

    settings: RunSettings

    @property
    def dt(self) -> float:
        """Step size in ms."""
        return self.settings.dt

    @property
    def method(self) -> str:
        """Name of the method; "clamp" of a voltage clamp."""
        return "clamp" if self.settings.clamped else self.settings.method

    @property
    def threshold(self) -> float:
        """Upward crossings of it, in mV, are the spikes."""
        return self.settings.threshold

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the traces that were recorded; the others are no attributes."""
        return self.settings.record

    @property
    def every(self) -> int:
        """Steps from one row to the next."""
        return self.settings.every


class Recording(RunResult):
    """The traces of one run; made by :meth:`pyhh_fast.Simulation.run`, or by its `clamp`.

    Attributes
    ----------
    Vm : ndarray, shape (rows,), mV
        Membrane potential after each step: row i is at time (i + 1) dt, as in `times`; with
        every=k, of every k-th step alone: rows 0, k, 2k and so on of all.
    StateM, StateH, StateN : ndarray, shape (rows,)
        Open fraction of the gates, at the same times; by the method "exponential_euler" at dt/2
        earlier.
    INa, IK, IKleak : ndarray, shape (rows,), µA/cm²
        Currents of the same steps, outward positive: row i is at time i dt, from the state before
        the step.
    I_total : ndarray, shape (rows,), µA/cm²
        Of a voltage clamp: what the electrode injects. There all rows, those of the currents too,
        are at time (i + 1) dt, and `stimulus` is the command, in mV.
    Vm_min, Vm_max : ndarray, shape (windows,), mV
        Where `envelope` is not None: the lowest and the highest V after a step, of all steps of
        each window; of the last one, of those that were made.
    stimulus : ndarray, shape (steps,), µA/cm², or Stimulus
        Injected current: value i holds from i dt to (i + 1) dt.
    steps : int
        How many were made.
    spike_times : ndarray, shape (spikes,), ms
        Upward crossings of `threshold`: V before < threshold ≤ V after, the state before the
        first step included. The time is interpolated to the order of the method: linearly, for
        "rk4" cubically, for "adaptive" by the solver's own polynomial of V, which also has the
        spikes that rise and fall within one step.
    features : dict of str to float
        Those that were asked for, by name; NaN of one whose window the run did not come to the end
        of.
    settings : RunSettings
        What the run was made with.

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
        settings: RunSettings,
        stimulus: "RunStimulus | None",
        steps: int,
        spike_times: FloatArray,
        traces: dict[str, FloatArray] | TraceSource,
        origin: Origin,
        features: dict[str, float],
    ) -> None:
        self.settings, self.features = settings, features
        self._stimulus = stimulus[:steps] if isinstance(stimulus, np.ndarray) else stimulus
        self.steps = steps
        self.spike_times = spike_times
        self._source = None if isinstance(traces, dict) else traces
        self._by_name = traces if isinstance(traces, dict) else {}
        for name, values in self._by_name.items():
            if name in ATTRIBUTES or name in ENVELOPE:
                setattr(self, name, values)
        self._origin = origin

    def __getattr__(self, name: str) -> Any:
        source = vars(self).get("_source")
        if source is not None and name in self.recorded + self.enveloped:
            return source.values(name, self.windows if name in ENVELOPE else len(self))
        return super().__getattr__(name)

    def __getitem__(self, name: str) -> FloatArray:
        """Return a trace by its name, as ``recording["Vm"]``, or ``recording["Na.m"]`` of a neuron.

        Raises
        ------
        KeyError
            If there is no such trace, or it was not recorded; the message says which were.
        TypeError
            If `name` is no text.
        """
        recorded = self.recorded + self.enveloped
        validation.instance("name", name, str, "a text", "Pass the name of a trace, as 'Vm'.")
        if name in self._by_name:
            return self._by_name[name]
        if name in recorded:
            values: FloatArray = getattr(self, name)
            return values
        if name in self.settings.variables or name in ENVELOPE:
            raise KeyError(not_recorded(name, self.settings.clamped))
        raise KeyError(validation.unknown_name("name", name, recorded))

    @property
    def stimulus(self) -> RunStimulus:
        """Injected current, µA/cm²: value i holds from i dt to (i + 1) dt.

        NaN where it was an array, or a function, which the store of the run does not hold.
        """
        values = array_of_steps(self._stimulus, self.steps)
        if values is None:
            assert self._stimulus is not None
            return self._stimulus
        return values

    @property
    def rtol(self) -> float:
        """Relative tolerance of the adaptive method."""
        return self.settings.rtol

    @property
    def atol(self) -> float:
        """Absolute tolerance of the adaptive method."""
        return self.settings.atol

    @property
    def envelope(self) -> int | None:
        """Steps of a window of `Vm_min` and `Vm_max`."""
        return self.settings.envelope

    def __len__(self) -> int:
        return self.settings.rows(self.steps)

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
        return self.settings.windows(self.steps)

    @property
    def enveloped(self) -> tuple[str, ...]:
        """Names of the traces of the envelope; none where there is none."""
        return self.settings.enveloped

    def estimate_error(self) -> "ErrorEstimate":
        """Repeat the run with half the step, and return how much that changes.

        What changes outside the model, such as its class, must be as it was before the run. It
        takes twice as long as the run and up to five times the memory of its Vm. A run by the
        adaptive method is repeated with a tenth of its tolerances, too: that changes it by about
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
            If the run failed, or is a voltage clamp; if its model holds more than numbers, gates,
            small arrays and lists, which are copied at every run; or if the recording is a copy
            itself.
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

        Of a voltage clamp the command, gates, currents and the total current.

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
        state = dict(vars(self))
        if not isinstance(self._origin, str):
            state["_origin"] = "the recording is a copy, without its model"
        return state

"""pyHH's module of runs: `Simulation`, which makes them and has the traces of the latest one."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared
from pyhh_fast.clamped_simulation import ClampedSimulation
from pyhh_fast.engine import run_loop
from pyhh_fast.engine.choose_stepper import check_kind, choose_stepper
from pyhh_fast.engine.progress import bar_requested
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import MemorySink
from pyhh_fast.engine.stimulus_arguments import normalise_stimulus
from pyhh_fast.equilibria.spike_threshold import default_threshold, threshold_for
from pyhh_fast.methods import warn_of_large_step
from pyhh_fast.recording import Recording
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.exclusive import Exclusive
from pyhh_fast.typing import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pyhh_fast.features import Feature
    from pyhh_fast.recording import RunStimulus


SMALL_OR_ADAPTIVE = ", or run(..., method='adaptive'), which is right at any dt"
"""What is added to the warning of a large step."""


class Simulation(ClampedSimulation):
    """Runs a model and keeps the traces of the latest run.

    Parameters
    ----------
    model : HHModel or Neuron
        What to run. A model, an instance, not a class, is not copied, and each run continues from
        its present state. A neuron is data; its state is here, and each run continues from it.
    Vm : float, mV, optional
        Where a neuron starts, with steady gates; by default at its rest (see :meth:`reset`).

    Attributes
    ----------
    model : HHModel or Neuron
        A neuron may be replaced between runs, ``simulation.model = neuron.replace({"Na.g": 0})``:
        gates that both have keep their open fractions, others are steady.
    times : ndarray, shape (rows,), ms
        pyHH's time convention: row i is at i dt, with every=k at i k dt. (`Recording.times` is one
        dt later.)
    Vm : ndarray, shape (rows,), mV
        Membrane potential after step i.
    StateM, StateH, StateN : ndarray, shape (rows,)
        Open fraction of the gates after step i.
    INa, IK, IKleak : ndarray, shape (rows,), µA/cm²
        Currents of step i, from the state before it; outward positive.
    recording : Recording or None
        All of the latest run, with its stimulus and spikes.
    gates : mapping of str to float
        Of a neuron: its open fractions now, by path. Its `Vm` is that now, too, and traces are in
        the recording alone.

    Raises
    ------
    TypeError
        If `model` is a class, or has no `iterate`.

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> stimulus = np.zeros(20_000)
    >>> stimulus[7_000:13_000] = 50  # µA/cm²
    >>> simulation = pyhh.Simulation(pyhh.HHModel())
    >>> simulation.Run(stimulus, stepSizeMs=0.01)
    >>> print(f"{simulation.Vm.max():.3f} mV")
    108.254 mV
    """

    def __init__(self, model: Any, Vm: float | None = None) -> None:
        self._state = None
        self.model = model
        if isinstance(model, Declared):
            self.recording = None
            self.reset(Vm)
            return
        check_kind(model)
        if Vm is not None:
            raise TypeError(
                f"Vm must be left out for a model, which has its own state; got {Vm!r}. Set "
                "model.Vm, or use HHModel.at_rest or HHModel.steady."
            )
        self.CreateArrays(0, 0)

    def __repr__(self) -> str:
        if self._state is None:
            return f"{type(self).__name__}({self.model!r})"
        channels = ", ".join(self._state.neuron.channels)
        return f"{type(self).__name__}(Neuron of {channels}, Vm={self._state.V:.6g})"

    def Run(self, stimulusWaveform: npt.ArrayLike, stepSizeMs: float) -> None:
        """Run the model through a stimulus, as pyHH does; :meth:`run` does it with more to choose.

        Parameters
        ----------
        stimulusWaveform : array_like, shape (steps,), µA/cm²
            Injected current, one value a step. It is copied, never modified.
        stepSizeMs : float, ms
            Step size. Above 0.05 ms forward Euler is inaccurate, and a warning says so.

        Raises
        ------
        TypeError, ValueError
            If an argument, or a number of the model, cannot be used; nothing was run.
        SimulationError
            If the potential or a gate stops being finite. The traces up to there are kept, with
            NaN after; the model is in the last finite state.
        RuntimeError
            If this simulation or its model is running already, in another thread or because a hook
            has called this.
        """
        dt = validation.step_size("stepSizeMs", stepSizeMs)
        warn_of_large_step("stepSizeMs", dt, RunSettings.method, SMALL_OR_ADAPTIVE)
        advice = "Pass one value a step; for a constant use run(current, dt, duration=...)."
        stimulus = validation.waveform("stimulusWaveform", stimulusWaveform, advice=advice)
        with Exclusive("simulation", self, self._subject):
            threshold = default_threshold(self._subject)
            settings = RunSettings.of(dt=dt, threshold=threshold, **self._variables)
            if self._state is None and self._makes_own_arrays:
                self.CreateArrays(stimulus.size, dt)
            self._run(settings, stimulus, stimulus.size)

    def run(
        self,
        stimulus: npt.ArrayLike,
        dt: float,
        *,
        duration: float | None = None,
        method: Method = RunSettings.method,
        rtol: float = RunSettings.rtol,
        atol: float = RunSettings.atol,
        record: Iterable[str] | None = None,
        every: int = RunSettings.every,
        envelope: int | None = RunSettings.envelope,
        threshold: float | None = None,
        features: "Mapping[str, Feature] | Sequence[Feature] | None" = None,
        to: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> Recording:
        """Run the model through a stimulus and return what happened.

        The model continues from its present state and ends in that of the last step.

        Parameters
        ----------
        stimulus : float, array_like of shape (steps,), Stimulus or function of t, µA/cm²
            Injected current, depolarising where positive: a constant, with `duration`; one value a
            step, which is copied, never modified; what :mod:`pyhh_fast.stimuli` makes, which is
            computed while it is needed, and begins again with each run; or a function that returns
            the current at a time in ms, see :func:`pyhh_fast.stimuli.from_function`.
        dt : float, ms
            Step size, or, where method is "adaptive", the distance of the samples of stimulus and
            traces. Steps above 0.05 ms are inaccurate, and a warning says so.
        duration : float, ms, optional
            Time to simulate, a whole number of steps; not with an array. By default that of a
            stimulus that ends, rounded up to a whole number of steps.
        method : {"euler", "exponential_euler", "rk4", "adaptive"}, default "euler"
            Forward Euler, as in pyHH, of first order; exponential Euler with staggered gates, of
            second from steady gates, else of first, and stable for any dt; the classic Runge-Kutta
            method, of fourth; or DOP853, of eighth, whose steps follow the error.
        rtol, atol : float, default 1e-6
            Tolerances of the adaptive method: the estimated error of a step is kept below
            ``atol + rtol * abs(y)`` for y = V in mV and y = m, h and n, between its ends as well.
            At the defaults the spikes of a second of firing are right to about 1e-6 ms. The other
            methods do not use them.
        record : sequence of str, default all
            Names of the traces to keep, of Vm, INa, IK, IKleak, StateN, StateM, StateH, or of a
            neuron's `variables`, as "Na.m" and "Na"; spike times come in any case.
        every : int, default 1
            Steps from one row of the traces to the next: those of every=k are rows 0, k, 2k and so
            on of all. A long run is limited by the memory it writes.
        envelope : int, optional
            Also keep the lowest and the highest V of each window of that many steps, as `Vm_min`
            and `Vm_max`: they have the spikes that fall between rows.
        threshold : float, mV, optional
            Upward crossings of it are the spikes. By default 50 for built-in rates, and for custom
            ones whose rest is within 15 mV of 0, else 50 above the rest;
            of a neuron what it declares, else 50 above its rest; ``recording.threshold`` is the
            number.
        features : dict of str to Feature, or sequence of Feature, default none
            What is computed of V after each step, or, where method is "adaptive", at the multiples
            of `dt`, whatever `record` and `every` are, of :mod:`pyhh_fast.features`;
            ``recording.features`` has the results, by the same names.
        to : path, optional
            Directory to be made and written while the run is made, in constant memory: a Zarr group
            (needs zarr, the extra "store"), so its name must not end as files of other formats do.
            From there :meth:`resume` continues after Ctrl-C or a kill at any moment, or extends the
            run. Traces are then read from there, when they are used.
        progress : bool, default False
            Show a progress bar; needs tqdm.

        Returns
        -------
        Recording
            Also kept as `recording`, its traces as attributes of the simulation.

        Raises
        ------
        TypeError, ValueError
            If an argument, or a number of the model, cannot be used; nothing was run.
        ValueError
            If the model makes its steps in its own way (see `HHModel`), and method is not "euler",
            or `to` is given.
        ValueError
            If a value read by :func:`pyhh_fast.stimuli.from_array`, or returned by a function of t,
            is not finite.
            The steps before are kept, but for the last 260,000 at most, read together with it.
        SimulationError
            If the potential or a gate stops being finite, or the adaptive method needs steps too
            short or too many. The traces up to there are kept, with NaN after; the model is in
            the last finite state.
        RuntimeError
            If this simulation or its model is running already, as for :meth:`Run`.
        OSError
            If `to` cannot be written. What was written until about a second before is there, and
            `resume` continues from it; the model is in the state of the last step made.
        MemoryError
            If the traces do not fit into the free memory; nothing was run.
        ImportError
            If `progress` is True and tqdm is not installed, or `to` is given and zarr is not.

        Notes
        -----
        Ctrl-C stops a run within 0.1 s. One to a store then writes its last rows, which takes as
        long as its disk needs for the commit under way and a last one; where that is more than
        0.2 s, a line on standard error says so, and another Ctrl-C gives up what is not committed.
        As after any error during a run, the steps made so far are kept on `recording`, and the
        model is in the state of the last of them.

        The stimulus is constant from i dt to (i + 1) dt. No step of the adaptive method reaches
        across a change of it, so a stimulus that changes at every sample costs a step each. Where
        it stays the steps are as long as the tolerances allow, whatever dt. They also end every
        100 ms, or whole number of dt nearest to that, where the step size is chosen again: a run of
        300 ms gives the same bits as one of 100 and one of 200 (but not as of 50 and 250).

        By exponential Euler the gates lag V by dt/2. A run that starts with steady gates does not
        notice, and its V is of second order; any other, and that of a new `HHModel` with h = 0,
        starts dt/2 late in its gates, which is an error of first order.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
        >>> recording = simulation.run(20.0, 0.01, duration=100.0)
        >>> len(recording.spike_times)
        9

        Only the spikes, each right to about 1e-8 ms:

        >>> simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
        >>> options = {"method": "adaptive", "rtol": 1e-8, "atol": 1e-8, "record": ()}
        >>> simulation.run(20.0, 0.01, duration=50.0, **options).spike_times.round(6)
        array([ 1.213623, 13.249455, 24.846504, 36.415405, 47.981222])
        """
        settings = RunSettings.of(
            dt=dt,
            method=method,
            rtol=rtol,
            atol=atol,
            **self._variables | ({} if record is None else {"record": record}),
            threshold=threshold_for(self._subject, threshold),
            every=every,
            envelope=envelope,
            features=features,
        )
        seen = bool(settings.features)
        warn_of_large_step("dt", settings.dt, settings.method, SMALL_OR_ADAPTIVE, features=seen)
        progress = bar_requested(progress)
        if to is not None:
            to = validation.local_path("to", to)
        wave, steps = normalise_stimulus(stimulus, duration, settings.dt)
        settings.check_windows(steps)
        with Exclusive("simulation", self, self._subject):
            if to is None:
                return self._run(settings, wave, steps, progress)
            from pyhh_fast.storage import resume

            return self._make(resume.begin_run(self._subject, settings, wave, steps, to), progress)

    def plot(self, start: float | None = None, stop: float | None = None) -> "Figure":
        """Draw the latest run, as :meth:`pyhh_fast.Recording.plot` does.

        Raises
        ------
        RuntimeError
            If there was no run yet.
        """
        if self.recording is None:
            raise RuntimeError("There is nothing to plot yet. Call Run or run first.")
        return self.recording.plot(start, stop)

    def _run(
        self, settings: RunSettings, stimulus: "RunStimulus", steps: int, progress: bool = False
    ) -> Recording:
        read_ahead = ReadAhead(stimulus, steps, settings.dt)
        try:
            sink = MemorySink(settings, read_ahead)
            stepper = choose_stepper(self._subject, settings, read_ahead, sink)
            run = run_loop.Run(read_ahead, stepper, sink, run_loop.origin_of(self._subject))
            return self._make(run, progress)
        finally:
            read_ahead.close()

    def _make(self, run: run_loop.Run, progress: bool) -> Recording:
        run_loop.run_steps(run, progress, self._keep)
        assert self.recording is not None
        return self.recording

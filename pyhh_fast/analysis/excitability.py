"""Whether a neuron fires under a current, and how fast: rates, rheobase, strength and duration.

Each is one call, whose runs are all made at once, except by the adaptive method. The model is only
read, and its runs start from rest, whatever state it is in, unless `start` says otherwise.
"""

import dataclasses
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.firing import PROBES, SMALLEST, FixedRuns
from pyhh_fast.analysis.phase_plane import kinetics_over_V
from pyhh_fast.analysis.single_runs import SingleRuns
from pyhh_fast.analysis.swings import LEAST_CYCLES, Rates, rates_under
from pyhh_fast.engine.choose_stepper import check_steps
from pyhh_fast.engine.population_run import thread_count
from pyhh_fast.engine.spike_threshold import threshold_for
from pyhh_fast.engine.time_steps import STEP, default_step, warn_of_step_too_large
from pyhh_fast.equilibria.starts import start_at_rest
from pyhh_fast.errors import warn_user
from pyhh_fast.kinetics.protocol import Kinetics
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray, Method, Start

STARTS = get_args(Start)

LONG = 3e10
"""Steps of all cells, minutes of computing, from which a default step that is tiny is told."""

ACCURACY = 1e-4
"""Relative error of rates and threshold currents, at the default step, above which it is told."""


def fi_curve(
    model: HHModel,
    currents: npt.ArrayLike,
    *,
    duration: float = 1000.0,
    dt: float | None = None,
    method: Method = "exponential_euler",
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
    progress: bool = False,
) -> Any:
    """Return the steady firing rate under each of many constant currents.

    Every run starts from rest; where rest and firing are both stable, the start decides.

    Parameters
    ----------
    model : HHModel
        As for :meth:`Population.from_model`. It is not changed, and its state does not count.
    currents : float or array_like, µA/cm²
        Any shape.
    duration : float, default 1000, ms
        Time to simulate for each current, a whole number of steps.
    dt : float, ms, optional
        Step size. By default 0.01, or what is shorter by a whole number where gates or membrane
        are faster than those of the built-in model: rates are then right to 0.01 %, or a warning
        tells the error. For "adaptive" the distance of samples, which changes nothing.
    method : {"exponential_euler", "adaptive", "rk4", "euler"}, default "exponential_euler"
        As for :meth:`Simulation.run`. Forward Euler fires too fast, and from 6.23 µA/cm² on
        without end; with the others it is 6.265, as it should be. "adaptive" makes the runs one by
        one.
    threshold : float, mV, optional
        Upward crossings of it are the spikes; by default as for :meth:`Simulation.run`.
    start : {"rest", "model"}, default "rest"
        Where runs start: at rest with all gates steady, or in the present state of the model.
    threads : int, default one for each CPU there is for this process
        How many threads share the work. The numbers do not depend on it.
    progress : bool, default False
        Show a progress bar; needs tqdm.

    Returns
    -------
    float or ndarray of the shape of `currents`, Hz
        One over the mean of the intervals between the spikes of the second half of `duration`.
        Where there are fewer than four, or the time from the last to the end is more than twice the
        interval before it, the run is continued: the rate is then that of its spikes, or of the
        sustained swing of V, or 0 where V comes to rest or rings down. NaN where V diverged, or is
        too slow for that to be known (see Notes).

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own; nothing was run.
    SimulationError
        If rates of a model's own turn out, on the way, to be what no table holds.
    ImportError
        If `progress` is asked for and tqdm is not installed.

    Warns
    -----
    UserWarning
        If V keeps swinging under some of the currents without crossing `threshold`; if a rate is
        not known, with the duration to pass; if the model diverges; if `dt` is too large for the
        model, or rates err by more than 0.01 % at the default one; if that is so short that the
        runs take minutes; or if no rest is stable: runs then start at the unstable equilibrium
        nearest EKleak, with steady gates.

    Notes
    -----
    Strong currents make V swing less and less: below 50 mV from 87.9 µA/cm² on, not at all from
    154.5 on. What has not fired four times and is not at rest is run on, by segments that are each
    twice as long as the one before, until it has fired or swung four times in the second half of
    one, or is at rest. They end after 400 times the slowest time constant of the gates and the leak
    (8.6 ms for the built-in model), or `duration` if that is longer, but after no more than 2e7
    steps. A swing is sustained if it does not get smaller, or if the equilibrium under the current
    is unstable.

    A train of spikes that would end after `duration` only counts as firing. Just below the current
    from which firing is sustained, 6.265 µA/cm² for the built-in model, trains are long: those from
    6.25 on outlast 150 ms, those from 6.264 on 1000 ms. There, a longer `duration` tells.

    References
    ----------
    A. L. Hodgkin, "The local electric changes associated with repetitive action in a
    non-medullated axon", J. Physiol. 107, 165-181 (1948).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> pyhh.fi_curve(pyhh.HHModel.at_rest(), [5, 7, 10, 20, 50]).round(1)
    array([  0. ,  58.3,  68.3,  86.5, 117. ])
    """
    how = (duration, dt, method, threshold, start, threads, progress)
    return rates_and_swings(model, currents, *how)[0]


def rates_and_swings(
    model: HHModel,
    currents: npt.ArrayLike,
    duration: float,
    dt: float | None,
    method: Method,
    threshold: float | None,
    start: Start,
    threads: int | None,
    progress: bool,
) -> tuple[Any, Any]:
    """Return what :func:`fi_curve` returns, and where that is the rate of a mere swing."""
    given = validation.real_numbers("currents", currents, unit="µA/cm²")
    setup = _Setup.of(model, dt, method, threshold, threads, start)
    steps = validation.steps_in(duration, setup.settings.dt)
    progress = validation.flag("progress", progress)
    I = given.ravel()  # noqa: E741
    setup.warn_of_length(steps * I.size)
    found = setup.rates(I, steps, progress)
    setup.warn_of_rates(I, found)
    setup.check_rates(I, found.rates, steps)
    rates, swings = (x.reshape(given.shape)[()] for x in (found.rates, found.swings))
    return rates, swings


def rheobase(
    model: HHModel,
    duration: float = 500.0,
    *,
    wait: float = 20.0,
    dt: float | None = None,
    method: Method = "exponential_euler",
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
) -> float:
    """Return the smallest current that makes the model fire, if only it lasts long enough.

    Parameters
    ----------
    model, wait, dt, method, threshold, start, threads
        As for :func:`strength_duration`, of which this is the right end.
    duration : float, default 500, ms
        Length of the pulse, above 0.

    Returns
    -------
    float, µA/cm²
        As :func:`strength_duration` returns for this duration.

    Raises
    ------
    TypeError, ValueError, SimulationError
        As :func:`strength_duration`.

    Warns
    -----
    UserWarning
        As :func:`strength_duration`.

    References
    ----------
    L. Lapicque, "Définition expérimentale de l'excitabilité", C. R. Soc. Biol. 67, 280-283 (1909).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> print(f"{pyhh.rheobase(pyhh.HHModel.at_rest()):.4f} µA/cm²")
    2.2410 µA/cm²
    """
    setup = _Setup.of(model, dt, method, threshold, threads, start)
    duration = validation.real_number("duration", duration, unit="ms")
    pulse = np.array([_lengths("duration", duration, setup.settings.dt)])
    found = setup.threshold_currents(pulse, wait)
    if np.isnan(found[0]):
        warn_user(f"the model diverged before it fired, and the rheobase is NaN. {setup.way_out()}")
    return float(found[0])


def strength_duration(
    model: HHModel,
    durations: npt.ArrayLike,
    *,
    wait: float = 20.0,
    dt: float | None = None,
    method: Method = "exponential_euler",
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
) -> Any:
    """Return the smallest current that makes the model fire, for pulses of many durations.

    A pulse is a constant current from the start of the run, at rest, and nothing after it. The
    model fires if V crosses `threshold` upward during the pulse or in the time `wait` after it.

    Parameters
    ----------
    model : HHModel
        As for :meth:`Population.from_model`. It is not changed, and its state does not count.
    durations : float or array_like, ms
        Any shape and order, each above 0. A last step that a pulse covers in part has that part of
        its current.
    wait : float, default 20, ms
        How long after the pulse a spike still counts, to the end of the step. Close to threshold
        the spike is late, by 13 ms at most at the default parameters; kinetics that are slower
        need longer.
    dt : float, ms, optional
        Step size; by default as for :func:`fi_curve`. For "adaptive" it changes nothing.
    method : {"exponential_euler", "adaptive", "rk4", "euler"}, default "exponential_euler"
        As for :meth:`Simulation.run`. "adaptive" makes the runs one by one, and pulses end exactly.
    threshold : float, mV, optional
        By default as for :meth:`Simulation.run`.
    start : {"rest", "model"}, default "rest"
        Where runs start: at rest with all gates steady, or in the present state of the model.
    threads : int, default one for each CPU there is for this process
        How many threads share the work. The numbers do not depend on it.

    Returns
    -------
    float or ndarray of the shape of `durations`, µA/cm²
        Under this current the model fires; under one that is smaller by a millionth of it (or by
        1e-9 µA/cm², whichever is more) it does not. 0 where it fires without any, infinity where
        it does not under 1e9 µA/cm², NaN where it diverged before it fired.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own; nothing was run.
    SimulationError
        If rates of a model's own turn out, on the way, to be what no table holds.

    Warns
    -----
    UserWarning
        If the model diverges before it fires; if `dt` is too large for the model, or a current errs
        by more than 0.01 % at the default one, or that is so short that the runs take minutes; or
        if no rest is stable, as for :func:`fi_curve`.

    Notes
    -----
    The currents are found by bisection into 65 parts instead of two, all durations together.
    Where a cell fires under some currents between two under which it does not, the smallest that
    was tried is followed.

    References
    ----------
    L. Lapicque, "Recherches quantitatives sur l'excitation électrique des nerfs traitée comme une
    polarisation", J. Physiol. Pathol. Gén. 9, 620-635 (1907).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> pyhh.strength_duration(pyhh.HHModel.at_rest(), [0.1, 1, 10, 100]).round(3)
    array([65.151,  6.922,  2.241,  2.241])
    """
    setup = _Setup.of(model, dt, method, threshold, threads, start)
    lengths = _lengths("durations", durations, setup.settings.dt)
    found = setup.threshold_currents(lengths.ravel(), wait)
    if np.isnan(found).any():
        warn_user(
            "for some durations the model diverged before it fired, and the current is NaN. "
            f"{setup.way_out()}"
        )
    return found.reshape(lengths.shape)[()]


class _Setup(NamedTuple):
    """A model in the state that runs start in, and how they are made; checked."""

    model: HHModel
    kinetics: Kinetics
    settings: RunSettings
    threads: int
    check: bool
    default_dt: bool

    @classmethod
    def of(
        cls,
        model: HHModel,
        dt: Any,
        method: Method,
        threshold: Any,
        threads: Any,
        start: Start,
    ) -> "_Setup":
        settings = RunSettings.of(
            dt=STEP if dt is None else dt,
            method=method,
            threshold=threshold_for(model, threshold),
            record=(),
        )
        start = validation.choice("start", start, STARTS)
        threads = thread_count(threads)
        check_steps(model, "Run such models one by one, with Simulation.", state=start == "model")
        kinetics = kinetics_over_V(model)
        if dt is None:
            step = default_step(model, kinetics, settings.method)
            settings = dataclasses.replace(settings, dt=step)
        else:
            warn_of_step_too_large(settings.dt, model, kinetics, settings.method)
        begun = start_at_rest(model) if start == "rest" else model
        # The error of the built-in model at its step is known; that of others is measured.
        unknown = not kinetics.built_in or settings.dt < STEP
        check = dt is None and METHODS[settings.method].order in (2, 4) and unknown
        return cls(begun, kinetics, settings, threads, check, dt is None)

    def runs(self) -> FixedRuns | SingleRuns:
        kind = FixedRuns if METHODS[self.settings.method].many_cells else SingleRuns
        return kind(self.model, self.settings, self.threads)

    def adaptive_runs(self) -> SingleRuns:
        return SingleRuns(
            self.model, dataclasses.replace(self.settings, method="adaptive"), self.threads
        )

    def way_out(self) -> str:
        """Return what to do where the model diverged."""
        if self.settings.fixed_step:
            return "Use method='adaptive', whose steps follow the fastest rate."
        return "Check the parameters, and the rates of an overridden _UpdateGateTimeConstants."

    def warn_of_length(self, steps: float) -> None:
        """Warn of so many steps of all cells, where they are many because the default is tiny."""
        if self.default_dt and self.settings.dt < STEP / 100 and steps > LONG:
            warn_user(
                f"the rates of this model are so fast that dt is {self.settings.dt:.2g} ms, and "
                f"{steps:.2g} steps of cells take long. Check the parameters, or pass a larger dt, "
                "which method='exponential_euler' takes, or a shorter duration."
            )

    def threshold_currents(self, durations: FloatArray, wait: Any) -> FloatArray:
        wait = validation.real_number("wait", wait, unit="ms")
        wait = float(_lengths("wait", wait, self.settings.dt, positive=False))
        self.warn_of_length(PROBES.size * float(np.sum(durations + wait)) / self.settings.dt)
        found = self.runs().thresholds(durations, wait)
        found[found <= SMALLEST] = 0.0  # from an unstable equilibrium any push is enough
        if self.check:
            self.check_thresholds(durations, found, wait)
        return found

    def rates(
        self, currents: FloatArray, steps: int, progress: bool = False, adaptive: bool = False
    ) -> Rates:
        runs = self.adaptive_runs() if adaptive else self.runs()
        return rates_under(
            runs, self.model, self.kinetics, currents, steps, self.settings.dt, progress
        )

    def warn_of_rates(self, currents: FloatArray, found: Rates) -> None:
        """Warn of rates that are unknown, or not those of spikes."""
        if found.diverged.any():
            warn_user(
                f"under {np.count_nonzero(found.diverged)} of {currents.size} currents the model "
                f"diverged, {currents[int(np.argmax(found.diverged))]:g} µA/cm² for one, and the "
                f"rate is NaN. {self.way_out()}"
            )
        if found.swings.any():
            one = int(np.argmax(found.swings))
            warn_user(
                f"under {np.count_nonzero(found.swings)} of the currents V keeps swinging without "
                f"crossing the threshold of {self.settings.threshold:g} mV, under "
                f"{currents[one]:g} µA/cm² from {found.low[one]:.3g} to {found.high[one]:.3g} mV, "
                "and the rate is that of the swing. A threshold within it counts such swings as "
                "spikes."
            )
        unknown = np.isnan(found.rates) & ~found.diverged
        if unknown.any():
            warn_user(
                f"under {np.count_nonzero(unknown)} of {currents.size} currents, "
                f"{currents[int(np.argmax(unknown))]:g} µA/cm² for one, V neither came to rest nor "
                f"fired or swung {LEAST_CYCLES} times in the second half of {found.time:.3g} ms, "
                "and the rate is NaN: the duration is too short. Pass a duration of "
                f"{4 * found.time:.3g} ms."
            )

    def check_rates(self, currents: FloatArray, rates: FloatArray, steps: int) -> None:
        """Warn where the highest of the rates is not that of the adaptive method."""
        if not (self.check and (rates > 0).any()):
            return
        fastest = [int(np.nanargmax(rates))]
        right = self.rates(currents[fastest], steps, adaptive=True).rates[0]
        if right > 0 and abs(rates[fastest[0]] / right - 1) > ACCURACY:
            where = f"under {currents[fastest[0]]:g} µA/cm²"
            self.tell_error("the rate", where, float(rates[fastest[0]]), right)

    def check_thresholds(self, durations: FloatArray, found: FloatArray, wait: float) -> None:
        """Warn where a threshold is not that of the adaptive method."""
        adaptive = self.adaptive_runs()
        for duration, current in zip(durations, found, strict=True):
            if not (np.isfinite(current) and current > SMALLEST / ACCURACY):
                continue
            ends = (1 + 1.01 * ACCURACY, 1 - ACCURACY)
            above, below = (adaptive.response(c * current, duration, wait)[0] for c in ends)
            if not above or below:
                right = adaptive.thresholds(np.array([duration]), wait)[0]
                self.tell_error("the current", f"for {duration:g} ms", current, right)
                return

    def tell_error(self, what: str, where: str, found: float, right: float) -> None:
        error = 100 * (found / right - 1)
        warn_user(
            f"{what} {where} errs by {error:+.2g} % at dt {self.settings.dt:.3g} ms, and others "
            "may as well. Use method='adaptive', or a smaller dt."
        )


def _lengths(name: str, value: Any, dt: float, *, positive: bool = True) -> FloatArray:
    """Return times (ms) of any shape: above 0, or 0 or more, and of not too many steps."""
    times = validation.real_numbers(name, value, unit="ms")
    wrong = (times <= 0 if positive else times < 0) | (times / dt > validation.MOST_STEPS)
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        got = f"{times[place]}"
        if times.ndim:
            at = tuple(map(int, place))
            got += f" at index {at[0] if len(at) == 1 else at}"
        sign = "above 0" if positive else "0 or more"
        rule = f"{sign}, and at most {validation.MOST_STEPS} steps of {dt:g}"
        raise ValueError(validation.message(name, rule, got, unit="ms"))
    return times

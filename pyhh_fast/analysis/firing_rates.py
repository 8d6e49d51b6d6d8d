"""How fast a neuron fires under constant currents: `fi_curve`.

Runs of a model are made at once, except by the adaptive method. The model is only read.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.setup import ACCURACY, Setup
from pyhh_fast.analysis.swings import LEAST_CYCLES, Rates, rates_under
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.errors import warn_user
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.typing import FloatArray, Method, Start


def fi_curve(
    model: HHModel | Neuron,
    currents: npt.ArrayLike,
    *,
    duration: float = 1000.0,
    dt: float | None = None,
    method: Method | None = None,
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
    progress: bool = False,
) -> Any:
    """Return the steady firing rate under each of many constant currents.

    Every run starts from rest; where rest and firing are both stable, the start decides.

    Parameters
    ----------
    model : HHModel or Neuron
        A model as for :meth:`Population.from_model`. It is not changed, and its state does not
        count.
    currents : float or array_like, µA/cm²
        Any shape.
    duration : float, default 1000, ms
        Time to simulate for each current, a whole number of steps; where that shows no steady rate,
        the run is continued.
    dt : float, ms, optional
        Step size. By default 0.01, or what is shorter by a whole number where gates or membrane
        are faster than those of the built-in model: rates are then right to 0.01 %, or a warning
        states the error. For "adaptive" the distance of samples, which changes nothing.
    method : {"exponential_euler", "adaptive", "rk4", "euler"}, optional
        As for :meth:`Simulation.run`; by default "exponential_euler" for a model, all runs at once,
        and "adaptive" for a neuron, one by one, which is as fast as "rk4" at once. Forward Euler
        fires too fast, and from 6.23 µA/cm² on without end; with the others it is 6.265, as it
        should be.
    threshold : float, mV, optional
        Upward crossings of it are the spikes; by default as for :meth:`Simulation.run`.
    start : {"rest", "model"}, default "rest"
        Where runs start: at rest with all gates steady, or in the present state of the model. A
        neuron has none.
    threads : int, default one for each CPU there is for this process
        How many threads share the work. The numbers do not depend on it.
    progress : bool, default False
        Show a progress bar; needs tqdm.

    Returns
    -------
    float or ndarray of the shape of `currents`, Hz
        One over the mean of the intervals between the spikes of the second half of `duration`.
        Where there are fewer than four, or the intervals change by more than 1 %, or the time from
        the last to the end is more than twice the interval before it, the run is continued: the
        rate is then that of its spikes, or of the sustained swing of V, or 0 where V comes to rest
        or rings down. NaN where V diverged, or is too slow for that to be known (see Notes).

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step; nothing was run.
    SimulationError
        If custom rates turn out, during the run, to be what no table can hold.
    ImportError
        If `progress` is True and tqdm is not installed.

    Warns
    -----
    UserWarning
        If V keeps swinging under some of the currents without crossing `threshold`; if a rate is
        not known, with the duration to pass; if the model diverges, or V leaves the tables of a
        neuron; if `dt` is too large for the model, or rates have an error of more than 0.01 % at
        the default one; if that is so short that the runs take minutes; or if no rest is stable:
        runs then start at the unstable equilibrium nearest the leak's reversal potential, with
        steady gates.

    Notes
    -----
    Strong currents make V swing less and less: below 50 mV from 89.9 µA/cm² on, not at all from
    154.5 on. What has not fired four times and is not at rest is run on, by segments that are each
    twice as long as the one before, until it has fired or swung four times in the second half of
    one, or is at rest. They end after 400 times the slowest time constant of the gates and the leak
    (8.6 ms for the built-in model), of a neuron not before 10 s, or `duration` if that is longer,
    but after no more than 2e7 steps. A swing is sustained if it does not get smaller, or if the
    equilibrium under the current is unstable.

    Where a cell bursts or stutters, the rate is that over whole bursts, once four of them in the
    second half of a segment repeat to 0.1 %; else over those of the last segment.

    A train of spikes that would end after `duration` only counts as firing. Just below the current
    from which firing is sustained, 6.265 µA/cm² for the built-in model, trains are long: those from
    6.25 on outlast 150 ms, those from 6.264 on 1000 ms. A longer `duration` distinguishes them.

    References
    ----------
    A. L. Hodgkin, "The local electric changes associated with repetitive action in a
    non-medullated axon", J. Physiol. 107, 165-181 (1948).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> pyhh.fi_curve(pyhh.HHModel.at_rest(), [5, 7, 10, 20, 50]).round(1)
    array([  0. ,  58.3,  68.3,  86.5, 117. ])

    Neurons of Connor and Stevens fire as slowly as may be:

    >>> pyhh.fi_curve(pyhh.neurons.connor_stevens(), [8, 8.2, 10, 20]).round(1)
    array([  0. ,   3.5,  34. , 132.3])
    """
    setup = Setup.of(model, dt, method, threshold, threads, start)
    return rates_and_swings(setup, currents, duration, progress)[0]


def rates_and_swings(
    setup: Setup, currents: npt.ArrayLike, duration: float, progress: bool
) -> tuple[Any, Any]:
    """Return what :func:`fi_curve` returns, and where that is the rate of a mere swing."""
    given = validation.real_numbers("currents", currents, unit="µA/cm²")
    steps = validation.steps_in(duration, setup.settings.dt)
    progress = validation.flag("progress", progress)
    I = given.ravel()  # noqa: E741
    setup.warn_of_length(steps * I.size)
    found = rates_under(setup, I, steps, progress)
    _warn_of_rates(setup, I, found)
    if setup.has_unknown_error and (found.rates > 0).any():
        _check_highest(setup, I, found.rates, steps)
    rates, swings = (x.reshape(given.shape)[()] for x in (found.rates, found.swings))
    return rates, swings


def _warn_of_rates(setup: Setup, currents: FloatArray, found: Rates) -> None:
    """Warn of rates that are unknown, or those of swings without spikes."""
    if found.diverged.any():
        warn_user(
            f"under {np.count_nonzero(found.diverged)} of {currents.size} currents the "
            f"{setup.subject.kind} diverged, {currents[int(np.argmax(found.diverged))]:g} µA/cm² "
            f"for one, and the rate is NaN. {setup.way_out()}"
        )
    if found.swings.any():
        one = int(np.argmax(found.swings))
        warn_user(
            f"under {np.count_nonzero(found.swings)} of the currents V keeps swinging without "
            f"crossing the threshold of {setup.settings.threshold:g} mV, under "
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


def _check_highest(setup: Setup, currents: FloatArray, rates: FloatArray, steps: int) -> None:
    """Warn where the highest of the rates is not that of the adaptive method."""
    highest = int(np.nanargmax(rates))
    right = rates_under(setup.adaptive, currents[[highest]], steps).rates[0]
    if right > 0 and abs(rates[highest] / right - 1) > ACCURACY:
        setup.warn_of_error(f"the rate under {currents[highest]:g} µA/cm²", rates[highest], right)

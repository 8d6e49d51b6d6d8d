"""From which current on a pulse makes a neuron fire: `rheobase` and `strength_duration`.

Runs of a model are made at once, except by the adaptive method; those of a neuron one by one. The
model is only read.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.runs import Runs
from pyhh_fast.analysis.setup import ACCURACY, Setup
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.errors import warn_user
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, Method, Start

TOLERANCE = 1e-6
"""Largest relative error of a threshold current."""

SMALLEST = 1e-9
"""A threshold is searched down to this, in µA/cm²."""

SHORTEST = 500.0
"""The rheobase is searched for with a pulse of so many ms, and ..."""

WAIT = 20.0
"""A spike counts for so many ms after a pulse, and ..."""

LENGTHENING = 4
"""... then for longer, by this factor, as is the pulse of the rheobase, up to ..."""

LONGEST = 100_000_000
"""... so many steps."""

PROBES = np.array([0.0, *np.geomspace(1e-3, 1e9, 63)])
"""Currents (µA/cm²) with which a search begins; it continues between two of them."""

STRONGER = 1e-3
"""By how much more than the threshold current, relatively, V is looked at, and ..."""

GRADED = 10.0
"""... how many times as far as a passive membrane V must then rise above the threshold."""

UPSTROKE = 50.0
"""Within so many ms a spike that has begun rises so far."""

BELOW = 1 - ACCURACY * 4.0 ** np.arange(6, -1, -1)
"""Parts of the threshold of a shorter pulse with which that of a longer one begins."""


def rheobase(
    model: HHModel | Neuron,
    duration: float | None = None,
    *,
    wait: float | None = None,
    dt: float | None = None,
    method: Method | None = None,
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
) -> float:
    """Return the smallest current that makes the model fire, if only it lasts long enough.

    Parameters
    ----------
    model, wait, dt, method, threshold, start, threads
        As for :func:`strength_duration`, of which this is the right end.
    duration : float, ms, optional
        Length of the pulse, above 0. By default 500, and four times as long while such a pulse
        makes the model fire from rest under a current that is lower by 0.01 %: where gates are slow
        or the equilibrium only just unstable, spikes are late.

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
        As :func:`strength_duration`; or if the current still falls for the longest pulse that is
        tried by default, of 1e8 steps.

    References
    ----------
    L. Lapicque, "Définition expérimentale de l'excitabilité", C. R. Soc. Biol. 67, 280-283 (1909).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> print(f"{pyhh.rheobase(pyhh.HHModel.at_rest()):.4f} µA/cm²")
    2.2410 µA/cm²
    """
    setup = Setup.of(model, dt, method, threshold, threads, start)
    lasting = duration is None and start == "rest"
    duration = SHORTEST if duration is None else duration
    duration = validation.real_number("duration", duration, unit="ms")
    pulse = np.array([_lengths("duration", duration, setup.settings.dt)])
    found = _threshold_currents(setup, pulse, wait, lasting)
    if np.isnan(found[0]):
        kind, way_out = setup.subject.kind, setup.way_out()
        warn_user(f"the {kind} diverged before it fired, and the rheobase is NaN. {way_out}")
    return float(found[0])


def strength_duration(
    model: HHModel | Neuron,
    durations: npt.ArrayLike,
    *,
    wait: float | None = None,
    dt: float | None = None,
    method: Method | None = None,
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
) -> Any:
    """Return the smallest current that makes the model fire, for pulses of many durations.

    A pulse is a constant current from the start of the run, at rest, and nothing after it. The
    model fires if V crosses `threshold` upward during the pulse or in the time `wait` after it.

    Parameters
    ----------
    model : HHModel or Neuron
        A model as for :meth:`Population.from_model`. It is not changed, and its state does not
        count.
    durations : float or array_like, ms
        Any shape and order, each above 0. A last step that a pulse covers in part has that part of
        its current.
    wait : float, ms, optional
        How long after the pulse a spike still counts, to the end of the step. By default 20, and
        four times as long while spikes up to then need a current that is lower by 0.01 %: close to
        threshold the spike is late, by 13 ms in the squid axon, by 60 in ``wang_buzsaki``.
    dt, method, threshold, start, threads
        As for :func:`fi_curve`. With method "adaptive" pulses end exactly.

    Returns
    -------
    float or ndarray of the shape of `durations`, µA/cm²
        Under this current the model fires; under one that is smaller by a millionth of it (or by
        1e-9 µA/cm², whichever is more) it does not. 0 where it fires without any, infinity where
        it does not under 1e9 µA/cm², NaN where it diverged before it fired.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step; nothing was run.
    SimulationError
        If custom rates turn out, during the run, to be what no table can hold.

    Warns
    -----
    UserWarning
        If V passes `threshold` without an upstroke, as far as the current drives it: with 0.1 %
        more it must rise ten times as far as a passive membrane does, or that is no spike.
    UserWarning
        If spikes later than a `wait` that is given need a current that is lower by more than
        0.01 %, which the warning gives; or if the current still falls for the longest that is tried
        by default, of 1e8 steps.
    UserWarning
        If the model diverges before it fires, or V leaves the tables of a neuron; if `dt` is too
        large for the model, or a current has an error of more than 0.01 % at the default one, or
        that is so short that the runs take minutes; or if no rest is stable, as for
        :func:`fi_curve`.

    Notes
    -----
    The currents are found by bisection into 65 parts instead of two, all durations together.
    Where a cell fires under some currents between two under which it does not, the search continues
    at the smallest of them.

    References
    ----------
    L. Lapicque, "Recherches quantitatives sur l'excitation électrique des nerfs traitée comme une
    polarisation", J. Physiol. Pathol. Gén. 9, 620-635 (1907).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> pyhh.strength_duration(pyhh.HHModel.at_rest(), [0.1, 1, 10, 100]).round(3)
    array([65.151,  6.922,  2.241,  2.241])

    >>> pyhh.strength_duration(pyhh.neurons.wang_buzsaki(), [0.1, 1, 10]).round(3)
    array([65.515,  6.687,  0.783])
    """
    setup = Setup.of(model, dt, method, threshold, threads, start)
    lengths = _lengths("durations", durations, setup.settings.dt)
    found = _threshold_currents(setup, lengths.ravel(), wait)
    if np.isnan(found).any():
        warn_user(
            f"for some durations the {setup.subject.kind} diverged before it fired, and the "
            f"current is NaN. {setup.way_out()}"
        )
    return found.reshape(lengths.shape)[()]


@rounds_to_nearest
def _threshold_currents(
    setup: Setup, durations: FloatArray, wait: Any, lasting: bool = False
) -> FloatArray:
    """Return the threshold currents (µA/cm²) of pulses of these durations (ms), and warn.

    A `lasting` pulse is made longer while its threshold falls.
    """
    given = wait is not None
    wait = validation.real_number("wait", wait if given else WAIT, unit="ms")
    dt = setup.settings.dt
    waits = np.full(durations.size, _lengths("wait", wait, dt, positive=False))
    setup.warn_of_length(PROBES.size * float(np.sum(durations / dt + waits / dt)))
    found = _search(setup.runs(), durations, waits, PROBES)
    if lasting:
        _lengthen(setup, found, durations, waits, pulse=True)
    elif given:
        _check_wait(setup, found, durations, waits)
    else:
        _lengthen(setup, found, durations, waits)
    found[found <= SMALLEST] = 0.0  # from an unstable equilibrium any push is enough
    if setup.has_unknown_error:
        _check_error(setup, durations, found, waits)
    _check_spikes(setup, durations, found, waits)
    return found


def _lengthen(
    setup: Setup,
    found: FloatArray,
    durations: FloatArray,
    waits: FloatArray,
    *,
    pulse: bool = False,
) -> None:
    """Lengthen waits, or the `pulse`, while the threshold found falls; all three in place.

    Near a saddle-node the excess over the rheobase falls with the square of the duration, that over
    the threshold of a pulse exponentially with the wait.
    """
    runs, longest = setup.runs(), LONGEST * setup.settings.dt
    if not pulse:
        longest = max(longest, LENGTHENING * np.max(waits, initial=WAIT))
    times = durations if pulse else waits
    falling = np.flatnonzero((found > SMALLEST) & (found < np.inf))
    while falling.size:
        before = times[falling]
        longer = LENGTHENING * np.maximum(before, WAIT)
        if longer[0] > longest:
            what, longer_times, argument = (
                ("the rheobase", "pulses", "duration")
                if pulse
                else (f"the current for {durations[falling[0]]:g} ms", "waits", "wait")
            )
            warn_user(
                f"{what} is not settled: {longer_times} of more than {before[0]:g} ms may make the "
                f"{setup.subject.kind} fire under less than {found[falling[0]]:.6g} µA/cm². Pass a "
                f"longer {argument}."
            )
            break
        times[falling] = longer
        lower = found[falling, np.newaxis] * (1 - ACCURACY)
        fires = runs.responses(lower, durations[falling], waits[falling])[0][:, 0]
        times[falling[~fires]] = before[~fires]
        falling = falling[fires]
        probes = found[falling, np.newaxis] * np.append(0.0, BELOW)
        found[falling] = _search(runs, durations[falling], waits[falling], probes)
        falling = falling[found[falling] > SMALLEST]


def _check_wait(setup: Setup, found: FloatArray, durations: FloatArray, waits: FloatArray) -> None:
    """Warn where spikes that are later than a given wait need less current."""
    settled, longer = found.copy(), waits.copy()
    _lengthen(setup, settled, durations, longer)
    late = np.flatnonzero(longer > waits)
    if late.size:
        one = late[0]
        error = 100 * (1 - settled[one] / found[one])
        warn_user(
            f"after a pulse of {durations[one]:g} ms the {setup.subject.kind} fires later than the "
            f"wait of {waits[one]:g} ms under up to {error:.2g} % less current than was found; "
            f"other currents may be too large as well. Pass no wait, or {longer[one]:g}."
        )


def _search(runs: Runs, durations: FloatArray, waits: FloatArray, probes: FloatArray) -> FloatArray:
    """Return the threshold currents (µA/cm²), infinite or NaN as `strength_duration` says.

    The search begins with `probes`, the same for all durations, or a row of them for each.

    Each round divides the intervals that are left, from a current under which the model does not
    fire to one under which it does, into as many parts as suits the runs.
    """
    low, high = np.zeros(durations.size), np.full(durations.size, np.inf)
    searched = np.arange(durations.size)
    currents = np.broadcast_to(probes, (durations.size, probes.shape[-1]))
    while searched.size:
        fired, diverged = runs.responses(currents, durations[searched], waits[searched])
        # The interval ends at the first current that fires; where none does, at `high`.
        columns = currents.shape[1]
        place = np.where(fired.any(axis=1), fired.argmax(axis=1), columns)
        ends = np.column_stack([low[searched], currents, high[searched]])
        rows = np.arange(searched.size)
        low[searched], high[searched] = ends[rows, place], ends[rows, place + 1]
        unknown = diverged & (np.arange(columns) < place[:, np.newaxis])
        high[searched[unknown.any(axis=1)]] = np.nan
        # False for infinity and NaN.
        searched = np.flatnonzero(high - low > np.maximum(TOLERANCE * high, SMALLEST))
        within = np.linspace(low[searched], high[searched], runs.parts + 1, axis=1)
        currents = within[:, 1:-1]
    return high


def _check_spikes(
    setup: Setup, durations: FloatArray, found: FloatArray, waits: FloatArray
) -> None:
    """Warn where V passes the threshold without an upstroke, as far as the current drives it.

    V is then proportional to the current, or nearly; a spike is a jump.
    """
    threshold, V = setup.settings.threshold, float(setup.subject.start["V"][0])
    known = np.isfinite(found) & (found > 0)
    if not known.any():
        return
    rise = GRADED * STRONGER * abs(threshold - V)
    settings = dataclasses.replace(setup.settings, threshold=threshold + rise)
    stronger = found[known, np.newaxis] * (1 + STRONGER)
    runs = setup._replace(settings=settings).runs()
    # An upstroke may begin just before the end.
    responses = runs.responses(stronger, durations[known], waits[known] + UPSTROKE)
    graded = ~np.any(responses, axis=0)[:, 0]
    if graded.any():
        one = np.flatnonzero(known)[np.argmax(graded)]
        warn_user(
            f"the {setup.subject.kind} makes no spike at {found[one]:.4g} µA/cm² for "
            f"{durations[one]:g} ms: V passes the threshold of {threshold:g} mV, but rises no "
            f"more than {rise:.2g} mV above it under {100 * STRONGER:g} % more. Check the "
            "channels, or pass a threshold that only spikes cross."
        )


def _check_error(setup: Setup, durations: FloatArray, found: FloatArray, waits: FloatArray) -> None:
    """Warn where a threshold is not that of the adaptive method."""
    runs = setup.adaptive.runs()
    for duration, current, wait in zip(durations, found, waits, strict=True):
        if not (np.isfinite(current) and current > SMALLEST / ACCURACY):
            continue
        ends = current * np.array([[1 - ACCURACY], [1 + 1.01 * ACCURACY]])
        below, above = runs.responses(ends, np.full(2, duration), np.full(2, wait))[0][:, 0]
        if below or not above:
            right = _search(runs, np.array([duration]), np.array([wait]), PROBES)[0]
            setup.warn_of_error(f"the current for {duration:g} ms", current, right)
            return


def _lengths(name: str, value: Any, dt: float, *, positive: bool = True) -> FloatArray:
    """Return times (ms) of any shape: above 0, or 0 or more, and of not too many steps."""
    times = validation.real_numbers(name, value, unit="ms")
    with np.errstate(over="ignore"):
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

"""How soon after one spike a pulse causes another: `refractory_period`.

One run with the first pulse gives the states in which second pulses begin; runs with these, for
many intervals and strengths, are made at once, except by the adaptive method. The model is only
read.

A spike is regenerative: V rises above the threshold by more than the injected current alone would
charge the membrane, that is, by an inward current of the channels. A pulse that lifts V across the
threshold in a refractory neuron does not do that.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.runs import states_at
from pyhh_fast.analysis.setup import ACCURACY, Setup
from pyhh_fast.analysis.swings import LIMIT, is_still, slowest_time_constant
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.errors import warn_user
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, Method, Start, StructArray
from pyhh_fast.variables import POTENTIAL

TOLERANCE = 1e-6
"""Largest relative error of the interval that the search leaves."""

RATIO = 1.02
"""Of each interval that is tried at first to the one before."""

FIRST = 50.0
"""After the first pulse the model is run for this time, in ms, and for twice, four times it ...
until it is at rest."""

WAIT = 20.0
"""A spike counts for so many ms after the second pulse, and ..."""

LENGTHENING = 4
"""... then for longer, by this factor, up to ..."""

LONGEST_WAIT = 10_000.0
"""... so many ms."""

FIRST_STOP = 2.0
"""Cells that have fired are left out after this time, in ms, and after twice, four times it ..."""

MOST_STATES = 4_000_000
"""After so many steps it must be at rest."""

SAMPLES_AT_ONCE = 5_000_000
"""Of V, of all cells: 40 MB."""

MANY = "Pass a weaker or shorter one, or a model that rests without it."

V = POTENTIAL.name


@rounds_to_nearest
def refractory_period(
    model: HHModel | Neuron,
    pulse: float,
    *,
    width: float = 1.0,
    second: npt.ArrayLike | None = None,
    wait: float | None = None,
    dt: float | None = None,
    method: Method | None = None,
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
) -> Any:
    """Return the interval between two pulses from which on the second causes a spike, too.

    The interval is from the beginning of the first pulse to the beginning of the second. With two
    equal pulses this is the relative refractory period for a pulse of that strength. A stronger
    second pulse makes it shorter, down to the absolute refractory period, the least there is; with
    one that is stronger yet it may be longer again, see Notes.

    Parameters
    ----------
    model : HHModel or Neuron
        A model as for :meth:`Population.from_model`. It is not changed.
    pulse : float, µA/cm²
        Amplitude of the first pulse, at rest, which must cause one spike; see
        :func:`strength_duration` for the smallest.
    width : float, default 1, ms
        Length of each pulse.
    second : float or array_like, µA/cm², optional
        Amplitudes of the second pulse, of any shape; by default that of the first. The least period
        of several that are many times stronger is the absolute one; see Notes.
    wait : float, ms, optional
        How long after the second pulse its spike still counts. By default 20, and four times as
        long while spikes up to then make the period shorter by 0.01 %.
    dt, threshold, start, threads
        As for :func:`fi_curve`. The threshold is that of spikes, in mV.
    method : {"rk4", "exponential_euler", "adaptive", "euler"}, default "rk4"
        As for :func:`fi_curve`; all but "adaptive" make runs at once.

    Returns
    -------
    float or ndarray of the shape of `second`, ms
        From this interval on the second pulse causes a spike, right to 0.01 %, or to 0.2 % where
        pulses so strong carry V past the threshold that the period is longer again. It is no less
        than `width`, nor than the time until V has fallen below the threshold after the first
        spike. Infinity where the pulse causes none at rest, either; NaN where the model diverged.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step; nothing was run.
    ValueError
        If the first pulse does not cause exactly one spike, after which the model comes to rest.
    SimulationError
        If custom rates turn out, during the run, to be what no table can hold.

    Warns
    -----
    UserWarning
        If spikes later than a `wait` that is given make the period shorter by more than 0.01 %,
        with both periods; or if later ones still do after 2.5 s.
    UserWarning
        If of several second pulses a stronger one has a longer period, with the least of all.
    UserWarning
        If the second pulse causes a spike as soon as the first pulse ends, so that the period is
        shorter than `width`; if the model diverges; if `dt` is too large for the model, or the
        period has an error of more than 0.01 % at the default one; or if no rest is stable, as for
        :func:`fi_curve`.

    Notes
    -----
    A second pulse that lifts V across the threshold has caused a spike only if V, above the
    threshold, rises by more than the current alone would charge the membrane. Spikes early in the
    relative refractory period are smaller than the first. Pulses so strong that they carry V as
    high as spikes do cause none by this rule, and have longer periods again: in ``pospischil_rs``
    from 2.5 times the threshold on, in the squid axon from 18 times.

    Where a cell fires at some intervals but not at longer ones, the period ends at the last that
    fail. That is so where it rings after a spike, as the squid axon does; or where during the fall
    of the first spike a pulse causes a late and large one, but a little later only one that stays
    below the threshold: with pulses of 14 and 33 µA/cm² ``wang_buzsaki`` has a period of 1.96 ms,
    with 14 and 34 one of 2.15. Intervals are first tried at ratios of 1.02, from the first spike
    until the model is at rest, and then the last failure is narrowed down to a millionth; failures
    between two of these intervals are not seen.

    References
    ----------
    A. L. Hodgkin and A. F. Huxley, "A quantitative description of membrane current and its
    application to conduction and excitation in nerve", J. Physiol. 117, 500-544 (1952).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> model = pyhh.HHModel.at_rest()
    >>> pulse = 2 * pyhh.strength_duration(model, 1.0)
    >>> pyhh.refractory_period(model, pulse, second=[0.6 * pulse, pulse, 5 * pulse]).round(2)
    array([14.96, 12.47,  7.19])
    """
    setup = Setup.of(
        model, dt, "rk4" if method is None else method, threshold, threads, start
    ).sampled
    pulse = validation.real_number("pulse", pulse, unit="µA/cm²")
    width = validation.real_number("width", width, unit="ms", positive=True)
    strengths = validation.real_numbers(
        "second", pulse if second is None else second, unit="µA/cm²"
    )
    given = wait is not None
    wait = validation.at_least("wait", wait if given else WAIT, 0.0, unit="ms")
    for name, length in (("width", width), ("wait", wait)):
        if length / setup.settings.dt > MOST_STATES:
            rule = f"at most {MOST_STATES} steps of {setup.settings.dt:g}"
            raise ValueError(validation.message(name, rule, f"{length:g}", unit="ms"))
    recovery = _recover(setup, pulse, width)
    second = strengths.ravel()
    found = _search(setup, recovery, second, width, wait)
    settled = found.copy() if given else found
    waits = _lengthen_waits(setup, recovery, second, width, wait, settled)
    if given:
        _warn_of_wait(second, wait, found, settled, waits)
        waits[:] = wait
    known = np.flatnonzero(np.isfinite(found))
    if setup.has_unknown_error and known.size:
        one = known[0]
        _check_error(setup, pulse, float(second[one]), found[one], width, waits[one])
    _warn(setup, second, found, width)
    return found.reshape(strengths.shape)[()]


class _Recovery(NamedTuple):
    """What follows the first pulse.

    Parameters
    ----------
    states : structured array, shape (steps + 1,)
        From the end of the pulse to rest.
    begin : float, ms
        Second pulses may begin from here on, after the beginning of the first.
    """

    states: StructArray
    begin: float


def _recover(setup: Setup, pulse: float, width: float) -> _Recovery:
    """Return what follows the first pulse, which must cause one spike."""
    subject, runs, dt = setup.subject, setup.runs(), setup.settings.dt
    fine, steps = _pulse_setup(setup, width)
    current, rest = np.array([pulse]), np.zeros(1)
    run = fine.runs().run(runs.start, current, steps, record=(V,))
    during, state = np.append(runs.start["V"], run.traces[V]), run.state
    fired = _is_spike(fine, during[np.newaxis], current)[0]
    states, resting = state, False
    steps, tau = math.ceil(FIRST / dt), slowest_time_constant(subject)
    most = min(max(LIMIT * tau, 20 * FIRST) / dt, MOST_STATES)
    while True:
        diverged = run.diverged[0]
        above = np.append(during[:-1], states["V"]) >= setup.settings.threshold
        spikes = np.count_nonzero(above[1:] & ~above[:-1])
        if diverged or resting or spikes > 1 or states.size > most:
            break
        run = runs.run(state, rest, steps, record=tuple(subject.fields))
        piece = np.empty(steps, state.dtype)
        for name, field in subject.fields.items():
            piece[field] = run.traces[name][0]
        fired |= _is_spike(setup, np.append(state["V"], piece["V"])[np.newaxis], rest)[0]
        states, state, steps = np.append(states, piece), run.state, 2 * steps
        resting = (is_still(subject, state, rest) & subject.are_stable(state["V"]))[0]
    if diverged or spikes != 1 or not (fired and resting):
        crossings = int(spikes)
        _refuse(setup, pulse, width, crossings if fired else 0, crossings > 0, diverged)
    last = np.flatnonzero(states["V"] >= setup.settings.threshold)
    fallen = dt * (last[-1] + 1) if last.size else 0.0
    return _Recovery(states, width + fallen)


def _refuse(
    setup: Setup, pulse: float, width: float, spikes: int, crosses: bool, diverged: bool
) -> None:
    """Raise ValueError where a pulse does not cause one spike and rest after it."""
    kind = setup.subject.kind
    happened = "causes no spike"
    advice = "Pass a stronger one; strength_duration returns the smallest that is enough."
    if diverged:
        happened, advice = f"makes the {kind} diverge", setup.way_out()
    elif crosses and not spikes:
        advice = "It carries V past the threshold, and the channels do not; pass a weaker one."
    elif spikes == 1:
        happened, advice = f"leaves the {kind} in motion", "Only at rest does it recover."
    elif spikes:
        happened, advice = "causes more than one spike", MANY
    rule = f"one that causes a single spike of the {kind}, which then rests"
    got = f"{pulse:g}, which for {width:g} ms {happened}"
    raise ValueError(validation.message("pulse", rule, got, advice, unit="µA/cm²"))


def _pulse_setup(setup: Setup, width: float) -> tuple[Setup, int]:
    """Return a setup whose step is a whole number of times in the pulse, and that number."""
    steps = max(1, math.ceil(width / setup.settings.dt - 1e-9))
    settings = dataclasses.replace(setup.settings, dt=width / steps)
    return setup._replace(settings=settings), steps


def _search(
    setup: Setup, recovery: _Recovery, strengths: FloatArray, width: float, wait: float
) -> FloatArray:
    """Return for each second pulse (µA/cm²) the interval (ms), infinite or NaN as documented."""
    dt, begin = setup.settings.dt, recovery.begin
    end = width + dt * (recovery.states.size - 1)
    count = max(2, math.ceil(math.log(end / begin) / math.log(RATIO)) + 1)
    intervals = np.tile(np.geomspace(begin, end, count), (strengths.size, 1))
    low, high = np.full(strengths.size, begin), np.full(strengths.size, np.inf)
    searched = np.arange(strengths.size)
    divisions = 33 if METHODS[setup.settings.method].many_cells else 4
    while searched.size:
        at = states_at(intervals - width, recovery.states, dt)
        fired, diverged = _responses(setup, at, strengths[searched], width, wait)
        # The interval begins at the last that fails; where none does, at `low`.
        columns = intervals.shape[1]
        place = np.where(fired.all(axis=1), 0, columns - np.argmin(fired[:, ::-1], axis=1))
        ends = np.column_stack([low[searched], intervals, high[searched]])
        rows = np.arange(searched.size)
        low[searched], high[searched] = ends[rows, place], ends[rows, place + 1]
        high[searched[diverged.any(axis=1)]] = np.nan
        # False for infinity and NaN.
        searched = np.flatnonzero(high - low > TOLERANCE * high)
        parts = np.linspace(low[searched], high[searched], divisions + 1, axis=1)
        intervals = parts[:, 1:-1]
    return high


def _lengthen_waits(
    setup: Setup,
    recovery: _Recovery,
    strengths: FloatArray,
    width: float,
    wait: float,
    found: FloatArray,
) -> FloatArray:
    """Return waits (ms) after which no later spikes make intervals shorter, and shorten them."""
    waits, dt = np.full(found.size, wait), setup.settings.dt
    end = width + dt * (recovery.states.size - 1)
    falling = np.flatnonzero(~np.isnan(found))
    while True:
        shorter = np.minimum(found[falling] * (1 - ACCURACY), end)
        possible = shorter >= recovery.begin
        falling, shorter = falling[possible], shorter[possible]
        wait = LENGTHENING * max(wait, WAIT)
        if not falling.size:
            return waits
        if wait > LONGEST_WAIT:
            warn_user(
                "the refractory period is not settled: waits of more than "
                f"{waits[falling[0]]:g} ms may make it shorter than "
                f"{found[falling[0]]:.5g} ms. Pass a longer wait."
            )
            return waits
        at = states_at(shorter[:, np.newaxis] - width, recovery.states, dt)
        falling = falling[_responses(setup, at, strengths[falling], width, wait)[0][:, 0]]
        waits[falling] = wait
        found[falling] = _search(setup, recovery, strengths[falling], width, wait)
        falling = falling[~np.isnan(found[falling])]


def _responses(
    setup: Setup, at: StructArray, strengths: FloatArray, width: float, wait: float
) -> tuple[BoolArray, BoolArray]:
    """Return which second pulses cause a spike, and which make the model diverge.

    Parameters
    ----------
    at : structured array, shape (strengths, intervals)
        States in which they begin.
    """
    pulse, rest = np.repeat(strengths, at.shape[1]), np.zeros(at.size)
    fine, steps = _pulse_setup(setup, width)
    stops = _stops(setup, wait)
    pieces = [(fine, steps, pulse), *((setup, piece, rest) for piece in np.diff(stops, prepend=0))]
    fired, diverged = np.zeros((2, at.size), dtype=bool)
    block = max(8, SAMPLES_AT_ONCE // max(piece[1] for piece in pieces))
    for first in range(0, at.size, block):
        cells = np.arange(first, min(first + block, at.size))
        state = at.ravel()[cells]
        for part, piece, I in pieces:  # noqa: E741
            run = part.runs().run(state, I[cells], int(piece), record=(V,))
            trace = np.column_stack([state["V"], run.traces[V]])
            fired[cells] |= _is_spike(part, trace, I[cells])
            diverged[cells] |= run.diverged
            running = ~(fired | diverged)[cells]
            cells, state = cells[running], run.state[running]
            if not cells.size:
                break
    return fired.reshape(at.shape), diverged.reshape(at.shape)


def _stops(setup: Setup, wait: float) -> IntArray:
    """Return after how many steps cells that have fired are left out; the last ends the wait."""
    steps = math.ceil(wait / setup.settings.dt - 1e-9)
    first = max(1, round(FIRST_STOP / setup.settings.dt))
    many = METHODS[setup.settings.method].many_cells
    stops = [first << k for k in range(max(0, steps // first).bit_length()) if many]
    return np.array([stop for stop in stops if stop < steps] + [steps] * (steps > 0), np.int64)


def _is_spike(setup: Setup, V: FloatArray, currents: FloatArray) -> BoolArray:
    """Whether V (mV) of each cell, at each step, rises above the threshold by itself.

    That is by more than the current (µA/cm²) adds to it.
    """
    by_current = currents[:, np.newaxis] * setup.settings.dt / setup.subject.Cm
    rises = (V[:, 1:] >= setup.settings.threshold) & (np.diff(V) > by_current)
    spike: BoolArray = np.any(rises, axis=1)
    return spike


def _check_error(
    setup: Setup, pulse: float, second: float, found: float, width: float, wait: float
) -> None:
    """Warn where a period is not that of the adaptive method."""
    exact, strength = setup.adaptive, np.array([second])
    recovery = _recover(exact, pulse, width)
    ends = found * np.array([[1 - ACCURACY, 1 + 1.01 * ACCURACY]])
    if ends[0, 0] < recovery.begin:
        return
    at = states_at(ends - width, recovery.states, exact.settings.dt)
    below, above = _responses(exact, at, strength, width, wait)[0][0]
    if below or not above:
        right = _search(exact, recovery, strength, width, wait)[0]
        setup.warn_of_error("the refractory period", found, right)


def _warn_of_wait(
    strengths: FloatArray, wait: float, found: FloatArray, settled: FloatArray, waits: FloatArray
) -> None:
    """Warn where spikes that are later than a given wait make the period shorter."""
    late = np.flatnonzero(waits > wait)
    if late.size:
        one = late[0]
        warn_user(
            f"with a wait of {wait:g} ms the refractory period for a second pulse of "
            f"{strengths[one]:g} µA/cm² is {found[one]:.5g} ms, and {settled[one]:.5g} where later "
            f"spikes count; others may change as well. Pass no wait, or {waits[one]:g}."
        )


def _warn(setup: Setup, strengths: FloatArray, found: FloatArray, width: float) -> None:
    """Warn of periods that are not known, and of those that are longer for stronger pulses."""
    if np.isnan(found).any():
        warn_user(
            f"second pulses made the {setup.subject.kind} diverge, and the period is NaN. "
            f"{setup.way_out()}"
        )
    if (found <= width * (1 + TOLERANCE)).any():
        warn_user(
            f"the second pulse causes a spike as soon as the first ends, after {width:g} ms, so "
            "that the refractory period is shorter. Pass a smaller width."
        )
    known = np.flatnonzero(np.isfinite(found) & (strengths > 0))
    known = known[np.argsort(strengths[known], kind="stable")]
    rising = np.flatnonzero(np.diff(found[known]) > ACCURACY * found[known[:-1]])
    if rising.size:
        weak, strong = known[rising[0]], known[rising[0] + 1]
        warn_user(
            f"the refractory period is {found[weak]:.5g} ms for a second pulse of "
            f"{strengths[weak]:g} µA/cm², and {found[strong]:.5g} for {strengths[strong]:g}: "
            "stronger pulses do not always make it shorter. Take for the absolute refractory "
            f"period not that of the strongest, but the least of all, {found[known].min():.5g} ms."
        )

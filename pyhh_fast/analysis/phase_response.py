"""How a pulse shifts the spikes of a neuron that fires periodically: `phase_response`.

A cell with the pulse and one without run from the same state on the periodic orbit, for each phase,
so that what the step does to both cancels. The model is only read.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.runs import Runs, rises, states_at
from pyhh_fast.analysis.setup import ACCURACY, Setup
from pyhh_fast.analysis.spike_rates import LEAST_SPIKES, late_trains
from pyhh_fast.analysis.swings import LIMIT, MOST_STEPS, NUDGE, is_still, slowest_time_constant
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.errors import warn_user
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, Method, Start, StructArray
from pyhh_fast.variables import POTENTIAL

DEPOLARISATION = 0.1
"""By which the default pulse raises V, in mV."""

FIRST = 1000.0
"""The model is run for this time, in ms, and for twice, four times it ... until it is periodic."""

PERIODIC = 1e-4
"""Intervals in the second half of that differ by less than that part of them."""

WINDOW = 3
"""Periods in which the first two spikes are looked for."""

CHANGE = 0.01, 1e-6
"""Shifts of one spike and the next differ by less, in parts of the largest, or in periods."""

SAMPLES_AT_ONCE = 5_000_000
"""Of V, of all cells: 40 MB."""


class PhaseResponse(NamedTuple):
    """Phase response curve; made by :func:`pyhh_fast.phase_response`.

    Attributes
    ----------
    phases : ndarray
        At which the pulse begins, as fractions of the period; 0 is a spike, V rising through the
        threshold.
    shifts : ndarray of the shape of `phases`
        How much earlier all later spikes are than without the pulse, as fractions of the period:
        above 0 an advance, below 0 a delay. Phase is known up to whole periods, so from -0.5 to
        0.5: a spike 0.6 of a period early has -0.4. NaN where the pulse ended the firing.
    period : float, ms
        Without a pulse.
    depolarisation : float, mV
        What the charge of the pulse adds to V, pulse × width / Cm; below 0 a hyperpolarisation.
        ``shifts / depolarisation``, for a small brief pulse, is the infinitesimal phase response
        curve, in 1/mV.
    """

    phases: FloatArray
    shifts: FloatArray
    period: float
    depolarisation: float


@rounds_to_nearest
def phase_response(
    model: HHModel | Neuron,
    current: float,
    phases: npt.ArrayLike,
    *,
    pulse: float | None = None,
    width: float = 0.1,
    periods: int = 10,
    dt: float | None = None,
    method: Method | None = None,
    threshold: float | None = None,
    start: Start = "rest",
    threads: int | None = None,
) -> PhaseResponse:
    """Return how a pulse shifts the spikes of a periodically firing neuron, for each phase.

    This is the phase response curve (phase resetting curve) by direct perturbation. Positive shifts
    are advances: the pulse makes spikes come earlier.

    Parameters
    ----------
    model : HHModel or Neuron
        A model as for :meth:`Population.from_model`. It is not changed.
    current : float, µA/cm²
        Constant current, from `start` on, under which it fires periodically.
    phases : float or array_like, from 0 to 1
        At which the pulse begins, as fractions of the period from spike to spike; any shape. Phase
        0 is V rising through `threshold`.
    pulse : float, µA/cm², optional
        Amplitude of the pulse, in addition to `current`; depolarising where positive. By default
        what raises V by 0.1 mV, 0.1 × Cm / width.
    width : float, default 0.1, ms
        Length of the pulse, exactly, and less than the period.
    periods : int, default 10
        How many periods after the pulse the spikes are compared. The default gives the asymptotic
        shift, once the perturbation has decayed, which is the textbook definition; 0 gives that of
        the first spike after the pulse, the first-order curve.
    dt, method, threshold, start, threads
        As for :func:`fi_curve`.

    Returns
    -------
    PhaseResponse
        A named tuple of `phases`, `shifts`, `period` and `depolarisation`; see there.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step; nothing was run.
    ValueError
        If the model does not fire periodically under the current: it comes to rest, diverges, or
        bursts; or if `width` is not less than the period.
    SimulationError
        If custom rates turn out, during the run, to be what no table can hold.

    Warns
    -----
    UserWarning
        If pulses end the firing, or make the model diverge, and the shift is NaN; if shifts still
        change by more than 1 % of the largest from one spike to the next; if `dt` is too large for
        the model, or the period has an error of more than 0.01 % at the default one; or if no rest
        is stable, as for :func:`fi_curve`.

    Notes
    -----
    For each phase two cells start in the same state of the periodic orbit, and one has the pulse.
    The orbit is looked for until the intervals of the second half of a run, of a second or longer,
    are the same to 0.01 %. By the default method shifts of small pulses are right to 1e-6 of the
    period.

    References
    ----------
    A. T. Winfree, "The Geometry of Biological Time", Springer (1980). D. Hansel, G. Mato and
    C. Meunier, "Synchrony in excitatory neural networks", Neural Comput. 7, 307-337 (1995).
    G. B. Ermentrout, "Type I membranes, phase resetting curves, and synchrony", Neural Comput. 8,
    979-1001 (1996).

    Examples
    --------
    The squid axon is of type II: early in the cycle a pulse delays the next spike.

    >>> import pyhh_fast as pyhh
    >>> curve = pyhh.phase_response(pyhh.HHModel.at_rest(), 10.0, [0.3, 0.5, 0.7, 0.9])
    >>> print(f"period {curve.period:.3f} ms")
    period 14.639 ms
    >>> (curve.shifts / curve.depolarisation).round(4)  # 1/mV
    array([-0.001 , -0.0112,  0.0104,  0.0129])
    """
    setup = Setup.of(model, dt, method, threshold, threads, start).sampled
    current = validation.real_number("current", current, unit="µA/cm²")
    given = _checked_phases(phases)
    width = validation.real_number("width", width, unit="ms", positive=True)
    width = validation.at_least("width", width, validation.LEAST_STEP, unit="ms")
    if pulse is None:
        pulse = DEPOLARISATION * setup.subject.Cm / width
    pulse = validation.real_number("pulse", pulse, unit="µA/cm²")
    periods = validation.count("periods", periods)
    states, period = _orbit(setup, current)
    if width >= period:
        rule = f"less than the period of {period:.6g}"
        raise ValueError(validation.message("width", rule, f"{width:g}", unit="ms"))
    at = states_at(given.ravel() % 1 * period, states, setup.settings.dt)
    shifts = _shifts(setup, at, current, pulse, width, period, periods)
    return PhaseResponse(
        given, shifts.reshape(given.shape), period, pulse * width / setup.subject.Cm
    )


def _checked_phases(phases: npt.ArrayLike) -> FloatArray:
    given = validation.real_numbers("phases", phases)
    wrong = (given < 0) | (given > 1)
    if wrong.any():
        got = f"{given[wrong].flat[0]:g}"
        advice = "A phase is a fraction of the period."
        raise ValueError(validation.message("phases", "from 0 to 1", got, advice))
    return given


def _orbit(setup: Setup, current: float) -> tuple[StructArray, float]:
    """Return states of the periodic orbit, from a spike until past the next, and the period (ms).

    The first is exactly at the spike, the others one, two ... steps later.
    """
    subject, runs, dt = setup.subject, setup.runs(), setup.settings.dt
    state, period = _settle(setup, runs, current)
    steps = math.ceil((WINDOW + 0.5) * period / dt) + 4
    I = np.array([current])  # noqa: E741
    run = runs.run(state, I, steps, record=tuple(subject.fields))
    states = np.empty(steps + 1, state.dtype)
    for name, field in subject.fields.items():
        states[field] = np.append(state[field], run.traces[name][0])
    first, second = rises(states["V"][np.newaxis], setup.settings.threshold, dt, 2)[0]
    period = float(second - first)
    if setup.has_unknown_error:
        V = setup.adaptive.runs().run(state, I, steps, record=(POTENTIAL.name,))
        right = np.diff(rises(V.traces[POTENTIAL.name], setup.settings.threshold, dt, 2)[0])[0]
        if not abs(period / right - 1) <= ACCURACY:
            setup.warn_of_error("the period", period, right)
    times = first + dt * np.arange(math.ceil(period / dt) + 4)
    return states_at(times, states, dt), period


def _settle(setup: Setup, runs: Runs, current: float) -> tuple[StructArray, float]:
    """Return a state of the periodic orbit, and the interval between spikes (ms)."""
    subject, dt = setup.subject, setup.settings.dt
    state, I = runs.start, np.array([current])  # noqa: E741
    steps, done = math.ceil(FIRST / dt), 0
    limit = max(LIMIT * slowest_time_constant(subject), subject.least_time, 4 * FIRST) / dt
    while True:
        run = runs.run(state, I, steps)
        state, done = run.state, done + steps
        if run.diverged[0]:
            found = f"it diverged. {setup.way_out()}"
            break
        intervals = np.diff(late_trains(run.counts, run.times, steps * dt)[0])
        if intervals.size >= LEAST_SPIKES - 1:
            if np.ptp(intervals) <= PERIODIC * intervals.mean():
                return state, float(intervals.mean())
            ends = f"from {intervals.min():.5g} to {intervals.max():.5g} ms"
            found = f"the intervals between its spikes are {ends} after {done * dt:.6g} ms"
        elif is_still(subject, state, I)[0]:
            if subject.are_stable(state["V"])[0]:
                found = "it comes to rest"
                break
            state = state.copy()
            state["V"] += NUDGE
        else:
            found = f"V does not cross {setup.settings.threshold:g} mV {LEAST_SPIKES} times"
            found += f" in {steps * dt / 2:.6g} ms"
        if done >= min(limit, MOST_STEPS):
            break
        steps *= 2
    rule = f"one under which the {subject.kind} fires periodically"
    got = f"{current:g}, under which {found.rstrip('.')}"
    raise ValueError(validation.message("current", rule, got, unit="µA/cm²"))


def _shifts(
    setup: Setup,
    at: StructArray,
    current: float,
    pulse: float,
    width: float,
    period: float,
    periods: int,
) -> FloatArray:
    """Return the shift for a pulse in each state, in periods, and warn of what is not known."""
    # The pulse has steps of its own, so that it ends exactly.
    steps = math.ceil(width / setup.settings.dt - 1e-9)
    fine = dataclasses.replace(setup.settings, dt=width / max(1, steps))
    I = np.repeat([current + pulse, current], at.size)  # noqa: E741
    run = setup._replace(settings=fine).runs().run(np.tile(at, 2), I, max(1, steps))
    diverged, state, runs = run.diverged, run.state, setup.runs()
    I[:] = current
    if periods:
        run = runs.run(state, I, round(periods * period / setup.settings.dt))
        diverged, state = diverged | run.diverged, run.state
    times = _first_spikes(setup, runs, state, current, period)
    with_pulse, without = np.split(times, 2)
    shifts = (without - with_pulse) / period
    shifts -= np.round(shifts)
    diverged = diverged[: at.size]
    lost = np.isnan(shifts).any(axis=1) | diverged
    _warn_of_lost(setup, lost, diverged)
    change = shifts[:, 1] - shifts[:, 0]
    change = np.abs(change - np.round(change))[~lost]
    shifts = np.where(lost, np.nan, shifts[:, 0])
    part, least = CHANGE
    largest = np.nanmax(np.abs(shifts), initial=0.0)
    if periods and np.max(change, initial=0.0) > max(part * largest, least):
        warn_user(
            f"after {periods} periods shifts still change by up to {np.max(change):.2g} of the "
            f"period from one spike to the next; the largest shift is {largest:.2g}. Pass more "
            "periods."
        )
    return shifts


def _first_spikes(
    setup: Setup, runs: Runs, state: StructArray, current: float, period: float
) -> FloatArray:
    """Return the times (ms) of the first two spikes of each cell, NaN where there is none."""
    dt, name = setup.settings.dt, POTENTIAL.name
    steps = math.ceil(WINDOW * period / dt) + 4
    if not setup.settings.fixed_step:  # its times of spikes are precise
        run = runs.run(state, np.full(state.size, current), steps)
        ends = np.cumsum(run.counts)
        trains = [run.times[end - count : end] for end, count in zip(ends, run.counts, strict=True)]
        return np.array([[*train[:2], np.nan, np.nan][:2] for train in trains]).reshape(-1, 2)
    block = max(8, SAMPLES_AT_ONCE // steps)
    times = np.empty((state.size, 2))
    for begin in range(0, state.size, block):
        cells = state[begin : begin + block]
        run = runs.run(cells, np.full(cells.size, current), steps, record=(name,))
        V = np.column_stack([cells["V"], run.traces[name]])
        times[begin : begin + block] = rises(V, setup.settings.threshold, dt, 2)
    return times


def _warn_of_lost(setup: Setup, lost: Any, diverged: Any) -> None:
    """Warn of pulses after which there are no spikes."""
    kind = setup.subject.kind
    if diverged.any():
        warn_user(
            f"{np.count_nonzero(diverged)} of {lost.size} pulses made the {kind} diverge, and the "
            f"shift is NaN. {setup.way_out()}"
        )
    ended = np.count_nonzero(lost & ~diverged)
    if ended:
        warn_user(
            f"after {ended} of {lost.size} pulses the {kind} did not fire twice in {WINDOW} "
            "periods, and the shift is NaN: a pulse may end the firing where rest is stable, too. "
            "Pass a smaller pulse, or more periods."
        )

"""Rates of steady firing, and of sustained swings of V that cross no threshold.

Strong currents make V swing less and less, until the swing ends in a Hopf bifurcation. Whether a
cell that has not fired often enough is at rest, rings down, or keeps swinging is decided here:

- where V and the gates are still, it is at rest; a rest that is unstable was found by the choice of
  the start alone, so V is moved by `NUDGE` and the cell is run again.
- what bursts or stutters has the rate over whole bursts, once they repeat.
- else the run is continued, by segments that are each twice as long as the one before, until the
  cell has fired or swung often enough in the second half of a segment, or is at rest, or `LIMIT`
  is reached. A swing whose size does not fall is sustained; one that falls is damped if the
  equilibrium under its current is stable, and ends in a smaller swing if not.
"""

from typing import NamedTuple

import numpy as np

from pyhh_fast.analysis.runs import Runs
from pyhh_fast.analysis.setup import Setup
from pyhh_fast.analysis.spike_rates import (
    LEAST_SPIKES,
    VARYING,
    is_regular,
    late_trains,
    rate_of_bursts,
    steady_rates,
    varies,
)
from pyhh_fast.analysis.subject import Subject
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray

STILL = 2e-3
"""A cell is at rest where V moves by less than this, in mV/ms, ..."""

STEADY = 1e-4
"""... the gates are that near their steady states, concentrations in parts of them, and ..."""

NEAR_EQUILIBRIUM = 0.05
"""... an equilibrium is that near V, in mV. Slow cells are slow far from one as well."""

NUDGE = 0.1
"""A cell at an unstable rest is moved by this, in mV."""

FIRST = 60
"""Segments of less than so many of the cell's slowest time constants do not show what lasts.
The first has so many, or the duration of the run before if that is longer, but not more than ..."""

LONGEST_FIRST = 100_000
"""... so many steps: in a longer one, samples of V would be too far apart for fast swings."""

LIMIT = 400
"""Segments end after so many of the cell's slowest time constants, or after the duration of the run
before or the `least_time` of the subject if that is longer, or after ..."""

MOST_STEPS = 20_000_000
"""... so many steps, at the end of the segment that reaches this."""

SAMPLES = 20_000
"""Samples of V that are kept of a cell."""

LEAST_SAMPLES = 100
"""Of a cycle."""

CELLS_AT_ONCE = 250
"""Cells whose V is kept at a time: 40 MB."""

LEAST_CYCLES = LEAST_SPIKES
"""In the second half of a segment, or the swing is too slow for it."""

CONSTANT = 0.99
"""A swing is sustained where its last quarter is at least that part of its first."""

GROWING = 1.05
"""A swing whose last quarter is more than that part of its first is not yet what it will be."""

TAU_POINTS = 401
"""Potentials at which the slowest time constant is looked for."""


class Rates(NamedTuple):
    """What became of cells under constant currents.

    Parameters
    ----------
    rates : ndarray, Hz
        Of firing or of a swing, 0 where there is none, NaN where it is not known.
    diverged, swings : ndarray of bool
        Whether a cell diverged, and whether its rate is that of a swing without spikes.
    low, high : ndarray, mV
        Between these V swings.
    time : float, ms
        How long cells were run whose rate is not known, though they did not diverge.
    """

    rates: FloatArray
    diverged: BoolArray
    swings: BoolArray
    low: FloatArray
    high: FloatArray
    time: float


def rates_under(setup: Setup, currents: FloatArray, steps: int, progress: bool = False) -> Rates:
    """Return the rates under currents (µA/cm²) after so many steps, as `fi_curve` defines them."""
    subject, runs = setup.subject, setup.runs()
    state = np.repeat(runs.start, currents.size)
    rates, low, high = np.zeros((3, currents.size))
    diverged, swings = np.zeros((2, currents.size), dtype=bool)
    if steps:
        outcome = runs.run(state, currents, steps, progress=progress)
        rates = steady_rates(outcome.counts, outcome.times, steps * setup.settings.dt)
        diverged, state = outcome.diverged, outcome.state
        trains = late_trains(outcome.counts, outcome.times, steps * setup.settings.dt)
        for cell in np.flatnonzero(rates):
            if varies(trains[cell]):
                rates[cell] = rate_of_bursts(trains[cell])
            elif not is_regular(trains[cell], VARYING):
                rates[cell] = 0.0
    silent = np.flatnonzero((rates == 0) & ~diverged)
    still = is_still(subject, state[silent], currents[silent])
    unstable = silent[still & ~subject.are_stable(state["V"][silent])]
    state["V"][unstable] += NUDGE
    moving = np.union1d(silent[~still], unstable)
    found = Rates(rates, diverged, swings, low, high, 0.0)
    blocks = [moving[i : i + CELLS_AT_ONCE] for i in range(0, moving.size, CELLS_AT_ONCE)]
    times = [_continue(setup, runs, cells, state, currents, steps, found) for cells in blocks]
    rates[diverged] = np.nan
    return found._replace(time=max(times, default=0.0))


def _continue(
    setup: Setup,
    runs: Runs,
    cells: IntArray,
    state: StructArray,
    currents: FloatArray,
    steps: int,
    found: Rates,
) -> float:
    """Continue the runs of some cells, after so many steps, until their rates are found.

    Returns how long they were run (ms) if a rate is still not known, else 0.
    """
    subject, dt = setup.subject, setup.settings.dt
    tau = slowest_time_constant(subject)
    least = round(min(FIRST * tau / dt, MOST_STEPS))
    length = min(max(least, steps, 4), LONGEST_FIRST)  # whose quarters are compared
    limit = round(min(max(LIMIT * tau / dt, subject.least_time / dt, steps), MOST_STEPS))
    done = steps
    while cells.size:
        done += length
        every = max(1, length // SAMPLES)
        part = runs.run(state[cells], currents[cells], length, record=("Vm",), every=every)
        state[cells], found.diverged[cells] = part.state, part.diverged
        V = part.traces["Vm"]
        late = V[:, V.shape[1] // 2 :]
        found.low[cells], found.high[cells] = late.min(axis=1), late.max(axis=1)
        segment = _Segment(V, part.counts, part.times, every * dt, length * dt)
        last = done - steps >= limit
        with np.errstate(all="ignore"):  # of those that diverged
            found.rates[cells], found.swings[cells] = segment.rates(
                subject, part.state, currents[cells], length >= least, last
            )
        found.rates[cells[part.diverged]] = 0.0
        cells = cells[np.isnan(found.rates[cells])]
        if last and cells.size:
            return done * dt
        length *= 2
    return 0.0


def slowest_time_constant(subject: Subject) -> float:
    """Return the slowest time constant (ms) of gates and pools, or of the membrane's leak."""
    V = np.linspace(min(subject.reversals), max(subject.reversals), TAU_POINTS)
    taus = np.ravel(subject.time_constants(V))
    leak = subject.leak_time_constants()
    return float(max([*taus[np.isfinite(taus)], *leak], default=0.0))


def is_still(subject: Subject, state: StructArray, currents: FloatArray) -> BoolArray:
    """Whether each cell is at rest, stable or not, under its current."""
    potential, *others = state.dtype.names or ()
    V = np.ascontiguousarray(state[potential])
    steady = subject.steady(V)
    still: BoolArray = np.abs(subject.net_current(state, currents)) < STILL * subject.Cm
    for name in others:  # concentrations count relative to themselves
        scale = steady[name] if name in subject.concentrations else 1.0
        still &= np.abs(state[name] - steady[name]) < STEADY * scale
    below, above = (
        subject.net_current(subject.steady(V + side), currents) < 0
        for side in (-NEAR_EQUILIBRIUM, NEAR_EQUILIBRIUM)
    )
    still &= below != above
    return still


class _Segment(NamedTuple):
    """A segment of runs: V, spikes as `steady_rates` takes them, interval of samples, end (ms)."""

    V: FloatArray
    counts: IntArray
    times: FloatArray
    interval: float
    end: float

    def rates(
        self, subject: Subject, state: StructArray, currents: FloatArray, long: bool, last: bool
    ) -> tuple[FloatArray, BoolArray]:
        """Return the rate of each cell, NaN where the segment is too short, and whose swings.

        A segment that is not `long` shows no steady rate. The `last` one is taken as it is.
        """
        rates = steady_rates(self.counts, self.times, self.end, bursts=last)
        trains = late_trains(self.counts, self.times, self.end)
        for i, train in enumerate(trains):
            if varies(train):
                rates[i] = rate_of_bursts(train, periodic=not last) or last * rates[i]
            elif not (last or (long and is_regular(train))):
                rates[i] = 0.0
        swings = np.zeros(rates.size, dtype=bool)
        at_rest = is_still(subject, state, currents)
        at_rest &= subject.are_stable(state["V"])
        for cell in np.flatnonzero((rates == 0) & ~at_rest):
            V = self.V[cell]
            rate = 0.0 if trains[cell].size else rate_of(V[V.size // 2 :], self.interval)
            growth = _growth(V)
            # A longer segment would have half as many samples of each cycle.
            settled = last or (long and growth <= GROWING)
            if rate == 0 or not (settled or rate * self.interval > 1000 / LEAST_SAMPLES):
                rates[cell] = np.nan
            elif growth >= CONSTANT or not _is_damped(subject, float(currents[cell])):
                rates[cell], swings[cell] = rate, True
        return rates, swings


def rate_of(V: FloatArray, interval: float) -> float:
    """Return how often, in Hz, V rises through the middle of its swing; 0 for less than 4 times."""
    if not np.isfinite(V).all():
        return 0.0
    level = 0.5 * (V.min() + V.max())
    before = np.flatnonzero((V[:-1] < level) & (V[1:] >= level))
    if before.size < LEAST_CYCLES:
        return 0.0
    times = before + (level - V[before]) / (V[before + 1] - V[before])
    return float(1000 * (times.size - 1) / ((times[-1] - times[0]) * interval))


def _growth(V: FloatArray) -> float:
    """Return the size of the last quarter of a swing, relative to that of the first."""
    quarter = V.size // 4
    first, last = (float(np.ptp(part)) for part in (V[:quarter], V[-quarter:]))
    return last / first if first > 0 else 1.0


def _is_damped(subject: Subject, current: float) -> bool:
    """Whether a swing that falls ends at rest."""
    try:
        equilibrium = subject.equilibrium(current)
    except ValueError:  # there is none
        return False
    return bool(subject.are_stable(np.array([equilibrium]))[0])

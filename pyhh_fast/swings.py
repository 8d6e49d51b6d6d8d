"""Sustained swings of V that cross no threshold, and how fast they are.

Strong currents make V swing less and less, until the swing ends in a Hopf bifurcation. Whether a
cell that does not fire is at rest, rings down, or keeps swinging is decided here:

- where V and the gates are still, it is at rest; a rest that is unstable was found by the choice of
  the start alone, so V is moved by `NUDGE` and the cell is run again.
- else it is run on, as long again. A swing whose size does not fall is sustained; one that falls
  is damped if the equilibrium under its current is stable, and ends in a smaller swing if not.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast.firing import FixedRuns
from pyhh_fast.kinetics import BuiltIn, Own
from pyhh_fast.membranes import all_decay
from pyhh_fast.models import HHModel
from pyhh_fast.nullclines import charging, steady_at, steady_under
from pyhh_fast.single_runs import SingleRuns
from pyhh_fast.validation import FloatArray, StructArray

STILL = 2e-3
"""A cell is at rest where V moves by less than this, in mV/ms, and ..."""

STEADY = 1e-4
"""... the gates are that near their steady states: then V swings by less than 0.01 mV."""

NUDGE = 0.1
"""A cell at an unstable rest is moved by this, in mV."""

LEAST_TIME = 200.0
"""How long, in ms, a cell is run on at least."""

SAMPLES = 20_000
"""Samples of V that are kept of a cell."""

CELLS_AT_ONCE = 250
"""Cells whose V is kept at a time: 40 MB."""

LEAST_CYCLES = 4
"""In the last half of the time, or it is no swing."""

CONSTANT = 0.99
"""A swing is sustained where its last quarter is at least that part of its first."""

DEVIATIONS = (1e-4, 1e-6, 1e-6, 1e-6)
"""Of V (mV), m, h, n, for derivatives."""


class Swings(NamedTuple):
    """Swings of cells that do not fire: rates in Hz, 0 where there is none, and V at the ends."""

    rates: FloatArray
    low: FloatArray
    high: FloatArray


def is_still(
    model: HHModel, kinetics: BuiltIn | Own, state: StructArray, currents: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether each cell is at rest, stable or not, under its current."""
    V, m, h, n = (state[name] for name in "Vmhn")
    steady = steady_at(kinetics, V)
    slow = np.abs(charging(model, 0.0, V, m, h, n) + currents) < STILL * model.Cm
    near = [np.abs(x - y) < STEADY for x, y in zip((m, h, n), steady[:3], strict=True)]
    still: npt.NDArray[np.bool_] = np.logical_and.reduce([slow, *near])
    return still


def is_stable(model: HHModel, kinetics: BuiltIn | Own, V: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether an equilibrium at each V (mV), under whatever current that takes, is stable."""
    steady = steady_at(kinetics, V)
    at = np.array([V, *steady[:3]])
    jacobian = np.empty((V.size, 4, 4))
    for column, width in enumerate(DEVIATIONS):
        ends = []
        for side in (width, -width):
            y = at.copy()
            y[column] += side
            there = steady_at(kinetics, y[0])
            gates = [(x - z) / tau for x, z, tau in zip(there[:3], y[1:], there[3:], strict=True)]
            ends.append(np.array([charging(model, 0.0, *y) / model.Cm, *gates]))
        jacobian[:, :, column] = ((ends[0] - ends[1]) / (2 * width)).T
    stable: npt.NDArray[np.bool_] = all_decay(jacobian)
    return stable


def swings_of(
    runs: FixedRuns | SingleRuns,
    model: HHModel,
    kinetics: BuiltIn | Own,
    state: StructArray,
    currents: FloatArray,
    time: float,
    dt: float,
) -> Swings:
    """Return the sustained swings of cells that move, found by running them on for `time` (ms)."""
    steps = round(max(time, LEAST_TIME) / dt)
    every = max(1, steps // SAMPLES)
    rates, low, high = np.zeros((3, currents.size))
    for first in range(0, currents.size, CELLS_AT_ONCE):
        some = slice(first, first + CELLS_AT_ONCE)
        (traces,) = runs.traces(state[some], currents[some], steps, ("Vm",), every)
        for cell, V in enumerate(traces, first):
            late = V[V.size // 2 :]
            low[cell], high[cell] = late.min(), late.max()
            rate = rate_of(late, every * dt)
            if rate > 0 and _goes_on(model, kinetics, float(currents[cell]), V):
                rates[cell] = rate
    return Swings(rates, low, high)


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


def _goes_on(model: HHModel, kinetics: BuiltIn | Own, current: float, V: FloatArray) -> bool:
    quarter = V.size // 4
    first, last = (np.ptp(part) for part in (V[:quarter], V[-quarter:]))
    if last >= CONSTANT * first:
        return True
    try:
        equilibrium, _ = steady_under(model, kinetics, current)
    except ValueError:  # there is none
        return True
    return not is_stable(model, kinetics, np.array([equilibrium]))[0]

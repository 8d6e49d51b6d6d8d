"""The plane of any two variables of a model or a neuron, and its nullclines."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pyhh_fast.analysis.roots import roots
from pyhh_fast.analysis.subject import Subject
from pyhh_fast.channels.steady import TOP
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import POTENTIAL

PLANE_POINTS = 1_001
"""Points of a nullcline."""

LOWEST, HIGHEST = 0.1, 4.0
"""Axes of concentrations begin at this part of the rest, and end at so many times the largest."""

V = POTENTIAL.name


class VariablePlane(NamedTuple):
    """The plane of two variables; made by :func:`pyhh_fast.phase_plane`.

    Attributes
    ----------
    x, y : str
        Names of the variables.
    x_nullcline, y_nullcline : ndarray, shape (2, 1001)
        Points, as x and y, at which dx/dt or dy/dt is 0; of an instantaneous gate those that it is
        at. NaN where there are none with an open fraction from 0 to 1, or a concentration from a
        tenth of its rest to 256 mM.
    trajectory : ndarray, shape (2, steps + 1)
        x and y of the full neuron; column i is at i dt.
    steady : ndarray, shape (2,)
        x and y of the steady state under the current.
    held : dict of str to float
        The variables that are held at their values in the steady state, for the nullclines.
    stable : bool
        Whether the steady state of the full neuron is stable: all eigenvalues of the Jacobian of
        V, gates and pools have negative real parts.
    duration : float, ms
        Length of the trajectory.
    """

    x: str
    y: str
    x_nullcline: FloatArray
    y_nullcline: FloatArray
    trajectory: FloatArray
    steady: FloatArray
    held: dict[str, float]
    stable: bool
    duration: float


def plane_of(
    subject: Subject,
    current: float,
    axes: list[str],
    held: Iterable[str] | None,
    grid: FloatArray,
    trajectory: FloatArray,
    at: float,
    duration: float,
) -> VariablePlane:
    """Return the plane of two variables around the steady state at a V, `at` (mV).

    Its nullclines are at the V of the grid where V is on an axis; `duration` (ms) is that of the
    trajectory.
    """
    x, y = axes
    steady = subject.steady(np.array([at]))
    point = np.array([steady[subject.fields[name]][0] for name in axes])
    stable = bool(subject.are_stable(np.array([at]))[0])
    if V not in axes:
        along = [
            _along(subject, name, np.append(trajectory[i], point[i])) for i, name in enumerate(axes)
        ]
        held_V = np.full(PLANE_POINTS, at)
        y_of_x = subject.steady_with(held_V, {x: along[0]})[subject.fields[y]]
        x_of_y = subject.steady_with(held_V, {y: along[1]})[subject.fields[x]]
        lines = np.array([x_of_y, along[1]]), np.array([along[0], y_of_x])
        return VariablePlane(x, y, *lines, trajectory, point, {V: at}, stable, duration)
    other = axes[1 - axes.index(V)]
    if held is None:
        held = _slower(subject, other, at)
    values = {name: float(steady[subject.fields[name]][0]) for name in held}
    states = subject.steady_with(grid, values)
    field = subject.fields[other]
    of_other = states[field].copy()

    def net_current_at(z: FloatArray) -> FloatArray:
        nonlocal states
        if subject.concentrations:  # which what follows V may follow, too
            now = np.exp(z) if other in subject.concentrations else z
            states = subject.steady_with(grid, values | {other: now})
        else:
            states[field] = z
        return subject.net_current(states, current)

    if other in subject.concentrations:
        ends = np.log([LOWEST * subject.concentrations[other], TOP])
        of_V = np.exp(roots(net_current_at, *(np.full(grid.size, end) for end in ends)))
    else:
        most = max(1.0, of_other.max())
        of_V = roots(net_current_at, np.zeros(grid.size), np.full(grid.size, most))
    first, second = np.array([grid, of_V]), np.array([grid, of_other])
    if axes[0] != V:
        first, second = second[::-1], first[::-1]
    return VariablePlane(x, y, first, second, trajectory, point, values, stable, duration)


def _along(subject: Subject, name: str, values: FloatArray) -> FloatArray:
    """Return where the nullcline of the other variable has its points on this axis."""
    if name not in subject.concentrations:
        return np.linspace(0, 1, PLANE_POINTS)
    low, high = LOWEST * subject.concentrations[name], HIGHEST * np.nanmax(values)
    return np.geomspace(low, min(high, 0.99 * TOP), PLANE_POINTS)


def _slower(subject: Subject, one: str, at: float) -> list[str]:
    """Return the names of the gates and pools that are slower at a V (mV) than this one."""
    others = [name for name in subject.fields if name != V]
    tau = dict(zip(others, subject.time_constants(np.array([at]))[:, 0], strict=True))
    return [name for name in others if tau[name] > tau[one]]

"""The plane of any two variables of a model or a neuron, and its nullclines."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pyhh_fast.analysis.roots import roots
from pyhh_fast.analysis.subject import Subject
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import POTENTIAL

PLANE_POINTS = 1_001
"""Points of a nullcline."""

V = POTENTIAL.name


class VariablePlane(NamedTuple):
    """The plane of two variables; made by :func:`pyhh_fast.phase_plane`.

    Attributes
    ----------
    x, y : str
        Names of the variables.
    x_nullcline, y_nullcline : ndarray, shape (2, 1001)
        Points, as x and y, at which dx/dt or dy/dt is 0; of an instantaneous gate those that it is
        at. NaN where there are none with an open fraction from 0 to 1.
    trajectory : ndarray, shape (2, steps + 1)
        x and y of the full neuron; column i is at i dt.
    steady : ndarray, shape (2,)
        x and y of the steady state under the current.
    held : dict of str to float
        The variables that are held at their values in the steady state, for the nullclines.
    stable : bool
        Whether the steady state of the full neuron is stable: all eigenvalues of the Jacobian of V
        and the gates have negative real parts.
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
    if V not in axes:  # gates depend on V alone
        along = np.linspace(0, 1, PLANE_POINTS)
        lines = np.broadcast_to(point[:, np.newaxis], (2, PLANE_POINTS))
        x_nullcline, y_nullcline = lines.copy(), lines.copy()
        x_nullcline[1], y_nullcline[0] = along, along
        return VariablePlane(
            x, y, x_nullcline, y_nullcline, trajectory, point, {V: at}, stable, duration
        )
    gate = axes[1 - axes.index(V)]
    if held is None:
        held = _slower(subject, gate, at)
    states = subject.steady(grid)
    values = {name: float(steady[subject.fields[name]][0]) for name in held}
    for name, value in values.items():
        states[subject.fields[name]] = value
    field = subject.fields[gate]
    of_gate = states[field].copy()

    def net_current_at(open_fraction: FloatArray) -> FloatArray:
        states[field] = open_fraction
        return subject.net_current(states, current)

    of_V = roots(net_current_at, np.zeros(grid.size), np.full(grid.size, max(1.0, of_gate.max())))
    first, second = np.array([grid, of_V]), np.array([grid, of_gate])
    if axes[0] != V:
        first, second = second[::-1], first[::-1]
    return VariablePlane(x, y, first, second, trajectory, point, values, stable, duration)


def _slower(subject: Subject, gate: str, at: float) -> list[str]:
    """Return the names of the gates that are slower at a V (mV) than this one."""
    gates = [name for name in subject.fields if name != V]
    tau = dict(zip(gates, subject.time_constants(np.array([at]))[:, 0], strict=True))
    return [name for name in gates if tau[name] > tau[gate]]

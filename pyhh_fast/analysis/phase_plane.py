"""The plane of V and n: nullclines, and the trajectory of the full model among them."""

from typing import NamedTuple

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis.setup import Setup
from pyhh_fast.analysis.steady_states import net_current, roots, steady_at, steady_under
from pyhh_fast.errors import warn_user
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import round_to_nearest
from pyhh_fast.typing import FloatArray, Method

PLANE_POINTS = 1_001
"""Points of a nullcline."""


class PhasePlane(NamedTuple):
    """The plane of V and n; made by :func:`pyhh_fast.phase_plane`.

    Attributes
    ----------
    V : ndarray, shape (1001,), mV
        The nullclines are given at these.
    V_nullcline : ndarray, shape (1001,)
        The n at which dV/dt is 0. NaN where there is none from 0 to 1 that has h = c - n from
        0 to 1 as well.
    n_nullcline : ndarray, shape (1001,)
        The n at which dn/dt is 0: its steady state.
    trajectory_V, trajectory_n : ndarray, shape (steps + 1,)
        V (mV) and n of the full model, from its present state; row i is at i dt.
    steady_V, steady_n : float
        The steady state under the current, of the full model as well as of the plane.
    c : float
        What h + n is taken to be: its value at the steady state.
    """

    V: FloatArray
    V_nullcline: FloatArray
    n_nullcline: FloatArray
    trajectory_V: FloatArray
    trajectory_n: FloatArray
    steady_V: float
    steady_n: float
    c: float


def phase_plane(
    model: HHModel,
    current: float = 0.0,
    *,
    duration: float = 50.0,
    dt: float | None = None,
    method: Method = "exponential_euler",
) -> PhasePlane:
    """Return the nullclines of V and n under a constant current, and the model's way among them.

    The nullclines are those of a model reduced to V and n: m is always at its steady state for V,
    and h = c - n. The trajectory is that of the full model from its present state, so that any
    point of the plane can be a start.

    Parameters
    ----------
    model : HHModel
        As for :meth:`Population.from_model`. It is not changed.
    current : float, default 0, µA/cm²
    duration : float, default 50, ms
        Length of the trajectory, a whole number of steps.
    dt : float, ms, optional
        Step size; by default as for :func:`fi_curve`. For "adaptive" the distance of samples.
    method : {"exponential_euler", "adaptive", "rk4", "euler"}, default "exponential_euler"
        As for :meth:`Simulation.run`.

    Returns
    -------
    PhasePlane
        A named tuple; see there.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step; nothing was run.
    ValueError
        If the model has no steady state under the current.
    SimulationError
        If custom rates turn out, during the run, to be what no table can hold.

    Warns
    -----
    UserWarning
        If the model diverges, and the trajectory is NaN from there on; or if `dt` is too large for
        the model.

    Notes
    -----
    c is h + n at the full model's steady state under `current`, stable or not, so the nullclines
    cross there exactly. Of several it is the one nearest 0 mV; the others are not on the plane.

    References
    ----------
    R. FitzHugh, "Impulses and physiological states in theoretical models of nerve membrane",
    Biophys. J. 1, 445-466 (1961). J. Rinzel, "Excitation dynamics: insights from simplified
    membrane models", Fed. Proc. 44, 2944-2946 (1985).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0)
    >>> print(f"around {plane.steady_V:.3f} mV, with h = {plane.c:.3f} - n")
    around 5.428 mV, with h = 0.807 - n
    """
    setup = Setup.of(model, dt, method, RunSettings.threshold, 1, "model")
    current = validation.real_number("current", current, unit="µA/cm²")
    steps = validation.steps_in(duration, setup.settings.dt)
    with round_to_nearest():
        steady_V, steady = steady_under(model, setup.kinetics, current)
        runs = setup.runs()
        run = runs.run(runs.start, np.array([current]), steps, record=("Vm", "StateN"))
        V, n = (run.traces[name][0] for name in ("Vm", "StateN"))
        if not np.isfinite(V).all():
            warn_user(
                "the model diverged, and the trajectory is NaN from there on. Use a smaller dt, or "
                "method='adaptive'."
            )
        V, n = np.append(model.Vm, V), np.append(model.n.state, n)

        ends = [*(getattr(model, name) for name in ("ENa", "EK", "EKleak")), steady_V]
        low, high = min(*ends, np.nanmin(V)) - 5, max(*ends, np.nanmax(V)) + 5
        grid = np.linspace(low, high, PLANE_POINTS)
        m, _, n_nullcline, *_ = steady_at(setup.kinetics, grid)
        c = steady.h + steady.n
        # h = c - n must be from 0 to 1 as well as n.
        V_nullcline = roots(
            lambda n: net_current(model, current, grid, m, c - n, n),
            np.full(grid.size, max(0.0, c - 1)),
            np.full(grid.size, min(1.0, c)),
        )
        return PhasePlane(grid, V_nullcline, n_nullcline, V, n, steady_V, steady.n, c)

"""Where the gates settle, and where V stands still: steady states and nullclines."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.firing import FixedRuns
from pyhh_fast.analysis.single_runs import SingleRuns
from pyhh_fast.engine.choose_stepper import check_steps
from pyhh_fast.engine.time_steps import STEP, default_step, warn_of_step_too_large
from pyhh_fast.errors import warn_user
from pyhh_fast.kinetics.choose_kinetics import kinetics_of
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import LARGEST_RATE
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import round_to_nearest, rounds_to_nearest
from pyhh_fast.typing import FloatArray, Method
from pyhh_fast.validation import BLOCK
from pyhh_fast.variables import PARAMETERS

BESIDE = 1e-4
"""Where a formula is 0/0 its rates are the mean of those so far beside it, in mV."""

PLANE_POINTS = 1_001
"""Points of a nullcline."""

STEADY_POINTS = 4_001
"""Points among which steady states under a current are looked for."""


HALVINGS = 64
"""Until an interval is far below the rounding of its ends."""


class SteadyState(NamedTuple):
    """Where the gates settle, and how fast; made by :func:`pyhh_fast.steady_state`.

    Attributes
    ----------
    m, h, n : float or ndarray of the shape of V
        Open fraction, alpha / (alpha + beta).
    tau_m, tau_h, tau_n : float or ndarray of the shape of V, ms
        Time constant, 1 / (alpha + beta).
    """

    m: Any
    h: Any
    n: Any
    tau_m: Any
    tau_h: Any
    tau_n: Any


class PhasePlane(NamedTuple):
    """The plane of V and n; made by :func:`pyhh_fast.phase_plane`.

    Attributes
    ----------
    V : ndarray, shape (1001,), mV
        The nullclines are given at these.
    V_nullcline : ndarray, shape (1001,)
        The n at which V stands still. NaN where there is none from 0 to 1 that has h = c - n from
        0 to 1 as well.
    n_nullcline : ndarray, shape (1001,)
        The n that stands still: its steady state.
    trajectory_V, trajectory_n : ndarray, shape (steps + 1,)
        V (mV) and n of the full model, from where it stands now; row i is at i dt.
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


@rounds_to_nearest
def steady_state(model: HHModel, V: npt.ArrayLike) -> SteadyState:
    """Return where the gates of a model settle at each V, and their time constants.

    Parameters
    ----------
    model : HHModel
        Its `_UpdateGateTimeConstants` may be its own, but nothing else of its step. It is not
        changed, and its state does not count.
    V : float or array_like, mV
        Membrane potentials, relative to rest; any shape.

    Returns
    -------
    SteadyState
        A named tuple ``(m, h, n, tau_m, tau_h, tau_n)``, each of the shape of V; tau in ms.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own, or rates that depend on
        more than V.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> steady = pyhh.steady_state(pyhh.HHModel(), [0, 50])
    >>> steady.m.round(3), steady.tau_m.round(3)
    (array([0.053, 0.916]), array([0.237, 0.336]))
    """
    V = validation.real_numbers("V", V, unit="mV")
    return steady_at(kinetics_over_V(model), V)


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
        If an argument cannot be used, or the model has a step of its own; nothing was run.
    ValueError
        If the model has no steady state under the current.
    SimulationError
        If rates of a model's own turn out, on the way, to be what no table holds.

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
    settings = RunSettings.of(dt=STEP if dt is None else dt, method=method)
    check_steps(model, "Run such models one by one, with Simulation.")
    kinetics = kinetics_over_V(model)
    if dt is None:
        step = default_step(model, kinetics, settings.method)
        settings = dataclasses.replace(settings, dt=step)
    else:
        warn_of_step_too_large(settings.dt, model, kinetics, settings.method)
    current = validation.real_number("current", current, unit="µA/cm²")
    steps = validation.steps_in(duration, settings.dt)
    with round_to_nearest():
        steady_V, steady = steady_under(model, kinetics, current)
        runs = (FixedRuns if METHODS[method].many_cells else SingleRuns)(model, settings, 1)
        V, n = runs.traces(runs.start, np.array([current]), steps, ("Vm", "StateN"))[:, 0]
        if not np.isfinite(V).all():
            warn_user(
                "the model diverged, and the trajectory is NaN from there on. Use a smaller dt, or "
                "method='adaptive'."
            )
        V, n = np.append(model.Vm, V), np.append(model.n.state, n)

        ends = [*(getattr(model, name) for name in ("ENa", "EK", "EKleak")), steady_V]
        low, high = min(*ends, np.nanmin(V)) - 5, max(*ends, np.nanmax(V)) + 5
        grid = np.linspace(low, high, PLANE_POINTS)
        m, _, n_nullcline, *_ = steady_at(kinetics, grid)
        c = steady.h + steady.n
        V_nullcline = roots(
            lambda n: charging(model, current, grid, m, c - n, n),
            np.full(grid.size, max(0.0, c - 1)),
            np.full(grid.size, min(1.0, c)),
        )
        return PhasePlane(grid, V_nullcline, n_nullcline, V, n, steady_V, steady.n, c)


def kinetics_over_V(model: HHModel) -> Kinetics:
    """Return where the rates of a model come from; it must make its steps as HHModel does.

    The state of the model does not count.
    """
    check_steps(model, state=False)
    try:
        return kinetics_of(model, table_needed=False)
    except NotTabulable as error:
        raise _more_than_V(error) from error


def _more_than_V(error: NotTabulable) -> ValueError:
    found = f"of _UpdateGateTimeConstants it was found that {error}"
    return ValueError(f"model must have rates that depend on V alone; got others: {found}.")


@rounds_to_nearest
def steady_at(kinetics: Kinetics, V: FloatArray) -> SteadyState:
    """Return the steady state at each V (mV), as :func:`pyhh_fast.steady_state` does."""
    at = V.ravel()
    values = np.empty((6, at.size))
    try:
        for start in range(0, at.size, BLOCK):  # so that Ctrl-C is heard in between
            block = slice(start, start + BLOCK)
            values[:, block] = _steady_in(kinetics, at[block])
    except NotTabulable as error:
        raise _more_than_V(error) from error
    return SteadyState(*(x.reshape(V.shape)[()] for x in values))


def _steady_in(kinetics: Kinetics, V: FloatArray) -> FloatArray:
    """Return m, h, n and their time constants (ms) at each V of a block, shape (6, n)."""
    rates = kinetics.checked_rates_at(V)
    holes = np.isnan(rates).any(axis=1)
    if holes.any():
        beside = [kinetics.checked_rates_at(V[holes] + d) for d in (-BESIDE, BESIDE)]
        rates[holes] = np.mean(beside, axis=0)
    # Far away rates may be infinite; or both 0, and then all is NaN.
    alpha, beta = np.minimum(rates, LARGEST_RATE).T.reshape(2, 3, V.size)
    with np.errstate(all="ignore"):
        return np.concatenate([alpha / (alpha + beta), 1 / (alpha + beta)])


def charging(model: HHModel, current: float, V: Any, m: Any, h: Any, n: Any) -> Any:
    """Return Cm dV/dt, in µA/cm², with these gates; for numbers and arrays."""
    twin: Any = HHModel()
    for name in PARAMETERS:
        setattr(twin, name, getattr(model, name))
    twin.Vm, twin.m.state, twin.h.state, twin.n.state = V, m, h, n
    twin._UpdateCellVoltage(current, 0.0)
    return current - twin.INa - twin.IK - twin.IKleak


@rounds_to_nearest
def steady_under(model: HHModel, kinetics: Kinetics, current: float) -> tuple[float, SteadyState]:
    """Return the steady state under a current that is nearest 0 mV."""

    def charging_at(V: FloatArray) -> FloatArray:
        m, h, n, *_ = steady_at(kinetics, V)
        I: FloatArray = charging(model, current, V, m, h, n)  # noqa: E741
        return I

    reversals = [model.ENa, model.EK, model.EKleak]
    reach = 50 + (abs(current) / model.gKleak if model.gKleak > 0 else 0.0)
    low, high = min(reversals) - reach, max(reversals) + reach
    V = np.linspace(low, high, STEADY_POINTS)
    below = charging_at(V) < 0
    crossed = np.flatnonzero(below[:-1] != below[1:])
    found = roots(charging_at, V[crossed], V[crossed + 1])
    if not found.size:
        raise ValueError(
            f"current must leave the model a steady state (µA/cm²); got {current}, and none from "
            f"{low:.4g} to {high:.4g} mV."
        )
    steady_V = found[np.argmin(np.abs(found))]
    return float(steady_V), SteadyState(*map(float, steady_at(kinetics, steady_V)))


def bisect_all(
    f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return where `f` changes its sign, once at least, on the way from each low to its high."""
    sign = np.sign(f(low))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        as_low = np.sign(f(middle)) == sign
        low, high = np.where(as_low, middle, low), np.where(as_low, high, middle)
    return high


def roots(f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return where `f` changes its sign from `low` to `high`, and NaN where it does not."""
    there = (f(low) < 0) != (f(high) < 0)
    return np.where(there, bisect_all(f, low, high), np.nan)

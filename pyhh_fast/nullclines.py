"""Where the gates settle, and where V stands still: steady states, without any run."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pyhh_fast.equilibria import bisect_all
from pyhh_fast.kinetics import BuiltIn, NotTabulable, Own, kinetics_of
from pyhh_fast.models import PARAMETERS, HHModel
from pyhh_fast.stepping import check_steps
from pyhh_fast.validation import FloatArray

BESIDE = 1e-4
"""Where a formula is 0/0 its rates are the mean of those so far beside it, in mV."""

LARGEST_RATE = 1e300
"""In 1/ms; so that infinite ones can be divided."""

STEADY_POINTS = 4_001
"""Points among which steady states under a current are looked for."""


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


def kinetics_over_V(model: HHModel) -> BuiltIn | Own:
    """Return where the rates of a model come from; it must make its steps as HHModel does."""
    check_steps(model)
    try:
        return kinetics_of(model, table_needed=False)
    except NotTabulable as error:
        raise _more_than_V(error) from error


def _more_than_V(error: NotTabulable) -> ValueError:
    found = f"of _UpdateGateTimeConstants it was found that {error}"
    return ValueError(f"model must have rates that depend on V alone; got others: {found}.")


def steady_at(kinetics: BuiltIn | Own, V: FloatArray) -> SteadyState:
    """Return the steady state at each V (mV), as :func:`pyhh_fast.steady_state` does."""
    try:
        rates = kinetics.rates_asked(V.ravel())
        holes = np.isnan(rates).any(axis=1)
        if holes.any():
            beside = [kinetics.rates_asked(V.ravel()[holes] + d) for d in (-BESIDE, BESIDE)]
            rates[holes] = np.mean(beside, axis=0)
    except NotTabulable as error:
        raise _more_than_V(error) from error
    # Far away rates may be infinite; or both 0, and then all is NaN.
    alpha, beta = np.minimum(rates, LARGEST_RATE).T.reshape(2, 3, *V.shape)
    with np.errstate(all="ignore"):
        return SteadyState(*(x[()] for x in (*(alpha / (alpha + beta)), *(1 / (alpha + beta)))))


def charging(model: HHModel, current: float, V: Any, m: Any, h: Any, n: Any) -> Any:
    """Return Cm dV/dt, in µA/cm², with these gates; for numbers and arrays."""
    twin: Any = HHModel()
    for name in PARAMETERS:
        setattr(twin, name, getattr(model, name))
    twin.Vm, twin.m.state, twin.h.state, twin.n.state = V, m, h, n
    twin._UpdateCellVoltage(current, 0.0)
    return current - twin.INa - twin.IK - twin.IKleak


def steady_under(
    model: HHModel, kinetics: BuiltIn | Own, current: float
) -> tuple[float, SteadyState]:
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


def roots(f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return where `f` changes its sign from `low` to `high`, and NaN where it does not."""
    there = (f(low) < 0) != (f(high) < 0)
    return np.where(there, bisect_all(f, low, high), np.nan)

"""Steady states of the gates at any V, and of the whole model under a current.

Analyses and figures use them; the rest without a current is found in `equilibria`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.engine.choose_stepper import check_steps
from pyhh_fast.kinetics.choose_kinetics import kinetics_of
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import LARGEST_RATE
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.validation import BLOCK
from pyhh_fast.variables import PARAMETERS

OFFSET = 1e-4
"""Where a formula is 0/0 its rates are the mean of those at V ± this, in mV."""

STEADY_POINTS = 4_001
"""Points among which steady states under a current are looked for."""

HALVINGS = 64
"""Until an interval is far below the rounding of its ends."""


class SteadyState(NamedTuple):
    """Steady states and time constants of the gates; made by :func:`pyhh_fast.steady_state`.

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


@rounds_to_nearest
def steady_state(model: HHModel, V: npt.ArrayLike) -> SteadyState:
    """Return the steady states of a model's gates at each V, and their time constants.

    Parameters
    ----------
    model : HHModel
        Its `_UpdateGateTimeConstants` may be overridden, but nothing else of its step. It is not
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
        If an argument cannot be used, or the model has a custom step, or rates that depend on
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
        for start in range(0, at.size, BLOCK):  # so that Ctrl-C interrupts in between
            block = slice(start, start + BLOCK)
            values[:, block] = _steady_in(kinetics, at[block])
    except NotTabulable as error:
        raise _more_than_V(error) from error
    return SteadyState(*(x.reshape(V.shape)[()] for x in values))


def _steady_in(kinetics: Kinetics, V: FloatArray) -> FloatArray:
    """Return m, h, n and their time constants (ms) at each V of a block, shape (6, n)."""
    alpha, beta = rates_at(kinetics, V).T.reshape(2, 3, V.size)
    with np.errstate(all="ignore"):  # where both are 0, and all is NaN
        return np.concatenate([alpha / (alpha + beta), 1 / (alpha + beta)])


def rates_at(kinetics: Kinetics, V: FloatArray) -> FloatArray:
    """Return the rates at each V (mV), shape (n, 6), where formulas are 0/0 or overflow, too."""
    rates = kinetics.checked_rates_at(V)
    undefined = np.isnan(rates).any(axis=1)
    if undefined.any():
        near = [kinetics.checked_rates_at(V[undefined] + d) for d in (-OFFSET, OFFSET)]
        rates[undefined] = np.mean(near, axis=0)
    return np.minimum(rates, LARGEST_RATE)


def net_current(model: HHModel, current: float, V: Any, m: Any, h: Any, n: Any) -> Any:
    """Return Cm dV/dt (µA/cm²) with these gates, injected less membrane current."""
    twin: Any = HHModel()
    for name in PARAMETERS:
        setattr(twin, name, getattr(model, name))
    twin.Vm, twin.m.state, twin.h.state, twin.n.state = V, m, h, n
    twin._UpdateCellVoltage(current, 0.0)
    return current - twin.INa - twin.IK - twin.IKleak


@rounds_to_nearest
def steady_under(model: HHModel, kinetics: Kinetics, current: float) -> tuple[float, SteadyState]:
    """Return the steady state under a current that is nearest 0 mV."""

    def net_current_at(V: FloatArray) -> FloatArray:
        m, h, n, *_ = steady_at(kinetics, V)
        I: FloatArray = net_current(model, current, V, m, h, n)  # noqa: E741
        return I

    reversals = [model.ENa, model.EK, model.EKleak]
    reach = 50 + (abs(current) / model.gKleak if model.gKleak > 0 else 0.0)
    low, high = min(reversals) - reach, max(reversals) + reach
    V = np.linspace(low, high, STEADY_POINTS)
    below = net_current_at(V) < 0
    crossed = np.flatnonzero(below[:-1] != below[1:])
    found = roots(net_current_at, V[crossed], V[crossed + 1])
    if not found.size:
        raise ValueError(
            f"current must leave the model a steady state (µA/cm²); got {current}, and none from "
            f"{low:.4g} to {high:.4g} mV."
        )
    steady_V = found[np.argmin(np.abs(found))]
    return float(steady_V), SteadyState(*map(float, steady_at(kinetics, steady_V)))


def roots(f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return where `f` changes its sign between each low and its high, NaN where it does not."""
    sign = np.sign(f(low))
    changes = (f(low) < 0) != (f(high) < 0)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        as_low = np.sign(f(middle)) == sign
        low, high = np.where(as_low, middle, low), np.where(as_low, high, middle)
    return np.where(changes, high, np.nan)

"""Why a run could not go on, in words."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pyhh_fast.errors import SimulationError
from pyhh_fast.methods import METHODS
from pyhh_fast.models import GATES
from pyhh_fast.recording import TRACES, Recording, State

LOOK_BACK = 1_000
"""Steps before the failure that are searched for its cause."""

FASTEST = 1e6
"""No dt would do for what moves faster than this, in 1/ms."""

STIFF = 1e4
"""What moves faster than this, in 1/ms, is why an adaptive run is stuck."""


STATES = TRACES[:4]

NAMES = {"euler": "forward Euler", "rk4": "RK4"}


def divergence_error(
    model: Any, recording: Recording, states: Iterable[tuple[int, State]], other_method: str = ""
) -> SimulationError:
    """Return the error for a run that could not make a step.

    `states` are late steps of it in order, each with the state before it: V (mV), m, h, n. The last
    is the one that failed. `other_method` is added to the advice where it would help.
    """
    late = list(states)
    step, (V, *_) = late[-1]
    dt, method = recording.dt, recording.method
    stable_below = METHODS[method].stable_below
    message = f"the run diverged at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV."
    advice = "Check the stimulus, the parameters and any overridden method."
    scratch = _copy(model)
    for earlier, state in late:
        what, rate = _fastest(scratch, state)
        if rate * dt > stable_below:
            advice = (
                f"dt times the fastest rate exceeds {stable_below:.3g}, where {NAMES[method]} is "
                f"unstable: at step {earlier} (V = {state[0]:.6g} mV) {what} moves at {rate:.3g} "
                f"per ms, and dt is {dt:g} ms."
            )
            if rate < FASTEST:
                advice += f" Use a dt below {stable_below / rate:.3g} ms, or a weaker stimulus."
            advice += other_method
            break
    return SimulationError(f"{message} {advice}", step=step, time=step * dt, V=V)


def states_before(
    seen: Recording, start: State, last: State, step: int
) -> Iterator[tuple[int, State]]:
    """Yield late steps up to number `step`, which failed, each with the state before it.

    Where the states of all steps were not recorded only the last is yielded. `start` and `last`
    are the states before the first step, and before the one that failed.
    """
    if set(STATES) <= set(seen.recorded) and seen.every == 1:
        if step <= LOOK_BACK:
            yield 0, start
        for row in range(max(0, step - LOOK_BACK), step - 1):
            V, m, h, n = (float(getattr(seen, name)[row]) for name in STATES)
            yield row + 1, (V, m, h, n)
    yield step, last


def stuck_error(model: Any, last: State, step: int, time: float, why: str) -> SimulationError:
    """Return the error for an adaptive run that is stuck at `last`: V (mV), m, h, n.

    `step` counts the rows behind it, `time` is in ms, `why` says what happened there.
    """
    V = last[0]
    message = f"the solver is stuck at t = {time:.9g} ms (step {step}), V = {V:.6g} mV: {why}."
    what, rate = _fastest(_copy(model), last)
    if rate > STIFF:
        message += (
            f" There {what} moves at {rate:.3g} per ms. Use a weaker stimulus, or "
            "method='exponential_euler', which stands any rate."
        )
    else:
        message += " Use larger tolerances, or check the stimulus and the parameters."
    return SimulationError(message, step=step, time=time, V=V)


def own_step_error(recording: Recording, last: State, step: int, why: Exception) -> SimulationError:
    """Return the error for a model whose rates turn out, on the way, to depend on more than V."""
    dt, V = recording.dt, last[0]
    message = (
        f"the run cannot go on at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV: of "
        f"_UpdateGateTimeConstants it was found that {why}. Use method='euler'."
    )
    return SimulationError(message, step=step, time=step * dt, V=V)


def _copy(model: Any) -> Any:
    """Return a copy to ask, or None: the cause is a courtesy, the error is not."""
    try:
        return copy.deepcopy(model)
    except Exception:  # of a user's own model
        return None


def _fastest(scratch: Any, state: State) -> tuple[str, float]:
    """Return what of V and the gates moves fastest at `state`, and its rate in 1/ms."""
    V, m, h, n = state
    try:
        with np.errstate(all="ignore"):
            scratch.Vm = V
            scratch._UpdateGateTimeConstants(V)
            gates = {name: getattr(scratch, name) for name in GATES}
            rates = {f"gate {name}": float(g.alpha + g.beta) for name, g in gates.items()}
            conductance = scratch.gNa * m**3 * h + scratch.gK * n**4 + scratch.gKleak
            rates["V"] = float(conductance / scratch.Cm)
    except Exception:  # of a user's own model, or none
        return "", 0.0
    what = max(rates, key=lambda name: rates[name])
    return what, rates[what]

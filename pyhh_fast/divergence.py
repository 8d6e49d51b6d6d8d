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


FAR_BELOW = 20.0
"""In mV, of V below the lowest reversal potential."""

ACCURATE = 0.1
"""A step that is right is shorter by this factor, or more, than one that is just stable."""

LOST_V, LOST_GATE = 1e4, 1e3
"""Beyond these (mV, and open fraction) no model starts on purpose."""

LOST = (
    "The model was there before the run, as a run that diverged leaves it. Go on with a new model, "
    "or with model.at_rest(), which returns one of the same parameters."
)

STATES = TRACES[:4]

NAMES = {"euler": "forward Euler", "rk4": "RK4"}


def divergence_error(
    model: Any, recording: Recording, states: Iterable[tuple[int, State]], *, adaptive: bool
) -> SimulationError:
    """Return the error for a run that could not make a step.

    `states` are late steps of it in order, each with the state before it: V (mV), m, h, n. The last
    is the one that failed. `adaptive` says whether the model can be run by the adaptive method.
    """
    late = list(states)
    step, (V, *_) = late[-1]
    dt, method = recording.dt, recording.method
    stable_below = METHODS[method].stable_below
    message = f"the run diverged at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV."
    if step == 0 and is_lost(late[-1][1]):
        return SimulationError(f"{message} {LOST}", step=step, time=0.0, V=V)
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
            advice += f" Use {_ways_out(model, state[0], stable_below / rate, adaptive)}."
            break
    return SimulationError(f"{message} {advice}", step=step, time=step * dt, V=V)


def _ways_out(model: Any, V: float, stable_dt: float, adaptive: bool) -> str:
    """Return what gives the right result where a step is too long for a rate at V (mV)."""
    ways = ["method='adaptive', whose steps follow the fastest rate"] * adaptive
    lowest = min(getattr(model, name, 0.0) for name in ("ENa", "EK", "EKleak"))
    if adaptive and lowest - V > FAR_BELOW:
        # There some rates grow exponentially, and gates are where these hold them.
        ways.append("method='exponential_euler', because V is far below all reversal potentials")
    elif stable_dt * FASTEST > 1:
        ways.append(f"a dt below {ACCURATE * stable_dt:.2g} ms")
    return ", or ".join(ways or ["a weaker stimulus"])


def is_lost(state: State) -> bool:
    """Whether a state is one that only a run that diverged leaves behind."""
    V, *gates = state
    return not (abs(V) <= LOST_V and all(abs(gate) <= LOST_GATE for gate in gates))


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


def stuck_error(
    model: Any, start: State, last: State, step: int, time: float, why: str
) -> SimulationError:
    """Return the error for an adaptive run from `start` that is stuck at `last`: V (mV), m, h, n.

    `step` counts the rows behind it, `time` is in ms, `why` says what happened there.
    """
    V = last[0]
    message = f"the solver is stuck at t = {time:.9g} ms (step {step}), V = {V:.6g} mV: {why}."
    if step == 0 and is_lost(start):
        return SimulationError(f"{message} {LOST}", step=step, time=time, V=V)
    what, rate = _fastest(_copy(model), last)
    if rate > STIFF:
        message += (
            f" There {what} moves at {rate:.3g} per ms. Use a weaker stimulus, or "
            "method='exponential_euler', which stands any rate, and see by estimate_error() "
            "whether dt is small enough for it."
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

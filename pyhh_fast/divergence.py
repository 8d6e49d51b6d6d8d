"""Why a run diverged, in words."""

import copy
from typing import Any

import numpy as np

from pyhh_fast.errors import SimulationError
from pyhh_fast.models import GATES
from pyhh_fast.recording import Recording

LOOK_BACK = 1_000
"""Steps before the failure that are searched for its cause."""

State = tuple[float, float, float, float]


def divergence_error(model: Any, recording: Recording, start: State, step: int) -> SimulationError:
    """Return the error for a run from the state `start` whose step number `step` failed.

    A state is V (mV), m, h, n.
    """
    dt = recording.dt
    V = _state_before(step, recording, start)[0]
    message = f"the run diverged at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV."
    advice = "Check the stimulus, the parameters and any overridden method."
    for earlier in range(max(0, step - LOOK_BACK), step + 1):
        state = _state_before(earlier, recording, start)
        what, rate = _fastest(model, state)
        if rate * dt > 2:
            advice = (
                f"dt times the fastest rate exceeds 2, where forward Euler is unstable: at step "
                f"{earlier} (V = {state[0]:.6g} mV) {what} moves at {rate:.3g} per ms, and dt is "
                f"{dt:g} ms. Use a dt below {2 / rate:.3g} ms, or a weaker stimulus."
            )
            break
    return SimulationError(f"{message} {advice}", step=step, time=step * dt, V=V)


def _state_before(step: int, recording: Recording, start: State) -> State:
    if step == 0:
        return start
    r, row = recording, step - 1
    return float(r.Vm[row]), float(r.StateM[row]), float(r.StateH[row]), float(r.StateN[row])


def _fastest(model: Any, state: State) -> tuple[str, float]:
    """Return what of V and the gates moves fastest at `state`, and its rate in 1/ms."""
    V, m, h, n = state
    scratch = copy.copy(model)
    try:
        with np.errstate(all="ignore"):
            for name in GATES:
                setattr(scratch, name, copy.copy(getattr(model, name)))
            scratch._UpdateGateTimeConstants(V)
            gates = {name: getattr(scratch, name) for name in GATES}
            rates = {f"gate {name}": float(g.alpha + g.beta) for name, g in gates.items()}
            conductance = model.gNa * m**3 * h + model.gK * n**4 + model.gKleak
            rates["V"] = float(conductance / model.Cm)
    except Exception:  # of a user's own model: the cause is a courtesy, the error is not
        return "", 0.0
    what = max(rates, key=lambda name: rates[name])
    return what, rates[what]

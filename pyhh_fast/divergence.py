"""Why a run diverged, in words."""

import copy
from typing import Any

import numpy as np

from pyhh_fast.errors import SimulationError
from pyhh_fast.models import GATES
from pyhh_fast.recording import Recording

LOOK_BACK = 1_000
"""Steps before the failure that are searched for its cause."""


def divergence_error(model: Any, recording: Recording, step: int, V: float) -> SimulationError:
    """Return the error for a run whose step number `step`, from V, gave no finite number."""
    dt = recording.dt
    message = f"the run diverged at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV."
    cause = _too_fast(model, recording, step)
    if cause is None:
        advice = "Check the stimulus, the parameters and any overridden method."
    else:
        at, at_V, what, rate = cause
        advice = (
            f"dt times the fastest rate exceeds 2, where forward Euler is unstable: at step {at} "
            f"(V = {at_V:.6g} mV) {what} moves at {rate:.3g} per ms, and dt is {dt:g} ms. "
            f"Use a dt below {2 / rate:.2g} ms, or a weaker stimulus."
        )
    return SimulationError(f"{message} {advice}", step=step, time=step * dt, V=V)


def _too_fast(model: Any, recording: Recording, step: int) -> tuple[int, float, str, float] | None:
    """Return the first late step at which dt times a rate exceeds 2: (step, V, what, rate)."""
    scratch = copy.deepcopy(model)
    states = (recording.StateM, recording.StateH, recording.StateN)
    with np.errstate(all="ignore"):
        for row in range(max(0, step - LOOK_BACK), step):
            # The state before step row + 1.
            V = float(recording.Vm[row])
            m, h, n = (float(state[row]) for state in states)
            try:
                scratch._UpdateGateTimeConstants(V)
                rates = {
                    f"gate {name}": getattr(scratch, name).alpha + getattr(scratch, name).beta
                    for name in GATES
                }
                conductance = scratch.gNa * m**3 * h + scratch.gK * n**4 + scratch.gKleak
                rates["V"] = conductance / scratch.Cm
            except (AttributeError, TypeError, ArithmeticError):
                return None  # a model of another make
            what = max(rates, key=lambda name: float(rates[name]))
            if rates[what] * recording.dt > 2:
                return row + 1, V, what, float(rates[what])
    return None

"""Errors of runs that diverge, or cannot be continued: their causes, and what to do instead."""

import contextlib
import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyhh_fast.engine.time_steps import gate_speed, largest_advised_step, rounded_down
from pyhh_fast.errors import SimulationError
from pyhh_fast.methods import METHODS
from pyhh_fast.models import membrane
from pyhh_fast.recording import LateSteps, State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import GATES, REVERSALS

if TYPE_CHECKING:
    from pyhh_fast.recording import RunStimulus

LOOK_BACK = 1_000
"""Steps before the failure that are searched for its cause."""

STIFF = 1e4
"""A variable that is faster than this, in 1/ms, is the cause of a stuck adaptive run."""

FAR_BELOW = 20.0
"""In mV, of V below the lowest reversal potential."""

FASTEST_RISE = 600.0
"""In mV/ms, of V under a current, at the gates' speed of the built-in model."""

SHORTEST = 1e-6
"""No shorter dt (ms) is recommended."""

MOST_POTENTIALS = 2_000
"""Potentials at most at which the rates of a model are evaluated, 10 µs each."""

LOST_V, LOST_GATE = 1e4, 1e3
"""No model starts on purpose beyond these (mV, open fraction)."""

LOST = (
    "The model was there before the run, as a run that diverged leaves it. Go on with a new model, "
    "or with model.at_rest(), which returns one of the same parameters."
)

NAMES = {"euler": "forward Euler", "rk4": "RK4"}


class Inputs(NamedTuple):
    """The stimulus of some steps: the membrane gets I - G V."""

    I: FloatArray  # noqa: E741
    G: FloatArray

    def at(self, V: float) -> FloatArray:
        """Return the currents (µA/cm²) at a potential (mV)."""
        return self.I - self.G * V


def divergence_error(
    model: Any, settings: RunSettings, stimulus: "RunStimulus", late: LateSteps, *, adaptive: bool
) -> SimulationError:
    """Return the error for a run that could not make a step.

    `adaptive` says whether the model can be run by the adaptive method.
    """
    dt, scratch = settings.dt, _copy(model)
    step, last = late[-1]
    if step == 0 and is_lost(last):
        return diverged(settings, late, LOST)
    inputs = latest(stimulus, step, dt)
    found = first_unstable(settings, late, lambda state, g: _fastest(scratch, state, g), inputs)
    if found is None:
        advice = "Check the stimulus, the parameters and any overridden method."
        return diverged(settings, late, advice)
    place, cause = found
    driven = _driven_to(model, [state[0] for _, state in late[place:]])
    suits = 0.0
    with contextlib.suppress(Exception):  # of a user's model
        driven += _held_at(scratch, inputs)
        suits = _suitable_step(scratch, inputs, driven)
    far_below = _reversals(model)[0] - min(driven, default=np.inf) > FAR_BELOW
    return diverged(settings, late, f"{cause} Use {_ways_out(dt, suits, far_below, adaptive)}.")


def diverged(settings: RunSettings, late: LateSteps, advice: str) -> SimulationError:
    """Return the error for a run whose last step could not be made, with this advice."""
    step, (V, *_) = late[-1]
    time = step * settings.dt
    message = f"the run diverged at step {step} (t = {time:g} ms), from V = {V:.6g} mV. {advice}"
    return SimulationError(message, step=step, time=time, V=V)


def first_unstable(
    settings: RunSettings,
    late: LateSteps,
    fastest: Callable[[State, float], tuple[str, float]],
    inputs: Inputs,
) -> tuple[int, str] | None:
    """Return at which of these steps a method was unstable first, and a sentence on why.

    `fastest` returns which variable is fastest in a state and under a conductance of the stimulus
    (mS/cm²), and its rate in 1/ms.
    """
    known = np.zeros(len(late))
    known[max(len(late) - inputs.G.size, 0) :] = inputs.G[-len(late) :]
    dt, stable_below = settings.dt, METHODS[settings.method].stable_below
    for place, (step, state) in enumerate(late):
        what, rate = fastest(state, float(known[place]))
        if rate * dt > stable_below:
            return place, (
                f"dt times the fastest rate exceeds {stable_below:.3g}, where "
                f"{NAMES[settings.method]} is unstable: at step {step} (V = {state[0]:.6g} mV) "
                f"{what} moves at {rate:.3g} per ms, and dt is {dt:g} ms."
            )
    return None


def _driven_to(model: Any, V: list[float]) -> list[float]:
    """Return the V (mV) beyond the reversal potentials to which a run was driven, if it was.

    `V` is that before each step, from the first at which dt is too long. After a step that overshot
    it does not continue outward.
    """
    low, high = _reversals(model)
    if low <= V[0] <= high:
        return []
    outward, farthest = -1 if V[0] < low else 1, V[0]
    for later in V[1:]:
        if (later - farthest) * outward < 0 or not abs(later) <= LOST_V:
            break
        farthest = later
    return [farthest] if farthest != V[0] else []


def _held_at(scratch: Any, inputs: Inputs) -> list[float]:
    """Return the V (mV) beyond the reversal potentials at which the stimulus holds the cell."""
    held = []
    for extreme, end, outward in zip((np.min, np.max), _reversals(scratch), (-1, 1), strict=True):
        inner, outer = end, end + outward * LOST_V
        if _pull(scratch, inner, extreme(inputs.at(inner))) * outward > 0:
            for _ in range(50):
                middle = 0.5 * (inner + outer)
                if _pull(scratch, middle, extreme(inputs.at(middle))) * outward > 0:
                    inner = middle
                else:
                    outer = middle
            held.append(inner)
    return held


def _pull(scratch: Any, V: float, current: float) -> float:
    """Return the current that charges the membrane at `V` (mV) with steady gates."""
    with np.errstate(all="ignore"):
        a = np.array(_Rates(scratch).checked_rates_at(np.array([V]))[0])
        alpha, beta = np.split(a, 2)
        return current - membrane.current_of(scratch, V, alpha / (alpha + beta))


def latest(stimulus: "RunStimulus", step: int, dt: float) -> Inputs:
    """Return the stimulus of some steps up to number `step`; of none where that is not known."""
    first = max(0, step - LOOK_BACK)
    if isinstance(stimulus, np.ndarray):
        currents = stimulus[first : step + 1]
        return Inputs(currents, np.zeros(currents.size))
    reader = stimulus.reader_at(dt, first)
    if reader is None:
        return Inputs(np.empty(0), np.empty(0))
    return Inputs(*reader.read_arrays(step + 1 - first))


def _reversals(model: Any) -> tuple[float, float]:
    """Return the lowest and the highest reversal potential of a model, in mV."""
    potentials = [float(getattr(model, name, 0.0)) for name in REVERSALS]
    return min(potentials), max(potentials)


class _Rates:
    """The rates of a model, evaluated one by one."""

    def __init__(self, scratch: Any) -> None:
        self._scratch = scratch

    def checked_rates_at(self, V: FloatArray) -> FloatArray:
        """Return the rates, shape (n, 6), at V (mV), or at some of them if they are very many."""
        some = V[:: 1 + len(V) // MOST_POTENTIALS]
        return np.array([self._at(float(one)) for one in some], dtype=np.float64)

    def _at(self, V: float) -> list[float]:
        self._scratch._UpdateGateTimeConstants(V)
        gates = membrane.gates_of(self._scratch)
        return [gate.alpha for gate in gates] + [gate.beta for gate in gates]


def _suitable_step(scratch: Any, inputs: Inputs, driven: list[float]) -> float:
    """Return the step (ms) that suits the states of the model in an accurate run, or 0 for none.

    States after the divergence do not count. Under very strong currents V is for a moment far from
    where it is otherwise, and no step is known to suit the rates there.
    """
    rates = _Rates(scratch)
    with np.errstate(all="ignore"):
        rise = float(inputs.at(_reversals(scratch)[0]).max(initial=0.0)) / scratch.Cm
        if rise > FASTEST_RISE * gate_speed(scratch, rates):
            return 0.0
        membrane.add_leak(scratch, inputs.G.max(initial=0.0))  # a conductance is as fast
        return rounded_down(largest_advised_step(scratch, rates, driven))


def _ways_out(dt: float, suits: float, far_below: bool, adaptive: bool) -> str:
    """Return what gives the right result where dt is too long, and `suits` is a step that suits.

    `far_below` says whether V is far below all reversal potentials.
    """
    ways = ["method='adaptive', whose steps follow the fastest rate"] * adaptive
    if far_below:
        # There some rates grow exponentially, and the gates follow V without delay.
        gates = "method='exponential_euler', because V is far below all reversal potentials"
        ways += [gates] * adaptive
    elif SHORTEST < suits < dt:
        ways.append(f"a dt of {suits:g} ms or less")
    return ", or ".join(ways or ["a weaker stimulus"])


def is_lost(state: State) -> bool:
    """Whether only a run that diverged ends in such a state."""
    V, *gates = state
    return not (abs(V) <= LOST_V and all(abs(gate) <= LOST_GATE for gate in gates))


def stuck_error(
    model: Any, start: State, last: State, step: int, time: float, why: str
) -> SimulationError:
    """Return the error for an adaptive run from `start` that is stuck at `last`: V (mV) and gates.

    `step` is the number of rows before it, `time` is in ms, `why` says what happened there.
    """
    advice = "Use larger tolerances, or check the stimulus and the parameters."
    what, rate = _fastest(_copy(model), last, 0.0)
    if step == 0 and is_lost(start):
        advice = LOST
    elif rate > STIFF:
        advice = (
            f"There {what} moves at {rate:.3g} per ms. Use a weaker stimulus, or "
            "method='exponential_euler', which is stable at any rate, and see by estimate_error() "
            "whether dt is small enough for it."
        )
    return stuck(last[0], step, time, f"{why}. {advice}")


def stuck(V: float, step: int, time: float, why: str) -> SimulationError:
    """Return the error for an adaptive run that is stuck at `V` (mV), with reason and advice."""
    message = f"the solver is stuck at t = {time:.9g} ms (step {step}), V = {V:.6g} mV: {why}"
    return SimulationError(message, step=step, time=time, V=V)


def rates_error(
    settings: RunSettings, last: State, step: int, why: Exception, *, stored: bool
) -> SimulationError:
    """Return the error for a run in which the rates turn out to depend on more than V."""
    dt, V = settings.dt, last[0]
    message = (
        f"the run cannot continue at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV: of "
        f"_UpdateGateTimeConstants it was found that {why}. Use method='euler'"
    )
    message += ", without to=." if stored else "."
    return SimulationError(message, step=step, time=step * dt, V=V)


def _copy(model: Any) -> Any:
    """Return a copy to evaluate, or None: the error does not need a cause."""
    try:
        return copy.deepcopy(model)
    except Exception:  # of a user's model
        return None


def _fastest(scratch: Any, state: State, g: float) -> tuple[str, float]:
    """Return which of V and the gates is fastest at `state`, and its rate in 1/ms.

    `g` is the conductance of the stimulus, in mS/cm².
    """
    V, *open_fractions = state
    try:
        with np.errstate(all="ignore"):
            scratch.Vm = V
            scratch._UpdateGateTimeConstants(V)
            gates = zip(GATES, membrane.gates_of(scratch), strict=True)
            rates = {f"gate {name}": float(gate.alpha + gate.beta) for name, gate in gates}
            rates["V"] = float(membrane.rate_of(scratch, open_fractions) + g / scratch.Cm)
    except Exception:  # of a user's model, or there is none
        return "", 0.0
    what = max(rates, key=lambda name: rates[name])
    return what, rates[what]

"""The Hodgkin-Huxley equations in plain Python: the slow twin that tests the compiled core.

Written from the paper (A. L. Hodgkin and A. F. Huxley, "A quantitative description of membrane
current and its application to conduction and excitation in nerve", J. Physiol. 117, 500-544, 1952)
and from nothing else, one float at a time, so that it shares no line with what it tests. The paper
counts a depolarisation as negative; here, as everywhere today, V and the current have the other
sign, which turns its V into -V. Units: mV, ms, mS/cm², µA/cm², µF/cm², 1/ms; V is relative to rest.

`euler`, `exponential_euler` and `rk4` are the stepping rules of the package, `solve` is what the
equations themselves say.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq


class Parameters(NamedTuple):
    """One patch of membrane: table 3 of the paper, but EKleak as pyHH has it (paper: 10.613)."""

    Cm: float = 1.0
    gNa: float = 120.0
    gK: float = 36.0
    gKleak: float = 0.3
    ENa: float = 115.0
    EK: float = -12.0
    EKleak: float = 10.6


class State(NamedTuple):
    """Membrane potential in mV and the three gates; also the order of `y` in the ODE."""

    V: float
    m: float
    h: float
    n: float


class Rates(NamedTuple):
    """The six rates in 1/ms at one membrane potential."""

    alpha_m: float
    beta_m: float
    alpha_h: float
    beta_h: float
    alpha_n: float
    beta_n: float


class Currents(NamedTuple):
    """The three ionic currents in µA/cm², positive outward."""

    INa: float
    IK: float
    IKleak: float


@dataclass
class Traces:
    """What `euler` records: V and gates after each step, currents at its beginning."""

    V: list[float] = field(default_factory=list)
    m: list[float] = field(default_factory=list)
    h: list[float] = field(default_factory=list)
    n: list[float] = field(default_factory=list)
    INa: list[float] = field(default_factory=list)
    IK: list[float] = field(default_factory=list)
    IKleak: list[float] = field(default_factory=list)

    @property
    def last(self) -> State:
        """The state after the last step."""
        return State(self.V[-1], self.m[-1], self.h[-1], self.n[-1])


@dataclass
class Solution:
    """What `solve` found: upward threshold crossings in ms, and the state at any time."""

    spike_times: list[float]
    end: State
    at: Callable[[float], State]


def _exp(x: float) -> float:
    """Return e^x, infinity where `math.exp` would raise (a diverging run gets there)."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _linoid(x: float) -> float:
    """Return x / (1 - e^-x), which is 1 at x = 0; expm1 keeps all digits beside 0."""
    if x == 0:
        return 1.0
    try:
        return x / -math.expm1(-x)
    except OverflowError:
        return 0.0


def rates(V: float) -> Rates:
    """Return the rates at V: equations (12), (13), (20), (21), (23) and (24) of the paper."""
    return Rates(
        alpha_m=_linoid((V - 25) / 10),
        beta_m=4 * _exp(-V / 18),
        alpha_h=0.07 * _exp(-V / 20),
        beta_h=1 / (_exp((30 - V) / 10) + 1),
        alpha_n=0.1 * _linoid((V - 10) / 10),
        beta_n=0.125 * _exp(-V / 80),
    )


def steady(V: float) -> State:
    """Return V with every gate at its steady state for it."""
    r = rates(V)
    return State(
        V,
        r.alpha_m / (r.alpha_m + r.beta_m),
        r.alpha_h / (r.alpha_h + r.beta_h),
        r.alpha_n / (r.alpha_n + r.beta_n),
    )


def pyhh_start(V: float = 0.0) -> State:
    """Return the state of a new pyHH model: like `steady`, but h is 0."""
    return steady(V)._replace(h=0.0)


def currents(parameters: Parameters, state: State) -> Currents:
    """Return the ionic currents: equation (26) of the paper, term by term."""
    p, (V, m, h, n) = parameters, state
    return Currents(
        INa=p.gNa * m * m * m * h * (V - p.ENa),
        IK=p.gK * n * n * n * n * (V - p.EK),
        IKleak=p.gKleak * (V - p.EKleak),
    )


def equilibrium(parameters: Parameters, current: float = 0.0) -> State:
    """Return the steady state under a constant current (of this parameter set's only one)."""

    def net_current(V: float) -> float:
        return sum(currents(parameters, steady(V))) - current

    return steady(brentq(net_current, -80.0, 80.0, xtol=1e-14, rtol=1e-15))


def right_hand_side(
    t: float,
    y: Sequence[float],
    I: float,  # noqa: E741 (the paper's letter)
    parameters: Parameters,
) -> list[float]:
    """Return dV/dt, dm/dt, dh/dt and dn/dt under the current I, in the form SciPy needs."""
    state = State(*y)
    r = rates(state.V)
    return [
        (I - sum(currents(parameters, state))) / parameters.Cm,
        r.alpha_m * (1 - state.m) - r.beta_m * state.m,
        r.alpha_h * (1 - state.h) - r.beta_h * state.h,
        r.alpha_n * (1 - state.n) - r.beta_n * state.n,
    ]


def eigenvalues(parameters: Parameters, V: float) -> np.ndarray:
    """Return those of the Jacobian at V and the gates steady for it, in 1/ms."""
    at, step = np.array(steady(V)), 1e-5
    above, below = (
        [right_hand_side(0, at + side * step * axis, 0.0, parameters) for axis in np.eye(4)]
        for side in (1, -1)
    )
    return np.linalg.eigvals(np.subtract(above, below).T / (2 * step))


def euler(parameters: Parameters, state: State, stimulus: Sequence[float], dt: float) -> Traces:
    """Take one forward Euler step of dt ms for each value of the stimulus.

    Rates, currents and V that they are computed from are those before the step. A run that diverges
    continues with infinities and NaN.
    """
    traces = Traces()
    for applied in stimulus:
        flow = currents(parameters, state)
        slope = right_hand_side(0.0, state, float(applied), parameters)
        state = State(*(x + dt * dx for x, dx in zip(state, slope, strict=True)))
        for trace, value in zip(vars(traces).values(), (*state, *flow), strict=True):
            trace.append(value)
    return traces


def exponential_euler(
    parameters: Parameters, state: State, stimulus: Sequence[float], dt: float
) -> Traces:
    """As `euler`, but each variable is solved exactly over dt at constant rates.

    First the gates, at the rates of V before the step; then V, at the conductances of the gates
    after it.
    """
    p, traces = parameters, Traces()
    for applied in stimulus:
        flow = currents(p, state)
        r = rates(state.V)
        m = _after_constant_rates(state.m, r.alpha_m, r.beta_m, dt)
        h = _after_constant_rates(state.h, r.alpha_h, r.beta_h, dt)
        n = _after_constant_rates(state.n, r.alpha_n, r.beta_n, dt)
        gNa, gK = p.gNa * m**3 * h, p.gK * n**4
        conductance = gNa + gK + p.gKleak
        driven = float(applied) + gNa * p.ENa + gK * p.EK + p.gKleak * p.EKleak
        if conductance == 0:
            V = state.V + dt * driven / p.Cm
        else:
            settled = driven / conductance
            V = settled + (state.V - settled) * math.exp(-dt * conductance / p.Cm)
        state = State(V, m, h, n)
        for trace, value in zip(vars(traces).values(), (*state, *flow), strict=True):
            trace.append(value)
    return traces


def _after_constant_rates(x: float, alpha: float, beta: float, dt: float) -> float:
    """Return a gate after dt at constant rates."""
    settled = alpha / (alpha + beta)
    return settled + (x - settled) * math.exp(-dt * (alpha + beta))


def rk4(parameters: Parameters, state: State, stimulus: Sequence[float], dt: float) -> Traces:
    """As `euler`, but with the classic fourth-order method of Runge and Kutta."""
    traces = Traces()
    for applied in stimulus:
        flow = currents(parameters, state)

        def slope(y: State, I: float = float(applied)) -> list[float]:  # noqa: E741
            return right_hand_side(0.0, y, I, parameters)

        def moved(k: Sequence[float], far: float, start: State = state) -> State:
            return State(*(x + far * dx for x, dx in zip(start, k, strict=True)))

        k1 = slope(state)
        k2 = slope(moved(k1, dt / 2))
        k3 = slope(moved(k2, dt / 2))
        k4 = slope(moved(k3, dt))
        mean = [(a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(k1, k2, k3, k4, strict=True)]
        state = moved(mean, dt)
        for trace, value in zip(vars(traces).values(), (*state, *flow), strict=True):
            trace.append(value)
    return traces


def spike_times(V: Sequence[float], dt: float, V_start: float, threshold: float) -> list[float]:
    """Return when V, known at 0, dt, 2·dt, …, reaches the threshold from below, interpolated."""
    path = [V_start, *V]
    return [
        (i + (threshold - before) / (after - before)) * dt
        for i, (before, after) in enumerate(pairwise(path))
        if before < threshold <= after
    ]


def solve(
    parameters: Parameters,
    state: State,
    protocol: Sequence[tuple[float, float]],
    *,
    threshold: float = 50.0,
    rtol: float = 1e-12,
    atol: float = 1e-12,
    dense: bool = False,
) -> Solution:
    """Integrate the equations to (nearly) the last digit, with SciPy's DOP853.

    The protocol is a sequence of (duration in ms, current). The integration starts again where the
    current changes, so that no step reaches across a jump. Only with `dense`, which takes four
    times as long, the solution has `at`.
    """

    def slope(t: float, y: np.ndarray, *rest: Any) -> list[float]:
        return right_hand_side(t, y.tolist(), *rest)  # floats are faster than NumPy's scalars

    def crossing(t: float, y: Sequence[float], *_: object) -> float:
        return float(y[0]) - threshold

    crossing.direction = 1.0  # type: ignore[attr-defined]

    spikes: list[float] = []
    borders, pieces = [0.0], []
    for duration, current in protocol:
        begin = borders[-1]
        result = solve_ivp(
            slope,
            (begin, begin + duration),
            state,
            method="DOP853",
            args=(current, parameters),
            rtol=rtol,
            atol=atol,
            events=crossing,
            dense_output=dense,
        )
        if not result.success:
            raise RuntimeError(result.message)
        spikes += [float(t) for t in result.t_events[0]]
        pieces.append(result.sol)
        borders.append(begin + duration)
        state = State(*(float(x) for x in result.y[:, -1]))

    def at(t: float) -> State:
        piece = min(int(np.searchsorted(borders, t, side="right")) - 1, len(pieces) - 1)
        return State(*(float(x) for x in pieces[piece](t)))

    return Solution(spikes, state, at)

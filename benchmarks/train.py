"""The problem of accuracy.py: one second of firing, and what its spike times are.

10 µA/cm² from 50 ms on, gates steady at V = 0: 65 spikes, upward crossings of 50 mV. An error of
the period adds up from spike to spike, so the last tells how good the method is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import exp
from typing import Any, ClassVar

import numpy as np
from cell import STIMULUS, Disagreement, FloatArray, start

ONSET, END = 50.0, 1_000.0  # ms
THRESHOLD = 50.0  # mV
SPIKES = 65
FAR_OFF = (
    4.0  # ms: more than the error of any spike, even with coarse steps, if the cell is the same
)


class Solver(ABC):
    """One way to solve it, at one setting. Making it is its set-up.

    Making it raises ImportError or `Unavailable` where it cannot be had.
    """

    label: ClassVar[str]
    package: ClassVar[str]
    settings: ClassVar[tuple[float, ...]]
    """Steps in ms, or tolerances."""
    setting_name: ClassVar[str] = "dt"

    def __init__(self, setting: float) -> None:
        self._setting = setting

    @abstractmethod
    def prepare(self) -> Callable[[], Any]:
        """Return a call that solves it, from the start."""

    def spike_times(self, result: Any) -> FloatArray:
        """Return the spike times, in ms, from what the call returned."""
        return np.asarray(result)


def stimulus(dt: float, current: float = STIMULUS) -> FloatArray:
    """Return the stimulus of each step."""
    steps = np.arange(round(END / dt))
    return np.where(steps < round(ONSET / dt), 0.0, current)


def slopes(V: float, m: float, h: float, n: float, current: float) -> tuple[float, ...]:
    """Return the time derivatives of V, m, h and n, from the paper; numba compiles it too."""
    alpha_n = 0.01 * (10 - V) / (exp((10 - V) / 10) - 1) if V != 10 else 0.1
    beta_n = 0.125 * exp(-V / 80)
    alpha_m = 0.1 * (25 - V) / (exp((25 - V) / 10) - 1) if V != 25 else 1.0
    beta_m = 4 * exp(-V / 18)
    alpha_h = 0.07 * exp(-V / 20)
    beta_h = 1 / (exp((30 - V) / 10) + 1)
    I_Na = 120 * m * m * m * h * (V - 115)
    I_K = 36 * n * n * n * n * (V + 12)
    return (
        current - I_Na - I_K - 0.3 * (V - 10.6),
        alpha_m * (1 - m) - beta_m * m,
        alpha_h * (1 - h) - beta_h * h,
        alpha_n * (1 - n) - beta_n * n,
    )


def solved_by_scipy(method: str, tolerance: float) -> FloatArray:
    """Return the spike times as SciPy's `solve_ivp` finds them, with events."""
    from scipy.integrate import solve_ivp

    def right_hand_side(t: float, y: FloatArray, current: float) -> tuple[float, ...]:
        return slopes(*y.tolist(), current)

    def crossing(t: float, y: FloatArray, current: float) -> float:
        return float(y[0]) - THRESHOLD

    crossing.direction = 1.0  # type: ignore[attr-defined]
    y, times = np.array(start()), []
    for begin, end, current in ((0.0, ONSET, 0.0), (ONSET, END, STIMULUS)):
        solution = solve_ivp(
            *(right_hand_side, (begin, end), y, method),
            args=(current,),
            events=crossing,
            rtol=tolerance,
            atol=tolerance,
        )
        times.append(solution.t_events[0])
        y = solution.y[:, -1]
    return np.concatenate(times)


def exact_spike_times() -> FloatArray:
    """Return the spike times to some 1e-10 ms."""
    return solved_by_scipy("DOP853", 1e-13)


def largest_error(solver: Solver, times: FloatArray, exact: FloatArray) -> float:
    """Return the largest error of a spike time, in ms; Disagreement where it is another cell."""
    if times.size != exact.size:
        raise Disagreement(f"{solver.label}: {times.size} spikes, not {exact.size}")
    error = float(np.abs(times - exact).max())
    if not error <= FAR_OFF:
        raise Disagreement(f"{solver.label}: a spike is {error:.2g} ms off")
    return error

"""The run that all rows of single_cell.py make, and how their results are compared.

Nothing here imports a simulator, this package included: cold_start.py times those imports.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from math import exp
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Traces = Mapping[str, FloatArray]
"""pyHH's names and units: V relative to rest in mV, currents in µA/cm², outward positive."""

STEP = 0.01  # ms
STIMULUS = 10.0  # µA/cm², constant; the cell fires 69 times a second
TRACES = ("Vm", "StateM", "StateH", "StateN", "INa", "IK", "IKleak")
STATES = TRACES[:4]

PROTOCOLS = {
    "wang_buzsaki": (2.0, -70.0),
    "connor_stevens": (10.0, -68.0),
    "pospischil_ib": (0.5181, -84.0),
    "nine_gates": (10.0, -68.0),
    "hodgkin_huxley": (STIMULUS, -65.0),
    "prinz": (0.0, -50.0),
}
"""What neurons.py runs: a constant current (µA/cm²), and V (mV) at the start, the rest steady."""

SLOW_STEPS = 10_000
"""Most steps of a row that runs in the interpreter."""

SECOND = 1_000.0  # ms
TOLERANCE = 1e-9
"""Largest difference between two runs of forward Euler, relative to the largest value of a trace.

For V that is about 1e-7 mV. Rounding alone, amplified from spike to spike, was seen to reach
7e-9 mV over 10⁶ steps, and to no more over 10⁷; a parameter changed by 1 in 10¹² to 1.4e-7 mV.
"""
SPIKE_TOLERANCE = 0.02  # ms
"""Largest error of a spike time in the first second, once extrapolated to a step of zero.

A leak reversal 0.1 mV off moves the last spike by 1 ms.
"""
SPAN_TOLERANCE = 0.02
"""Largest difference of a trace's extremes between two methods, relative to the trace's span."""


class Unavailable(Exception):
    """What a way needs is not on this machine; the message says what."""


class Disagreement(Exception):
    """Two ways do not simulate the same cell."""


class Way(ABC):
    """One way to simulate the cell: made once, which is its set-up, and run many times.

    Making it raises ImportError or `Unavailable` where it cannot be had.
    """

    label: ClassVar[str]
    package: ClassVar[str]
    """The module to import, for its version and for the time that its import takes."""
    forward_euler: ClassVar[bool] = True
    """Whether every step is pyHH's, in which case the traces must agree number by number."""
    rows_before: ClassVar[bool] = False
    """Whether row i holds V and gates before step i, as simulators record, or, as pyHH, after."""
    threshold: ClassVar[float] = 50.0  # mV
    most_steps: ClassVar[int] = 10**9
    """Slow ways make fewer steps than others, at which they are timed."""
    window: ClassVar[float] = SECOND
    """Spikes are compared up to this time, in ms."""
    tolerance: ClassVar[float] = TOLERANCE
    span_tolerance: ClassVar[float] = SPAN_TOLERANCE
    neuron: ClassVar[str] = ""
    """Which of several neurons it simulates, where it can do so."""

    @classmethod
    @functools.cache
    def of(cls, neuron: str) -> "type[Way]":
        """Return the way for one of the neurons; "" for those that have the cell of this file."""
        own = {"neuron": neuron, "__module__": cls.__module__}
        return type(cls.__name__, (cls,), own) if neuron else cls

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        self._steps, self._dt = steps, dt
        self._names: Sequence[str] = TRACES if all_traces else TRACES[:1]

    @abstractmethod
    def prepare(self) -> Callable[[], Any]:
        """Return a call that makes the run, from the start, into new arrays."""

    def read(self, result: Any) -> Traces:
        """Return what the call returned as traces; V alone where no more was requested."""
        return dict(zip(self._names, map(np.asarray, result), strict=True))


class NeuronWay(Way):
    """A way to simulate one of the neurons of PROTOCOLS."""

    threshold: ClassVar[float] = 0.0
    window: ClassVar[float] = 200.0
    tolerance: ClassVar[float] = 1e-7
    """About 1e-5 mV. A reversal potential changed by 1 in 10¹², to which tables are right, moves V
    by up to 5e-5 mV in 10⁶ steps."""
    span_tolerance: ClassVar[float] = 0.03
    """At 0.01 ms NEURON's peaks of Wang and Buzsáki's neuron are 3 mV lower, at 0.001 ms 0.3 mV."""


def start() -> tuple[float, float, float, float]:
    """Return V (mV), m, h and n that all rows start from: 0 mV and the gates steady for it."""
    alpha_m, beta_m = 2.5 / (exp(2.5) - 1), 4.0
    alpha_h, beta_h = 0.07, 1 / (exp(3) + 1)
    alpha_n, beta_n = 0.1 / (exp(1) - 1), 0.125
    m, h, n = (
        alpha_m / (alpha_m + beta_m),
        alpha_h / (alpha_h + beta_h),
        alpha_n / (alpha_n + beta_n),
    )
    return 0.0, m, h, n


def largest_difference(way: Way, traces: Traces, expected: Traces) -> float:
    """Return the largest difference of V, in mV, between two runs of forward Euler.

    Over the steps that both make; `expected` has its states after each step. Raises
    Disagreement where any trace differs by more than TOLERANCE.
    """
    differing_by = {}
    for name, trace in traces.items():
        rows = trace[1:] if way.rows_before and name in STATES else trace
        both = min(rows.size, expected[name].size)
        reference = expected[name][:both]
        difference = float(np.abs(rows[:both] - reference).max())
        if not difference <= way.tolerance * np.abs(reference).max():
            raise Disagreement(f"{way.label}: {name} differs by {difference:.2g}")
        differing_by[name] = difference
    return differing_by["Vm"]


def spike_times(way: Way, V: FloatArray, dt: float) -> FloatArray:
    """Return when V crosses the threshold upward, in ms."""
    return (crossings(V, way.threshold) + (not way.rows_before)) * dt


def crossings(V: FloatArray, threshold: float) -> FloatArray:
    """Return where V crosses a threshold upward, in rows, interpolated linearly."""
    rows = np.flatnonzero((V[:-1] < threshold) & (V[1:] >= threshold))
    return np.asarray(rows + (threshold - V[rows]) / (V[rows + 1] - V[rows]))


def exact_spike_times(way: type[Way]) -> FloatArray:
    """Return the spike times that `way` tends to as its step goes to zero."""
    return _extrapolated(way, STEP / 10, all_traces=True)[1]


def spike_error(way: type[Way], exact: FloatArray) -> float:
    """Return the error of the last spike of a second, in ms; late is positive.

    Whatever the method, with ever smaller steps all spikes must converge to forward Euler's;
    Disagreement is raised where they do not, which is what another cell would do.
    """
    times, extrapolated = _extrapolated(way, STEP, all_traces=False)
    if extrapolated.size != exact.size:
        raise Disagreement(f"{way.label}: {extrapolated.size} spikes, not {exact.size}")
    error = float(np.abs(extrapolated - exact).max())
    if not error <= SPIKE_TOLERANCE:
        raise Disagreement(f"{way.label}: a spike is {error:.2g} ms off")
    return float(times[-1] - exact[-1])


def check_extremes(way: Way, traces: Traces, expected: Traces) -> None:
    """Raise Disagreement where a trace does not span what it should: another gate, other units."""
    for name, trace in traces.items():
        reference = expected[name][: trace.size]
        span = float(np.ptp(reference))
        off = max(abs(trace.min() - reference.min()), abs(trace.max() - reference.max()))
        if not off <= way.span_tolerance * span:
            raise Disagreement(f"{way.label}: {name} reaches {off / span:.1%} of its span off")


def _extrapolated(way: type[Way], dt: float, *, all_traces: bool) -> tuple[FloatArray, FloatArray]:
    """Return the spike times at `dt`, and as extrapolated from `dt` and half of it to zero."""
    times = []
    for step in (dt, dt / 2):
        instance = way(round(way.window / step) + 1, step, all_traces)
        V = instance.read(instance.prepare()())["Vm"]
        found = spike_times(instance, V, step)
        times.append(found[found < way.window])
    coarse, fine = times
    if coarse.size != fine.size:
        raise Disagreement(f"{way.label}: {coarse.size} spikes, {fine.size} at half the step")
    return coarse, 2 * fine - coarse

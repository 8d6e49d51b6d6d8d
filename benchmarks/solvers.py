"""Solvers of train.py in this package, in SciPy, and as one would write them by hand."""

import ctypes
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import train
from cell import STIMULUS, FloatArray, crossings, start
from loops import compiled
from train import END, ONSET, THRESHOLD, Solver, solved_by_scipy, stimulus

import pyhh_fast as pyhh

TOLERANCES = (
    *(1e-2, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6),
    *(10.0**-power for power in range(6, 12)),
)


def model() -> pyhh.HHModel:
    """Return the cell at the start."""
    cell = pyhh.HHModel()
    cell.Vm, cell.m.state, cell.h.state, cell.n.state = start()
    return cell


class ThisPackage(Solver):
    """Spikes alone; a row every `dt`, which for methods of fixed step is the step.

    The rates for a new dt are made once, in 0.1 to 0.3 ms, and not timed, like compilation.
    """

    package: ClassVar[str] = "pyhh_fast"
    method: ClassVar[str]
    record: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setting: float) -> None:
        self._dt = setting
        self._options: dict[str, Any] = {"method": self.method, "record": self.record}
        self._stimulus = stimulus(setting)

    def prepare(self) -> Callable[[], Any]:
        simulation = pyhh.Simulation(model())
        pyhh.Simulation(model()).run([0.0], self._dt, **self._options)
        return lambda: simulation.run(self._stimulus, self._dt, **self._options)

    def spike_times(self, result: Any) -> FloatArray:
        times: FloatArray = result.spike_times
        return times


class Euler(ThisPackage):
    label = "this package, `euler`"
    method = "euler"
    settings = (0.05, 0.02, 0.01, 0.002, 0.001)


class ExponentialEuler(ThisPackage):
    label = "this package, `exponential_euler`"
    method = "exponential_euler"
    settings = (0.05, 0.02, 0.01, 0.002, 0.001)


class RK4(ThisPackage):
    label = "this package, `rk4`"
    method = "rk4"
    settings = (0.05, 0.02, 0.01, 0.005)


class Adaptive(ThisPackage):
    """Spikes alone, so a row every 50 ms will do."""

    label = "this package, `adaptive`"
    method = "adaptive"
    setting_name = "tolerance"
    settings = TOLERANCES
    row = 50.0  # ms

    def __init__(self, setting: float) -> None:
        super().__init__(self.row)
        self._options |= {"rtol": setting, "atol": setting}


class AdaptiveTraces(Adaptive):
    label = "the same, and all traces every 0.01 ms"
    record = pyhh.variables.TRACES
    row = 0.01


class SciPyDOP853(Solver):
    label = "SciPy `solve_ivp`, DOP853 with events"
    package = "scipy"
    setting_name = "tolerance"
    method: ClassVar[str] = "DOP853"
    settings = (1e-5, 1e-6, 1e-7, 1e-8, 1e-10)

    def prepare(self) -> Callable[[], Any]:
        return lambda: solved_by_scipy(self.method, self._setting)


class SciPyLSODA(SciPyDOP853):
    label = "SciPy `solve_ivp`, LSODA with events"
    method = "LSODA"
    settings = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-11)


class PlainCEuler(Solver):
    """The yardstick: forward Euler in plain C with libm's `exp`, V only."""

    label = "plain C forward Euler, libm's `exp`, `cc -O2`"
    package = "ctypes"
    settings = (0.01,)

    def __init__(self, setting: float) -> None:
        super().__init__(setting)
        self._stimulus = stimulus(setting)
        library = ctypes.CDLL(str(compiled("plain_loop.c", "-O2")))
        self._loop = library.only_V
        self._loop.argtypes = [ctypes.c_ssize_t, *[ctypes.c_double] * 5, *[ctypes.c_void_p] * 2]
        self._loop.restype = None

    def prepare(self) -> Callable[[], Any]:
        def call() -> FloatArray:
            V = np.empty(self._stimulus.size)
            addresses = [array.ctypes.data for array in (self._stimulus, V)]
            self._loop(V.size, self._setting, *start(), *addresses)
            return V

        return call

    def spike_times(self, result: Any) -> FloatArray:
        return (crossings(result, THRESHOLD) + 1) * self._setting


class NumbaRK4(Solver):
    """The classic method by hand; spikes on the cubic through both ends of their step."""

    label = "numba, RK4 by hand"
    package = "numba"
    settings = (0.05, 0.04, 0.025, 0.0125, 0.01, 0.005)

    def __init__(self, setting: float) -> None:
        super().__init__(setting)
        self._solve = self._compiled()
        self._solve(0.0, 0.1, *start(), setting)  # compiles: part of the set-up

    def prepare(self) -> Callable[[], Any]:
        return lambda: self._solve(ONSET, END, *start(), self._setting)

    def _compiled(self) -> Any:
        return _numba_rk4()


class NumbaAdaptive(NumbaRK4):
    """Dormand and Prince's 5(4) by hand, with its interpolant and a PI controller."""

    label = "numba, Dormand-Prince 5(4) by hand"
    setting_name = "tolerance"
    settings = (1e-3, 3e-4, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)

    def _compiled(self) -> Any:
        return _numba_adaptive()


def _numba_rk4() -> Any:
    from numba import njit

    slopes = njit(inline="always")(train.slopes)

    @njit
    def hermite_crossing(V0, V1, rise0, rise1, level):
        low, high = 0.0, 1.0
        for _ in range(60):
            u = 0.5 * (low + high)
            left = (1 + 2 * u) * V0 + u * rise0
            right = (3 - 2 * u) * V1 + (u - 1) * rise1
            if (1 - u) * (1 - u) * left + u * u * right < level:
                low = u
            else:
                high = u
        return high

    @njit
    def solve(onset, end, V, m, h, n, dt):
        times = np.empty(1_000)
        found = 0
        steps, quiet = round(end / dt), round(onset / dt)
        for i in range(steps):
            I = 0.0 if i < quiet else STIMULUS  # noqa: E741
            a, b, c, d = slopes(V, m, h, n, I)
            half = 0.5 * dt
            a2, b2, c2, d2 = slopes(V + half * a, m + half * b, h + half * c, n + half * d, I)
            a3, b3, c3, d3 = slopes(V + half * a2, m + half * b2, h + half * c2, n + half * d2, I)
            a4, b4, c4, d4 = slopes(V + dt * a3, m + dt * b3, h + dt * c3, n + dt * d3, I)
            before = V
            V += dt / 6 * (a + 2 * a2 + 2 * a3 + a4)
            m += dt / 6 * (b + 2 * b2 + 2 * b3 + b4)
            h += dt / 6 * (c + 2 * c2 + 2 * c3 + c4)
            n += dt / 6 * (d + 2 * d2 + 2 * d3 + d4)
            if before < THRESHOLD <= V:
                e, _, _, _ = slopes(V, m, h, n, I)
                u = hermite_crossing(before, V, dt * a, dt * e, THRESHOLD)
                times[found] = (i + u) * dt
                found += 1
        return times[:found].copy()

    return solve


def _numba_adaptive() -> Any:
    from numba import njit
    from scipy.integrate import RK45

    slopes = njit(inline="always")(train.slopes)
    A, B, E, P = RK45.A, RK45.B, RK45.E, RK45.P

    @njit
    def stretch(y, t, end, I, tolerance, times, found):  # noqa: E741
        k = np.empty((7, 4))
        z = np.empty(4)
        k[0] = slopes(y[0], y[1], y[2], y[3], I)
        dt, before = 0.01, 1.0
        while t < end:
            cut = t + 1.01 * dt >= end
            step = end - t if cut else dt
            for i in range(1, 7):
                for j in range(4):
                    total = 0.0
                    for l in range(i):  # noqa: E741
                        total += (A[i, l] if i < 6 else B[l]) * k[l, j]
                    z[j] = y[j] + step * total
                k[i] = slopes(z[0], z[1], z[2], z[3], I)
            square = 0.0
            for j in range(4):
                total = 0.0
                for l in range(7):  # noqa: E741
                    total += E[l] * k[l, j]
                scaled = step * total / (tolerance * (1 + max(abs(y[j]), abs(z[j]))))
                square += scaled * scaled
            error = (square / 4) ** 0.5
            if not error <= 1:
                dt = step * max(0.2, 0.9 * error**-0.2)
                continue
            if y[0] < THRESHOLD <= z[0]:
                low, high = 0.0, 1.0
                for _ in range(50):
                    u = 0.5 * (low + high)
                    V = y[0]
                    for l in range(7):  # noqa: E741
                        row = P[l, 0] * u + P[l, 1] * u**2 + P[l, 2] * u**3 + P[l, 3] * u**4
                        V += step * k[l, 0] * row
                    if V < THRESHOLD:
                        low = u
                    else:
                        high = u
                times[found] = t + high * step
                found += 1
            factor = 0.9 * max(error, 1e-4) ** -0.14 * before**0.08
            dt = max(dt, step * min(5.0, factor)) if cut else step * min(5.0, max(0.2, factor))
            before = max(error, 1e-4)
            t = end if cut else t + step
            y[:] = z
            k[0] = k[6]
        return found

    @njit
    def solve(onset, end, V, m, h, n, tolerance):
        times = np.empty(1_000)
        y = np.array([V, m, h, n])
        found = stretch(y, 0.0, onset, 0.0, tolerance, times, 0)
        found = stretch(y, onset, end, STIMULUS, tolerance, times, found)
        return times[:found].copy()

    return solve

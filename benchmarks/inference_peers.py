"""The runs of inference.py in this package, in a loop for numba, as plain Python and in Brian2.

The loop is written once, with the functions of inference_neuron.py, which Python calls and numba
compiles; Brian2 has the equations as a text of its own. All but this package record V and have
their features computed from it by `features.of`.
"""

import math
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import inference_neuron as n
import numpy as np
from cell import FloatArray, Unavailable

STEP_CURRENT = np.zeros(n.STEPS)
STEP_CURRENT[round(n.START / n.DT) : round(n.STOP / n.DT)] = n.CURRENT


class Runs(ABC):
    """Runs with rows of parameters: made once, which is its set-up, and timed many times."""

    label: ClassVar[str]
    package: ClassVar[str]
    most_rows: ClassVar[int]
    """Of slow ways fewer runs are timed."""
    threads: ClassVar[int] = 1
    steps_alike: ClassVar[bool] = True
    """Whether a step is this package's, gates first, so that V must be the same."""

    def __init__(self, theta: FloatArray) -> None:
        self.theta = theta[: self.most_rows]

    @abstractmethod
    def prepare(self, observed: bool) -> Callable[[], Any]:
        """Return a call that makes the runs, where `observed` with their features."""

    @abstractmethod
    def traces(self, noise: FloatArray) -> FloatArray:
        """Return V of the first runs, one for each row of noise, of shape (runs, steps)."""


class ThisPackage(Runs):
    label: ClassVar[str] = "**this package**"
    package: ClassVar[str] = "pyhh_fast"
    most_rows: ClassVar[int] = 2_000

    def __init__(self, theta: FloatArray) -> None:
        import pyhh_fast as pyhh

        super().__init__(theta)
        self._neuron = n.neuron()
        self._options: dict[str, Any] = {"method": n.METHOD, "threads": self.threads}
        self._start = {"start": "steady", "Vm": n.START_V}
        observed = {"duration": n.STEPS * n.DT, "features": n.features()}
        arguments = (self._neuron, list(n.PRIOR), n.stimulus(), n.DT)
        self._simulate = pyhh.simulator(*arguments, **observed, **self._options, **self._start)

    def prepare(self, observed: bool) -> Callable[[], Any]:
        if observed:
            return lambda: self._simulate(self.theta)
        cells, duration = self._cells(len(self.theta)), n.STEPS * n.DT
        return lambda: cells.run(n.stimulus(), n.DT, duration=duration, **self._options)

    def traces(self, noise: FloatArray) -> FloatArray:
        cells = self._cells(len(noise))
        recording = cells.run(STEP_CURRENT + noise, n.DT, record=["Vm"], **self._options)
        V: FloatArray = recording.Vm
        return V

    def _cells(self, size: int) -> Any:
        from pyhh_fast import Population

        values = dict(zip(n.PRIOR, self.theta[:size].T, strict=True))
        return Population.from_model(self._neuron, size, values, **self._start)


class TwoThreads(ThisPackage):
    label: ClassVar[str] = "this package"
    most_rows: ClassVar[int] = 20_000
    threads: ClassVar[int] = 2


def features_of(V: FloatArray) -> FloatArray:
    from pyhh_fast import features

    found = features.of(V, n.DT, n.features(), threshold=0.0)
    return np.column_stack(list(found.values()))


class Loop(Runs):
    """The loop below, run by run."""

    def loop(self) -> Callable[..., None]:
        """Return what runs it."""
        return run_loop

    def prepare(self, observed: bool) -> Callable[[], Any]:
        loop, draw = self.loop(), np.random.default_rng(0)

        def call() -> Any:
            V = np.empty((1, n.STEPS))
            found = []
            for parameters in self.theta:
                noise = draw.standard_normal(n.STEPS)
                loop(parameters, STEP_CURRENT + n.NOISE_SD * noise, True, V[0])
                found += [features_of(V)] if observed else []
            return found

        return call

    def traces(self, noise: FloatArray, staggered: bool = True) -> FloatArray:
        loop, V = self.loop(), np.empty(noise.shape)
        for parameters, own, trace in zip(self.theta, noise, V, strict=False):
            loop(parameters, STEP_CURRENT[: own.size] + own, staggered, trace)
        return V


class PlainPython(Loop):
    label: ClassVar[str] = "plain Python loop with NumPy's functions"
    package: ClassVar[str] = "numpy"
    most_rows: ClassVar[int] = 1


class Numba(Loop):
    label: ClassVar[str] = "numba, the same loop"
    package: ClassVar[str] = "numba"
    most_rows: ClassVar[int] = 100

    def __init__(self, theta: FloatArray) -> None:
        super().__init__(theta)
        self._loop = compiled_loop()

    def loop(self) -> Callable[..., None]:
        return self._loop


def compiled_loop() -> Callable[..., None]:
    from numba import njit
    from numba.extending import register_jitable

    for function in (*n.RATES, toward, between):
        register_jitable(function)
    loop: Callable[..., None] = njit(run_loop)
    return loop


def toward(x: float, inf: float, rate: float) -> float:
    """Return x after a step of exponential decay to inf."""
    return inf + (x - inf) * math.exp(-n.DT * rate)


def between(x: float, alpha: float, beta: float, speed: float) -> float:
    """Return a gate after a step."""
    return toward(x, alpha / (alpha + beta), speed * (alpha + beta))


def run_loop(parameters: FloatArray, current: FloatArray, staggered: bool, out: FloatArray) -> None:
    """Fill `out` with V of a run by exponential Euler.

    V is stepped with the gates after the step, or where not staggered with those before it.
    """
    Cm, g_leak, E_leak, g_Na, V_Na, g_K, V_K, g_M, g_L, g_Kv3, g_NaT, s_h, s_n, s_p = parameters
    V = n.START_V
    U, W = V - V_Na, V - V_K
    m = n.alpha_m(U) / (n.alpha_m(U) + n.beta_m(U))
    h = n.alpha_h(U) / (n.alpha_h(U) + n.beta_h(U))
    k = n.alpha_n(W) / (n.alpha_n(W) + n.beta_n(W))
    p, z = n.inf_p(V), n.inf_z(V)
    q = n.alpha_q(V) / (n.alpha_q(V) + n.beta_q(V))
    r = n.alpha_r(V) / (n.alpha_r(V) + n.beta_r(V))
    a = n.alpha_a(V) / (n.alpha_a(V) + n.beta_a(V))
    b = n.alpha_b(V) / (n.alpha_b(V) + n.beta_b(V))
    Na, K, M, L = m * m * m * h, k * k * k * k, p, q * q * r
    Kv3, NaT = z, a * a * a * b
    for i in range(current.size):
        U, W, v = V - V_Na, V - V_K, V
        m = between(m, n.alpha_m(U), n.beta_m(U), 1.0)
        h = between(h, n.alpha_h(U), n.beta_h(U), s_h)
        k = between(k, n.alpha_n(W), n.beta_n(W), s_n)
        p = toward(p, n.inf_p(v), s_p / n.tau_p(v))
        q = between(q, n.alpha_q(v), n.beta_q(v), 1.0)
        r = between(r, n.alpha_r(v), n.beta_r(v), 1.0)
        z = toward(z, n.inf_z(v), 1 / n.tau_z(v))
        a = between(a, n.alpha_a(v), n.beta_a(v), n.SPEED_34)
        b = between(b, n.alpha_b(v), n.beta_b(v), n.SPEED_34)
        if staggered:
            Na, K, M, L = m * m * m * h, k * k * k * k, p, q * q * r
            Kv3, NaT = z, a * a * a * b
        to_Na, to_K = g_Na * Na + g_NaT * NaT, g_K * K + g_M * M + g_Kv3 * Kv3
        conductance = g_leak + to_Na + to_K + g_L * L
        inward = g_leak * E_leak + n.E_NA * to_Na + n.E_K * to_K + n.E_L * g_L * L + current[i]
        V = toward(V, inward / conductance, conductance / Cm)
        if not staggered:
            Na, K, M, L = m * m * m * h, k * k * k * k, p, q * q * r
            Kv3, NaT = z, a * a * a * b
        out[i] = V


class Brian2(Runs):
    """A standalone program; its method steps V with the gates before the step."""

    label: ClassVar[str] = "Brian2, C++ standalone"
    package: ClassVar[str] = "brian2"
    steps_alike: ClassVar[bool] = False
    most_rows: ClassVar[int] = 100

    EQUATIONS: ClassVar[str] = """
        dV/dt = (I_step(t) + I_noise - g_leak * (V - E_leak) - g_K * n**4 * (V - E_K)
            - (g_Na * m**3 * h + g_NaT * a**3 * b) * (V - E_Na) - g_M * p * (V - E_K)
            - g_L * q**2 * r * (V - E_L) - g_Kv3 * z * (V - E_K)) / (Cm * ms) : 1
        U = V - V_Na : 1
        W = V - V_K : 1
        dm/dt = (1.28 * linoid((U - 13) / 4) * (1 - m) - 1.4 * linoid((40 - U) / 5) * m) / ms : 1
        dh/dt = s_h * (0.128 * exp((17 - U) / 18) * (1 - h)
            - 4 / (1 + exp((40 - U) / 5)) * h) / ms : 1
        dn/dt = s_n * (0.16 * linoid((W - 15) / 5) * (1 - n)
            - 0.5 * exp((10 - W) / 40) * n) / ms : 1
        dp/dt = s_p * (1 / (1 + exp(-(V + 35) / 10)) - p)
            * (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20)) / (1000 * ms) : 1
        dq/dt = (0.209 * linoid((V + 27) / 3.8) * (1 - q) - 0.94 * exp((-75 - V) / 17) * q) / ms : 1
        dr/dt = (0.000457 * exp((-13 - V) / 50) * (1 - r)
            - 0.0065 / (1 + exp((-15 - V) / 28)) * r) / ms : 1
        dz/dt = (1 / (1 + exp((18.7 - V) / 9.7)) - z)
            * (1 + exp((-46.56 - V) / 44.14)) / (4 * ms) : 1
        da/dt = Q * (1.092 * linoid((V + 32) / 6) * (1 - a)
            - 0.744 * linoid((-V - 32) / 6) * a) / ms : 1
        db/dt = Q * (0.09 * linoid((-V - 60) / 6) * (1 - b)
            - 0.09 * linoid((V + 60) / 6) * b) / ms : 1
    """
    PARAMETERS: ClassVar[tuple[str, ...]] = (
        *("Cm", "g_leak", "E_leak", "g_Na", "V_Na", "g_K", "V_K", "g_M", "g_L", "g_Kv3", "g_NaT"),
        *("s_h", "s_n", "s_p"),
    )

    def __init__(self, theta: FloatArray) -> None:
        super().__init__(theta)
        self._program = self._built(len(self.theta), n.STEPS, None)

    def prepare(self, observed: bool) -> Callable[[], Any]:
        if observed:
            return lambda: features_of(self._run(*self._program))
        return lambda: self._execute(self._program[0])

    def traces(self, noise: FloatArray) -> FloatArray:
        return self._run(*self._built(*noise.shape, noise))

    def _execute(self, folder: Any) -> None:
        subprocess.run([Path(folder.name) / "main"], cwd=folder.name, check=True)

    def _run(self, folder: Any, file: Path, shape: tuple[int, int]) -> FloatArray:
        self._execute(folder)
        return np.ascontiguousarray(np.fromfile(file).reshape(shape).T)

    def _built(self, size: int, steps: int, noise: FloatArray | None) -> Any:
        """Have a program written and compiled; return its folder, its file of V and the shape."""
        import brian2

        if not shutil.which("make"):
            raise Unavailable("its standalone mode needs make and a C++ compiler")
        folder = tempfile.TemporaryDirectory()
        brian2.device.reinit()
        brian2.set_device("cpp_standalone", build_on_run=False)
        dt = n.DT * brian2.ms
        namespace = {
            "I_step": brian2.TimedArray(STEP_CURRENT[:steps], dt=dt),
            "linoid": brian2_linoid(),
            "ms": brian2.ms,
        } | {"E_Na": n.E_NA, "E_K": n.E_K, "E_L": n.E_L, "Q": n.SPEED_34, "sd": n.NOISE_SD}
        text = "".join(f"{name} : 1\n" for name in self.PARAMETERS)
        if noise is None:
            text += "I_noise = sd * randn() : 1 (constant over dt)\n"
        else:
            namespace["given"] = brian2.TimedArray(noise.T, dt=dt)
            text += "I_noise = given(t, i) : 1\n"
        cells = brian2.NeuronGroup(
            *(size, self.EQUATIONS + text), method="exponential_euler", dt=dt, namespace=namespace
        )
        for name, values in zip(self.PARAMETERS, self.theta[:size].T, strict=True):
            setattr(cells, name, values)
        cells.V = n.START_V
        for name, value in self._steady(size).items():
            setattr(cells, name, value)
        monitor = brian2.StateMonitor(cells, "V", record=True, when="end")
        brian2.Network(cells, monitor).run(steps * dt)
        brian2.device.build(directory=folder.name, run=False)
        name = brian2.device.get_array_filename(monitor.variables["V"])
        return folder, Path(folder.name) / "results" / name, (steps, size)

    def _steady(self, size: int) -> dict[str, Any]:
        from pyhh_fast import Population

        values = dict(zip(n.PRIOR, self.theta[:size].T, strict=True))
        start = {"start": "steady", "Vm": n.START_V}
        gates = Population.from_model(n.neuron(), size, values, **start).gates
        return {path.split(".")[-1]: values for path, values in gates.items()}


def brian2_linoid() -> Any:
    import brian2

    function = brian2.Function(n.linoid, arg_units=[1], return_unit=1)
    function.implementations.add_implementation(
        "cpp", "double linoid(double x) { return x / -expm1(-x); }"
    )
    return function

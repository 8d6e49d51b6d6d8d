"""The neurons of neurons.py in loops written by hand and in three simulators.

Their equations are a text that numba, NMODL, Brian2 and JAX read alike but for a function, so all
make the same arithmetic; the loop in C has them as one writes them there. Simulators record V
alone, and have one mechanism with all currents, which costs less than one for each channel.
"""

import ctypes
import functools
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import simulators
from cell import PROTOCOLS, NeuronWay, Traces, Unavailable
from loops import compiled
from simulators import brian2_program, jaxley_compartment, neuron_section

TRAUB = """
    alpha_m = 1.28 * linoid((V + 42) / 4)
    beta_m = 1.4 * linoid(-(V + 15) / 5)
    alpha_h = 0.128 * exp(-(V + 38) / 18)
    beta_h = 4 / (1 + exp(-(V + 15) / 5))
    alpha_n = 0.16 * linoid((V + 40) / 5)
    beta_n = 0.5 * exp(-(V + 45) / 40)
    I_leak = 0.01 * (V + 85)
    I_Na = 50 * m * m * m * h * (V - 50)
    I_K = 5 * n * n * n * n * (V + 100)
"""
M_AND_L = """
    p_inf = 1 / (1 + exp(-(V + 35) / 10))
    tau_p = 1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20))
    alpha_p = p_inf / tau_p
    beta_p = (1 - p_inf) / tau_p
    alpha_q = 0.209 * linoid((V + 27) / 3.8)
    beta_q = 0.94 * exp(-(V + 75) / 17)
    alpha_r = 0.000457 * exp(-(V + 13) / 50)
    beta_r = 0.0065 / (1 + exp(-(V + 15) / 28))
    I_M = 0.03 * p * (V + 100)
    I_L = 0.17 * q * q * r * (V - 120.2547)
"""
CONNOR_STEVENS = """
    alpha_m = 3.8 * linoid((V + 29.7) / 10)
    beta_m = 15.2 * exp(-0.0556 * (V + 54.7))
    alpha_h = 0.266 * exp(-(V + 48) / 20)
    beta_h = 3.8 / (1 + exp(-(V + 18) / 10))
    alpha_n = 0.2 * linoid((V + 45.7) / 10)
    beta_n = 0.25 * exp(-(V + 55.7) / 80)
    a_inf = (0.0761 * exp(0.0314 * (V + 94.22)) / (1 + exp(0.0346 * (V + 1.17)))) ** (1.0 / 3.0)
    tau_a = 0.3632 + 1.158 / (1 + exp(0.0497 * (V + 55.96)))
    alpha_a = a_inf / tau_a
    beta_a = (1 - a_inf) / tau_a
    root = 1 + exp(0.0688 * (V + 53.3))
    b_inf = 1 / (root * root * root * root)
    tau_b = 1.24 + 2.678 / (1 + exp(0.0624 * (V + 50)))
    alpha_b = b_inf / tau_b
    beta_b = (1 - b_inf) / tau_b
    I_leak = 0.3 * (V + 17)
    I_Na = 120 * m * m * m * h * (V - 55)
    I_K = 20 * n * n * n * n * (V + 72)
    I_A = 47.7 * a * a * a * b * (V + 75)
"""
WANG_BUZSAKI = """
    alpha_m = linoid((V + 35) / 10)
    m_inf = alpha_m / (alpha_m + 4 * exp(-(V + 60) / 18))
    alpha_h = 0.35 * exp(-(V + 58) / 20)
    beta_h = 5 / (1 + exp(-(V + 28) / 10))
    alpha_n = 0.5 * linoid((V + 34) / 10)
    beta_n = 0.625 * exp(-(V + 44) / 80)
    I_leak = 0.1 * (V + 65)
    I_Na = 35 * m_inf * m_inf * m_inf * h * (V - 55)
    I_K = 9 * n * n * n * n * (V + 90)
"""
H_CURRENT = """
    alpha_x = 0.01 / (1 + exp((V + 80) / 10))
    beta_x = 0.01 - alpha_x
    I_H = 0.02 * x * (V + 40)
"""
PRINZ = """
    m_Na_inf = 1 / (1 + exp(-(V + 25.5) / 5.29))
    m_Na_tau = 2.64 - 2.52 / (1 + exp(-(V + 120) / 25))
    h_Na_inf = 1 / (1 + exp((V + 48.9) / 5.18))
    h_Na_tau = 1.34 / (1 + exp(-(V + 62.9) / 10)) * (1.5 + 1 / (1 + exp((V + 34.9) / 3.6)))
    m_CaT_inf = 1 / (1 + exp(-(V + 27.1) / 7.2))
    m_CaT_tau = 43.4 - 42.6 / (1 + exp(-(V + 68.1) / 20.5))
    h_CaT_inf = 1 / (1 + exp((V + 32.1) / 5.5))
    h_CaT_tau = 210 - 179.6 / (1 + exp(-(V + 55) / 16.9))
    m_CaS_inf = 1 / (1 + exp(-(V + 33) / 8.1))
    m_CaS_tau = 2.8 + 14 / (exp((V + 27) / 10) + exp(-(V + 70) / 13))
    h_CaS_inf = 1 / (1 + exp((V + 60) / 6.2))
    h_CaS_tau = 120 + 300 / (exp((V + 55) / 9) + exp(-(V + 65) / 16))
    m_A_inf = 1 / (1 + exp(-(V + 27.2) / 8.7))
    m_A_tau = 23.2 - 20.8 / (1 + exp(-(V + 32.9) / 15.2))
    h_A_inf = 1 / (1 + exp((V + 56.9) / 4.9))
    h_A_tau = 77.2 - 58.4 / (1 + exp(-(V + 38.9) / 26.5))
    m_KCa_inf = Ca / (Ca + 0.003) / (1 + exp(-(V + 28.3) / 12.6))
    m_KCa_tau = 180.6 - 150.2 / (1 + exp(-(V + 46) / 22.7))
    m_Kd_inf = 1 / (1 + exp(-(V + 12.3) / 11.8))
    m_Kd_tau = 14.4 - 12.8 / (1 + exp(-(V + 28.3) / 19.2))
    m_H_inf = 1 / (1 + exp((V + 75) / 5.5))
    m_H_tau = 2 / (exp(-(V + 169.7) / 11.6) + exp((V - 26.7) / 14.3))
    E_Ca = 12.199915281921312 * log(3 / Ca)
    I_leak = 0 * (V + 50)
    I_Na = 400 * m_Na * m_Na * m_Na * h_Na * (V - 50)
    I_CaT = 2.5 * m_CaT * m_CaT * m_CaT * h_CaT * (V - E_Ca)
    I_CaS = 6 * m_CaS * m_CaS * m_CaS * h_CaS * (V - E_Ca)
    I_A = 50 * m_A * m_A * m_A * h_A * (V + 80)
    I_KCa = 10 * m_KCa * m_KCa * m_KCa * m_KCa * (V + 80)
    I_Kd = 100 * m_Kd * m_Kd * m_Kd * m_Kd * (V + 80)
    I_H = 0.01 * m_H * (V + 20)
    Ca_slope = 4.69744e-05 * rectified(-(I_CaT + I_CaS)) + (5e-05 - Ca) / 200
"""
TEXTS = {
    "wang_buzsaki": WANG_BUZSAKI,
    "connor_stevens": CONNOR_STEVENS,
    "pospischil_ib": TRAUB + M_AND_L,
    "nine_gates": CONNOR_STEVENS + M_AND_L + H_CURRENT,
    "prinz": PRINZ,
}
"""V is in mV, rates in 1/ms, times in ms, currents in µA/cm², calcium in mM.

Gates have alpha and beta, or inf and tau. E_Ca is R T / (2 F) ln(3 / Ca) at 10 °C.
"""


class Equations:
    """A neuron's text, taken apart."""

    def __init__(self, neuron: str) -> None:
        self.current, self.V = PROTOCOLS[neuron]
        self.lines = [line.strip() for line in TEXTS[neuron].splitlines() if line.strip()]
        names = [line.split(" = ")[0] for line in self.lines]
        self.currents = [name for name in names if name.startswith("I_")]
        self.rate_lines = [line for line in self.lines if not line.startswith(("I_", "Ca_"))]
        self.rate_names = [line.split(" = ")[0] for line in self.rate_lines]
        self.current_lines = [line for line in self.lines if line.startswith("I_")]
        self.sum = " + ".join(self.currents)
        self.slopes = {}
        for name in names:
            if name.startswith("beta_"):
                gate = name.removeprefix("beta_")
                self.slopes[gate] = f"alpha_{gate} * (1 - {gate}) - beta_{gate} * {gate}"
            elif name.endswith("_tau"):
                gate = name.removesuffix("_tau")
                self.slopes[gate] = f"({gate}_inf - {gate}) / {gate}_tau"
        self.gates = list(self.slopes)
        self.states = list(self.slopes)
        if "Ca_slope" in names:
            self.slopes["Ca"] = "Ca_slope"
            self.states.append("Ca")

    def values(self, lines: list[str], **known: Any) -> dict[str, Any]:
        """Return what the lines compute."""
        exec("\n".join(lines), known)
        return known

    def start(self) -> dict[str, float]:
        """Return V, and the gates and calcium, steady at it."""
        if "Ca" not in self.states:
            return {"V": self.V, **self._steady_gates()}
        low, high = 1e-9, 1e3
        for _ in range(200):  # calcium is steady where its slope, which falls with it, is 0
            Ca = math.sqrt(low * high)
            known = FUNCTIONS | {"V": self.V, "Ca": Ca} | self._steady_gates(Ca=Ca)
            rising = self.values(self.lines, **known)["Ca_slope"] > 0
            low, high = (Ca, high) if rising else (low, Ca)
        return {"V": self.V, **self._steady_gates(Ca=Ca), "Ca": Ca}

    def _steady_gates(self, **known: float) -> dict[str, float]:
        rates = self.values(self.rate_lines, V=self.V, **known, **FUNCTIONS)
        return {
            g: rates[f"{g}_inf"]
            if f"{g}_inf" in rates and f"{g}_tau" in rates
            else rates[f"alpha_{g}"] / (rates[f"alpha_{g}"] + rates[f"beta_{g}"])
            for g in self.gates
        }


def linoid(x: float) -> float:
    """Return x / (1 - exp(-x))."""
    return x / (1 - exp(-x)) if x != 0 else 1.0


def rectified(x: float) -> float:
    """Return x, or 0 where it is below."""
    return x if x > 0 else 0.0


FUNCTIONS = {"exp": exp, "log": math.log, "linoid": linoid, "rectified": rectified}


class Peer(NeuronWay):
    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        self._neuron = Equations(self.neuron)
        super().__init__(steps, dt, all_traces)
        names = ["Vm", *self._neuron.states, *self._neuron.currents]
        self._names = names if all_traces else names[:1]


class PlainC(Peer):
    label: ClassVar[str] = "plain C, libm's `exp`, `cc -O3`"
    package: ClassVar[str] = "ctypes"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        source = "plain_burster.c" if self.neuron == "prinz" else "plain_neurons.c"
        self._loop = getattr(ctypes.CDLL(str(compiled(source, "-O3"))), f"{self.neuron}_loop")
        doubles, pointers = [ctypes.c_double] * 2, [ctypes.c_void_p] * 2
        self._loop.argtypes = [ctypes.c_ssize_t, *doubles, *pointers, ctypes.c_int]
        self._loop.restype = None
        self._start = np.array(list(self._neuron.start().values()))

    def prepare(self) -> Callable[[], Any]:
        rows, current = len(self._names), self._neuron.current

        def call() -> Any:
            traces = np.empty((rows, self._steps))
            addresses = (self._start.ctypes.data, traces.ctypes.data)
            self._loop(self._steps, self._dt, current, *addresses, rows > 1)
            return traces

        return call


class Numba(Peer):
    label: ClassVar[str] = "numba, NumPy's outputs"
    package: ClassVar[str] = "numba"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        self._loop = _numba_loop(self.neuron, all_traces)
        self._start = tuple(self._neuron.start().values())
        self.prepare(0)()  # compiling is part of the set-up

    def prepare(self, steps: int | None = None) -> Callable[[], Any]:
        steps = self._steps if steps is None else steps

        def call() -> Any:
            traces = [np.empty(steps) for _ in self._names]
            self._loop(steps, self._dt, self._neuron.current, self._start, *traces)
            return traces

        return call


@functools.cache
def _numba_loop(neuron: str, all_traces: bool) -> Any:
    """Return the time loop, compiled: what stepping_loop of loops.py is for its cell."""
    from numba import njit

    text = Equations(neuron)
    outputs = {"V": "V_out"} | {
        name: f"{name}_out" for name in [*text.states, *text.currents] if all_traces
    }
    steps = [
        *text.lines,
        f"V += dt * (stimulus - ({text.sum}))",
        *(f"{state} += dt * ({slope})" for state, slope in text.slopes.items()),
        *(f"{output}[i] = {name}" for name, output in outputs.items()),
    ]
    source = [
        f"def loop(steps, dt, stimulus, start, {', '.join(outputs.values())}):",
        f"    V, {', '.join(text.states)} = start",
        "    for i in range(steps):",
        *(f"        {line}" for line in steps),
    ]
    known = text.values(
        source, exp=exp, log=math.log, linoid=njit(linoid), rectified=njit(rectified)
    )
    return njit(known["loop"])


class Neuron(Peer, simulators.Neuron):
    label: ClassVar[str] = "NEURON, NMODL (V backward Euler, gates exponential)"
    most_steps: ClassVar[int] = 20_000

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        _load_mechanism(self.neuron)

    def prepare(self) -> Callable[[], Any]:
        cell, clamp = neuron_section(self._h, self.neuron, 0.0, 0.1 * self._neuron.current)
        return self._run((cell, clamp), [cell(0.5)._ref_v], self._neuron.V)

    def read(self, result: Any) -> Traces:
        return {"Vm": result[0].as_numpy().copy()}


@functools.cache
def _load_mechanism(neuron: str) -> Any:
    """Have nrnivmodl compile the neuron and NEURON load it; return the folder it is in."""
    from neuron import h

    compiler = shutil.which("nrnivmodl", path=str(Path(sys.executable).parent)) or shutil.which(
        "nrnivmodl"
    )
    if compiler is None:
        raise Unavailable("there is no nrnivmodl")
    text = Equations(neuron)
    nmodl = f"""
NEURON {{ SUFFIX {neuron} NONSPECIFIC_CURRENT i }}
STATE {{ {" ".join(text.gates)} }}
ASSIGNED {{ v i {" ".join(text.rate_names + text.currents)} }}
BREAKPOINT {{
    SOLVE states METHOD cnexp
    {_NEWLINE.join(text.current_lines)}
    i = 0.001 * ({text.sum})
}}
INITIAL {{
    rates()
    {_NEWLINE.join(f"{gate} = alpha_{gate} / (alpha_{gate} + beta_{gate})" for gate in text.gates)}
}}
DERIVATIVE states {{
    rates()
    {_NEWLINE.join(f"{gate}' = {slope}" for gate, slope in text.slopes.items())}
}}
PROCEDURE rates() {{
    {_NEWLINE.join(text.rate_lines)}
}}
FUNCTION linoid(x) {{
    if (x == 0) {{ linoid = 1 }} else {{ linoid = x / (1 - exp(-x)) }}
}}
"""
    folder = tempfile.TemporaryDirectory()
    source = re.sub(r"\bV\b", "v", nmodl).replace("**", "^")
    Path(folder.name, f"{neuron}.mod").write_text(source)
    done = subprocess.run([compiler], cwd=folder.name, capture_output=True, text=True, check=False)
    libraries = list(Path(folder.name).glob("*/libnrnmech.*"))
    if done.returncode or not libraries:
        raise Unavailable(f"nrnivmodl failed: {done.stderr.strip()[-200:]}")
    h.nrn_load_dll(str(libraries[0]))
    return folder


_NEWLINE = "\n    "


class Brian2(Peer, simulators.Brian2Loop):
    @classmethod
    def _built(cls, steps: int, dt: float, all_traces: bool) -> tuple[Any, dict[str, Path]]:
        text = Equations(cls.neuron)
        equations = [
            *(f"{line} : 1" for line in text.lines),
            f"dV/dt = (stimulus - ({text.sum})) / ms : 1",
            *(f"d{gate}/dt = ({slope}) / ms : 1" for gate, slope in text.slopes.items()),
        ]
        known = {"stimulus": text.current} | brian2_functions()
        folder, files = brian2_program("\n".join(equations), known, text.start(), steps, dt, ["V"])
        return folder, {"Vm": files["V"]}


@functools.cache
def brian2_functions() -> dict[str, Any]:
    """Return what the texts call and Brian2 does not have."""
    import brian2

    made = {}
    for function, body in (
        (linoid, "x != 0 ? x / (1 - exp(-x)) : 1"),
        (rectified, "x > 0 ? x : 0"),
    ):
        name = function.__name__
        made[name] = brian2.Function(function, arg_units=[1], return_unit=1)
        source = f"double {name}(double x) {{ return {body}; }}"
        made[name].implementations.add_implementation("cpp", source)
    return made


class Jaxley(Peer, simulators.Jaxley):
    label: ClassVar[str] = "Jaxley (V forward Euler, gates exponential)"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        Peer.__init__(self, steps, dt, all_traces)
        cell = jaxley_compartment(_jaxley_channel(self._neuron), {"v": self._neuron.V}, ["v"])
        self._compile(cell, 0.1 * self._neuron.current, steps, dt)

    def read(self, result: Any) -> Traces:
        return {"Vm": np.asarray(result)[0]}


def _jaxley_channel(text: Equations) -> Any:
    """Return the neuron as a channel."""
    from jax import numpy as jnp
    from jaxley.channels import Channel
    from jaxley.solver_gate import solve_gate_exponential

    def safe(x: Any) -> Any:
        at_0 = x == 0
        return jnp.where(at_0, 1.0, x / (1 - jnp.exp(-jnp.where(at_0, 1.0, x))))

    functions = {"exp": jnp.exp, "linoid": safe}
    first = text.start()

    class Membrane(Channel):
        def __init__(self, name: str | None = None) -> None:
            self.current_is_in_mA_per_cm2 = True
            super().__init__(name)
            self.channel_params: dict[str, float] = {}
            self.channel_states = {gate: first[gate] for gate in text.gates}
            self.current_name = "i_membrane"

        def update_states(self, states: Any, dt: Any, v: Any, params: Any) -> Any:
            rates = text.values(text.rate_lines, V=v, **functions)
            return {
                gate: solve_gate_exponential(
                    states[gate], dt, rates[f"alpha_{gate}"], rates[f"beta_{gate}"]
                )
                for gate in text.gates
            }

        def compute_current(self, states: Any, v: Any, params: Any) -> Any:
            gates = {gate: states[gate] for gate in text.gates}
            currents = text.values(text.lines, V=v, **gates, **functions)
            return 0.001 * sum(currents[name] for name in text.currents)

        def init_state(self, states: Any, v: Any, params: Any, delta_t: Any) -> Any:
            return {}

    return Membrane()

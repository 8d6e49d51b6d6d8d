"""The neurons of neurons.py in loops written by hand and in three simulators.

Their equations are a text that numba, NMODL, Brian2 and JAX read alike but for a function, so all
make the same arithmetic; the loop in C has them as one writes them there. Simulators record V
alone, and have one mechanism with all currents, which costs less than one for each channel.
"""

import ctypes
import functools
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
TEXTS = {
    "wang_buzsaki": WANG_BUZSAKI,
    "connor_stevens": CONNOR_STEVENS,
    "pospischil_ib": TRAUB + M_AND_L,
    "nine_gates": CONNOR_STEVENS + M_AND_L + H_CURRENT,
}
"""V is in mV, rates in 1/ms, currents in µA/cm²."""


class Equations:
    """A neuron's text, taken apart."""

    def __init__(self, neuron: str) -> None:
        self.current, self.V = PROTOCOLS[neuron]
        self.lines = [line.strip() for line in TEXTS[neuron].splitlines() if line.strip()]
        names = [line.split(" = ")[0] for line in self.lines]
        self.gates = [name.removeprefix("beta_") for name in names if name.startswith("beta_")]
        self.currents = [name for name in names if name.startswith("I_")]
        self.rate_lines = [line for line in self.lines if not line.startswith("I_")]
        self.rate_names = [line.split(" = ")[0] for line in self.rate_lines]
        self.current_lines = [line for line in self.lines if line.startswith("I_")]
        self.sum = " + ".join(self.currents)
        self.slopes = {
            gate: f"alpha_{gate} * (1 - {gate}) - beta_{gate} * {gate}" for gate in self.gates
        }

    def values(self, lines: list[str], **known: Any) -> dict[str, Any]:
        """Return what the lines compute."""
        exec("\n".join(lines), known)
        return known

    def start(self) -> dict[str, float]:
        """Return V and the gates, steady at it."""
        rates = self.values(self.rate_lines, V=self.V, exp=exp, linoid=linoid)
        steady = {
            g: rates[f"alpha_{g}"] / (rates[f"alpha_{g}"] + rates[f"beta_{g}"]) for g in self.gates
        }
        return {"V": self.V, **steady}


def linoid(x: float) -> float:
    """Return x / (1 - exp(-x))."""
    return x / (1 - exp(-x)) if x != 0 else 1.0


class Peer(NeuronWay):
    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        self._neuron = Equations(self.neuron)
        super().__init__(steps, dt, all_traces)
        names = ["Vm", *self._neuron.gates, *self._neuron.currents]
        self._names = names if all_traces else names[:1]


class PlainC(Peer):
    label: ClassVar[str] = "plain C, libm's `exp`, `cc -O3`"
    package: ClassVar[str] = "ctypes"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        self._loop = getattr(
            ctypes.CDLL(str(compiled("plain_neurons.c", "-O3"))), f"{self.neuron}_loop"
        )
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
        name: f"{name}_out" for name in [*text.gates, *text.currents] if all_traces
    }
    steps = [
        *text.lines,
        f"V += dt * (stimulus - ({text.sum}))",
        *(f"{gate} += dt * ({slope})" for gate, slope in text.slopes.items()),
        *(f"{output}[i] = {name}" for name, output in outputs.items()),
    ]
    source = [
        f"def loop(steps, dt, stimulus, start, {', '.join(outputs.values())}):",
        f"    V, {', '.join(text.gates)} = start",
        "    for i in range(steps):",
        *(f"        {line}" for line in steps),
    ]
    known = text.values(source, exp=exp, linoid=njit(linoid))
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
        known = {"stimulus": text.current, "linoid": _brian2_linoid()}
        folder, files = brian2_program("\n".join(equations), known, text.start(), steps, dt, ["V"])
        return folder, {"Vm": files["V"]}


@functools.cache
def _brian2_linoid() -> Any:
    import brian2

    source = "double linoid(double x) { return x != 0 ? x / (1 - exp(-x)) : 1; }"
    function = brian2.Function(linoid, arg_units=[1], return_unit=1)
    function.implementations.add_implementation("cpp", source)
    return function


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

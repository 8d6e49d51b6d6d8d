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
from cell import NeuronWay, Traces, Unavailable
from loops import compiled
from neuron_equations import Equations, linoid, rectified
from simulators import brian2_program, jaxley_compartment, neuron_section


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

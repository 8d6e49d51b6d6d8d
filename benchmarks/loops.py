"""The time loop as one would write it by hand: in plain Python, with numba, in C."""

import ctypes
import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from cell import STIMULUS, TRACES, Traces, Unavailable, start


def stepping_loop(all_traces: bool) -> Callable[..., None]:
    """Return the time loop, written from the paper: plain Python, and what numba compiles.

    Numba takes `all_traces` for a constant and drops the branch; in plain Python it is lost in
    the noise. The same loop stands in plain_loop.c.
    """

    def loop(stimulus, dt, V, m, h, n, V_out, m_out, h_out, n_out, INa_out, IK_out, IL_out):
        Cm, gNa, gK, gL = 1.0, 120.0, 36.0, 0.3
        ENa, EK, EL = 115.0, -12.0, 10.6
        for i in range(len(stimulus)):
            alpha_n = 0.01 * (10 - V) / (exp((10 - V) / 10) - 1) if V != 10 else 0.1
            beta_n = 0.125 * exp(-V / 80)
            alpha_m = 0.1 * (25 - V) / (exp((25 - V) / 10) - 1) if V != 25 else 1.0
            beta_m = 4 * exp(-V / 18)
            alpha_h = 0.07 * exp(-V / 20)
            beta_h = 1 / (exp((30 - V) / 10) + 1)

            INa = gNa * m * m * m * h * (V - ENa)
            IK = gK * n * n * n * n * (V - EK)
            IL = gL * (V - EL)
            V += dt * (stimulus[i] - INa - IK - IL) / Cm
            m += dt * (alpha_m * (1 - m) - beta_m * m)
            h += dt * (alpha_h * (1 - h) - beta_h * h)
            n += dt * (alpha_n * (1 - n) - beta_n * n)

            V_out[i] = V
            if all_traces:
                m_out[i], h_out[i], n_out[i] = m, h, n
                INa_out[i], IK_out[i], IL_out[i] = INa, IK, IL

    return loop


class PurePython:
    label: ClassVar[str] = "pure Python, `math` and lists"
    package: ClassVar[str] = "math"
    forward_euler: ClassVar[bool] = True
    rows_before: ClassVar[bool] = False

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        self._stimulus = [STIMULUS] * steps
        self._dt = dt
        self._names = TRACES if all_traces else TRACES[:1]
        self._loop = stepping_loop(all_traces)

    def prepare(self) -> Callable[[], Any]:
        unused: list[list[float]] = [[]] * (len(TRACES) - len(self._names))

        def call() -> Any:
            traces = [[0.0] * len(self._stimulus) for _ in self._names]
            self._loop(self._stimulus, self._dt, *start(), *traces, *unused)
            return traces

        return call

    def read(self, result: Any) -> Traces:
        return {name: np.array(trace) for name, trace in zip(self._names, result, strict=True)}


class Numba:
    label: ClassVar[str] = "numba, NumPy's outputs"
    package: ClassVar[str] = "numba"
    forward_euler: ClassVar[bool] = True
    rows_before: ClassVar[bool] = False

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        from numba import njit

        self._stimulus = np.full(steps, STIMULUS)
        self._dt = dt
        self._names = TRACES if all_traces else TRACES[:1]
        self._loop = njit(stepping_loop(all_traces))
        unused = [np.empty(0)] * len(TRACES)
        self._loop(np.empty(0), dt, *start(), *unused)  # compiles: part of the set-up

    def prepare(self) -> Callable[[], Any]:
        unused = [np.empty(0)] * (len(TRACES) - len(self._names))

        def call() -> Any:
            traces = [np.empty(self._stimulus.size) for _ in self._names]
            self._loop(self._stimulus, self._dt, *start(), *traces, *unused)
            return traces

        return call

    def read(self, result: Any) -> Traces:
        return dict(zip(self._names, result, strict=True))


class NumbaAllocating(Numba):
    """As one would write it: the compiled function makes its outputs itself.

    NumPy's own `empty` asks for huge pages, where the system has them; numba's does not.
    """

    label: ClassVar[str] = "numba, its own outputs"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        from numba import njit

        super().__init__(steps, dt, all_traces)
        if not all_traces:
            raise Unavailable("it is written for all traces")
        loop = self._loop

        @njit
        def run(stimulus, dt, V, m, h, n):
            steps = len(stimulus)
            Vs, ms, hs, ns = np.empty(steps), np.empty(steps), np.empty(steps), np.empty(steps)
            INa, IK, IL = np.empty(steps), np.empty(steps), np.empty(steps)
            loop(stimulus, dt, V, m, h, n, Vs, ms, hs, ns, INa, IK, IL)
            return Vs, ms, hs, ns, INa, IK, IL

        run(np.empty(0), dt, *start())
        self._run = run

    def prepare(self) -> Callable[[], Any]:
        return lambda: self._run(self._stimulus, self._dt, *start())


class PlainC:
    label: ClassVar[str] = "plain C, libm's `exp`, `cc -O2`"
    package: ClassVar[str] = "ctypes"
    forward_euler: ClassVar[bool] = True
    rows_before: ClassVar[bool] = False

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        self._stimulus = np.full(steps, STIMULUS)
        self._dt = dt
        self._names = TRACES if all_traces else TRACES[:1]
        self._folder = tempfile.TemporaryDirectory()
        library = ctypes.CDLL(str(compiled("plain_loop.c", Path(self._folder.name))))
        self._loop = library.all_traces if all_traces else library.only_V
        pointers = [ctypes.c_void_p] * (1 + len(self._names))
        self._loop.argtypes = [ctypes.c_ssize_t, *[ctypes.c_double] * 5, *pointers]
        self._loop.restype = None

    def prepare(self) -> Callable[[], Any]:
        def call() -> Any:
            traces = [np.empty(self._stimulus.size) for _ in self._names]
            addresses = [array.ctypes.data for array in (self._stimulus, *traces)]
            self._loop(self._stimulus.size, self._dt, *start(), *addresses)
            return traces

        return call

    def read(self, result: Any) -> Traces:
        return dict(zip(self._names, result, strict=True))


def compiled(name: str, folder: Path) -> Path:
    """Return a shared library, in `folder`, made of the C source beside this file."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if not shutil.which(compiler[0]):
        raise Unavailable(f"there is no C compiler {compiler[0]!r}")
    source = Path(__file__).with_name(name)
    library = folder / f"{source.stem}{sysconfig.get_config_var('SHLIB_SUFFIX')}"
    command = [*compiler, "-O2", "-shared", "-fPIC", str(source), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{compiler[0]} failed: {done.stderr.strip()[:200]}")
    return library

"""The time loop as one would write it by hand: in plain Python, with numba, in C."""

import ctypes
import functools
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
from cell import SLOW_STEPS, STIMULUS, TRACES, Unavailable, Way, start


def stepping_loop(all_traces: bool) -> Callable[..., None]:
    """Return the time loop, written from the paper: plain Python, and what numba compiles.

    Numba takes `all_traces` for a constant and drops the branch; in plain Python it is lost in
    the noise. The same loop is in plain_loop.c.
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


class PurePython(Way):
    label: ClassVar[str] = "pure Python, `math` and lists"
    most_steps: ClassVar[int] = SLOW_STEPS
    package: ClassVar[str] = "math"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        self._stimulus = self._zeros(steps)
        self._stimulus[:] = [STIMULUS] * steps
        self._loop = self._compiled(stepping_loop(all_traces))
        unused = [self._zeros(0)] * len(TRACES)
        self._loop(self._zeros(0), dt, *start(), *unused)  # compiling is part of the set-up

    def prepare(self) -> Callable[[], Any]:
        unused = [self._zeros(0)] * (len(TRACES) - len(self._names))

        def call() -> Any:
            traces = [self._zeros(self._steps) for _ in self._names]
            self._loop(self._stimulus, self._dt, *start(), *traces, *unused)
            return traces

        return call

    def _zeros(self, size: int) -> Any:
        return [0.0] * size

    def _compiled(self, loop: Callable[..., None]) -> Callable[..., None]:
        return loop


class Numba(PurePython):
    most_steps: ClassVar[int] = Way.most_steps
    label: ClassVar[str] = "numba, NumPy's outputs"
    package: ClassVar[str] = "numba"

    def _zeros(self, size: int) -> Any:
        return np.empty(size)

    def _compiled(self, loop: Callable[..., None]) -> Any:
        from numba import njit

        return njit(loop)


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


class PlainC(Way):
    label: ClassVar[str] = "plain C, libm's `exp`, `cc -O2`"
    package: ClassVar[str] = "ctypes"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        self._stimulus = np.full(steps, STIMULUS)
        library = ctypes.CDLL(str(compiled("plain_loop.c", "-O2")))
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


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@functools.cache
def compiled(name: str, *flags: str) -> Path:
    """Return a shared library made of the C source beside this file."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if not shutil.which(compiler[0]):
        raise Unavailable(f"there is no C compiler {compiler[0]!r}")
    source = Path(__file__).with_name(name)
    made = Path(_folder().name) / "".join([source.stem, *flags])  # a loaded library stays as it is
    library = made.with_suffix(sysconfig.get_config_var("SHLIB_SUFFIX"))
    for command in (
        [*compiler, *flags, "-fPIC", "-c", str(source), "-o", f"{made}.o"],
        # Linked without flags: by -ffast-math, gcc has the whole process flush small numbers.
        [*compiler, "-shared", f"{made}.o", "-o", str(library), "-lm"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{compiler[0]} failed: {done.stderr.strip()[:200]}")
    return library

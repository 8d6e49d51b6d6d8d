"""The loops written by hand that population.py compares with.

They make pyHH's step; their two threads are Python's, a half of the cells each.
"""

import ctypes
import functools
import itertools
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import exp
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from cell import STEP, FloatArray, Unavailable
from loops import compiled

# Read when JAX is imported; its own choice of 256 bits is slower, and the C loop has 512, too.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")

THRESHOLD = 50.0  # mV


@dataclass(frozen=True)
class Cells:
    """What they are, in pyHH's units, and where they start: each at its own rest."""

    current: FloatArray
    gNa: FloatArray
    V: FloatArray
    m: FloatArray
    h: FloatArray
    n: FloatArray

    @property
    def size(self) -> int:
        return self.current.size


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: spikes of each cell, and V at its end where the method is pyHH's."""

    spikes: npt.NDArray[np.int64]
    V: FloatArray | None = None


class PopulationWay(ABC):
    """One way to simulate the population: made once, which is its set-up, and run many times.

    Making it raises ImportError or `Unavailable` where it cannot be had.
    """

    label: ClassVar[str]
    package: ClassVar[str]
    threads: ClassVar[tuple[int, ...]] = (1, 2)
    forward_euler: ClassVar[bool] = True
    """Whether every step is pyHH's, in which case V must agree number by number."""
    most_cells: ClassVar[int] = 1_000_000
    share: ClassVar[int] = 1
    """It makes one of so many steps that fast rows make."""
    note = ""
    """What its build on this machine can do, or how it is used."""

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        self._cells, self._steps, self._threads = cells, steps, threads

    @abstractmethod
    def prepare(self) -> Callable[[], Any]:
        """Return a call that makes the run, from the start."""

    @abstractmethod
    def read(self, result: Any) -> Outcome:
        """Return what the call returned as an outcome."""


class Loop(PopulationWay):
    """A loop over all cells and steps, written by hand: what the three have in common."""

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        super().__init__(cells, steps, threads)
        ends = [cells.size * i // threads for i in range(threads + 1)]
        self._parts = [slice(*pair) for pair in itertools.pairwise(ends)]
        self._pool = ThreadPoolExecutor(threads)

    def prepare(self) -> Callable[[], Any]:
        start = [array.copy() for array in vars(self._cells).values()]
        start.append(np.zeros(self._cells.size, np.int64))
        parts = [self._loaded([array[part] for array in start]) for part in self._parts]
        if len(parts) == 1:
            return lambda: [self._run(parts[0])]
        return lambda: list(self._pool.map(self._run, parts))

    def read(self, result: Any) -> Outcome:
        V, spikes = (np.concatenate(parts, axis=None) for parts in zip(*result, strict=True))
        return Outcome(spikes, V)

    def _loaded(self, arrays: list[Any]) -> list[Any]:
        return arrays

    def _run(self, arrays: list[Any]) -> tuple[Any, Any]:
        """Run a part, given in the order of `Cells`, then spikes; return V and spikes."""
        raise NotImplementedError


class PlainC(Loop):
    label: ClassVar[str] = "plain C, libmvec's `exp`, `cc -O3 -ffast-math`"
    package: ClassVar[str] = "ctypes"

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        super().__init__(cells, steps, threads)
        flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math"]
        library = compiled("plain_population.c", *flags)
        called = re.findall(rb"_ZGV\w(?:N|M)(\d+)v_exp\b", library.read_bytes())
        lanes = max(map(int, called), default=1)
        self.note = f"its `exp` is of {lanes} cells at a time"
        self._population = ctypes.CDLL(str(library)).population
        sizes, numbers = [ctypes.c_ssize_t] * 2, [ctypes.c_double] * 2
        self._population.argtypes = [*sizes, *numbers, *[ctypes.c_void_p] * 7]
        self._population.restype = None

    def _run(self, arrays: list[Any]) -> tuple[Any, Any]:
        addresses = [array.ctypes.data for array in arrays]
        self._population(arrays[0].size, self._steps, STEP, THRESHOLD, *addresses)
        return arrays[2], arrays[6]


class Numba(Loop):
    label: ClassVar[str] = "numba, `fastmath`"
    package: ClassVar[str] = "numba"

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        import numba

        super().__init__(cells, steps, threads)
        svml = "with" if numba.config.USING_SVML else "without"
        self.note = f"{svml} Intel's SVML, which is what vectorises its `exp`"
        self._population = _numba_loop()
        self._run(self._loaded([np.empty(0)] * 6 + [np.empty(0, np.int64)]))  # compiles

    def _run(self, arrays: list[Any]) -> tuple[Any, Any]:
        self._population(self._steps, STEP, THRESHOLD, *arrays)
        return arrays[2], arrays[6]


@functools.cache
def _numba_loop() -> Callable[..., None]:
    """Return the loop of plain_population.c; blocks of other sizes were no faster."""
    import numba

    block = 64

    @numba.njit(nogil=True, fastmath=True, error_model="numpy")
    def population(steps, dt, threshold, current, gNa, Vs, ms, hs, ns, spikes):
        Cm, gK, gL = 1.0, 36.0, 0.3
        ENa, EK, EL = 115.0, -12.0, 10.6
        for first in range(0, len(Vs), block):
            end = min(first + block, len(Vs))
            for _ in range(steps):
                for i in range(first, end):
                    V, m, h, n = Vs[i], ms[i], hs[i], ns[i]
                    alpha_n = 0.01 * (10 - V) / (exp((10 - V) / 10) - 1) if V != 10 else 0.1
                    beta_n = 0.125 * exp(-V / 80)
                    alpha_m = 0.1 * (25 - V) / (exp((25 - V) / 10) - 1) if V != 25 else 1.0
                    beta_m = 4 * exp(-V / 18)
                    alpha_h = 0.07 * exp(-V / 20)
                    beta_h = 1 / (exp((30 - V) / 10) + 1)

                    INa = gNa[i] * m * m * m * h * (V - ENa)
                    IK = gK * n * n * n * n * (V - EK)
                    IL = gL * (V - EL)
                    after = V + dt * (current[i] - INa - IK - IL) / Cm
                    ms[i] = m + dt * (alpha_m * (1 - m) - beta_m * m)
                    hs[i] = h + dt * (alpha_h * (1 - h) - beta_h * h)
                    ns[i] = n + dt * (alpha_n * (1 - n) - beta_n * n)
                    Vs[i] = after
                    spikes[i] += V < threshold and after >= threshold

    return population


class Jax(Loop):
    """In blocks of cells, each to its end: with many cells faster than all at once.

    A block is too small for XLA to split, so it is run by the thread that calls it; XLA's own
    two threads on a million cells at once took twice as long as two of Python's.
    """

    label: ClassVar[str] = "JAX, `jit` of a `fori_loop`, float64"
    package: ClassVar[str] = "jax"
    BLOCK: ClassVar[int] = 1_000

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        import jax

        super().__init__(cells, steps, threads)
        most = cells.size // threads
        self._block = min(self.BLOCK, most)
        if cells.size % (threads * self._block):
            raise Unavailable(f"it is written for whole blocks of {self._block} cells")
        jax.config.update("jax_enable_x64", True)
        self.note = f"{os.environ['XLA_FLAGS']}, blocks of {self._block} cells, one thread each"
        shape = (most // self._block, self._block)
        inputs = [jax.ShapeDtypeStruct(shape, np.float64)] * 6
        inputs.append(jax.ShapeDtypeStruct(shape, np.int64))
        self._population = jax.jit(_jax_loop(steps)).lower(inputs).compile()

    def _loaded(self, arrays: list[Any]) -> list[Any]:
        import jax

        return [jax.numpy.asarray(array.reshape(-1, self._block)) for array in arrays]

    def _run(self, arrays: list[Any]) -> tuple[Any, Any]:
        V, *_, spikes = self._population(arrays)
        return V.block_until_ready(), spikes.block_until_ready()


def _jax_loop(steps: int) -> Callable[[list[Any]], Any]:
    import jax
    from jax.numpy import exp, where

    def block(arrays: list[Any]) -> Any:
        current, gNa, *start = arrays
        Cm, gK, gL = 1.0, 36.0, 0.3
        ENa, EK, EL = 115.0, -12.0, 10.6

        def step(_: Any, state: Any) -> Any:
            V, m, h, n, spikes = state
            alpha_n = where(V != 10, 0.01 * (10 - V) / (exp((10 - V) / 10) - 1), 0.1)
            beta_n = 0.125 * exp(-V / 80)
            alpha_m = where(V != 25, 0.1 * (25 - V) / (exp((25 - V) / 10) - 1), 1.0)
            beta_m = 4 * exp(-V / 18)
            alpha_h = 0.07 * exp(-V / 20)
            beta_h = 1 / (exp((30 - V) / 10) + 1)

            INa = gNa * m * m * m * h * (V - ENa)
            IK = gK * n * n * n * n * (V - EK)
            IL = gL * (V - EL)
            after = V + STEP * (current - INa - IK - IL) / Cm
            m = m + STEP * (alpha_m * (1 - m) - beta_m * m)
            h = h + STEP * (alpha_h * (1 - h) - beta_h * h)
            n = n + STEP * (alpha_n * (1 - n) - beta_n * n)
            return after, m, h, n, spikes + ((V < THRESHOLD) & (after >= THRESHOLD))

        return jax.lax.fori_loop(0, steps, step, tuple(start))

    return lambda arrays: jax.lax.map(block, arrays)

"""A thousand bursters, each with a current of its own: this package, loops by hand, Brian2.

neurons.py compares and times them. All make forward Euler's steps, in one thread; spikes of each
cell are counted, upward crossings of 0 mV. Brian2 has no count of each cell, and is compared by V.
"""

import ctypes
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from cell import STEP, Disagreement, FloatArray
from loops import compiled
from neuron_equations import FUNCTIONS, Equations, linoid, rectified
from neuron_peers import brian2_functions
from simulators import Brian2Loop
from this_package import declared
from timing import Row, set_up, table, three_digits

CELLS, STEPS = 1_000, 10_000
THRESHOLD = 0.0  # mV
CURRENTS = (-0.2, 0.5)
"""µA/cm², of the first cell and of the last."""
V_TOLERANCE = 1e-5  # mV


class Bursters:
    """A way to simulate the population: made once and run many times, from the start."""

    label: ClassVar[str]
    package: ClassVar[str]

    def __init__(self, cells: int, steps: int) -> None:
        self.cells, self.steps = cells, steps
        self.equations = Equations("prinz")
        self.currents = np.linspace(*CURRENTS, cells)
        self.start = np.repeat(list(self.equations.start().values()), cells).reshape(-1, cells)

    def prepare(self) -> Callable[[], Any]:
        raise NotImplementedError

    def read(self, result: Any) -> tuple[FloatArray, Any]:
        """Return V at the end, and the counts of spikes, or None."""
        V, spikes = result
        return V, spikes


class ThisPackage(Bursters):
    label: ClassVar[str] = "**this package**, `Population.run`"
    package: ClassVar[str] = "pyhh_fast"

    def prepare(self) -> Callable[[], Any]:
        from pyhh_fast import Population

        start = {"start": "steady", "Vm": self.equations.V}
        population = Population.from_model(declared("prinz"), self.cells, **start)
        options = {"duration": self.steps * STEP, "threads": 1, "threshold": THRESHOLD}
        return lambda: population.run(self.currents, STEP, **options)

    def read(self, result: Any) -> tuple[FloatArray, Any]:
        return result.final_state["Vm"], result.spike_counts


class PlainC(Bursters):
    label: ClassVar[str] = "plain C, libmvec's `exp`, `cc -O3 -ffast-math`"
    package: ClassVar[str] = "ctypes"
    BLOCK: ClassVar[int] = 16

    def __init__(self, cells: int, steps: int) -> None:
        super().__init__(-(-cells // self.BLOCK) * self.BLOCK, steps)
        self.wanted = cells
        self.currents = np.resize(np.linspace(*CURRENTS, cells), self.cells)
        flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math"]
        self._population = ctypes.CDLL(str(compiled("plain_burster.c", *flags))).prinz_population
        sizes, numbers = [ctypes.c_ssize_t] * 2, [ctypes.c_double] * 2
        self._population.argtypes = [*sizes, *numbers, *[ctypes.c_void_p] * 3]
        self._population.restype = None

    def prepare(self) -> Callable[[], Any]:
        y, spikes = self.start.copy(), np.zeros(self.cells, np.int64)
        addresses = (self.currents.ctypes.data, y.ctypes.data, spikes.ctypes.data)

        def call() -> Any:
            self._population(self.cells, self.steps, STEP, THRESHOLD, *addresses)
            return y[0, : self.wanted], spikes[: self.wanted]

        return call


class Numba(Bursters):
    label: ClassVar[str] = "numba, `fastmath`"
    package: ClassVar[str] = "numba"

    def __init__(self, cells: int, steps: int) -> None:
        super().__init__(cells, steps)
        self._loop = _numba_loop()
        self._loop(0, STEP, THRESHOLD, self.currents, self.start.copy(), np.zeros(cells, np.int64))

    def prepare(self) -> Callable[[], Any]:
        y, spikes = self.start.copy(), np.zeros(self.cells, np.int64)

        def call() -> Any:
            self._loop(self.steps, STEP, THRESHOLD, self.currents, y, spikes)
            return y[0], spikes

        return call


@functools.cache
def _numba_loop() -> Any:
    """Return the loop over blocks of cells, steps and cells, as in population_peers.py."""
    from numba import njit

    text = Equations("prinz")
    states = ["V", *text.states]
    body = [
        *(f"{state} = y[{k}, i]" for k, state in enumerate(states)),
        *text.lines,
        f"after = V + dt * (currents[i] - ({text.sum}))",
        "spikes[i] += V < threshold and after >= threshold",
        "y[0, i] = after",
        *(
            f"y[{k}, i] = {state} + dt * ({text.slopes[state]})"
            for k, state in enumerate(states)
            if state != "V"
        ),
    ]
    source = [
        "def loop(steps, dt, threshold, currents, y, spikes):",
        "    for first in range(0, y.shape[1], 64):",
        "        for _ in range(steps):",
        "            for i in range(first, min(first + 64, y.shape[1])):",
        *(f"                {line}" for line in body),
    ]
    options = {"fastmath": True, "error_model": "numpy"}
    own = {"linoid": njit(linoid, **options), "rectified": njit(rectified, **options)}
    return njit(text.values(source, **(FUNCTIONS | own))["loop"], **options)


class Brian2(Bursters):
    label: ClassVar[str] = Brian2Loop.label
    package: ClassVar[str] = "brian2"

    def __init__(self, cells: int, steps: int) -> None:
        import brian2

        super().__init__(cells, steps)
        text = self.equations
        equations = [
            *(f"{line} : 1" for line in text.lines),
            f"dV/dt = (stimulus - ({text.sum})) / ms : 1",
            *(f"d{state}/dt = ({slope}) / ms : 1" for state, slope in text.slopes.items()),
            "stimulus : 1 (constant)",
        ]
        self._folder = tempfile.TemporaryDirectory()
        brian2.device.reinit()
        brian2.set_device("cpp_standalone", build_on_run=False)
        group = brian2.NeuronGroup(
            cells,
            "\n".join(equations),
            method="euler",
            dt=STEP * brian2.ms,
            namespace=brian2_functions() | {"ms": brian2.ms},
        )
        for name, values in zip(["V", *text.states], self.start, strict=True):
            setattr(group, name, values)
        group.stimulus = self.currents
        brian2.Network(group).run(steps * STEP * brian2.ms)
        brian2.device.build(directory=self._folder.name, run=False)
        results = Path(self._folder.name) / "results"
        self._V = results / brian2.device.get_array_filename(group.variables["V"])

    prepare = Brian2Loop.prepare
    seconds = Brian2Loop.seconds

    def read(self, result: Any) -> tuple[FloatArray, Any]:
        return np.fromfile(self._V), None


WAYS: list[type[Bursters]] = [ThisPackage, PlainC, Numba, Brian2]


class BursterBench:
    """The rows, each held against the first."""

    def __init__(self, cells: int = CELLS, steps: int = STEPS) -> None:
        self.cells, self.steps = cells, steps
        self.rows: list[Row] = []
        self.left_out: dict[str, str] = {}
        self.packages: list[str] = []
        self._differ: dict[str, float] = {}

    def check(self) -> None:
        """Make the rows and compare them; this also warms them up."""
        expected: tuple[FloatArray, Any] | None = None
        for way in WAYS:
            label = f"{way.label}, {self.cells:,} bursters"
            instance = set_up(way, self.left_out, label, self.cells, self.steps)
            if instance is None:
                continue
            V, spikes = instance.read(instance.prepare()())
            if expected is None:
                expected = V, spikes
            off = float(np.abs(V - expected[0]).max())
            if not off <= V_TOLERANCE:
                raise Disagreement(f"{label}: V differs by {off:.2g} mV")
            if spikes is not None and (spikes != expected[1]).any():
                raise Disagreement(f"{label}: counts of spikes differ")
            row = Row(way.label, self.cells * self.steps, instance.prepare)
            row.seconds = getattr(instance, "seconds", None)
            self.rows.append(row)
            self.packages.append(way.package)
            self._differ[way.label] = off

    def table(self) -> str:
        ours = self.rows[0].ns_per_step
        lines = [
            [
                row.label,
                three_digits(row.ns_per_step),
                three_digits(row.ns_per_step / ours),
                f"{self._differ[row.label]:.0e}" if row is not self.rows[0] else "",
            ]
            for row in self.rows
        ]
        heading = f"{self.cells:,} bursters of Prinz, {self.steps:,} steps, one thread"
        return table([heading, "ns/cell-step", "× this package", "V differs by (mV)"], lines)

"""The simulators that population.py compares with.

They are set up as simulators.py says, with a current and a sodium conductance of each cell's own.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import simulators
from cell import STEP, Unavailable
from population_peers import THRESHOLD, Cells, Outcome, PopulationWay
from simulators import E_K, E_LEAK, E_NA, HERE, REST, SIDE

IN_NANOAMPERES = 0.1  # of 1 µA/cm² over the simulators' 1e-4 cm²
IN_SIEMENS = 1e-3  # of 1 mS


class Arbor(PopulationWay):
    label: ClassVar[str] = "Arbor, `hh` (V backward Euler, gates exponential)"
    package: ClassVar[str] = "arbor"
    forward_euler: ClassVar[bool] = False
    most_cells: ClassVar[int] = 10_000
    share: ClassVar[int] = 5
    GROUP: ClassVar[int] = 1_000

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        import arbor
        from arbor import units

        super().__init__(cells, steps, threads)
        self._ms = units.ms
        self._record = arbor.spike_recording.local
        group = min(self.GROUP, cells.size // threads)
        self.note = f"built for {arbor.config()['arch']}, in groups of {group} cells"
        self._simulation = lambda: _arbor_population(cells, threads, group)

    def prepare(self) -> Callable[[], Any]:
        simulation, ms = self._simulation(), self._ms
        simulation.record(self._record)

        def call() -> Any:
            simulation.run(self._steps * STEP * ms, STEP * ms)
            return simulation

        return call

    def read(self, result: Any) -> Outcome:
        return _counted((gid for (gid, _), _ in result.spikes()), self._cells.size)


def _arbor_population(cells: Cells, threads: int, group: int) -> Any:
    import arbor
    from arbor import units

    shape = arbor.segment_tree()
    ends = [arbor.mpoint(x, 0, 0, SIDE / 2) for x in (-SIDE / 2, SIDE / 2)]
    shape.append(arbor.mnpos, *ends, tag=1)

    class Recipe(arbor.recipe):
        def num_cells(recipe) -> int:
            return cells.size

        def cell_kind(recipe, gid: int) -> Any:
            return arbor.cell_kind.cable

        def cell_description(recipe, gid: int) -> Any:
            decor = arbor.decor()
            V = REST + cells.V[gid]
            decor.set_property(Vm=V * units.mV, cm=0.01 * units.F / units.m2)
            decor.set_property(tempK=279.45 * units.Kelvin)
            decor.set_ion("na", rev_pot=E_NA * units.mV)
            decor.set_ion("k", rev_pot=E_K * units.mV)
            settings = {"el": E_LEAK, "gnabar": cells.gNa[gid] * IN_SIEMENS}
            decor.paint("(all)", arbor.density("hh", settings))
            current = cells.current[gid] * IN_NANOAMPERES * units.nA
            decor.place(HERE, arbor.i_clamp(0 * units.ms, 1e12 * units.ms, current))
            level = arbor.threshold_detector((REST + THRESHOLD) * units.mV)
            decor.place(HERE, level, "detector")
            return arbor.cable_cell(shape, decor)

        def global_properties(recipe, kind: Any) -> Any:
            return arbor.neuron_cable_properties()

    recipe, context = Recipe(), arbor.context(threads=threads)
    hints = {arbor.cell_kind.cable: arbor.partition_hint(cpu_group_size=group)}
    return arbor.simulation(recipe, context, arbor.partition_load_balance(recipe, context, hints))


class Neuron(PopulationWay):
    label: ClassVar[str] = "NEURON, `hh` (V backward Euler, gates exponential)"
    package: ClassVar[str] = "neuron"
    threads: ClassVar[tuple[int, ...]] = (1,)
    forward_euler: ClassVar[bool] = False
    most_cells: ClassVar[int] = 10_000
    share: ClassVar[int] = 25

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        from neuron import h

        super().__init__(cells, steps, threads)
        self._h = h

    def prepare(self) -> Callable[[], Any]:
        h = self._h
        sections = [h.Section(name=f"cell{i}") for i in range(self._cells.size)]
        if len(list(h.allsec())) > len(sections):
            raise RuntimeError("earlier cells still exist and would be stepped too")
        clamps, detectors, times, spiking = [], [], h.Vector(), h.Vector()
        for i, section in enumerate(sections):
            section.L = section.diam = SIDE
            section.cm = 1.0
            section.insert("hh")
            section.ena, section.ek = E_NA, E_K
            segment = section(0.5)
            segment.hh.el, segment.hh.gnabar = E_LEAK, self._cells.gNa[i] * IN_SIEMENS
            segment.v = REST + self._cells.V[i]
            clamps.append(h.IClamp(segment))
            clamps[i].dur, clamps[i].amp = 1e12, self._cells.current[i] * IN_NANOAMPERES
            detectors.append(h.NetCon(segment._ref_v, None, sec=section))
            detectors[i].threshold = REST + THRESHOLD
            detectors[i].record(times, spiking, i)
        h.usetable_hh = 0
        h.dt = STEP
        context = h.ParallelContext()
        context.set_maxstep(10)
        h.finitialize()

        def call(alive: Any = (sections, clamps, detectors, times)) -> Any:
            context.psolve(self._steps * STEP)
            return spiking

        return call

    def read(self, result: Any) -> Outcome:
        return _counted(result.as_numpy().astype(int), self._cells.size)


class Brian2(PopulationWay):
    label: ClassVar[str] = "Brian2, its time loop alone (CPU time, as it reports)"
    package: ClassVar[str] = "brian2"
    threads: ClassVar[tuple[int, ...]] = (1,)
    share: ClassVar[int] = 10

    PER_CELL: ClassVar[tuple[str, ...]] = ("STIMULUS", "gNa")
    EQUATIONS = simulators.Brian2.EQUATIONS + "".join(f"{name} : 1\n" for name in PER_CELL)
    seconds = simulators.Brian2Loop.seconds

    def __init__(self, cells: Cells, steps: int, threads: int) -> None:
        import brian2

        if not shutil.which("make"):
            raise Unavailable("its standalone mode needs make and a C++ compiler")
        self._folder = tempfile.TemporaryDirectory()
        brian2.device.reinit()
        brian2.set_device("cpp_standalone", build_on_run=False)
        shared = simulators.Brian2.PARAMETERS.items()
        group = brian2.NeuronGroup(
            cells.size,
            self.EQUATIONS,
            method="euler",
            threshold="Vm >= THRESHOLD",
            refractory="Vm >= THRESHOLD",  # one spike a crossing
            dt=STEP * brian2.ms,
            namespace={name: value for name, value in shared if name not in self.PER_CELL}
            | {"THRESHOLD": THRESHOLD, "ms": brian2.ms},
        )
        group.STIMULUS, group.gNa, group.Vm = cells.current, cells.gNa, cells.V
        group.StateM, group.StateH, group.StateN = cells.m, cells.h, cells.n
        monitor = brian2.SpikeMonitor(group, record=False)
        brian2.Network(group, monitor).run(steps * STEP * brian2.ms)
        brian2.device.build(directory=self._folder.name, run=False)
        name_of = brian2.device.get_array_filename
        results = Path(self._folder.name) / "results"
        self._V = results / name_of(group.variables["Vm"])
        self._spikes = results / name_of(monitor.variables["count"])

    def prepare(self) -> Callable[[], Any]:
        main = Path(self._folder.name) / "main"
        return lambda: subprocess.run([main], cwd=self._folder.name, check=True)

    def read(self, result: Any) -> Outcome:
        return Outcome(np.fromfile(self._spikes, np.int32).astype(np.int64), np.fromfile(self._V))


def _counted(which: Iterable[int], size: int) -> Outcome:
    """Return how often each cell is among those that spiked."""
    return Outcome(np.bincount(np.fromiter(which, np.int64), minlength=size))

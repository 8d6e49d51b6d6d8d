"""The same cell in NEURON, Arbor, Jaxley and Brian2, each as its own users write it.

All have float64, one thread, no rate tables, a constant current from time 0, and record at every
step. The first three rest at -65 mV, so all their potentials are shifted by 65 mV; their own
Hodgkin-Huxley channel is used, with the leak reversal that pyHH has.
"""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from cell import STATES, STIMULUS, TRACES, Traces, Unavailable, Way, start

# Read when the packages are imported.
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

REST = -65.0  # mV
E_NA, E_K, E_LEAK = REST + 115.0, REST - 12.0, REST + 10.6  # mV
SIDE = (1e4 / np.pi) ** 0.5  # µm: a cylinder this long and wide has an area of 1e-4 cm²
HERE = "(location 0 0.5)"
CURRENT = STIMULUS * 0.1  # nA, over 1e-4 cm²
MICROAMPERES = {"milli": 1e3, "A/m²": 100.0}  # µA/cm² in a mA/cm², and in an A/m²


def neuron_cell(h: Any, onset: float) -> tuple[Any, Any]:
    """Return the cell, and the clamp that stimulates it from `onset` (ms) on."""
    cell, clamp = neuron_section(h, "hh", onset, CURRENT)
    cell.ena, cell.ek = E_NA, E_K
    cell(0.5).hh.el = E_LEAK
    h.usetable_hh = 0  # NEURON's table of rates has rows of 1 mV and an error of 1e-3
    return cell, clamp


def neuron_section(h: Any, mechanism: str, onset: float, current: float) -> tuple[Any, Any]:
    """Return a cell with a mechanism, and the clamp of a current (nA) from `onset` (ms) on."""
    cell = h.Section(name="cell")
    if len(list(h.allsec())) > 1:
        raise RuntimeError("an earlier cell still exists and would be stepped too")
    cell.L = cell.diam = SIDE
    cell.cm = 1.0
    cell.insert(mechanism)
    clamp = h.IClamp(cell(0.5))
    clamp.delay, clamp.dur, clamp.amp = onset, 1e12, current
    return cell, clamp


def arbor_simulation(
    onset: float, detectors: Sequence[Any] = (), probes: Sequence[Any] = ()
) -> Any:
    """Return a simulation of the cell, stimulated from `onset` (ms) on."""
    import arbor
    from arbor import units

    shape = arbor.segment_tree()
    ends = [arbor.mpoint(x, 0, 0, SIDE / 2) for x in (-SIDE / 2, SIDE / 2)]
    shape.append(arbor.mnpos, *ends, tag=1)
    decor = arbor.decor()
    decor.set_property(Vm=REST * units.mV, cm=0.01 * units.F / units.m2)
    decor.set_property(tempK=279.45 * units.Kelvin)
    decor.set_ion("na", rev_pot=E_NA * units.mV)
    decor.set_ion("k", rev_pot=E_K * units.mV)
    decor.paint("(all)", arbor.density("hh", {"el": E_LEAK}))
    decor.place(HERE, arbor.i_clamp(onset * units.ms, 1e12 * units.ms, CURRENT * units.nA))
    for detector in detectors:
        decor.place(HERE, detector, "detector")

    class Recipe(arbor.recipe):
        def num_cells(recipe) -> int:
            return 1

        def cell_kind(recipe, gid: int) -> Any:
            return arbor.cell_kind.cable

        def cell_description(recipe, gid: int) -> Any:
            return arbor.cable_cell(shape, decor)

        def global_properties(recipe, kind: Any) -> Any:
            return arbor.neuron_cable_properties()

        def probes(recipe, gid: int) -> Any:
            return list(probes)

    return arbor.simulation(Recipe())


def brian2_program(
    equations: str,
    namespace: Mapping[str, Any],
    first: Mapping[str, float],
    steps: int,
    dt: float,
    names: Sequence[str],
) -> tuple[Any, dict[str, Path]]:
    """Have a program of forward Euler written and compiled, which records `names` from `first` on.

    Return its folder and its files of traces.
    """
    import brian2

    folder = tempfile.TemporaryDirectory()
    brian2.device.reinit()
    brian2.set_device("cpp_standalone", build_on_run=False)
    namespace = {**namespace, "ms": brian2.ms}
    cell = brian2.NeuronGroup(1, equations, method="euler", dt=dt * brian2.ms, namespace=namespace)
    for name, value in first.items():
        setattr(cell, name, value)
    monitor = brian2.StateMonitor(cell, names, record=True)
    brian2.Network(cell, monitor).run(steps * dt * brian2.ms)
    brian2.device.build(directory=folder.name, run=False)
    results = Path(folder.name) / "results"
    name_of = brian2.device.get_array_filename
    return folder, {name: results / name_of(monitor.variables[name]) for name in names}


def jaxley_cell(record: Sequence[str]) -> Any:
    """Return the cell, which records these states."""
    from jaxley.channels import HH

    settings = {"v": REST, "HH_eNa": E_NA, "HH_eK": E_K, "HH_eLeak": E_LEAK}
    return jaxley_compartment(HH(), settings, record)


def jaxley_compartment(channel: Any, settings: dict[str, float], record: Sequence[str]) -> Any:
    """Return a cell with a channel and settings, which records these states."""
    import jax
    import jaxley

    jax.config.update("jax_enable_x64", True)
    cell = jaxley.Compartment()
    cell.insert(channel)
    sizes = {"length": SIDE, "radius": SIDE / 2, "capacitance": 1.0}
    for name, value in (sizes | settings).items():
        cell.set(name, value)
    cell.init_states()
    for name in record:
        cell.record(name, verbose=False)
    return cell


class Simulator(Way):
    forward_euler: ClassVar[bool] = False
    rows_before: ClassVar[bool] = True


class Neuron(Simulator):
    label: ClassVar[str] = "NEURON, `hh` (V backward Euler, gates exponential)"
    package: ClassVar[str] = "neuron"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        from neuron import h

        super().__init__(steps, dt, all_traces)
        self._h = h

    def prepare(self) -> Callable[[], Any]:
        cell, clamp = neuron_cell(self._h, 0.0)
        segment = cell(0.5)
        watched = [segment._ref_v]
        if len(self._names) > 1:
            hh = segment.hh
            watched += [hh._ref_m, hh._ref_h, hh._ref_n]
            watched += [segment._ref_ina, segment._ref_ik, hh._ref_il]
        return self._run((cell, clamp), watched, REST)

    def _run(self, cell: Any, watched: list[Any], V: float) -> Callable[[], Any]:
        """Return a call that runs the cell from V (mV) and returns what was watched."""
        h, dt = self._h, self._dt
        traces = [h.Vector().record(pointer) for pointer in watched]
        h.dt = dt
        context = h.ParallelContext()
        context.set_maxstep(10)
        h.finitialize(V)

        def call(alive: Any = cell) -> Any:
            context.psolve(self._steps * dt)
            return traces

        return call

    def read(self, result: Any) -> Traces:
        # Copies: what as_numpy returns does not keep its Vector alive.
        return _shifted([trace.as_numpy().copy() for trace in result], MICROAMPERES["milli"])


class Arbor(Simulator):
    label: ClassVar[str] = "Arbor, `hh` (V backward Euler, gates exponential)"
    package: ClassVar[str] = "arbor"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        import arbor
        from arbor import units

        super().__init__(steps, dt, all_traces)
        self._units = units
        self._names = ["V", "m", "h", "n", "na", "k"] if all_traces else ["V"]
        probe_of = {
            "V": arbor.cable_probe_membrane_voltage(HERE, "V"),
            **{g: arbor.cable_probe_density_state(HERE, "hh", g, g) for g in "mhn"},
            "na": arbor.cable_probe_ion_current_density(HERE, "na", "na"),
            "k": arbor.cable_probe_ion_current_density(HERE, "k", "k"),
        }
        probes = [probe_of[name] for name in self._names]
        self._simulation = lambda: arbor_simulation(0.0, probes=probes)
        self._every_step = arbor.regular_schedule(dt * units.ms)

    def prepare(self) -> Callable[[], Any]:
        simulation, ms = self._simulation(), self._units.ms
        handles = [simulation.sample((0, name), self._every_step) for name in self._names]

        def call() -> Any:
            simulation.run(self._steps * self._dt * ms, self._dt * ms)
            return [simulation.samples(handle)[0][0] for handle in handles]

        return call

    def read(self, result: Any) -> Traces:
        traces = [samples[:, 1] for samples in result]  # column 0 is the time
        return _shifted(traces, MICROAMPERES["A/m²"])


class Jaxley(Simulator):
    label: ClassVar[str] = "Jaxley, `HH` (V forward Euler, gates exponential)"
    package: ClassVar[str] = "jaxley"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        cell = jaxley_cell(["v", "HH_m", "HH_h", "HH_n"] if all_traces else ["v"])
        self._compile(cell, CURRENT, steps, dt)

    def _compile(self, cell: Any, amplitude: float, steps: int, dt: float) -> None:
        """Compile the run, so that it is part of the set-up."""
        import jax
        import jaxley

        def run(current: Any) -> Any:
            wave = cell.data_stimulate(current)
            return jaxley.integrate(cell, data_stimuli=wave, delta_t=dt, solver="fwd_euler")

        self._current = jax.numpy.full(steps, amplitude)
        self._run = jax.jit(run).lower(self._current).compile()

    def prepare(self) -> Callable[[], Any]:
        return lambda: self._run(self._current).block_until_ready()

    def read(self, result: Any) -> Traces:
        return _shifted(list(np.asarray(result)), 1.0)


class Brian2(Simulator):
    label: ClassVar[str] = "Brian2, C++ standalone, the whole program"
    package: ClassVar[str] = "brian2"
    forward_euler: ClassVar[bool] = True

    EQUATIONS = """
    dVm/dt = (STIMULUS - INa - IK - IKleak) / Cm / ms : 1
    dStateM/dt = (alpha_m * (1 - StateM) - beta_m * StateM) / ms : 1
    dStateH/dt = (alpha_h * (1 - StateH) - beta_h * StateH) / ms : 1
    dStateN/dt = (alpha_n * (1 - StateN) - beta_n * StateN) / ms : 1
    INa = gNa * StateM * StateM * StateM * StateH * (Vm - ENa) : 1
    IK = gK * StateN * StateN * StateN * StateN * (Vm - EK) : 1
    IKleak = gL * (Vm - EL) : 1
    alpha_m = 1 / exprel((25 - Vm) / 10) : 1
    alpha_n = 0.1 / exprel((10 - Vm) / 10) : 1
    alpha_h = 0.07 * exp(-Vm / 20) : 1
    beta_m = 4 * exp(-Vm / 18) : 1
    beta_n = 0.125 * exp(-Vm / 80) : 1
    beta_h = 1 / (exp((30 - Vm) / 10) + 1) : 1
    """
    PARAMETERS: ClassVar[dict[str, float]] = {"STIMULUS": STIMULUS, "Cm": 1.0} | {
        "gNa": 120.0,
        "gK": 36.0,
        "gL": 0.3,
        "ENa": 115.0,
        "EK": -12.0,
        "EL": 10.6,
    }

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        if not shutil.which("make"):
            raise Unavailable("its standalone mode needs make and a C++ compiler")
        self._folder, self._files = self._built(steps, dt, all_traces)

    @staticmethod
    @functools.cache  # Brian2's two rows share their programs
    def _built(steps: int, dt: float, all_traces: bool) -> tuple[Any, dict[str, Path]]:
        names = TRACES if all_traces else TRACES[:1]
        first = dict(zip(STATES, start(), strict=True))
        return brian2_program(Brian2.EQUATIONS, Brian2.PARAMETERS, first, steps, dt, names)

    def prepare(self) -> Callable[[], Any]:
        """The built program is run; it leaves its results in files, whose reading is not timed."""
        main = Path(self._folder.name) / "main"
        return lambda: subprocess.run([main], cwd=self._folder.name, check=True)

    def read(self, result: Any) -> Traces:
        return {name: np.fromfile(file) for name, file in self._files.items()}


class Brian2Loop(Brian2):
    label: ClassVar[str] = "Brian2, its time loop alone (CPU time, as it reports)"

    def seconds(self, result: Any) -> float:
        """Return what the program itself wrote down as the duration of its time loop."""
        written = (Path(self._folder.name) / "results" / "last_run_info.txt").read_text()
        return float(written.split()[0])


def _shifted(traces: list[Any], microamperes: float) -> Traces:
    """Return pyHH's traces from V in mV with rest at -65, gates, and currents in another unit."""
    scaled = [traces[0] - REST, *traces[1:4], *[trace * microamperes for trace in traces[4:]]]
    return dict(zip(TRACES, scaled, strict=False))  # V alone, V and gates, or all

"""NEURON, Arbor and Jaxley on train.py's problem, each as its users would have it give spike times.

All rest at -65 mV; the settings that all have in common are in simulators.py.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from cell import FloatArray, crossings
from simulators import CURRENT, REST, arbor_simulation, jaxley_cell, neuron_cell
from train import END, ONSET, THRESHOLD, Solver, stimulus

LEVEL = REST + THRESHOLD  # mV


class NeuronCVODE(Solver):
    """Variable steps by SUNDIALS, crossings found with condition order 2."""

    label: ClassVar[str] = "NEURON, CVODE"
    package: ClassVar[str] = "neuron"
    setting_name: ClassVar[str] = "tolerance"
    settings: ClassVar[tuple[float, ...]] = (1e-4, 1e-5, 1e-6, 3e-7, 1e-7, 1e-8, 1e-9)
    steps_vary: ClassVar[bool] = True

    def __init__(self, setting: float) -> None:
        from neuron import h

        h.load_file("stdrun.hoc")
        super().__init__(setting)
        self._h = h

    def prepare(self) -> Callable[[], Any]:
        h = self._h
        cell, clamp = neuron_cell(h, ONSET)
        detector = h.NetCon(cell(0.5)._ref_v, None, sec=cell)
        detector.threshold = LEVEL
        times = h.Vector()
        detector.record(times)
        h.cvode_active(int(self.steps_vary))
        if self.steps_vary:
            h.cvode.condition_order(2)
            h.cvode.rtol(self._setting)
            h.cvode.atol(self._setting)
        else:
            h.dt = self._setting
        context = h.ParallelContext()
        context.set_maxstep(10)
        h.finitialize(REST)

        def call(alive: Any = (cell, clamp, detector)) -> Any:
            context.psolve(END)
            return times

        return call

    def spike_times(self, result: Any) -> FloatArray:
        return np.array(result.as_numpy())


class Neuron(NeuronCVODE):
    """Fixed steps; NetCon reports the step at which V is found above the level."""

    label = "NEURON, fixed steps"
    setting_name = "dt"
    settings = (0.01, 0.001, 0.0001)
    steps_vary = False


class Arbor(Solver):
    label: ClassVar[str] = "Arbor"
    package: ClassVar[str] = "arbor"
    settings: ClassVar[tuple[float, ...]] = (0.01, 0.001, 0.0001)

    def __init__(self, setting: float) -> None:
        import arbor
        from arbor import units

        super().__init__(setting)
        self._units = units
        self._level = arbor.threshold_detector(LEVEL * units.mV)
        self._record = arbor.spike_recording.local

    def prepare(self) -> Callable[[], Any]:
        simulation, ms = arbor_simulation(ONSET, detectors=[self._level]), self._units.ms
        simulation.record(self._record)

        def call() -> Any:
            simulation.run(END * ms, self._setting * ms)
            return simulation.spikes()

        return call

    def spike_times(self, result: Any) -> FloatArray:
        return np.array([time for _, time in result])


class Jaxley(Solver):
    """V at every step, crossings interpolated linearly."""

    label: ClassVar[str] = "Jaxley"
    package: ClassVar[str] = "jaxley"
    settings: ClassVar[tuple[float, ...]] = (0.01, 0.001, 0.0001)

    def __init__(self, setting: float) -> None:
        import jax
        import jaxley

        super().__init__(setting)
        cell = jaxley_cell(["v"])

        def run(current: Any) -> Any:
            wave = cell.data_stimulate(current)
            return jaxley.integrate(cell, data_stimuli=wave, delta_t=setting, solver="fwd_euler")

        self._current = jax.numpy.asarray(stimulus(setting, CURRENT))
        self._run = jax.jit(run).lower(self._current).compile()  # part of the set-up

    def prepare(self) -> Callable[[], Any]:
        return lambda: self._run(self._current).block_until_ready()

    def spike_times(self, result: Any) -> FloatArray:
        return crossings(np.asarray(result)[0], LEVEL) * self._setting

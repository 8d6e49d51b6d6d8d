"""This package's rows: its runs, its custom kinetics, its slow twin."""

import functools
import importlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from cell import PROTOCOLS, SLOW_STEPS, STIMULUS, FloatArray, NeuronWay, Traces, Unavailable, Way


class ThisPackage(Way):
    """The drop-in: `Simulation.Run` over an array, all traces."""

    label: ClassVar[str] = "**this package**, `Simulation.Run`"
    package: ClassVar[str] = "pyhh_fast"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        if not all_traces:
            raise Unavailable("it records all traces")
        super().__init__(steps, dt, all_traces)
        self._stimulus = np.full(steps, STIMULUS)

    def prepare(self) -> Callable[[], Any]:
        from pyhh_fast import Simulation

        simulation = Simulation(self._model())

        def call() -> Any:
            simulation.Run(self._stimulus, self._dt)
            return simulation

        return call

    def read(self, result: Any) -> Traces:
        return {name: getattr(result, name) for name in self._names}

    def _model(self) -> Any:
        from pyhh_fast import HHModel

        return _started(HHModel())


class Run(Way):
    """`Simulation.run` with a constant stimulus, all traces or V alone."""

    label: ClassVar[str] = "this package, `Simulation.run`"
    package: ClassVar[str] = "pyhh_fast"

    def prepare(self) -> Callable[[], Any]:
        from pyhh_fast import HHModel, Simulation

        simulation = Simulation(_started(HHModel()))
        options = {"duration": self._steps * self._dt, "record": self._names}
        return lambda: simulation.run(STIMULUS, self._dt, **options)

    def read(self, result: Any) -> Traces:
        return {name: getattr(result, name) for name in self._names}


class CustomKinetics(ThisPackage):
    """The same, for a model whose rates the package evaluates from its method."""

    label: ClassVar[str] = "this package, kinetics of a subclass"

    def _model(self) -> Any:
        return _started(_warmed_model()())

    @classmethod
    def is_compiled(cls, dt: float) -> bool:
        """Whether it is run by the kernel, rather than in Python, which takes µs a step."""
        steps = 20_000
        way = cls(steps, dt, all_traces=True)
        way.prepare()()  # makes the table, if there is one
        call = way.prepare()
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin < steps * 2e-6  # in Python a step takes some 10 µs


class Iterate(ThisPackage):
    """The loop that a user of pyHH's `iterate` writes."""

    label: ClassVar[str] = "this package, its own Python stepping, `HHModel.iterate`"
    most_steps: ClassVar[int] = SLOW_STEPS

    def prepare(self) -> Callable[[], Any]:
        from pyhh_fast import Simulation

        stimulus, steps, dt = self._stimulus, self._steps, self._dt
        model = self._model()
        simulation = Simulation(model)

        def call() -> Any:
            simulation.CreateArrays(steps, dt)
            for i in range(steps):
                model.iterate(stimulus[i], dt)
                simulation.Vm[i] = model.Vm
                simulation.StateM[i] = model.m.state
                simulation.StateH[i] = model.h.state
                simulation.StateN[i] = model.n.state
                simulation.INa[i] = model.INa
                simulation.IK[i] = model.IK
                simulation.IKleak[i] = model.IKleak
            return simulation

        return call


class Declared(NeuronWay):
    """A `Neuron`: `Simulation.run`; all its traces but those of gates that are instantaneous."""

    label: ClassVar[str] = "**this package**"
    package: ClassVar[str] = "pyhh_fast"

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        self._declared = declared(self.neuron)
        at_once = [path for path, gate in self._declared.gates.items() if gate.instantaneous]
        names = [name for name in self._declared.variables if name not in at_once]
        self._names = names if all_traces else names[:1]

    def prepare(self) -> Callable[[], Any]:
        from pyhh_fast import Simulation

        current, V = PROTOCOLS[self.neuron]
        simulation = Simulation(self._declared, Vm=V)
        options = {"duration": self._steps * self._dt, "record": self._names}
        return lambda: simulation.run(current, self._dt, **options)

    def read(self, result: Any) -> Traces:
        """Return gates by their names, with the channel's where two have one, currents as I_..."""
        short = [path.split(".")[-1] for path in self._declared.gates]

        def name_of(name: str) -> str:
            if name in self._declared.channels:
                return f"I_{name}"
            channel, _, gate = name.rpartition(".")
            return f"{gate}_{channel}" if short.count(gate) > 1 else gate

        return {name_of(name): result[name] for name in self._names}


class BuiltIn(Run):
    """The built-in neuron, for comparison with hodgkin_huxley; V is absolute."""

    label: ClassVar[str] = "this package, `HHModel`"
    NAMES: ClassVar[Sequence[str]] = ("Vm", "m", "h", "n", "I_Na", "I_K", "I_leak")

    def read(self, result: Any) -> Traces:
        traces = dict(zip(self.NAMES, super().read(result).values(), strict=False))
        return traces | {"Vm": traces["Vm"] + PROTOCOLS[self.neuron][1]}


def adaptive_spike_times(way: type[Way]) -> FloatArray:
    """Return the spike times of a `Declared` way as the adaptive method has them, to 1e-6 ms."""
    from pyhh_fast import Simulation

    current, V = PROTOCOLS[way.neuron]
    simulation = Simulation(declared(way.neuron), Vm=V)
    times: FloatArray = simulation.run(
        current, way.window, duration=way.window, method="adaptive", record=[]
    ).spike_times
    return times


def declared(name: str) -> Any:
    """Return a published neuron, or one of nine gates and seven currents made of their parts."""
    from pyhh_fast import Channel, Gate, neurons
    from pyhh_fast.rate_forms import sigmoid

    if name != "nine_gates":
        return getattr(neurons, name)()
    slow = Gate(inf=sigmoid(1, -80, -10), tau=lambda V: 100.0)
    bursting = neurons.pospischil_ib().channels
    return neurons.connor_stevens().with_channels(
        M=bursting["M"], L=bursting["L"], H=Channel(0.02, E=-40, x=slow)
    )


def new_neuron(name: str) -> Any:
    """Return the neuron with new functions for rates, of which there are no tables yet."""
    from pyhh_fast import Channel, Gate, Neuron

    known = declared(name)
    parts: dict[str, Any] = dict(known.pools)
    for path, channel in known.channels.items():
        gates = {}
        for gate_name, gate in channel.gates.items():
            functions = {
                key: lambda V, function=function: function(V)
                for key, function in gate.functions.items()
            }
            others = {"speed": gate.speed, "instantaneous": gate.instantaneous}
            others |= {"of": gate.of, "times": gate.times}
            gates[gate_name] = Gate(**functions, power=gate.power, **others)
        others = {"E": channel.E, "shift": channel.shift, "feeds": channel.feeds}
        parts[path] = Channel(channel.g, **others, **gates)
    return Neuron(Cm=known.Cm, threshold=known.threshold, **parts)


class New(Declared):
    """The neuron declared by functions, and tabulated, within the call."""

    def prepare(self) -> Callable[[], Any]:
        def call() -> Any:
            self._declared = new_neuron(self.neuron)
            return super(New, self).prepare()()

        return call


class OnV3(Way):
    """A way of this package in a process of its own, whose kernels are those of the level v3."""

    package: ClassVar[str] = "pyhh_fast"
    way: ClassVar[type[Way]]

    def __init__(self, steps: int, dt: float, all_traces: bool) -> None:
        super().__init__(steps, dt, all_traces)
        way = (self.way.__module__, self.way.__name__, self.way.neuron)
        self._arguments = (*way, steps, dt, all_traces)
        self._worker = _worker("v3")

    def prepare(self) -> Callable[[], Any]:
        return lambda: self._worker.submit(_result, *self._arguments, timed=True).result()

    def seconds(self, result: Any) -> float:
        return float(result)

    def read(self, result: Any) -> Traces:
        traces: Traces = self._worker.submit(_result, *self._arguments, timed=False).result()
        return traces


@functools.cache
def on_v3(way: type[Way]) -> type[Way]:
    """Return the way as it is with PYHH_FAST_SIMD=v3."""
    own = {"way": way, "label": f"{way.label.replace('*', '')}, level v3"}
    return type("OnV3", (OnV3,), own)


@functools.cache
def _worker(level: str) -> Any:
    """Return a process, as a pool of one, that has the kernels of a level."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(1, get_context("spawn"), _choose_level, (level,))


def _choose_level(level: str) -> None:
    os.environ["PYHH_FAST_SIMD"] = level


@functools.cache
def _made(module: str, name: str, neuron: str, *arguments: Any) -> Way:
    way: type[Way] = getattr(importlib.import_module(module), name).of(neuron)
    return way(*arguments)


def _result(*arguments: Any, timed: bool) -> Any:
    """Make a run in this process; return how long it took, or its traces."""
    way = _made(*arguments)
    call = way.prepare()
    begin = time.perf_counter()
    result = call()
    took = time.perf_counter() - begin
    return took if timed else way.read(result)


@functools.cache
def _warmed_model() -> Any:
    from pyhh_fast import HHModel

    class Warmed(HHModel):
        """Kinetics at another temperature, which happens to be the same."""

        Q10_FACTOR = 1.0

        def _UpdateGateTimeConstants(self, Vm: Any) -> None:
            super()._UpdateGateTimeConstants(Vm)
            for gate in (self.m, self.h, self.n):
                gate.alpha = gate.alpha * self.Q10_FACTOR
                gate.beta = gate.beta * self.Q10_FACTOR

    return Warmed


def readme_example() -> Callable[[], Any]:
    """Return a call of README's example that has to rebuild its rate tables."""
    from pyhh_fast import HHModel, Simulation, rate_tables

    if not hasattr(rate_tables, "_built_in"):
        raise Unavailable("where the package keeps its tables has changed")
    rate_tables._built_in = None
    stimulus = np.repeat([0, 50, 0], [7_000, 6_000, 7_000])

    def call() -> Any:
        simulation = Simulation(HHModel(gNa=100, gK=5, EK=-35))
        simulation.Run(stimulus, stepSizeMs=0.01)
        return simulation

    return call


def _started(model: Any) -> Any:
    model.h.setInfiniteState()  # a new model has m and n steady, h at 0
    return model

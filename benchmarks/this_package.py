"""This package's rows: its runs, its custom kinetics, its slow twin."""

import functools
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from cell import STIMULUS, Traces, Unavailable, Way


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

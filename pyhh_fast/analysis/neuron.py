"""Declared neurons as analyses use them."""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis.population_runs import PopulationRuns
from pyhh_fast.analysis.runs import Outcome, Runs
from pyhh_fast.analysis.single_runs import SingleRuns
from pyhh_fast.analysis.subject import GateSteadyState, Subject, no_equilibrium
from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.channels.state import NeuronState
from pyhh_fast.channels.steady import rates, reversals, state_at
from pyhh_fast.engine.time_steps import speed_of_neuron_cells
from pyhh_fast.equilibria.neurons import equilibria, equilibrium_at, net_current, start_of_neuron
from pyhh_fast.equilibria.spike_threshold import threshold_for
from pyhh_fast.equilibria.starts import warn_of_unstable_start
from pyhh_fast.methods import METHODS
from pyhh_fast.settings import RunSettings
from pyhh_fast.simulations import Simulation
from pyhh_fast.typing import BoolArray, FloatArray, Method, Start, StructArray
from pyhh_fast.variables import POTENTIAL

FEW = 3
"""Neurons that take no longer one by one than at once."""


class NeuronSubject(Subject):
    """A neuron that was declared."""

    kind = "neuron"
    method: Method = "adaptive"
    known_error = False
    after_divergence = (
        f"Use weaker currents, or check the parameters: a neuron's tables end at {LARGEST_V:g} mV."
    )
    limits = -LARGEST_V, LARGEST_V
    least_time = 10_000.0

    _start: StructArray

    def __init__(self, neuron: Neuron) -> None:
        self.neuron, self.Cm = neuron, neuron.Cm
        state = [*neuron.gates, *neuron.pools]
        self.fields = {POTENTIAL.name: POTENTIAL.symbol, **{name: name for name in state}}
        self.concentrations = {name: pool.rest for name, pool in neuron.pools.items()}
        ends = reversals(neuron, neuron.parameters.__getitem__).values()
        self.reversals = [float(E) for of_one in ends for E in of_one]

    def started(self, start: Start, Vm: Any) -> Self:
        if start == "model":
            raise ValueError(
                "start must be 'rest' for a Neuron, which has no state of its own; got 'model'."
            )
        if Vm is None:
            V = start_of_neuron(self.neuron)
            if not equilibrium_at(self.neuron, V).stable:
                advice = "Simulation(neuron, Vm=...) starts elsewhere."
                warn_of_unstable_start(self.kind, V, advice)
        else:
            V = validation.real_number("Vm", Vm, unit="mV")
        twin = copy.copy(self)
        state = NeuronState(self.neuron, V)
        values = (V, *state.gates.values(), *state.concentrations.values())
        twin._start = np.array([values], self._struct)
        return twin

    @property
    def start(self) -> StructArray:
        return self._start

    def threshold(self, given: Any) -> float:
        return threshold_for(self.neuron, given)

    def speed(self) -> float:
        return speed_of_neuron_cells(NeuronCells(self.neuron, 1, {}))

    def runs(self, settings: RunSettings, threads: int) -> Runs:
        single = SingleRuns(self, settings, threads)
        if not METHODS[settings.method].many_cells:
            return single
        return _RunsAtOnce(self.neuron, single, settings, threads)

    def simulation_at(self, state: Any) -> Simulation:
        V, *others = state.tolist()
        gates, pools = self.neuron.gates, self.neuron.pools
        concentrations = dict(zip(pools, others[len(gates) :], strict=True))
        by_path = dict(zip(gates, others[: len(gates)], strict=True))
        return Simulation._of(NeuronState(self.neuron, V, by_path, concentrations))

    def state_of(self, simulation: Simulation) -> tuple[float, ...]:
        state = simulation._subject
        return (state.V, *state.gates.values(), *state.concentrations.values())

    def steady(self, V: FloatArray) -> StructArray:
        return self.steady_with(V, {})

    def steady_with(self, V: FloatArray, held: Mapping[str, FloatArray | float]) -> StructArray:
        states = np.empty(V.shape, self._struct)
        states[POTENTIAL.symbol] = V
        found = state_at(self.neuron, V, self.neuron.parameters.__getitem__, held)
        for name, values in found.items():
            states[name] = values
        return states

    def time_constants(self, V: FloatArray) -> FloatArray:
        neuron, value = self.neuron, self.neuron.parameters.__getitem__
        state = neuron._steady(V) if neuron.pools else {}
        taus = []
        for path, gate in neuron.gates.items():
            total = np.inf if gate.instantaneous else rates(neuron, path, V, state, value)[1]
            taus.append(np.broadcast_to(1 / (gate.speed * total), V.shape))
        taus += [np.full(V.shape, pool.tau) for pool in neuron.pools.values()]
        return np.array(taus).reshape(-1, V.size)

    def leak_time_constants(self) -> list[float]:
        g = sum(channel.g for channel in self.neuron.channels.values() if not channel.gates)
        return [self.Cm / g] if g > 0 else []

    def net_current(self, state: StructArray, current: Any) -> FloatArray:
        others = {name: state[name] for name in (*self.neuron.gates, *self.neuron.pools)}
        return net_current(self.neuron, current, state[POTENTIAL.symbol], others)

    def are_stable(self, V: FloatArray) -> BoolArray:
        return np.array([equilibrium_at(self.neuron, one).stable for one in V.tolist()], bool)

    def equilibrium(self, current: float) -> float:
        found = [one.V for one in equilibria(self.neuron, current)]
        if not found:
            raise no_equilibrium(self.kind, current, *self.limits)
        rest = start_of_neuron(self.neuron)
        return min(found, key=lambda V: abs(V - rest))

    def steady_state(self, V: FloatArray) -> dict[str, GateSteadyState]:
        """Return the steady state at each V (mV), as :func:`pyhh_fast.steady_state` does."""
        inf = self.neuron.steady_state(V)
        taus = self.time_constants(V.ravel())
        return {
            path: GateSteadyState(inf[path], tau.reshape(V.shape) if V.ndim else float(tau[0]))
            for path, tau in zip(inf, taus, strict=True)
        }

    @property
    def _struct(self) -> np.dtype[np.void]:
        return np.dtype([(field, np.float64) for field in self.fields.values()])


class _RunsAtOnce(PopulationRuns):
    """Runs of a neuron, all at once; but for pulses, each of which ends exactly.

    Parameters
    ----------
    single : SingleRuns
        Makes the same runs one by one, with the same bits.
    """

    def __init__(
        self, neuron: Neuron, single: SingleRuns, settings: RunSettings, threads: int
    ) -> None:
        one = NeuronCells(neuron, 1, {})

        def cells(state: StructArray) -> NeuronCells:
            copies = one._take(np.zeros(state.size, np.int64))
            copies._state = state.view(copies._state.dtype)
            return copies

        super().__init__(cells, None, single.start, settings, threads)
        self._single, self.parts = single, single.parts

    def run(
        self,
        state: StructArray,
        currents: FloatArray,
        steps: int,
        *,
        record: tuple[str, ...] = (),
        every: int = 1,
        progress: bool = False,
    ) -> Outcome:
        run = self._single.run if currents.size <= FEW else super().run
        return run(state, currents, steps, record=record, every=every, progress=progress)

    def responses(
        self, currents: FloatArray, durations: FloatArray, waits: FloatArray
    ) -> tuple[BoolArray, BoolArray]:
        return self._single.responses(currents, durations, waits)

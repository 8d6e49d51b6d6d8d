"""A declared neuron as the compiled steppers take it."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.channels.gate_table import LARGEST_V, REACH
from pyhh_fast.channels.layout import Membrane, membrane_of
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.state import NeuronState
from pyhh_fast.engine.compiled_model import Compiled
from pyhh_fast.engine.divergence import NAMES, latest
from pyhh_fast.engine.kernels import RecordFields, loops, struct
from pyhh_fast.equilibria.neurons import ChannelMembrane
from pyhh_fast.errors import SimulationError
from pyhh_fast.kinetics.declared import FIRST_WITHOUT_GATES, WIDTH_WITHOUT_GATES, rows_of
from pyhh_fast.methods import METHODS
from pyhh_fast.recording import RunStimulus, State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray, StructArray

WEAKER = "Use a weaker stimulus, or check the parameters."
"""What errors say where no other method or step would help."""

NEAR_END = 0.9
"""Part of the range of the tables beyond which a stuck solver is told that they end."""


class CompiledNeuron(Compiled):
    """A neuron, by its tables.

    Parameters
    ----------
    state : NeuronState
        Where the run begins; it is put where the run ends.
    """

    def __init__(self, state: NeuronState, settings: RunSettings) -> None:
        self._state, self._settings = state, settings
        neuron, layout = state.neuron, membrane_of(state.neuron)
        self.membrane = loops.Membrane(_shape(layout), _parameters(layout))
        self.fields = fields_of(neuron)
        width, first = WIDTH_WITHOUT_GATES, FIRST_WITHOUT_GATES
        for table in neuron.tables.values():  # they are alike
            width, first = table.width, table.first
        self._rates = loops.Rates(
            rows_of(neuron, layout, settings),
            first,
            1 / width,
            -LARGEST_V,
            LARGEST_V,
            rate_tables.NO_LINES,
            layout.vectors,
            extendable=False,
        )

    def state(self) -> State:
        return (self._state.V, *self._state.gates.values())

    def rates(self) -> Any:
        return self._rates

    def find_rates(self, V: float) -> bool:
        return False

    def write_back(self, values: dict[str, float]) -> None:
        self._state.V = values["V"]
        self._state.gates = {path: values[path] for path in self._state.gates}

    def divergence_error(
        self, stimulus: RunStimulus, states: Iterable[tuple[int, State]]
    ) -> Exception:
        late = list(states)
        step, (V, *_) = late[-1]
        dt, method = self._settings.dt, self._settings.method
        message = f"the run diverged at step {step} (t = {step * dt:g} ms), from V = {V:.6g} mV."
        advice = (
            f"V left the range of the neuron's tables, -{LARGEST_V:g} to {LARGEST_V:g} mV. {WEAKER}"
        )
        stable_below = METHODS[method].stable_below
        if self._driven_out(latest(stimulus, step, dt)):
            late = []  # no method and no step would help
        for earlier, state in late:
            what, rate = self._fastest(state)
            if rate * dt > stable_below:
                advice = (
                    f"dt times the fastest rate exceeds {stable_below:.3g}, where {NAMES[method]} "
                    f"is unstable: at step {earlier} (V = {state[0]:.6g} mV) {what} moves at "
                    f"{rate:.3g} per ms, and dt is {dt:g} ms. Use method='adaptive', whose steps "
                    "follow the fastest rate, or a smaller dt."
                )
                break
        return SimulationError(f"{message} {advice}", step=step, time=step * dt, V=V)

    def stuck_error(self, start: State, last: State, step: int, time: float, why: str) -> Exception:
        V = last[0]
        message = f"the solver is stuck at t = {time:.9g} ms (step {step}), V = {V:.6g} mV: {why}."
        what, rate = self._fastest(last)
        advice = (
            f"There {what} moves at {rate:.3g} per ms. Use larger tolerances, or check the "
            "stimulus and the parameters."
        )
        if abs(V) > NEAR_END * LARGEST_V:
            advice = f"The neuron's tables are from -{LARGEST_V:g} to {LARGEST_V:g} mV. {WEAKER}"
        return SimulationError(f"{message} {advice}", step=step, time=time, V=V)

    def _driven_out(self, currents: FloatArray) -> bool:
        """Whether a current (µA/cm²) drives V beyond the tables, the gates being steady there."""
        low, high = (
            ChannelMembrane(self._state.neuron, float(current)).dVdt(np.array([end]))[0]
            for current, end in (
                (currents.min(initial=0.0), -LARGEST_V),
                (currents.max(initial=0.0), LARGEST_V),
            )
        )
        return bool(low < 0 or high > 0)

    def _fastest(self, state: State) -> tuple[str, float]:
        """Return which of V and the gates is fastest at a state, and its rate in 1/ms."""
        V, *open_fractions = state
        neuron = self._state.neuron
        fractions = dict(zip(neuron.gates, open_fractions, strict=True))
        rates = {"V": 0.0}
        for name, channel in neuron.channels.items():
            conductance = channel.g
            for gate_name, gate in channel.gates.items():
                path = f"{name}.{gate_name}"
                conductance *= fractions[path] ** gate.power
                u = np.clip(V - channel.shift, -REACH, REACH)
                if not gate.instantaneous:
                    total = neuron.tables[path](np.array([u]))[1, 0]
                    rates[f"gate {path}"] = float(total) * gate.speed
            rates["V"] += conductance / neuron.Cm
        what = max(rates, key=lambda name: rates[name])
        return what, rates[what]


def fields_of(neuron: Neuron) -> RecordFields:
    """Return what describes a neuron between two steps: V, gates by path, currents by symbol."""
    currents = [v.symbol for v in neuron.variables.values() if v.before_step]
    return RecordFields(_shape(membrane_of(neuron)), tuple(neuron.gates), currents)


def _shape(layout: Membrane) -> StructArray:
    """Return the shape of a membrane as the kernels have it (src/membrane.h)."""
    places = {kind: [v.place for v in layout.variables if v.kind == kind] for kind in KINDS}
    shape = struct(
        loops.SHAPE,
        vectors=layout.vectors,
        gates=len(layout.gate_lane),
        channels=len(layout.g),
        ungated=layout.ungated,
        factors=layout.factors.shape[1],
        shifted=bool(layout.shift.any()),
        instantaneous=bool(layout.gate_instantaneous.any()),
    )
    gated = slice(layout.ungated, len(layout.g))
    shape["factor"][0, gated, : layout.factors.shape[1]] = layout.factors
    shape["lane_of_gate"][0, : len(places["gate"])] = places["gate"]
    shape["channel_of_current"][0, : len(places["current"])] = places["current"]
    shape["shift"][0, : layout.vectors] = layout.shift
    shape["at_inf"][0, layout.gate_lane] = layout.gate_instantaneous
    return shape


KINDS = ("gate", "current")


def _parameters(layout: Membrane) -> StructArray:
    parameters = struct(loops.MEMBRANE_PARAMETERS, C_m=layout.C_m)
    parameters["g"][0, : len(layout.g)] = layout.g
    parameters["E"][0, : len(layout.E)] = layout.E
    return parameters

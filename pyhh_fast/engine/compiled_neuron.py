"""A declared neuron, or many cells of one, as the compiled steppers take it."""

from collections.abc import Container
from typing import Any

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.channels.axes import CONCENTRATION
from pyhh_fast.channels.gate_table import LARGEST_V, REACH
from pyhh_fast.channels.layout import Membrane, evaluation_order, membrane_of
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.channels.state import NeuronState
from pyhh_fast.channels.steady import rates, reversal
from pyhh_fast.engine.compiled_model import Compiled, CompiledCells, SingleCells, same_for_all
from pyhh_fast.engine.divergence import Inputs, diverged, first_unstable, latest, stuck
from pyhh_fast.engine.kernels import RecordFields, loops, struct
from pyhh_fast.equilibria.neurons import ChannelMembrane
from pyhh_fast.kinetics.declared import (
    FIRST_WITHOUT_GATES,
    WIDTH_WITHOUT_GATES,
    pool_rows_of,
    rows_of,
)
from pyhh_fast.recording import LateSteps, RunStimulus, State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray, StructArray

WEAKER = "Use a weaker stimulus, or check the parameters."
"""What errors say where no other method or step would help."""

NEAR_END = 0.9
"""Part of the range of the tables beyond which a stuck solver is told that they end."""


NEAR_TOP = 0.03
"""Part of the highest concentration of the tables beyond which a pool is told to have passed it."""


class CompiledNeuron(Compiled):
    """A neuron, by its tables.

    Parameters
    ----------
    state : NeuronState
        Where the run begins; it is put where the run ends.
    """

    def __init__(self, state: NeuronState, settings: RunSettings) -> None:
        self._state, self._settings = state, settings
        self.pools = tuple(state.neuron.pools)
        neuron, layout = state.neuron, membrane_of(state.neuron)
        shape = _shape(layout)
        self.membrane = loops.Membrane(shape, _parameters(layout))
        self.fields = _fields(neuron, shape)
        self._rates = rates_for_loops(neuron, layout, settings)

    def state(self) -> State:
        s = self._state
        return (s.V, *s.gates.values(), *s.concentrations.values())

    def steady_gates(self, V: float) -> dict[str, float]:
        steady: dict[str, float] = self._state.neuron.steady_state(V)
        return steady

    def rates(self) -> Any:
        return self._rates

    def find_rates(self, V: float) -> bool:
        return False

    def write_back(self, values: dict[str, float]) -> None:
        self._state.V = values["V"]
        self._state.gates = {path: values[path] for path in self._state.gates}
        concentrations = {name: values[name] for name in self._state.concentrations}
        self._state.concentrations = concentrations

    def divergence_error(self, stimulus: RunStimulus, late: LateSteps) -> Exception:
        settings = self._settings
        advice = (
            f"V left the range of the neuron's tables, -{LARGEST_V:g} to {LARGEST_V:g} mV. {WEAKER}"
        )
        # Where it was driven out, no method and no step would help.
        inputs = latest(stimulus, late[-1][0], settings.dt)
        if flooded := self._flooded(late[-1][1]):
            advice = flooded
        elif not self._driven_out(inputs) and (
            found := first_unstable(settings, late, self._fastest, inputs)
        ):
            ways = "method='adaptive', whose steps follow the fastest rate, or a smaller dt"
            advice = f"{found[1]} Use {ways}."
        return diverged(settings, late, advice)

    def stuck_error(self, start: State, last: State, step: int, time: float, why: str) -> Exception:
        what, rate = self._fastest(last, 0.0)
        advice = (
            f"There {what} moves at {rate:.3g} per ms. Use larger tolerances, or check the "
            "stimulus and the parameters."
        )
        if abs(last[0]) > NEAR_END * LARGEST_V:
            advice = f"The neuron's tables are from -{LARGEST_V:g} to {LARGEST_V:g} mV. {WEAKER}"
        elif flooded := self._flooded(last):
            advice = flooded
        return stuck(last[0], step, time, f"{why}. {advice}")

    def _flooded(self, state: State) -> str:
        """Return what to say where a concentration is near the end of the tables, else nothing."""
        pools = self._state.neuron.pools
        for name, Ca in zip(pools, state[len(state) - len(pools) :], strict=True):
            if Ca > NEAR_TOP * CONCENTRATION.high:
                return (
                    f"{name} left the range of the neuron's tables, which end at "
                    f"{CONCENTRATION.high:g} mM. Check the pool's gain and tau, and the currents "
                    "that feed it."
                )
        return ""

    def _driven_out(self, inputs: Inputs) -> bool:
        """Whether the stimulus drives V beyond the tables, the gates being steady there."""
        low, high = (
            ChannelMembrane(self._state.neuron, float(current)).dVdt(np.array([end]))[0]
            for current, end in (
                (inputs.at(-LARGEST_V).min(initial=0.0), -LARGEST_V),
                (inputs.at(LARGEST_V).max(initial=0.0), LARGEST_V),
            )
        )
        return bool(low < 0 or high > 0)

    def _fastest(self, state: State, g: float) -> tuple[str, float]:
        """Return which of V and the gates is fastest at a state, and its rate in 1/ms.

        `g` is the conductance of the stimulus, in mS/cm².
        """
        V, *others = state
        neuron = self._state.neuron
        values = dict(zip([*neuron.gates, *neuron.pools], others, strict=True))
        fastest = {"V": g / neuron.Cm} | {name: 1 / pool.tau for name, pool in neuron.pools.items()}
        for name, channel in neuron.channels.items():
            conductance = channel.g
            for gate_name, gate in channel.gates.items():
                path = f"{name}.{gate_name}"
                conductance *= values[path] ** gate.power
                at = np.array([np.clip(V, channel.shift - REACH, channel.shift + REACH)])
                if not gate.instantaneous:
                    found = rates(neuron, path, at, values, neuron.parameters.__getitem__)
                    total = np.ravel(found[1])[0]
                    fastest[f"gate {path}"] = float(total) * gate.speed
            fastest["V"] += conductance / neuron.Cm
        what = max(fastest, key=lambda name: fastest[name])
        return what, fastest[what]


def fields_of(neuron: Neuron) -> RecordFields:
    """Return what describes a neuron between two steps: V, gates, pools, currents by symbol."""
    return _fields(neuron, _shape(membrane_of(neuron)))


def _fields(neuron: Neuron, shape: StructArray) -> RecordFields:
    currents = [v.symbol for v in neuron.variables.values() if v.before_step]
    return RecordFields(shape, (*neuron.gates, *neuron.pools), currents)


def membrane_for_loops(layout: Membrane) -> Any:
    """Return the loops.Membrane of a neuron."""
    return loops.Membrane(_shape(layout), _parameters(layout))


def rates_for_loops(
    neuron: Neuron, layout: Membrane, settings: RunSettings, own_speed: Container[str] = ()
) -> Any:
    """Return the loops.Rates of a neuron, or of cells with speeds of their own."""
    rows = rows_of(neuron, layout, settings, own_speed)
    factors = [
        (of_pool, first_row, len(pool.vectors), bits)
        for pool, (of_pool, first_row, bits) in zip(
            layout.pools, pool_rows_of(neuron, layout, settings, own_speed), strict=True
        )
    ]
    width, first = WIDTH_WITHOUT_GATES, FIRST_WITHOUT_GATES
    for table in neuron.tables.values():  # they are alike
        width, first = table.width, table.first
    return loops.Rates(
        rows,
        first,
        1 / width,
        -LARGEST_V,
        LARGEST_V,
        rate_tables.NO_LINES,
        layout.rows,
        extendable=False,
        pools=factors,
    )


def _shape(layout: Membrane) -> StructArray:
    """Return the shape of a membrane as the kernels have it (src/membrane.h)."""
    gates = [v.place for v in layout.variables if v.kind in ("gate", "pool")]
    currents = [v.place for v in layout.variables if v.kind == "current"]
    shape = struct(
        loops.SHAPE,
        vectors=layout.vectors,
        rows=layout.rows,
        gates=len(layout.gate_lane) + len(layout.pools),
        pools=len(layout.pools),
        nernst=bool(layout.nernst_slope.any()),
        channels=len(layout.g),
        ungated=layout.ungated,
        factors=layout.factors.shape[1],
        shifted=bool(layout.shift.any() or any(layout.shifted_by)),
        instantaneous=bool(layout.gate_instantaneous.any()),
    )
    gated = slice(layout.ungated, len(layout.g))
    shape["factor"][0, gated, : layout.factors.shape[1]] = layout.factors
    shape["lane_of_gate"][0, : len(gates)] = gates
    shape["channel_of_current"][0, : len(currents)] = currents
    shape["shift"][0, : layout.vectors] = layout.shift
    shape["at_inf"][0, layout.gate_lane] = layout.gate_instantaneous
    shape["pool_of_E"][0, : len(layout.g)] = np.maximum(layout.nernst_pool, 0)
    shape["scale"] = 1.0
    for p, pool in enumerate(layout.pools):
        shape["lane_of_pool"][0, p], shape["is_pool"][0, p, pool.lane] = pool.lane, 1.0
        shape["feeders"][0, p], shape["factored"][0, p] = len(pool.feeders), len(pool.vectors)
        shape["feeder"][0, p, : len(pool.feeders)] = pool.feeders
        shape["is_factored"][0, p * len(shape["shift"][0]) + pool.vectors] = 1.0
        shape["scale"][0, pool.lane] = pool.rest
    return shape


def _parameters(layout: Membrane) -> StructArray:
    parameters = struct(loops.MEMBRANE_PARAMETERS, C_m=layout.C_m)
    parameters["g"][0, : len(layout.g)] = layout.g
    parameters["E"][0, : len(layout.E)] = layout.E
    parameters["slope"][0, : len(layout.E)] = layout.nernst_slope
    for name in ("rest", "tau", "gain"):
        parameters[name][0, : len(layout.pools)] = [getattr(pool, name) for pool in layout.pools]
    return parameters


class CompiledNeuronCells(CompiledCells):
    """Cells of a neuron, by its tables.

    Parameters
    ----------
    cells : NeuronCells
    settings : RunSettings
    """

    built_in = False
    largest_V = 0.0  # there are no more rates than those of the tables

    def __init__(self, cells: NeuronCells, settings: RunSettings) -> None:
        neuron, values, size = cells.neuron, cells._values, cells.size
        layout = membrane_of(neuron, _shifted(cells))
        self.membrane = membrane_for_loops(layout)
        own_speed = {path for path in neuron.gates if f"{path}.speed" in values}
        self._rates = rates_for_loops(neuron, layout, settings, own_speed)

        def column(path: str) -> FloatArray:
            return np.broadcast_to(cells._value(path), (size,))

        order = evaluation_order(neuron)
        reversals = [reversal(name, neuron.channels[name].E, cells._value) for name in order]
        follow_pools = any(isinstance(one.E, Nernst) for one in neuron.channels.values())
        self.parameters = (
            column("Cm"),
            tuple(column(f"{name}.g") for name in order),
            tuple(np.broadcast_to(E, (size,)) for E, _ in reversals),
            tuple(
                same_for_all(shift, size) if name is None else column(f"{name}.shift")
                for shift, name in zip(layout.shift, layout.shifted_by, strict=True)
            ),
            (
                *(
                    values[f"{path}.speed"] / gate.speed if path in own_speed else None
                    for path, gate in neuron.gates.items()
                ),
                *(None for _ in neuron.pools),
            ),
            tuple(np.broadcast_to(slope, (size,)) for _, slope in reversals if follow_pools),
            tuple(
                tuple(column(f"{pool}.{part}") for part in ("rest", "tau", "gain"))
                for pool in neuron.pools
            ),
        )

    def rates(self) -> Any:
        return self._rates

    def find_rates(self, V: float) -> None:
        raise AssertionError("cells of a neuron that leave its tables have diverged")


class SingleNeurons(SingleCells):
    """Cells of a neuron, each a neuron with its numbers."""

    def __init__(self, cells: NeuronCells, settings: RunSettings) -> None:
        self._neuron, self._values, self._settings = cells.neuron, cells._values, settings

    def cell(self, number: int, state: State) -> CompiledNeuron:
        own = {path: float(values[number]) for path, values in self._values.items()}
        neuron = self._neuron.replace(own) if own else self._neuron
        values = dict(zip([*neuron.gates, *neuron.pools], state[1:], strict=True))
        gates = {path: values[path] for path in neuron.gates}
        concentrations = {name: values[name] for name in neuron.pools}
        return CompiledNeuron(NeuronState(neuron, state[0], gates, concentrations), self._settings)


def _shifted(cells: NeuronCells) -> dict[str, str]:
    """Return the channels with shifts of each cell, and the first with the same, for each."""
    found: dict[str, str] = {}
    for name in cells.neuron.channels:
        own = cells._values.get(f"{name}.shift")
        if own is not None:
            same = (
                first
                for first in found
                if found[first] == first and np.array_equal(cells._values[f"{first}.shift"], own)
            )
            found[name] = next(same, name)
    return found

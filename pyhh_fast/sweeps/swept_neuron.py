"""What a sweep uses of a neuron, whose cells start at rest, each at its own."""

import functools
import json
from typing import Any

from pyhh_fast.channels import paths
from pyhh_fast.channels.descriptions import describe_gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.engine.time_steps import step_for_neuron_cells
from pyhh_fast.equilibria.neuron_cells import starts_of_cells
from pyhh_fast.equilibria.rest_states import NoRest
from pyhh_fast.storage.saved_neurons import agree, with_tables
from pyhh_fast.storage.stored_tables import GateRows
from pyhh_fast.sweeps.grid import CURRENT, Axis
from pyhh_fast.sweeps.swept import Axes, Points, Rates, Swept
from pyhh_fast.to_xarray import unit_of
from pyhh_fast.typing import FloatArray

POSITIVE = ("Cm", "speed", "rest", "tau", "gain", "outside")
"""Last parts of the paths whose numbers must be above 0."""


BOTH_ENDS = (".E", ".outside", ".celsius", ".rest", ".shift")
"""Parameters of which the least counts as well where the fastest cell is looked for."""


class NeuronRates(Rates):
    """The tables of a neuron, with which it is pickled."""

    def __init__(self, neuron: Neuron) -> None:
        self.neuron = neuron

    @functools.cached_property
    def stored(self) -> GateRows | None:
        return GateRows.of(self.neuron)

    def agree_with(self, table: GateRows | None) -> bool:
        own = self.neuron._tables
        if table is None:
            return self.stored is None
        try:
            there = table.by_path(own.of_V, own.of_pools)
        except ValueError:
            return False
        return all(
            agree(ours[path], one)
            for ours, theirs in zip(own, there, strict=True)
            for path, one in theirs.items()
        )

    def frozen(self, table: GateRows | None = None) -> "NeuronRates":
        if table is None or not self.agree_with(table):
            return self
        own = self.neuron._tables
        return NeuronRates(with_tables(self.neuron, table.by_path(own.of_V, own.of_pools)))

    def extend(self, V: float) -> bool:
        return False

    def without_source(self) -> "NeuronRates":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return NeuronRates, (self.neuron,)


class NeuronPoints(Points):
    """Cells of a neuron at rest."""

    def cells(
        self, numbers: dict[str, FloatArray], size: int, rates: NeuronRates
    ) -> tuple[NeuronCells, None]:
        # Arrays, however many points there are: cells have other bits where a speed is one for all.
        values = {k: own for k, own in numbers.items() if k in rates.neuron.parameters}
        cells = NeuronCells(rates.neuron, size, values)
        try:
            cells._set_steady(starts_of_cells(cells))
        except NoRest as error:
            at = ", ".join(f"{path} = {own[error.cell]:.6g}" for path, own in values.items())
            raise ValueError(
                f"model must have an equilibrium at each point of the grid; got none at {at}. "
                "Leave such points out."
            ) from None
        return cells, None


class SweptNeuron(Swept):
    """A neuron."""

    tables = GateRows

    def __init__(self, neuron: Any) -> None:
        self._neuron: Neuron = neuron
        self.closest = functools.partial(paths.suggestion, self._neuron._all_parts)
        self.variables = self._neuron.variables
        self.known = {
            path: Axis(unit_of(path), positive=path.rpartition(".")[2] in POSITIVE)
            for path in self._neuron.parameters
        } | CURRENT

    def check(self, axes: Axes) -> None:
        for path, axis in axes.items():
            if path not in CURRENT:
                NeuronCells(self._neuron, axis.size, {path: axis})

    def description(self, axes: Axes) -> dict[str, Any]:
        neuron = self._neuron
        parameters = {k: value for k, value in neuron.parameters.items() if k not in axes}
        # With their speeds, of which those in the grid are multiples.
        gates = {path: json.dumps(describe_gate(gate)) for path, gate in neuron.gates.items()}
        order: dict[str, Any] = {"channels": [*neuron.channels], "gates": [*gates]}
        if neuron.pools:
            order["pools"] = [*neuron.pools]
            order["feeds"] = [one.feeds or "" for one in neuron.channels.values()]
            E = [one.E for one in neuron.channels.values()]
            order["follows"] = [one.pool if isinstance(one, Nernst) else "" for one in E]
        return {"model": "Neuron", **order, **parameters, **gates, "start": "rest"}

    def points(self, description: dict[str, Any]) -> NeuronPoints:
        return NeuronPoints()

    def rates(self, values: dict[str, float]) -> NeuronRates:
        return NeuronRates(self._neuron)

    def suiting_step(self, axes: Axes) -> float:
        # Of two cells that are as fast as any between all reversal potentials and shifts.
        ends = {
            path: [axis.min(), axis.max()] if path.endswith(BOTH_ENDS) else [axis.max()] * 2
            for path, axis in axes.items()
            if path not in CURRENT
        }
        if "Cm" in ends:
            ends["Cm"] = [axes["Cm"].min()] * 2
        return step_for_neuron_cells(NeuronCells(self._neuron, 2, ends))

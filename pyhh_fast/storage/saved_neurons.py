"""Neurons as numbers: their declaration, tables and state, and back.

Rates are described by their forms; what is another function is known by its gate's table alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels import descriptions
from pyhh_fast.channels.declaration import OWN
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.state import NeuronState
from pyhh_fast.channels.tables import NO_TABLES, Tables
from pyhh_fast.engine.compiled_neuron import CompiledNeuron, fields_of
from pyhh_fast.settings import RunSettings
from pyhh_fast.storage.stored_tables import GateRows, Table

AGREES_WITHIN = 1e-10
"""Largest difference of two tables of the same functions, relative to alpha + beta: their last bits
depend on the CPU and on NumPy's version."""


class SavableNeuron:
    """A neuron in a state; all neurons can be saved."""

    key = "neuron"

    def __init__(self, state: NeuronState) -> None:
        self.subject = state

    def description(self) -> dict[str, Any]:
        """As `Savable.description`."""
        s = self.subject
        return {
            "declaration": descriptions.describe(s.neuron),
            "state": {"V": s.V, "gates": dict(s.gates)}
            | ({"concentrations": dict(s.concentrations)} if s.neuron.pools else {}),
        }

    def table(self) -> Table | None:
        """As `Savable.table`."""
        return GateRows.of(self.subject.neuron)

    def compiled(
        self, settings: RunSettings, save: Callable[[Table], object], state: dict[str, Any] | None
    ) -> CompiledNeuron:
        """As `Savable.compiled`."""
        if (table := self.table()) is not None:
            save(table)
        return CompiledNeuron(self.subject, settings)


class SavedNeuron:
    """A neuron and its state, as they were saved."""

    def __init__(self, description: Any, table: Table | None) -> None:
        if not isinstance(description, dict) or set(description) != {"declaration", "state"}:
            raise ValueError("no description of a neuron")
        declaration, state = description["declaration"], description["state"]
        paths, *with_tables = descriptions.gate_paths(declaration)
        tables = NO_TABLES
        if paths:
            if not isinstance(table, GateRows):
                raise ValueError("no tables of its gates")
            tables = table.by_path(*with_tables)
        elif table is not None:
            raise ValueError("tables of gates that it has not")
        self._neuron = descriptions.neuron_from(declaration, *tables)
        if descriptions.describe(self._neuron) != declaration:
            raise ValueError("no declaration of a neuron")
        self._V = validation.real_number("V", state["V"])
        gates, pools = state["gates"], self._neuron.pools
        if set(gates) != set(paths):
            raise ValueError("no state of its gates")
        self._gates = {path: validation.real_number(path, gates[path]) for path in paths}
        concentrations = state.get("concentrations", {})
        if set(concentrations) != set(pools) or ("concentrations" in state and not pools):
            raise ValueError("no state of its pools")
        self._concentrations = {
            name: validation.real_number(name, concentrations[name], positive=True)
            for name in pools
        }
        self.variables = self._neuron.variables
        self.fields = fields_of(self._neuron)

    def restored(self, given: Any) -> SavableNeuron:
        """As `Saved.restored`."""
        neuron = self._neuron if given is None else _with_functions_of(given, self._neuron)
        state = NeuronState(neuron, self._V, self._gates, self._concentrations)
        return SavableNeuron(state)


def _with_functions_of(given: Any, saved: Neuron) -> Neuron:
    """Return the neuron that a user gave, with the tables that were saved."""
    rule = "the Neuron that was saved"
    advice = "Leave it out: what was saved is enough."
    validation.instance("model", given, Neuron, rule, advice)
    if (difference := _difference(given, saved)) is not None:
        raise ValueError(f"model must be {rule}; got one with {difference}. {advice}")
    return with_tables(given, saved._tables)


def with_tables(neuron: Neuron, tables: Tables) -> Neuron:
    """Return a neuron with these tables of its gates."""
    own = {name: getattr(neuron, name) for name in OWN}
    return Neuron._with_tables(**own, parts=neuron._all_parts, tables=tables)


def _difference(given: Neuron, saved: Neuron) -> str | None:
    """Return what a neuron has instead of what was saved, or None where nothing is different."""
    there, then = (n.parameters | {name: getattr(n, name) for name in OWN} for n in (given, saved))
    for path, value in then.items():
        if there.get(path, value) != value:
            return f"{path} {there[path]} instead of {value}"
    described, before = descriptions.describe(given), descriptions.describe(saved)
    if described["channels"] != before["channels"]:
        return "other channels or gates"
    if described != before:
        return "other pools"
    for ours, theirs in zip(given._tables, saved._tables, strict=True):
        for path, table in theirs.items():
            if not agree(ours[path], table):
                return f"other rates of gate {path}"
    return None


def agree(one: GateTable, other: GateTable) -> bool:
    """Whether two tables are of the same functions."""
    if one.width != other.width:
        return False
    values, expected = one.at_nodes(), other.at_nodes()
    return bool((np.abs(values - expected) <= AGREES_WITHIN * expected[..., 1:]).all())

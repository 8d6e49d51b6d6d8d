"""A neuron as numbers, texts and tables: what pickles and stores hold of it.

Forms of rates are described by their numbers. Any other function is known by its gate's table from
then on, so a neuron made of lambdas can be stored as well.
"""

from collections.abc import Mapping
from typing import Any

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.gate_table import GateTable, TabulatedRate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.tables import tables_of
from pyhh_fast.rate_forms import RateForm

Description = dict[str, Any]
"""What JSON can hold; beside it go the tables of the gates, by path.

Channels and gates are lists, because their order counts, and stores sort the members of objects.
"""


def describe(neuron: Neuron) -> Description:
    """Return the declaration of a neuron; its functions are described, or None for the table."""
    return {
        "Cm": neuron.Cm,
        "area": neuron.area,
        "threshold": neuron.threshold,
        "channels": [
            {"name": name} | describe_channel(one) for name, one in neuron.channels.items()
        ],
    }


def describe_channel(channel: Channel) -> Description:
    """Return the declaration of a channel."""
    gates = [{"name": name} | describe_gate(gate) for name, gate in channel.gates.items()]
    return {"g": channel.g, "E": channel.E, "shift": channel.shift, "gates": gates}


def describe_gate(gate: Gate) -> Description:
    """Return the declaration of a gate."""
    functions = {
        name: function.description() if isinstance(function, RateForm) else None
        for name, function in gate.functions.items()
    }
    return {
        "power": gate.power,
        "speed": gate.speed,
        "instantaneous": gate.instantaneous,
        "functions": functions,
    }


def gate_paths(description: Description) -> list[str]:
    """Return the paths of the gates of a neuron's description, in declared order."""
    return [
        f"{channel['name']}.{gate['name']}"
        for channel in description["channels"]
        for gate in channel["gates"]
    ]


def neuron_from(description: Description, tables: Mapping[str, GateTable]) -> Neuron:
    """Return the neuron of a description, with these tables.

    Raise KeyError, TypeError or ValueError if it describes none.
    """
    channels = {
        one["name"]: channel_from(one, tables, f"{one['name']}.") for one in description["channels"]
    }
    return Neuron._with_tables(
        description["Cm"], description["area"], description["threshold"], channels, tables
    )


def channel_from(
    description: Description, tables: Mapping[str, GateTable], prefix: str = ""
) -> Channel:
    """Return the channel of a description, whose gates have these tables."""
    gates = {
        one["name"]: gate_from(one, tables[prefix + one["name"]]) for one in description["gates"]
    }
    return Channel(description["g"], E=description["E"], shift=description["shift"], **gates)


def gate_from(description: Description, table: GateTable) -> Gate:
    """Return the gate of a description with this table."""
    functions = {
        name: TabulatedRate(table, name) if form is None else RateForm(**form)
        for name, form in description["functions"].items()
    }
    return Gate(
        power=description["power"],
        speed=description["speed"],
        instantaneous=description["instantaneous"],
        **functions,
    )


def reduce_neuron(neuron: Neuron) -> tuple[Any, ...]:
    """Return how pickle makes a neuron again."""
    return neuron_from, (describe(neuron), dict(neuron.tables))


def reduce_channel(channel: Channel) -> tuple[Any, ...]:
    """Return how pickle makes a channel again."""
    return channel_from, (describe_channel(channel), tables_of(channel.gates))


def reduce_gate(gate: Gate) -> tuple[Any, ...]:
    """Return how pickle makes a gate again."""
    return gate_from, (describe_gate(gate), tables_of({"gate": gate})["gate"])

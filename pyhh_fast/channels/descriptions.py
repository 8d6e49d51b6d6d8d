"""A neuron as numbers, texts and tables: what pickles and stores hold of it.

Forms of rates are described by their numbers. Any other function is known by its gate's table from
then on, so a neuron made of lambdas can be stored as well.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.gate_table import GateTable, TabulatedRate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Nernst, Pool
from pyhh_fast.channels.tables import Tables, tables_of_gates
from pyhh_fast.rate_forms import RateForm

Description = dict[str, Any]
"""What JSON can hold; beside it go the tables of the gates, by path. What is of calcium is there
only where there is some.

Channels and gates are lists, because their order counts, and stores sort the members of objects.
"""


def describe(neuron: Neuron) -> Description:
    """Return the declaration of a neuron; its functions are described, or None for the table."""
    pools = [
        {"name": name, "rest": one.rest, "tau": one.tau, "gain": one.gain, "depth": one.depth}
        for name, one in neuron.pools.items()
    ]
    return {
        "Cm": neuron.Cm,
        "area": neuron.area,
        "threshold": neuron.threshold,
        "channels": [
            {"name": name} | describe_channel(one) for name, one in neuron.channels.items()
        ],
    } | ({"pools": pools} if pools else {})


def describe_channel(channel: Channel) -> Description:
    """Return the declaration of a channel."""
    gates = [{"name": name} | describe_gate(gate) for name, gate in channel.gates.items()]
    E = dataclasses.asdict(channel.E) if isinstance(channel.E, Nernst) else channel.E
    feeds = {} if channel.feeds is None else {"feeds": channel.feeds}
    return {"g": channel.g, "E": E, "shift": channel.shift, "gates": gates} | feeds


def describe_gate(gate: Gate) -> Description:
    """Return the declaration of a gate."""
    functions = {
        name: function.description() if isinstance(function, RateForm) else None
        for name, function in gate.functions.items()
    }
    pool = {} if gate.of is None else {"of": gate.of}
    if gate.times is not None:
        pool = {"times": gate.times[0]}
    return {
        "power": gate.power,
        "speed": gate.speed,
        "instantaneous": gate.instantaneous,
        "functions": functions,
    } | pool


def gate_paths(description: Description) -> tuple[list[str], list[str], list[str]]:
    """Return the paths of the gates of a neuron's description, in declared order.

    They are those of all, and of those that have tables over V, and over a concentration.
    """
    gates = {
        f"{channel['name']}.{gate['name']}": gate
        for channel in description["channels"]
        for gate in channel["gates"]
    }
    of_V = [path for path, gate in gates.items() if "of" not in gate]
    return (
        list(gates),
        of_V,
        [path for path, gate in gates.items() if {"of", "times"} & gate.keys()],
    )


def neuron_from(
    description: Description,
    tables: Mapping[str, GateTable],
    pool_tables: Mapping[str, GateTable] = MappingProxyType({}),
) -> Neuron:
    """Return the neuron of a description, with these tables.

    Raise KeyError, TypeError or ValueError if it describes none.
    """
    all_tables = Tables(tables, pool_tables)
    parts: dict[str, Channel | Pool] = {
        one["name"]: channel_from(one, all_tables, f"{one['name']}.")
        for one in description["channels"]
    }
    for one in description.get("pools", ()):
        size = "depth" if one["depth"] is not None else "gain"
        parts[one["name"]] = Pool(one["rest"], one["tau"], **{size: one[size]})
    return Neuron._with_tables(
        description["Cm"], description["area"], description["threshold"], parts, all_tables
    )


def channel_from(description: Description, tables: Tables, prefix: str = "") -> Channel:
    """Return the channel of a description, whose gates have these tables."""
    gates = {
        one["name"]: gate_from(one, tables, prefix + one["name"]) for one in description["gates"]
    }
    E, feeds = description["E"], description.get("feeds")
    E = Nernst(**E) if isinstance(E, dict) else E
    return Channel(description["g"], E=E, shift=description["shift"], feeds=feeds, **gates)


def gate_from(description: Description, tables: Tables, path: str) -> Gate:
    """Return the gate of a description, with its tables among these."""
    of, times = description.get("of"), description.get("times")
    table = (tables.of_V if of is None else tables.of_pools)[path]
    functions = {
        name: TabulatedRate(table, name) if form is None else RateForm(**form)
        for name, form in description["functions"].items()
    }
    return Gate(
        power=description["power"],
        speed=description["speed"],
        instantaneous=description["instantaneous"],
        of=of,
        times=None if times is None else (times, TabulatedRate(tables.of_pools[path], "times")),
        **functions,
    )


def reduce_neuron(neuron: Neuron) -> tuple[Any, ...]:
    """Return how pickle makes a neuron again."""
    return neuron_from, (describe(neuron), dict(neuron.tables), dict(neuron.pool_tables))


def reduce_channel(channel: Channel) -> tuple[Any, ...]:
    """Return how pickle makes a channel again."""
    return channel_from, (describe_channel(channel), tables_of_gates(channel.gates))


def reduce_gate(gate: Gate) -> tuple[Any, ...]:
    """Return how pickle makes a gate again."""
    return gate_from, (describe_gate(gate), tables_of_gates({"gate": gate}), "gate")

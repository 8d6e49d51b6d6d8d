"""Paths of a neuron's parameters: other numbers for them, and what was meant by an unknown one."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.parts import Part
from pyhh_fast.channels.pool import Nernst, Pool


def suggestion(parts: Mapping[str, Part], path: str, known: list[str]) -> str:
    """Return a sentence about a path that is none of those known.

    Parameters
    ----------
    parts : mapping of str to Channel or Pool
        Those of the neuron.
    """
    name, _, part = path.partition(".")
    one = parts.get(name)
    if isinstance(one, Channel) and part:
        gate_name, _, inner = part.partition(".")
        gate = one.gates.get(gate_name)
        if part == "shift" and one.gates:
            return f"All gates of {name} are of calcium alone, and so it has no shift."
        if part == "shift":
            return f"{name} has no gates, and so no shift."
        if part == "E":
            return f"E of {name} follows a pool: its numbers are {name}.E.outside and .celsius."
        if gate is not None and inner == "speed":
            return f"{name}.{gate_name} is instantaneous, and so has no speed."
        if gate is not None:
            return (
                f"{inner or 'A gate'} is not a parameter: declare a neuron for each, with a "
                "population of its own."
            )
    if isinstance(one, Pool) and part == "depth":
        return f"Pass {name}.gain, which is 10 / (2 F depth)."
    if path.startswith(("g", "E")) and f"{path[1:]}.{path[0]}" in known:
        return f"Did you mean {path[1:]}.{path[0]}?"
    return validation.closest_name(path, known, cutoff=0.6)


def changed(
    own: dict[str, Any], parts: dict[str, Part], values: Mapping[str, float], known: list[str]
) -> tuple[dict[str, Any], dict[str, Part]]:
    """Return what a neuron has, with other numbers: its own by name, and its parts.

    Raise TypeError or ValueError if a path is not among `known`, those of its parameters, or a
    number cannot be what the path says.
    """
    known = list(dict.fromkeys([*known, *own]))
    own, parts = dict(own), dict(parts)
    for path, value in values.items():
        name, _, part = validation.choice(
            "path", path, known, functools.partial(suggestion, parts)
        ).partition(".")
        if not part:
            own[name] = value
            continue
        try:
            parts[name] = _replaced(parts[name], part, value)
        except (TypeError, ValueError) as error:
            rule = str(error).partition(" must ")[2]
            raise type(error)(f"{path} must {rule}") from None
    return own, parts


def _replaced(one: Part, part: str, value: float) -> Part:
    """Return a channel or a pool with one number replaced: `part` of it, or of what it has."""
    if isinstance(one, Pool):
        size = "gain" if one.depth is None or part == "gain" else "depth"
        pool = {name: getattr(one, name) for name in ("rest", "tau", size)}
        return Pool(**(pool | {part: value}))
    numbers: dict[str, Any] = {
        "g": one.g,
        "E": one.E,
        "shift": one.shift,
        "feeds": one.feeds,
        **one.gates,
    }
    name, _, inner = part.partition(".")
    if inner and isinstance(one.E, Nernst) and name == "E":
        E = {"outside": one.E.outside, "celsius": one.E.celsius} | {inner: value}
        return Channel(**(numbers | {"E": Nernst(one.E.pool, **E)}))
    new = dataclasses.replace(numbers[name], speed=value) if inner else value
    return Channel(**(numbers | {name: new}))

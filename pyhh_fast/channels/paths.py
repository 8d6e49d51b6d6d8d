"""Paths of a neuron's parameters that do not exist: why, or what may have been meant."""

from collections.abc import Mapping
from typing import Any

from pyhh_fast import validation


def suggestion(channels: Mapping[str, Any], path: str, known: list[str]) -> str:
    """Return a sentence about a path that is none of those known.

    Parameters
    ----------
    channels : mapping of str to Channel
        Those of the neuron.
    """
    name, _, part = path.partition(".")
    channel = channels.get(name)
    if channel is not None and part:
        gate_name, _, inner = part.partition(".")
        gate = channel.gates.get(gate_name)
        if part == "shift":
            return f"{name} has no gates, and so no shift."
        if gate is not None and inner == "speed":
            return f"{name}.{gate_name} is instantaneous, and so has no speed."
        if gate is not None:
            return (
                f"{inner or 'A gate'} is not a parameter: declare a neuron for each, with a "
                "population of its own."
            )
    if path.startswith(("g", "E")) and f"{path[1:]}.{path[0]}" in known:
        return f"Did you mean {path[1:]}.{path[0]}?"
    return validation.closest_name(path, known, cutoff=0.6)

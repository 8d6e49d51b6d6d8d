"""The channels and pools of a neuron: what it may have, and what must be there for what."""

from collections.abc import Iterable, Iterator, Mapping

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel, check_names
from pyhh_fast.channels.pool import Nernst, Pool
from pyhh_fast.errors import warn_user

Part = Channel | Pool

MOST_CHANNELS = 8
MOST_POOLS = 2
MOST_GATES = 16
"""And pools, together."""


def split(parts: Mapping[str, Part]) -> tuple[dict[str, Channel], dict[str, Pool]]:
    """Return the channels and the pools among a neuron's parts."""
    channels = {name: part for name, part in parts.items() if isinstance(part, Channel)}
    return channels, {name: part for name, part in parts.items() if isinstance(part, Pool)}


def check(parts: Mapping[str, Part], reserved: Iterable[str]) -> None:
    """See that a neuron can have these parts; names that are reserved it may not."""
    not_channels = {name for name, part in parts.items() if isinstance(part, Pool)}
    check_names("channel", [name for name in parts if name not in not_channels], reserved)
    check_names("pool", not_channels, reserved)
    check_names("part", parts, ())
    for name, part in parts.items():
        advice = f"Pass {name}=Channel(...)."
        validation.instance(f"channel {name}", part, Part, "a Channel", advice)
    channels, pools = split(parts)
    if not 1 <= len(channels) <= MOST_CHANNELS:
        raise ValueError(f"a neuron must have 1 to {MOST_CHANNELS} channels; got {len(channels)}.")
    if len(pools) > MOST_POOLS:
        raise ValueError(f"a neuron must have {MOST_POOLS} pools at most; got {len(pools)}.")
    gates = sum(len(channel.gates) for channel in channels.values())
    if gates + len(pools) > MOST_GATES:
        raise ValueError(
            f"a neuron's channels must have {MOST_GATES} gates together at most; got {gates}."
            if not pools
            else f"a neuron must have {MOST_GATES} gates and pools together at most; got {gates} "
            f"and {len(pools)}."
        )
    for what, pool in _named(channels):
        if pool not in pools:
            rule = f"one of its pools, {', '.join(pools)}" if pools else "one of its pools"
            advice = f"Pass {pool}=Pool(...) to the neuron."
            advice = validation.closest_name(pool, pools) or advice
            got = repr(pool) + ", and it has none" * (not pools)
            raise ValueError(validation.message(what, rule, got, advice))


def warn_of_unfed(channels: Mapping[str, Channel], pools: Mapping[str, Pool]) -> None:
    """Warn of pools that nothing feeds, as where feeds was forgotten."""
    fed = {channel.feeds for channel in channels.values()}
    for name in pools:
        if name not in fed:
            warn_user(
                f"no channel feeds pool {name}, which stays at its rest. Pass feeds={name!r} to "
                "the channels whose current is calcium."
            )


def _named(channels: Mapping[str, Channel]) -> Iterator[tuple[str, str]]:
    """Yield what names a pool, and the name."""
    for name, channel in channels.items():
        if channel.feeds is not None:
            yield f"feeds of channel {name}", channel.feeds
        if isinstance(channel.E, Nernst):
            yield f"the pool of {name}.E", channel.E.pool
        for gate_name, gate in channel.gates.items():
            if gate.of is not None:
                yield f"of of gate {name}.{gate_name}", gate.of
            if gate.times is not None:
                yield f"the pool of times of gate {name}.{gate_name}", gate.times[0]

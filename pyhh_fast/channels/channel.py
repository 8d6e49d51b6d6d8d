"""A channel, declared: conductance, reversal potential, and the gates that open it."""

import re
import reprlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Never

from pyhh_fast import validation
from pyhh_fast.channels import representation
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.pool import Nernst, Pool, pool_name

MOST_FACTORS = 16
"""The powers of a channel's gates add up to this at most."""

LARGEST_SHIFT = 100.0
"""In mV; tables reach so much further than V."""

_MISSING: Any = None

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Channel:
    """A current through the membrane, ``g * open * (V - E)``.

    Its open fraction is the product of its gates, each to its power; without gates it is a leak,
    always open. Channels are immutable; two are equal where all their parts are.

    Parameters
    ----------
    g : float, mS/cm²
        Largest conductance, 0 or more.
    E : float, mV, or Nernst
        Reversal potential: a constant, or one that follows the concentration of a pool.
    feeds : str, optional
        Name of the pool that its current feeds.
    shift : float, mV, default 0
        Its rates are those at V - shift: with V_T of Traub's channels as shift, their formulas are
        written relative to V_T.
    **gates : Gate
        By the names that traces and parameters have: ``m`` of a channel ``Na`` is ``"Na.m"``.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or `g` or `E` is missing.
    ValueError
        If a number is not finite, `g` is negative, or `shift` is beyond 100 mV; if a name is
        reserved or differs from another by capitals alone; if the powers add up to more than 16;
        if there is a shift and no gate that depends on V.

    Examples
    --------
    >>> from pyhh_fast import Channel, Gate
    >>> from pyhh_fast.rate_forms import exponential, linoid
    >>> n = Gate(alpha=linoid(0.1, -34, 10), beta=exponential(0.125, -44, -80), power=4, speed=5)
    >>> K = Channel(9, E=-90, n=n)
    >>> K.g, K.gates["n"].speed
    (9.0, 5.0)
    """

    __slots__ = ("_E", "_feeds", "_g", "_gates", "_shift")

    def __init__(
        self,
        /,
        g: float = _MISSING,
        *unnamed: Never,
        E: float | Nernst = _MISSING,
        shift: float = 0.0,
        feeds: str | None = None,
        **gates: Gate,
    ) -> None:
        if g is _MISSING or E is _MISSING or unnamed:
            given = [reprlib.repr(one) for one in (g, *unnamed) if one is not _MISSING]
            given += [] if E is _MISSING else [f"E={E}"]
            raise TypeError(
                "a channel must be given as Channel(g, E=...), in mS/cm² and mV; got "
                f"Channel({', '.join(given)})."
            )
        self._g = validation.at_least("a channel's g", g, 0, unit="mS/cm²")
        self._E = E
        if not isinstance(E, Nernst):
            advice = ""
            if callable(E) or isinstance(E, str | Pool):
                advice = "Pass E=Nernst('Ca', outside=2, celsius=36) where it follows calcium."
            self._E = validation.real_number("a channel's E", E, unit="mV", advice=advice)
        self._feeds = None if feeds is None else pool_name("a channel's feeds", feeds)
        self._shift = validation.real_number("a channel's shift", shift, unit="mV")
        if abs(self._shift) > LARGEST_SHIFT:
            raise ValueError(
                f"a channel's shift must be from -{LARGEST_SHIFT:g} to {LARGEST_SHIFT:g} (mV); got "
                f"{shift}."
            )
        check_names("gate", gates, RESERVED)
        for name, gate in gates.items():
            advice = f"Pass {name}=Gate(...)."
            validation.instance(f"gate {name}", gate, Gate, "a Gate", advice)
        if shift and not gates:
            raise ValueError(
                f"a channel's shift must be left out where it has no gates (mV); got {shift}."
            )
        self._gates = MappingProxyType(dict(gates))
        if shift and not self._has_shift:
            raise ValueError(
                "a channel's shift must be left out where all its gates are of calcium alone (mV); "
                f"got {shift}."
            )
        powers = sum(gate.power for gate in gates.values())
        if powers > MOST_FACTORS:
            raise ValueError(
                f"the powers of a channel's gates must add up to {MOST_FACTORS} at most; got "
                f"{powers}, of {', '.join(gates)}."
            )

    @property
    def g(self) -> float:
        """Largest conductance, mS/cm²."""
        return self._g

    @property
    def E(self) -> float | Nernst:
        """Reversal potential, mV, or what it follows."""
        return self._E

    @property
    def feeds(self) -> str | None:
        """The name of the pool that its current feeds."""
        return self._feeds

    @property
    def shift(self) -> float:
        """Its rates are those at V - shift, mV."""
        return self._shift

    @property
    def gates(self) -> Mapping[str, Gate]:
        """Its gates by name, in the order they were declared."""
        return self._gates

    @property
    def _has_shift(self) -> bool:
        """Whether a gate depends on V, and so on the shift."""
        return any(gate.of is None for gate in self._gates.values())

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self._g, self._E, self._shift, self._feeds, tuple(self._gates.items())

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, Channel) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return representation.channel_text(self)

    def __reduce__(self) -> tuple[Any, ...]:
        from pyhh_fast.channels import descriptions

        return descriptions.reduce_channel(self)

    def __copy__(self) -> "Channel":
        return self

    def __deepcopy__(self, memo: Any) -> "Channel":
        return self


RESERVED = frozenset(name for name in dir(Channel) if not name.startswith("_"))
"""Names that no gate may have."""


def check_names(kind: str, names: Iterable[str], reserved: Iterable[str]) -> None:
    """See that channels, or the gates of a channel, can have these names.

    Stores name files by them, which some file systems do not tell apart by capitals.
    """
    taken = {name.lower(): name for name in reserved}
    seen: dict[str, str] = {}
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"the name of a {kind} must be letters, digits and underscores, a letter first; "
                f"got {name!r}."
            )
        if name.lower() in taken:
            meant = taken[name.lower()]
            raise ValueError(
                f"the name of a {kind} must be none of {', '.join(sorted(taken.values()))}, in any "
                f"capitals; got {name!r}." + f" Did you mean {meant}?" * (meant != name)
            )
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(
                f"the names of {kind}s must differ by more than capitals; got {other!r} and "
                f"{name!r}."
            )

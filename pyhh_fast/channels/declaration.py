"""What a neuron has: its membrane's numbers, channels and pools, and what follows from them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.channels.parts import Part, check, split
from pyhh_fast.channels.pool import Nernst, Pool
from pyhh_fast.channels.state import Declared
from pyhh_fast.channels.tables import Tables
from pyhh_fast.variables import CAPACITANCE, POTENTIAL, Variable

OWN = ("Cm", "area", "threshold")
"""What a neuron has beside its channels and pools."""


class Declaration(Declared):
    """The parts of a neuron, checked; by them two are equal."""

    __slots__ = ("_Cm", "_area", "_channels", "_pools", "_tables", "_threshold")

    _tables: Tables

    def _declare(
        self, Cm: float, area: float | None, threshold: float | None, parts: Mapping[str, Part]
    ) -> None:
        self._Cm = validation.real_number("Cm", Cm, unit="µF/cm²", positive=True)
        self._area = area
        if area is not None:
            self._area = validation.real_number("area", area, unit="µm²", positive=True)
        self._threshold = threshold
        if threshold is not None:
            self._threshold = validation.real_number("threshold", threshold, unit="mV")
        check(parts, reserved(type(self)))
        channels, pools = split(parts)
        self._channels, self._pools = MappingProxyType(channels), MappingProxyType(pools)

    @property
    def Cm(self) -> float:
        """Capacitance of the membrane, µF/cm²."""
        return self._Cm

    @property
    def area(self) -> float | None:
        """Area of the membrane, µm²."""
        return self._area

    @property
    def threshold(self) -> float | None:
        """Where a rising V counts as a spike, mV, if that was declared."""
        return self._threshold

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Its channels by name, in the order they were declared."""
        return self._channels

    @property
    def pools(self) -> Mapping[str, Pool]:
        """Its pools of calcium by name, in the order they were declared."""
        return self._pools

    @property
    def gates(self) -> dict[str, Gate]:
        """Its gates by path, as ``"Na.m"``, in the order they were declared."""
        return {
            f"{name}.{gate_name}": gate
            for name, channel in self._channels.items()
            for gate_name, gate in channel.gates.items()
        }

    @property
    def tables(self) -> Mapping[str, GateTable]:
        """The tables of its gates over V by path, made when it is made; rows have one width.

        Gates of calcium alone have none.
        """
        return MappingProxyType(dict(self._tables.of_V))

    @property
    def pool_tables(self) -> Mapping[str, GateTable]:
        """The tables of its gates over a concentration by path; rows of a pool have one width."""
        return MappingProxyType(dict(self._tables.of_pools))

    @property
    def parameters(self) -> dict[str, float]:
        """Its numbers by path: Cm, then of channels g, E, shift and speeds of gates, then of pools.

        There are no shifts of leaks and no speeds of instantaneous gates. In place of an E that
        follows a pool there are its outside and celsius. Pools have rest, tau and gain.
        """
        found = {CAPACITANCE.name: self._Cm}
        for name, channel in self._channels.items():
            found[f"{name}.g"] = channel.g
            if isinstance(channel.E, Nernst):
                found[f"{name}.E.outside"] = channel.E.outside
                found[f"{name}.E.celsius"] = channel.E.celsius
            else:
                found[f"{name}.E"] = channel.E
            if channel._has_shift:
                found[f"{name}.shift"] = channel.shift
            for gate_name, gate in channel.gates.items():
                if not gate.instantaneous:
                    found[f"{name}.{gate_name}.speed"] = gate.speed
        for name, pool in self._pools.items():
            found |= {
                f"{name}.rest": pool.rest,
                f"{name}.tau": pool.tau,
                f"{name}.gain": pool.gain,
            }
        return found

    @property
    def variables(self) -> dict[str, Variable]:
        """What changes during a run, by name: V, gates by path, pools, currents by channel."""
        gates = {
            path: Variable(path, path, "1", f"open fraction of gate {path}", path)
            for path in self.gates
        }
        pools = {
            name: Variable(name, f"[{name}]", "mM", f"concentration of pool {name}", name)
            for name in self._pools
        }
        currents = {
            name: Variable(
                name, f"I_{name}", "µA/cm²", f"{name} current, outward positive", name, True
            )
            for name in self._channels
        }
        return {POTENTIAL.name: POTENTIAL} | gates | pools | currents

    @property
    def _all_parts(self) -> dict[str, Part]:
        """Its channels and pools by name."""
        return {**self._channels, **self._pools}

    @property
    def _parts(self) -> tuple[Any, ...]:
        parts = tuple(self._channels.items()), tuple(self._pools.items())
        return self._Cm, self._area, self._threshold, *parts

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, Declaration) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts)


def reserved(kind: type) -> frozenset[str]:
    """Return the names that no part may have: what a neuron, recordings and stores have beside."""
    return frozenset(
        [
            *(name for name in dir(kind) if not name.startswith("_")),
            *("Vm", "Vm_min", "Vm_max", "I", "I_total", "dt", "time", "times", "stimulus"),
            *("spike", "spike_times", "spike_time", "current_time", "envelope_time", "rates"),
            "zarr",
        ]
    )

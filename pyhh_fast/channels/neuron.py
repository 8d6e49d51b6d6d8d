"""A neuron of one compartment, declared: its membrane's capacitance and channels."""

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Never

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels import paths, representation
from pyhh_fast.channels.channel import Channel, check_names
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.gate_table import LARGEST_V, GateTable
from pyhh_fast.channels.state import Declared
from pyhh_fast.channels.tables import tables_of
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import CAPACITANCE, POTENTIAL, Variable

MOST_CHANNELS = 8
MOST_GATES = 16


class Neuron(Declared):
    """A neuron of one compartment with any set of channels.

    ``Cm dV/dt = I - sum of g * open * (V - E)`` over its channels. Voltages are what its formulas
    say, usually absolute mV. Neurons are immutable: methods that change something return a new
    one. Two are equal where all their parts are.

    Parameters
    ----------
    Cm : float, µF/cm², default 1
        Capacitance of the membrane, above 0.
    area : float, µm², optional
        Area of the membrane, which :meth:`density` needs.
    threshold : float, mV, optional
        Where a rising V counts as a spike; 50 mV above its rest where it is not given.
    **channels : Channel
        By the names that traces and parameters have; at most 8, with at most 16 gates together.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or has no name.
    ValueError
        If `Cm` or `area` is not above 0, a number is not finite, a name is reserved or differs
        from another by capitals alone, or there are no channels, or too many, or too many gates.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import Channel, Gate, Neuron
    >>> from pyhh_fast.rate_forms import exponential, linoid, sigmoid
    >>> Na = Channel(35, E=55,
    ...     m=Gate(alpha=linoid(1, -35, 10), beta=exponential(4, -60, -18), power=3,
    ...            instantaneous=True),
    ...     h=Gate(alpha=exponential(0.07, -58, -20), beta=sigmoid(1, -28, 10), speed=5))
    >>> K = Channel(9, E=-90, n=Gate(alpha=linoid(0.1, -34, 10),
    ...     beta=lambda V: 0.125 * np.exp(-(V + 44) / 80), power=4, speed=5))
    >>> wang_buzsaki = Neuron(leak=Channel(0.1, E=-65), Na=Na, K=K, threshold=0)
    >>> list(wang_buzsaki.variables)
    ['Vm', 'Na.m', 'Na.h', 'K.n', 'leak', 'Na', 'K']
    >>> wang_buzsaki.replace({"Na.g": 40, "K.n.speed": 3}).parameters["Na.g"]
    40.0
    """

    __slots__ = ("_Cm", "_area", "_channels", "_rest", "_tables", "_threshold")

    def __init__(
        self,
        /,
        *unnamed: Never,
        Cm: float = 1.0,
        area: float | None = None,
        threshold: float | None = None,
        **channels: Channel,
    ) -> None:
        if unnamed:
            raise TypeError(
                "a neuron must be given Cm, area, threshold and channels by name; got "
                f"{validation.shown(unnamed[0])}. Pass Neuron(leak=Channel(0.1, E=-65), Cm=1)."
            )
        self._declare(Cm, area, threshold, channels)
        self._tables = tables_of(self.gates)
        self._rest: float | None = None

    def _declare(
        self, Cm: float, area: float | None, threshold: float | None, channels: dict[str, Channel]
    ) -> None:
        self._Cm = validation.real_number("Cm", Cm, unit="µF/cm²", positive=True)
        self._area = area
        if area is not None:
            self._area = validation.real_number("area", area, unit="µm²", positive=True)
        self._threshold = threshold
        if threshold is not None:
            self._threshold = validation.real_number("threshold", threshold, unit="mV")
        check_names("channel", channels, RESERVED)
        for name, channel in channels.items():
            advice = f"Pass {name}=Channel(...)."
            validation.instance(f"channel {name}", channel, Channel, "a Channel", advice)
        if not 1 <= len(channels) <= MOST_CHANNELS:
            raise ValueError(
                f"a neuron must have 1 to {MOST_CHANNELS} channels; got {len(channels)}."
            )
        self._channels = MappingProxyType(dict(channels))
        if len(self.gates) > MOST_GATES:
            raise ValueError(
                f"a neuron's channels must have {MOST_GATES} gates together at most; got "
                f"{len(self.gates)}."
            )

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
    def gates(self) -> dict[str, Gate]:
        """Its gates by path, as ``"Na.m"``, in the order they were declared."""
        return {
            f"{name}.{gate_name}": gate
            for name, channel in self._channels.items()
            for gate_name, gate in channel.gates.items()
        }

    @property
    def tables(self) -> Mapping[str, GateTable]:
        """The tables of its gates by path, made when it is made; the width of rows is the same."""
        return MappingProxyType(self._tables)

    @property
    def parameters(self) -> dict[str, float]:
        """Its numbers by path: Cm, and of each channel g, E, shift, and the speeds of its gates.

        There are no shifts of leaks and no speeds of instantaneous gates.
        """
        found = {CAPACITANCE.name: self._Cm}
        for name, channel in self._channels.items():
            found |= {f"{name}.g": channel.g, f"{name}.E": channel.E}
            if channel.gates:
                found[f"{name}.shift"] = channel.shift
            for gate_name, gate in channel.gates.items():
                if not gate.instantaneous:
                    found[f"{name}.{gate_name}.speed"] = gate.speed
        return found

    @property
    def variables(self) -> dict[str, Variable]:
        """What changes during a run, by name: V, gates by path, currents by channel."""
        gates = {
            path: Variable(path, path, "1", f"open fraction of gate {path}", path)
            for path in self.gates
        }
        currents = {
            name: Variable(
                name, f"I_{name}", "µA/cm²", f"{name} current, outward positive", name, True
            )
            for name in self._channels
        }
        return {POTENTIAL.name: POTENTIAL} | gates | currents

    def replace(self, values: Mapping[str, float] | None = None, /, **keywords: float) -> "Neuron":
        """Return a neuron with other numbers.

        Parameters
        ----------
        values : dict of str to float
            By path, those of :attr:`parameters`, ``"area"`` and ``"threshold"``.
        **keywords : float
            The same, for what has no dot.

        Raises
        ------
        TypeError, ValueError
            If a path is unknown, or a number cannot be what the path says.

        Examples
        --------
        >>> from pyhh_fast import Channel, Neuron
        >>> Neuron(leak=Channel(0.1, E=-65)).replace({"leak.g": 0.2}, Cm=1.5).parameters
        {'Cm': 1.5, 'leak.g': 0.2, 'leak.E': -65.0}
        """
        values = dict(values or {}) | keywords
        own = {name: getattr(self, name) for name in OWN}
        channels = dict(self._channels)
        known = [*self.parameters, "area", "threshold"]
        for path, value in values.items():
            name, _, part = validation.choice(
                "path", path, known, functools.partial(paths.suggestion, self._channels)
            ).partition(".")
            if not part:
                own[name] = value
            else:
                channels[name] = _replaced(channels[name], path, part, value)
        return self._with(own, channels)

    def with_channels(self, /, **channels: Channel) -> "Neuron":
        """Return a neuron with these channels, too.

        Raises
        ------
        TypeError, ValueError
            If it has a channel of one of these names, or as for :class:`Neuron`.

        Examples
        --------
        >>> from pyhh_fast import Channel, Neuron
        >>> list(Neuron(leak=Channel(0.1, E=-65)).with_channels(pump=Channel(0.01, E=-90)).channels)
        ['leak', 'pump']
        """
        for name in channels:
            if name in self._channels:
                raise ValueError(
                    f"with_channels must be given names that are new; got {name!r}. Remove that "
                    f"one first, by without({name!r})."
                )
        return self._with(
            {name: getattr(self, name) for name in OWN}, dict(self._channels | channels)
        )

    def without(self, /, *names: str) -> "Neuron":
        """Return a neuron without the channels of these names.

        Raises
        ------
        ValueError
            If it has no channel of that name, or no other.

        Examples
        --------
        >>> from pyhh_fast import Channel, Neuron
        >>> neuron = Neuron(leak=Channel(0.1, E=-65), pump=Channel(0.01, E=-90))
        >>> list(neuron.without("pump").channels)
        ['leak']
        """
        for name in names:
            validation.choice("channel", name, self._channels)
        channels = {name: one for name, one in self._channels.items() if name not in names}
        return self._with({name: getattr(self, name) for name in OWN}, channels)

    @property
    def rest(self) -> float:
        """Its resting potential, mV: the lowest stable equilibrium without stimulus.

        Raises
        ------
        ValueError
            If it has none; the message has the unstable ones.
        """
        if self._rest is None:
            from pyhh_fast.equilibria.neurons import rest_of_neuron

            self._rest = rest_of_neuron(self)
        return self._rest

    def steady_state(self, V: Any) -> dict[str, Any]:
        """Return the steady states of its gates at V, from their tables.

        Parameters
        ----------
        V : float, or array of float, mV
            From -300 to 300 mV.

        Returns
        -------
        dict of str to float or ndarray
            By path, of the shape of `V`.

        Raises
        ------
        TypeError, ValueError
            If `V` is no finite number or array of them, or is beyond 300 mV.

        Examples
        --------
        >>> from pyhh_fast import Channel, Gate, Neuron
        >>> from pyhh_fast.rate_forms import sigmoid
        >>> p = Gate(inf=sigmoid(1, -35, 10), tau=lambda V: 100.0)
        >>> steady = Neuron(M=Channel(1, E=-90, p=p)).steady_state([-35, 0])
        >>> [round(x, 6) for x in steady["M.p"].tolist()]
        [0.5, 0.970688]
        """
        given = validation.real_numbers("V", V, unit="mV")
        if (np.abs(given) > LARGEST_V).any():
            worst = given.flat[np.argmax(np.abs(given))]
            raise ValueError(
                f"V must be from -{LARGEST_V:g} to {LARGEST_V:g} (mV); got {worst}. A neuron's "
                "tables end there."
            )
        steady = self._steady_gates(given.ravel())
        return {
            path: x.reshape(given.shape) if given.ndim else float(x[0])
            for path, x in steady.items()
        }

    def _steady_gates(self, V: FloatArray) -> dict[str, FloatArray]:
        """Return the steady states of its gates at each V (mV), shape (n,), by path."""
        steady = {}
        for name, channel in self._channels.items():
            for gate_name in channel.gates:
                path = f"{name}.{gate_name}"
                alpha, total = self._tables[path](V - channel.shift)
                steady[path] = alpha / total
        return steady

    def density(self, *, nA: Any) -> Any:
        """Return the current density (µA/cm²) of a current in nA through its area.

        Parameters
        ----------
        nA : float, or array of float
            Current of the whole neuron.

        Raises
        ------
        ValueError
            If the neuron has no area.

        Examples
        --------
        >>> from pyhh_fast import Channel, Neuron
        >>> round(Neuron(area=28_952.9, leak=Channel(0.1, E=-65)).density(nA=0.75), 4)
        2.5904
        """
        if self._area is None:
            raise ValueError(
                "a neuron's area must be given where currents are in nA (µm²); got None. Pass "
                "Neuron(area=...), or replace(area=...)."
            )
        current = validation.real_numbers("nA", nA, unit="nA")
        density = current * (1e5 / self._area)  # 1 nA/µm² is 1e5 µA/cm²
        return density if current.ndim else float(density)

    def _with(self, own: dict[str, Any], channels: dict[str, Channel]) -> "Neuron":
        """Return a neuron with other parts, and with the tables of this one for gates it keeps."""
        return Neuron._with_tables(**own, channels=channels, tables=self._tables, gates=self.gates)

    @classmethod
    def _with_tables(
        cls,
        Cm: float,
        area: float | None,
        threshold: float | None,
        channels: dict[str, Channel],
        tables: Mapping[str, GateTable],
        gates: Mapping[str, Gate] | None = None,
    ) -> "Neuron":
        """Return a neuron with these tables, as far as they are those of its gates.

        They are the tables of `gates`, by path; where that is None, they are just those of its own.
        """
        neuron = cls.__new__(cls)
        neuron._declare(Cm, area, threshold, channels)
        neuron._rest = None
        own = neuron.gates
        if gates is None:
            neuron._tables = {path: tables[path] for path in own}
            return neuron
        known = {
            path: tables[path]
            for path, gate in own.items()
            if path in tables and gate.kinetics == gates[path].kinetics
        }
        neuron._tables = tables_of(own, known)
        return neuron

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self._Cm, self._area, self._threshold, tuple(self._channels.items())

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, Neuron) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return representation.neuron_text(self)

    def _repr_html_(self) -> str:
        return representation.neuron_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        from pyhh_fast.channels import descriptions

        return descriptions.reduce_neuron(self)

    def __copy__(self) -> "Neuron":
        return self

    def __deepcopy__(self, memo: Any) -> "Neuron":
        return self


def _replaced(channel: Channel, path: str, part: str, value: float) -> Channel:
    """Return a channel with one number replaced: `part` of it, or of one of its gates."""
    parts: dict[str, Any] = {"g": channel.g, "E": channel.E, "shift": channel.shift}
    parts |= channel.gates
    gate_name, _, inner = part.partition(".")
    try:
        new = dataclasses.replace(parts[gate_name], speed=value) if inner else value
        return Channel(**(parts | {gate_name: new}))
    except (TypeError, ValueError) as error:
        rule = str(error).partition(" must ")[2]
        raise type(error)(f"{path} must {rule}") from None


OWN = ("Cm", "area", "threshold")
"""What a neuron has beside its channels."""

RESERVED = frozenset(
    [
        *(name for name in dir(Neuron) if not name.startswith("_")),
        *("Vm", "Vm_min", "Vm_max", "I", "I_total", "dt", "time", "times", "stimulus"),
        *("spike", "spike_times", "spike_time", "current_time", "envelope_time", "rates", "zarr"),
        "from_neuroml",
    ]
)
"""Names that no channel may have: what a neuron, a recording and a store have beside channels."""

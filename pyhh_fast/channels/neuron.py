"""A neuron of one compartment, declared: its membrane's capacitance, channels and pools."""

from collections.abc import Mapping
from typing import Any, Never

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels import representation, steady
from pyhh_fast.channels.declaration import OWN, Declaration
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.gate_table import LARGEST_V
from pyhh_fast.channels.parts import Part, warn_of_unfed
from pyhh_fast.channels.paths import changed
from pyhh_fast.channels.tables import Tables, tables_for, tables_of_gates
from pyhh_fast.in_neuroml import InNeuroML
from pyhh_fast.typing import FloatArray


class Neuron(InNeuroML, Declaration):
    """A neuron of one compartment with any set of channels.

    ``Cm dV/dt = I - sum of g * open * (V - E)`` over its channels. Voltages are what its formulas
    say, usually absolute mV. Its pools have calcium, which channels may feed and depend on. Neurons
    are immutable: methods that change something return a new one. Two are equal where all their
    parts are.

    Parameters
    ----------
    Cm : float, µF/cm², default 1
        Capacitance of the membrane, above 0.
    area : float, µm², optional
        Area of the membrane, which :meth:`density` needs.
    threshold : float, mV, optional
        Where a rising V counts as a spike; 50 mV above its rest where it is not given.
    **channels : Channel or Pool
        By the names that traces and parameters have; at most 8 channels and 2 pools, with at most
        16 gates and pools together.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or has no name.
    ValueError
        If `Cm` or `area` is not above 0, a number is not finite, a name is reserved or differs
        from another by capitals alone, or there are no channels, or too many, or too many gates or
        pools; if a channel or a gate names a pool that there is not.

    Warns
    -----
    UserWarning
        If no channel feeds a pool, which then stays at its rest.

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

    With calcium, which opens a potassium channel:

    >>> from pyhh_fast import Nernst, Pool
    >>> bursting = wang_buzsaki.with_channels(
    ...     Ca=Pool(1e-4, 80, depth=1),
    ...     CaL=Channel(0.1, E=Nernst("Ca", outside=2, celsius=36), feeds="Ca",
    ...         s=Gate(inf=sigmoid(1, -20, 9), power=2, instantaneous=True)),
    ...     AHP=Channel(5, E=-90,
    ...         q=Gate(inf=lambda Ca: Ca / (Ca + 0.03), instantaneous=True, of="Ca")))
    >>> list(bursting.pools), list(bursting.variables)[-6:]
    (['Ca'], ['Ca', 'leak', 'Na', 'K', 'CaL', 'AHP'])
    """

    __slots__ = ("_rest",)

    def __init__(
        self,
        /,
        *unnamed: Never,
        Cm: float = 1.0,
        area: float | None = None,
        threshold: float | None = None,
        **channels: Part,
    ) -> None:
        if unnamed:
            raise TypeError(
                "a neuron must be given Cm, area, threshold and channels by name; got "
                f"{validation.shown(unnamed[0])}. Pass Neuron(leak=Channel(0.1, E=-65), Cm=1)."
            )
        self._declare(Cm, area, threshold, channels)
        warn_of_unfed(self._channels, self._pools)
        self._tables = tables_of_gates(self.gates)
        self._rest: float | None = None

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
        own = {name: getattr(self, name) for name in OWN}
        values = dict(values or {}) | keywords
        return self._with(*changed(own, self._all_parts, values, [*self.parameters]))

    def with_channels(self, /, **channels: Part) -> "Neuron":
        """Return a neuron with these channels, or pools, too.

        Raises
        ------
        TypeError, ValueError
            If it has a channel or a pool of one of these names, or as for :class:`Neuron`.

        Examples
        --------
        >>> from pyhh_fast import Channel, Neuron
        >>> list(Neuron(leak=Channel(0.1, E=-65)).with_channels(pump=Channel(0.01, E=-90)).channels)
        ['leak', 'pump']
        """
        for name in channels:
            if name in self._all_parts:
                raise ValueError(
                    f"with_channels must be given names that are new; got {name!r}. Remove that "
                    f"one first, by without({name!r})."
                )
        return self._with({name: getattr(self, name) for name in OWN}, self._all_parts | channels)

    def without(self, /, *names: str) -> "Neuron":
        """Return a neuron without the channels, or pools, of these names.

        A pool that no channel feeds any more stays at its rest.

        Raises
        ------
        ValueError
            If it has no channel or pool of that name, or no other channel; if a channel that stays
            names a pool that does not.

        Examples
        --------
        >>> from pyhh_fast import Channel, Neuron
        >>> neuron = Neuron(leak=Channel(0.1, E=-65), pump=Channel(0.01, E=-90))
        >>> list(neuron.without("pump").channels)
        ['leak']
        """
        for name in names:
            validation.choice("channel", name, self._all_parts)
        parts = {name: one for name, one in self._all_parts.items() if name not in names}
        return self._with({name: getattr(self, name) for name in OWN}, parts)

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
        """Return the steady states of its gates and pools at V.

        Those of gates are from their tables. A concentration is where inflow and decay balance; if
        it is so at several, the lowest that is not below its rest.

        Parameters
        ----------
        V : float, or array of float, mV
            From -300 to 300 mV.

        Returns
        -------
        dict of str to float or ndarray
            By path, of the shape of `V`; concentrations (mM) by the names of pools.

        Raises
        ------
        TypeError, ValueError
            If `V` is no finite number or array of them, or is beyond 300 mV; if a concentration is
            balanced nowhere below 256 mM.

        Examples
        --------
        >>> from pyhh_fast import Channel, Gate, Neuron
        >>> from pyhh_fast.rate_forms import sigmoid
        >>> p = Gate(inf=sigmoid(1, -35, 10), tau=lambda V: 100.0)
        >>> found = Neuron(M=Channel(1, E=-90, p=p)).steady_state([-35, 0])
        >>> [round(x, 6) for x in found["M.p"].tolist()]
        [0.5, 0.970688]
        """
        given = validation.real_numbers("V", V, unit="mV")
        if (np.abs(given) > LARGEST_V).any():
            worst = given.flat[np.argmax(np.abs(given))]
            raise ValueError(
                f"V must be from -{LARGEST_V:g} to {LARGEST_V:g} (mV); got {worst}. A neuron's "
                "tables end there."
            )
        found = self._steady(given.ravel())
        steady.check_balanced(self, found, given.ravel())
        return {
            path: x.reshape(given.shape) if given.ndim else float(x[0]) for path, x in found.items()
        }

    def _steady(self, V: FloatArray) -> dict[str, FloatArray]:
        """Return the steady states of gates, by path, and pools at each V (mV), shape (n,)."""
        return steady.state_at(self, V, self.parameters.__getitem__)

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

    def _with(self, own: dict[str, Any], parts: Mapping[str, Part]) -> "Neuron":
        """Return a neuron with other parts, and with the tables of this one for gates it keeps."""
        return Neuron._with_tables(**own, parts=parts, tables=self._tables, gates=self.gates)

    @classmethod
    def _with_tables(
        cls,
        Cm: float,
        area: float | None,
        threshold: float | None,
        parts: Mapping[str, Part],
        tables: Tables,
        gates: Mapping[str, Gate] | None = None,
    ) -> "Neuron":
        """Return a neuron with these tables, as far as they are those of its gates.

        They are the tables of `gates`, by path; where that is None, they are just those of its own.
        """
        neuron = cls.__new__(cls)
        neuron._declare(Cm, area, threshold, parts)
        neuron._rest = None
        if gates is None:
            neuron._tables = tables_for(neuron.gates, tables)
        else:
            neuron._tables = tables_of_gates(neuron.gates, tables, gates)
        return neuron

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

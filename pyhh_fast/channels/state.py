"""The state of a neuron that runs: simulations have one."""

from collections.abc import Iterator, Mapping
from typing import Any, Never


class Declared:
    """What a Neuron is an instance of: known to runs of models, which import no more of neurons."""

    __slots__ = ()


class NeuronState:
    """A neuron at some moment.

    Parameters
    ----------
    V : float, mV
    gates : dict of str to float, optional
        Open fractions by path; by default those that are steady at `V`.
    concentrations : dict of str to float, optional
        In mM, by pool; by default those that are steady at `V`.

    Attributes
    ----------
    V : float, mV
    gates : dict of str to float
        Open fractions by path, in declared order.
    concentrations : dict of str to float
        In mM, by pool, in declared order.
    """

    def __init__(
        self,
        neuron: Any,
        V: float,
        gates: dict[str, float] | None = None,
        concentrations: dict[str, float] | None = None,
    ) -> None:
        self.neuron = neuron
        self.V = V
        if gates is None or concentrations is None:
            steady = neuron.steady_state(V)
            if gates is None:
                gates = {path: steady[path] for path in neuron.gates}
            if concentrations is None:
                concentrations = {name: steady[name] for name in neuron.pools}
        self.gates: dict[str, float] = gates
        self.concentrations: dict[str, float] = concentrations

    def of(self, neuron: Any) -> "NeuronState":
        """Return the state of another neuron at the same V.

        Gates that both have, by path, keep their open fractions, and pools by name their
        concentrations; others are steady.
        """
        other = NeuronState(neuron, self.V)
        for now, then in (
            (other.gates, self.gates),
            (other.concentrations, self.concentrations),
        ):
            now |= {name: x for name, x in then.items() if name in now}
        return other

    def copy(self) -> "NeuronState":
        """Return a copy, which stays as it is."""
        return NeuronState(self.neuron, self.V, dict(self.gates), dict(self.concentrations))


class ReadOnly(Mapping[str, Any]):
    """Gates or concentrations as they are at any time, which only a reset sets."""

    def __init__(self, values: Mapping[str, Any], refusal: str) -> None:
        self._values = values
        self._refusal = refusal

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __setitem__(self, name: str, value: Any) -> Never:
        raise TypeError(self._refusal)

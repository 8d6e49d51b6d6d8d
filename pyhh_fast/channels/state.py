"""The state of a neuron that runs: simulations have one."""

from typing import Any


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

    Attributes
    ----------
    V : float, mV
    gates : dict of str to float
        Open fractions by path, in declared order.
    """

    def __init__(self, neuron: Any, V: float, gates: dict[str, float] | None = None) -> None:
        self.neuron = neuron
        self.V = V
        self.gates: dict[str, float] = neuron.steady_state(V) if gates is None else gates

    def of(self, neuron: Any) -> "NeuronState":
        """Return the state of another neuron at the same V.

        Gates that both have, by path, keep their open fractions; others are steady.
        """
        other = NeuronState(neuron, self.V)
        other.gates |= {path: x for path, x in self.gates.items() if path in other.gates}
        return other

    def copy(self) -> "NeuronState":
        """Return a copy, which stays as it is."""
        return NeuronState(self.neuron, self.V, dict(self.gates))

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

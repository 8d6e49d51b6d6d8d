"""What a simulation has of a neuron that it runs: its state. A model has its own."""

from typing import Any

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared, NeuronState, ReadOnly
from pyhh_fast.recording import Recording
from pyhh_fast.system.exclusive import Exclusive
from pyhh_fast.trace_arrays import TraceArrays


class NeuronSimulation(TraceArrays):
    """Has the state of a neuron where one runs, and pyHH's arrays where a model does."""

    model: Any
    _state: NeuronState | None

    def __getattr__(self, name: str) -> Any:
        state: NeuronState | None = vars(self).get("_state")
        if state is None:
            return super().__getattr__(name)
        if name == "Vm":
            return state.V
        if name == "gates":
            return ReadOnly(state.gates, _not_set(name))
        if name == "concentrations":
            return ReadOnly(state.concentrations, _not_set(name))
        message = (
            f"the Simulation of a Neuron has no attribute {name!r}. Traces are in its recording."
        )
        raise AttributeError(message)

    def __setattr__(self, name: str, value: Any) -> None:
        state: NeuronState | None = vars(self).get("_state")
        if state is not None and name in ("Vm", "gates", "concentrations"):
            raise AttributeError(_not_set(name))
        if state is not None and name == "model":
            advice = "Make another, Simulation(model)."
            validation.instance("model", value, Declared, "a Neuron here", advice)
            with Exclusive("simulation", self):
                self._state = state.of(value)
        super().__setattr__(name, value)

    def reset(self, Vm: float | None = None) -> None:
        """Put the neuron where it starts, with all gates steady.

        Parameters
        ----------
        Vm : float, mV, optional
            By default its rest; where it has none, the unstable equilibrium nearest the leak's
            reversal potential.

        Raises
        ------
        TypeError, ValueError
            If `Vm` is no finite number, or is beyond 300 mV; if there is no equilibrium.
        TypeError
            If what runs is a model, which has its own state.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> leak = pyhh.Neuron(leak=pyhh.Channel(0.1, E=-65))
        >>> simulation = pyhh.Simulation(leak)
        >>> recording = simulation.run(1.0, 0.01, duration=10)
        >>> round(simulation.Vm, 3)
        -58.677
        >>> simulation.reset(Vm=-70)
        >>> simulation.Vm
        -70.0
        """
        neuron: Any = self.model
        if not isinstance(neuron, Declared):
            raise TypeError(
                f"reset must be called of the simulation of a Neuron; got that of {self.model!r}. "
                "Set the state of the model itself."
            )
        if Vm is None:
            from pyhh_fast.equilibria.neurons import start_of_neuron  # models do not need it

            V = start_of_neuron(self.model)
        else:
            from pyhh_fast.channels.gate_table import LARGEST_V  # models do not need it

            V = validation.real_number("Vm", Vm, unit="mV")
            if abs(V) > LARGEST_V:
                raise ValueError(
                    f"Vm must be from -{LARGEST_V:g} to {LARGEST_V:g} (mV); got {V:g}. A neuron's "
                    "tables end there."
                )
        self._state = NeuronState(self.model, V)

    @property
    def _subject(self) -> Any:
        """What runs: the state of a neuron, or a model."""
        return self.model if self._state is None else self._state

    def _keep(self, recording: Recording) -> None:
        if self._state is None:
            super()._keep(recording)
        else:
            self.recording = recording

    @property
    def _variables(self) -> dict[str, Any]:
        """What of the settings follows from what runs: its variables, all of them recorded."""
        if self._state is None:
            return {}
        variables = self._state.neuron.variables
        return {"variables": variables, "record": tuple(variables)}

    def _refuse_neuron(self, name: str, advice: str) -> None:
        if self._state is not None:
            raise TypeError(f"{name} must be used with an HHModel; got a Neuron. {advice}")


def _not_set(name: str) -> str:
    """Return the message where a state is assigned to."""
    return (
        f"{name} of a neuron's simulation cannot be set. Use reset(Vm=...), which makes the gates "
        "and concentrations steady."
    )

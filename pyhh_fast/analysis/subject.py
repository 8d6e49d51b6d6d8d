"""What analyses use of what they analyse, a model or a neuron.

`hodgkin_huxley` has it for models, with all that is special to them, `neuron` for declared neurons.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self

from pyhh_fast.analysis.runs import Runs
from pyhh_fast.settings import RunSettings
from pyhh_fast.simulations import Simulation
from pyhh_fast.typing import BoolArray, FloatArray, Method, Start, StructArray


class GateSteadyState(NamedTuple):
    """Steady state of a gate or a pool of a neuron; made by :func:`pyhh_fast.steady_state`.

    Attributes
    ----------
    inf : float or ndarray of the shape of V
        Open fraction, alpha / (alpha + beta); of a pool its concentration, mM.
    tau : float or ndarray of the shape of V, ms
        Time constant, 1 / (alpha + beta), by the gate's speed; 0 of an instantaneous gate. Of a
        gate of calcium it is that at the steady concentration.
    """

    inf: Any
    tau: Any


class Subject(Protocol):
    """A model or a neuron.

    States of it are structured arrays, whose fields are V (mV), the open fractions of its gates,
    and concentrations (mM).

    Attributes
    ----------
    kind : str
        "model" or "neuron", as messages call it.
    method : str
        By which its runs are made by default.
    known_error : bool
        Whether the error of its runs at the default step is known, and need not be looked for.
    after_divergence : str
        What to do where it diverged by the adaptive method.
    fields : dict of str to str
        The fields of states by the names of the variables: V, then the gates, then the pools.
    concentrations : dict of str to float, mM
        Those that are pools, and the rest of each.
    Cm : float, µF/cm²
    reversals : list of float, mV
    limits : tuple of float, mV
        Its rates are known from the first V to the second.
    least_time : float, ms
        Runs that are continued until it fires or rests do not end before: near a saddle-node it
        fires much more slowly than its time constants.
    """

    kind: str
    method: Method
    known_error: bool
    after_divergence: str
    fields: dict[str, str]
    concentrations: Mapping[str, float] = MappingProxyType({})
    Cm: float
    reversals: list[float]
    limits: tuple[float, float]
    least_time: float

    @property
    def start(self) -> StructArray:
        """The state that runs start in, once it is `started`; shape (1,)."""

    def started(self, start: Start, Vm: Any) -> Self:
        """Return the same in the state that runs start in, that of a neuron at `Vm` if given."""

    def threshold(self, given: Any) -> float:
        """Return the threshold (mV) that a user gave, checked, or for None its own."""

    def speed(self) -> float:
        """Return how many times faster than the built-in model it is."""

    def runs(self, settings: RunSettings, threads: int) -> Runs:
        """Return what makes runs of it."""

    def simulation_at(self, state: Any) -> Simulation:
        """Return a simulation of a copy of it in one state."""

    def state_of(self, simulation: Simulation) -> tuple[float, ...]:
        """Return the state in which a simulation is."""

    def steady(self, V: FloatArray) -> StructArray:
        """Return the states with steady gates and pools at each V (mV), shape (n,)."""

    def steady_with(self, V: FloatArray, held: Mapping[str, FloatArray | float]) -> StructArray:
        """Return the same with some variables held at other values, by their names."""
        states = self.steady(V)
        for name, values in held.items():
            states[self.fields[name]] = values
        return states

    def time_constants(self, V: FloatArray) -> FloatArray:
        """Return the time constants (ms) of all but V at each V (mV), shape (gates + pools, n)."""

    def leak_time_constants(self) -> list[float]:
        """Return the time constant (ms) of the membrane through its leak; none without one."""

    def net_current(self, state: StructArray, current: Any) -> FloatArray:
        """Return Cm dV/dt (µA/cm²) of each state: the injected current less that of channels."""

    def are_stable(self, V: FloatArray) -> BoolArray:
        """Whether an equilibrium at each V (mV), under whatever current that takes, is stable."""

    def equilibrium(self, current: float) -> float:
        """Return the V (mV) of the equilibrium under a current; of several that nearest rest.

        Raise ValueError if there is none.
        """


def no_equilibrium(kind: str, current: float, low: float, high: float) -> ValueError:
    """Return the error where no V from `low` to `high` (mV) is an equilibrium under a current."""
    return ValueError(
        f"current must leave the {kind} a steady state (µA/cm²); got {current}, and none from "
        f"{low:.4g} to {high:.4g} mV."
    )

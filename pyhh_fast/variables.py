"""The variables and the parameters of a neuron: their names, symbols and units, in one order.

Models, recordings, the compiled loops, stores, figures and the command line import them from here.
A name is pyHH's, as attributes of models and recordings have it; a symbol is that of the equations
in src/, and of the fields of the structs that are shared with them.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Variable(NamedTuple):
    """A quantity that changes during a run.

    Parameters
    ----------
    label : str
        Its name in a figure with others of its kind.
    before_step : bool
        Its value of step i is at time i dt, from the state before the step; else at (i + 1) dt.
    """

    name: str
    symbol: str
    unit: str
    long_name: str
    label: str
    before_step: bool = False


class Parameter(NamedTuple):
    """A quantity that is constant during a run."""

    name: str
    symbol: str
    unit: str
    positive: bool = False


class BuiltInChannel(NamedTuple):
    """A current of Hodgkin and Huxley's membrane, with its parameters and gates.

    Parameters
    ----------
    powers : dict
        By the symbols of the gates; none for a channel that is always open.
    """

    current: Variable
    conductance: Parameter
    reversal: Parameter
    powers: dict[str, int]


POTENTIAL = Variable("Vm", "V", "mV", "membrane potential", "V")

TOTAL_CURRENT = Variable(
    "I_total",
    "I_total",
    "µA/cm²",
    "current of a voltage clamp: through all channels and the capacitance, outward positive",
    "total",
)
"""What the electrode of a voltage clamp injects."""

CAPACITANCE = Parameter("Cm", "C_m", "µF/cm²", positive=True)

GATE_VARIABLES = tuple(
    Variable(name, symbol, "1", f"open fraction of gate {symbol}", symbol)
    for name, symbol in (("StateM", "m"), ("StateH", "h"), ("StateN", "n"))
)


def _channel(
    name: str, ion: str, symbol: str, label: str, powers: dict[str, int]
) -> BuiltInChannel:
    long_name = f"{name} current, outward positive"
    return BuiltInChannel(
        Variable(f"I{ion}", f"I_{symbol}", "µA/cm²", long_name, label, before_step=True),
        Parameter(f"g{ion}", f"g_{symbol}", "mS/cm²"),
        Parameter(f"E{ion}", f"E_{symbol}", "mV"),
        powers,
    )


CHANNELS = (
    _channel("sodium", "Na", "Na", "Na⁺", {"m": 3, "h": 1}),
    _channel("potassium", "K", "K", "K⁺", {"n": 4}),
    _channel("leak", "Kleak", "L", "leak", {}),
)

GATES = tuple(gate.symbol for gate in GATE_VARIABLES)
"""The gates of a model: the names of its attributes, which are the symbols of the equations."""

STATE = {variable.name: variable for variable in (POTENTIAL, *GATE_VARIABLES)}
"""V and the open fractions, by name: the variables that a step changes."""

CURRENTS = {channel.current.name: channel.current for channel in CHANNELS}
"""Currents by name."""

VARIABLES = STATE | CURRENTS
"""All variables, by name."""

TRACES = tuple(VARIABLES)
"""Names of all that a run can record."""

CONDUCTANCES = tuple(channel.conductance.name for channel in CHANNELS)

REVERSALS = tuple(channel.reversal.name for channel in CHANNELS)

PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        CAPACITANCE,
        *(channel.conductance for channel in CHANNELS),
        *(channel.reversal for channel in CHANNELS),
    )
}
"""The parameters of a model, by name."""


def of_clamp(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variables of a voltage clamp: all are those at the end of a step."""
    every = {name: variable._replace(before_step=False) for name, variable in variables.items()}
    return every | {TOTAL_CURRENT.name: TOTAL_CURRENT}


ENVELOPE = {
    "Vm_min": POTENTIAL._replace(name="Vm_min", long_name="lowest membrane potential of a window"),
    "Vm_max": POTENTIAL._replace(name="Vm_max", long_name="highest membrane potential of a window"),
}
"""The lowest and the highest V of each window of an envelope, by name."""

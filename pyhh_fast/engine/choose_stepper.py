"""Which stepper makes a run: a compiled one, unless the model needs steps in Python."""

from types import FunctionType
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.cells import Cells
from pyhh_fast.channels.state import NeuronState
from pyhh_fast.engine.adaptive_stepper import AdaptiveStepper
from pyhh_fast.engine.compiled_model import Compiled, CompiledModel, not_tabulated
from pyhh_fast.engine.compiled_stepper import CompiledStepper, log_slow_run
from pyhh_fast.engine.divergence import rates_error
from pyhh_fast.engine.fixed_stepper import ClampStepper, FixedStepper
from pyhh_fast.engine.protocols import SavableStepper, Stepper
from pyhh_fast.engine.python_stepper import PythonStepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import RunSink
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.models import plausibility
from pyhh_fast.models.hh_model import HHModel, parameter
from pyhh_fast.models.names import present
from pyhh_fast.models.overrides import custom_behaviour, is_overridden
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import GATES, PARAMETERS


def savable_stepper(
    compiled: Compiled,
    settings: RunSettings,
    read_ahead: ReadAhead,
    sink: RunSink,
    state: dict[str, Any] | None,
) -> SavableStepper:
    """Return the stepper of a run that can be continued later, or continues another."""
    kind = FixedStepper if settings.fixed_step else AdaptiveStepper
    return kind(compiled, settings, read_ahead, sink, state, stored=True)


@rounds_to_nearest
def choose_stepper(
    model: Any, settings: RunSettings, read_ahead: ReadAhead, sink: RunSink
) -> Stepper:
    """Return a compiled stepper where it does what `model` does, else one in Python.

    Raise ValueError if the model overrides how a step is made and the method is not forward Euler.
    """
    kind = FixedStepper if settings.fixed_step else AdaptiveStepper
    if isinstance(model, NeuronState):
        from pyhh_fast.engine.compiled_neuron import CompiledNeuron  # models do not need it

        return kind(CompiledNeuron(model, settings), settings, read_ahead, sink)
    check_model(model)
    reason = custom_behaviour(model)
    needed = "Its own iterate, which is forward Euler, has to make the steps"
    if reason is None:
        needed = "Only its own iterate, which is forward Euler, can evaluate its rates"
        try:
            compiled = CompiledModel(model, settings, None, log_slow_run)
            return kind(compiled, settings, read_ahead, sink)
        except NotTabulable as error:
            reason = not_tabulated(model, error)
    if settings.method != "euler":
        raise ValueError(
            f"method must be 'euler' for this model; got {settings.method!r}. {needed}: {reason}."
        )
    log_slow_run(f"stepping in Python: {reason}")
    return PythonStepper(model, settings, read_ahead, sink)


@rounds_to_nearest
def clamp_stepper(
    model: Any, settings: RunSettings, read_ahead: ReadAhead, sink: RunSink, holding: float
) -> ClampStepper:
    """Return the stepper of a voltage clamp that starts with steady gates at `holding` (mV).

    Raise ValueError if the rates of `model` depend on more than V, or a gate has no steady state.
    """
    compiled: Compiled
    if isinstance(model, NeuronState):
        from pyhh_fast.engine.compiled_neuron import CompiledNeuron  # models do not need it

        compiled = CompiledNeuron(model, settings)
    else:
        try:
            compiled = CompiledModel(model, settings, None, log_slow_run, holding)
        except NotTabulable as error:
            raise ValueError(
                "model must have finite rates that depend on V alone for a voltage clamp; got: "
                f"{not_tabulated(model, error)}."
            ) from error
    gates = compiled.steady_gates(holding)
    check_steady(holding, np.array([*gates.values()]))
    state = {"step": 0, "spikes": 0, "cell": {"V": holding} | gates}
    return ClampStepper(compiled, settings, read_ahead, sink, state)


def check_steady(holding: float, gates: FloatArray) -> None:
    """Raise ValueError unless all gates have steady states at `holding` (mV)."""
    if not np.isfinite(gates).all():
        rule = "a potential at which all gates have a steady state"
        got = f"{holding:g}, where one has none"
        advice = "Rates there must be finite, and their sum above 0."
        raise ValueError(validation.message("holding", rule, got, advice, unit="mV"))


def python_stepper_after(stepper: Stepper, why: NotTabulable) -> PythonStepper:
    """Return what continues a run whose rates turn out, on the way, to be what no table holds.

    Raise SimulationError if the method is not forward Euler, or the run goes to a store, which
    holds only what can be continued.
    """
    assert isinstance(stepper, CompiledStepper)
    assert isinstance(stepper.compiled, CompiledModel)
    s, model = stepper, stepper.compiled.model
    if s.settings.method != "euler" or s.stored:
        raise rates_error(s.settings, s.state, s.step, why, stored=s.stored)
    log_slow_run(f"stepping in Python: {not_tabulated(model, why)}")
    s.write_back()
    return PythonStepper(model, s.settings, s.read_ahead, s.sink, s.step, s.spike_times)


def check_steps(model: Any, advice: str = "", *, state: bool = True) -> None:
    """Raise where `model` is no model, or overrides how a step is made.

    Its state is not checked where `state` is False.
    """
    check_model(model, state=state)
    if reason := custom_behaviour(model):
        got = f"model must make its steps as HHModel does; got {reason}. {advice}"
        raise ValueError(got.rstrip())


def check_kind(model: Any) -> None:
    """Raise TypeError where `model` is no model: a class, for example."""
    if isinstance(model, type):
        got, advice = f"the class {model.__name__}", "Pass an instance, not a class."
    elif callable(getattr(model, "iterate", None)):
        return
    else:
        got, advice = validation.shown(model), "Pass one, as HHModel() or neurons.wang_buzsaki()."
        if isinstance(model, FunctionType):
            advice = f"Call it: pass {model.__name__}()."
        elif isinstance(model, Cells):
            advice = "Pass the one that the population was made from."
        elif hasattr(model, "model"):
            advice = "Pass its model, simulation.model."
    raise TypeError(f"model must be an HHModel or a Neuron; got {got}. {advice}")


def check_model(model: Any, *, state: bool = True) -> None:
    """Raise where `model` lacks what a run needs, or has no finite number for it.

    Without `state`, which a run that starts from rest does not need, V and the gates may have any
    values: a run that diverged may have ended in NaN.
    """
    check_kind(model)
    if state:
        validation.real_number("Vm", present(model, "Vm", "Vm (mV)"), unit="mV")
    if not (is_overridden(model, "iterate") or is_overridden(model, "_UpdateCellVoltage")):
        for name in PARAMETERS:
            parameter(name, getattr(model, name))
    for name in GATES:
        gate = present(model, name, f"gate {name}")
        advice = f"Set model.{name}.state, not model.{name}; a gate of your own must have it."
        open_fraction = present(gate, "state", f"{name}.state", advice)
        if state:
            validation.real_number(f"{name}.state", open_fraction)
    if isinstance(model, HHModel):
        plausibility.check(model, state=state)

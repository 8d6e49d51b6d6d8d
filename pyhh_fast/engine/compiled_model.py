"""What the compiled steppers step: a model, or many, with its rates as the time loops take them."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from pyhh_fast import rate_tables
from pyhh_fast.engine import divergence
from pyhh_fast.engine.kernels import RecordFields, fields_of_hodgkin_huxley, loops
from pyhh_fast.kinetics.choose_kinetics import kinetics_of_run
from pyhh_fast.kinetics.protocol import Kinetics, NotSmooth, NotTabulable
from pyhh_fast.models import membrane
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.recording import LateSteps, RunStimulus, State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray, StructArray
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS

FIELDS = fields_of_hodgkin_huxley(GATES, [current.symbol for current in CURRENTS.values()])
"""What describes a model between two steps, by the equations' symbols."""

MOST_EVALUATED = 32
"""Evaluated rates that are kept: more than one step needs."""


class Compiled(Protocol):
    """A neuron as the compiled steppers take it."""

    fields: RecordFields
    membrane: Any
    """Its loops.Membrane."""

    pools: tuple[str, ...] = ()
    """Names of its pools of calcium."""

    def state(self) -> State:
        """Return V (mV) and the gates before the run."""

    def steady_gates(self, V: float) -> dict[str, float]:
        """Return the steady states of the gates at V (mV), by their names in `fields`."""

    def rates(self) -> Any:
        """Return its loops.Rates, by the method of the run."""

    def find_rates(self, V: float) -> bool:
        """Have the rates at a V (mV) that they lack; return False where there can be none."""

    def write_back(self, values: dict[str, float]) -> None:
        """Take the state, and more, after the last step: the values of `fields`."""

    def divergence_error(self, stimulus: RunStimulus, late: LateSteps) -> Exception:
        """Return why the last of these steps cannot be made; as engine.divergence has it."""

    def stuck_error(self, start: State, last: State, step: int, time: float, why: str) -> Exception:
        """Return why the adaptive method is stuck; as engine.divergence has it."""


class CompiledModel(Compiled):
    """A model that is HHModel in all but its numbers and its rates.

    Raise NotTabulable if its rates do not depend on V alone, or, for forward Euler, are in no
    table. From `find_rates` too, where that turns out on the way.

    Parameters
    ----------
    kinetics : Kinetics, optional
        Its rates, where they do not come from the model alone.
    log : callable
        It is told why a run is slow.
    V : float, mV, optional
        Where the run continues, if that is not where the model is.
    """

    fields = FIELDS

    def __init__(
        self,
        model: HHModel,
        settings: RunSettings,
        kinetics: Kinetics | None,
        log: Callable[[str], None],
        V: float | None = None,
    ) -> None:
        self.model, self._settings, self._log = model, settings, log
        self.membrane = loops.Membrane.of_hodgkin_huxley(membrane.parameters_of(model))
        # Where the step is fixed, rates come multiplied by it.
        self._dt = settings.dt if settings.fixed_step else 1.0
        self._phi1 = settings.method == "exponential_euler"
        if kinetics is None:
            kinetics = kinetics_of_run(model, table_needed=settings.method == "euler")
        self._kinetics = kinetics
        self._tabulable = True
        self._table = self._table_at(float(model.Vm if V is None else V))
        self._evaluated = rate_tables.NO_LINES

    def state(self) -> State:
        return membrane.state_of(self.model)

    def steady_gates(self, V: float) -> dict[str, float]:
        rates = self._kinetics.checked_rates_at(np.array([V]))
        return dict(zip(GATES, rate_tables.steady(rates)[0].tolist(), strict=True))

    def rates(self) -> Any:
        t = self._table
        rows = t.times_phi1(self._dt) if self._phi1 else t.times(self._dt)
        return loops.Rates(rows, t.first, t.inverse_width, t.low, t.high, self._evaluated)

    def find_rates(self, V: float) -> bool:
        if self._tabulable and abs(V) < rate_tables.LARGEST_V:
            self._table = self._table_at(V)
            if self._table.low < V < self._table.high:
                return True
        scaled = rate_tables.times_phi1 if self._phi1 else rate_tables.times
        rates = scaled(self._kinetics.checked_rates_at(np.array([V])), self._dt)
        line = rate_tables.line(V, rates[0])
        self._evaluated = np.concatenate([self._evaluated[1 - MOST_EVALUATED :], line])
        return True

    def write_back(self, values: dict[str, float]) -> None:
        rates = self._kinetics.rates_used(self._table, values["V_before"])
        self.model.Vm = values["V"]
        for name, current in CURRENTS.items():
            setattr(self.model, name, values[current.symbol])
        for i, (name, gate) in enumerate(zip(GATES, membrane.gates_of(self.model), strict=True)):
            gate.state, gate.alpha, gate.beta = values[name], rates[i], rates[len(GATES) + i]

    def divergence_error(self, stimulus: RunStimulus, late: LateSteps) -> Exception:
        return divergence.divergence_error(
            self.model, self._settings, stimulus, late, adaptive=True
        )

    def stuck_error(self, start: State, last: State, step: int, time: float, why: str) -> Exception:
        return divergence.stuck_error(self.model, start, last, step, time, why)

    def _table_at(self, V: float) -> RateTable:
        """Return a table that covers V, or, for rates that no table holds, one that is empty."""
        try:
            return self._kinetics.table(V)
        except NotSmooth as error:
            if self._settings.method == "euler":
                raise  # the model's own iterate is faster
            self._tabulable = False
            self._log(f"evaluating rates at each step: {not_tabulated(self.model, error)}")
            return rate_tables.empty()


def not_tabulated(model: Any, why: NotTabulable) -> str:
    """Return in words that a model's rates are not tabulated."""
    return f"{type(model).__name__}._UpdateGateTimeConstants is not tabulated: {why}"


Columns = tuple[FloatArray, ...]
"""Arrays of shape (size,), with any stride."""


class CompiledCells(Protocol):
    """Many cells as the compiled time loop takes them."""

    membrane: Any
    """A loops.Membrane of their shape; its parameters are of no cell."""

    parameters: tuple[Any, ...]
    """C_m, g, E, shifts, speeds, slopes, and of each pool rest, tau, gain, as the time loop has
    them."""

    built_in: bool
    """Whether the time loop computes their rates, and needs the table but rarely."""

    largest_V: float
    """Cells whose V is beyond the table, and beyond this (mV), have diverged."""

    def rates(self) -> Any:
        """Return the loops.Rates by the method of the run."""

    def find_rates(self, V: float) -> None:
        """Have the rates at a V (mV) that they lack; raise NotTabulable where there are none."""


def columns(cells: StructArray) -> Columns:
    """Return the fields of cells."""
    return tuple(cells[name] for name in cells.dtype.names or ())


def same_for_all(value: float, size: int) -> FloatArray:
    """Return a column of one number."""
    return np.broadcast_to(np.float64(value), (size,))


class CompiledModelCells(CompiledCells):
    """Cells that are HHModels in all but their numbers and, together, their rates.

    Parameters
    ----------
    parameters : structured array, shape (size,)
        Of `PARAMETER_STRUCT`.
    settings : RunSettings
    kinetics : Kinetics
    """

    def __init__(self, parameters: StructArray, settings: RunSettings, kinetics: Kinetics) -> None:
        from threading import Lock  # here, because importing the package needs none

        self.membrane = loops.Membrane.of_hodgkin_huxley(np.zeros(1, parameters.dtype))
        # Their fields are as variables.py has them; the time loop takes channels as they are added.
        shape, fields = loops.HODGKIN_HUXLEY[0], parameters.dtype.names or ()
        channels = int(shape["channels"])
        order = np.argsort(shape["channel_of_current"][:channels])
        capacitance, *g_and_E = [parameters[name] for name in fields]
        self.parameters = (
            capacitance,
            tuple(g_and_E[i] for i in order),
            tuple(g_and_E[channels + i] for i in order),
            (same_for_all(0.0, parameters.size),),
            (None,) * int(shape["gates"]),
            (),
            (),
        )
        self.built_in = kinetics.built_in
        self.largest_V = rate_tables.LARGEST_V
        self._settings, self._kinetics = settings, kinetics
        self._table = kinetics.table_for_cells()
        self._lock = Lock()

    def rates(self) -> Any:
        s, t = self._settings, self._table
        rows = t.times_phi1(s.dt) if s.method == "exponential_euler" else t.times(s.dt)
        return loops.Rates(rows, t.first, t.inverse_width, t.low, t.high, rate_tables.NO_LINES)

    def find_rates(self, V: float) -> None:
        with self._lock:
            if not self._table.low < V < self._table.high:
                self._table = self._kinetics.table(V)


class SingleCells(Protocol):
    """Many cells, each as the steppers of one neuron take it."""

    def cell(self, number: int, state: State) -> Compiled:
        """Return a cell, in this state."""


class SingleModels(SingleCells):
    """Cells that are HHModels in all but their numbers and, together, their rates.

    Parameters
    ----------
    parameters : structured array, shape (size,)
        Of `PARAMETER_STRUCT`.
    """

    def __init__(self, parameters: StructArray, settings: RunSettings, kinetics: Kinetics) -> None:
        self._parameters, self._settings, self._kinetics = parameters, settings, kinetics

    def cell(self, number: int, state: State) -> CompiledModel:
        model = HHModel()
        for name, parameter in PARAMETERS.items():
            setattr(model, name, float(self._parameters[parameter.symbol][number]))
        model.Vm = state[0]
        for gate, value in zip(membrane.gates_of(model), state[1:], strict=True):
            gate.state = value
        return CompiledModel(model, self._settings, self._kinetics, lambda reason: None)

"""What the compiled steppers share: a model's numbers and rates as the time loops take them."""

from typing import Any, NamedTuple

import numpy as np

from pyhh_fast import _rate_tables, rate_tables
from pyhh_fast.engine.kernels import loops
from pyhh_fast.engine.protocols import grown
from pyhh_fast.kinetics.choose_kinetics import kinetics_of_run
from pyhh_fast.kinetics.protocol import Kinetics, NotSmooth, NotTabulable
from pyhh_fast.models import membrane
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import CURRENTS, GATES, STATE

NUMBERS = tuple(name for name in loops.CELL.names if name not in ("step", "spikes"))
"""What describes a neuron between two steps, by the equations' symbols (src/hh_cell.h)."""

MOST_EVALUATED = 32
"""Evaluated rates that are kept: more than one step needs."""


class Checkpoint(NamedTuple):
    """What a run needs that continues another, or that may be continued.

    Parameters
    ----------
    kinetics : Kinetics
        Rates that will have the same bits later.
    state : dict, optional
        Of a run that continues another: its "step", the number of "spikes" before it, and of the
        "cell" what is in `NUMBERS`.
    """

    kinetics: Kinetics
    state: dict[str, Any] | None = None


class CompiledCell:
    """A model that is HHModel in all but its numbers and its kinetics.

    Parameters
    ----------
    model : HHModel
    settings : RunSettings
    checkpoint : Checkpoint, optional
        Where a run continues, and rates that do not come from the model alone.

    Raises
    ------
    NotTabulable
        If its rates cannot be had from V alone.
    """

    def __init__(
        self, model: HHModel, settings: RunSettings, checkpoint: Checkpoint | None = None
    ) -> None:
        self.model = model
        self.settings = settings
        self.parameters = membrane.parameters_of(model)
        self.cell = np.zeros(1, loops.CELL)
        for variable, value in zip(STATE.values(), membrane.state_of(model), strict=True):
            self.cell[variable.symbol] = value
        # Where the step is fixed, rates come multiplied by it.
        self._dt = settings.dt if settings.fixed_step else 1.0
        self._relaxing = settings.method == "exponential_euler"
        self.spikes_forgotten = 0
        if checkpoint is None:
            table_needed = settings.method == "euler"
            checkpoint = Checkpoint(kinetics_of_run(model, table_needed=table_needed))
        self.kinetics, state = checkpoint
        if state is not None:
            for name, value in state["cell"].items():
                self.cell[name] = value
            self.cell["step"] = state["step"]
            self.spikes_forgotten = state["spikes"]
        self._tabulable = True
        self.table = self._table_at(float(self.cell["V"][0]))
        self.evaluated = np.empty((0, _rate_tables.LINE))
        self.spike_room = np.empty(64)

    @property
    def spikes(self) -> int:
        """How many spikes there were so far."""
        return self.spikes_forgotten + int(self.cell["spikes"][0])

    @property
    def spike_times(self) -> FloatArray:
        """Times of the spikes that are not forgotten, in ms."""
        return self.spike_room[: self.cell["spikes"][0]]

    def forget_spikes(self, number: int) -> None:
        """Forget the first spikes of the run, up to this number."""
        left = self.spike_times[number - self.spikes_forgotten :]
        room, cell = np.empty(self.spike_room.size), self.cell.copy()
        room[: left.size], cell["spikes"] = left, left.size
        # At once, so that Ctrl-C finds them before or after.
        self.spike_room, self.cell, self.spikes_forgotten = room, cell, number

    def numbers(self) -> dict[str, float]:
        """Return the state after the last step, and what led there, by the equations' symbols."""
        return {name: float(self.cell[name][0]) for name in NUMBERS}

    def rates(self) -> Any:
        """Return the rates for a time loop."""
        t = self.table
        rows = t.relaxing(self._dt) if self._relaxing else t.times(self._dt)
        return loops.Rates(rows, t.first, t.inverse_width, t.low, t.high, self.evaluated)

    def help(self, ended: int, missing_V: float) -> bool:
        """Provide what a time loop stopped for; return False where it did not stop for that.

        Parameters
        ----------
        ended : loops.Ending
        missing_V : float, mV
            Where rates are missing, if they are.

        Raises
        ------
        NotTabulable
            If V has come to where the rates turn out to depend on more than V.
        """
        if ended == loops.Ending.SPIKES_FULL:
            self.spike_room = grown(self.spike_room)
        elif ended == loops.Ending.RATES_MISSING:
            self._find_rates(missing_V)
        else:
            return False
        return True

    def leave(self) -> None:
        """Put the model where the cell stands, with the rates and currents of the last step."""
        cell = self.cell[0]
        if cell["step"] == 0:
            return
        rates = self.kinetics.rates_used(self.table, float(cell["V_before"]))
        self.model.Vm = cell["V"]
        for name, current in CURRENTS.items():
            setattr(self.model, name, cell[current.symbol])
        for i, (name, gate) in enumerate(zip(GATES, membrane.gates_of(self.model), strict=True)):
            gate.state, gate.alpha, gate.beta = cell[name], rates[i], rates[len(GATES) + i]

    def _find_rates(self, V: float) -> None:
        if self._tabulable and abs(V) < rate_tables.LARGEST_V:
            self.table = self._table_at(V)
            if self.table.low < V < self.table.high:
                return
        as_wanted = rate_tables.relaxing if self._relaxing else rate_tables.times
        rates = as_wanted(self.kinetics.checked_rates_at(np.array([V])), self._dt)
        line = rate_tables.line(V, rates[0])
        self.evaluated = np.concatenate([self.evaluated[1 - MOST_EVALUATED :], line])

    def _table_at(self, V: float) -> RateTable:
        """Return a table that covers V, or, for rates that no table holds, one that is empty."""
        try:
            return self.kinetics.table(V)
        except NotSmooth as error:
            if self.settings.method == "euler":
                raise  # the model's own iterate is faster
            self._tabulable = False
            tell_log(f"evaluating rates at each step: {not_tabulated(self.model, error)}")
            return rate_tables.empty()


def not_tabulated(model: Any, why: NotTabulable) -> str:
    """Return in words that a model's rates are not tabulated."""
    return f"{type(model).__name__}._UpdateGateTimeConstants is not tabulated: {why}"


def tell_log(why_slow: str) -> None:
    """Tell the log why a run is slow."""
    import logging  # here, because most runs need none

    logging.getLogger("pyhh_fast").info(why_slow)

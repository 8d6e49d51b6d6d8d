"""What the compiled steppers have in common: a model's numbers and rates as the time loops take
them.
"""

from typing import Any, NamedTuple

import numpy as np

from pyhh_fast import _rate_tables, rate_tables
from pyhh_fast.engine.kernels import fields_of_hodgkin_huxley, loops
from pyhh_fast.engine.protocols import SavableStepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import RunSink
from pyhh_fast.kinetics.choose_kinetics import kinetics_of_run
from pyhh_fast.kinetics.protocol import Kinetics, NotSmooth, NotTabulable
from pyhh_fast.models import membrane
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import CURRENTS, GATES

FIELDS = fields_of_hodgkin_huxley(GATES, [current.symbol for current in CURRENTS.values()])
"""What describes a model between two steps, by the equations' symbols."""

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
        "cell" what is in `FIELDS`.
    """

    kinetics: Kinetics
    state: dict[str, Any] | None = None


class CompiledStepper(SavableStepper):
    """Steps a model that is HHModel in all but its numbers and its rates.

    Parameters
    ----------
    model : HHModel
    settings : RunSettings
    read_ahead : ReadAhead
        The stimulus.
    sink : RunSink
        Where the variables go.
    checkpoint : Checkpoint, optional
        Where a run continues, and rates that do not come from the model alone. With it the run
        goes to a store.

    Raises
    ------
    NotTabulable
        If its rates do not depend on V alone, or, for forward Euler, are in no table. From
        `advance` too, where that turns out on the way.
    """

    def __init__(
        self,
        model: HHModel,
        settings: RunSettings,
        read_ahead: ReadAhead,
        sink: RunSink,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.model, self.settings, self.stored = model, settings, checkpoint is not None
        self.read_ahead, self.sink = read_ahead, sink
        self._membrane = loops.Membrane.of_hodgkin_huxley(membrane.parameters_of(model))
        self._record = np.zeros(1, loops.RECORD)
        FIELDS.put_state(self._record, membrane.state_of(model))
        # Where the step is fixed, rates come multiplied by it.
        self._dt = settings.dt if settings.fixed_step else 1.0
        self._phi1 = settings.method == "exponential_euler"
        self._spikes_forgotten = 0
        if checkpoint is None:
            table_needed = settings.method == "euler"
            checkpoint = Checkpoint(kinetics_of_run(model, table_needed=table_needed))
        self._kinetics, state = checkpoint
        if state is not None:
            FIELDS.put_values(self._record, state["cell"])
            self._record["step"] = state["step"]
            self._spikes_forgotten = state["spikes"]
        self._tabulable = True
        self._table = self._table_at(float(self._record["V"][0]))
        self._evaluated = np.empty((0, _rate_tables.LINE))
        self._spike_buffer = np.empty(64)
        self._prepare()

    def _prepare(self) -> None:
        """Set up what the time loop of the subclass needs beside this."""

    @property
    def step(self) -> int:
        return int(self._record["step"][0])

    @property
    def spikes(self) -> int:
        return self._spikes_forgotten + int(self._record["spikes"][0])

    @property
    def spike_times(self) -> FloatArray:
        return self._spike_buffer[: self._record["spikes"][0]]

    def forget_spikes(self, number: int) -> None:
        left = self.spike_times[number - self._spikes_forgotten :]
        buffer, record = np.empty(self._spike_buffer.size), self._record.copy()
        buffer[: left.size], record["spikes"] = left, left.size
        # At once, so that Ctrl-C finds them before or after.
        self._spike_buffer, self._record, self._spikes_forgotten = buffer, record, number

    def cell_state(self) -> dict[str, float]:
        return FIELDS.values(self._record)

    def write_back(self) -> None:
        if self.step == 0:
            return
        cell = FIELDS.values(self._record)
        rates = self._kinetics.rates_used(self._table, cell["V_before"])
        self.model.Vm = cell["V"]
        for name, current in CURRENTS.items():
            setattr(self.model, name, cell[current.symbol])
        for i, (name, gate) in enumerate(zip(GATES, membrane.gates_of(self.model), strict=True)):
            gate.state, gate.alpha, gate.beta = cell[name], rates[i], rates[len(GATES) + i]

    def _rates(self) -> Any:
        """Return the rates for a time loop."""
        t = self._table
        rows = t.times_phi1(self._dt) if self._phi1 else t.times(self._dt)
        return loops.Rates(rows, t.first, t.inverse_width, t.low, t.high, self._evaluated)

    def _serve(self, ended: int, missing_V: float) -> bool:
        """Provide what a time loop stopped for; return False where it did not stop for that.

        Parameters
        ----------
        ended : loops.Ending
        missing_V : float, mV
            Where rates are missing, if they are.

        Raises
        ------
        NotTabulable
            If the rates at this V turn out to depend on more than V.
        """
        if ended == loops.Ending.SPIKES_FULL:
            buffer = np.empty(2 * self._spike_buffer.size)
            buffer[: self._spike_buffer.size] = self._spike_buffer
            self._spike_buffer = buffer
        elif ended == loops.Ending.RATES_MISSING:
            self._find_rates(missing_V)
        else:
            return False
        return True

    def _find_rates(self, V: float) -> None:
        if self._tabulable and abs(V) < rate_tables.LARGEST_V:
            self._table = self._table_at(V)
            if self._table.low < V < self._table.high:
                return
        scaled = rate_tables.times_phi1 if self._phi1 else rate_tables.times
        rates = scaled(self._kinetics.checked_rates_at(np.array([V])), self._dt)
        line = rate_tables.line(V, rates[0])
        self._evaluated = np.concatenate([self._evaluated[1 - MOST_EVALUATED :], line])

    def _table_at(self, V: float) -> RateTable:
        """Return a table that covers V, or, for rates that no table holds, one that is empty."""
        try:
            return self._kinetics.table(V)
        except NotSmooth as error:
            if self.settings.method == "euler":
                raise  # the model's own iterate is faster
            self._tabulable = False
            log_slow_run(f"evaluating rates at each step: {not_tabulated(self.model, error)}")
            return rate_tables.empty()


def not_tabulated(model: Any, why: NotTabulable) -> str:
    """Return in words that a model's rates are not tabulated."""
    return f"{type(model).__name__}._UpdateGateTimeConstants is not tabulated: {why}"


def log_slow_run(reason: str) -> None:
    """Log why a run is slow."""
    import logging  # here, because most runs need none

    logging.getLogger("pyhh_fast").info(reason)

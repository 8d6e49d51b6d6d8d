"""What the compiled steppers have in common: the record of a neuron, its spikes, its rates."""

from typing import Any

import numpy as np

from pyhh_fast.engine.compiled_model import Compiled
from pyhh_fast.engine.kernels import loops
from pyhh_fast.engine.protocols import SavableStepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import RunSink
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray


class CompiledStepper(SavableStepper):
    """Steps a model, or a neuron, by a compiled time loop.

    Raise NotTabulable from `advance`, if the rates turn out to depend on more than V.

    Parameters
    ----------
    compiled : Compiled
        What is stepped.
    read_ahead : ReadAhead
        The stimulus.
    sink : RunSink
        Where the variables go.
    state : dict, optional
        Of a run that is continued: its "step", the number of "spikes" before it, and of the "cell"
        the values of the fields of `compiled`.
    stored : bool, default False
        Whether the run goes to a store.
    """

    def __init__(
        self,
        compiled: Compiled,
        settings: RunSettings,
        read_ahead: ReadAhead,
        sink: RunSink,
        state: dict[str, Any] | None = None,
        *,
        stored: bool = False,
    ) -> None:
        self.compiled, self.settings, self.stored = compiled, settings, stored
        self.read_ahead, self.sink = read_ahead, sink
        self._record = np.zeros(1, loops.RECORD)
        compiled.fields.put_state(self._record, compiled.state())
        self._spikes_forgotten = 0
        if state is not None:
            compiled.fields.put_values(self._record, state["cell"])
            self._record["step"] = state["step"]
            self._spikes_forgotten = state["spikes"]
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
        return self.compiled.fields.values(self._record)

    def write_back(self) -> None:
        if self.step:
            self.compiled.write_back(self.cell_state())

    def _serve(self, ended: int, missing_V: float) -> bool:
        """Provide what a time loop stopped for; return False where it did not stop for that.

        Raise NotTabulable if the rates at this V turn out to depend on more than V.

        Parameters
        ----------
        missing_V : float, mV
            Where rates are missing, if they are.
        """
        if ended == loops.Ending.SPIKES_FULL:
            buffer = np.empty(2 * self._spike_buffer.size)
            buffer[: self._spike_buffer.size] = self._spike_buffer
            self._spike_buffer = buffer
            return True
        return ended == loops.Ending.RATES_MISSING and self.compiled.find_rates(missing_V)


def log_slow_run(reason: str) -> None:
    """Log why a run is slow."""
    import logging  # here, because most runs need none

    logging.getLogger("pyhh_fast").info(reason)

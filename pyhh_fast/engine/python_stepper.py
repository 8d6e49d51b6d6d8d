"""Steps by the model's own `iterate`, in Python, for models that no kernel can step."""

import collections
import contextlib
from typing import Any, NamedTuple

import numpy as np

from pyhh_fast import validation
from pyhh_fast.engine.divergence import LOOK_BACK, divergence_error
from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import RunSink
from pyhh_fast.models import membrane
from pyhh_fast.models.names import present
from pyhh_fast.recording import State
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS


class Observed(NamedTuple):
    """The attributes of a model after a step; None for what it does not have."""

    state: tuple[Any, ...]
    currents: tuple[Any, ...]
    rates: tuple[tuple[Any, Any], ...]
    """alpha and beta of each gate."""


class PythonStepper(Stepper):
    """Steps any model by its own `iterate`, and copies its variables after each step."""

    CHUNK = 1_000  # some 10 ms

    def __init__(
        self,
        model: Any,
        settings: RunSettings,
        read_ahead: ReadAhead,
        sink: RunSink,
        step: int = 0,
        spike_times: Any = (),
    ) -> None:
        self._model = model
        self._settings = settings
        self._read_ahead, self._sink = read_ahead, sink
        self._spike_times = list(spike_times)
        # The number of complete steps and the model after them: one object, replaced at once, so
        # that an interrupt finds both of one step.
        self._completed: tuple[int, Observed] = (step, self._observe())
        self._begun = step
        # The latest steps, each with the model before it.
        self._late: collections.deque[tuple[int, Observed]] = collections.deque(maxlen=LOOK_BACK)

    @property
    def step(self) -> int:
        return self._completed[0]

    @property
    def spikes(self) -> int:
        return len(self._spike_times)

    @property
    def spike_times(self) -> FloatArray:
        return np.array(self._spike_times, dtype=np.float64)

    @property
    def state(self) -> State:
        return tuple(map(float, self._completed[1].state))

    def advance(self) -> bool:
        model, s, start = self._model, self._settings, self.step
        stop = min(start - start % self.CHUNK + self.CHUNK, self._read_ahead.steps)
        wave, traces = self._read_ahead.window(start, stop), self._sink.buffers(start, stop)
        conductances = self._read_ahead.conductances(start, stop)
        V_before = self._completed[1].state[0]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for i in range(start, stop):
                self._begun = i + 1
                self._late.append(self._completed)
                current = wave[i - start]
                if conductances is not None:
                    current -= conductances[i - start] * model.Vm
                try:
                    model.iterate(current, s.dt)
                except Exception as error:
                    if wrong := _parameter_problem(model):
                        raise TypeError(wrong) from error
                    raise
                after = self._observe()
                values = (*after.state, *after.currents)
                if set(map(type, values)) != {float}:
                    self._check(values)
                if not np.isfinite(sum(after.state)):
                    return False
                if any(current is None for current in after.currents):
                    for name in CURRENTS:
                        advice = "An override of iterate or _UpdateCellVoltage must set it."
                        present(model, name, f"{name} after a step", advice)
                for trace, value in zip(traces, values, strict=True):
                    if trace is not None:
                        trace[i - start] = value
                V = after.state[0]
                if V_before < s.threshold <= V:
                    fraction = (s.threshold - V_before) / (V - V_before)
                    self._spike_times.append((i + fraction) * s.dt)
                self._completed = (i + 1, after)
                V_before = V
        return True

    def error(self, start: State) -> Exception:
        late = [(step, tuple(map(float, before.state))) for step, before in self._late]
        return divergence_error(
            self._model, self._settings, self._read_ahead.stimulus, late, adaptive=False
        )

    def write_back(self) -> None:
        """Undo an incomplete step; further attributes of a subclass stay as they are."""
        if self._begun == self.step:
            return
        (V, *fractions), currents, rates = self._completed[1]
        for name, value in zip(("Vm", *CURRENTS), (V, *currents), strict=True):
            _restore(self._model, name, value)
        gates = membrane.gates_of(self._model)
        for gate, fraction, (alpha, beta) in zip(gates, fractions, rates, strict=True):
            for part, value in (("alpha", alpha), ("beta", beta), ("state", fraction)):
                _restore(gate, part, value)

    def _check(self, values: tuple[Any, ...]) -> None:
        """Raise TypeError unless state and currents after a step are real numbers, NaN included."""
        names = ("Vm", *(f"{gate}.state" for gate in GATES), *CURRENTS)
        for name, value in zip(names, values, strict=True):
            if not (isinstance(value, float | int) or value is None):
                if validation.is_real(value):
                    continue
                advice = _parameter_problem(self._model) or "Check the overridden methods."
                raise TypeError(
                    f"{name} must be a real number after each step; got {validation.shown(value)}. "
                    f"{advice}"
                )

    def _observe(self) -> Observed:
        model = self._model
        gates = membrane.gates_of(model)
        return Observed(
            (model.Vm, *[gate.state for gate in gates]),
            tuple([getattr(model, name, None) for name in CURRENTS]),
            tuple([(getattr(g, "alpha", None), getattr(g, "beta", None)) for g in gates]),
        )


def _parameter_problem(model: Any) -> str:
    """Return a message on the first parameter that is no real number, if there is one."""
    for name, parameter in PARAMETERS.items():
        value = getattr(model, name, 0.0)
        if not validation.is_real(value):
            return (
                f"{name} must be a finite number ({parameter.unit}); got "
                f"{validation.shown(value)}. The steps of the model need one."
            )
    return ""


def _restore(owner: Any, name: str, value: Any) -> None:
    """Set `name` to its earlier value, or delete it if there was none, where that is possible."""
    with contextlib.suppress(AttributeError):
        if value is None:
            delattr(owner, name)
        else:
            setattr(owner, name, value)

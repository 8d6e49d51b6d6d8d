"""The two ways to make steps: a compiled kernel, or the model's own `iterate`.

Both fill the rows of a recording and know at any moment, also when interrupted, how many steps
are whole (`step`); `leave` puts the model where the last whole step left it.
"""

import contextlib
from typing import Any, Protocol

import numpy as np

from pyhh_fast import rate_tables, validation
from pyhh_fast.kernels import euler
from pyhh_fast.kinetics import NotTabulable, kinetics_of
from pyhh_fast.models import GATES, PARAMETERS, HHModel, parameter
from pyhh_fast.overrides import hook_is_own, own_behaviour
from pyhh_fast.recording import Recording, State
from pyhh_fast.validation import FloatArray

CELL = np.dtype(
    [(name, np.float64) for name in ("V", "m", "h", "n", "I_Na", "I_K", "I_L", "V_before")]
    + [("step", np.int64)]
)
"""One neuron between two steps, as the kernels see it (hh_cell in src/hh_euler.h)."""

SYMBOLS = {"Cm": "C_m", "gNa": "g_Na", "gK": "g_K", "gKleak": "g_L"} | {
    "ENa": "E_Na",
    "EK": "E_K",
    "EKleak": "E_L",
}
"""pyHH's names of the parameters and the equations' symbols for them, in the kernels' order."""

CURRENTS = {"INa": "I_Na", "IK": "I_K", "IKleak": "I_L"}


class Stepper(Protocol):
    """Makes the steps of one run."""

    @property
    def chunk(self) -> int:
        """Steps to ask for at a time, so that Ctrl-C and a progress bar are served in between."""

    @property
    def step(self) -> int:
        """How many steps are whole."""

    @property
    def state(self) -> State:
        """V (mV), m, h and n after the last whole step."""

    def advance(self, stop: int) -> bool:
        """Step on until `stop` are whole; return False where a step gave no finite number."""

    def V_since(self, step: int) -> FloatArray:
        """Return V after each whole step from number `step` on; of the latest chunk at most."""

    def leave(self) -> None:
        """Put the model at the last whole step."""


def stepper_for(model: Any, recording: Recording) -> Stepper:
    """Return the fast stepper where it does what `model` does, else the one that asks it."""
    check_model(model)
    reason = own_behaviour(model)
    if reason is None:
        try:
            return CompiledStepper(model, recording)
        except NotTabulable as error:
            reason = _not_tabulated(model, error)
    _log(reason)
    return PythonStepper(model, recording)


def _not_tabulated(model: Any, why: NotTabulable) -> str:
    return f"{type(model).__name__}._UpdateGateTimeConstants is not tabulated: {why}"


def _log(reason: str) -> None:
    import logging

    logging.getLogger("pyhh_fast").info("stepping in Python: %s", reason)


def check_model(model: Any) -> None:
    """Raise where `model` lacks, or has no sane number for, what a run needs."""
    advice = "Pass an instance of HHModel, or of a subclass."
    if isinstance(model, type) or not callable(getattr(model, "iterate", None)):
        is_class = isinstance(model, type)
        got = f"the class {model.__name__}" if is_class else validation.shown(model)
        raise TypeError(f"model must be an HHModel; got {got}. {advice}")
    validation.real_number("Vm", _present(model, "Vm", "Vm (mV)"), unit="mV")
    if not (hook_is_own(model, "iterate") or hook_is_own(model, "_UpdateCellVoltage")):
        for name in PARAMETERS:
            parameter(name, getattr(model, name))
    for name in GATES:
        gate = _present(model, name, f"gate {name}")
        advice = f"Set model.{name}.state, not model.{name}; a gate of your own must have it."
        state = _present(gate, "state", f"{name}.state", advice)
        validation.real_number(f"{name}.state", state)


def _present(
    owner: Any,
    name: str,
    label: str,
    advice: str = "A subclass's __init__ must call super().__init__(), or set it.",
) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        got = type(owner).__name__
        raise TypeError(f"model must have {label}; got {got} without it. {advice}") from None


class Potentials:
    """V of the latest chunk: in the recording, or in a buffer where it is not recorded."""

    def __init__(self, recording: Recording) -> None:
        self._recorded = recording.Vm if "Vm" in recording.recorded else None
        self._buffer = np.empty(0)
        self._first = 0

    def begin(self, step: int, stop: int) -> None:
        """Make room for the chunk of these steps."""
        if self._recorded is None:
            self._first = step
            if self._buffer.size < stop - step:
                self._buffer = np.empty(stop - step)

    def rows(self, step: int, stop: int) -> FloatArray:
        """Return the place of V after the steps from `step` to `stop`, within the chunk."""
        if self._recorded is not None:
            return self._recorded[step:stop]
        return self._buffer[step - self._first : stop - self._first]


class CompiledStepper(Stepper):
    """Steps a model that is HHModel in all but its numbers and its kinetics.

    Raises
    ------
    NotTabulable
        If a table cannot hold its kinetics.
    """

    CHUNK = 262_144  # some 3 ms

    def __init__(self, model: HHModel, recording: Recording) -> None:
        self._model = model
        self._recording = recording
        self._parameters = np.zeros(1, [(symbol, np.float64) for symbol in SYMBOLS.values()])
        for name, symbol in SYMBOLS.items():
            self._parameters[symbol] = getattr(model, name)
        self._cell = np.zeros(1, CELL)
        self._cell["V"] = model.Vm
        for name in GATES:
            self._cell[name] = getattr(model, name).state
        self._kinetics = kinetics_of(model)
        self._table = self._kinetics.table(float(model.Vm))
        self._slow: PythonStepper | None = None
        self._V = Potentials(recording)

    @property
    def chunk(self) -> int:
        return self._slow.chunk if self._slow else self.CHUNK

    @property
    def step(self) -> int:
        return self._slow.step if self._slow else int(self._cell["step"][0])

    @property
    def state(self) -> State:
        if self._slow:
            return self._slow.state
        V, m, h, n = (float(self._cell[name][0]) for name in ("V", *GATES))
        return V, m, h, n

    def advance(self, stop: int) -> bool:
        self._V.begin(self.step, stop)
        status = None
        while self._slow is None and self.step < stop and status != euler.Ending.NOT_FINITE:
            V = self.state[0]
            try:
                if abs(V) >= rate_tables.LARGEST_V:
                    rates_now = rate_tables.constant(self._kinetics.rates_at, V)
                    status = self._advance(rates_now, self.step + 1)
                    continue
                if not self._table.low < V < self._table.high:
                    self._table = self._kinetics.table(V)
                status = self._advance(self._table, stop)
            except NotTabulable as error:
                # V has come to where the model's kinetics turn out to be what no table holds.
                _log(_not_tabulated(self._model, error))
                self.leave()
                self._slow = PythonStepper(self._model, self._recording, self.step, self._V)
        return self._slow.make(stop) if self._slow else status != euler.Ending.NOT_FINITE

    def _advance(self, table: rate_tables.RateTable, stop: int) -> int:
        r, rows = self._recording, slice(self.step, stop)
        unwanted = np.ndarray((stop - self.step,), np.float64, np.empty(1), strides=(0,))
        others = ("StateM", "StateH", "StateN", "INa", "IK", "IKleak")
        ended: int = euler.advance(
            self._cell,
            self._parameters,
            table.times(r.dt),
            table.first,
            table.inverse_width,
            table.low,
            table.high,
            r.stimulus[rows],
            r.dt,
            self._V.rows(self.step, stop),
            *[getattr(r, name)[rows] if name in r.recorded else unwanted for name in others],
        )
        return ended

    def V_since(self, step: int) -> FloatArray:
        return self._V.rows(step, self.step)

    def leave(self) -> None:
        if self._slow:
            self._slow.leave()
            return
        if self.step == 0:
            return
        cell = self._cell[0]
        rates = self._kinetics.rates_in(self._table, float(cell["V_before"]))
        self._model.Vm = cell["V"]
        for name, symbol in CURRENTS.items():
            setattr(self._model, name, cell[symbol])
        for i, name in enumerate(GATES):
            gate = getattr(self._model, name)
            gate.state, gate.alpha, gate.beta = cell[name], rates[i], rates[3 + i]


class PythonStepper(Stepper):
    """Steps any model by its own `iterate`, and copies what it shows after each step."""

    CHUNK = 1_000  # some 10 ms

    def __init__(
        self, model: Any, recording: Recording, step: int = 0, V: Potentials | None = None
    ) -> None:
        self._model = model
        self._recording = recording
        self._V = V or Potentials(recording)
        # The number of whole steps and what the model showed after them: one object, replaced at
        # once, so that an interrupt finds both of one step.
        self._whole: tuple[int, tuple[Any, ...]] = (step, self._look())
        self._begun = step

    @property
    def chunk(self) -> int:
        return self.CHUNK

    @property
    def step(self) -> int:
        return self._whole[0]

    @property
    def state(self) -> State:
        V, _, _, _, (_, _, m), (_, _, h), (_, _, n) = self._whole[1]
        return float(V), float(m), float(h), float(n)

    def advance(self, stop: int) -> bool:
        self._V.begin(self.step, stop)
        return self.make(stop)

    def make(self, stop: int) -> bool:
        """Do as `advance`, where the room for V is there already."""
        model, r, start = self._model, self._recording, self.step
        V_out = self._V.rows(start, stop)
        names = ("INa", "IK", "IKleak", "StateM", "StateH", "StateN")
        wanted = [vars(r).get(name) for name in names]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for i in range(start, stop):
                self._begun = i + 1
                model.iterate(r.stimulus[i], r.dt)
                shown = self._look()
                V, INa, IK, IKleak, (_, _, m), (_, _, h), (_, _, n) = shown
                if not np.isfinite(V + m + h + n):
                    return False
                if INa is None or IK is None or IKleak is None:
                    for name in CURRENTS:
                        advice = "An override of iterate or _UpdateCellVoltage must set it."
                        _present(model, name, f"{name} after a step", advice)
                V_out[i - start] = V
                for trace, value in zip(wanted, (INa, IK, IKleak, m, h, n), strict=True):
                    if trace is not None:
                        trace[i] = value
                self._whole = (i + 1, shown)
        return True

    def V_since(self, step: int) -> FloatArray:
        return self._V.rows(step, self.step)

    def leave(self) -> None:
        """Take back a step that was only begun; what else a subclass keeps stays as it is."""
        if self._begun == self.step:
            return
        names = ("Vm", *CURRENTS)
        V_and_currents, gates = self._whole[1][:4], self._whole[1][4:]
        for name, value in zip(names, V_and_currents, strict=True):
            _restore(self._model, name, value)
        for name, values in zip(GATES, gates, strict=True):
            for part, value in zip(("alpha", "beta", "state"), values, strict=True):
                _restore(getattr(self._model, name), part, value)

    def _look(self) -> tuple[Any, ...]:
        """Return V, the currents and, gate by gate, alpha, beta and state."""
        model = self._model
        gates = [getattr(model, name) for name in GATES]
        return (
            model.Vm,
            *[getattr(model, name, None) for name in CURRENTS],
            *[(getattr(g, "alpha", None), getattr(g, "beta", None), g.state) for g in gates],
        )


def _restore(owner: Any, name: str, value: Any) -> None:
    """Set `name` back, or away where it was not there, if that can be done."""
    with contextlib.suppress(AttributeError):
        if value is None:
            delattr(owner, name)
        else:
            setattr(owner, name, value)

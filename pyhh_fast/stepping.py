"""The two ways to make steps: a compiled kernel, or the model's own `iterate`.

Both fill the rows of a recording and know at any moment, also when interrupted, how many steps
are whole (`step`); `leave` puts the model where the last whole step left it.
"""

import contextlib
from typing import Any, Protocol

import numpy as np

from pyhh_fast import _euler, validation
from pyhh_fast.models import GATES, PARAMETERS, HHModel
from pyhh_fast.overrides import hook_is_own, own_behaviour
from pyhh_fast.recording import Recording

CELL = np.dtype(
    [(name, np.float64) for name in ("V", "m", "h", "n", "I_Na", "I_K", "I_L")]
    + [(f"{rate}_{gate}", np.float64) for gate in GATES for rate in ("alpha", "beta")]
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


State = tuple[float, float, float, float]


class Stepper(Protocol):
    """Makes the steps of one run."""

    chunk: int
    """Steps to ask for at a time, so that Ctrl-C and a progress bar are served in between."""

    @property
    def step(self) -> int:
        """How many steps are whole."""

    @property
    def state(self) -> State:
        """V (mV), m, h and n after the last whole step."""

    def advance(self, stop: int) -> bool:
        """Step on until `stop` are whole; return False where a step gave no finite number."""

    def leave(self) -> None:
        """Put the model at the last whole step."""


def stepper_for(model: Any, recording: Recording) -> Stepper:
    """Return the fast stepper where it does what `model` does, else the one that asks it."""
    check_model(model)
    reason = own_behaviour(model)
    if reason is None:
        return CompiledStepper(model, recording)
    import logging

    logging.getLogger("pyhh_fast").info("stepping in Python: %s", reason)
    return PythonStepper(model, recording)


def check_model(model: Any) -> None:
    """Raise where `model` lacks, or has no sane number for, what a run needs."""
    advice = "Pass an instance of HHModel, or of a subclass."
    if isinstance(model, type) or not callable(getattr(model, "iterate", None)):
        is_class = isinstance(model, type)
        got = f"the class {model.__name__}" if is_class else validation.shown(model)
        raise TypeError(f"model must be an HHModel; got {got}. {advice}")
    needed = {"Vm": "mV"}
    if isinstance(model, HHModel) and not (
        hook_is_own(model, "iterate") or hook_is_own(model, "_UpdateCellVoltage")
    ):
        needed |= PARAMETERS
    for name, unit in needed.items():
        value = _present(model, name, f"{name} ({unit})")
        validation.real_number(name, value, unit=unit, positive=name == "Cm")
    for name in GATES:
        state = _present(_present(model, name, f"gate {name}"), "state", f"{name}.state")
        validation.real_number(f"{name}.state", state)


def _present(owner: Any, name: str, label: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        raise TypeError(
            f"model must have {label}; got {type(owner).__name__} without it. "
            "A subclass's __init__ must call super().__init__(), or set it."
        ) from None


class CompiledStepper(Stepper):
    """Steps a model that is HHModel in all but its numbers."""

    chunk = 65_536  # 2 to 4 ms

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

    @property
    def step(self) -> int:
        return int(self._cell["step"][0])

    @property
    def state(self) -> State:
        V, m, h, n = (float(self._cell[name][0]) for name in ("V", *GATES))
        return V, m, h, n

    def advance(self, stop: int) -> bool:
        r = self._recording
        return _euler.advance(
            self._cell,
            self._parameters,
            r.stimulus,
            r.dt,
            stop,
            r.Vm,
            r.StateM,
            r.StateH,
            r.StateN,
            r.INa,
            r.IK,
            r.IKleak,
        )

    def leave(self) -> None:
        if self.step == 0:
            return
        cell = self._cell[0]
        self._model.Vm = cell["V"]
        for name, symbol in CURRENTS.items():
            setattr(self._model, name, cell[symbol])
        for name in GATES:
            gate = getattr(self._model, name)
            gate.state = cell[name]
            gate.alpha = cell[f"alpha_{name}"]
            gate.beta = cell[f"beta_{name}"]


class PythonStepper(Stepper):
    """Steps any model by its own `iterate`, and copies what it shows after each step."""

    chunk = 1_000  # some 10 ms

    def __init__(self, model: Any, recording: Recording) -> None:
        self._model = model
        self._recording = recording
        # The number of whole steps and what the model showed after them: one object, replaced at
        # once, so that an interrupt finds both of one step.
        self._whole: tuple[int, tuple[Any, ...]] = (0, self._look())
        self._begun = 0

    @property
    def step(self) -> int:
        return self._whole[0]

    @property
    def state(self) -> State:
        V, _, _, _, (_, _, m), (_, _, h), (_, _, n) = self._whole[1]
        return float(V), float(m), float(h), float(n)

    def advance(self, stop: int) -> bool:
        model, r = self._model, self._recording
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for i in range(self.step, stop):
                self._begun = i + 1
                model.iterate(r.stimulus[i], r.dt)
                shown = self._look()
                V, INa, IK, IKleak, (_, _, m), (_, _, h), (_, _, n) = shown
                if not np.isfinite(V + m + h + n):
                    return False
                if INa is None or IK is None or IKleak is None:
                    for name in CURRENTS:
                        _present(model, name, f"{name} after a step")
                r.Vm[i], r.INa[i], r.IK[i], r.IKleak[i] = V, INa, IK, IKleak
                r.StateM[i], r.StateH[i], r.StateN[i] = m, h, n
                self._whole = (i + 1, shown)
        return True

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
    """Set `name` back, where it was there before and can be set."""
    if value is not None:
        with contextlib.suppress(AttributeError):
            setattr(owner, name, value)

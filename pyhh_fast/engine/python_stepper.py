"""Steps made by the model's own `iterate`, in Python."""

import contextlib
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.engine.divergence import divergence_error, states_before
from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.read_ahead import Feed
from pyhh_fast.engine.sampling import Rows
from pyhh_fast.recording import Recording, State
from pyhh_fast.typing import FloatArray
from pyhh_fast.validation import present
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS


class PythonStepper(Stepper):
    """Steps any model by its own `iterate`, and copies what it shows after each step."""

    CHUNK = 1_000  # some 10 ms

    def __init__(
        self,
        model: Any,
        recording: Recording,
        feed: Feed,
        rows: Rows,
        step: int = 0,
        spike_times: Any = (),
    ) -> None:
        self._model = model
        self._recording = recording
        self._feed, self._rows = feed, rows
        self._spike_times = list(spike_times)
        # The number of whole steps and what the model showed after them: one object, replaced at
        # once, so that an interrupt finds both of one step.
        self._whole: tuple[int, tuple[Any, ...]] = (step, self._look())
        self._begun = step

    @property
    def step(self) -> int:
        return self._whole[0]

    @property
    def spikes(self) -> int:
        return len(self._spike_times)

    @property
    def spike_times(self) -> FloatArray:
        return np.array(self._spike_times, dtype=np.float64)

    @property
    def state(self) -> State:
        V, _, _, _, (_, _, m), (_, _, h), (_, _, n) = self._whole[1]
        return float(V), float(m), float(h), float(n)

    def advance(self) -> bool:
        model, r, start = self._model, self._recording, self.step
        stop = min(start - start % self.CHUNK + self.CHUNK, r.steps)
        wave, traces = self._feed.window(start, stop), self._rows.places(start, stop)
        V_before = self._whole[1][0]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for i in range(start, stop):
                self._begun = i + 1
                try:
                    model.iterate(wave[i - start], r.dt)
                except Exception as error:
                    if wrong := _no_numbers(model):
                        raise TypeError(wrong) from error
                    raise
                shown = self._look()
                V, INa, IK, IKleak, (_, _, m), (_, _, h), (_, _, n) = shown
                if not (type(V) is type(m) is type(h) is type(n) is type(INa) is float):
                    self._check(shown)
                if not np.isfinite(V + m + h + n):
                    return False
                if INa is None or IK is None or IKleak is None:
                    for name in CURRENTS:
                        advice = "An override of iterate or _UpdateCellVoltage must set it."
                        present(model, name, f"{name} after a step", advice)
                for trace, value in zip(traces, (V, m, h, n, INa, IK, IKleak), strict=True):
                    if trace is not None:
                        trace[i - start] = value
                if V_before < r.threshold <= V:
                    fraction = (r.threshold - V_before) / (V - V_before)
                    self._spike_times.append((i + fraction) * r.dt)
                self._whole = (i + 1, shown)
                V_before = V
        return True

    def error(self, start: State) -> Exception:
        late = states_before(self._recording, start, self.state, self.step)
        return divergence_error(self._model, self._recording, late, adaptive=False)

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

    def _check(self, shown: tuple[Any, ...]) -> None:
        """See that what the model shows after a step are numbers, infinite or NaN maybe."""
        V, *currents, (_, _, m), (_, _, h), (_, _, n) = shown
        names = ("Vm", *CURRENTS, "m.state", "h.state", "n.state")
        for name, value in zip(names, (V, *currents, m, h, n), strict=True):
            if not (isinstance(value, float | int) or value is None):
                if validation.is_real(value):
                    continue
                advice = _no_numbers(self._model) or "Check the overridden methods."
                raise TypeError(
                    f"{name} must be a real number after each step; got {validation.shown(value)}. "
                    f"{advice}"
                )

    def _look(self) -> tuple[Any, ...]:
        """Return V, the currents and, gate by gate, alpha, beta and state."""
        model = self._model
        gates = [getattr(model, name) for name in GATES]
        return (
            model.Vm,
            *[getattr(model, name, None) for name in CURRENTS],
            *[(getattr(g, "alpha", None), getattr(g, "beta", None), g.state) for g in gates],
        )


def _no_numbers(model: Any) -> str:
    """Return what to say of the first parameter that is no real number, if any."""
    for name, unit in PARAMETERS.items():
        value = getattr(model, name, 0.0)
        if not validation.is_real(value):
            return (
                f"{name} must be a finite number ({unit}); got {validation.shown(value)}. The "
                "steps of the model need one."
            )
    return ""


def _restore(owner: Any, name: str, value: Any) -> None:
    """Set `name` back, or away where it was not there, if that can be done."""
    with contextlib.suppress(AttributeError):
        if value is None:
            delattr(owner, name)
        else:
            setattr(owner, name, value)

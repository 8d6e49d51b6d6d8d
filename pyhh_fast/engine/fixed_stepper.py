"""Compiled steps of fixed length, and of voltage clamp; loops: src/fixed_step.pxi, clamp.pxi."""

import numpy as np

from pyhh_fast.engine.compiled_stepper import CompiledStepper
from pyhh_fast.engine.divergence import LOOK_BACK
from pyhh_fast.engine.kernels import NO_CONDUCTANCE, loops, struct
from pyhh_fast.engine.sampling import Buffers
from pyhh_fast.errors import SimulationError
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.recording import LateSteps, State
from pyhh_fast.typing import FloatArray, StructArray


class FixedStepper(CompiledStepper):
    """Steps of the length dt, by the method that the settings name."""

    CHUNK = 262_144  # some 3 ms

    resumable = True

    def _prepare(self) -> None:
        # The record LOOK_BACK steps ago, or more.
        self._earlier = self._latest = self._record.copy()
        self._loop_settings = struct(
            loops.FIXED_STEP_SETTINGS,
            method=loops.Method[self.settings.method],
            dt=self.settings.dt,
            threshold=self.settings.threshold,
        )

    @property
    def state(self) -> State:
        return self.compiled.fields.state(self._record)

    def advance(self) -> bool:
        step = self.step
        if step - self._latest["step"][0] >= LOOK_BACK:
            self._earlier, self._latest = self._latest, self._record.copy()
        # Chunks end at multiples of their length, wherever the loop stopped in between.
        length = min(self.CHUNK, self.sink.block_length, self.read_ahead.block_length)
        stop = min(step - step % length + length, self.read_ahead.steps)
        buffers, I = self.sink.buffers(step, stop), self.read_ahead.window(step, stop)  # noqa: E741
        G = self.read_ahead.conductances(step, stop)
        ended, missing_V = self._run_loop(self._record, I, G, self._loop_settings, buffers)
        return self._serve(ended, missing_V) or ended == loops.Ending.DONE

    def _run_loop(
        self,
        record: StructArray,
        I: FloatArray,  # noqa: E741
        G: FloatArray | None,
        settings: StructArray,
        buffers: Buffers,
    ) -> tuple[int, float]:
        neuron = self.compiled.membrane, self.compiled.rates()
        ended: tuple[int, float] = loops.fixed_step(
            settings,
            record,
            *neuron,
            I,
            NO_CONDUCTANCE if G is None else G,
            self._spike_buffer,
            buffers,
        )
        return ended

    def error(self, start: State) -> Exception:
        return self.compiled.divergence_error(self.read_ahead.stimulus, self._late_steps())

    def _late_steps(self) -> LateSteps:
        """Return the latest steps, each with the state before it, computed again."""
        record, step, fields = self._earlier.copy(), self.step, self.compiled.fields
        first = int(record["step"][0])
        I = self.read_ahead.reread(first, step)  # noqa: E741
        G = self.read_ahead.reread_conductances(first, step)
        traces = np.empty((len(fields.state(record)), step - first + 1))
        traces[:, 0] = fields.state(record)
        settings = self._loop_settings.copy()
        settings["threshold"] = np.inf  # its spikes are known
        while (done := int(record["step"][0])) < step:
            states = [trace[done - first + 1 :] for trace in traces]
            buffers = (*states, *[None] * fields.currents)
            left = slice(done - first, None)
            now = I[left], None if G is None else G[left]
            self._serve(*self._run_loop(record, *now, settings, buffers))
        late = traces[:, -LOOK_BACK:].T
        return [(step - len(late) + 1 + i, tuple(state)) for i, state in enumerate(late.tolist())]


class ClampStepper(FixedStepper):
    """Holds V at a command, step by step, and lets the gates follow; see src/clamp.h."""

    resumable = False

    def _run_loop(
        self,
        record: StructArray,
        I: FloatArray,  # noqa: E741
        G: FloatArray | None,
        settings: StructArray,
        buffers: Buffers,
    ) -> tuple[int, float]:
        neuron, (*outputs, total) = (self.compiled.membrane, self.compiled.rates()), buffers
        dt = self.settings.dt
        ended: tuple[int, float] = loops.clamp(dt, record, *neuron, I, tuple(outputs), total)
        return ended

    def _serve(self, ended: int, missing_V: float) -> bool:
        try:
            return super()._serve(ended, missing_V)
        except NotTabulable as error:
            why = f"of _UpdateGateTimeConstants it was found that {error}"
            raise self._cannot_continue(missing_V, why) from error

    def error(self, start: State) -> Exception:
        V = float(self.read_ahead.reread(self.step, self.step + 1)[0])
        why = "a gate is not finite. Check its rates, and dt"
        if self.compiled.pools:
            why = "a gate or a concentration is not finite. Check the rates, the gain, and dt"
        return self._cannot_continue(V, why)

    def _cannot_continue(self, V: float, why: str) -> SimulationError:
        step, time = self.step, self.step * self.settings.dt
        place = f"step {step} (t = {time:g} ms), V = {V:.6g} mV"
        message = f"the run cannot continue at {place}: {why}."
        return SimulationError(message, step=step, time=time, V=V)

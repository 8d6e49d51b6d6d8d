"""Where the variables of a run go: from the buffers of a time loop to the samples that are kept.

In memory here; `storage/run_sink.py` writes them to a store.
"""

from typing import NamedTuple, Protocol

import numpy as np

from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.features.plan import Plan, Progress, Spikes
from pyhh_fast.recording import Origin, Recording
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays, free_memory
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import ENVELOPE

BLOCK = 65_536
"""Steps in a buffer of which only some samples are kept: half a megabyte for each variable."""

ADVICE = (
    "Keep fewer traces by record=, every k-th step by every=, or write them to a store while they "
    "are computed, by to=."
)
"""What to do where traces do not fit into memory."""

Buffers = tuple[FloatArray | None, ...]
"""Where V, gates and currents go, in their order; None for one not recorded."""


class RunSink(Protocol):
    """Receives what a stepper computes."""

    block_length: int
    """The largest number of steps for which buffers can be requested at once."""

    def buffers(self, step: int, stop: int) -> Buffers:
        """Return where V, gates and currents of steps `step` to `stop`, excluded, go."""

    def collect(self, stepper: Stepper) -> None:
        """Keep samples of the steps that `stepper` has completed since the last call."""

    def end(self, stepper: Stepper, failed: bool) -> None:
        """Finish, after the last step of `stepper`; `failed` if the next one cannot be made."""

    def recording(self, origin: Origin) -> Recording:
        """Return the recording of what there is."""


class MemorySink(RunSink):
    """Keeps samples in memory."""

    def __init__(self, settings: RunSettings, read_ahead: ReadAhead) -> None:
        self._settings, self._read_ahead, s = settings, read_ahead, settings
        rows, windows = s.rows(read_ahead.steps), s.windows(read_ahead.steps)
        need = 8 * (rows * len(s.record) + windows * len(s.enveloped))
        free_memory.check(need, "the traces of a run", ADVICE)
        self._traces = {name: aligned_arrays.trace(rows) for name in s.record}
        self._traces |= {name: np.empty(windows) for name in s.enveloped}
        self._steps, self._spike_times = read_ahead.steps, np.empty(0)
        self._sampler = Sampler(s) if s.every > 1 or s.envelope or s.features else None
        self.block_length = BLOCK if self._sampler else read_ahead.steps

    def buffers(self, step: int, stop: int) -> Buffers:
        if self._sampler:
            return self._sampler.buffers(step, stop)
        # Where all steps are kept, the time loop writes into the traces themselves.
        recorded = {name: self._traces[name][step:stop] for name in self._settings.record}
        return tuple(map(recorded.get, self._settings.variables))

    def collect(self, stepper: Stepper) -> None:
        if self._sampler is None:
            return
        block = self._sampler.samples(stepper.step)
        for name, values in (block.rows | block.windows).items():
            first = block.first_window if name in ENVELOPE else block.first_row
            self._traces[name][first : first + values.size] = values
        self._sampler.advance_to(block)

    def end(self, stepper: Stepper, failed: bool) -> None:
        s, step = self._settings, stepper.step
        self.collect(stepper)
        # Not those of an incomplete step, but one at the very end, however it is rounded.
        spikes = stepper.spike_times
        self._spike_times = spikes[spikes <= (step + 1e-6) * s.dt]
        if not failed:
            self._steps = step
        for name, values in self._traces.items():
            complete = s.windows(step) if name in ENVELOPE else s.rows(step)
            if failed:
                values[complete:] = np.nan
            else:
                self._traces[name] = values[:complete]

    def recording(self, origin: Origin) -> Recording:
        stimulus, spikes = self._read_ahead.stimulus, self._spike_times
        found = self._sampler.features(spikes) if self._sampler else {}
        return Recording(self._settings, stimulus, self._steps, spikes, self._traces, origin, found)


class SampledBlock(NamedTuple):
    """The samples of a block of steps, by name; the last window may be incomplete."""

    step: int
    """The step behind the block."""
    first_row: int
    rows: dict[str, FloatArray]
    first_window: int
    windows: dict[str, FloatArray]
    progress: Progress | None = None
    """What is known of features after it."""


class Sampler:
    """Keeps every k-th step of a run, the lowest and highest V of its windows, and its features.

    Parameters
    ----------
    settings : RunSettings
        They say what is recorded.
    step : int, default 0
        Where the run begins, or continues.
    window : tuple of float, mV
        The lowest and the highest V of a window that began before.
    progress : Progress, optional
        What is known of its features, where it continues.
    """

    def __init__(
        self,
        settings: RunSettings,
        step: int = 0,
        window: tuple[float, float] = (np.inf, -np.inf),
        progress: Progress | None = None,
    ) -> None:
        self._settings = s = settings
        names = {*s.record, "Vm"} if s.envelope or s.features else {*s.record}
        self._buffers = {name: np.empty(0) for name in s.variables if name in names}
        self._plan = s.plan()
        if self._plan and progress is None:
            progress = self._plan.begin(1)
        # Which step the next one is, the envelope of its window so far, and what is known of
        # features: one object, replaced at once, so that an interrupt finds all of one step.
        self._next = (step, window, progress)

    @property
    def window(self) -> tuple[float, float]:
        """The lowest and the highest V so far, in mV, of an incomplete window."""
        return self._next[1]

    @property
    def progress(self) -> Progress | None:
        """What is known of features, where there are any."""
        return self._next[2]

    def features(self, spike_times: FloatArray) -> dict[str, float]:
        """Return those of the run up to now."""
        step, _, progress = self._next
        return features_of(self._plan, progress, spike_times, step)

    def buffers(self, step: int, stop: int) -> Buffers:
        """Return where V, gates and currents of steps `step` to `stop`, excluded, go."""
        assert step == self._next[0]
        for name, buffer in self._buffers.items():
            if buffer.size < stop - step:
                self._buffers[name] = np.empty(max(stop - step, BLOCK))
        recorded = {name: buffer[: stop - step] for name, buffer in self._buffers.items()}
        return tuple(map(recorded.get, self._settings.variables))

    def samples(self, stop: int) -> SampledBlock:
        """Return the samples of the steps up to `stop`; later steps overwrite them."""
        s, (step, _, progress) = self._settings, self._next
        kept = slice(-step % s.every, stop - step, s.every)
        rows = {name: self._buffers[name][kept] for name in s.record}
        if self._plan and progress and stop > step:
            V = self._buffers["Vm"][np.newaxis, : stop - step]
            progress = self._plan.taken(progress, V, step)
        if not s.envelope or stop == step:
            return SampledBlock(stop, s.rows(step), rows, 0, {}, progress)
        windows = self._windows(s.envelope, step, self._buffers["Vm"][: stop - step])
        return SampledBlock(stop, s.rows(step), rows, step // s.envelope, windows, progress)

    def _windows(self, length: int, step: int, V: FloatArray) -> dict[str, FloatArray]:
        """Return the envelope of the windows that `V`, from number `step` on, has a part in."""
        borders = np.arange(-(step % length), V.size, length).clip(0)
        lowest, highest = np.minimum.reduceat(V, borders), np.maximum.reduceat(V, borders)
        if step % length:
            so_far = self.window
            lowest[0], highest[0] = min(lowest[0], so_far[0]), max(highest[0], so_far[1])
        return dict(zip(ENVELOPE, (lowest, highest), strict=True))

    def advance_to(self, block: SampledBlock) -> None:
        """Continue behind a block whose samples are kept."""
        window = (np.inf, -np.inf)
        if self._settings.envelope and block.step % self._settings.envelope:
            window = self.window
            if block.windows:
                lowest, highest = (float(block.windows[name][-1]) for name in ENVELOPE)
                window = lowest, highest
        self._next = (block.step, window, block.progress)


def features_of(
    plan: Plan | None, progress: Progress | None, spike_times: FloatArray, steps: int
) -> dict[str, float]:
    """Return the features of a run of so many steps."""
    if plan is None or progress is None:
        return {}
    found = plan.values(progress, Spikes.of_cell(spike_times), steps)
    return {name: float(value[0]) for name, value in found.items()}

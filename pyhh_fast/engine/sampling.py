"""Where the rows of a run go: from the steps that a time loop makes to what is kept of them."""

from typing import NamedTuple, Protocol

import numpy as np

from pyhh_fast.engine.protocols import Stepper
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.recording import Origin, Recording
from pyhh_fast.settings import RunSettings
from pyhh_fast.system import aligned_arrays, free_memory
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import ENVELOPE, TRACES

LENGTH = 65_536
"""Steps of which all are kept for a moment, where few of them are wanted: half a megabyte each."""


ADVICE = (
    "Keep fewer traces by record=, every k-th step by every=, or write them to a store while they "
    "are computed, by to=."
)
"""What to do where traces do not fit into memory."""


Places = tuple[FloatArray | None, ...]
"""Where V, gates and currents go, in the order of TRACES; None for one not recorded."""


class Rows(Protocol):
    """Takes what a stepper computes."""

    most: int
    """How many steps may be asked a place for at once."""

    def places(self, step: int, stop: int) -> Places:
        """Return where V, gates and currents of steps `step` to `stop`, excluded, go."""

    def take(self, stepper: Stepper) -> None:
        """Take what was put there, as far as `stepper` has come; do nothing where it is taken."""

    def end(self, stepper: Stepper, failed: bool) -> None:
        """Finish where `stepper` has ended: at a step that failed, or may go on."""

    def recording(self, origin: Origin) -> Recording:
        """Return the recording of what there is."""


class RowsInMemory(Rows):
    """Keeps rows in memory."""

    def __init__(self, settings: RunSettings, read_ahead: ReadAhead) -> None:
        self._settings, self._read_ahead, s = settings, read_ahead, settings
        rows, windows = s.rows(read_ahead.steps), s.windows(read_ahead.steps)
        need = 8 * (rows * len(s.record) + windows * len(s.enveloped))
        free_memory.check(need, "the traces of a run", ADVICE)
        self._traces = {name: aligned_arrays.trace(rows) for name in s.record}
        self._traces |= {name: np.empty(windows) for name in s.enveloped}
        self._steps, self._spike_times = read_ahead.steps, np.empty(0)
        self._sieve = Sieve(s) if s.every > 1 or s.envelope else None
        self.most = LENGTH if self._sieve else read_ahead.steps

    def places(self, step: int, stop: int) -> Places:
        if self._sieve:
            return self._sieve.places(step, stop)
        recorded = {name: self._traces[name][step:stop] for name in self._settings.record}
        return tuple(map(recorded.get, TRACES))

    def take(self, stepper: Stepper) -> None:
        if self._sieve is None:
            return
        found = self._sieve.sift(stepper.step)
        for name, values in (found.rows | found.windows).items():
            first = found.first_window if name in ENVELOPE else found.first_row
            self._traces[name][first : first + values.size] = values
        self._sieve.taken(found)

    def end(self, stepper: Stepper, failed: bool) -> None:
        s, step = self._settings, stepper.step
        self.take(stepper)
        # Not those of a step that is not whole, but one at the very end, however it is rounded.
        spikes = stepper.spike_times
        self._spike_times = spikes[spikes <= (step + 1e-6) * s.dt]
        if not failed:
            self._steps = step
        for name, values in self._traces.items():
            made = s.windows(step) if name in ENVELOPE else s.rows(step)
            if failed:
                values[made:] = np.nan
            else:
                self._traces[name] = values[:made]

    def recording(self, origin: Origin) -> Recording:
        stimulus, spikes = self._read_ahead.stimulus, self._spike_times
        return Recording(self._settings, stimulus, self._steps, spikes, self._traces, origin)


class Sifted(NamedTuple):
    """What a sieve has kept: rows and windows by name, the last window perhaps not whole."""

    step: int
    first_row: int
    rows: dict[str, FloatArray]
    first_window: int
    windows: dict[str, FloatArray]


class Sieve:
    """Keeps every k-th of the steps of a run, and the lowest and highest V of its windows.

    Parameters
    ----------
    settings : RunSettings
        They say what is wanted.
    step : int, default 0
        Where the run begins, or goes on.
    window : tuple of float, mV
        The lowest and the highest V of a window that began before.
    """

    def __init__(
        self, settings: RunSettings, step: int = 0, window: tuple[float, float] = (np.inf, -np.inf)
    ) -> None:
        self._settings = s = settings
        wanted = {*s.record, "Vm"} if s.envelope else {*s.record}
        self._all = {name: np.empty(0) for name in TRACES if name in wanted}
        # Which step the next one is, and the envelope of its window so far: replaced at once.
        self._next = (step, window)

    @property
    def window(self) -> tuple[float, float]:
        """The lowest and the highest V so far, in mV, of a window that is not whole."""
        return self._next[1]

    def places(self, step: int, stop: int) -> Places:
        """Return where V, gates and currents of steps `step` to `stop`, excluded, go."""
        assert step == self._next[0]
        for name, room in self._all.items():
            if room.size < stop - step:
                self._all[name] = np.empty(max(stop - step, LENGTH))
        recorded = {name: room[: stop - step] for name, room in self._all.items()}
        return tuple(map(recorded.get, TRACES))

    def sift(self, stop: int) -> Sifted:
        """Return what is kept of the steps up to `stop`; it is changed by the steps after it."""
        s, (step, _) = self._settings, self._next
        wanted = slice(-step % s.every, stop - step, s.every)
        rows = {name: self._all[name][wanted] for name in s.record}
        if not s.envelope or stop == step:
            return Sifted(stop, s.rows(step), rows, 0, {})
        windows = self._windows(s.envelope, step, self._all["Vm"][: stop - step])
        return Sifted(stop, s.rows(step), rows, step // s.envelope, windows)

    def _windows(self, length: int, step: int, V: FloatArray) -> dict[str, FloatArray]:
        """Return the envelope of the windows that `V`, from number `step` on, has a part in."""
        borders = np.arange(-(step % length), V.size, length).clip(0)
        lowest, highest = np.minimum.reduceat(V, borders), np.maximum.reduceat(V, borders)
        if step % length:
            so_far = self.window
            lowest[0], highest[0] = min(lowest[0], so_far[0]), max(highest[0], so_far[1])
        return dict(zip(ENVELOPE, (lowest, highest), strict=True))

    def taken(self, found: Sifted) -> None:
        """Go on behind what was found."""
        window = (np.inf, -np.inf)
        if self._settings.envelope and found.step % self._settings.envelope:
            window = self.window
            if found.windows:
                lowest, highest = (float(found.windows[name][-1]) for name in ENVELOPE)
                window = lowest, highest
        self._next = (found.step, window)

"""The sink of a stored run: what storage/resume.py gives to the run loop, and what a store has.

It hands rows to the thread of storage/writer.py, with all that is needed to continue the run.
"""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.sampling import BLOCK, Buffers, RunSink, SampledBlock, Sampler, features_of
from pyhh_fast.features.descriptions import progress_of, text_of
from pyhh_fast.features.plan import Plan, Progress
from pyhh_fast.recording import Origin, Recording
from pyhh_fast.settings import RunSettings
from pyhh_fast.storage.description import StoredVariable
from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.storage.stored_traces import StoredTraces
from pyhh_fast.storage.writer import StoreWriter
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import ENVELOPE

if TYPE_CHECKING:
    from pyhh_fast.engine.protocols import SavableStepper

COMMIT = 1.0
"""Seconds from one commit to the next; half of what is promised, for a disk that is busy."""

TOGETHER = 2**15
"""Rows that are handed to the writer at once."""

TIMES = {
    "time": "time after a step",
    "current_time": "time before a step",
    "envelope_time": "time at which a window begins",
    "spike_time": "time of an upward crossing of the threshold",
}
"""The times in a store, in ms; all but those of spikes are dimensions."""


def dimension_of(name: str, settings: RunSettings) -> str:
    """Return the dimension of a variable."""
    if name in ENVELOPE:
        return "envelope_time"
    return "current_time" if settings.variables[name].before_step else "time"


def variables_of(settings: RunSettings) -> dict[str, StoredVariable]:
    """Return the variables in the store of a run, by name."""
    known = {**settings.variables, **ENVELOPE}
    recorded = [name for name in settings.variables if name in settings.record]
    along = {name: dimension_of(name, settings) for name in [*recorded, *settings.enveloped]}
    along |= {name: name for name in along.values()} | {"spike_time": "spike"}
    found = {}
    for name, dimension in along.items():
        described = {"units": "ms", "long_name": TIMES.get(name, "")}
        if name not in TIMES:
            described = {"units": known[name].unit, "long_name": known[name].long_name}
        found[name] = StoredVariable(dimension, described)
    return found


class StoreSink(RunSink):
    """Hands rows to a thread that writes them, and about once a second the state to continue from.

    Rows that are handed over twice, because Ctrl-C came in between, are skipped by the store.

    Parameters
    ----------
    store : RunStore
        Open for writing; it is closed at the end.
    about : dict
        Attributes of the store that stay as they are.
    read_ahead : ReadAhead
        The stimulus, whose state is kept with the run's.
    state : dict, optional
        From which the run continues: as a store holds it.
    """

    block_length = BLOCK

    def __init__(
        self,
        settings: RunSettings,
        store: RunStore,
        about: dict[str, Any],
        read_ahead: ReadAhead,
        state: dict[str, Any] | None = None,
    ) -> None:
        self._settings, self._store, self._about = settings, store, about
        self._read_ahead = read_ahead
        step, window, progress = 0, (np.inf, -np.inf), None
        if state is not None:
            step = state["step"]
            window = tuple(state["window"]) if state["window"] else window
            progress = progress_of(state["features"], settings.plan())
        self._sampler = Sampler(settings, step, window, progress)
        self._state = state  # None until `begin`
        self._writer = StoreWriter(store)
        # By name the number of the first row and the blocks from it on. They are collected here
        # because each call of the writer may wait until its thread lets go of the interpreter.
        self._collected: dict[str, tuple[int, list[FloatArray]]] = {}
        self._committed = -np.inf
        self._all_handed_over = False

    def keep_table(self, table: Table) -> None:
        """Write a table of rates before any row that is computed with it."""
        self._writer.put_table(table)

    def buffers(self, step: int, stop: int) -> Buffers:
        return self._sampler.buffers(step, stop)

    def begin(self, stepper: "SavableStepper") -> None:
        """Commit the store before the first step."""
        if self._state is None:
            self._state = self._state_of(stepper)
        self._commit(stepper)

    def collect(self, stepper: Any) -> None:  # a SavableStepper
        self._collect(stepper)
        if time.monotonic() - self._committed > COMMIT:
            self._commit(stepper)
        elif any(sum(map(len, parts)) > TOGETHER for _, parts in self._collected.values()):
            self._hand_over()

    def _collect(self, stepper: "SavableStepper") -> None:
        block = self._sampler.samples(stepper.step)
        self._append_rows(block)
        self._sampler.advance_to(block)
        times = stepper.spike_times
        whole = times[times <= (stepper.step + 1e-6) * self._settings.dt].copy()
        first = stepper.spikes - times.size
        self._add("spike_time", whole, first)
        stepper.forget_spikes(first + whole.size)
        if stepper.resumable:
            self._state = self._state_of(stepper)

    @rounds_to_nearest
    def _append_rows(self, block: SampledBlock, *, last: bool = False) -> None:
        s = self._settings
        for name, values in block.rows.items():
            self._add(name, values.copy(), block.first_row)
        size = s.rows(block.step) - block.first_row
        steps = (np.arange(size, dtype=np.float64) + block.first_row) * s.every
        for dimension in {dimension_of(name, s): None for name in block.rows}:
            later = 1.0 if dimension == "time" else 0.0
            self._add(dimension, (steps + later) * s.dt, block.first_row)
        if s.envelope and block.windows:
            first = block.first_window
            whole = block.step // s.envelope - first
            size = block.windows["Vm_min"].size if last else whole
            for name, values in block.windows.items():
                self._add(name, values[:size].copy(), first)
            begin = (np.arange(size, dtype=np.float64) + first) * s.envelope * s.dt
            self._add("envelope_time", begin, first)

    def _add(self, name: str, values: FloatArray, first: int) -> None:
        """Collect rows, but for those that are collected already."""
        begin, parts = self._collected.setdefault(name, (first, []))
        parts.append(values[begin + sum(map(len, parts)) - first :])

    def _hand_over(self) -> None:
        for name, (first, parts) in self._collected.items():
            self._writer.append(name, np.concatenate(parts), first)
        self._collected = {}

    def _state_of(self, stepper: "SavableStepper") -> dict[str, Any]:
        window = None
        if self._settings.envelope and stepper.step % self._settings.envelope:
            window = list(self._sampler.window)
        return {
            "step": stepper.step,
            "spikes": stepper.spikes,
            "cell": stepper.cell_state(),
            "window": window,
            "features": text_of(self._sampler.progress),
            "stimulus": self._read_ahead.state_at(stepper.step),
        }

    def _commit(self, stepper: "SavableStepper", *, last: bool = False) -> None:
        self._hand_over()
        found = text_of(self._sampler.progress)
        attributes = self._about | {"done": stepper.step, "found": found, "state": self._state}
        self._writer.commit(attributes, last=last)
        self._committed = time.monotonic()

    def end(self, stepper: Any, failed: bool) -> None:  # a SavableStepper
        interrupted = isinstance(sys.exception(), KeyboardInterrupt)
        try:
            if not self._all_handed_over:
                self._hand_over_all(stepper)
        finally:
            self.close(self._report if interrupted else None)

    def recording(self, origin: Origin) -> Recording:
        s, source = self._settings, StoredTraces(self._store.path, self._store.identity)
        plan = s.plan()
        steps, spikes, progress = _committed(source, plan)
        found = features_of(plan, progress, spikes, steps)
        return Recording(s, self._read_ahead.stimulus, steps, spikes, source, origin, found)

    def close(self, report: Callable[[], object] | None = None) -> None:
        """Wait until all is written, and close the store; also of a run that never began."""
        try:
            self._writer.close(report)
        finally:
            self._read_ahead.close()
            self._store.close()

    def _hand_over_all(self, stepper: "SavableStepper") -> None:
        """Hand over the last rows and commit, even if Ctrl-C interrupts that."""
        try:
            self._end(stepper)
        except KeyboardInterrupt:
            self._end(stepper)
            raise
        finally:
            self._all_handed_over = True

    def _end(self, stepper: "SavableStepper") -> None:
        s, step = self._settings, stepper.step
        self._writer.end()
        self._collect(stepper)
        if s.envelope and step % s.envelope:
            # The unfinished window; it is cut off again where the run is continued.
            window = {n: np.array([v]) for n, v in zip(ENVELOPE, self._sampler.window, strict=True)}
            rest = SampledBlock(step, s.rows(step), {}, step // s.envelope, window)
            self._append_rows(rest, last=True)
        self._commit(stepper, last=True)

    def _report(self) -> None:
        """Say what Ctrl-C waits for, where the disk is slow."""
        print(
            f"pyhh_fast: interrupted; the last rows are being written to {self._store.path!r}. "
            "Another Ctrl-C gives them up.",
            file=sys.stderr,
            flush=True,
        )


def _committed(source: StoredTraces, plan: Plan | None) -> tuple[int, FloatArray, Progress | None]:
    """Return how many steps a store holds, the spikes, what is known of features; none if gone."""
    try:
        store = source.open()
        progress = progress_of(store.attributes["found"], plan)
        return int(store.attributes["done"]), store.values("spike_time"), progress
    except (OSError, ValueError):
        return 0, np.empty(0), None

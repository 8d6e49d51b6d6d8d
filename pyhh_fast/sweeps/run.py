"""The run of a sweep: an executor computes its chunks, and their results fill arrays and store."""

import itertools
import math
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from typing import Any, NoReturn

import numpy as np

from pyhh_fast import validation
from pyhh_fast.kinetics.frozen import BeyondTable
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.sweeps.grid import Grid, Shape
from pyhh_fast.sweeps.store import SweepStore
from pyhh_fast.sweeps.swept import Rates, Swept
from pyhh_fast.sweeps.tasks import Chunk, Reduce, Task, compute, has_note
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import NumberArray

MOST_WAITING = 1_000
"""Chunks that an executor is given beforehand."""

MOST_RATES = 64
"""Tables of rates that are kept in memory, where rates depend on parameters in the grid."""

MOST_SENT = 2**28
"""Bytes of stimuli and tables that these may have; else they are fewer."""


class InThisProcess(Executor):
    """Computes at once what is submitted."""

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Return a future that is done."""
        future: Future[Any] = Future()
        future.set_result(fn(*arguments, **options))
        return future


def executor_for(executor: Any, reduce: Reduce) -> Executor:
    """Return what will compute the chunks; it must be an executor, and take `reduce`."""
    if executor is None:
        return InThisProcess()
    advice = "Of a Dask client pass client.get_executor()."
    validation.instance("executor", executor, Executor, "a concurrent.futures.Executor", advice)
    # Dask has ways of its own to pickle. Not imported: that fails once the main thread has ended.
    processes = sys.modules.get("concurrent.futures.process")
    if processes is not None and isinstance(executor, processes.ProcessPoolExecutor):
        try:
            pickle.dumps(reduce)
        except Exception as error:  # whatever a user's objects make of it
            raise TypeError(
                "reduce must be a function that pickle finds by its name, for a "
                f"ProcessPoolExecutor; got {validation.shown(reduce)}. Define it with def, in a "
                "module, or use Dask."
            ) from error
    checked: Executor = executor
    return checked


class SweepRun:
    """Fills the arrays of a sweep.

    Parameters
    ----------
    swept : Swept
    store : SweepStore or None
    names : sequence of str
        Of the arrays of values, several where these are features; one more is `diverged_at`.

    Attributes
    ----------
    arrays : dict of ndarray
        Empty before the first chunk.
    """

    def __init__(
        self,
        task: Task,
        grid: Grid,
        swept: Swept,
        store: SweepStore | None,
        names: Sequence[str],
    ) -> None:
        self._task, self._grid, self._store = task, grid, store
        self._swept = swept
        self._rates = _rates(swept.rates({}), store)
        self._rates_by_values: dict[tuple[float, ...], Rates] = {}
        self._names = tuple(names)
        self._repeated: set[Shape] = set()
        self.arrays: dict[str, NumberArray] = {}
        self._done = 0

    def run(self, executor: Executor, bar: Any) -> None:
        """Compute all chunks that are not in the store."""
        todo = self._not_done(bar)
        waiting: dict[Future[Any], Shape] = {}
        try:
            while True:
                more = self._most_waiting(executor) - len(waiting)
                for number in itertools.islice(todo, max(0, more)):
                    waiting[self._submit(executor, number)] = number
                if not waiting:
                    return
                done = wait_for(waiting, return_when=FIRST_COMPLETED).done
                for future in sorted(done, key=_failed):  # so that what is done is kept
                    number = waiting.pop(future)
                    if not self._accept(number, future, bar):
                        waiting[self._submit(executor, number)] = number
        except (BrokenExecutor, CancelledError) as error:
            self._raise_lost_worker(error)
        finally:
            for future in waiting:
                future.cancel()

    def _most_waiting(self, executor: Executor) -> int:
        if isinstance(executor, InThisProcess):
            return 1
        table, stimulus = self._rates.stored, self._task.stimulus
        sent = 0 if table is None else table.rows.nbytes
        if isinstance(stimulus, np.ndarray):
            sent += stimulus.nbytes
        else:
            sent += sum(8 * np.size(value) for _, value in stimulus._leaves())
        return max(8, min(MOST_WAITING, MOST_SENT // max(1, sent)))

    def _submit(self, executor: Executor, number: Shape) -> Future[Any]:
        part, rates = self._grid.part(number), self._rates_of(number).without_source()
        task = self._task
        if not isinstance(task.stimulus, np.ndarray):
            of_chunk = task.stimulus._of_cells(self._grid.indices(number), 0)
            task = task._replace(stimulus=of_chunk)
        return executor.submit(compute, task, part, rates)

    def _values_of(self, number: Shape) -> tuple[float, ...]:
        """Return the values of declared parameters in a chunk."""
        part = self._grid.part(number)
        return tuple(float(part[name][0]) for name in self._grid.custom)

    def _rates_of(self, number: Shape) -> Rates:
        """Return the rates of a chunk, in which declared parameters have one value."""
        if not self._grid.custom:
            return self._rates
        key, known = self._values_of(number), self._rates_by_values
        values = dict(zip(self._grid.custom, key, strict=True))
        if key not in known:
            while len(known) >= MOST_RATES:
                del known[next(iter(known))]
            try:
                rates = self._swept.rates(values)
            except ValueError as error:  # from_model's, of rates that no table holds
                at = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
                raise RuntimeError(f"the sweep cannot continue at {at}: {error}") from error
            known[key] = _rates(rates, self._store, key)
        return known[key]

    def _not_done(self, bar: Any) -> Iterator[Shape]:
        """Yield the numbers of chunks to be computed; those in the store fill the arrays."""
        for number in self._grid.numbers():
            kept = self._store and self._store.read(number)
            if kept:
                self._fill(number, kept, bar)
            else:
                yield number

    def _accept(self, number: Shape, future: Future[Any], bar: Any) -> bool:
        """Keep the result of a chunk; return False where it must be computed again."""
        try:
            outcome = future.result()
        except (BrokenExecutor, CancelledError):
            raise
        except Exception as error:
            # Dask's executor mistakes a result for an error where its worker dies as it arrives.
            verdict = has_note(error) or type(error).__module__.startswith("distributed")
            if verdict or number in self._repeated:
                raise
            self._repeated.add(number)
            return False
        if isinstance(outcome, BeyondTable):
            self._extend_rates(number, outcome.V)
            return False
        self._keep(number, outcome, bar)
        return True

    def _keep(self, number: Shape, chunk: Chunk, bar: Any) -> None:
        box = self._grid.box(number)
        shape = tuple(part.stop - part.start for part in box)
        values = chunk.values.reshape(shape + chunk.values.shape[1:])
        arrays = {"diverged_at": chunk.diverged_at.reshape(shape)}
        if isinstance(self._task.reduce, Mapping):
            arrays |= dict(zip(self._names, np.moveaxis(values, -1, 0), strict=True))
        else:
            arrays[self._names[0]] = self._checked(values, len(box))
        if self._store:
            self._store.write(number, arrays)
        self._fill(number, arrays, bar)

    def _checked(self, values: NumberArray, dimensions: int) -> NumberArray:
        """Return values of a chunk; there must be as many for each point as in other chunks."""
        known = self.arrays.get(self._names[0])
        if known is not None:
            got, expected = (array.shape[dimensions:] for array in (values, known))
            if got != expected:
                rule = "a function that returns as many numbers for every cell"
                rows = f"rows of shape {got} after {expected}"
                raise ValueError(validation.message("reduce", rule, rows))
        return values

    def _fill(self, number: Shape, arrays: dict[str, NumberArray], bar: Any) -> None:
        box, whole = self._grid.box(number), self._grid.shape
        for name, values in arrays.items():
            if name not in self.arrays:
                self.arrays[name] = np.empty(whole + values.shape[len(whole) :], values.dtype)
            self.arrays[name][box] = values
        self._done += 1
        if bar is not None:
            bar.update(arrays["diverged_at"].size * self._task.steps)

    def _extend_rates(self, number: Shape, V: float) -> None:
        rates = self._rates_of(number)
        try:
            extended = rates.extend(V)
        except NotTabulable as error:
            raise RuntimeError(
                f"the sweep cannot continue where V goes to {V:.6g} mV: of "
                f"_UpdateGateTimeConstants it was found that {error}. Run such models one by one, "
                "with Simulation."
            ) from error
        if extended and self._store and rates.stored is not None:
            self._store.keep_table(rates.stored, self._values_of(number))

    def _raise_lost_worker(self, error: BaseException) -> NoReturn:
        advice = "With out=... what is done would be kept; call again with that and a new executor."
        if self._store:
            advice = "out has those; the same call with a new executor continues from there."
        raise RuntimeError(
            f"the executor gave up, as it does when a worker dies ({type(error).__name__}), with "
            f"{self._done} of {math.prod(self._grid.chunks)} chunks done. {advice}"
        ) from error


@rounds_to_nearest
def _rates(own: Rates, store: SweepStore | None, values: tuple[float, ...] = ()) -> Rates:
    """Return the rates for values of declared parameters, as they are in the store, if they are."""
    stored = None if store is None else store.table(values)
    rates = own.frozen(stored)
    if store is not None:
        known = stored is not None or store.is_of_built_in_rates
        if known and not own.agree_with(stored):
            store.refuse_rates()
        if stored is None and rates.stored is not None:
            store.keep_table(rates.stored, values)
    return rates


def _failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None

"""`sweep`: a model or a neuron at every point of a grid, in chunks that any executor computes."""

import contextlib
import math
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.engine.populations.run import NOT_SOLVED, thread_count, way_out
from pyhh_fast.engine.progress import bar_over
from pyhh_fast.equilibria.spike_threshold import threshold_for
from pyhh_fast.errors import warn_user
from pyhh_fast.methods import DEFAULT, warn_of_large_step
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.settings import RunSettings
from pyhh_fast.stimuli.of_parameters import fingerprint_of
from pyhh_fast.sweeps.grid import Grid
from pyhh_fast.system.background import main_thread_needed
from pyhh_fast.typing import Method

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import xarray

    from pyhh_fast.channels.neuron import Neuron
    from pyhh_fast.sweeps.swept import Swept
    from pyhh_fast.sweeps.tasks import Reduce, Task

WORK = 2**27
"""Steps times cells of a chunk: a quarter of a second or so, so that little is lost by a kill."""

LEAST_CELLS, MOST_CELLS = 64, 2**14
"""Cells of a chunk."""

MOST_BYTES = 2**26
"""Of the stimuli and traces of a chunk, where each cell has its own."""


def sweep(
    model: "HHModel | Neuron",
    grid: Mapping[str, npt.ArrayLike],
    stimulus: npt.ArrayLike,
    dt: float,
    *,
    product: bool = True,
    duration: float | None = None,
    reduce: "Reduce" = "spike_counts",
    executor: "Executor | None" = None,
    out: str | os.PathLike[str] | None = None,
    method: Method = DEFAULT,
    rtol: float = RunSettings.rtol,
    atol: float = RunSettings.atol,
    threshold: float | None = None,
    record: Iterable[str] = (),
    threads: int | None = None,
    progress: bool = False,
) -> "xarray.Dataset":
    """Run a model, or a neuron, at every point of a grid; return one value, or one row, of each.

    Each point is a cell. Those of a model, which is not changed, start in its state; those of a
    neuron at rest, each at that of its own numbers.

    Parameters
    ----------
    model : HHModel or Neuron
        A model may be of a subclass that overrides `_UpdateGateTimeConstants`.
    grid : mapping of str to array_like
        Values, 1-D, of any parameter of :class:`pyhh_fast.HHModel`, in the place of the model's,
        or that a subclass declares; of a neuron any of its `parameters`, by path, as ``"Na.g"``,
        ``"Na.shift"`` and ``"K.n.speed"``. Of either ``"current"``, µA/cm², which is added to the
        stimulus; and arguments of a function that makes the stimulus.
    stimulus : float, array_like of shape (steps,), Stimulus or function, µA/cm²
        Injected current: a constant, with `duration`, or one value a step; or as for
        :meth:`pyhh_fast.Simulation.run`, the same for all cells: its values, 8 bytes a step, are
        computed before. Where `grid` has names that the model does not have, it is a function of
        them, which is called once, with an array of the values at all points for each, and returns
        a stimulus with arrays as parameters, as ``lambda amplitude: stimuli.step(amplitude, 20,
        80)``. All points have the same noise.
    dt : float, ms
        Step size. Steps above 0.05 ms are inaccurate, and a warning says so.
    product : bool, default True
        Whether the arrays are crossed, each a dimension of the result in the order of `grid`, or,
        where False, zipped: all of one length, along the dimension `point`.
    duration : float, ms, optional
        Time to simulate, a whole number of steps; not with an array. By default that of a stimulus
        that ends.
    reduce : str, dict of str to Feature, or function, default "spike_counts"
        What to keep: ``"spike_counts"``; ``"final_Vm"``, or so for another variable that
        `final_state` of a :class:`pyhh_fast.PopulationRecording` has, as ``"final_K.n"`` of a
        neuron; features of :mod:`pyhh_fast.features` by name, each a variable of the result, with
        its unit; or a function that takes a PopulationRecording of some of the cells and returns an
        array of shape (cells,) or (cells, k), of which float64 is made. It must treat each cell by
        itself: which others are there is not said.
    executor : concurrent.futures.Executor, default this process
        Who computes the chunks: threads, processes, or a cluster, as with Dask's
        ``client.get_executor()``. It is left open.
    out : path, optional
        A directory for a Zarr store, which keeps every chunk that is done. The same call continues
        from there after a crash, a kill or Ctrl-C. ``xarray.open_zarr`` opens it at any time; what
        is not done is NaN, or -2 among whole numbers. One call at a time writes to it; a chunk
        that was damaged since is computed again. It is made absolute at once.
    method : {"euler", "exponential_euler", "rk4", "adaptive"}, default "euler"
    rtol, atol : float, default 1e-6
        As for :meth:`pyhh_fast.Population.run`.
    threshold : float, mV, optional
        Upward crossings of it are the spikes. By default what :meth:`pyhh_fast.Simulation.run`
        takes for `model`: one number for the whole grid.
    record : sequence of str, default none
        Names of the traces, all steps of them, that a function for `reduce` wants: as for
        :meth:`pyhh_fast.Population.run`.
    threads : int, default one for each CPU in this process, 1 in an executor's
        How many threads share the work on a chunk.
    progress : bool, default False
        Show a progress bar; needs tqdm.

    Returns
    -------
    xarray.Dataset
        With the grid as coordinates, and as variables what `reduce` names (for a function without
        a usable name ``value``; rows have the dimension `column`), and `diverged_at`: the step at
        which a cell stopped being finite, -1 for none. The attributes say what was run.

    Raises
    ------
    TypeError, ValueError
        If an argument, or a number of the model, cannot be used, or the model has a custom
        step, or rates that cannot be tabulated; nothing was run.
    ValueError
        If `out` is anything but new or a store of this sweep, as this sweep would write it; if
        what a function for `reduce` returns is not of the right shape; or if a neuron has no
        equilibrium at a point.
    OSError
        If `out` cannot be read or written, as where a disk is full, or was removed or replaced
        meanwhile. What is done is kept, and the same call continues from there.
    RuntimeError
        If another sweep, of this process or another, writes to `out`.
        If an executor's worker has died and the executor with it, as a pool of processes does; if
        a worker has another build of this package; or if custom rates turn out, during the
        sweep, to be what no table can hold. What is done is in `out`.
    ImportError
        If xarray is not installed, or `progress` is True and tqdm is not.

    Warns
    -----
    UserWarning
        If cells diverge. `diverged_at` says which and when; spikes count up to there.

    Notes
    -----
    The result does not depend, in any bit, on how the grid is cut, on who computed what, or on
    whether it was interrupted: custom rates are tabulated once, by the caller, and are sent with
    the chunks and kept in the store, in a grid with parameters that a subclass declares a table for
    each of their values; so are the tables of a neuron. The classes of the model, and functions of
    a neuron's gates, need not be known to workers, but a function for `reduce` must be: pickle
    finds it by its module and name, so with a ProcessPoolExecutor it cannot be a lambda. A store
    knows it by its name alone.

    Under strong currents V may keep swinging without crossing the threshold, and no spikes are
    counted, as from 89.9 µA/cm² on at the default parameters (90.6 by "euler" at 0.01 ms).
    :func:`pyhh_fast.fi_curve` notices.

    A chunk is some 0.3 s of work, or 1 s of a neuron, of at least 64 cells. Where a stimulus of one
    value a step meets ``"current"`` each cell has a stimulus of its own, and where traces are
    recorded its own traces; chunks are then smaller, to stay below 64 MB, and the stimuli take more
    time than the cells.

    Dask gives the chunk of a worker that died to another. It gives up, with its KilledWorker, where
    one chunk has cost four workers.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> grid = {"Cm": [0.5, 1.0, 2.0], "current": [0, 5, 10, 20]}
    >>> result = pyhh.sweep(pyhh.HHModel.at_rest(), grid, 0.0, 0.01, duration=100.0)
    >>> result.spike_counts.sel(Cm=1).values
    array([0, 1, 7, 9])

    When does each cell fire first?

    >>> import numpy as np
    >>> def first_spike(recording):
    ...     times = [recording.spike_times(cell) for cell in range(recording.size)]
    ...     return [t[0] if t.size else np.nan for t in times]
    >>> model = pyhh.HHModel.at_rest()
    >>> pyhh.sweep(model, grid, 0.0, 0.01, duration=100.0, reduce=first_spike).first_spike.dims
    ('Cm', 'current')

    Features of each cell:

    >>> from pyhh_fast import features
    >>> chosen = {"n": features.spike_count(0, 100), "mean": features.mean_voltage(50, 100)}
    >>> result = pyhh.sweep(model, grid, 0.0, 0.01, duration=100.0, reduce=chosen)
    >>> result["mean"].sel(Cm=1).values.round(1)
    array([ 0. ,  3.3,  7.7, 10.5])

    Amplitude and onset of a pulse of 2 ms:

    >>> from pyhh_fast import stimuli
    >>> def pulse(amplitude, onset):
    ...     return stimuli.step(amplitude, onset, onset + 2)
    >>> grid = {"Cm": [0.5, 1], "amplitude": [2, 4, 8], "onset": [5, 10]}
    >>> result = pyhh.sweep(model, grid, pulse, 0.01, duration=20)
    >>> result.spike_counts.sel(Cm=1, onset=5).values
    array([0, 1, 1])

    A neuron, by paths:

    >>> neuron = pyhh.neurons.wang_buzsaki()
    >>> grid = {"K.g": [6, 9, 12], "current": [0, 1, 2]}
    >>> result = pyhh.sweep(neuron, grid, 0.0, 0.01, duration=200.0, method="rk4")
    >>> result.spike_counts.sel({"K.g": 9}).values
    array([ 0, 12, 20])
    """
    from pyhh_fast.storage.directory import check_ending
    from pyhh_fast.sweeps import arguments

    arguments.check_installed(stores=out is not None)
    from pyhh_fast.sweeps.result_names import named
    from pyhh_fast.sweeps.run import SweepRun, executor_for
    from pyhh_fast.sweeps.store import DIVERGED, SweepStore
    from pyhh_fast.sweeps.tasks import Task, reductions

    swept = arguments.swept_of(model)
    units = reductions(swept.variables)
    reduce = arguments.reduce_of(reduce, units)
    settings = RunSettings.of(
        many_cells=True,
        dt=dt,
        method=method,
        rtol=rtol,
        atol=atol,
        record=record,
        features=reduce if isinstance(reduce, Mapping) else {},
        threshold=threshold_for(model, threshold),
        variables=swept.variables,
    )
    warn_of_large_step("dt", settings.dt, settings.method)
    product = validation.flag("product", product)
    points = arguments.grid_of(grid, product, stimulus, swept, units)
    values, steps = arguments.values_of(stimulus, points, duration, settings.dt)
    settings.check_windows(steps)
    progress = validation.flag("progress", progress)
    threads = thread_count(threads, default=None if executor is None else 1)
    executor = executor_for(executor, reduce)
    path = None if out is None else validation.local_path("out", out)
    if path is not None:
        check_ending("out", path)
    swept.check(points.of_model)
    described = swept.description(points.of_model)
    task = Task(swept.points(described), values, steps, settings, reduce, product, threads)
    points.cut(_cells(task, points))
    description = _description(task, points, described)
    attributes = named(reduce, points, units)
    with contextlib.ExitStack() as stack:
        store = None
        if path is not None:
            dtype = "int64" if reduce == "spike_counts" else "float64"
            rows = callable(reduce)
            store = SweepStore(path, description, points, dtype, rows, attributes, swept.tables)
            stack.enter_context(store)
            description = store.description
            task = task._replace(points=swept.points(description))
        run = SweepRun(task, points, swept, store, [*attributes])
        with bar_over(math.prod(points.shape) * steps, progress) as bar:
            run.run(executor, bar)
    _warn_of_divergence(run.arrays["diverged_at"], task, points, swept)
    dimensions = [*points.dimensions, "column"]
    attributes["diverged_at"] = DIVERGED
    variables = {
        key: (dimensions[: array.ndim], array, attributes[key]) for key, array in run.arrays.items()
    }
    with main_thread_needed("the result of a sweep"):
        import xarray

        return xarray.Dataset(variables, points.coordinates(), description)


def _cells(task: "Task", grid: Grid) -> int:
    """Return how many cells a chunk should have."""
    cells = LEAST_CELLS  # by the adaptive method, whose steps are unknown
    if task.settings.fixed_step:
        cells = min(max(WORK // max(task.steps, 1), LEAST_CELLS), MOST_CELLS)
    wave = isinstance(task.stimulus, np.ndarray) and task.stimulus.size > 1
    arrays = len(task.settings.record) + (wave and "current" in grid.axes)
    numbers, plan = arrays * task.steps, task.settings.plan()
    if plan is not None:
        numbers += 2 * (plan.compiled.numbers + plan.compiled.history)
    return max(1, min(cells, MOST_BYTES // max(8 * numbers, 1)))


def _description(task: "Task", grid: Grid, described: dict[str, Any]) -> dict[str, Any]:
    """Return what distinguishes this sweep from others, as the result's attributes.

    Parameters
    ----------
    described : dict
        What distinguishes the model, or the neuron.
    """
    import hashlib

    wave = task.stimulus
    reduce: Any = task.reduce
    if isinstance(reduce, Mapping):
        reduce = [f"{name}: {feature}" for name, feature in reduce.items()]
    elif not isinstance(reduce, str):
        name = getattr(reduce, "__qualname__", type(reduce).__qualname__)
        reduce = f"{getattr(reduce, '__module__', None)}.{name}"
    if not isinstance(wave, np.ndarray):
        stimulus: Any = fingerprint_of(wave)
    elif wave.size == 1:
        stimulus = float(wave[0])
    else:
        stimulus = f"sha256 {hashlib.sha256(wave.astype('<f8').tobytes()).hexdigest()}"
    s, tolerances = task.settings, {}
    if not s.fixed_step:
        tolerances = {"rtol": s.rtol, "atol": s.atol}
    return {
        "grid": [*grid.axes],
        "product": task.crossed,
        **described,
        "stimulus": stimulus,
        "dt": task.settings.dt,
        "steps": task.steps,
        "method": task.settings.method,
        **tolerances,
        "threshold": task.settings.threshold,
        "record": [*task.settings.record],
        "reduce": reduce,
        "build": task.build,
    }


def _warn_of_divergence(
    diverged_at: npt.NDArray[Any], task: "Task", grid: Grid, swept: "Swept"
) -> None:
    diverged = int(np.count_nonzero(diverged_at >= 0))
    if diverged:
        settings, advice = task.settings, NOT_SOLVED
        if settings.fixed_step:
            advice = way_out(swept.suiting_step(grid.of_model), settings.dt, settings.method)
        warn_user(
            f"{diverged} of {diverged_at.size} cells diverged; diverged_at says which and when. "
            f"{advice}"
        )

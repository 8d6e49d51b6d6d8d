"""Runs to a store: begun with one, resumed from one, and read from one as a recording.

Simulation.run(..., to=...), Simulation.resume and the command line use it.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyhh_fast import stimuli, validation
from pyhh_fast.engine.choose_stepper import savable_stepper
from pyhh_fast.engine.compiled_neuron import WEAKER
from pyhh_fast.engine.kernels import BUILD
from pyhh_fast.engine.read_ahead import ReadAhead
from pyhh_fast.engine.run_loop import Run, origin_of
from pyhh_fast.engine.sampling import features_of
from pyhh_fast.errors import SimulationError
from pyhh_fast.features.descriptions import description_of, progress_of, rebuilt
from pyhh_fast.recording import Origin, Recording, RunStimulus
from pyhh_fast.settings import RunSettings
from pyhh_fast.stimuli.functions import OtherFunction
from pyhh_fast.storage import saved, stored_stimulus
from pyhh_fast.storage.description import refusal
from pyhh_fast.storage.run_sink import StoreSink, variables_of
from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.storage.saved import Savable, Saved
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.storage.stored_traces import StoredTraces
from pyhh_fast.system.rounding import rounds_to_nearest


@rounds_to_nearest
def begin_run(
    subject: Any,
    settings: RunSettings,
    stimulus: RunStimulus,
    steps: int,
    to: str | os.PathLike[str],
) -> Run:
    """Return a run that will be written to a new store.

    Raise TypeError, ValueError, OSError or ImportError if `to` is no new path, or `subject`, a
    model or the state of a neuron, cannot be saved as numbers.
    """
    savable = saved.savable(subject, "Leave to out.")
    about = {
        "build": BUILD,
        "numpy": np.__version__,
        savable.key: savable.description(),
        "stimulus": stored_stimulus.description_of(stimulus),
        **_attributes(settings),
        "steps": steps,
    }
    store = RunStore.create(to, about, variables_of(settings))
    return _ready(savable, settings, stimulus, store, about)


@rounds_to_nearest
def resume_run(
    path: str | os.PathLike[str], given: Any, stimulus: Any, duration: Any
) -> tuple[Any, Run]:
    """Return the model, or the state of the neuron, and the rest of the run that a store holds.

    Raise TypeError, ValueError, OSError, RuntimeError or ImportError as
    :meth:`pyhh_fast.Simulation.resume`.
    """
    store = RunStore.open(path)
    try:
        about = dict(store.attributes)
        done, state = about.pop("done", None), about.pop("state", None)
        found = about.pop("found", None)
        if about.get("build") != BUILD:
            raise ValueError(_of_another_build(path, about.get("build")))
        with _refusing(path):
            there = saved.read(about, _table_of(store))
            settings = _settings_of(about, done, state, there)
            progress_of(found, settings.plan())
            kept_stimulus = stored_stimulus.rebuilt(about["stimulus"])
        if duration is not None:
            about["steps"] = _extended(duration, settings.dt, done)
        wave = stored_stimulus.same_stimulus(
            kept_stimulus, stimulus, settings.dt, about["steps"], state
        )
        savable = there.restored(given)
        with _refusing(path):
            _must_have_all(store, settings)
            _cut(store, settings, state)
            if not isinstance(wave, np.ndarray | stimuli.constant):
                wave.reader(settings.dt, state["stimulus"])
        return savable.subject, _ready(savable, settings, wave, store, about, state)
    except BaseException:
        store.close()
        raise


def repeated_error(recording: Recording, error: SimulationError) -> SimulationError:
    """Return the error for a run that had diverged before it was resumed, or was stuck."""
    method = recording.method
    ways = "method='adaptive' or a smaller dt"
    if method == "adaptive":
        ways = "another stimulus or larger tolerances"
    if WEAKER in str(error):
        ways = "a weaker stimulus, or other parameters"
    return SimulationError(
        f"the run had failed at step {error.step} (t = {error.time:g} ms), at V = {error.V:.6g} mV,"
        f" before it was resumed, and fails there again: its method, {method!r}, and its dt, "
        f"{recording.dt:g} ms, stay as they are. Run it again into another store, with {ways}.",
        step=error.step,
        time=error.time,
        V=error.V,
    )


def open_recording(path: str | os.PathLike[str], identity: str | None = None) -> Recording:
    """Return the recording that a store holds, to read; another may write to it meanwhile.

    Where the store does not hold the array or function of the stimulus, it is not known.

    Raise TypeError, ValueError, OSError or ImportError if no store is there, or a damaged one.
    """
    store = RunStore.read(path, identity)
    about = dict(store.attributes)
    done, state = about.pop("done", None), about.pop("state", None)
    found = about.pop("found", None)
    with _refusing(path):
        settings = _settings_of(about, done, state, saved.read(about, _table_of(store)))
        plan = settings.plan()
        progress = progress_of(found, plan)
        kept = stored_stimulus.rebuilt(about["stimulus"])
        _must_have_all(store, settings)
        rows, windows = settings.rows(done), settings.windows(done)
        for variable in variables_of(settings).values():
            if variable.dimension in ("time", "current_time"):
                _must_have(store, variable.dimension, rows, rows)
        if settings.envelope:
            _must_have(store, "envelope_time", done // settings.envelope, windows)
    stimulus = None if isinstance(kept, stored_stimulus.NeedsArray) else kept
    source, spikes = StoredTraces(store.path, store.identity), store.values("spike_time")
    values = features_of(plan, progress, spikes, done)
    return Recording(settings, stimulus, done, spikes, source, "it was read from a store", values)


def _must_have_all(store: RunStore, settings: RunSettings) -> None:
    written = variables_of(settings).keys()
    if store.names != written:
        there, expected = (", ".join(sorted(names)) for names in (store.names, written))
        raise ValueError(f"arrays {there} instead of {expected}")


def _must_have(store: RunStore, dimension: str, least: int, most: int) -> None:
    if not least <= store.length(dimension) <= most:
        raise ValueError(f"{store.length(dimension)} rows along {dimension}")


def _ready(
    savable: Savable,
    settings: RunSettings,
    stimulus: RunStimulus,
    store: RunStore,
    about: dict[str, Any],
    state: dict[str, Any] | None = None,
) -> Run:
    """Return the run, with the store open and at its first commit."""
    where = {} if state is None else {"step": state["step"], "state": state["stimulus"]}
    read_ahead = ReadAhead(stimulus, about["steps"], settings.dt, **where)
    sink = StoreSink(settings, store, about, read_ahead, state)
    try:
        compiled = savable.compiled(settings, sink.keep_table, state)
        stepper = savable_stepper(compiled, settings, read_ahead, sink, state)
        sink.begin(stepper)
    except BaseException:
        sink.close()
        raise
    origin: Origin = "it was resumed, and begun with another model"
    return Run(read_ahead, stepper, sink, origin_of(savable.subject) if state is None else origin)


def _attributes(settings: RunSettings) -> dict[str, Any]:
    """Return the settings as a store has them."""
    names = [field.name for field in dataclasses.fields(settings) if field.compare]
    about = {name: getattr(settings, name) for name in names}
    about["features"] = description_of(settings.features)
    return {"recorded": list(about.pop("record"))} | about


@contextlib.contextmanager
def _refusing(path: Any) -> Iterator[None]:
    """Turn errors into that of a store which is not as it was written."""
    try:
        yield
    except OtherFunction:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        got = f"one whose attributes are not what was written ({error})"
        raise refusal(os.fspath(path), got, damaged=True) from error


def _of_another_build(path: Any, theirs: Any) -> str:
    return (
        f"{os.fspath(path)!r} must be a store of this build of pyhh_fast, {BUILD}; got one of "
        f"{theirs}, whose last bits may be others. Continue it with that build, or repeat the run."
    )


def _settings_of(about: dict[str, Any], done: Any, state: Any, there: Saved) -> RunSettings:
    """Return the settings in a store, having checked all numbers that the time loops trust."""
    given = {name: about[name] for name in _attributes(RunSettings(dt=1.0))}
    recorded, features = given.pop("recorded"), rebuilt(given.pop("features"))
    settings = RunSettings.of(
        record=recorded, variables=there.variables, features=features, **given
    )
    if set(state) != {"step", "spikes", "cell", "window", "features", "stimulus"}:
        raise ValueError("no state of a run")
    if not (
        0 <= validation.count("step", state["step"]) <= validation.count("done", done)
        and done <= validation.count("steps", about["steps"])
    ):
        raise ValueError("more steps than there are")
    validation.count("spikes", state["spikes"])
    if set(state["cell"]) != set(there.fields.names):
        raise ValueError("no state of a cell")
    for name, value in state["cell"].items():
        validation.real_number(name, value)
    within = settings.envelope is not None and state["step"] % settings.envelope
    if bool(within) != (state["window"] is not None):
        raise ValueError("no window, or one too many")
    if within:
        lowest, highest = state["window"]
        validation.real_number("lowest", lowest)
        validation.real_number("highest", highest)
    settings.check_windows(about["steps"])
    progress_of(state["features"], settings.plan())
    return settings


def _table_of(store: RunStore) -> Table | None:
    """Return the widest of the tables of rates; each has the rows of those before it."""
    return max(store.tables(), key=lambda table: len(table.rows), default=None)


def _extended(duration: Any, dt: float, done: int) -> int:
    steps = validation.steps_in(duration, dt)
    if steps < done:
        raise ValueError(
            f"duration must be that of the whole run, {done * dt:.12g} ms or more, which are done; "
            f"got {duration}."
        )
    return steps


def _cut(store: RunStore, settings: RunSettings, state: dict[str, Any]) -> None:
    """Remove the rows after the state from which the run continues."""
    rows = settings.rows(state["step"])
    lengths = {"time": rows, "current_time": rows, "spike": state["spikes"]}
    if settings.envelope:
        lengths["envelope_time"] = state["step"] // settings.envelope
    for dimension in {variable.dimension for variable in variables_of(settings).values()}:
        store.cut(dimension, lengths[dimension])

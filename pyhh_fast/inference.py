"""`simulator`: a neuron as a function from parameters to what is observed of it, for inference."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared
from pyhh_fast.engine.populations.run import make_run, thread_count
from pyhh_fast.engine.stimulus_arguments import stimulus_of_cells
from pyhh_fast.equilibria.spike_threshold import threshold_for
from pyhh_fast.features import Feature
from pyhh_fast.features.compute import by_name
from pyhh_fast.features.plan import Plan
from pyhh_fast.methods import DEFAULT
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.populations import Population
from pyhh_fast.settings import RunSettings
from pyhh_fast.stimuli.functions import as_stimulus
from pyhh_fast.stimuli.of_cells import MOST_CELLS
from pyhh_fast.stimuli.of_parameters import arguments_of, made_by
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, Method
from pyhh_fast.variables import PARAMETERS

if TYPE_CHECKING:
    from pyhh_fast.channels.neuron import Neuron
    from pyhh_fast.models.hh_model import HHModel

MOST_BYTES = 2**28
"""Of the rows that are run together."""

BYTES_A_ROW = 1_000
"""What a row takes apart from its traces and from what its features need."""

STREAMS = 2**32
"""Streams of noise from one call to the next: more than a call has rows."""

MOST_SEEDS = 2**64
"""What a seed is below; one of a row is the number of a stream, and below MOST_CELLS."""

Streams = range | list[int]
"""Numbers of streams of noise."""

Features = Callable[[PopulationRecording], npt.ArrayLike]
"""Takes the recording of some rows, and returns a number, or a row of numbers, for each."""


def features_of_runs(recording: PopulationRecording) -> FloatArray:
    """Return the features that a run has computed, a column for each."""
    return np.column_stack(list(recording.features.values()))


class Simulator:
    """A function from parameters to features; :func:`pyhh_fast.simulator` makes and explains it."""

    def __init__(
        self,
        model: Any,
        parameters: tuple[str, ...],
        stimulus: Any,
        arguments: tuple[str, ...],
        duration: float | None,
        features: Features,
        options: dict[str, Any],
        seed: int | None,
    ) -> None:
        self.parameters = parameters
        self._model, self._stimulus, self._arguments = model, stimulus, arguments
        self._duration = duration
        self._features, self._options, self._seed = features, options, seed
        self._calls = itertools.count()

    def __repr__(self) -> str:
        return f"<simulator of {', '.join(self.parameters)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self._model, self.parameters, self._stimulus, self._arguments, self._duration)
        return Simulator, (*arguments, self._features, self._options, self._seed)

    @rounds_to_nearest
    def __call__(self, theta: npt.ArrayLike, *, seed: npt.ArrayLike | None = None) -> FloatArray:
        """Return the features of a simulation with each row of parameters.

        Parameters
        ----------
        theta : array_like, shape (n, d)
        seed : int, or array_like of int of shape (n,), optional
            Which noise the rows have, by the seed of the simulator and this one: an int is in the
            place of the call's number, which is the default; of one for each row, row i has that of
            ``seed[i]``, wherever it is in `theta`. A call with a seed does not count.

        Returns
        -------
        ndarray of float64, shape (n, k)
            NaN in the rows of simulations that diverged.

        Raises
        ------
        TypeError, ValueError
            If `theta` is no such array, a number in it cannot be what the parameter says, or a seed
            is not a whole number from 0 to 2⁶⁴ - 1, or, of a row, 2⁶² - 1.
        """
        rule = f"an array of finite numbers with a column for each of {', '.join(self.parameters)}"
        advice = "Put a single row into brackets: [[...]]."
        rows = validation.array_of_numbers("theta", theta, rule, dimensions=(2,), advice=advice)
        _check_columns(getattr(theta, "columns", ()), self.parameters)
        if rows.shape[1] != len(self.parameters):
            got = f"one of shape {rows.shape}"
            raise ValueError(validation.message("theta", rule, got))
        streams = self._streams(seed, len(rows))
        together = max(MOST_BYTES // self._bytes_a_row(), 1)
        parts = [slice(i, i + together) for i in range(0, max(len(rows), 1), together)]
        return np.concatenate([self._features_of(rows[part], streams[part]) for part in parts])

    def _streams(self, seed: Any, rows: int) -> Streams:
        """Return the numbers of the streams of noise that the rows of a call have."""
        if seed is None:
            call = next(self._calls)
            first = call * STREAMS if self._seed is None else _first_stream(self._seed, call)
        elif validation.is_scalar(seed):
            number = validation.index("seed", seed, MOST_SEEDS)
            own = (number, 0) if self._seed is None else (self._seed, number)
            first = _first_stream(*own)
        else:
            first = 0 if self._seed is None else _first_stream(self._seed, 0)
            return [(first + stream) % MOST_CELLS for stream in _streams_given(seed, rows)]
        return range(first, first + rows)

    def _bytes_a_row(self) -> int:
        record, every = self._options["record"], self._options["every"]
        steps = np.shape(self._stimulus)[-1] if self._duration is None else 0
        if self._duration is not None:
            steps = round(self._duration / self._options["dt"])
        plan = Plan(self._options["features"], self._options["dt"], self._options["threshold"])
        kept = 2 * (plan.compiled.numbers + plan.compiled.history)
        return int(BYTES_A_ROW + 8 * (len(record) * -(-steps // every) + kept))

    def _features_of(self, rows: FloatArray, streams: Streams) -> FloatArray:
        recording = self._run(rows, streams)
        rule = f"a function that returns a number, or a row of them, for each of {len(rows)} cells"
        found = np.asarray(self._features(recording))
        if found.dtype.kind not in "biuf" or found.shape[:1] != (len(rows),) or found.ndim > 2:
            got = f"{validation.shown(found)} from it"
            raise ValueError(validation.message("features", rule, got))
        table: FloatArray = found.astype(np.float64)
        table = table[:, np.newaxis] if table.ndim == 1 else table
        table[recording.diverged_at >= 0] = np.nan
        return table

    def _settings(self, cells: Any) -> RunSettings:
        others = ("start", "Vm", "threads")
        given = {name: value for name, value in self._options.items() if name not in others}
        return RunSettings.of(many_cells=True, variables=cells._variables, **given)

    def _run(self, rows: FloatArray, streams: Streams) -> PopulationRecording:
        start = {name: self._options[name] for name in ("start", "Vm")}
        threads = thread_count(self._options["threads"])
        values = {name: rows[:, i] for i, name in enumerate(self.parameters)}
        own = {name: values.pop(name) for name in self._arguments}
        stimulus = made_by(self._stimulus, own, len(rows)) if own else self._stimulus
        cells = Population.from_model(self._model, len(rows), values, **start)
        settings = self._settings(cells)
        wave = stimulus_of_cells(stimulus, len(rows), self._duration, settings.dt, streams)
        return make_run(cells, wave, settings, cells._kinetics(), threads)


def _check_columns(columns: Iterable[Any], parameters: tuple[str, ...]) -> None:
    """Raise ValueError where columns have names, which are others than the parameters."""
    names = tuple(columns)
    if names != parameters and any(isinstance(name, str) for name in names):
        rule, got = f"a table with the columns {', '.join(parameters)}", ", ".join(map(str, names))
        advice = "Pass theta[list(simulate.parameters)]."
        raise ValueError(validation.message("theta", rule, got, advice))


def _first_stream(seed: int, call: int) -> int:
    """Return from which number on the streams of a call are, so far apart that none meet.

    Any do with a probability below n c² / 2⁶¹, for c calls of n rows, of one seed or several.
    """
    words = np.random.SeedSequence(seed, spawn_key=(call,)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(3))


def _streams_given(seed: Any, rows: int) -> list[int]:
    """Return the seeds of rows, which are the numbers of their streams."""
    rule = f"a whole number, or one for each of {rows} rows"
    try:
        given = np.asarray(seed)
    except ValueError:  # rows of several lengths
        raise ValueError(validation.message("seed", rule, validation.shown(seed))) from None
    if given.dtype.kind not in "iu":
        raise TypeError(validation.message("seed", rule, validation.shown(seed)))
    if given.shape != (rows,):
        raise ValueError(validation.message("seed", rule, f"one of shape {given.shape}"))
    for i in np.flatnonzero((given < 0) | (given >= MOST_CELLS))[:1]:
        validation.index("seed", given[i], MOST_CELLS, f" at index {i}")
    streams: list[int] = given.tolist()
    return streams


def simulator(
    neuron: "Neuron | HHModel",
    parameters: Sequence[str],
    stimulus: Any,
    dt: float,
    duration: float | None = None,
    *,
    features: Mapping[str, Feature] | Sequence[Feature] | Features,
    method: Method = DEFAULT,
    rtol: float = RunSettings.rtol,
    atol: float = RunSettings.atol,
    record: Sequence[str] = (),
    every: int = RunSettings.every,
    threshold: float | None = None,
    start: str | None = None,
    Vm: float | None = None,
    seed: int | None = None,
    threads: int | None = None,
) -> Simulator:
    """Return a function from parameters of a neuron to features, as methods of inference take it.

    All rows of its argument are run at once, as cells of a :class:`pyhh_fast.Population`, in
    batches where they would take more than 256 MB. Features by name are computed while it runs, and
    no trace is kept. It can be pickled if `features` can, and so be sent to other processes.

    Parameters
    ----------
    neuron : Neuron or HHModel
    parameters : sequence of str
        What the columns of the argument are: paths of a neuron, as "Na.g" or "K.n.speed"; names of
        a model, as "gNa"; arguments of a function that makes the stimulus.
    stimulus, dt, duration, method, rtol, atol, record, every, threshold, threads
        As for :meth:`pyhh_fast.Population.run`; `dt` in ms, one stimulus for all rows. Or, where
        `parameters` has names that the model does not have, a function of them: it is called with
        an array for each, of shape (rows,), and returns a stimulus with arrays as parameters, as
        ``lambda amplitude: stimuli.step(amplitude, 20, 80)``; then with `duration`. Noise is
        another in each row and each call.
    features : dict of str to Feature, sequence of Feature, or callable
        What is observed, a column for each: features of :mod:`pyhh_fast.features`; or a
        function that takes the :class:`pyhh_fast.PopulationRecording` of some rows, with what
        `record` names, and returns a number for each, or an array of shape (rows, k).
    start, Vm
        As for :meth:`pyhh_fast.Population.from_model`.
    seed : int, optional
        Which streams of its noise the stimulus has, 0 to 2⁶⁴ - 1: row i of a call has
        ``stimulus.of_cell(number + i)``, where `number` is drawn from `seed` and the number of the
        call. Without it row i of call c, from 0, has ``stimulus.of_cell(c * 2**32 + i)``. The
        stimulus keeps its own seed, too: with another, all noise is another.

    Returns
    -------
    callable
        ``simulate(theta, *, seed=None)`` takes an array of shape (n, d), a row for each simulation,
        and returns one of float64 of shape (n, k), NaN in the rows of simulations that diverged.
        Its `seed` is in the place of the call's number: an int, or, whatever the other rows are,
        one for each row. Without a seed of the simulator that is ``stimulus.of_cell(seed[i])``.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used; when the function is called, if its argument is no such
        array, a number in it cannot be what the parameter says, or a seed cannot be used.

    Notes
    -----
    A copy counts its calls itself, from 0 where it was pickled: in processes that each got a copy,
    or were forked, call c has the same noise in all of them. Pass each process, or each call,
    another `seed`.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast import features
    >>> chosen = {"n": features.spike_count(0, 200), "lowest": features.minimum_voltage(0, 200)}
    >>> simulate = pyhh.simulator(
    ...     pyhh.neurons.wang_buzsaki(), ["K.g", "Na.shift"], 2.0, 0.01, 200, features=chosen
    ... )
    >>> simulate([[9, 0], [12, 0], [12, 3]]).round(3)
    array([[ 20.   , -67.233],
           [ 18.   , -70.112],
           [ 14.   , -69.557]])
    """
    known: Any = neuron
    known = known.parameters if isinstance(neuron, Declared) else PARAMETERS
    names = parameters if isinstance(parameters, Iterable) else ()
    arguments = arguments_of(stimulus, names, known)
    each = validation.names("parameters", parameters, (*known, *arguments))
    if not each or len(each) < len(tuple(parameters)):
        rule, got = "one name or more, each once", f"{list(parameters)}"
        raise ValueError(validation.message("parameters", rule, got))
    chosen: dict[str, Feature] = {}
    if not callable(features) or isinstance(features, type):
        chosen = by_name(features)
        if not chosen:
            raise ValueError("features must have one feature or more; got none.")
        if tuple(record) or every != 1:
            raise TypeError(
                "record and every must be left out where features is no function; got record="
                f"{record!r:.60} and every={every}. V of each step is used."
            )
    if seed is not None:
        seed = validation.index("seed", seed, MOST_SEEDS)
    options = {
        "dt": validation.step_size("dt", dt),
        "method": method,
        "rtol": rtol,
        "atol": atol,
        "record": tuple(record),
        "every": every,
        "features": chosen,
        "threshold": threshold_for(neuron, threshold),
        "start": start,
        "Vm": Vm,
        "threads": threads,
    }
    made = None if arguments else as_stimulus(stimulus)
    if made is not None:
        made._check_of_one_cell()
        duration = made.duration if duration is None else duration
    if arguments and duration is None:
        rule, advice = "given where stimulus is a function of parameters", "Pass duration=..."
        raise ValueError(validation.message("duration", rule, "None", advice, unit="ms"))
    # Of a function of parameters only the number of steps is known.
    wave = stimulus_of_cells(0.0 if arguments else stimulus, 1, duration, dt)
    wave.close()
    observe: Any = features_of_runs if chosen else features
    simulate = Simulator(
        neuron, tuple(parameters), stimulus, arguments, duration, observe, options, seed
    )
    simulate._settings(Population.from_model(neuron, 1, start=start, Vm=Vm)).check_windows(
        wave.shape[1]
    )
    return simulate

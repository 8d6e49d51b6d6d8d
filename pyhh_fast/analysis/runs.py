"""What analyses need of runs of copies of a model under constant currents.

`population_runs` makes all of them at once, `single_runs` one by one. States and spikes between
steps are those of cubic polynomials through four samples.
"""

from typing import NamedTuple, Protocol

import numpy as np

from pyhh_fast.analysis.roots import roots
from pyhh_fast.typing import BoolArray, FloatArray, IntArray, StructArray


class Outcome(NamedTuple):
    """What runs have left.

    Parameters
    ----------
    traces : dict of ndarray, each of shape (cells, samples)
        Those recorded, by name; NaN from where a cell diverged.
    counts : ndarray of int, shape (cells,)
        How many spikes each cell has.
    times : ndarray, shape (spikes,), ms
        Of all spikes, by cell and then by time.
    diverged : ndarray of bool, shape (cells,)
    state : structured array, shape (cells,)
        V (mV) and gates at the end.
    """

    traces: dict[str, FloatArray]
    counts: IntArray
    times: FloatArray
    diverged: BoolArray
    state: StructArray


class Runs(Protocol):
    """Makes runs of a model, each from a state and under a current of its own.

    Attributes
    ----------
    start : structured array, shape (1,)
        The state of the model.
    parts : int
        Into how many parts one call of `responses` should divide an interval of currents, in a
        search for a threshold: many where runs are made at once.
    """

    start: StructArray
    parts: int

    def run(
        self,
        state: StructArray,
        currents: FloatArray,
        steps: int,
        *,
        record: tuple[str, ...] = (),
        every: int = 1,
        progress: bool = False,
    ) -> Outcome:
        """Make runs from these states, under one current (µA/cm²) each."""

    def responses(
        self, currents: FloatArray, durations: FloatArray, waits: FloatArray
    ) -> tuple[BoolArray, BoolArray]:
        """Return under which currents a pulse makes the model fire, and under which it diverges.

        A pulse is the current from the start on; a spike counts until the time of `waits` after it.
        Of the currents of a duration those behind the first that makes it fire, or diverge, may be
        left out.

        Parameters
        ----------
        currents : ndarray, shape (durations, currents), µA/cm²
        durations, waits : ndarray, shape (durations,), ms

        Returns
        -------
        tuple of two ndarrays of bool, shape (durations, currents)
        """


def states_at(times: FloatArray, states: StructArray, dt: float) -> StructArray:
    """Return the states at times (ms) of a run.

    Parameters
    ----------
    states : structured array, shape (steps + 1,)
        Four or more, at 0, dt, 2 dt ...
    """
    position = times / dt
    first = np.clip(position.astype(np.int64) - 1, 0, states.size - 4)
    weights = _weights(position - first)
    found = np.empty(times.shape, states.dtype)
    for field in states.dtype.names or ():
        found[field] = sum(w * states[field][first + k] for k, w in enumerate(weights))
    return found


def rises(V: FloatArray, threshold: float, dt: float, count: int) -> FloatArray:
    """Return when V first rises through a threshold, in ms from the first sample on.

    Parameters
    ----------
    V : ndarray, shape (cells, samples), mV
        Four or more samples, dt apart.
    count : int
        How many times to return.

    Returns
    -------
    ndarray, shape (cells, count)
        NaN from where there are no more.
    """
    times = np.full((V.shape[0], count), np.nan)
    for cell, trace in enumerate(V):
        before = np.flatnonzero((trace[:-1] < threshold) & (trace[1:] >= threshold))[:count]
        first = np.clip(before - 1, 0, trace.size - 4)
        samples = [trace[first + k] - threshold for k in range(4)]

        def above(position: FloatArray, samples: list[FloatArray] = samples) -> FloatArray:
            terms = [w * x for w, x in zip(_weights(position), samples, strict=True)]
            total: FloatArray = np.sum(terms, axis=0)
            return total

        low = (before - first).astype(np.float64)
        times[cell, : before.size] = (first + roots(above, low, low + 1)) * dt
    return times


def _weights(position: FloatArray) -> list[FloatArray]:
    """Return the weights of samples at 0, 1, 2, 3 in the cubic polynomial through them."""
    a, b, c, d = (position - k for k in range(4))
    return [-b * c * d / 6, a * c * d / 2, -a * b * d / 2, a * b * c / 6]

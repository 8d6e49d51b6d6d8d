"""What analyses need of runs of copies of a model under constant currents.

`population_runs` makes all of them at once, `single_runs` one by one.
"""

from typing import NamedTuple, Protocol

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
        self, currents: FloatArray, durations: FloatArray, wait: float
    ) -> tuple[BoolArray, BoolArray]:
        """Return under which currents a pulse makes the model fire, and under which it diverges.

        A pulse is the current from the start on; a spike counts until the time `wait` after it.
        Of the currents of a duration those behind the first that makes it fire, or diverge, may be
        left out.

        Parameters
        ----------
        currents : ndarray, shape (durations, currents), µA/cm²
        durations : ndarray, shape (durations,), ms
        wait : float, ms

        Returns
        -------
        tuple of two ndarrays of bool, shape (durations, currents)
        """

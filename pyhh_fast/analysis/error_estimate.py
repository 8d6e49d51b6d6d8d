"""How far to trust a run: the same again, with half the step."""

import dataclasses
from typing import NamedTuple

import numpy as np

from pyhh_fast.channels.state import NeuronState
from pyhh_fast.models.copies import snapshot
from pyhh_fast.recording import Recording
from pyhh_fast.simulations import Simulation
from pyhh_fast.stimuli.waveforms import constant
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray


class ErrorEstimate(NamedTuple):
    """How much a run changes when it is made with half the step.

    Where the step is small enough for its method, that is most of the run's error: half of it for
    "euler", 3/4 for "exponential_euler" from steady gates, 15/16 for "rk4".

    Attributes
    ----------
    Vm : float, mV
        Largest change of the membrane potential at one time; NaN where it was not recorded. Where
        spikes shift it is as large as a spike is steep.
    spike_times : float, ms
        Largest change of a spike time; NaN where there are none. Where their number changes each
        of the fewer is compared with the nearest of the others.
    spikes : int
        By how many the spikes become more. Where it is not 0 the step is too large for this
        stimulus, unless one falls on the end of the run.
    """

    Vm: float
    spike_times: float
    spikes: int


@rounds_to_nearest
def estimate_error(recording: Recording) -> ErrorEstimate:
    """Do as :meth:`pyhh_fast.Recording.estimate_error`."""
    again = _again_finer(recording)
    Vm = np.nan
    if "Vm" in recording.recorded and len(recording):
        for_one = again.steps // recording.steps
        at_rows = slice(for_one - 1, None, for_one * recording.every)
        Vm = float(np.abs(again.Vm[at_rows] - recording.Vm).max())
    times, finer = recording.spike_times, again.spike_times
    return ErrorEstimate(Vm, _largest_shift(times, finer), finer.size - times.size)


def _largest_shift(times: FloatArray, others: FloatArray) -> float:
    if times.size > others.size:
        times, others = others, times
    if times.size == 0:
        return np.nan
    if times.size < others.size:
        after = np.searchsorted(others, times).clip(1, others.size - 1)
        before = after - 1
        nearer = times - others[before] < others[after] - times
        others = others[np.where(nearer, before, after)]
    return float(np.abs(times - others).max())


def _again_finer(r: Recording) -> Recording:
    """Return the run of a recording, repeated with half the step, or a tenth of the tolerance.

    The stimulus is sampled at half the step, but arrays and noise hold each value for both
    halves.
    """
    if isinstance(r._origin, str):
        raise RuntimeError(f"The error cannot be estimated: {r._origin}.")
    stimulus, steps, dt = r._stimulus, r.steps, r.dt
    fixed = r.settings.fixed_step
    assert stimulus is not None
    # The adaptive method takes arrays and constants as they are at any dt.
    if fixed or not isinstance(stimulus, np.ndarray | constant):
        steps, dt = 2 * steps, 0.5 * dt
        if isinstance(stimulus, np.ndarray):
            stimulus = np.repeat(stimulus, 2)
        else:
            stimulus = stimulus._refined()
    finer = 1.0 if fixed else 0.1
    settings = dataclasses.replace(
        r.settings,
        dt=dt,
        rtol=finer * r.rtol,
        atol=finer * r.atol,
        record=tuple(name for name in ("Vm",) if name in r.recorded),
        every=1,
        envelope=None,
    )
    is_neuron = isinstance(r._origin, NeuronState)
    origin = r._origin.copy() if is_neuron else snapshot(r._origin)
    return Simulation._of(origin)._run(settings, stimulus, steps)

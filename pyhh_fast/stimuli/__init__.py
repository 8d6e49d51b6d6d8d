"""Stimuli that need no array, for runs of any length.

Currents are in µA/cm², times in ms, frequencies and rates in Hz. A stimulus is constant from i dt
to (i + 1) dt. Of sines and functions value i is the current in the middle of the step; of steps,
pulses, ramps and synaptic currents the mean over it, so that edges between samples count with the
part of the step that they cover; an array and noise hold theirs. Sampling is of second order in dt.

Stimuli are added, subtracted, scaled and shifted in time:
``2 * step(50, 70, 130) + ornstein_uhlenbeck(0, 2, 5, seed=1) - sine(3, 10).shifted(20)``. Numbers
and functions of time may be added, too. So may conductances, which are in mS/cm², with reversal
potentials in mV: ``conductance(poisson_epsc(1_000, 0.02, 5, seed=2), reversal=0)``.

Parameters, factors and shifts may be arrays with one number for each cell of a population:
``step([5, 10, 20], 50, 100)`` is the stimulus of three cells.
"""

from pyhh_fast.stimuli import algebra
from pyhh_fast.stimuli.arrays import from_array
from pyhh_fast.stimuli.base import SourceNeeded, Stimulus
from pyhh_fast.stimuli.conductances import conductance
from pyhh_fast.stimuli.descriptions import from_description
from pyhh_fast.stimuli.functions import from_function
from pyhh_fast.stimuli.neuroml import from_neuroml
from pyhh_fast.stimuli.noise import ornstein_uhlenbeck, poisson_epsc, white_noise
from pyhh_fast.stimuli.reader import Reader
from pyhh_fast.stimuli.waveforms import chirp, constant, pulses, ramp, sine, step

__all__ = [
    "Reader",
    "SourceNeeded",
    "Stimulus",
    "chirp",
    "conductance",
    "constant",
    "from_array",
    "from_description",
    "from_function",
    "from_neuroml",
    "ornstein_uhlenbeck",
    "poisson_epsc",
    "pulses",
    "ramp",
    "sine",
    "step",
    "white_noise",
]

Stimulus._algebra = algebra

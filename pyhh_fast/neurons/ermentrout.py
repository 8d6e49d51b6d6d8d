"""The adapting cortical neuron of Ermentrout."""

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Pool
from pyhh_fast.neurons.traub_miles import traub_potassium, traub_sodium
from pyhh_fast.rate_forms import sigmoid
from pyhh_fast.typing import FloatArray

_V_T = -67.0
"""The resting potential that Traub's rates are relative to, mV."""


def ermentrout() -> Neuron:
    """Return the neuron of Ermentrout, whose firing calcium slows.

    Each spike lets calcium in through a current of high threshold; what has gathered opens the
    potassium channels of the AHP current, and more slowly leaves. Its steady rate rises almost
    linearly with the current.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium, calcium and AHP current, and the pool ``Ca``.
        Its threshold is 0 mV; it has no area, currents are in µA/cm².

    Notes
    -----
    The paper adds an AHP current or an M current to the same cell; this is the first. It has
    calcium in µM, Ca' = -0.002 I_Ca - Ca / 80, and no calcium at rest; here `Ca.rest` is the least
    that a pool can have, 1e-8 mM, and spikes are later by one part in 10⁵. With an `AHP.g` of 0 it
    fires steadily. No published spike times are known; those of the example were computed from the
    equations with SciPy.

    References
    ----------
    B. Ermentrout, "Linearization of f-I curves by adaptation", Neural Comput. 10, 1721-1729 (1998);
    currents of calcium and AHP after X.-J. Wang, "Calcium coding and adaptive temporal computation
    in cortical pyramidal neurons", J. Neurophysiol. 79, 1549-1566 (1998).

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> simulation = pyhh.Simulation(pyhh.neurons.ermentrout())
    >>> recording = simulation.run(5.0, 0.05, duration=500, method="adaptive")
    >>> np.diff(recording.spike_times)[[0, 1, -1]].round(1)
    array([ 8.7,  9.2, 13.8])
    """
    return Neuron(
        threshold=0,
        Ca=Pool(1e-8, 80, gain=2e-6),
        leak=Channel(0.1, E=-67),
        Na=traub_sodium(100, E=50, V_T=_V_T),
        K=traub_potassium(80, E=-100, V_T=_V_T),
        CaL=Channel(1, E=120, feeds="Ca", s=Gate(inf=sigmoid(1, -25, 5), instantaneous=True)),
        AHP=Channel(5, E=-100, q=Gate(inf=_q_inf, of="Ca", instantaneous=True)),
    )


def _q_inf(Ca: FloatArray) -> FloatArray:
    """Return which part of the AHP channels so much calcium (mM) opens: half of them 30 µM."""
    inf: FloatArray = Ca / (Ca + 0.03)
    return inf

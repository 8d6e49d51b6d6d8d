"""The bursting neuron of the crab's and the lobster's stomach, of Prinz, Bucher and Marder."""

import functools

import numpy as np

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate, RateFunction
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Nernst, Pool
from pyhh_fast.rate_forms import sigmoid
from pyhh_fast.typing import FloatArray

_AREA = 0.628e-3
"""In cm²."""


def prinz() -> Neuron:
    """Return the pacemaker of the pyloric rhythm, which bursts without any input.

    Returns
    -------
    Neuron
        In absolute mV, with the leak and the currents Na, CaT, CaS, A, KCa, Kd and H of the paper,
        and the pool ``Ca``, which CaT and CaS feed. Its threshold is 0 mV, its area 0.628e-3 cm².

    Notes
    -----
    Its conductances are those of the neuron AB/PD 1; others of the paper's table 2 are made with
    ``replace({"Na.g": 100, "KCa.g": 5})``. It bursts every 1,504.04 ms, with 17 spikes, while its
    calcium goes from 3.4 to 342 µM.

    The papers do not say at which temperature the Nernst potential is. In the authors' program it
    is 12.2 mV times the logarithm, as here, at 10 °C; at 11 °C, as in other copies, it bursts every
    1,501.51 ms. Where V exceeds it, by 2 mV at the peaks of spikes, calcium does not flow out here,
    as it does in the papers, where bursts come every 1,502.94 ms. Some copies have the rates of
    Z. Liu and others, J. Neurosci. 18, 2309-2320 (1998), of which these are a revision.

    References
    ----------
    A. A. Prinz, D. Bucher and E. Marder, "Similar network activity from disparate circuit
    parameters", Nat. Neurosci. 7, 1345-1352 (2004), table 2: the conductances.

    A. A. Prinz, C. P. Billimoria and E. Marder, "Alternative to hand-tuning conductance-based
    models", J. Neurophysiol. 90, 3998-4015 (2003), table 1: the rates and the calcium.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> neuron = pyhh.neurons.prinz()
    >>> recording = pyhh.Simulation(neuron, Vm=-50).run(0, 0.1, duration=1450, method="adaptive")
    >>> recording.spike_times.round(1)
    array([  41.7,   63.8,   90.9,  124.6,  167.5,  220.3,  270.1,  320.5,
            374.5,  430.6, 1367.8, 1383.4, 1400.9, 1420.5, 1442.9])
    """
    nA = 1e3 * _AREA  # of 1 µA/cm²
    return Neuron(
        area=_AREA * 1e8,
        threshold=0,
        Ca=Pool(5e-5, 200, gain=14.96e-3 * nA / 200),
        leak=Channel(0, E=-50),
        Na=Channel(
            400,
            E=50,
            m=Gate(inf=sigmoid(1, -25.5, 5.29), tau=_falling(2.64, 2.52, -120, 25), power=3),
            h=Gate(inf=sigmoid(1, -48.9, -5.18), tau=_tau_h_of_Na),
        ),
        CaT=Channel(
            2.5,
            E=Nernst("Ca", outside=3, celsius=10),
            feeds="Ca",
            m=Gate(inf=sigmoid(1, -27.1, 7.2), tau=_falling(43.4, 42.6, -68.1, 20.5), power=3),
            h=Gate(inf=sigmoid(1, -32.1, -5.5), tau=_falling(210, 179.6, -55, 16.9)),
        ),
        CaS=Channel(
            6,
            E=Nernst("Ca", outside=3, celsius=10),
            feeds="Ca",
            m=Gate(inf=sigmoid(1, -33, 8.1), tau=_peaked(2.8, 14, (-27, 10), (-70, 13)), power=3),
            h=Gate(inf=sigmoid(1, -60, -6.2), tau=_peaked(120, 300, (-55, 9), (-65, 16))),
        ),
        A=Channel(
            50,
            E=-80,
            m=Gate(inf=sigmoid(1, -27.2, 8.7), tau=_falling(23.2, 20.8, -32.9, 15.2), power=3),
            h=Gate(inf=sigmoid(1, -56.9, -4.9), tau=_falling(77.2, 58.4, -38.9, 26.5)),
        ),
        KCa=Channel(
            10,
            E=-80,
            m=Gate(
                inf=sigmoid(1, -28.3, 12.6),
                tau=_falling(180.6, 150.2, -46, 22.7),
                times=("Ca", _bound_calcium),
                power=4,
            ),
        ),
        Kd=Channel(
            100,
            E=-80,
            m=Gate(inf=sigmoid(1, -12.3, 11.8), tau=_falling(14.4, 12.8, -28.3, 19.2), power=4),
        ),
        H=Channel(
            0.01,
            E=-20,
            m=Gate(inf=sigmoid(1, -75, -5.5), tau=_peaked(0, 2, (26.7, 14.3), (-169.7, 11.6))),
        ),
    )


def _bound_calcium(Ca: FloatArray) -> FloatArray:
    """Return by how much calcium (mM) lets KCa open: half of it 3 µM."""
    part: FloatArray = Ca / (Ca + 3e-3)
    return part


@functools.cache  # neurons are equal where their functions are
def _falling(high: float, by: float, midpoint: float, scale: float) -> RateFunction:
    """Return a time constant that falls from `high` by so much (ms) where V rises."""
    rising = sigmoid(by, midpoint, scale)

    def tau(V: FloatArray) -> FloatArray:
        return high - rising(V)

    return tau


@functools.cache
def _peaked(
    low: float, peak: float, falls: tuple[float, float], rises: tuple[float, float]
) -> RateFunction:
    """Return a time constant (ms) with a peak between two midpoints, each with its scale (mV)."""

    def tau(V: FloatArray) -> FloatArray:
        sides = np.exp((V - falls[0]) / falls[1]) + np.exp(-(V - rises[0]) / rises[1])
        return low + peak / sides

    return tau


def _tau_h_of_Na(V: FloatArray) -> FloatArray:
    tau: FloatArray = (
        1.34 / (1 + np.exp(-(V + 62.9) / 10)) * (1.5 + 1 / (1 + np.exp((V + 34.9) / 3.6)))
    )
    return tau

"""Cortical and thalamic neurons of Pospischil and others."""

import numpy as np

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid
from pyhh_fast.typing import FloatArray

_AREA = np.pi * 96 * 96
"""Of a cylinder of 96 µm by 96 µm, µm²."""

_THRESHOLD_OF_TRAUB = -55.0
"""V_T of their rates of sodium and potassium, mV."""


def pospischil_rs() -> Neuron:
    """Return the regular-spiking cell, whose M current slows its firing.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium and M current; ``Na.shift`` and ``K.shift`` are
        the paper's V_T. Its threshold is 0 mV, its area that of a cylinder of 96 µm by 96 µm.

    Notes
    -----
    Rates are those at 36 °C. Times in circulation come from NEURON at a finite step and differ by
    up to 0.4 ms from those of the equations: its last spike in the example is at 592.105 ms.

    References
    ----------
    M. Pospischil et al., "Minimal Hodgkin-Huxley type models for different classes of cortical and
    thalamic neurons", Biol. Cybern. 99, 427-441 (2008). The numbers are those of its NeuroML,
    OpenSourceBrain's PospischilEtAl2008.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.stimuli import step
    >>> neuron = pyhh.neurons.pospischil_rs()
    >>> current = step(neuron.density(nA=0.75), 300, 700)
    >>> simulation = pyhh.Simulation(neuron, Vm=-70)
    >>> simulation.run(current, 0.1, duration=800, method="adaptive").spike_times.round(1)
    array([320.6, 348.5, 388. , 456.8, 592.4])
    """
    return _with_currents_of_traub(leak=Channel(0.1, E=-70), M=_m_current(0.07))


def pospischil_ib() -> Neuron:
    """Return the bursting cell, whose L current gives the burst and whose M current ends it.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium, M and L current; ``Na.shift`` and ``K.shift``
        are the paper's V_T. Its threshold is 0 mV, its area that of a cylinder of 96 µm by 96 µm.

    Notes
    -----
    Rates are those at 36 °C. The reversal potential of the L current is constant, 120.2547 mV;
    copies that compute it from calcium fire 4 spikes in place of the 8 of the example. Times in
    circulation come from NEURON at a finite step: its last spike is at 672.085 ms.

    References
    ----------
    As :func:`pospischil_rs`.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.stimuli import step
    >>> neuron = pyhh.neurons.pospischil_ib()
    >>> current = step(neuron.density(nA=0.15), 500, 1000)
    >>> simulation = pyhh.Simulation(neuron, Vm=-84)
    >>> simulation.run(current, 0.1, duration=1000, method="adaptive").spike_times.round(1)
    array([617.7, 624.6, 631.1, 637.8, 644.9, 652.7, 661.4, 672.1])
    """
    L = Channel(
        0.17,
        E=120.2547,
        q=Gate(alpha=linoid(0.209, -27, 3.8), beta=exponential(0.94, -75, -17), power=2),
        r=Gate(alpha=exponential(0.000457, -13, -50), beta=sigmoid(0.0065, -15, 28)),
    )
    return _with_currents_of_traub(leak=Channel(0.01, E=-85), M=_m_current(0.03), L=L)


def _with_currents_of_traub(leak: Channel, **channels: Channel) -> Neuron:
    """Return a neuron with the sodium and potassium that all cells have."""
    Na = Channel(
        50,
        E=50,
        shift=_THRESHOLD_OF_TRAUB,
        m=Gate(alpha=linoid(1.28, 13, 4), beta=linoid(1.4, 40, -5), power=3),
        h=Gate(alpha=exponential(0.128, 17, -18), beta=sigmoid(4, 40, 5)),
    )
    K = Channel(
        5,
        E=-100,
        shift=_THRESHOLD_OF_TRAUB,
        n=Gate(alpha=linoid(0.16, 15, 5), beta=exponential(0.5, 10, -40), power=4),
    )
    base = Neuron(area=_AREA, threshold=0, leak=leak, Na=Na, K=K)
    return base.with_channels(**channels)


def _m_current(g: float) -> Channel:
    return Channel(g, E=-100, p=Gate(inf=sigmoid(1, -35, 10), tau=_tau_p))


def _tau_p(V: FloatArray) -> FloatArray:
    """Return the time constant of the M current's gate (ms)."""
    x = (V + 35) / 20
    tau: FloatArray = 1000 / (3.3 * np.exp(x) + np.exp(-x))
    return tau

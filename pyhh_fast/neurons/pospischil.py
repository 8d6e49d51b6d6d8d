"""Cortical neurons of Pospischil and others."""

import numpy as np

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Nernst, Pool
from pyhh_fast.neurons import temperature as temperatures
from pyhh_fast.neurons.traub_miles import traub_potassium, traub_sodium
from pyhh_fast.rate_forms import exponential, linoid, sigmoid
from pyhh_fast.typing import FloatArray

_V_T = -55.0
"""V_T of their rates of sodium and potassium, mV."""


def pospischil_rs(temperature: float = 36.0) -> Neuron:
    """Return the regular-spiking cell, whose M current slows its firing.

    Parameters
    ----------
    temperature : float, °C, default 36
        Rates of sodium and potassium are those of 36 °C times 3 to the power of (temperature - 36)
        / 10, as in the authors' files, those of the M current 2.3 to that power.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium and M current; ``Na.shift`` and ``K.shift`` are
        the paper's V_T. Its threshold is 0 mV, its area that of a cylinder of 96 µm by 96 µm.

    Raises
    ------
    TypeError, ValueError
        If `temperature` is no finite number, or not from 0 to 50 °C.

    Notes
    -----
    Times in circulation come from NEURON at a finite step and differ by up to 0.4 ms from those of
    the equations: its last spike in the example is at 592.105 ms. The authors' files start gates at
    0, their NeuroML, as here, in the steady state.

    References
    ----------
    M. Pospischil et al., "Minimal Hodgkin-Huxley type models for different classes of cortical and
    thalamic neurons", Biol. Cybern. 99, 427-441 (2008); the authors' files are ModelDB 123623. The
    numbers are those of its NeuroML, OpenSourceBrain's PospischilEtAl2008.

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
    return _pyramidal(temperature, Channel(0.1, E=-70), g_M=0.07)


def pospischil_fs(temperature: float = 36.0) -> Neuron:
    """Return the fast-spiking interneuron, which fires steadily.

    Parameters
    ----------
    temperature : float, °C, default 36
        As of :func:`pospischil_rs`.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium and potassium; ``Na.shift`` and ``K.shift`` are the
        paper's V_T. Its threshold is 0 mV, its area that of a cylinder of 67 µm by 67 µm.

    Raises
    ------
    TypeError, ValueError
        As :func:`pospischil_rs`.

    Notes
    -----
    NeuroML's test has the first spike of the example at 317.023 ms, the second at 337.195 and the
    last at 700.299, from NEURON at a finite step.

    References
    ----------
    As :func:`pospischil_rs`.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.stimuli import step
    >>> neuron = pyhh.neurons.pospischil_fs()
    >>> current = step(neuron.density(nA=0.5), 300, 700)
    >>> simulation = pyhh.Simulation(neuron, Vm=-70)
    >>> spike_times = simulation.run(current, 0.1, duration=800, method="adaptive").spike_times
    >>> spike_times[:3].round(1), spike_times.size
    (array([317. , 337.2, 357.4]), 20)
    """
    leak = Channel(0.15, E=-70)
    return _with_currents_of_traub(temperature, diameter=67, g_K=10, leak=leak)


def pospischil_ib(temperature: float = 36.0) -> Neuron:
    """Return the bursting cell, whose L current gives the burst and whose M current ends it.

    Parameters
    ----------
    temperature : float, °C, default 36
        As of :func:`pospischil_rs`; the authors' L current does not depend on it.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium, M and L current; ``Na.shift`` and ``K.shift``
        are the paper's V_T. Its threshold is 0 mV, its area that of a cylinder of 96 µm by 96 µm.

    Raises
    ------
    TypeError, ValueError
        As :func:`pospischil_rs`.

    Notes
    -----
    The reversal potential of the L current is constant, 120.2547 mV, as in the authors' files;
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
    return _pyramidal(temperature, Channel(0.01, E=-85), g_M=0.03, L=_l_current(0.17))


def pospischil_ibr(temperature: float = 36.0) -> Neuron:
    """Return the cell that bursts repetitively, by a larger L current than `pospischil_ib` has.

    Parameters
    ----------
    temperature : float, °C, default 36
        As of :func:`pospischil_ib`.

    Returns
    -------
    Neuron
        As :func:`pospischil_ib`; only ``L.g`` is larger, 0.22 mS/cm².

    Raises
    ------
    TypeError, ValueError
        As :func:`pospischil_rs`.

    Notes
    -----
    As of :func:`pospischil_ib`. NeuroML's test has the first spike of the example at 617.698 ms and
    the last at 770.557.

    References
    ----------
    As :func:`pospischil_rs`.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.stimuli import step
    >>> neuron = pyhh.neurons.pospischil_ibr()
    >>> current = step(neuron.density(nA=0.15), 500, 2500)
    >>> simulation = pyhh.Simulation(neuron, Vm=-84)
    >>> spike_times = simulation.run(current, 0.1, duration=1000, method="adaptive").spike_times
    >>> spike_times[:3].round(1), spike_times.size
    (array([617.7, 622.3, 626.6]), 28)
    """
    return _pyramidal(temperature, Channel(0.01, E=-85), g_M=0.03, L=_l_current(0.22))


def pospischil_lts(temperature: float = 36.0) -> Neuron:
    """Return the low-threshold spiking cell, whose T current fires it at rest and after inhibition.

    Parameters
    ----------
    temperature : float, °C, default 36
        As of :func:`pospischil_rs`; inactivation of the T current has rates of 24 °C times 3 to the
        power of (temperature - 24) / 10, and calcium its Nernst potential at the temperature.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium, M and T current, and the pool ``Ca`` of the
        calcium that the T current lets in below 1 µm of membrane. ``Na.shift`` and ``K.shift`` are
        the paper's V_T, ``T.shift`` is minus its V_x. Its threshold is 0 mV, its area that of a
        cylinder of 96 µm by 96 µm.

    Raises
    ------
    TypeError, ValueError
        As :func:`pospischil_rs`.

    Notes
    -----
    Times in circulation come from NEURON at a finite step: its last spike in the example is at
    720.422 ms.

    References
    ----------
    As :func:`pospischil_rs`; the T current is that of J. R. Huguenard and D. A. McCormick,
    J. Neurophysiol. 68, 1373-1383 (1992).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.stimuli import step
    >>> neuron = pyhh.neurons.pospischil_lts()
    >>> current = step(neuron.density(nA=0.15), 400, 800)
    >>> simulation = pyhh.Simulation(neuron, Vm=-84)
    >>> recording = simulation.run(current, 0.1, duration=800, method="adaptive")
    >>> recording.spike_times.round(1), f"{recording['Ca'].max():.4f} mM"
    (array([431.4, 445.2, 517.3, 720.6]), '0.0016 mM')
    """
    temperature = temperatures.checked(temperature)
    T = Channel(
        0.4,
        E=Nernst("Ca", outside=2, celsius=temperature),
        feeds="Ca",
        shift=-2,
        s=Gate(inf=sigmoid(1, -57, 6.2), power=2, instantaneous=True),
        u=Gate(inf=sigmoid(1, -81, -4), tau=_tau_u, speed=3.0 ** ((temperature - 24) / 10)),
    )
    neuron = _pyramidal(temperature, Channel(0.01, E=-85), g_M=0.03)
    return neuron.with_channels(Ca=Pool(2.4e-4, 5, depth=1), T=T)


def _pyramidal(temperature: float, leak: Channel, g_M: float, **channels: Channel) -> Neuron:
    neuron = _with_currents_of_traub(temperature, diameter=96, g_K=5, leak=leak)
    p = Gate(inf=sigmoid(1, -35, 10), tau=_tau_p, speed=2.3 ** ((temperature - 36) / 10))
    return neuron.with_channels(M=Channel(g_M, E=-100, p=p), **channels)


def _with_currents_of_traub(
    temperature: float, diameter: float, g_K: float, leak: Channel
) -> Neuron:
    """Return a neuron with the sodium and potassium that all cells have."""
    speed = 3.0 ** ((temperatures.checked(temperature) - 36) / 10)
    return Neuron(
        area=np.pi * diameter * diameter,  # of a cylinder as long as it is wide
        threshold=0,
        leak=leak,
        Na=traub_sodium(50, E=50, V_T=_V_T, speed=speed),
        K=traub_potassium(g_K, E=-100, V_T=_V_T, speed=speed),
    )


def _l_current(g: float) -> Channel:
    return Channel(
        g,
        E=120.2547,
        q=Gate(alpha=linoid(0.209, -27, 3.8), beta=exponential(0.94, -75, -17), power=2),
        r=Gate(alpha=exponential(0.000457, -13, -50), beta=sigmoid(0.0065, -15, 28)),
    )


def _tau_p(V: FloatArray) -> FloatArray:
    """Return the time constant of the M current's gate (ms)."""
    x = (V + 35) / 20
    tau: FloatArray = 1000 / (3.3 * np.exp(x) + np.exp(-x))
    return tau


def _tau_u(V: FloatArray) -> FloatArray:
    """Return the time constant at 24 °C of inactivation of the T current (ms)."""
    tau: FloatArray = 30.8 + (211.4 + np.exp((V + 113.2) / 5)) / (1 + np.exp((V + 84) / 3.2))
    return tau

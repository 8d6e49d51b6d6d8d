"""The neuron of Traub and Miles in the benchmark of simulators, and its sodium and potassium."""

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid


def traub_miles(leak_reversal: float = -60.0) -> Neuron:
    """Return the neuron of the benchmark COBAHH, with sodium, potassium and a leak.

    Parameters
    ----------
    leak_reversal : float, mV, default -60
        -60 is that of the benchmark for Brian, -65 that for NEURON and NEST.

    Returns
    -------
    Neuron
        In absolute mV; ``Na.shift`` and ``K.shift`` are the benchmark's V_T, -63 mV. Its threshold
        is 0 mV, its area 20,000 µm².

    Raises
    ------
    TypeError, ValueError
        If `leak_reversal` is no finite number.

    Notes
    -----
    Its rates are not tied to a temperature. The benchmark's synapses are left out. Without current
    it fires every 72.18 ms; with a leak reversal of -65 mV it rests at -64.76 mV.

    Copies in circulation differ in the reversal potential of the leak, and in where a spike counts:
    at -20 mV in Brian's, at -10 in NEURON's. Some have Hodgkin and Huxley's neuron in its place. No
    published spike times are known; those of the example were computed from the equations.

    References
    ----------
    R. Brette et al., "Simulation of networks of spiking neurons: a review of tools and strategies",
    J. Comput. Neurosci. 23, 349-398 (2007), benchmark 3; ModelDB 83319, Brian/COBAHH.py.

    R. D. Traub and R. Miles, "Neuronal Networks of the Hippocampus", Cambridge University Press
    (1991).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> neuron = pyhh.neurons.traub_miles()
    >>> simulation = pyhh.Simulation(neuron, Vm=-60)
    >>> recording = simulation.run(neuron.density(nA=0.5), 0.1, duration=60, method="adaptive")
    >>> recording.spike_times.round(1)
    array([ 2.5, 14.6, 26.6, 38.7, 50.8])
    """
    E = validation.real_number("leak_reversal", leak_reversal, unit="mV")
    return Neuron(
        area=20_000,
        threshold=0,
        leak=Channel(0.05, E=E),
        Na=traub_sodium(100, E=50, V_T=-63),
        K=traub_potassium(30, E=-90, V_T=-63),
    )


def traub_sodium(g: float, E: float, V_T: float, speed: float = 1.0) -> Channel:
    """Return Traub's sodium channel, whose rates are functions of V - V_T (mV)."""
    return Channel(
        g,
        E=E,
        shift=V_T,
        m=Gate(alpha=linoid(1.28, 13, 4), beta=linoid(1.4, 40, -5), power=3, speed=speed),
        h=Gate(alpha=exponential(0.128, 17, -18), beta=sigmoid(4, 40, 5), speed=speed),
    )


def traub_potassium(g: float, E: float, V_T: float, speed: float = 1.0) -> Channel:
    """Return Traub's potassium channel, whose rates are functions of V - V_T (mV)."""
    n = Gate(alpha=linoid(0.16, 15, 5), beta=exponential(0.5, 10, -40), power=4, speed=speed)
    return Channel(g, E=E, shift=V_T, n=n)

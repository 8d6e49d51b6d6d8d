"""The muscle fibre of Morris and Lecar, as Rinzel and Ermentrout use it."""

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.rate_forms import sigmoid
from pyhh_fast.typing import FloatArray


def morris_lecar(excitability: str = "II") -> Neuron:
    """Return the neuron of Morris and Lecar: calcium, potassium and a leak, V and one slow gate.

    Parameters
    ----------
    excitability : {"II", "I"}, default "II"
        With "II" it begins to fire at once at a rate above 0, where its rest loses stability in a
        Hopf point, at 93.86 µA/cm², up to a second one at 212.0. With "I" it fires as slowly as one
        likes above a saddle-node at 39.96 µA/cm².

    Returns
    -------
    Neuron
        In absolute mV. Calcium's m is always at its steady state. ``Ca.shift`` and ``K.shift`` are
        the paper's V1 and V3, the speed of w is its phi. Its threshold is 0 mV; it has no area,
        currents are in µA/cm².

    Raises
    ------
    TypeError, ValueError
        If `excitability` is none of the two.

    Notes
    -----
    Its rates are not tied to a temperature.

    Copies in circulation differ in phi of type I, 1/15 here and 0.067 in textbooks, in V4 of type
    I, 17.4 here and 17 in some, and in g of calcium of type II, 4.4 here and 4 in some. A speed of
    w of 0.23 with type I is the homoclinic case of textbooks. The parameters of Morris and Lecar
    themselves (1981) are others. Spike times of the example were computed from the equations.

    References
    ----------
    J. Rinzel and G. B. Ermentrout, "Analysis of neural excitability and oscillations", in C. Koch
    and I. Segev (eds.), "Methods in Neuronal Modeling", MIT Press (1989), Appendix A.

    C. Morris and H. Lecar, "Voltage oscillations in the barnacle giant muscle fiber", Biophys. J.
    35, 193-213 (1981).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> simulation = pyhh.Simulation(pyhh.neurons.morris_lecar(), Vm=-60)
    >>> recording = simulation.run(100.0, 0.1, duration=500, method="adaptive")
    >>> recording.spike_times.round(1)
    array([ 15.9, 102.5, 187.8, 273.1, 358.4, 443.7])
    """
    validation.choice("excitability", excitability, ("II", "I"))
    if excitability == "II":
        g_Ca, V_3, V_4, tau, phi = 4.4, 2.0, 30.0, _tau_II, 0.04
    else:
        g_Ca, V_3, V_4, tau, phi = 4.0, 12.0, 17.4, _tau_I, 1 / 15
    m = Gate(inf=sigmoid(1, 0, 18 / 2), instantaneous=True)  # 1 + tanh(x) is 2 / (1 + exp(-2 x))
    w = Gate(inf=sigmoid(1, 0, V_4 / 2), tau=tau, speed=phi)
    return Neuron(
        Cm=20,
        threshold=0,
        leak=Channel(2, E=-60),
        Ca=Channel(g_Ca, E=120, shift=-1.2, m=m),
        K=Channel(8, E=-84, shift=V_3, w=w),
    )


def _tau_II(V: FloatArray) -> FloatArray:
    tau: FloatArray = 1 / np.cosh(V / (2 * 30))
    return tau


def _tau_I(V: FloatArray) -> FloatArray:
    tau: FloatArray = 1 / np.cosh(V / (2 * 17.4))
    return tau

"""The neuron of Connor and Stevens, with its A current."""

import numpy as np

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid
from pyhh_fast.typing import FloatArray


def connor_stevens() -> Neuron:
    """Return the neuron of Connor and Stevens as Dayan and Abbott print it.

    Its A current lets it fire as slowly as one likes.

    Returns
    -------
    Neuron
        In absolute mV, with leak, sodium, potassium and A current. Its threshold is 0 mV; it has no
        area, currents are in µA/cm².

    Notes
    -----
    Its rates are not tied to a temperature; those of sodium have a factor of 3.8 over the rates of
    1952. The steady state of gate a exceeds 1 between 40 and 97 mV, up to 1.013.

    Copies in circulation are those of Dayan and Abbott, and of the papers of Connor and others of
    the 1970s, whose voltages have another origin. No published spike times are known; those of the
    example were computed from the equations with SciPy.

    References
    ----------
    P. Dayan and L. F. Abbott, "Theoretical Neuroscience", MIT Press (2001), chapter 6.

    J. A. Connor and C. F. Stevens, "Prediction of repetitive firing behaviour from voltage clamp
    data on an isolated neurone soma", J. Physiol. 213, 31-53 (1971).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> simulation = pyhh.Simulation(pyhh.neurons.connor_stevens(), Vm=-68)
    >>> recording = simulation.run(10.0, 0.05, duration=100, method="adaptive")
    >>> recording.spike_times.round(1)
    array([38.1, 67.5, 96.9])
    """
    return Neuron(
        leak=Channel(0.3, E=-17),
        Na=Channel(
            120,
            E=55,
            m=Gate(
                alpha=linoid(3.8, -29.7, 10), beta=exponential(15.2, -54.7, -1 / 0.0556), power=3
            ),
            h=Gate(alpha=exponential(0.266, -48, -20), beta=sigmoid(3.8, -18, 10)),
        ),
        K=Channel(
            20,
            E=-72,
            n=Gate(alpha=linoid(0.2, -45.7, 10), beta=exponential(0.25, -55.7, -80), power=4),
        ),
        A=Channel(
            47.7,
            E=-75,
            a=Gate(inf=_a_inf, tau=_tau_a, power=3),
            b=Gate(inf=_b_inf, tau=_tau_b),
        ),
        threshold=0,
    )


def _a_inf(V: FloatArray) -> FloatArray:
    cube = 0.0761 * np.exp(0.0314 * (V + 94.22)) / (1 + np.exp(0.0346 * (V + 1.17)))
    inf: FloatArray = cube ** (1 / 3)
    return inf


def _tau_a(V: FloatArray) -> FloatArray:
    tau: FloatArray = 0.3632 + 1.158 / (1 + np.exp(0.0497 * (V + 55.96)))
    return tau


def _b_inf(V: FloatArray) -> FloatArray:
    inf: FloatArray = (1 + np.exp(0.0688 * (V + 53.3))) ** -4.0
    return inf


def _tau_b(V: FloatArray) -> FloatArray:
    tau: FloatArray = 1.24 + 2.678 / (1 + np.exp(0.0624 * (V + 50)))
    return tau

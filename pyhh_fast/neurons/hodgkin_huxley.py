"""The squid axon of Hodgkin and Huxley in absolute mV."""

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.neurons import temperature as temperatures
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

_REST = -65.0
"""Where the paper's V = 0 lies, in mV."""


def hodgkin_huxley(leak_reversal: float = -54.4, temperature: float = 6.3) -> Neuron:
    """Return the squid axon of 1952, its rest at -65 mV.

    It is an `HHModel` but for the origin of V: its rates are those of the paper at V + 65 mV,
    depolarisation positive.

    Parameters
    ----------
    leak_reversal : float, mV, default -54.4
        -54.4 is that of pyHH and `HHModel` (10.6 above rest), -54.387 that of the paper (10.613),
        -54.3 that of NEURON, Arbor, Jaxley and NeuroML.
    temperature : float, °C, default 6.3
        Rates are those of 6.3 °C times 3 to the power of (temperature - 6.3) / 10, as in the paper.

    Returns
    -------
    Neuron
        In absolute mV. Its threshold is 0 mV (that of an `HHModel` is -15 mV on this scale); it has
        no area, currents are in µA/cm².

    Raises
    ------
    TypeError
        If an argument is no number.
    ValueError
        If an argument is not finite, or `temperature` is not from 0 to 50 °C.

    Notes
    -----
    Copies in circulation differ in the reversal potential of the leak, and in where rest lies: 0
    here in `HHModel`, -65 mV in most simulators. NEURON's `hh` interpolates its rates in a table of
    1 mV unless it is told not to. NeuroML's test has the spikes of the example below at 52.24,
    68.5, 84.56 and 100.67 ms; engines differ by up to 0.37 %.

    References
    ----------
    A. L. Hodgkin and A. F. Huxley, "A quantitative description of membrane current and its
    application to conduction and excitation in nerve", J. Physiol. 117, 500-544 (1952), Table 3.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.stimuli import step
    >>> neuron = pyhh.neurons.hodgkin_huxley(leak_reversal=-54.3)  # as in NeuroML
    >>> simulation = pyhh.Simulation(neuron, Vm=-65)
    >>> recording = simulation.run(step(8, 50, 100), 0.05, duration=110, method="adaptive")
    >>> recording.spike_times.round(1)
    array([ 52.2,  68.4,  84.4, 100.4])
    """
    leak_reversal = validation.real_number("leak_reversal", leak_reversal, unit="mV")
    phi = 3 ** ((temperatures.checked(temperature) - 6.3) / 10)
    return Neuron(
        leak=Channel(0.3, E=leak_reversal),
        Na=Channel(
            120,
            E=_REST + 115,
            shift=_REST,
            m=Gate(alpha=linoid(1, 25, 10), beta=exponential(4, 0, -18), power=3, speed=phi),
            h=Gate(alpha=exponential(0.07, 0, -20), beta=sigmoid(1, 30, 10), speed=phi),
        ),
        K=Channel(
            36,
            E=_REST - 12,
            shift=_REST,
            n=Gate(alpha=linoid(0.1, 10, 10), beta=exponential(0.125, 0, -80), power=4, speed=phi),
        ),
        threshold=0,
    )

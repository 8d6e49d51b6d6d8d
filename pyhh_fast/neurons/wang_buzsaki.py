"""The fast-spiking interneuron of Wang and Buzsáki."""

from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid


def wang_buzsaki() -> Neuron:
    """Return the interneuron of Wang and Buzsáki, with sodium, potassium and a leak.

    Sodium's m is always at its steady state.

    Returns
    -------
    Neuron
        In absolute mV. Its threshold is 0 mV; it has no area, currents are in µA/cm².

    Notes
    -----
    The paper's factor phi = 5 is the `speed` of h and n; the rates are not tied to a temperature.

    NeuroML's test has the first spike of the example below at 8.901 ms and the last at 97.311,
    from a simulator with a finite step; the equations have them at 8.911 and 97.368.

    References
    ----------
    X.-J. Wang and G. Buzsáki, "Gamma oscillation by synaptic inhibition in a hippocampal
    interneuronal network model", J. Neurosci. 16, 6402-6413 (1996), Methods.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> simulation = pyhh.Simulation(pyhh.neurons.wang_buzsaki(), Vm=-70)
    >>> recording = simulation.run(2.0, 0.05, duration=100, method="adaptive")
    >>> recording.spike_times[:3].round(2), recording.spike_times.size
    (array([ 8.91, 18.77, 28.6 ]), 10)
    """
    return Neuron(
        leak=Channel(0.1, E=-65),
        Na=Channel(
            35,
            E=55,
            m=Gate(
                alpha=linoid(1, -35, 10), beta=exponential(4, -60, -18), power=3, instantaneous=True
            ),
            h=Gate(alpha=exponential(0.07, -58, -20), beta=sigmoid(1, -28, 10), speed=5),
        ),
        K=Channel(
            9,
            E=-90,
            n=Gate(alpha=linoid(0.1, -34, 10), beta=exponential(0.125, -44, -80), power=4, speed=5),
        ),
        threshold=0,
    )

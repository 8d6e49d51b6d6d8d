"""Neurons for tests, declared as channels or as the right side of their equations."""

import numpy as np
from hypothesis import strategies as st

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

exp = np.exp


def hodgkin_huxley():
    """Return the neuron of 1952 with pyHH's set of parameters, relative to rest."""
    return Neuron(
        leak=Channel(0.3, E=10.6),
        Na=Channel(
            120,
            E=115,
            m=Gate(alpha=linoid(1, 25, 10), beta=exponential(4, 0, -18), power=3),
            h=Gate(alpha=exponential(0.07, 0, -20), beta=sigmoid(1, 30, 10)),
        ),
        K=Channel(
            36, E=-12, n=Gate(alpha=linoid(0.1, 10, 10), beta=exponential(0.125, 0, -80), power=4)
        ),
        threshold=50,
    )


def golomb():
    """Return the fast-spiking interneuron of Golomb et al. (2007) that stutters, gd = 1.8."""

    def tau_n(V):
        first, second = 1 + exp((V + 14.6) / 8.6), 1 + exp(-(V - 1.3) / 18.7)
        return (0.087 + 11.4 / first) * (0.087 + 11.4 / second)

    def tau_h(V):
        return 0.5 + 14 / (1 + exp((V + 60) / 12))

    m = Gate(inf=sigmoid(1, -24, 11.5), power=3, instantaneous=True)
    return Neuron(
        leak=Channel(0.25, E=-70),
        Na=Channel(112.5, E=50, m=m, h=Gate(inf=sigmoid(1, -58.3, -6.7), tau=tau_h)),
        K=Channel(225, E=-90, n=Gate(inf=sigmoid(1, -12.4, 6.8), tau=tau_n, power=2)),
        Kd=Channel(
            1.8,
            E=-90,
            a=Gate(inf=sigmoid(1, -50, 20), tau=lambda V: 2 + 0 * V, power=3),
            b=Gate(inf=sigmoid(1, -70, -6), tau=lambda V: 150 + 0 * V),
        ),
        threshold=0,
    )


@st.composite
def neurons(draw):
    """Neurons with 1 to 8 channels of smooth gates, some shifted, fast, or instantaneous."""
    number = st.floats
    channels = {"leak": Channel(draw(number(0.05, 0.5)), E=draw(number(-80, -50)))}
    for i in range(draw(st.integers(0, 7))):
        gates = {}
        for name in draw(st.sampled_from(["p", "pq"])):
            midpoint, scale = (
                draw(number(-60, -20)),
                draw(st.sampled_from([-12.0, -7.0, 9.0, 15.0])),
            )
            forms = {
                "alpha": linoid(draw(number(0.05, 0.5)), midpoint, abs(scale)),
                "beta": exponential(draw(number(0.05, 0.5)), midpoint, -2 * abs(scale)),
            }
            if draw(st.booleans()):
                tau = draw(number(1.0, 30.0))
                forms = {"inf": sigmoid(1, midpoint, scale), "tau": lambda V, tau=tau: tau + 0 * V}
            gates[name] = Gate(
                **forms,
                power=draw(st.integers(1, 5)),
                speed=draw(st.sampled_from([1.0, 0.3, 2.5])),
                instantaneous=draw(st.integers(0, 4)) == 0,
            )
        shift = draw(st.sampled_from([0.0, 0.0, -7.5, 4.25]))
        E = draw(st.sampled_from([-90.0, 50.0]))
        channels[f"c{i}"] = Channel(draw(number(0.0, 2.0)), E=E, shift=shift, **gates)
    return Neuron(Cm=draw(number(0.8, 2.0)), **channels)


def lin(x):
    return x / (1 - exp(-x))


def wang_buzsaki_slopes(state, current=0.0):
    """Return the time derivatives of (V, h, n)."""
    V, h, n = state
    alpha_m, beta_m = lin((V + 35) / 10), 4 * exp(-(V + 60) / 18)
    m = alpha_m / (alpha_m + beta_m)
    alpha_h, beta_h = 0.07 * exp(-(V + 58) / 20), 1 / (1 + exp(-(V + 28) / 10))
    alpha_n, beta_n = 0.1 * lin((V + 34) / 10), 0.125 * exp(-(V + 44) / 80)
    ionic = 0.1 * (V + 65) + 35 * m**3 * h * (V - 55) + 9 * n**4 * (V + 90)
    return np.array(
        [
            current - ionic,
            5 * (alpha_h * (1 - h) - beta_h * h),
            5 * (alpha_n * (1 - n) - beta_n * n),
        ]
    )


def wang_buzsaki_steady(V, current=0.0):
    """Return dV/dt of that neuron with steady gates, and its gates h and n."""
    alpha_h, beta_h = 0.07 * exp(-(V + 58) / 20), 1 / (1 + exp(-(V + 28) / 10))
    alpha_n, beta_n = 0.1 * lin((V + 34) / 10), 0.125 * exp(-(V + 44) / 80)
    h, n = alpha_h / (alpha_h + beta_h), alpha_n / (alpha_n + beta_n)
    return wang_buzsaki_slopes((V, h, n), current)[0], h, n

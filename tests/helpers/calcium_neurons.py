"""Neurons with calcium for tests: declared, and as functions of their papers."""

import numpy as np

from pyhh_fast import Channel, Gate, Nernst, Neuron, Pool
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

exp = np.exp


def low_threshold(**others):
    """Return a leak and the T current of Pospischil et al. (2008), whose E follows calcium."""
    T = Channel(
        0.4,
        E=Nernst("Ca", outside=2, celsius=36),
        feeds="Ca",
        s=Gate(inf=sigmoid(1, -59, 6.2), power=2, instantaneous=True),
        u=Gate(
            inf=sigmoid(1, -83, -4),
            tau=lambda V: (
                (30.8 + (211.4 + exp((V + 115.2) / 5)) / (1 + exp((V + 86) / 3.2))) / 3**1.2
            ),
        ),
    )
    return Neuron(
        leak=Channel(0.01, E=-85), Ca=Pool(2.4e-4, 5, depth=1), T=T, threshold=0, **others
    )


def bursting(**others):
    """Return a neuron whose calcium current, bound by calcium, opens two potassium currents."""
    Na = Channel(
        35,
        E=55,
        m=Gate(
            alpha=linoid(1, -35, 10), beta=exponential(4, -60, -18), power=3, instantaneous=True
        ),
        h=Gate(alpha=exponential(0.07, -58, -20), beta=sigmoid(1, -28, 10), speed=5),
    )
    K = Channel(
        9,
        E=-90,
        n=Gate(alpha=linoid(0.1, -34, 10), beta=exponential(0.125, -44, -80), power=4, speed=5),
    )
    CaL = Channel(
        0.3,
        E=Nernst("Ca", outside=2, celsius=25),
        feeds="Ca",
        shift=-3,
        s=Gate(inf=sigmoid(1, -33, 8), tau=lambda V: 4.0, power=2),
        f=Gate(inf=lambda Ca: 1 / (1 + Ca / 0.01), tau=lambda Ca: 20 / (1 + Ca), of="Ca"),
    )
    AHP = Channel(
        3,
        E=-90,
        q=Gate(alpha=lambda Ca: 48 * Ca**2, beta=lambda Ca: 0.003 + 0 * Ca, of="Ca", power=2),
    )
    KCa = Channel(
        2,
        E=-85,
        m=Gate(
            inf=sigmoid(1, -28, 12),
            tau=lambda V: 15 + 75 / (1 + exp((V + 46) / 23)),
            times=("Ca", lambda Ca: Ca / (Ca + 3e-3)),
            power=4,
        ),
    )
    channels = {"Na": Na, "K": K, "CaL": CaL, "AHP": AHP, "KCa": KCa}
    return Neuron(
        **{
            "leak": Channel(0.1, E=-60),
            "Ca": Pool(1e-4, 80, depth=2),
            "threshold": 0,
            **channels,
            **others,
        }
    )

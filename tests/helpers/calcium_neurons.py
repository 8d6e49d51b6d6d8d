"""Neurons with calcium for tests: declared, and as functions of their papers."""

import numpy as np

from pyhh_fast import Channel, Gate, Nernst, Neuron, Pool, neurons
from pyhh_fast.rate_forms import sigmoid

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
    wang_buzsaki = neurons.wang_buzsaki().channels
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
    channels = {
        "Na": wang_buzsaki["Na"],
        "K": wang_buzsaki["K"],
        "CaL": CaL,
        "AHP": AHP,
        "KCa": KCa,
    }
    return Neuron(
        **{
            "leak": Channel(0.1, E=-60),
            "Ca": Pool(1e-4, 80, depth=2),
            "threshold": 0,
            **channels,
            **others,
        }
    )


def _sigmoid(x):
    return 1 / (1 + exp(-x))


def _nernst(Ca, outside, celsius):
    return 1e3 * 8.31441 * (celsius + 273.15) / (2 * 96485.309) * np.log(outside / Ca)


def low_threshold_slopes(state, current=0.0):
    """Return the time derivatives of (V, u, Ca), as the paper writes them."""
    V, u, Ca = state
    W = V + 2
    s, u_inf = _sigmoid((W + 57) / 6.2), 1 / (1 + exp((W + 81) / 4))
    tau = (30.8 + (211.4 + exp((W + 113.2) / 5)) / (1 + exp((W + 84) / 3.2))) / 3**1.2
    I_T = 0.4 * s**2 * u * (V - _nernst(Ca, 2, 36))
    inflow = np.maximum(0, -10 * I_T / (2 * 96485.309 * 1))
    return np.array(
        [current - 0.01 * (V + 85) - I_T, (u_inf - u) / tau, inflow + (2.4e-4 - Ca) / 5]
    )


def bursting_gates(V, Ca):
    """Return inf and tau of s, f, q, m_K, h, n of the bursting neuron, and m of its sodium."""

    def lin(x):
        return x / (1 - exp(-x))

    alpha_m, beta_m = lin((V + 35) / 10), 4 * exp(-(V + 60) / 18)
    alpha_h, beta_h = 0.07 * exp(-(V + 58) / 20), _sigmoid((V + 28) / 10)
    alpha_n, beta_n = 0.1 * lin((V + 34) / 10), 0.125 * exp(-(V + 44) / 80)
    alpha_q, beta_q = 48 * Ca**2, 0.003
    return {
        "s": (_sigmoid((V + 3 + 33) / 8), 4.0),
        "f": (1 / (1 + Ca / 0.01), 20 / (1 + Ca)),
        "q": (alpha_q / (alpha_q + beta_q), 1 / (alpha_q + beta_q)),
        "m_K": (
            _sigmoid((V + 28) / 12) * Ca / (Ca + 3e-3),
            15 + 75 / (1 + exp((V + 46) / 23)),
        ),
        "h": (alpha_h / (alpha_h + beta_h), 1 / (5 * (alpha_h + beta_h))),
        "n": (alpha_n / (alpha_n + beta_n), 1 / (5 * (alpha_n + beta_n))),
    }, alpha_m / (alpha_m + beta_m)


def bursting_slopes(state, current=0.0, g_CaL=0.3):
    """Return the time derivatives of (V, h, n, s, f, q, m_K, Ca)."""
    V, h, n, s, f, q, m_K, Ca = state
    gates, m = bursting_gates(V, Ca)
    I_Ca = g_CaL * s**2 * f * (V - _nernst(Ca, 2, 25))
    ionic = 0.1 * (V + 60) + 35 * m**3 * h * (V - 55) + 9 * n**4 * (V + 90) + I_Ca
    ionic += 3 * q**2 * (V + 90) + 2 * m_K**4 * (V + 85)
    inflow = np.maximum(0, -10 * I_Ca / (2 * 96485.309 * 2))
    rates = [
        (gates[name][0] - x) / gates[name][1]
        for name, x in {"h": h, "n": n, "s": s, "f": f, "q": q, "m_K": m_K}.items()
    ]
    return np.array([current - ionic, *rates, inflow + (1e-4 - Ca) / 80])

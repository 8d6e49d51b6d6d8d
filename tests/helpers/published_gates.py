"""Gates of published neurons as functions, and neurons of one gate: for the tests of tables."""

import numpy as np

from pyhh_fast import Channel, Neuron
from pyhh_fast.channels.gate import Gate
from pyhh_fast.rate_forms import exponential

exp = np.exp
RISING, FALLING = exponential(1, -50, 20), exponential(1, -50, -20)


def one_gate(path="Na.m", **gate):
    channel, name = path.split(".")
    return Neuron(**{channel: Channel(1, E=50, **{name: Gate(**gate)})})


def table_of(**gate):
    return one_gate(**gate).tables["Na.m"]


def lin(x):
    return x / (1 - exp(-x))


# Gates of published neurons, as functions that keep NumPy's long double.
PUBLISHED = {
    "wang_buzsaki_m": {
        "alpha": lambda V: lin((V + 35) / 10),
        "beta": lambda V: 4 * exp(-(V + 60) / 18),
    },
    "pospischil_m": {
        "alpha": lambda V: 1.28 * lin((V - 13) / 4),
        "beta": lambda V: 1.4 * lin(-(V - 40) / 5),
    },
    "pospischil_h": {
        "alpha": lambda V: 0.128 * exp(-(V - 17) / 18),
        "beta": lambda V: 4 / (1 + exp(-(V - 40) / 5)),
    },
    "pospischil_p": {
        "inf": lambda V: 1 / (1 + exp(-(V + 35) / 10)),
        "tau": lambda V: 1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20)),
    },
    "pospischil_u": {
        "inf": lambda V: 1 / (1 + exp((V + 81) / 4)),
        "tau": lambda V: 30.8 + (211.4 + exp((V + 113.2) / 5)) / (1 + exp((V + 84) / 3.2)),
    },
    "connor_stevens_a": {
        "inf": lambda V: (
            (0.0761 * exp(0.0314 * (V + 94.22)) / (1 + exp(0.0346 * (V + 1.17)))) ** (V * 0 + 1 / 3)
        ),
        "tau": lambda V: 0.3632 + 1.158 / (1 + exp(0.0497 * (V + 55.96))),
    },
    "connor_stevens_b": {
        "inf": lambda V: (1 + exp(0.0688 * (V + 53.3))) ** -4,
        "tau": lambda V: 1.24 + 2.678 / (1 + exp(0.0624 * (V + 50))),
    },
    "morris_lecar_w": {
        "inf": lambda V: 0.5 * (1 + np.tanh((V - 12) / 17.4)),
        "tau": lambda V: 1 / np.cosh((V - 12) / 34.8),
    },
}


def exact(gate, V):
    """Return alpha and alpha + beta as the paper has them, in long double where there is one."""
    V = V.astype(np.longdouble)
    if "alpha" in gate:
        alpha, beta = gate["alpha"](V), gate["beta"](V)
        return np.array([alpha, alpha + beta])
    inf, tau = gate["inf"](V), gate["tau"](V)
    return np.array([inf / tau, 1 / tau])

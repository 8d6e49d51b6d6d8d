"""Published neurons, each a function that returns it as a Neuron.

Voltages are absolute, in mV. What a function does not offer as an argument is changed in what it
returns: ``wang_buzsaki().replace({"Na.g": 40})``.
"""

from pyhh_fast.neurons.connor_stevens import connor_stevens
from pyhh_fast.neurons.ermentrout import ermentrout
from pyhh_fast.neurons.hodgkin_huxley import hodgkin_huxley
from pyhh_fast.neurons.morris_lecar import morris_lecar
from pyhh_fast.neurons.pospischil import (
    pospischil_fs,
    pospischil_ib,
    pospischil_ibr,
    pospischil_lts,
    pospischil_rs,
)
from pyhh_fast.neurons.prinz import prinz
from pyhh_fast.neurons.traub_miles import traub_miles
from pyhh_fast.neurons.wang_buzsaki import wang_buzsaki

__all__ = [
    "connor_stevens",
    "ermentrout",
    "hodgkin_huxley",
    "morris_lecar",
    "pospischil_fs",
    "pospischil_ib",
    "pospischil_ibr",
    "pospischil_lts",
    "pospischil_rs",
    "prinz",
    "traub_miles",
    "wang_buzsaki",
]

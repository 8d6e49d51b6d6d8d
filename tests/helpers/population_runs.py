"""A population with cells of several kinds, and what two runs of it must have in common."""

import numpy as np

import pyhh_fast as pyhh


def cells(size=6):
    return pyhh.Population.at_rest(size, gNa=np.linspace(100, 140, size))


def assert_same_results(a, b):
    for one, other in zip(a.final_state, b.final_state, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(a.spikes.cell, b.spikes.cell)
    np.testing.assert_array_equal(a.spikes.time, b.spikes.time)

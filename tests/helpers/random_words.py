"""The random numbers of noise, computed one by one in Python."""

import numpy as np

from pyhh_fast import _stimuli


def words(seed, stream, first, count):
    out = np.empty(count, np.uint64)
    _stimuli.words(seed, stream, first, out)
    return out


def filled(kernel, numbers):
    out = np.empty(len(numbers))
    kernel(numbers, out)
    return out


def uniform(word):
    """u and 1 - u, both exact."""
    k = (word >> np.uint64(12)).astype(float)
    return (k + 0.5) * 2.0**-52, ((2.0**52 - k) - 0.5) * 2.0**-52

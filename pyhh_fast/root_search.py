"""Where functions change their sign, many at once: the loop around the compiled root search."""

from collections.abc import Callable

import numpy as np

from pyhh_fast import _equilibria
from pyhh_fast.typing import FloatArray, IntArray

Functions = Callable[[FloatArray, IntArray], FloatArray]
"""Takes numbers and which of the functions each is for; returns their values."""


def roots(f: Functions, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the lowest numbers, to the last bit or 2e-16, where signs are not those at `low`.

    Between `low` and `high`, shape (n,), they change.
    """
    every = np.arange(low.size)
    return proceed(f, *begin(low, high, f(low, every), f(high, every)))


def begin(
    low: FloatArray, high: FloatArray, at_low: FloatArray, at_high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return searches between these ends, and the numbers at which to evaluate first."""
    search, x = np.empty((low.size, _equilibria.SEARCH)), np.empty(low.size)
    _equilibria.begin(search, low, high, at_low, at_high, x)
    return search, x


def proceed(f: Functions, search: FloatArray, x: FloatArray) -> FloatArray:
    """Return where the searches end."""
    left = np.arange(x.size)
    while left.size:
        left = left[: _equilibria.proceed(search, left, f(x[left], left), x)]
    return x

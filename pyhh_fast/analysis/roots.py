"""Roots of many functions at once, by bisection."""

from collections.abc import Callable

import numpy as np

from pyhh_fast.typing import FloatArray

HALVINGS = 64
"""Until an interval is far below the rounding of its ends."""


def roots(f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return where `f` changes its sign between each low and its high, NaN where it does not."""
    sign = np.sign(f(low))
    changes = (f(low) < 0) != (f(high) < 0)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        as_low = np.sign(f(middle)) == sign
        low, high = np.where(as_low, middle, low), np.where(as_low, high, middle)
    return np.where(changes, high, np.nan)

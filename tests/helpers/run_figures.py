"""Runs that figures are drawn of, and what the figures say."""

import numpy as np

import pyhh_fast as pyhh


def run(stimulus=12, **options):
    options = {"duration": 300, **options}
    if isinstance(stimulus, np.ndarray):
        del options["duration"]
    return pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, 0.01, **options)


def labels(figure):
    return [axis.get_ylabel().partition("\n")[0] for axis in figure.axes]


def extremes(values, start=0):
    """Return the indices of first, lowest, highest and last value of each of 1,000 segments."""
    width = -(-len(values) // 1_000)
    found = set()
    for first in range(0, len(values), width):
        part = values[first : first + width]
        found |= {first, first + len(part) - 1}
        if not np.isnan(part).all():
            found |= {first + int(np.nanargmin(part)), first + int(np.nanargmax(part))}
    return start + np.array(sorted(found))

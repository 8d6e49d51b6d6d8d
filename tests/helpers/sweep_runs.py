"""Sweeps that tests run: their grids, stimuli and executors."""

import contextlib
import itertools
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast.sweeps import sweep, tasks

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")

GRID = {"gNa": [90.0, 100.0, 120.0], "current": [0.0, 4.0, 10.0, 20.0, 60.0], "EKleak": [9.0, 10.6]}


WAVE = np.repeat([0.0, 5.0, -20.0, 5.0], [100, 700, 200, 500])


SPAWN = multiprocessing.get_context("spawn")


def raises(kind, message):
    note = rf"(\n{tasks.NOTE} [\w ,.]+)?"
    return pytest.raises(kind, match=f"^{re.escape(message)}{note}$")


def cut(monkeypatch, cells):
    """Have chunks of at most so many cells."""
    monkeypatch.setattr(sweep, "LEAST_CELLS", 1)
    monkeypatch.setattr(sweep, "MOST_CELLS", cells)


def short(model=None, grid=GRID, stimulus=2.0, dt=0.01, **options):
    if np.ndim(stimulus) == 0:
        options = {"duration": 15.0} | options
    return pyhh.sweep(
        pyhh.HHModel.at_rest() if model is None else model, grid, stimulus, dt, **options
    )


def crossed(grid):
    """Return the values at each point of a grid, by name."""
    return dict(zip(grid, zip(*itertools.product(*grid.values()), strict=True), strict=True))


WHERE = (
    r"^mine\nIn the chunk of a sweep with gNa from \d+ to \d+, current from \d+ to \d+, "
    r"EKleak from 9 to 10\.6\.$"
)


@contextlib.contextmanager
def executors(name):
    if name == "threads":
        with ThreadPoolExecutor(3) as pool:
            yield pool
    elif name == "processes":
        with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
            yield pool
    else:
        yield None

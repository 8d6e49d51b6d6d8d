"""Which build of the compiled time loops this process uses; all steppers get them here.

They are compiled for several instruction sets; this is the best that the CPU has, or a lower one
that the environment variable PYHH_FAST_SIMD names.
"""

import importlib

# Before the first compiled module: Cython's initialisation of a module imports `inspect`, without
# a check for failure, and crashes the process where Ctrl-C or a lack of memory ends that import. A
# completed import cannot be interrupted.
import inspect as inspect
import os

import numpy as np

from pyhh_fast import _cpu
from pyhh_fast._version import __version__
from pyhh_fast.typing import StructArray


def chosen_level(requested: str | None, available: list[str]) -> str:
    """Return the level to use: `requested`, if given, or the best, which is the last, available."""
    if not requested:
        return available[-1]
    if requested not in available:
        raise ValueError(
            f"PYHH_FAST_SIMD must be one of {', '.join(available)} on this CPU; got {requested!r}. "
            "Unset it to have the best."
        )
    return requested


LEVEL = chosen_level(os.environ.get("PYHH_FAST_SIMD"), _cpu.levels())
BUILD = f"{__version__}, sources {_cpu.SOURCES[:12]}, {'without' if LEVEL == 'v2' else 'with'} FMA"
"""Results of equal builds have the same bits."""

loops = importlib.import_module(f"pyhh_fast._loops_{LEVEL}")


def struct(kind: np.dtype[np.void], **values: float) -> StructArray:
    """Return a struct of the kernels, an array of shape (1,); fields that are not given are 0."""
    array = np.zeros(1, kind)
    for name, value in values.items():
        array[name] = value
    return array

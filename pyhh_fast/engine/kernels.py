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
from collections.abc import Iterable, Mapping, Sequence

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

NO_CONDUCTANCE = np.empty(0)
NO_CONDUCTANCES = np.empty((0, 0))
"""What time loops take of one neuron, and of many, where no conductance is put in."""


def struct(kind: np.dtype[np.void], **values: float) -> StructArray:
    """Return a struct of the kernels, an array of shape (1,); fields that are not given are 0."""
    array = np.zeros(1, kind)
    for name, value in values.items():
        array[name] = value
    return array


Place = tuple[str, tuple[int, ...]]
"""A field, and an index into it."""


class RecordFields:
    """Where V, the gates and the currents of a neuron are in the structs of the time loops.

    Parameters
    ----------
    shape : structured array, shape (1,)
        Of loops.SHAPE.
    gates, currents : sequence of str
        Their names, in the order in which they are recorded.
    """

    def __init__(self, shape: StructArray, gates: Sequence[str], currents: Sequence[str]) -> None:
        lanes, channels = shape["lane_of_gate"][0], shape["channel_of_current"][0]
        self._state: dict[str, Place] = {"V": ("V", (0,))}
        for name, lane in zip(gates, lanes.tolist(), strict=False):
            self._state[name] = ("x", (0, lane))
        self._all = self._state.copy()
        for name, channel in zip(currents, channels.tolist(), strict=False):
            self._all[name] = ("I", (0, channel))
        self._all["V_before"] = ("V_before", (0,))
        self.names = tuple(self._all)
        self.currents = len(currents)

    def state(self, struct: StructArray) -> tuple[float, ...]:
        """Return V and the gates of a record, or of the run of an adaptive method."""
        return tuple(float(struct[field][index]) for field, index in self._state.values())

    def put_state(self, struct: StructArray, state: Iterable[float]) -> None:
        """Set V and the gates."""
        for (field, index), value in zip(self._state.values(), state, strict=True):
            struct[field][index] = value

    def values(self, record: StructArray) -> dict[str, float]:
        """Return all that is known between two steps: the state, the currents, and V before."""
        return {name: float(record[field][index]) for name, (field, index) in self._all.items()}

    def put_values(self, record: StructArray, values: Mapping[str, float]) -> None:
        """Set some of it."""
        for name, value in values.items():
            field, index = self._all[name]
            record[field][index] = value


def fields_of_hodgkin_huxley(gates: Sequence[str], currents: Sequence[str]) -> RecordFields:
    """Return the fields of the neuron of Hodgkin and Huxley."""
    return RecordFields(loops.HODGKIN_HUXLEY, gates, currents)

"""Stimuli that lie in an array, perhaps in a file: read piece by piece, and checked."""

from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.typing import FloatArray

RULE = "must be a 1-D array of finite numbers (µA/cm²)"


def source(name: str, value: Any) -> tuple[Any, int]:
    """Return what gives numbers where it is sliced, and how many, without reading them.

    Of what is sliced by labels, as in pandas, it is what is sliced by position.
    """
    if isinstance(value, list | tuple | range):
        value = validation.waveform(name, value, advice="")
    unsliceable = validation.is_scalar(value) or isinstance(value, str | bytes | dict)
    if unsliceable or not hasattr(value, "__getitem__"):
        raise TypeError(f"{name} {RULE}; got {validation.shown(value)}.")
    try:
        shape = tuple(value.shape) if hasattr(value, "shape") else (len(value),)
        kind = np.dtype(value.dtype).kind if hasattr(value, "dtype") else "f"
    except TypeError:
        raise TypeError(f"{name} {RULE}; got {validation.shown(value)}.") from None
    if kind not in "biuf":
        raise TypeError(
            f"{name} {RULE}; got an array of {value.dtype}. Convert it to numbers first."
        )
    if len(shape) != 1:
        raise ValueError(f"{name} {RULE}; got {len(shape)} dimensions, shape {shape}.")
    return getattr(value, "iloc", value), int(shape[0])


def read(name: str, values: Any, start: int, out: FloatArray) -> None:
    """Fill `out` with the values from `start` on; all must be finite."""
    stop = start + len(out)
    part = np.asanyarray(values[start:stop])
    if part.shape != out.shape or part.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} {RULE}; got an array of {part.dtype} with shape {part.shape} from index "
            f"{start} to {stop}. Leave it as it was."
        )
    with np.errstate(over="ignore"):
        out[:] = part
    mask: Any = getattr(part, "mask", np.False_)
    good = np.isfinite(out) & ~mask
    if not good.all():
        at = int(np.argmin(good))
        raise ValueError(
            f"{name} {RULE}; got {part[at]!s} at index {start + at}. Replace or remove it."
        )

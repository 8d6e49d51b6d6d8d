"""Stimuli that lie in an array, perhaps in a file: read piece by piece, and checked."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.reader import State
from pyhh_fast.typing import FloatArray

RULE = "must be a 1-D array of finite numbers (µA/cm²)"


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class from_array(Stimulus):
    """A stimulus from an array, one value a step, which is read piece by piece.

    It has as many `steps`. Its description lacks the values.

    Parameters
    ----------
    values : array_like, shape (steps,), µA/cm²
        Whatever can be sliced and has a length or a shape: an array of NumPy, in memory or of a
        file (`numpy.memmap`), of Zarr, of HDF5. Ints and float32 are welcome. A list is
        converted; anything else is not copied, and must stay as it is.

    Raises
    ------
    TypeError
        If it cannot be sliced, or if its elements are no real numbers.
    ValueError
        If it has other than one dimension; when it is read, if a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import stimuli
    >>> stimulus = stimuli.from_array(np.arange(5)) + 10
    >>> stimulus.steps
    5
    >>> stimulus.to_array(3, dt=0.01)
    array([10., 11., 12.])
    """

    values: Any
    size: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        values, size = _sliceable("values", self.values)
        vars(self).update(values=values, size=size)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, from_array):
            return NotImplemented
        mine, theirs = self.values, other.values
        if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
            return np.array_equal(mine, theirs)
        return mine is theirs

    def __hash__(self) -> int:
        return hash((self.kind, self.size))

    def __repr__(self) -> str:
        return f"from_array(<{self.size} values>)"

    @property
    def steps(self) -> int:
        """Number of values there are."""
        return self.size

    def description(self) -> dict[str, Any]:
        """As :meth:`pyhh_fast.stimuli.Stimulus.description`."""
        return {"kind": self.kind, "steps": self.size}

    def _at(self, step: int) -> State:
        return {"step": step}

    def _arrays(self) -> Iterator[tuple[str, int]]:
        yield from ()  # its values are of one cell

    def _of_cells(self, cells: Any, streams: Any) -> Self:
        return self

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        _read("stimulus", self.values, state["step"], values[0])
        values[1:] = values[0]
        return {"step": state["step"] + values.shape[1]}


def _sliceable(name: str, value: Any) -> tuple[Any, int]:
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


def _read(name: str, values: Any, start: int, out: FloatArray) -> None:
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

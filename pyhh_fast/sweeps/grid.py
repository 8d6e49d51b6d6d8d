"""The points of a sweep, and the boxes that they are cut into."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from pyhh_fast import validation
from pyhh_fast.models.names import suggestion
from pyhh_fast.typing import FloatArray, IntArray
from pyhh_fast.variables import PARAMETERS

Shape = tuple[int, ...]


class Axis(NamedTuple):
    """What there may be along a dimension of a grid.

    Attributes
    ----------
    unit : str
        "1" where there is none; empty where it is not known.
    positive : bool, default False
        Whether all numbers must be above 0.
    declared : bool, default False
        Whether a subclass declares it: rates may depend on it.
    of_stimulus : bool, default False
        Whether it is an argument of a function that makes the stimulus.
    """

    unit: str
    positive: bool = False
    declared: bool = False
    of_stimulus: bool = False


CURRENT = {"current": Axis("µA/cm²")}
"""What any grid may have."""

OF_MODELS = {name: Axis(one.unit, one.positive) for name, one in PARAMETERS.items()} | CURRENT
"""What the grid of a model may have."""

POINT = "point"
"""The dimension of zipped arrays."""


class Grid:
    """Values of parameters and of the current, crossed or zipped.

    Raise TypeError or ValueError if a name or a value cannot be used, or zipped arrays differ in
    length.

    Parameters
    ----------
    known : dict of str to Axis, default that of models
        What it may have.
    closest : callable
        Takes a name and those that are known; returns a sentence that suggests one of them.

    Attributes
    ----------
    axes : dict of ndarray
    dimensions : tuple of str
    shape : tuple of int
    chunk : tuple of int
        Of the boxes, the last along each dimension apart. Number i, j, … is that which begins at
        point i chunk[0], j chunk[1], …; one box is all there is until `cut`, or until it is set.
    """

    def __init__(
        self,
        grid: Mapping[str, Any],
        crossed: bool,
        known: Mapping[str, Axis] = OF_MODELS,
        closest: Callable[..., str] = suggestion,
    ) -> None:
        conductances = (name for name, axis in known.items() if axis.unit == "mS/cm²")
        advice = f"Pass for example {{{next(conductances)!r}: [80, 100, 120]}}."
        validation.instance("grid", grid, Mapping, "a mapping of names to arrays", advice)
        if not grid:
            raise ValueError(f"grid must have one name or more; got none. {advice}")
        self.axes: dict[str, FloatArray] = {}
        for name, values in grid.items():
            axis = known[validation.choice("grid's names", name, known, closest)]
            self.axes[name] = _axis(name, values, axis)
        self._known = known
        lengths = tuple(map(len, self.axes.values()))
        if not crossed and len(set(lengths)) > 1:
            got = ", ".join(map("{} {}".format, self.axes, lengths))
            raise ValueError(
                f"grid must have arrays of one length where product=False; got {got}. "
                "With product=True they are crossed."
            )
        self.crossed = crossed
        self.dimensions = tuple(self.axes) if crossed else (POINT,)
        self.shape: Shape = lengths if crossed else lengths[:1]
        self.chunk: Shape = self.shape

    def coordinates(self) -> dict[str, tuple[str, FloatArray, dict[str, Any]]]:
        """Return the dimension, the values and the attributes of each array."""
        return {
            name: (
                name if self.crossed else POINT,
                values,
                {"units": unit} if (unit := self._known[name].unit) else {},
            )
            for name, values in self.axes.items()
        }

    def cut(self, cells: int) -> None:
        """Cut into boxes of at most `cells` points, whole along the last dimensions.

        Parameters that a subclass declares have one value in a box: rates may depend on them.
        """
        chunk = []
        custom = self.custom
        for size, name in zip(reversed(self.shape), reversed(self.dimensions), strict=True):
            single = name in custom or (custom and not self.crossed)
            parts = -(-size // (1 if single else max(1, min(size, cells))))
            chunk.append(-(-size // parts))  # all about as large
            cells //= chunk[-1]
        self.chunk = tuple(reversed(chunk))

    @property
    def custom(self) -> tuple[str, ...]:
        """The names of parameters that a subclass declares."""
        return tuple(name for name in self.axes if self._known[name].declared)

    @property
    def of_model(self) -> dict[str, FloatArray]:
        """The axes that are not the stimulus's."""
        return {k: axis for k, axis in self.axes.items() if not self._known[k].of_stimulus}

    def of_stimulus(self) -> dict[str, FloatArray]:
        """Return the values of those that are the stimulus's, at all points in the order of C."""
        found = {k: axis for k, axis in self.axes.items() if self._known[k].of_stimulus}
        if self.crossed:
            sides = dict(zip(self.axes, np.ix_(*self.axes.values()), strict=True))
            found = {name: np.broadcast_to(sides[name], self.shape).ravel() for name in found}
        return found

    def indices(self, number: Shape) -> IntArray:
        """Return which of all points, in the order of C, those of a box are."""
        sides = np.ix_(*(np.arange(part.start, part.stop) for part in self.box(number)))
        found: IntArray = np.ravel_multi_index(sides, self.shape).ravel()
        return found

    @property
    def chunks(self) -> Shape:
        """How many boxes there are along each dimension."""
        return tuple(-(-n // part) for n, part in zip(self.shape, self.chunk, strict=True))

    def numbers(self) -> Iterator[Shape]:
        """Yield the numbers of all boxes, along each dimension."""
        return itertools.product(*map(range, self.chunks))

    def box(self, number: Shape) -> tuple[slice, ...]:
        """Return where a box is."""
        places = zip(number, self.chunk, self.shape, strict=True)
        return tuple(slice(i * part, min((i + 1) * part, n)) for i, part, n in places)

    def part(self, number: Shape) -> dict[str, FloatArray]:
        """Return the values in a box, still to be crossed where they are."""
        box = self.box(number)
        boxes = box if self.crossed else box * len(self.axes)
        pairs = zip(self.axes.items(), boxes, strict=True)
        return {name: values[where] for (name, values), where in pairs}


def points(part: dict[str, FloatArray], crossed: bool) -> dict[str, FloatArray]:
    """Return the values at each point of a box, in the order of C."""
    if not crossed:
        return part
    crossing = np.meshgrid(*part.values(), indexing="ij")
    return {name: values.ravel() for name, values in zip(part, crossing, strict=True)}


def _axis(name: str, value: Any, axis: Axis) -> FloatArray:
    """Return the numbers along one dimension of a grid; there must be one or more."""
    kind = "positive, finite" if axis.positive else "finite"
    rule = f"a 1-D array of one or more {kind} numbers"
    unit = axis.unit.removeprefix("1")
    values = validation.array_of_numbers(name, value, rule, unit=unit, positive=axis.positive)
    if values.size == 0:
        raise ValueError(validation.message(name, rule, "none", unit=unit))
    return values

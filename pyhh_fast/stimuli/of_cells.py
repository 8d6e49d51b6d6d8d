"""What of a stimulus differs from cell to cell of a population: parameters, streams of noise."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np

from pyhh_fast import validation
from pyhh_fast.typing import IntArray

MOST_CELLS = 2**62
"""Of a population; streams that a seed has."""

CALLED = {"length": "duration", "delay": "by", "skip": "by"}
"""What users call some parameters."""


class OfCells:
    """A stimulus of which each cell may have its own."""

    kind: ClassVar[str]
    """Name of the class in repr and descriptions."""

    def of_cell(self, cell: int) -> Self:
        """Return the stimulus as a cell of a population has it.

        Parameters
        ----------
        cell : int
            Its number, from 0.

        Returns
        -------
        Stimulus
            Of parameters that are arrays it has those of the cell. Noise has a stream of its own
            for each cell, that of cell 0 is the stimulus itself.

        Raises
        ------
        TypeError, ValueError
            If `cell` is no number of a cell.

        Examples
        --------
        >>> from pyhh_fast import stimuli
        >>> (stimuli.step([5, 10, 20], 50, 100) + stimuli.white_noise(3, seed=1)).of_cell(2)
        step(20, 50, 100) + white_noise(3, 1, cell=2)
        """
        most = MOST_CELLS if self.cells in (None, 1) else self.cells
        number = validation.index("cell", cell, most)
        return self._of_cells(number, number)

    @property
    def cells(self) -> int | None:
        """Of how many cells its parameters are; None where all are numbers."""
        lengths = [length for _, length in self._arrays()]
        return next((n for n in lengths if n != 1), 1) if lengths else None

    @property
    def differs_by_cell(self) -> bool:
        """Whether cells of a population have different values, by noise or by parameters."""
        return self.cells not in (None, 1) or any(part.differs_by_cell for part in self._inner())

    @property
    def conducts(self) -> bool:
        """Whether a conductance is in it, so that the current depends on V."""
        return any(part.conducts for part in self._inner())

    def _check_of_one_cell(self) -> None:
        """Raise ValueError where parameters are arrays."""
        if self.cells is not None:
            raise ValueError(
                f"stimulus must be of one cell; got {self!r}, of {self.cells}. Run a Population of "
                "as many, or take of_cell(number). For a product at each step pass "
                "stimuli.from_array(values * stimulus.to_array(steps, dt))."
            )

    def _inner(self) -> "tuple[OfCells, ...]":
        """Return the stimuli that it is made of."""
        return ()

    def _arrays(self) -> Iterator[tuple[str, int]]:
        """Yield the names and the lengths of parameters that are arrays."""
        of = "" if self._inner() else f" of {self.kind}"
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                yield f"{CALLED.get(name, name)}{of}", len(value)
        for part in self._inner():
            yield from part._arrays()

    def _leaves(self) -> Iterator[tuple[str, Any]]:
        """Yield kinds, and the names and values of all parameters."""
        yield "kind", self.kind
        for name, value in vars(self).items():
            if not isinstance(value, OfCells | tuple):
                yield name, value
        for part in self._inner():
            yield from part._leaves()

    def _of_cells(self, cells: int | slice | IntArray, streams: Any) -> Self:
        """Return the stimulus of one cell, or some: with their numbers of parameters.

        Parameters
        ----------
        streams : int, or ndarray of uint64, shape (cells,)
            What to add to the number of the stream of noise. With 0 all have the same.
        """
        chosen: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, OfCells):
                chosen[name] = value._of_cells(cells, streams)
            elif isinstance(value, tuple):
                chosen[name] = tuple(part._of_cells(cells, streams) for part in value)
            elif isinstance(value, np.ndarray):
                one = len(value) == 1  # that of all
                if isinstance(cells, int):
                    chosen[name] = value[0 if one else cells].item()
                else:
                    chosen[name] = value if one else value[cells]
        return self._with(**chosen) if chosen else self

    def _with(self, **parameters: Any) -> Self:
        """Return it with other parameters, which need no validation."""
        made = object.__new__(type(self))
        vars(made).update(vars(self) | parameters)
        return made

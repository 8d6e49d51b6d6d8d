"""The Zarr store of a sweep: what is done is there whole, whatever moment the run was killed at.

It is Zarr's format 3, written here and not by its library: every file is written beside its place
and moved there, and a chunk of the sweep is one file of each array, uncompressed. So a file that is
there is complete, and says that its chunk is done. xarray and every other reader of Zarr open it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from pyhh_fast import stored_rates, zarr_files
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.stored_rates import Table
from pyhh_fast.sweep_grid import Grid, Shape
from pyhh_fast.zarr_files import METADATA, ZarrArray, array_metadata

RATES = stored_rates.GROUP
"""A name no variable has."""

DIVERGED = {"note": "step at which a cell stopped being finite; -1 for none"}

SAME_START = 1e-9
"""Starts as near as that are one, in mV and fractions: another CPU may find them differently."""


class SweepStore:
    """What is done of a sweep; made, or opened again. One run at a time may write to it.

    Parameters
    ----------
    path : Path
    description : dict
        What makes it this sweep and no other, apart from the grid; numbers, text and lists.
    grid : Grid
        A store has the chunks that it was made with: the grid is cut as that says.
    name : str
        Of the array of values, beside `diverged_at`; it is made with the first of them.
    attributes : dict
        Of the same.

    Attributes
    ----------
    description : dict
        As it stands in the store.

    Raises
    ------
    ValueError
        If something else is there, or a store of another sweep.
    """

    def __init__(
        self,
        path: Path,
        description: dict[str, Any],
        grid: Grid,
        name: str,
        attributes: dict[str, Any],
    ) -> None:
        self._path, self._grid, self._name, self._attributes = path, grid, name, attributes
        if path.exists() and not (path.is_dir() and _is_ours(path)):
            raise ValueError(
                f"out must be a store of a sweep, or new; got {str(path)!r}, where something else "
                "is. Name another."
            )
        if not (path / METADATA).exists():
            path.mkdir(parents=True, exist_ok=True)
            self._write(description, {})
        self.description = self._opened(description)
        self._arrays: dict[str, ZarrArray] = {}
        for key, (dimension, axis, units) in grid.coordinates().items():
            array = ZarrArray.made(
                path / key,
                array_metadata("float64", axis.shape, axis.shape, [dimension], units),
            )
            kept = array.read((0,))
            if kept is None:
                array.write((0,), axis)
            elif not np.array_equal(kept, axis):
                self._refuse(f"other values of {key} in its grid")
            self._arrays[key] = array
        diverged_at = self._make("diverged_at", "int64", (), DIVERGED)
        grid.chunk = diverged_at.chunk
        if ZarrArray.exists(path / name):
            self._arrays[name] = ZarrArray.opened(path / name)
        self._list()

    def write(self, number: Shape, arrays: dict[str, np.ndarray]) -> None:
        """Keep a chunk of each array; it is done when the last is there."""
        for name, values in arrays.items():
            more = values.shape[len(number) :]
            if name not in self._arrays:
                self._make(name, values.dtype, more, self._attributes)
                self._list()
            self._arrays[name].write((*number, *[0] * len(more)), values)

    def read(self, number: Shape) -> dict[str, np.ndarray] | None:
        """Return a chunk of each array, or None where it is not done."""
        found = {}
        for name in ("diverged_at", self._name):
            if name not in self._arrays:
                return None
            array = self._arrays[name]
            whole = array.read((*number, *[0] * (len(array.shape) - len(number))))
            if whole is None:
                return None
            box = self._grid.box(number)
            found[name] = whole[tuple(slice(part.stop - part.start) for part in box)]
        return found

    def _make(self, name: str, dtype: Any, more: Shape, attributes: dict[str, Any]) -> ZarrArray:
        """Have an array over the grid, and over rows of the shape `more`."""
        grid = self._grid
        dimensions = [*grid.dimensions, *["column"] * len(more)]
        if not grid.crossed:  # what xarray would not take for coordinates by itself
            attributes = {**attributes, "coordinates": " ".join(grid.axes)}
        shape, chunk = grid.shape + more, grid.chunk + more
        array = self._arrays[name] = ZarrArray.made(
            self._path / name, array_metadata(dtype, shape, chunk, dimensions, attributes)
        )
        return array

    def _list(self) -> None:
        listed = {name: array.metadata for name, array in self._arrays.items()}
        self._write(self.description, listed)

    def _write(self, description: dict[str, Any], listed: dict[str, Any]) -> None:
        group = zarr_files.group_metadata(description, listed)
        zarr_files.replace(self._path / METADATA, zarr_files.as_json(group))

    def table(self) -> RateTable | None:
        """Return the widest table of rates that was kept."""
        files = self._path.glob(f"{RATES}/*/{METADATA}")
        kept = [stored_rates.read(ZarrArray.opened(file.parent)) for file in files]
        whole = [table for table in kept if table is not None]
        widest = max(whole, key=lambda table: table.rows.shape, default=None)
        return None if widest is None else stored_rates.table_of(widest)

    def keep_table(self, table: RateTable) -> None:
        """Keep a table before anything is computed with it, here or on another machine."""
        kept = Table(table.rows, stored_rates.attributes_of(table))
        stored_rates.write(self._path, stored_rates.name_of(table), kept)

    def refuse_rates(self) -> None:
        """Raise for a model with other rates."""
        self._refuse("other rates of the model")

    def _opened(self, description: dict[str, Any]) -> dict[str, Any]:
        """Return the description as it stands in the store, having seen that it is this one."""
        kept: dict[str, Any] = zarr_files.read_json(self._path)["attributes"]
        for name, value in description.items():
            if name == "start" and name in kept:
                if np.allclose(kept[name], value, rtol=0, atol=SAME_START):
                    continue
            elif name in kept and kept[name] == value:
                continue
            self._refuse(f"{name} {kept.get(name)!r} instead of {value!r}")
        return kept

    def _refuse(self, got: str) -> None:
        raise ValueError(
            f"out must be a store of this sweep, or new; got {str(self._path)!r} with {got}. "
            "Name another, or remove it."
        )


def _is_ours(directory: Path) -> bool:
    """Whether a sweep is there, or nothing but what a run leaves that was killed at once."""
    if (directory / METADATA).exists():
        return "build" in zarr_files.read_json(directory).get("attributes", {})
    return all(file.name == f"{METADATA}{zarr_files.PART}" for file in directory.iterdir())

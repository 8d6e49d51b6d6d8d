"""The Zarr store of a sweep: what is done is there whole, whatever moment the run was killed at.

It is Zarr's format 3, written here and not by its library: every file is written beside its place
and moved there, and a chunk of the sweep is one file of each array, uncompressed. So a file that is
there is complete, and says that its chunk is done. xarray and every other reader of Zarr open it.
"""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyhh_fast.rate_tables import RateTable
from pyhh_fast.sweep_grid import Grid, Shape

FILL = {"f": np.nan, "i": -2}
"""What stands for a chunk that is not done."""

RATES = "rates"
"""The group with tables of rates; a name no variable has."""

DIVERGED = {"note": "step at which a cell stopped being finite; -1 for none"}

SAME_START = 1e-9
"""Starts as near as that are one, in mV and fractions: another CPU may find them differently."""


class ZarrArray:
    """An array in a directory of its own.

    Parameters
    ----------
    path : Path
        Where it is, or, given the rest, where it is made if it is not there.
    """

    def __init__(
        self,
        path: Path,
        dtype: Any = None,
        shape: Shape = (),
        chunk: Shape = (),
        dimensions: Sequence[str] | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self.path = path
        if not self.exists(path):
            _write_json(path, _array_metadata(dtype, shape, chunk, dimensions, attributes))
        metadata = self.metadata = _read_json(path)
        self.dtype = np.dtype(metadata["data_type"]).newbyteorder("<")
        self.shape: Shape = tuple(metadata["shape"])
        self.chunk: Shape = tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether there is an array."""
        return (path / "zarr.json").exists()

    def write(self, number: Shape, values: np.ndarray) -> None:
        """Write a chunk, or the part of it that is within the array."""
        whole = np.full(self.chunk, FILL[self.dtype.kind], self.dtype)
        whole[tuple(slice(n) for n in values.shape)] = values
        _replace(self._file(number), whole.tobytes())

    def read(self, number: Shape) -> np.ndarray | None:
        """Return a chunk, whole, or None where it was not written."""
        try:
            found = np.fromfile(self._file(number), self.dtype)
        except FileNotFoundError:
            return None
        # What a machine that lost its power leaves may be short.
        return found.reshape(self.chunk) if found.size == math.prod(self.chunk) else None

    def _file(self, number: Shape) -> Path:
        return self.path.joinpath("c", *map(str, number))


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
        if not (path / "zarr.json").exists():
            _write_json(path, _group_metadata(description, {}))
        self.description = self._opened(description)
        self._arrays: dict[str, ZarrArray] = {}
        for key, (dimension, axis, units) in grid.coordinates().items():
            array = ZarrArray(path / key, "float64", axis.shape, axis.shape, [dimension], units)
            kept = array.read((0,))
            if kept is None:
                array.write((0,), axis)
            elif not np.array_equal(kept, axis):
                self._refuse(f"other values of {key} in its grid")
            self._arrays[key] = array
        diverged_at = self._make("diverged_at", "int64", (), DIVERGED)
        grid.chunk = diverged_at.chunk
        if ZarrArray.exists(path / name):
            self._arrays[name] = ZarrArray(path / name)
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
        array = self._arrays[name] = ZarrArray(
            self._path / name, dtype, grid.shape + more, grid.chunk + more, dimensions, attributes
        )
        return array

    def _list(self) -> None:
        listed = {name: array.metadata for name, array in self._arrays.items()}
        _write_json(self._path, _group_metadata(self.description, listed))

    def table(self) -> RateTable | None:
        """Return the widest table of rates that was kept."""
        kept = [ZarrArray(file.parent) for file in self._path.glob(f"{RATES}/*/zarr.json")]
        for array in sorted(kept, key=lambda array: array.shape, reverse=True):
            rows = array.read((0, 0, 0))
            if rows is not None:
                return RateTable(rows, **array.metadata["attributes"])
        return None

    def keep_table(self, table: RateTable) -> None:
        """Keep a table before anything is computed with it, here or on another machine."""
        path = self._path / RATES
        if not (path / "zarr.json").exists():
            _write_json(path, _group_metadata({}, {}))
        rows = table.rows
        attributes = {"first": table.first, "width": table.width}
        path /= f"rows_{table.first}_to_{table.first + len(rows) - 1}"
        array = ZarrArray(path, "float64", rows.shape, rows.shape, None, attributes)
        array.write((0, 0, 0), rows)

    def refuse_rates(self) -> None:
        """Raise for a model with other rates."""
        self._refuse("other rates of the model")

    def _opened(self, description: dict[str, Any]) -> dict[str, Any]:
        """Return the description as it stands in the store, having seen that it is this one."""
        kept: dict[str, Any] = _read_json(self._path)["attributes"]
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


def _group_metadata(attributes: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    # Without a list of its arrays, even an empty one, xarray warns that opening is slow.
    listed = {"kind": "inline", "must_understand": False, "metadata": arrays}
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    return {**group, "consolidated_metadata": listed}


def _array_metadata(
    dtype: Any,
    shape: Shape,
    chunk: Shape,
    dimensions: Sequence[str] | None,
    attributes: dict[str, Any] | None,
) -> dict[str, Any]:
    kind = np.dtype(dtype)
    metadata: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": kind.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if kind.kind == "f" else FILL[kind.kind],
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": attributes or {},
    }
    if dimensions is not None:
        metadata["dimension_names"] = list(dimensions)
    return metadata


def _is_ours(directory: Path) -> bool:
    """Whether a sweep is there, or nothing but what a run leaves that was killed at once."""
    if (directory / "zarr.json").exists():
        return "build" in _read_json(directory).get("attributes", {})
    return all(file.name == "zarr.json.part" for file in directory.iterdir())


def _read_json(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "zarr.json").read_bytes())
    return content


def _write_json(directory: Path, content: dict[str, Any]) -> None:
    _replace(directory / "zarr.json", json.dumps(content, indent=2).encode())


def _replace(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, even after a kill or a loss of power."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

"""Directories of stores: where a new one may be made, and what dead processes have left there.

RunStore uses it, and of it the sweeps the check of endings.
"""

import os
import shutil
from pathlib import Path

from pyhh_fast.storage.locks import DirectoryLock
from pyhh_fast.storage.zarr_files import PART

MOST_TRIES = 20
"""Names of a directory that are tried."""

TEXTS = {".asc", ".csv", ".dat", ".json", ".tsv", ".txt", ".xls", ".xlsx"}
ARRAYS = {".arrow", ".cdf", ".feather", ".h5", ".hdf", ".hdf5", ".mat", ".nc", ".nc4", ".npy"}
ARRAYS |= {".npz", ".parquet", ".pickle", ".pkl"}
FIGURES = {".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".tiff"}
ARCHIVES = {".bz2", ".db", ".gz", ".sqlite", ".tar", ".xz", ".zip"}
OTHER_FORMATS = TEXTS | ARRAYS | FIGURES | ARCHIVES
"""Endings of files of other formats."""


def check_ending(argument: str, path: str) -> None:
    """Refuse the name of another format for the directory of a store."""
    ending = Path(path).suffix
    if ending.lower() in OTHER_FORMATS:
        other = "numpy.savez('run.npz', Vm=recording.Vm)" if argument == "to" else "to_netcdf"
        raise ValueError(
            f"{argument} must be a path for a Zarr directory; got {path!r}, whose name is that of "
            f"another format, {ending}. Name it .zarr, or leave {argument} out and save what is "
            f"returned, as by {other}."
        )


def check_new(name: str, target: Path) -> None:
    """Refuse a path where something is, or whose parent is missing; errors call it `name`."""
    if os.path.lexists(target):
        raise exists_error(name)
    if not target.parent.is_dir():
        raise ValueError(
            f"to must be in a directory that is there; got {name!r}, and {str(target.parent)!r} is "
            "none. Make it, or name another."
        )


def exists_error(name: str) -> ValueError:
    """Return the error for a new store where something is."""
    return ValueError(
        f"to must be a new path; got {name!r}, which exists. Continue it by Simulation.resume, "
        "remove it, or name another."
    )


def make_part(target: Path) -> DirectoryLock:
    """Return a new directory beside `target`, locked, in which a store is until its first commit.

    Those of processes that died are removed.
    """
    head = f".{target.name}."
    for other in list(target.parent.iterdir()):
        if other.name.startswith(head) and other.name.endswith(PART):
            _remove_if_dead(other)
    number = 0
    while True:
        part = target.with_name(f"{head}{os.getpid()}-{number}{PART}")
        try:
            part.mkdir()
            return DirectoryLock(part)
        except (FileExistsError, FileNotFoundError, BlockingIOError):
            # Another process that removes those of dead ones may have seen it before it was
            # locked. Some file systems, as /proc, answer ENOENT whatever one tries to make.
            if number >= MOST_TRIES or not target.parent.is_dir():
                raise
            number += 1


def _remove_if_dead(part: Path) -> None:
    try:
        lock = DirectoryLock(part)
    except OSError:  # the process that holds the lock is alive
        return
    if lock.held:
        lock.remove()
    else:
        lock.release()


def remove_left_over(directory: Path, endings: tuple[str, ...]) -> None:
    """Remove files with these endings from the directory of an array or a group."""
    for folder in (directory, directory / "c"):
        there = folder.is_dir() and not folder.is_symlink()
        for file in list(folder.iterdir()) if there else []:
            if file.name.endswith(endings) and not file.is_dir():
                file.unlink()


def remove(directory: Path) -> None:
    """Remove a directory, or a link to one, if it is there."""
    if directory.is_symlink():
        directory.unlink()
    elif directory.exists():
        shutil.rmtree(directory)

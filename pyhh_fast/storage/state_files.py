"""Files of Simulation.save_state: what runs and its state as JSON; nothing is run or unpickled."""

import base64
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pyhh_fast._version import __version__
from pyhh_fast.errors import NO_ROOM, with_advice
from pyhh_fast.storage import regular_files, saved, stored_tables
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.storage.zarr_files import from_json, replace

FORMAT = 1

KEYS = {"state_file", "version", "table"}
"""What a file has beside the description."""

MOST = 2**27
"""Bytes of the largest file that is read; the finest table takes two thirds of that."""


def save(path: str, subject: Any) -> None:
    """Do as :meth:`pyhh_fast.Simulation.save_state`, with a model or the state of a neuron."""
    savable = saved.savable(subject, "Pickle it instead.")
    _check_file(path)
    stored = None
    if (table := savable.table()) is not None:
        rows = table.rows.astype("<f8").tobytes()
        stored = stored_tables.attributes_of(table)
        stored["rows"] = base64.b64encode(rows).decode("ascii")
        if savable.key == "neuron":  # files of models had no digest from the first
            stored["sha256"] = hashlib.sha256(rows).hexdigest()
    content = {
        "state_file": FORMAT,
        "version": __version__,
        savable.key: savable.description(),
        "table": stored,
    }
    try:
        replace(Path(path).absolute(), json.dumps(content, indent=1).encode())
    except OSError as error:
        advice = "path must be where a file can be written: it is as it was."
        if error.errno in NO_ROOM:
            advice = "The file is as it was. Free space, or name a file on another disk."
        raise with_advice(error, advice, path) from error


def _check_file(path: str) -> None:
    """Refuse to replace what is neither a file nor a link to one."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # nothing is there, or writing will raise the error
    if not stat.S_ISREG(mode):
        kind = regular_files.KINDS.get(stat.S_IFMT(mode), "no file")
        raise ValueError(
            f"path must be that of a file to be written; got {path!r}, which is {kind}. Name "
            "another, such as 'state.json'."
        )


def load(path: str, given: Any) -> Any:
    """Return the model, or the state of the neuron, that was saved, `given` or made again."""
    try:
        # Links are followed: the path is the user's.
        content = regular_files.read(os.path.realpath(path), MOST)
    except regular_files.TooLarge:
        _refuse(path, "a larger file")
    except regular_files.NotRegular as error:
        advice = ". The store of a run is continued by Simulation.resume" * os.path.isdir(path)
        _refuse(path, f"{error}{advice}")
    try:
        found = from_json(content)
        known = isinstance(found, dict) and set(found) in (KEYS | {"model"}, KEYS | {"neuron"})
        if not known or found["state_file"] != FORMAT:
            raise ValueError("it is something else, or of another version of pyhh_fast")
        there = saved.read(found, _table(found["table"]))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        _refuse(path, f"which cannot be read: {error}")
    return there.restored(given).subject


def _table(found: Any) -> Table | None:
    if found is None:
        return None
    attributes = dict(found)
    rows = base64.b64decode(attributes.pop("rows"), validate=True)
    if attributes.pop("sha256", None) not in (None, hashlib.sha256(rows).hexdigest()):
        raise ValueError("its table was changed")
    shape = stored_tables.shape_of_row(attributes)
    return stored_tables.table_of(np.frombuffer(rows, "<f8").reshape(-1, *shape), attributes)


def _refuse(path: str, got: str) -> NoReturn:
    raise ValueError(
        f"path must be a file that save_state has written; got {os.fspath(path)!r}, {got}"
    ) from None

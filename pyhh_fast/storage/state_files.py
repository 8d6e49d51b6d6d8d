"""Files of Simulation.save_state: a model and its state as JSON; nothing is run or unpickled."""

import base64
import contextlib
import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pyhh_fast._version import __version__
from pyhh_fast.engine.choose_stepper import check_model
from pyhh_fast.errors import NO_ROOM, with_advice
from pyhh_fast.kinetics.protocol import FrozenKinetics, NotTabulable
from pyhh_fast.models.membrane import reversals_of
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.storage import regular_files, saved_models, stored_tables
from pyhh_fast.storage.zarr_files import from_json, replace
from pyhh_fast.system.rounding import rounds_to_nearest

FORMAT = 1

KEYS = {"state_file", "version", "model", "table"}

MOST = 2**27
"""Bytes of the largest file that is read; the finest table takes two thirds of that."""


def save(path: str, model: Any) -> None:
    """Do as :meth:`pyhh_fast.Simulation.save_state`."""
    check_model(model)
    _check_file(path)
    rates = saved_models.rates_to_save(model, "Pickle it instead.")
    _extend(rates, model)
    content = {
        "state_file": FORMAT,
        "version": __version__,
        "model": saved_models.description_of(model),
        "table": None,
    }
    if rates.stored is not None:
        rows = base64.b64encode(rates.stored.rows.astype("<f8").tobytes()).decode("ascii")
        content["table"] = stored_tables.attributes_of(rates.stored) | {"rows": rows}
    try:
        replace(Path(path).absolute(), json.dumps(content, indent=1).encode())
    except OSError as error:
        advice = "path must be where a file can be written: it is as it was."
        if error.errno in NO_ROOM:
            advice = "The file is as it was. Free space, or name a file on another disk."
        raise with_advice(error, advice, path) from error


@rounds_to_nearest
def _extend(rates: FrozenKinetics, model: Any) -> None:
    """Extend the rates to the model's V, and, where that can be, to its reversal potentials."""
    try:
        rates.extend(model.Vm)
    except NotTabulable as error:
        raise ValueError(
            "model must be one that can be saved as numbers; got one of which, at its V = "
            f"{model.Vm:.6g} mV, it was found that {error}. Pickle it instead."
        ) from error
    with contextlib.suppress(NotTabulable):
        for E in reversals_of(model):
            rates.extend(E)


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


def load(path: str, model: Any) -> Any:
    """Return the model that :meth:`pyhh_fast.Simulation.load_state` makes, or has been given."""
    if model is not None:
        check_model(model)
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
        if not isinstance(found, dict) or set(found) != KEYS or found["state_file"] != FORMAT:
            raise ValueError("it is something else, or of another version of pyhh_fast")
        saved = saved_models.checked(found["model"], _table(found["table"]))
    except (LookupError, TypeError, ValueError) as error:
        _refuse(path, f"which cannot be read: {error}")
    return saved_models.rebuilt(saved, model)


def _table(found: Any) -> RateTable | None:
    if found is None:
        return None
    attributes = dict(found)
    rows = np.frombuffer(base64.b64decode(attributes.pop("rows"), validate=True), "<f8")
    return stored_tables.table_of(rows.reshape(-1, *stored_tables.ROW), attributes)


def _refuse(path: str, got: str) -> NoReturn:
    raise ValueError(
        f"path must be a file that save_state has written; got {os.fspath(path)!r}, {got}"
    ) from None

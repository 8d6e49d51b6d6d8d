"""Stores byte for byte, and what two of them have in common that hold the same run."""

import contextlib
import re
from pathlib import Path

import pytest

from pyhh_fast import stimuli

NOISE = stimuli.step(50, 70, 130) + stimuli.ornstein_uhlenbeck(5, 2, 10, seed=1)
NOISE += stimuli.poisson_epsc(500, 3, 2, seed=1)


def files(directory):
    """Return the bytes of all files below a directory, by name; None for directories."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


def shared(store):
    """Return all files of a store, by name, without its identity, which no two stores share.

    All else must be the same to the byte, the length of that text included.
    """
    found = files(store)
    found["zarr.json"], times = re.subn(
        rb'"identity": "[0-9a-f]{32}"', b'"identity": "its own"', found["zarr.json"]
    )
    assert times == 1
    return found


@contextlib.contextmanager
def killed_at_file(number):
    """Kill what is done here, as Ctrl-C does, just before the file of this number is there."""
    replace, written = Path.replace, []

    def killed(path, target):
        written.append(target)
        if len(written) == number:
            raise KeyboardInterrupt
        return replace(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            yield


REMOVED = "removed"


def change(content, path, to):
    """Set, or remove, what is at a path of keys in the content of a JSON file."""
    *way, last = path
    for key in way:
        content = content[key]
    if to == REMOVED:
        del content[last]
    else:
        content[last] = to

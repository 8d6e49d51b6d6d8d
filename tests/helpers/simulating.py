"""`pyhh-fast simulate` for the tests, in this process."""

import shlex

import matplotlib as mpl
import pytest

from pyhh_fast.cli import main as cli

USAGE = """\
usage: pyhh-fast simulate [--duration TIME] [OPTION...]
       pyhh-fast simulate --resume RUN.zarr [--duration TIME] [--plot FILE]
"""


def simulate(*arguments):
    words = [word for one in arguments for word in shlex.split(str(one))]
    return cli.main(["simulate", *words])


def refused(capsys, *arguments):
    """Return the error that wrong arguments give, after the usage."""
    with pytest.raises(SystemExit) as caught:
        simulate(*arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{USAGE}pyhh-fast simulate: error: ")
    assert err.count("\n") == 3
    return err.removeprefix(f"{USAGE}pyhh-fast simulate: error: ").rstrip("\n")


def failed(capsys, *arguments):
    """Return the error of what went wrong with files."""
    assert simulate(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pyhh-fast simulate: error: ")
    assert err.count("\n") == 1
    return err.removeprefix("pyhh-fast simulate: error: ").rstrip("\n")


def figure_size(name):
    return mpl.image.imread(name).shape[:2]

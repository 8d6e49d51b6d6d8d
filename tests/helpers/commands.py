"""Commands of pyhh-fast for the tests, in this process."""

import shlex

import matplotlib as mpl
import pytest

from pyhh_fast.cli import main as cli


def command(*arguments):
    return cli.main([word for one in arguments for word in shlex.split(str(one))])


def simulate(*arguments):
    return command("simulate", *arguments)


def refused(capsys, name, *arguments):
    """Return the error that wrong arguments of a command give, after the usage."""
    with pytest.raises(SystemExit) as caught:
        command(name, *arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    usage, _, error = err.partition(f"pyhh-fast {name}: error: ")
    assert usage.startswith(f"usage: pyhh-fast {name} [")
    assert error.count("\n") == 1
    return error.rstrip("\n")


def failed(capsys, name, *arguments):
    """Return the error of what went wrong with files."""
    assert command(name, *arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pyhh-fast {name}: error: ")
    assert err.count("\n") == 1
    return err.removeprefix(f"pyhh-fast {name}: error: ").rstrip("\n")


def figure_size(name):
    return mpl.image.imread(name).shape[:2]

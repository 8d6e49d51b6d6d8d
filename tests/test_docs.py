"""Every example in docstrings and README runs; every public name is explained."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import matplotlib as mpl
import pytest

import pyhh_fast

README = Path(__file__).parents[1] / "README.md"
# conftest.py imports the package; its modules are listed from where that lies.
MODULES = [
    f"pyhh_fast.{module.name}"
    for module in pkgutil.iter_modules(pyhh_fast.__path__)
    if not module.name.startswith("_")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_there_are_docstring_examples():
    found = [
        test
        for name in MODULES
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
        if test.examples
    ]
    assert {test.name for test in found} >= {
        "pyhh_fast.models.HHModel",
        "pyhh_fast.models.HHModel.at_rest",
        "pyhh_fast.simulations.Simulation",
        "pyhh_fast.simulations.Simulation.run",
        "pyhh_fast.recording.Recording",
    }


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public, thing in vars(module).items():
        if public.startswith("_") or getattr(thing, "__module__", None) != name:
            continue
        if inspect.isfunction(thing):
            assert thing.__doc__, public
        elif inspect.isclass(thing):
            assert thing.__doc__, public
            for method, member in vars(thing).items():
                if inspect.isfunction(member) and not method.startswith("__"):
                    documented = inspect.getdoc(getattr(thing, method))
                    assert documented or method.startswith("_"), f"{public}.{method}"


@pytest.mark.skipif(not README.exists(), reason="the tests were copied without the README")
def test_readme_examples_run(tmp_path, monkeypatch):
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) >= 2
    namespace = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)

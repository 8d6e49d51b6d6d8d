"""Every example in docstrings runs; every public name is explained."""

import doctest
import importlib
import inspect
import pkgutil

import matplotlib.pyplot as plt
import pytest

import pyhh_fast

# conftest.py imports the package; its modules are listed from where that lies.
MODULES = [
    module.name
    for module in pkgutil.walk_packages(pyhh_fast.__path__, "pyhh_fast.")
    if not module.name.rpartition(".")[2].startswith("_")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    module = importlib.import_module(name)
    try:
        assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
    finally:
        plt.close("all")


def test_there_are_docstring_examples():
    found = [
        test
        for name in MODULES
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
        if test.examples
    ]
    assert {test.name for test in found} >= {
        "pyhh_fast.models.hh_model.HHModel",
        "pyhh_fast.models.hh_model.HHModel.at_rest",
        "pyhh_fast.simulations.Simulation",
        "pyhh_fast.simulations.Simulation.run",
        "pyhh_fast.recording.Recording",
    }


def undocumented(module, owner):
    for name, thing in vars(owner).items():
        if name.startswith("_") or getattr(thing, "__module__", module) != module:
            continue
        if inspect.isclass(thing):
            yield from undocumented(module, thing)
        explained = (
            inspect.isclass(thing) or inspect.isfunction(thing) or isinstance(thing, property)
        )
        if explained and not inspect.getdoc(getattr(owner, name)):
            yield f"{owner.__name__}.{name}"


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert list(undocumented(name, module)) == []

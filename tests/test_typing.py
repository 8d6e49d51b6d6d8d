"""Types of arguments that name one of a few things."""

import inspect
from typing import get_args

import pytest

import pyhh_fast as pyhh
from pyhh_fast import methods, typing

FUNCTIONS = [
    pyhh.Simulation.run,
    pyhh.Population.run,
    pyhh.Population.at_rest,
    pyhh.HHModel.at_rest,
    pyhh.fi_curve,
    pyhh.rheobase,
    pyhh.strength_duration,
    pyhh.phase_plane,
    pyhh.phase_response,
    pyhh.refractory_period,
    pyhh.sweep,
]
ALIASES = {
    "method": (typing.Method,),
    "start": (typing.Start,),
    "unstable": (typing.Unstable,),
}


def test_types_name_all_methods():
    assert get_args(typing.Method) == tuple(methods.METHODS)
    assert get_args(typing.Method) == tuple(methods.of_populations())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_annotations_name_what_is_accepted(function):
    typed = inspect.signature(function).parameters
    found = {name: typed[name] for name in ALIASES if name in typed}
    assert found
    for name, parameter in found.items():
        optional = parameter.default is None
        aliases = [alias | None if optional else alias for alias in ALIASES[name]]
        assert parameter.annotation in aliases
        assert optional or parameter.default in get_args(parameter.annotation)

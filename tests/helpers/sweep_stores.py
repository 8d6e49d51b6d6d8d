"""A small sweep to a store, for the tests of such."""

import re

import numpy as np
import pytest

import pyhh_fast as pyhh

GNA = np.linspace(100, 120, 5)


def small(out, model=None, **options):
    options = {"duration": 2.0, "reduce": "final_Vm", "out": out} | options
    model = pyhh.HHModel.at_rest() if model is None else model
    return pyhh.sweep(model, {"gNa": GNA}, 10.0, 0.01, **options)


def refused(out, got=""):
    head = f"out must be a store of this sweep, or new; got {str(out)!r} with "
    tail = ". Name another, or remove it."
    return pytest.raises(ValueError, match=f"^{re.escape(head)}.*{got}.*{re.escape(tail)}$")

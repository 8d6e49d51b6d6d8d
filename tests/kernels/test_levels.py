"""The choice of instruction set; results on the lowest agree with those on the highest."""

import itertools
import json

import pytest
from other_processes import python

from pyhh_fast import _cpu
from pyhh_fast.engine import kernels

LEVELS = _cpu.levels()

# V of all methods: models from other starts than rest, many cells beyond their shared exponentials.
RESULTS = """
import json
import numpy as np
import pyhh_fast as pyhh
from pyhh_fast.methods import METHODS

I = np.repeat([0.0, 20.0, -30.0, 7.5, 3_000.0, 0.0], [500, 4_000, 500, 20_000, 30, 5_000])
V = []
for method, of_method in METHODS.items():
    for model in (
        pyhh.HHModel(), pyhh.HHModel.at_rest(gNa=100, gK=30, EKleak=9), pyhh.HHModel(Cm=1.7)
    ):
        recording = pyhh.Simulation(model).run(I, 0.005, method=method, rtol=1e-9, atol=1e-9)
        V += recording.Vm[::100].tolist()
    if of_method.many_cells:
        g = np.linspace(60, 140, 21)
        population = pyhh.Population(21, startingVoltage=3 * g - 190, gNa=g, Cm=g / 100)
        recording = population.run(I, 0.005, method=method, record=["Vm"], every=1_000, threads=2)
        V += recording.Vm.ravel().tolist()
print(json.dumps(V))
"""


def potentials(level):
    return json.loads(python(RESULTS, PYHH_FAST_SIMD=level)[0])


@pytest.mark.skipif("v3" not in LEVELS, reason="this CPU has no FMA, or is no x86-64")
def test_v2_agrees_to_the_drop_in_tolerance():
    # test_golden.py has the levels with FMA, which give the same bits.
    v2, best = potentials("v2"), potentials(LEVELS[-1])
    assert v2 != best, "it was not another build"
    assert max(abs(a - b) for a, b in zip(v2, best, strict=True)) < 1e-6


def test_best_level_is_chosen_or_a_lower_one_on_request():
    assert kernels.chosen_level(None, ["v2", "v3"]) == "v3"
    assert kernels.chosen_level("", ["v2", "v3", "v4"]) == "v4"
    assert kernels.chosen_level("v2", ["v2", "v3"]) == "v2"


@pytest.mark.parametrize("requested", ["v4", "V3", "avx2", "3"])
def test_unavailable_level_is_refused(requested):
    message = (
        r"^PYHH_FAST_SIMD must be one of v2, v3 on this CPU; "
        rf"got '{requested}'\. Unset it to have the best\.$"
    )
    with pytest.raises(ValueError, match=message):
        kernels.chosen_level(requested, ["v2", "v3"])


@pytest.mark.parametrize("level", LEVELS)
def test_environment_variable_chooses_the_level(level):
    code = "from pyhh_fast.engine import kernels; print(kernels.LEVEL, kernels.loops.__name__)"
    assert python(code, PYHH_FAST_SIMD=level)[0] == f"{level} pyhh_fast._loops_{level}\n"


def test_levels_are_in_ascending_order():
    assert LEVELS[0] in ("v2", "base")
    assert all(low < high for low, high in itertools.pairwise(LEVELS))

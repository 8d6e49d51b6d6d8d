"""The choice of instruction set, on which results do not depend."""

import hashlib
import itertools
import json
import os
import subprocess
import sys

import pytest

from pyhh_fast import _cpu
from pyhh_fast.engine import kernels

LEVELS = _cpu.levels()
WITH_FMA = [level for level in LEVELS if level in ("v3", "v4")]

# All that a run gives, over methods, models, stimuli and starts, as exact as repr and bytes are.
RESULTS = """
import hashlib, json
import numpy as np
import pyhh_fast as pyhh
from pyhh_fast.methods import METHODS
from pyhh_fast.variables import TRACES

I = np.repeat([0.0, 20.0, -30.0, 7.5, 3_000.0, 0.0], [500, 4_000, 500, 20_000, 30, 5_000])
digest, V = hashlib.sha256(), []
for method in METHODS:
    for model in (
        pyhh.HHModel(), pyhh.HHModel.at_rest(gNa=100, gK=30, EKleak=9), pyhh.HHModel(Cm=1.7)
    ):
        simulation = pyhh.Simulation(model)
        recording = simulation.run(I, 0.005, method=method, rtol=1e-9, atol=1e-9)
        for name in TRACES:
            digest.update(getattr(recording, name).tobytes())
        digest.update(recording.spike_times.tobytes())
        for gate in (model.m, model.h, model.n):
            digest.update(np.array([gate.alpha, gate.beta, gate.state]).tobytes())
        V += recording.Vm[::100].tolist()
# Many cells, to where their common exponential ends and beyond.
g = np.linspace(60, 140, 21)
for method in ("euler", "exponential_euler", "rk4"):
    population = pyhh.Population(21, startingVoltage=3 * g - 190, gNa=g, Cm=g / 100)
    recording = population.run(I, 0.005, method=method, record=TRACES, every=7, threads=2)
    for name in TRACES:
        digest.update(getattr(recording, name).tobytes())
    digest.update(recording.spikes.time.tobytes())
    digest.update(recording.diverged_at.tobytes())
    V += recording.Vm[:, ::1_000].ravel().tolist()
rested = pyhh.Population.at_rest(21, gNa=g)
digest.update(np.array([rested.Vm, rested.StateM, rested.StateH, rested.StateN]).tobytes())
print(json.dumps([digest.hexdigest(), V]))
"""


def results(**environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RESULTS],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        cwd=sys.prefix,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def by_level():
    return {level: results(PYHH_FAST_SIMD=level) for level in LEVELS}


@pytest.mark.skipif(len(WITH_FMA) < 2, reason="this CPU has not both v3 and v4")
def test_levels_with_fma_give_the_same_bits(by_level):
    assert by_level["v3"] == by_level["v4"]


@pytest.mark.skipif(not WITH_FMA, reason="this CPU has no FMA, or is no x86-64")
def test_v2_agrees_to_the_drop_in_tolerance(by_level):
    _, v2 = by_level["v2"]
    _, best = by_level[WITH_FMA[-1]]
    assert by_level["v2"][0] != by_level[WITH_FMA[-1]][0], "it was not another build"
    assert max(abs(a - b) for a, b in zip(v2, best, strict=True)) < 1e-6


@pytest.mark.skipif(sys.platform != "linux" or "v3" not in LEVELS, reason="names x86-64 features")
def test_results_do_not_depend_on_numpys_instruction_sets():
    import numpy as np
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    there = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    if not there:
        pytest.skip("NumPy dispatches nothing on this CPU")
    # The premise: NumPy itself does give other bits.
    probe = "import numpy as np, hashlib; x = np.exp(np.linspace(-9, 9, 9_999));"
    probe += "print(hashlib.sha256(x.tobytes()).hexdigest())"
    without = {"NPY_DISABLE_CPU_FEATURES": " ".join(there)}
    command = [sys.executable, "-W", "ignore", "-c", probe]
    plain = subprocess.run(command, env=os.environ | without, capture_output=True, text=True)
    x = np.exp(np.linspace(-9, 9, 9_999))
    if plain.stdout.strip() == hashlib.sha256(x.tobytes()).hexdigest():
        pytest.skip("NumPy's exp is the same with and without")
    assert results(**without) == results()


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
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYHH_FAST_SIMD": level},
        capture_output=True,
        text=True,
        cwd=sys.prefix,
    )
    assert done.stdout == f"{level} pyhh_fast._loops_{level}\n"


def test_levels_are_in_ascending_order():
    assert LEVELS[0] in ("v2", "base")
    assert all(low < high for low, high in itertools.pairwise(LEVELS))

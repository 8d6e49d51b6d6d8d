"""Results do not depend on the rounding mode of the process, and the mode is restored."""

import ctypes
import ctypes.util
import importlib
import json
import platform
import sys

import pytest
from other_processes import python

from pyhh_fast import _cpu
from pyhh_fast.engine import kernels

MODES = {
    "x86_64": {"nearest": 0x0, "downward": 0x400, "upward": 0x800, "towards zero": 0xC00},
    "aarch64": {"nearest": 0x0, "upward": 0x400000, "downward": 0x800000, "towards zero": 0xC00000},
}.get(platform.machine(), {})
"""The arguments of fesetround."""

LIBM = ctypes.util.find_library("m")

pytestmark = pytest.mark.skipif(
    not (MODES and LIBM and sys.platform == "linux"), reason="fesetround is called by its numbers"
)

RESULTS = """
import ctypes, hashlib, json, sys
import numpy as np
import pyhh_fast as pyhh
from pyhh_fast import stimuli

libm, mode = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])
g_Na, grid = np.linspace(100, 140, 9), np.linspace(-80, 100, 77)
wave = np.linspace(0, 20, 1_000)
given = {
    "constant": (10, 10),
    "array": (wave, None),
    "noise": (stimuli.ornstein_uhlenbeck(10, 2, 5, seed=1), 10),
    "waves": (stimuli.sine(8, 50) + stimuli.chirp(3, 1, 50, 20) + stimuli.pulses(3, 0.5, 7.3), 10),
    "events": (stimuli.poisson_epsc(900, 1, 2, seed=5), 10),
}

class Custom(pyhh.HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm * 1.01)

def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()

def of_run(r):
    traces = (r.Vm, r.StateM, r.StateN, r.StateH, r.INa, r.IK, r.IKleak)
    return digest(*traces, r.spike_times, r.times)

def results():
    for model in (pyhh.HHModel, Custom):
        name = model.__name__
        fresh, rest = model(3.7), model.at_rest(gNa=113)
        yield f"{name} start", digest(fresh.m.state, fresh.n.state, rest.Vm, rest.h.state)
        for method in ("euler", "exponential_euler", "rk4", "adaptive"):
            for kind, (stimulus, duration) in given.items():
                simulation = pyhh.Simulation(model.at_rest())
                run = simulation.run(stimulus, 0.01, duration=duration, method=method)
                yield f"{name} {method} {kind}", of_run(run)
            if method != "adaptive":
                cells = pyhh.Population.from_model(model.at_rest(), 9, gNa=g_Na)
                options = {"duration": 10, "method": method, "record": ["Vm"], "threads": 2}
                run = cells.run(10, 0.01, **options)
                yield f"{name} {method} cells", digest(run.Vm, *run.spikes)
        yield f"{name} rate", digest(pyhh.fi_curve(model.at_rest(), [7, 10]))
        yield f"{name} rheobase", digest(pyhh.rheobase(model.at_rest(), duration=20))
        yield f"{name} strength", digest(pyhh.strength_duration(model.at_rest(), [0.5]))
        yield f"{name} steady", digest(pyhh.steady_state(model(), grid).m)
    yield "cells at rest", digest(pyhh.Population.at_rest(9, gNa=g_Na).Vm)
    yield "values", digest(stimuli.sine(8, 50).to_array(100, 0.01))
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10, 0.01, duration=20)
    yield "error", digest(np.array(run.estimate_error()[:2]))

one, tiny = float("1"), float("1e-18")  # not folded by the compiler
libm.fesetround(mode)
found = dict(results())
found["mode"] = libm.fegetround() == mode and one + tiny == 1.0 + (mode == UPWARD) * 2.0**-52
libm.fesetround(0)
print(json.dumps(found))
"""


def results(mode):
    code = RESULTS.replace("UPWARD", str(MODES["upward"]))
    return json.loads(python(code, LIBM, MODES[mode], options=["-W", "ignore"])[0])


@pytest.fixture(scope="module")
def rounded_to_nearest():
    return results("nearest")


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "nearest"])
def test_results_do_not_depend_on_the_rounding_mode(mode, rounded_to_nearest):
    assert results(mode) == rounded_to_nearest
    assert rounded_to_nearest["mode"] is True


def test_rounding_mode_is_restored_also_after_errors():
    libm = ctypes.CDLL(LIBM)
    one, tiny = 1.0, 2.0**-60
    libm.fesetround(MODES["upward"])
    try:
        with _cpu.round_to_nearest():
            within = one + tiny
        after = one + tiny
        try:
            with _cpu.round_to_nearest():
                raise LookupError
        except LookupError:
            after_error = one + tiny
        try:
            kernels.loops.order_spikes("no array", 1, 2, 3)
        except (TypeError, ValueError):
            after_kernel = one + tiny
    finally:
        libm.fesetround(0)
    assert within == 1.0
    assert after == after_error == after_kernel == 1.0 + 2.0**-52


@pytest.mark.parametrize(
    "name", ["_equilibria", "_rate_tables", "_stimuli", f"_loops_{kernels.LEVEL}"]
)
def test_every_compiled_function_rounds_to_nearest(name):
    module = importlib.import_module(f"pyhh_fast.{name}")
    functions = {
        key: value
        for key, value in vars(module).items()
        if callable(value) and not key.startswith("_") and not isinstance(value, type)
    }
    assert len(functions) >= 4
    assert {type(function) for function in functions.values()} == {_cpu.rounded_to_nearest}

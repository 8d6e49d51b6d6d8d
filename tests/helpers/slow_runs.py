"""Runs of the slow twin, and all that a run changes of a simulation."""

import numpy as np

import pyhh_fast as pyhh
from pyhh_fast.variables import TRACES


def slow_run(model, stimulus, dt):
    """Return the traces of the model's `iterate`, in plain Python: the slow twin."""
    simulation = pyhh.Simulation(model)
    simulation.CreateArrays(len(stimulus), dt)
    for i, current in enumerate(stimulus):
        model.iterate(current, dt)
        simulation.Vm[i] = model.Vm
        simulation.INa[i] = model.INa
        simulation.IK[i] = model.IK
        simulation.IKleak[i] = model.IKleak
        simulation.StateN[i] = model.n.state
        simulation.StateM[i] = model.m.state
        simulation.StateH[i] = model.h.state
    return simulation


def snapshot(model):
    names = ("Vm", "INa", "IK", "IKleak")
    parts = ("alpha", "beta", "state")
    gates = [getattr(gate, part) for gate in (model.m, model.h, model.n) for part in parts]
    return [getattr(model, name) for name in names if hasattr(model, name)] + gates


STIMULUS = np.concatenate([np.zeros(100), np.full(3_000, 15.0)])


def agree(fast, slow):
    for name in TRACES:
        got, want = getattr(fast, name), getattr(slow, name)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(snapshot(fast.model), snapshot(slow.model), rtol=1e-9, atol=1e-9)

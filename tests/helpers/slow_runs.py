"""Runs of the slow twin, and the comparison with a fast one."""

import numpy as np
from model_states import full_state_of

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


STIMULUS = np.concatenate([np.zeros(100), np.full(3_000, 15.0)])


def agree(fast, slow):
    """Assert that two simulations have equal traces, and models in equal states."""
    for name in TRACES:
        got, want = getattr(fast, name), getattr(slow, name)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(
        full_state_of(fast.model), full_state_of(slow.model), rtol=1e-9, atol=1e-9
    )

"""Copies of models: copy.copy copies the gates and shares all other attributes."""

import copy
import pickle
import types

import numpy as np
import pytest
from custom_models import OtherGate
from model_states import full_state_of, state_of

import pyhh_fast as pyhh

Gate = pyhh.HHModel.Gate


class Calcium(pyhh.HHModel):
    """A further gate, and gates in lists and dicts."""

    gCa = 0.5

    def __init__(self, startingVoltage=0, **parameters):
        self.q = Gate()
        self.q.alpha, self.q.beta = 0.2, 0.1
        self.q.setInfiniteState()
        self.slow = [self.n, self.h, self.q]
        self.by_name = {"m": [self.m], "n": (self.n,)}
        self.trace = [1.0, 2.0]
        super().__init__(startingVoltage, **parameters)

    def _UpdateGateStates(self, deltaTms):
        for gate in self.slow:
            gate.update(deltaTms)
        self.by_name["m"][0].update(deltaTms)
        self.q.alpha *= 0.999


class Slotted(pyhh.HHModel):
    __slots__ = ("slow",)


class WithState(pyhh.HHModel):
    def __getstate__(self):
        return {"saved": vars(self)}

    def __setstate__(self, state):
        vars(self).update(state["saved"])


def patched():
    model = pyhh.HHModel.at_rest()

    def update(self, deltaTms):
        self.n.update(deltaTms / 2)
        self.m.update(deltaTms)

    model._UpdateGateStates = types.MethodType(update, model)
    return model


def with_patched_gate():
    model = pyhh.HHModel.at_rest()
    model.n.update = types.MethodType(lambda self, dt: setattr(self, "state", 0.4), model.n)
    return model


def with_other_gate():
    model = pyhh.HHModel.at_rest()
    model.h = OtherGate()
    return model


def with_one_gate_for_two():
    model = pyhh.HHModel.at_rest()
    model.n = model.h
    return model


def slotted():
    model = Slotted()
    model.slow = model.h
    return model


MAKERS = [
    pyhh.HHModel.at_rest,
    Calcium,
    patched,
    with_patched_gate,
    with_other_gate,
    with_one_gate_for_two,
    slotted,
    WithState,
]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: getattr(make, "__qualname__", ""))
def test_run_of_a_copy_does_not_change_the_original(make):
    model, expected = make(), make()
    before = copy.deepcopy(model)
    twin = copy.copy(model)
    assert type(twin) is type(model)
    pyhh.Simulation(twin).Run(np.full(500, 20.0), 0.01)
    pyhh.Simulation(expected).Run(np.full(500, 20.0), 0.01)
    assert state_of(twin) == state_of(expected)
    assert full_state_of(model) == full_state_of(before)
    # A run of the original does not change the copy.
    state = twin.h.state
    pyhh.Simulation(model).Run(np.full(500, 20.0), 0.01)
    assert twin.h.state == state
    assert model.h.state == state


def test_gates_in_containers_are_copied_once():
    model = Calcium()
    model.slow.append(model.slow)
    twin = copy.copy(model)
    assert twin.slow[:3] == [twin.n, twin.h, twin.q]
    assert twin.by_name["m"][0] is twin.m
    assert twin.by_name["n"] == (twin.n,)
    assert not {id(g) for g in twin.slow[:3]} & {id(g) for g in model.slow[:3]}
    assert twin.trace is model.trace
    twin = copy.copy(with_one_gate_for_two())
    assert twin.n is twin.h


def test_slots_are_copied():
    model = slotted()
    twin = copy.copy(model)
    assert twin.slow is twin.h
    assert twin.h is not model.h


def test_pickles_and_deep_copies_share_nothing():
    model = pyhh.HHModel(3.0, gNa=100)
    model.iterate(10.0, 0.01)
    twins = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    model.iterate(10.0, 0.01)
    for twin in twins:
        assert twin.gNa == 100
        assert twin.m is not model.m
        twin.iterate(10.0, 0.01)
        assert (twin.Vm, twin.m.state, twin.IK) == (model.Vm, model.m.state, model.IK)

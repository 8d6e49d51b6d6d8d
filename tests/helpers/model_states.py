"""States of models: to set and to read them."""

import pyhh_fast as pyhh

GATES = ("m", "h", "n")


def model_in(state, **parameters):
    model = pyhh.HHModel(**parameters)
    model.Vm, model.m.state, model.h.state, model.n.state = state
    return model


def state_of(model):
    return [model.Vm, *[getattr(model, name).state for name in GATES]]


def full_state_of(model):
    """Return all that a run changes of a model."""
    names = ("Vm", "INa", "IK", "IKleak")
    parts = ("alpha", "beta", "state")
    gates = [getattr(getattr(model, name), part) for name in GATES for part in parts]
    return [getattr(model, name) for name in names if hasattr(model, name)] + gates


def resting_simulation(kind=pyhh.HHModel):
    return pyhh.Simulation(kind.at_rest())

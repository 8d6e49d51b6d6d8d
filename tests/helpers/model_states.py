"""States of models: to put them in, to read them."""

import pyhh_fast as pyhh

GATES = ("m", "h", "n")


def standing_at(state, **parameters):
    model = pyhh.HHModel(**parameters)
    model.Vm, model.m.state, model.h.state, model.n.state = state
    return model


def state_of(model):
    return [model.Vm, *[getattr(model, name).state for name in GATES]]

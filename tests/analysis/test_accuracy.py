"""The order of convergence of forward Euler, against a high-accuracy solution."""

import itertools

import numpy as np
import pytest
import reference

import pyhh_fast as pyhh


def end_state(dt, current=10.0, duration=30.0):
    model = pyhh.HHModel.at_rest()
    pyhh.Simulation(model).run(current, dt, duration=duration)
    return np.array([model.Vm, model.m.state, model.h.state, model.n.state])


@pytest.fixture(scope="module")
def exact():
    start = reference.equilibrium(reference.Parameters())
    return np.array(reference.solve(reference.Parameters(), start, [(30.0, 10.0)]).end)


def test_euler_error_is_of_first_order(exact):
    errors = [np.abs(end_state(dt) - exact) for dt in (0.004, 0.002, 0.001)]
    orders = np.log2([errors[0] / errors[1], errors[1] / errors[2]])
    assert (np.abs(orders[1] - 1) < 0.1).all(), orders


def test_euler_extrapolated_to_dt_0_is_the_exact_solution(exact):
    # Neville's scheme on steps h, h/2, h/4, h/8 removes the error terms of order 1, 2 and 3.
    table = [end_state(dt) for dt in (0.002, 0.001, 0.0005, 0.00025)]
    for order in (1, 2, 3):
        table = [
            fine + (fine - coarse) / (2**order - 1) for coarse, fine in itertools.pairwise(table)
        ]
    assert (np.abs(table[0] - exact) < [1e-10, 1e-12, 1e-12, 1e-12]).all(), table[0] - exact

"""Neurons as plain arrays: which lane is whose, and what a slow twin computes from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.channels.layout import membrane_of
from pyhh_fast.rate_forms import exponential


def gate(**others):
    return Gate(alpha=exponential(1, 0, 20), beta=exponential(1, 0, -20), **others)


def test_hodgkin_and_huxleys_neuron_is_one_vector():
    membrane = membrane_of(
        Neuron(
            Cm=1.5,
            Na=Channel(120, E=115, m=gate(power=3), h=gate(speed=2)),
            K=Channel(36, E=-12, n=gate(power=4, instantaneous=True)),
            leak=Channel(0.3, E=10.6),
        )
    )
    assert (membrane.C_m, membrane.ungated, membrane.vectors) == (1.5, 1, 1)
    np.testing.assert_array_equal(membrane.g, [0.3, 120, 36])
    np.testing.assert_array_equal(membrane.E, [10.6, 115, -12])
    np.testing.assert_array_equal(membrane.factors, [[0, 0, 0, 1], [2, 2, 2, 2]])
    np.testing.assert_array_equal(membrane.shift, [0])
    np.testing.assert_array_equal(membrane.gate_lane, [0, 1, 2])
    np.testing.assert_array_equal(membrane.gate_speed, [1, 2, 1])
    np.testing.assert_array_equal(membrane.gate_instantaneous, [False, False, True])
    assert membrane.variables == (
        ("Vm", "V", 3),
        ("Na.m", "gate", 0),
        ("Na.h", "gate", 1),
        ("K.n", "gate", 2),
        ("Na", "current", 1),
        ("K", "current", 2),
        ("leak", "current", 0),
    )


@pytest.mark.parametrize(
    ("gates", "vectors"),
    [
        *[((), 1), ((3,), 1), ((4,), 2), ((7,), 2), ((8,), 3), ((16,), 5)],
        *[((4, 3), 2), ((4, 4), 3), ((1, 1, 1), 3), ((4, 1, 4, 3), 4)],
    ],
)
def test_no_more_vectors_than_needed(gates, vectors):
    channels = {
        f"C{i}": Channel(1, E=0, shift=i, **{f"x{k}": gate() for k in range(count)})
        for i, count in enumerate(gates)
    }
    membrane = membrane_of(Neuron(leak=Channel(1, E=0), **channels))
    assert membrane.vectors == membrane.shift.size == vectors


def test_leaks_are_first_and_factors_padded_alike():
    membrane = membrane_of(
        Neuron(
            A=Channel(1, E=10, a=gate(power=5)),
            leak=Channel(2, E=20),
            B=Channel(3, E=30, b=gate()),
            pump=Channel(4, E=40),
        )
    )
    np.testing.assert_array_equal(membrane.g, [2, 4, 1, 3])
    np.testing.assert_array_equal(
        membrane.factors, [[0, 0, 0, 0, 0, -1, -1, -1], [1, -1, -1, -1, -1, -1, -1, -1]]
    )
    assert {name: place for name, kind, place in membrane.variables if kind == "current"} == {
        "A": 2,
        "leak": 0,
        "B": 3,
        "pump": 1,
    }


def test_a_neuron_of_leaks_alone():
    membrane = membrane_of(Neuron(leak=Channel(1, E=0)))
    assert membrane.factors.shape == (0, 4)
    assert membrane.gate_lane.shape == membrane.gate_speed.shape == (0,)
    np.testing.assert_array_equal(membrane.shift, [0])


channels = st.lists(
    st.tuples(
        st.sampled_from([0.0, -55.0, 2.0]),
        st.lists(st.tuples(st.integers(1, 5), st.floats(0.1, 9)), max_size=3),
        st.floats(0, 100),
        st.floats(-100, 100),
    ),
    min_size=1,
    max_size=5,
)


@given(channels, st.floats(-90, 60), st.integers(0, 2**32))
def test_currents_from_arrays_are_those_of_the_declaration(declared, V, seed):
    neuron = Neuron(
        **{
            f"C{i}": Channel(
                g,
                E=E,
                shift=shift if gates else 0,
                **{f"x{k}": gate(power=p, speed=s) for k, (p, s) in enumerate(gates)},
            )
            for i, (shift, gates, g, E) in enumerate(declared)
        }
    )
    membrane = membrane_of(neuron)
    states = np.random.default_rng(seed).random(len(neuron.gates))
    state = dict(zip(neuron.gates, states, strict=True))
    lanes = np.full(4 * membrane.vectors, np.nan)
    lanes[3] = V
    lanes[membrane.gate_lane] = list(state.values())
    assert lanes[3] == V
    opened = np.ones(membrane.g.size)
    for row, lane_list in enumerate(membrane.factors):
        opened[membrane.ungated + row] = np.prod([lanes[k] for k in lane_list if k >= 0])
    currents = membrane.g * opened * (V - membrane.E)
    for name, kind, place in membrane.variables:
        if kind == "gate":
            assert lanes[place] == state[name]
            channel = neuron.channels[name.partition(".")[0]]
            assert membrane.shift[place // 4] == channel.shift
        elif kind == "current":
            channel = neuron.channels[name]
            expected = channel.g * (V - channel.E)
            for gate_name, one in channel.gates.items():
                expected *= state[f"{name}.{gate_name}"] ** one.power
            assert currents[place] == pytest.approx(expected, rel=1e-12, abs=1e-300)
    np.testing.assert_array_equal(membrane.gate_speed, [g.speed for g in neuron.gates.values()])

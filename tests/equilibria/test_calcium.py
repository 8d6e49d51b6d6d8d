"""Steady states, equilibria and stability with calcium, against SciPy on the papers' forms."""

import numpy as np
import pytest
from calcium_neurons import (
    bursting,
    bursting_gates,
    bursting_slopes,
    low_threshold,
    low_threshold_slopes,
)
from scipy.optimize import brentq, root

from pyhh_fast import Channel, Gate, Nernst, Neuron, Pool
from pyhh_fast.channels.neuron_cells import NeuronCells
from pyhh_fast.equilibria.neuron_cells import CellMembranes, starts_of_cells
from pyhh_fast.equilibria.neurons import equilibria, jacobian
from pyhh_fast.rate_forms import sigmoid

exp = np.exp


def balance(slope, rest):
    """Return where a pool's dCa/dt is 0, the lowest from its rest on, by SciPy."""
    low, high = rest, 1.2 * rest
    if slope(low) <= 0:
        return rest
    while slope(high) > 0:
        low, high = high, 1.2 * high
    return brentq(slope, low, high, xtol=1e-22, rtol=1e-14)


def low_threshold_at(V):
    """Return the steady (V, u, Ca)."""
    u = 1 / (1 + exp((V + 83) / 4))
    return V, u, balance(lambda Ca: low_threshold_slopes((V, u, Ca))[2], 2.4e-4)


def bursting_state(V, Ca):
    gates, _ = bursting_gates(V, Ca)
    return (V, *(gates[name][0] for name in ("h", "n", "s", "f", "q", "m_K")), Ca)


def bursting_at(V):
    """Return the steady (V, h, n, s, f, q, m_K, Ca)."""
    return bursting_state(V, balance(lambda Ca: bursting_slopes(bursting_state(V, Ca))[-1], 1e-4))


@pytest.mark.parametrize("V", [-110.0, -84.3, -62.1, -45.7, 3.2, 120.1])
def test_concentrations_balance_inflow_and_decay(V):
    u, Ca = low_threshold_at(V)[1:]
    steady = low_threshold().steady_state(V)
    assert steady["Ca"] == pytest.approx(Ca, rel=1e-12)
    assert steady["T.u"] == pytest.approx(u, rel=1e-12)
    exact = dict(zip(["V", "h", "n", "s", "f", "q", "m_K", "Ca"], bursting_at(V), strict=True))
    steady = bursting().steady_state(np.array([[V, -50.0]]))
    names = {"h": "Na.h", "n": "K.n", "s": "CaL.s", "f": "CaL.f", "q": "AHP.q", "m_K": "KCa.m"}
    for name, path in (names | {"Ca": "Ca"}).items():
        assert steady[path].shape == (1, 2)
        assert steady[path][0, 0] == pytest.approx(exact[name], rel=1e-11, abs=1e-15), path
        assert bursting().steady_state(V)[path] == steady[path][0, 0]


def activated(**others):
    """Return a neuron whose calcium opens the channel that feeds it: three balances at 0 mV."""
    gate = Gate(inf=lambda Ca: Ca**4 / (Ca**4 + 0.1**4), instantaneous=True, of="Ca")
    parts = {
        "leak": Channel(0.1, E=-60),
        "L": Channel(1, E=50, feeds="Ca", x=gate),
        "basal": Channel(1e-3, E=50, feeds="Ca"),
        "Ca": Pool(0.01, 10, gain=1e-3),
    }
    return Neuron(**parts | others)


def test_of_several_balances_the_lowest_above_rest_is_taken():
    def slope(Ca):
        inflow = 50 * (1e-3 + Ca**4 / (Ca**4 + 0.1**4))
        return 1e-3 * inflow + (0.01 - Ca) / 10

    signs = np.sign([slope(Ca) for Ca in np.geomspace(0.01, 2, 500)])
    assert np.count_nonzero(np.diff(signs)) == 3
    assert activated().steady_state(0.0)["Ca"] == pytest.approx(balance(slope, 0.01), rel=1e-12)


def test_two_pools_that_feed_on_each_other_are_balanced_together():
    def half(Ca):
        return 1 / (1 + Ca / 1e-3)

    def potential(Ca):
        return 12.9 * np.log(2 / Ca)

    neuron = Neuron(
        leak=Channel(0.1, E=-60),
        A=Channel(0.5, E=120, feeds="Ca", x=Gate(inf=half, instantaneous=True, of="Cb")),
        B=Channel(0.2, E=Nernst("Cb", outside=2, celsius=20), feeds="Cb",
                  y=Gate(inf=half, instantaneous=True, of="Ca")),
        Ca=Pool(1e-4, 50, gain=1e-5),
        Cb=Pool(3e-4, 30, gain=2e-5),
    )  # fmt: skip
    slope = 1e3 * 8.31441 * 293.15 / (2 * 96485.309)

    def excess(x):
        Ca, Cb = exp(x)
        inflow_a = 0.5 * half(Cb) * (120 + 40)
        inflow_b = 0.2 * half(Ca) * (slope * np.log(2 / Cb) + 40)
        return [1e-4 + 50e-5 * inflow_a - Ca, 3e-4 + 60e-5 * inflow_b - Cb]

    found = root(excess, np.log([0.01, 0.01]), tol=1e-13)
    assert found.success
    steady = neuron.steady_state(-40.0)
    np.testing.assert_allclose([steady["Ca"], steady["Cb"]], exp(found.x), rtol=1e-9)


def test_a_balance_beyond_the_tables_is_refused():
    neuron = Neuron(
        leak=Channel(0.1, E=-60), L=Channel(9, E=90, feeds="Ca"), Ca=Pool(1, 9e3, gain=1)
    )
    with pytest.raises(ValueError, match=(
        r"^V must be where the concentration of Ca is balanced below 256 mM \(mV\); got -60\. "
    )):  # fmt: skip
        neuron.steady_state([100.0, -60.0])
    for V in (-60.0, 0.0):
        with pytest.raises(ValueError, match=r"balanced below 256 mM"):
            activated(Ca=Pool(0.01, 1e5, gain=1)).steady_state(V)


# Equilibria.


@pytest.mark.parametrize("current", [0.0, 0.3, -1.5])
@pytest.mark.parametrize(
    ("neuron", "at", "slopes"),
    [
        (low_threshold(), low_threshold_at, low_threshold_slopes),
        (bursting(), bursting_at, bursting_slopes),
    ],
    ids=["LTS", "bursting"],
)
def test_equilibria_and_eigenvalues_are_those_of_the_papers_equations(neuron, at, slopes, current):
    def dVdt(V):
        return slopes(at(V), current)[0]

    grid = np.linspace(-250, 150, 201) + 0.013
    signs = np.sign([dVdt(V) for V in grid])
    exact = [brentq(dVdt, grid[i], grid[i + 1], xtol=1e-12) for i in np.flatnonzero(np.diff(signs))]
    found = equilibria(neuron, current)
    np.testing.assert_allclose([one.V for one in found], exact, atol=1e-9)
    for one, V in zip(found, exact, strict=True):
        # The Jacobian by differences of the independent equations.
        state = np.array(at(V))
        size = 1e-6 * np.maximum(np.abs(state), 1e-4)
        columns = [
            (slopes(state + step, current) - slopes(state - step, current)) / (2 * step.max())
            for step in np.diag(size)
        ]
        eigenvalues = np.linalg.eigvals(np.array(columns).T)
        np.testing.assert_allclose(
            np.sort_complex(one.eigenvalues), np.sort_complex(eigenvalues), rtol=2e-5
        )
        assert one.stable == (eigenvalues.real < 0).all()


def test_rest_is_the_lowest_stable_one():
    neuron = low_threshold()
    assert neuron.rest == next(one.V for one in equilibria(neuron) if one.stable)
    exact = brentq(lambda V: low_threshold_slopes(low_threshold_at(V))[0], -90, -80, xtol=1e-12)
    assert neuron.rest == pytest.approx(exact, abs=1e-9)


def test_the_jacobian_has_instantaneous_gates_of_calcium():
    q = Gate(inf=lambda Ca: Ca / (Ca + 3e-3), instantaneous=True, of="Ca", power=2)
    times = ("Ca", lambda Ca: Ca / (Ca + 1e-3))
    m = Gate(inf=sigmoid(1, -50, 9), instantaneous=True, times=times)
    T = low_threshold().channels["T"]
    neuron = (
        low_threshold()
        .without("T")
        .with_channels(
            T=Channel(0.4, E=T.E, feeds="Ca", **T.gates), A=Channel(0.2, E=-90, q=q, m=m)
        )
    )

    def slopes(state):
        V, _, Ca = state
        m = 1 / (1 + exp(-(V + 50) / 9)) * Ca / (Ca + 1e-3)
        I_A = 0.2 * (Ca / (Ca + 3e-3)) ** 2 * m * (V + 90)
        return low_threshold_slopes(state) - [I_A, 0, 0]

    for V in (-84.0, -60.0, -20.0):
        state = np.array(low_threshold_at(V))
        size = 1e-6 * np.maximum(np.abs(state), 1e-4)
        columns = [
            (slopes(state + step) - slopes(state - step)) / (2 * step.max())
            for step in np.diag(size)
        ]
        np.testing.assert_allclose(jacobian(neuron, V), np.array(columns).T, rtol=3e-6, atol=1e-12)


def test_outward_currents_take_no_calcium_away():
    # Above the reversal potential the pool rests, and depends on nothing else.
    neuron = low_threshold().replace({"T.E.outside": 1e-5})
    assert neuron.steady_state(-20.0)["Ca"] == 2.4e-4
    np.testing.assert_array_equal(jacobian(neuron, -20.0)[2], [0, 0, -1 / 5])
    pump = Channel(1, E=-90, feeds="Ca")
    constant = Neuron(leak=Channel(0.1, E=-60), pump=pump, Ca=Pool(1e-4, 5, gain=1e-3))
    assert constant.steady_state(-20.0)["Ca"] == 1e-4


# Many cells.


VALUES = [
    {"leak.g": [0.01, 0.02, 0.03], "leak.E": [-85, -80, -70]},
    {"Ca.tau": [5, 50, 500]},
    {"T.g": [0.4, 0.1, 0.9], "Ca.tau": [5, 50, 500], "T.E.outside": [2, 1, 4]},
    {"Ca.rest": [2.4e-4, 1e-4, 1e-3], "Ca.gain": [5e-5, 1e-3, 1e-6], "T.shift": [0, -3, 5]},
    {"T.E.celsius": [36, 20, 6], "T.u.speed": [1, 2, 3]},
]


@pytest.mark.parametrize("values", VALUES)
def test_the_search_has_dVdt_of_each_cell_over_its_grid(values):
    membranes = CellMembranes(NeuronCells(low_threshold(), 3, values))
    V, weights, parts = membranes.over_grid()
    for i, dVdt in enumerate(weights @ parts):
        own = low_threshold().replace({path: column[i] for path, column in values.items()})
        exact = [low_threshold_slopes_of(own, one) for one in V[::50]]
        np.testing.assert_allclose(dVdt[::50], exact, rtol=1e-9, atol=1e-9)


def low_threshold_slopes_of(neuron, V):
    """Return dV/dt with all steady, of a neuron with other numbers."""
    p, state = neuron.parameters, neuron.steady_state(float(V))
    slope = 1e3 * 8.31441 * (p["T.E.celsius"] + 273.15) / (2 * 96485.309)
    E = slope * np.log(p["T.E.outside"] / state["Ca"])
    I_T = p["T.g"] * state["T.s"] ** 2 * state["T.u"] * (V - E)
    return -p["leak.g"] * (V - p["leak.E"]) - I_T


@pytest.mark.parametrize("values", VALUES)
def test_cells_start_and_are_steady_as_each_neuron_alone(values):
    neuron = low_threshold()
    cells = NeuronCells(neuron, 3, values)
    starts = starts_of_cells(cells)
    cells._set_steady(starts)
    assert cells._state.dtype.names == ("Vm", "T.s", "T.u", "Ca")
    for i in range(3):
        own = neuron.replace({path: column[i] for path, column in values.items()})
        assert starts[i] == pytest.approx(own.rest, abs=1e-12)
        for name, x in own.steady_state(float(starts[i])).items():
            assert cells._state[name][i] == pytest.approx(x, rel=1e-13)


def test_columns_of_cells_have_the_potential_at_1_mM():
    cells = NeuronCells(low_threshold(), 2, {"T.E.outside": [2, 4], "T.E.celsius": [36, 20]})
    at_1_mM, slope = cells._reversal("T")
    expected = 1e3 * 8.31441 * np.array([309.15, 293.15]) / (2 * 96485.309)
    np.testing.assert_allclose(slope, expected, rtol=1e-15)
    np.testing.assert_allclose(at_1_mM, expected * np.log([2, 4]), rtol=1e-15)
    assert cells._reversal("leak") == (-85, 0)
    with pytest.raises(
        ValueError, match=r"T.E.outside must be .* above 0|T.E.outside must be a pos"
    ):
        NeuronCells(low_threshold(), 2, {"T.E.outside": [2, 0]})

"""Voltage clamp of neurons with calcium, against SciPy."""

import numpy as np
import pytest
from calcium_neurons import bursting, bursting_slopes
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh

# As in `bursting_slopes`.
GATES = ("Na.h", "K.n", "CaL.s", "CaL.f", "AHP.q", "KCa.m")
HOLDING, V, DURATION = -70.0, -25.0, 40.0


@pytest.fixture(scope="module")
def solution():
    start = bursting().steady_state(HOLDING)
    found = solve_ivp(
        lambda t, y: bursting_slopes(np.array([V, *y]))[1:],
        (0, DURATION),
        [start[name] for name in (*GATES, "Ca")],
        "DOP853",
        rtol=1e-12,
        atol=1e-15,
    )
    assert found.y[-1, -1] > 5 * start["Ca"]
    return dict(zip((*GATES, "Ca"), found.y[:, -1], strict=True))


def clamped(dt):
    return pyhh.Simulation(bursting()).clamp(V, dt, duration=DURATION, holding=HOLDING)


@pytest.mark.parametrize("name", ["Na.h", "K.n", "CaL.s"])
def test_gates_of_V_alone_are_exact(solution, name):
    assert clamped(0.1)[name][-1] == pytest.approx(solution[name], rel=1e-10)


@pytest.mark.parametrize("name", ["CaL.f", "AHP.q", "KCa.m", "Ca"])
def test_calcium_and_gates_of_it_are_of_second_order(solution, name):
    errors = [abs(clamped(dt)[name][-1] - solution[name]) for dt in (0.2, 0.1, 0.05)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.1)
    assert errors[-1] < 1e-4 * solution[name]


def test_currents_are_those_of_the_state_after_each_step(solution):
    r = clamped(0.1)
    Ca = r["Ca"]
    E = 1e3 * 8.31441 * 298.15 / (2 * 96485.309) * np.log(2 / Ca)
    expected = 0.3 * r["CaL.s"] ** 2 * r["CaL.f"] * (V - E)
    np.testing.assert_allclose(r["CaL"], expected, rtol=1e-12)
    np.testing.assert_allclose(r["AHP"], 3 * r["AHP.q"] ** 2 * (V + 90), rtol=1e-12)
    total = sum(r[name] for name in bursting().channels)
    np.testing.assert_allclose(r["I_total"][1:], total[1:], rtol=1e-12)


def test_simulation_ends_in_the_last_state():
    simulation = pyhh.Simulation(bursting())
    r = simulation.clamp([-40.0, -20.0, -20.0], 0.1, holding=-60)
    assert dict(simulation.concentrations) == {"Ca": r["Ca"][-1]}


def test_cells_have_the_bits_of_single_clamps():
    tau, V = np.array([80.0, 20.0, 300.0]), np.array([-40.0, -10.0, 10.0])
    cells = pyhh.Population.from_model(bursting(), 3, {"Ca.tau": tau})
    record = ["Ca", "CaL", "KCa.m", "I_total"]
    family = cells.clamp(V, 0.1, duration=20, holding=-70, record=record)
    for i in range(3):
        alone = pyhh.Simulation(bursting().replace({"Ca.tau": float(tau[i])}))
        expected = alone.clamp(V[i], 0.1, duration=20, holding=-70)
        for name in record:
            np.testing.assert_array_equal(family[name][i], expected[name])
    assert np.ptp(family["Ca"][:, -1]) > 1e-3


def thin_shell(depth=0.1):
    return bursting(Ca=pyhh.Pool(1e-4, 80, depth=depth))


def test_concentration_that_changes_much_in_a_step_is_told():
    told = (
        r"^Ca changes [\d.]+ times within a step of 1 ms: its error may be as large\. Use a smaller"
    )
    with pytest.warns(UserWarning, match=told):
        pyhh.Simulation(thin_shell()).clamp(V, 1.0, duration=20, holding=-80)
    cells = pyhh.Population.from_model(thin_shell(), 2)
    with pytest.warns(UserWarning, match=told):
        cells.clamp(V, 1.0, duration=20, holding=-80, record=["Ca"])
    pyhh.Simulation(thin_shell()).clamp(V, 0.001, duration=5, holding=-80)  # without a warning
    pyhh.Simulation(bursting()).clamp(V, 0.01, duration=5, holding=-80)


def test_error_of_a_clamp_with_calcium_is_not_said_to_be_none():
    simulation = pyhh.Simulation(bursting())
    recording = simulation.clamp(V, 0.01, duration=1, holding=-80)
    with pytest.raises(
        RuntimeError, match="Repeat it with half the step, to see how far its calcium"
    ):
        recording.estimate_error()


def test_concentration_beyond_the_tables_ends_a_clamp():
    flooded = pyhh.Simulation(bursting(Ca=pyhh.Pool(1e-4, 80, gain=1e6)))
    told = (
        r"V = -20 mV: a gate or a concentration is not finite\. Check the rates, the gain, and dt"
    )
    with pytest.raises(pyhh.SimulationError, match=told):
        flooded.clamp(-20.0, 0.5, duration=5, holding=-120)

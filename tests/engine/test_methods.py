"""One suite for all methods: order of convergence, single steps, options and limits."""

import itertools
import re

import numpy as np
import pytest
import reference
from custom_models import FrozenGates, InPython
from model_states import GATES, model_in, state_of
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import _rate_tables, rate_tables
from pyhh_fast.methods import METHODS
from pyhh_fast.variables import TRACES

FIXED = [name for name, method in METHODS.items() if method.fixed_step]
OTHERS = [name for name in METHODS if name != "euler"]
TIGHT = {"rtol": 1e-11, "atol": 1e-11}


# --- accuracy ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exact():
    """Two spikes after a step of current, from rest."""
    start = reference.equilibrium(reference.Parameters())
    return start, reference.solve(reference.Parameters(), start, [(30.0, 10.0)], dense=True)


@pytest.mark.parametrize(
    ("method", "dt"), [("euler", 5e-4), ("exponential_euler", 4e-3), ("rk4", 1e-2)]
)
def test_order_of_convergence(method, dt, exact):
    start, solution = exact
    times = np.arange(1, 301) * 0.1
    V = np.array([solution.at(t).V for t in times])
    errors = []
    for step in (dt, dt / 2, dt / 4):
        run = pyhh.Simulation(model_in(start)).run(10.0, step, duration=30.0, method=method)
        every = round(0.1 / step)
        errors.append(np.sqrt(np.mean((run.Vm[every - 1 :: every] - V) ** 2)))
    orders = np.log2([a / b for a, b in itertools.pairwise(errors)])
    assert np.abs(orders - METHODS[method].order).max() < 0.15, orders


@pytest.mark.parametrize(
    ("method", "dt"), [("euler", 1e-3), ("exponential_euler", 8e-3), ("rk4", 4e-2)]
)
def test_order_of_convergence_of_spike_times(method, dt, exact):
    start, solution = exact
    errors = []
    for step in (dt, dt / 2, dt / 4):
        run = pyhh.Simulation(model_in(start)).run(
            10.0, step, duration=30.0, method=method, record=()
        )
        errors.append(np.abs(run.spike_times - solution.spike_times).max())
    # Where in a step a spike falls differs from step to step: a wider band than for V.
    order = np.log2(errors[0] / errors[2]) / 2
    assert abs(order - METHODS[method].order) < 0.4, errors


def test_euler_extrapolated_to_dt_0_is_the_exact_solution(exact):
    start, solution = exact
    states = []
    for dt in (0.002, 0.001, 0.0005, 0.00025):
        model = model_in(start)
        pyhh.Simulation(model).run(10.0, dt, duration=30.0)
        states.append(np.array(state_of(model)))
    # Neville's scheme on steps h, h/2, h/4, h/8 removes the error terms of order 1, 2 and 3.
    for order in (1, 2, 3):
        states = [b + (b - a) / (2**order - 1) for a, b in itertools.pairwise(states)]
    np.testing.assert_array_less(np.abs(states[0] - solution.end), [1e-10, *[1e-12] * 3])


def test_gates_of_exponential_euler_lag_by_half_a_step(exact):
    start, solution = exact
    dt = 0.005
    run = pyhh.Simulation(model_in(start)).run(10.0, dt, duration=30.0, method="exponential_euler")
    rows = np.arange(99, 6_000, 100)
    late = np.array([solution.at((row + 1) * dt - dt / 2).m for row in rows])
    on_time = np.array([solution.at((row + 1) * dt).m for row in rows])
    lagging = np.abs(run.StateM[rows] - late).max()
    assert lagging < 0.1 * np.abs(run.StateM[rows] - on_time).max()


TWINS = {"exponential_euler": reference.exponential_euler, "rk4": reference.rk4}


@pytest.mark.parametrize("method", TWINS)
def test_single_steps_match_the_reference(method):
    draw = np.random.default_rng(1)
    for _ in range(300):
        state = reference.State(draw.uniform(-90, 140), *draw.random(3))
        parameters = reference.Parameters(*(value * draw.uniform(0.5, 1.5) for value in DEFAULTS))
        current, dt = draw.uniform(-200, 200), 10 ** draw.uniform(-4, -1.4)
        simulation = pyhh.Simulation(model_in(state, **parameters._asdict()))
        run = simulation.run([current], dt, method=method)
        expected = TWINS[method](parameters, state, [current], dt)
        for name, want in zip(TRACES, vars(expected).values(), strict=True):
            np.testing.assert_allclose(getattr(run, name), want, rtol=1e-12, atol=1e-13)


DEFAULTS = reference.Parameters()


@pytest.mark.parametrize("method", TWINS)
def test_run_matches_the_reference(method):
    stimulus = 30 * np.random.default_rng(2).random(3_000)
    start = reference.steady(0.0)
    run = pyhh.Simulation(model_in(start)).run(stimulus, 0.02, method=method)
    expected = TWINS[method](DEFAULTS, start, stimulus, 0.02)
    for name, want in zip(TRACES, vars(expected).values(), strict=True):
        np.testing.assert_allclose(getattr(run, name), want, rtol=0, atol=1e-9)


def test_without_conductances_exponential_euler_charges_a_capacitor():
    model = pyhh.HHModel(gNa=0, gK=0, gKleak=0, Cm=2)
    run = pyhh.Simulation(model).run(3.0, 0.01, duration=1.0, method="exponential_euler")
    np.testing.assert_allclose(run.Vm, 1.5 * run.times, rtol=1e-12)


@pytest.mark.parametrize("low", [-1_000.0, -100.0, 100.0])
def test_tabulated_exponential_euler_rates_are_accurate_between_nodes(low):
    table = rate_tables.tabulate(rate_tables.hodgkin_huxley, -1_000.0, 1_000.0)
    V = np.random.default_rng(3).uniform(max(low, table.low), low + 100, 2_000)
    for dt in (1e-4, 0.01, 1.0):
        scaled = rate_tables.RateTable(table.times_phi1(dt), table.first, table.width)
        want = rate_tables.times_phi1(rate_tables.hodgkin_huxley(V), dt)
        np.testing.assert_allclose(scaled(V), want, rtol=3e-13)


def test_exponential_euler_rates_equal_the_exact_solution():
    rates = rate_tables.hodgkin_huxley(np.linspace(-150, 150, 61))
    alpha, beta = rates[:, :3], rates[:, 3:]
    for dt in (1e-6, 0.01, 0.5):
        scaled = rate_tables.times_phi1(rates, dt)
        dt_phi1 = -np.expm1(-dt * (alpha + beta)) / (alpha + beta)
        np.testing.assert_allclose(scaled[:, :3], alpha * dt_phi1, rtol=1e-13)
        np.testing.assert_allclose(scaled[:, 3:], (alpha + beta) * dt_phi1, rtol=1e-13)


# --- one model, any method -----------------------------------------------------------------------


@pytest.mark.parametrize("method", OTHERS)
def test_model_continues_from_the_last_state_of_any_method(method):
    model = pyhh.HHModel.at_rest()
    simulation = pyhh.Simulation(model)
    first = simulation.run(10.0, 0.01, duration=30.0)
    V = first.Vm[-1]
    second = simulation.run(10.0, 0.01, duration=30.0, method=method, **TIGHT)
    assert abs(second.Vm[0] - V) < 0.5
    traces = [second.Vm, second.StateM, second.StateH, second.StateN]
    assert state_of(model) == [trace[-1] for trace in traces]
    assert [model.INa, model.IK, model.IKleak] == [second.INa[-1], second.IK[-1], second.IKleak[-1]]
    expected = reference.rates(second.Vm[-2])
    for name in GATES:
        gate = getattr(model, name)
        assert gate.alpha == pytest.approx(getattr(expected, f"alpha_{name}"), rel=1e-12)
        assert gate.beta == pytest.approx(getattr(expected, f"beta_{name}"), rel=1e-12)
    third = simulation.run(10.0, 0.01, duration=30.0)
    assert abs(third.Vm[0] - second.Vm[-1]) < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_currents_are_of_the_state_before_the_step(method):
    model = pyhh.HHModel.at_rest()
    before = reference.State(*state_of(model))
    r = pyhh.Simulation(model).run(10.0, 0.01, duration=20.0, method=method)
    V, m, h, n = (np.append(x, y) for x, y in zip(before, states(r), strict=True))
    INa = 120 * m**3 * h * (V - 115)
    np.testing.assert_allclose(r.INa, INa[:-1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(r.IK, (36 * n**4 * (V + 12))[:-1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(r.IKleak, (0.3 * (V - 10.6))[:-1], rtol=1e-12, atol=1e-12)


def states(recording):
    return [getattr(recording, name) for name in TRACES[:4]]


class Jumping(pyhh.HHModel):
    """Rates that jump at 20 mV, which no table can hold."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.beta = self.h.beta * np.where(Vm > 20, 1.5, 1.0)


class NotTabulated(Warm):
    tabulate = False


@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize("kind", [Warm, Jumping, NotTabulated])
def test_custom_kinetics_work_with_every_method(kind, method):
    dt, twin = 0.01, kind.at_rest(gK=30)
    options = {"rtol": 1e-9, "atol": 1e-9} if method == "adaptive" else {}
    recording = pyhh.Simulation(kind.at_rest(gK=30)).run(
        20.0, dt, duration=4.0, method=method, **options
    )
    assert recording.spike_times.size >= 1
    # The model's own step is forward Euler: extrapolate from two small steps.
    V = {}
    for fine in (20, 40):
        model = kind.at_rest(gK=30)
        V[fine] = []
        for step in range(400 * fine):
            model.iterate(20.0, dt / fine)
            if step % fine == fine - 1:
                V[fine].append(model.Vm)
    exact = 2 * np.array(V[40]) - np.array(V[20])
    bound = {"exponential_euler": 2.0, "rk4": 0.15, "adaptive": 0.15}[method]
    assert np.abs(recording.Vm - exact).max() < bound
    assert twin.Vm == recording._origin.Vm


@pytest.mark.parametrize("method", OTHERS)
def test_kinetics_that_cannot_be_tabulated_are_logged(method, caplog):
    caplog.set_level("INFO", "pyhh_fast")
    pyhh.Simulation(Jumping()).run(10.0, 0.01, duration=0.1, method=method)
    assert caplog.messages == [
        "evaluating rates at each step: Jumping._UpdateGateTimeConstants is not tabulated: the "
        "rates are not smooth at V = 20 mV"
    ]
    caplog.clear()
    pyhh.Simulation(NotTabulated()).run(10.0, 0.01, duration=0.1, method=method)
    assert caplog.messages == [
        "evaluating rates at each step: NotTabulated._UpdateGateTimeConstants is not tabulated: "
        "tabulate is False"
    ]


class ReadsGates(pyhh.HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.beta = self.h.beta * (1 + self.n.state)


@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (InPython, "InPython.iterate is overridden"),
        (FrozenGates, "FrozenGates._UpdateGateStates is overridden"),
        (ReadsGates, "ReadsGates._UpdateGateTimeConstants is not tabulated: it reads state"),
    ],
)
def test_custom_steps_are_refused_by_other_methods_than_euler(method, make, reason):
    simulation = pyhh.Simulation(make())
    message = (
        rf"^method must be 'euler' for this model; got '{method}'\. (Its own iterate, which is "
        "forward Euler, has to make the steps|Only its own iterate, which is forward Euler, can "
        rf"evaluate its rates): {reason}\.$"
    )
    with pytest.raises(ValueError, match=message):
        simulation.run(10.0, 0.01, duration=1.0, method=method)
    assert simulation.recording is None
    simulation.run(10.0, 0.01, duration=1.0)


@pytest.mark.parametrize(
    ("method", "tabulated", "stored"),
    [
        *[(method, tabulated, False) for method in OTHERS for tabulated in (True, False)],
        # What is stored must be possible to continue, which steps in Python are not.
        *[(method, True, True) for method in ("euler", *OTHERS)],
    ],
)
def test_rates_found_to_depend_on_more_than_V_end_the_run(method, tabulated, stored, tmp_path):
    class Sly(pyhh.HHModel):
        tabulate = tabulated

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            if np.max(Vm) > 160:
                self.h.beta = self.h.beta * (1 + self.n.state)

    simulation = pyhh.Simulation(Sly.at_rest())
    message = "of _UpdateGateTimeConstants it was found that it reads state. Use method='euler'"
    message += ", without to=." if stored else "."
    to = tmp_path / "run.zarr" if stored else None
    with pytest.raises(pyhh.SimulationError, match=re.escape(message) + "$") as caught:
        simulation.run(3_000.0, 0.01, duration=1.0, method=method, to=to)
    assert 0 < caught.value.step < 100
    assert len(simulation.recording) == caught.value.step
    assert simulation.model.Vm == simulation.Vm[-1]


# --- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_recording_has_its_method_and_tolerances(method):
    recording = pyhh.Simulation(pyhh.HHModel()).run(
        0.0, 0.01, duration=0.1, method=method, rtol=1e-4, atol=1e-5
    )
    assert (recording.method, recording.rtol, recording.atol) == (method, 1e-4, 1e-5)


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (
            {"method": "rk45"},
            ValueError,
            r"^method must be one of adaptive, euler, exponential_euler, rk4; got 'rk45'\. "
            r"Did you mean rk4\?$",
        ),
        (
            {"method": 4},
            TypeError,
            "^method must be one of euler, exponential_euler, rk4, adaptive; got 4\\.$",
        ),
        ({"rtol": 0.0}, ValueError, r"^rtol must be a positive, finite number; got 0\.0\.$"),
        ({"atol": -1e-6}, ValueError, r"^atol must be a positive, finite number; got -1e-06\.$"),
        ({"rtol": np.nan}, ValueError, r"^rtol must be a positive, finite number; got nan\.$"),
        ({"atol": "tight"}, TypeError, r"^atol must be a positive, finite number; got 'tight' "),
    ],
)
def test_wrong_methods_and_tolerances_are_refused(wrong, kind, message):
    simulation = pyhh.Simulation(pyhh.HHModel())
    with pytest.raises(kind, match=message):
        simulation.run(10.0, 0.01, duration=1.0, **wrong)
    assert simulation.recording is None


@pytest.mark.parametrize("method", FIXED)
def test_large_steps_warn(method):
    with pytest.warns(UserWarning, match=r"dt is 0\.1 ms; steps of 0\.05 ms or less are recomm"):
        pyhh.Simulation(pyhh.HHModel()).run(0.0, 0.1, duration=1.0, method=method)


def test_coarse_grid_of_the_adaptive_method_does_not_warn():
    recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        10.0, 250.0, duration=1_000.0, method="adaptive"
    )
    assert len(recording.Vm) == 4
    assert len(recording.spike_times) == 69


# --- far from rest -------------------------------------------------------------------------------


def test_divergence_of_rk4_names_its_stability_bound():
    message = "dt times the fastest rate exceeds 2.79, where RK4 is unstable: at step "
    with pytest.raises(pyhh.SimulationError, match=message) as caught:
        pyhh.Simulation(pyhh.HHModel.at_rest()).run(-50.0, 0.01, duration=20.0, method="rk4")
    rate = float(re.search(r"gate m moves at (\d+) per ms", str(caught.value))[1])
    assert 2.785 < 0.01 * rate < 2.9
    # 2.785 is where |1 + z + z²/2 + z³/6 + z⁴/24| is 1 again on the negative axis.
    z = -METHODS["rk4"].stable_below
    assert 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24 == pytest.approx(1, abs=1e-14)
    assert caught.value.step > 200


@pytest.mark.parametrize("method", METHODS)
def test_runs_far_outside_all_rate_tables_match_the_reference(method):
    # From 2000 mV the cell returns within a fraction of a millisecond.
    recording = pyhh.Simulation(pyhh.HHModel(2_000.0)).run(0.0, 0.0005, duration=0.5, method=method)
    start = reference.pyhh_start(2_000.0)
    expected = reference.solve(DEFAULTS, start, [(0.5, 0.0)]).end
    bound = {"euler": 2e-2, "exponential_euler": 2e-2, "rk4": 1e-6, "adaptive": 1e-3}[method]
    assert recording.Vm[-1] == pytest.approx(expected.V, abs=bound)
    assert recording.StateN[-1] == pytest.approx(expected.n, abs=bound)


def test_phi1_is_exact_to_rounding():
    z = np.concatenate([np.geomspace(1e-12, 100, 2_000), [0.0, 2.72, np.nextafter(2.72, 3), 1e3]])
    rates_dt = np.column_stack([np.ones((z.size, 3)), z, z, z])
    _rate_tables.relax(rates_dt)
    with np.errstate(invalid="ignore"):
        exact = np.where(z == 0, 1.0, -np.expm1(-z) / z)
    for gate in range(3):
        np.testing.assert_allclose(rates_dt[:, gate], exact, rtol=1e-15)
        np.testing.assert_allclose(rates_dt[:, 3 + gate], exact * z, rtol=1.2e-15)

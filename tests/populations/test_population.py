"""Populations: each cell has the results that it has alone in a Simulation."""

import numpy as np
import pytest
from other_processes import python
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast.engine.populations.stepper import PopulationStepper
from pyhh_fast.rate_tables import hodgkin_huxley
from pyhh_fast.variables import TRACES

METHODS = ("euler", "exponential_euler", "rk4")
STATE = ("Vm", "StateM", "StateH", "StateN")


def random_cells(size, seed=0):
    """Return random parameters, and currents, of `size` cells, of which most fire."""
    draw = np.random.default_rng(seed).uniform
    parameters = {
        "gNa": draw(90, 150, size),
        "gK": draw(25, 45, size),
        "gKleak": draw(0.2, 0.4, size),
        "Cm": draw(0.8, 1.3, size),
        "ENa": draw(100, 125, size),
        "EK": draw(-15, -8, size),
        "EKleak": draw(9, 12, size),
        "startingVoltage": draw(-20, 30, size),
    }
    return parameters, draw(-5, 40, size)


def model_of_cell(parameters, cell):
    return pyhh.HHModel(**{name: values[cell] for name, values in parameters.items()})


@pytest.mark.parametrize("method", METHODS)
def test_each_cell_equals_its_simulation(method):
    parameters, currents = random_cells(30)
    population = pyhh.Population(30, **parameters)
    recording = population.run(currents, 0.01, duration=100.0, method=method, record=TRACES)
    assert recording.spike_counts.sum() > 100
    sensitive = 0
    for cell, current in enumerate(currents):
        run = {"stimulus": current, "dt": 0.01, "duration": 100.0, "method": method}
        one = pyhh.Simulation(model_of_cell(parameters, cell)).run(**run)
        # Near a threshold rounding is amplified, as much as a shift of the initial V is.
        shifted = model_of_cell(parameters, cell)
        shifted.Vm += 1e-7
        amplified = np.abs(pyhh.Simulation(shifted).run(**run).Vm - one.Vm).max() / 1e-7
        sensitive += amplified > 1_000
        for name in TRACES:
            tolerance = 1e-9 if name == "Vm" else 1e-11 if name in STATE else 5e-9
            tolerance *= max(1.0, amplified / 1_000)
            got, want = getattr(recording, name)[cell], getattr(one, name)
            np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)
        tolerance = 1e-11 * max(1.0, amplified / 1_000)
        got = recording.spike_times(cell)
        np.testing.assert_allclose(got, one.spike_times, rtol=0, atol=tolerance)
        assert recording.spike_counts[cell] == one.spike_times.size
        final = [getattr(recording.final_state, name)[cell] for name in STATE]
        assert final == [getattr(recording, name)[cell, -1] for name in STATE]
        assert [getattr(population, name)[cell] for name in STATE] == final
    assert sensitive <= 2


@pytest.mark.filterwarnings("ignore:.*open fraction of a gate")
def test_rates_from_one_exponential_are_accurate():
    # A gate at 0 changes by alpha dt; one at -1e20 by alpha + beta, as alpha itself is negligible.
    near = [10.05, 9.9, 25.06, 24.95, 10.004]
    far = [-999, -300, -200.1, 200.1, 201, 240, 333, 500, 1e3]  # where other formulas are used
    V = np.concatenate([np.linspace(-199.9, 199.9, 20_011), near, far])
    exact = hodgkin_huxley(V)
    population = pyhh.Population(V.size)
    rates = []
    for start in (0.0, -1e20):
        population.Vm = V
        population.StateM = population.StateH = population.StateN = start
        with pytest.warns(UserWarning, match="recommended"):
            after = population.run(0.0, 1.0, duration=1.0).final_state
        moved = np.stack([after.StateM, after.StateH, after.StateN], axis=1)
        rates.append(moved if start == 0 else 1 - moved / start)
    # Near a 0/0 digits are lost.
    allowed = 2e-14 / np.minimum(1.0, np.minimum(np.abs(V - 10), np.abs(V - 25)))
    rate_sums = exact[:, :3] + exact[:, 3:]
    # The sums are known to the rounding of 1 minus them.
    unknown = 4e-16 * np.maximum(1, 1 / rate_sums)
    for got, want, more in ((rates[0], exact[:, :3], 0), (rates[1], rate_sums, unknown)):
        error = np.abs(got / want - 1) - more
        assert (error / allowed[:, np.newaxis]).max() < 1


def test_rates_near_removable_points_and_far_out_equal_those_of_a_simulation():
    close = np.array([0.0, 1e-12, -1e-9, 1e-6, -1e-4, 1e-3])
    V = np.concatenate([10 + close, 25 + close, [-999, -201.0, -200, 200, 333, 1e3, 5e4]])
    for method in METHODS:
        population = pyhh.Population(V.size, startingVoltage=V)
        after = population.run(np.full(V.size, 3.0), 1e-5, duration=1e-5, method=method).final_state
        for cell, start in enumerate(V):
            if method == "rk4" and start < -300:
                continue  # unstable: nothing but rounding, amplified
            model = pyhh.HHModel(startingVoltage=start)
            one = pyhh.Simulation(model).run(3.0, 1e-5, duration=1e-5, method=method)
            for name in STATE:
                want, got = getattr(one, name)[0], getattr(after, name)[cell]
                assert abs(got - want) <= 4e-15 * max(1.0, abs(want)), (method, start, name)


@pytest.mark.parametrize("method", METHODS)
def test_bits_of_a_cell_do_not_depend_on_other_cells_threads_or_chunks(method, monkeypatch):
    parameters, currents = random_cells(300, seed=1)

    def run(chosen, threads=1, cells=None):
        some = {name: values[chosen] for name, values in parameters.items()}
        population = pyhh.Population(len(chosen), **some)
        r = population.run(
            currents[chosen],
            0.01,
            duration=30.0,
            method=method,
            threads=threads,
            record=("Vm", "IK"),
            cells=cells,
        )
        spikes = [r.spike_times(cell) for cell in range(len(chosen))]
        return np.array(r.final_state).T, spikes, r.Vm, r.IK

    everyone = np.arange(300)
    state, spikes, Vm, IK = run(everyone)
    assert sum(map(len, spikes)) > 300

    def same(got, chosen):
        np.testing.assert_array_equal(got[0], state[chosen])
        for a, cell in zip(got[1], chosen, strict=True):
            np.testing.assert_array_equal(a, spikes[cell])
        np.testing.assert_array_equal(got[2], Vm[chosen])
        np.testing.assert_array_equal(got[3], IK[chosen])

    same(run(everyone, threads=2), everyone)
    same(run(everyone, threads=40), everyone)  # blocks of 8
    shuffled = np.random.default_rng(2).permutation(300)
    same(run(shuffled, threads=3), shuffled)
    for cell in (0, 130, 299):
        same(run(np.array([cell])), np.array([cell]))
    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 7)
    same(run(everyone, threads=2), everyone)


def test_fast_gates_and_membranes_by_exponential_euler_equal_a_simulation():
    # Gates far below rest, whose rates times dt reach 1e3, and membranes of tiny capacitance.
    Cm = np.array([1.0, 1.0, 1.0, 0.1, 0.01, 1e-3])
    I = np.array([-20.0, -40.0, -60.0, 10.0, 10.0, 10.0])  # noqa: E741
    run = {"dt": 0.05, "duration": 50.0, "method": "exponential_euler"}
    r = pyhh.Population.at_rest(6, Cm=Cm).run(I, record=["Vm", "StateM"], **run)
    for cell in range(6):
        one = pyhh.Simulation(pyhh.HHModel.at_rest(Cm=Cm[cell])).run(I[cell], **run)
        np.testing.assert_allclose(r.Vm[cell], one.Vm, rtol=0, atol=1e-9)
        np.testing.assert_allclose(r.StateM[cell], one.StateM, rtol=0, atol=1e-11)
    assert r.Vm.min() < -180


def test_bits_do_not_depend_on_earlier_runs():
    code = """
import numpy as np
import pyhh_fast as pyhh
from pyhh_fast import rate_tables
if BEFORE:
    rate_tables.built_in(900.0)
    rate_tables.built_in(-900.0)
population = pyhh.Population(5, startingVoltage=[-250, -200, 290, 320, -400])
final = population.run(-60.0, 0.01, duration=30.0, method="exponential_euler").final_state
print(np.array(final).tobytes().hex())
"""
    after, fresh = (python(code.replace("BEFORE", before))[0] for before in ("True", "False"))
    assert after == fresh
    assert len(fresh) > 300


def test_cells_held_at_10_and_25_mV_do_not_end_in_nan():
    # The 0/0 of pyHH, at each step: without conductances V stays where it is.
    for V in (10.0, 25.0):
        population = pyhh.Population(9, startingVoltage=V, gNa=0, gK=0, gKleak=0)
        final = population.run(0.0, 0.01, duration=50.0).final_state
        rates = hodgkin_huxley(np.array([V]))[0]
        np.testing.assert_array_equal(final.Vm, V)
        for gate, x in enumerate((final.StateM, final.StateH, final.StateN)):
            steady = rates[gate] / (rates[gate] + rates[3 + gate])
            slowest = np.exp(-50.0 * (rates[gate] + rates[3 + gate]))
            np.testing.assert_allclose(x, steady, rtol=2 * slowest + 1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_diverging_cell_ends_as_in_a_simulation_and_others_continue(method):
    # Fast enough for any method to diverge at this step: the rate of the leak is 1e5 per ms.
    dt, steps = 0.01, 200
    wild = (
        {"gKleak": 1e4, "Cm": 0.1}
        if method != "exponential_euler"
        else {"gKleak": 1e4, "EKleak": 1e308}
    )
    parameters = {"gKleak": np.full(20, 0.3), "Cm": np.ones(20), "EKleak": np.full(20, 10.6)}
    for name, value in wild.items():
        parameters[name][[3, 17]] = value
    population = pyhh.Population(20, **parameters)
    with pytest.warns(
        UserWarning, match=r"^2 of 20 cells diverged, the first at step \d+ \(cell 3\)"
    ):
        r = population.run(10.0, dt, duration=steps * dt, method=method, record=TRACES)
    model = pyhh.HHModel(**wild)
    simulation = pyhh.Simulation(model)
    with pytest.raises(pyhh.SimulationError) as caught:
        simulation.run(10.0, dt, duration=steps * dt, method=method)
    step = caught.value.step
    assert r.diverged_at.tolist() == [step if cell in (3, 17) else -1 for cell in range(20)]
    for name in TRACES:
        trace = getattr(r, name)
        assert np.isnan(trace[[3, 17], step:]).all()
        assert np.isfinite(trace[[3, 17], :step]).all()
        assert np.isfinite(np.delete(trace, [3, 17], axis=0)).all()
    for values in r.final_state:
        assert np.flatnonzero(np.isnan(values)).tolist() == [3, 17]
    quiet = pyhh.Population(1).run(10.0, dt, duration=steps * dt, method=method, record=TRACES)
    for name in TRACES:
        np.testing.assert_array_equal(getattr(r, name)[0], getattr(quiet, name)[0])
    # The cells remain diverged when the run is continued.
    with pytest.warns(UserWarning, match="2 of 20 cells diverged, the first at step 0"):
        again = population.run(10.0, dt, duration=1.0, method=method, record=["Vm"])
    assert again.diverged_at[[2, 3, 17]].tolist() == [-1, 0, 0]
    assert np.isnan(again.Vm[3]).all()
    assert not again.spike_counts[[3, 17]].any()


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_step_to_infinity_counts_as_divergence(steps):
    for current in (1e308, -1e308):
        population = pyhh.Population(3, Cm=[1e-3, 1.0, 1e-3], gNa=0, gK=0, gKleak=0)
        currents = np.array([current, 10.0, -current])
        with pytest.warns(UserWarning, match="^2 of 3 cells diverged, the first at step 0"):
            r = population.run(currents, 0.01, duration=0.01 * steps, record=TRACES)
        assert r.diverged_at.tolist() == [0, -1, 0]
        for name in TRACES:
            assert np.isnan(getattr(r, name)[[0, 2]]).all()
            assert np.isfinite(getattr(r, name)[1]).all()
        assert np.isnan(np.array(r.final_state)[:, [0, 2]]).all()
        assert r.spike_counts.tolist() == [0, 0, 0]


def test_spike_is_V_below_the_threshold_and_then_at_it():
    population = pyhh.Population(2, gNa=0, gK=0, gKleak=0, startingVoltage=[0.0, 1.0])
    r = population.run(64.0, 1 / 64, duration=3 / 64, threshold=1.0, record=["Vm"])
    assert r.Vm.tolist() == [[1, 2, 3], [2, 3, 4]]
    assert r.spike_counts.tolist() == [1, 0]
    assert r.spike_times(0).tolist() == [1 / 64]


@pytest.mark.parametrize("method", METHODS)
def test_custom_kinetics_equal_those_of_a_simulation_to_the_bit(method):
    model = Warm.at_rest(gNa=110)
    g = np.array([30.0, 36.0, 40.0])
    population = pyhh.Population.from_model(model, 3, gK=g)
    assert population.gNa.tolist() == [110.0] * 3
    # V falls below -50 mV, where the first table ends.
    I = np.concatenate([np.full(3_000, 20.0), np.full(1_000, -4.0), np.full(800, -30.0)])  # noqa: E741
    dt = 0.005
    recording = population.run(I, dt, method=method, record=TRACES, threads=2)
    for cell in range(3):
        one = Warm.at_rest(gNa=110)
        one.gK = g[cell]
        single = pyhh.Simulation(one).run(I, dt, method=method)
        for name in TRACES:
            np.testing.assert_array_equal(getattr(recording, name)[cell], getattr(single, name))
        np.testing.assert_array_equal(recording.spike_times(cell), single.spike_times)
    assert recording.Vm.min() < -51


def test_from_model_copies_state_and_does_not_change_the_model():
    model = pyhh.HHModel.at_rest(EKleak=9.0)
    pyhh.Simulation(model).run(20.0, 0.01, duration=7.0)
    state = [model.Vm, model.m.state, model.h.state, model.n.state]
    population = pyhh.Population.from_model(model, 5)
    assert all([getattr(population, n)[c] for n in STATE] == state for c in range(5))
    assert population.EKleak.tolist() == [9.0] * 5
    population.run(5.0, 0.01, duration=10.0)
    assert [model.Vm, model.m.state, model.h.state, model.n.state] == state


def test_later_changes_of_the_model_do_not_affect_the_population():
    model = Warm.at_rest()
    population = pyhh.Population.from_model(model, 1)
    model.factor = 1.0
    model.gNa = 0.0
    expected = pyhh.Population.from_model(Warm.at_rest(), 1).run(20.0, 0.01, duration=20.0)
    got = population.run(20.0, 0.01, duration=20.0)
    np.testing.assert_array_equal(got.final_state.Vm, expected.final_state.Vm)


def test_spike_whose_time_is_not_finite_is_none():
    # RK4 takes V across the threshold to 2010 mV, with gates of 1e60 and no slope there.
    numbers = {"startingVoltage": 22.5, "gNa": 90.0, "gKleak": 300.0}
    options = {"duration": 1.0, "method": "rk4"}
    with pytest.warns(UserWarning, match="1 of 1 cells diverged"):
        r = pyhh.Population(1, **numbers).run(20.0, 0.05, record=["Vm"], **options)
    simulation = pyhh.Simulation(pyhh.HHModel(**numbers))
    with pytest.raises(pyhh.SimulationError):
        simulation.run(20.0, 0.05, **options)
    assert r.Vm[0, 0] > 50
    assert r.spike_times(0).tolist() == simulation.recording.spike_times.tolist() == []


def test_cells_with_custom_kinetics_diverge_above_1000_mV():
    population = pyhh.Population.from_model(Warm.at_rest(), 2, gKleak=[0.3, 1e4])
    with pytest.warns(UserWarning, match="1 of 2 cells diverged"):
        r = population.run(10.0, 0.01, duration=1.0, record=["Vm"])
    lost = np.isnan(r.Vm)
    assert r.diverged_at.tolist() == [-1, np.argmax(lost[1])]
    assert not lost[0].any()
    assert np.nanmax(np.abs(r.Vm[1])) > 1_000


def test_spike_buffers_grow_as_needed(monkeypatch):
    # V crosses the threshold upward at every other step.
    sizes = []
    original = PopulationStepper._spike_buffer

    def watched(self):
        buffer = original(self)
        sizes.append(buffer.size)
        return buffer

    monkeypatch.setattr("pyhh_fast.engine.populations.stepper.LONGEST", 500)
    monkeypatch.setattr(PopulationStepper, "_spike_buffer", watched)
    population = pyhh.Population(3, gNa=0, gK=0, gKleak=0)
    I = np.tile([100.0, -100.0], 2_000)  # noqa: E741
    r = population.run(I, 0.01, threshold=0.5, threads=1)
    assert r.spike_counts.tolist() == [2_000] * 3
    np.testing.assert_allclose(r.spike_times(1), 0.005 + np.arange(2_000) * 0.02, atol=1e-9)
    assert sizes == [0] + [1152] * 7  # 9 · 2^7 ≥ 750

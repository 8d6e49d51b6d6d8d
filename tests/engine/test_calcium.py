"""Runs of neurons with pools of calcium, against a twin in plain Python and SciPy's solver."""

import functools

import calcium_papers as papers
import calcium_twin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Neuron, Pool, neurons
from pyhh_fast.methods import METHODS
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

FIXED = [name for name, method in METHODS.items() if method.fixed_step]
CALCIUM = [neurons.pospischil_lts, neurons.ermentrout, neurons.prinz]


def names_of(neuron):
    return ["Vm", *neuron.gates, *neuron.pools, *neuron.channels]


def state_of(simulation):
    return simulation.Vm, [*simulation.gates.values()], [*simulation.concentrations.values()]


def agree_with_twin(neuron, method, dt, steps, V, stimulus):
    """Assert that all traces of a run are those of the twin from the same state."""
    simulation = pyhh.Simulation(neuron, Vm=V)
    want = calcium_twin.run(
        calcium_twin.cell_of(neuron), method, state_of(simulation), stimulus, dt, steps
    )
    recording = simulation.run(stimulus, dt, duration=steps * dt, method=method)
    for name, trace in zip(names_of(neuron), want, strict=True):
        scale = abs(trace).max()
        np.testing.assert_allclose(recording[name], trace, rtol=1e-9, atol=1e-9 * scale + 1e-12)
    assert [*simulation.concentrations.values()] == [recording[name][-1] for name in neuron.pools]


@pytest.mark.parametrize("method", FIXED)
@pytest.mark.parametrize("make", CALCIUM, ids=lambda make: make.__name__)
def test_published_neurons_step_as_their_twin(make, method):
    agree_with_twin(make(), method, 0.01, 1_000, -45.0, 3.0)


@pytest.mark.parametrize("method", FIXED)
@given(neuron=calcium_twin.neurons(), I=st.floats(-3, 8))
@settings(max_examples=30)
def test_any_neuron_steps_as_its_twin(method, neuron, I):  # noqa: E741
    agree_with_twin(neuron, method, 0.02, 60, -60.0, I)


def test_nothing_flows_in_where_current_flows_out():
    neuron = neurons.prinz().replace({"CaT.E.outside": 1e-3, "CaS.E.outside": 1e-3})
    recording = pyhh.Simulation(neuron, Vm=-50.0).run(3.0, 0.01, duration=15, method="rk4")
    outward = recording["CaT"] + recording["CaS"] > 0
    assert 50 < outward.sum() < 750  # at the peaks of spikes
    assert recording["Ca"].min() >= 5e-5
    agree_with_twin(neuron, "rk4", 0.01, 1_500, -50.0, 3.0)


def with_constant_potentials():
    """Return a neuron with gates of calcium, with its V, and without V; none instantaneous."""
    return Neuron(
        Ca=Pool(1e-4, 15, gain=2e-5),
        leak=Channel(0.1, E=-65),
        Na=Channel(
            60,
            E=55,
            m=Gate(alpha=linoid(1, -35, 10), beta=exponential(4, -60, -18), power=3),
            h=Gate(alpha=exponential(0.35, -58, -20), beta=sigmoid(5, -28, 10)),
        ),
        K=Channel(
            9, E=-90, n=Gate(alpha=linoid(0.5, -34, 10), beta=exponential(0.625, -44, -80), power=4)
        ),
        CaL=Channel(
            1, E=120, feeds="Ca", s=Gate(inf=sigmoid(1, -30, 6), tau=lambda V: 2 + 0 * V, power=2)
        ),
        AHP=Channel(
            2, E=-90, q=Gate(alpha=lambda Ca: 20 * Ca, beta=lambda Ca: 0.05 + 0 * Ca, of="Ca")
        ),
        KCa=Channel(
            3,
            E=-90,
            m=Gate(
                inf=sigmoid(1, -28, 12),
                tau=lambda V: 5 + 20 / (1 + np.exp((V + 46) / 22)),
                times=("Ca", lambda Ca: Ca / (Ca + 1e-3)),
            ),
        ),
        threshold=0,
    )


@functools.cache
def exact_rows(make, V, current, duration):
    """Return SciPy's solution every 0.1 ms: V first, calcium last."""
    cell = calcium_twin.cell_of(make())
    exact = papers.solve(cell, V, (current, 0, duration), duration, dense=True, rtol=1e-12)
    return exact(np.arange(1, round(duration / 0.1) + 1) * 0.1)


@pytest.mark.parametrize("method", FIXED)
@pytest.mark.parametrize(
    ("make", "V", "current", "duration"),
    [
        (neurons.pospischil_lts, -65.0, 3.0, 20.0),
        (neurons.prinz, -50.0, 0.0, 50.0),
        (with_constant_potentials, -65.0, 12.0, 12.0),
    ],
    ids=["lts", "prinz", "constant"],
)
def test_errors_of_methods_fall_as_their_order_says(make, V, current, duration, method):
    neuron, rows = make(), exact_rows(make, V, current, duration)
    assert rows[0].max() > 0  # it spikes
    dt = {"euler": 0.001, "exponential_euler": 0.01, "rk4": 0.01}[method]
    errors = []
    for step in (dt, dt / 2):
        simulation = pyhh.Simulation(neuron, Vm=V)
        recording = simulation.run(current, step, duration=duration, method=method)
        last = round(0.1 / step) - 1
        found = [recording[name][last :: last + 1] for name in ("Vm", "Ca")]
        errors.append(abs(np.subtract(found, rows[[0, -1]])).max(axis=1))
    observed = np.log2(np.divide(*errors))
    order = {"euler": 1, "exponential_euler": 2, "rk4": 4}[method]
    if method == "exponential_euler" and make is not with_constant_potentials:
        assert (observed > 0.65).all()  # the term of first order may be small
    else:
        np.testing.assert_allclose(observed, order, rtol=0, atol=0.35)


@pytest.mark.parametrize("make", CALCIUM, ids=lambda make: make.__name__)
@pytest.mark.parametrize("method", FIXED)
def test_concentrations_are_a_state_that_runs_continue_from(make, method):
    neuron = make()
    whole, cut = pyhh.Simulation(neuron, Vm=-50.0), pyhh.Simulation(neuron, Vm=-50.0)
    assert whole.concentrations["Ca"] == neuron.steady_state(-50.0)["Ca"]
    want = whole.run(3.0, 0.02, duration=30, method=method)["Ca"]
    parts = [cut.run(3.0, 0.02, duration=part, method=method)["Ca"] for part in (12, 18)]
    np.testing.assert_array_equal(np.concatenate(parts), want)
    assert whole.concentrations == cut.concentrations == {"Ca": want[-1]}
    cut.reset(-50.0)
    np.testing.assert_array_equal(cut.run(3.0, 0.02, duration=30, method=method)["Ca"], want)


@pytest.mark.filterwarnings("ignore:dt is .* are recommended:UserWarning")
@pytest.mark.parametrize("dt", [0.05, 5.0, 400.0])
def test_pools_decay_exactly_and_stay_positive_by_exponential_euler(dt):
    neuron = Neuron(
        Ca=Pool(1e-4, 5, depth=1),
        leak=Channel(0.1, E=-65),
        CaL=Channel(0, E=120, feeds="Ca", s=Gate(inf=sigmoid(1, -25, 5), instantaneous=True)),
    )
    simulation = pyhh.Simulation(neuron.replace({"CaL.g": 1}), Vm=0.0)
    start = simulation.concentrations["Ca"]
    simulation.model = neuron  # the channel is closed from now on
    recording = simulation.run(0.0, dt, duration=20 * dt, method="exponential_euler")
    want = 1e-4 + (start - 1e-4) * np.exp(-recording.times / 5)
    np.testing.assert_allclose(recording["Ca"], want, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_concentration_beyond_the_tables_ends_the_run(method):
    flooded = {"Ca.gain": 3e3, "AHP.g": 0.0, "KCa.g": 0.0}
    neuron = with_constant_potentials().replace(flooded)
    options = {"duration": 50, "method": method}
    told = (
        r"(diverged|stuck) at (step|t = ).* 1\d\d.* Ca left the range of the neuron's tables, "
        r"which end at 256 mM\. Check the pool's gain and tau, and the currents that feed it\.$"
    )
    with pytest.raises(pyhh.SimulationError, match=told) as one:
        pyhh.Simulation(neuron, Vm=-65.0).run(20.0, 0.01, **options)
    cells = pyhh.Population.from_model(neuron, 2, {"Ca.gain": [3e3, 2e-5]}, start="steady", Vm=-65)
    with pytest.warns(UserWarning, match=r"1 of 2 cells diverged, the first at step 1\d\d"):
        found = cells.run(20.0, 0.01, **options)
    assert found.diverged_at.tolist() == [one.value.step, -1]

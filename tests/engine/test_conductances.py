"""Runs of one cell with inputs that are conductances, by every method, in memory and in stores."""

import pickle

import numpy as np
import pytest
import reference
from custom_models import FrozenGates, InPython
from error_messages import raises
from model_states import model_in
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import Channel, SimulationError, stimuli
from pyhh_fast.neurons import pospischil_rs, wang_buzsaki
from pyhh_fast.storage.resume import open_recording

METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]
by_each = pytest.mark.parametrize("method", METHODS)

DT, STEPS = 0.01, 2_000
EXCITATION = stimuli.ornstein_uhlenbeck(0.15, 0.1, 3, seed=1)
INHIBITION = stimuli.poisson_epsc(900, 0.2, 4, seed=2, rise=1)
STIMULUS = (
    stimuli.conductance(EXCITATION, 72)
    + stimuli.step(5, 2, 9)
    + stimuli.conductance(INHIBITION, -12)
)


def with_conductance(I, G):  # noqa: E741
    """The squid axon, whose leak has the conductance, too, and so other parameters at each step."""
    p = reference.Parameters()
    leak = p.gKleak + G
    return p._replace(gKleak=leak, EKleak=(p.gKleak * p.EKleak + I) / leak)


def twin_run(method, state, dt, steps, stimulus=STIMULUS):
    states = []
    for I, G in zip(*stimulus.to_arrays(steps, dt), strict=True):  # noqa: E741
        state = getattr(reference, method)(with_conductance(I, G), state, [0.0], dt).last
        states.append(state)
    return np.array(states).T


@pytest.mark.parametrize("method", METHODS[:3])
def test_runs_equal_those_of_the_slow_twin(method):
    start = reference.steady(0.0)
    V, m, h, n = twin_run(method, start, DT, STEPS)
    simulation = pyhh.Simulation(model_in(start))
    recording = simulation.run(STIMULUS, DT, duration=STEPS * DT, method=method)
    for name, values in {"Vm": V, "StateM": m, "StateH": h, "StateN": n}.items():
        np.testing.assert_allclose(recording[name], values, rtol=1e-8, atol=1e-8)
    assert recording.spike_times.size > 0
    # Currents of the membrane are those of its channels alone.
    leak = 0.3 * (recording.Vm[:-1] - 10.6)
    np.testing.assert_allclose(recording.IKleak[1:], leak, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", [InPython, FrozenGates])
def test_models_that_are_stepped_in_python_have_the_current_at_each_step(make):
    model, expected = make(), make()
    if make is FrozenGates:
        for I, G in zip(*STIMULUS.to_arrays(STEPS, DT), strict=True):  # noqa: E741
            expected.iterate(I - G * expected.Vm, DT)
    else:
        expected = pyhh.HHModel()
        pyhh.Simulation(expected).run(STIMULUS, DT, duration=STEPS * DT)
    pyhh.Simulation(model).run(STIMULUS, DT, duration=STEPS * DT)
    assert model.Vm == pytest.approx(expected.Vm, rel=1e-9)
    assert model.n.state == pytest.approx(expected.n.state, rel=1e-9)


@by_each
@pytest.mark.parametrize(("make", "current"), [(wang_buzsaki, 0.5), (pospischil_rs, 1.5)])
def test_a_constant_conductance_equals_a_leak(method, make, current):
    neuron = make()
    with_leak = neuron.with_channels(electrode=Channel(0.04, E=-20))
    options = {"duration": 100, "method": method}
    leaky = pyhh.Simulation(with_leak, Vm=-64.0).run(current, DT, **options)
    stimulus = stimuli.conductance(0.04, -20) + current
    recording = pyhh.Simulation(neuron, Vm=-64.0).run(stimulus, DT, **options)
    assert recording.spike_times.size == leaky.spike_times.size > 1
    np.testing.assert_allclose(recording.spike_times, leaky.spike_times, rtol=0, atol=1e-9)
    np.testing.assert_allclose(recording.Vm, leaky.Vm, rtol=0, atol=1e-7)


@by_each
@pytest.mark.parametrize("make", [pyhh.HHModel.at_rest, wang_buzsaki])
def test_a_conductance_of_zero_and_one_in_an_array_change_nothing(method, make):
    options = {"duration": 20, "method": method}
    plain = pyhh.Simulation(make()).run(stimuli.step(9, 1, 30), DT, **options)
    for zero in (stimuli.conductance(0, -70), stimuli.conductance(np.zeros(2_000), 40)):
        one = pyhh.Simulation(make()).run(stimuli.step(9, 1, 30) + zero, DT, **options)
        np.testing.assert_allclose(one.Vm, plain.Vm, rtol=0, atol=1e-9)


PROTOCOL = [(2.0, 0.0, 0.0), (6.0, 0.4, 72.0), (4.0, 1.5, -12.0), (8.0, 0.25, 60.0)]
"""Durations (ms), conductances (mS/cm²) and reversal potentials (mV)."""


def stepped():
    begin, parts = 0.0, []
    for duration, g, E in PROTOCOL:
        parts.append(stimuli.conductance(stimuli.step(g, begin, begin + duration), E))
        begin += duration
    return sum(parts[1:], parts[0])


@pytest.fixture(scope="module")
def solution():
    """By SciPy's DOP853, begun again at each change: spike times and the last state."""
    state, begin, spikes = reference.steady(0.0), 0.0, []
    for duration, g, E in PROTOCOL:
        found = reference.solve(with_conductance(g * E, g), state, [(duration, 0.0)])
        spikes += [begin + time for time in found.spike_times]
        begin, state = begin + duration, found.end
    assert len(spikes) >= 2
    return spikes, state


def test_steps_of_a_conductance_are_solved_as_by_scipy(solution):
    model = model_in(reference.steady(0.0))
    options = {"method": "adaptive", "rtol": 1e-10, "atol": 1e-10}
    recording = pyhh.Simulation(model).run(stepped(), 0.5, **options)
    spikes, end = solution
    np.testing.assert_allclose(recording.spike_times, spikes, rtol=0, atol=1e-7)
    assert model.Vm == pytest.approx(end.V, abs=1e-6)
    assert model.n.state == pytest.approx(end.n, abs=1e-9)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("exponential_euler", 2), ("rk4", 4)])
def test_methods_keep_their_order(solution, method, order):
    _, end = solution
    errors = []
    for dt in (0.01, 0.005):
        model = model_in(reference.steady(0.0))
        pyhh.Simulation(model).run(stepped(), dt, method=method)
        errors.append(abs(model.Vm - end.V))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


def test_exponential_euler_is_stable_for_any_conductance():
    neuron = wang_buzsaki()
    recording = pyhh.Simulation(neuron).run(
        stimuli.conductance(1e6, -50), 0.05, duration=5, method="exponential_euler"
    )
    # The channels' own g (V - E), some 10 µA/cm², move V by 1e-5 mV.
    np.testing.assert_allclose(recording.Vm[1:], -50, rtol=0, atol=1e-4)


@pytest.mark.parametrize("make", [pyhh.HHModel.at_rest, wang_buzsaki])
def test_divergence_is_told(make):
    cause = r"^the run diverged at step \d+ .* dt times the fastest rate exceeds 2, where forward "
    cause += r"Euler is unstable: at step \d+ .* V moves at 5\d\d per ms, and dt is 0\.01 ms"
    with pytest.raises(SimulationError, match=cause):
        pyhh.Simulation(make()).run(stimuli.conductance(500, -50), 0.01, duration=50)


@by_each
def test_the_error_of_a_run_is_estimated(method):
    recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(stepped(), 0.01, method=method)
    assert 0 < recording.estimate_error().spike_times < (0.01 if method == "euler" else 1e-3)
    noisy = pyhh.Simulation(wang_buzsaki()).run(STIMULUS, 0.02, duration=5, method=method)
    assert 0 < noisy.estimate_error().spike_times < 0.05


def test_recordings_with_conductances_are_pickled():
    recording = pyhh.Simulation(wang_buzsaki()).run(STIMULUS, DT, duration=5)
    again = pickle.loads(pickle.dumps(recording))
    assert again.stimulus == recording.stimulus == STIMULUS
    np.testing.assert_array_equal(again.Vm, recording.Vm)


@by_each
@pytest.mark.parametrize(
    "kind",
    [pyhh.HHModel.at_rest, Warm.at_rest, pospischil_rs],
    ids=["built_in", "custom", "neuron"],
)
def test_stored_and_resumed_runs_have_the_bits_of_those_in_memory(method, kind, tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    options = {"method": method, "every": 10}
    expected = pyhh.Simulation(kind()).run(STIMULUS, DT, duration=234.56, **options)
    stored = pyhh.Simulation(kind()).run(STIMULUS, DT, duration=100, to=path, **options)
    np.testing.assert_array_equal(stored.Vm, expected.Vm[:1_000])
    assert open_recording(path).stimulus == STIMULUS
    resumed = pyhh.Simulation.resume(path, duration=234.56).recording
    np.testing.assert_array_equal(resumed.Vm, expected.Vm)
    np.testing.assert_array_equal(resumed.spike_times, expected.spike_times)


def test_stores_need_arrays_again_and_no_other_conductance(tmp_path):
    pytest.importorskip("zarr")
    path, values = tmp_path / "run.zarr", np.linspace(0, 0.3, 2_000)
    stimulus = stimuli.conductance(values, -20)
    pyhh.Simulation(wang_buzsaki()).run(stimulus, DT, duration=10, to=path)
    with pytest.raises(ValueError, match=r"^stimulus must be given again"):
        pyhh.Simulation.resume(path, duration=20)
    other = stimuli.conductance(values, -30)
    with pytest.raises(ValueError, match=r"^stimulus must be that of the run, .*; got conductance"):
        pyhh.Simulation.resume(path, stimulus=other, duration=20)
    resumed = pyhh.Simulation.resume(path, stimulus=stimulus, duration=20).recording
    expected = pyhh.Simulation(wang_buzsaki()).run(stimulus, DT)
    np.testing.assert_array_equal(resumed.Vm, expected.Vm)


def test_a_negative_conductance_ends_a_run_where_it_is():
    simulation = pyhh.Simulation(wang_buzsaki())
    falling = stimuli.conductance(stimuli.ramp(1, -1, 0, 4_000), -65)
    with pytest.raises(ValueError, match=r"^g must be 0 or more \(mS/cm²\); got -.* at index 200"):
        simulation.run(falling, DT)
    assert simulation.recording.steps % 65_536 == 0
    assert simulation.recording.steps > 0


COMMAND = "V must be a potential, without a conductance (mV); got conductance(0.1, -75). Under "
COMMAND += "voltage clamp V does not depend on it, and its current is g (V - reversal)."


@pytest.mark.parametrize(
    "cells", [pyhh.Simulation(pyhh.HHModel()), pyhh.Population(2)], ids=["one", "many"]
)
def test_a_voltage_clamp_takes_no_conductance(cells):
    with raises(ValueError, COMMAND):
        cells.clamp(stimuli.conductance(0.1, -75), DT, duration=1)


def test_what_takes_arrays_alone_says_what_to_use():
    with pytest.raises(TypeError, match=r"got conductance.*Pass it to run"):
        pyhh.Simulation(pyhh.HHModel()).Run(stimuli.conductance(0.1, -75), DT)

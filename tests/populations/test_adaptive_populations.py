"""Populations by the adaptive method, against simulations of each cell by itself."""

import contextlib

import numpy as np
import pytest
from error_messages import raises

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli
from pyhh_fast.engine.populations.adaptive_stepper import AdaptivePopulationStepper
from pyhh_fast.variables import TRACES

MODULE = "pyhh_fast.engine.populations.adaptive_stepper"
GNA = np.array([100.0, 110, 120, 130, 140])
CURRENTS = np.array([5.0, 8, 11, 14, 17])
STEPS = 4_800
"""Of 0.05 ms: two restart points, and 40 ms beyond."""


class Warm(pyhh.HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        for gate in (self.m, self.h, self.n):
            gate.alpha *= 2
            gate.beta *= 2


def of_models(**options):
    return pyhh.Population.at_rest(5, gNa=GNA, **options)


def simulations(kind=pyhh.HHModel):
    return [pyhh.Simulation(kind.at_rest(gNa=gNa)) for gNa in GNA]


def assert_equal(recording, alone):
    """See that cells are as simulations of them, to the bit."""
    for i, one in enumerate(alone):
        for name in recording.recorded:
            np.testing.assert_array_equal(recording[name][i], one[name], strict=True)
        np.testing.assert_array_equal(recording.spike_times(i), one.spike_times)


@pytest.fixture(params=[0.0, 2.25e-3, 1.0], ids=["short chunks", "a while", "one chunk"])
def chunks(request, monkeypatch):
    monkeypatch.setattr(f"{MODULE}.ADAPTIVE_CHUNK", request.param)


def stimulus_of(kind):
    """Return a stimulus of cells, and those of each by itself."""
    steps = np.arange(STEPS)
    if kind == "constant":
        return 9.0, [9.0] * 5
    if kind == "each a constant":
        return CURRENTS, CURRENTS.tolist()
    if kind == "values":
        values = 10 * (steps // 300 % 2)
        return values, [values] * 5
    if kind == "each values":
        values = CURRENTS[:, np.newaxis] + 5.0 * (steps // 200 % 2)
        return np.asfortranarray(values), list(values)
    if kind == "stimulus":
        stimulus = stimuli.step(12, 20, 150) + stimuli.sine(2, 10)
        return stimulus, [stimulus] * 5
    noise = stimuli.ornstein_uhlenbeck(8, 3, 5, seed=4)
    return noise, [noise.of_cell(cell) for cell in range(5)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "kind", ["constant", "each a constant", "values", "each values", "stimulus", "noise"]
)
def test_cells_have_the_bits_of_simulations(kind, threads, chunks):
    given, alone = stimulus_of(kind)
    duration = None if "values" in kind else STEPS * 0.05
    options = {"method": "adaptive", "duration": duration, "record": TRACES, "every": 7}
    options["features"] = {"sd": features.voltage_sd(50, 200), "n": features.spike_count(0, 240)}
    population, single = of_models(), simulations()
    recording = population.run(given, 0.05, threads=threads, **options)
    recordings = [one.run(own, 0.05, **options) for one, own in zip(single, alone, strict=True)]
    assert recording.spike_counts.min() > 0
    assert_equal(recording, recordings)
    for i, one in enumerate(single):
        assert population.Vm[i] == one.model.Vm
        assert population.StateH[i] == one.model.h.state
        for name, value in recordings[i].features.items():
            assert recording.features[name][i] == value


@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
def test_run_continues_where_the_last_one_ended(kind):
    population, single = pyhh.Population.from_model(kind.at_rest(), 5, gNa=GNA), simulations(kind)
    if kind is Warm:  # whose cells start where the model is
        single = [pyhh.Simulation(Warm.at_rest()) for _ in GNA]
        for one, gNa in zip(single, GNA, strict=True):
            one.model.gNa = gNa
    else:
        population = of_models()
    for duration in (130.0, 70.0):
        options = {"method": "adaptive", "duration": duration, "record": ("Vm",)}
        recording = population.run(CURRENTS, 0.05, **options)
        alone = [
            one.run(current, 0.05, **options) for one, current in zip(single, CURRENTS, strict=True)
        ]
        assert_equal(recording, alone)


def test_cells_of_a_neuron_have_the_bits_of_simulations_with_all_numbers_of_their_own(chunks):
    values = {
        "Cm": [1.0, 1.1, 0.9],
        "Kd.g": [5.0, 4.0, 6.0],
        "Na.shift": [-60.0, -58.0, -62.0],
        "M.p.speed": [1.0, 1.5, 0.7],
    }
    neuron = pyhh.neurons.pospischil_rs()
    values = {path: own for path, own in values.items() if path in neuron.parameters}
    assert len(values) >= 3
    options = {"method": "adaptive", "duration": 250, "record": ["Vm", "M", "Na.m"]}
    population = pyhh.Population.from_model(neuron, 3, values, start="steady", Vm=-70)
    recording = population.run([3.0, 4.0, 5.0], 0.05, threads=2, **options)
    assert recording.spike_counts.min() > 0
    for cell in range(3):
        one = neuron.replace({path: own[cell] for path, own in values.items()})
        simulation = pyhh.Simulation(one, Vm=-70)
        alone = simulation.run(3.0 + cell, 0.05, **options)
        for name in options["record"]:
            np.testing.assert_array_equal(recording[name][cell], alone[name])
        np.testing.assert_array_equal(recording.spike_times(cell), alone.spike_times)
        assert population.Vm[cell] == simulation.Vm
        assert population.gates["M.p"][cell] == simulation.gates["M.p"]


def test_chosen_cells_are_recorded_in_their_order():
    options = {"method": "adaptive", "duration": 20, "record": ("Vm", "IK")}
    everyone = of_models().run(CURRENTS, 0.05, **options)
    some = of_models().run(CURRENTS, 0.05, cells=[3, 1, 3], **options)
    np.testing.assert_array_equal(some.Vm, everyone.Vm[[3, 1, 3]])
    np.testing.assert_array_equal(some.IK, everyone.IK[[3, 1, 3]])
    np.testing.assert_array_equal(some.spikes.time, everyone.spikes.time)


def test_cells_that_are_stuck_are_lost_and_the_others_continue(chunks):
    currents = np.full((5, STEPS), 10.0)
    currents[1, 2_468:] = -100.0
    population = of_models()
    options = {"method": "adaptive", "record": ("Vm",), "every": 3}
    options["features"] = {"sd": features.voltage_sd(0, 100), "late": features.voltage_sd(0, 200)}
    message = (
        r"^1 of 5 cells diverged, the first at step \d+ \(cell 1\); recording.diverged_at has all. "
        r"There the adaptive method is stuck. Use larger rtol and atol, or "
        r"method='exponential_euler', or check the parameters and stimuli.$"
    )
    with pytest.warns(UserWarning, match=message):
        recording = population.run(currents, 0.05, **options)
    simulation = simulations()[1]
    with pytest.raises(pyhh.SimulationError) as caught:
        simulation.run(currents[1], 0.05, **options)
    assert recording.diverged_at.tolist() == [-1, caught.value.step, -1, -1, -1]
    assert_equal(
        recording,
        [
            simulation.recording
            if cell == 1
            else simulations()[cell].run(currents[cell], 0.05, **options)
            for cell in range(5)
        ],
    )
    assert np.isnan(recording.Vm).sum(axis=1).tolist() == [
        0, 1_600 - -(-caught.value.step // 3), 0, 0, 0
    ]  # fmt: skip
    assert np.isnan(population.Vm).tolist() == [False, True, False, False, False]
    assert recording.features["sd"][1] == simulation.recording.features["sd"]
    assert np.isnan(recording.features["late"]).tolist() == [False, True, False, False, False]
    # It remains so.
    with pytest.warns(UserWarning, match="1 of 5 cells diverged, the first at step 0"):
        again = population.run(10.0, 0.05, duration=20, method="adaptive", record=("Vm",))
    assert np.isnan(again.Vm[1]).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_keeps_the_steps_that_all_cells_have_made(threads, monkeypatch):
    monkeypatch.setattr(f"{MODULE}.ADAPTIVE_CHUNK", 0.0)
    solve = AdaptivePopulationStepper._solve

    def interrupted(self, cell, task):
        if task.chunk == 1 and cell == 3:
            raise KeyboardInterrupt
        return solve(self, cell, task)

    monkeypatch.setattr(AdaptivePopulationStepper, "_solve", interrupted)
    population = of_models()
    options = {"method": "adaptive", "record": ("Vm",), "threads": threads}
    with pytest.raises(KeyboardInterrupt):
        population.run(CURRENTS, 0.05, duration=500, **options)
    monkeypatch.undo()
    recording = population.recording
    assert recording.steps == 2_000
    expected = of_models().run(CURRENTS, 0.05, duration=100, **options)
    np.testing.assert_array_equal(recording.Vm, expected.Vm)
    np.testing.assert_array_equal(recording.spikes.time, expected.spikes.time)
    np.testing.assert_array_equal(population.Vm, expected.final_state.Vm)


def test_ctrl_c_ends_threads_in_the_middle_of_a_cell(monkeypatch):
    class Bar(contextlib.nullcontext):
        n = 0

        def __enter__(self):
            return self

        def update(self, steps):
            raise KeyboardInterrupt

    monkeypatch.setattr("pyhh_fast.engine.populations.run.bar_over", lambda *_: Bar())
    monkeypatch.setattr(AdaptivePopulationStepper, "_end_of_chunk", lambda self, start: self._steps)
    with pytest.raises(KeyboardInterrupt):  # of a run of some minutes
        of_models().run(9, 1.0, duration=1e8, method="adaptive", threads=2)


def test_tolerances_are_used_and_checked():
    def spikes(**options):
        return of_models().run(20.0, 0.05, duration=50, method="adaptive", **options).spikes.time

    assert 1e-7 < np.abs(spikes() - spikes(rtol=1e-10, atol=1e-10)).max() < 1e-3
    with raises(ValueError, "rtol must be a positive, finite number; got 0."):
        spikes(rtol=0)


def test_simulator_and_sweep_have_the_bits_of_a_population():
    currents, chosen = [5.0, 12.0], {"sd": features.voltage_sd(20, 100)}
    options = {"method": "adaptive", "rtol": 1e-7, "atol": 1e-8}
    expected = {
        current: of_models().run(current, 0.05, duration=100, features=chosen, **options)
        for current in currents
    }
    simulate = pyhh.simulator(
        pyhh.HHModel.at_rest(), ["gNa"], 12.0, 0.05, 100, features=chosen, start="rest", **options
    )
    np.testing.assert_array_equal(simulate(GNA[:, np.newaxis])[:, 0], expected[12.0].features["sd"])
    pytest.importorskip("xarray")
    model = pyhh.HHModel.at_rest()
    result = pyhh.sweep(
        model,
        {"gNa": GNA, "current": currents},
        0,
        0.05,
        duration=100,
        reduce="final_Vm",
        **options,
    )
    population = pyhh.Population.from_model(model, 5, gNa=GNA)
    for current in currents:
        got = population.run(current, 0.05, duration=100, **options)
        np.testing.assert_array_equal(result.final_Vm.sel(current=current), got.final_state.Vm)
        population = pyhh.Population.from_model(model, 5, gNa=GNA)
    assert (result.attrs["rtol"], result.attrs["atol"]) == (1e-7, 1e-8)
    fixed = pyhh.sweep(model, {"gNa": GNA}, 0, 0.05, duration=1)
    assert "rtol" not in fixed.attrs


def test_store_of_a_sweep_with_other_tolerances_is_refused(tmp_path):
    pytest.importorskip("zarr")
    options = {"duration": 20, "method": "adaptive", "out": tmp_path / "sweep.zarr"}
    pyhh.sweep(pyhh.HHModel.at_rest(), {"gNa": GNA}, 9, 0.05, **options)
    with pytest.raises(ValueError, match="rtol"):
        pyhh.sweep(pyhh.HHModel.at_rest(), {"gNa": GNA}, 9, 0.05, rtol=1e-7, **options)

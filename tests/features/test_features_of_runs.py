"""Features that runs compute are those of their traces, whatever else the runs keep."""

import numpy as np
import pytest
from custom_models import InPython
from error_messages import raises
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli

METHODS = ["euler", "exponential_euler", "rk4", "adaptive"]
SUBJECTS = {
    "model": pyhh.HHModel.at_rest,
    "custom rates": Warm.at_rest,
    "own steps": InPython.at_rest,
    "neuron": pyhh.neurons.wang_buzsaki,
}

OF_TRACES = {
    "begin": features.AP_begin_voltage(0, 60),
    "second": features.AP_amplitude(10, 60, 1),
    "width": features.AP_duration_half_width(0, 59.995),
    "ahp": features.AHP_depth_abs(20, 60),
    "between": features.min_between_peaks_values(0, 60),
    "base": features.voltage_base(0, 5),
    "kurtosis": features.voltage_kurtosis(12.345, 45),
    "highest": features.maximum_voltage(50, 60),
    "sag": features.sag_amplitude(5, 30),
}
OF_SPIKES = {
    "count": features.spike_count(0, 60),
    "first": features.time_to_first_spike(5, 60),
    "interval": features.mean_ISI(0, 60),
}
CHOSEN = OF_TRACES | OF_SPIKES


def stimulus(strength=10.0):
    return stimuli.step(strength, 5, 55)


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def of_recording(recording, chosen=OF_TRACES):
    return features.of(recording["Vm"], recording.dt, chosen, threshold=recording.threshold)


def runs(subject, method="euler", *, strength=10.0, **options):
    """Return the recording of a run with all traces, and that of one with these options."""
    made = []
    for chosen in ({}, options):
        simulation = pyhh.Simulation(SUBJECTS[subject]())
        made.append(simulation.run(stimulus(strength), 0.02, duration=61, method=method, **chosen))
    return made


@pytest.mark.parametrize("options", [{}, {"record": (), "every": 7}, {"envelope": 100}], ids=str)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("subject", ["model", "neuron"])
def test_features_of_a_run_are_those_of_its_trace(subject, method, options):
    full, run = runs(subject, method, features=CHOSEN, **options)
    expected = of_recording(full)
    assert_equal({name: run.features[name] for name in OF_TRACES}, expected)
    assert not np.isnan([*expected.values()][:6]).any()
    times = full.spike_times[full.spike_times < 60]
    expected = [times.size, times[0] - 5, np.diff(times).mean()]
    np.testing.assert_allclose([run.features[name] for name in OF_SPIKES], expected, rtol=1e-14)
    for name in run.recorded:
        np.testing.assert_array_equal(run[name], full[name][:: run.every])


@pytest.mark.parametrize("subject", ["custom rates", "own steps"])
def test_features_of_models_with_methods_of_their_own(subject):
    full, run = runs(subject, features=OF_TRACES, record=())
    assert_equal(run.features, of_recording(full))


def test_a_run_continues_with_features_of_its_own():
    # Row 0 of a run is at dt, whatever was run before; what was before is not looked at.
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    for _ in range(2):
        run = simulation.run(stimulus(), 0.02, duration=60, features=OF_TRACES)
        assert_equal(run.features, of_recording(run))
    assert simulation.run(0.0, 0.02, duration=1).features == {}


def test_features_are_named_by_kind_in_a_sequence():
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        10.0, 0.02, duration=30, features=[features.spike_count(0, 30)]
    )
    assert run.features == {"spike_count": 2.0}


def test_features_of_windows_that_a_run_does_not_end_are_nan():
    chosen = {"early": features.mean_voltage(0, 4), "late": features.mean_voltage(0, 20)}
    chosen |= {"none": features.spike_count(0, 20)}
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    with pytest.raises(pyhh.SimulationError):
        simulation.run(stimuli.step(1e8, 10, 20), 0.05, duration=20, features=chosen, record=())
    found = simulation.recording.features
    assert abs(found["early"]) < 0.1
    assert np.isnan([found["late"], found["none"]]).all()


def cells(kind, size=11):
    if kind == "built-in":
        return pyhh.Population.at_rest(size, gNa=np.linspace(90, 150, size))
    subject = SUBJECTS[kind]()
    name = "Na.g" if kind == "neuron" else "gNa"
    values = {name: np.linspace(30, 40, size) if kind == "neuron" else np.linspace(90, 150, size)}
    return pyhh.Population.from_model(subject, size, values)


@pytest.mark.parametrize("method", METHODS[:3])
@pytest.mark.parametrize("kind", ["built-in", "custom rates", "neuron"])
def test_features_of_cells_are_those_of_their_traces(kind, method):
    strengths = np.linspace(0, 20, 11)[:, np.newaxis]
    I = strengths * stimulus(1.0).to_array(3_050, 0.02)  # noqa: E741
    full = cells(kind).run(I, 0.02, method=method, record=["Vm"])
    expected = of_recording(full)
    assert np.isnan(expected["width"][0])
    assert not np.isnan(expected["width"][5:]).any()
    run = cells(kind).run(I, 0.02, method=method, features=CHOSEN, threads=3)
    assert_equal({name: run.features[name] for name in OF_TRACES}, expected)
    counts = [np.sum(full.spike_times(cell) < 60) for cell in range(11)]
    np.testing.assert_array_equal(run.features["count"], counts)
    assert_equal(run.features, cells(kind).run(I, 0.02, method=method, features=CHOSEN).features)


def test_features_of_cells_do_not_depend_on_threads_and_other_cells():
    noise = stimuli.constant(8) + stimuli.white_noise(20, seed=3)

    def run(first, size, threads):
        population = cells("built-in", 300)
        part = pyhh.Population.at_rest(size, gNa=population.gNa[first : first + size])
        wave = noise.of_cell(first)
        return part.run(wave, 0.02, duration=60, features=CHOSEN, threads=threads).features

    expected = run(0, 300, 1)
    assert not np.isnan(expected["begin"]).any()
    for first, size, threads in [(0, 300, 2), (7, 130, 1), (299, 1, 1)]:
        part = run(first, size, threads)
        assert_equal(part, {n: values[first : first + size] for n, values in expected.items()})


def test_cells_that_diverge_have_the_features_of_windows_before():
    # The third of four follows a current that no step of 0.05 ms does.
    strengths = np.array([0.0, 10.0, 1e6, 10.0])[:, np.newaxis]
    I = strengths * stimuli.step(1.0, 20, 30).to_array(800, 0.05)  # noqa: E741
    chosen = {"early": features.mean_voltage(0, 15), "late": features.mean_voltage(0, 35)}
    chosen |= {"count": features.spike_count(0, 35), "before": features.spike_count(0, 15)}
    with pytest.warns(UserWarning, match="^1 of 4 cells diverged"):
        run = pyhh.Population.at_rest(4).run(I, 0.05, features=chosen, record=["Vm"])
    assert 400 <= run.diverged_at[2] < 410
    alone = features.of(run.Vm[2, :400], 0.05, {"early": chosen["early"]})
    assert run.features["early"][2] == alone["early"]
    assert [run.features[name][2] for name in ("before",)] == [0]
    assert np.isnan([run.features["late"][2], run.features["count"][2]]).all()
    assert not np.isnan([run.features[name][[0, 1, 3]] for name in chosen]).any()


@pytest.mark.parametrize("start", [pyhh.HHModel.at_rest, pyhh.neurons.wang_buzsaki])
def test_windows_end_with_the_run(start):
    message = "stop of late must be at most the duration of the run, 50 (ms); got 50.5."
    chosen = {"late": features.mean_voltage(0, 50.5)}
    with raises(ValueError, message):
        pyhh.Simulation(start()).run(1.0, 0.01, duration=50, features=chosen)
    with raises(ValueError, message):
        pyhh.Population.from_model(start(), 2).run(1.0, 0.01, duration=50, features=chosen)
    with raises(ValueError, message.replace("50.5", "1e+300")):
        chosen = {"late": features.mean_voltage(0, 1e300)}
        pyhh.Simulation(start()).run(1.0, 0.01, duration=50, features=chosen)

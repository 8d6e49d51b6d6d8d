"""What a run returns: traces, their times, spikes, the figure."""

import matplotlib as mpl
import numpy as np
import pytest
import reference
from custom_models import FrozenGates, InPython
from hypothesis import given
from hypothesis import strategies as st
from model_states import full_state_of

import pyhh_fast as pyhh
from pyhh_fast import rate_tables
from pyhh_fast.engine.fixed_stepper import FixedStepper
from pyhh_fast.engine.python_stepper import PythonStepper
from pyhh_fast.methods import METHODS
from pyhh_fast.system import aligned_arrays
from pyhh_fast.variables import TRACES

mpl.use("agg")


def rested():
    return pyhh.Simulation(pyhh.HHModel.at_rest())


def test_run_returns_and_stores_the_recording():
    simulation = rested()
    assert simulation.recording is None
    recording = simulation.run(np.full(100, 10.0), 0.01)
    assert isinstance(recording, pyhh.Recording)
    assert simulation.recording is recording
    for name in TRACES:
        trace = getattr(recording, name)
        assert getattr(simulation, name) is trace
        assert trace.shape == (100,)
        assert trace.dtype == np.float64
    assert len(recording) == 100


@pytest.mark.parametrize("method", ["euler", "adaptive"])
def test_constant_stimulus_equals_a_full_array(method):
    constant = rested().run(12, 0.01, duration=250, method=method)
    array = rested().run(np.full(25_000, 12.0), 0.01, method=method)
    for name in (*TRACES, "times", "spike_times", "stimulus"):
        np.testing.assert_array_equal(getattr(constant, name), getattr(array, name))


@pytest.mark.parametrize("stimulus", [[], np.array([]), np.array([], dtype=int), ()])
def test_empty_stimulus_gives_empty_traces(stimulus):
    simulation = rested()
    V = simulation.model.Vm
    simulation.Run(stimulus, 0.01)
    for name in (*TRACES, "times"):
        assert getattr(simulation, name).shape == (0,)
    assert simulation.recording.spike_times.shape == simulation.recording.times.shape == (0,)
    assert simulation.model.Vm == V
    assert not hasattr(simulation.model, "INa")
    assert len(rested().run(5.0, 0.01, duration=0)) == 0


@pytest.mark.parametrize(
    ("duration", "dt", "steps"),
    [(100, 0.01, 10_000), (0.3, 0.1, 3), (100_000_000.3, 0.1, 1_000_000_003), (0.1 + 0.2, 0.1, 3)],
)
@pytest.mark.filterwarnings("ignore:dt is")
def test_durations_are_rounded_to_steps(duration, dt, steps):
    if steps > 10_000:
        from pyhh_fast.validation import steps_in

        assert steps_in(duration, dt) == steps
    else:
        assert len(rested().run(0.0, dt, duration=duration)) == steps


def test_spike_times_match_the_reference():
    recording = rested().run(np.tile([0.0, 25.0, 5.0], 5_000), 0.01)
    expected = reference.spike_times(recording.Vm, 0.01, 0.0, 50.0)
    assert len(expected) > 5
    np.testing.assert_allclose(recording.spike_times, expected, rtol=1e-13)


@given(
    V=st.lists(st.sampled_from([-1.0, 0.0, 49.875, 50.0, 51.0]), max_size=40),
    start=st.sampled_from([0.0, 49.875, 50.0, 60.0]),
    chunk=st.integers(1, 41),
    python=st.booleans(),
)
@pytest.mark.filterwarnings("ignore:dt is")
def test_spikes_do_not_depend_on_where_the_trace_is_cut(V, start, chunk, python):
    kind = InPython if python else pyhh.HHModel
    # Without conductances the stimulus alone decides where V goes.
    simulation = pyhh.Simulation(kind(start, gNa=0, gK=0, gKleak=0))
    with pytest.MonkeyPatch.context() as patch:
        for stepper in (FixedStepper, PythonStepper):
            patch.setattr(stepper, "CHUNK", chunk)
        recording = simulation.run(2 * np.diff(V, prepend=start), 0.5)
    np.testing.assert_array_equal(recording.Vm, V)
    expected = reference.spike_times(V, 0.5, start, 50.0)
    np.testing.assert_allclose(recording.spike_times, expected, rtol=1e-14)


def test_spike_in_the_first_step_is_found():
    model = pyhh.HHModel(40.0)
    recording = pyhh.Simulation(model).run(2_000.0, 0.01, duration=0.1)
    assert recording.Vm[0] > 50
    assert 0 < recording.spike_times[0] < 0.01
    again = pyhh.Simulation(model).run(2_000.0, 0.01, duration=0.1)
    assert again.spike_times.size == 0, "V was above the threshold before"


def test_threshold_argument_is_used():
    recording = rested().run(10.0, 0.01, duration=50.0, threshold=90.0)
    assert recording.threshold == 90
    np.testing.assert_allclose(
        recording.spike_times, reference.spike_times(recording.Vm, 0.01, 0.0, 90.0)
    )
    assert rested().run(10.0, 0.01, duration=50.0, threshold=200.0).spike_times.size == 0


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0.01, "Recording(1 step of 0.01 ms, 0.01 ms, 0 spikes)"),
        (10.0, "Recording(1000 steps of 0.01 ms, 10 ms, 1 spike)"),
        (50.0, "Recording(5000 steps of 0.01 ms, 50 ms, 4 spikes)"),
    ],
)
def test_repr_of_recordings(duration, text):
    assert repr(rested().run(10.0, 0.01, duration=duration)) == text


@pytest.mark.parametrize("owner", ["simulation", "recording"])
def test_plot_draws_four_panels_with_units(owner):
    import matplotlib.pyplot as plt

    simulation = rested()
    stimulus = np.zeros(2_000)
    stimulus[500:600] = 30
    recording = simulation.run(stimulus, 0.01)
    owner = simulation if owner == "simulation" else recording
    figure = owner.plot()
    try:
        panels = figure.axes
        assert [panel.get_ylabel() for panel in panels] == [
            "Membrane potential\n(mV from rest)",
            "Stimulus\n(µA/cm²)",
            "Open fraction",
            "Membrane current\n(µA/cm², outward +)",
        ]
        assert [panel.get_xlabel() for panel in panels] == ["", "", "", "Time (ms)"]
        assert {panel.get_xlim() for panel in panels} == {(0.0, 20.0)}
        drawn = [(line.get_xdata(), line.get_ydata()) for p in panels for line in p.lines]
        after, before = recording.times, simulation.times
        expected = [
            (after, recording.Vm),
            (np.append(before, 20.0), np.append(stimulus, stimulus[-1])),
            (after, recording.StateM),
            (after, recording.StateH),
            (after, recording.StateN),
            (before, recording.INa),
            (before, recording.IK),
            (before, recording.IKleak),
        ]
        for line, there in zip(drawn, expected, strict=True):
            np.testing.assert_array_equal(line, there)
        assert panels[1].lines[0].get_drawstyle() == "steps-post"
        labels = [text.get_text() for p in panels[2:] for text in p.get_legend().get_texts()]
        assert labels == ["m", "h", "n", "Na⁺", "K⁺", "leak"]
        assert figure is plt.gcf()
        part = owner.plot(start=5, stop=6.5)
        assert {panel.get_xlim() for panel in part.axes} == {(5.0, 6.5)}
    finally:
        plt.close("all")


@pytest.mark.parametrize("size", [0, 1, 524_287, 524_288, 524_289, 1_000_000])
def test_long_traces_begin_with_a_huge_page(size):
    trace = aligned_arrays.trace(size)
    assert trace.shape == (size,)
    assert trace.dtype == np.float64
    assert trace.flags.c_contiguous
    assert trace.flags.writeable
    trace[:] = 1.0
    if size * 8 >= 2**22:
        assert trace.ctypes.data % 2**21 == 0
        assert trace.base.nbytes - (trace.ctypes.data - trace.base.ctypes.data) >= size * 8


@pytest.mark.parametrize(
    "record", [(), ["Vm"], ("INa", "StateH"), {"IK", "IKleak", "StateM"}, TRACES]
)
@pytest.mark.parametrize(
    ("kind", "method"), [(FrozenGates, "euler"), *((pyhh.HHModel, method) for method in METHODS)]
)
def test_results_do_not_depend_on_recorded_traces(record, kind, method, monkeypatch):
    monkeypatch.setattr(FixedStepper, "CHUNK", 700)
    # The large current takes V out of the first table in the middle of a chunk.
    monkeypatch.setattr(rate_tables, "_built_in", None)
    stimulus = np.concatenate([np.tile([0.0, 25.0, 5.0], 600), [4_000.0] * 7, np.zeros(1_000)])
    simulation, whole = pyhh.Simulation(kind()), pyhh.Simulation(kind())
    recording = simulation.run(stimulus, 0.01, method=method, record=record)
    everything = whole.run(stimulus, 0.01, method=method)
    assert everything.Vm.max() > 150
    assert set(recording.recorded) == set(record)
    for name in TRACES:
        if name in record:
            np.testing.assert_array_equal(getattr(recording, name), getattr(everything, name))
            assert getattr(simulation, name) is getattr(recording, name)
        else:
            assert not hasattr(recording, name)
            assert not hasattr(simulation, name)
    np.testing.assert_array_equal(recording.spike_times, everything.spike_times)
    assert full_state_of(simulation.model) == full_state_of(whole.model)


def test_recorded_names_are_unique_and_ordered():
    recording = rested().run([1.0], 0.01, record=["StateH", "Vm", "Vm"])
    assert recording.recorded == ("Vm", "StateH")

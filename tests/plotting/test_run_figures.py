"""Figures of runs: their panels and axes, envelopes and spikes, from memory and from stores."""

import io
import pickle

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from run_figures import extremes, labels, run

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.plotting import decimation, plot_recording, runs
from pyhh_fast.storage import resume
from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.variables import TRACES


@pytest.mark.parametrize("every", [1, 3])
def test_long_recording_is_drawn_by_few_points(every):
    recording = run(duration=1_500, every=every)
    figure = plot_recording(recording)
    before = np.arange(len(recording)) * every * 0.01
    lines = [line for axis in figure.axes for line in axis.lines]
    names = ["Vm", None, "StateM", "StateH", "StateN", "INa", "IK", "IKleak"]
    for name, line in zip(names, lines, strict=True):
        if name:
            values = getattr(recording, name)
            there = extremes(values)
            times = before if name.startswith("I") else recording.times
            np.testing.assert_array_equal(line.get_xydata(), np.array([times, values]).T[there])
    np.testing.assert_array_equal(lines[1].get_xydata(), [[0, 12], [1_500, 12]])


def test_figure_of_a_window_has_only_its_samples():
    recording = run(np.random.default_rng(0).normal(8, 5, 30_000), every=4, envelope=10)
    figure = plot_recording(recording, 100, 120.5)
    times = recording.times
    within = (times >= 100) & (times <= 120.5)
    V, stimulus, m, *_ = (axis.lines[0] for axis in figure.axes)
    np.testing.assert_array_equal(V.get_xydata(), np.array([times, recording.Vm]).T[within])
    np.testing.assert_array_equal(m.get_ydata(), recording.StateM[within])
    np.testing.assert_array_equal(stimulus.get_xdata()[:-1], np.arange(10_000, 12_050) * 0.01)
    np.testing.assert_array_equal(stimulus.get_ydata()[:-1], recording.stimulus[10_000:12_050])
    assert stimulus.get_xydata()[-1].tolist() == [120.5, recording.stimulus[12_049]]


@pytest.mark.parametrize("options", [{}, {"every": 7, "envelope": 100}, {"record": ()}])
def test_stored_run_is_drawn_as_from_memory_in_blocks(options, out, monkeypatch):
    monkeypatch.setattr(decimation, "BLOCK", 5_000)
    drive = stimuli.step(15, 20, 250) + stimuli.ornstein_uhlenbeck(0, 1, 5, 1)
    expected = run(drive, **options)
    stored = run(drive, to=out, **options)
    values, most = RunStore.values, []

    def watched(self, name, start=0, stop=None):
        found = values(self, name, start, stop)
        most.append(found.size)
        return found

    monkeypatch.setattr(RunStore, "values", watched)
    for recording in (stored, resume.open_recording(out)):
        for part in ((), (0, 300), (120.5, 240)):
            most.clear()
            drawn, wanted = (plot_recording(one, *part) for one in (recording, expected))
            assert len(drawn.axes) == len(wanted.axes)
            for axis, other in zip(drawn.axes, wanted.axes, strict=True):
                assert axis.get_xlim() == other.get_xlim()
                for line, same in zip(axis.lines, other.lines, strict=True):
                    np.testing.assert_array_equal(line.get_xydata(), same.get_xydata())
                for one, same in zip(axis.collections, other.collections, strict=True):
                    for path, like in zip(one.get_paths(), same.get_paths(), strict=True):
                        np.testing.assert_array_equal(path.vertices, like.vertices)
            plt.close("all")
            assert not most or max(most) <= 5_000


def test_envelope_between_samples_is_a_grey_band():
    recording = run(every=300, envelope=500, record=["Vm"])
    axis = plot_recording(recording, 12, 93).axes[0]
    (band,), (line,) = axis.collections, axis.lines
    assert band.get_zorder() < line.get_zorder()
    assert mpl.colors.to_hex(band.get_facecolor()[0]).upper() == runs.GREY
    (path,) = band.get_paths()
    for window in range(2, 19):
        middle = min(max(window * 5 + 2.5, 12.1), 92.9)
        lowest, highest = recording.Vm_min[window], recording.Vm_max[window]
        inside = [path.contains_point((middle, V)) for V in (lowest + 0.01, highest - 0.01)]
        outside = [path.contains_point((middle, V)) for V in (lowest - 0.01, highest + 0.01)]
        assert (inside, outside) == ([True, True], [False, False])
    assert (path.vertices[:, 0].min(), path.vertices[:, 0].max()) == (12, 93)


def test_narrow_envelope_is_a_grey_line_behind_the_samples():
    recording = run(every=300, envelope=10, record=["Vm"])
    behind, line = plot_recording(recording).axes[0].lines
    assert (behind.get_color(), line.get_color()) == (runs.GREY, runs.BLACK)
    assert len(line.get_xdata()) == 100
    assert behind.get_ydata().max() == recording.Vm_max.max()


@pytest.mark.parametrize("record", [["Vm"], []])
def test_envelope_is_drawn_instead_of_very_many_samples(record, monkeypatch):
    monkeypatch.setattr(runs, "MANY", 29_999)
    recording = run(envelope=3, record=record)
    full_V = run(record=["Vm"]).Vm
    if record:
        recording.Vm = None  # is not read
    (line,) = plot_recording(recording).axes[0].lines
    assert line.get_color() == runs.BLACK
    times, drawn = line.get_data()
    assert len(times) <= 4_000
    for start in range(0, 30_000, 30):  # of a segment
        there = drawn[(start < times / 0.01) & (times / 0.01 < start + 30)]
        part = full_V[start : start + 30]
        assert (there.min(), there.max()) == (part.min(), part.max())


def test_envelope_of_a_window_has_only_its_part():
    recording = run(envelope=4, record=[])
    for first in (800, 801):  # where the lower of a window is the first, and where it is the upper
        start = first * 0.04 + 0.015 * (first % 2)
        times, drawn = plot_recording(recording, start, start + 50).axes[0].lines[0].get_data()
        both = np.ravel([recording.Vm_min, recording.Vm_max], order="F")
        rows = np.round(times / 0.02 - 0.5).astype(int)
        assert rows[0] == 2 * first + first % 2
        np.testing.assert_array_equal(rows, np.arange(rows[0], rows[0] + 2_500))
        np.testing.assert_array_equal(drawn, both[rows])


def test_spikes_are_drawn_where_V_was_not_recorded(monkeypatch):
    recording = run(duration=1_000, record=())
    figure = plot_recording(recording, 100, 900)
    assert labels(figure) == ["Spikes", "Stimulus"]
    (events,) = figure.axes[0].collections
    times = recording.spike_times
    within = times[(times >= 100) & (times <= 900)]
    np.testing.assert_array_equal(np.sort(events.get_positions()), within)
    monkeypatch.setattr(runs, "MOST_POINTS", 20)
    (events,) = plot_recording(recording, 100, 900).axes[0].collections
    firsts = [within[(within - 100) // 40 == column][0] for column in range(20)]
    np.testing.assert_array_equal(np.sort(events.get_positions()), firsts)
    assert labels(plot_recording(run(0, record=["INa"]))) == [
        "Spikes",
        "Stimulus",
        "Membrane current",
    ]


def test_concentrations_have_a_panel_above_the_currents():
    simulation = pyhh.Simulation(pyhh.neurons.ermentrout())
    recording = simulation.run(5, 0.05, duration=50, method="rk4", record=["Vm", "Ca", "AHP"])
    figure = plot_recording(recording)
    expected = ["Membrane potential (mV)", "Stimulus", "Concentration", "Membrane current"]
    assert labels(figure) == expected
    (line,) = figure.axes[2].lines
    np.testing.assert_array_equal(line.get_ydata(), recording["Ca"])
    assert line.get_label() == "Ca"


def test_concentration_that_hardly_moves_is_flat_and_numbered_without_offset():
    simulation = pyhh.Simulation(pyhh.neurons.pospischil_lts())
    recording = simulation.run(-0.001, 0.05, duration=50, method="rk4", record=["Vm", "Ca"])
    assert 0 < np.ptp(recording["Ca"]) < 1e-3 * recording["Ca"].min()
    figure = recording.plot()
    figure.canvas.draw()
    axis = figure.axes[2]
    assert axis.yaxis.get_offset_text().get_text() == ""
    numbers = [float(tick.get_text()) for tick in axis.get_yticklabels()]
    assert numbers == pytest.approx([*axis.get_yticks()], rel=1e-6)
    low, high = axis.get_ylim()
    assert high - low == pytest.approx(0.02 * recording["Ca"].max(), rel=0.05)


@pytest.mark.parametrize("drive", [stimuli.step(2, 1, 3), stimuli.conductance(0.01, 0)])
def test_labels_of_panels_are_no_taller_than_the_panels(drive):
    neuron = pyhh.neurons.pospischil_lts()
    drive = drive + stimuli.conductance(0.02, -75)
    figure = pyhh.Simulation(neuron).run(drive, 0.05, duration=5, record=neuron.variables).plot()
    figure.canvas.draw()
    for axis in figure.axes:
        assert axis.yaxis.label.get_window_extent().height <= axis.get_window_extent().height


def test_conductances_of_the_same_reversal_potential_are_numbered():
    same = (
        stimuli.conductance(0.01, 0) + stimuli.conductance(0.1, -75) + stimuli.conductance(0.02, 0)
    )
    recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(same, 0.01, duration=5)
    lines = recording.plot().axes[1].lines
    assert [(line.get_label(), line.get_ydata()[0]) for line in lines] == [
        ("E = 0 mV (1)", 0.01),
        ("E = -75 mV", 0.1),
        ("E = 0 mV (2)", 0.02),
    ]


def test_diverged_run_is_drawn_up_to_its_end():
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    drive = np.full(20_000, 5.0)
    drive[15_000:] = -1e5
    with pytest.raises(pyhh.SimulationError):
        simulation.run(drive, 0.01, envelope=100)
    drawn = simulation.plot(0, 150).axes[0].lines[0].get_ydata()
    assert drawn.max() == simulation.Vm[:15_000].max()
    simulation.plot().savefig(io.BytesIO())


def test_long_time_axis_is_in_seconds():
    figure = plot_recording(run(0, duration=10_010, every=1_000))
    assert figure.axes[-1].get_xlabel() == "Time (s)"
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[-1].get_xticklabels()]
    assert ticks[:6] == ["0", "2", "4", "6", "8", "10"]
    assert plot_recording(run(0, duration=10_000, every=1_000)).axes[-1].get_xlabel() == "Time (ms)"


def test_all_traces_have_a_panel():
    drawn = {
        trace.name
        for panel in (runs.OPEN_FRACTIONS, runs.MEMBRANE_CURRENTS)
        for trace in panel.traces
    }
    assert drawn == {*TRACES} - {"Vm"}


def test_gates_and_currents_of_a_neuron_have_a_line_each():
    neuron = pyhh.neurons.wang_buzsaki()
    figure = pyhh.Simulation(neuron).run(1.0, 0.02, duration=50, method="rk4").plot(10, 40)
    assert figure.axes[0].get_ylabel() == "Membrane potential (mV)"
    labels = [line.get_label() for axis in figure.axes for line in axis.lines]
    assert [name for name in labels if name in neuron.variables] == list(neuron.variables)[1:]


@pytest.mark.parametrize("neuron", [False, True])
def test_voltage_clamp_has_its_command_and_the_total_current(neuron):
    subject = pyhh.neurons.wang_buzsaki() if neuron else pyhh.HHModel()
    command = stimuli.step(30, 1, 2)
    r = pyhh.Simulation(subject).clamp(command, 0.1, duration=3)
    figure = r.plot()
    unit = "Command (mV)" if neuron else "Command\n(mV from rest)"
    assert figure.axes[0].get_ylabel() == unit
    assert labels(figure)[1:] == ["Open fraction", "Membrane current", "Total current"]
    held, gates, currents, total = (axis.lines for axis in figure.axes)
    np.testing.assert_allclose(held[0].get_ydata()[:-1], command.to_array(30, 0.1))
    np.testing.assert_allclose(held[0].get_xdata(), np.arange(31) * 0.1)
    assert (len(gates), len(currents)) == (3, 3)
    for line in (*gates, *currents, *total):
        np.testing.assert_allclose(line.get_xdata(), r.times)
    np.testing.assert_array_equal(total[0].get_ydata(), r.I_total)


def test_pickled_recording_of_a_model_is_drawn_as_before():
    recording = pyhh.Simulation(pyhh.HHModel()).run(1.0, 0.01, duration=1)
    for one in (recording, pickle.loads(pickle.dumps(recording))):
        assert one.plot().axes[0].get_ylabel() == "Membrane potential\n(mV from rest)"

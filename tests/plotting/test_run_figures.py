"""Figures of runs: windows, decimation of traces, stimuli, from memory and from stores."""

import io
import pickle

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.plotting import decimation, plot_recording, plot_stimulus, runs
from pyhh_fast.plotting.decimation import LazyTrace, Window
from pyhh_fast.storage import resume
from pyhh_fast.storage.run_store import RunStore
from pyhh_fast.variables import TRACES

pytestmark = pytest.mark.usefixtures("_without_display")


@pytest.fixture
def _without_display():
    mpl.use("agg")
    plt.close("all")
    yield
    plt.close("all")


def run(stimulus=12, **options):
    options = {"duration": 300, **options}
    if isinstance(stimulus, np.ndarray):
        del options["duration"]
    return pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, 0.01, **options)


def labels(figure):
    return [axis.get_ylabel().partition("\n")[0] for axis in figure.axes]


def extremes(values, start=0):
    """Return the indices of first, lowest, highest and last value of each of 1,000 segments."""
    width = -(-len(values) // 1_000)
    found = set()
    for first in range(0, len(values), width):
        part = values[first : first + width]
        found |= {first, first + len(part) - 1}
        if not np.isnan(part).all():
            found |= {first + int(np.nanargmin(part)), first + int(np.nanargmax(part))}
    return start + np.array(sorted(found))


# Which rows


@pytest.mark.parametrize("rows", [4_001, 20_000, 123_456, 1_000_001])
@pytest.mark.parametrize("block", [999, 524_288])
@pytest.mark.parametrize("nan", [False, True])
def test_decimation_keeps_first_lowest_highest_and_last_of_each_segment(
    rows, block, nan, monkeypatch
):
    monkeypatch.setattr(decimation, "BLOCK", block)
    rng = np.random.default_rng(rows)
    values = rng.normal(size=rows + 1_234)
    if nan:
        values[rng.random(values.size) < 0.01] = np.nan
        values[rows // 2 :] = np.nan
    blocks = []

    def read(start, stop):
        blocks.append((start, stop))
        return values[start:stop]

    numbers, drawn = decimation.decimated(read, range(1_234, values.size))
    np.testing.assert_array_equal(numbers, extremes(values[1_234:], 1_234))
    np.testing.assert_array_equal(drawn, values[numbers])
    assert numbers.size <= 4_000
    borders = np.ravel(blocks)
    assert (borders[0], borders[-1]) == (1_234, values.size)
    np.testing.assert_array_equal(borders[1:-1:2], borders[2::2])
    assert (borders[1:-1] % block == 0).all()


@pytest.mark.parametrize("rows", [0, 1, 4_000])
def test_few_samples_are_all_drawn(rows):
    values = np.arange(rows) ** 0.5
    numbers, drawn = decimation.decimated(lambda start, stop: values[start:stop], range(rows))
    np.testing.assert_array_equal(numbers, np.arange(rows))
    np.testing.assert_array_equal(drawn, values)


@pytest.mark.parametrize("dt", [0.01, 0.1, 1 / 3])
@pytest.mark.parametrize(("spacing", "offset"), [(1, 0), (1, 1), (7, 1), (2.5, 1.25)])
def test_samples_within_a_window_are_those_between_its_ends(dt, spacing, offset):
    series = LazyTrace(None, 1_000, dt, spacing, offset)
    times = (np.arange(1_000) * spacing + offset) * dt
    borders = [0, 0.3, 0.7, 29 * dt, 30 * dt, 333.3 * dt, 5_000 * dt]
    for start in borders:
        for stop in borders:
            if start < stop:
                expected = np.flatnonzero((times >= start - 1e-9) & (times <= stop + 1e-9))
                np.testing.assert_array_equal(series.within(Window(start, stop)), expected)


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [
        (5, 5, "start must be before stop, 5 (ms); got 5."),
        (6, 5.5, "start must be before stop, 5.5 (ms); got 6."),
        (30, None, "start must be before the end of the run, 30 (ms); got 30."),
        (-1, None, "start must be a finite number, 0 or more (ms); got -1."),
        (np.nan, None, "start must be a finite number (ms); got nan."),
        (None, 30.1, "stop must be at most the end of the run, 30 (ms); got 30.1."),
        (None, 0, "stop must be after the beginning of the run (ms); got 0."),
        (None, -1, "stop must be after the beginning of the run (ms); got -1."),
    ],
)
def test_invalid_windows_are_refused(start, stop, message):
    recording = run(duration=30)
    with pytest.raises(ValueError) as caught:
        recording.plot(start, stop)
    assert str(caught.value) == message
    with pytest.raises(TypeError, match=r"^stop must be a finite number \(ms\); got '9' \(str\)"):
        recording.plot(stop="9")


# What is drawn


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


# The stimulus


def drawn_stimulus(recording, *part):
    figure = plot_recording(recording, *part)
    assert labels(figure) == ["Spikes", "Stimulus"]
    return figure.axes[1].lines[0].get_data()


WAVES = [stimuli.step(9, 150, 250) + 3, stimuli.ramp(0, 9, 10, 200), stimuli.pulses(9, 1, 3)]


@pytest.mark.parametrize("drive", [*WAVES, stimuli.ornstein_uhlenbeck(0, 1, 5, 1)], ids=repr)
@pytest.mark.parametrize("part", [(), (123.45, 150.005), (123.456, 290)])
def test_stimulus_is_drawn_at_its_times(drive, part, monkeypatch):
    monkeypatch.setattr(decimation, "BLOCK", 1_000)
    times, values = drawn_stimulus(run(drive, record=()), *part)
    start, stop = part or (0, 300)
    assert (times[0], times[-1]) == (start, stop)
    whole = drive.to_array(30_000, 0.01)
    first, last = int(start / 0.01 + 1e-6), int(np.ceil(stop / 0.01 - 1e-6))
    steps = np.round(times[1:-1] / 0.01).astype(int)
    np.testing.assert_array_equal(values[:-1], whole[[first, *steps]])
    assert values[-1] == whole[last - 1]
    if last - first > 4_000:
        there = extremes(whole[first:last], first)
        np.testing.assert_array_equal([first, *steps], there)


def test_stimulus_is_read_only_in_the_window(monkeypatch):
    monkeypatch.setattr(decimation, "MOST_VALUES", 1_000)
    for drive in (WAVES[2], WAVES[0] + WAVES[1], stimuli.from_array(np.arange(30_000.0))):
        recording = run(drive, record=())
        times, values = drawn_stimulus(recording, 200, 205)
        assert (times[0], times[-1], len(times)) == (200, 205, 501)
        np.testing.assert_array_equal(values[:-1], drive.to_array(20_500, 0.01)[20_000:])


@pytest.mark.parametrize(
    ("drive", "shown"),
    [
        (stimuli.pulses(9, 1, 3), "pulses(9, 1, 3)"),
        (stimuli.step(9, 1, 3) + stimuli.poisson_epsc(100, 1, 2, 7), None),
    ],
    ids=repr,
)
def test_stimulus_too_long_to_draw_is_named_instead(drive, shown, monkeypatch):
    monkeypatch.setattr(decimation, "MOST_VALUES", 29_999)
    figure = plot_recording(run(drive))
    assert labels(figure) == ["Membrane potential", "Open fraction", "Membrane current"]
    note = f"The stimulus would take long to draw: {shown or repr(drive)}"
    assert figure.axes[-1].get_xlabel() == f"Time (ms)\n{note}"


def test_piecewise_linear_stimuli_are_drawn_over_any_window(monkeypatch):
    monkeypatch.setattr(decimation, "MOST_VALUES", 0)
    drive = (
        stimuli.step(5, 100.004, 100.03) + stimuli.ramp(0, 9, 50, 220) + stimuli.step(-3, 99, 1e9)
    )
    for part in ((), (20, 250)):
        start, stop = part or (0, 300)
        times, values = drawn_stimulus(run(drive, record=()), *part)
        whole = drive.to_array(30_000, 0.01)
        first, last = round(start / 0.01), round(stop / 0.01)
        assert (times[0], times[-1]) == (start, stop)
        assert len(times) < 1_020
        steps = np.round(times[:-1] / 0.01).astype(int)
        np.testing.assert_array_equal(values[:-1], whole[steps])
        assert (values.min(), values.max()) == (whole[first:last].min(), whole[first:last].max())
        seen = values[np.searchsorted(steps, np.arange(first, last), side="right") - 1]
        # A segment of a ramp rises by at most this; jumps are exact.
        assert np.abs(seen - whole[first:last]).max() <= 9 / 17_000 * 30


def test_array_stimulus_of_a_stored_run_is_noted_as_missing(out):
    drive = np.linspace(0, 20, 10_000)
    recording = run(drive, to=out)
    assert "Stimulus" in labels(plot_recording(recording))
    figure = plot_recording(resume.open_recording(out))
    assert labels(figure) == ["Membrane potential", "Open fraction", "Membrane current"]
    part = plot_recording(resume.open_recording(out), 5.005, 50)
    assert part.axes[0].get_xlim() == (5.005, 50)
    note = "The stimulus, an array or a function, is not in the store."
    assert figure.axes[-1].get_xlabel() == f"Time (ms)\n{note}"


def test_plot_stimulus_ends_with_the_last_step():
    (axis,) = stimuli.ramp(0, 9, 0, 9).plot(9, 1).axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("Time (ms)", "Stimulus (µA/cm²)")
    assert axis.lines[0].get_drawstyle() == "steps-post"
    times, values = axis.lines[0].get_data()
    assert times.tolist() == [*range(9), 9]
    middles = np.arange(9) + 0.5  # a step is drawn with its value over all of it
    np.testing.assert_allclose(values, [*middles, middles[-1]])
    assert plot_stimulus(stimuli.constant(1), 0, 1).axes[0].lines[0].get_xdata().size == 0


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


CONDUCTING = (
    stimuli.conductance(stimuli.ornstein_uhlenbeck(0.01, 0.1, 5, seed=1), 0)
    + stimuli.step(2, 1, 3)
    + stimuli.conductance(0.1, -75)
)


def test_conductances_have_a_panel_with_their_reversal_potentials():
    recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(CONDUCTING, 0.01, duration=5)
    for figure in (CONDUCTING.plot(500, 0.01), recording.plot()):
        axes = {axis.get_ylabel(): axis for axis in figure.axes}
        (current,) = axes["Stimulus\n(µA/cm²)"].lines
        assert current.get_ydata().max() == 2
        noise, leak = axes["Conductance\n(mS/cm²)"].lines
        assert (noise.get_label(), leak.get_label()) == ("E = 0 mV", "E = -75 mV")
        _, G = CONDUCTING.to_arrays(500, 0.01)
        np.testing.assert_allclose(noise.get_ydata()[:-1], G - 0.1, atol=1e-15)
        assert set(leak.get_ydata()) == {0.1}


def test_a_stimulus_of_conductances_alone_has_no_panel_of_currents():
    only = stimuli.conductance(0.1, [-75])
    figure = only.of_cell(0).plot(500, 0.01)
    assert [axis.get_ylabel() for axis in figure.axes] == ["Conductance (mS/cm²)"]


def test_conductances_too_long_to_draw_are_named_instead(monkeypatch):
    monkeypatch.setattr(decimation, "MOST_VALUES", 100)
    recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(CONDUCTING, 0.01, duration=5)
    figure = recording.plot()
    assert "Conductance\n(mS/cm²)" not in [axis.get_ylabel() for axis in figure.axes]
    assert "would take long to draw: conductance(" in figure.axes[-1].get_xlabel()
    step = stimuli.conductance(stimuli.step(2, 1, 3), 5)
    recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(step, 0.01, duration=5)
    (line,) = recording.plot().axes[1].lines
    assert set(line.get_ydata()) == {0, 2}

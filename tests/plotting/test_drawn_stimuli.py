"""Stimuli and conductances beside runs and by themselves."""

import numpy as np
import pytest
from run_figures import extremes, labels, run

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.plotting import decimation, plot_recording, plot_stimulus
from pyhh_fast.storage import resume


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

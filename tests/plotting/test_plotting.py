"""Figures of the analysis: their labels, curves and legends."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from error_messages import errors
from matplotlib.colors import to_hex

import pyhh_fast as pyhh
from pyhh_fast import plotting
from pyhh_fast.analysis import phase_response


def labels(axis):
    return axis.get_xlabel(), axis.get_ylabel()


def test_fi_curve_has_gaps_where_firing_begins_and_ends():
    figure = plotting.plot_fi_curve(range(6), [0, 0, 50, 60, np.nan, 0])
    (axis,) = figure.axes
    assert labels(axis) == ("Injected current (µA/cm²)", "Steady firing rate (Hz)")
    firing, silent = (line.get_ydata() for line in axis.lines)
    np.testing.assert_array_equal(firing, [np.nan, np.nan, 50, 60, np.nan, np.nan])
    np.testing.assert_array_equal(silent, [0, 0, np.nan, np.nan, np.nan, 0])
    low, high = axis.get_ylim()
    assert low < 0
    assert high > 60


def test_strength_duration_curve_is_sorted_by_duration():
    figure = plotting.plot_strength_duration([10, 0.1, 1], [2.2, 65, 6.9])
    (axis,) = figure.axes
    assert labels(axis) == ("Duration of the pulse (ms)", "Threshold current (µA/cm²)")
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[0.1, 65], [1, 6.9], [10, 2.2]])
    figure.canvas.draw()
    assert "0.1" in [tick.get_text() for tick in axis.get_xticklabels()]


def test_rheobase_and_chronaxie_are_marked():
    # Threshold I0 (1 + c / d), by Weiss and Lapicque: the chronaxie is c. Interpolation between
    # logarithms is exact at a point.
    durations = np.array([20.0, 4.0, 2.0, 1.0, np.nan])
    thresholds = 3.0 * (1 + 2.0 / durations)
    figure = plotting.plot_rheobase(3.0, durations, thresholds)
    (axis,) = figure.axes
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == ["threshold", "rheobase, 3 µA/cm²", "chronaxie, 2 ms: twice the rheobase"]
    assert set(axis.lines[1].get_ydata()) == {3.0}
    np.testing.assert_allclose(axis.lines[2].get_xydata(), [[2.0, 6.0]], rtol=1e-12)


@pytest.mark.parametrize("rheobase", [0.0, 0.5, 40.0, np.inf])
def test_chronaxie_outside_the_durations_is_not_marked(rheobase):
    figure = plotting.plot_rheobase(rheobase, [1.0, 2.0, 4.0], [20.0, 10.0, np.inf])
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["threshold", f"rheobase, {rheobase:.4g} µA/cm²"]


def test_phase_plane_has_nullclines_and_trajectory():
    plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0)
    figure = plotting.plot_phase_plane(plane)
    (axis,) = figure.axes
    assert labels(axis) == ("Membrane potential (mV from rest)", "Open fraction n")
    lines = {line.get_label(): line.get_xydata() for line in axis.lines}
    trajectory = np.array([plane.trajectory_V, plane.trajectory_n]).T
    expected = {
        "trajectory of the full model, 50 ms": trajectory,
        "its start": trajectory[:1],
        "dV/dt = 0": np.array([plane.V, plane.V_nullcline]).T,
        "dn/dt = 0": np.array([plane.V, plane.n_nullcline]).T,
        "unstable steady state": [[plane.steady_V, plane.steady_n]],
    }
    assert lines.keys() == expected.keys()
    for name, line in lines.items():
        np.testing.assert_array_equal(line, expected[name])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == list(expected)


def test_phase_plane_shows_whether_the_steady_state_is_stable():
    model, neuron = pyhh.HHModel.at_rest(), pyhh.neurons.hodgkin_huxley()
    for cell, y in ((model, None), (model, "StateH"), (neuron, "K.n")):
        for current, word, fill in ((9, "stable", "#d55e00"), (10, "unstable", "white")):
            plane = pyhh.phase_plane(cell, current, y=y, duration=20)
            (axis,) = plotting.plot_phase_plane(plane).axes
            dot, start = axis.lines[-1], axis.lines[1]
            assert dot.get_label() == f"{word} steady state"
            assert to_hex(dot.get_markerfacecolor()) == to_hex(fill)
            assert not start.get_clip_on()


def test_phase_plane_of_a_neuron_names_its_variables():
    neuron = pyhh.neurons.wang_buzsaki()
    (axis,) = plotting.plot_phase_plane(pyhh.phase_plane(neuron, 1.0, y="K.n")).axes
    assert labels(axis) == ("Membrane potential (mV)", "Open fraction K.n")
    assert [line.get_label() for line in axis.lines[2:4]] == ["dV/dt = 0", "dK.n/dt = 0"]
    plane = pyhh.phase_plane(neuron, 1.0, x="K.n", y="Vm")
    (axis,) = plotting.plot_phase_plane(plane).axes
    assert labels(axis) == ("Open fraction K.n", "Membrane potential (mV)")
    assert axis.get_xlim() == (0, 1)
    np.testing.assert_array_equal(axis.lines[2].get_xydata(), plane.x_nullcline.T)
    plane = pyhh.phase_plane(pyhh.HHModel(), 1.0, x="StateH", y="Vm")
    (axis,) = plotting.plot_phase_plane(plane).axes
    assert labels(axis) == ("Open fraction h", "Membrane potential (mV from rest)")


@pytest.mark.parametrize("x", ["Vm", "AHP.q"])
def test_phase_plane_of_a_concentration_reaches_as_far_as_the_trajectory(x):
    neuron = pyhh.neurons.ermentrout()
    plane = pyhh.phase_plane(neuron, 5.0, x=x, y="Ca")
    (axis,) = plotting.plot_phase_plane(plane).axes
    assert axis.get_ylabel() == "Concentration of Ca (mM)"
    reached = [*plane.trajectory[1], plane.steady[1]]
    beyond = 0.05 * np.ptp(reached)
    assert axis.get_ylim() == pytest.approx((min(reached) - beyond, max(reached) + beyond))
    assert max(reached) < 0.001
    swapped = pyhh.phase_plane(neuron, 5.0, x="Ca", y=x)
    (other,) = plotting.plot_phase_plane(swapped).axes
    assert labels(other) == labels(axis)[::-1]
    assert other.get_xlim() == pytest.approx(axis.get_ylim())


def test_phase_plane_at_rest_has_an_axis_of_concentrations_without_offset():
    neuron = pyhh.neurons.pospischil_lts()
    (axis,) = plotting.plot_phase_plane(pyhh.phase_plane(neuron, y="Ca", duration=5)).axes
    axis.figure.canvas.draw()
    assert axis.yaxis.get_offset_text().get_text() == ""
    rest = neuron.steady_state(neuron.rest)["Ca"]
    assert axis.get_ylim() == pytest.approx((0.99 * rest, 1.01 * rest), rel=1e-4)


def test_steady_concentrations_have_a_panel_of_their_own():
    V, neuron = np.linspace(-100, 50, 31), pyhh.neurons.prinz()
    steady = pyhh.steady_state(neuron, V)
    above, between, below = plotting.plot_steady_state(V, steady).axes
    for axis in (above, below):
        assert [line.get_label() for line in axis.lines] == list(neuron.gates)
    (line,) = between.lines
    assert (line.get_label(), between.get_ylabel()) == ("Ca", "Steady concentration (mM)")
    np.testing.assert_array_equal(line.get_ydata(), steady["Ca"].inf)
    assert between.get_yscale() == "log"


def test_steady_states_of_a_neuron_are_drawn():
    V, neuron = np.linspace(-100, 50, 31), pyhh.neurons.connor_stevens()
    steady = pyhh.steady_state(neuron, V)
    above, below = plotting.plot_steady_state(V, steady).axes
    assert labels(below)[0] == "Membrane potential (mV)"
    for axis, name in ((above, "inf"), (below, "tau")):
        assert [line.get_label() for line in axis.lines] == list(neuron.gates)
        assert len({line.get_color() for line in axis.lines}) == 5
        for line in axis.lines:
            np.testing.assert_array_equal(line.get_ydata(), getattr(steady[line.get_label()], name))


def test_steady_states_and_time_constants_are_drawn():
    V = np.linspace(-50, 100, 31)
    steady = pyhh.steady_state(pyhh.HHModel(), V)
    above, below = plotting.plot_steady_state(V, steady).axes
    assert above.get_ylabel() == "Steady open fraction"
    assert labels(below) == ("Membrane potential (mV from rest)", "Time constant (ms)")
    for axis, prefix in ((above, ""), (below, "tau_")):
        assert [line.get_label() for line in axis.lines] == ["m", "h", "n"]
        for line in axis.lines:
            values = getattr(steady, prefix + line.get_label())
            np.testing.assert_array_equal(line.get_xydata(), np.array([V, values]).T)


def test_phase_response_has_its_shifts_over_its_phases():
    phases, shifts = np.array([0, 0.4, 0.9]), np.array([0, -0.1, np.nan])
    response = phase_response.PhaseResponse(phases, shifts, 14.6388, 0.1)
    (axis,) = plotting.plot_phase_response(response).axes
    np.testing.assert_array_equal(axis.lines[-1].get_xydata(), np.array([phases, shifts]).T)
    expected = ("Phase of the pulse (spikes at 0 and 1)", "Advance of spikes (periods)")
    assert labels(axis) == expected
    assert axis.get_title() == "+0.1 mV, period 14.64 ms"


def test_refractory_periods_are_sorted_by_strength():
    (axis,) = plotting.plot_refractory_period([20, 10, 30], [8.0, np.inf, 6.0]).axes
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[10, np.inf], [20, 8], [30, 6]])
    assert labels(axis) == ("Second pulse (µA/cm²)", "Refractory period (ms)")
    low, high = axis.get_ylim()
    assert 5 < low < 6 < 8 < high < 9  # the curve fills the panel


def test_infinite_refractory_periods_are_marked_at_the_upper_edge():
    (axis,) = plotting.plot_refractory_period([20, 10, 30], [8.0, np.inf, 6.0]).axes
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["period", "no spike"]
    axis.figure.canvas.draw()
    edge = axis.lines[1]
    shown = axis.transAxes.inverted().transform(edge.get_transform().transform(edge.get_xydata()))
    x, y = shown[0]
    assert 0 < x < 0.5
    assert y == 1
    assert plotting.plot_refractory_period([1, 2], [8, 6]).axes[0].get_legend() is None


def test_labels_between_powers_of_ten_are_plain_numbers():
    figure = plotting.plot_strength_duration([0.1, 1, 10, 100], [65.15, 6.92, 2.24, 2.24])
    figure.canvas.draw()
    (axis,) = figure.axes
    ticks = [*axis.get_yticklabels(), *axis.get_yticklabels(minor=True)]
    bottom, top = axis.get_ylim()
    shown = {tick.get_text() for tick in ticks if bottom < tick.get_position()[1] < top}
    assert (
        {"3", "10", "20", "60"}
        < shown
        <= {"", *(f"{y:g}" for y in [*range(2, 10), *range(10, 100, 10)])}
    )


STEADY = pyhh.steady_state(pyhh.HHModel(), [1, 2, 3])


ARGUMENTS = {
    ValueError: [
        (
            "plot_fi_curve",
            ([1, 2, 3], [1, 2]),
            "rates must be a 1-D array of 3 numbers, as currents is (Hz); got an array of int64 "
            "with shape (2,).",
        ),
        (
            "plot_refractory_period",
            ([1, 2, 3], [1, 2]),
            "periods must be a 1-D array of 3 numbers, as second is (ms); got an array of int64 "
            "with shape (2,).",
        ),
        (
            "plot_rheobase",
            (np.longdouble("1e4000"), [1, 2], [2]),
            "thresholds must be a 1-D array of 2 numbers, as durations is (µA/cm²); got an array "
            "of int64 with shape (1,).",
        ),
        (
            "plot_steady_state",
            ([1, 2], STEADY),
            "steady.m must be a 1-D array of 2 numbers, as V is; got an array of float64 with "
            "shape (3,).",
        ),
    ],
    TypeError: [
        (
            "plot_fi_curve",
            ("ab", [1, 2]),
            "currents must be a 1-D array of numbers (µA/cm²); got 'ab' (str).",
        ),
        (
            "plot_fi_curve",
            ([[1], [1, 2]], [1, 2]),
            "currents must be a 1-D array of numbers (µA/cm²); got [[1], [1, 2]] (list).",
        ),
        ("plot_rheobase", ("x", [1], [2]), "rheobase must be a number (µA/cm²); got 'x' (str)."),
        (
            "plot_phase_plane",
            ({},),
            "plane must be what phase_plane returns; got {} (dict). Call pyhh_fast.phase_plane "
            "first.",
        ),
        (
            "plot_phase_response",
            ([1, 2],),
            "response must be what phase_response returns; got [1, 2] (list). Call "
            "pyhh_fast.phase_response first.",
        ),
        (
            "plot_steady_state",
            ([1, 2, 3], 5.0),
            "steady must be what steady_state returns; got 5.0. Call pyhh_fast.steady_state first.",
        ),
        (
            "plot_recording",
            (3,),
            "recording must be the Recording of a run of one cell; got 3. Pass what run returns.",
        ),
        (
            "plot_stimulus",
            ([1.0, 2.0], 2, 0.01),
            "stimulus must be a stimulus of pyhh_fast.stimuli, or a function of the time (ms); got "
            "[1.0, 2.0] (list). Make one of an array with stimuli.from_array.",
        ),
    ],
}


@pytest.mark.parametrize(
    ("kind", "function", "arguments", "message"),
    errors(ARGUMENTS),
    ids=lambda value: str(value)[:20],
)
def test_wrong_arguments_are_refused(function, arguments, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        getattr(plotting, function)(*arguments)
    assert plt.get_fignums() == []


def test_single_number_is_drawn_as_a_curve():
    (axis,) = plotting.plot_fi_curve(5, 60.0).axes
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[5, 60]])


def test_chronaxie_with_a_duration_of_0():
    (axis,) = plotting.plot_rheobase(3.0, [0.0, 1.0, 2.0], [9.0, 7.0, 5.0]).axes
    assert axis.lines[2].get_xdata()[0] == pytest.approx(np.sqrt(2), rel=0.1)


def test_rates_of_subthreshold_oscillations_have_open_markers():
    x, y = np.arange(5.0), np.array([0, 60, 70, 80, 90.0])
    swings = [False, False, False, True, True]
    axis = plotting.plot_fi_curve(x, y, swings=swings).axes[0]
    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    assert texts == ["spikes", "swing below the threshold"]
    line = axis.get_lines()[-1]
    assert line.get_markerfacecolor() == "white"
    np.testing.assert_array_equal(line.get_ydata(), np.where(swings, y, np.nan))
    np.testing.assert_array_equal(axis.get_lines()[0].get_ydata(), [np.nan, 60, 70, np.nan, np.nan])
    assert plotting.plot_fi_curve(x, y, swings=np.zeros(5, bool)).axes[0].get_legend() is None
    for wrong in ([True], [[True], [True, False]]):
        with pytest.raises(ValueError, match=r"^swings must be an array of True and False"):
            plotting.plot_fi_curve(x, y, swings=wrong)

"""Figures of runs and stimuli, of any length: of many rows only what can be seen is drawn.

`Recording.plot`, `Stimulus.plot` and `pyhh-fast plot` call these functions.
"""

from collections.abc import Iterable
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyhh_fast import validation
from pyhh_fast.plotting.decimation import (
    MOST_POINTS,
    SEGMENTS,
    Inputs,
    Points,
    Source,
    Window,
)
from pyhh_fast.plotting.style import (
    BLACK,
    CURRENT_COLOURS,
    GATE_COLOURS,
    GREY,
    MANY_COLOURS,
    concentration_axis,
    open_frame,
    time_axis,
)
from pyhh_fast.recording import Recording
from pyhh_fast.stimuli.functions import as_stimulus
from pyhh_fast.variables import CURRENTS, GATE_VARIABLES, TOTAL_CURRENT, Variable

if TYPE_CHECKING:
    from pyhh_fast.stimuli.base import Stimulus

MANY = 2_000_000
"""Of more rows of V, which take 10 ms, the envelope is drawn instead, if there is one."""

MOST_LETTERS = 80
"""Letters of a stimulus in a note below a figure."""


class Trace(NamedTuple):
    """A line in a panel."""

    name: str
    label: str
    colour: str


class Panel(NamedTuple):
    """A panel of traces over time."""

    height: float
    ylabel: str
    traces: tuple[Trace, ...] = ()


def _traces(variables: Iterable[Variable], colours: tuple[str, ...]) -> tuple[Trace, ...]:
    return tuple(Trace(v.name, v.label, colour) for v, colour in zip(variables, cycle(colours)))


POTENTIAL = Panel(3, "Membrane potential\n(mV from rest)")
ABSOLUTE_POTENTIAL = Panel(3, "Membrane potential (mV)")
SPIKES = Panel(1, "Spikes")
STIMULUS = Panel(1, "Stimulus\n(µA/cm²)")
CONDUCTANCE = Panel(1.5, "Conductance\n(mS/cm²)")
COMMAND = Panel(2, "Command\n(mV from rest)")
ABSOLUTE_COMMAND = Panel(2, "Command (mV)")
TOTAL = Panel(2, "Total current\n(µA/cm²)", (Trace(TOTAL_CURRENT.name, "total", BLACK),))
OPEN_FRACTIONS = Panel(2, "Open fraction", _traces(GATE_VARIABLES, GATE_COLOURS))
CONCENTRATIONS = Panel(1.5, "Concentration\n(mM)")
MEMBRANE_CURRENTS = Panel(
    2, "Membrane current\n(µA/cm², outward +)", _traces(CURRENTS.values(), CURRENT_COLOURS)
)


def _panels_of(recording: Recording) -> tuple[Panel, ...]:
    """Return the panels of gates, concentrations and currents: those of a model, or of a neuron."""
    if recording.settings.of_model:
        return OPEN_FRACTIONS, MEMBRANE_CURRENTS
    variables = [*recording.settings.variables.values()]
    gates = [variable for variable in variables if variable.unit == "1"]
    pools = [variable for variable in variables if variable.unit == "mM"]
    currents = [
        variable
        for variable in variables
        if variable.unit == TOTAL_CURRENT.unit and variable != TOTAL_CURRENT
    ]
    return (
        OPEN_FRACTIONS._replace(traces=_traces(gates, MANY_COLOURS)),
        CONCENTRATIONS._replace(traces=_traces(pools, MANY_COLOURS)),
        MEMBRANE_CURRENTS._replace(traces=_traces(currents, MANY_COLOURS)),
    )


def plot_recording(
    recording: Recording, start: float | None = None, stop: float | None = None
) -> Figure:
    """Draw potential, stimulus, gates and currents in four panels over one time axis.

    Concentrations of pools have a panel between those of the last two. Of a stimulus that conducts
    the currents and the conductances have a panel each, where conductances with the same reversal
    potential are numbered in their order. Of a voltage clamp there are the command,
    the gates, the currents and the total current.

    Each trace is drawn at its own times: potential and gates at the end of a step, stimulus and
    currents at its beginning. Panels of which nothing was recorded are left out; instead of V the
    times of spikes are drawn.

    Parameters
    ----------
    recording : Recording
        Of any length, in memory or in a store. Of more than 4,000 rows the first, lowest, highest
        and last of each of 1,000 segments are drawn, which looks the same. Where it has an
        envelope, that is drawn instead of very many rows of V, and in grey behind every k-th row.
    start, stop : float, ms, default all
        Only rows between these times are drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If not 0 ≤ `start` < `stop` ≤ the end of the run; or if its store is damaged.

    Notes
    -----
    Noise is computed value by value. Where that would take more than 10⁸ values, the stimulus is
    left out, and the figure says so; a current that is linear between a few times is drawn over
    any window.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_recording
    >>> recording = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10, 0.01, duration=1_000)
    >>> figure = plot_recording(recording, start=500, stop=600)
    """
    rule = "the Recording of a run of one cell"
    validation.instance("recording", recording, Recording, rule, "Pass what run returns.")
    window = Window.of(recording, start, stop)
    source = Source(recording)
    inputs = Inputs.of(recording._stimulus, recording.steps, recording.dt, window)
    clamped, of_model = recording.settings.clamped, recording.settings.of_model
    potential = POTENTIAL if of_model else ABSOLUTE_POTENTIAL
    command = COMMAND if of_model else ABSOLUTE_COMMAND
    panels = [potential if "Vm" in recording.recorded or recording.envelope else SPIKES]
    if inputs is not None and inputs.currents is not None:
        panels = [command] if clamped else [*panels, STIMULUS]
    if inputs is not None and inputs.conductances:
        panels.append(CONDUCTANCE)
    for one in (*_panels_of(recording), TOTAL):
        if any(trace.name in recording.recorded for trace in one.traces):
            panels.append(one)
    heights = [one.height for one in panels]
    figure, axes = plt.subplots(
        len(panels),
        sharex=True,
        squeeze=False,
        figsize=(8, max(sum(heights), 2)),
        layout="constrained",
        height_ratios=heights,
    )
    for axis, one in zip(axes[:, 0], panels, strict=True):
        axis.set_ylabel(one.ylabel)
        open_frame(axis)
        axis.margins(x=0)
        if one in (POTENTIAL, ABSOLUTE_POTENTIAL):
            _draw_potential(axis, recording, source, window)
        elif one is SPIKES:
            _draw_spikes(axis, recording, window)
        elif one in (STIMULUS, command, CONDUCTANCE) and inputs is not None:
            _draw_inputs(axis, inputs, conductances=one is CONDUCTANCE)
        else:
            _draw_traces(axis, one, recording, source, window)
    if window.start < window.stop:
        axes[0, 0].set_xlim(*window)
    time_axis(axes[-1, 0], window.stop, "" if inputs is not None else _not_drawn(recording))
    figure.align_ylabels(axes[:, 0])
    return figure


def _draw_inputs(axis: Axes, inputs: Inputs, *, conductances: bool) -> None:
    """Draw the currents, or the conductances, with their reversal potentials in a legend."""
    lines: list[tuple[str, Points]] = inputs.conductances
    if not conductances:
        assert inputs.currents is not None
        lines = [("", inputs.currents)]
    for (label, points), colour in zip(lines, cycle(MANY_COLOURS)):
        colour = colour if conductances else BLACK
        axis.plot(*points, color=colour, linewidth=1, drawstyle="steps-post", label=label)
    if conductances:
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _draw_potential(axis: Axes, recording: "Recording", source: Source, window: Window) -> None:
    """Draw V by its rows, by its envelope, or by both, where there may be spikes between rows."""
    rows = None
    if "Vm" in recording.recorded:
        rows = source.trace("Vm")
    if recording.envelope:
        band = source.envelope()
        dense = len(band.within(window)) >= 2 * SEGMENTS
        if dense and (rows is None or len(rows.within(window)) > MANY):
            axis.plot(*band.points(window), color=BLACK, linewidth=1)
            return
        if rows is None or recording.every > 1:
            if dense:
                axis.plot(*band.points(window), color=GREY, linewidth=1)
            else:
                edges, lowest, highest = source.band(window)
                low, high = (np.append(side, side[-1:]) for side in (lowest, highest))
                axis.fill_between(edges, low, high, step="post", color=GREY)
    if rows is not None:
        axis.plot(*rows.points(window), color=BLACK, linewidth=1)


def _draw_spikes(axis: Axes, recording: "Recording", window: Window) -> None:
    times = recording.spike_times
    times = times[(window.start <= times) & (times <= window.stop)]
    if times.size > MOST_POINTS:
        columns = (times - window.start) * (MOST_POINTS / (window.stop - window.start))
        times = times[np.unique(np.floor(columns), return_index=True)[1]]
    axis.eventplot(times, lineoffsets=0.5, colors=BLACK, linewidths=1)
    axis.set_ylim(-0.1, 1.1)
    axis.set_yticks([])


def _draw_traces(
    axis: Axes, one: Panel, recording: "Recording", source: Source, window: Window
) -> None:
    for name, label, colour in one.traces:
        if name in recording.recorded:
            points = source.trace(name).points(window)
            axis.plot(*points, color=colour, linewidth=1, label=label)
    if one is not TOTAL:
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    if one.ylabel == OPEN_FRACTIONS.ylabel:
        axis.set_ylim(-0.05, 1.05)
    if one.ylabel == CONCENTRATIONS.ylabel:
        drawn = [np.asarray(line.get_ydata()) for line in axis.lines]
        concentration_axis(axis.yaxis, np.concatenate(drawn))


def _not_drawn(recording: "Recording") -> str:
    if recording._stimulus is None:
        return "The stimulus, an array or a function, is not in the store."
    shown = repr(recording.stimulus)
    shown = shown if len(shown) <= MOST_LETTERS else f"{shown[:MOST_LETTERS]}…"
    return f"The stimulus would take long to draw: {shown}"


def plot_stimulus(stimulus: "Stimulus", steps: int, dt: float) -> Figure:
    """Draw a stimulus over time, from 0 to the end of the last step.

    Currents and conductances have a panel each.

    Parameters
    ----------
    stimulus : Stimulus
        One of those of :mod:`pyhh_fast.stimuli`.
    steps : int
        Number of steps. Of more than 4,000 the first, lowest, highest and last of each of up to
        1,000 segments are drawn, which looks the same.
    dt : float, ms
        Step size.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> from pyhh_fast.plotting import plot_stimulus
    >>> figure = plot_stimulus(stimuli.chirp(5, 1, 20, 1_000), 100_000, dt=0.01)
    """
    given = as_stimulus(stimulus)
    if given is None:
        raise TypeError(
            "stimulus must be a stimulus of pyhh_fast.stimuli, or a function of the time (ms); got "
            f"{validation.shown(stimulus)}. Make one of an array with stimuli.from_array."
        )
    dt = given.reader(validation.step_size("dt", dt)).dt
    steps = validation.count("steps", steps)
    window = Window(0.0, steps * dt)
    inputs = Inputs.of(given, steps, dt, window, whole=True)
    assert inputs is not None
    panels = [STIMULUS] * (inputs.currents is not None) + [CONDUCTANCE] * bool(inputs.conductances)
    figure, axes = plt.subplots(
        len(panels), sharex=True, squeeze=False, figsize=(8, 4), layout="constrained"
    )
    for axis, one in zip(axes[:, 0], panels, strict=True):
        open_frame(axis)
        _draw_inputs(axis, inputs, conductances=one is CONDUCTANCE)
        axis.set_ylabel(one.ylabel.replace("\n", " ") if len(panels) == 1 else one.ylabel)
        axis.margins(x=0)
    time_axis(axes[-1, 0], window.stop)
    figure.align_ylabels(axes[:, 0])
    return figure

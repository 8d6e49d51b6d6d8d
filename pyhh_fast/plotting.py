"""Figures of recordings and of what the analysis found.

Not imported by the package but where a figure is asked for: importing matplotlib takes long. All
figures are made with pyplot, so ``matplotlib.pyplot.show()`` shows them.
"""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyhh_fast import validation

if TYPE_CHECKING:
    from pyhh_fast.nullclines import PhasePlane, SteadyState
    from pyhh_fast.recording import Recording
    from pyhh_fast.stimulus import Reader, Stimulus

# Colours that stay apart for colour-blind readers (Okabe and Ito).
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"

POTENTIAL = "Membrane potential (mV from rest)"

# Height of a panel and its axis label, then its traces: name, label, colour.
PANELS = [
    (3, "Membrane potential\n(mV from rest)", [("Vm", "", BLACK)]),
    (1, "Stimulus\n(µA/cm²)", [("stimulus", "", BLACK)]),
    (2, "Open fraction", [("StateM", "m", BLUE), ("StateH", "h", ORANGE), ("StateN", "n", GREEN)]),
    (
        2,
        "Membrane current\n(µA/cm², outward +)",
        [("INa", "Na⁺", BLUE), ("IK", "K⁺", GREEN), ("IKleak", "leak", ORANGE)],
    ),
]


def plot_recording(recording: "Recording") -> Figure:
    """Draw potential, stimulus, gates and currents in four panels over one time axis.

    Each trace stands at its own time: potential and gates at the end of a step, stimulus and
    currents at its beginning. Panels of which nothing was recorded are left out.
    """
    there = {*recording.recorded, "stimulus"}
    panels = [panel for panel in PANELS if any(name in there for name, _, _ in panel[2])]
    heights = [height for height, _, _ in panels]
    figure, axes = plt.subplots(
        len(panels),
        sharex=True,
        squeeze=False,
        figsize=(8, sum(heights)),
        layout="constrained",
        height_ratios=heights,
    )
    after = recording.times
    before = np.arange(len(recording)) * recording.dt
    for axis, (_, ylabel, traces) in zip(axes[:, 0], panels, strict=True):
        for name, label, colour in traces:
            if name not in there:
                continue
            times = after if name == "Vm" or name.startswith("State") else before
            style = "steps-post" if name == "stimulus" else "default"
            trace = getattr(recording, name)
            axis.plot(times, trace, color=colour, linewidth=1, label=label, drawstyle=style)
        axis.set_ylabel(ylabel)
        _open_frame(axis)
        axis.margins(x=0)
        if len(traces) > 1:
            axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        if ylabel == "Open fraction":
            axis.set_ylim(-0.05, 1.05)
    axes[-1, 0].set_xlabel("Time (ms)")
    figure.align_ylabels(axes[:, 0])
    return figure


def plot_fi_curve(currents: npt.ArrayLike, rates: npt.ArrayLike) -> Figure:
    """Draw firing rates over currents.

    Where the cell begins to fire, and where it falls silent, the line is broken.

    Parameters
    ----------
    currents : array_like, shape (n,), µA/cm²
        Rising or falling.
    rates : array_like, shape (n,), Hz
        As :func:`pyhh_fast.fi_curve` returns for them.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_fi_curve
    >>> currents = np.linspace(0, 20, 41)
    >>> figure = plot_fi_curve(currents, pyhh.fi_curve(pyhh.HHModel.at_rest(), currents))
    """
    figure, axis = _panel()
    rates = np.asarray(rates, dtype=np.float64)
    for part in (rates > 0, rates == 0):
        axis.plot(currents, np.where(part, rates, np.nan), ".-", color=BLUE, linewidth=1, ms=3)
    axis.set_xlabel("Injected current (µA/cm²)")
    axis.set_ylabel("Steady firing rate (Hz)")
    axis.set_ylim(bottom=min(0, -0.02 * axis.get_ylim()[1]))
    return figure


def plot_strength_duration(durations: npt.ArrayLike, thresholds: npt.ArrayLike) -> Figure:
    """Draw threshold currents over the durations of pulses, on logarithmic axes.

    Parameters
    ----------
    durations : array_like, shape (n,), ms
        In any order.
    thresholds : array_like, shape (n,), µA/cm²
        As :func:`pyhh_fast.strength_duration` returns for them.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_strength_duration
    >>> durations = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    >>> thresholds = pyhh.strength_duration(pyhh.HHModel.at_rest(), durations)
    >>> figure = plot_strength_duration(durations, thresholds)
    """
    figure, axis = _panel()
    order = np.argsort(durations)
    x, y = np.asarray(durations)[order], np.asarray(thresholds)[order]
    axis.loglog(x, y, ".-", color=BLUE, linewidth=1, ms=4, label="threshold")
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_formatter("{x:g}")
    axis.set_xlabel("Duration of the pulse (ms)")
    axis.set_ylabel("Threshold current (µA/cm²)")
    return figure


def plot_rheobase(rheobase: float, durations: npt.ArrayLike, thresholds: npt.ArrayLike) -> Figure:
    """Draw threshold currents over durations, with the rheobase and the chronaxie.

    Parameters
    ----------
    rheobase : float, µA/cm²
        As :func:`pyhh_fast.rheobase` returns.
    durations, thresholds
        As for :func:`plot_strength_duration`. The chronaxie is the duration at which the threshold
        is twice the rheobase, interpolated; outside the durations it is left out.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_rheobase
    >>> model, durations = pyhh.HHModel.at_rest(), [0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    >>> thresholds = pyhh.strength_duration(model, durations)
    >>> figure = plot_rheobase(pyhh.rheobase(model), durations, thresholds)
    """
    figure = plot_strength_duration(durations, thresholds)
    axis = figure.axes[0]
    label = f"rheobase, {rheobase:.4g} µA/cm²"
    axis.axhline(rheobase, color=ORANGE, linewidth=1, linestyle="--", label=label)
    curve = np.asarray(axis.lines[0].get_xydata())
    x, y = curve[::-1].T  # the thresholds fall; np.interp wants them to rise
    known = np.isfinite(y) & (y > 0)
    x, y = np.log(x[known]), np.log(y[known])
    if y.size and rheobase > 0 and y[0] < np.log(2 * rheobase) < y[-1]:
        chronaxie = np.exp(np.interp(np.log(2 * rheobase), y, x))
        label = f"chronaxie, {chronaxie:.3g} ms: twice the rheobase"
        axis.plot(chronaxie, 2 * rheobase, "o", color=GREEN, label=label)
    axis.legend(frameon=False)
    return figure


def plot_phase_plane(plane: "PhasePlane") -> Figure:
    """Draw nullclines, steady state and trajectory in the plane of V and n.

    Parameters
    ----------
    plane : PhasePlane
        As :func:`pyhh_fast.phase_plane` returns.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_phase_plane
    >>> figure = plot_phase_plane(pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0))
    """
    figure, axis = _panel(width=8.0)
    V, n = plane.trajectory_V, plane.trajectory_n
    axis.plot(V, n, color=BLACK, linewidth=1, label="trajectory of the full model")
    axis.plot(V[0], n[0], "o", color=BLACK, mfc="white", ms=5, label="its start")
    axis.plot(plane.V, plane.V_nullcline, color=BLUE, label="dV/dt = 0")
    axis.plot(plane.V, plane.n_nullcline, color=GREEN, label="dn/dt = 0")
    axis.plot(plane.steady_V, plane.steady_n, "o", color=ORANGE, ms=5, label="steady state")
    axis.set_xlabel(POTENTIAL)
    axis.set_ylabel("Open fraction n")
    axis.set_ylim(0, 1)
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def plot_steady_state(V: npt.ArrayLike, steady: "SteadyState") -> Figure:
    """Draw where the gates settle, and their time constants, over V.

    Parameters
    ----------
    V : array_like, shape (n,), mV
        Rising or falling.
    steady : SteadyState
        As :func:`pyhh_fast.steady_state` returns for them.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_steady_state
    >>> V = np.linspace(-50, 100, 301)
    >>> figure = plot_steady_state(V, pyhh.steady_state(pyhh.HHModel(), V))
    """
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(6, 6), layout="constrained")
    for gate, colour in (("m", BLUE), ("h", ORANGE), ("n", GREEN)):
        above.plot(V, getattr(steady, gate), color=colour, linewidth=1, label=gate)
        below.plot(V, getattr(steady, f"tau_{gate}"), color=colour, linewidth=1, label=gate)
    above.set_ylabel("Steady open fraction")
    above.set_ylim(-0.05, 1.05)
    below.set_ylabel("Time constant (ms)")
    below.set_ylim(bottom=0)
    below.set_xlabel(POTENTIAL)
    for axis in (above, below):
        _open_frame(axis)
        axis.margins(x=0)
    above.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def plot_stimulus(stimulus: "Stimulus", steps: int, dt: float) -> Figure:
    """Draw a stimulus over time, from 0 to the end of the last step.

    Parameters
    ----------
    stimulus : Stimulus
        As the functions of :mod:`pyhh_fast.stimuli` return.
    steps : int
        Number of steps. Of more than 4,000 the first, lowest, highest and last of each of up to
        1,000 stretches are drawn, which looks the same.
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
    reader = stimulus.reader(dt)
    steps = validation.count("steps", steps)
    points: list[tuple[int, float]] = []
    if steps <= 4_000:
        points += enumerate(reader.read(steps).tolist())
    else:
        width = -(-steps // 1_000)
        for start in range(0, steps, width):
            points += _extremes(reader, start, min(start + width, steps))
    points += [(steps, value) for _, value in points[-1:]]
    figure, axis = _panel(width=8.0)
    times, values = [i * reader.dt for i, _ in points], [value for _, value in points]
    axis.plot(times, values, color=BLACK, linewidth=1, drawstyle="steps-post")
    axis.set_xlabel("Time (ms)")
    axis.set_ylabel("Stimulus (µA/cm²)")
    axis.margins(x=0)
    return figure


def _extremes(reader: "Reader", start: int, stop: int) -> list[tuple[int, float]]:
    """Return step and value of the first, lowest, highest and last of these steps, each once.

    A line through them crosses the same pixels (Jugel et al. 2014, Proc. VLDB 7, 797-808).
    """
    seen: list[tuple[int, float]] = []
    for first in range(start, stop, validation.BLOCK):
        values = reader.read(min(validation.BLOCK, stop - first))
        places = (0, int(values.argmin()), int(values.argmax()), len(values) - 1)
        seen += [(first + i, float(values[i])) for i in places]
    by_value = sorted(seen, key=lambda point: point[1])
    return sorted({seen[0], by_value[0], by_value[-1], seen[-1]})


def _panel(width: float = 6.0) -> tuple[Figure, Axes]:
    figure, axis = plt.subplots(figsize=(width, 4), layout="constrained")
    _open_frame(axis)
    return figure, axis


def _open_frame(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)

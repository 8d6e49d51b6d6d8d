"""Figures of analyses: f-I, strength-duration and phase response curves, planes, steady states.

Users call them with what the functions of pyhh_fast.analysis return; so does the command line.
"""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pyhh_fast import validation
from pyhh_fast.analysis.hodgkin_huxley import PhasePlane, SteadyState
from pyhh_fast.analysis.phase_response import PhaseResponse
from pyhh_fast.analysis.subject import GateSteadyState
from pyhh_fast.analysis.variable_plane import VariablePlane
from pyhh_fast.plotting.style import (
    ABSOLUTE_POTENTIAL,
    BLACK,
    BLUE,
    GATE_COLOURS,
    GREEN,
    MANY_COLOURS,
    ORANGE,
    POTENTIAL,
    MinorNumbers,
    concentration_axis,
    open_frame,
    panel,
)
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import POTENTIAL as VM
from pyhh_fast.variables import VARIABLES


def plot_fi_curve(
    currents: npt.ArrayLike, rates: npt.ArrayLike, *, swings: npt.ArrayLike | None = None
) -> Figure:
    """Draw firing rates over currents.

    Where the cell begins to fire, and where it falls silent, the line is broken.

    Parameters
    ----------
    currents : array_like, shape (n,), µA/cm²
        Rising or falling.
    rates : array_like, shape (n,), Hz
        As :func:`pyhh_fast.fi_curve` returns for them.
    swings : array_like of bool, shape (n,), optional
        Where the rate is that of a swing of V below the threshold: open markers, and a legend.

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
    x = _curve("currents", currents, "µA/cm²")
    y = _curve("rates", rates, "Hz", len(x), "currents")
    figure, axis = panel()
    swinging = np.zeros(x.shape, bool)
    if swings is not None:
        rule = f"an array of True and False, one for each of currents, {x.size}"
        swinging = validation.array_of_numbers("swings", swings, rule).astype(bool)
        if swinging.shape != x.shape:
            raise ValueError(validation.message("swings", rule, f"{swinging.size}"))
    spiking = axis.plot(x, np.where((y > 0) & ~swinging, y, np.nan), ".-", color=BLUE, lw=1, ms=3)
    axis.plot(x, np.where(y == 0, y, np.nan), ".-", color=BLUE, linewidth=1, ms=3)
    if swinging.any():
        below = axis.plot(
            x, np.where(swinging, y, np.nan), "o-", color=BLUE, linewidth=0.5, ms=4, mfc="white"
        )
        axis.legend([*spiking, *below], ["spikes", "swing below the threshold"])
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
    x = _curve("durations", durations, "ms")
    y = _curve("thresholds", thresholds, "µA/cm²", len(x), "durations")
    figure, axis = panel()
    order = np.argsort(x)
    axis.loglog(x[order], y[order], ".-", color=BLUE, linewidth=1, ms=4, label="threshold")
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_formatter(MinorNumbers(minor_thresholds=(2, 0.5)))
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
    (rheobase,) = _curve("rheobase", rheobase, "µA/cm²", size=1)
    figure = plot_strength_duration(durations, thresholds)
    axis = figure.axes[0]
    label = f"rheobase, {rheobase:.4g} µA/cm²"
    axis.axhline(rheobase, color=ORANGE, linewidth=1, linestyle="--", label=label)
    curve = np.asarray(axis.lines[0].get_xydata())
    x, y = curve[::-1].T  # the thresholds fall; np.interp needs them to rise
    known = np.isfinite(y) & (y > 0) & (x > 0)
    x, y = np.log(x[known]), np.log(y[known])
    if y.size and rheobase > 0 and y[0] < np.log(2 * rheobase) < y[-1]:
        chronaxie = np.exp(np.interp(np.log(2 * rheobase), y, x))
        label = f"chronaxie, {chronaxie:.3g} ms: twice the rheobase"
        axis.plot(chronaxie, 2 * rheobase, "o", color=GREEN, label=label)
    axis.legend(frameon=False)
    return figure


def plot_phase_plane(plane: PhasePlane | VariablePlane) -> Figure:
    """Draw nullclines, steady state and trajectory in the plane of two variables.

    The steady state is a dot, filled where it is stable, open where not. The legend names the
    duration at which the trajectory ends. The axis of a concentration reaches as far as the
    trajectory and the steady state, that of an open fraction from 0 to 1.

    Parameters
    ----------
    plane : PhasePlane or VariablePlane
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
    rule, advice = "what phase_plane returns", "Call pyhh_fast.phase_plane first."
    validation.instance("plane", plane, PhasePlane | VariablePlane, rule, advice)
    if isinstance(plane, PhasePlane):
        plane = plane.named()
    figure, axis = panel(width=8.0)
    names = plane.x, plane.y
    of_model = any(name in VARIABLES for name in names if name != VM.name)
    labels = [VARIABLES[name].label if name in VARIABLES else name for name in names]
    text = f"trajectory of the full model, {plane.duration:g} ms"
    axis.plot(*plane.trajectory, color=BLACK, linewidth=1, label=text)
    start = axis.plot(*plane.trajectory[:, 0], "s", color=BLACK, mfc="white", ms=5)
    start[0].set(label="its start", clip_on=False, zorder=3)
    axis.plot(*plane.x_nullcline, color=BLUE, label=f"d{labels[0]}/dt = 0")
    axis.plot(*plane.y_nullcline, color=GREEN, label=f"d{labels[1]}/dt = 0")
    fill, text = (ORANGE, "stable") if plane.stable else ("white", "unstable")
    steady = axis.plot(*plane.steady, "o", color=ORANGE, mfc=fill, ms=5)
    steady[0].set(label=f"{text} steady state", clip_on=False, zorder=3)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        direction = (axis.xaxis, axis.yaxis)[i]
        if name == VM.name:
            direction.set_label_text(POTENTIAL if of_model else ABSOLUTE_POTENTIAL)
        elif of_model or _is_gate(name):
            direction.set_label_text(f"Open fraction {label}")
            axis.set(**{f"{'xy'[i]}lim": (0, 1)})
        else:
            direction.set_label_text(f"Concentration of {name} (mM)")
            concentration_axis(direction, np.append(plane.trajectory[i], plane.steady[i]))
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def plot_phase_response(response: PhaseResponse) -> Figure:
    """Draw the shifts of spikes over the phases of pulses.

    Parameters
    ----------
    response : PhaseResponse
        As :func:`pyhh_fast.phase_response` returns for phases of shape (n,), rising or falling.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_phase_response
    >>> response = pyhh.phase_response(pyhh.HHModel.at_rest(), 10.0, np.linspace(0, 1, 41))
    >>> figure = plot_phase_response(response)
    """
    rule, advice = "what phase_response returns", "Call pyhh_fast.phase_response first."
    validation.instance("response", response, PhaseResponse, rule, advice)
    x = _curve("response.phases", response.phases, "")
    y = _curve("response.shifts", response.shifts, "", len(x), "response.phases")
    figure, axis = panel()
    axis.axhline(0, color=BLACK, linewidth=0.5)
    axis.plot(x, y, ".-", color=BLUE, linewidth=1, markersize=4)
    axis.set_xlabel("Phase of the pulse (spikes at 0 and 1)")
    axis.set_ylabel("Advance of spikes (periods)")
    axis.set_title(f"{response.depolarisation:+.3g} mV, period {response.period:.4g} ms")
    return figure


def plot_refractory_period(second: npt.ArrayLike, periods: npt.ArrayLike) -> Figure:
    """Draw refractory periods over the strength of the second pulse.

    Those that are infinite, of pulses that cause no spike, are open triangles at the upper edge,
    with a legend.

    Parameters
    ----------
    second : array_like, shape (n,), µA/cm²
        In any order.
    periods : array_like, shape (n,), ms
        As :func:`pyhh_fast.refractory_period` returns for them.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast.plotting import plot_refractory_period
    >>> second = np.linspace(8, 60, 14)
    >>> periods = pyhh.refractory_period(pyhh.HHModel.at_rest(), 14.0, second=second)
    >>> figure = plot_refractory_period(second, periods)
    """
    x = _curve("second", second, "µA/cm²")
    y = _curve("periods", periods, "ms", len(x), "second")
    figure, axis = panel()
    order = np.argsort(x)
    axis.plot(x[order], y[order], ".-", color=BLUE, linewidth=1, markersize=4, label="period")
    infinite = x[y == np.inf]
    if infinite.size:
        edge = axis.get_xaxis_transform()
        axis.plot(
            infinite,
            np.ones(infinite.size),
            "^",
            color=BLUE,
            mfc="white",
            ms=6,
            transform=edge,
            clip_on=False,
            label="no spike",
        )
        axis.legend(frameon=False)
    axis.set_xlabel("Second pulse (µA/cm²)")
    axis.set_ylabel("Refractory period (ms)")
    return figure


def plot_steady_state(
    V: npt.ArrayLike, steady: SteadyState | Mapping[str, GateSteadyState]
) -> Figure:
    """Draw the steady open fractions of the gates, and their time constants, over V.

    Concentrations of pools have a panel between, with a logarithmic axis; their time constants, the
    same at all V, are left out.

    Parameters
    ----------
    V : array_like, shape (n,), mV
        Rising or falling.
    steady : SteadyState, or dict of str to GateSteadyState
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
    rule, advice = "what steady_state returns", "Call pyhh_fast.steady_state first."
    validation.instance("steady", steady, SteadyState | Mapping, rule, advice)
    potential, colours, of_model = ABSOLUTE_POTENTIAL, MANY_COLOURS, isinstance(steady, SteadyState)
    if isinstance(steady, SteadyState):
        steady, potential, colours = steady.by_gate(), POTENTIAL, GATE_COLOURS
    x = _curve("V", V, "mV")
    curves = {}
    for gate, one in steady.items():
        validation.instance("steady", one, GateSteadyState, rule, advice)
        named = ((f"steady.{gate}", one.inf), (f"steady.tau_{gate}", one.tau))
        curves[gate] = [_curve(name, values, "", len(x), "V") for name, values in named]
    gates = {name: curve for name, curve in curves.items() if of_model or _is_gate(name)}
    pools = {name: curve for name, curve in curves.items() if name not in gates}
    figure, axes = plt.subplots(
        *(2 + bool(pools), 1), sharex=True, figsize=(6, 6 + 2 * bool(pools)), layout="constrained"
    )
    above, below = axes[0], axes[-1]
    for (gate, (inf, tau)), colour in zip(gates.items(), cycle(colours)):
        above.plot(x, inf, color=colour, linewidth=1, label=gate)
        below.plot(x, tau, color=colour, linewidth=1, label=gate)
    if pools:
        for (pool, (concentration, _)), colour in zip(pools.items(), cycle(colours)):
            axes[1].semilogy(x, concentration, color=colour, linewidth=1, label=pool)
        axes[1].set_ylabel("Steady concentration (mM)")
    above.set_ylabel("Steady open fraction")
    above.set_ylim(-0.05, 1.05)
    below.set_ylabel("Time constant (ms)")
    below.set_ylim(bottom=0)
    below.set_xlabel(potential)
    for axis in axes:
        open_frame(axis)
        axis.margins(x=0)
    for axis in axes[:-1]:
        if axis.lines:
            axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def _is_gate(name: str) -> bool:
    """Whether a variable of a neuron is a gate, with a path as "K.n"; a pool has no dot."""
    return "." in name


def _curve(
    name: str, value: Any, unit: str, size: int | None = None, along: str = ""
) -> FloatArray:
    """Return numbers to draw, which may be NaN or infinite: one, or a 1-D array of them.

    Where `size` is given there must be that many, as in the array called `along`.
    """
    rule = "a 1-D array of numbers"
    if size is not None:
        rule = f"a 1-D array of {size} numbers, as {along} is" if along else "a number"
    try:
        given = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        given = None
    if given is None or given.dtype.kind not in "biuf":
        raise TypeError(validation.message(name, rule, validation.shown(value), unit=unit))
    if given.ndim > 1 or size not in (None, given.size):
        raise ValueError(validation.message(name, rule, validation.shown(given), unit=unit))
    with np.errstate(over="ignore"):
        return np.atleast_1d(given).astype(np.float64)

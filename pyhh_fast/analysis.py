"""What is asked of a neuron most often: when it fires, how fast, and how it moves about.

Each question is one call, and all its runs are made at once, as cells of a population. The model
is only read: every run starts where it stands, and it stays there.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.firing import Cells, steady_rates, thresholds
from pyhh_fast.methods import step_size
from pyhh_fast.models import HHModel
from pyhh_fast.nullclines import (
    PhasePlane,
    SteadyState,
    charging,
    kinetics_over_V,
    roots,
    steady_at,
    steady_under,
)
from pyhh_fast.population_run import How, thread_count
from pyhh_fast.populations import FIXED_STEP
from pyhh_fast.thresholds import threshold_for

PLANE_POINTS = 1_001
"""Points of a nullcline."""


def fi_curve(
    model: HHModel,
    currents: npt.ArrayLike,
    *,
    duration: float = 1000.0,
    dt: float = 0.01,
    method: str = "exponential_euler",
    threshold: float | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Any:
    """Return the steady firing rate under each of many constant currents.

    Every run starts where the model stands, so start it with :meth:`HHModel.at_rest`: where rest
    and firing are both stable, the start decides.

    Parameters
    ----------
    model : HHModel
        As for :meth:`Population.from_model`. It is not changed.
    currents : float or array_like, µA/cm²
        Any shape.
    duration : float, default 1000, ms
        Time to simulate for each current, a whole number of steps.
    dt : float, default 0.01, ms
        Step size.
    method : {"euler", "exponential_euler", "rk4"}, default "exponential_euler"
        As for :meth:`Population.run`. Forward Euler fires too fast, and from 6.23 µA/cm² on for
        ever; with the others it is 6.265, as it should be.
    threshold : float, mV, optional
        Upward crossings of it are the spikes; by default as for :meth:`Simulation.run`.
    threads : int, default one for each CPU there is for this process
        How many threads share the work. The numbers do not depend on it.
    progress : bool, default False
        Show a progress bar; needs tqdm.

    Returns
    -------
    float or ndarray of the shape of `currents`, Hz
        One over the mean of the intervals between the spikes of the second half of `duration`. 0
        where there are fewer than two, or where the time from the last to the end is more than
        twice the interval before it: the cell has fallen silent. NaN where it diverged.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own; nothing was run.
    SimulationError
        If rates of a model's own turn out, on the way, to be what no table holds.
    ImportError
        If `progress` is asked for and tqdm is not installed.

    Warns
    -----
    UserWarning
        If the model diverges under some of the currents, or dt is above 0.05 ms.

    Notes
    -----
    Strong currents make V swing less and less: what stays below `threshold` is not counted.

    References
    ----------
    A. L. Hodgkin, "The local electric changes associated with repetitive action in a
    non-medullated axon", J. Physiol. 107, 165-181 (1948).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> pyhh.fi_curve(pyhh.HHModel.at_rest(), [5, 7, 10, 20, 50]).round(1)
    array([  0. ,  58.3,  68.3,  86.5, 117. ])
    """
    method = validation.choice("method", method, FIXED_STEP)
    dt = step_size("dt", dt, method)
    how = _how(model, dt, method, threshold, threads)
    given = validation.real_numbers("currents", currents, unit="µA/cm²")
    steps = validation.steps_in(duration, dt)
    progress = validation.flag("progress", progress)
    cells = Cells.from_model(model, given.size)
    recording = cells.go_on(given.ravel(), steps, how._replace(progress=progress))
    diverged = recording.diverged_at >= 0
    if diverged.any():
        _warn(
            f"under {np.count_nonzero(diverged)} of {given.size} currents the model diverged, "
            f"{given.flat[int(np.argmax(diverged))]:g} µA/cm² for one, and the rate is NaN."
        )
    return np.where(diverged, np.nan, steady_rates(recording)).reshape(given.shape)[()]


def rheobase(
    model: HHModel,
    duration: float = 500.0,
    *,
    wait: float = 20.0,
    dt: float = 0.01,
    method: str = "exponential_euler",
    threshold: float | None = None,
    threads: int | None = None,
) -> float:
    """Return the smallest current that makes the model fire, if only it lasts long enough.

    Parameters
    ----------
    model, wait, dt, method, threshold, threads
        As for :func:`strength_duration`, of which this is the right end.
    duration : float, default 500, ms
        Length of the pulse, a whole number of steps.

    Returns
    -------
    float, µA/cm²
        As :func:`strength_duration` returns for this duration.

    Raises
    ------
    TypeError, ValueError, SimulationError
        As :func:`strength_duration`.

    References
    ----------
    L. Lapicque, "Définition expérimentale de l'excitabilité", C. R. Soc. Biol. 67, 280-283 (1909).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> print(f"{pyhh.rheobase(pyhh.HHModel.at_rest()):.4f} µA/cm²")
    2.2410 µA/cm²
    """
    method = validation.choice("method", method, FIXED_STEP)
    dt = step_size("dt", dt, method)
    how = _how(model, dt, method, threshold, threads)
    duration = validation.real_number("duration", duration, unit="ms")
    steps = validation.step_counts("duration", duration, dt)
    found = thresholds(model, steps.ravel(), _steps_of_wait(wait, dt), how)
    if np.isnan(found[0]):
        _warn("the model diverged before it fired, and the rheobase is NaN.")
    return float(found[0])


def strength_duration(
    model: HHModel,
    durations: npt.ArrayLike,
    *,
    wait: float = 20.0,
    dt: float = 0.01,
    method: str = "exponential_euler",
    threshold: float | None = None,
    threads: int | None = None,
) -> Any:
    """Return the smallest current that makes the model fire, for pulses of many durations.

    A pulse is a constant current from the start of the run, where the model stands as it does now,
    and nothing after it. The model fires if V crosses `threshold` upward during the pulse or in
    the time `wait` after it.

    Parameters
    ----------
    model : HHModel
        As for :meth:`Population.from_model`. It is not changed.
    durations : float or array_like, ms
        Any shape and order; each a whole number of steps, 1 or more.
    wait : float, default 20, ms
        How long after the pulse a spike still counts; a whole number of steps. Close to threshold
        the spike is late, by 13 ms at most at the default parameters; kinetics that are slower
        need longer.
    dt : float, default 0.01, ms
        Step size.
    method : {"euler", "exponential_euler", "rk4"}, default "exponential_euler"
        As for :meth:`Population.run`.
    threshold : float, mV, optional
        By default as for :meth:`Simulation.run`.
    threads : int, default one for each CPU there is for this process
        How many threads share the work. The numbers do not depend on it.

    Returns
    -------
    float or ndarray of the shape of `durations`, µA/cm²
        Under this current the model fires; under one that is smaller by a millionth of it (or by
        1e-9 µA/cm², whichever is more) it does not. 0 where it fires without any, infinity where
        it does not under 1e9 µA/cm², NaN where it diverged before it fired.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own; nothing was run.
    SimulationError
        If rates of a model's own turn out, on the way, to be what no table holds.

    Warns
    -----
    UserWarning
        If the model diverges before it fires, or dt is above 0.05 ms.

    Notes
    -----
    The currents are found by bisection into 65 parts instead of two, all durations together.
    Where a cell fires under some currents between two under which it does not, the smallest that
    was tried is followed.

    References
    ----------
    L. Lapicque, "Recherches quantitatives sur l'excitation électrique des nerfs traitée comme une
    polarisation", J. Physiol. Pathol. Gén. 9, 620-635 (1907).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> pyhh.strength_duration(pyhh.HHModel.at_rest(), [0.1, 1, 10, 100]).round(3)
    array([65.151,  6.922,  2.241,  2.241])
    """
    method = validation.choice("method", method, FIXED_STEP)
    dt = step_size("dt", dt, method)
    how = _how(model, dt, method, threshold, threads)
    steps = validation.step_counts("durations", durations, dt)
    found = thresholds(model, steps.ravel(), _steps_of_wait(wait, dt), how)
    if np.isnan(found).any():
        _warn("for some durations the model diverged before it fired, and the current is NaN.")
    return found.reshape(steps.shape)[()]


def steady_state(model: HHModel, V: npt.ArrayLike) -> SteadyState:
    """Return where the gates of a model settle at each V, and their time constants.

    Parameters
    ----------
    model : HHModel
        Its `_UpdateGateTimeConstants` may be its own, but nothing else of its step. It is not
        changed, and its state does not count.
    V : float or array_like, mV
        Membrane potentials, relative to rest; any shape.

    Returns
    -------
    SteadyState
        A named tuple ``(m, h, n, tau_m, tau_h, tau_n)``, each of the shape of V; tau in ms.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own, or rates that depend on
        more than V.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> steady = pyhh.steady_state(pyhh.HHModel(), [0, 50])
    >>> steady.m.round(3), steady.tau_m.round(3)
    (array([0.053, 0.916]), array([0.237, 0.336]))
    """
    V = validation.real_numbers("V", V, unit="mV")
    return steady_at(kinetics_over_V(model), V)


def phase_plane(
    model: HHModel,
    current: float = 0.0,
    *,
    duration: float = 50.0,
    dt: float = 0.01,
    method: str = "exponential_euler",
) -> PhasePlane:
    """Return the nullclines of V and n under a constant current, and the model's way among them.

    The nullclines are those of a model reduced to V and n: m is always at its steady state for V,
    and h = c - n. The trajectory is that of the full model.

    Parameters
    ----------
    model : HHModel
        As for :meth:`Population.from_model`. It is not changed.
    current : float, default 0, µA/cm²
    duration : float, default 50, ms
        Length of the trajectory, a whole number of steps.
    dt : float, default 0.01, ms
        Step size.
    method : {"euler", "exponential_euler", "rk4"}, default "exponential_euler"
        As for :meth:`Population.run`.

    Returns
    -------
    PhasePlane
        A named tuple; see there.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a step of its own; nothing was run.
    ValueError
        If the model has no steady state under the current.
    SimulationError
        If rates of a model's own turn out, on the way, to be what no table holds.

    Warns
    -----
    UserWarning
        If the model diverges, and the trajectory is NaN from there on; or dt is above 0.05 ms.

    Notes
    -----
    c is h + n at the full model's steady state under `current`, stable or not, so the nullclines
    cross there exactly. Of several it is the one nearest 0 mV; the others are not on the plane.

    References
    ----------
    R. FitzHugh, "Impulses and physiological states in theoretical models of nerve membrane",
    Biophys. J. 1, 445-466 (1961). J. Rinzel, "Excitation dynamics: insights from simplified
    membrane models", Fed. Proc. 44, 2944-2946 (1985).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> plane = pyhh.phase_plane(pyhh.HHModel.at_rest(), 10.0)
    >>> print(f"around {plane.steady_V:.3f} mV, with h = {plane.c:.3f} - n")
    around 5.428 mV, with h = 0.807 - n
    """
    method = validation.choice("method", method, FIXED_STEP)
    dt = step_size("dt", dt, method)
    how = _how(model, dt, method, 0.0, None)
    current = validation.real_number("current", current, unit="µA/cm²")
    steps = validation.steps_in(duration, dt)
    cells = Cells.from_model(model, 1)
    kinetics = kinetics_over_V(model)
    steady_V, steady = steady_under(model, kinetics, current)
    V, n = cells.Vm.copy(), cells.StateN.copy()
    recorded = how._replace(recorded=("Vm", "StateN"))
    recording = cells.go_on(np.array([current]), steps, recorded)
    if recording.diverged_at[0] >= 0:
        _warn("the model diverged, and the trajectory is NaN from there on.")
    V, n = np.append(V, recording.Vm[0]), np.append(n, recording.StateN[0])

    ends = [*(getattr(model, name) for name in ("ENa", "EK", "EKleak")), steady_V]
    low, high = min(*ends, np.nanmin(V)) - 5, max(*ends, np.nanmax(V)) + 5
    grid = np.linspace(low, high, PLANE_POINTS)
    m, _, n_nullcline, *_ = steady_at(kinetics, grid)
    c = steady.h + steady.n
    V_nullcline = roots(
        lambda n: charging(model, current, grid, m, c - n, n),
        np.full(grid.size, max(0.0, c - 1)),
        np.full(grid.size, min(1.0, c)),
    )
    return PhasePlane(grid, V_nullcline, n_nullcline, V, n, steady_V, steady.n, c)


def _how(model: Any, dt: float, method: str, threshold: Any, threads: Any) -> How:
    return How(dt, method, threshold_for(model, threshold), thread_count(threads))


def _steps_of_wait(wait: Any, dt: float) -> int:
    wait = validation.real_number("wait", wait, unit="ms")
    return int(validation.step_counts("wait", wait, dt, least=0))


def _warn(what: str) -> None:
    advice = "A smaller dt, or method='exponential_euler', may help."
    warnings.warn(f"{what} {advice}", UserWarning, stacklevel=3)

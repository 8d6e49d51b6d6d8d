"""The plane of two variables: nullclines, and the trajectory of the full model among them."""

from collections.abc import Iterable
from typing import Any, overload

import numpy as np

from pyhh_fast import validation
from pyhh_fast.analysis.hodgkin_huxley import ModelSubject, PhasePlane
from pyhh_fast.analysis.setup import Setup
from pyhh_fast.analysis.subject import Subject
from pyhh_fast.analysis.variable_plane import PLANE_POINTS, VariablePlane, plane_of
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.errors import warn_user
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.rounding import round_to_nearest
from pyhh_fast.typing import Method, Start
from pyhh_fast.variables import GATE_VARIABLES, POTENTIAL

MARGIN = 5.0
"""How far beyond reversal potentials, trajectory and steady state nullclines reach, in mV."""

V = POTENTIAL.name


@overload
def phase_plane(
    model: HHModel,
    current: float = 0.0,
    *,
    duration: float = 50.0,
    dt: float | None = None,
    method: Method | None = None,
) -> PhasePlane: ...
@overload
def phase_plane(
    model: HHModel | Neuron,
    current: float = 0.0,
    *,
    x: str = V,
    y: str,
    held: Iterable[str] | None = None,
    Vm: float | None = None,
    duration: float = 50.0,
    dt: float | None = None,
    method: Method | None = None,
) -> VariablePlane: ...
def phase_plane(
    model: HHModel | Neuron,
    current: float = 0.0,
    *,
    x: str = V,
    y: str | None = None,
    held: Iterable[str] | None = None,
    Vm: float | None = None,
    duration: float = 50.0,
    dt: float | None = None,
    method: Method | None = None,
) -> PhasePlane | VariablePlane:
    """Return the nullclines of two variables under a constant current, and the trajectory.

    By default the variables are V and n of a model, with the nullclines of a model that is reduced
    to them: m is always at its steady state for V, and h = c - n.

    With any `y` gates and pools that are faster than that of the plane are at their steady states
    for V and what they depend on, and those that are slower are held at their values in the steady
    state under `current`; `held` names others. Where neither axis is V, V is held so.

    The trajectory is that of the full model or neuron. A model starts in its present state, a
    neuron at `Vm`, so that any V can be a start.

    Parameters
    ----------
    model : HHModel or Neuron
        A model as for :meth:`Population.from_model`. It is not changed.
    current : float, default 0, µA/cm²
    x, y : str
        Variables on the axes, by the names of their traces: ``"Vm"``, or a gate, of a neuron its
        path, as ``"K.n"``, or a pool, as ``"Ca"``. `y` must be given for a neuron.
    held : sequence of str, optional
        The gates and pools, of those on no axis, that are held at their values in the steady state;
        all others then follow V. By default those that are slower there than that of the plane.
    Vm : float, mV, optional
        Where the trajectory of a neuron starts, with steady gates; by default at its rest.
    duration : float, default 50, ms
        Length of the trajectory, a whole number of steps.
    dt, method
        As for :func:`fi_curve`.

    Returns
    -------
    PhasePlane or VariablePlane
        A named tuple; see there. The former is that of V and n of a model, where `y` is left out.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step; nothing was run.
    ValueError
        If there is no steady state under the current.
    SimulationError
        If custom rates turn out, during the run, to be what no table can hold.

    Warns
    -----
    UserWarning
        If the trajectory diverges, and is NaN from there on; if `dt` is too large for the model; or
        if a neuron has no stable rest, as for :func:`fi_curve`.

    Notes
    -----
    c is h + n at the full model's steady state under `current`, stable or not, so the nullclines
    cross there exactly, as they do in the plane of V and any gate. Of several steady states it is
    that nearest rest; the others of a model are not on its plane.

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

    >>> plane = pyhh.phase_plane(pyhh.neurons.hodgkin_huxley(), 10.0, y="K.n")
    >>> plane.steady.round(3), list(plane.held)
    (array([-59.572,   0.403]), ['Na.h'])
    """
    start: Start = "rest" if isinstance(model, Neuron) else "model"
    setup = Setup.of(model, dt, method, RunSettings.threshold, 1, start, Vm)
    subject = setup.subject
    current = validation.real_number("current", current, unit="µA/cm²")
    steps = validation.steps_in(duration, setup.settings.dt)
    x = validation.choice("x", x, subject.fields)
    if y is None:
        if not isinstance(subject, ModelSubject) or x != V or held is not None:
            names = list(subject.fields)
            raise TypeError(
                f"y must be given, one of {', '.join(names)}; got None. Pass y={names[-1]!r}."
            )
        axes = [V, GATE_VARIABLES[-1].name]
    else:
        axes = [x, validation.choice("y", y, subject.fields)]
        if x == y:
            raise ValueError(f"y must differ from x; got {y!r} for both.")
        held = _checked_held(held, axes, subject)
    with round_to_nearest():
        at = subject.equilibrium(current)
        runs = setup.runs()
        recorded = {name: field for name, field in subject.fields.items() if name in (V, *axes)}
        run = runs.run(runs.start, np.array([current]), steps, record=tuple(recorded))
        traces = {
            name: np.append(runs.start[field], run.traces[name][0])
            for name, field in recorded.items()
        }
        if not np.isfinite(traces[V]).all():
            warn_user(
                f"the {subject.kind} diverged, and the trajectory is NaN from there on. Use a "
                "smaller dt, or method='adaptive'."
            )
        ends = [*subject.reversals, at, np.nanmin(traces[V]), np.nanmax(traces[V])]
        low, high = np.clip((min(ends) - MARGIN, max(ends) + MARGIN), *subject.limits)
        grid = np.linspace(low, high, PLANE_POINTS)
        trajectory = np.array([traces[name] for name in axes])
        length = steps * setup.settings.dt
        if y is None and isinstance(subject, ModelSubject):
            return subject.reduced_plane(current, grid, trajectory, at, length)
        return plane_of(subject, current, axes, held, grid, trajectory, at, length)


def _checked_held(held: Any, axes: list[str], subject: Subject) -> tuple[str, ...] | None:
    """Return what a user wants to be held; None for what is by default."""
    if held is None:
        return None
    if V not in axes:
        raise ValueError(
            "held must be left out where neither axis is Vm, on which alone gates depend; got "
            f"{held!r}."
        )
    others = tuple(name for name in subject.fields if name not in axes)
    return validation.names("held", held, others)

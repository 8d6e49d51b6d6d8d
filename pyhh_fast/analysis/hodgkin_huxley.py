"""Models as analyses use them, and what is special to the gates m, h and n of 1952."""

import copy
import functools
from typing import Any, NamedTuple, Self

import numpy as np

from pyhh_fast.analysis.population_runs import PopulationRuns
from pyhh_fast.analysis.roots import roots
from pyhh_fast.analysis.runs import Runs
from pyhh_fast.analysis.single_runs import SingleRuns
from pyhh_fast.analysis.subject import GateSteadyState, Subject, no_equilibrium
from pyhh_fast.analysis.variable_plane import VariablePlane
from pyhh_fast.cells import Cells
from pyhh_fast.engine.choose_stepper import check_steps
from pyhh_fast.engine.time_steps import speed
from pyhh_fast.equilibria.membranes import Membranes
from pyhh_fast.equilibria.spike_threshold import threshold_for
from pyhh_fast.equilibria.starts import start_at_rest
from pyhh_fast.kinetics.choose_kinetics import kinetics_of
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.models.membrane import STATE_STRUCT, parameters_of, reversals_of, state_of
from pyhh_fast.populations import Population
from pyhh_fast.rate_tables import LARGEST_RATE
from pyhh_fast.settings import RunSettings
from pyhh_fast.simulations import Simulation
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import BoolArray, FloatArray, Method, Start, StructArray
from pyhh_fast.validation import BLOCK
from pyhh_fast.variables import GATE_VARIABLES, GATES, PARAMETERS, POTENTIAL, STATE

OFFSET = 1e-4
"""Where a formula is 0/0 its rates are the mean of those at V ± this, in mV."""

STEADY_POINTS = 4_001
"""Points among which steady states under a current are looked for."""


class SteadyState(NamedTuple):
    """Steady states and time constants of a model's gates; made by :func:`pyhh_fast.steady_state`.

    Attributes
    ----------
    m, h, n : float or ndarray of the shape of V
        Open fraction, alpha / (alpha + beta).
    tau_m, tau_h, tau_n : float or ndarray of the shape of V, ms
        Time constant, 1 / (alpha + beta).
    """

    m: Any
    h: Any
    n: Any
    tau_m: Any
    tau_h: Any
    tau_n: Any

    def by_gate(self) -> dict[str, GateSteadyState]:
        """Return the same by the gates' names, as :func:`pyhh_fast.steady_state` of a neuron."""
        pairs = zip(GATES, self[:3], self[3:], strict=True)
        return {name: GateSteadyState(inf, tau) for name, inf, tau in pairs}


class PhasePlane(NamedTuple):
    """The plane of V and n of a model; made by :func:`pyhh_fast.phase_plane`.

    Attributes
    ----------
    V : ndarray, shape (1001,), mV
        The nullclines are given at these.
    V_nullcline : ndarray, shape (1001,)
        The n at which dV/dt is 0. NaN where there is none from 0 to 1 that has h = c - n from
        0 to 1 as well.
    n_nullcline : ndarray, shape (1001,)
        The n at which dn/dt is 0: its steady state.
    trajectory_V, trajectory_n : ndarray, shape (steps + 1,)
        V (mV) and n of the full model, from its present state; row i is at i dt.
    steady_V, steady_n : float
        The steady state under the current, of the full model as well as of the plane.
    c : float
        What h + n is taken to be: its value at the steady state.
    stable : bool
        Whether the steady state of the full model is stable: all eigenvalues of the Jacobian of V
        and the gates have negative real parts.
    duration : float, ms
        Length of the trajectory.
    """

    V: FloatArray
    V_nullcline: FloatArray
    n_nullcline: FloatArray
    trajectory_V: FloatArray
    trajectory_n: FloatArray
    steady_V: float
    steady_n: float
    c: float
    stable: bool
    duration: float

    def named(self) -> VariablePlane:
        """Return the same with the names of the variables, as figures take it."""
        V, n = POTENTIAL.name, GATE_VARIABLES[-1].name
        of_V, of_n = (np.array([self.V, y]) for y in (self.V_nullcline, self.n_nullcline))
        trajectory = np.array([self.trajectory_V, self.trajectory_n])
        steady = np.array([self.steady_V, self.steady_n])
        return VariablePlane(V, n, of_V, of_n, trajectory, steady, {}, self.stable, self.duration)


class ModelSubject(Subject):
    """A model; it must make its steps as HHModel does.

    Parameters
    ----------
    model : HHModel
        It is not changed.
    advice : str
        What to do with a model that makes its steps in another way.
    state : bool
        Whether its state counts.
    """

    kind = "model"
    method: Method = "exponential_euler"
    after_divergence = (
        "Check the parameters, and the rates of an overridden _UpdateGateTimeConstants."
    )
    limits = -np.inf, np.inf
    least_time = 0.0

    def __init__(self, model: HHModel, advice: str = "", *, state: bool = False) -> None:
        check_steps(model, advice, state=state)
        self.model = model
        self.fields = {name: variable.symbol for name, variable in STATE.items()}
        try:
            self.kinetics = kinetics_of(model, table_needed=False)
        except NotTabulable as error:
            raise _more_than_V(error) from error
        self.known_error = self.kinetics.built_in
        self.Cm, self.reversals = model.Cm, reversals_of(model)

    @property
    def start(self) -> StructArray:
        return np.array([state_of(self.model)], STATE_STRUCT)

    def started(self, start: Start, Vm: Any) -> Self:
        if Vm is not None:
            raise TypeError(
                f"Vm must be left out for a model, which has its own state; got {Vm!r}. Set "
                "model.Vm, or use HHModel.steady."
            )
        if start != "rest":
            return self
        twin = copy.copy(self)
        twin.model = start_at_rest(self.model)
        return twin

    def threshold(self, given: Any) -> float:
        return threshold_for(self.model, given)

    def speed(self) -> float:
        return speed(self.model, self.kinetics)

    @rounds_to_nearest
    def runs(self, settings: RunSettings, threads: int) -> Runs:
        if not METHODS[settings.method].many_cells:
            return SingleRuns(self, settings, threads)
        cell = Population.from_model(self.model, 1)

        def cells(state: StructArray) -> Cells:
            return Cells(np.repeat(cell._parameters, state.size), state)

        return PopulationRuns(cells, cell._kinetics(), cell._state, settings, threads)

    def simulation_at(self, state: Any) -> Simulation:
        model = copy.deepcopy(self.model)
        model.Vm = float(state["V"])
        for name in GATES:
            getattr(model, name).state = float(state[name])
        return Simulation(model)

    def state_of(self, simulation: Simulation) -> tuple[float, ...]:
        return state_of(simulation.model)

    def steady(self, V: FloatArray) -> StructArray:
        m, h, n, *_ = self.steady_state(V)
        states = np.empty(V.shape, STATE_STRUCT)
        for name, values in zip(STATE_STRUCT.names or (), (V, m, h, n), strict=True):
            states[name] = values
        return states

    def time_constants(self, V: FloatArray) -> FloatArray:
        return np.array(self.steady_state(V)[3:])

    def leak_time_constants(self) -> list[float]:
        return [self.Cm / self.model.gKleak] if self.model.gKleak > 0 else []

    def net_current(self, state: StructArray, current: Any) -> FloatArray:
        twin: Any = HHModel()
        for name in PARAMETERS:
            setattr(twin, name, getattr(self.model, name))
        # Not fields of structs: NumPy's powers of those may have other bits.
        twin.Vm, twin.m.state, twin.h.state, twin.n.state = (
            np.ascontiguousarray(state[name]) for name in STATE_STRUCT.names or ()
        )
        twin._UpdateCellVoltage(current, 0.0)
        net: FloatArray = current - twin.INa - twin.IK - twin.IKleak
        return net

    def are_stable(self, V: FloatArray) -> BoolArray:
        parameters = np.repeat(parameters_of(self.model), V.size)
        cells = Membranes(parameters, functools.partial(_rates_at, self.kinetics))
        return cells.are_stable(np.ascontiguousarray(V))  # not a field of structs

    @rounds_to_nearest
    def equilibrium(self, current: float) -> float:
        def net_current_at(V: FloatArray) -> FloatArray:
            return self.net_current(self.steady(V), current)

        g = self.model.gKleak
        reach = 50 + (abs(current) / g if g > 0 else 0.0)
        low, high = min(self.reversals) - reach, max(self.reversals) + reach
        V = np.linspace(low, high, STEADY_POINTS)
        below = net_current_at(V) < 0
        crossed = np.flatnonzero(below[:-1] != below[1:])
        found = roots(net_current_at, V[crossed], V[crossed + 1])
        if not found.size:
            raise no_equilibrium(self.kind, current, low, high)
        return float(found[np.argmin(np.abs(found))])

    @rounds_to_nearest
    def steady_state(self, V: FloatArray) -> SteadyState:
        """Return the steady state at each V (mV), as :func:`pyhh_fast.steady_state` does."""
        at = V.ravel()
        values = np.empty((6, at.size))
        try:
            for start in range(0, at.size, BLOCK):  # so that Ctrl-C interrupts in between
                block = slice(start, start + BLOCK)
                values[:, block] = _steady_in(self.kinetics, at[block])
        except NotTabulable as error:
            raise _more_than_V(error) from error
        return SteadyState(*(x.reshape(V.shape)[()] for x in values))

    def reduced_plane(
        self,
        current: float,
        V: FloatArray,
        trajectory: FloatArray,
        at: float,
        duration: float,
    ) -> PhasePlane:
        """Return the plane of V and n where h + n is what it is at the steady state at a V.

        Parameters
        ----------
        V : ndarray, mV
            Of the nullclines.
        trajectory : ndarray, shape (2, steps + 1)
            V and n.
        duration : float, ms
            Of the trajectory.
        """
        states = self.steady(V)
        steady = self.steady_state(np.array(at))
        n_nullcline, c = states["n"].copy(), steady.h + steady.n

        def net_current_at(n: FloatArray) -> FloatArray:
            states["h"], states["n"] = c - n, n
            return self.net_current(states, current)

        # h = c - n must be from 0 to 1 as well as n.
        ends = max(0.0, c - 1), min(1.0, c)
        V_nullcline = roots(net_current_at, *(np.full(V.size, end) for end in ends))
        n, stable = float(steady.n), bool(self.are_stable(np.array([at]))[0])
        of_V, of_n = trajectory
        return PhasePlane(
            V, V_nullcline, n_nullcline, of_V, of_n, at, n, float(c), stable, duration
        )


def _more_than_V(error: NotTabulable) -> ValueError:
    found = f"of _UpdateGateTimeConstants it was found that {error}"
    return ValueError(f"model must have rates that depend on V alone; got others: {found}.")


def _steady_in(kinetics: Kinetics, V: FloatArray) -> FloatArray:
    """Return m, h, n and their time constants (ms) at each V of a block, shape (6, n)."""
    alpha, beta = _rates_at(kinetics, V).T.reshape(2, 3, V.size)
    with np.errstate(all="ignore"):  # where both are 0, and all is NaN
        return np.concatenate([alpha / (alpha + beta), 1 / (alpha + beta)])


def _rates_at(kinetics: Kinetics, V: FloatArray) -> FloatArray:
    """Return the rates at each V (mV), shape (n, 6), where formulas are 0/0 or overflow, too."""
    rates = kinetics.checked_rates_at(V)
    undefined = np.isnan(rates).any(axis=1)
    if undefined.any():
        near = [kinetics.checked_rates_at(V[undefined] + d) for d in (-OFFSET, OFFSET)]
        rates[undefined] = np.mean(near, axis=0)
    return np.minimum(rates, LARGEST_RATE)

"""`Population`: many uncoupled cells, each with its own parameters and state, run at once."""

import copy
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.engine.choose_stepper import check_steps
from pyhh_fast.engine.compiled_model import not_tabulated
from pyhh_fast.engine.population_run import make_run, thread_count, warn_of_divergence
from pyhh_fast.engine.stimulus_arguments import shared_stimulus
from pyhh_fast.equilibria import rest_states
from pyhh_fast.equilibria.spike_threshold import threshold_for
from pyhh_fast.equilibria.starts import UNSTABLE
from pyhh_fast.kinetics.built_in import BuiltIn
from pyhh_fast.kinetics.choose_kinetics import kinetics_of
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.methods import DEFAULT, warn_of_large_step
from pyhh_fast.models import membrane, plausibility
from pyhh_fast.models.cells import cell_numbers, per_cell
from pyhh_fast.models.hh_cells import HHCells, with_custom_parameters
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics
from pyhh_fast.models.names import check_name, custom_parameters
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.exclusive import Exclusive
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import MethodOfMany, Unstable
from pyhh_fast.variables import PARAMETERS, STATE


class Population(HHCells):
    """Many Hodgkin-Huxley neurons, not coupled, each with its own parameters and state.

    Parameters
    ----------
    size : int
        How many cells.
    **parameters : float or array_like of shape (size,)
        Any of Cm, gNa, gK, gKleak, ENa, EK, EKleak and startingVoltage, in the units of
        :class:`pyhh_fast.HHModel` and with its defaults: one number for all cells, or one a cell.

    Attributes
    ----------
    size : int
    (a parameter that a subclass declares) : float
        Of the model that the cells were made from by :meth:`from_model`: one number for all cells,
        which can be read.
    Cm, gNa, gK, gKleak, ENa, EK, EKleak : ndarray, shape (size,)
        The parameters. They may be set, or changed in place, between runs.
    Vm : ndarray, shape (size,), mV
        Membrane potential of each cell now; at first, startingVoltage.
    StateM, StateH, StateN : ndarray, shape (size,)
        Open fraction of the gates now. As in an HHModel m and n start steady, and **h at 0**: see
        :meth:`at_rest`.
    recording : PopulationRecording or None
        Of the latest run.

    Raises
    ------
    TypeError
        If a name is no parameter, or a value no real number.
    ValueError
        If a value is NaN or infinite, Cm is not positive, or there is not one value a cell.

    Examples
    --------
    How often do cells with less and less sodium fire in a second?

    >>> import numpy as np
    >>> import pyhh_fast as pyhh
    >>> population = pyhh.Population.at_rest(5, gNa=np.linspace(120, 60, 5))
    >>> population.run(10.0, 0.01, duration=1_000.0).spike_counts
    array([69, 58,  1,  1,  1])
    """

    recording: PopulationRecording | None = None

    @rounds_to_nearest
    def __init__(self, size: int, **parameters: npt.ArrayLike) -> None:
        V = parameters.pop("startingVoltage", 0.0)
        self._set_up(size, parameters)
        size = self.size
        self.Vm = per_cell("startingVoltage", V, size, unit="mV")
        self._set_gates_steady()
        self._state["h"] = 0.0
        plausibility.check_cells(self)

    @classmethod
    @rounds_to_nearest
    def at_rest(
        cls,
        size: int,
        *,
        near: npt.ArrayLike | None = None,
        unstable: Unstable = "raise",
        **parameters: npt.ArrayLike,
    ) -> Self:
        """Return cells at their resting potentials, all gates steady.

        Parameters
        ----------
        size : int
            How many cells.
        near : float or array_like of shape (size,), optional, mV
            Of several stable equilibria of a cell, the one nearest this is chosen; by default the
            lowest (most negative).
        unstable : {"raise", "steady"}, default "raise"
            What to do with a cell of which no equilibrium is stable, because it fires by itself:
            "steady" starts it at the unstable equilibrium nearest `near`, or else nearest EKleak.
        **parameters : float or array_like of shape (size,)
            Any of Cm, gNa, gK, gKleak, ENa, EK, EKleak.

        Raises
        ------
        TypeError, ValueError
            As :class:`Population`.
        ValueError
            If a cell has no stable equilibrium and `unstable` is "raise", or none at all.

        See Also
        --------
        steady : start cells at any potentials, with steady gates.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> population = pyhh.Population.at_rest(2, EKleak=[10.6, 10.613])
        >>> population.Vm.round(6)
        array([0.000278, 0.003621])

        Of these cells the second fires by itself:

        >>> pyhh.Population.at_rest(2, gK=[36, 5], unstable="steady").Vm.round(3)
        array([ 0.   , 32.198])
        """
        if "startingVoltage" in parameters:
            raise TypeError("at_rest finds the starting voltages itself; leave them out.")
        unstable = validation.choice("unstable", unstable, UNSTABLE)
        _check_names(cls, parameters)
        population = cls(size, **parameters)
        size = population.size
        if near is not None:
            near = np.broadcast_to(per_cell("near", near, size, unit="mV"), size)
        take_unstable = unstable == "steady"
        population.Vm = rest_states.rests_of_many(population._parameters, near, take_unstable)
        population._set_gates_steady()
        return population

    @classmethod
    @rounds_to_nearest
    def steady(cls, size: int, V: npt.ArrayLike, **parameters: npt.ArrayLike) -> Self:
        """Return cells at any membrane potentials, all gates steady for them.

        Parameters
        ----------
        size : int
            How many cells.
        V : float or array_like of shape (size,), mV
            Membrane potential to start at: one number for all cells, or one a cell.
        **parameters : float or array_like of shape (size,)
            Any of Cm, gNa, gK, gKleak, ENa, EK, EKleak.

        Raises
        ------
        TypeError, ValueError
            As :class:`Population`.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> pyhh.Population.steady(3, [-20, 0, 20]).StateH.round(3)
        array([0.966, 0.596, 0.087])
        """
        if "startingVoltage" in parameters:
            raise TypeError("steady takes the starting voltages as V; leave startingVoltage out.")
        _check_names(cls, parameters)
        population = cls(size, **parameters)
        population.Vm = per_cell("V", V, population.size, unit="mV")
        population._set_gates_steady()
        return population

    @classmethod
    def from_model(cls, model: HHModel, size: int, **parameters: npt.ArrayLike) -> Self:
        """Return cells like `model`: its parameters, its kinetics and its present state.

        Parameters
        ----------
        model : HHModel
            It may be of a subclass that overrides `_UpdateGateTimeConstants`: the rates are
            tabulated. It is copied; later changes of it have no effect.
        size : int
            How many cells.
        **parameters : float or array_like of shape (size,)
            Any of Cm, gNa, gK, gKleak, ENa, EK, EKleak, in the place of the model's; and of the
            parameters that a subclass declares, each one number for all cells.

        Raises
        ------
        TypeError, ValueError
            As :class:`Population`.
        ValueError
            If the model has a custom step (see :class:`pyhh_fast.HHModel`), or its rates
            cannot be tabulated: run such models one by one, with :class:`pyhh_fast.Simulation`.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> class Fast(pyhh.HHModel):
        ...     def _UpdateGateTimeConstants(self, Vm):
        ...         super()._UpdateGateTimeConstants(Vm)
        ...         for gate in (self.m, self.h, self.n):
        ...             gate.alpha, gate.beta = 3 * gate.alpha, 3 * gate.beta
        >>> population = pyhh.Population.from_model(Fast.at_rest(), 3, gNa=[100, 120, 140])
        >>> population.run(20.0, 0.01, duration=100.0).spike_counts
        array([20, 22, 22])
        """
        advice = "Run such models one by one, with Simulation."
        check_steps(model, advice)
        if "startingVoltage" in parameters:
            raise TypeError("from_model takes the state of the model; set Vm of what it returns.")
        size = validation.count("size", size)
        for name in parameters:
            check_name(model, name)
        model, parameters = with_custom_parameters(model, size, parameters)
        population = cls.__new__(cls)
        population._custom_parameters = custom_parameters(model)
        population._set_up(
            size, {name: getattr(model, name) for name in PARAMETERS} | dict(parameters)
        )
        population._told = vars(model).get("_told", ())
        for variable, value in zip(STATE.values(), membrane.state_of(model), strict=True):
            population._state[variable.symbol] = value
        if has_custom_kinetics(model):
            population._model = model
            try:
                population._kinetics().table(0.0)
                population._model = copy.deepcopy(model)
            except NotTabulable as error:
                raise ValueError(
                    f"model must have rates that can be tabulated; got: "
                    f"{not_tabulated(model, error)}. {advice}"
                ) from error
        plausibility.check_cells(population)
        return population

    def __repr__(self) -> str:
        return f"Population({self.size} cell{'s' * (self.size != 1)})"

    def run(
        self,
        stimulus: npt.ArrayLike,
        dt: float,
        *,
        duration: float | None = None,
        method: MethodOfMany = DEFAULT,
        record: Iterable[str] = (),
        cells: npt.ArrayLike | None = None,
        every: int = RunSettings.every,
        threshold: float | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> PopulationRecording:
        """Run all cells through a stimulus and return what happened.

        The cells continue from their present state and end in that of the last step.

        Parameters
        ----------
        stimulus : float, array_like, Stimulus or function of t, µA/cm²
            Injected current, depolarising where positive. With `duration`: a constant for all
            cells, or an array of shape (size,), a constant for each. Without: an array of shape
            (steps,), a value a step for all cells, or (size, steps). A float64 array of two
            dimensions is not copied. What :mod:`pyhh_fast.stimuli` makes, and functions, are as
            for :meth:`pyhh_fast.Simulation.run`, and the same for all cells, noise included.
        dt : float, ms
            Step size. Steps above 0.05 ms are inaccurate, and a warning says so.
        duration : float, ms, optional
            Time to simulate, a whole number of steps; not with an array of a value a step. By
            default that of a stimulus that ends.
        method : {"euler", "exponential_euler", "rk4"}, default "euler"
            As for :meth:`pyhh_fast.Simulation.run`.
        record : sequence of str, default none
            Names of the traces to keep, of Vm, INa, IK, IKleak, StateN, StateM, StateH; spikes
            come in any case.
        cells : sequence of int, default all
            Numbers of the cells whose traces are kept.
        every : int, default 1
            Keep the traces of every so many steps, those of the first included.
        threshold : float, mV, optional
            Upward crossings of it are the spikes. By default 50, or what
            :meth:`pyhh_fast.Simulation.run` takes for the model that the cells were made from.
        threads : int, default one for each CPU there is for this process
            How many threads share the work. The numbers do not depend on it.
        progress : bool, default False
            Show a progress bar; needs tqdm.

        Returns
        -------
        PopulationRecording
            Also kept as `recording`.

        Raises
        ------
        TypeError, ValueError
            If an argument, or a number of a cell, cannot be used; nothing was run.
        SimulationError
            If custom rates turn out, during the run, to be what no table can hold.
        RuntimeError
            If this population is running already, in another thread or because a hook has called
            this.
        ImportError
            If `progress` is True and tqdm is not installed.

        Warns
        -----
        UserWarning
            If cells diverge. `recording.diverged_at` says which and when; their traces and states
            are NaN from there on, and the others continue. With custom rates a cell diverges when
            it leaves ±1000 mV.

        Notes
        -----
        Ctrl-C stops a run within 0.1 s, that of a million cells within a few. As after any error
        during a run, the steps made so far are kept on `recording`, and the cells are in the
        state of the last of them.

        Under strong currents V may keep swinging without crossing the threshold, and counts no
        spikes, as from 89.9 µA/cm² on at the default parameters (90.6 by "euler" at 0.01 ms).

        A cell's numbers do not depend on how many others there are, on its place among them, or on
        the number of threads. They differ from those of a :class:`pyhh_fast.Simulation` by
        rounding, 1e-9 mV in 100 ms.

        Examples
        --------
        >>> import numpy as np
        >>> import pyhh_fast as pyhh
        >>> population = pyhh.Population.at_rest(100)
        >>> currents = np.linspace(0, 20, 100)
        >>> recording = population.run(currents, 0.01, duration=200.0, record=["Vm"], every=10)
        >>> recording.Vm.shape
        (100, 2000)
        >>> recording.spike_times(99).round(2)[:3]
        array([ 1.23, 13.26, 24.86])
        """
        settings = RunSettings.of(
            many_cells=True,
            dt=dt,
            method=method,
            record=record,
            every=every,
            threshold=threshold_for(self._model, threshold),
        )
        warn_of_large_step("dt", settings.dt, settings.method)
        rows = cell_numbers("cells", cells, self.size)
        threads = thread_count(threads)
        progress = validation.flag("progress", progress)
        wave = shared_stimulus(stimulus, self.size, duration, settings.dt)
        with Exclusive("population", self):
            self._check_cells()
            kinetics = self._kinetics()
            recording = make_run(
                self, wave, settings, kinetics, threads, recorded=rows, progress=progress
            )
        warn_of_divergence(recording, kinetics)
        return recording

    def _kinetics(self) -> Kinetics:
        if self._model is None:
            return BuiltIn()
        return kinetics_of(self._model, table_needed=True)


def _check_names(cls: type[Population], parameters: dict[str, Any]) -> None:
    """Raise TypeError where a name is no parameter of the cells, and that of no other argument."""
    if cls.__init__ is Population.__init__:  # another one may take anything
        for name in parameters:
            check_name(HHModel, name)

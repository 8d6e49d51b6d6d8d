"""`Population`: many uncoupled cells, each with its own parameters and state, run at once."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast, overload

import numpy as np
import numpy.typing as npt

from pyhh_fast import rate_tables, validation
from pyhh_fast.cells import per_cell
from pyhh_fast.channels.state import Declared
from pyhh_fast.engine.choose_stepper import check_steps
from pyhh_fast.engine.compiled_model import not_tabulated
from pyhh_fast.equilibria import rest_states
from pyhh_fast.equilibria.starts import UNSTABLE
from pyhh_fast.kinetics.built_in import BuiltIn
from pyhh_fast.kinetics.choose_kinetics import kinetics_of
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.models import membrane, plausibility
from pyhh_fast.models.hh_cells import HHCells, with_custom_parameters
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics
from pyhh_fast.models.names import check_name, custom_parameters
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.runs_of_many import RunsOfMany
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray, IntArray, Unstable
from pyhh_fast.variables import GATES, PARAMETERS, STATE

if TYPE_CHECKING:
    from pyhh_fast.channels.neuron import Neuron
    from pyhh_fast.neuron_populations import NeuronPopulation

STARTS = ("model", "rest", "steady")
"""Where the cells of a model may start."""


class Population(HHCells, RunsOfMany):
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
        if isinstance(size, Declared):
            raise TypeError(
                "size must be a whole number; got a Neuron. Pass it to Population.from_model."
            )
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

    @overload
    @classmethod
    def from_model(
        cls,
        model: HHModel,
        size: int,
        values: Mapping[str, npt.ArrayLike] | None = None,
        *,
        start: str | None = None,
        Vm: npt.ArrayLike | None = None,
        **parameters: npt.ArrayLike,
    ) -> Self: ...

    @overload
    @classmethod
    def from_model(
        cls,
        model: "Neuron",
        size: int,
        values: Mapping[str, npt.ArrayLike] | None = None,
        *,
        start: str | None = None,
        Vm: npt.ArrayLike | None = None,
        **parameters: npt.ArrayLike,
    ) -> "NeuronPopulation": ...

    @classmethod
    @rounds_to_nearest
    def from_model(
        cls,
        model: Any,
        size: int,
        values: Mapping[str, npt.ArrayLike] | None = None,
        *,
        start: str | None = None,
        Vm: npt.ArrayLike | None = None,
        **parameters: npt.ArrayLike,
    ) -> Any:
        """Return cells like `model`: its parameters and its kinetics.

        Parameters
        ----------
        model : HHModel or Neuron
            A model may be of a subclass that overrides `_UpdateGateTimeConstants`: the rates are
            tabulated. It is copied; later changes of it have no effect. Cells of a neuron are a
            :class:`pyhh_fast.neuron_populations.NeuronPopulation`.
        size : int
            How many cells.
        values : dict of str to float or array_like of shape (size,), optional
            Parameters of the cells in place of those of `model`, one number for all or one a cell:
            of a model any of Cm, gNa, gK, gKleak, ENa, EK, EKleak; of a neuron any of its
            `parameters`, by path, as "Na.g", "Na.shift" and "K.n.speed". Parameters that a subclass
            of HHModel declares are one number for all cells.
        start : {"model", "rest", "steady"}, default "model" for a model, "rest" for a neuron
            The present state of the model; or the rest of each cell with steady gates; or steady
            gates at `Vm`.
        Vm : float or array_like of shape (size,), mV
            Where `start` is "steady": one number for all cells, or one for each.
        **parameters : float or array_like of shape (size,)
            As `values`, for names without a dot.

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
        if values is not None:
            advice = "Pass {'gNa': 100}, or {'Na.g': 40} for a neuron."
            validation.instance("values", values, Mapping, "a dict of parameters", advice)
        if both := {*(values or {})} & {*parameters}:
            twice = ", ".join(sorted(both))
            raise TypeError(f"parameters must be given once; got {twice} in values and by keyword.")
        parameters = {**(values or {}), **parameters}
        if isinstance(model, Declared):
            from pyhh_fast.neuron_populations import NeuronPopulation  # models do not need it

            cells = NeuronPopulation(cast("Neuron", model), size, parameters)
            cells.reset("rest" if start is None else start, Vm)
            return cells
        advice = "Run such models one by one, with Simulation."
        check_steps(model, advice)
        start = validation.choice("start", "model" if start is None else start, STARTS)
        if (Vm is None) == (start == "steady"):
            raise TypeError(
                "Vm must be given where start is 'steady', and only there (mV); got "
                f"Vm={Vm!r:.60} and start={start!r}."
            )
        if "startingVoltage" in parameters:
            raise TypeError("from_model takes the state of the model; pass start='steady' and Vm=.")
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
            population._origin = model
            try:
                population._kinetics().table(0.0)
                population._origin = copy.deepcopy(model)
            except NotTabulable as error:
                raise ValueError(
                    f"model must have rates that can be tabulated; got: "
                    f"{not_tabulated(model, error)}. {advice}"
                ) from error
        if start != "model":
            population._start(start, Vm)
        plausibility.check_cells(population)
        return population

    def _start(self, start: str, Vm: npt.ArrayLike | None) -> None:
        """Put the cells at their rests, or at `Vm` (mV), with steady gates."""
        rates_at = rate_tables.hodgkin_huxley
        if self._origin is not None:
            rates_at = self._kinetics().rates_at
        if start == "rest":
            self.Vm = rest_states.rests_of_many(self._parameters, rates_at=rates_at)
        else:
            self.Vm = per_cell("Vm", Vm, self.size, unit="mV")
        self._set_gates_steady(rates_at)

    def _steady_gates(self, V: FloatArray) -> dict[str, FloatArray]:
        rates = self._kinetics().rates_at(np.ascontiguousarray(V))
        return dict(zip(GATES, rate_tables.steady(rates).T, strict=True))

    def _kinetics(self) -> Kinetics:
        if self._origin is None:
            return BuiltIn()
        return kinetics_of(self._origin, table_needed=True)

    def _suiting_step(self, cells: IntArray) -> float:
        from pyhh_fast.engine.time_steps import step_for_cells

        parameters = {name: getattr(self, name)[cells] for name in PARAMETERS}
        return step_for_cells(parameters, self._kinetics())


def _check_names(cls: type[Population], parameters: dict[str, Any]) -> None:
    """Raise TypeError where a name is no parameter of the cells, and that of no other argument."""
    if cls.__init__ is Population.__init__:  # another one may take anything
        for name in parameters:
            check_name(HHModel, name)

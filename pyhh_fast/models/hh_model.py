"""The neuron of Hodgkin and Huxley, as pyHH spells it, stepped in plain Python.

This is the form to read and to subclass, and the slow twin of tests:
:class:`pyhh_fast.Simulation` runs the same steps compiled.
"""

import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pyhh_fast import rate_tables, validation
from pyhh_fast._cpu import round_to_nearest
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import Unstable
from pyhh_fast.variables import GATES, PARAMETERS

if TYPE_CHECKING:
    on_class_or_instance = classmethod
else:

    class on_class_or_instance(classmethod):
        """A class method which, called on an instance, gets the instance and not its class."""

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return self.__func__.__get__(owner if instance is None else instance)


def _exprelr(x: Any) -> Any:
    """Return x / (1 - exp(-x)), and its limit 1 at x = 0; for numbers and arrays."""
    if np.ndim(x) == 0:
        return x / -np.expm1(-x) if x != 0 else 1.0
    at_zero = x == 0
    x = np.where(at_zero, 1.0, x)
    return np.where(at_zero, 1.0, x / -np.expm1(-x))


class HHModel:
    """A Hodgkin-Huxley neuron: its parameters and its present state.

    Voltages are relative to rest (rest near 0 mV), depolarisation positive.

    Parameters
    ----------
    startingVoltage : float, default 0
        Membrane potential to start at, in mV. As in pyHH, m and n start at their steady state for
        it and **h starts at 0**, which few experiments do: see :meth:`at_rest`.
    **parameters : float
        Any of the attributes Cm, gNa, gK, gKleak, ENa, EK, EKleak, and any parameter that a
        subclass declares: a public number in its body.

    Attributes
    ----------
    Cm : float, default 1
        Membrane capacitance, µF/cm².
    gNa, gK, gKleak : float, default 120, 36, 0.3
        Largest conductances of sodium, potassium and leak, mS/cm².
    ENa, EK, EKleak : float, default 115, -12, 10.6
        Reversal potentials, mV.
    Vm : float
        Membrane potential, mV.
    m, h, n : HHModel.Gate
        The gates. Each model has its own.
    INa, IK, IKleak : float
        Currents of the latest step, µA/cm², outward positive; not set before the first.
    tabulate : bool, default True
        Whether a run may tabulate the rates of an overridden `_UpdateGateTimeConstants`.

    Raises
    ------
    TypeError
        If a name is no parameter, or a value is no real number.
    ValueError
        If a value is NaN or infinite, or Cm is not positive.

    Warns
    -----
    UserWarning
        Here or at a run, once for each model: if the reversal potentials are plainly in absolute mV
        (with built-in rates), if a conductance is below 0, or the state of a gate not between 0 and
        1; at a run, if the model has a public attribute that nothing reads, as a misspelled one.

    Notes
    -----
    Any attribute may be set at any time, on a model or on a subclass. A subclass may override
    `iterate` and the three `_Update…` hooks. Where only `_UpdateGateTimeConstants` differs, its
    rates are tabulated before a run, which is as fast as with built-in ones; otherwise the model's
    methods are called at each step.

    References
    ----------
    A. L. Hodgkin and A. F. Huxley, "A quantitative description of membrane current and its
    application to conduction and excitation in nerve", J. Physiol. 117, 500-544 (1952).

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> model = pyhh.HHModel(gNa=100)
    >>> model.gK = 30
    >>> model.iterate(stimulusCurrent=10.0, deltaTms=0.01)
    >>> print(f"{model.Vm:.6f} mV")
    0.095136 mV

    A subclass with a parameter of its own:

    >>> class Warm(pyhh.HHModel):
    ...     temperature = 16.3  # °C
    ...     def _UpdateGateTimeConstants(self, Vm):
    ...         super()._UpdateGateTimeConstants(Vm)
    ...         for gate in (self.m, self.h, self.n):
    ...             gate.alpha *= 3 ** ((self.temperature - 6.3) / 10)
    ...             gate.beta *= 3 ** ((self.temperature - 6.3) / 10)
    >>> Warm.at_rest(temperature=18.5).temperature
    18.5
    """

    class Gate:
        """A gate that opens at rate `alpha` and closes at rate `beta`, both in 1/ms.

        `state` is the fraction that is open, 0 to 1.
        """

        alpha: float = 0.0
        beta: float = 0.0
        state: float = 0.0

        def __repr__(self) -> str:
            from pyhh_fast.models import names

            values = (self.alpha, self.beta, self.state)
            alpha, beta, state = (names.shown_shortly(value) for value in values)
            return f"{type(self).__name__}(alpha={alpha}, beta={beta}, state={state})"

        def update(self, deltaTms: float) -> None:
            """Move `state` by one forward Euler step of `deltaTms` ms."""
            opening = self.alpha * (1 - self.state)
            closing = self.beta * self.state
            self.state += deltaTms * (opening - closing)

        def setInfiniteState(self) -> None:
            """Set `state` to its steady state at the present `alpha` and `beta`."""
            self.state = self.alpha / (self.alpha + self.beta)

    Cm: float = 1.0
    gNa: float = 120.0
    gK: float = 36.0
    gKleak: float = 0.3
    ENa: float = 115.0
    EK: float = -12.0
    EKleak: float = 10.6

    tabulate: bool = True

    # Templates: every model gets copies. A subclass may put gates of its own here.
    m: Gate = Gate()
    h: Gate = Gate()
    n: Gate = Gate()

    Vm: float
    INa: float
    IK: float
    IKleak: float

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        # Here and not in __init__, so that a subclass that never calls it has its own gates too.
        model = super().__new__(cls)
        for name in GATES:
            template = getattr(cls, name)
            if type(template) is HHModel.Gate and all(map(is_plain, vars(template).values())):
                model.__dict__[name] = twin_of(template)  # copy.deepcopy takes ten times as long
            elif hasattr(template, "state"):
                model.__dict__[name] = copy.deepcopy(template)
        return model

    @rounds_to_nearest
    def __init__(self, startingVoltage: float = 0, **parameters: float) -> None:
        from pyhh_fast.models import names, plausibility

        for name, value in parameters.items():
            setattr(self, name, names.checked(type(self), name, value))
        self.Vm = validation.real_number("startingVoltage", startingVoltage, unit="mV")
        set_rates(self, self.Vm)
        with np.errstate(all="ignore"):  # of custom rates; a run refuses what is no number
            self.m.setInfiniteState()
            self.n.setInfiniteState()
        plausibility.check_parameters(self)

    def __repr__(self) -> str:
        from pyhh_fast.models import names

        parts = [
            f"{name}={shown}"
            for name in (*PARAMETERS, *names.declared(type(self)))
            if (shown := names.shown_shortly(getattr(self, name)))
            != names.shown_shortly(getattr(type(self), name))
        ]
        if hasattr(self, "Vm"):
            parts.append(f"Vm={names.shown_shortly(self.Vm)} mV")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __copy__(self) -> Self:
        """Return a copy with gates of its own, which shares the rest with this model."""
        from pyhh_fast.models import copies

        return copies.shallow(self)

    @on_class_or_instance
    def at_rest(
        cls, *, near: float | None = None, unstable: Unstable = "raise", **parameters: float
    ) -> Self:
        """Return a new model at its resting potential, all three gates steady.

        On an instance, ``model.at_rest(gNa=100)``, it is a copy of that model, with its
        parameters, kinetics and own attributes, the given parameters changed.

        Parameters
        ----------
        near : float, optional, mV
            Of several stable equilibria, the one nearest this is chosen; by default the lowest
            (most negative), which is what rest means in experiments.
        unstable : {"raise", "steady"}, default "raise"
            What to do where no equilibrium is stable, because the cell fires by itself:
            "steady" starts at the unstable equilibrium nearest `near`, or else nearest EKleak.
        **parameters : float
            Any of Cm, gNa, gK, gKleak, ENa, EK, EKleak, as for :class:`HHModel`. On a class they
            are passed to it, so they may be any arguments of a subclass's own.

        Returns
        -------
        HHModel
            Of the class, or the class of the instance, it is called on.

        Raises
        ------
        TypeError, ValueError
            As :class:`HHModel`.
        ValueError
            If no equilibrium is stable and `unstable` is "raise", or there is none at all, or a
            gate has no steady state there.

        See Also
        --------
        steady : start at any potential, with steady gates.

        Notes
        -----
        The equilibria are those of the model's own :meth:`iterate` without stimulus, so a subclass
        finds its own. They are searched for between the reversal potentials, and 50 mV beyond.
        An equilibrium is stable where all eigenvalues of the Jacobian have negative real parts.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> model = pyhh.HHModel.at_rest()
        >>> print(f"{model.Vm:.6f} mV, h {model.h.state:.4f}")
        0.000278 mV, h 0.5961
        >>> print(f"{model.at_rest(EKleak=10.7).Vm:.6f} mV")
        0.025948 mV

        This cell fires by itself; it starts at its unstable equilibrium:

        >>> model = pyhh.HHModel.at_rest(gNa=100, gK=5, EK=-35, unstable="steady")
        >>> recording = pyhh.Simulation(model).run(0, 0.01, duration=100)
        """
        with round_to_nearest():
            from pyhh_fast.equilibria import starts

        model: Self = starts.at_rest(cls, near, unstable, parameters)
        return model

    @on_class_or_instance
    def steady(cls, V: float, **parameters: float) -> Self:
        """Return a new model at any membrane potential, all three gates steady for it.

        On an instance it is a copy of that model, as for :meth:`at_rest`.

        Parameters
        ----------
        V : float, mV
            Membrane potential to start at.
        **parameters : float
            As for :meth:`at_rest`.

        Returns
        -------
        HHModel
            Of the class, or the class of the instance, it is called on.

        Raises
        ------
        TypeError, ValueError
            As :class:`HHModel`.
        ValueError
            If a gate has no steady state at `V`.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> model = pyhh.HHModel.steady(-20)
        >>> print(f"{model.Vm:g} mV, h {model.h.state:.4f}")
        -20 mV, h 0.9660
        """
        with round_to_nearest():
            from pyhh_fast.equilibria import starts

        model: Self = starts.steady(cls, V, parameters)
        return model

    def _UpdateGateTimeConstants(self, Vm: Any) -> None:
        """Set `alpha` and `beta` of all gates, in 1/ms, from `Vm` in mV (a number or an array)."""
        with np.errstate(over="ignore"):  # where exp is infinite, the rate is right all the same
            self.n.alpha = 0.1 * _exprelr((Vm - 10) / 10)
            self.n.beta = 0.125 * np.exp(-Vm / 80)
            self.m.alpha = _exprelr((Vm - 25) / 10)
            self.m.beta = 4 * np.exp(-Vm / 18)
            self.h.alpha = 0.07 * np.exp(-Vm / 20)
            self.h.beta = 1 / (np.exp((30 - Vm) / 10) + 1)

    def _UpdateCellVoltage(self, stimulusCurrent: float, deltaTms: float) -> None:
        """Set the currents from `Vm` and the gates, then move `Vm` by one step."""
        V, m, h, n = self.Vm, self.m.state, self.h.state, self.n.state
        # Products, because powers are rounded differently by different C libraries.
        self.INa = self.gNa * (m * m * m) * h * (V - self.ENa)
        self.IK = self.gK * (n * n) * (n * n) * (V - self.EK)
        self.IKleak = self.gKleak * (V - self.EKleak)
        charging = stimulusCurrent - self.INa - self.IK - self.IKleak
        self.Vm = V + deltaTms * charging / self.Cm

    def _UpdateGateStates(self, deltaTms: float) -> None:
        """Move all gates by one step, at the rates they have."""
        self.n.update(deltaTms)
        self.m.update(deltaTms)
        self.h.update(deltaTms)

    def iterate(self, stimulusCurrent: float, deltaTms: float) -> None:
        """Move the model by one forward Euler step.

        Rates are taken from `Vm`, currents from `Vm` and the gates, all before the step; then `Vm`
        and the gates move.

        Parameters
        ----------
        stimulusCurrent : float
            Injected current, µA/cm², depolarising where positive.
        deltaTms : float
            Step size, ms.
        """
        self._UpdateGateTimeConstants(self.Vm)
        self._UpdateCellVoltage(stimulusCurrent, deltaTms)
        self._UpdateGateStates(deltaTms)


_KINETICS = HHModel._UpdateGateTimeConstants


def parameter(name: str, value: Any) -> float:
    """Return the value of a parameter as a float, checked."""
    known = PARAMETERS[name]
    return validation.real_number(name, value, unit=known.unit, positive=known.positive)


def has_custom_kinetics(model: HHModel) -> bool:
    """Whether the rates of `model` are other than Hodgkin and Huxley's."""
    hook = model._UpdateGateTimeConstants
    # Bound to this model: a method of another model sets the other's rates.
    bound = getattr(hook, "__self__", None) is model
    return not bound or getattr(hook, "__func__", hook) is not _KINETICS


def set_rates(model: HHModel, V: Any) -> None:
    """Set alpha and beta of all gates to those at `V`, in mV (a number or an array).

    Those of Hodgkin and Huxley come from the kernels, whose bits depend on no library: a run
    starts with them.
    """
    if has_custom_kinetics(model):
        try:
            model._UpdateGateTimeConstants(V)
        except Exception as error:  # whatever a user's formulas raise
            ours = type(model).__module__.startswith("pyhh_fast.")  # whose errors need no note
            if np.ndim(V) == 0 and not ours:
                name = f"{type(model).__name__}._UpdateGateTimeConstants"
                error.add_note(f"In {name}, the model's own rates, at V = {V:.6g} mV.")
            raise
        return
    rates = rate_tables.hodgkin_huxley(np.ravel(np.asarray(V, dtype=np.float64)))
    by_rate = rates[0] if np.ndim(V) == 0 else rates.T.reshape(6, *np.shape(V))
    for i, name in enumerate(GATES):
        gate = getattr(model, name)
        gate.alpha, gate.beta = by_rate[i], by_rate[3 + i]


def is_plain(value: Any) -> bool:
    """Whether a value cannot change, so that copies may share it."""
    return isinstance(value, int | float | str | np.generic | None)


def twin_of(instance: Any) -> Any:
    """Return another instance with the same attributes, without a call of any user's code."""
    twin = object.__new__(type(instance))
    vars(twin).update(vars(instance))
    return twin

"""A gate, declared: its rates as functions of V or of calcium, its power, its speed."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from pyhh_fast import validation
from pyhh_fast.channels import representation
from pyhh_fast.channels.axes import CONCENTRATION, VOLTAGE, Axis
from pyhh_fast.channels.pool import pool_name

RateFunction = Callable[[Any], Any]
"""Takes V (mV) or a concentration (mM), a number or an array; returns as many rates (1/ms), times
(ms) or fractions."""

FUNCTIONS = ("alpha", "beta", "inf", "tau")


class Kinetics(NamedTuple):
    """What a table of a gate depends on: functions by name, and of what they are."""

    functions: tuple[tuple[str, RateFunction], ...]
    instantaneous: bool
    axis: Axis


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Gate:
    """What opens and closes a channel, declared by its rates or its steady state.

    Its open fraction x obeys ``dx/dt = alpha (1 - x) - beta x``, or ``dx/dt = (inf - x) / tau``.
    Gates are immutable; two are equal where all their parts are. Functions are equal only to
    themselves, forms of :mod:`pyhh_fast.rate_forms` to those with the same numbers.

    Parameters
    ----------
    alpha, beta : callable, 1/ms
        Rates of opening and closing as functions of V (mV). They are called with arrays or, if
        that does not work, with one number at a time, and must depend on nothing else. At a
        removable 0/0 the limit is taken.
    inf, tau : callable
        In their place: steady state, between 0 and 1, and time constant (ms), above 0.
    of : str, optional
        Name of a pool: all these are functions of its concentration (mM) in place of V.
    times : tuple of str and callable, optional
        Name of a pool and a function of its concentration (mM), from 0 to 1, by which `inf`, a
        function of V, is multiplied. `tau` stays that of V.
    power : int, default 1
        How often it counts in the open fraction of its channel.
    speed : float, default 1
        Multiplies both rates: a temperature factor, or 1 over the longest time constant.
    instantaneous : bool, default False
        Whether it is always in its steady state. It may then have `inf` alone.

    Raises
    ------
    TypeError
        If it has another mix of functions, or one is not callable or takes more than one argument;
        if it has `times` with `alpha` and `beta`, or with `of`; or another argument is of the wrong
        kind.
    ValueError
        If `power` is no positive whole number, or `speed` is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import Gate
    >>> from pyhh_fast.rate_forms import linoid, sigmoid
    >>> n = Gate(alpha=linoid(0.1, -34, 10), beta=lambda V: 0.125 * np.exp(-(V + 44) / 80), power=4)
    >>> n.power, n.alpha
    (4, linoid(0.1, -34, 10))

    Gates of potassium channels that calcium opens, alone or together with V:

    >>> q = Gate(alpha=lambda Ca: 50 * Ca, beta=lambda Ca: 0.02, of="Ca")
    >>> m = Gate(inf=sigmoid(1, -28.3, 12.6), tau=lambda V: 15 + 75 / (1 + np.exp((V + 46) / 23)),
    ...          times=("Ca", lambda Ca: Ca / (Ca + 3e-3)), power=4)
    """

    alpha: RateFunction | None = None
    beta: RateFunction | None = None
    inf: RateFunction | None = None
    tau: RateFunction | None = None
    power: int = 1
    speed: float = 1.0
    instantaneous: bool = False
    of: str | None = None
    times: tuple[str, RateFunction] | None = None

    def __post_init__(self) -> None:
        checked = {
            "power": validation.count("a gate's power", self.power, least=1),
            "speed": validation.real_number("a gate's speed", self.speed, positive=True),
            "instantaneous": validation.flag("a gate's instantaneous", self.instantaneous),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        variable = "V" if self.of is None else self.of
        for name, function in self.functions.items():
            if not callable(function):
                unit = "mV" if self.of is None else "mM"
                raise TypeError(
                    f"a gate's {name} must be a function of {variable} in {unit}; got "
                    f"{validation.shown(function)}. For a constant pass {name}=lambda {variable}: "
                    "5.0."
                )
            _check_arguments(name, function, variable)
        if self.of is not None:
            pool_name("a gate's of", self.of)
        if self.times is not None:
            self._check_times(self.times)
        given = set(self.functions)
        if given not in ({"alpha", "beta"}, {"inf", "tau"}) and (
            given != {"inf"} or not self.instantaneous
        ):
            got = " and ".join(self.functions) or "none of them"
            raise TypeError(
                f"a gate must have alpha and beta, or inf and tau, or be instantaneous with inf "
                f"alone; got {got}."
            )

    @property
    def functions(self) -> dict[str, RateFunction]:
        """The functions that it is declared by, by name."""
        return {name: getattr(self, name) for name in FUNCTIONS if getattr(self, name) is not None}

    @property
    def pool(self) -> str | None:
        """The name of the pool that it depends on, alone or beside V."""
        return self.of if self.times is None else self.times[0]

    @property
    def kinetics_of_V(self) -> Kinetics | None:
        """What its table over V depends on: all but its power and speed."""
        if self.of is not None:
            return None
        return Kinetics(tuple(self.functions.items()), self.instantaneous, VOLTAGE)

    @property
    def kinetics_of_pool(self) -> Kinetics | None:
        """The same of its table over the concentration of a pool."""
        if self.times is not None:
            return Kinetics((("times", self.times[1]),), True, CONCENTRATION)
        if self.of is not None:
            return Kinetics(tuple(self.functions.items()), self.instantaneous, CONCENTRATION)
        return None

    def _check_times(self, times: Any) -> None:
        """See that what the gate has as `times` is that, and fits its other functions."""
        if not (isinstance(times, tuple) and len(times) == 2 and callable(times[1])):
            raise TypeError(
                "a gate's times must be the name of a pool and a function of its concentration in "
                f"mM; got {validation.shown(times)}. Pass times=('Ca', lambda Ca: ...)."
            )
        pool_name("the pool of a gate's times", times[0])
        _check_arguments("times", times[1], times[0])
        if self.of is not None:
            raise TypeError(
                f"a gate must have of or times, not both; got of={self.of!r} and times with "
                f"{times[0]!r}. Multiply the functions of {self.of} by it, or use two gates."
            )
        if self.alpha is not None or self.beta is not None:
            raise TypeError(
                "a gate's times must be given with inf and tau, of which it multiplies inf; got it "
                "with alpha and beta. Pass inf=lambda V: alpha(V) / (alpha(V) + beta(V)) and "
                "tau=lambda V: 1 / (alpha(V) + beta(V))."
            )

    def __repr__(self) -> str:
        return representation.gate_text(self)

    def __reduce__(self) -> tuple[Any, ...]:
        from pyhh_fast.channels import descriptions

        return descriptions.reduce_gate(self)

    def __copy__(self) -> "Gate":
        return self

    def __deepcopy__(self, memo: Any) -> "Gate":
        return self


def _check_arguments(name: str, function: RateFunction, variable: str) -> None:
    """See that a function does not need more than one argument."""
    needed = needed_arguments(function)
    if len(needed) > 1:
        raise TypeError(
            f"a gate's {name} must be a function of {variable} alone; got one of "
            f"{', '.join(needed)}. Where V and calcium multiply, pass inf and tau of V and "
            "times=('Ca', lambda Ca: ...)."
        )


def needed_arguments(function: RateFunction) -> list[str]:
    """Return the names of the arguments without which a function cannot be called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of what is compiled
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds and p.default is p.empty]

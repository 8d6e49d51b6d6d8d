"""A gate, declared: its rates as functions of V, its power, its speed."""

import dataclasses
from collections.abc import Callable
from typing import Any

from pyhh_fast import validation
from pyhh_fast.channels import representation

RateFunction = Callable[[Any], Any]
"""Takes V (mV), a number or an array; returns as many rates (1/ms), times (ms) or fractions."""

FUNCTIONS = ("alpha", "beta", "inf", "tau")


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
    power : int, default 1
        How often it counts in the open fraction of its channel.
    speed : float, default 1
        Multiplies both rates: a temperature factor, or 1 over the longest time constant.
    instantaneous : bool, default False
        Whether it is always in its steady state. It may then have `inf` alone.

    Raises
    ------
    TypeError
        If it has another mix of functions, or one is not callable; or another argument is of the
        wrong kind.
    ValueError
        If `power` is no positive whole number, or `speed` is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import Gate
    >>> from pyhh_fast.rate_forms import linoid
    >>> n = Gate(alpha=linoid(0.1, -34, 10), beta=lambda V: 0.125 * np.exp(-(V + 44) / 80), power=4)
    >>> n.power, n.alpha
    (4, linoid(0.1, -34, 10))
    """

    alpha: RateFunction | None = None
    beta: RateFunction | None = None
    inf: RateFunction | None = None
    tau: RateFunction | None = None
    power: int = 1
    speed: float = 1.0
    instantaneous: bool = False

    def __post_init__(self) -> None:
        checked = {
            "power": validation.count("a gate's power", self.power, least=1),
            "speed": validation.real_number("a gate's speed", self.speed, positive=True),
            "instantaneous": validation.flag("a gate's instantaneous", self.instantaneous),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for name, function in self.functions.items():
            if not callable(function):
                raise TypeError(
                    f"a gate's {name} must be a function of V in mV; got "
                    f"{validation.shown(function)}. For a constant pass {name}=lambda V: 5.0."
                )
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
    def kinetics(self) -> tuple[Any, ...]:
        """What its table depends on: all but its power and speed."""
        return tuple(self.functions.items()), self.instantaneous

    def __repr__(self) -> str:
        return representation.gate_text(self)

    def __reduce__(self) -> tuple[Any, ...]:
        from pyhh_fast.channels import descriptions

        return descriptions.reduce_gate(self)

    def __copy__(self) -> "Gate":
        return self

    def __deepcopy__(self, memo: Any) -> "Gate":
        return self

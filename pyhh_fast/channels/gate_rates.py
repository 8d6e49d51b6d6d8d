"""The functions of a gate, evaluated and checked: errors name the gate, the function and where."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels.axes import VOLTAGE, Axis
from pyhh_fast.channels.gate import Kinetics, needed_arguments
from pyhh_fast.channels.gate_table import TabulatedRate
from pyhh_fast.rate_forms import RateForm
from pyhh_fast.typing import FloatArray

LARGEST_INF = 1.05
"""Published steady states go somewhat above 1: that of Connor and Stevens's a reaches 1.013."""

ROUNDING = 1e-12
"""By so much of what they add up to, rates may be negative."""

NAMES_OF_V = ("V", "v", "U", "u", "Vm", "vm")
"""What functions of V call their argument."""


class CheckedFunction:
    """A user's function of V or a concentration, called with arrays where it takes them.

    Raise TypeError from here and from calls, where it gives no numbers. Raise ValueError where it
    raises, or gives other values for the same argument.

    Parameters
    ----------
    label : str
        What errors call it, as ``"Na.m: alpha"``.
    """

    def __init__(self, label: str, function: Callable[[Any], Any], axis: Axis = VOLTAGE) -> None:
        self.label = label
        self.function = function
        self.axis = axis
        self._is_data = isinstance(function, RateForm | TabulatedRate)
        self._takes_arrays = self._is_data
        if not self._is_data:
            probes = axis.probes
            self._first = self._one_by_one(probes)
            for i in (7, 5, 0):
                first, again = self._first[i], self._one_by_one(probes[i : i + 1])[0]
                if first != again and not np.isnan([first, again]).all():
                    raise ValueError(
                        f"{label} must depend on {axis.name} alone; got {first} and then {again} "
                        f"at {axis.at(probes[i])}."
                    )
            self._takes_arrays = self._arrays_give(self._first)

    def __call__(self, V: FloatArray) -> FloatArray:
        """Return its values at each V, shape (n,); NaN where it divides by 0."""
        return self._together(V) if self._takes_arrays else self._one_by_one(V)

    def gives_the_same(self) -> bool:
        """Whether it still gives what it gave first; it may read what changes between calls."""
        return self._is_data or np.array_equal(
            self._one_by_one(self.axis.probes), self._first, equal_nan=True
        )

    @property
    def advice(self) -> str:
        """What errors add where it seems to be a function of calcium, given as one of V."""
        arguments = [] if self._is_data else needed_arguments(self.function)
        if self.axis is not VOLTAGE or len(arguments) != 1 or arguments[0] in NAMES_OF_V:
            return ""
        return f" Pass of={arguments[0]!r} if it is a function of calcium alone."

    def _one_by_one(self, V: FloatArray) -> FloatArray:
        return np.array([self._at(v) for v in V.tolist()])

    def _at(self, V: float) -> float:
        try:
            value = self.function(V)
        except ZeroDivisionError:
            return math.nan
        except Exception as error:  # whatever a user's formula raises
            try:
                value = np.asarray(self.function(np.array([V])))[0]  # it may take arrays alone
            except Exception:
                raise ValueError(
                    f"{self.label} must have a value at {self.axis.each} {self.axis.ends}; it "
                    f"raised {error!r} at {self.axis.at(V)}.{self.advice}"
                ) from error
        if not validation.is_real(value):
            raise TypeError(
                f"{self.label} must give a number; got {validation.shown(value)} at "
                f"{self.axis.at(V)}.{self.advice}"
            )
        return float(value)

    def _together(self, V: FloatArray) -> FloatArray:
        values = np.asarray(self.function(V.copy()))  # it may change what it gets
        if values.dtype.kind not in "biuf" or values.shape not in ((), V.shape):
            raise TypeError(
                f"{self.label} must give one number for {self.axis.each}; got "
                f"{validation.shown(values)} for {V.size} of them."
            )
        return values.astype(np.float64) if values.ndim else np.full(V.shape, float(values))

    def _arrays_give(self, one_by_one: FloatArray) -> bool:
        try:
            together = self._together(self.axis.probes)
        except Exception:  # whatever a scalar formula makes of an array
            return False
        finite = np.isfinite(one_by_one)
        largest = np.abs(one_by_one[finite])
        apart = np.abs(together - one_by_one)[finite]
        near = bool((apart <= 1e-12 * largest + 1e-15 * largest.max(initial=0.0)).all())
        return near and np.array_equal(together[~finite], one_by_one[~finite], equal_nan=True)


class GateRates:
    """alpha and alpha + beta of a gate without its speed; inf and 1 of an instantaneous one.

    Of a function that a gate has `times`, they are that function and 1.

    Raise TypeError or ValueError as from CheckedFunction.

    Parameters
    ----------
    path : str
        Of the gate, for errors.
    """

    def __init__(self, path: str, kinetics: Kinetics) -> None:
        self.path = path
        self.axis = kinetics.axis
        self.instantaneous = kinetics.instantaneous
        self.functions = {
            name: CheckedFunction(f"{path}: {name}", function, self.axis)
            for name, function in kinetics.functions
            if not (name == "tau" and kinetics.instantaneous)
        }

    def __call__(self, V: FloatArray) -> FloatArray:
        """Return both at each V or concentration, shape (2, n); not finite where a function is not.

        Raise ValueError where a rate is negative, tau is not above 0, inf is not between 0 and
        1.05, or times not between 0 and 1.
        """
        values = [function(V) for function in self.functions.values()]
        if "times" in self.functions:
            wrong = (values[0] < -ROUNDING) | (values[0] > 1 + ROUNDING)
            self._see("times", wrong, "from 0 to 1", values[0], V)
            return np.stack([values[0], np.ones(V.size)])
        if "alpha" in self.functions:
            return self._from_rates(values[0], values[1], V)
        return self._from_inf(values[0], None if self.instantaneous else values[1], V)

    def _from_rates(self, alpha: FloatArray, beta: FloatArray, V: FloatArray) -> FloatArray:
        found = np.empty((2, V.size))
        found[0] = alpha
        total = np.add(alpha, beta, out=found[1])
        if not (alpha.min() >= 0 and beta.min() >= 0 and total.min() > 0):
            least = -ROUNDING * np.abs(total)
            self._see("alpha", alpha < least, "0 or more (1/ms)", alpha, V)
            self._see("beta", beta < least, "0 or more (1/ms)", beta, V)
            self._see("alpha + beta", total <= 0, "above 0 (1/ms)", total, V)
        if self.instantaneous:
            found[0] /= total
            found[1] = 1.0
        return found

    def _from_inf(self, inf: FloatArray, tau: FloatArray | None, V: FloatArray) -> FloatArray:
        found = np.empty((2, V.size))
        if not (inf.min() >= 0 and inf.max() <= LARGEST_INF):
            wrong = (inf < -ROUNDING) | (inf > LARGEST_INF)
            self._see("inf", wrong, f"from 0 to {LARGEST_INF}", inf, V)
        if tau is None:
            found[0], found[1] = inf, 1.0
            return found
        if not (tau.min() > 0 and tau.max() < np.inf):
            self._see("tau", tau <= 0, "above 0 (ms)", tau, V)
            tau = np.where(np.isinf(tau), np.nan, tau)
        rate = np.divide(1.0, tau, out=found[1])
        np.multiply(inf, rate, out=found[0])
        return found

    def rename(self, path: str) -> None:
        """Have errors name another gate with these functions."""
        self.path = path
        for name, function in self.functions.items():
            function.label = f"{path}: {name}"

    def give_the_same(self) -> bool:
        """Whether its functions still give what they gave first."""
        return all(function.gives_the_same() for function in self.functions.values())

    def not_finite_near(self, V: float, reach: float) -> ValueError | None:
        """Return the error for a function that is not finite around V, not at it alone."""
        around = V + reach * np.linspace(-1, 1, 8)
        for function in self.functions.values():
            wrong = ~np.isfinite(function(around))
            if wrong.any():
                value = function(around)[wrong][0]
                return ValueError(
                    f"{function.label} must be finite {self.axis.ends}; got {value} near "
                    f"{self.axis.at(V)}.{function.advice}"
                )
        return None

    def _see(self, name: str, wrong: Any, rule: str, values: FloatArray, V: FloatArray) -> None:
        wrong = wrong & np.isfinite(values)  # beside a 0/0, rounding may make it -inf
        if wrong.any():
            i = int(np.argmax(wrong))
            got = f"{values[i] + 0.0:.6g} at {self.axis.at(V[i])}"
            advice = max(one.advice for key, one in self.functions.items() if key in name)
            raise ValueError(f"{self.path}: {name} must be {rule}; got {got}.{advice}")

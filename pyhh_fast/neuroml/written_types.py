"""ComponentTypes for functions that no standard type of NeuroML has: forms and expressions."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from pyhh_fast.neuroml.expressions import Case, Expression, Function
from pyhh_fast.rate_forms import RateForm

Line = tuple[str, tuple[Case, ...]]

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)

_FORMS: dict[str, tuple[Case, ...]] = {
    "exponential": (("", "rate * exp(x)"),),
    "linoid": (("x .neq. 0", "rate * x / (1 - exp(-x))"), ("", "rate")),
    "sigmoid": (("", "rate / (1 + exp(-x))"),),
}

BASES = {
    "r": ("baseVoltage{}DepRate", "per_time", "/ ms"),
    "x": ("baseVoltage{}DepVariable", "none", ""),
    "t": ("baseVoltage{}DepTime", "time", "* ms"),
}
"""Of what a rate, a steady state and a time course expose: type, dimension and unit."""

SCALES = {"v": ("V", "v / mV"), "caConc": ("Ca", "caConc / mM")}
"""What is a number without dimension in what is written, by variable."""

_UNITS = {"ms": ("time", "1 ms"), "mV": ("voltage", "1 mV"), "mM": ("concentration", "1 mM")}


@dataclasses.dataclass(frozen=True)
class Lines:
    """Derived variables and constants, without dimensions, of which the last is a value.

    The names of variables are those of SCALES, in V, a number of mV, and Ca, one of mM.
    """

    lines: tuple[Line, ...]
    constants: tuple[tuple[str, float], ...]
    of: frozenset[str]

    @property
    def value(self) -> str:
        """The name of the last variable."""
        return self.lines[-1][0]


def expressed(function: Function, prefix: str, shift: float) -> Lines | None:
    """Return a function as derived variables, whose names begin with a prefix; None if it is none.

    Parameters
    ----------
    shift : float, mV
        Its values are those at V - shift.
    """
    if isinstance(function, RateForm):
        return _of_form(function, prefix, shift)
    if isinstance(function, Expression):
        return _of_expression(function, prefix, shift)
    return None


def _of_form(form: RateForm, prefix: str, shift: float) -> Lines:
    numbers = {"rate": form.rate, "midpoint": form.midpoint + shift, "scale": form.scale}
    x = f"(V - {prefix}midpoint) / {prefix}scale"
    names = {name: f"{prefix}{name}" for name in ("rate", "x")}
    return Lines(
        ((f"{prefix}x", (("", x),)), (f"{prefix}y", _renamed(_FORMS[form.form], names))),
        tuple((f"{prefix}{name}", number) for name, number in numbers.items()),
        frozenset(["v"]),
    )


def _of_expression(expression: Expression, prefix: str, shift: float) -> Lines | None:
    variable, numbers = expression.variable, dict(expression.constants)
    of = {variable} & _names_of(expression)
    if shift and variable == "v" and of:
        if "vShift" not in numbers:
            return None
        numbers["vShift"] += shift
    lines: list[Line] = []
    constants: list[tuple[str, float]] = []
    names = {variable: SCALES[variable][0]}
    for name, function in expression.functions:
        inner = expressed(function, f"{prefix}{name}__", shift)
        if inner is None:
            return None
        lines += inner.lines
        constants += inner.constants
        of |= inner.of
        names[name] = inner.value
    own = (*numbers, *(name for name, _ in expression.lines))
    names |= {name: f"{prefix}{name}" for name in own}
    lines += [(names[name], _renamed(cases, names)) for name, cases in expression.lines]
    constants += [(names[name], number) for name, number in numbers.items()]
    return Lines(tuple(lines), tuple(constants), frozenset(of))


def combined(parts: list[Lines], name: str, text: Callable[..., str]) -> Lines:
    """Return what a text makes of the values of some lines."""
    lines = [line for part in parts for line in part.lines]
    constants = [number for part in parts for number in part.constants]
    lines.append((name, (("", text(*(part.value for part in parts))),)))
    of = frozenset().union(*(part.of for part in parts))
    return Lines(tuple(lines), tuple(constants), of)


def component_type(nml: Any, name: str, found: Lines, exposure: str) -> Any:
    """Return libNeuroML's ComponentType of some lines that exposes r, x or t."""
    base, dimension, unit = BASES[exposure]
    needed = {"ms"} if unit else set()
    variables = []
    for one in sorted(found.of):
        new, text = SCALES[one]
        needed.add(text.rpartition(" ")[2])
        variables.append(nml.DerivedVariable(name=new, dimension="none", value=text))
    plain = [line for line in found.lines if len(line[1]) == 1]
    variables += [
        nml.DerivedVariable(name=key, dimension="none", value=cases[0][1]) for key, cases in plain
    ]
    variables.append(
        nml.DerivedVariable(
            name=exposure,
            dimension=dimension,
            exposure=exposure,
            value=f"{found.value} {unit}".strip(),
        )
    )
    conditional = [
        nml.ConditionalDerivedVariable(
            name=key,
            dimension="none",
            Case=[nml.Case(condition=one or None, value=value) for one, value in cases],
        )
        for key, cases in found.lines
        if len(cases) > 1
    ]
    constants = [
        nml.Constant(name=key, dimension=_UNITS[key][0], value=_UNITS[key][1])
        for key in sorted(needed)
    ]
    constants += [
        nml.Constant(name=key, dimension="none", value=number_text(number))
        for key, number in found.constants
    ]
    return nml.ComponentType(
        name=name,
        extends=base.format("Conc" if "caConc" in found.of else ""),
        Constant=constants,
        Dynamics=[nml.Dynamics(DerivedVariable=variables, ConditionalDerivedVariable=conditional)],
    )


def number_text(number: float) -> str:
    """Return a number as NeuroML's schema has it, which knows no plus; all its bits."""
    return repr(float(number)).replace("e+", "e")


def _names_of(function: Expression) -> set[str]:
    texts = [text for _, cases in function.lines for case in cases for text in case]
    return {name for text in texts for name in _NAME.findall(text)}


def _renamed(cases: tuple[Case, ...], names: dict[str, str]) -> tuple[Case, ...]:
    def new(found: re.Match[str]) -> str:
        return names.get(found[0], found[0])

    return tuple((_NAME.sub(new, condition), _NAME.sub(new, value)) for condition, value in cases)

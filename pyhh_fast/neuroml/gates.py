"""Gates of NeuroML as declarations: standard rates as forms, others as expressions."""

import dataclasses
from typing import Any

from pyhh_fast.neuroml import expressions, units
from pyhh_fast.neuroml.component_types import Component, Found, Scope, chain_of, is_custom
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.expressions import Expression
from pyhh_fast.neuroml.units import DIMENSIONS, NONE, Quantity
from pyhh_fast.rate_forms import RateForm

TYPES = (
    *("gateHHrates", "gateHHtauInf", "gateHHInstantaneous"),
    *("gateHHratesInf", "gateHHratesTau", "gateHHratesTauInf"),
)
TAGS = ("gate", *TYPES)

_RATES = ("forwardRate", "reverseRate")

_PARTS = {
    "gateHHrates": _RATES,
    "gateHHtauInf": ("timeCourse", "steadyState"),
    "gateHHInstantaneous": ("steadyState",),
    "gateHHratesInf": (*_RATES, "steadyState"),
    "gateHHratesTau": (*_RATES, "timeCourse"),
    "gateHHratesTauInf": (*_RATES, "timeCourse", "steadyState"),
}
"""The children of each type that have functions."""

_INSTANTANEOUS: dict[tuple[str, ...], dict[str, str]] = {
    ("steadyState",): {"inf": "steadyState/x"},
    _RATES: {"inf": "alpha/(alpha+beta)", "alpha": "forwardRate/r", "beta": "reverseRate/r"},
}
"""What a ComponentType derives that makes a gate instantaneous, by the children that it needs."""


FORMS = {"Exp": "exponential", "ExpLinear": "linoid", "Sigmoid": "sigmoid"}
"""What stands between HH and Rate, or Variable, in the names of standard types."""

OF_V = frozenset(["v"])


@dataclasses.dataclass(frozen=True)
class ReadGate:
    """A gate that was read, and its functions, by the names of Gate's arguments."""

    element: Element
    power: int
    speed: float
    instantaneous: bool
    functions: dict[str, Found]

    @property
    def of(self) -> frozenset[str]:
        """What its functions depend on."""
        return frozenset().union(*(found.of for found in self.functions.values()))


def read_gate(document: Document, element: Element, scope: Scope) -> ReadGate:
    """Return a gate; raise ValueError if it is none that can be read.

    Parameters
    ----------
    scope : Scope
        The numbers vShift and, if it is known, temperature.
    """
    parts, instantaneous = _parts(document, element)
    unused = ("timeCourse",) if is_custom(document, element) else ()
    known = (*parts, *unused, "q10Settings", "notes", "annotation", "property")
    for child in element.children:
        if child.tag not in known:
            raise child.problem(
                f"must be no part of a {element.type}; supported are {', '.join(parts)}."
            )
    speed = _rate_scale(document, element, scope)
    scope = Scope({**scope.numbers, "rateScale": Quantity(speed, NONE)})
    functions: dict[str, Found] = {}
    for name, tag in (("alpha", "forwardRate"), ("beta", "reverseRate")):
        if tag in parts:
            functions[name] = _rate(document, element.one(tag), scope)
    scope = Scope(
        scope.numbers, {name: (one, DIMENSIONS["per_time"]) for name, one in functions.items()}
    )
    if "steadyState" in parts:
        functions["inf"] = _steady_state(document, element.one("steadyState"), scope)
    if "timeCourse" in parts:
        functions["tau"] = _time_course(document, element.one("timeCourse"), scope)
    instances = _instances(document, element)
    if instances != int(instances) or instances < 1:
        raise element.problem(
            f"must have a whole number of 1 or more as instances; got {instances:g}."
        )
    return ReadGate(element, int(instances), speed, instantaneous, _declared(functions))


def _instances(document: Document, element: Element) -> float:
    """Return the power of a gate: its attribute, or what its own type fixes."""
    if is_custom(document, element) and "instances" not in element.attributes:
        fixed = [one for level in chain_of(document, element) for one in level.all("Fixed")]
        for one in fixed:
            if one.text("parameter") == "instances":
                return units.number(one, "value", "none")
    return units.number(element, "instances", "none")


def _declared(functions: dict[str, Found]) -> dict[str, Found]:
    """Return the functions that a Gate is declared by: alpha and beta, or inf and tau."""
    if "alpha" not in functions or len(functions) == 2:
        return functions
    alpha, beta = functions.pop("alpha"), functions.pop("beta")
    parts: Any = (("alpha", alpha.function), ("beta", beta.function))
    of = alpha.of | beta.of
    variable = next(iter(sorted(of)), "v")
    of_rates = {"inf": "alpha / (alpha + beta)", "tau": "1 / (alpha + beta)"}
    for name, text in of_rates.items():
        if name not in functions:
            expression = Expression(((name, (("", text),)),), (), parts, variable)
            functions[name] = Found(expression, of)
    return functions


def _parts(document: Document, element: Element) -> tuple[tuple[str, ...], bool]:
    """Return the children that have the functions of a gate, and whether it is instantaneous."""
    if not is_custom(document, element):
        if element.type in TYPES:
            return _PARTS[element.type], element.type == "gateHHInstantaneous"
        raise element.problem(
            f"must be of the type {', '.join(TYPES)}, or of a ComponentType that extends one of "
            f"them; got {element.type!r}."
        )
    chain = chain_of(document, element)
    base = chain[-1].attributes.get("extends", "")
    dynamics = next((one.all("Dynamics")[0] for one in chain if one.all("Dynamics")), None)
    if dynamics is None and base in TYPES:
        return _PARTS[base], base == "gateHHInstantaneous"
    derived = {} if dynamics is None else _derived(dynamics)
    if derived.get("q") == "inf" and derived.get("fcond") in ("inf^instances", "q^instances"):
        for parts, wanted in _INSTANTANEOUS.items():
            if wanted.items() <= derived.items():
                return parts, True
    raise element.problem(
        f"must be of a type that keeps the Dynamics of {', '.join(TYPES)}, or that derives q from "
        "inf, fcond from inf^instances, and inf from steadyState/x or from alpha/(alpha+beta); got "
        f"{element.type!r}."
    )


def _derived(dynamics: Element) -> dict[str, str]:
    """Return the values that a gate's Dynamics derive, without spaces; none where there is more."""
    found = {}
    for one in dynamics.children:
        if one.tag != "DerivedVariable":
            return {}
        value = one.attributes.get("value") or one.attributes.get("select", "")
        found[one.text("name")] = "".join(value.split())
    return found


def _rate_scale(document: Document, element: Element, scope: Scope) -> float:
    """Return the product of a gate's Q10 factors."""
    speed = 1.0
    for settings in element.all("q10Settings"):
        speed *= _q10(document, settings, scope)
    if not speed > 0:
        raise element.problem(f"must have a Q10 factor above 0; got {speed:g}.")
    return speed


def _q10(document: Document, settings: Element, scope: Scope) -> float:
    if settings.type == "q10Fixed":
        return units.number(settings, "fixedQ10", "none")
    if settings.type == "q10ExpTemp":
        return q10_factor(settings, scope)
    if not is_custom(document, settings):
        raise settings.problem(
            "must be of the type q10Fixed, q10ExpTemp or of a ComponentType in the file or in what "
            f"it includes; got {settings.type!r}."
        )
    return Component(document, settings, scope).value("q10", "none")


def q10_factor(settings: Element, scope: Scope) -> float:
    """Return q10Factor to the power of (temperature - experimentalTemp) / 10."""
    if "temperature" not in scope.numbers:
        raise settings.problem(
            "must be read at a known temperature; the files have no networkWithTemperature. Pass "
            "temperature= (°C)."
        )
    factor = units.number(settings, "q10Factor", "none")
    measured = units.number(settings, "experimentalTemp", "temperature")
    if not factor > 0:
        raise settings.problem(f"must have a q10Factor above 0; got {factor:g}.")
    return float(factor ** ((scope.numbers["temperature"].value - measured) / 10))


def _rate(document: Document, element: Element, scope: Scope) -> Found:
    """Return a rate (1/ms); raise ValueError if it is none that can be read."""
    return _function(document, element, scope, "r", "per_time", "Rate")


def _steady_state(document: Document, element: Element, scope: Scope) -> Found:
    """Return a steady state; raise ValueError if it is none that can be read."""
    return _function(document, element, scope, "x", "none", "Variable")


def _time_course(document: Document, element: Element, scope: Scope) -> Found:
    """Return a time constant (ms); raise ValueError if it is none that can be read."""
    if element.type == "fixedTimeCourse":
        tau = units.number(element, "tau", "time")
        return Found(expressions.constant("tau", tau), frozenset())
    return _function(document, element, scope, "t", "time", "Time")


def _function(
    document: Document, element: Element, scope: Scope, exposure: str, dimension: str, ending: str
) -> Found:
    standard = {f"HH{name}{ending}": form for name, form in FORMS.items()}
    if element.type in standard and ending != "Time":
        try:
            form = RateForm(
                standard[element.type],
                units.number(element, "rate", dimension),
                units.number(element, "midpoint", "voltage"),
                units.number(element, "scale", "voltage"),
            )
        except ValueError as error:
            if str(error).startswith(str(element.file)):
                raise
            raise element.problem(f"cannot be read: {error}") from None
        return Found(form, OF_V)
    if not is_custom(document, element):
        known = ", ".join(["fixedTimeCourse"] if ending == "Time" else standard)
        raise element.problem(
            f"must be of the type {known} or of a ComponentType in the file or in what it "
            f"includes; got {element.type!r}."
        )
    return Component(document, element, scope).function(exposure, dimension)

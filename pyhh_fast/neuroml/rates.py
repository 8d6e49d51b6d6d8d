"""Rates, steady states and time constants: standard types as forms, others as expressions."""

from pyhh_fast.neuroml import expressions, units
from pyhh_fast.neuroml.component_types import Component, Found, Scope, is_custom
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.rate_forms import RateForm

FORMS = {"Exp": "exponential", "ExpLinear": "linoid", "Sigmoid": "sigmoid"}
"""What stands between HH and Rate, or Variable, in the names of standard types."""

OF_V = frozenset(["v"])


def rate(document: Document, element: Element, scope: Scope) -> Found:
    """Return a rate (1/ms); raise ValueError if it is none that can be read."""
    return _function(document, element, scope, "r", "per_time", "Rate")


def steady_state(document: Document, element: Element, scope: Scope) -> Found:
    """Return a steady state; raise ValueError if it is none that can be read."""
    return _function(document, element, scope, "x", "none", "Variable")


def time_course(document: Document, element: Element, scope: Scope) -> Found:
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

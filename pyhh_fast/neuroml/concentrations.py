"""Concentration models of NeuroML as pools of calcium."""

import dataclasses
import itertools
import math

from pyhh_fast.channels.pool import FARADAY, Pool
from pyhh_fast.neuroml import units
from pyhh_fast.neuroml.component_types import Component, Scope, is_custom
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.schema import see_attributes
from pyhh_fast.neuroml.units import DIMENSIONS, Quantity

ION = "ca"
"""The ion whose concentration NeuroML calls caConc."""

TYPES = (
    *("decayingPoolConcentrationModel", "fixedFactorConcentrationModel"),
    "fixedFactorConcentrationModelTraub",
)

_VARIABLES = {
    "iCa": DIMENSIONS["current"],
    "concentration": DIMENSIONS["concentration"],
}


@dataclasses.dataclass(frozen=True)
class Species:
    """Calcium of a cell.

    Parameters
    ----------
    element : Element
    name : str
        Of its pool.
    pool : Pool
    outside : float, mM, optional
    """

    element: Element
    name: str
    pool: Pool
    outside: float | None


def read_species(document: Document, element: Element, area: float) -> Species:
    """Return the calcium of a cell of this area (µm²), from its species, or its model.

    Raise ValueError if it is none that can be read.
    """
    model = element
    if element.tag == "species":
        name = element.text("concentrationModel")
        model = document.named(name, element, "concentrationModel")
    see_attributes(document, model)
    known: dict[str, float] = {
        name: units.number(element, name, "concentration")
        for name in ("initialConcentration", "initialExtConcentration")
        if name in element.attributes
    }
    try:
        pool = _pool(document, model, area, known)
    except ValueError as error:
        if str(error).startswith(str(model.file)):
            raise
        raise model.problem(f"cannot be declared: {error}") from None
    return Species(element, element.text("id"), pool, known.get("initialExtConcentration"))


def _pool(document: Document, model: Element, area: float, known: dict[str, float]) -> Pool:
    if is_custom(document, model):
        return _custom(document, model, area, known)
    if model.type not in TYPES:
        raise model.problem(
            f"must be of the type {', '.join(TYPES)} or of a ComponentType in the file or in what "
            f"it includes; got {model.type!r}."
        )
    rest = units.number(model, "restingConc", "concentration")
    if model.type == "fixedFactorConcentrationModelTraub":
        beta = units.number(model, "beta", "per_time")
        if not beta > 0:
            raise model.problem(f"must have a beta above 0; got {model.text('beta')!r}.")
        return Pool(rest, 1 / beta, gain=1e-9 * units.number(model, "phi", "rho_factor"))
    tau = units.number(model, "decayConstant", "time")
    if model.type == "fixedFactorConcentrationModel":
        return Pool(rest, tau, gain=units.number(model, "rho", "rho_factor"))
    thickness = units.number(model, "shellThickness", "length")
    radius = math.sqrt(area / (4 * math.pi))
    if not thickness > 0:
        raise model.problem(f"must have a shellThickness above 0; got {thickness:g} µm.")
    # The volume of the shell over the area of its sphere, without a difference of cubes.
    depth = thickness * (1 - thickness / radius + (thickness / radius) ** 2 / 3)
    return Pool(rest, tau, gain=10 / (2 * FARADAY * depth))


def _custom(document: Document, model: Element, area: float, known: dict[str, float]) -> Pool:
    """Return the pool whose concentration changes as a model of its own says, if there is one."""
    numbers = {name: Quantity(one, DIMENSIONS["concentration"]) for name, one in known.items()}
    numbers["surfaceArea"] = Quantity(area, DIMENSIONS["area"])
    component = Component(document, model, Scope(numbers, variables=_VARIABLES))
    change = component.derivative("concentration")

    def slope(current: float, concentration: float) -> float:
        """Return what it changes by, mM/ms, under an inward current, µA/cm²."""
        of_concentration = change.at("iCa", current * area, "concentration")
        return float(of_concentration(concentration))

    at_0 = slope(0, 0)
    fall = at_0 - slope(0, 1)
    if 0 < fall < math.inf:
        rest, gain = at_0 / fall, slope(1, 0) - at_0
        if all(
            math.isclose(slope(current, c), gain * current + (rest - c) * fall, rel_tol=1e-9)
            for current, c in itertools.product((0.1, 1.3, 30.0), (1e-4, 0.01, 3.0))
        ):
            return Pool(rest, 1 / fall, gain=gain)
    raise model.problem(
        "must have a concentration that changes by a factor times iCa, where that is inward, plus "
        "a rest minus itself over a time constant."
    )

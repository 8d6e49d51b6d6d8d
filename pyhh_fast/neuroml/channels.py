"""Ion channels of NeuroML as declarations."""

import dataclasses

import numpy as np

from pyhh_fast.channels.channel import LARGEST_SHIFT
from pyhh_fast.neuroml import gates
from pyhh_fast.neuroml.component_types import Component, Scope, is_custom
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.gates import ReadGate
from pyhh_fast.neuroml.schema import see_attributes
from pyhh_fast.neuroml.units import DIMENSIONS, Quantity

TYPES = ("ionChannel", "ionChannelHH", "ionChannelPassive", "ionChannelVShift")

MOST_PARTS = 100

PROBES = np.linspace(-130.3, 70.9, 41)
"""Where it is seen whether rates depend on V - vShift alone, mV."""


@dataclasses.dataclass(frozen=True)
class ReadChannel:
    """An ion channel that was read.

    Parameters
    ----------
    factor : float
        What its conductance is multiplied by, at this temperature.
    shift : float, mV
    """

    element: Element
    gates: dict[str, ReadGate]
    factor: float
    shift: float


def read_channel(
    document: Document, element: Element, v_shift: float, temperature: float | None
) -> ReadChannel:
    """Return an ion channel; raise ValueError if it is none that can be read.

    Parameters
    ----------
    v_shift : float, mV
        Where all rates depend on V - vShift alone, it becomes the channel's shift.
    temperature : float, K, optional
    """
    if element.type not in TYPES or is_custom(document, element):
        raise element.problem(
            f"must be of the type {', '.join(TYPES)}; got {element.type!r}, which is not supported."
        )
    see_attributes(document, element)
    numbers = {"vShift": Quantity(v_shift, DIMENSIONS["voltage"])}
    if temperature is not None:
        numbers["temperature"] = Quantity(temperature, DIMENSIONS["temperature"])
    scope = Scope(numbers)
    found, factor = {}, 1.0
    if len(element.children) > MOST_PARTS:
        raise element.problem(f"must have {MOST_PARTS} parts at most; got {len(element.children)}.")
    for child in element.children:
        if child.tag in gates.TAGS:
            found[child.text("id")] = gates.read_gate(document, child, scope)
        elif child.tag == "q10ConductanceScaling" or child.type == "q10ConductanceScaling":
            factor *= gates.q10_factor(child, scope)
        elif child.tag == "conductanceScaling" and is_custom(document, child):
            scaling = Component(document, child, scope).function("factor", "none")
            if scaling.of:
                found[child.id or "scaling"] = ReadGate(child, 1, 1.0, True, {"inf": scaling})
            else:
                factor *= float(scaling.function(0.0))
        elif child.tag not in ("notes", "annotation", "property"):
            raise child.problem(f"must be no part of {element}; it is not supported.")
    if v_shift == 0 or not found or abs(v_shift) > LARGEST_SHIFT:
        return ReadChannel(element, found, factor, 0.0)
    numbers = numbers | {"vShift": Quantity(0.0, DIMENSIONS["voltage"])}
    unshifted = {
        name: gates.read_gate(document, one.element, Scope(numbers))
        for name, one in found.items()
        if one.element.tag in gates.TAGS
    }
    if len(unshifted) < len(found):
        return ReadChannel(element, found, factor, 0.0)
    if all(_is_shifted(one, unshifted[name], v_shift) for name, one in found.items()):
        return ReadChannel(element, unshifted, factor, v_shift)
    return ReadChannel(element, found, factor, 0.0)


def _is_shifted(gate: ReadGate, unshifted: ReadGate, v_shift: float) -> bool:
    """Whether a gate's functions of V are those of another at V - v_shift."""
    if gate.of != {"v"}:
        return False
    return all(
        np.allclose(
            found.function(PROBES),
            unshifted.functions[name].function(PROBES - v_shift),
            rtol=1e-9,
            atol=0,
            equal_nan=True,
        )
        for name, found in gate.functions.items()
    )

"""Cells of NeuroML as neurons."""

import dataclasses
import re
from typing import Any

from pyhh_fast.channels.channel import check_names
from pyhh_fast.channels.declaration import reserved
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.parts import MOST_CHANNELS
from pyhh_fast.neuroml import concentrations, densities, units
from pyhh_fast.neuroml.concentrations import ION, Species
from pyhh_fast.neuroml.densities import Density
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.morphology import area_of, part_of, see_group
from pyhh_fast.neuroml.schema import see_attributes

TYPES = ("cell", "pointCellCondBased", "pointCellCondBasedCa")

NOTES = ("notes", "annotation", "property")

OTHERS = (
    *("izhikevichCell", "izhikevich2007Cell", "adExIaFCell", "fitzHughNagumoCell"),
    *("fitzHughNagumo1969Cell", "pinskyRinzelCA3Cell", "hindmarshRose1984Cell", "cell2CaPools"),
    *("iafTauCell", "iafTauRefCell", "iafCell", "iafRefCell"),
)
"""Cells of NeuroML that are not read."""


@dataclasses.dataclass(frozen=True)
class ReadCell:
    """A cell that was read.

    Parameters
    ----------
    element : Element
    neuron : Neuron
    start : float, mV
        Potential at which it starts.
    """

    element: Element
    neuron: Neuron
    start: float


@dataclasses.dataclass(frozen=True)
class _Membrane:
    """What cells of all kinds have."""

    Cm: float
    start: float
    threshold: float | None
    channels: list[Element]
    species: list[Element]


def cells_of(document: Document) -> list[Element]:
    """Return the cells of the files, of any kind."""
    return document.all(*TYPES, *OTHERS)


def cell_named(document: Document, cell_id: str | None) -> Element:
    """Return the cell with an id, or where that is None the only one; raise ValueError if not."""
    found = cells_of(document)
    known = ", ".join(one.id for one in found)
    if cell_id is not None:
        found = [one for one in found if one.id == cell_id]
        if not found:
            raise ValueError(
                f"cell_id must be that of a cell in {document.path}; got {cell_id!r}. It has "
                f"{known or 'no cells'}."
            )
    for one in found:
        first = next(other for other in found if other.id == one.id)
        if one is not first and cell_id in (None, one.id):
            raise one.problem(
                f"must have an id of its own; {first} is in {first.file}, line {first.line}."
            )
    if len(found) != 1:
        several = f"Pass cell_id=, one of {known}." if found else "Read the file of the cell."
        raise ValueError(
            f"{document.path} must have one cell, with what it includes; got {len(found)}. "
            f"{several}"
        )
    if found[0].tag not in TYPES:
        raise found[0].problem(f"must be of the type {', '.join(TYPES)}, which are supported.")
    return found[0]


def read_cell(document: Document, element: Element, temperature: float | None) -> ReadCell:
    """Return a cell; raise ValueError if something of it does not map.

    Parameters
    ----------
    temperature : float, K, optional
        That of the network where it is not given; some cells need none.
    """
    if temperature is None:
        temperature = temperature_of(document)
    see_attributes(document, element)
    area = area_of_cell(document, element)
    membrane = _point(element) if element.tag != "cell" else _compartment(document, element)
    if len(membrane.channels) > MOST_CHANNELS:
        raise membrane.channels[MOST_CHANNELS].problem(
            f"must be one of {MOST_CHANNELS} channels at most; got {len(membrane.channels)}."
        )
    found = [
        densities.read_density(document, element, one, area, temperature)
        for one in membrane.channels
    ]
    named = dict(zip(densities.names_of(found), found, strict=True))
    species = _species(document, element, membrane.species, area, named)
    parts: Any = {} if species is None else {species.name: species.pool}
    parts |= {name: densities.declared(one, species, temperature) for name, one in named.items()}
    try:
        check_names("channel", parts, reserved(Neuron))
        neuron = Neuron(Cm=membrane.Cm, area=area, threshold=membrane.threshold, **parts)
    except ValueError as error:
        raise _located(error, element, named) from None
    return ReadCell(element, neuron, membrane.start)


def area_of_cell(document: Document, element: Element) -> float:
    """Return the area of a cell, µm²; that of a point has a capacitance of 1 µF/cm²."""
    if element.tag == "cell":
        return area_of(document, element)
    capacitance = units.number(element, "C", "capacitance")
    if not capacitance > 0:
        raise element.problem(f"must have a C above 0; got {element.text('C')!r}.")
    return capacitance


def temperature_of(document: Document) -> float | None:
    """Return the temperature of the networks in the files, K; None where none has one.

    Raise ValueError if they have several.
    """
    found = {
        units.number(one, "temperature", "temperature"): one
        for one in document.all("network", "networkWithTemperature")
        if "temperature" in one.attributes
    }
    if len(found) > 1:
        raise list(found.values())[1].problem(
            f"must have the temperature of the other networks; got {len(found)} of them. Pass "
            "temperature= (°C)."
        )
    return next(iter(found), None)


def _point(element: Element) -> _Membrane:
    parts = [one for one in element.children if one.tag not in NOTES]
    has_calcium = element.tag == "pointCellCondBasedCa"
    models = [one for one in parts if has_calcium and not one.tag.startswith("channel")]
    channels = [one for one in parts if one not in models]
    start, threshold = _voltage(element, "v0"), _voltage(element, "thresh")
    return _Membrane(1.0, start, threshold, channels, models)


def _compartment(document: Document, element: Element) -> _Membrane:
    biophysics = part_of(document, element, "biophysicalProperties")
    membrane = biophysics.one("membraneProperties")
    Cm = units.number(membrane.one("specificCapacitance"), "value", "specificCapacitance")
    start = _voltage(membrane.one("initMembPotential"), "value")
    threshold = None
    if membrane.all("spikeThresh"):
        threshold = _voltage(membrane.one("spikeThresh"), "value")
    known = ("specificCapacitance", "initMembPotential", "spikeThresh", *NOTES)
    channels = [one for one in membrane.children if one.tag not in known]
    inside = biophysics.all("intracellularProperties")
    species = [one for part in inside for one in part.all("species")]
    for one in species:
        see_group(document, element, one)
    return _Membrane(Cm, start, threshold, channels, species)


def _species(
    document: Document,
    cell: Element,
    elements: list[Element],
    area: float,
    channels: dict[str, Density],
) -> Species | None:
    """Return the calcium of a cell, if something depends on it or feeds it."""
    elements = [one for one in elements if one.attributes.get("ion", ION) == ION]
    if not any(one.needs_calcium or one.feeds_calcium for one in channels.values()):
        return None
    if len(elements) > 1:
        raise cell.problem(f"must have one species of ion={ION!r}; got {len(elements)}.")
    if not elements:
        return None
    species = concentrations.read_species(document, elements[0], area)
    taken = {name.lower() for name in (*channels, *reserved(Neuron))}
    while species.name.lower() in taken:
        species = dataclasses.replace(species, name=f"{species.name}_pool")
    return species


def _voltage(element: Element, name: str) -> float:
    return units.number(element, name, "voltage")


def _located(error: ValueError, cell: Element, named: dict[str, Density]) -> ValueError:
    """Return an error of a neuron with the place of the gate, or of the cell, that it names."""
    found = re.match(r"(\w+)\.(\w+): ", str(error))
    if found and found[1] in named:
        gate = named[found[1]].channel.gates[found[2]].element
        return gate.problem(f"cannot be declared: {error}")
    return cell.problem(f"cannot be declared: {error}")

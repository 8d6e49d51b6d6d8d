"""Cells of NeuroML as neurons."""

import dataclasses
import re
from typing import Any

from pyhh_fast.channels import channel as channel_names
from pyhh_fast.channels.channel import Channel, check_names
from pyhh_fast.channels.declaration import reserved
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.neuroml import channels, units
from pyhh_fast.neuroml.channels import ReadChannel
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.morphology import area_of, part_of, see_group

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
class _Density:
    """A channel as it stands in a cell: its element and its largest conductance, mS/cm²."""

    element: Element
    channel: ReadChannel
    g: float


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
    area = area_of_cell(document, element)
    if element.tag != "cell":
        Cm, start = 1.0, _voltage(element, "v0")
        threshold: float | None = _voltage(element, "thresh")
        parts = [one for one in element.children if one.tag not in NOTES]
    else:
        biophysics = part_of(document, element, "biophysicalProperties")
        membrane = biophysics.one("membraneProperties")
        Cm = units.number(membrane.one("specificCapacitance"), "value", "specificCapacitance")
        start = _voltage(membrane.one("initMembPotential"), "value")
        thresholds = membrane.all("spikeThresh")
        threshold = _voltage(membrane.one("spikeThresh"), "value") if thresholds else None
        known = ("specificCapacitance", "initMembPotential", "spikeThresh", *NOTES)
        parts = [one for one in membrane.children if one.tag not in known]
    densities = [_density(document, element, one, area, temperature) for one in parts]
    named = dict(zip(_names(densities), densities, strict=True))
    declared = {name: _declared(one) for name, one in named.items()}
    try:
        check_names("channel", declared, reserved(Neuron))
        neuron = Neuron(Cm=Cm, area=area, threshold=threshold, **declared)
    except ValueError as error:
        raise _located(error, element, named) from None
    return ReadCell(element, neuron, start)


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


def _density(
    document: Document, cell: Element, element: Element, area: float, temperature: float | None
) -> _Density:
    """Return a channel of a cell."""
    known = (
        ("channelPopulation",)
        if cell.tag != "cell"
        else ("channelDensity", "channelDensityVShift", "channelPopulation")
    )
    if element.tag not in known:
        raise element.problem(f"must be no part of {cell}; supported are {', '.join(known)}.")
    ion_channel = document.named(element.text("ionChannel"), element, "ionChannel")
    v_shift = _voltage(element, "vShift") if element.tag == "channelDensityVShift" else 0.0
    channel = channels.read_channel(document, ion_channel, v_shift, temperature)
    if element.tag == "channelPopulation":
        g = units.number(element, "number", "none") / area
        g *= units.number(ion_channel, "conductance", "conductance")
    else:
        see_group(document, cell, element)
        g = units.number(element, "condDensity", "conductanceDensity")
    return _Density(element, channel, g * channel.factor)


def _names(densities: list[_Density]) -> list[str]:
    """Return the names of channels: of their ionChannel, or their own where one is used twice."""
    ids = [one.channel.element.id for one in densities]
    return [
        name if ids.count(name) == 1 else one.element.text("id")
        for name, one in zip(ids, densities, strict=True)
    ]


def _declared(density: _Density) -> Channel:
    E = _voltage(density.element, "erev")
    gates: Any = {name: channels.declared_gate(one) for name, one in density.channel.gates.items()}
    try:
        check_names("gate", gates, channel_names.RESERVED)
        return Channel(density.g, E=E, shift=density.channel.shift, **gates)
    except ValueError as error:
        raise density.element.problem(f"cannot be declared: {error}") from None


def _voltage(element: Element, name: str) -> float:
    return units.number(element, name, "voltage")


def _located(error: ValueError, cell: Element, densities: dict[str, _Density]) -> ValueError:
    """Return an error of a neuron with the place of the gate, or of the cell, that it names."""
    named = re.match(r"(\w+)\.(\w+): ", str(error))
    if named and named[1] in densities:
        gate = densities[named[1]].channel.gates[named[2]].element
        return gate.problem(f"cannot be declared: {error}")
    return cell.problem(f"cannot be declared: {error}")

"""The channels of a cell of NeuroML: how much there is of each, and its reversal potential."""

import dataclasses
from typing import Any

from pyhh_fast.channels import channel as channel_names
from pyhh_fast.channels.channel import Channel, check_names
from pyhh_fast.channels.pool import ZERO_CELSIUS, Nernst
from pyhh_fast.neuroml import channels, units
from pyhh_fast.neuroml.channels import ReadChannel
from pyhh_fast.neuroml.concentrations import ION, Species
from pyhh_fast.neuroml.declared import CALCIUM, declared_gate
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.morphology import see_group

POPULATIONS = ("channelPopulation", "channelPopulationNernst")
DENSITIES = ("channelDensity", "channelDensityVShift", "channelDensityNernst")


@dataclasses.dataclass(frozen=True)
class Density:
    """A channel as it stands in a cell.

    Parameters
    ----------
    element : Element
    channel : ReadChannel
    g : float, mS/cm²
        Largest conductance.
    """

    element: Element
    channel: ReadChannel
    g: float

    @property
    def follows_calcium(self) -> bool:
        """Whether its reversal potential does."""
        return self.element.tag.endswith("Nernst")

    @property
    def feeds_calcium(self) -> bool:
        """Whether its current is one of calcium."""
        return self.element.attributes.get("ion") == ION

    @property
    def needs_calcium(self) -> bool:
        """Whether its potential or a gate depends on the concentration."""
        gates = self.channel.gates.values()
        return self.follows_calcium or any(CALCIUM in gate.of for gate in gates)


def read_density(
    document: Document, cell: Element, element: Element, area: float, temperature: float | None
) -> Density:
    """Return a channel of a cell of this area (µm²); raise ValueError if it cannot be read.

    Parameters
    ----------
    temperature : float, K, optional
    """
    known = POPULATIONS if cell.tag != "cell" else (*DENSITIES, *POPULATIONS)
    if element.tag not in known:
        raise element.problem(f"must be no part of {cell}; supported are {', '.join(known)}.")
    ion_channel = document.named(element.text("ionChannel"), element, "ionChannel")
    v_shift = _voltage(element, "vShift") if element.tag == "channelDensityVShift" else 0.0
    channel = channels.read_channel(document, ion_channel, v_shift, temperature)
    if element.tag in POPULATIONS:
        g = units.number(element, "number", "none") / area
        g *= units.number(ion_channel, "conductance", "conductance")
    else:
        see_group(document, cell, element)
        g = units.number(element, "condDensity", "conductanceDensity")
    return Density(element, channel, g * channel.factor)


def names_of(densities: list[Density]) -> list[str]:
    """Return the names of channels: of their ionChannel, or their own where one is used twice."""
    ids = [one.channel.element.id for one in densities]
    return [
        name if ids.count(name) == 1 else one.element.text("id")
        for name, one in zip(ids, densities, strict=True)
    ]


def declared(density: Density, species: Species | None, temperature: float | None) -> Channel:
    """Return the declaration of a channel; raise ValueError if there can be none.

    Parameters
    ----------
    species : Species, optional
        Calcium of the cell.
    temperature : float, K, optional
    """
    pool = None if species is None else species.name
    gates: Any = {name: declared_gate(one, pool) for name, one in density.channel.gates.items()}
    feeds = pool if density.feeds_calcium else None
    shift = density.channel.shift
    E = _reversal(density, species, temperature)
    try:
        check_names("gate", gates, channel_names.RESERVED)
        return Channel(density.g, E=E, shift=shift, feeds=feeds, **gates)
    except ValueError as error:
        raise density.element.problem(f"cannot be declared: {error}") from None


def _reversal(
    density: Density, species: Species | None, temperature: float | None
) -> float | Nernst:
    element = density.element
    if not density.follows_calcium:
        return _voltage(element, "erev")
    if not density.feeds_calcium:
        got = repr(element.attributes.get("ion"))
        raise element.problem(f"must have ion={ION!r}, the only ion that is supported; got {got}.")
    if species is None or species.outside is None:
        raise element.problem(
            f"must be in a cell with a species of ion={ION!r} and its initialExtConcentration; got "
            "none."
        )
    if temperature is None:
        raise element.problem(
            "must be read at a known temperature; the files have no networkWithTemperature. Pass "
            "temperature= (°C)."
        )
    celsius = round(temperature - ZERO_CELSIUS, 9)  # what the file says, not a bit beside it
    try:
        return Nernst(species.name, outside=species.outside, celsius=celsius)
    except ValueError as error:
        raise element.problem(f"cannot be declared: {error}") from None


def _voltage(element: Element, name: str) -> float:
    return units.number(element, name, "voltage")

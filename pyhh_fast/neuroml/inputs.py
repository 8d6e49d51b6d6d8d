"""Current generators of NeuroML as stimuli, and which of them a network gives to a cell."""

import functools
import math
import re

from pyhh_fast import stimuli
from pyhh_fast.neuroml import units
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.schema import see_attributes
from pyhh_fast.stimuli.base import Stimulus

GENERATORS = ("pulseGenerator", "sineGenerator", "rampGenerator", "compoundInput")

INPUTS = (
    *GENERATORS,
    *("voltageClamp", "voltageClampTriple", "timedSynapticInput", "poissonFiringSynapse"),
    "transientPoissonFiringSynapse",
)

MOST_INPUTS = 1_000
"""Generators in a compound, and inputs of a network."""

NETWORKS = ("network", "networkWithTemperature")

_ENDS = {
    "projection": ("postsynapticPopulation",),
    "electricalProjection": ("presynapticPopulation", "postsynapticPopulation"),
    "continuousProjection": ("presynapticPopulation", "postsynapticPopulation"),
    "synapticConnection": ("to",),
}
"""Attributes of connections that name what gets a current."""

_TARGET = re.compile(r"(?:\.{1,2}/)*(\w+)(?:\[(\d+)\]|/(\d+)(?:/.*)?)?")


def generator(document: Document, element: Element, area: float) -> Stimulus:
    """Return the stimulus of a generator for a cell of this area (µm²), µA/cm².

    Raise ValueError if it is none that can be read.
    """
    see_attributes(document, element)
    weight = units.number(element, "weight", "none") if "weight" in element.attributes else 1.0
    if element.tag == "compoundInput":
        parts = [one for one in element.children if one.tag not in ("notes", "annotation")]
        if len(parts) > MOST_INPUTS:
            raise element.problem(f"must have {MOST_INPUTS:,} parts at most; got {len(parts):,}.")
        made = [generator(document, one, area) for one in parts] or [stimuli.constant(0)]
        total: Stimulus = weight * functools.reduce(Stimulus.__add__, made)
        return total
    if element.tag not in GENERATORS:
        raise element.problem(f"must be of the type {', '.join(GENERATORS)}, which are supported.")
    start = units.number(element, "delay", "time")
    stop = start + units.number(element, "duration", "time")
    if stop < start:
        raise element.problem(f"must have a duration of 0 or more; got {stop - start:g} ms.")
    scale = weight, area
    if element.tag == "pulseGenerator":
        return stimuli.step(_current(element, "amplitude", *scale), start, stop)
    if element.tag == "sineGenerator":
        return _sine(element, scale, start, stop)
    first = _current(element, "startAmplitude", *scale)
    last = _current(element, "finishAmplitude", *scale)
    base = _current(element, "baselineAmplitude", *scale)
    rises = stimuli.ramp(0, last - first, start, stop)
    falls = stimuli.ramp(0, first - last, stop, stop)
    ramp: Stimulus = stimuli.step(first - base, start, stop) + rises + falls + base
    return ramp


def inputs_of(document: Document, cell: Element, area: float) -> Stimulus | None:
    """Return what the networks of the files give to a cell; None if there are no networks.

    Raise ValueError if that cannot be read: if cells of the same kind get different inputs, or
    currents of synapses.
    """
    networks = document.all(*NETWORKS)
    if not networks:
        return None
    given: dict[tuple[str, str], list[Stimulus]] = {}
    for network in networks:
        see_attributes(document, network)
        sizes = {one.id: _indices(one) for one in network.all("population")}
        populations = []
        for one in network.all("population"):
            if document.named(one.text("component"), one, "cell").id == cell.id:
                populations.append(one.id)
        _see_no_synapses(network, populations)
        for name, element, target, weight in _attached(document, network):
            population, index = _place(target, name)
            _see_place(sizes, population, index, name)
            if population in populations:
                of_cell = given.setdefault((population, index), [])
                of_cell.append(weight * generator(document, element, area))
    sums = [functools.reduce(Stimulus.__add__, parts) for parts in given.values()]
    if not sums:
        return stimuli.constant(0)
    if any(one.description() != sums[0].description() for one in sums):
        names = ", ".join(f"{population}[{index}]" for population, index in given)
        raise networks[0].problem(
            f"must give one input to all cells {cell.id!r}; got several, to {names}. Pass "
            "input_id=, that of a generator."
        )
    return sums[0]


def _sine(element: Element, scale: tuple[float, float], start: float, stop: float) -> Stimulus:
    period = units.number(element, "period", "time")
    if not period > 0:
        raise element.problem(f"must have a period above 0; got {element.text('period')!r}.")
    phase = units.number(element, "phase", "none")
    amplitude = _current(element, "amplitude", *scale)
    later = phase + 2 * math.pi * math.fmod((stop - start) / period, 1.0)
    begins = stimuli.sine(amplitude, 1e3 / period, phase).shifted(start)
    ended: Stimulus = begins - stimuli.sine(amplitude, 1e3 / period, later).shifted(stop)
    return ended


def _current(element: Element, name: str, weight: float, area: float) -> float:
    """Return a current as a density, µA/cm²."""
    return units.number(element, name, "current") * weight / area


def _attached(document: Document, network: Element) -> list[tuple[Element, Element, str, float]]:
    """Return where a network attaches what: the element that says so, the input, target, weight."""
    found = []
    for one in network.all("explicitInput"):
        source = document.named(one.text("input"), one, "generator")
        found.append((one, source, one.text("target"), 1.0))
    names = [one.id for one in network.all("population")]
    for many in network.all("inputList"):
        _see_population(names, many.text("population"), many)
        source = document.named(many.text("component"), many, "generator")
        for one in many.all("input", "inputW"):
            weight = units.number(one, "weight", "none") if one.tag == "inputW" else 1.0
            found.append((one, source, one.text("target"), weight))
    if len(found) > MOST_INPUTS:
        raise network.problem(f"must have {MOST_INPUTS:,} inputs at most; got {len(found):,}.")
    return found


def _place(target: str, by: Element) -> tuple[str, str]:
    """Return the population and the index of a target, as hhpop[0] or ../hhpop/0/hhcell."""
    found = _TARGET.fullmatch(target.strip())
    if found is None:
        raise by.problem(f"must have a target as hhpop[0] or ../hhpop/0/hhcell; got {target!r}.")
    return found[1], found[2] or found[3] or "0"


def _indices(population: Element) -> list[str] | range | None:
    """Return the indices of the cells of a population; None where it does not say how many."""
    instances = [str(one.id) for one in population.all("instance")]
    if instances or "size" not in population.attributes:
        return instances or None
    size = units.number(population, "size", "none")
    if size != int(size) or size < 0:
        raise population.problem(f"must have a whole number of 0 or more as size; got {size:g}.")
    return range(int(size))


def _see_population(names: list[str], name: str, by: Element) -> None:
    if name not in names:
        raise by.problem(
            f"must refer to a population of its network; got {name!r}. It has "
            f"{', '.join(names) or 'none'}."
        )


def _see_place(
    sizes: dict[str, list[str] | range | None], population: str, index: str, by: Element
) -> None:
    """See that a population and its cell exist; raise ValueError if not."""
    _see_population(list(sizes), population, by)
    known = sizes[population]
    if known is not None and (int(index) if isinstance(known, range) else index) not in known:
        raise by.problem(
            f"must refer to a cell of {population}, which has {len(known)}; got index {index}."
        )


def _see_no_synapses(network: Element, populations: list[str]) -> None:
    for one in network.children:
        for end in _ENDS.get(one.tag, ()):
            population, _ = _place(one.text(end), one)
            if population in populations:
                raise one.problem(
                    f"must not give currents of synapses to {population}, which are not supported. "
                    "Pass input_id=, that of a generator."
                )

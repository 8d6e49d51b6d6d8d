"""What is read from a file, as text: ``pyhh-fast neuroml``."""

from collections.abc import Iterator
from typing import Any

from pyhh_fast.neuroml import cells, inputs, reading, schema, units
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.rate_forms import as_typed


def lines(path: Any, temperature: Any, root: Any) -> Iterator[str]:
    """Yield lines on the cells and inputs of a file, and on what of them is not supported.

    Raise OSError or ValueError if the file cannot be read at all.
    """
    document = reading.opened(path, root)
    for element in cells.cells_of(document):
        yield from _cell(document, element, temperature)
    for network in document.all(*inputs.NETWORKS):
        if "temperature" in network.attributes:
            kelvin = units.number(network, "temperature", "temperature")
            yield f"{network.tag} {network.id}: {kelvin - 273.15:.6g} °C"
    areas = [area for one in cells.cells_of(document) if (area := _area(document, one))]
    area = areas[0] if len(areas) == 1 else None
    for element in document.all(*inputs.INPUTS):
        yield from _input(document, element, area)
    for simulation in document.all("Simulation"):
        yield f"Simulation {simulation.id}: {units.number(simulation, 'length', 'time'):g} ms"
    for element in schema.skipped(document):
        if element.tag not in (*cells.OTHERS, *inputs.INPUTS):
            yield f"{element} in line {element.line} of {element.file.name} is skipped."


def problem_of(lines: list[str]) -> str | None:
    """Return what is said of a file without a cell that is supported; None where there is one."""
    of_cells = [one for one in lines if one.split(" ", 1)[0] in (*cells.TYPES, *cells.OTHERS)]
    if any(": not supported. " not in one for one in of_cells):
        return None
    return f"The file has no cell{' that is supported' if of_cells else ''}."


def _cell(document: Document, element: Element, temperature: Any) -> Iterator[str]:
    try:
        found = reading.read_cell(document, element.id, temperature)
    except ValueError as error:
        yield f"{element.tag} {element.id}: not supported. {error}"
        return
    yield f"{element.tag} {element.id}, from {as_typed(found.start)} mV:"
    yield str(found.neuron)
    try:
        stimulus = inputs.inputs_of(document, element, cells.area_of_cell(document, element))
    except ValueError as error:
        yield f"Stimulus: not supported. {error}"
        return
    if stimulus is not None:
        yield f"Stimulus, in µA/cm² and ms: {stimulus}"


def _area(document: Document, cell: Element) -> float | None:
    try:
        return cells.area_of_cell(document, cell)
    except ValueError:
        return None


def _input(document: Document, element: Element, area: float | None) -> Iterator[str]:
    try:
        # Through 1e5 µm² 1 nA is 1 µA/cm².
        stimulus = inputs.generator(document, element, 1e5 if area is None else area)
    except ValueError as error:
        yield f"{element.tag} {element.id}: not supported. {error}"
        return
    unit = "nA" if area is None else "µA/cm²"
    yield f"{element.tag} {element.id}, in {unit} and ms: {stimulus}"

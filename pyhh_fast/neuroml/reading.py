"""What the public functions read: a neuron, its stimulus, or both."""

import dataclasses
from typing import Any

from pyhh_fast import stimuli, validation
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.neuroml import cells, inputs, units
from pyhh_fast.neuroml.cells import ReadCell
from pyhh_fast.neuroml.documents import Document
from pyhh_fast.neuroml.schema import see_top
from pyhh_fast.stimuli.base import Stimulus


@dataclasses.dataclass(frozen=True)
class ReadRun:
    """A neuron of a file, and how the file runs it.

    Parameters
    ----------
    neuron : Neuron
    start : float, mV
    stimulus : Stimulus
        What its network gives to it; the only generator, where there is no network.
    duration : float, ms, optional
        Of the only Simulation, in files of LEMS.
    """

    neuron: Neuron
    start: float
    stimulus: Stimulus
    duration: float | None


def opened(path: Any, root: Any) -> Document:
    """Return the document of a file; raise TypeError, ValueError or OSError if it is none."""
    document = Document(path, root)
    see_top(document)
    return document


def read_neuron(path: Any, cell_id: Any, temperature: Any, root: Any) -> Neuron:
    """Return the neuron of a file, as :meth:`pyhh_fast.Neuron.from_neuroml` says."""
    return read_cell(opened(path, root), cell_id, temperature).neuron


def read_stimulus(path: Any, cell_id: Any, input_id: Any, area: Any, root: Any) -> Stimulus:
    """Return the stimulus of a file, as :func:`pyhh_fast.stimuli.from_neuroml` says."""
    document = opened(path, root)
    if area is not None:
        area = validation.real_number("area", area, unit="µm²", positive=True)
    return _stimulus(document, _text("cell_id", cell_id), _text("input_id", input_id), area)


def read_run(path: Any, cell_id: Any, temperature: Any, root: Any) -> ReadRun:
    """Return the neuron of a file and how it runs; raise TypeError, ValueError or OSError."""
    document = opened(path, root)
    found = read_cell(document, cell_id, temperature)
    nothing = not document.all(*inputs.NETWORKS, *inputs.INPUTS)
    stimulus = stimuli.constant(0) if nothing else _stimulus(document, found.element.id, None, None)
    lengths = [units.number(one, "length", "time") for one in document.all("Simulation")]
    return ReadRun(found.neuron, found.start, stimulus, lengths[0] if len(lengths) == 1 else None)


def read_cell(document: Document, cell_id: Any, temperature: Any) -> ReadCell:
    """Return a cell of the files; raise TypeError or ValueError if it cannot be read.

    Parameters
    ----------
    temperature : float, °C, optional
    """
    kelvin = None
    if temperature is not None:
        celsius = validation.real_number("temperature", temperature, unit="°C")
        kelvin = celsius + 273.15
    element = cells.cell_named(document, _text("cell_id", cell_id))
    return cells.read_cell(document, element, kelvin)


def _stimulus(
    document: Document, cell_id: str | None, input_id: str | None, area: float | None
) -> Stimulus:
    every = document.all(*inputs.INPUTS)
    known = ", ".join(one.id for one in every) or "none"
    if input_id is not None:
        every = [one for one in every if one.id == input_id]
        if len(every) != 1:
            raise ValueError(
                f"input_id must be that of one input in {document.path}; got {input_id!r}. It has "
                f"{known}."
            )
    needs_cell = area is None or (input_id is None and document.all(*inputs.NETWORKS))
    cell = cells.cell_named(document, cell_id) if needs_cell else None
    if area is None:
        assert cell is not None
        area = cells.area_of_cell(document, cell)
    found = None if input_id is not None or cell is None else inputs.inputs_of(document, cell, area)
    if found is not None:
        return found
    if len(every) != 1:
        raise ValueError(
            f"{document.path} must have one input where it has no network; got {known}. Pass "
            "input_id=, one of them."
        )
    return inputs.generator(document, every[0], area)


def _text(name: str, text: Any) -> str | None:
    if text is not None:
        validation.instance(name, text, str, "a text", f"Pass {name}='...'.")
    return text if text is None else str(text)

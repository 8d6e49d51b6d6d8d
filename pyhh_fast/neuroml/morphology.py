"""The area of a cell of one segment."""

import math

from pyhh_fast.neuroml import units
from pyhh_fast.neuroml.documents import Document, Element


def area_of(document: Document, cell: Element) -> float:
    """Return the area of a cell, µm²; raise ValueError if it has no segment, or several."""
    morphology = part_of(document, cell, "morphology")
    segments = morphology.all("segment")
    if len(segments) != 1:
        raise morphology.problem(
            f"must have one segment, as neurons of one compartment have; got {len(segments)}."
        )
    proximal, distal = segments[0].one("proximal"), segments[0].one("distal")
    length = math.dist(*(_numbers(end, "x", "y", "z") for end in (proximal, distal)))
    first, last = (_numbers(end, "diameter")[0] / 2 for end in (proximal, distal))
    if first < 0 or last < 0 or first + last == 0:
        raise segments[0].problem(
            f"must have diameters above 0 (µm); got {2 * first:g} and {2 * last:g}."
        )
    if length:  # the side of a cone, or cylinder
        return math.pi * (first + last) * math.hypot(length, first - last)
    if first != last:
        raise segments[0].problem(
            "must have one diameter where its ends are one point, the middle of a sphere (µm); got "
            f"{2 * first:g} and {2 * last:g}."
        )
    return 4 * math.pi * first * first


def part_of(document: Document, cell: Element, tag: str) -> Element:
    """Return a part of a cell, its child or what its attribute refers to."""
    if cell.all(tag) or tag not in cell.attributes:
        return cell.one(tag)
    return document.named(cell.text(tag), cell, tag)


def see_group(document: Document, cell: Element, part: Element) -> None:
    """See that a part of a cell is for a segmentGroup that exists; raise ValueError if not."""
    group = part.attributes.get("segmentGroup", "all")
    groups = {one.id for one in part_of(document, cell, "morphology").all("segmentGroup")}
    if group != "all" and group not in groups:
        raise part.problem(f"must be for a segmentGroup of its cell; got {group!r}.")


def _numbers(element: Element, *names: str) -> list[float]:
    return [units.number(element, name, "none") for name in names]

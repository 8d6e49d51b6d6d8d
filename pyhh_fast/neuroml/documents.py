"""NeuroML and LEMS files as trees of elements that know their file and line.

Files are not trusted. What has a document type declaration is refused, so there are no entities
and nothing is fetched; size, depth and number are limited; includes are relative paths to regular
files below one folder.
"""

import dataclasses
import os
import re
import stat
from pathlib import Path
from typing import Any
from xml.parsers import expat

from pyhh_fast import validation

LARGEST_SIZE = 32 * 2**20
"""Bytes of a file and all that it includes."""

MOST_ELEMENTS = 500_000
MOST_FILES = 256
DEEPEST = 64
MOST_NESTED = 32
"""Includes within includes."""

CORE = frozenset(
    f"{name}.xml"
    for name in (
        *("Cells", "Channels", "Inputs", "Networks", "NeuroML2CoreTypes", "NeuroMLCoreCompTypes"),
        *("NeuroMLCoreDimensions", "PyNN", "Simulation", "Synapses"),
    )
)
"""LEMS files that define NeuroML itself; the reader knows what is in them."""


@dataclasses.dataclass(eq=False)
class Element:
    """An XML element without its namespace; of LEMS's `Component`, the one that it stands for."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list["Element"] = dataclasses.field(default_factory=list)

    @property
    def type(self) -> str:
        """What it is: its attribute `type`, or its tag."""
        return self.attributes.get("type", self.tag)

    @property
    def id(self) -> str:
        """Its id, or name; empty where it has none."""
        return self.attributes.get("id") or self.attributes.get("name", "")

    def all(self, *tags: str) -> list["Element"]:
        """Return its children with one of these tags."""
        return [child for child in self.children if child.tag in tags]

    def one(self, *tags: str) -> "Element":
        """Return the only child with one of these tags; raise ValueError if there is no such."""
        found = self.all(*tags)
        if len(found) != 1:
            raise self.problem(f"must have one {' or '.join(tags)}; got {len(found)}.")
        return found[0]

    def text(self, name: str) -> str:
        """Return an attribute; raise ValueError where it is missing."""
        if name not in self.attributes:
            given = ", ".join(self.attributes) or "none"
            raise self.problem(f"must have the attribute {name}; got {given}.")
        return self.attributes[name]

    def __str__(self) -> str:
        key = "id" if "id" in self.attributes else "name"
        return f"<{self.tag} {key}={self.id!r}>" if self.id else f"<{self.tag}>"

    def problem(self, what: str) -> ValueError:
        """Return the error for what does not map: ``file, line 3: <element> must ...``."""
        message = f"{self.file}, line {self.line}: {self} {what}"
        return ValueError(message if len(message) < 2_000 else f"{message[:2_000]}...")


class Document:
    """A file and all that it includes.

    Raise TypeError if a path is none, OSError if the file cannot be read, ValueError if something
    is no XML, or beyond the limits of this module.

    Parameters
    ----------
    path : str or path-like
    root : str or path-like, optional
        Folder that includes must lie in; the file's own where it is not given.
    """

    def __init__(self, path: Any, root: Any = None) -> None:
        self.path = Path(validation.local_path("path", path))
        below = self.path.parent if root is None else validation.local_path("root", root)
        self.root = Path(below).resolve()
        self.elements: list[Element] = []
        """The children of the roots of all files, in the order in which they are read."""
        self._read: set[Path] = set()
        self._left, self._bytes = MOST_ELEMENTS, LARGEST_SIZE
        self._add(self.path, None, 0)
        self.types: dict[str, Element] = {}
        """Its ComponentTypes, by name."""
        self._named: dict[str, list[Element]] = {}
        for one in self.elements:
            if one.tag != "ComponentType":
                self._named.setdefault(one.id, []).append(one)
                continue
            first = self.types.setdefault(one.text("name"), one)
            if first is not one:
                raise one.problem(
                    f"must be declared once; also in {first.file}, line {first.line}."
                )

    def all(self, *tags: str) -> list[Element]:
        """Return the elements outside any other with one of these tags."""
        return [element for element in self.elements if element.tag in tags]

    def named(self, name: str, by: Element, kind: str) -> Element:
        """Return the element outside any other that `by` refers to by its id or name.

        Where several have it, it is the one whose tag says that it is of that kind. Raise
        ValueError if there is none, or if there are two.
        """
        found = [one for one in self._named.get(name, []) if one.tag not in NEITHER]
        of_kind = [one for one in found if kind.lower() in one.tag.lower()]
        found = of_kind or found
        if not found:
            raise by.problem(
                f"must refer to what the file, or what it includes, has; got {name!r} as {kind}."
            )
        if len(found) > 1:
            places = " and ".join(f"{one.file}, line {one.line}" for one in found[:2])
            raise by.problem(
                f"must refer to what there is once; got {name!r} as {kind}, in {places}."
            )
        return found[0]

    def _add(self, path: Path, include: Element | None, depth: int) -> None:
        resolved = path.resolve()
        if resolved in self._read:
            return
        if depth > MOST_NESTED and include is not None:
            raise include.problem(f"must be nested {MOST_NESTED} deep at most; got {path.name!r}.")
        self._read.add(resolved)
        if len(self._read) > MOST_FILES:
            raise ValueError(
                f"{self.path} must include {MOST_FILES} files at most; got {path} as the next."
            )
        parser = _Parser(path, self._left)
        root = parser.parsed(self._content(path, include))
        self._left -= parser.count
        if root.tag.lower() not in ("neuroml", "lems"):
            raise root.problem("must be <neuroml> or <Lems>, the root of such a file.")
        if not re.match(r"$|https?://www\.neuroml\.org/", parser.namespace):
            raise root.problem(
                "must be in the namespace http://www.neuroml.org/schema/neuroml2; got "
                f"{parser.namespace!r}."
                + " Convert it from NeuroML 1."
                * ("morphml.org" in parser.namespace)
            )
        for child in root.children:
            href = child.attributes.get("href" if child.tag == "include" else "file")
            if child.tag in ("include", "Include") and href is not None:
                self._include(href, child, depth + 1)
            else:
                self.elements.append(child)

    def _include(self, href: str, include: Element, depth: int) -> None:
        path = include.file.parent / href
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", href) or Path(href).is_absolute() or "\\" in href:
            raise include.problem(
                f"must be a path relative to its file; got {href!r}. Copy the file, and include "
                "that."
            )
        try:
            if path.name in CORE and not path.is_file():
                return
            outside = not path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
            raise include.problem(f"must include a file that can be read; got {error}.") from None
        if outside:
            raise include.problem(
                f"must include files in {self.root}; got {href!r}. Pass root=, a folder that has "
                "them all, if you trust them."
            )
        self._add(Path(os.path.normpath(path)), include, depth)

    def _content(self, path: Path, include: Element | None) -> bytes:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                if include is not None:
                    raise include.problem(f"must include a regular file; got {path}.")
                raise ValueError(f"{path} must be a regular file; got another kind.")
            with path.open("rb") as file:
                content = file.read(self._bytes + 1)
        except OSError as error:
            if include is None:
                raise
            raise include.problem(f"must include a file that can be read; got {error}.") from None
        self._bytes -= len(content)
        if self._bytes < 0:
            raise ValueError(
                f"{self.path} must have {LARGEST_SIZE:,} bytes at most, with all that it includes; "
                f"got more at {path}."
            )
        return content


NEITHER = ("Target", "Simulation", "notes", "annotation", "property")
"""Elements that nothing refers to as a part of a neuron."""


class _Parser:
    """A parser of one file, by expat."""

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._open: list[Element] = []
        self._root: Element | None = None
        self.count = 0
        self.namespace = ""
        """Of the root."""
        self._expat = expat.ParserCreate()
        self._expat.StartDoctypeDeclHandler = self._refuse
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end

    def parsed(self, content: bytes) -> Element:
        """Return the root."""
        try:
            self._expat.Parse(content, True)
        except expat.ExpatError as error:
            if not content.strip():
                raise ValueError(f"{self._path} must have content; the file is empty.") from None
            raise ValueError(
                f"{self._path}, line {error.lineno}: the file must be XML; got "
                f"{expat.ErrorString(error.code)}, in column {error.offset + 1}."
            ) from None
        except (LookupError, UnicodeError) as error:  # an encoding that Python has not
            raise ValueError(f"{self._path} must be in a known encoding; got {error}.") from None
        assert self._root is not None  # which a document without an error has
        return self._root

    def _refuse(self, *_: Any) -> None:
        raise ValueError(
            f"{self._path}, line {self._expat.CurrentLineNumber}: the file must have no document "
            "type declaration, which may define entities; got <!DOCTYPE. Remove it."
        )

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        line = self._expat.CurrentLineNumber
        self.count += 1
        if self.count > self._most or len(self._open) == DEEPEST:
            limit = f"{DEEPEST} deep" if len(self._open) == DEEPEST else f"{MOST_ELEMENTS:,} in all"
            raise ValueError(
                f"{self._path}, line {line}: elements must be {limit} at most; got <{tag}> as the "
                "next."
            )
        if tag == "Component" and "type" in attributes:
            tag = attributes.pop("type")
        element = Element(tag, attributes, self._path, line)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
            prefix = name.rpartition(":")[0]
            self.namespace = attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

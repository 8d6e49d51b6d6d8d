"""ComponentTypes of LEMS: what a component of a file's own type gives, as an expression."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pyhh_fast.neuroml import formulas, units
from pyhh_fast.neuroml.documents import Document, Element
from pyhh_fast.neuroml.expressions import Case, Expression, Function
from pyhh_fast.neuroml.formulas import NoFormula, Tree
from pyhh_fast.neuroml.schema import see_attributes
from pyhh_fast.neuroml.units import NONE, Dimension, Quantity

MOST_LINES = 1_000
"""Derived variables of an expression, and cases of one."""

VARIABLES = {
    "v": units.DIMENSIONS["voltage"],
    "caConc": units.DIMENSIONS["concentration"],
}
"""What rates may depend on."""


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a component gets from what it is in.

    Parameters
    ----------
    numbers : dict of str to Quantity
    functions : dict of str to (Found, dimension)
    variables : dict of str to dimension
    """

    numbers: Mapping[str, Quantity] = dataclasses.field(default_factory=dict)
    functions: Mapping[str, tuple["Found", Dimension]] = dataclasses.field(default_factory=dict)
    variables: Mapping[str, Dimension] = dataclasses.field(default_factory=lambda: VARIABLES)


@dataclasses.dataclass(frozen=True)
class Found:
    """A function that was read, and which variables it depends on.

    The function of an expression of two variables has a value only where one is set, by its `at`.
    """

    function: Function
    of: frozenset[str]


@dataclasses.dataclass(frozen=True)
class _Line:
    """A derived variable: pairs of trees, and where it is."""

    element: Element
    cases: tuple[tuple[Tree | None, Tree], ...]
    texts: tuple[Case, ...]


class Component:
    """An element whose type is a ComponentType of the file.

    Raise ValueError if a parameter is missing, or is no number; if a type extends itself.
    """

    def __init__(self, document: Document, element: Element, scope: Scope) -> None:
        self.element, self._scope = element, scope
        self._chain = chain_of(document, element)
        for level in self._chain:
            see_attributes(document, level)
        self.base = self._chain[-1].attributes.get("extends", "")
        """The name of the type that the last of its own types extends."""
        self.numbers = self._parameters()
        self.dynamics = next((t.all("Dynamics")[0] for t in self._chain if t.all("Dynamics")), None)

    def function(self, exposure: str, dimension: str) -> Found:
        """Return what it exposes under a name, or raise ValueError if it cannot be expressed."""
        lines = self._lines()
        names = [
            name
            for name, one in lines.items()
            if one.element.attributes.get("exposure") == exposure
        ] or [exposure]
        if names[0] not in lines:
            raise self.element.problem(
                f"must be of a type whose Dynamics derive {exposure}, by DerivedVariable or "
                f"ConditionalDerivedVariable; got {self.element.type!r}."
            )
        return _Builder(self, lines, self._scope).built(names[0], units.DIMENSIONS[dimension])

    def derivative(self, variable: str) -> Expression:
        """Return the derivative of a state variable over time, of one variable or of several."""
        found = [] if self.dynamics is None else self.dynamics.all("TimeDerivative")
        found = [one for one in found if one.text("variable") == variable]
        if len(found) != 1:
            raise self.element.problem(
                f"must be of a type with one TimeDerivative of {variable}; got {len(found)}."
            )
        dimension = _times(self._scope.variables[variable], units.DIMENSIONS["per_time"], 1)
        lines = {**self._lines(), "derivative": _Line(found[0], *_cases(found[0]))}
        built = _Builder(self, lines, self._scope).built("derivative", dimension)
        assert isinstance(built.function, Expression)
        return built.function

    def value(self, exposure: str, dimension: str) -> float:
        """Return what it exposes under a name, where that is one number."""
        found = self.function(exposure, dimension)
        if found.of:
            raise self.element.problem(
                f"must have a {exposure} that depends on the temperature alone; got one that "
                f"depends on {' and '.join(sorted(found.of))}."
            )
        return float(found.function(0.0))

    def _lines(self) -> dict[str, _Line]:
        lines = {}
        for one in [] if self.dynamics is None else self.dynamics.children:
            if one.tag in ("DerivedVariable", "ConditionalDerivedVariable"):
                lines[one.text("name")] = _Line(one, *_cases(one))
        for level in self._chain:
            for one in level.all("DerivedParameter"):
                lines.setdefault(one.text("name"), _Line(one, *_cases(one)))
        return lines

    def _parameters(self) -> dict[str, Quantity]:
        """Return its constants, parameters and properties, the most general type's first."""
        found: dict[str, Quantity] = {}
        every = [one for level in reversed(self._chain) for one in level.children]
        fixed = {one.text("parameter"): one for one in every if one.tag == "Fixed"}
        for one in every:
            if one.tag in ("Constant", "Parameter", "Property"):
                name = one.text("name")
                if one.tag == "Constant":
                    found[name] = _declared(one, "value", one)
                elif name in fixed:
                    found[name] = _declared(fixed[name], "value", one)
                elif one.tag == "Parameter":
                    found[name] = _declared(self.element, name, one)
                else:
                    given = name in self.element.attributes
                    where = (self.element, name) if given else (one, "defaultValue")
                    found[name] = _declared(*where, one)
        return found


def chain_of(document: Document, element: Element) -> list[Element]:
    """Return the ComponentTypes of an element, from its own to the most general in the files.

    Raise ValueError if it is of none, or if a type extends itself.
    """
    name = element.type
    chain: dict[str, Element] = {}
    while name in document.types:
        if name in chain:
            raise chain[name].problem("must not extend itself.")
        chain[name] = document.types[name]
        name = chain[name].attributes.get("extends", "")
    if not chain:
        raise element.problem(f"must be of a type that can be read; got {element.type!r}.")
    return list(chain.values())


def is_custom(document: Document, element: Element) -> bool:
    """Whether the type of an element is a ComponentType of the files."""
    return element.type in document.types


class _Builder:
    """Gathers the lines, numbers and functions that one derived variable needs."""

    def __init__(self, component: Component, lines: dict[str, _Line], scope: Scope) -> None:
        self._component, self._lines, self._scope = component, lines, scope
        self._numbers = {**scope.numbers, **component.numbers}
        self._dimensions: dict[str, Dimension] = {}
        self._used: dict[str, _Line] = {}
        self._constants: dict[str, float] = {}
        self._functions: dict[str, Function] = {}
        self._of: set[str] = set()

    def built(self, name: str, dimension: Dimension) -> Found:
        self._need(name, self._lines[name].element, ())
        line = self._lines[name].element
        if self._dimensions[name] != dimension:
            raise line.problem(
                f"must have the dimension {units.name_of(dimension)}; got "
                f"{units.name_of(self._dimensions[name])}."
            )
        expression = Expression(
            tuple((key, line.texts) for key, line in self._used.items()),
            tuple(self._constants.items()),
            tuple(self._functions.items()),
            next(iter(sorted(self._of)), "v"),
        )
        return Found(expression, frozenset(self._of))

    def _need(self, name: str, by: Element, within: tuple[str, ...]) -> None:
        if name in within or len(within) == formulas.MOST_TERMS:
            limit = "itself" if name in within else f"{formulas.MOST_TERMS} others in a row"
            raise by.problem(f"must not depend on {limit}; got {name}.")
        if name in self._dimensions:
            return
        if name in self._lines:
            line = self._lines[name]
            if len(self._used) == MOST_LINES:
                raise line.element.problem(
                    f"must be one of {MOST_LINES:,} derived variables of a value at most."
                )
            for condition, value in line.cases:
                for part in formulas.names_in(value) | (
                    formulas.names_in(condition) if condition else set()
                ):
                    self._need(part, line.element, (*within, name))
            self._dimensions[name] = _dimension(line, self._dimensions)
            self._used[name] = line
        elif name in self._numbers:
            self._constants[name], self._dimensions[name] = self._numbers[name]
        elif name in self._scope.functions:
            found, self._dimensions[name] = self._scope.functions[name]
            self._functions[name] = found.function
            self._of |= found.of
        elif name in self._scope.variables:
            self._dimensions[name] = self._scope.variables[name]
            self._of.add(name)
        else:
            advice = " Pass temperature=." if name == "temperature" else ""
            known = sorted(
                {*self._lines, *self._numbers, *self._scope.functions, *self._scope.variables}
            )
            raise by.problem(f"must depend on some of {', '.join(known)}; got {name}.{advice}")


def _cases(line: Element) -> tuple[tuple[tuple[Tree | None, Tree], ...], tuple[Case, ...]]:
    """Return the cases of a derived variable as trees and as texts."""
    if line.tag != "ConditionalDerivedVariable":
        if "select" in line.attributes:
            raise line.problem(f"must have a value; got select={line.attributes['select']!r}.")
        elements = [line]
    else:
        elements = line.all("Case")
        if not 1 <= len(elements) <= MOST_LINES:
            raise line.problem(f"must have 1 to {MOST_LINES:,} Cases; got {len(elements)}.")
    trees: list[tuple[Tree | None, Tree]] = []
    texts = []
    for one in elements:
        condition = one.attributes.get("condition", "")
        trees.append((_tree(one, "condition") if condition else None, _tree(one, "value")))
        texts.append((" ".join(condition.split()), " ".join(one.text("value").split())))
    return tuple(trees), tuple(texts)


def _tree(element: Element, name: str) -> Tree:
    try:
        return formulas.parse(element.text(name))
    except NoFormula as error:
        raise element.problem(f"has as {name} what {error}") from None


def _declared(element: Element, name: str, by: Element) -> Quantity:
    """Return an attribute of the dimension that `by` declares."""
    dimension = by.attributes.get("dimension")
    if dimension is not None and dimension not in units.DIMENSIONS:
        raise by.problem(f"must have a dimension of NeuroML; got {dimension!r}.")
    return units.quantity(element, name, dimension)


def _dimension(line: _Line, known: Mapping[str, Dimension]) -> Dimension:
    """Return the dimension of a derived variable; raise ValueError where terms have several."""
    check = _Checker(line.element, known)
    found = []
    for condition, value in line.cases:
        if condition is not None:
            check.condition(condition)
        found.append(check(value))
    first = next((one for one in found if one is not _ZERO), NONE)
    if any(one not in (first, _ZERO) for one in found):
        raise line.element.problem(
            f"must have cases of one dimension; got {', '.join(map(units.name_of, found))}."
        )
    return first


def _times(first: Dimension, second: Dimension, power: int) -> Dimension:
    """Return the dimension of one times another to a power."""
    return tuple(a + power * b for a, b in zip(first, second, strict=True))


_ZERO: Any = object()
"""The dimension of the number 0, which is that of what it is added to or compared with."""


class _Checker:
    """Finds the dimension of a tree."""

    def __init__(self, element: Element, known: Mapping[str, Dimension]) -> None:
        self._element, self._known = element, known

    def __call__(self, tree: Tree) -> Dimension:
        kind, *parts = tree
        if kind == "number":
            return NONE if parts[0] else _ZERO
        if kind == "name":
            if parts[0] not in self._known:
                raise self._element.problem(f"must depend on what is known; got {parts[0]}.")
            return self._known[parts[0]]
        if kind == "negative":
            return self(parts[0])
        if kind == "call":
            return self._call(*parts)
        if kind in formulas.COMPARISONS or kind in (".and.", ".or."):
            raise self._element.problem(f"must have numbers as values; got {kind}, a condition.")
        first, second = self(parts[0]), self(parts[1])
        if kind in "+-":
            return self._same(kind, first, second)
        first, second = (NONE if one is _ZERO else one for one in (first, second))
        if kind == "^":
            return self._power(first, second, parts[1])
        return _times(first, second, 1 if kind == "*" else -1)

    def condition(self, tree: Tree) -> None:
        """See that a tree is a condition."""
        kind, *parts = tree
        if kind in (".and.", ".or."):
            for part in parts:
                self.condition(part)
        elif kind in formulas.COMPARISONS:
            self._same(kind, *map(self, parts))
        else:
            raise self._element.problem("must have comparisons as conditions; got a number.")

    def _same(self, kind: str, first: Dimension, second: Dimension) -> Dimension:
        if _ZERO in (first, second):
            return second if first is _ZERO else first
        if first != second:
            raise self._element.problem(
                f"must have one dimension on both sides of {kind}; got {units.name_of(first)} and "
                f"{units.name_of(second)}. Divide by a Constant, as of 1 mV."
            )
        return first

    def _call(self, name: str, argument: Tree) -> Dimension:
        dimension = self(argument)
        if name in ("abs", "H"):
            return dimension if name == "abs" else NONE
        if name == "sqrt" and dimension is not _ZERO:
            return tuple(Fraction(one) / 2 for one in dimension)
        if dimension not in (NONE, _ZERO):
            raise self._element.problem(
                f"must have a number without dimension in {name}(...); got "
                f"{units.name_of(dimension)}. Divide by a Constant, as of 1 mV."
            )
        return NONE

    def _power(self, base: Dimension, exponent: Dimension, tree: Tree) -> Dimension:
        if base == NONE and exponent == NONE:
            return NONE
        if exponent != NONE or tree[0] != "number":
            raise self._element.problem(
                f"must have numbers without dimension around ^; got {units.name_of(base)} and "
                f"{units.name_of(exponent)}. Divide by a Constant, as of 1 mV."
            )
        return tuple(Fraction(one) * Fraction(tree[1]) for one in base)

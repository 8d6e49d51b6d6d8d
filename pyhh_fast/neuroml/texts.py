"""Expressions of LEMS as people write them: constants filled in, scales of 1 left out."""

from collections.abc import Mapping
from typing import Any

from pyhh_fast.neuroml.formulas import COMPARISONS, Tree
from pyhh_fast.rate_forms import as_typed

LONGEST = 100
"""Characters of a derived variable that is written out where it is used."""

_FOLDED: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
}
_NEUTRAL = {"+": 0.0, "-": 0.0, "*": 1.0, "/": 1.0}

_BINDS = {".or.": 1, ".and.": 2, "+": 4, "-": 4, "*": 5, "/": 5, "^": 7}
_SIGNS = {".gt.": ">", ".lt.": "<", ".geq.": ">=", ".leq.": "<=", ".eq.": "==", ".neq.": "!="}
_WORDS = _SIGNS | {".or.": "or", ".and.": "and"}


def written(lines: Any, constants: Mapping[str, float], variable: str) -> str:
    """Return the last of some derived variables as a text, with those that it is made of.

    Parameters
    ----------
    lines : sequence of (name, cases)
        Cases are pairs of trees, of a condition, or None, and of a value.
    variable : str
        What the name "v", or that of the concentration, is shown as.
    """
    known: dict[str, Tree] = {name: ("number", value) for name, value in constants.items()}
    known[variable] = ("name", "V" if variable == "v" else "Ca")
    named = []
    for name, cases in lines:
        parts = [(one and _filled(one, known), _filled(value, known)) for one, value in cases]
        text = _cases(parts)
        if len(parts) == 1 and len(text) <= LONGEST:
            known[name] = parts[0][1]
        else:
            named.append(f"{name} = {text}")
    last = named.pop().partition(" = ")[2] if named and named[-1].startswith(f"{name} = ") else text
    return last + " with " * bool(named) + ", ".join(named)


def _cases(parts: Any) -> str:
    texts = [
        f"{_text(value)} if {_text(condition)}" if condition else _text(value)
        for condition, value in parts
    ]
    return " else ".join(texts)


def _filled(tree: Tree, known: Mapping[str, Tree]) -> Tree:
    """Return a tree with what is known filled in, and sums and products of numbers carried out."""
    kind, *parts = tree
    if kind == "number":
        return tree
    if kind == "name":
        return known.get(parts[0], tree)
    if kind == "call":
        return ("call", parts[0], _filled(parts[1], known))
    if kind == "negative":
        inner = _filled(parts[0], known)
        return ("number", -inner[1]) if inner[0] == "number" else ("negative", inner)
    first, second = (_filled(part, known) for part in parts)
    if kind in _FOLDED:
        if first[0] == second[0] == "number":
            value = _FOLDED[kind](first[1], second[1])
            return (kind, first, second) if value is None else ("number", value)
        if second == ("number", _NEUTRAL[kind]):
            return first
        if kind in "+*" and first == ("number", _NEUTRAL[kind]):
            return second
        if kind in "+-" and second[0] == "number" and second[1] < 0:
            return ("-" if kind == "+" else "+", first, ("number", -second[1]))
    return (kind, first, second)


def _text(tree: Tree, within: float = 0) -> str:
    """Return a tree as a text, in parentheses where its operator binds less than `within`."""
    kind, *parts = tree
    if kind == "number":
        text, binds = as_typed(float(parts[0])), 6.0 if parts[0] < 0 else 9.0
    elif kind == "name":
        text, binds = parts[0], 9.0
    elif kind == "call":
        text, binds = f"{parts[0]}({_text(parts[1])})", 9.0
    elif kind == "negative":
        text, binds = f"-{_text(parts[0], 6)}", 6.0
    else:
        binds = 3.0 if kind in COMPARISONS else _BINDS[kind]
        sides = _text(parts[0], binds), _text(parts[1], binds + 0.5)
        text = f" {_WORDS.get(kind, kind)} ".join(sides)
    return f"({text})" if binds < within else text

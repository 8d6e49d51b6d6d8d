"""LEMS expressions as trees: parsed by hand, never evaluated as Python.

A tree is a tuple: ("number", x), ("name", text), ("call", function, tree), ("negative", tree),
or (operator, tree, tree).
"""

import re
from typing import Any

Tree = tuple[Any, ...]

FUNCTIONS = frozenset(
    (
        *("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "ln", "log10", "sqrt"),
        *("abs", "ceil", "floor", "H"),
    )
)
"""Those of LEMS, but for random ones; log is the natural logarithm, as ln."""

COMPARISONS = (".gt.", ".lt.", ".geq.", ".leq.", ".eq.", ".neq.")

LONGEST = 10_000
"""Characters of an expression."""

DEEPEST = 40
"""Levels of parentheses and signs."""

MOST_TERMS = 100
"""Of sums and products, added up from the inmost parentheses to the outermost."""

_LEVELS = ((".or.",), (".and.",), COMPARISONS, ("+", "-"), ("*", "/"))
"""Operators that bind more and more; those of a level from left to right."""

_TOKEN = re.compile(
    r"\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.]*\w)"
    r"|([A-Za-z_]\w*)"
    r"|(\.(?:gt|lt|geq|leq|eq|neq|and|or)\.|[-+*/^()]))",
    re.ASCII,
)


class NoFormula(ValueError):
    """A text that is no LEMS expression; the message continues ``must be ...``."""


def parse(text: str) -> Tree:
    """Return the tree of an expression; raise NoFormula if it is none that is known."""
    if len(text) > LONGEST:
        raise NoFormula(f"must have {LONGEST:,} characters at most; got {len(text):,}.")
    tree = _Parser(text).whole()
    if _depth(tree) > MOST_TERMS:
        raise NoFormula(f"must have {MOST_TERMS} terms at most; got {text[:40]!r}...")
    return tree


def names_in(tree: Tree) -> set[str]:
    """Return the names of variables and constants in a tree."""
    if tree[0] == "name":
        return {tree[1]}
    return {name for part in tree if isinstance(part, tuple) for name in names_in(part)}


def _depth(tree: Tree) -> int:
    depth, level = 0, [tree]
    while level:
        level = [part for one in level for part in one if isinstance(part, tuple)]
        depth += 1
    return depth


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        self._next = self._depth = 0
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise NoFormula(f"must be an expression of LEMS; got {text[place:].strip()!r}.")
            for kind, token in zip(("number", "name", "sign"), found.groups(), strict=True):
                if token is not None:
                    self._tokens.append((kind, token))
            place = found.end()

    def whole(self) -> Tree:
        tree = self._level(0)
        if self._next < len(self._tokens):
            raise self._unexpected()
        return tree

    def _level(self, level: int) -> Tree:
        if level == len(_LEVELS):
            return self._factor()
        tree = self._level(level + 1)
        while self._sign() in _LEVELS[level]:
            operator = self._take()
            tree = (operator, tree, self._level(level + 1))
        return tree

    def _factor(self) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NoFormula(f"must be nested {DEEPEST} deep at most; got {self._text[:40]!r}...")
        if self._sign() in ("-", "+"):
            negative = self._take() == "-"
            tree = self._factor()
            if tree[0] == "^":
                raise NoFormula(
                    "must say by parentheses whether a sign or ^ comes first; got "
                    f"{self._text.strip()!r}."
                )
            tree = ("negative", tree) if negative else tree
        else:
            tree = self._atom()
            if self._sign() == "^":
                self._take()
                tree = ("^", tree, self._exponent())
        self._depth -= 1
        return tree

    def _exponent(self) -> Tree:
        negative = self._sign() == "-" and self._take() == "-"
        tree = self._atom()
        if self._sign() == "^":
            raise NoFormula(
                f"must say by parentheses which ^ comes first; got {self._text.strip()!r}."
            )
        return ("negative", tree) if negative else tree

    def _atom(self) -> Tree:
        if self._next == len(self._tokens):
            raise NoFormula(f"must be a whole expression; got {self._text.strip()!r}.")
        kind, token = self._tokens[self._next]
        if kind == "number":
            self._next += 1
            return ("number", float(token))
        if kind == "name":
            self._next += 1
            if self._sign() != "(":
                return ("name", token)
            if token not in FUNCTIONS:
                known = ", ".join(sorted(FUNCTIONS))
                raise NoFormula(f"must have only the functions {known}; got {token}(...).")
            return ("call", token, self._bracket())
        if token == "(":
            return self._bracket()
        raise self._unexpected()

    def _bracket(self) -> Tree:
        self._take()
        tree = self._level(0)
        if self._sign() != ")":
            raise self._unexpected()
        self._take()
        return tree

    def _sign(self) -> str:
        at_sign = self._next < len(self._tokens) and self._tokens[self._next][0] == "sign"
        return self._tokens[self._next][1] if at_sign else ""

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _unexpected(self) -> NoFormula:
        if self._next == len(self._tokens):
            return NoFormula(f"must be a whole expression; got {self._text.strip()!r}.")
        return NoFormula(
            f"must be an expression of LEMS; got {self._tokens[self._next][1]!r} where none can "
            f"be, in {self._text.strip()!r}."
        )

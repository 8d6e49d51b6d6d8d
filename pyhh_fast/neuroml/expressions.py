"""Functions of V or of a concentration that are data: expressions of LEMS and their constants."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.neuroml import formulas, texts
from pyhh_fast.neuroml.formulas import Tree

Function = Callable[[Any], Any]
"""A form of :mod:`pyhh_fast.rate_forms`, or an expression."""

Case = tuple[str, str]
"""A condition, empty where there is none, and a value."""

_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(np, name) for name in formulas.FUNCTIONS - {"ln", "H"}},
    "ln": np.log,
    "H": lambda x: np.where(x < 0, 0.0, 1.0),
}

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    ".gt.": np.greater,
    ".lt.": np.less,
    ".geq.": np.greater_equal,
    ".leq.": np.less_equal,
    ".eq.": np.equal,
    ".neq.": np.not_equal,
    ".and.": np.logical_and,
    ".or.": np.logical_or,
}


@dataclasses.dataclass(frozen=True, repr=False)
class Expression:
    """A function of one variable, in the expressions of LEMS.

    Values are in mV, ms, mM and what follows from them. Two are equal where all their parts are.

    Parameters
    ----------
    lines : tuple of (name, cases)
        Derived variables in the order in which they are evaluated; the last is the value. Cases
        are pairs of a condition and a value, of which the first counts whose condition holds; an
        empty condition always does.
    constants : tuple of (name, float)
    functions : tuple of (name, callable)
        Functions of the same variable that lines refer to.
    variable : str, default "v"
        What it is a function of.
    """

    lines: tuple[tuple[str, tuple[Case, ...]], ...]
    constants: tuple[tuple[str, float], ...] = ()
    functions: tuple[tuple[str, Function], ...] = ()
    variable: str = "v"

    def __post_init__(self) -> None:
        trees = tuple(
            (name, tuple((_condition(condition), formulas.parse(value)) for condition, value in cs))
            for name, cs in self.lines
        )
        object.__setattr__(self, "_trees", trees)

    def __call__(self, x: Any) -> Any:
        """Return the value at x, a number or an array; NaN where no case holds."""
        with np.errstate(all="ignore"):
            given = np.asarray(x, np.float64)
            known: dict[str, Any] = dict(self.constants) | {self.variable: given}
            known |= {name: function(given) for name, function in self.functions}
            trees: Any = vars(self)["_trees"]
            for name, cases in trees:
                known[name] = _chosen(cases, known)
            values = np.broadcast_to(known[self.lines[-1][0]], given.shape).astype(np.float64)
        return values if given.ndim else float(values)

    def __repr__(self) -> str:
        trees: Any = vars(self)["_trees"]
        text = texts.written(trees, dict(self.constants), self.variable)
        functions = ", ".join(f"{name} = {function!r}" for name, function in self.functions)
        joint = "" if not functions else ", " if " with " in text else " with "
        return f"<{text}{joint}{functions}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.lines, self.constants, self.functions, self.variable)

    def at(self, name: str, value: float, variable: str) -> "Expression":
        """Return the function of `variable` that it is where its own, `name`, has this value."""
        return dataclasses.replace(
            self, constants=(*self.constants, (name, value)), variable=variable
        )


def expression(text: str, *, variable: str = "v", **constants: float) -> Expression:
    """Return a function of V, or of a concentration, that is data and can be written to files.

    Parameters
    ----------
    text : str
        In the language of LEMS: numbers, names, ``+ - * / ^``, and functions as ``exp``.
    variable : str, default "v"
        "v", in mV, or "caConc", in mM: what it is a function of.
    **constants : float
        Numbers, by the names that they have in the text.

    Returns
    -------
    Expression
        Takes and returns a number or an array.

    Raises
    ------
    TypeError
        If `text` is no text, or a constant no number.
    ValueError
        If `text` is no expression, or depends on something else; if `variable` is no such name.

    Examples
    --------
    >>> from pyhh_fast import Gate
    >>> from pyhh_fast.neuroml import expression
    >>> from pyhh_fast.rate_forms import sigmoid
    >>> tau = expression("longest / (3.3 * exp((v + 35) / 20) + exp(-(v + 35) / 20))", longest=1000)
    >>> round(tau(-35), 3)
    232.558
    >>> Gate(inf=sigmoid(1, -35, 10), tau=tau).tau
    <1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20))>
    """
    validation.instance("text", text, str, "an expression", "Pass 'exp(v / 10)'.")
    validation.choice("variable", variable, ("v", "caConc"))
    numbers = {key: validation.real_number(key, number) for key, number in constants.items()}
    try:
        names = formulas.names_in(formulas.parse(text))
    except formulas.NoFormula as error:
        raise ValueError(f"text {error}") from None
    if unknown := names - {variable, *numbers}:
        known = ", ".join([variable, *numbers])
        raise ValueError(
            f"text must depend on {known} alone; got {', '.join(sorted(unknown))}. Pass constants "
            "by name."
        )
    used = tuple((key, number) for key, number in numbers.items() if key in names)
    return Expression((("value", (("", " ".join(text.split())),)),), used, (), variable)


def constant(name: str, value: float) -> Expression:
    """Return the function that always has this value."""
    return Expression(((name, (("", name),)),), ((name, value),))


def value_of(tree: Tree, known: Mapping[str, Any]) -> Any:
    """Return the value of a tree with NumPy's functions; raise KeyError for an unknown name."""
    kind, *parts = tree
    if kind == "number":
        return parts[0]
    if kind == "name":
        return known[parts[0]]
    if kind == "call":
        return _FUNCTIONS[parts[0]](value_of(parts[1], known))
    if kind == "negative":
        return -value_of(parts[0], known)
    return _OPERATORS[kind](value_of(parts[0], known), value_of(parts[1], known))


def _condition(text: str) -> Tree | None:
    return formulas.parse(text) if text else None


def _chosen(cases: Any, known: Mapping[str, Any]) -> Any:
    """Return the value of the first case whose condition holds, element by element."""
    if len(cases) == 1 and cases[0][0] is None:
        return value_of(cases[0][1], known)
    chosen: Any = np.nan
    for condition, value in reversed(cases):
        holds = True if condition is None else value_of(condition, known)
        chosen = np.where(holds, value_of(value, known), chosen)
    return chosen

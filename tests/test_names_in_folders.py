"""Names of gates and channels are in variables.py, what is special to them in one file of analysis.

So a membrane with other gates and channels needs no change in these folders.
"""

import ast
import re
from pathlib import Path

import pytest

import pyhh_fast

PACKAGE = Path(pyhh_fast.__file__).parent
FOLDERS = ("analysis", "engine", "storage", "sweeps", "plotting", "cli")
SPECIAL = "analysis/hodgkin_huxley.py"
NAMES = re.compile(
    r"\b(gNa|gK|gKleak|ENa|EK|EKleak|INa|IK|IKleak|StateM|StateH|StateN|g_Na|g_K|I_Na|I_K)\b"
)
GATES = {"m", "h", "n"}
FILES = [
    file
    for folder in FOLDERS
    for file in sorted((PACKAGE / folder).rglob("*.py"))
    if file != PACKAGE / SPECIAL
]


def names_in(node):
    """Return the names, attributes, arguments and texts below a node, each as one word."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.arg):
            found.add(part.arg)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
    return found


def gates_by_name(source):
    """Return the lines of statements, displays and arguments that name all three gates."""
    kinds = (ast.Assign, ast.For, ast.comprehension, ast.Tuple, ast.List, ast.Set, ast.Dict)
    return sorted(
        {
            getattr(node, "lineno", 0)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, (*kinds, ast.arguments))
            and names_in(node.target if isinstance(node, ast.For) else node) >= GATES
        }
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_gate_or_channel_is_named(file):
    source = file.read_text(encoding="utf-8")
    named = [line.strip() for line in source.splitlines() if NAMES.search(line)]
    assert named == []
    assert gates_by_name(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "V, m, h, n = state",
        "for name, (m, h, n) in found: pass",
        "x = [m + h + n for m, h, n in rows]",
        "gates = ('m', 'h', 'n')",
        "gates = model.m, model.h, model.n",
        "colours = {'m': 1, 'h': 2, 'n': 3}",
        "def f(V, m, h, n): pass",
        "f((V, _, (_, m), (_, h), (_, n)))",
    ],
)
def test_code_that_names_all_gates_is_found(source):
    assert gates_by_name(source) != []


def test_code_that_names_some_gates_is_not_found():
    assert gates_by_name("units = {'min': 1, 'h': 2}; n, m = rows.shape") == []

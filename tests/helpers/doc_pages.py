"""README.md and docs/ as tests read them: their examples, links and headings."""

import ast
import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = next(place for place in Path(__file__).parents if (place / "pyproject.toml").exists())
README = ROOT / "README.md"
DOCS = ROOT / "docs"
"""Missing where the tests were copied out of the tree, to test an installed package."""

BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    line: int
    text: str


def pages():
    """Return README.md and all pages of docs/."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def blocks(page):
    """Return the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [Block(m[1], text.count("\n", 0, m.start(2)), m[2]) for m in BLOCK.finditer(text)]


def run(page, command, package=None):
    """Run the examples of a page in order: Python in one namespace, and calls of pyhh-fast.

    A comment on the lines below a statement that prints, or an expression, is what it must print,
    with ``...`` for anything. Blocks in another language than "python" and "sh" do not run, but
    those in "py" that import `package`, which is no dependency. Return what the page defines.
    """
    namespace = {"__name__": "a_page_of_the_documentation"}
    for block in blocks(page):
        wanted = re.search(rf"^(import|from) {package}\b", block.text, re.M)
        if block.language == "python" or (block.language == "py" and wanted):
            run_python(block, page, namespace)
        elif block.language == "sh":
            for line in block.text.splitlines():
                program, *arguments = shlex.split(line, comments=True) or [""]
                if program == "pyhh-fast":
                    assert command(arguments) == 0, f"{page}: {line}"
    return namespace


def run_python(block, page, namespace):
    """Run a block of Python, and compare what its statements print with the comments below."""
    source = "\n" * block.line + block.text  # so that tracebacks name lines of the page
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), page, "eval"), namespace)
                if value is not None:
                    print(repr(value))
            else:
                exec(compile(ast.Module([statement], []), page, "exec"), namespace)
        expected, got = comment_below(lines, statement.end_lineno), printed.getvalue()
        if expected and got and not doctest.OutputChecker().check_output(expected, got, OPTIONS):
            raise AssertionError(f"{page}:{statement.lineno} printed\n{got}and not\n{expected}")


def comment_below(lines, line):
    """Return the text of the comment lines that follow number `line`."""
    text = ""
    while line < len(lines) and lines[line].startswith("#"):
        text += lines[line][2:] + "\n"
        line += 1
    return text


def anchors(page):
    """Return the anchors that GitHub gives the headings of a page."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return found


def paths(page):
    """Return the paths of this repository that stand in the text of a page as code."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return re.findall(r"`((?:src|pyhh_fast|tests|benchmarks|docs|\.ci)/[\w./]*)", text)


def layout():
    """Return the files and folders in the tree that README.md shows."""
    text = README.read_text(encoding="utf-8")
    (tree,) = re.findall(r"^## Layout\n\n((?: +.*\n)+)", text, re.M)
    return re.findall(r"[\w./]+(?:/|\.py\b)", tree)


def links(page):
    """Return the targets of the links and images of a page that lie in this repository."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [one for one in LINK.findall(text) if not re.match(r"[a-z]+:", one)]

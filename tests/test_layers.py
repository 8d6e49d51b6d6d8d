"""Imports point one way: each module imports from its own layer's folder and from layers below.

Imports inside functions and under TYPE_CHECKING count as well.
"""

import ast
import graphlib
from pathlib import Path

import pytest

import pyhh_fast

PACKAGE = Path(pyhh_fast.__file__).parent

LAYERS = [  # from the lowest; what stands in one line does not import from one another
    ["_version", "typing"],
    ["errors", "system"],
    ["validation"],
    ["stimuli", "features"],
    ["in_neuroml", "rate_forms", "rate_tables", "methods", "root_search", "variables"],
    ["settings"],
    ["cells"],
    ["recording", "models", "channels"],
    ["neurons", "neuroml"],
    ["population_recording", "trace_arrays"],
    ["to_xarray"],
    ["kinetics"],
    ["equilibria"],
    ["engine"],
    ["storage", "neuron_simulation", "runs_of_many"],
    ["neuron_populations", "stored_simulation"],
    ["clamped_simulation"],
    ["simulations", "populations"],
    ["analysis", "inference"],
    ["sweeps", "plotting"],
    ["cli"],
    ["__main__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

FORWARDS = {  # methods that users expect on an object, with the import inside
    ("channels.channel", "channels.descriptions"),  # pickling
    ("channels.gate", "channels.descriptions"),
    ("in_neuroml", "neuroml.reading"),
    ("in_neuroml", "neuroml.writing"),
    ("channels.neuron", "channels.descriptions"),
    ("channels.neuron", "equilibria.neurons"),  # rest
    ("models.hh_model", "equilibria.starts"),  # at_rest, steady
    ("models.hh_model", "models.copies"),  # copy.copy
    ("models.hh_model", "models.names"),  # names of arguments, checked by what knows subclasses
    ("models.hh_model", "models.plausibility"),
    ("population_recording", "to_xarray"),
    ("recording", "analysis.error_estimate"),  # estimate_error
    ("recording", "plotting"),  # plot
    ("stimuli.base", "plotting"),  # plot
    ("stimuli.neuroml", "neuroml.reading"),
}


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_by(path):
    """Return the modules of the package, but for compiled ones, that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.rpartition(".")[::2]) for alias in node.names]
        for parent, name in names:
            if parent.partition(".")[0] != "pyhh_fast":
                continue
            inner = f"{parent}.{name}".removeprefix("pyhh_fast.")
            found.add(inner if inner in MODULES else inner.rpartition(".")[0])
    return {name for name in found if name and not name.startswith("_")}


IMPORTS = {name: imported_by(path) for name, path in MODULES.items() if name}


def layer(name):
    return name.partition(".")[0]


def test_every_module_has_its_layer():
    assert {layer(name) for name in IMPORTS} == set(RANK)


@pytest.mark.parametrize("name", IMPORTS)
def test_imports_point_down(name):
    upward = {
        (name, other)
        for other in IMPORTS[name]
        if layer(other) != layer(name) and RANK[layer(other)] >= RANK[layer(name)]
    }
    assert upward <= FORWARDS


def test_every_forward_is_needed():
    assert FORWARDS == {(name, other) for name, other in FORWARDS if other in IMPORTS[name]}


def test_no_circle_among_modules():
    graph = {
        name: {other for other in others if (name, other) not in FORWARDS}
        for name, others in IMPORTS.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which shows the circle


def test_a_folder_has_about_a_dozen_modules():
    for folder in PACKAGE.rglob("*/"):
        assert len(list(folder.glob("*.py"))) <= 19, folder

"""What is built, what is shipped, and that neither is ever older than the sources."""

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import pyhh_fast

ROOT = Path(__file__).parents[1]

if not (ROOT / "src").is_dir():
    pytest.skip("the tests were copied out of the source tree", allow_module_level=True)

SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
BUILD = f"build/lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"  # setuptools' own
STRAYS = [
    *("src/stray.c", "src/stray.so", "tests/stray.so", "benchmarks/stray.png", "stray.py"),
    *("pyhh_fast/stray.c", "pyhh_fast/stray.so", "pyhh_fast/stray.txt", "demo.png"),
    f"{BUILD}/pyhh_fast/stray.py",
]


def files(root, *patterns):
    return {path.relative_to(root).as_posix() for p in patterns for path in root.glob(p)}


PACKAGE = files(ROOT, "pyhh_fast/**/*.py", "pyhh_fast/*.pyi", "pyhh_fast/py.typed")


@pytest.fixture
def tree(tmp_path):
    """A copy of the source tree in which nothing was built."""
    leftovers = shutil.ignore_patterns(".*", "*.so", "*.pyd", "*.egg-info", "build", "dist")
    return Path(shutil.copytree(ROOT, tmp_path / "tree", ignore=leftovers))


def change(path, text):
    """Append to a file without it getting younger."""
    age = path.stat()
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    os.utime(path, ns=(age.st_atime_ns, age.st_mtime_ns - 10**12))


def change_text(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def put_strays(tree):
    """Put files in a tree that belong to no distribution."""
    for stray in STRAYS:
        (tree / stray).parent.mkdir(parents=True, exist_ok=True)
        (tree / stray).write_text("not ours\n")


def output(*arguments, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(what, tree, **environment):
    """Do as pip does with `what` ("sdist", "wheel" or "editable"); return the path of the result.

    Only the making of an environment for it is left out.
    """
    pytest.importorskip("Cython", reason="building needs the group 'dev'")
    code = f"from setuptools import build_meta; print(build_meta.build_{what}('dist'))"
    return tree / "dist" / output("-c", code, cwd=tree, **environment).splitlines()[-1]


def test_kernels_older_than_their_sources_stop_the_tests(tree):
    (tree / "tests/test_nothing.py").write_text("def test_nothing(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_nothing.py"]
    shutil.rmtree(tree / "pyhh_fast")  # leaves the one that is installed
    assert "1 passed" in output(*command[1:], cwd=tree)
    change(tree / "src/hh_math.h", "\n")
    stopped = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert stopped.returncode == pytest.ExitCode.USAGE_ERROR
    assert stopped.stderr.strip() == (
        "ERROR: The compiled kernels are older than src/. Run: pip install -e ."
    )


def test_first_of_each_leaves_out_other_parameters():
    names = ["a.py::f[1]", "a.py::f[2]", "a.py::g", "b.py::f[1]", "b.py::f[x[2]]"]
    items, others = [SimpleNamespace(nodeid=name) for name in names], []
    hook = SimpleNamespace(pytest_deselected=lambda items: others.extend(items))
    config = SimpleNamespace(option=SimpleNamespace(first_of_each=True), hook=hook)
    runpy.run_path(str(ROOT / "tests/conftest.py"))["pytest_collection_modifyitems"](config, items)
    assert [one.nodeid for one in items] == [names[0], names[2], names[3]]
    assert [one.nodeid for one in others] == [names[1], names[4]]


def test_source_digest_depends_on_all_that_is_compiled_but_not_on_line_ends(tree):
    digest = SETUP["source_digest"]
    digests = [digest(tree)]
    assert digests == [digest(ROOT)]
    header = tree / "src/cpu.h"
    header.write_bytes(header.read_bytes().replace(b"\n", b"\r\n"))
    assert digest(tree) == digests[0]
    for changed in (tree / "setup.py", *(tree / "src").iterdir()):
        change(changed, "\n")
        digests.append(digest(tree))
    assert len(set(digests)) == len(digests)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["editable", "wheel"])
def test_build_never_reuses_an_older_one(tree, what):
    def built(**environment):
        result = build(what, tree, **environment)
        if what == "wheel":
            zipfile.ZipFile(result).extractall(tree / "installed")
        code = "from pyhh_fast import _cpu; print(_cpu.FLAVOUR, _cpu.COMPILER, _cpu.__doc__)"
        return output("-c", code, cwd=tree if what == "editable" else tree / "installed")

    # One kernel, in a package without code, shows it as well as all of them.
    change_text(tree / "setup.py", "\nSTABLE_ABI", '\nKERNELS = {"_cpu": []}\nSTABLE_ABI')
    (tree / "pyhh_fast/__init__.py").write_text("")
    assert built(PYHH_FAST_BUILD="checked").startswith("checked ")
    assert built().startswith("optimised ")
    change(tree / "src/cpu.h", '#undef PYHH_FAST_COMPILER\n#define PYHH_FAST_COMPILER "new.h"\n')
    change(tree / "src/_cpu.pyx", '\n__doc__ = "new.pyx"\n')
    assert built() == "optimised new.h new.pyx\n"


@pytest.mark.slow
def test_distributions_have_the_right_files(tree):
    # Names do not depend on how much the compiler optimises; its time does.
    change_text(tree / "setup.py", '"-O3"', '"-O0"')
    put_strays(tree)
    sdist = build("sdist", tree)
    with tarfile.open(sdist) as archive:
        shipped = {f.name.partition("/")[2] for f in archive if f.isfile()}
        archive.extractall(tree / "unpacked", filter="data")
    assert {name for name in shipped if ".egg-info/" not in name} == (
        {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"}
        | {"CITATION.cff", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md"}
        | {"PKG-INFO", "setup.cfg"}  # setuptools' own
        | PACKAGE
        | files(ROOT, "src/*.pyx", "src/*.pxi", "src/*.pxd", "src/*.h")
        | files(ROOT, "tests/**/*.py", "tests/**/*.c", "tests/**/*.h", "tests/golden/*.json")
        | files(ROOT, "tests/neuroml/**/*.nml", "tests/neuroml/**/*.xml")
        | files(
            ROOT,
            "benchmarks/*.py",
            "benchmarks/*.c",
            "benchmarks/*.md",
            "docs/**/*.md",
            "docs/**/*.png",
        )
    )

    (unpacked,) = (tree / "unpacked").iterdir()
    put_strays(unpacked)
    wheel = build("wheel", unpacked)
    names = set(zipfile.ZipFile(wheel).namelist())
    kernels = {name for name in names if name.endswith((".so", ".pyd"))}
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info/"
    assert {name.removeprefix(info) for name in names - kernels} == PACKAGE | {
        *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"),
        "licenses/LICENSE",
    }
    assert {Path(name).name.partition(".")[0] for name in kernels} == set(SETUP["KERNELS"])
    assert ("-cp311-abi3-" in wheel.name) == SETUP["STABLE_ABI"]


def test_citation_names_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {pyhh_fast.__version__}\n" in citation


def test_unknown_flavour_is_refused(tree):
    refused = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=tree,
        env=os.environ | {"PYHH_FAST_BUILD": "fast"},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("PYHH_FAST_BUILD must be one of ['optimised', 'checked'")

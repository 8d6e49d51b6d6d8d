"""README.md and docs/: every example runs, every link leads somewhere, every page is found."""

import doc_pages
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from doc_pages import DOCS, README, ROOT

import pyhh_fast
from pyhh_fast import features, plotting, stimuli
from pyhh_fast.cli import main as cli

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the tests were copied without docs/")

PAGES = [str(page.relative_to(ROOT)) for page in doc_pages.pages()]


@pytest.mark.parametrize("name", PAGES)
def test_examples_run_and_print_what_they_say(name, tmp_path, monkeypatch):
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    try:
        doc_pages.run(ROOT / name, cli.main)
    finally:
        plt.close("all")


@pytest.mark.parametrize(
    ("comment", "passes"), [("42", True), ("4...", True), ("41", False), ("", True)]
)
def test_comment_below_an_expression_is_compared_with_its_result(comment, passes, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\nx = 6  # ms\nx * 7\n# {comment}\n```\n".replace("# \n", ""))
    if passes:
        doc_pages.run(page, cli.main)
    else:
        with pytest.raises(AssertionError, match=r"page\.md:3 printed\n42\nand not\n41\n"):
            doc_pages.run(page, cli.main)


def test_failing_command_of_a_page_is_reported(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("```sh\npip install nothing\npyhh-fast plot missing.zarr  # a figure\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md: pyhh-fast plot missing\.zarr"):
        doc_pages.run(page, cli.main)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_and_headings(name):
    page = ROOT / name
    for link in doc_pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert not path.startswith("/"), f"{link} is not relative to its page"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert target.exists(), f"there is no {link}"
        assert not anchor or anchor in doc_pages.anchors(target), f"there is no heading {link}"


@pytest.mark.parametrize("name", PAGES)
def test_paths_that_a_page_names_exist(name):
    assert [path for path in doc_pages.paths(ROOT / name) if not (ROOT / path).exists()] == []


def test_paths_in_the_layout_exist():
    folders = (ROOT, ROOT / "pyhh_fast", ROOT / "tests")
    shown = doc_pages.layout()
    assert "engine/" in shown
    assert [name for name in shown if not any((at / name).exists() for at in folders)] == []


def test_every_page_is_in_the_index():
    index = DOCS / "index.md"
    linked = {(DOCS / link).resolve() for link in doc_pages.links(index)}
    assert set(DOCS.rglob("*.md")) - {index} <= linked


def test_every_figure_is_shown():
    shown = {
        (page.parent / link).resolve()
        for page in doc_pages.pages()
        for link in doc_pages.links(page)
    }
    assert set(DOCS.rglob("*.png")) <= shown


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    names = [f"stimuli.{name}" for name in stimuli.__all__]
    names += [f"features.{name}" for name in features.__all__]
    names += [f"plotting.{name}" for name in plotting.__all__]
    names += [name for name in pyhh_fast.__all__ if name != "__version__"]
    assert [name for name in names if f"`{name}" not in text] == []


def test_readme_is_short():
    assert len(README.read_bytes()) <= 9_000

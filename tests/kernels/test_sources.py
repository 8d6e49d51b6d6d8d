"""The sources of the kernels, of which no linter reads all."""

from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"

pytestmark = pytest.mark.skipif(not SOURCES.is_dir(), reason="no sources here")


def test_lines_have_at_most_100_characters():
    paths = sorted(
        path for path in SOURCES.iterdir() if path.suffix in {".h", ".pxd", ".pxi", ".pyx"}
    )
    assert len(paths) > 20
    long = [
        f"{path.name}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > 100
    ]
    assert long == []

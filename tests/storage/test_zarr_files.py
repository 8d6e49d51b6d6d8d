"""Files of a store are written whole or not at all, and never through a link."""

import os
import sys

import pytest

from pyhh_fast.storage import zarr_files

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@posix
@pytest.mark.parametrize("left", ["file", "link", "FIFO"])
def test_unfinished_file_is_replaced_and_links_are_not_followed(tmp_path, left):
    part, thesis = tmp_path / "file.part", tmp_path / "thesis.tex"
    thesis.write_text("all of it")
    if left == "file":
        part.write_text("beginning")
    elif left == "link":
        part.symlink_to(thesis)
    else:
        os.mkfifo(part)
    zarr_files.replace(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert thesis.read_text() == "all of it"
    assert sorted(os.listdir(tmp_path)) == ["file", "thesis.tex"]

"""Only regular files of a bounded size are read; links, pipes and devices are refused."""

import os
import socket
import sys

import pytest

from pyhh_fast.storage import regular_files
from pyhh_fast.storage.regular_files import NotRegular

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def test_file_larger_than_its_bound_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert regular_files.read(file, 5) == b"12345"
    with pytest.raises(NotRegular, match=r"^a file of more than 4 bytes$"):
        regular_files.read(file, 4)
    with pytest.raises(FileNotFoundError):
        regular_files.read(tmp_path / "none", 5)


@posix
@pytest.mark.parametrize("kind", ["link", "broken link", "FIFO", "socket", "device", "directory"])
def test_paths_that_are_not_regular_files_are_refused(tmp_path, monkeypatch, kind):
    path = tmp_path / "it"
    (tmp_path / "file").write_bytes(b"12345")
    if kind == "link":
        path.symlink_to(tmp_path / "file")
    elif kind == "broken link":
        path.symlink_to(tmp_path / "none")
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)  # names of sockets must be short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("it")
    elif kind == "directory":
        path.mkdir()
    else:
        path = "/dev/zero"
    with pytest.raises(NotRegular, match=f"^a {kind.removeprefix('broken ')}$"):
        regular_files.read(path, 10)


def test_sparse_file_takes_no_memory(tmp_path):
    file = tmp_path / "file"
    with file.open("wb") as large:
        large.truncate(2**36)
    with pytest.raises(NotRegular, match=r"^a file of more than 1024 bytes$"):
        regular_files.read(file, 1024)


@posix
def test_file_replaced_by_a_fifo_or_link_meanwhile_is_refused(tmp_path, monkeypatch):
    file, lstat = tmp_path / "file", os.lstat
    for exchange, kind in ((os.mkfifo, "FIFO"), (lambda p: os.symlink("/etc/passwd", p), "link")):
        file.write_bytes(b"12345")

        def exchanged(path, exchange=exchange):
            found = lstat(path)
            os.unlink(path)
            exchange(path)
            return found

        with monkeypatch.context() as patch:
            patch.setattr(os, "lstat", exchanged)
            with pytest.raises(NotRegular, match=f"^a {kind}$"):
                regular_files.read(file, 10)
        file.unlink()


@posix
def test_links_instead_of_directories_are_refused(tmp_path):
    (tmp_path / "store/array/c").mkdir(parents=True)
    store = tmp_path / "store"
    regular_files.check_directories(store, store / "array/c")
    (store / "array").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        regular_files.check_directories(store, store / "array/c")
    (store / "array").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotRegular, match=r"^a link instead of the directory array$"):
        regular_files.check_directories(store, store / "array/c")
    (tmp_path / "link").symlink_to(store)  # the way to a store may lead over links
    (store / "array").unlink()
    (store / "array").write_bytes(b"")
    with pytest.raises(NotRegular, match=r"^a file instead of the directory array$"):
        regular_files.check_directories(tmp_path / "link", tmp_path / "link/array/c")


def test_buffer_is_no_larger_than_the_file(tmp_path):
    (tmp_path / "small").write_bytes(b"42")
    assert regular_files.read(tmp_path / "small", 2**62) == b"42"

"""Reading files that may be anything: only regular files of a bounded size are read.

A link may lead anywhere, a FIFO may never have anything to read, a device may never end, and a
sparse file of 1 kB on disk may claim to have 50 GB.
"""

import errno
import os
import stat
from pathlib import Path

KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}

FLAGS = (
    os.O_RDONLY
    # The first two in case a file is exchanged after it was checked; the last is for Windows.
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class NotRegular(Exception):
    """At a path is no regular file; the text says what it is instead."""


class TooLarge(NotRegular):
    """The file at a path is larger than what is read."""


def read(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes; links are not followed.

    Raise NotRegular if something else is there, or a larger file. Raise OSError if nothing is there
    (FileNotFoundError), or it cannot be read.
    """
    _check(os.lstat(path), most)
    try:
        number = os.open(path, FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise NotRegular(KINDS[stat.S_IFLNK]) from None
        raise
    with open(number, "rb") as file:
        size = _check(os.fstat(number), most)
        content = file.read(size + 1)  # not `most`: that much memory would be allocated
    if len(content) > size:
        raise NotRegular("a file that grows while it is read")
    return content


def check_directories(top: Path, directory: Path) -> None:
    """Check that `directory`, and each between it and `top`, is a directory and no link.

    Raise NotRegular if one is something else. Raise FileNotFoundError if one is not there.
    """
    here = top
    for name in directory.relative_to(top).parts:
        here = here / name
        mode = os.lstat(here).st_mode
        if not stat.S_ISDIR(mode):
            kind = KINDS.get(stat.S_IFMT(mode), "a file")
            raise NotRegular(f"{kind} instead of the directory {here.relative_to(top).as_posix()}")


def _check(found: os.stat_result, most: int) -> int:
    """Return the size of a regular file of at most `most` bytes."""
    if not stat.S_ISREG(found.st_mode):
        raise NotRegular(KINDS.get(stat.S_IFMT(found.st_mode), "no regular file"))
    if found.st_size > most:
        raise TooLarge(f"a file of more than {most} bytes")
    return found.st_size

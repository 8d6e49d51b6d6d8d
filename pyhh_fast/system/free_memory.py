"""Whether traces, values and cells that are about to be allocated fit into the free memory.

Linux grants memory that it does not have, and kills the process when it is written to. There, what
is free without swapping, the limits of control groups and that of the process are respected; on
other POSIX systems, all physical memory, used or not; on Windows, which refuses at once what it
cannot grant, nothing is checked.
"""

import os
import sys

CHECKED_FROM = 100_000_000
"""Bytes; less is allocated without a check, which takes up to 1 ms."""

CGROUPS = "/sys/fs/cgroup"

# Files with the limit, with what is used, and the entry of memory.stat with what can be reclaimed.
VERSION_2 = ("memory.max", "memory.current", "inactive_file")
VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def check(need: int, name: str, advice: str) -> None:
    """Refuse an allocation of `need` bytes for `name` that does not fit into the free memory.

    Raise MemoryError if less is free.
    """
    if need < CHECKED_FROM:
        return
    there = free()
    if there is not None and need > there:
        raise MemoryError(
            f"{name} must fit into the free memory; got a need of {_size(need)}, and "
            f"{_size(there)} are free. {advice}"
        )


def _size(size: int) -> str:
    return f"{size / 1e9:.3g} GB"


def free() -> int | None:
    """Return how many bytes this process can still have, or None where the system does not say.

    On Linux, that is the least of what is free without swapping, of what the control groups of the
    process leave and of its own limit (``ulimit -v``); elsewhere on POSIX, all physical memory.
    """
    known = [_of_machine(), *_of_control_groups(), _of_process()]
    return min((size for size in known if size is not None), default=None)


def _of_machine() -> int | None:
    try:
        for line in _text("/proc/meminfo").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def _of_control_groups() -> list[int]:
    """Return what each control group that holds this process, and limits it, leaves."""
    try:
        lines = _text("/proc/self/cgroup").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        files = VERSION_1 if controllers else VERSION_2
        # In a container, the path may be that outside of it: then only its top can be read.
        group = path.strip("/")
        while group:
            found += _of_control_group(os.path.join(CGROUPS, controllers, group), *files)
            group = os.path.dirname(group)
        found += _of_control_group(os.path.join(CGROUPS, controllers), *files)
    return found


def _of_control_group(directory: str, limit: str, used: str, reclaimable: str) -> list[int]:
    try:
        most = int(_text(directory, limit))  # or "max"
        taken = int(_text(directory, used))
        statistics = dict(line.split() for line in _text(directory, "memory.stat").splitlines())
        return [max(0, most - taken + int(statistics.get(reclaimable, 0)))]
    except (OSError, ValueError):
        return []


def _of_process() -> int | None:
    """Return what ``ulimit -v`` leaves."""
    if not sys.platform.startswith("linux"):
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    pages = int(_text("/proc/self/statm").split()[0])
    return max(0, most - pages * os.sysconf("SC_PAGE_SIZE"))


def _text(*path: str) -> str:
    with open(os.path.join(*path), encoding="ascii", errors="replace") as file:
        return file.read()

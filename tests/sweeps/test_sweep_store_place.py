"""The store of a sweep: its lock, its path, full disks and missing directories."""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from store_files import files
from sweep_runs import cut, raises

import pyhh_fast as pyhh
from pyhh_fast.storage import zarr_files
from pyhh_fast.sweeps import run

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")

from sweep_models import Warm  # noqa: E402
from sweep_stores import GNA, small  # noqa: E402

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a store in its place")

same = xarray.testing.assert_identical


HOLD = """
import sys, time
import pyhh_fast as pyhh
from pyhh_fast.sweeps import run

def slow(*arguments):
    print("at work", flush=True)
    sys.stdin.read()

run.compute = slow
pyhh.sweep(pyhh.HHModel.at_rest(), {"gNa": [100, 105, 110, 115, 120]}, 10.0, 0.01, duration=2.0,
           reduce="final_Vm", out=sys.argv[1])
"""


def writes(out):
    advice = "Wait for it, stop it, or name another out."
    return f"{str(out)!r} is being written by another sweep. {advice}"


def test_sweep_in_a_second_process_is_refused(out):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline().strip() == b"at work"
        before = files(out)
        with raises(RuntimeError, writes(out)):
            small(out)
        assert files(out) == before
    finally:
        process.kill()
        process.communicate()
    same(small(out), small(None))  # a dead process's lock does not block


def test_sweep_in_a_second_thread_is_refused(out, monkeypatch):
    compute, begun, end = run.compute, threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        assert end.wait(60)
        return compute(*arguments)

    monkeypatch.setattr(run, "compute", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(small, out)
        assert begun.wait(60)
        with raises(RuntimeError, writes(out)):
            small(out)
        end.set()
        result = first.result()
    same(small(out), result)


@posix
def test_forked_workers_do_not_keep_the_lock(out):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
            result = small(out, executor=pool)
            same(small(out, executor=pool), result)


def test_failed_sweep_releases_the_lock(out, monkeypatch):
    def fails(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "compute", fails)
        with pytest.raises(KeyboardInterrupt):
            small(out)
    with pytest.raises(ValueError, match=r"dt 0\.01 instead of 0\.02"):
        pyhh.sweep(pyhh.HHModel.at_rest(), {"gNa": GNA}, 10.0, 0.02, duration=4.0,
                   reduce="final_Vm", out=out)  # fmt: skip
    same(small(out), small(None))


def after_first_chunk(monkeypatch, act):
    """Do something when a sweep, whose chunks have one point, has computed its second."""
    cut(monkeypatch, 1)
    compute, calls = run.compute, []

    def acting(*arguments):
        calls.append(1)
        if len(calls) == 2:
            act()
        return compute(*arguments)

    monkeypatch.setattr(run, "compute", acting)


def test_relative_path_is_resolved_at_the_call(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    after_first_chunk(monkeypatch, lambda: os.chdir("other"))
    small("sweep.zarr")
    assert not list((tmp_path / "other").iterdir())
    assert len(list((tmp_path / "sweep.zarr/final_Vm/c").iterdir())) == 5


def gone(out):
    return pytest.raises(
        FileNotFoundError,
        match=f"^{re.escape(f'[Errno {errno.ENOENT}] {os.strerror(errno.ENOENT)}. {str(out)!r}')} "
        r"was removed, moved or replaced during the sweep, in whole or in part; nothing more is "
        r"written to it\.: ",
    )


@posix
@pytest.mark.parametrize("change", ["removed", "replaced", "filled anew", "in part"])
def test_replacement_of_the_store_is_not_written_to(out, tmp_path, monkeypatch, change):
    other = tmp_path / "other.zarr"
    small(other, duration=1.0)
    expected = {} if change == "removed" else files(other)

    def act():
        if change == "in part":
            (out / "zarr.json").unlink()
            return
        shutil.rmtree(out)
        if change == "replaced":
            other.rename(out)
        elif change == "filled anew":
            shutil.copytree(other, out)

    after_first_chunk(monkeypatch, act)
    with gone(out):
        small(out)
    if change == "removed":
        assert not out.exists()
    elif change != "in part":
        assert files(out) == expected


@posix
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_full_or_read_only_disk_keeps_completed_chunks(out, monkeypatch, number):
    cut(monkeypatch, 1)
    replace, written = zarr_files.replace, []

    def full(path, *arguments):
        if "c" in path.parts and len(written) == 3:
            raise OSError(number, os.strerror(number))
        written.append(path) if path.match("final_Vm/c/*") else None
        return replace(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(zarr_files, "replace", full)
        action = (
            "free space and" if number == errno.ENOSPC else ("see that it can be read and written,")
        )
        message = (
            f"[Errno {number}] {os.strerror(number)}. What is done is kept in {str(out)!r}: "
            f"{action} call again.: {str(out)!r}"
        )
        with raises(OSError, message):
            small(out)
    with xarray.open_zarr(out) as opened:
        assert np.isfinite(opened.final_Vm).sum() == 3
    same(small(out), small(None))


def test_path_where_no_directory_can_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "sweep.zarr"
    with pytest.raises(
        OSError,
        match=rf"out must be where a directory can be made or written; {re.escape(repr(str(out)))}",
    ):
        small(out)


def test_finished_store_is_read_from_a_read_only_disk(out, monkeypatch):
    expected = small(out, Warm.at_rest())

    def read_only(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(zarr_files, "replace", read_only)
    same(small(out, Warm.at_rest()), expected)


def test_missing_google_crc32c_names_what_to_install(out, monkeypatch):
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    message = "sweep needs google_crc32c. Install it with: pip install 'pyhh_fast[sweep]'"
    with raises(ImportError, message):
        small(out)
    small(None)
    assert not out.exists()

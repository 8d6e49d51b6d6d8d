"""The store of a sweep: damaged or crafted files are refused or computed again."""

import json
import os
import re
import shutil
import sys

import numpy as np
import pytest
from store_files import files
from sweep_runs import raises

from pyhh_fast.storage import zarr_files
from pyhh_fast.sweeps import store

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")

from sweep_models import Warm, peaks  # noqa: E402
from sweep_stores import refused, small  # noqa: E402

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")

same = xarray.testing.assert_identical


def changed(file, *path, to=None):
    """Change a member of a JSON file, or remove it where it is to be nothing."""
    content = json.loads(file.read_text())
    place = content
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    file.write_text(json.dumps(content))


CHUNKS = ("chunk_grid", "configuration", "chunk_shape")

MEMBERS = {
    "whole numbers": (("data_type",), "int64"),
    "text": (("data_type",), "V8"),
    "complex numbers": (("data_type",), "complex128"),
    "bools": (("data_type",), "bool"),
    "objects": (("data_type",), "object"),
    "half as wide": (("data_type",), "float32"),
    "no type": (("data_type",), None),
    "type that is none": (("data_type",), [1]),
    "chunks of none": (CHUNKS, [0]),
    "chunks of less": (CHUNKS, [-1]),
    "huge chunks": (CHUNKS, [2**31]),
    "chunks of more dimensions": (CHUNKS, [5, 1]),
    "chunks of fractions": (CHUNKS, [5.0]),
    "no chunks": (CHUNKS, None),
    "no grid of chunks": (("chunk_grid",), None),
    "shape that is longer": (("shape",), [6]),
    "shape of truth": (("shape",), [True]),
    "no shape": (("shape",), None),
    "other filling": (("fill_value",), 0.0),
    "no checksum": (("codecs",), [zarr_files.BYTES]),
    "big endian": (("codecs", 0, "configuration", "endian"), "big"),
    "no codecs": (("codecs",), None),
    "attributes that are none": (("attributes",), 5),
    "other attributes": (("attributes", "units"), "V"),
    "other dimensions": (("dimension_names",), ["gK"]),
    "no dimensions": (("dimension_names",), None),
    "group": (("node_type",), "group"),
    "other format": (("zarr_format",), 2),
    "other keys": (("chunk_key_encoding", "configuration", "separator"), "."),
    "more": (("more",), {"must_understand": True}),
}


@pytest.mark.parametrize("array", ["gNa", "final_Vm", "diverged_at"])
def test_changed_metadata_are_refused(out, array):
    expected = small(out)
    file = out / array / "zarr.json"
    whole = file.read_bytes()
    for path, to in MEMBERS.values():
        try:
            changed(file, *path, to=to)
        except KeyError:
            continue  # one that this array has not
        if file.read_bytes() == whole:
            continue
        before = files(out)
        if (json.loads(whole), path[0]) == (json.loads(file.read_bytes()), "data_type"):
            continue  # it is that of this array
        got = f"{array}/zarr.json that has (no )?{path[0]}"
        if array == "gNa" and path == ("shape",):
            got = "other values of gNa in its grid"
        with refused(out, got):
            small(out)
        assert files(out) == before
        file.write_bytes(whole)
    same(small(out), expected)


@pytest.mark.parametrize("file", ["zarr.json", "gNa/zarr.json", "final_Vm/zarr.json",
                                  "diverged_at/zarr.json", "rates/zarr.json",
                                  "rates/*/zarr.json"])  # fmt: skip
def test_unreadable_metadata_are_refused(out, file):
    expected = small(out, Warm.at_rest())
    (file,) = out.glob(file)
    whole, name = file.read_bytes(), re.escape(file.relative_to(out).as_posix())
    for content in (
        whole[:-7], b"", bytes(200), b"\xff\xfe" + whole, b"[" * 10**5, b"NaN", b"[]", b"5",
        b"null", b'{"zarr_format": 3}',
    ):  # fmt: skip
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"^out must be a store of .*(; got ).*Name another"):
            small(out, Warm.at_rest())
        assert file.read_bytes() == content
    file.unlink()
    for kind in KINDS:
        put(kind, file, whole)
        with refused(out, rf"a {name} that cannot be read \({KINDS[kind]}\)"):
            small(out, Warm.at_rest())
        os.unlink(file)
    file.write_bytes(whole)
    same(small(out, Warm.at_rest()), expected)


KINDS = {"sparse": "a file of more than 67108864 bytes"}
if sys.platform != "win32":
    KINDS |= {"link": "a link", "link to a device": "a link", "FIFO": "a FIFO"}


def put(kind, path, content):
    """Put something in the place of a file, which has its content."""
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(2**36)
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        elsewhere = path.parent / "elsewhere"
        elsewhere.write_bytes(content)
        path.symlink_to(elsewhere)


@posix
@pytest.mark.parametrize("kind", ["link", "link to a device", "FIFO"])
@pytest.mark.parametrize("array", ["gNa", "final_Vm", "diverged_at", "rates/rows*"])
def test_chunks_that_are_not_regular_files_are_refused(out, kind, array):
    small(out, Warm.at_rest())
    (array,) = out.glob(array)
    (chunk,) = (file for file in (array / "c").rglob("*") if file.is_file())
    whole = chunk.read_bytes()
    chunk.unlink()
    put(kind, chunk, whole)
    name = re.escape(repr(chunk.relative_to(out).as_posix()))
    with refused(out, f"{KINDS[kind]} {name}"):
        small(out, Warm.at_rest())


@posix
@pytest.mark.parametrize("directory", ["final_Vm", "final_Vm/c", "gNa/c", "rates", "rates/rows*"])
def test_links_instead_of_directories_are_refused(out, tmp_path, directory):
    small(out, Warm.at_rest())
    (directory,) = out.glob(directory)
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    name = re.escape(directory.relative_to(out).as_posix())
    with refused(out, f"a link instead of the directory {name}"):
        small(out, Warm.at_rest())


def test_wrong_numbers_of_columns_are_refused(out, monkeypatch):
    options = {"reduce": peaks, "record": ["Vm"]}
    expected = small(out, **options)
    file = out / "peaks/zarr.json"
    whole = file.read_bytes()
    for columns in (0, -1, 2**31, 2**62, 2.0, True, "2", 3):
        content = json.loads(whole)
        for sizes in (content["shape"], content["chunk_grid"]["configuration"]["chunk_shape"]):
            sizes[-1] = columns
        file.write_text(json.dumps(content))
        if columns == 3:  # as a function of the same name might have made it
            with refused(out, r"rows of \(3,\) in peaks, where reduce returned \(2,\)"):
                small(out, **options)
        else:
            with refused(out, "peaks/zarr.json that has shape"):
                small(out, **options)
    file.write_bytes(whole)
    same(small(out, **options), expected)
    shutil.rmtree(out)
    monkeypatch.setattr(store, "MOST_IN_CHUNK", 9)
    with raises(ValueError, "reduce must be a function that returns at most 1 numbers for a cell "
                "where out is given; got 2."):  # fmt: skip
        small(out, **options)


TABLES = {
    "attributes that are none": (("attributes",), 5),
    "other beginning": (("attributes", "first"), -199),
    "wide rows": (("attributes", "width"), 0.5),
    "narrow rows": (("attributes", "width"), 1e-9),
    "repaired text": (("attributes", "repaired"), ["a"]),
    "fewer rows": (("shape", 0), 700),
    "huge": (("shape", 0), 2**62),
    "no shape": (("shape",), None),
    "no sizes": (("shape",), []),
    "whole numbers": (("data_type",), "int64"),
    "no codecs": (("codecs",), None),
    "other group": (None, None),
}


@pytest.mark.parametrize("change", TABLES)
def test_changed_metadata_of_rate_tables_are_refused(out, change):
    small(out, Warm.at_rest())
    path, to = TABLES[change]
    if path is None:
        changed(out / "rates/zarr.json", "attributes", "a", to=1)
    else:
        (file,) = out.glob("rates/*/zarr.json")
        changed(file, *path, to=to)
    with refused(out, "rates/"):
        small(out, Warm.at_rest())


def test_changed_rate_table_is_refused(out):
    expected = small(out, Warm.at_rest())
    (chunk,) = out.glob("rates/*/c/0/0/0")
    whole = chunk.read_bytes()
    for content in (whole[:-8], whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:], b""):
        chunk.write_bytes(content)
        with refused(out, "a table 'rates/.*' that was changed or cut short"):
            small(out, Warm.at_rest())
    chunk.unlink()  # as where the process was killed before it was written
    same(small(out, Warm.at_rest()), expected)
    assert chunk.read_bytes() == whole


def test_random_changes_are_refused_or_repaired(out, tmp_path):
    """Any byte of any file, or its end: it is refused, or computed again."""
    rng = np.random.default_rng(int(os.environ.get("PYHH_FAST_SEED", 0)))
    small(out, Warm.at_rest())
    expected = small(None, Warm.at_rest())
    whole = files(out)
    names = sorted(name for name, content in whole.items() if content is not None)
    kinds = set()
    for _ in range(150):
        name = rng.choice(names)
        content = bytearray(whole[name])
        if rng.random() < 0.2:
            content = content[: rng.integers(len(content))]
        else:
            content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        (out / name).write_bytes(content)
        try:
            result = small(out, Warm.at_rest())
        except ValueError as error:
            told = str(error)
            kinds.add("refused")
        else:
            told = None
            result.attrs["start"] = expected.attrs["start"]  # which may be near
            same(result, expected)
            kinds.add("right")
        assert told is None or told.startswith("out must be a store of ")
        assert told is None or repr(str(out)) in told
        (out / name).write_bytes(whole[name])
    assert kinds == {"refused", "right"}
    assert files(out).keys() == whole.keys()

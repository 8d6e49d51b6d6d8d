"""Damaged or crafted stores of runs, and paths that are no store, are refused."""

import json
import os
import re
import reprlib
import shutil

import pytest
from error_messages import raises
from run_stores import CHUNK_HERE, TABLE, VARIABLES, append, made, unbroken
from store_files import files

from pyhh_fast.storage import stored_tables

xarray = pytest.importorskip("xarray", reason="stores need the extra 'store'")
zarr = pytest.importorskip("zarr", minversion="3.1.3", reason="stores need the extra 'store'")

from pyhh_fast.storage.run_store import RunStore  # noqa: E402


def assert_refused(out, got, *, damaged=True, whole=True):
    """Check the message; not `whole`, `got` is only a part of what it says was found."""
    advice = " Copy it again from where it is whole, or repeat the run." if damaged else ""
    got = re.escape(got) if whole else f".*{re.escape(got)}.*"
    head = re.escape(f"{str(out)!r} must be a store written by run(..., to=...); got ")
    before = files(out)
    for open_store in (RunStore.read, RunStore.open):
        with (
            pytest.raises(ValueError, match=rf"^{head}{got}\.{re.escape(advice)}$"),
            open_store(out) as store,
        ):
            [store.values(name) for name in VARIABLES]
    assert files(out) == before


def test_path_that_is_no_store_is_refused(out):
    assert_refused(out, "a path where nothing is", damaged=False)
    out.touch()
    assert_refused(out, "a file", damaged=False)
    out.unlink()
    out.mkdir()
    assert_refused(out, "a directory without zarr.json", damaged=False)
    shutil.rmtree(out)
    xarray.Dataset({"x": ("t", [1.0])}).to_zarr(out, zarr_format=3, consolidated=False)
    assert_refused(out, "something else", damaged=False)


def change_root_metadata(out, change):
    content = json.loads((out / "zarr.json").read_text())
    outcome = change(content)
    (out / "zarr.json").write_text(json.dumps(content if outcome is None else outcome))


def test_later_format_is_refused(out):
    made(out)
    change_root_metadata(out, lambda content: content["attributes"].update(run_store=2))
    assert_refused(out, "one of format 2, of another version of pyhh_fast", damaged=False)


def metadata_of(content, name="Vm"):
    return content["consolidated_metadata"]["metadata"][name]


def setting(*path):
    *way, last, value = path

    def change(content):
        at = metadata_of(content)
        for key in way:
            at = at[key]
        at[last] = value

    return change


def renaming(name, old="Vm"):
    def change(content):
        listed = content["consolidated_metadata"]["metadata"]
        listed[name] = listed.pop(old)

    return change


def replacing(metadata):
    return lambda content: content["consolidated_metadata"]["metadata"].update(Vm=metadata)


TABLE_KEY = "rates/rows_-1_to_0"


def setting_of_table(key, value):
    return lambda content: metadata_of(content, TABLE_KEY).update({key: value})


BLOSC = {"name": "blosc", "configuration": {"cname": "zstd"}}
CHUNK = ("chunk_grid", "configuration", "chunk_shape")
ROWS = "an array 'Vm' along 'time', of {} rows in chunks of {}"
ATTRIBUTES = {"first": -1, "width": 0.25, "repaired": []}
CRAFTED = {
    "dtype": (setting("data_type", "float32"), "has data_type 'float32' instead of 'float64'"),
    "object": (setting("data_type", "object"), "has data_type 'object' instead of 'float64'"),
    "pickle": (setting("codecs", [{"name": "numcodecs.pickle"}]), "has codecs"),
    "no codecs": (setting("codecs", []), "has codecs []"),
    "zstd": (setting("codecs", 1, BLOSC), "has codecs"),
    "level": (setting("codecs", 1, "configuration", "clevel", 9), "has codecs"),
    "long": (setting("shape", [2**60]), ROWS.format(2**60, 8)),
    "long by few": (setting("shape", [21]), "one with arrays of different lengths"),
    "negative": (setting("shape", [-1]), ROWS.format(-1, 8)),
    "fraction": (setting("shape", [20.0]), ROWS.format(20.0, 8)),
    "true": (setting("shape", [True]), ROWS.format(True, 8)),
    "text": (setting("shape", "2"), ROWS.format("'2'", 8)),
    "two dimensions": (setting("shape", [20, 1]), "an array 'Vm' that is not described as one"),
    "no shape": (setting("shape", None), "an array 'Vm' that is not described as one"),
    "chunk": (setting(*CHUNK, [2**40]), ROWS.format(20, 2**40)),
    "no chunk": (setting(*CHUNK, [0]), ROWS.format(20, 0)),
    "chunk of a fraction": (setting(*CHUNK, [8.0]), ROWS.format(20, 8.0)),
    "other chunk": (
        setting(*CHUNK, [16]),
        "one with arrays of different lengths, or in different chunks",
    ),
    "grid": (setting("chunk_grid", "name", "odd"), "has chunk_grid"),
    "keys": (setting("chunk_key_encoding", {"name": "v2"}), "has chunk_key_encoding"),
    "transformers": (setting("storage_transformers", [{}]), "has storage_transformers [{}]"),
    "extension": (setting("extension", 1), "has extension 1"),
    "fill": (setting("fill_value", 0), "has fill_value 0 instead of 'NaN'"),
    "no dimension": (setting("dimension_names", None), "that is not described as one"),
    "odd dimension": (setting("dimension_names", ["../x"]), "an array 'Vm' along '../x', of 20"),
    "dimension of a number": (setting("dimension_names", [1]), "an array 'Vm' along 1, of 20"),
    "attributes": (setting("attributes", []), "has attributes [] instead of {}"),
    "attributes of a number": (setting("attributes", 5), "that is not described as one"),
    "no object": (replacing([1]), "an array 'Vm' that is not described as one"),
    "path up": (renaming("../Vm"), "an array '../Vm' along"),
    "path": (renaming("/etc/Vm"), "an array '/etc/Vm' along"),
    "inner path": (renaming("a/b"), "an array 'a/b' along"),
    "two dots": (renaming("a.b.c"), "an array 'a.b.c' along"),
    "dots alone": (renaming(".."), "an array '..' along"),
    "newline": (renaming("Vm\n"), "an array 'Vm\\n' along"),
    "nameless": (renaming(""), "an array '' along"),
    "not there": (renaming("Wm"), "no directory 'Wm'"),
    "table's path": (renaming("rates/../../x"), "a table '../../x' that has shape [20]"),
    "table's name": (renaming("rates/x", TABLE_KEY), "a table 'x' that has dimension_names"),
    "table's rows": (setting_of_table("shape", [2**62, 6, 8]), "that has shape [4611"),
    "table's size": (setting_of_table("shape", [2, 6, 9]), "that has shape [2, 6, 9]"),
    "table's chunk": (setting_of_table("shape", [3, 6, 8]), "that has chunk_grid"),
    "no table": (setting_of_table("shape", None), "that has shape None"),
    "table of text": (setting_of_table("shape", ["2", 6, 8]), "that has shape ['2', 6, 8]"),
    "table's type": (setting_of_table("data_type", "int64"), "that has data_type 'int64'"),
    "table's attributes": (setting_of_table("attributes", None), "and attributes None"),
    "table's beginning": (
        setting_of_table("attributes", ATTRIBUTES | {"first": 0}),
        "a table 'rows_-1_to_0' that has the rows of 'rows_0_to_1'",
    ),
    "table's width": (setting_of_table("attributes", ATTRIBUTES | {"width": 0.2}), "'width': 0.2}"),
    "group": (
        lambda content: metadata_of(content, "rates").update(node_type="array"),
        "no group 'rates'",
    ),
    "no group": (
        lambda content: content["consolidated_metadata"]["metadata"].pop("rates") and None,
        "one without all of its arrays",
    ),
    "no list": (
        lambda content: content.update(consolidated_metadata=None),
        "one without a list of its arrays",
    ),
    "no arrays": (
        lambda content: content["consolidated_metadata"].update(metadata={}),
        "one without all of its arrays",
    ),
}


@pytest.mark.parametrize("craft", CRAFTED)
def test_crafted_metadata_are_refused(out, craft):
    made(out)
    change, got = CRAFTED[craft]
    change_root_metadata(out, change)
    assert_refused(out, got, whole=False)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        (lambda text: text[:-20], r"a zarr\.json that cannot be read \(.*line \d+.*\)"),
        (lambda text: b"", r"a zarr\.json that cannot be read \(.*\)"),
        (lambda text: b"[1]", r"a zarr\.json that cannot be read \(a list instead of an object\)"),
        (lambda text: b"\xff\xfe\x00", r"a zarr\.json that cannot be read \(.*\)"),
        (
            lambda text: b"[" * 100_000,
            r"a zarr\.json that cannot be read \(brackets nested too deep\)",
        ),
        (
            lambda text: b'{"a": ' + b"1" * 400 + b"}",
            r"a zarr\.json that cannot be read \(111111111\.\.\. in it\)",
        ),
        (lambda text: b'{"a": -1e999}', r"a zarr\.json that cannot be read \(-1e999 in it\)"),
        (lambda text: b'{"a": NaN}', r"a zarr\.json that cannot be read \(NaN in it\)"),
    ],
    ids=["short", "empty", "list", "binary", "deep", "digits", "exponent", "NaN"],
)
def test_unreadable_metadata_are_refused(out, text, got):
    made(out)
    (out / "zarr.json").write_bytes(text((out / "zarr.json").read_bytes()))
    for open_store in (RunStore.read, RunStore.open):
        with pytest.raises(ValueError, match=rf"; got {got}\. Copy it again"):
            open_store(out)


def with_header_sizes(chunk, sizes):
    return chunk[:4] + sizes + chunk[8:]


DAMAGED = {
    "short": (lambda chunk: chunk[:-1], "a file '{}' that was cut short"),
    "stub": (lambda chunk: chunk[:9], "a file '{}' that is no chunk of it"),
    "empty": (lambda chunk: b"", "a file '{}' that is no chunk of it"),
    "long": (lambda chunk: chunk + b"x", "a file '{}' that was cut short"),
    "huge": (
        lambda c: with_header_sizes(c, b"\xff\xff\xff\x7f"),
        "a file '{}' that is no chunk of it",
    ),
    "text": (lambda chunk: b"not a chunk at all, but text", "a file '{}' that is no chunk of it"),
}


@pytest.mark.parametrize("file", ["Vm/c/0", "Vm/c/2", "spike_time/c/0"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_chunk_is_refused(out, file, damage):
    made(out)
    change, got = DAMAGED[damage]
    (out / file).write_bytes(change((out / file).read_bytes()))
    assert_refused(out, got.format(file))


def test_undecodable_chunk_is_refused(out):
    """Its header has the right sizes, so that only the codec can notice."""
    made(out, steps=CHUNK_HERE)
    chunk = out / "Vm/c/0"
    content = chunk.read_bytes()
    chunk.write_bytes(b"\xff" * 4 + content[4:16] + b"\xff" * (len(content) - 16))
    head = f"{str(out)!r} must be a store written by run(..., to=...); got "
    head += "a file 'Vm/c/0' that is no chunk of it ("
    with RunStore.read(out) as reader, pytest.raises(ValueError, match=f"^{re.escape(head)}"):
        reader.values("Vm")


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("what", ["Vm", "Vm/c", "rates", "rates/rows_-1_to_0"])
def test_missing_or_linked_directory_is_refused(out, tmp_path, what, link):
    made(out)
    (out / what).rename(tmp_path / "elsewhere")
    before = files(tmp_path / "elsewhere")
    if link:
        (out / what).symlink_to(tmp_path / "elsewhere")
    assert_refused(out, f"no directory {what!r}")
    assert files(tmp_path / "elsewhere") == before


@pytest.mark.parametrize("file", ["Vm/c/0", "Vm/c/2"])
def test_missing_chunk_is_refused(out, file):
    made(out)
    reader = RunStore.read(out)
    (out / file).unlink()
    assert_refused(out, f"no file {file!r}")
    for read in (RunStore.read, RunStore.open, lambda _: reader.values("Vm")):
        with pytest.raises(ValueError, match=f"; got no file '{file}'"):
            read(out)


def test_chunk_under_another_name_is_not_found(out):
    made(out)
    (out / "Vm/c/1").rename(out / "Vm/c/01")
    assert_refused(out, "no file 'Vm/c/1'")
    with pytest.raises(ValueError, match="; got no file 'Vm/c/1'"):
        RunStore.read(out)


@pytest.mark.parametrize("size", [None, 0, 771, 772, 773])
def test_damaged_rate_table_is_refused(out, size):
    made(out)
    file = out / "rates/rows_-1_to_0/c/0/0/0"
    assert file.read_bytes()[:-4] == TABLE.rows.tobytes()  # and a checksum
    file.write_bytes(b"x" * size) if size is not None else file.unlink()
    assert_refused(out, "no whole file 'rates/rows_-1_to_0/c/0/0/0'")


@pytest.mark.parametrize(
    "change",
    [
        {"first": 0.5},
        {"first": None},
        {"first": -10_000},
        {"first": 10_000},
        {"width": 0.2},
        {"width": 0.0},
        {"width": -0.25},
        {"width": 1e-300},
        {"width": 2.0**-10},
        {"width": None},
        {"width": 0.5},
        {"width": 1},
        {"repaired": None},
        {"repaired": [0.5]},
        {"rows": TABLE.rows[:, :5]},
        {"rows": TABLE.rows[0]},
    ],
)
def test_crafted_rate_table_is_refused(change):
    """Otherwise the time loops would read beyond its end."""
    attributes = {"first": -1, "width": 0.25, "repaired": []} | change
    rows = attributes.pop("rows", TABLE.rows)
    assert stored_tables.table_of(TABLE.rows, stored_tables.attributes_of(TABLE))
    got = f"{reprlib.repr(attributes)} and rows of shape {rows.shape}"
    with raises(ValueError, f"a table of rates must be as it was written; got {got}."):
        stored_tables.table_of(rows, attributes)


def test_uncommitted_files_are_removed_at_the_next_opening(out):
    made(out)
    before = files(out)
    for name in ("Vm/zarr.json.part", "zarr.1f.partial", "Vm/c/1.part", "time/c/0.ab.partial"):
        (out / name).touch()
    shutil.copy(out / "Vm/c/0", out / "Vm/c/3")
    shutil.copy(out / "Vm/c/0", out / "Vm/c/7")
    shutil.copytree(out / "rates/rows_-1_to_0", out / "rates/rows_-9_to_0")
    (out / "Vm/zarr.json").write_text("ahead")
    RunStore.open(out).close()
    assert files(out) == before


def test_links_in_a_store_are_not_followed(out, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.part").touch()
    (elsewhere / "thesis.tex").touch()
    made(out)
    (out / "c").symlink_to(elsewhere)
    (out / "rates/more").symlink_to(elsewhere)
    unbroken(tmp_path / "other.zarr", {}, {})
    (tmp_path / "other.zarr/rates").symlink_to(elsewhere)
    RunStore.open(out).close()
    RunStore.open(tmp_path / "other.zarr").close()
    assert len(os.listdir(elsewhere)) == 2
    assert not (out / "rates/more").is_symlink()
    assert not (tmp_path / "other.zarr/rates").is_symlink()


def test_files_and_attributes_added_by_users_are_kept(out):
    made(out)
    zarr.open_group(out, mode="r+").attrs["note"] = "a good run"
    (out / "notes.txt").write_text("a good run")
    (out / "Vm/c/notes.txt").write_text("see chunk 2")
    with RunStore.open(out) as store:
        assert store.attributes == {"step": 20, "note": "a good run"}
        append(store, "time", 1)
        store.commit(store.attributes)
    assert (out / "notes.txt").read_text() == "a good run"
    assert (out / "Vm/c/notes.txt").read_text() == "see chunk 2"

"""Broken and hostile files: each is refused with its place, soon, and nothing is fetched."""

import os
import re
import socket

import pytest
from neuroml_files import LEAK, channel, neuroml, point, population, with_gate

from pyhh_fast import Neuron
from pyhh_fast.neuroml import documents

CELL = LEAK + point()

ENTITIES = [f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10)]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a file made the reader open a connection")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.fixture
def read(tmp_path):
    """A function that reads a file with this content, which is main.nml of a new folder."""

    def read(content, **options):
        kind = {"data": content} if isinstance(content, bytes) else {"data": content.encode()}
        (tmp_path / "main.nml").write_bytes(**kind)
        return Neuron.from_neuroml(tmp_path / "main.nml", **options)

    return read


def refused(read, content, message, **options):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(content, **options)


@pytest.mark.parametrize(
    "declaration",
    [
        f'<!DOCTYPE neuroml [<!ENTITY e0 "ha">{"".join(ENTITIES)}]>',  # a billion laughs
        f'<!DOCTYPE neuroml [<!ENTITY e9 "{"ha" * 100_000}">]>',  # quadratic
        '<!DOCTYPE neuroml [<!ENTITY e9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE neuroml [<!ENTITY e9 SYSTEM "http://127.0.0.1:9/x">]>',
        '<!DOCTYPE neuroml [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
        '<!DOCTYPE neuroml SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE neuroml PUBLIC "-//x" "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_document_types_are_refused_before_an_entity_is_known(read, declaration):
    text = neuroml(CELL.replace('"cell"', '"&e9;"'))
    refused(
        read,
        f"<?xml version='1.0'?>\n{declaration}{text}",
        "main.nml, line 2: the file must have no document type declaration, which may define "
        "entities; got <!DOCTYPE. Remove it.",
    )


def test_schema_locations_are_not_fetched(read):
    place = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a http://h/"'
    text = neuroml(CELL).replace("id=", f"{place} id=", 1)
    assert read(text).parameters["leak.g"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "main.nml must have content; the file is empty."),
        ("<neuroml>\n<cell", "line 2: the file must be XML; got unclosed token, in column 1."),
        ("<neuroml>\n</cell>", "main.nml, line 2: the file must be XML; got mismatched tag"),
        ("<neuroml>\n&e;</neuroml>", "line 2: the file must be XML; got undefined entity"),
        ("<neuroml a='1' a='2'/>", "the file must be XML; got duplicate attribute"),
        ("\0\1\2", "the file must be XML; got "),
        (b"<neuroml id='\xff'/>", "the file must be XML; got not well-formed"),
        ('<?xml version="1.0" encoding="nonsense"?><neuroml/>', "must be "),
        ("<html/>", "main.nml, line 1: <html> must be <neuroml> or <Lems>, the root of such"),
        ("<neuroml/>", "main.nml must have one cell, with what it includes; got 0."),
    ],
)
def test_what_is_no_neuroml_is_refused(read, content, message):
    refused(read, content, message)


def test_deep_nesting_is_refused(read):
    deep = "<a>" * 100_000 + "</a>" * 100_000
    refused(read, neuroml(CELL + deep), "elements must be 64 deep at most; got <a> as the next.")


def test_many_elements_are_refused(read, monkeypatch):
    monkeypatch.setattr(documents, "MOST_ELEMENTS", 1_000)
    refused(read, neuroml("<notes/>" * 1_000), "must be 1,000 in all at most; got <notes> as")
    assert read(neuroml(CELL + "<notes/>" * 990)).area == 1000


def test_elements_of_all_files_count(read, tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_ELEMENTS", 1_000)
    (tmp_path / "more.nml").write_text(neuroml("<a/>" * 600))
    text = neuroml('<include href="more.nml"/>' + CELL + "<a/>" * 600)
    refused(read, text, "more.nml, line 2: elements must be 1,000 in all at most")


def test_large_files_are_refused(read, tmp_path):
    with (tmp_path / "huge.nml").open("wb") as file:
        file.truncate(50 * 2**30)  # it takes no room on the disk
    refused(
        read,
        neuroml('<include href="huge.nml"/>'),
        "main.nml must have 33,554,432 bytes at most, with all that it includes; got more at ",
    )


def test_other_than_regular_files_are_refused(read, tmp_path):
    os.mkfifo(tmp_path / "pipe.nml")
    refused(read, neuroml('<include href="pipe.nml"/>'), "must include a regular file; got ")
    message = "main.nml, line 2: <include> must include a regular file; got "
    refused(read, neuroml('<include href="."/>'), message)


def test_includes_of_each_other_are_read_once(read, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.nml").write_text(neuroml('<include href="../main.nml"/>' + LEAK))
    (tmp_path / "parts/b.nml").write_text(neuroml('<include href="a.nml"/>'))
    includes = '<include href="parts/a.nml"/><include href="parts/../parts/b.nml"/>'
    neuron = read(neuroml(includes + '<include href="main.nml"/>' + point()))
    assert neuron.parameters["leak.g"] == pytest.approx(0.1)


def test_many_files_are_refused(read, tmp_path):
    for i in range(300):
        (tmp_path / f"{i}.nml").write_text(neuroml(""))
    includes = "".join(f'<include href="{i}.nml"/>' for i in range(300))
    refused(read, neuroml(includes), "main.nml must include 256 files at most; got ")


def test_includes_within_includes_are_limited(read, tmp_path):
    for i in range(40):
        (tmp_path / f"{i}.nml").write_text(neuroml(f'<include href="{i + 1}.nml"/>'))
    message = "31.nml, line 2: <include> must be nested 32 deep at most; got '32.nml'."
    refused(read, neuroml('<include href="0.nml"/>'), message)


@pytest.mark.parametrize("href", ["a" * 5_000, "loop.nml"])
def test_files_that_cannot_be_named_are_refused(read, tmp_path, href):
    (tmp_path / "loop.nml").symlink_to("loop.nml")
    message = "main.nml, line 2: <include> must include a file that can be read; got "
    refused(read, neuroml(f'<include href="{href}"/>'), message)


def test_messages_are_short(read):
    with pytest.raises(ValueError) as caught:
        read(neuroml(LEAK + point(C="1" * 1_000_000)))
    assert len(str(caught.value)) < 3_000


@pytest.mark.parametrize(
    "href",
    ["http://127.0.0.1:9/a.nml", "https://h/a.nml", "file:///etc/hosts", "/etc/hosts", "..\\a.nml"],
)
def test_includes_must_be_relative_paths(read, href):
    refused(
        read,
        neuroml(f'\n<include href="{href}"/>'),
        f"main.nml, line 3: <include> must be a path relative to its file; got {href!r}. Copy",
    )


def test_includes_must_be_in_the_folder(tmp_path):
    inner, outside = tmp_path / "cells", tmp_path / "channels"
    inner.mkdir()
    outside.mkdir()
    (outside / "leak.nml").write_text(neuroml(LEAK))
    cell = inner / "cell.nml"
    cell.write_text(neuroml('<include href="../channels/leak.nml"/>' + point()))
    message = (
        f"cell.nml, line 2: <include> must include files in {inner}; got '../channels/leak.nml'. "
        "Pass root=, a folder that has them all, if you trust them."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Neuron.from_neuroml(cell)
    assert Neuron.from_neuroml(cell, root=tmp_path).area == 1000
    assert Neuron.from_neuroml(str(cell), root=str(tmp_path)).area == 1000


def test_links_do_not_lead_out_of_the_folder(read, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}_outside.nml"
    outside.write_text(neuroml(LEAK))
    (tmp_path / "link.nml").symlink_to(outside)
    refused(read, neuroml('<include href="link.nml"/>'), "must include files in ")


def test_missing_includes_are_named_but_for_those_of_lems_itself(read):
    refused(
        read,
        neuroml('<include href="gone.nml"/>'),
        "main.nml, line 2: <include> must include a file that can be read; got [Errno 2] No such "
        "file or directory: ",
    )
    lems = (
        f'<Lems><Include file="Cells.xml"/><Include file="NeuroML2CoreTypes/Simulation.xml"/>{CELL}'
    )
    assert read(lems + "</Lems>").area == 1000


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Neuron.from_neuroml(tmp_path / "gone.nml")


@pytest.mark.parametrize("path", [None, 3, b"cell.nml"])
def test_path_must_be_one(path):
    with pytest.raises(TypeError, match="path must be a path of the local file system; got"):
        Neuron.from_neuroml(path)


def test_urls_are_no_paths():
    with pytest.raises(ValueError, match="path must be a path of the local file system; got 'http"):
        Neuron.from_neuroml("http://127.0.0.1:9/cell.nml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(read, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + neuroml(f"<notes>µA</notes>{CELL}")
    assert read(text.encode(encoding)).area == 1000


def test_prefixed_elements_are_known(read):
    text = re.sub(r"<(/?)([a-z])", r"<\1nml:\2", neuroml(CELL))
    assert read(text.replace("xmlns=", "xmlns:nml=")).area == 1000


def test_types_that_are_declared_twice_are_refused(read):
    twice = '<ComponentType name="a"/>\n<ComponentType name="a"/>'
    message = "line 3: <ComponentType name='a'> must be declared once; also in "
    refused(read, neuroml(twice + CELL), message)


def test_types_that_extend_themselves_are_refused(read):
    types = '<ComponentType name="a" extends="b"/><ComponentType name="b" extends="a"/>'
    gate = '<gate id="n" type="a" instances="1"/>'
    refused(read, with_gate(gate, types), "<ComponentType name='a'> must not extend itself.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            point(),
            "<channelPopulation id='leaks'> must refer to what the file, or what it includes, has; "
            "got 'leak' as ionChannel.",
        ),
        (
            LEAK + "\n" + LEAK + point(),
            "<channelPopulation id='leaks'> must refer to what there is once; got 'leak' as "
            "ionChannel, in ",
        ),
        (LEAK + channel("") + channel("") + point(population()), "to what there is once; got 'K'"),
        (CELL + point(name="other"), "main.nml must have one cell, with what it includes; got 2."),
        (LEAK + point().replace('id="leaks"', ""), None),
        (LEAK + point() + '<network id="leak"/><gapJunction id="leak"/>', None),
        (
            LEAK.replace("leak", "area") + point().replace('"leak"', '"area"'),
            "<pointCellCondBased id='cell'> cannot be declared: the name of a channel must be none",
        ),
        (LEAK + point().replace('ionChannel="leak"', ""), "must have the attribute ionChannel;"),
        (LEAK + point().replace('number="100"', ""), "must have the attribute number; got id, ion"),
        (LEAK + point().replace('number="100"', 'number="many"'), "must have a number without a"),
        (LEAK + point().replace('C="10 pF"', 'C="0 pF"'), "must have a C above 0; got '0 pF'."),
        (LEAK + point().replace('C="10 pF"', 'C="10 pS"'), "must have a number with a unit of cap"),
    ],
)
def test_references_and_attributes_must_be_there(read, content, message):
    if message is None:
        assert read(neuroml(content)).area == 1000
    else:
        refused(read, neuroml(content), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LEAK + point(population("leak") * 20), "must be one of 8 channels at most; got 21."),
        (LEAK + channel("<notes/>" * 200) + point(population()), "must have 100 parts at most; g"),
    ],
)
def test_cells_are_as_large_as_neurons_may_be(read, content, message):
    refused(read, neuroml(content), message)


def test_cells_are_chosen_by_id(read):
    text = neuroml(LEAK + point() + point(C="20 pF", name="other") + '<iafCell id="iaf"/>')
    assert read(text, cell_id="other").area == 2000
    refused(
        read,
        text,
        "main.nml must have one cell, with what it includes; got 3. Pass cell_id=, one of cell, "
        "other, iaf.",
    )
    refused(read, text, "cell_id must be that of a cell in ", cell_id="Other")
    refused(read, text, "<iafCell id='iaf'> must be of the type cell, pointCell", cell_id="iaf")
    with pytest.raises(TypeError, match=r"cell_id must be a text; got 3\."):
        read(text, cell_id=3)


def test_files_of_neuroml_1_are_refused(read):
    text = neuroml(CELL).replace("www.neuroml.org/schema/neuroml2", "morphml.org/neuroml/schema")
    refused(
        read,
        text,
        "main.nml, line 1: <neuroml id='it'> must be in the namespace "
        "http://www.neuroml.org/schema/neuroml2; got 'http://morphml.org/neuroml/schema'. "
        "Convert it from NeuroML 1.",
    )
    refused(
        read,
        text.replace("xmlns", "xmlns:n")
        .replace("neuroml ", "n:neuroml ")
        .replace("</neuroml", "</n:neuroml"),
        "Convert it from NeuroML 1.",
    )


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (
            "<fooBar/>",
            "line 3: <fooBar> must be an element of NeuroML 2, or of a ComponentType in the file "
            "or in what it includes.",
        ),
        ('<pulseGenertor id="p"/>', "it includes. Did you mean pulseGenerator?"),
        ("<include/>", "line 3: <include> must have the attribute href; got none."),
        ('<Include href="a.nml"/>', "line 3: <Include> must have the attribute file; got href."),
    ],
)
def test_elements_that_neuroml_has_not_are_refused(read, element, message):
    refused(read, neuroml(LEAK + "\n" + element + point()), message)


def test_cells_with_one_id_are_both_named(read):
    message = (
        "main.nml, line 5: <pointCellCondBased id='cell'> must have an id of its own; "
        "<pointCellCondBased id='cell'> is in "
    )
    refused(read, neuroml(CELL + "\n" + point()), message)
    refused(read, neuroml(CELL + "\n" + point()), "main.nml, line 2.", cell_id="cell")

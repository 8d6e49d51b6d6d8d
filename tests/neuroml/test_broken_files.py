"""Whatever is done to a file, it gives a neuron, or an error that names the file."""

import re
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neuroml_files import FILES

from pyhh_fast import Neuron, stimuli

TEXTS = {
    path.name: path.read_text(encoding="utf-8")
    for path in [*FILES.glob("*.*ml"), *FILES.glob("channels/*.nml")]
}
WORDS = sorted(
    {
        word
        for text in TEXTS.values()
        for part in text.split('"')
        for word in (part, *part.split())
        if len(word) < 60
    }
)
ODD = [
    "",
    "0",
    "-1",
    "nan",
    "1e400 mV",
    "0 mV",
    "-1 ms",
    "1e-300 S_per_m2",
    "v / 0",
    "caConc",
    "]]>",
]


def whole(name):
    """Return a file with the content of what it includes in its place."""
    text = TEXTS[name]
    if "<include href" not in text:
        return text
    inner = [TEXTS[one] for one in sorted(TEXTS) if one.endswith(".channels.nml")]
    bodies = [one[one.rindex("<neuroml ") : one.rindex("</neuroml>")] for one in inner]
    end = text.rindex("</neuroml>")
    text = text[:end] + "".join(body.partition(">")[2] for body in bodies) + text[end:]
    return re.sub(r'<include href="[^"]*"/>', "", text)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_files_give_a_neuron_or_a_value_error(tmp_path, data):
    """Words of any file, and odd ones, in place of others: tags, ids, types, units, expressions."""
    names = ["pospischil.nml", "lts.nml", "wang_buzsaki.nml", "squid_axon.xml", "warm_axon.nml"]
    name = data.draw(st.sampled_from(names))
    text = whole(name)
    for _ in range(data.draw(st.integers(1, 3))):
        words = [word for part in text.split('"') for word in (part, *part.split())]
        old = data.draw(st.sampled_from(sorted({word for word in words if 0 < len(word) < 60})))
        places = [i for i in range(len(text)) if text.startswith(old, i)]
        at = data.draw(st.sampled_from(places))
        text = text[:at] + data.draw(st.sampled_from(WORDS + ODD)) + text[at + len(old) :]
    path = tmp_path / "it.nml"
    path.write_text(text, encoding="iso-8859-1")
    cell_id = {"pospischil.nml": "IB"}.get(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of kinks, and pools that nothing feeds
        for read in (Neuron.from_neuroml, stimuli.from_neuroml):
            error = None
            try:
                read(path, cell_id)
            except ValueError as found:
                error = str(found)
            assert error is None or str(path) in error


def test_files_are_whole_before_they_are_changed(tmp_path):
    path = tmp_path / "it.nml"
    for name in ("pospischil.nml", "lts.nml"):
        path.write_text(whole(name), encoding="utf-8")
        cell_id = "IB" if name == "pospischil.nml" else None
        assert Neuron.from_neuroml(path, cell_id) == Neuron.from_neuroml(FILES / name, cell_id)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_files_that_end_early_are_refused(tmp_path, name):
    text = TEXTS[name]
    for end in range(1, len(text) - 12, 397):
        path = tmp_path / "it.nml"
        path.write_text(text[:end], encoding="utf-8")
        with pytest.raises(ValueError, match=r"it\.nml, line \d+: the file must be XML; got "):
            Neuron.from_neuroml(path)

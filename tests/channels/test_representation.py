"""How gates, channels and neurons are shown."""

import functools
import html.parser
import pickle

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid


def beta_h(V):
    return sigmoid(1, -28, 10)(V)


def neuron():
    return Neuron(
        Cm=1.5,
        area=28_952.9,
        threshold=0,
        leak=Channel(0.1, E=-65),
        Na=Channel(
            35,
            E=55,
            shift=-2.5,
            m=Gate(
                alpha=linoid(1, -35, 10),
                beta=lambda V: exponential(4, -60, -18)(V),
                power=3,
                instantaneous=True,
            ),
            h=Gate(alpha=exponential(0.07, -58, -20), beta=beta_h, speed=5),
        ),
    )


def test_a_neuron_is_a_table_with_units():
    assert repr(neuron()) == (
        "Neuron: Cm 1.5 µF/cm², area 28952.9 µm², threshold 0 mV\n"
        "channel  g (mS/cm²)  E (mV)  shift (mV)  gate  power  speed          rates\n"
        "leak            0.1     -65\n"
        "Na               35      55        -2.5  m         3  instantaneous  "
        "alpha linoid(1, -35, 10), beta <lambda>\n"
        "                                         h         1  5              "
        "alpha exponential(0.07, -58, -20), beta beta_h"
    )
    assert repr(Neuron(leak=Channel(0.1, E=-65))).splitlines()[0] == "Neuron: Cm 1 µF/cm²"


class Cells(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_html_has_the_same_cells():
    cells = Cells()
    cells.feed(neuron()._repr_html_())
    assert cells.open == []
    header, leak, m, h = cells.rows
    assert header[:4] == ["channel", "g (mS/cm²)", "E (mV)", "shift (mV)"]
    assert leak == ["leak", "0.1", "-65", "", "", "", "", ""]
    assert m[:4] == ["Na", "35", "55", "-2.5"]
    assert m[4:] == ["m", "3", "instantaneous", "alpha linoid(1, -35, 10), beta <lambda>"]
    assert h[4:7] == ["h", "1", "5"]
    assert "<caption>Neuron: Cm 1.5 µF/cm², area" in neuron()._repr_html_()


def test_channels_and_gates_are_shown_as_typed():
    Na = neuron().channels["Na"]
    assert repr(Na.gates["m"]) == (
        "Gate(alpha=linoid(1, -35, 10), beta=<lambda>, power=3, instantaneous=True)"
    )
    assert repr(Na).startswith("Channel(35, E=55, shift=-2.5, m=Gate(alpha=linoid(1, -35, 10), ")
    text = "Channel(9, E=-90, n=Gate(alpha=linoid(0.1, -34, 10), beta=sigmoid(1, 0, 2), speed=0.5))"
    assert repr(eval(text)) == text
    assert repr(Channel(0.1, E=-65)) == "Channel(0.1, E=-65)"


def test_functions_without_a_name_are_shown():
    partial = functools.partial(linoid(1, -35, 10))
    assert repr(Gate(alpha=partial, beta=beta_h)) == f"Gate(alpha={partial!r}, beta=beta_h)"
    again = pickle.loads(pickle.dumps(neuron()))
    assert "alpha linoid(1, -35, 10), beta <tabulated beta>" in repr(again)

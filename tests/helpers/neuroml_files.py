"""Small files of NeuroML for tests: those in tests/neuroml/files, and parts put together."""

from pathlib import Path

FILES = Path(__file__).parents[1] / "neuroml" / "files"

LEAK = '<ionChannelPassive id="leak" conductance="10 pS"/>'

OPENS = '<forwardRate type="HHExpRate" rate="1 per_ms" midpoint="-40 mV" scale="10 mV"/>'
CLOSES = '<reverseRate type="HHExpRate" rate="2 per_ms" midpoint="-60 mV" scale="-20 mV"/>'


def neuroml(content):
    """Return a file with this content."""
    return (
        f'<neuroml xmlns="http://www.neuroml.org/schema/neuroml2" id="it">\n{content}\n</neuroml>'
    )


def channel(gates, name="K", more=""):
    """Return an ion channel with these gates."""
    return f'<ionChannelHH id="{name}" conductance="10 pS" {more}>\n{gates}\n</ionChannelHH>'


def point(populations="", C="10 pF", name="cell"):
    """Return a cell of a point, with a leak and these populations; 100 of 10 pS are 0.1 mS/cm²."""
    leak = '<channelPopulation id="leaks" ionChannel="leak" number="100" erev="-65 mV"/>'
    return (
        f'<pointCellCondBased id="{name}" C="{C}" v0="-65 mV" thresh="0 mV">\n{leak}\n{populations}'
        "</pointCellCondBased>"
    )


def population(name="K", erev="-90 mV"):
    """Return the population of a point's channel, with 1 mS/cm²."""
    return f'<channelPopulation id="{name}s" ionChannel="{name}" number="1000" erev="{erev}"/>\n'


def with_gate(gate, types=""):
    """Return a file with a cell of one gated channel K, and ComponentTypes."""
    return neuroml("\n".join([LEAK, channel(gate), point(population()), types]))


def rate_type(dynamics, name="opening", base="baseVoltageDepRate", more=""):
    """Return a ComponentType with scales of 1 ms and 1 mV."""
    return (
        f'<ComponentType name="{name}" extends="{base}">\n'
        '<Constant name="ms" dimension="time" value="1 ms"/>\n'
        '<Constant name="mV" dimension="voltage" value="1 mV"/>\n'
        f"{more}\n<Dynamics>\n{dynamics}\n</Dynamics>\n</ComponentType>"
    )


def derived(value, name="r"):
    """Return a derived variable."""
    return f'<DerivedVariable name="{name}" exposure="{name}" value="{value}"/>'

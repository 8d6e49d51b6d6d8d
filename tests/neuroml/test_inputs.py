"""Generators and networks as stimuli; cells with other geometries."""

import math
import re

import numpy as np
import pytest
from neuroml_files import FILES, LEAK, neuroml, point

from pyhh_fast import Neuron, stimuli

PULSE = '<pulseGenerator id="pulse" delay="2 ms" duration="3 ms" amplitude="20 pA"/>'
SINE = (
    '<sineGenerator id="wave" phase="0.5" delay="2 ms" duration="7 ms" amplitude="10 pA" '
    'period="4 ms"/>'
)
RAMP = (
    '<rampGenerator id="rise" delay="2 ms" duration="4 ms" startAmplitude="10 pA" '
    'finishAmplitude="50 pA" baselineAmplitude="-5 pA"/>'
)
DT = 0.25
MIDDLES = (np.arange(48) + 0.5) * DT


@pytest.fixture
def read(tmp_path):
    """A function that reads the stimulus of a file with this content."""

    def read(content, *arguments, **options):
        (tmp_path / "it.nml").write_text(neuroml(content))
        return stimuli.from_neuroml(tmp_path / "it.nml", *arguments, **options)

    return read


def values(stimulus):
    return stimulus.to_array(len(MIDDLES), dt=DT)


def pulse(t):
    return np.where((t >= 2) & (t < 5), 2.0, 0)


def wave(t):
    return np.where((t >= 2) & (t < 9), np.sin(0.5 + 2 * math.pi * (t - 2) / 4), 0)


def rise(t):
    return np.where((t >= 2) & (t < 6), 1 + (t - 2), -0.5)


@pytest.mark.parametrize(
    ("generator", "expected"), [(PULSE, pulse), (SINE, wave), (RAMP, rise)], ids=["p", "s", "r"]
)
def test_generators_are_those_of_neuroml(read, generator, expected):
    """By the formulas of its definition, through 1000 µm²: 10 pA are 1 µA/cm²."""
    found = read(generator, area=1000)
    np.testing.assert_allclose(values(found), expected(MIDDLES), atol=1e-13)
    heavier = generator.replace("id=", 'weight="-2.5" id=')
    np.testing.assert_allclose(
        values(read(heavier, area=1000)), -2.5 * expected(MIDDLES), atol=1e-13
    )


def test_pulse_is_a_step_with_exact_edges(read):
    found = read(PULSE.replace("2 ms", "2.1 ms"), area=500)
    assert repr(found) == "step(4, 2.1, 5.1)"
    assert found.duration == 5.1


def test_ramp_ends_where_its_baseline_is_0(read):
    found = read(RAMP.replace("-5 pA", "0 pA"), area=1000)
    assert found.duration == 6
    assert values(found)[24:].tolist() == [0] * 24


def test_compounds_are_sums_of_compounds(read):
    inner = f'<compoundInput id="two" weight="2">{SINE}{RAMP}</compoundInput>'
    found = read(f'<compoundInput id="all">{PULSE}{inner}</compoundInput>', area=1000)
    expected = pulse(MIDDLES) + 2 * (wave(MIDDLES) + rise(MIDDLES))
    np.testing.assert_allclose(values(found), expected, atol=1e-13)
    assert not values(read('<compoundInput id="none"/>', area=1000)).any()


def network(inputs, size=1):
    return (
        LEAK
        + point()
        + point(name="other", C="20 pF")
        + PULSE
        + SINE
        + f'<network id="net"><population id="cells" component="cell" size="{size}"/>'
        + f'<population id="others" component="other" size="1"/>{inputs}</network>'
    )


def inputs_of(name, target="../cells/0/cell"):
    return (
        f'<inputList id="l" component="{name}" population="cells">'
        f'<input id="0" target="{target}" destination="synapses"/></inputList>'
    )


WEIGHTED = (
    '<inputList id="w" component="pulse" population="cells">'
    '<inputW id="0" target="../cells/0/cell" destination="synapses" weight="3"/></inputList>'
)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ('<explicitInput target="cells[0]" input="pulse"/>', pulse),
        ('<explicitInput target="cells/0/cell" input="pulse" destination="synapses"/>', pulse),
        (inputs_of("wave"), wave),
        (inputs_of("wave") + inputs_of("pulse"), lambda t: wave(t) + pulse(t)),
        (WEIGHTED, lambda t: 3 * pulse(t)),
        (inputs_of("wave", "../others/0/other"), lambda t: 0 * t),
    ],
)
def test_networks_give_their_inputs_to_their_cells(read, inputs, expected):
    found = read(network(inputs), "cell")
    np.testing.assert_allclose(values(found), expected(MIDDLES), atol=1e-13)


def test_currents_flow_through_the_area_of_the_cell(read):
    text = network(inputs_of("pulse", "../others/0/other"))
    assert repr(read(text, "other")) == "step(1, 2, 5)"
    assert repr(read(text, "other", area=1000)) == "step(2, 2, 5)"
    assert repr(read(text, "other", input_id="pulse")) == "step(1, 2, 5)"
    assert repr(read(text, input_id="pulse", area=100)) == "step(20, 2, 5)"


def test_cells_of_a_population_must_have_one_input(read):
    two = inputs_of("pulse") + inputs_of("pulse", "../cells/1/cell")
    np.testing.assert_array_equal(values(read(network(two, 2), "cell")), pulse(MIDDLES))
    other = inputs_of("pulse") + inputs_of("wave", "../cells/1/cell")
    message = (
        "<network id='net'> must give one input to all cells 'cell'; got several, to cells[0], "
        "cells[1]. Pass input_id=, that of a generator."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        read(network(other, 2), "cell")
    assert repr(read(network(other, 2), "cell", input_id="pulse")) == "step(2, 2, 5)"


@pytest.mark.parametrize(
    "connection",
    [
        '<projection id="p" presynapticPopulation="others" postsynapticPopulation="cells"/>',
        '<electricalProjection id="p" presynapticPopulation="cells" postsynapticPopulation="x"/>',
        '<synapticConnection from="others[0]" to="cells[0]" synapse="s"/>',
    ],
)
def test_synapses_on_the_cell_are_refused(read, connection):
    message = "must not give currents of synapses to cells, which are not supported. Pass input_id="
    with pytest.raises(ValueError, match=message):
        read(network(connection), "cell")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it.nml must have one cell, with what it includes; got 0. Read the file of the cell."),
        (LEAK + point(), "it.nml must have one input where it has no network; got none. Pass inp"),
        (LEAK + point() + PULSE + SINE, "where it has no network; got pulse, wave. Pass input_id="),
        (
            LEAK + point() + '<voltageClamp id="clamp"/>',
            "<voltageClamp id='clamp'> must be of the ",
        ),
        (
            LEAK + point() + f'<compoundInput id="many">{PULSE * 1_001}</compoundInput>',
            "<compoundInput id='many'> must have 1,000 parts at most; got 1,001.",
        ),
        (
            LEAK + point() + SINE.replace('period="4 ms"', 'period="0 ms"'),
            "<sineGenerator id='wave'> must have a period above 0; got '0 ms'.",
        ),
        (
            LEAK + point() + PULSE.replace("3 ms", "-3 ms"),
            "<pulseGenerator id='pulse'> must have a duration of 0 or more; got -3 ms.",
        ),
        (
            LEAK + point() + PULSE.replace("20 pA", "20 pA_per_cm2"),
            "must have a number with a unit of current as amplitude; got '20 pA_per_cm2'. Units",
        ),
    ],
)
def test_inputs_that_do_not_map_are_refused(read, content, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(content)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            '<explicitInput target="*" input="pulse"/>',
            "must have a target as hhpop[0] or ../hhpop/",
        ),
        ('<explicitInput target="cells[0]" input="gone"/>', "includes, has; got 'gone' as generat"),
        ('<explicitInput target="cells[0]" input="cell"/>', "must be of the type pulseGenerator,"),
    ],
)
def test_networks_that_do_not_map_are_refused(read, inputs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(network(inputs), "cell")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"input_id": "gone"}, ValueError, "input_id must be that of one input in "),
        ({"input_id": 3}, TypeError, "input_id must be a text; got 3."),
        ({"area": 0}, ValueError, "area must be "),
        ({"area": "1"}, TypeError, "area must be "),
    ],
)
def test_arguments(read, options, kind, message):
    with pytest.raises(kind, match=message):
        read(LEAK + point() + PULSE, **options)


def segment(first, last, diameters):
    ends = zip(("proximal", "distal"), (first, last), diameters, strict=True)
    points = "".join(
        f'<{tag} x="{x}" y="{y}" z="{z}" diameter="{d}"/>' for tag, (x, y, z), d in ends
    )
    return f'<segment id="0">{points}</segment>'


@pytest.fixture
def cell_of(tmp_path):
    """A function that reads a cell with these segments."""

    def cell_of(segments, old="", new=""):
        text = (FILES / "wang_buzsaki.nml").read_text()
        begin, end = text.index("<segment "), text.index("</segment>") + len("</segment>")
        path = tmp_path / "cell.nml"
        path.write_text((text[:begin] + segments + text[end:]).replace(old, new, 1))
        return Neuron.from_neuroml(path)

    return cell_of


@pytest.mark.parametrize(
    ("first", "last", "diameters", "area"),
    [
        ((0, 0, 0), (0, 0, 0), (20, 20), 4 * math.pi * 100),
        ((0, 0, 0), (3, 4, 12), (2, 2), math.pi * 2 * 13),
        ((1, 1, 1), (1, 1, 4), (2, 10), math.pi * (1 + 5) * 5),  # a cone: side of 3 and 4
        ((1, 1, 1), (1, 1, 4), (8, 0), math.pi * 4 * 5),
    ],
)
def test_area_of_a_segment(cell_of, first, last, diameters, area):
    assert cell_of(segment(first, last, diameters)).area == pytest.approx(area, rel=1e-15)


ROUND = segment((0, 0, 0), (0, 0, 0), (10, 10))


@pytest.mark.parametrize(
    ("segments", "old", "new", "message"),
    [
        ("", "", "", "<morphology id='ball'> must have one segment, as neurons of one compartment"),
        (ROUND * 2, "", "", "have one segment, as neurons of one compartment have; got 2."),
        ('<segment id="0"/>', "", "", "<segment id='0'> must have one proximal; got 0."),
        (
            segment((0, 0, 0), (0, 0, 0), (1, 2)),
            "",
            "",
            "must have one diameter where its ends are",
        ),
        (segment((0, 0, 0), (0, 0, 0), (0, 0)), "", "", "must have diameters above 0 (µm); got 0"),
        (
            segment((0, 0, 0), (0, 0, 1), (-1, 2)),
            "",
            "",
            "must have diameters above 0 (µm); got -1",
        ),
        (ROUND.replace('"10"', '"10 um"'), "", "", "must have a number without a unit as diameter"),
        (
            ROUND,
            'ion="na"',
            'segmentGroup="axon"',
            "must be for a segmentGroup of its cell; got 'ax",
        ),
        (
            ROUND,
            "<channelDensity ",
            "<channelDensityGHK ",
            "must be no part of <cell id='interneur",
        ),
        (ROUND, "<specificCapacitance ", "<other ", "must have one specificCapacitance; got 0."),
        (ROUND, "<initMembPotential ", "<spikeThresh ", "must have one initMembPotential; got 0."),
        (ROUND, '"1 uF_per_cm2"', '"0 uF_per_cm2"', "cannot be declared: Cm must be "),
        (ROUND, '"35 mS_per_cm2"', '"-1 mS_per_cm2"', "cannot be declared: a channel's g must be"),
    ],
)
def test_cells_that_do_not_map_are_refused(cell_of, segments, old, new, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cell_of(segments, old, new)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            '<explicitInput target="pip[0]" input="pulse"/>',
            "<explicitInput> must refer to a population of its network; got 'pip'. It has cells, ",
        ),
        (
            '<explicitInput target="cells[3]" input="pulse"/>',
            "<explicitInput> must refer to a cell of cells, which has 3; got index 3.",
        ),
        (inputs_of("pulse", "../cells/5/x"), "<input id='0'> must refer to a cell of cells, which"),
        (inputs_of("pulse", "../pop/0/x"), "<input id='0'> must refer to a population of its "),
        (
            inputs_of("pulse").replace('population="cells"', 'population="cell"'),
            "<inputList id='l'> must refer to a population of its network; got 'cell'.",
        ),
        (
            '<population id="more" component="hcell" size="1"/>',
            "<population id='more'> must refer to what the file, or what it includes, has; got 'hc",
        ),
        ('<population id="more" component="cell" size="-1"/>', "<population id='more'> must hav"),
        (
            '<explicitInput target="cells[0]" inputs="x" input="pulse"/>',
            "<explicitInput> must have no attribute inputs, which NeuroML has not. Did you mean in",
        ),
    ],
)
def test_inputs_to_what_is_not_there_are_refused(read, inputs, message):
    with pytest.raises(ValueError, match=r"it\.nml, line \d+: " + re.escape(message)):
        read(network(inputs, 3), "cell")


def test_cells_of_lists_have_the_ids_of_their_instances(read):
    instances = '<instance id="4"/><instance id="7"/>'
    listed = (
        f'<population id="list" type="populationList" component="cell">{instances}</population>'
    )
    given = read(network(listed + inputs_of("pulse", "../list/7/cell")), "cell")
    np.testing.assert_array_equal(values(given), pulse(MIDDLES))
    with pytest.raises(ValueError, match="must refer to a cell of list, which has 2; got index 0"):
        read(network(listed + inputs_of("pulse", "../list/0/cell")), "cell")


def test_generators_have_no_other_attributes(read):
    with pytest.raises(ValueError, match=r"must have no attribute amplitud, .* amplitude\?"):
        read(PULSE.replace("/>", ' amplitud="1 nA"/>'), area=1000)

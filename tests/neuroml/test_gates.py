"""Ion channels and gates of each type, their parts, and what of them is refused."""

import re

import numpy as np
import pytest
from neuroml_files import (
    CLOSES,
    LEAK,
    OPENS,
    channel,
    derived,
    neuroml,
    point,
    population,
    rate_type,
    with_gate,
)

from pyhh_fast import Gate, Neuron
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

V = np.linspace(-110.3, 60.9, 57)
ALPHA, BETA = exponential(1, -40, 10), exponential(2, -60, -20)
STEADY = '<steadyState type="HHSigmoidVariable" rate="1" midpoint="-30 mV" scale="-7 mV"/>'
FIXED = '<timeCourse type="fixedTimeCourse" tau="0.003 s"/>'
COURSE = '<timeCourse type="course"/>'


@pytest.fixture
def read(tmp_path):
    """A function that reads a file with this content."""

    def read(content, **options):
        (tmp_path / "it.nml").write_text(content)
        return Neuron.from_neuroml(tmp_path / "it.nml", **options)

    return read


def gate_of(read, kind, parts, types="", **options):
    """Return the gate with these parts."""
    text = f'<{kind} id="n" instances="2">\n{parts}\n</{kind}>'
    return read(with_gate(text, types), **options).channels["K"].gates["n"]


def test_rates(read):
    assert gate_of(read, "gateHHrates", OPENS + CLOSES) == Gate(alpha=ALPHA, beta=BETA, power=2)


def test_time_course_and_steady_state(read):
    gate = gate_of(read, "gateHHtauInf", FIXED + STEADY)
    assert (gate.inf, gate.power, gate.speed) == (sigmoid(1, -30, -7), 2, 1)
    np.testing.assert_array_equal(gate.tau(V), np.full(V.shape, 3.0))
    assert repr(gate.tau) == "<3>"


def test_instantaneous(read):
    gate = gate_of(read, "gateHHInstantaneous", STEADY)
    assert gate == Gate(inf=sigmoid(1, -30, -7), power=2, instantaneous=True)


def test_rates_and_steady_state(read):
    gate = gate_of(read, "gateHHratesInf", OPENS + CLOSES + STEADY)
    assert gate.inf == sigmoid(1, -30, -7)
    np.testing.assert_allclose(gate.tau(V), 1 / (ALPHA(V) + BETA(V)), rtol=1e-14)


def test_rates_and_time_course_of_them(read):
    """As in the granule cell: tau depends on alpha and beta, and has a least value."""
    course = rate_type(
        '<DerivedVariable name="own" value="1 / (alpha + beta)"/>'
        '<ConditionalDerivedVariable name="t" exposure="t" dimension="time">'
        '<Case condition="own / ms .lt. 0.125" value="0.125 * ms"/><Case value="own"/>'
        "</ConditionalDerivedVariable>",
        "course",
        "baseVoltageDepTime",
        '<Requirement name="alpha" dimension="per_time"/>',
    )
    with pytest.warns(UserWarning, match=r"K\.n: tau has a kink"):
        gate = gate_of(read, "gateHHratesTau", OPENS + CLOSES + COURSE, course)
    alpha, beta = ALPHA(V), BETA(V)
    np.testing.assert_allclose(gate.inf(V), alpha / (alpha + beta), rtol=1e-14)
    np.testing.assert_allclose(gate.tau(V), np.maximum(1 / (alpha + beta), 0.125), rtol=1e-14)


def test_rates_time_course_and_steady_state(read):
    course = rate_type(derived("1 / (alpha + beta) / rateScale", "t"), "course", "X")
    scale = '<q10Settings type="q10Fixed" fixedQ10="4"/>'
    parts = scale + OPENS + CLOSES + COURSE + STEADY
    gate = gate_of(read, "gateHHratesTauInf", parts, course)
    assert (gate.inf, gate.speed) == (sigmoid(1, -30, -7), 4)
    np.testing.assert_allclose(gate.tau(V), 1 / (ALPHA(V) + BETA(V)) / 4, rtol=1e-14)


@pytest.mark.parametrize(
    ("kind", "form"), [("Exp", exponential), ("ExpLinear", linoid), ("Sigmoid", sigmoid)]
)
def test_standard_forms(read, kind, form):
    rate = f'type="HH{kind}Rate" rate="70 per_s" midpoint="-0.03 V" scale="12mV"/>'
    gate = gate_of(read, "gateHHrates", f"<forwardRate {rate}{CLOSES}")
    assert gate.alpha == form(0.07, -30, 12)
    steady = f'<steadyState type="HH{kind}Variable" rate="1e-3" midpoint="-30 mV" scale="150mV"/>'
    assert gate_of(read, "gateHHtauInf", FIXED + steady).inf == form(1e-3, -30, 150)


def test_gates_multiply_their_factors_of_temperature(read):
    """From the network, or as given; each factor has its own temperature of measurement."""
    factors = (
        '<q10Settings type="q10Fixed" fixedQ10="1.5"/>'
        '<q10Settings type="q10ExpTemp" q10Factor="3" experimentalTemp="6.3 degC"/>'
    )
    network = '<network id="net" type="networkWithTemperature" temperature="16.3 degC"/>'
    parts = factors + OPENS + CLOSES
    gate = gate_of(read, "gateHHrates", parts, network)
    assert gate.speed == pytest.approx(4.5, rel=1e-14)
    gate = gate_of(read, "gateHHrates", parts, network, temperature=26.3)
    assert gate.speed == pytest.approx(13.5, rel=1e-14)
    with pytest.raises(ValueError, match=r"line 5: <q10Settings> must be read at a known tempera"):
        gate_of(read, "gateHHrates", parts)
    several = network + network.replace("16.3", "17")
    with pytest.raises(ValueError, match="<network id='net'> must have the temperature of the oth"):
        gate_of(read, "gateHHrates", parts, several)
    with pytest.raises(TypeError, match="temperature must be a finite number"):
        gate_of(read, "gateHHrates", parts, temperature="warm")


def test_conductances_are_scaled_by_temperature(read):
    scaling = (
        '<q10ConductanceScaling q10Factor="2" experimentalTemp="20 degC"/>'
        '<conductanceScaling type="half"/>'
    )
    half = (
        '<ComponentType name="half" extends="baseConductanceScaling"><Dynamics>'
        '<DerivedVariable name="factor" exposure="factor" value="0.5"/></Dynamics></ComponentType>'
    )
    text = neuroml(LEAK + channel(scaling) + half + point(population()))
    assert read(text, temperature=40).parameters["K.g"] == pytest.approx(2, rel=1e-14)


def test_a_type_that_makes_its_gate_instantaneous(read):
    """As that of Pospischil's T current."""
    dynamics = (
        '<DerivedVariable name="inf" exposure="inf" select="steadyState/x"/>'
        '<DerivedVariable name="fcond" exposure="fcond" value="inf ^ instances"/>'
        '<DerivedVariable name="q" exposure="q" value="inf"/>'
        '<DerivedVariable name="tau" exposure="tau" value="0"/>'
    )
    types = rate_type(dynamics, "quick", "gateHHtauInf")
    gate = '<gate id="n" type="quick" instances="2">' + STEADY + "</gate>"
    found = read(with_gate(gate, types)).channels["K"].gates["n"]
    assert found == Gate(inf=sigmoid(1, -30, -7), power=2, instantaneous=True)
    other = with_gate(gate, types.replace('value="inf"', 'value="1 - inf"'))
    message = "<gate id='n'> must be of a type that keeps the Dynamics of gateHHrates"
    with pytest.raises(ValueError, match=re.escape(message)):
        read(other)


def test_a_type_that_only_extends_its_gate(read):
    types = '<ComponentType name="mine" extends="gateHHtauInf"/>'
    gate = f'<gate id="n" type="mine" instances="2">{FIXED}{STEADY}</gate>'
    assert read(with_gate(gate, types)).channels["K"].gates["n"].inf == sigmoid(1, -30, -7)


SHIFTED = rate_type(
    derived("exp((v - vShift + 40 * mV) / (10 * mV)) / ms"),
    more='<Requirement name="vShift" dimension="voltage"/>',
)
CELL = """
<cell id="it">
    <morphology id="m">
        <segment id="0"><proximal x="0" y="0" z="0" diameter="10"/>
            <distal x="0" y="0" z="0" diameter="10"/></segment>
    </morphology>
    <biophysicalProperties id="b"><membraneProperties>
        <channelDensityVShift id="Ks" ionChannel="K" condDensity="1 mS_per_cm2" erev="-90 mV"
            vShift="7.5 mV" ion="k"/>
        <specificCapacitance value="1 uF_per_cm2"/><initMembPotential value="-70 mV"/>
    </membraneProperties></biophysicalProperties>
</cell>"""


def test_rates_of_v_minus_vshift_give_a_shift(read):
    opens, closes = '<forwardRate type="opening"/>', '<reverseRate type="opening"/>'
    gate = f'<gateHHrates id="n" instances="1">{opens}{closes}</gateHHrates>'
    neuron = read(neuroml(channel(gate) + SHIFTED + CELL))
    assert neuron.parameters["K.shift"] == 7.5
    np.testing.assert_allclose(neuron.channels["K"].gates["n"].alpha(V), ALPHA(V), rtol=1e-14)


def test_vshift_is_filled_in_where_other_rates_do_not_know_it(read):
    """As the standard ones, which NeuroML does not shift."""
    opens = '<forwardRate type="opening"/>'
    gate = f'<gateHHrates id="n" instances="1">{opens}{CLOSES}</gateHHrates>'
    neuron = read(neuroml(channel(gate) + SHIFTED + CELL))
    found = neuron.channels["K"]
    assert (found.shift, found.gates["n"].beta) == (0, BETA)
    np.testing.assert_allclose(found.gates["n"].alpha(V), ALPHA(V - 7.5), rtol=1e-14)


def opened_by(read, dynamics, **options):
    """Return the rate of opening of a gate whose type has these Dynamics."""
    parts = '<forwardRate type="opening"/>' + CLOSES
    return gate_of(read, "gateHHrates", parts, rate_type(dynamics, **options)).alpha


def test_derived_variables_depend_on_one_another_in_any_order(read):
    alpha = opened_by(
        read,
        derived("a * b / ms")
        + '<DerivedVariable name="a" value="exp(b)"/><DerivedVariable name="b" value="c / 2"/>'
        + '<DerivedVariable name="c" value="exp(v / mV / 400)"/>'
        + '<DerivedVariable name="unused" value="nothing + 1"/>',
    )
    b = np.exp(V / 400) / 2
    np.testing.assert_allclose(alpha(V), np.exp(b) * b, rtol=1e-14)


@pytest.mark.parametrize(
    ("dynamics", "message"),
    [
        (derived("exp(v) / ms"), "must have a number without dimension in exp(...); got voltage."),
        (derived("v / mV"), "must have the dimension per_time; got none."),
        (derived("(v + 40) / mV / ms"), "must have one dimension on both sides of +; got voltage"),
        (derived("(v / mV) ^ (v / mV) / ms + v"), "on both sides of +; got per_time and voltage"),
        (derived("v ^ (v / mV) / ms"), "must have numbers without dimension around ^; got voltage"),
        (derived("(v / mV .gt. 1) / ms"), "must have numbers as values; got .gt., a condition."),
        (derived("w / ms"), "must depend on some of caConc, mV, ms, r, rateScale, v, vSh"),
        (derived("temperature / ms"), "got temperature. Pass temperature=."),
        (derived("x / ms") + derived("r * ms", "x"), "must not depend on itself; got r."),
        (derived("exp(v / mV) ** 2"), "has as value what must be an expression of LEMS; got"),
        (derived("1", "q"), "must be of a type whose Dynamics derive r, by DerivedVariable"),
        (
            '<DerivedVariable name="r" exposure="r" select="child/r"/>',
            "<DerivedVariable name='r'> must have a value; got select='child/r'.",
        ),
        (
            '<ConditionalDerivedVariable name="r" exposure="r"/>',
            "must have 1 to 1,000 Cases; got 0.",
        ),
        (
            '<ConditionalDerivedVariable name="r" exposure="r"><Case condition="v .gt. 0" '
            'value="1 / ms"/><Case value="2"/></ConditionalDerivedVariable>',
            "must have cases of one dimension; got per_time, none.",
        ),
        (
            '<ConditionalDerivedVariable name="r" exposure="r"><Case condition="v" '
            'value="1 / ms"/></ConditionalDerivedVariable>',
            "must have comparisons as conditions; got a number.",
        ),
        (
            derived("x0 / ms", "r")
            + "".join(derived(f"x{i + 1}", f"x{i}") for i in range(200))
            + derived("v / mV", "x200"),
            "must not depend on 100 others in a row; got x99.",
        ),
    ],
)
def test_expressions_that_do_not_fit_are_refused(read, dynamics, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        opened_by(read, dynamics)
    assert re.match(r".*it\.nml, line \d+: <", str(caught.value))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('<Parameter name="p" dimension="voltage"/>', "<forwardRate> must have the attribute p;"),
        ('<Constant name="c" dimension="time" value="1 mV"/>', "a number with a unit of time as"),
        ('<Constant name="c" dimension="love" value="1"/>', "must have a dimension of NeuroML; go"),
    ],
)
def test_constants_that_do_not_fit_are_refused(read, more, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        opened_by(read, derived("exp(v / mV) / ms"), more=more)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ('<gateHHrates id="n"/>', "<gateHHrates id='n'> must have one forwardRate; got 0."),
        (f"<gateHHrates id='n'>{OPENS}{OPENS}</gateHHrates>", "must have one forwardRate; got 2."),
        (f"<gateHHrates id='n'>{STEADY}</gateHHrates>", "<steadyState> must be no part of a gateH"),
        ('<gateHHrates id="n" instances="1.5">' + OPENS + CLOSES + "</gateHHrates>",
         "must have a whole number of 1 or more as instances; got 1.5."),
        ('<gateHHrates id="n"><q10Settings type="q10Fixed" fixedQ10="0"/></gateHHrates>',
         "must have a Q10 factor above 0; got 0."),
        ('<gateHHrates id="n"><q10Settings type="other"/></gateHHrates>',
         "<q10Settings> must be of the type q10Fixed, q10ExpTemp or of a ComponentType"),
        ('<gateKS id="n"/>', "<gateKS id='n'> must be no part of <ionChannelHH id='K'>; it is not"),
        ('<gate id="n" type="gateFractional"/>', "must be of the type gateHHrates, gateHHtauInf"),
        ('<gate id="n"/>', "got 'gate'."),
        ('<gateHHrates instances="1">' + OPENS + CLOSES + "</gateHHrates>", "the attribute id;"),
        ('<gateHHrates id="n"><forwardRate type="HHSine"/></gateHHrates>',
         "<forwardRate> must be of the type HHExpRate, HHExpLinearRate, HHSigmoidRate or of a Com"),
        ('<gateHHrates id="n"><forwardRate type="HHExpRate" rate="1 per_ms" midpoint="1 mV" '
         'scale="0 mV"/></gateHHrates>', "cannot be read: exponential's scale must be a finite nu"),
        ('<gateHHrates id="n"><forwardRate type="HHExpRate" rate="1 mV" midpoint="1 mV" '
         'scale="1 mV"/></gateHHrates>', "must have a number with a unit of per_time as rate; got"),
        (f"<gateHHtauInf id='n'><timeCourse type='HHExpTime'/>{STEADY}</gateHHtauInf>",
         "<timeCourse> must be of the type fixedTimeCourse or of a ComponentType in the file"),
        (f"<gateHHrates id='E' instances='1'>{OPENS}{CLOSES}</gateHHrates>",
         "<channelPopulation id='Ks'> cannot be declared: the name of a gate must be none of E"),
    ],
)  # fmt: skip
def test_gates_that_do_not_map_are_refused_with_their_place(read, gate, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read(with_gate(gate))
    assert re.match(r".*it\.nml, line \d+: <", str(caught.value))


def test_rates_that_no_gate_can_have_are_refused_at_the_gate(read):
    types = rate_type(derived("-1 / ms"))
    gate = f'<gateHHrates id="n" instances="1"><forwardRate type="opening"/>{CLOSES}</gateHHrates>'
    message = r"it\.nml, line 4: <gateHHrates id='n'> cannot be declared: K\.n: alpha must be 0 or"
    with pytest.raises(ValueError, match=message):
        read(with_gate(gate, types))


@pytest.mark.parametrize("kind", ["ionChannelKS", "blockingPlasticSynapse"])
def test_channels_of_other_types_are_refused(read, kind):
    text = neuroml(LEAK + channel("").replace("ionChannelHH", kind) + point(population()))
    message = f"<{kind} id='K'> must be of the type ionChannel, ionChannelHH, ionChannelPassive"
    with pytest.raises(ValueError, match=message):
        read(text)


def test_channels_have_the_names_of_their_ion_channels_where_these_are_used_once(read):
    gate = f'<gateHHrates id="n" instances="1">{OPENS}{CLOSES}</gateHHrates>'
    twice = population() + population(erev="-80 mV").replace('"Ks"', '"slow"')
    neuron = read(neuroml(LEAK + channel(gate) + point(twice)))
    assert {name: one.E for name, one in neuron.channels.items()} == {
        "leak": -65,
        "Ks": -90,
        "slow": -80,
    }


@pytest.mark.parametrize("kind", ["gateHHrates", 'gate type="gateHHrates"'])
def test_gates_must_have_instances(read, kind):
    """As the schema of NeuroML 2 says."""
    gate = f'<{kind} id="n">{OPENS}{CLOSES}</{kind.split()[0]}>'
    message = rf"it\.nml, line 4: <{kind[:4]}.*id='n'> must have the attribute instances; got "
    with pytest.raises(ValueError, match=message):
        read(with_gate(gate))


def test_own_types_may_fix_instances(read):
    types = '<ComponentType name="two" extends="gateHHrates"><Fixed parameter="instances" '
    types += 'value="2"/></ComponentType>'
    gate = f'<gate type="two" id="n">{OPENS}{CLOSES}</gate>'
    assert read(with_gate(gate, types)).channels["K"].gates["n"].power == 2


GATE = f'<gateHHrates id="n" instances="2">{OPENS}{CLOSES}</gateHHrates>'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "instances=",
            "Instances=",
            "line 4: <gateHHrates id='n'> must have no attribute Instances, which NeuroML has not. "
            "Did you mean instances?",
        ),
        (
            "<reverseRate ",
            "<reverseRate scal='1 mV' ",
            "line 4: <reverseRate> must have no attribute scal, which NeuroML has not. Did you "
            "mean scale?",
        ),
        ("instances=", "xyzzy='1' instances=", "no attribute xyzzy, which NeuroML has not."),
        ('number="1000"', 'number="1000" erv="1 mV"', "no attribute erv, which NeuroML has not. D"),
        ('thresh="0 mV"', 'thresh="0 mV" V0="1 mV"', "no attribute V0, which NeuroML has not. Did"),
        ("<ionChannelHH ", "<ionChannelHH speces='k' ", "no attribute speces, which NeuroML has n"),
    ],
)
def test_attributes_that_neuroml_has_not_are_refused(read, old, new, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(with_gate(GATE).replace(old, new))


def test_conditions_of_cases_may_not_be_misspelled(read):
    """Or the case would be the one of any V."""
    cases = '<Case condtion="v .gt. 0" value="1 / ms"/><Case value="2 / ms"/>'
    line = f'<ConditionalDerivedVariable name="r" exposure="r">{cases}</ConditionalDerivedVariable>'
    gate = GATE.replace('type="HHExpRate" rate="1 per_ms"', 'type="opening"')
    gate = gate.replace(' midpoint="-40 mV" scale="10 mV"', "")
    with pytest.raises(ValueError, match=r"<Case> .* no attribute condtion, .* condition\?"):
        read(with_gate(gate, rate_type(line)))


def test_metadata_and_other_namespaces_are_read_over(read):
    more = 'metaid="a" neuroLexId="b" xml:space="preserve" xmlns:x="http://x/" x:y="1" notes="c"'
    text = with_gate(GATE)
    assert read(text.replace("<gateHHrates ", f"<gateHHrates {more} ")) == read(text)

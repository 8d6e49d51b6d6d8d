"""Calcium: species and concentration models as pools, what follows them, gates of caConc."""

import math
import re

import numpy as np
import pytest
from neuroml_files import FILES, LEAK, channel, derived, neuroml, point, rate_type

from pyhh_fast import Nernst, Neuron, Pool
from pyhh_fast.rate_forms import sigmoid

F = 96_485.3  # NeuroML's
STEADY = '<steadyState type="HHSigmoidVariable" rate="1" midpoint="-20 mV" scale="9 mV"/>'
FIXED = '<timeCourse type="fixedTimeCourse" tau="2 ms"/>'
CA = channel(f'<gateHHtauInf id="m" instances="2">{FIXED}{STEADY}</gateHHtauInf>', "Ca")


def cell(model, channels="", outside='initialExtConcentration="2 mM"', gate=""):
    """Return a file of a ball of 1000 µm² with calcium; a channel K has what depends on it."""
    radius = math.sqrt(1000 / (4 * math.pi))
    ends = "".join(
        f'<{tag} x="0" y="0" z="0" diameter="{2 * radius!r}"/>' for tag in ("proximal", "distal")
    )
    density = 'condDensity="1 mS_per_cm2"'
    return neuroml(f"""{CA}{LEAK}{channel(gate)}{model}
    <cell id="it">
        <morphology id="m"><segment id="0">{ends}</segment></morphology>
        <biophysicalProperties id="b">
            <membraneProperties>
                <channelDensity id="leaks" ionChannel="leak" {density} erev="-65 mV"/>
                <channelDensity id="Ks" ionChannel="K" {density} erev="-90 mV" ion="k"/>
                {channels or f'<channelDensityNernst id="T" ionChannel="Ca" {density} ion="ca"/>'}
                <specificCapacitance value="1 uF_per_cm2"/><initMembPotential value="-70 mV"/>
            </membraneProperties>
            <intracellularProperties>
                <species id="calcium" ion="ca" concentrationModel="pool" {outside}
                    initialConcentration="1e-4 mM"/>
            </intracellularProperties>
        </biophysicalProperties>
    </cell>""")


@pytest.fixture
def read(tmp_path):
    """A function that reads a file with this content at 20 °C."""

    def read(content, temperature=20):
        (tmp_path / "it.nml").write_text(content)
        return Neuron.from_neuroml(tmp_path / "it.nml", temperature=temperature)

    return read


def fixed(rho="5.18e-4 mol_per_m_per_A_per_s", kind="fixedFactorConcentrationModel"):
    falls, factor = ("beta", "phi") if kind.endswith("Traub") else ("decayConstant", "rho")
    fall = "0.05 per_ms" if falls == "beta" else "20 ms"
    return f'<{kind} id="pool" ion="ca" restingConc="1e-4 mM" {falls}="{fall}" {factor}="{rho}"/>'


def test_the_t_channel_and_its_pool():
    neuron = Neuron.from_neuroml(FILES / "lts.nml")
    assert list(neuron.pools) == ["ca"]
    pool = neuron.pools["ca"]
    assert pool.rest == pytest.approx(2.4e-4, rel=1e-12)
    assert pool.tau == pytest.approx(5, rel=1e-12)
    assert pool.gain == pytest.approx(10 / (2 * 96_485.309), rel=1e-12)
    T = neuron.channels["T"]
    assert (T.E, T.feeds) == (Nernst("ca", outside=2, celsius=36), "ca")
    assert T.gates["s"].instantaneous
    assert T.gates["s"].inf == sigmoid(1, -59, 6.2)
    assert T.gates["u"].speed == pytest.approx(3**1.2, rel=1e-14)
    assert [one.feeds for one in neuron.channels.values()].count("ca") == 1


def test_decaying_pool_is_a_shell_below_the_sphere_of_the_same_area(read):
    """Its volume is a difference of spheres, as NeuroML says."""
    model = (
        '<decayingPoolConcentrationModel id="pool" ion="ca" restingConc="1e-10 mol_per_cm3" '
        'decayConstant="20 ms" shellThickness="1.5e-4 cm"/>'
    )
    pool = read(cell(model)).pools["calcium"]
    radius = math.sqrt(1000 / (4 * math.pi))
    volume = 4 / 3 * math.pi * (radius**3 - (radius - 1.5) ** 3)
    # µA/cm² over 1000 µm² is 1e-11 A; over µm³, 1e-15 litre, 1e-3 for ms: mM
    gain = 1e-11 / (2 * F * volume * 1e-15) * 1e-3 * 1e3
    assert (pool.rest, pool.tau) == (1e-4, 20)
    assert pool.gain == pytest.approx(gain, rel=1e-6)


def test_fixed_factor(read):
    assert read(cell(fixed())).pools["calcium"] == Pool(1e-4, 20, gain=5.18e-9)
    traub = fixed("2 mol_per_cm_per_uA_per_ms", "fixedFactorConcentrationModelTraub")
    pool = read(cell(traub)).pools["calcium"]
    assert (pool.rest, pool.tau) == (1e-4, 20)
    # mol/(cm µA ms) times µA/cm² is mol/cm³ in a ms, 1e6 mM/ms
    assert pool.gain == pytest.approx(2e6 * 1e-9, rel=1e-14)


NOT_LINEAR = "<mine id='pool'> must have a concentration that changes by a factor times iCa, where"


def own_model(value, more=""):
    return (
        '<mine id="pool"/><ComponentType name="mine" extends="concentrationModel">'
        '<Constant name="tau" dimension="time" value="20 ms"/>'
        '<Constant name="rest" dimension="concentration" value="1e-4 mM"/>'
        '<Constant name="factor" dimension="rho_factor" value="5 mol_per_m_per_A_per_s"/>'
        f"{more}<Dynamics><TimeDerivative variable='concentration' value='{value}'/>"
        '<DerivedVariable name="density" value="iCa / surfaceArea"/>'
        '<ConditionalDerivedVariable name="inward"><Case condition="iCa .gt. 0" value="density"/>'
        '<Case value="0 * density"/></ConditionalDerivedVariable></Dynamics></ComponentType>'
    )


@pytest.mark.parametrize(
    "value",
    [
        "density * factor + (rest - concentration) / tau",
        "inward * factor - (concentration - rest) / tau",
        "iCa * factor / surfaceArea + rest / tau - concentration / tau",
        "density * factor + (initialConcentration - concentration) / tau",
    ],
)
def test_models_of_their_own_are_recognised_by_what_they_do(read, value):
    pool = read(cell(own_model(value))).pools["calcium"]
    found = (pool.rest, pool.tau, pool.gain)
    np.testing.assert_allclose(found, (1e-4, 20, 5e-5), rtol=1e-12)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("density * factor + (rest - concentration) / tau * exp(concentration / rest)", NOT_LINEAR),
        ("density * factor", NOT_LINEAR),
        ("density * factor + (concentration - rest) / tau", NOT_LINEAR),
        (
            "density * factor * H(concentration / rest - 5) + (rest - concentration) / tau",
            NOT_LINEAR,
        ),
        ("density * factor + concentration", "one dimension on both sides of +; got "),
        ("v", "must depend on some of concentration, density, derivative, factor, iCa, initialC"),
        ("density", "must have the dimension "),
    ],
)
def test_models_that_no_pool_can_have_are_refused(read, value, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(cell(own_model(value)))


def test_models_must_be_known_and_complete(read):
    with pytest.raises(ValueError, match="<gapJunction id='pool'> must be of the type decayingPo"):
        read(cell('<gapJunction id="pool"/>'))
    nothing = '<ComponentType name="other" extends="concentrationModel"/>'
    with pytest.raises(ValueError, match="a type with one TimeDerivative of concentration; got 0"):
        read(cell('<other id="pool"/>' + nothing))
    with pytest.raises(ValueError, match="<species id='calcium'> must refer to what the file, or"):
        read(cell(""))
    with pytest.raises(
        ValueError, match=r"<fixedFactorConcentrationModel id='pool'> cannot be dec"
    ):
        read(cell(fixed("-1 mol_per_m_per_A_per_s")))
    thin = fixed().replace("fixedFactor", "decayingPool").replace("rho=", "shellThickness=")
    with pytest.raises(ValueError, match="must have a number with a unit of length as shellThick"):
        read(cell(thin))
    with pytest.raises(ValueError, match="must have a shellThickness above 0; got 0 µm"):
        read(cell(thin.replace("5.18e-4 mol_per_m_per_A_per_s", "0 um")))
    traub = fixed(kind="fixedFactorConcentrationModelTraub").replace("0.05", "0")
    with pytest.raises(ValueError, match="must have a beta above 0; got '0 per_ms'"):
        read(cell(traub))


def test_reversal_potentials_follow_calcium(read):
    T = read(cell(fixed())).channels["Ca"]
    assert (T.E, T.feeds) == (Nernst("calcium", outside=2, celsius=20), "calcium")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('initialExtConcentration="2 mM"', ""), "species of ion='ca' and its initialExtConcent"),
        (('<species id="calcium" ion="ca"', '<species id="na" ion="na"'), "cell with a species of"),
        (('ionChannel="Ca" condDensity="1 mS_per_cm2" ion="ca"', 'ionChannel="Ca" condDensity="1 '
          'mS_per_cm2" ion="k"'), "must have ion='ca', the only ion that is supported; got 'k'."),
        (("2 mM", "0 mM"), "<channelDensityNernst id='T'> cannot be declared: Nernst's outside mu"),
    ],
)  # fmt: skip
def test_reversal_potentials_need_calcium(read, change, message):
    text = cell(fixed()).replace(*change)
    with pytest.raises(ValueError, match=re.escape(message)):
        read(text)


def test_reversal_potentials_need_a_temperature(read):
    with pytest.raises(ValueError, match="<channelDensityNernst id='T'> must be read at a known"):
        read(cell(fixed()), temperature=None)


def test_calcium_that_nothing_feeds_or_needs_is_left_out(read):
    ohmic = (
        '<channelDensity id="T" ionChannel="Ca" condDensity="1 mS_per_cm2" erev="80 mV" ion="{}"/>'
    )
    assert read(cell(fixed(), ohmic.format("k"))).pools == {}
    neuron = read(cell(fixed(), ohmic.format("ca")))
    assert (list(neuron.pools), neuron.channels["Ca"].feeds) == (["calcium"], "calcium")
    assert neuron.channels["Ca"].E == 80


def test_pool_gets_another_name_where_a_channel_has_its_own(read):
    text = cell(fixed()).replace('species id="calcium"', 'species id="ca"')
    assert list(read(text).pools) == ["ca_pool"]


def of_calcium(value, name="opening", exposure="r"):
    """Return a type with `Ca`, the concentration over 1 mM, in its value."""
    return rate_type(
        derived(value, exposure) + '<DerivedVariable name="Ca" value="caConc / mM"/>',
        name,
        "baseVoltageConcDepRate",
        '<Constant name="mM" dimension="concentration" value="1 mM"/>',
    )


CALCIUM = np.geomspace(1e-7, 1, 15)
V = np.linspace(-100, 60, 17)


def test_gates_of_calcium_alone(read):
    """As of AHP currents."""
    gate = (
        '<gateHHrates id="q" instances="2"><q10Settings type="q10Fixed" fixedQ10="2"/>'
        '<forwardRate type="opening"/><reverseRate type="closing"/></gateHHrates>'
    )
    types = of_calcium("50 * Ca / ms") + of_calcium("0.02 / ms", "closing")
    found = read(cell(fixed() + types, gate=gate)).channels["K"].gates["q"]
    assert (found.of, found.power, found.speed) == ("calcium", 2, 2)
    np.testing.assert_allclose(found.alpha(CALCIUM), 50 * CALCIUM, rtol=1e-15)
    np.testing.assert_allclose(found.beta(CALCIUM), np.full(15, 0.02), rtol=1e-15)
    assert repr(found.alpha) == "<50 * Ca>"


def test_instantaneous_gates_and_constant_time_courses_of_calcium(read):
    steady = '<steadyState type="bound"/>'
    bound = of_calcium("Ca / (Ca + 0.001)", "bound", "x")
    gate = f'<gateHHInstantaneous id="q" instances="1">{steady}</gateHHInstantaneous>'
    found = read(cell(fixed() + bound, gate=gate)).channels["K"].gates["q"]
    assert (found.of, found.instantaneous) == ("calcium", True)
    gate = f'<gateHHtauInf id="q" instances="1">{steady}{FIXED}</gateHHtauInf>'
    found = read(cell(fixed() + bound, gate=gate)).channels["K"].gates["q"]
    assert (found.of, found.tau(0.1)) == ("calcium", 2)


COURSE = rate_type(derived("(90 - 75 / (1 + exp(-(v / mV + 46) / 22.7))) * ms", "t"), "course", "X")


def gate_of_kca(instances):
    """Return a gate whose steady state is the type "steady", and its time constant COURSE."""
    return (
        f'<gateHHtauInf id="m" instances="{instances}"><timeCourse type="course"/>'
        '<steadyState type="steady"/></gateHHtauInf>'
    )


def test_steady_states_that_are_products(read):
    """As those of the stomatogastric ganglion's KCa, with a time course of V."""
    inf = of_calcium("Ca / (Ca + 0.003) / (1 + exp(-(v / mV + 28.3) / 12.6))", "steady", "x")
    gate = gate_of_kca(4)
    found = read(cell(fixed() + inf + COURSE, gate=gate)).channels["K"].gates["m"]
    pool, of_Ca = found.times
    assert (pool, found.of, found.power) == ("calcium", None, 4)
    expected = np.outer(CALCIUM / (CALCIUM + 0.003), 1 / (1 + np.exp(-(V + 28.3) / 12.6)))
    np.testing.assert_allclose(np.outer(of_Ca(CALCIUM), found.inf(V)), expected, rtol=1e-12)
    assert of_Ca(256.0) <= 1
    np.testing.assert_allclose(found.tau(V), 90 - 75 / (1 + np.exp(-(V + 46) / 22.7)), rtol=1e-14)


def test_steady_states_of_calcium_beside_time_courses_of_v(read):
    inf = of_calcium("Ca / (Ca + 0.003)", "steady", "x")
    gate = gate_of_kca(1)
    found = read(cell(fixed() + inf + COURSE, gate=gate)).channels["K"].gates["m"]
    assert found.inf(V).tolist() == [1] * 17
    np.testing.assert_allclose(found.times[1](CALCIUM), CALCIUM / (CALCIUM + 0.003), rtol=1e-15)


def test_conductances_that_calcium_scales_are_instantaneous_gates(read):
    scaling = '<conductanceScaling id="bound" type="scaled"/>'
    types = of_calcium("Ca / (Ca + 0.001)", "scaled", "factor")
    found = read(cell(fixed() + types, gate=scaling)).channels["K"].gates["bound"]
    assert (found.of, found.instantaneous, found.power) == ("calcium", True, 1)
    np.testing.assert_allclose(found.inf(CALCIUM), CALCIUM / (CALCIUM + 0.001), rtol=1e-15)


@pytest.mark.parametrize(
    "inf",
    ["Ca / (Ca + 0.003 * exp(-v / mV / 20))", "1 / (1 + exp(-(v / mV + 1e4 * Ca) / 10))"],
)
def test_gates_of_both_that_are_no_products_are_refused(read, inf):
    gate = f'<gateHHtauInf id="m" instances="1">{FIXED}<steadyState type="steady"/></gateHHtauInf>'
    message = (
        "<gateHHtauInf id='m'> must have functions of V alone or of caConc alone, or a steady "
        "state that is a function of V times one of caConc with a time course of V; got inf of "
        "caConc and V, tau of nothing."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        read(cell(fixed() + of_calcium(inf, "steady", "x"), gate=gate))


def test_gates_of_calcium_need_calcium(read):
    gate = '<gateHHInstantaneous id="q" instances="1"><steadyState type="bound"/>'
    gate += "</gateHHInstantaneous>"
    bound = of_calcium("Ca / (Ca + 0.001)", "bound", "x")
    text = cell(fixed() + bound, gate=gate).replace('ion="ca" conc', 'ion="k" conc')
    with pytest.raises(
        ValueError, match="<gateHHInstantaneous id='q'> must be in a cell with calc"
    ):
        read(
            text.replace("channelDensityNernst", "channelDensity").replace(
                'ion="ca"/>', 'erev="9 mV"/>'
            )
        )


def test_points_with_calcium(read):
    """Their model is a part of theirs, their potential a population's."""
    populations = (
        '<channelPopulationNernst id="T" ionChannel="Ca" number="1000" ion="ca"/>'
        + fixed().replace("/>", ' initialConcentration="1e-4 mM" initialExtConcentration="2 mM"/>')
    )
    text = neuroml(LEAK + CA + point(populations).replace("CondBased", "CondBasedCa"))
    neuron = read(text)
    assert neuron.pools == {"pool": Pool(1e-4, 20, gain=5.18e-9)}
    assert neuron.channels["Ca"].E == Nernst("pool", outside=2, celsius=20)
    assert neuron.channels["Ca"].g == pytest.approx(1)

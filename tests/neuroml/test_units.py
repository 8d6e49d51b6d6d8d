"""Quantities with units become numbers of this package's units, to the bit."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhh_fast.neuroml import units
from pyhh_fast.neuroml.documents import Element


def quantity(text, dimension=None):
    element = Element("part", {"value": text}, Path("it.nml"), 3)
    return units.quantity(element, "value", dimension)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-65 mV", -65),
        ("-65mV", -65),
        (" -0.065 V ", -65),
        ("-6.5e-2V", -65),
        ("1500per_s", 1.5),
        ("0.07 per_ms", 0.07),
        ("3 Hz", 0.003),
        ("2 min", 120_000),
        ("10 pS", 10 * 1e-12 / (1e-14 / 1e-3)),  # in the unit of current over that of V
        ("0.005 S_per_cm2", 5),
        ("360 S_per_m2", 36),
        ("30 uS_per_cm2", 0.03),
        ("0.01 F_per_m2", 1),
        ("1 uF_per_cm2", 1),
        ("2 uA_per_cm2", 2),
        ("1 mA_per_cm2", 1000),
        ("1e-10 A", 10_000),  # through 1 µm², in µA/cm²
        ("2.4e-4 mM", 2.4e-4),
        ("2.4E-10 mol_per_cm3", 2.4e-4),
        ("8.4E-6 cm", 0.084),
        ("3 m2", 3e12),
        ("22 degC", 295.15),
        ("295.15 K", 295.15),
        ("96485.3 C_per_mol", 9648.53),
        (".5", 0.5),
        ("+1.", 1),
    ],
)
def test_units_are_converted(text, value):
    assert quantity(text).value == value


def test_the_point_of_1_uF_per_cm2_has_the_area_of_its_capacitance():
    assert quantity("10 pF").value == 1000


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e9", max_value="1e9"))
def test_scaling_rounds_once(number):
    for unit, factor in (("V", 1000), ("mV", 1), ("per_s", Fraction(1, 1000)), ("S_per_m2", 0.1)):
        exact = Fraction(number) * Fraction(str(factor))
        assert quantity(f"{number:f} {unit}").value == float(exact)


def test_units_are_coherent():
    """g V is I, C V / t is I, C / g is t: so formulas need no factors."""

    def own(text):
        return quantity(text).value

    assert own("1 S_per_m2") * own("1 V") == pytest.approx(own("1 A_per_m2"), rel=1e-15)
    assert own("1 F_per_m2") * own("1 V") / own("1 s") == pytest.approx(own("1 A_per_m2"))
    assert own("1 F") / own("1 S") == pytest.approx(own("1 s"), rel=1e-15)
    assert own("1 C_per_mol") * own("1 mM") * own("1 m3") == pytest.approx(own("1 C"), rel=1e-15)
    assert own("1 C") / own("1 s") == pytest.approx(own("1 A"), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        ("65", "voltage", "a number with a unit of voltage as value; got '65'. Units are V, mV."),
        ("65 ms", "voltage", "a number with a unit of voltage as value; got '65 ms'."),
        ("65 furlong", None, "a number with a unit as value; got '65 furlong'."),
        ("65 mV", "none", "a number without a unit as value; got '65 mV'."),
        ("1 2 mV", "voltage", "a number with a unit of voltage as value; got '1 2 mV'."),
        ("nan mV", "voltage", "a number with a unit of voltage as value; got 'nan mV'."),
        ("٣ mV", "voltage", "a number with a unit of voltage as value; got '٣ mV'."),
        ("1e999 mV", "voltage", "a finite number as value; got '1e999 mV'."),
        ("1e99999999999 mV", "voltage", "a finite number as value; got '1e99999999999 mV'."),
    ],
)
def test_other_quantities_are_refused_with_their_place(text, dimension, message):
    with pytest.raises(ValueError, match=re.escape(f"it.nml, line 3: <part> must have {message}")):
        quantity(text, dimension)

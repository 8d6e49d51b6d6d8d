"""Quantities of NeuroML, as ``-65 mV``: their dimensions, and their values in this package's units.

The units are coherent, mV, ms, mM, µm, K, µA/cm², mS/cm² and µF/cm², so formulas need no factors.
Values are scaled as decimal numbers: -0.065 V is -65.0, to the bit.
"""

import decimal
import re
from fractions import Fraction
from typing import NamedTuple

from pyhh_fast.neuroml.documents import Element

Dimension = tuple[Fraction | int, ...]
"""Exponents of mass, length, time, current, temperature and amount."""

NONE: Dimension = (0, 0, 0, 0, 0, 0)

DIMENSIONS: dict[str, Dimension] = {
    "none": NONE,
    "time": (0, 0, 1, 0, 0, 0),
    "per_time": (0, 0, -1, 0, 0, 0),
    "voltage": (1, 2, -3, -1, 0, 0),
    "per_voltage": (-1, -2, 3, 1, 0, 0),
    "conductance": (-1, -2, 3, 2, 0, 0),
    "conductanceDensity": (-1, -4, 3, 2, 0, 0),
    "capacitance": (-1, -2, 4, 2, 0, 0),
    "specificCapacitance": (-1, -4, 4, 2, 0, 0),
    "resistance": (1, 2, -3, -2, 0, 0),
    "resistivity": (2, 2, -3, -2, 0, 0),
    "charge": (0, 0, 1, 1, 0, 0),
    "charge_per_mole": (0, 0, 1, 1, 0, -1),
    "current": (0, 0, 0, 1, 0, 0),
    "currentDensity": (0, -2, 0, 1, 0, 0),
    "length": (0, 1, 0, 0, 0, 0),
    "area": (0, 2, 0, 0, 0, 0),
    "volume": (0, 3, 0, 0, 0, 0),
    "concentration": (0, -3, 0, 0, 0, 1),
    "substance": (0, 0, 0, 0, 0, 1),
    "permeability": (0, 1, -1, 0, 0, 0),
    "temperature": (0, 0, 0, 0, 1, 0),
    "idealGasConstantDims": (1, 2, -2, 0, -1, -1),
    "conductance_per_voltage": (-2, -4, 6, 3, 0, 0),
    "rho_factor": (0, -1, -1, -1, 0, 1),
}

_OWN = (-14, -6, -3, -14, 0, -18)
"""Our base units as powers of ten of SI's; they follow from the coherent units above."""


class Unit(NamedTuple):
    """A unit: its dimension, and its value in SI units, ``scale * 10**power``, above `offset`."""

    dimension: str
    power: int = 0
    scale: str = "1"
    offset: str = "0"


UNITS = {
    symbol: Unit(dimension, power)
    for dimension, symbols in {
        "time": {"s": 0, "ms": -3, "us": -6},
        "per_time": {"per_s": 0, "Hz": 0, "per_ms": 3},
        "voltage": {"V": 0, "mV": -3},
        "per_voltage": {"per_V": 0, "per_mV": 3},
        "conductance": {"S": 0, "mS": -3, "uS": -6, "nS": -9, "pS": -12},
        "conductanceDensity": {"S_per_m2": 0, "mS_per_cm2": 1, "S_per_cm2": 4, "uS_per_cm2": -2},
        "capacitance": {"F": 0, "uF": -6, "nF": -9, "pF": -12},
        "specificCapacitance": {"F_per_m2": 0, "uF_per_cm2": -2},
        "resistance": {"ohm": 0, "kohm": 3, "Mohm": 6},
        "resistivity": {"ohm_m": 0, "kohm_cm": 1, "ohm_cm": -2},
        "charge": {"C": 0},
        "charge_per_mole": {"C_per_mol": 0, "nA_ms_per_amol": 6, "pC_per_umol": -6},
        "current": {"A": 0, "uA": -6, "nA": -9, "pA": -12},
        "currentDensity": {"A_per_m2": 0, "uA_per_cm2": -2, "mA_per_cm2": 1},
        "length": {"m": 0, "cm": -2, "um": -6},
        "area": {"m2": 0, "cm2": -4, "um2": -12},
        "volume": {"m3": 0, "cm3": -6, "litre": -3, "um3": -18},
        "concentration": {"mol_per_m3": 0, "mol_per_cm3": 6, "M": 3, "mM": 0},
        "substance": {"mol": 0},
        "permeability": {"m_per_s": 0, "cm_per_s": -2, "um_per_ms": -3, "cm_per_ms": 1},
        "temperature": {"K": 0},
        "idealGasConstantDims": {"J_per_K_per_mol": 0, "fJ_per_K_per_umol": -9},
        "conductance_per_voltage": {"S_per_V": 0, "nS_per_mV": -6},
        "rho_factor": {
            "mol_per_m_per_A_per_s": 0,
            "mol_per_cm_per_uA_per_ms": 11,
            "umol_per_cm_per_nA_per_ms": 8,
        },
    }.items()
    for symbol, power in symbols.items()
} | {
    "": Unit("none"),
    "min": Unit("time", 0, "60"),
    "hour": Unit("time", 0, "3600"),
    "e": Unit("charge", 0, "1.602176634e-19"),
    "degC": Unit("temperature", 0, "1", "273.15"),
}

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\w*)\s*", re.ASCII)


class Quantity(NamedTuple):
    """A number in our units, and its dimension."""

    value: float
    dimension: Dimension


def quantity(element: Element, name: str, dimension: str | None = None) -> Quantity:
    """Return an attribute in our units; of any dimension where that is None.

    Raise ValueError if it is missing, is no number with a unit, or has another dimension.
    """
    text = element.text(name)
    found = _QUANTITY.fullmatch(text)
    unit = UNITS.get(found[2]) if found else None
    wanted = f"a number with a unit of {dimension}" if dimension else "a number with a unit"
    if dimension == "none":
        wanted = "a number without a unit"
    if found is None:
        raise element.problem(f"must have {wanted} as {name}; got {text!r}.")
    if unit is None or dimension not in (None, unit.dimension):
        known = [symbol for symbol, one in UNITS.items() if dimension in (None, one.dimension)]
        advice = f" Units are {', '.join(known)}." if any(known) and dimension else ""
        raise element.problem(f"must have {wanted} as {name}; got {text!r}.{advice}")
    exponents = DIMENSIONS[unit.dimension]
    own = sum(exponent * base for exponent, base in zip(exponents, _OWN, strict=True))
    with decimal.localcontext() as context:
        context.prec = 60
        context.traps[decimal.InvalidOperation] = context.traps[decimal.Overflow] = False
        number = decimal.Decimal(found[1]) * decimal.Decimal(unit.scale)
        value = float(number.scaleb(unit.power - int(own)) + decimal.Decimal(unit.offset))
    if not abs(value) < float("inf"):  # NaN as well
        raise element.problem(f"must have a finite number as {name}; got {text!r}.")
    return Quantity(value, exponents)


def number(element: Element, name: str, dimension: str) -> float:
    """Return an attribute of this dimension in our units; raise ValueError as :func:`quantity`."""
    return quantity(element, name, dimension).value


def name_of(dimension: Dimension) -> str:
    """Return what NeuroML calls a dimension."""
    for name, exponents in DIMENSIONS.items():
        if exponents == dimension:
            return name
    return f"{tuple(map(str, dimension))}, the exponents of kg, m, s, A, K and mol"

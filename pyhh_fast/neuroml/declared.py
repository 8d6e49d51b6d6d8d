"""Gates that were read as declarations: of V, of calcium, or of both as a product."""

from typing import Any

import numpy as np

from pyhh_fast.channels.gate import Gate
from pyhh_fast.neuroml.component_types import Found
from pyhh_fast.neuroml.expressions import Expression, Function
from pyhh_fast.neuroml.gates import ReadGate

CALCIUM = "caConc"

POTENTIALS = np.linspace(-130.3, 70.9, 33)
"""Where it is seen whether a steady state is a product, mV."""

CONCENTRATIONS = np.geomspace(2.0**-28, 2.0**9, 38)
"""The same, mM; those of tables and an octave more."""


def declared_gate(gate: ReadGate, pool: str | None) -> Gate:
    """Return the declaration of a gate; raise ValueError if it depends on what gates cannot.

    Parameters
    ----------
    pool : str, optional
        Name of the pool of calcium, if the cell has one.
    """
    functions: Any = {name: found.function for name, found in gate.functions.items()}
    about: Any = {"power": gate.power, "speed": gate.speed, "instantaneous": gate.instantaneous}
    if CALCIUM not in gate.of:
        return Gate(**functions, **about)
    if pool is None:
        raise gate.element.problem(
            "must be in a cell with calcium, as species with ion='ca' or as concentrationModel; "
            "got none."
        )
    if gate.of == {CALCIUM}:
        return Gate(**functions, **about, of=pool)
    inf, tau = gate.functions.get("inf"), gate.functions.get("tau")
    if inf is not None and (tau is None or CALCIUM not in tau.of):
        product = _product(inf)
        if product is not None:
            return Gate(**{**functions, "inf": product[0]}, **about, times=(pool, product[1]))
    got = ", ".join(f"{name} of {_variables(found)}" for name, found in gate.functions.items())
    raise gate.element.problem(
        "must have functions of V alone or of caConc alone, or a steady state that is a function "
        f"of V times one of caConc with a time course of V; got {got}."
    )


def _variables(found: Found) -> str:
    names = ["V" if name == "v" else name for name in sorted(found.of)]
    return " and ".join(names) or "nothing"


def _product(inf: Found) -> tuple[Function, Function] | None:
    """Return functions of V and of caConc whose product a function of both is; None if it is none.

    They are the function itself where the other variable has the value at which it is largest.
    """
    if not isinstance(inf.function, Expression) or inf.function.functions:
        return None
    if inf.of == {CALCIUM}:  # beside a time constant of V
        always = Expression((("x", (("", "1"),)),))
        return always, inf.function
    values = np.array([inf.function.at(CALCIUM, c, "v")(POTENTIALS) for c in CONCENTRATIONS])
    if not np.isfinite(values).all() or not values.max() > 0:
        return None
    at_c, at_v = np.unravel_index(np.argmax(values), values.shape)
    largest = values[at_c, at_v]
    product = np.outer(values[:, at_v], values[at_c]) / largest
    if not np.allclose(product, values, rtol=1e-9, atol=1e-12 * largest):
        return None
    of_V = inf.function.at(CALCIUM, float(CONCENTRATIONS[at_c]), "v")
    of_calcium = Expression(
        (("x", (("", "f / largest"),)),),
        (("largest", float(largest)),),
        (("f", inf.function.at("v", float(POTENTIALS[at_v]), CALCIUM)),),
        CALCIUM,
    )
    return of_V, of_calcium

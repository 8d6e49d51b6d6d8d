"""The default threshold of spikes: one rule for runs, populations, sweeps and analyses."""

import weakref
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared, NeuronState
from pyhh_fast.models.copies import snapshot
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics
from pyhh_fast.models.overrides import custom_behaviour
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.variables import GATES, PARAMETERS

BUILT_IN = 50.0
"""Threshold, in mV, of Hodgkin and Huxley's rates, whose voltages are relative to rest."""

ABOVE_REST = 50.0
"""Threshold, in mV, above a rest that is not near 0."""

NEAR_ZERO = 15.0
"""Rates whose rest is nearer to 0 than this, in mV, count as relative to rest."""

COMPARED_AT = (-40.1234, -10.1234, -1.1234, 0.0, 1.1234, 10.1234, 40.1234, 90.1234)
"""Where, in mV around a known rest, rates are compared with those of the model that had it."""


@rounds_to_nearest
def threshold_for(model: Any, threshold: Any) -> float:
    """Return the threshold (mV) a user gave, checked, or for None that of `model`."""
    if threshold is None:
        return default_threshold(model)
    return validation.real_number("threshold", threshold, unit="mV")


@rounds_to_nearest
def default_threshold(model: Any) -> float:
    """Return the threshold of spikes of a model, in mV.

    Of a neuron it is what it declares, else 50 above its rest.

    Of a model it is 50 for built-in rates, always, and for what is no :class:`HHModel`. With custom
    rates it is 50 where the rest is within 15 mV of 0, else 50 above the rest. If no rest is
    stable, the unstable equilibrium nearest the leak's reversal potential counts; if there is none,
    it is 50.
    """
    if isinstance(model, Declared | NeuronState):
        neuron: Any = model.neuron if isinstance(model, NeuronState) else model
        if neuron.threshold is not None:
            return float(neuron.threshold)
        from pyhh_fast.equilibria.neurons import start_of_neuron  # models do not need it

        return round(start_of_neuron(neuron) + ABOVE_REST, 6)
    if not isinstance(model, HHModel) or not has_custom_kinetics(model):
        return BUILT_IN
    # What is no gate, such as a class, has another kind of dictionary, or none.
    attributes = [getattr(getattr(model, name, None), "__dict__", None) for name in GATES]
    gates = [gate for gate in attributes if isinstance(gate, dict)]
    before = [dict(gate) for gate in gates]
    try:
        rest = _rest(model)
    except Exception:  # of a user's model; the run will raise it again
        return BUILT_IN
    finally:
        # A hook that refers to the model has changed this one, and not the copy.
        for now, then in zip(gates, before, strict=True):
            now.update(then)
    if abs(rest) <= NEAR_ZERO:
        return BUILT_IN
    # Rounded, because a resumed run must have the same threshold: the last bits of the rest of
    # custom rates differ between CPUs, as NumPy's exp does.
    return round(rest + ABOVE_REST, 6)


def _rest(model: HHModel) -> float:
    """Return the rest of a model, which is cached for the latest model with its hook."""
    hook = type(model)._UpdateGateTimeConstants
    parameters = tuple(float(getattr(model, name)) for name in PARAMETERS)
    known = _rests.get(hook)
    same = known is not None and known[0]() is type(model) and known[1] == parameters
    if known and same and _rates(model, known[2]) == known[3]:
        return known[2]
    rest = _searched_rest(model)
    rates = _rates(model, rest)
    if rates:
        _rests[hook] = (weakref.ref(type(model)), parameters, rest, rates)
    return rest


# Of the latest model with a hook: class, parameters, rest, and rates around it. The reference to
# the class is weak: the class has the hook, and would keep the entry alive.
_Known = tuple[weakref.ref[type], tuple[float, ...], float, list[float]]
_rests: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()


def _rates(model: HHModel, rest: float) -> list[float]:
    """Return rates around the rest, by which a model is recognised; none where it cannot be."""
    twin = snapshot(model)
    if twin is None or "_UpdateGateTimeConstants" in vars(model) or custom_behaviour(model):
        return []
    found = []
    with np.errstate(all="ignore"):
        for offset in COMPARED_AT:
            twin._UpdateGateTimeConstants(rest + offset)
            for name in GATES:
                gate = getattr(twin, name)
                found += [float(gate.alpha), float(gate.beta)]
    return found


def _searched_rest(model: HHModel) -> float:
    """Return the rest of a model, the stable one or another equilibrium; 0 without any."""
    from pyhh_fast.equilibria import rest_states  # here, because built-in rates need none

    # The search goes beyond a saved table, where a model that was run has no rest.
    at_all_V = getattr(type(model), "_at_all_V", None)
    if at_all_V is not None:
        model = at_all_V(model)
    try:
        return rest_states.rest_of(model, take_unstable=True)[0]
    except rest_states.NoRest:
        return 0.0

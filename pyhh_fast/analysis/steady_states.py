"""Steady states of a model or a neuron at any V: `steady_state`."""

from typing import overload

import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.analysis.hodgkin_huxley import ModelSubject, SteadyState
from pyhh_fast.analysis.neuron import NeuronSubject
from pyhh_fast.analysis.subject import GateSteadyState
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.system.rounding import rounds_to_nearest


@overload
def steady_state(model: HHModel, V: npt.ArrayLike) -> SteadyState: ...
@overload
def steady_state(model: Neuron, V: npt.ArrayLike) -> dict[str, GateSteadyState]: ...
@rounds_to_nearest
def steady_state(
    model: HHModel | Neuron, V: npt.ArrayLike
) -> SteadyState | dict[str, GateSteadyState]:
    """Return the steady states of gates, and of pools, at each V, and their time constants.

    Parameters
    ----------
    model : HHModel or Neuron
        A model's `_UpdateGateTimeConstants` may be overridden, but nothing else of its step. It is
        not changed, and its state does not count.
    V : float or array_like, mV
        Membrane potentials, any shape; those of a model are relative to rest, those of a neuron
        as in its formulas, from -300 to 300 mV.

    Returns
    -------
    SteadyState, or dict of str to GateSteadyState
        Of a model a named tuple ``(m, h, n, tau_m, tau_h, tau_n)``; of a neuron by path, as
        ``"Na.m"``, and by the names of pools, a named tuple ``(inf, tau)``. Each has the shape of
        V; tau is in ms, and 0 where a gate is instantaneous. That of a gate of calcium is at the
        steady concentration, of which :meth:`Neuron.steady_state` says which it is.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the model has a custom step, or rates that depend on
        more than V.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> steady = pyhh.steady_state(pyhh.HHModel(), [0, 50])
    >>> steady.m.round(3), steady.tau_m.round(3)
    (array([0.053, 0.916]), array([0.237, 0.336]))

    >>> steady = pyhh.steady_state(pyhh.neurons.connor_stevens(), -50)
    >>> print(f"{steady['A.a'].inf:.3f}, {steady['A.a'].tau:.3f} ms")
    0.636, 0.857 ms
    """
    V = validation.real_numbers("V", V, unit="mV")
    subject = NeuronSubject(model) if isinstance(model, Neuron) else ModelSubject(model)
    return subject.steady_state(V)

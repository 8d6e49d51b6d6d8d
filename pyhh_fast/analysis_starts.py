"""Where analysis starts its runs: at rest, whatever state the model is in."""

import copy
import warnings

import numpy as np

from pyhh_fast.equilibria import NoRest, resting_potential
from pyhh_fast.models import GATES, HHModel, set_rates


def start_at_rest(model: HHModel, *, stacklevel: int = 3) -> HHModel:
    """Return a copy of `model` at rest; where no rest is stable, at an unstable equilibrium.

    That is the one nearest EKleak, with all gates steady, and a warning at `stacklevel` says so.

    Raises
    ------
    ValueError
        If the model has no equilibrium at all.
    """
    start = copy.deepcopy(model)
    try:
        V = resting_potential(start)
    except NoRest as error:
        if not error.found:
            raise
        found = np.array(error.found)
        V = float(found[np.argmin(np.abs(found - model.EKleak))])
        warnings.warn(
            "the model has no stable resting potential; it starts at its unstable equilibrium at "
            f'V = {V:.4g} mV with steady gates. Pass start="model" to start in the state that '
            "the model is in.",
            UserWarning,
            stacklevel=stacklevel,
        )
    start.Vm = V
    set_rates(start, V)
    for name in GATES:
        getattr(start, name).setInfiniteState()
    return start

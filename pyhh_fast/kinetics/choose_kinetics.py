"""Which rates a model has: built-in, custom, or those of a table."""

from pyhh_fast.kinetics.built_in import BuiltIn
from pyhh_fast.kinetics.evaluated import Evaluated, may_tabulate
from pyhh_fast.kinetics.protocol import Kinetics, NotTabulable
from pyhh_fast.models.hh_model import HHModel, has_custom_kinetics


def kinetics_of(model: HHModel, *, table_needed: bool) -> BuiltIn | Evaluated:
    """Return the rates of `model` as its methods compute them.

    Raise NotTabulable if they depend on more than V, or, where a `table_needed`, `tabulate` is
    False.
    """
    if not has_custom_kinetics(model):
        return BuiltIn()
    if table_needed and not may_tabulate(model):
        raise NotTabulable("tabulate is False")
    return Evaluated(model)


def kinetics_of_run(model: HHModel, *, table_needed: bool) -> Kinetics:
    """Return the rates for a run of `model`: those of :func:`kinetics_of`, or a saved table."""
    # A method of TabulatedModel, which few runs import.
    saved = getattr(type(model), "_saved_kinetics", None)
    if saved is not None:
        kinetics: Kinetics = saved(model)
        return kinetics
    return kinetics_of(model, table_needed=table_needed)

"""The methods that a run can be made with."""

from typing import NamedTuple


class Method(NamedTuple):
    """What is declared of a method.

    Parameters
    ----------
    order : int
        Of the error of V and of spike times, from steady gates: it falls like dt to this power. For
        the adaptive method that of the step.
    stable_below : float
        Where dt times the rate at which something decays exceeds this, a step makes it grow.
        Infinite where dt does not decide.
    fixed_step : bool, default True
        Whether dt is the step.
    """

    order: int
    stable_below: float
    fixed_step: bool = True


METHODS = {
    "euler": Method(1, 2.0),
    "exponential_euler": Method(2, float("inf")),
    "rk4": Method(4, 2.785293563405282),
    "adaptive": Method(8, float("inf"), fixed_step=False),
}
"""By name; the first is pyHH's, and the default."""

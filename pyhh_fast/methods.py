"""The methods that a run can be made with, for settings, engine and kernels."""

from typing import Final, NamedTuple

from pyhh_fast.errors import warn_user

LARGEST_ADVISED_STEP = 0.05  # ms

DEFAULT: Final = "euler"
"""The method of pyHH."""


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
    many_cells : bool, default True
        Whether the time loop of many cells has it; else populations have it, cell by cell, where
        it is adaptive.
    """

    order: int
    stable_below: float
    fixed_step: bool = True
    many_cells: bool = True


METHODS = {
    DEFAULT: Method(1, 2.0),
    "exponential_euler": Method(2, float("inf")),
    "rk4": Method(4, 2.785293563405282),
    "adaptive": Method(8, float("inf"), fixed_step=False, many_cells=False),
}
"""By name."""


def of_populations() -> list[str]:
    """Return the names of the methods that populations have."""
    return [name for name, method in METHODS.items() if method.many_cells or not method.fixed_step]


def warn_of_large_step(
    name: str, dt: float, method: str, advice: str = "", *, features: bool = False
) -> None:
    """Warn of a large step (ms) of a fixed-step method, or of the distance of what features see."""
    if dt <= LARGEST_ADVISED_STEP:
        return
    if features and not METHODS[method].fixed_step:
        warn_user(
            f"{name} is {dt:g} ms, and features are those of V at its multiples alone; "
            f"{LARGEST_ADVISED_STEP} ms or less is recommended"
        )
    if METHODS[method].fixed_step:
        warn_user(
            f"{name} is {dt:g} ms; steps of {LARGEST_ADVISED_STEP} ms or less are recommended"
            f"{advice}"
        )

"""Figures of recordings and of results of the analysis.

Importing matplotlib takes long: the package itself imports this only where a figure is requested.
All figures are made with pyplot, so ``matplotlib.pyplot.show()`` shows them.
"""

from pyhh_fast.plotting.curves import (
    plot_fi_curve,
    plot_phase_plane,
    plot_phase_response,
    plot_refractory_period,
    plot_rheobase,
    plot_steady_state,
    plot_strength_duration,
)
from pyhh_fast.plotting.runs import plot_recording, plot_stimulus

__all__ = [
    "plot_fi_curve",
    "plot_phase_plane",
    "plot_phase_response",
    "plot_recording",
    "plot_refractory_period",
    "plot_rheobase",
    "plot_steady_state",
    "plot_stimulus",
    "plot_strength_duration",
]

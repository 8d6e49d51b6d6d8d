"""What the figures of plotting/ have in common: colours, frames, time axes."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from pyhh_fast.typing import FloatArray

# Colours that stay apart for colour-blind readers (Okabe and Ito).
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"
GREY = "#BBBBBB"

GATE_COLOURS = (BLUE, ORANGE, GREEN)
CURRENT_COLOURS = (BLUE, GREEN, ORANGE)
"""Repeated, in the order of variables.py."""

MANY_COLOURS = tuple(f"C{number}" for number in range(10))
"""Colours of what a neuron may have many of: those of matplotlib's cycle."""

POTENTIAL = "Membrane potential (mV from rest)"
ABSOLUTE_POTENTIAL = "Membrane potential (mV)"

LONG = 10_000.0
"""Beyond this time, in ms, an axis has seconds."""


def panel(width: float = 6.0) -> tuple[Figure, Axes]:
    """Return a figure of one panel."""
    figure, axis = plt.subplots(figsize=(width, 4), layout="constrained")
    open_frame(axis)
    return figure, axis


def open_frame(axis: Axes) -> None:
    """Hide the frame but for the two axes."""
    axis.spines[["top", "right"]].set_visible(False)


def concentration_axis(axis: Axis, values: FloatArray) -> None:
    """Let an axis reach a little beyond finite concentrations (mM), and number it without offset.

    It spans at least 2 % of the highest, so that one that hardly moves is a flat line.
    """
    values = values[np.isfinite(values)]
    if values.size:
        low, high = values.min(), values.max()
        beyond = max(0.05 * (high - low), 0.01 * high)
        axis.axes.set(**{f"{axis.axis_name}lim": (low - beyond, high + beyond)})  # type: ignore[attr-defined]
    axis.set_major_formatter("{x:.6g}")


def time_axis(axis: Axes, end: float, note: str = "") -> None:
    """Label an axis of times in ms, with a note below."""
    unit = "ms"
    if end > LONG:
        unit = "s"
        axis.xaxis.set_major_formatter(lambda time, _: f"{time / 1000:.12g}")
    axis.set_xlabel(f"Time ({unit})" + (f"\n{note}" if note else ""))


class MinorNumbers(LogFormatter):
    """Labels between the powers of ten of a logarithmic axis, as plain numbers: 20, not 2×10¹.

    Where there is room for them, as `LogFormatter` decides.
    """

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick, or none."""
        return f"{x:g}" if super().__call__(x, pos) else ""

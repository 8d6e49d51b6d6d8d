"""Figures. Imported only by methods named `plot`, when they are called."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from pyhh_fast.recording import Recording

# Colours that stay apart for colour-blind readers (Okabe and Ito).
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"


def plot_recording(recording: "Recording") -> Figure:
    """Draw potential, stimulus, gates and currents in four panels over one time axis.

    Each trace stands at its own time: potential and gates at the end of a step, stimulus and
    currents at its beginning.
    """
    figure, axes = plt.subplots(
        4, 1, sharex=True, figsize=(8, 8), layout="constrained", height_ratios=(3, 1, 2, 2)
    )
    potential, stimulus, gates, currents = axes
    after = recording.times
    before = np.arange(len(recording)) * recording.dt

    potential.plot(after, recording.Vm, color=BLACK, linewidth=1)
    potential.set_ylabel("Membrane potential\n(mV from rest)")

    stimulus.plot(before, recording.stimulus, color=BLACK, linewidth=1, drawstyle="steps-post")
    stimulus.set_ylabel("Stimulus\n(µA/cm²)")

    gates.plot(after, recording.StateM, color=BLUE, linewidth=1, label="m")
    gates.plot(after, recording.StateH, color=ORANGE, linewidth=1, label="h")
    gates.plot(after, recording.StateN, color=GREEN, linewidth=1, label="n")
    gates.set_ylabel("Open fraction")
    gates.set_ylim(-0.05, 1.05)

    currents.plot(before, recording.INa, color=BLUE, linewidth=1, label="Na⁺")
    currents.plot(before, recording.IK, color=GREEN, linewidth=1, label="K⁺")
    currents.plot(before, recording.IKleak, color=ORANGE, linewidth=1, label="leak")
    currents.set_ylabel("Membrane current\n(µA/cm², outward +)")
    currents.set_xlabel("Time (ms)")

    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0)
    for panel in (gates, currents):
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.align_ylabels(axes)
    return figure

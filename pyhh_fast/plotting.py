"""Figures. Imported only by methods named `plot`, when they are called."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from pyhh_fast.recording import Recording

# Colours that stay apart for colour-blind readers (Okabe and Ito).
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"


# Height of a panel and its axis label, then its traces: name, label, colour.
PANELS = [
    (3, "Membrane potential\n(mV from rest)", [("Vm", "", BLACK)]),
    (1, "Stimulus\n(µA/cm²)", [("stimulus", "", BLACK)]),
    (2, "Open fraction", [("StateM", "m", BLUE), ("StateH", "h", ORANGE), ("StateN", "n", GREEN)]),
    (
        2,
        "Membrane current\n(µA/cm², outward +)",
        [("INa", "Na⁺", BLUE), ("IK", "K⁺", GREEN), ("IKleak", "leak", ORANGE)],
    ),
]


def plot_recording(recording: "Recording") -> Figure:
    """Draw potential, stimulus, gates and currents in four panels over one time axis.

    Each trace stands at its own time: potential and gates at the end of a step, stimulus and
    currents at its beginning. Panels of which nothing was recorded are left out.
    """
    there = {*recording.recorded, "stimulus"}
    panels = [panel for panel in PANELS if any(name in there for name, _, _ in panel[2])]
    heights = [height for height, _, _ in panels]
    figure, axes = plt.subplots(
        len(panels),
        sharex=True,
        squeeze=False,
        figsize=(8, sum(heights)),
        layout="constrained",
        height_ratios=heights,
    )
    after = recording.times
    before = np.arange(len(recording)) * recording.dt
    for axis, (_, ylabel, traces) in zip(axes[:, 0], panels, strict=True):
        for name, label, colour in traces:
            if name not in there:
                continue
            times = after if name == "Vm" or name.startswith("State") else before
            style = "steps-post" if name == "stimulus" else "default"
            trace = getattr(recording, name)
            axis.plot(times, trace, color=colour, linewidth=1, label=label, drawstyle=style)
        axis.set_ylabel(ylabel)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0)
        if len(traces) > 1:
            axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        if ylabel == "Open fraction":
            axis.set_ylim(-0.05, 1.05)
    axes[-1, 0].set_xlabel("Time (ms)")
    figure.align_ylabels(axes[:, 0])
    return figure

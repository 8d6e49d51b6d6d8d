"""The figure of docs/how-to/synaptic-bombardment.md: a cortical cell under two conductances.

python benchmarks/bombardment.py [--out docs/figures/bombardment.png]
"""

import argparse
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np

import pyhh_fast as pyhh
from pyhh_fast import Recording, stimuli

mpl.use("agg")

import matplotlib.pyplot as plt

FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "bombardment.png"
DT, DURATION, SHOWN = 0.05, 60_000.0, 1_000.0
FACTORS = {"published deviations": (1, "black"), "four times the deviations": (4, "grey")}


def conductances(factor: float) -> tuple[stimuli.Stimulus, stimuli.Stimulus]:
    """Return both, with so many times the published standard deviations."""
    per_area = 1e5 / 34_636  # mS/cm² of µS
    excitation = stimuli.ornstein_uhlenbeck(0.0121, factor * 0.0030, 2.728, seed=1)
    inhibition = stimuli.ornstein_uhlenbeck(0.0573, factor * 0.0066, 10.49, seed=2)
    return (
        stimuli.conductance(per_area * excitation, reversal=0),
        stimuli.conductance(per_area * inhibition, reversal=-75),
    )


def run(factor: float) -> Recording:
    """Run the cell for a minute."""
    neuron = pyhh.neurons.pospischil_rs().replace({"leak.g": 0.045, "leak.E": -80})
    excitation, inhibition = conductances(factor)
    return pyhh.Simulation(neuron, Vm=-65).run(
        excitation + inhibition, DT, duration=DURATION, method="exponential_euler", record=["Vm"]
    )


def main() -> None:
    """Print statistics of V, and draw a second of each run and the distributions of V."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=FIGURE)
    out = options.parse_args().out
    figure, axes = plt.subplots(
        *(2, 3),
        figsize=(10, 4.5),
        width_ratios=(3, 3, 1),
        height_ratios=(2, 1),
        layout="constrained",
    )
    for column, (name, (factor, colour)) in enumerate(FACTORS.items()):
        begin = time.perf_counter()
        recording = run(factor)
        seconds = time.perf_counter() - begin
        V, spikes = recording.Vm, recording.spike_times.size
        rest = V[V < -50]
        print(
            f"{name}: V {rest.mean():.2f} ± {rest.std():.2f} mV, {spikes / DURATION * 1e3:.2f} Hz, "
            f"{seconds / V.size * 1e9:.0f} ns a step"
        )
        steps = round(SHOWN / DT)
        times = np.arange(steps) * DT
        upper, lower = axes[:, column]
        upper.plot(times, V[-steps:], color=colour, linewidth=0.8)
        upper.set_title(name, fontsize=10)
        for part, label in zip(conductances(factor), ("excitation", "inhibition"), strict=True):
            _, G = part.to_arrays(V.size, DT)
            lower.plot(times, G[-steps:], linewidth=0.6, label=label)
        lower.set_xlabel("Time (ms)")
        bins = np.linspace(-85, -45, 81)
        axes[0, 2].hist(V, bins, density=True, histtype="step", color=colour)
    for row, label in enumerate(("Membrane potential (mV)", "Conductance\n(mS/cm²)")):
        axes[row, 0].set_ylabel(label)
    axes[1, 1].sharey(axes[1, 0])  # V of the first has a range of its own, without spikes
    axes[0, 2].set_xlabel("Membrane\npotential (mV)")
    axes[0, 2].set_ylabel("Density (1/mV)")
    axes[1, 2].axis("off")
    axes[1, 2].legend(*axes[1, 0].get_legend_handles_labels(), loc="center", frameon=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()

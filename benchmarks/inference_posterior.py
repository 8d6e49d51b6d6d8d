"""A posterior of the neuron of inference_neuron.py, made with sbi: a figure and its numbers.

    pip install ".[bench]" sbi && nice python benchmarks/inference_posterior.py

needs PyTorch, and takes half an hour on one core. The neuron is simulated with as many draws of its
14 parameters as --simulations says, in one call; neural posterior estimation (Greenberg et al.
2019) learns from these; one more run, whose parameters are known, is the observation.

The figure shows the posterior of parameters and of pairs, with the true values, and traces of the
observation, of draws from the posterior and of draws from the prior. For other neurons it is
counted how often the central 90 % of the posterior contain the true value.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import inference_neuron as study
import numpy as np
import torch
from sbi.inference import NPE
from sbi.utils import BoxUniform
from sbi.utils.simulation_utils import simulate_for_sbi
from timing import conditions, table

import pyhh_fast as pyhh

TRUE = {
    "Cm": 1.1,
    "leak.g": 0.07,
    "leak.E": -72.0,
    "Na.g": 45.0,
    "Na.shift": -57.0,
    "K.g": 4.0,
    "K.shift": -56.0,
    "M.g": 0.08,
    "L.g": 0.01,
    "Kv3.g": 8.0,
    "NaT.g": 15.0,
    "Na.h.speed": 1.0,
    "K.n.speed": 1.1,
    "M.p.speed": 1.2,
}
DRAWN = {
    "leak.g": "leak $g$\n(mS/cm²)",
    "leak.E": "leak $E$\n(mV)",
    "Na.shift": "Na shift\n(mV)",
    "NaT.g": "NaT $g$\n(mS/cm²)",
    "Kv3.g": "Kv3 $g$\n(mS/cm²)",
    "M.g": "M $g$\n(mS/cm²)",
    "K.n.speed": "K speed",
}
"""Parameters in the figure, and their labels."""

NOISE_OF_TRUE = 2**40
"""Number of the stream of noise that the observation has; no simulation has it."""

SHOWN = ("count", "latency", "mean threshold", "mean width", "mean AHP", "adaptation")
"""Features in the table."""

DRAWS = 10_000
OTHERS = 400
"""Neurons for which the posterior is checked."""

BLUE, ORANGE, GREY, BLACK = "#0072B2", "#D55E00", "#999999", "#000000"


class Study:
    """The simulator, its prior and the observation."""

    def __init__(self) -> None:
        options = {"method": study.METHOD, "start": "steady", "Vm": study.START_V}
        self.simulate = pyhh.simulator(
            study.neuron(),
            list(study.PRIOR),
            study.stimulus(),
            study.DT,
            study.STEPS * study.DT,
            features=study.features(),
            seed=1,
            **options,
        )
        low, high = torch.tensor(list(study.PRIOR.values()), dtype=torch.float32).T
        self.prior = BoxUniform(low, high)
        self.true = np.array([[TRUE[name] for name in study.PRIOR]])
        self.observed = self.simulate(self.true, seed=[NOISE_OF_TRUE])[0]

    def for_sbi(self, theta: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.simulate(theta), dtype=torch.float32)

    def traces(self, theta: np.ndarray, first_stream: int) -> np.ndarray:
        """Return V of a simulation of each row, each with noise of its own."""
        values = dict(zip(study.PRIOR, theta.T, strict=True))
        start = {"start": "steady", "Vm": study.START_V}
        cells = pyhh.Population.from_model(study.neuron(), len(theta), values, **start)
        noise = study.stimulus().of_cell(first_stream)
        options = {"duration": study.STEPS * study.DT, "method": study.METHOD}
        V: np.ndarray = cells.run(noise, study.DT, record=["Vm"], **options).Vm
        return V


def coverage(found: Study, posterior: Any) -> np.ndarray:
    """Return, for each parameter, how often the central 90 % contain the true value."""
    theta = found.prior.sample((OTHERS,))
    x = found.for_sbi(theta)
    valid = torch.isfinite(x).all(dim=1)
    theta, x = theta[valid], x[valid]
    quick = {"show_progress_bars": False, "reject_outside_prior": False}
    few = x.split(20)  # or it takes much memory
    draws = torch.cat([posterior.sample_batched((500,), x=part, **quick) for part in few], dim=1)
    possible = torch.isfinite(found.prior.log_prob(draws))
    draws[~possible] = torch.nan
    low, high = torch.nanquantile(draws, torch.tensor([0.05, 0.95]), dim=0)
    inside = ((theta > low) & (theta < high)).double().mean(dim=0)
    return np.append(inside.numpy(), len(theta))


def figure(found: Study, draws: np.ndarray, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    plt.rcParams |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    whole = plt.figure(figsize=(13.33, 7.5), layout="constrained")
    left, right = whole.subfigures(1, 2, width_ratios=[1.35, 1])
    left.suptitle("Posterior from 23 features of one run: 7 of 14 parameters", fontsize=13)
    right.suptitle("Runs with other noise: draws of posterior and prior", fontsize=13)
    pairs(found, draws, left)
    traces(found, draws, right)
    whole.savefig(path, dpi=96)


def pairs(found: Study, draws: np.ndarray, subfigure: Any) -> None:
    """Draw the lower triangle of pairs, and each parameter alone on the diagonal."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    names, size = list(DRAWN), len(DRAWN)
    every = list(study.PRIOR)
    places = [every.index(name) for name in names]
    draws, true = draws[:, places], found.true[0, places]
    axes = subfigure.subplots(size, size)
    bounds = [study.PRIOR[name] for name in names]
    for row in range(size):
        for column in range(size):
            axis = axes[row, column]
            if column > row:
                axis.remove()
                continue
            axis.set_xlim(*bounds[column])
            axis.set_yticks([])
            axis.tick_params(labelsize=8)
            if row == column:
                axis.hist(draws[:, row], bins=40, range=bounds[row], color=BLUE, density=True)
                axis.axhline(1 / np.ptp(bounds[row]), color=GREY, lw=1)
                axis.spines["left"].set_visible(False)
            else:
                ranges = [bounds[column], bounds[row]]
                counts, x, y = np.histogram2d(draws[:, column], draws[:, row], 45, range=ranges)
                axis.pcolormesh(x, y, counts.T, cmap="Blues", rasterized=True)
                axis.plot(true[column], true[row], "o", color=ORANGE, ms=5)
                axis.set_ylim(*bounds[row])
            if row == column:
                axis.axvline(true[row], color=ORANGE, lw=2)
            axis.xaxis.set_major_locator(MaxNLocator(3, prune="both", steps=[1, 2, 5, 10]))
            if row < size - 1:
                axis.set_xticklabels([])
            else:
                axis.set_xlabel(DRAWN[names[column]])
            if column == 0 and row > 0:
                axis.set_ylabel(DRAWN[names[row]])
    handles = [
        Line2D([], [], color=BLUE, lw=6, label="posterior"),
        Line2D([], [], color=GREY, lw=1, label="prior"),
        Line2D([], [], color=ORANGE, lw=2, marker="o", label="true value"),
    ]
    subfigure.legend(handles=handles, loc=(0.66, 0.78), frameon=False, fontsize=12)


def traces(found: Study, draws: np.ndarray, subfigure: Any) -> None:
    """Draw the observed trace above some of the posterior and of the prior."""
    axes = subfigure.subplots(6, 1, sharex=True, sharey=True)
    times = (np.arange(study.STEPS) + 1) * study.DT
    observed = found.traces(found.true, NOISE_OF_TRUE)
    random = np.random.default_rng(0).choice(len(draws), 3, replace=False)
    torch.manual_seed(2)
    kinds = [
        ("observed", BLACK, observed),
        ("posterior", BLUE, found.traces(draws[random], 2 * NOISE_OF_TRUE)),
        ("prior", GREY, found.traces(found.prior.sample((2,)).numpy(), 3 * NOISE_OF_TRUE)),
    ]
    lines = [(name, colour, V) for name, colour, rows in kinds for V in rows]
    for axis, (name, colour, V) in zip(axes, lines, strict=True):
        axis.plot(times, V, color=colour, lw=0.8)
        axis.text(0.01, 0.86, name, color=colour, transform=axis.transAxes, fontsize=11)
        axis.set_ylim(-100, 60)
        axis.set_yticks([-80, 0])
    axes[-1].set_xlabel("Time (ms)")
    axes[2].set_ylabel("Membrane potential (mV)")


def numbers(found: Study, x: np.ndarray, draws: np.ndarray, inside: np.ndarray) -> str:
    """Return the tables of parameters and of features."""
    parameters = []
    for name, true, values, part in zip(study.PRIOR, found.true[0], draws.T, inside, strict=False):
        prior = study.PRIOR[name]
        cells = [f"{edge:.3g}" for edge in (true, *prior, *np.percentile(values, [5, 50, 95]))]
        parameters.append([name, *cells, f"{part:.0%}"])
    headings = ["parameter", "true", "prior from", "to", "posterior 5 %", "median", "95 %"]
    first = table([*headings, "90 % hold the true value"], parameters)
    predicted = found.simulate(draws[:500], seed=2)
    features = []
    names = list(study.features())
    for name in SHOWN:
        column = names.index(name)
        edges = [*np.nanpercentile(x[:, column], [5, 95])]
        edges += [*np.nanpercentile(predicted[:, column], [5, 95])]
        cells = [f"{value:.3g}" for value in (found.observed[column], *edges)]
        features.append([name, *cells])
    headings = ["feature", "observed", "prior 5 %", "95 %", "posterior 5 %", "95 %"]
    return f"{first}\n\n{table(headings, features)}"


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description="Infer 14 parameters of a neuron.")
    options.add_argument("--simulations", type=int, default=30_000, help="(default: %(default)s)")
    folder = Path(__file__).parents[1] / "docs" / "figures"
    options.add_argument("--out", type=Path, default=folder / "posterior.png")
    chosen = options.parse_args(arguments)

    torch.set_num_threads(1)
    out = chosen.out.resolve()
    found = Study()
    clock = [time.perf_counter()]
    theta, x = simulate_for_sbi(
        *(found.for_sbi, found.prior, chosen.simulations), simulation_batch_size=None, seed=1
    )
    clock.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as logs, contextlib.chdir(logs):  # where sbi writes them
        inference = NPE(found.prior)
        inference.append_simulations(theta, x).train()
    clock.append(time.perf_counter())
    posterior = inference.build_posterior()
    draws = posterior.sample((DRAWS,), x=torch.as_tensor(found.observed, dtype=torch.float32))
    inside = coverage(found, posterior)
    print(numbers(found, x.numpy(), draws.numpy(), inside))
    simulating, training = np.diff(clock)
    valid = int(torch.isfinite(x).all(dim=1).sum())
    print(
        f"\n{chosen.simulations:,} simulations of {study.STEPS:,} steps in {simulating:.0f} s, "
        f"{valid:,} with all features; trained on these in {training:.0f} s; the last column is "
        f"of {inside[-1]:.0f} other neurons.\n{conditions('numpy', 'pyhh_fast', 'torch', 'sbi')}"
    )
    figure(found, draws.numpy(), out)


if __name__ == "__main__":
    main()

"""20 million simulations for inference: ms a run of this package, of Brian2 and of loops by hand.

    pip install ".[bench]" && python benchmarks/inference.py

The work is that of a study (Bernaerts et al., bioRxiv 2023.03.02.530774), which made 20 million
runs of 30,000 steps of 0.04 ms of a neuron with nine gates and seven currents, 14 parameters drawn
for each and a noisy current, and kept 23 features of each: 15 h 54 min on 20 processes of Brian2,
57 ms a run and core. inference_neuron.py has a neuron of this kind.

Before anything is timed V of 8 runs with the same noise is compared, step by step. Brian2's
exponential Euler steps V with the gates before the step and this package with those after it; so
Brian2 is compared with the loop in this order, and the loop in the other with this package.

Noise is computed in each run. The other ways record V in any case, and their features are
`features.of` of it, by NumPy. Slow ways make fewer runs; all times are for one. Compiling is not
timed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import inference_neuron as study
import numpy as np
from cell import Disagreement
from inference_peers import Brian2, Numba, PlainPython, Runs, ThisPackage, TwoThreads
from timing import AGREED, Row, parser, report, set_up, table, three_digits, time_interleaved

WAYS: list[type[Runs]] = [TwoThreads, ThisPackage, Brian2, Numba, PlainPython]
COMPARED = 8
"""Runs whose V is compared; seven of them spike."""
COMPARED_STEPS = 5_000
"""Of the plain loop, which takes a second a run."""
TOLERANCE = 1e-5  # mV
LONGEST = 60.0  # s: what a row may take over all rounds
MILLIONS = 20
STUDY = 57.0  # ms a run and core


@dataclass
class TimedRuns(Row):
    """A row, and how far V of its way is from that of another."""

    way: type[Runs] = ThisPackage
    observed: bool = False
    differs_by: float = 0.0  # mV

    @property
    def ms_a_run(self) -> float:
        return self.best / self.steps * 1e3


class Bench:
    """What one call of the script found."""

    def __init__(self, runs: int, ways: Sequence[type[Runs]]) -> None:
        self.theta = study.drawn(runs, seed=1)
        self.ways, self.rows = ways, list[TimedRuns]()
        self.left_out: dict[str, str] = {}

    def check(self) -> None:
        """Make the rows and compare their V; this also warms them up."""
        noise = np.random.default_rng(5).normal(0, study.NOISE_SD, (COMPARED, study.STEPS))
        made = {way: set_up(way, self.left_out, way.label, self.theta) for way in self.ways}
        ours = made[ThisPackage].traces(noise)
        loop = made.get(Numba)
        for way, instance in made.items():
            if instance is None:
                continue
            expected, differs_by = ours, 0.0
            if not way.steps_alike:
                if loop is None:
                    raise Disagreement(f"{way.label}: without numba there is nothing to compare")
                expected = loop.traces(noise, staggered=False)
            part = noise[:1, :COMPARED_STEPS] if way is PlainPython else noise
            V = instance.traces(part)
            differs_by = float(np.abs(V - expected[: len(V), : V.shape[1]]).max())
            if not differs_by <= TOLERANCE:
                raise Disagreement(f"{way.label}: V differs by {differs_by:.2g} mV")
            for observed in (False, True):
                row = TimedRuns(way.label, len(instance.theta), lambda: None)
                row.prepare = lambda instance=instance, observed=observed: instance.prepare(
                    observed
                )
                row.way, row.observed, row.differs_by = way, observed, differs_by
                self.rows.append(row)

    def ms(self, way: type[Runs], observed: bool) -> float:
        """Return the ms a run of a way; nan where it is not there."""
        found = [row for row in self.rows if row.way is way and row.observed is observed]
        return found[0].ms_a_run if found else float("nan")

    def table(self) -> str:
        lines = []
        for way in dict.fromkeys(row.way for row in self.rows):
            row = next(row for row in self.rows if row.way is way)
            alone, observed = self.ms(way, False), self.ms(way, True)
            ratio = observed / self.ms(ThisPackage, True)
            lines.append(
                [
                    way.label,
                    *(f"{way.threads}", f"{row.steps:,}"),
                    *map(three_digits, (alone, observed, observed / study.STEPS * 1e6, ratio)),
                    three_digits(observed * MILLIONS / 3.6),
                    "" if way in (ThisPackage, TwoThreads) else f"{row.differs_by:.0e}",
                ]
            )
        headings = ["", "threads", "runs timed", "simulation alone: ms a run"]
        headings += ["with the 23 features: ms a run", "ns a step", "× this package, one thread"]
        return table([*headings, "20 million runs (h)", "V differs by (mV)"], lines)

    def arithmetic(self) -> str:
        """Return what 20 million runs would take, and how that was found, in sentences."""
        rows = [row for row in self.rows if row.way is TwoThreads and row.observed]
        if not rows:
            return ""
        (row,) = rows
        steps, scale = row.steps * study.STEPS, MILLIONS * 1_000_000 / row.steps
        took, hours = row.best, row.best * scale / 3600
        core_hours, of_study = hours * TwoThreads.threads, STUDY * MILLIONS / 3.6
        return (
            f"{row.steps:,} runs of {study.STEPS:,} steps, {steps:.3g} cell-steps, with their 23 "
            f"features took {took:.3g} s on {TwoThreads.threads} threads, "
            f"{took / steps * 1e9:.3g} ns a cell-step. {MILLIONS} million runs are {scale:,.0f} "
            f"times as much: {took:.3g} s × {scale:,.0f} / 3,600 = {hours:.3g} h, "
            f"{core_hours:.3g} hours of a core. The study's {STUDY:g} ms × {MILLIONS} million are "
            f"{of_study:.3g} hours of a core of its machine, {of_study / core_hours:.3g} times "
            "as many."
        )


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser("Time simulations for inference", rounds=5)
    options.add_argument("--runs", type=int, default=20_000, help="(default: %(default)s)")
    options.add_argument("--quick", action="store_true", help="200 runs, two rounds, no Brian2")
    chosen = options.parse_args(arguments)
    if chosen.rounds < 1 or chosen.runs < COMPARED:
        options.error(f"--rounds must be 1 or more, --runs {COMPARED} or more")
    if chosen.quick and chosen.write:
        options.error("--write needs a whole run")
    rounds, runs = (2, 200) if chosen.quick else (chosen.rounds, chosen.runs)

    bench = Bench(runs, [way for way in WAYS if not (chosen.quick and way is Brian2)])
    try:
        bench.check()
    except Disagreement as error:
        sys.exit(f"{error}; nothing was timed.")
    time_interleaved(bench.rows, rounds, LONGEST)

    how = f"{AGREED} Exponential Euler. Smallest of {rounds} rounds, rows interleaved, slow ones "
    report(
        "Simulations for inference: inference.py" if chosen.write else None,
        [bench.table(), bench.arithmetic()],
        f"{how}fewer",
        dict.fromkeys(row.way.package for row in bench.rows),
        bench.left_out,
    )


if __name__ == "__main__":
    main()

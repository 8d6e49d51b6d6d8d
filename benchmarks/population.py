"""Many cells: ns per cell and step of this package, of loops by hand and of three simulators.

    pip install ".[bench]" && python benchmarks/population.py

Cells do not touch each other, and no two are alike, so that nobody can share work among them: each
has a constant current of its own, 8 to 20 µA/cm², and one of 101 sodium conductances within 5 % of
Hodgkin and Huxley's. All start at their own rest and fire repetitively; with less than 7.6 µA/cm²
some would fall silent after a few spikes, how many depending on the method. dt is 0.01 ms. The
spikes of each cell, upward crossings of 50 mV, are recorded, and the last state.

Every row is compared with the first before anything is timed, and the script stops where they
differ. Where the method is forward Euler the counts must be equal, cell by cell, and V at the end.
Arbor and NEURON step V by backward Euler, which delays spikes a little, so that the end of the run
may fall between the two: a few counts may differ, by one.

Making cells and compiling are not timed. Slow rows make fewer steps, and leave out populations
that take minutes to set up; the last but one column of the table tells. This package also keeps
the times of the spikes. What is not installed is left out, and the reason printed.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import population_peers as peers
import population_simulators as simulators
from cell import STEP, Disagreement, FloatArray
from population_peers import Cells, Outcome, PopulationWay
from timing import AGREED, Row, parser, report, set_up, table, three_digits, time_interleaved

STEPS = {1_000: 50_000, 10_000: 5_000, 1_000_000: 400}
"""Sizes, and the steps of fast rows."""
QUICK = {1_000: 2_000}
FEWEST_STEPS = 500
"""Of slow rows: enough for most cells to spike."""
LONGEST = 10.0  # s: what a row may take over all rounds, so that slow ones leave time to the rest
KINDS = 101
"""How many sodium conductances there are."""

V_TOLERANCE = 1e-6  # mV
COUNTS_OFF = 0.05
"""Largest part of the cells whose counts may differ by one, if the method is another.

In 20 to 100 ms there are one to ten spikes of a cell, each late by some 0.03 ms a spike before it.
"""


class ThisPackage(PopulationWay):
    label: ClassVar[str] = "**this package**, `Population.run`"
    package: ClassVar[str] = "pyhh_fast"

    def prepare(self) -> Callable[[], Any]:
        from pyhh_fast import Population

        c = self._cells
        population = Population(c.size, gNa=c.gNa)
        population.Vm, population.StateM = c.V, c.m
        population.StateH, population.StateN = c.h, c.n
        options = {"duration": self._steps * STEP, "threads": self._threads}
        return lambda: population.run(c.current, STEP, **options)

    def read(self, result: Any) -> Outcome:
        return Outcome(result.spike_counts, result.final_state.Vm)


WAYS: list[type[PopulationWay]] = [
    *(ThisPackage, peers.PlainC, peers.Numba, peers.Jax),
    *(simulators.Arbor, simulators.Brian2, simulators.Neuron),
]


@dataclass
class TimedPopulation(Row):
    """A row, and what was found when it was compared with the first."""

    way: type[PopulationWay] = ThisPackage
    threads: int = 1
    cells: int = 0
    differs_by: float | None = None  # mV
    counts_off: int = 0


class Bench:
    """What one call of the script found."""

    def __init__(self, sizes: dict[int, int], ways: Sequence[type[PopulationWay]]) -> None:
        self.sizes, self.ways = sizes, ways
        self.left_out: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        self.rows: list[TimedPopulation] = []
        self._expected: dict[tuple[int, int], Outcome] = {}

    def get(self, way: type[PopulationWay], threads: int, size: int) -> TimedPopulation | None:
        """Return a row, if it is there."""
        for row in self.rows:
            if (row.way, row.threads, row.cells) == (way, threads, size):
                return row
        return None

    def check(self) -> None:
        """Make the rows and hold each against the first; this also warms them up."""
        for way in self.ways:
            for threads in way.threads:
                for size, most_steps in self.sizes.items():
                    if size > way.most_cells or way.label in self.left_out:
                        continue
                    steps = min(most_steps, max(most_steps // way.share, FEWEST_STEPS))
                    arguments = different_cells(size), steps, threads
                    instance = set_up(way, self.left_out, way.label, *arguments)
                    if instance is not None:
                        self.rows.append(self._checked(instance, way, size, steps, threads))

    def _checked(
        self, instance: PopulationWay, way: type[PopulationWay], size: int, steps: int, threads: int
    ) -> TimedPopulation:
        call = instance.prepare()
        outcome = instance.read(call())
        del call
        if instance.note:
            self.notes.setdefault(way.label, instance.note)
        row = TimedPopulation(f"{way.label}, {size:,} cells", size * steps, instance.prepare)
        row.way, row.threads, row.cells = way, threads, size
        row.seconds = getattr(instance, "seconds", None)
        expected = self._reference(size, steps)
        row.counts_off = counts_off(row, outcome, expected)
        if way.forward_euler:
            row.differs_by = largest_difference(row, outcome, expected)
        return row

    def _reference(self, size: int, steps: int) -> Outcome:
        """Return what one thread of the first way that there is makes of as many steps."""
        if (size, steps) not in self._expected:
            way = next(way for way in self.ways if way.label not in self.left_out)
            instance = way(different_cells(size), steps, 1)
            self._expected[size, steps] = instance.read(instance.prepare()())
        return self._expected[size, steps]

    def speed(self) -> str:
        lines = []
        for way in self.ways:
            for threads in way.threads:
                rows = [self.get(way, threads, size) for size in self.sizes]
                made = [row for row in rows if row]
                if not made:
                    continue
                numbers = [three_digits(row.ns_per_step) if row else "" for row in rows]
                ours = self.get(ThisPackage, threads, made[0].cells)
                ratio = three_digits(made[0].ns_per_step / ours.ns_per_step) if ours else ""
                steps = " / ".join(f"{row.steps // row.cells:,}" for row in made)
                differs = [row.differs_by for row in made if row.differs_by is not None]
                found = f"{max(differs):.0e} mV" if differs else ""
                if not way.forward_euler:
                    found = " / ".join(f"{row.counts_off}" for row in made) + " counts, by 1"
                lines.append([way.label, f"{threads}", *numbers, ratio, steps, found])
        headings = ["dt 0.01 ms: ns per cell and step", "threads"]
        headings += [f"{size:,} cells" for size in self.sizes]
        smallest = min(self.sizes)
        headings += [f"× this package at {smallest:,}", "steps", "differs from the first row by"]
        return table(headings, lines)


@functools.cache
def different_cells(size: int) -> Cells:
    gNa, *state = (np.resize(values, size) for values in _kinds())
    return Cells(np.linspace(8, 20, size), gNa, *state)


@functools.cache
def _kinds() -> FloatArray:
    """Return sodium conductances, in mS/cm², and V, m, h and n at rest with each."""
    from pyhh_fast import HHModel

    columns = []
    for gNa in np.linspace(114, 126, KINDS):
        c = HHModel.at_rest(gNa=gNa)
        columns.append([gNa, c.Vm, c.m.state, c.h.state, c.n.state])
    return np.array(columns).T


def counts_off(row: TimedPopulation, outcome: Outcome, expected: Outcome) -> int:
    """Return how many cells have another number of spikes; Disagreement where that is too much."""
    differences = np.abs(outcome.spikes - expected.spikes)
    off = int(np.count_nonzero(differences))
    allowed = 0 if row.way.forward_euler else COUNTS_OFF * row.cells
    if off > allowed or differences.max() > 1:
        raise Disagreement(f"{row.label}: {off} counts differ, by up to {differences.max()}")
    return off


def largest_difference(row: TimedPopulation, outcome: Outcome, expected: Outcome) -> float:
    """Return the largest difference of V at the end, in mV; Disagreement where it is too much."""
    if outcome.V is None or expected.V is None:
        raise Disagreement(f"{row.label}: there is no V to compare")
    difference = float(np.abs(outcome.V - expected.V).max())
    if not difference <= V_TOLERANCE:
        raise Disagreement(f"{row.label}: V differs by {difference:.2g} mV")
    return difference


def claims(bench: Bench) -> str:
    """Return a table of ratios between rows of this run."""

    def quotient(above: TimedPopulation | None, below: TimedPopulation | None) -> float:
        return above.ns_per_step / below.ns_per_step if above and below else float("nan")

    def gain(way: type[PopulationWay], size: int) -> float:
        return quotient(bench.get(way, 1, size), bench.get(way, 2, size))

    def slower(way: type[PopulationWay], size: int) -> float:
        return quotient(bench.get(way, 1, size), bench.get(ThisPackage, 1, size))

    measures: dict[str, Callable[[int], float]] = {
        "plain C's time of this package's, one thread": lambda n: slower(peers.PlainC, n),
        "Arbor's time of this package's, one thread": lambda n: slower(simulators.Arbor, n),
        "gain from a second thread, this package": lambda n: gain(ThisPackage, n),
        "gain from a second thread, plain C": lambda n: gain(peers.PlainC, n),
        "the former of the latter": lambda n: gain(ThisPackage, n) / gain(peers.PlainC, n),
    }
    lines = []
    for what, measure in measures.items():
        values = [measure(size) for size in bench.sizes]
        lines.append([what, *["" if np.isnan(value) else f"{value:.2f}" for value in values]])
    return table(["", *[f"{size:,} cells" for size in bench.sizes]], lines)


def fi_curve(count: int, rounds: int) -> str:
    """Return how long the f-I curve of so many currents takes, in a sentence."""
    from pyhh_fast import HHModel

    try:
        from pyhh_fast import fi_curve as curve
    except ImportError as error:
        return f"f-I curve: not measured ({error})."
    model, currents = HHModel.at_rest(), np.linspace(0, 20, count)
    row = Row("", count, lambda: lambda: curve(model, currents))
    row.prepare()()
    time_interleaved([row], rounds, LONGEST)
    return (
        f"An f-I curve of {count:,} currents, 1 s each, `fi_curve(model, currents)` with all "
        f"cores: {three_digits(row.best)} s."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser("Time many cells", rounds=20)
    options.add_argument(
        "--quick", action="store_true", help="one small size, two rounds, no Brian2: seconds"
    )
    chosen = options.parse_args(arguments)
    if chosen.rounds < 1:
        options.error("--rounds must be 1 or more")
    if chosen.quick and chosen.write:
        options.error("--write needs a whole run")
    rounds = 2 if chosen.quick else chosen.rounds
    ways = [way for way in WAYS if not (chosen.quick and way is simulators.Brian2)]

    bench = Bench(QUICK if chosen.quick else STEPS, ways)
    try:
        bench.check()
    except Disagreement as error:
        sys.exit(f"{error}; nothing was timed.")
    time_interleaved(bench.rows, rounds, LONGEST)

    parts = [bench.speed(), claims(bench), fi_curve(20 if chosen.quick else 1_000, min(rounds, 5))]
    if bench.notes:
        parts.append("; ".join(f"{label}: {note}" for label, note in bench.notes.items()) + ".")
    how = f"Smallest of {rounds} rounds, rows interleaved, slow ones fewer"
    heading = "Many cells: population.py" if chosen.write else None
    report(
        heading, parts, f"{AGREED} {how}", [row.way.package for row in bench.rows], bench.left_out
    )


if __name__ == "__main__":
    main()

"""One neuron: ns per step of this package, of loops written by hand, and of four simulators.

    pip install ".[bench]" && taskset -c 0 python benchmarks/single_cell.py

Every row simulates the cell of cell.py from the same state, 10 µA/cm² at 0.01 ms, which keeps it
firing, and writes its traces into new arrays each time. Before anything is timed every row's
traces are compared with this package's, and the script stops where they differ: number by number
where the method is forward Euler; where it is not, all spikes of the first second, extrapolated
to a step of zero, must be where forward Euler's are, and each trace must span what it should.
What is not installed is left out, and the reason printed.

`Simulation.Run` also checks and copies the stimulus and finds the spikes; the others do not. The
compilation, the making of the cell and, for Brian2, the reading of its results from disk are not
timed here; the table of cold starts has them. Slow rows make fewer steps or fewer rounds.

Times are the smallest of many rounds, so of rounds whose arrays may lie in memory that the process
already holds. A process's first run also pays for fresh pages; the table of cold starts has it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cold_start
from cell import (
    SLOW_STEPS,
    STEP,
    Disagreement,
    FloatArray,
    Traces,
    Unavailable,
    Way,
    check_extremes,
    exact_spike_times,
    largest_difference,
    spike_error,
    spike_times,
)
from loops import Numba, NumbaAllocating, PlainC, PurePython
from simulators import Arbor, Brian2, Brian2Loop, Jaxley, Neuron
from this_package import CustomKinetics, Iterate, Run, ThisPackage, readme_example
from timing import AGREED, Row, parser, report, set_up, table, three_digits, time_interleaved

RECORDING_STEPS = 10_000_000
LONG_STEPS = 100_000_000
LONGEST = 5.0  # s: what a row may take over all rounds, so that slow ones leave time to the rest

ROWS: list[tuple[type[Way], bool]] = [
    (ThisPackage, True),
    (Run, False),
    (CustomKinetics, True),
    (PlainC, True),
    (PlainC, False),
    (NumbaAllocating, True),
    (Numba, True),
    (Numba, False),
    (Jaxley, True),
    (Jaxley, False),
    (Arbor, True),
    (Arbor, False),
    (Neuron, True),
    (Neuron, False),
    (Brian2, True),
    (Brian2, False),
    (Brian2Loop, True),
    (Brian2Loop, False),
    (Iterate, True),
    (PurePython, True),
]
"""Ways, and whether with all traces that the way can record, or with V alone."""

FIRST_RUNS: list[type[Way]] = [
    *(ThisPackage, CustomKinetics, PlainC, NumbaAllocating, Numba, Jaxley, Arbor, Neuron)
]
COLD = [*FIRST_RUNS, Brian2, PurePython]

ColdStarts = dict[type[Way], cold_start.ColdStart]


@dataclass
class TimedWay(Row):
    """A row, and what was found when it was compared with the first."""

    way: type[Way] = ThisPackage
    traces: int = 0
    differs_by: float | None = None  # mV
    spike_error: float | None = None  # ms


class Bench:
    """What one call of the script found."""

    def __init__(
        self,
        steps: int,
        ways: Sequence[tuple[type[Way], bool]],
        exact: Callable[[type[Way]], FloatArray] = exact_spike_times,
    ) -> None:
        self.steps, self.ways, self._exact = steps, ways, exact
        self.left_out: dict[str, str] = {}
        self.rows: list[TimedWay] = []

    def get(self, way: type[Way], *, all_traces: bool) -> TimedWay | None:
        """Return the row of a way, if it is there."""
        for row in self.rows:
            if row.way is way and (row.traces > 1) == all_traces:
                return row
        return None

    def made(self, way: type[Way], steps: int, all_traces: bool) -> Way | None:
        """Return a way, set up; None, with the reason noted, where it cannot be had."""
        label = f"{way.label}{'' if all_traces else ', V only'}"
        return set_up(way, self.left_out, label, steps, STEP, all_traces)

    def check(self) -> None:
        """Make the rows and hold each against the first; this also warms them up."""
        exact = self._exact(self.ways[0][0])
        expected: Traces = {}
        errors: dict[type[Way], float] = {}
        for way, all_traces in self.ways:
            in_python = way is CustomKinetics and not CustomKinetics.is_compiled(STEP)
            steps = min(self.steps, SLOW_STEPS if in_python else way.most_steps)
            instance = self.made(way, steps, all_traces)
            if instance is None:
                continue
            call = instance.prepare()
            traces = instance.read(call())
            del call
            row = TimedWay(way.label, steps, instance.prepare, way=way, traces=len(traces))
            row.seconds = getattr(instance, "seconds", None)
            if not expected:
                expected = traces
                times = spike_times(instance, traces["Vm"], STEP)
                if times.size >= exact.size:
                    row.spike_error = float(times[exact.size - 1] - exact[-1])
            elif way.forward_euler:
                row.differs_by = largest_difference(instance, traces, expected)
            else:
                check_extremes(instance, traces, expected)
                if way not in errors:
                    errors[way] = spike_error(way, exact)
                row.spike_error = errors[way]
            self.rows.append(row)

    def speed(self) -> str:
        ours = self.rows[0].ns_per_step
        lines = []
        for row in self.rows:
            ns = row.ns_per_step
            numbers = [f"{row.traces}", f"{row.steps:,}", three_digits(ns), three_digits(ns / ours)]
            differs_by = "" if row.differs_by is None else f"{row.differs_by:.0e}"
            error = "" if row.spike_error is None else f"{row.spike_error:+.2f}"
            lines.append([row.label, *numbers, differs_by, error])
        headings = ["one cell, dt 0.01 ms", "traces", "steps", "ns/step", "× this package"]
        headings += ["V differs by (mV)", "error of the last spike of the first second (ms)"]
        return table(headings, lines)


def recording_cost(rounds: int) -> tuple[float, float]:
    """Return ns per step of a long run with all traces, and with V alone."""
    rows = [
        Row("", RECORDING_STEPS, Run(RECORDING_STEPS, STEP, all_traces).prepare)
        for all_traces in (True, False)
    ]
    time_interleaved(rows, rounds)
    return rows[0].ns_per_step, rows[1].ns_per_step


def cold_starts(ways: Mapping[type[Way], int], rounds: int) -> ColdStarts:
    """Return the processes' smallest times, part by part.

    `ways` says how many steps the run after the first result has; 0 for no such run.
    """
    best: ColdStarts = {}
    spent = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for way, steps in ways.items():
            if spent[way] >= LONGEST:
                continue
            found = cold_start.measure(way, steps)
            spent[way] += found.first_result
            best[way] = found.smallest(best.get(way, found))
    return best


def cold_start_table(cold: ColdStarts, steps: int) -> str:
    lines = []
    for way, found in cold.items():
        seconds = (found.first_result, found.importing, found.setting_up)
        first = f"{found.first_run / steps * 1e9:.3g}" if way in FIRST_RUNS else ""
        lines.append([way.label, *map(three_digits, seconds), first])
    headings = ["from the start of a process", "to the first result (s)"]
    headings += ["of that: import, NumPy's aside (s)", "set-up and 20,000 steps (s)"]
    return table([*headings, f"then first run of {steps:,} steps (ns/step)"], lines)


def claims(bench: Bench, cold: ColdStarts, rounds: int) -> str:
    """Return a table of what this package set out to reach and what this run measured."""
    ours = bench.rows[0]

    def ratio(way: type[Way]) -> str:
        row = bench.get(way, all_traces=True)
        if row is None:
            return "not measured"
        text = f"{row.ns_per_step / ours.ns_per_step:.2f}"
        if row.steps < ours.steps:
            return f"{text} (stepped in Python)"
        if way in cold:
            first = cold[way].first_run / cold[ThisPackage].first_run
            text += f"; first run of a process {first:.2f}"
        return text

    def example() -> str:
        row = Row("", 20_000, readme_example)
        row.prepare()()
        time_interleaved([row], 10 * rounds)
        return f"{row.best * 1e3:.2f} ms"

    def recording() -> str:
        with_all, only_V = recording_cost(max(3, rounds // 2))
        return f"{with_all / only_V:.2f} ({with_all:.2f} : {only_V:.2f} ns)"

    def unless_unavailable(measure: Callable[[], str]) -> str:
        try:
            return measure()
        except Unavailable as error:
            return f"not measured: {error}"

    return table(
        ["aim", "", "measured"],
        [
            ["plain C, all traces, against this package", "2.2 or more", ratio(PlainC)],
            ["numba, its own outputs, against this package", "4 or more", ratio(NumbaAllocating)],
            ["numba, NumPy's outputs, against this package", "4 or more", ratio(Numba)],
            [
                "README's example, rate tables rebuilt",
                "1.5 ms or less",
                unless_unavailable(example),
            ],
            ["kinetics of a subclass against built-in", "1.1 or less", ratio(CustomKinetics)],
            [
                f"all traces against V alone, {RECORDING_STEPS:,} steps",
                "1.3 or less",
                unless_unavailable(recording),
            ],
        ],
    )


def long_runs(bench: Bench) -> str:
    """Return a table of long runs with V alone."""
    rows = []
    for short in bench.rows:
        if short.traces > 1 or short.seconds:
            continue
        quick = short.ns_per_step * LONG_STEPS * 1e-9 < 2 * LONGEST
        steps = LONG_STEPS if quick else LONG_STEPS // 10
        way = bench.made(short.way, steps, all_traces=False)
        if way is not None:
            rows.append(Row(short.label, steps, way.prepare))
    time_interleaved(rows, 3, LONGEST)
    ours = next((row.ns_per_step for row in rows if row.label == Run.label), float("nan"))
    lines = [
        [
            row.label,
            f"{row.steps:,}",
            three_digits(row.ns_per_step),
            three_digits(row.ns_per_step / ours),
            three_digits(row.ns_per_step * LONG_STEPS * 1e-9),
        ]
        for row in rows
    ]
    headings = ["V only", "steps", "ns/step", "× this package", f"s for {LONG_STEPS:,} steps"]
    return table(headings, lines)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser("Time one neuron", rounds=40)
    options.add_argument("--steps", type=int, default=1_000_000, help="(default: %(default)s)")
    options.add_argument("--long", action="store_true", help="also runs of 10⁸ steps (minutes)")
    chosen = options.parse_args(arguments)
    if chosen.steps < SLOW_STEPS or chosen.rounds < 1:
        options.error(f"--steps must be {SLOW_STEPS} or more, --rounds 1 or more")

    bench = Bench(chosen.steps, ROWS)
    try:
        bench.check()
    except Disagreement as error:
        sys.exit(f"{error}; nothing was timed.")
    time_interleaved(bench.rows, chosen.rounds, LONGEST)

    there = {row.way for row in bench.rows}
    steps = {way: bench.steps if way in FIRST_RUNS else 0 for way in COLD if way in there}
    cold = cold_starts(steps, chosen.rounds)
    parts = [
        bench.speed(),
        claims(bench, cold, chosen.rounds),
        cold_start_table(cold, chosen.steps),
    ]
    if chosen.long:
        parts.append(long_runs(bench))
    how = f"{AGREED} Smallest of {chosen.rounds} rounds, rows interleaved"
    heading = "One neuron: single_cell.py" if chosen.write else None
    report(heading, parts, how, [row.way.package for row in bench.rows], bench.left_out)


if __name__ == "__main__":
    main()

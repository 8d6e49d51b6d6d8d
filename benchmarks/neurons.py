"""Published neurons: ns per step, set-up and cold start of this package, of loops, of simulators.

    pip install ".[bench]" && taskset -c 0 python benchmarks/neurons.py

installs numba, NEURON, Brian2 and Jaxley, too; NEURON's nrnivmodl and Brian2 need make and a C++
compiler, the loop in C needs a C compiler. What is not there is left out, and the reason printed.

Each neuron runs under a constant current from the same state (PROTOCOLS of cell.py), at 0.01 ms,
and its traces go into new arrays each time. Before anything is timed all are compared with this
package's: number by number where the method is forward Euler; where it is not, all spikes of the
first 200 ms, extrapolated to a step of zero, must be where the adaptive method has them.

The level v3 (PYHH_FAST_SIMD=v3) is in a process of its own, which times itself, in the same rounds.
Set-up is all between the import and the end of 20,000 steps: to declare and to tabulate the neuron
here, to compile it elsewhere. Simulators record V alone; NEURON makes 20,000 steps. Runs are short,
so that other processes of the machine do not interrupt all of them. A thousand cells of the burster
run at once (burster_population.py).
"""

import math
import sys
from collections.abc import Sequence

import cold_start
import neuron_peers
from burster_population import BursterBench
from cell import STEP, Disagreement, Way
from single_cell import LONGEST, Bench, ColdStarts, cold_starts
from this_package import BuiltIn, Declared, New, adaptive_spike_times, on_v3
from timing import AGREED, Row, parser, report, table, three_digits, time_interleaved

TITLES = {
    "hodgkin_huxley": "Hodgkin and Huxley, as channels",
    "wang_buzsaki": "Wang and Buzsáki",
    "connor_stevens": "Connor and Stevens",
    "pospischil_ib": "Pospischil IB",
    "nine_gates": "nine gates, seven currents",
    "prinz": "the burster of Prinz",
}
PUBLISHED = ("wang_buzsaki", "connor_stevens", "pospischil_ib", "prinz")
LOOPS: list[type[Way]] = [neuron_peers.PlainC, neuron_peers.Numba]
SIMULATORS: list[type[Way]] = [neuron_peers.Neuron, neuron_peers.Brian2, neuron_peers.Jaxley]
FIRST_STEPS = cold_start.STEPS


def ways_of(neuron: str) -> list[tuple[type[Way], bool]]:
    """Return the ways to simulate a neuron, and whether with all traces; this package's first."""
    ours = Declared.of(neuron)
    with_traces: list[type[Way]] = [ours, on_v3(ours)]
    if neuron == "hodgkin_huxley":
        with_traces += [BuiltIn.of(neuron), on_v3(BuiltIn.of(neuron))]
    elif neuron == "nine_gates":
        with_traces.append(neuron_peers.Numba.of(neuron))
    else:
        with_traces += [way.of(neuron) for way in LOOPS]
    ways = [(way, all_traces) for way in with_traces for all_traces in (True, False)]
    if neuron in PUBLISHED:
        simulators = [neuron_peers.Brian2] if neuron == "prinz" else SIMULATORS
        ways += [(way.of(neuron), False) for way in simulators]
    return ways


class NeuronBench(Bench):
    """What was found of one neuron."""

    def __init__(self, neuron: str, steps: int) -> None:
        super().__init__(steps, ways_of(neuron), adaptive_spike_times)
        self.neuron = neuron

    def ns(self, way: type[Way], *, all_traces: bool) -> float:
        """Return the ns per step of a way; nan where it is not there."""
        row = self.get(way, all_traces=all_traces)
        return row.ns_per_step if row else float("nan")

    def table(self, cold: ColdStarts) -> str:
        ours = self.ways[0][0]
        lines = []
        for way in dict.fromkeys(row.way for row in self.rows):
            rows = [row for row in self.rows if row.way is way]
            cells = [way.label]
            for all_traces in (False, True):
                ns = self.ns(way, all_traces=all_traces)
                cells += shown(ns, ns / self.ns(ours, all_traces=all_traces))
            if self.neuron in PUBLISHED:
                found = cold.get(way)
                cells += shown(found.setting_up, found.first_result) if found else ["", ""]
            differences = [row.differs_by for row in rows if row.differs_by is not None]
            cells.append(f"{max(differences):.0e}" if differences and way is not ours else "")
            errors = [row.spike_error for row in rows if row.spike_error is not None]
            cells.append(f"{errors[0]:+.2f}" if errors else "")
            lines.append(cells)
        headings = [TITLES[self.neuron], "V only: ns/step", "× this package"]
        headings += ["all traces: ns/step", "× this package"]
        if self.neuron in PUBLISHED:
            headings += ["set-up and 20,000 steps (s)", "to there from the start of a process (s)"]
        headings += ["V differs by (mV)", "error of the last spike of 200 ms (ms)"]
        return table(headings, lines)


def shown(*values: float) -> list[str]:
    return ["" if math.isnan(value) else three_digits(value) for value in values]


def claims(benches: dict[str, NeuronBench], new: dict[str, Row], cold: ColdStarts) -> str:
    """Return a table of what this package set out to reach and what this run measured."""

    def ratios(above: tuple[str, type[Way]], below: tuple[str, type[Way]]) -> list[str]:
        """Return how much longer one way takes than another, for each heading below."""
        found = []
        for on_level in (lambda way: way, on_v3):
            for all_traces in (False, True):
                times = []
                for neuron, way in (above, below):
                    chosen = way.of(neuron)
                    if way.package == Declared.package:
                        chosen = on_level(chosen)
                    times.append(benches[neuron].ns(chosen, all_traces=all_traces))
                found.append(times[0] / times[1])
        return shown(*found)

    built_in = ("hodgkin_huxley", BuiltIn)
    lines = []
    for neuron, aim in (("hodgkin_huxley", "1.4 or less"), ("nine_gates", "2.2 or less")):
        found = ratios((neuron, Declared), built_in)
        lines.append([f"{TITLES[neuron]}: × `HHModel`", aim, *found])
    for neuron, aim in (("wang_buzsaki", "2 or more"), ("pospischil_ib", "3 or more")):
        found = ratios((neuron, neuron_peers.PlainC), (neuron, Declared))
        lines.append([f"{TITLES[neuron]}: plain C, × this package", aim, *found])
    burster = []
    for on_level in (lambda way: way, on_v3):
        way = on_level(Declared.of("prinz"))
        burster += [benches["prinz"].ns(way, all_traces=traces) for traces in (False, True)]
    lines.append([f"{TITLES['prinz']}: ns a step", "35 or less", *shown(*burster)])
    for neuron, row in new.items():
        title = f"{TITLES[neuron]}, declared anew, to 20,000 steps"
        lines.append([f"{title}", "20 ms or less", f"{row.best * 1e3:.1f} ms", "", "", ""])
        lines.append(
            [
                f"{title}, new process",
                "0.15 s or less",
                f"{cold[New.of(neuron)].first_result:.3f} s",
                "",
                "",
                "",
            ]
        )
    headings = [
        f"{name}, {traces}" for name in (level(), "v3") for traces in ("V only", "all traces")
    ]
    return table(["aim", "", *headings], lines)


def level() -> str:
    from pyhh_fast.engine.kernels import LEVEL

    return LEVEL


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser("Time published neurons", rounds=60)
    options.add_argument("--steps", type=int, default=200_000, help="(default: %(default)s)")
    chosen = options.parse_args(arguments)
    if chosen.steps < FIRST_STEPS or chosen.rounds < 1:
        options.error(f"--steps must be {FIRST_STEPS} or more, --rounds 1 or more")

    benches = {neuron: NeuronBench(neuron, chosen.steps) for neuron in TITLES}
    bursters = BursterBench()
    try:
        for bench in (*benches.values(), bursters):
            bench.check()
    except Disagreement as error:
        sys.exit(f"{error}; nothing was timed.")
    new = {
        neuron: Row("", FIRST_STEPS, New.of(neuron)(FIRST_STEPS, STEP, False).prepare)
        for neuron in PUBLISHED
    }
    for row in new.values():
        row.prepare()()
    rows = [row for bench in benches.values() for row in bench.rows]
    time_interleaved([*rows, *new.values(), *bursters.rows], chosen.rounds, LONGEST)
    of_published = [New.of(neuron) for neuron in PUBLISHED]
    of_published += [row.way for neuron in PUBLISHED for row in benches[neuron].rows]
    cold = cold_starts({way: 0 for way in of_published if way.neuron}, chosen.rounds)

    parts = [claims(benches, new, cold), *(bench.table(cold) for bench in benches.values())]
    parts.append(bursters.table())
    left_out = {
        label: why
        for bench in (*benches.values(), bursters)
        for label, why in bench.left_out.items()
    }
    how = f"{AGREED} This package on level {level()}, if nothing else is said. "
    how += f"{chosen.steps:,} steps (NEURON {neuron_peers.Neuron.most_steps:,}). "
    how += f"Smallest of {chosen.rounds} rounds, rows interleaved"
    heading = "Declared neurons: neurons.py" if chosen.write else None
    packages = [row.way.package for row in rows] + bursters.packages
    report(heading, parts, how, dict.fromkeys(packages), left_out)


if __name__ == "__main__":
    main()

"""Wall time against accuracy: what one second of 65 spikes costs, and how wrong their times are.

    pip install ".[bench]" && taskset -c 0 python benchmarks/accuracy.py

Every row solves the problem of train.py and gives spike times; the error is the largest of the 65,
against SciPy's DOP853 at a tolerance of 1e-13. A row whose spikes are not those of this cell stops
the script before anything is timed. Making the cell and compiling are not timed. Rows of one way
are its settings, steps or tolerances: what an accuracy costs is the fastest row that reaches it.
What is not installed is left out, and the reason printed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import solvers
import spiking_simulators
from cell import Disagreement
from timing import Row, parser, report, set_up, table, three_digits, time_interleaved
from train import END, Solver, exact_spike_times, largest_error

SOLVERS: list[type[Solver]] = [
    solvers.Adaptive,
    solvers.AdaptiveTraces,
    solvers.RK4,
    solvers.ExponentialEuler,
    solvers.Euler,
    solvers.PlainCEuler,
    solvers.NumbaRK4,
    solvers.NumbaAdaptive,
    solvers.SciPyLSODA,
    solvers.SciPyDOP853,
    spiking_simulators.NeuronCVODE,
    spiking_simulators.Neuron,
    spiking_simulators.Arbor,
    spiking_simulators.Jaxley,
]
PACKAGED: list[type[Solver]] = [
    *(solvers.SciPyLSODA, solvers.SciPyDOP853),
    *(spiking_simulators.NeuronCVODE, spiking_simulators.Neuron),
    *(spiking_simulators.Arbor, spiking_simulators.Jaxley),
]
LONGEST = 4.0  # s: what a row may take over all rounds, so that slow ones leave time to the rest
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "accuracy.png"


@dataclass
class TimedSolver(Row):
    """A solver at one setting, and how wrong its spikes are."""

    solver: type[Solver] = solvers.Adaptive
    setting: float = 0.0
    error: float = 0.0  # ms

    @property
    def ms(self) -> float:
        return self.best * 1e3


def checked_rows(left_out: dict[str, str]) -> list[TimedSolver]:
    """Return all rows that can be had, their errors known; this also warms them up."""
    exact = exact_spike_times()
    rows = []
    for solver in SOLVERS:
        for setting in solver.settings:
            instance = set_up(solver, left_out, solver.label, setting)
            if instance is None:
                break
            call = instance.prepare()
            times = instance.spike_times(call())
            del call
            row = TimedSolver(solver.label, 1, instance.prepare, solver=solver, setting=setting)
            row.error = largest_error(instance, times, exact)
            rows.append(row)
    return rows


def cost(rows: list[TimedSolver], ways: Sequence[type[Solver]], error: float) -> TimedSolver | None:
    """Return the fastest row of some ways whose error is `error` ms at most, if there is one."""
    good = [row for row in rows if row.solver in ways and row.error <= error]
    return min(good, key=lambda row: row.best, default=None)


def all_rows(rows: list[TimedSolver]) -> str:
    yardstick = cost(rows, [solvers.PlainCEuler], 1.0)
    lines = []
    for row in rows:
        ratio = three_digits(row.best / yardstick.best) if yardstick else ""
        setting = f"{row.solver.setting_name} {row.setting:g}{' ms' * _is_step(row)}"
        lines.append([row.label, setting, f"{row.error:.1e}", three_digits(row.ms), ratio])
    headings = ["1 s of model time, 65 spikes", "setting", "largest error of a spike time (ms)"]
    return table([*headings, "wall time (ms)", "× plain C Euler at 0.01 ms"], lines)


def _is_step(row: TimedSolver) -> bool:
    return row.solver.setting_name == "dt"


def claims(rows: list[TimedSolver]) -> str:
    """Return a table of what this package set out to reach and what this run measured."""
    C = [solvers.PlainCEuler]
    by_hand = [solvers.NumbaRK4, solvers.NumbaAdaptive]
    lines = []
    for error, of_C, of_numba in ((1e-3, "0.4", "2"), (1e-5, "1.1", "4")):
        ours = cost(rows, [solvers.Adaptive], error)

        def ratio(
            ways: Sequence[type[Solver]],
            accuracy: float,
            ours: TimedSolver | None = ours,
            inverse: bool = False,
        ) -> str:
            other = cost(rows, ways, accuracy)
            if ours is None or other is None:
                return "none reaches it" if other is None and ways is PACKAGED else "not measured"
            value = ours.best / other.best if inverse else other.best / ours.best
            return f"{three_digits(value)} ({three_digits(ours.ms)} : {three_digits(other.ms)} ms)"

        what = f"spike times within {error:g} ms:"
        lines += [
            [f"{what} of plain C Euler's time", f"{of_C} or less", ratio(C, 1.0, inverse=True)],
            [f"{what} faster than numba, RK4", f"{of_numba} or more", ratio(by_hand[:1], error)],
            [f"{what} faster than numba, any", f"{of_numba} or more", ratio(by_hand, error)],
            [f"{what} faster than any package", "25 or more", ratio(PACKAGED, error)],
        ]
    coarse = next(row for row in rows if row.solver is solvers.RK4 and row.setting == 0.05)
    lines.append(["error of `rk4` at 0.05 ms", "2e-3 ms or less", f"{coarse.error:.1e} ms"])
    return table(["aim", "", "measured"], lines)


def draw(rows: list[TimedSolver], path: Path) -> None:
    """Draw wall time over error, a line a way."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    ours = {"adaptive": "#D55E00", "rk4": "#0072B2", "exponential": "#009E73", "euler": "#000000"}
    others = ["#CC79A7", "#E69F00", "#56B4E9", "#999999"]
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    shade = iter(others * 4)
    marks = iter("ovs^Dph8X" * 2)
    for solver in SOLVERS:
        points = [row for row in rows if row.solver is solver]
        if not points:
            continue
        mine = solver.package == "pyhh_fast"
        colour = next(shade)
        if mine:
            colour = next(ours[name] for name in ours if name in solver.method)
        axes.loglog(
            [row.error for row in points],
            [row.ms for row in points],
            color=colour,
            linewidth=2 if mine else 1,
            linestyle=":" if solver is solvers.AdaptiveTraces else "-",
            marker=next(marks),
            markersize=5,
            label=solver.label.replace("`", ""),
        )
    axes.invert_xaxis()
    axes.set_xlabel("Largest error of 65 spike times (ms); better to the right")
    axes.set_ylabel(f"Wall time of {END / 1_000:g} s of model time (ms)")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser("Time solvers", rounds=40)
    options.add_argument(
        "--figure", type=Path, help="draw wall time over error into this file (--write: into docs/)"
    )
    chosen = options.parse_args(arguments)
    if chosen.rounds < 1:
        options.error("--rounds must be 1 or more")

    left_out: dict[str, str] = {}
    try:
        rows = checked_rows(left_out)
    except Disagreement as error:
        sys.exit(f"{error}; nothing was timed.")
    time_interleaved(rows, chosen.rounds, LONGEST)
    how = f"Smallest of {chosen.rounds} rounds, rows interleaved, slow ones fewer"
    heading = "Accuracy: accuracy.py" if chosen.write else None
    parts, packages = [claims(rows), all_rows(rows)], [row.solver.package for row in rows]
    report(heading, parts, how, packages, left_out)
    for path in filter(None, [chosen.figure, FIGURE if chosen.write else None]):
        draw(rows, path)


if __name__ == "__main__":
    main()

"""One neuron, forward Euler: ns per step of this package, its slow twin, pure Python and numba.

    pip install ".[bench]" && python benchmarks/single_cell.py

Every row makes the same steps from the same state (HHModel's own start, h = 0) under the same
constant stimulus, 10 µA/cm² at 0.01 ms, which keeps the cell firing; every row writes the same
seven traces into new arrays each time, but for one that writes V alone. Before anything is timed,
every row's traces are held against this package's, and the script stops where they differ. Slow
rows make fewer steps: the first of the same run.

`Simulation.Run` also checks and copies the stimulus and finds the spikes; its peers do not.
Times are the smallest of many rounds, so of rounds whose arrays lie in memory that the process
already holds: a first run, or one whose predecessors are kept, also pays for fresh pages.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from math import exp
from typing import Any

import numpy as np
from timing import Row, conditions, time_in_turns

from pyhh_fast import HHModel, Simulation

STEP = 0.01  # ms
STIMULUS = 10.0  # µA/cm²
SLOW_STEPS = 10_000
"""Most steps of a row that runs in the interpreter."""

TRACES = ("Vm", "StateM", "StateH", "StateN", "INa", "IK", "IKleak")

TOLERANCE = 1e-9
"""Largest difference from this package, relative to the largest value of the trace.

For V that is about 1e-7 mV. Rounding alone, amplified from spike to spike, was seen to come to
7e-9 mV over 10⁶ steps, and to no more over 10⁷; a parameter changed by 1 in 10¹² to 1.4e-7 mV.
"""


def stepping_loop(all_traces: bool) -> Callable[..., None]:
    """Return the peers' time loop, written from the paper: plain Python, and what numba compiles.

    Numba takes `all_traces` for a constant and drops the branch; in plain Python it is lost in
    the noise.
    """

    def loop(stimulus, dt, V, m, h, n, V_out, m_out, h_out, n_out, INa_out, IK_out, IL_out):
        Cm, gNa, gK, gL = 1.0, 120.0, 36.0, 0.3
        ENa, EK, EL = 115.0, -12.0, 10.6
        for i in range(len(stimulus)):
            alpha_n = 0.01 * (10 - V) / (exp((10 - V) / 10) - 1) if V != 10 else 0.1
            beta_n = 0.125 * exp(-V / 80)
            alpha_m = 0.1 * (25 - V) / (exp((25 - V) / 10) - 1) if V != 25 else 1.0
            beta_m = 4 * exp(-V / 18)
            alpha_h = 0.07 * exp(-V / 20)
            beta_h = 1 / (exp((30 - V) / 10) + 1)

            INa = gNa * m * m * m * h * (V - ENa)
            IK = gK * n * n * n * n * (V - EK)
            IL = gL * (V - EL)
            V += dt * (stimulus[i] - INa - IK - IL) / Cm
            m += dt * (alpha_m * (1 - m) - beta_m * m)
            h += dt * (alpha_h * (1 - h) - beta_h * h)
            n += dt * (alpha_n * (1 - n) - beta_n * n)

            V_out[i] = V
            if all_traces:
                m_out[i], h_out[i], n_out[i] = m, h, n
                INa_out[i], IK_out[i], IL_out[i] = INa, IK, IL

    return loop


def start() -> tuple[float, float, float, float]:
    """Return V (mV), m, h and n that all rows start from."""
    model = HHModel()
    return float(model.Vm), float(model.m.state), float(model.h.state), float(model.n.state)


def compiled_row(steps: int) -> Row:
    stimulus = np.full(steps, STIMULUS)

    def prepare() -> Callable[[], list[Any]]:
        simulation = Simulation(HHModel())

        def call() -> list[Any]:
            simulation.Run(stimulus, STEP)
            return [getattr(simulation, name) for name in TRACES]

        return call

    return Row("**this package**, `Simulation.Run`", steps, prepare)


def iterate_row(steps: int) -> Row:
    """The loop that a user of pyHH's `iterate` writes."""
    stimulus = np.full(steps, STIMULUS)

    def prepare() -> Callable[[], list[Any]]:
        model = HHModel()
        simulation = Simulation(model)

        def call() -> list[Any]:
            simulation.CreateArrays(steps, STEP)
            for i in range(steps):
                model.iterate(stimulus[i], STEP)
                simulation.Vm[i] = model.Vm
                simulation.StateM[i] = model.m.state
                simulation.StateH[i] = model.h.state
                simulation.StateN[i] = model.n.state
                simulation.INa[i] = model.INa
                simulation.IK[i] = model.IK
                simulation.IKleak[i] = model.IKleak
            return [getattr(simulation, name) for name in TRACES]

        return call

    return Row("this package, its own Python stepping, `HHModel.iterate`", steps, prepare)


def pure_python_row(steps: int) -> Row:
    stimulus = [STIMULUS] * steps
    loop, state = stepping_loop(all_traces=True), start()

    def call() -> list[Any]:
        traces = [[0.0] * steps for _ in TRACES]
        loop(stimulus, STEP, *state, *traces)
        return traces

    return Row("pure Python, `math` and lists", steps, lambda: call)


def numba_rows(steps: int) -> list[Row]:
    """Return the rows of numba; ImportError where it is absent or at odds with this NumPy."""
    from numba import njit

    stimulus, state = np.full(steps, STIMULUS), start()
    seven, only_V = njit(stepping_loop(all_traces=True)), njit(stepping_loop(all_traces=False))
    unused = [np.empty(0)] * (len(TRACES) - 1)

    # np.empty out here asks for huge pages where the system has them; numba's own does not.
    def call_seven() -> list[Any]:
        traces = [np.empty(steps) for _ in TRACES]
        seven(stimulus, STEP, *state, *traces)
        return traces

    def call_only_V() -> list[Any]:
        V = np.empty(steps)
        only_V(stimulus, STEP, *state, V, *unused)
        return [V]

    return [
        Row("numba", steps, lambda: call_seven),
        Row("numba, V only", steps, lambda: call_only_V),
    ]


def differences(rows: Sequence[Row]) -> list[float]:
    """Return each row's largest difference of V from the first row's, in mV; stop if too large.

    Over the steps that both make. Also warms up each row: numba compiles here.
    """
    expected = rows[0].prepare()()
    largest = []
    for row in rows:
        traces = row.prepare()()
        for name, trace, whole in zip(TRACES, traces, expected, strict=False):  # V first, or alone
            reference = whole[: row.steps]
            difference = np.abs(np.asarray(trace) - reference).max()
            if not difference <= TOLERANCE * np.abs(reference).max():
                sys.exit(f"{row.label}: {name} differs by {difference:.2g}; nothing was timed.")
            if name == "Vm":
                largest.append(float(difference))
    return largest


def report(rows: Sequence[Row], differing_by: Sequence[float]) -> str:
    """Return a Markdown table, and what one has to know to read it."""
    ours = rows[0].ns_per_step
    lines = [
        "| forward Euler, one cell | steps | ns/step | × this package | V differs by (mV) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row, difference in zip(rows, differing_by, strict=True):
        ns = row.ns_per_step
        by = "" if row is rows[0] else f"{difference:.1e}"
        cells = [row.label, f"{row.steps:,}", _three_digits(ns), _three_digits(ns / ours), by]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}".rstrip(".")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time one neuron; print a Markdown table.")
    parser.add_argument("--steps", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=40, help="(default: %(default)s)")
    chosen = parser.parse_args(arguments)
    if chosen.steps < 1 or chosen.rounds < 1:
        parser.error("--steps and --rounds must be 1 or more")

    few = min(chosen.steps, SLOW_STEPS)
    rows = [compiled_row(chosen.steps), iterate_row(few), pure_python_row(few)]
    left_out = ""
    try:
        rows += numba_rows(chosen.steps)
    except ImportError as error:
        left_out = f'numba is left out: {error}. It comes with pip install ".[bench]".\n'

    differing_by = differences(rows)
    time_in_turns(rows, chosen.rounds)
    print(report(rows, differing_by))
    print(
        f"\nAll rows agree: each trace within {TOLERANCE:.0e} of its largest value, asserted "
        f"before timing.\n{left_out}"
        f"Smallest of {chosen.rounds} rounds, all rows in turns; times from one run.\n"
        f"{conditions('numpy', 'numba', 'pyhh_fast')}"
    )


if __name__ == "__main__":
    main()

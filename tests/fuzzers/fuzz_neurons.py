"""Neurons for the fuzzer of the public functions, as Python text, and numbers of their cells."""

import warnings

import numpy as np

import pyhh_fast as pyhh
from pyhh_fast.rate_forms import exponential, linoid, sigmoid

MOST_GATES = 16
USUAL = ("run", "run", "clamp", "reset", "Vm", "gates", "parameters", "neuron", "recording", "size")
"""What users do with cells of a neuron."""


def neuron(rng):
    """Return text of a published neuron, or of one with any channels."""
    if rng.random() < 0.4:
        return f"pyhh.neurons.{rng.choice(pyhh.neurons.__all__)}()"
    named = [f"Cm={rng.uniform(0.5, 2):.3f}", f"leak=pyhh.Channel(0.1, E={rng.randint(-80, -50)})"]
    left = MOST_GATES
    if rng.random() < 0.3:
        named += calcium(rng)
        left -= 4
    for i in range(rng.randint(0, 7 - (len(named) > 2) * 2)):
        gates = [f"{name}={gate(rng)}" for name in "pqr"[: min(rng.randint(0, 3), left)]]
        left -= len(gates)
        if gates:
            gates.append(f"shift={rng.choice([0, 0, -7.5, round(rng.uniform(-20, 20), 3)])}")
        numbers = f"{rng.uniform(0, 3):.3f}, E={rng.choice([-90, -70, 50, 120])}"
        named.append(f"c{i}=pyhh.Channel({', '.join([numbers, *gates])})")
    return f"pyhh.Neuron({', '.join(rng.sample(named, len(named)))})"


def calcium(rng):
    """Return text of a pool, of a channel that feeds it, and of one that it opens."""
    nernst = f"pyhh.Nernst('Ca', outside={rng.uniform(1, 4):.2f}, celsius={rng.randint(5, 40)})"
    E = rng.choice([120, nernst])
    half, power, tau = rng.choice([2e-4, 1e-3, 0.02]), rng.randint(1, 3), rng.uniform(0.5, 20)
    opened = rng.choice(
        [
            f"inf=sigmoid(1, -30, 9), tau=Bell({tau:.2f}, -30), times=('Ca', Hill({half}))",
            f"inf=Hill({half}), tau=Bell({tau:.2f}, 0), of='Ca'",
            f"inf=Hill({half}), instantaneous=True, of='Ca'",
        ]
    )
    return [
        f"Ca=pyhh.Pool({rng.uniform(0.5, 3) * 1e-4:.2g}, {rng.uniform(3, 200):.3g}, depth=0.5)",
        f"CaL=pyhh.Channel({rng.uniform(0, 1):.3f}, E={E}, feeds='Ca', s={gate(rng)})",
        f"KCa=pyhh.Channel({rng.uniform(0, 4):.3f}, E=-90, q=pyhh.Gate({opened}, power={power}))",
    ]


def gate(rng):
    """Return text of a gate."""
    middle, scale = round(rng.uniform(-60, -20), 2), rng.choice([-12, -7, 9, 15])
    rates = f"inf=sigmoid(1, {middle}, {scale}), tau=Bell({rng.uniform(0.5, 30):.2f}, {middle})"
    if rng.random() < 0.5:
        alpha = f"linoid({rng.uniform(0.05, 0.4):.3f}, {middle}, {abs(scale)})"
        rates = f"alpha={alpha}, beta=exponential({rng.uniform(0.05, 0.3):.3f}, {middle}, -20)"
    speed, instantaneous = rng.choice([1, 1, 0.3, 2.5]), rng.random() < 0.2
    power = rng.randint(1, 5)
    return f"pyhh.Gate({rates}, power={power}, speed={speed}, instantaneous={instantaneous})"


class Bell:
    """Time constants (ms), the longest in the middle."""

    def __init__(self, most, middle):
        self.most, self.middle = most, middle

    def __call__(self, V):
        return 0.5 + self.most / np.cosh((V - self.middle) / 30)


class Hill:
    """Which part of some channels calcium opens."""

    def __init__(self, half):
        self.half = half

    def __call__(self, Ca):
        return Ca / (Ca + self.half)


NAMES = {
    "linoid": linoid,
    "exponential": exponential,
    "sigmoid": sigmoid,
    "Bell": Bell,
    "Hill": Hill,
}


RANGES = {
    "g": (0.1, 2),
    "Cm": (0.7, 1.5),
    "speed": (0.4, 2.5),
    "rest": (1, 2),
    **dict.fromkeys(("tau", "gain", "outside"), (0.5, 2)),
    "celsius": (0.5, 1.1),
}
"""Of which part of a parameter to which multiple."""


def own_numbers(rng, neuron, size, speeds=True):
    """Return numbers of each of some cells for some of a neuron's parameters, by path."""
    own = {}
    for path, value in neuron.parameters.items():
        kind = path.rpartition(".")[2]
        low, high = RANGES.get(kind, (1, 1))
        far = {"E": 5, "shift": 8}.get(kind, 0)
        if rng.random() < 0.4 and (speeds or kind != "speed"):
            own[path] = [
                float(f"{value * rng.uniform(low, high) + rng.uniform(-far, far):.4g}")
                for _ in range(size)
            ]
    return own


def same_bits(one, other):
    return np.array_equal(one, other, equal_nan=True)


def close(one, other):
    return one.shape == other.shape and np.allclose(one, other, 1e-9, 1e-9, equal_nan=True)


def cells(script, wave, s):
    """Cells of a neuron, and simulations of each: the same bits, unless gates have own speeds."""
    rng, size = script.rng, script.rng.randint(1, 20)
    text = neuron(rng)
    one = eval(text, script.names)
    own = own_numbers(rng, one, size, speeds=rng.random() < 0.4)
    start = rng.choice([{}, {"start": "steady", "Vm": np.linspace(-80, -30, size).round(2)}])
    script.lines.append(f"# {text}, {size}, {own}, {start}")
    script.report("call", script.lines[-1])
    population = pyhh.Population.from_model(one, size, own, **start)
    V = np.array(population.Vm)
    currents = wave + rng.choice([0.0, np.linspace(-5, 20, size)[:, None]])
    kept = rng.sample(range(size), min(3, size))
    # The usual threshold is that of the neuron: one for all cells, another for each by itself.
    options = {"method": s["method"], "every": s["every"], "threshold": s["V"]}
    options["record"] = list(one.variables)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*cells? diverged")
        recording = population.run(
            currents, s["dt"], cells=kept, threads=rng.randint(1, 3), **options
        )
    exact = not any(path.endswith("speed") for path in own)
    for row, i in enumerate(kept):
        alone = pyhh.Simulation(
            one.replace({path: numbers[i] for path, numbers in own.items()}), Vm=V[i]
        )
        diverged_at = -1
        try:
            alone.run(np.broadcast_to(currents, (size, wave.size))[i], s["dt"], **options)
        except pyhh.SimulationError as error:
            diverged_at = error.step
        of_cell = [recording[name][row] for name in one.variables]
        of_cell.append(recording.spike_times(i))
        of_one = [alone.recording[name] for name in one.variables]
        of_one.append(alone.recording.spike_times)
        right = all(map(same_bits if exact else close, of_cell, of_one))
        if not right or diverged_at != recording.diverged_at[i]:
            script.lines.append(
                f"# cell {i}, diverged at {recording.diverged_at[i]}, {diverged_at}"
            )
            return False
    return True

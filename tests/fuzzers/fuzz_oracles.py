"""Scripts of the fuzzer that are right by construction, and the oracles of their results."""

import copy
import pickle

import fuzz_neurons
import fuzz_values
import numpy as np
import reference

import pyhh_fast as pyhh

TRACES = ("Vm", "INa", "IK", "IKleak", "StateN", "StateM", "StateH")
FIXED_STEP = ("euler", "exponential_euler", "rk4")


def compare(script):
    """Run one of the comparisons with random arguments; a Failure where results differ."""
    rng = script.rng
    kind = rng.choice(
        [reference_run, in_pieces, every, population, sums, stored, state, sweep]
        + 2 * [fuzz_neurons.cells]
    )
    cell = {
        name: round(rng.uniform(low, high), 3)
        for name, (low, high) in {"gNa": (80, 140), "gK": (20, 45), "Cm": (0.8, 2)}.items()
    }
    steps = rng.randint(1, 400)
    wave = np.random.default_rng(rng.randrange(2**32)).normal(8, 15, steps)
    settings = {
        "cell": cell,
        "V": round(rng.uniform(-20, 60), 3),
        "steps": steps,
        "dt": rng.choice([0.005, 0.01, 0.02]),
        "method": rng.choice(FIXED_STEP),
        "cut": rng.randint(0, steps),
        "every": rng.choice([2, 3, 7]),
        "text": fuzz_values.stimulus(rng, 2),
        "other": fuzz_values.stimulus(rng, 0),
    }
    script.lines.append(f"# {kind.__name__}: {settings}")
    script.report("call", script.lines[-1])
    try:
        right = kind(script, wave, settings)
    except Exception as error:
        script.check_error(error)
        given = settings["text"] + settings["other"]
        right = "from_array" in given or isinstance(error, TypeError)  # of other shapes and kinds
    script.report(kind.__name__, "accepted")
    if not right:
        script.fail(f"differs: {kind.__name__}")


def simulation_of(s):
    return pyhh.Simulation(pyhh.HHModel(s["V"], **s["cell"]))


def same_bits(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in TRACES)


def reference_run(script, wave, s):
    """The slow twin."""
    run = simulation_of(s).run(wave, s["dt"], method=s["method"])
    start = reference.pyhh_start(s["V"])
    twin = getattr(reference, s["method"])(
        reference.Parameters()._replace(**s["cell"]), start, wave, s["dt"]
    )
    near = {"rtol": 1e-8, "atol": 1e-8}
    return np.allclose(run.Vm, twin.V, **near) and np.allclose(run.StateM, twin.m, **near)


def in_pieces(script, wave, s):
    """Two runs after one another."""
    whole, parts = simulation_of(s), simulation_of(s)
    options = {"method": s["method"]}
    run = whole.run(wave, s["dt"], **options)
    first = parts.run(wave[: s["cut"]], s["dt"], **options)
    parts = pickle.loads(pickle.dumps(parts))
    second = parts.run(wave[s["cut"] :], s["dt"], **options)
    return whole.model.Vm == parts.model.Vm and all(
        np.array_equal(
            getattr(run, name), np.concatenate([getattr(first, name), getattr(second, name)])
        )
        for name in TRACES
    )


def every(script, wave, s):
    """Every k-th row, and a strided copy of the stimulus."""
    run = simulation_of(s).run(wave, s["dt"], method=s["method"])
    some = simulation_of(s).run(
        np.repeat(wave, 2)[::2], s["dt"], method=s["method"], every=s["every"]
    )
    return all(
        np.array_equal(getattr(run, name)[:: s["every"]], getattr(some, name)) for name in TRACES
    )


def population(script, wave, s):
    """Cells with one thread and with three, and one of them alone."""
    options = {"method": s["method"], "record": TRACES}
    gK = np.linspace(20, 45, 37)
    cells = s["cell"] | {"gK": gK, "startingVoltage": s["V"]}
    one = pyhh.Population(37, **cells).run(wave, s["dt"], threads=1, **options)
    two = pyhh.Population(37, **cells).run(wave, s["dt"], threads=3, **options)
    if not same_bits(one, two) or not np.array_equal(one.spikes.time, two.spikes.time):
        return False
    alone = pyhh.HHModel(s["V"], **s["cell"] | {"gK": gK[5]})
    run = pyhh.Simulation(alone).run(wave, s["dt"], method=s["method"])
    return np.allclose(run.Vm, one.Vm[5], rtol=1e-7, atol=1e-7)


def sums(script, wave, s):
    """A sum of stimuli, and reading in pieces."""
    names = script.names
    one, other = eval(s["text"], names), eval(s["other"], names)
    steps = min([n for n in (one.steps, other.steps) if n is not None] + [s["steps"]])
    added = (one + other).to_array(steps, s["dt"])
    if "+" not in s["text"] and "-" not in s["text"]:
        right = one.to_array(steps, s["dt"]) + other.to_array(steps, s["dt"])
        if not np.array_equal(added, right):
            return False
    reader, cut = (one + other).reader(s["dt"]), min(s["cut"], steps)
    return np.array_equal(added, np.concatenate([reader.read(cut), reader.read(steps - cut)]))


def stored(script, wave, s):
    """A run to a store, resumed, and the same in memory."""
    duration, cut = s["steps"] * s["dt"], s["cut"] * s["dt"]
    options = {"method": s["method"], "every": s["every"]}
    run = simulation_of(s)
    run.run(12.5, s["dt"], duration=duration, **options)
    simulation_of(s).run(12.5, s["dt"], duration=cut, to="stored.zarr", **options)
    resumed = pyhh.Simulation.resume("stored.zarr", duration=duration)
    return (
        same_bits(run.recording, resumed.recording)
        and resumed.model.Vm == run.model.Vm
        and np.array_equal(run.recording.spike_times, resumed.recording.spike_times)
    )


def state(script, wave, s):
    """A saved state, and a copy."""
    first = simulation_of(s)
    first.run(wave, s["dt"], method=s["method"])
    first.save_state("state.json")
    others = [pyhh.Simulation.load_state("state.json"), pyhh.Simulation(copy.deepcopy(first.model))]
    run = first.run(wave, s["dt"], method=s["method"])
    return all(same_bits(run, other.run(wave, s["dt"], method=s["method"])) for other in others)


def sweep(script, wave, s):
    """A grid in one, and in chunks into a store."""
    grid = {"gNa": np.linspace(80, 140, 1 + s["every"]), "current": [0.0, s["V"]]}
    model, options = pyhh.HHModel(s["V"]), {"reduce": "final_Vm", "method": s["method"]}
    one = pyhh.sweep(model, grid, wave, s["dt"], threads=1, **options)
    for _ in range(2):
        two = pyhh.sweep(model, grid, wave, s["dt"], out="sweep.zarr", **options)
        if not np.array_equal(one.final_Vm.values, two.final_Vm.values):
            return False
    return True

"""Digests of what the package computes, to the last bit: run as a script, it prints them as JSON.

test_golden.py compares them with results.json beside this file, which was written before the code
was rearranged. They change only where a release says that results change:

    python tests/golden/results.py --write

Nothing here calls exp of NumPy or of the C library, whose last bits differ between machines.
"""

import hashlib
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import pyhh_fast as pyhh
from pyhh_fast import stimuli

HERE = Path(__file__).parent
METHODS = ("euler", "exponential_euler", "rk4", "adaptive")
RECORDED = ("Vm", "INa", "IK", "IKleak", "StateN", "StateM", "StateH")  # as digests have them
TRACES = ("Vm", "StateM", "StateH", "StateN", "INa", "IK", "IKleak")
ARRAY = np.repeat([0.0, 20.0, -30.0, 7.5, 900.0, 0.0], [250, 1_000, 250, 3_000, 20, 480])
STIMULI = {
    "constant": 10,
    "array": ARRAY,
    "noise": stimuli.ornstein_uhlenbeck(7, 3, 5, seed=11),
    "events": stimuli.poisson_epsc(900, 1, 2, seed=5),
    "waves": stimuli.sine(8, 50) + stimuli.chirp(3, 1, 50, 20) - stimuli.pulses(3, 0.5, 7.3),
    "edges": 2 * stimuli.step(9, 3.003, 41.111).shifted(0.5) + stimuli.ramp(0, 4, 5, 33.3),
}


class Rational(pyhh.HHModel):
    """Rates without exp, so that they have the same bits on every machine."""

    def _UpdateGateTimeConstants(self, Vm):
        m, h, n = (self.opening(Vm, V_half) for V_half in (30, 20, 30))
        self.m.alpha, self.m.beta = 6 * m, 6 * (1 - m) + 0.1
        self.h.alpha, self.h.beta = 0.1 * (1 - h) + 1e-3, h + 5e-3
        self.n.alpha, self.n.beta = 0.4 * n + 0.02, 0.15 * (1 - n) + 0.02

    @staticmethod
    def opening(Vm, V_half):
        x = (Vm - V_half) / 10
        return 0.5 + 0.5 * x / np.sqrt(1 + x * x)


class Stepped(Rational):
    """Steps in Python."""

    def iterate(self, stimulusCurrent, deltaTms):
        super().iterate(stimulusCurrent + 1, deltaTms)


def digest(*arrays):
    joined = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return hashlib.sha256(joined).hexdigest()[:16]


def of(recording):
    names = (*(name for name in RECORDED if name in recording.recorded), *recording.enveloped)
    traces = [getattr(recording, name) for name in names]
    return digest(recording.times, *traces, recording.spike_times)


def of_model(model):
    gates = [(gate.alpha, gate.beta, gate.state) for gate in (model.m, model.h, model.n)]
    return digest(np.array([model.Vm, model.INa, model.IK, model.IKleak]), np.array(gates))


def single_runs():
    for kind in (pyhh.HHModel, Rational):
        for method in METHODS:
            for name, stimulus in STIMULI.items():
                simulation = pyhh.Simulation(kind.at_rest(gNa=113, Cm=1.1))
                duration = None if name == "array" else 50
                recording = simulation.run(stimulus, 0.01, duration=duration, method=method)
                label = f"{kind.__name__} {method} {name}"
                yield label, digest(of(recording), of_model(simulation.model))
            simulation = pyhh.Simulation(kind(3.7))
            options = {"method": method, "every": 7, "envelope": 20, "record": ["Vm", "IK"]}
            yield f"{label} sampled", of(simulation.run(ARRAY, 0.005, **options))
            yield (
                f"{label} continued",
                of(simulation.run(STIMULI["noise"], 0.01, duration=30, method=method)),
            )
    simulation = pyhh.Simulation(Stepped(1))
    simulation.Run(ARRAY[:1500], 0.01)
    yield "steps in Python", digest(*(getattr(simulation, name) for name in TRACES))
    yield "steps in Python, model", of_model(simulation.model)


def populations():
    g = np.linspace(60, 140, 21)
    own_current = np.outer(np.linspace(0, 2, 21), ARRAY[:2_000])
    for method in METHODS[:3]:
        for name, stimulus in {
            **STIMULI,
            "each": np.linspace(0, 12, 21),
            "both": own_current,
        }.items():
            cells = pyhh.Population(21, startingVoltage=3 * g - 190, gNa=g, Cm=g / 100)
            if name in ("noise", "events"):  # one stream for all
                stimulus = stimulus.to_array(5_000, 0.01)
            duration = None if name in ("array", "both", "noise", "events") else 50
            options = {"duration": duration, "method": method, "threads": 2}
            run = cells.run(stimulus, 0.01, record=TRACES, every=3, cells=[0, 5, 20], **options)
            traces = [getattr(run, trace) for trace in TRACES]
            yield f"cells {method} {name}", digest(*traces, *run.spikes, *run.final_state)
        cells = pyhh.Population.from_model(Rational.at_rest(), 21, gNa=g)
        run = cells.run(9, 0.01, duration=50, method=method, record=["Vm"])
        yield f"cells Rational {method}", digest(run.Vm, *run.spikes, *run.final_state)
    rested = pyhh.Population.at_rest(21, gNa=g)
    yield "cells at rest", digest(rested.Vm, rested.StateM, rested.StateH, rested.StateN)


def analyses():
    for kind in (pyhh.HHModel, Rational):
        model, name = kind.at_rest(), kind.__name__
        yield f"{name} fi_curve", digest(pyhh.fi_curve(model, [0, 7, 10, 100], duration=300))
        yield f"{name} rheobase", digest(pyhh.rheobase(model, duration=20))
        yield f"{name} strength_duration", digest(pyhh.strength_duration(model, [0.5, 3]))
        yield f"{name} steady_state", digest(*pyhh.steady_state(model, np.linspace(-90, 120, 99)))
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10, 0.01, duration=20)
    yield "estimate_error", digest(np.array(run.estimate_error()[:2]))
    grid = {"gNa": [100, 120], "EK": [-12, -10]}
    swept = pyhh.sweep(pyhh.HHModel.at_rest(), grid, 10, 0.01, duration=30, reduce="final_Vm")
    yield "sweep", digest(swept["final_Vm"].values, swept["diverged_at"].values)


def files(place):
    """Stores and state files, written and read; and those of the time of these digests."""
    for method in ("euler", "adaptive"):
        options = {"duration": 60, "method": method, "every": 3, "envelope": 20}
        path = place / f"{method}.zarr"
        simulation = pyhh.Simulation(Rational.at_rest())
        recording = simulation.run(STIMULI["noise"], 0.01, to=path, **options)
        yield f"store {method}", of(recording)
        resumed = pyhh.Simulation.resume(path, duration=90, model=Rational())
        yield f"store {method} resumed", of(resumed.recording)
        resumed.save_state(place / "state")
        loaded = pyhh.Simulation.load_state(place / "state", model=Rational())
        yield f"state {method}", of(loaded.run(9, 0.01, duration=20, method=method))


def results():
    for part in (single_runs(), populations(), analyses()):
        yield from part
    with tempfile.TemporaryDirectory() as place:
        yield from files(Path(place))


def main():
    warnings.simplefilter("ignore")
    found = json.dumps(dict(results()), indent=1)
    if "--write" in sys.argv[1:]:
        (HERE / "results.json").write_text(found + "\n")
    else:
        print(found)


if __name__ == "__main__":
    main()

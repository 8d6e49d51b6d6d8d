"""One stimulus of each kind, and sums, multiples and shifts of them; also for other processes."""

import numpy as np

from pyhh_fast import stimuli

ARRAY = np.random.default_rng(0).normal(size=20_000)
EXAMPLES = {
    "constant": stimuli.constant(-2.5),
    "step": stimuli.step(50, 0.7, 13),
    "pulses": stimuli.pulses(10, 0.013, 0.037, 0.21, 400),
    "pulses for ever": stimuli.pulses(10, 1, 2.5),
    "ramp": stimuli.ramp(-1, 30, 2.005, 17),
    "sine": stimuli.sine(5, 123.4, 0.3),
    "chirp": stimuli.chirp(5, 2, 300.3, 12.345),
    "noise": stimuli.ornstein_uhlenbeck(10, 2, 5, 1),
    "synapses": stimuli.poisson_epsc(9_000, 1.5, 3, 2**64 - 1),
    "dense synapses": stimuli.poisson_epsc(1e6, -0.1, 0.02, 3),
    "rising synapses": stimuli.poisson_epsc(9_000, 1.5, 3, 5, rise=0.4),
    "alpha functions": stimuli.poisson_epsc(2_000, 1.5, 0.1, 5, rise=0.1),
    "array": stimuli.from_array(ARRAY),
}
EXAMPLES["pulses within steps"] = stimuli.pulses(10, 0.0013, 0.0037, 0.21, 4_000)
EXAMPLES["scaled"] = -2.5 * EXAMPLES["noise"]
EXAMPLES["later"] = EXAMPLES["synapses"].shifted(3)
EXAMPLES["earlier"] = EXAMPLES["noise"].shifted(-3)
EXAMPLES["later by a part of a step"] = EXAMPLES["sine"].shifted(3.0042)
EXAMPLES["earlier and later"] = EXAMPLES["ramp"].shifted(-3.0042).shifted(1.007)
EXAMPLES["difference"] = 3 * EXAMPLES["later"] - EXAMPLES["chirp"] - 2
EXAMPLES["sum"] = 3 + EXAMPLES["synapses"] + EXAMPLES["noise"] + EXAMPLES["step"]
EXAMPLES["sum with array"] = EXAMPLES["array"] + EXAMPLES["noise"]
EXAMPLES["shifted array"] = EXAMPLES["array"].shifted(2)
DT = 0.01

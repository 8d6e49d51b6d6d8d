"""Arguments for the fuzzer of the public functions, as Python text: usual ones, and others."""

WORDS = r"""
None True False 0 -1 1 2 0.0 -0.0 0.5 -1.5 3.0 1e-300 1e300 1e30 1e9 -1e9 5e-324 2**31 2**63 2**70
-2**63 10**400 np.nan np.inf -np.inf float("nan") 1+2j "" "Vm" "10" "a\0b" "\udc80" b"Vm"
bytearray(b"1") [] () {} set() [1] [[1],[2]] [None] ["Vm"] [1,2,"x"] [[1],[2,3]] {"Vm":1} object()
type int range(3) ... NotImplemented slice(1) Decimal("1") Decimal("NaN") Fraction(1,3)
np.float16(6) np.float16("inf") np.float32(0.1) np.int8(-3) np.uint64(2**64-1)
np.longdouble("1e4000") np.longdouble(1) np.bool_(True) np.timedelta64(50,"ns")
np.timedelta64(1,"s") np.datetime64("2020") datetime.timedelta(seconds=1) np.str_("Vm")
np.bytes_(b"Vm") np.void(b"12") np.array(1.0) np.array("Vm") np.array(None) np.array([])
np.array([1.0]) np.array([[1.0,2.0]]) np.array([np.nan]) np.array([1,np.inf,2]) np.array([1+1j])
np.array(["a"]) np.array([None,1]) np.array([True,False]) np.array([1,2],dtype="m8[s]")
np.ones((2,2,2)) np.ones((3,0)) np.ma.masked np.ma.array([1.0,2.0],mask=[0,1])
np.array([(1,2)],dtype="i4,f8") np.ones(5,">f4") np.arange(10)[::-2] np.float64 Path("x")
Path(".") "/" "/dev/null/x" "no/such/place.zarr" pyhh.HHModel pyhh.HHModel() pyhh.Simulation
stimuli.constant(5) stimuli.from_array([1.0,2.0]) stimuli.sine(5,50) MyFloat(2) MyInt(2) Liar()
Endless() Unequal()
"""
JUNK = [*WORDS.split(), "(lambda *a: 0)", "(i for i in range(3))"]
EMPTY = ["[]", "()", "np.array([])", "np.ones((0, 2))", "np.ones((3, 0))", "np.array([], object)"]
"""Arrays without values, which are the parameters of a population of size 0."""


def usual(rng, name):
    """Return a usual value for the parameter of this name, or None where it is not known."""
    number = rng.uniform
    if name in ("dt", "stepSizeMs", "deltaTms"):
        return rng.choice(["0.01", "0.01", "0.01", "0.02", "0.005", "0.05", "0.025", "0.1"])
    if name in ("duration", "wait"):
        return rng.choice(["5", "1", "10.0", "20", "0", "0.1", "np.float32(2)", "50", "MyInt(3)"])
    if name in ("start", "stop", "width", "period", "tau"):
        return f"{number(0, 12):.2f}"
    if name in ("stimulus", "stimulusWaveform"):
        return rng.choice([waveform(rng), waveform(rng), stimulus(rng), f"{number(-20, 60):.3f}"])
    if name in ("currents", "durations", "V"):
        low, high = {"currents": (-10, 60), "durations": (0.1, 20), "V": (-100, 150)}[name]
        few = rng.randint(0, 5)
        given = [f"{number(low, high):.2f}" for _ in range(few)]
        return rng.choice([f"[{','.join(given)}]", f"{number(low, high):.1f}"])
    if name in ("record", "recorded"):
        some = rng.sample(["Vm", "INa", "IK", "IKleak", "StateN", "StateM", "StateH"], 3)
        return rng.choice(["()", '("Vm",)', repr(some), "()", "np.array(['Vm', 'StateM'])"])
    if name in ("V", "Vm", "startingVoltage", "near", "holding"):
        return f"{number(-60, 110):.3f}"
    if name in RANGES:
        low, high = RANGES[name]
        return f"{number(low, high):.4f}"
    if name in CHOICES:
        return rng.choice(CHOICES[name])
    return None


def waveform(rng):
    """Return text of an array of currents."""
    size = rng.choice([0, 1, 2, 7, 100, 1000])
    return rng.choice(
        [
            f"np.random.default_rng({rng.randrange(99)}).normal(10, 20, {size})",
            f"np.full({size}, {rng.randint(-20, 80)})",
            f"np.linspace(-5, 40, {2 * size})[::2]",
            f"[{rng.randint(-9, 40)}] * {size}",
            f"np.full({size}, {rng.randint(-20, 80)}, np.float32)",
            f"np.full({size}, 10, np.int16)",
            f"np.ones(({rng.choice([1, 2, 3])}, {size}))",
            f"range({size})",
        ]
    )


def stimulus(rng, depth=2):
    """Return text of a stimulus, or a sum of some."""
    if depth and rng.random() < 0.3:
        form = rng.choice(["{} + {}", "{} + {}", "{} - {}", "2 * {}", "-({})", "{} + 3", "1 + {}"])
        return form.format(stimulus(rng, depth - 1), stimulus(rng, depth - 1))
    n = [f"{rng.uniform(0, 30):.2f}" for _ in range(4)]
    seed = rng.randrange(99)
    return rng.choice(
        [
            f"stimuli.constant({n[0]})",
            f"stimuli.step({n[0]}, {n[1]}, {n[1]} + {n[2]})",
            f"stimuli.pulses({n[0]}, 1 + {n[1]} / 30, 2 + {n[2]})",
            f"stimuli.pulses({n[0]}, 0.5, 3.3, start={n[1]}, count={rng.randrange(9)})",
            f"stimuli.ramp(-{n[0]}, {n[1]}, {n[2]}, {n[2]} + {n[3]})",
            f"stimuli.sine({n[0]}, {n[1]}, {n[2]})",
            f"stimuli.chirp({n[0]}, {n[1]}, {n[2]}, 20)",
            f"stimuli.ornstein_uhlenbeck({n[0]}, {n[1]} / 10, 1 + {n[2]}, {seed})",
            f"stimuli.poisson_epsc(10 * {n[0]}, {n[1]}, 1 + {n[2]}, {seed})",
            f"stimuli.from_array({waveform(rng)})",
        ]
    )


RANGES = {
    "Cm": (0.3, 3),
    "gNa": (0, 200),
    "gK": (0, 60),
    "gKleak": (0, 2),
    "ENa": (50, 130),
    "EK": (-40, 0),
    "EKleak": (-10, 30),
    "threshold": (-20, 90),
    "current": (-10, 60),
    "stimulusCurrent": (-10, 60),
    "rtol": (1e-9, 1e-3),
    "atol": (1e-9, 1e-3),
    "rheobase": (1, 9),
    "amplitude": (-30, 60),
    "mean": (-30, 60),
    "sd": (0, 9),
    "first": (-30, 60),
    "last": (-30, 60),
    "phase": (-9, 9),
    "rate": (0, 900),
    "frequency": (0, 200),
    "first_frequency": (0, 200),
    "last_frequency": (0, 200),
}

CHOICES = {
    "method": ['"euler"', '"exponential_euler"', '"rk4"', '"adaptive"'],
    "every": ["1", "2", "7", "1000", "np.int64(3)"],
    "envelope": ["10", "1", "333", "None"],
    "features": [
        "None",
        "[features.spike_count(0, 1), features.voltage_sd(0.5, 2)]",
        '{"w": features.AP_duration_half_width(0, 2), "k": features.voltage_kurtosis(0.1, 1.3)}',
        '{"late": features.sag_ratio1(1, 1e9)}',
    ],
    "threads": ["1", "2", "3", "None"],
    "progress": ["False"],
    "size": ["1", "3", "5", "0", "17"],
    "cells": ["None", "[0]", "[0, 0]", "0", "range(1)", "np.array([0])"],
    "cell": ["0", "0", "1"],
    "to": ['"run.zarr"', '"run.zarr"', '"sub.zarr"', 'Path("run.zarr")', "None"],
    "out": ['"sweep.zarr"', "None", "None"],
    "path": ['"run.zarr"', '"state.json"', 'Path("state.json")'],
    "steps": ["0", "1", "10", "500"],
    "step": ["0", "1", "10"],
    "pointCount": ["0", "3", "100"],
    "seed": ["0", "1", "2**63"],
    "count": ["0", "5", "None"],
    "unstable": ['"raise"', '"steady"'],
    "product": ["True", "False"],
    "reduce": ['"spike_counts"', '"final_Vm"', "(lambda recording: recording.spike_counts)"],
    "grid": [
        '{"gNa": [100, 120]}',
        '{"gNa": np.linspace(60, 140, 3), "current": [0, 10]}',
        '{"current": np.linspace(0, 30, 5)}',
        '{"EK": [-12.0], "gK": [30.0]}',
        "{}",
    ],
    "state": ["None"],
    "executor": ["None", "None", "Executor(2)"],
    "values": ["[1.0, 2.0]", "np.ones(3000)", "range(9)"],
    "steady": ["pyhh.steady_state(pyhh.HHModel(), [1, 2, 3])"],
    "thresholds": ["[3.0, 2.0, 1.0]", "[5.0]"],
    "rates": ["[0.0, 5.0, 60.0]", "[5.0]"],
    "response": ["pyhh.phase_response(pyhh.HHModel(), 10.0, [0.2, 0.7])"],
    "phases": ["[0.1, 0.5]", "0.25", "np.linspace(0, 1, 5)"],
    "plane": ["pyhh.phase_plane(pyhh.HHModel())"],
    "description": ["stimuli.step(1, 2, 3).description()"],
    "width_of_panel": ["6"],
}

"""A fuzzer of the public functions: random models, arguments and calls, valid and invalid.

    python tests/fuzzers/fuzz_api.py --seconds 60 --seed 1

A case is a short script that is made up while it runs. No line of it may crash, hang, raise an
error that does not say what is wrong and what to do, warn of anything that is not meant for users,
return NaN without an error or a warning, or change an argument. Some scripts are right by
construction; their results are compared with the slow twin, and with the same in other pieces.
"""

import contextlib
import inspect
import io
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "helpers"))

import fuzz_neurons
import fuzz_oracles
import fuzz_values
import fuzzing
import matplotlib as mpl
from fuzz_scripts import UNCHECKED, Script

import pyhh_fast as pyhh
from pyhh_fast import features, plotting, stimuli
from pyhh_fast.neuron_populations import NeuronPopulation
from pyhh_fast.stimuli import Reader, Stimulus

MODELS = ["HHModel", "Warm", "Absolute", "Scalar", "Jumpy", "Stepping", "Leaking", "NotANumber"]
FUNCTIONS = [
    "pyhh.fi_curve",
    "pyhh.rheobase",
    "pyhh.strength_duration",
    "pyhh.steady_state",
    "pyhh.phase_plane",
    "pyhh.phase_response",
    "pyhh.refractory_period",
    "pyhh.sweep",
    *(
        f"stimuli.{name}"
        for name, _ in inspect.getmembers(stimuli, inspect.isfunction)
        if name[0] != "_"
    ),
    *(f"plotting.{name}" for name in dir(plotting) if name.startswith("plot_")),
    *(f"features.{name}" for name in features.compute.NAMES),
    "features.of",
    "pyhh.Population",
    "pyhh.Population.at_rest",
    "pyhh.Population.steady",
    "pyhh.Population.from_model",
    "pyhh.Simulation",
    "pyhh.Simulation.resume",
    "pyhh.Simulation.load_state",
    "pyhh.HHModel",
    "pyhh.HHModel.at_rest",
    "pyhh.HHModel.steady",
    "Warm.at_rest",
    "Absolute",
]


def case(number, seed, report):
    """Make up and run a script in a folder of its own."""
    rng = random.Random(f"{seed} {number}")
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        script = Script(rng, report)
        if rng.random() < 0.25:
            fuzz_oracles.compare(script)
        elif rng.random() < 0.1:
            command(script)
        else:
            calls(script)
    finally:
        mpl.pyplot.close("all") if "matplotlib.pyplot" in sys.modules else None
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


def calls(script):
    """Make objects, and use their public attributes."""
    rng = script.rng
    for number in range(rng.randint(1, 7)):
        things = [
            name
            for name, value in script.names.items()
            if isinstance(
                value,
                pyhh.HHModel | pyhh.Simulation | pyhh.Population | pyhh.Recording
                | pyhh.PopulationRecording | Stimulus | Reader | NeuronPopulation,
            )
        ]  # fmt: skip
        if not things or rng.random() < 0.3:
            make(script, number)
        else:
            use(script, rng.choice(things), number)


def make(script, number):
    """Make a model with a simulation, or call a function."""
    rng = script.rng
    if rng.random() < 0.15:
        make_cells(script, number)
        return
    if rng.random() < 0.5:
        kind = rng.choice(MODELS)
        how = rng.choice(["", "", ".at_rest", ".steady" if hasattr(pyhh.HHModel, "steady") else ""])
        function = eval(kind + how, script.names)
        given = script.arguments(function)
        if script.run(f"model{number} = {kind}{how}({given})", kind + how):
            script.run(f"simulation{number} = pyhh.Simulation(model{number})", "Simulation")
        return
    text = rng.choice(FUNCTIONS)
    owner, _, name = text.rpartition(".")
    if owner and not hasattr(eval(owner, script.names), name):
        return
    given = script.arguments(eval(text, script.names))
    script.run(f"x{number} = {text}({given})", text)


def make_cells(script, number):
    """Make a population of a neuron."""
    rng = script.rng
    if not script.run(f"neuron{number} = {fuzz_neurons.neuron(rng)}", "Neuron"):
        return
    size = rng.randint(1, 20)
    own = fuzz_neurons.own_numbers(rng, script.names[f"neuron{number}"], size)
    if own and rng.random() < 0.2:
        own[rng.choice([*own, "K.g", "Na.m"])] = rng.choice([[], -1, "x", [-0.5] * size, 1e9])
    given = [f"neuron{number}", script.value("size") if rng.random() < 0.1 else str(size)]
    given.append(script.bind(repr(own)))
    if rng.random() < 0.5:
        given += ['start="steady"', f"Vm={script.value('Vm')}"]
    script.run(f"cells{number} = pyhh.Population.from_model({', '.join(given)})", "from_model")


def use(script, thing, number):
    """Read, set or call a public attribute of a thing."""
    rng, kind = script.rng, type(script.names[thing]).__name__
    public = [name for name in dir(script.names[thing]) if not name.startswith("_")]
    if kind == "NeuronPopulation":
        public = fuzz_neurons.USUAL
    often = [name for name in ("run", "Run", "clamp", "read", "to_array") if name in public]
    name = rng.choice(often if often and rng.random() < 0.5 else public)
    if name in UNCHECKED and script.warned:
        return  # what was set may be anything
    if rng.random() < 0.05:
        script.run(f"pickle.loads(pickle.dumps({thing}))", "pickle")
        return
    if rng.random() < 0.05:
        script.run(f"repr({thing})", "repr")
        return
    if rng.random() < 0.1 and kind in [*MODELS, "Population"]:
        target = rng.choice(["Vm", "m.state", "gNa", "Cm", "h.alpha", "n", "tabulate", "gna"])
        if kind == "Population":
            target = rng.choice(["Vm", "StateM", "gNa", "Cm"])
        value = script.value(target, 0.0)
        if rng.random() < 0.1:
            value = rng.choice(fuzz_values.EMPTY)
        if rng.random() < 0.5:  # models that make their steps themselves take anything but these
            value = rng.choice(["-1.5", "1e300", "np.nan", "-np.inf", "1e-300", "np.float32(3)"])
        if script.run(f"{thing}.{target} = {value}", "set"):
            script.warned = True  # what is set without a check is checked at a run
        return
    if not script.run(f"y{number} = {thing}.{name}", "attributes"):
        return
    function = script.names[f"y{number}"]
    if callable(function) and not isinstance(function, type):
        given = script.arguments(function)
        script.run(f"y{number} = {thing}.{name}({given})", f"{kind}.{name}()")
        script.warned |= name == "CreateArrays"  # of NaN


def command(script):
    """Run the command line in this process."""
    rng = script.rng
    words = [rng.choice(["simulate", "simulate", "fi", "plot", "info", "simulat", "--version"])]
    options = "duration dt method rtol atol voltage threshold resume constant step pulses ramp"
    options += " sine chirp noise epsc seed Cm gNa EK out plot record every envelope from to points"
    options += " threads quiet progress"
    texts = "10 5 0 -1 nan inf 1e400 1e9 0.01 1,2,3 5,1 -5,2,10,3 --  x , ,, 1h 90s 5min a\0b"
    texts += " run.zarr run.npz p.png euler rk4 adaptive Vm all none Vm,INa 3 1e-3 0x10 １ \udc80"
    names = rng.sample(options.split(), rng.randint(0, 5))
    if words[0] == "simulate" and rng.random() < 0.8:
        names.insert(0, "duration")
    for name in names:
        form = rng.choice(["--{}", "--{}", "--{}="])
        text = fuzz_values.usual(rng, name) if rng.random() < 0.4 else None
        text = (text or rng.choice(texts.split(" "))).strip('"')
        words += [form.format(name) + text] if form.endswith("=") else [form.format(name), text]
    if words[0] == "plot":
        words += ["run.zarr"]
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        script.run(f"_ended = ended(cli.main, {words!r})", "cli") if script.names.setdefault(
            "ended", ended
        ) else None
    if "Traceback" in errors.getvalue():
        script.fail(f"the command prints a traceback:\n{errors.getvalue()}")


def ended(main, words):
    """Return the exit code of a command."""
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code
    if code not in (None, 0, 1, 2, 130):
        raise AssertionError(f"exit code {code!r}")
    return code


if __name__ == "__main__":
    mpl.use("agg")
    sys.exit(fuzzing.main(__file__, case))

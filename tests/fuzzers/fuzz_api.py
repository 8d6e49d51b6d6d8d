"""A fuzzer of the public functions: random models, arguments and calls, valid and invalid.

    python tests/fuzzers/fuzz_api.py --seconds 60 --seed 1

A case is a short script that is made up while it runs. No line of it may crash, hang, raise an
error that does not say what is wrong and what to do, warn of anything that is not meant for users,
return NaN without an error or a warning, or change an argument. Some scripts are right by
construction; their results are compared with the slow twin, and with the same in other pieces.
"""

import ast
import contextlib
import datetime
import inspect
import io
import os
import pickle
import random
import re
import shutil
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "helpers"))

import fuzz_models
import fuzz_neurons
import fuzz_oracles
import fuzz_values
import fuzzing
import matplotlib as mpl
import numpy as np

import pyhh_fast as pyhh
from pyhh_fast import features, plotting, stimuli
from pyhh_fast.analysis.error_estimate import ErrorEstimate
from pyhh_fast.analysis.hodgkin_huxley import PhasePlane
from pyhh_fast.cli import main as cli
from pyhh_fast.neuron_populations import NeuronPopulation
from pyhh_fast.stimuli import Reader, Stimulus

ERRORS = (
    TypeError,
    ValueError,
    RuntimeError,
    OSError,
    MemoryError,
    ImportError,
    AttributeError,
    pickle.PicklingError,
)
"""What a call may raise, with a message of the package; SimulationError is a RuntimeError."""

KNOWN = re.compile(
    r" must (?s:.*); got[ :]"
    r"|diverged at step |was not recorded\. |There is no envelope\. |nothing to plot yet\. "
    r"|The error cannot be estimated: |the starting voltages?|takes the state of the model; "
    r"|must be given to continue: |Unable to allocate .* for an array|[Cc]an't pickle "
    r"|is being written by another process|the run cannot continue at step "
    # Python's own, for a call with wrong names or numbers of arguments:
    r"|(missing|takes) .*argument|got an unexpected keyword argument|got multiple values for"
    r"|\] .*: '|(unsupported operand|bad operand) type"
)
"""Parts of all messages; the last line is for files and for sums with what is no stimulus."""

UNCHECKED = ("iterate", "update")
"""Steps of pyHH, which users override and call in loops of their own: they check nothing."""

MODELS = ["HHModel", "Warm", "Absolute", "Scalar", "Jumpy", "Stepping", "Leaking", "NotANumber"]
PARAMETERS = ["Cm", "gNa", "gK", "gKleak", "ENa", "EK", "EKleak"]
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


NAMES = {
    "np": np,
    "pyhh": pyhh,
    "features": features,
    "stimuli": stimuli,
    "plotting": plotting,
    "cli": cli,
    "Decimal": Decimal,
    "Fraction": Fraction,
    "Path": Path,
    "datetime": datetime,
    "pickle": pickle,
    "Executor": ThreadPoolExecutor,
    "HHModel": pyhh.HHModel,
}
NAMES |= fuzz_neurons.NAMES | {
    name: getattr(fuzz_models, name) for name in dir(fuzz_models) if name[0].isupper()
}


class Script:
    """A script that is made up and run, line by line."""

    def __init__(self, rng, report):
        self.rng, self.report, self.lines, self.warned = rng, report, [], False
        self.bound = {}
        self.names = dict(NAMES)

    def junk(self):
        """Return the text of a value that most functions must refuse."""
        return self.rng.choice(fuzz_values.JUNK)

    def value(self, name, junk=0.08):
        """Return text of a value for a parameter of this name."""
        if self.rng.random() < junk:
            return self.bind(self.junk())
        if name == "self_model" or name == "model":
            models = [key for key, value in self.names.items() if isinstance(value, pyhh.HHModel)]
            return self.rng.choice([*models, "pyhh.HHModel.at_rest()", "Warm()", "Absolute()"])
        if name == "recording":
            kept = [key for key, value in self.names.items() if isinstance(value, pyhh.Recording)]
            return self.rng.choice([*kept, "3"])
        if name == "stimulus" and self.rng.random() < 0.1:
            return "(lambda t: 10 * (t > 2))"
        found = fuzz_values.usual(self.rng, name)
        return self.bind(self.junk() if found is None else found)

    def bind(self, text):
        """Give a mutable value a name of its own, so that it can be compared afterwards."""
        if not re.match(r"\[|np\.(array|ones|full|linspace|random|arange|ma)|\{.*:", text):
            return text
        name = f"a{len(self.bound)}"
        if self.run(f"{name} = {text}", "arguments"):
            self.bound[name] = text
            return name
        return text

    def arguments(self, function):
        """Return text of arguments for a function, by its signature."""
        given, rng = [], self.rng
        if getattr(function, "__name__", "") in UNCHECKED:
            return "5.0, 0.01" if function.__name__ != "update" else "0.01"
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return ""
        for one in parameters:
            if one.kind == one.VAR_KEYWORD:
                for name in rng.sample([*PARAMETERS, "startingVoltage"], rng.choice([0, 1, 2])):
                    value = self.value(name)
                    if "size" in [p.name for p in parameters] and rng.random() < 0.5:
                        value = f"[{value}] * 3"
                    if rng.random() < 0.1:
                        value = rng.choice(fuzz_values.EMPTY)
                    given.append(f"{name}={value}")
                if rng.random() < 0.03:
                    given.append(f"gna={self.value('gNa')}")
            elif one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
                if one.default is one.empty and rng.random() < 0.99:
                    given.append(self.value(one.name))
                elif rng.random() < 0.3:
                    given.append(f"{one.name}={self.value(one.name)}")
            elif one.kind == one.KEYWORD_ONLY and (
                rng.random() < (0.75 if one.name == "duration" else 0.2)
            ):
                given.append(f"{one.name}={self.value(one.name)}")
        positional = [text for text in given if not re.match(r"\w+=[^=]", text)]
        keywords = [text for text in given if re.match(r"\w+=[^=]", text)]
        return ", ".join(positional + keywords)

    def run(self, line, name):
        """Run a line and return whether it was accepted; raise a Failure if it breaks a rule."""
        self.lines.append(line)
        self.report("call", "\n".join(self.lines))
        out, error, value = io.StringIO(), None, None
        tree = ast.parse(line)
        unraisable = []
        sys.unraisablehook = unraisable.append
        with warnings.catch_warnings(record=True) as recorded, contextlib.redirect_stdout(out):
            warnings.simplefilter("always")
            try:
                with fuzzing.limited_time():
                    if isinstance(tree.body[-1], ast.Expr):
                        value = eval(line, self.names)
                    else:
                        exec(line, self.names)
                        value = self.names.get(line.split(" ")[0])
            except (Exception, KeyboardInterrupt, SystemExit) as caught:
                error = caught
        if unraisable:
            self.fail(f"raised where it cannot be caught: {unraisable[0].exc_value!r}")
        outcome = "accepted" if error is None else "refused"
        if isinstance(error, KeyboardInterrupt):
            outcome = "interrupted"
        elif error is not None and name not in ("arguments", "attributes"):
            self.check_error(error)
        for one in recorded if name != "arguments" else ():
            self.warned = True
            if one.category is not UserWarning:
                place = f"{os.path.basename(one.filename)}:{one.lineno}"
                self.fail(f"warns {one.category.__name__}: {one.message} ({place})")
        if isinstance(error, pyhh.SimulationError):
            self.warned = True  # and NaN from there on
        own = name != "arguments" and not line.endswith(".model")  # not what was passed
        if outcome == "accepted" and not self.warned and own and has_nan(value):
            self.fail(f"returns NaN without a warning: {name}")
        for bound, text in self.bound.items():
            if not same(self.names[bound], eval(text, self.names)):
                self.fail(f"changes an argument: {name}")
        if name != "arguments":
            self.report(name, outcome)
        if self.report is print:
            shown = f"  # {type(error).__name__}: {error}" if error else ""
            print(f"{line}{shown}")
        return error is None

    def check_error(self, error):
        place = f"{type(error).__name__}: {error}"
        if not isinstance(error, ERRORS) or not KNOWN.search(str(error)):
            at = fuzzing.where(error)
            bare = re.sub(r"[0-9.]+", "#", str(error))[:100]
            self.fail(f"raises {type(error).__name__} at {at}: {bare}\n{place}")

    def fail(self, what):
        raise fuzzing.Failure(what + "\n" + "\n".join(f"    {line}" for line in self.lines))


def same(left, right):
    """Whether two arguments are equal, NaN included."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and repr(left) == repr(right)
    return repr(left) == repr(right) or "object at" in repr(left)


def has_nan(value, depth=3):
    """Whether there is a NaN anywhere in a result."""
    if isinstance(value, float):
        return value != value
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            return any(has_nan(value[name]) for name in value.dtype.names)
        return value.dtype.kind == "f" and bool(np.isnan(value).any())
    if isinstance(value, ErrorEstimate | fuzz_models.NotANumber):  # as they should
        return False
    if isinstance(value, PhasePlane):  # its nullclines end where there is no n
        value = value._replace(V_nullcline=0.0)
    if isinstance(value, tuple) and depth:
        return any(has_nan(one, depth - 1) for one in value)
    if isinstance(value, pyhh.Recording | pyhh.PopulationRecording | pyhh.HHModel) and depth:
        return any(has_nan(one, depth - 1) for one in list(vars(value).values()))
    return False


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

"""Scripts that are made up while they run, line by line, and the rules that no line may break."""

import ast
import contextlib
import datetime
import inspect
import io
import os
import pickle
import re
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import fuzz_models
import fuzz_neurons
import fuzz_values
import fuzzing
import numpy as np

import pyhh_fast as pyhh
from pyhh_fast import features, plotting, stimuli
from pyhh_fast.analysis.error_estimate import ErrorEstimate
from pyhh_fast.analysis.hodgkin_huxley import PhasePlane
from pyhh_fast.cli import main as cli

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

PARAMETERS = ["Cm", "gNa", "gK", "gKleak", "ENa", "EK", "EKleak"]
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

"""A fuzzer of what is read from disk: stores of runs and of sweeps, and state files.

    python tests/fuzzers/fuzz_stores.py --seconds 60 --seed 1

A case copies an intact store, damages one or two of its files, and reads, resumes or continues it.
The result must be that of the intact store, or an error that says what is wrong with which path:
no hang, no exhausted memory, no raw error, and no wrong content accepted. A number that replaces
another number may be accepted: nothing shows that it is wrong.
"""

import contextlib
import copy
import functools
import io
import json
import os
import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "helpers"))

import fuzz_scripts
import fuzzing
import matplotlib as mpl
import numpy as np
from fuzz_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.cli import main as cli
from pyhh_fast.cli.common import INTERRUPTED
from pyhh_fast.storage import resume

TRACES = {"model": ("Vm", "StateM", "INa"), "neuron": ("Vm", "Na.m", "K")}
GRID = {"gNa": np.linspace(80, 140, 5), "current": [0.0, 10.0]}

VALUES = [None, True, 0, 1, -1, 0.5, 2**31, 2**63, 2**70, 1e300, 10**400, "", "x", "a\0b", [], {}]
VALUES += [[1], [0], [-1], [2**40], [[1]], {"a": 1}, "int64", "float32", "V8", "object", "NaN"]
VALUES += ["../../x", "/dev/zero", [None], [2**62, 2**62], 1.0, "\udc80"]

KINDS = ["run", "table", "resumed", "sweep", "table of sweep", "state", "table of state"]
KINDS += ["neuron", "table of neuron", "state of neuron"]
WAYS = ["resume", "plot", "open"]


def noise():
    return stimuli.step(10, 2, 15) + stimuli.ornstein_uhlenbeck(1, 2, 3, seed=1)


def model_of(kind):
    if "neuron" in kind:
        return pyhh.neurons.connor_stevens()
    return Warm() if "table" in kind else pyhh.HHModel.at_rest()


def traces_of(kind):
    return TRACES["neuron" if "neuron" in kind else "model"]


def run_to(kind, duration):
    """Make a run to a store."""
    options = {"record": traces_of(kind), "every": 2, "envelope": 50, "method": "rk4"}
    stimulus = noise() if kind == "run" else 10.0
    pyhh.Simulation(model_of(kind)).run(
        stimulus, 0.02, duration=duration, to=f"{kind}.zarr", **options
    )


def sweep_to(kind):
    return pyhh.sweep(
        model_of(kind), GRID, 0.0, 0.02, duration=3, reduce="final_Vm", out=f"{kind}.zarr"
    )


def make(kind):
    """Write an original, which cases copy; return its name."""
    if "state" in kind:
        simulation = pyhh.Simulation(model_of(kind))
        simulation.run(10, 0.02, duration=3)
        simulation.save_state(f"{kind}.json")
        return f"{kind}.json"
    if "sweep" in kind:
        sweep_to(kind)
    else:
        run_to(kind, 10)
        if kind == "resumed":
            pyhh.Simulation.resume(f"{kind}.zarr", duration=14)
    return f"{kind}.zarr"


def everything(kind, recording):
    """Return all that a recording holds."""
    names = ["times", "spike_times", "Vm_min", "Vm_max", "envelope_times"]
    found = [*map(recording.__getitem__, traces_of(kind))]
    return [np.array(one) for one in found + [getattr(recording, name) for name in names]]


def read(kind, how):
    """Return the content of a store or a file: arrays that are equal if it is intact."""
    given = {"model": model_of(kind)} if "table" in kind else {}
    if "state" in kind:
        simulation = pyhh.Simulation.load_state(f"{kind}.json", **given)
        run = simulation.run(10, 0.02, duration=2)
        return [run[name] for name in run.recorded]
    if "sweep" in kind:
        found = sweep_to(kind)
        return [found[name].values for name in sorted(map(str, found.variables))]
    if how == "resume":
        simulation = pyhh.Simulation.resume(f"{kind}.zarr", duration=20, **given)
        V = simulation.Vm if "neuron" in kind else simulation.model.Vm
        return [*everything(kind, simulation.recording), np.array(V)]
    if how == "open":
        return everything(kind, resume.open_recording(f"{kind}.zarr"))
    errors = io.StringIO()
    with contextlib.redirect_stdout(errors), contextlib.redirect_stderr(errors):
        code = cli.main(["plot", f"{kind}.zarr", "-o", "figure.png"])
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if "Traceback" in errors.getvalue():
        raise AssertionError(errors.getvalue())
    if code:
        raise ValueError(errors.getvalue())
    return []


@functools.cache
def originals():
    """Return a folder with one of each kind, their names, and their contents."""
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    names = {kind: make(kind) for kind in KINDS}
    expected = {}
    for kind in KINDS:
        for how in WAYS:
            with tempfile.TemporaryDirectory() as place:
                copy_of(Path(folder, names[kind]), Path(place, names[kind]))
                os.chdir(place)
                expected[kind, how] = read(kind, how)
            os.chdir(folder)
    return folder, names, expected


def copy_of(source, place):
    (shutil.copytree if source.is_dir() else shutil.copy)(source, place)


def damage(rng, root):
    """Damage one file; return what was done, and whether only a number may have changed."""
    paths = [root] if root.is_file() else sorted(root.rglob("*"))
    path = rng.choice([p for p in paths if rng.random() < 0.5 or p.is_file()] or [root])
    name = str(path.relative_to(root.parent))
    if path.is_dir():
        return in_place_of(rng, path, name)
    content = b""
    if path.is_file() and not path.is_symlink() and path.stat().st_size < 2**24:
        content = path.read_bytes()
    kind = rng.choice(["json"] * 3 + ["bytes", "bytes", "length", "length", "place"])
    if kind == "json" and path.suffix == ".json" and path.is_file():
        return change_json(rng, path, name, content)
    if kind == "bytes" and content:
        at, to = rng.randrange(len(content)), rng.randrange(256)
        path.write_bytes(content[:at] + bytes([to]) + content[at + 1 :])
        digit = chr(content[at]) in "0123456789.-+eE" and chr(to) in "0123456789.-+eE"
        return f"{name}: byte {at} to {to}", digit or path.suffix != ".json"
    if kind == "length" and path.is_file():
        size = rng.choice([0, 1, len(content) // 2, len(content) - 1, len(content) + 1, 2**35])
        with path.open("r+b") as file:
            file.truncate(max(0, size))
        return f"{name}: {size} bytes", False
    return in_place_of(rng, path, name)


def in_place_of(rng, path, name):
    """Put something else in the place of a file or a directory."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    kind = rng.choice(["nothing", "fifo", "directory", "zero", "loop", "sparse", "text", "socket"])
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(50 * 2**30)
    elif kind == "text":
        path.write_text(rng.choice(["", "x", "[" * 10**5, '{"a":' * 10**4, "1" * 10**6, "[]"]))
    return f"{name}: {kind}", False


def change_json(rng, path, name, content):
    """Change, remove or add something in JSON."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):  # damaged before
        return f"{name}: as it was", False
    holder, steps = tree, []
    while isinstance(holder, dict | list) and holder:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = rng.choice(keys)
        steps.append(key)
        if not isinstance(holder[key], dict | list) or not holder[key] or rng.random() < 0.15:
            break
        holder = holder[key]
    else:
        return f"{name}: as it was", False
    before = copy.deepcopy(holder[key])
    change = rng.choice(["value", "value", "value", "gone", "more"])
    if change == "gone":
        del holder[key]
    elif change == "more":
        holder.update(x=1) if isinstance(holder, dict) else holder.append(before)
    else:
        value = rng.choice(VALUES)
        near = isinstance(before, int | float) and rng.random() < 0.6
        holder[key] = before + rng.choice([1, -1, 1000, -0.5]) if near else value
    path.write_bytes(json.dumps(tree).encode())
    number = (int, float)
    same_kind = change == "value" and isinstance(before, number) and isinstance(holder[key], number)
    done = f"{name}: {change} at {steps}"
    if change == "value":
        done += f", {before!r:.60} to {holder[key]!r:.60}"
    return done, same_kind


def case(number, seed, report):
    """Damage a copy and read it."""
    folder, names, expected = originals()
    rng = random.Random(f"{seed} {number}")
    kind, how = rng.choice(KINDS), rng.choice(WAYS)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        root = Path(place, names[kind])
        copy_of(Path(folder, root.name), root)
        done, plausible = [], False
        for _ in range(rng.choice([1, 1, 2])):
            one, number_only = damage(rng, root)
            done.append(one)
            plausible |= number_only
            if not root.exists():
                break
        what = "\n".join(f"    {kind}, {how}: {one}" for one in done)
        report("call", what)
        found, error = [], None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with fuzzing.limited_time():
                    found = read(kind, how)
            except (Exception, KeyboardInterrupt, SystemExit) as caught:
                error = caught
        os.chdir("/")
        mpl.pyplot.close("all")
        for file in [root, *root.rglob("*")] if root.is_dir() else []:
            with contextlib.suppress(OSError):
                file.chmod(0o700)
    report(kind, check(found, error, expected[kind, how], plausible, what))
    if report is print:
        print(what, "\n", f"{type(error).__name__}: {error}" if error else "accepted")


def check(found, error, expected, plausible, what):
    """Return how a case ended; raise a Failure where it must not end like that."""
    if error is None:
        same = len(found) == len(expected) and all(map(equal, found, expected))
        if not same and not plausible:
            raise fuzzing.Failure(f"accepts wrong content\n{what}")
        return "intact" if same else "another number accepted"
    clear = isinstance(error, ValueError | OSError | RuntimeError | TypeError)
    if not clear or not fuzz_scripts.KNOWN.search(str(error)):
        raise fuzzing.Failure(
            f"raises {type(error).__name__} at {fuzzing.where(error)}\n"
            f"    {type(error).__name__}: {error}\n{what}"
        )
    return "refused"


def equal(one, other):
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


if __name__ == "__main__":
    mpl.use("agg")
    import matplotlib.pyplot

    fuzzing.MEMORY = 4 * 2**30
    sys.exit(fuzzing.main(__file__, case))

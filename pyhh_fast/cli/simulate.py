"""A run of one neuron, from its options to files and figures: ``pyhh-fast simulate``."""

import argparse
import dataclasses
import functools
import os
import shlex
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pyhh_fast import validation
from pyhh_fast.cli import common, library, neuroml
from pyhh_fast.cli.common import COUNT, INTERRUPTED, NUMBER, Failed, shown_time
from pyhh_fast.cli.stimulus_options import add_stimuli, total
from pyhh_fast.cli.summary import save_npz, summary
from pyhh_fast.engine import stimulus_arguments
from pyhh_fast.engine.time_steps import STEP
from pyhh_fast.equilibria.rest_states import NoRest
from pyhh_fast.errors import SimulationError
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.neuroml.reading import ReadRun
from pyhh_fast.recording import Recording
from pyhh_fast.simulations import Simulation
from pyhh_fast.variables import TRACES, VARIABLES

NAME = "pyhh-fast simulate"

Start = TypeVar("Start", HHModel, Simulation)

DEFAULTS = common.defaults_of(Simulation.run) | {"dt": STEP, "record": ("Vm",)}

WITH_RESUME = ("command", "parser", "resume", "duration", "plot")
"""What may be given with --resume."""

FIGURE_ENVELOPE = 1_000
"""Steps of a window of V, where a long run is only to be drawn, and its rows need no memory."""

LONG = 10_000_000
"""Rows of a run that is long in this sense: 80 MB."""


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``pyhh-fast``."""
    simulate = commands.add_parser(
        "simulate",
        usage="%(prog)s [--duration TIME] [OPTION...]\n"
        "       %(prog)s --resume RUN.zarr [--duration TIME] [--plot FILE]",
        help="run one neuron; write and draw what it did",
        description="Run one neuron, from rest or, where no rest is stable, from its unstable "
        "equilibrium, under the sum of the stimuli that are given, and print a summary. Numbers "
        "are in ms, mV, uA/cm2 and Hz. After Ctrl-C, or a crash, a run that is written to a .zarr "
        "continues with --resume.",
        argument_default=argparse.SUPPRESS,  # so that --resume sees what was given
    )
    simulate.set_defaults(parser=simulate)
    simulate.add_argument(
        "--duration",
        type=common.milliseconds,
        metavar="TIME",
        help="time to simulate: 500 (ms), 90s, 2min, 1.5h (default: until the stimulus ends, "
        "where each that is given does: --step, --ramp, --chirp)",
    )
    common.add_run_options(simulate, DEFAULTS["method"], f"{STEP:g}")
    for name in ("rtol", "atol"):
        default = f"of the adaptive method (default: {DEFAULTS[name]:g})"
        simulate.add_argument(f"--{name}", help=default, **NUMBER)
    simulate.add_argument(
        "--steady", help="start at this potential (mV) with steady gates, not at rest", **NUMBER
    )
    simulate.add_argument(
        "--voltage", help="start at this potential, with h = 0 as pyHH does, not at rest", **NUMBER
    )
    add_stimuli(simulate)
    common.add_parameters(simulate)
    library.add_options(simulate)
    neuroml.add_options(simulate)
    output = simulate.add_argument_group("output")
    output.add_argument(
        "--out",
        type=_data_file,
        metavar="FILE",
        help="new file: RUN.zarr, written during the run, of any length, or RUN.npz, at its end",
    )
    output.add_argument(
        "--plot", type=common.figure_file, metavar="FILE", help="draw the run into a file"
    )
    output.add_argument(
        "--record",
        type=_names,
        metavar="NAMES",
        help=f"traces to keep: some of {','.join(TRACES)}, of a published neuron V, gates by path "
        "and channels, or all, or none (default: Vm)",
    )
    output.add_argument("--every", help="steps from one row to the next (default: 1)", **COUNT)
    output.add_argument(
        "--envelope", help="keep the lowest and highest V of each so many steps", **COUNT
    )
    simulate.add_argument(
        "--resume",
        type=Path,
        metavar="RUN.zarr",
        help="continue this run, to its end or to a later --duration",
    )


def _data_file(text: str) -> Path:
    if Path(text).suffix not in (".zarr", ".npz"):
        raise argparse.ArgumentTypeError(
            f"must be a file whose name ends in .zarr or .npz; got {text!r}"
        )
    return Path(text)


def _names(text: str) -> tuple[str, ...] | None:
    if text in ("all", "none"):
        return None if text == "all" else ()
    return tuple(name.strip() for name in text.split(","))


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed arguments; return the exit code."""
    try:
        return _done(_run_to_resume(given) if hasattr(given, "resume") else _new_run(given))
    except KeyboardInterrupt:
        common.report(NAME, "interrupted")
        return INTERRUPTED


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """A run that is to be made.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        For errors in arguments.
    make : callable
        Makes it.
    found : callable
        Returns what there is of it afterwards, however that ended: None where it did not begin.
    steps, before : int
        How many are to be made in all, and had been made earlier.
    out, plot : Path, optional
        What is to be written.
    save : callable
        Writes `out` at the end, if it is not written during the run.
    """

    parser: argparse.ArgumentParser
    make: Callable[[], object]
    found: Callable[[], Recording | None]
    steps: int
    before: int
    out: Path | None
    plot: Path | None
    save: Callable[[Path, Recording], None] | None = None


def _new_run(given: argparse.Namespace) -> PlannedRun:
    options = {name: getattr(given, name, default) for name, default in DEFAULTS.items()}
    out, plot = getattr(given, "out", None), getattr(given, "plot", None)
    duration = options["duration"]
    try:
        read = neuroml.run_of(given)
        if read is None or hasattr(given, "stimuli"):
            stimulus: Any = total(getattr(given, "stimuli", []), getattr(given, "seed", 0))
        else:
            stimulus = read.stimulus
        if read is not None and duration is None:
            duration = options["duration"] = read.duration
        stimulus.reader(options["dt"])  # not every dt suits it
        if duration is None and stimulus.duration is None:
            given.parser.error("--duration is required where the stimulus has no end")
        steps = stimulus_arguments.steps_of(stimulus, duration, options["dt"])
        simulation = _simulation_at_start(given) if read is None else _as_read(read, given)
        known = simulation._variables.get("variables", VARIABLES)
        if options["record"] is not None:  # though nothing may be kept
            validation.names("record", options["record"], tuple(known))
    except (TypeError, ValueError) as error:
        given.parser.error(common.in_options(str(error)))
    _check_paths(out, plot)
    if out is None and plot is None:
        options["record"] = ()
    elif out is None and not hasattr(given, "record") and steps > LONG * options["every"]:
        options["record"] = ()
        options["envelope"] = options["envelope"] or FIGURE_ENVELOPE
    options |= {"to": out if out and out.suffix == ".zarr" else None, "progress": common.has_bar()}
    run = functools.partial(simulation.run, stimulus, **options)

    def found() -> Recording | None:
        return simulation.recording

    def save(path: Path, recording: Recording) -> None:
        name = str(given.neuroml) if read else getattr(given, "neuron", None)
        save_npz(path, recording, stimulus, simulation.model, name)

    return PlannedRun(
        given.parser, run, found, steps, 0, out, plot, None if options["to"] else save
    )


def _simulation_at_start(given: argparse.Namespace) -> Simulation:
    """Return the simulation of what is to run, in the state that it starts in."""
    if hasattr(given, "voltage") and hasattr(given, "steady"):
        given.parser.error("--steady and --voltage are two starts. Give one of them.")
    neuron = library.neuron_of(given)
    if neuron is not None:
        if hasattr(given, "voltage"):
            given.parser.error("--voltage does not go with --neuron. Use --steady.")
        if hasattr(given, "steady"):
            return Simulation(neuron, Vm=given.steady)
        return _at_rest(lambda: Simulation(neuron, Vm=neuron.rest), lambda: Simulation(neuron))
    parameters = common.parameters_of(given)
    if hasattr(given, "voltage"):
        return Simulation(HHModel(given.voltage, **parameters))
    if hasattr(given, "steady"):
        return Simulation(HHModel.steady(given.steady, **parameters))
    at_rest = functools.partial(HHModel.at_rest, **parameters)
    return Simulation(_at_rest(at_rest, lambda: at_rest(unstable="steady")))


def _as_read(read: ReadRun, given: argparse.Namespace) -> Simulation:
    """Return the simulation of a neuron of a file, in the state that it starts in."""
    if hasattr(given, "voltage"):
        given.parser.error("--voltage does not go with --neuroml. Use --steady.")
    start = getattr(given, "steady", read.start)
    return Simulation(neuroml.changed(read.neuron, given), Vm=start)


def _at_rest(make: Callable[[], Start], make_unstable: Callable[[], Start]) -> Start:
    """Return what starts at rest or, with a warning, at an unstable equilibrium."""
    try:
        return make()
    except NoRest as error:
        if not error.found:
            raise ValueError(f"{error.problem} Start at any potential by --steady.") from None
    start = make_unstable()
    warnings.warn(
        "the neuron has no stable resting potential; it starts at its unstable equilibrium at "
        f"V = {start.Vm:.4g} mV with steady gates. --steady starts it at another potential.",
        UserWarning,
        stacklevel=2,
    )
    return start


def _run_to_resume(given: argparse.Namespace) -> PlannedRun:
    others = [name for name in vars(given) if name not in WITH_RESUME]
    if others:
        names = [part.option for part in given.stimuli] if "stimuli" in others else []
        names += [f"--{name}" for name in others if name != "stimuli"]
        given.parser.error(
            "--resume continues a run as it was begun, and takes only --duration and --plot; "
            f"got {', '.join(names)}"
        )
    from pyhh_fast.storage import resume
    from pyhh_fast.storage.stored_traces import StoredTraces

    path, duration = given.resume, getattr(given, "duration", None)
    plot = getattr(given, "plot", None)
    try:
        before = resume.open_recording(path)
        source = before._source
        assert isinstance(source, StoredTraces)
        steps = int(source.open().attributes["steps"])
    except (ImportError, OSError, ValueError) as error:
        raise Failed(error) from None
    if duration is not None:
        try:
            steps = validation.steps_in(duration, before.dt)
        except ValueError as error:
            given.parser.error(common.in_options(str(error)))
        if steps < before.steps:
            given.parser.error(
                f"duration must be that of the whole run, {before.steps * before.dt:.12g} ms or "
                f"more, which are done; got {duration:.12g}."
            )
    _check_paths(None, plot)

    def make() -> None:
        try:
            Simulation.resume(path, duration=duration, progress=common.has_bar())
        except SimulationError:
            raise
        except (RuntimeError, ValueError) as error:  # the store's, not those of arguments
            raise Failed(error) from None

    def found() -> Recording | None:
        return resume.open_recording(*source)

    return PlannedRun(given.parser, make, found, steps, before.steps, path, plot)


def _check_paths(out: Path | None, plot: Path | None) -> None:
    """See, before the work, that there is a place for what will come of it."""
    if out is not None and os.path.lexists(out):
        other = f", continue it by --resume {out}" if out.suffix == ".zarr" else ""
        raise Failed(f"{out} exists. Name another file{other}, or remove it.")
    for path in (out, plot):
        if path is not None:
            with common.writing(path):
                common.try_to_write(path)


def _done(plan: PlannedRun) -> int:
    """Make a run, and write and report what there is of it, whatever ends it."""
    error: BaseException | None = None
    start = time.perf_counter()
    try:
        plan.make()
    except (KeyboardInterrupt, SimulationError, OSError) as ended:
        error = ended
    except ImportError as missing:
        raise Failed(missing) from None
    except (TypeError, ValueError) as wrong:
        plan.parser.error(common.in_options(str(wrong)))
    except MemoryError:
        raise Failed(
            f"there is not enough memory for the traces of {plan.steps:,} steps. Write them to a "
            "file that ends in .zarr, or keep less, by --record, --every and --envelope."
        ) from None
    seconds = time.perf_counter() - start
    try:
        recording = plan.found()
    except (OSError, ValueError) as gone:  # a store that was removed, or replaced, meanwhile
        raise Failed(error or gone) from None
    if recording is None:
        if isinstance(error, OSError):
            raise Failed(common.cannot_write(plan.out, error))
        raise KeyboardInterrupt
    code = 0
    if error is not None:
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        failed = f"error: {common.in_options(str(error))}"
        common.report(NAME, _interrupted(plan, recording) if code > 1 else failed)
    lines = summary(recording, plan.before, seconds)
    if plan.out is not None:
        kept = ", ".join([*recording.recorded, *recording.enveloped, "spike times"])
        save = functools.partial(plan.save, plan.out, recording) if plan.save else None
        code = _written(lines, f"data        {plan.out}: {kept}", plan.out, save) or code
    if plan.plot is not None:
        draw = functools.partial(common.save_figure, recording.plot, plan.plot)
        code = _written(lines, f"figure      {plan.plot}", plan.plot, draw) or code
    with common.writing("to standard output"):
        print("\n".join(lines), flush=True)
    return code


def _written(lines: list[str], line: str, path: Path, write: Callable[[], object] | None) -> int:
    """Write a file, and add a line for it; or say why not, and return 1."""
    try:
        with common.writing(path):
            if write is not None:
                write()
    except Failed as error:
        common.report(NAME, f"error: {error}")
        return 1
    lines.append(line)
    return 0


def _interrupted(plan: PlannedRun, recording: Recording) -> str:
    """Return what to say after Ctrl-C: what is kept, and how to continue."""
    so_far, whole = (shown_time(steps * recording.dt) for steps in (recording.steps, plan.steps))
    if plan.out is None:
        kept = "Nothing more is kept: for that, and to continue, name a .zarr with --out."
    elif plan.save:
        kept = f"{plan.out} has that much; to continue, it would have to be a .zarr."
    else:
        kept = (
            f"{plan.out} has that much. To continue: {NAME} --resume {shlex.quote(str(plan.out))}"
        )
    return f"interrupted at {so_far} of {whole}. {kept}"

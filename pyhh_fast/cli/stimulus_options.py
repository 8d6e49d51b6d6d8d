"""Stimuli as options of a command: ``--step 50,70,130 --noise 5,2,10 --seed 1``."""

import argparse
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pyhh_fast import stimuli
from pyhh_fast.stimuli.base import Stimulus


def noise_conductance(
    mean: float, sd: float, tau: float, reversal: float, seed: int
) -> stimuli.conductance:
    """Return a conductance that fluctuates, in mS/cm², ms and mV."""
    return stimuli.conductance(stimuli.ornstein_uhlenbeck(mean, sd, tau, seed), reversal)


STIMULI: dict[str, tuple[Callable[..., Stimulus], str]] = {
    "--constant": (stimuli.constant, "a constant current"),
    "--step": (stimuli.step, "on from start until before stop"),
    "--pulses": (stimuli.pulses, "a train of them, from start on (default: 0), without end"),
    "--ramp": (stimuli.ramp, "a straight line between two times"),
    "--sine": (stimuli.sine, "phase in radians (default: 0)"),
    "--chirp": (stimuli.chirp, "a sine whose frequency moves"),
    "--noise": (stimuli.ornstein_uhlenbeck, "an Ornstein-Uhlenbeck process"),
    "--epsc": (stimuli.poisson_epsc, "synaptic currents at random times (rise: default 0)"),
    "--conductance": (stimuli.conductance, "a constant conductance (mS/cm²), its reversal (mV)"),
    "--noise-conductance": (noise_conductance, "an Ornstein-Uhlenbeck process, clipped at 0"),
}
"""The class of each option, whose arguments are the option's, and its help."""


class GivenStimulus(NamedTuple):
    """A stimulus that was given; what is random has no seed yet."""

    option: str
    numbers: tuple[float, ...]

    def made(self, seed: int) -> Stimulus:
        """Return the stimulus."""
        names = (parameter.name for parameter in _parameters(self.option))
        options: dict[str, Any] = dict(zip(names, self.numbers, strict=False))
        if self.random:
            options["seed"] = seed
        return STIMULI[self.option][0](**options)

    @property
    def random(self) -> bool:
        """Whether it takes a seed."""
        return "seed" in inspect.signature(STIMULI[self.option][0]).parameters


def add_stimuli(parser: argparse.ArgumentParser) -> None:
    """Add an option for each kind of stimulus, and one for the seed."""
    group = parser.add_argument_group(
        "stimulus", "The sum of all that are given, each as often as you like; without any, 0."
    )
    for option, (_, about) in STIMULI.items():
        names = ",".join(_upper(parameter.name) for parameter in _parameters(option, needed=True))
        more = [_upper(p.name) for p in _parameters(option) if p.default is not p.empty]
        names += "".join(f"[,{name}" for name in more) + "]" * len(more)
        group.add_argument(
            option,
            dest="stimuli",
            action="append",
            type=functools.partial(_part, option, names),
            metavar=names,
            help=about,
        )
    group.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="of the first that is random, --noise, --epsc or --noise-conductance; the next has "
        "N + 1, and so on (default: 0)",
    )


def total(parts: Sequence[GivenStimulus], seed: int) -> Stimulus:
    """Return the sum of stimuli, in the order given; those that are random differ in their seeds.

    Raise ValueError if a seed is none.
    """
    made = []
    for part in parts:
        made.append(part.made(seed))
        seed += part.random
    return functools.reduce(Stimulus.__add__, made) if made else stimuli.constant(0)


def _part(option: str, names: str, text: str) -> GivenStimulus:
    parameters = _parameters(option)
    try:
        part = GivenStimulus(option, tuple(float(number) for number in text.split(",")))
    except ValueError:
        part = GivenStimulus(option, ())
    needed = len(_parameters(option, needed=True))
    if not needed <= len(part.numbers) <= len(parameters):
        numbers = "a number" if len(parameters) == 1 else "numbers with commas between"
        raise argparse.ArgumentTypeError(f"must be {names}, {numbers}; got {text!r}")
    try:
        part.made(seed=0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return part


def _parameters(option: str, *, needed: bool = False) -> list[Any]:
    every = inspect.signature(STIMULI[option][0]).parameters.values()
    given = [p for p in every if p.name not in ("seed", "cell")]
    return [p for p in given if p.default is p.empty or not needed]


def _upper(name: str) -> str:
    return name.upper().replace("_FREQUENCY", "_HZ").replace("FREQUENCY", "HZ")

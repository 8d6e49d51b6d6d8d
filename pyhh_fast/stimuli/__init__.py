"""Stimuli that need no array, for runs of any length.

Currents are in µA/cm², times in ms, frequencies and rates in Hz. A stimulus is constant from i dt
to (i + 1) dt. Of sines and functions value i is the current in the middle of the step; of steps,
pulses, ramps and synaptic currents the mean over it, so that edges between samples count with the
part of the step that they cover; an array and noise hold theirs. Sampling is of second order in dt.

Stimuli are added, subtracted, scaled and shifted in time:
``2 * step(50, 70, 130) + ornstein_uhlenbeck(0, 2, 5, seed=1) - sine(3, 10).shifted(20)``. Numbers
and functions of time may be added, too.
"""

import inspect
from collections.abc import Callable
from typing import Any

from pyhh_fast import validation
from pyhh_fast.stimuli import kinds
from pyhh_fast.stimuli.algebra import Scaled, Shifted, Sum
from pyhh_fast.stimuli.base import Constant, SourceNeeded, Stimulus
from pyhh_fast.stimuli.functions import FromFunction
from pyhh_fast.stimuli.noise import ornstein_uhlenbeck, poisson_epsc
from pyhh_fast.stimuli.reader import Reader
from pyhh_fast.stimuli.sources import from_array, from_function

__all__ = [
    "Reader",
    "SourceNeeded",
    "Stimulus",
    "chirp",
    "constant",
    "from_array",
    "from_description",
    "from_function",
    "ornstein_uhlenbeck",
    "poisson_epsc",
    "pulses",
    "ramp",
    "sine",
    "step",
]

MOST_CYCLES = 2**48
"""Of a chirp; a fraction of a cycle is known to 1/16 there."""


def constant(amplitude: float) -> Stimulus:
    """Return a current that stays.

    Parameters
    ----------
    amplitude : float, µA/cm²

    Returns
    -------
    Stimulus

    Raises
    ------
    TypeError
        If `amplitude` is no real number.
    ValueError
        If it is not finite.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.constant(10).to_array(3, dt=0.01)
    array([10., 10., 10.])
    """
    return Constant(validation.real_number("amplitude", amplitude, unit="µA/cm²"))


def step(amplitude: float, start: float, stop: float) -> Stimulus:
    """Return a current that is switched on and off again.

    Parameters
    ----------
    amplitude : float, µA/cm²
        From `start` until before `stop`; it is 0 elsewhere. A step of a run in which it is on for a
        part of dt has that part of the amplitude.
    start, stop : float, ms
        May lie before 0.

    Returns
    -------
    Stimulus

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, or if `stop` is before `start`.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.step(50, start=0.1, stop=0.3).to_array(5, dt=0.1)
    array([ 0., 50., 50.,  0.,  0.])
    >>> stimuli.step(50, start=0.15, stop=0.3).to_array(5, dt=0.1).round(9)
    array([ 0., 25., 50.,  0.,  0.])
    """
    start = validation.real_number("start", start, unit="ms")
    return kinds.Step(
        validation.real_number("amplitude", amplitude, unit="µA/cm²"),
        start,
        validation.at_least("stop", stop, start, unit="ms", least_name="start"),
    )


def pulses(
    amplitude: float, width: float, period: float, start: float = 0.0, count: int | None = None
) -> Stimulus:
    """Return a train of rectangular pulses.

    Parameters
    ----------
    amplitude : float, µA/cm²
        In a pulse; it is 0 elsewhere. A step of a run has the mean over dt: pulses may be shorter
        than dt, and several may lie in a step.
    width : float, ms
        Of a pulse.
    period : float, ms
        From the beginning of one to that of the next: `width` or more.
    start : float, ms, default 0
        When the first begins: 0 or later.
    count : int, default for ever
        Number of pulses.

    Returns
    -------
    Stimulus

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if `width` is not positive, `period` shorter, `start` negative or
        `count` no whole number of 0 or more.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.pulses(20, width=2, period=4, start=1, count=2).to_array(10, dt=1)
    array([ 0., 20., 20.,  0.,  0., 20., 20.,  0.,  0.,  0.])
    >>> stimuli.pulses(20, width=0.3, period=1).to_array(3, dt=1).round(9)
    array([6., 6., 6.])
    """
    width = validation.real_number("width", width, unit="ms", positive=True)
    return kinds.Pulses(
        validation.real_number("amplitude", amplitude, unit="µA/cm²"),
        width,
        validation.at_least("period", period, width, unit="ms", least_name="width"),
        validation.at_least("start", start, 0, unit="ms"),
        None if count is None else validation.count("count", count),
    )


def ramp(first: float, last: float, start: float, stop: float) -> Stimulus:
    """Return a current that moves along a straight line from one value to another.

    Parameters
    ----------
    first : float, µA/cm²
        Up to `start`.
    last : float, µA/cm²
        From `stop` on.
    start, stop : float, ms
        May lie before 0. Where they are equal, it is a step to `last`.

    Returns
    -------
    Stimulus

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, or if `stop` is before `start`.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.ramp(first=2, last=8, start=1, stop=4).to_array(6, dt=1)
    array([2., 3., 5., 7., 8., 8.])
    """
    first = validation.real_number("first", first, unit="µA/cm²")
    last = validation.real_number("last", last, unit="µA/cm²")
    validation.real_number("last - first", last - first, unit="µA/cm²")
    start = validation.real_number("start", start, unit="ms")
    stop = validation.at_least("stop", stop, start, unit="ms", least_name="start")
    validation.real_number("stop - start", stop - start, unit="ms")
    return kinds.Ramp(first, last, start, stop)


def sine(amplitude: float, frequency: float, phase: float = 0.0) -> Stimulus:
    """Return a sine, amplitude sin(2 pi frequency t + phase), at the middle of each step.

    Parameters
    ----------
    amplitude : float, µA/cm²
    frequency : float, Hz
    phase : float, radians, default 0
        At the time 0.

    Returns
    -------
    Stimulus

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite, or if `frequency` is negative.

    Notes
    -----
    After n cycles the phase is known to 2e-16 n cycles. Above 1 / (2 dt) the values are those of a
    slower sine, as of any wave that is sampled.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.sine(10, frequency=100).to_array(4, dt=1).round(2)
    array([ 3.09,  8.09, 10.  ,  8.09])
    """
    return kinds.Sine(
        validation.real_number("amplitude", amplitude, unit="µA/cm²"),
        validation.at_least("frequency", frequency, 0, unit="Hz"),
        validation.real_number("phase", phase, unit="radians"),
    )


def chirp(
    amplitude: float, first_frequency: float, last_frequency: float, duration: float
) -> Stimulus:
    """Return a sine whose frequency moves along a straight line.

    Parameters
    ----------
    amplitude : float, µA/cm²
    first_frequency : float, Hz
        At the time 0, where the phase is 0.
    last_frequency : float, Hz
        From `duration` on; lower or higher.
    duration : float, ms
        Also that of a run that is not given another.

    Returns
    -------
    Stimulus

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if a frequency is negative, or `duration` not positive or so long
        that there are more than 2⁴⁸ cycles.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> chirp = stimuli.chirp(10, first_frequency=0, last_frequency=250, duration=4)
    >>> chirp.to_array(4, dt=1).round(2)
    array([0.49, 4.28, 9.42, 6.72])
    """
    first = validation.at_least("first_frequency", first_frequency, 0, unit="Hz")
    last = validation.at_least("last_frequency", last_frequency, 0, unit="Hz")
    found = validation.real_number("duration", duration, unit="ms", positive=True)
    if max(first, last) / 1e3 * found > MOST_CYCLES:
        raise ValueError(
            f"duration must be at most 2^48 cycles of the chirp's highest frequency (ms); "
            f"got {duration}. Check the units: frequencies are in Hz, times in ms."
        )
    return kinds.Chirp(
        validation.real_number("amplitude", amplitude, unit="µA/cm²"), first, last, found
    )


_MAKERS: dict[str, Callable[..., Stimulus]] = {
    maker.__name__: maker
    for maker in (constant, step, pulses, ramp, sine, chirp, ornstein_uhlenbeck, poisson_epsc)
}


def from_description(description: Any) -> Stimulus:
    """Return the stimulus that a description is of.

    Parameters
    ----------
    description : dict
        As :meth:`Stimulus.description` returns, also after JSON. It may come from anywhere: it is
        only checked and compared.

    Returns
    -------
    Stimulus

    Raises
    ------
    SourceNeeded
        If it is the description of an array or a function, or has one in it. It is a ValueError.
    ValueError
        If it is no description.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.from_description({"kind": "sine", "amplitude": 5, "frequency": 10, "phase": 0})
    sine(5, 10)
    """
    if _kind(description) != Sum.kind:
        return _one(description, "description", (Scaled.kind, Shifted.kind))
    parts = _with_keys(description, ("parts",), "description")["parts"]
    if not isinstance(parts, list) or len(parts) < 2:
        raise ValueError(
            f"description['parts'] must be a list of two or more; got {validation.shown(parts)}."
        )
    names = (f"description['parts'][{i}]" for i in range(len(parts)))
    kinds_within = (Scaled.kind, Shifted.kind)
    made = (_one(*given, kinds_within) for given in zip(parts, names, strict=True))
    return Sum(tuple(made))


def _kind(description: Any) -> Any:
    return description.get("kind") if isinstance(description, dict) else None


def _one(description: Any, name: str, within: tuple[str, ...]) -> Stimulus:
    """Return the stimulus of a description, which may be of a kind in `within`, but no sum."""
    known = [*_MAKERS, kinds.FromArray.kind, FromFunction.kind, *within]
    kind = _kind(description)
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(
            f"{name} must be a dict with one of {', '.join(known)} as its 'kind'; "
            f"got {validation.shown(description)}."
        )
    try:
        if kind == kinds.FromArray.kind:
            steps = validation.count("steps", _with_keys(description, ("steps",), name)["steps"])
            raise SourceNeeded(
                f"{name} must be of a stimulus without an array; got one of {steps} values. "
                "Pass the array again, to from_array."
            )
        if kind == FromFunction.kind:
            _with_keys(description, (), name)
            raise SourceNeeded(
                f"{name} must be of a stimulus without a function; got one of a function. "
                "Pass the function again, to from_function."
            )
        if kind == Scaled.kind:
            about = _with_keys(description, ("factor", "stimulus"), name)
            inner = _one(about["stimulus"], f"{name}['stimulus']", (Shifted.kind,))
            return Scaled(inner, validation.real_number("factor", about["factor"]))
        if kind == Shifted.kind:
            about = _with_keys(description, ("delay", "skip", "stimulus"), name)
            inner = _one(about["stimulus"], f"{name}['stimulus']", ())
            times = (
                validation.at_least(key, about[key], 0, unit="ms") for key in ("delay", "skip")
            )
            return Shifted(inner, *times)
        maker = _MAKERS[kind]
        return maker(**_with_keys(description, tuple(inspect.signature(maker).parameters), name))
    except TypeError as error:
        raise ValueError(str(error)) from None


def _with_keys(description: dict[str, Any], keys: tuple[str, ...], name: str) -> dict[str, Any]:
    """Return a description without its kind; it must have these keys and no others."""
    if description.keys() != {"kind", *keys}:
        raise ValueError(
            f"{name} of kind {description['kind']} must have "
            f"{', '.join(keys) or 'its kind'}, and nothing else; got "
            f"{validation.shown(description)}."
        )
    return {key: description[key] for key in keys}

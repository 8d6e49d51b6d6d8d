"""Stimuli from their descriptions, as stores hold them."""

import inspect
from typing import Any

from pyhh_fast import validation
from pyhh_fast.stimuli.arrays import from_array
from pyhh_fast.stimuli.base import SourceNeeded, Stimulus
from pyhh_fast.stimuli.combinations import Scaled, Shifted, Sum
from pyhh_fast.stimuli.conductances import conductance
from pyhh_fast.stimuli.functions import from_function
from pyhh_fast.stimuli.noise import ornstein_uhlenbeck, poisson_epsc, white_noise
from pyhh_fast.stimuli.parameters import parameter
from pyhh_fast.stimuli.waveforms import chirp, constant, pulses, ramp, sine, step

_KINDS: dict[str, type[Stimulus]] = {
    one.kind: one
    for one in (
        *(constant, step, pulses, ramp, sine, chirp),
        *(ornstein_uhlenbeck, white_noise, poisson_epsc),
    )
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
    return _any(description, "description", (Scaled.kind, Shifted.kind, conductance.kind))


def _any(description: Any, name: str, within: tuple[str, ...]) -> Stimulus:
    """Return the stimulus of a description, which may be a sum of, or one of, kinds in `within`."""
    if _kind(description) != Sum.kind:
        return _one(description, name, within)
    parts = _with_keys(description, ("parts",), name)["parts"]
    if not isinstance(parts, list) or len(parts) < 2:
        raise ValueError(
            f"{name}['parts'] must be a list of two or more; got {validation.shown(parts)}."
        )
    names = (f"{name}['parts'][{i}]" for i in range(len(parts)))
    return Sum(tuple(_one(*given, within) for given in zip(parts, names, strict=True)))


def _kind(description: Any) -> Any:
    return description.get("kind") if isinstance(description, dict) else None


def _one(description: Any, name: str, within: tuple[str, ...]) -> Stimulus:
    """Return the stimulus of a description, which may be of a kind in `within`, but no sum."""
    known = [*_KINDS, from_array.kind, from_function.kind, *within]
    kind = _kind(description)
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(
            f"{name} must be a dict with one of {', '.join(known)} as its 'kind'; "
            f"got {validation.shown(description)}."
        )
    try:
        if kind == from_array.kind:
            steps = validation.count("steps", _with_keys(description, ("steps",), name)["steps"])
            raise SourceNeeded(
                f"{name} must be of a stimulus without an array; got one of {steps} values. "
                "Pass the array again, to from_array."
            )
        if kind == from_function.kind:
            _with_keys(description, (), name)
            raise SourceNeeded(
                f"{name} must be of a stimulus without a function; got one of a function. "
                "Pass the function again, to from_function."
            )
        if kind == Scaled.kind:
            about = _with_keys(description, ("factor", "stimulus"), name)
            inner = _one(about["stimulus"], f"{name}['stimulus']", (Shifted.kind,))
            return Scaled(inner, parameter("factor", about["factor"]))
        if kind == Shifted.kind:
            about = _with_keys(description, ("delay", "skip", "stimulus"), name)
            inner = _one(about["stimulus"], f"{name}['stimulus']", ())
            times = (parameter(key, about[key], unit="ms", least=0) for key in ("delay", "skip"))
            return Shifted(inner, *times)
        if kind == conductance.kind:
            about = _with_keys(description, ("g", "reversal"), name)
            g = _any(about["g"], f"{name}['g']", (Scaled.kind, Shifted.kind))
            return conductance(g, about["reversal"])
        made = _KINDS[kind]
        keys = inspect.signature(made).parameters
        # Where the cell and the rise are 0 they are not written.
        written = tuple(key for key in keys if key not in ("cell", "rise") or key in description)
        return made(**_with_keys(description, written, name))
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

"""Features, and what is known of them so far, as JSON can hold them."""

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyhh_fast.features import compute, shapes, spikes, voltage
from pyhh_fast.features.base import Feature
from pyhh_fast.features.plan import Plan, Progress

KINDS = {kind: vars(m)[kind] for m in (shapes, spikes, voltage) for kind in vars(m)}

Described = list[list[Any]]
"""Of each feature its name, its kind, and its parameters."""


def description_of(features: Mapping[str, Feature]) -> Described:
    """Return the description of features."""
    return [
        [name, type(feature).__name__, dataclasses.asdict(feature)]
        for name, feature in features.items()
    ]


def rebuilt(described: Any) -> dict[str, Feature]:
    """Return the features of a description.

    Raise TypeError, ValueError or LookupError if it is none.
    """
    found = {}
    for name, kind, parameters in described:
        if kind not in compute.NAMES:
            raise ValueError(f"no feature {kind!r:.60}")
        found[name] = KINDS[kind](**parameters)
    return found


def text_of(progress: Progress | None) -> list[str] | None:
    """Return what is known of the features of a cell as text, to the bit."""
    if progress is None:
        return None
    return [base64.b64encode(part.astype("<f8").tobytes()).decode() for part in progress]


def progress_of(text: Any, plan: Plan | None) -> Progress | None:
    """Return what :func:`text_of` was given, of this plan.

    Raise TypeError or ValueError if it was nothing of that kind.
    """
    if (text is None) != (plan is None):
        raise ValueError("features without a state, or a state without features")
    if plan is None:
        return None
    numbers, history = (base64.b64decode(part, validate=True) for part in text)
    parts = [np.frombuffer(part, "<f8").astype(np.float64) for part in (numbers, history)]
    if [part.size for part in parts] != [plan.compiled.numbers, plan.compiled.history]:
        raise ValueError("a state of other features")
    return Progress(*(part[np.newaxis] for part in parts))

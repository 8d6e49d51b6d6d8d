"""What ``pyhh-fast simulate`` says and writes of a run that has ended."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pyhh_fast import __version__
from pyhh_fast.cli.common import shown_time
from pyhh_fast.recording import Recording
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.variables import PARAMETERS


def save_npz(
    path: Path, recording: Recording, stimulus: Stimulus, model: Any, neuron: str | None
) -> None:
    """Write a recording to an .npz file, which is there when it is whole.

    It holds the traces by their names, `times` of V and gates, `current_times` of currents,
    `envelope_times`, `spike_times`, all in ms; numbers and names that the run was made with; and as
    texts, in JSON, the parameters of the neuron and what :func:`pyhh_fast.stimuli.from_description`
    takes; as a text, the name of a published `neuron`, or the path of its file. No part of it needs
    pickle.

    Raise OSError if it cannot be written.
    """
    r = recording
    kept: dict[str, Any] = {name: r[name] for name in (*r.recorded, *r.enveloped)}
    before_step = [r.settings.variables[name].before_step for name in r.recorded]
    if not all(before_step):
        kept["times"] = r.times
    if any(before_step):
        kept["current_times"] = np.arange(len(r), dtype=np.float64) * r.every * r.dt
    if r.envelope:
        kept |= {"envelope": r.envelope, "envelope_times": r.envelope_times}
    for name in ("spike_times", "dt", "steps", "every", "threshold", "method", "rtol", "atol"):
        kept[name] = getattr(r, name)
    if neuron is None:
        parameters = {name: getattr(model, name) for name in PARAMETERS}
    else:
        kept["neuron"], parameters = neuron, model.parameters
    kept["parameters"] = json.dumps(parameters)
    kept["stimulus"] = json.dumps(stimulus.description())
    kept["pyhh_fast"] = __version__
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **kept)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def summary(recording: Recording, before: int, seconds: float) -> list[str]:
    """Return lines on a run of which `before` steps had been made earlier."""
    r = recording
    made = r.steps - before
    now = f", {made:,} of them now" if before else ""
    speed = ""
    if made:
        a_second = made / max(seconds, 1e-9)
        real = a_second * r.dt / 1000
        speed = f", {_short(a_second)} steps/s, {_short(real)} x real time"
    rate = ""
    if r.steps:
        rate = f", {r.spike_times.size / (r.steps * r.dt / 1000):.4g} Hz"
    return [
        f"steps       {r.steps:,} of {r.dt:g} ms{now}, {r.method}",
        f"model time  {shown_time(r.steps * r.dt)}",
        f"wall time   {shown_time(float(f'{seconds * 1000:.3g}'))}{speed}",
        f"spikes      {r.spike_times.size:,}{rate}",
    ]


def _short(number: float) -> str:
    """Return three digits of a number, as people write them."""
    if number >= 1e6:
        return f"{float(f'{number / 1e6:.3g}'):,.10g} million"
    return f"{float(f'{number:.3g}'):,.10g}"

"""`of`: features of recorded traces."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.features import shapes, spikes, voltage
from pyhh_fast.features.base import Feature
from pyhh_fast.features.plan import Plan, Spikes, rows_before
from pyhh_fast.system.rounding import rounds_to_nearest
from pyhh_fast.typing import FloatArray

NAMES = [
    name
    for module in (shapes, spikes, voltage)
    for name, kind in vars(module).items()
    if isinstance(kind, type)
    and issubclass(kind, Feature)
    and not name.startswith(("_", "Feature"))
]
"""What may be called for a feature."""


@rounds_to_nearest
def of(
    V: Any,
    dt: float,
    features: Mapping[str, Feature] | Sequence[Feature],
    *,
    threshold: float | None = None,
) -> dict[str, float | FloatArray]:
    """Compute features on traces of V, simulated or measured.

    Parameters
    ----------
    V : array_like, shape (samples,) or (cells, samples), mV
        Row i is at time (i + 1) dt, as in `Recording.times`, of runs with ``every=1``; so what is
        recorded at the times 0, dt and so on is passed without its first sample.
    dt : float, ms
        Time from a sample to the next.
    features : dict or sequence of Feature
        By the names that the results are to have; or features of different kinds.
    threshold : float, mV
        Upward crossings of it are the spikes. Only for features without spikes may it be left out.
        That of a run is `Recording.threshold`.

    Returns
    -------
    dict
        By name, or kind: a float; of traces of cells an array of shape (cells,). NaN where there is
        none, as the latency of a cell without a spike.

    Raises
    ------
    TypeError
        If `V` is no array of real numbers, `features` or one of them nothing of that kind, or
        `dt` or `threshold` no real number, or `threshold` is left out and there are features of
        spikes.
    ValueError
        If `V` has another number of dimensions or a value that is not finite, as those of cells
        that diverged; `dt` is not positive; a window ends after the traces; or features in a
        sequence are of the same kind.

    Notes
    -----
    A spike in the first step of a run is in `Recording.spike_times` and not in its traces, which
    begin after it. Spike times are interpolated linearly, those of runs to the order of the method.

    Examples
    --------
    >>> import pyhh_fast as pyhh
    >>> from pyhh_fast import features
    >>> run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10.0, 0.01, duration=100.0)
    >>> chosen = {"n": features.spike_count(0, 100), "mean": features.mean_voltage(50, 100)}
    >>> found = features.of(run.Vm, run.dt, chosen, threshold=run.threshold)
    >>> print(found["n"], round(found["mean"], 3))
    7.0 7.658
    """
    dt = validation.step_size("dt", dt)
    named = by_name(features)
    rule = "an array of finite numbers, of shape (samples,) or (cells, samples)"
    values = validation.array_of_numbers("V", V, rule, dimensions=(1, 2), unit="mV")
    if threshold is not None or any(one.needs_threshold for one in named.values()):
        advice = "Pass that of the run, threshold=recording.threshold." * (threshold is None)
        threshold = validation.real_number("threshold", threshold, unit="mV", advice=advice)
    V = np.atleast_2d(values)
    check_stops(named, dt, V.shape[1], "the time of the last sample")
    plan = Plan(named, dt, np.nan if threshold is None else threshold)
    progress = plan.taken(plan.begin(len(V)), V, 0)
    found = plan.values(progress, _crossings(V, dt, plan.threshold), V.shape[1])
    if values.ndim == 2:
        return {**found}
    return {name: float(one[0]) for name, one in found.items()}


def _crossings(V: FloatArray, dt: float, threshold: float) -> Spikes:
    """Return the spikes in traces, of shape (cells, samples): V before < threshold <= V after."""
    below = V < threshold
    cell, before = np.nonzero(below[:, :-1] & ~below[:, 1:])
    first, last = V[cell, before], V[cell, before + 1]
    return Spikes(cell, (before + 1 + (threshold - first) / (last - first)) * dt)


def check_stops(named: Mapping[str, Feature], dt: float, rows: int, what: str) -> None:
    """Raise ValueError where a window ends after so many rows of V."""
    for name, feature in named.items():
        if rows_before(feature.stop, dt) >= rows:
            rule = f"at most {what}, {rows * dt:g}"
            got, name = f"{feature.stop:g}", f"stop of {name}"
            raise ValueError(validation.message(name, rule, got, unit="ms"))


def by_name(features: Any) -> dict[str, Feature]:
    """Return features by name, or by their kind."""
    rule = "a dict or a sequence of features"
    advice = "Pass for example {'n': features.spike_count(0, 100)}."
    if isinstance(features, Mapping):
        for name, feature in features.items():
            validation.instance("name", name, str, "a text", "Name the feature by a text.")
            _check_kind(f"features[{name!r}]", feature)
        return dict(features)
    if isinstance(features, str | bytes) or not isinstance(features, Sequence):
        raise TypeError(validation.message("features", rule, validation.shown(features), advice))
    by_kind: dict[str, Feature] = {}
    for i, feature in enumerate(features):
        _check_kind(f"features[{i}]", feature)
        kind = type(feature).__name__
        if kind in by_kind:
            rule, got = "of different kinds where they have no names", f"two {kind}"
            advice = "Pass a dict of features by name."
            raise ValueError(validation.message("features", rule, got, advice))
        by_kind[kind] = feature
    return by_kind


def _check_kind(name: str, feature: Any) -> None:
    """Raise TypeError where something else was given for a feature."""
    advice = "Pass for example features.spike_count(0, 100)."
    if isinstance(feature, str):
        advice = f"{validation.closest_name(feature, NAMES)} {advice}".strip()
    elif isinstance(feature, type) and issubclass(feature, Feature):
        advice = f"Give it a window: {feature.__name__}(start, stop)."
    validation.instance(name, feature, Feature, "a feature", advice)

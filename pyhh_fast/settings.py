"""The settings of a run, checked once: simulations, populations, analyses, sweeps, stores."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from pyhh_fast import validation
from pyhh_fast.features.base import Feature
from pyhh_fast.features.compute import by_name, check_stops
from pyhh_fast.features.plan import Plan
from pyhh_fast.methods import DEFAULT, METHODS, of_populations
from pyhh_fast.typing import Method
from pyhh_fast.variables import ENVELOPE, TOTAL_CURRENT, TRACES, VARIABLES, Variable


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a run is made, and what is kept of it; its stimulus says how long it is.

    The defaults here are those of all public functions that have one. `of` checks; what is made or
    replaced otherwise is already known to be right.

    Attributes
    ----------
    record : tuple of str, default all
        Names of the traces to keep, in the order of `variables`.
    method : str, default "euler"
        One of `METHODS`.
    dt : float, ms
        Step size, or distance of the samples of the adaptive method.
    rtol, atol : float, default 1e-6
        Tolerances of the adaptive method.
    threshold : float, mV, default 50
        Upward crossings of it are the spikes.
    every : int, default 1
        Steps from one row of the traces to the next.
    envelope : int, optional
        Steps of a window of which the lowest and the highest V are kept.
    features : dict of str to Feature, default none
        What is computed of V at each step, by the names of the results.
    variables : dict of str to Variable, default those of an HHModel
        All that could be recorded, in the order of the time loops.
    """

    record: tuple[str, ...] = TRACES
    method: Method = DEFAULT
    dt: float
    rtol: float = 1e-6
    atol: float = 1e-6
    threshold: float = 50.0
    every: int = 1
    envelope: int | None = None
    features: Mapping[str, Feature] = dataclasses.field(default_factory=dict)
    variables: Mapping[str, Variable] = dataclasses.field(
        default_factory=lambda: VARIABLES, repr=False, compare=False
    )

    @classmethod
    def of(cls, *, many_cells: bool = False, **given: Any) -> Self:
        """Return the settings that a user, or a store, gave, checked and converted.

        Raise TypeError or ValueError if one of them cannot be used.

        Parameters
        ----------
        many_cells : bool, default False
            Whether the method must be one that populations have.
        **given
            Any of the attributes.
        """
        number, count = validation.real_number, validation.count
        s = cls(**given)
        return cls(
            method=validation.choice(
                "method", s.method, of_populations() if many_cells else METHODS
            ),
            dt=validation.step_size("dt", s.dt),
            rtol=number("rtol", s.rtol, positive=True),
            atol=number("atol", s.atol, positive=True),
            record=validation.names("record", s.record, tuple(s.variables)),
            threshold=number("threshold", s.threshold, unit="mV"),
            every=count("every", s.every, least=1),
            envelope=None if s.envelope is None else count("envelope", s.envelope, least=1),
            features={} if s.features is None else by_name(s.features),
            variables=s.variables,
        )

    @property
    def of_model(self) -> bool:
        """Whether the variables are those of an HHModel."""
        return tuple(self.variables)[: len(TRACES)] == TRACES

    @property
    def clamped(self) -> bool:
        """Whether V was held at a command, by a voltage clamp."""
        return TOTAL_CURRENT.name in self.variables

    @property
    def fixed_step(self) -> bool:
        """Whether dt is the step of the method."""
        return METHODS[self.method].fixed_step

    def plan(self) -> Plan | None:
        """Return what the features need; None where there are none."""
        return Plan(self.features, self.dt, self.threshold) if self.features else None

    def check_windows(self, steps: int) -> None:
        """Raise ValueError where a feature's window ends after so many steps, or has none."""
        check_stops(self.features, self.dt, steps, "the duration of the run")
        self.plan()

    @property
    def needs_rows(self) -> bool:
        """Whether anything is made of the variables at each step, beside spikes."""
        return bool(self.record or self.envelope or self.features)

    @property
    def enveloped(self) -> tuple[str, ...]:
        """Names of the traces of the envelope; none where there is none."""
        return tuple(ENVELOPE) if self.envelope else ()

    def rows(self, steps: int) -> int:
        """Return how many rows there are of the first `steps` steps."""
        return -(-steps // self.every)

    def windows(self, steps: int) -> int:
        """Return how many windows of the envelope there are of the first `steps` steps."""
        return -(-steps // self.envelope) if self.envelope else 0

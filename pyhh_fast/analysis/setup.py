"""What is ready to be analysed, and how its runs are made; every analysis begins here."""

import dataclasses
from typing import Any, NamedTuple, get_args

from pyhh_fast import validation
from pyhh_fast.analysis.hodgkin_huxley import ModelSubject
from pyhh_fast.analysis.neuron import NeuronSubject
from pyhh_fast.analysis.runs import Runs
from pyhh_fast.analysis.subject import Subject
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.engine.populations.run import thread_count
from pyhh_fast.engine.time_steps import STEP, default_step, warn_of_step_too_large
from pyhh_fast.errors import warn_user
from pyhh_fast.methods import METHODS
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.settings import RunSettings
from pyhh_fast.typing import Method, Start

STARTS = get_args(Start)

LONG = 3e10
"""Steps of all cells, minutes of computing, from which a default step that is tiny is warned of."""

ACCURACY = 1e-4
"""Relative error of rates and threshold currents, at the default step, above which a warning says
so."""


class Setup(NamedTuple):
    """A model or a neuron in the state that runs start in, and how they are made; checked.

    Parameters
    ----------
    default_dt : bool
        Whether the step is that of the model, and not one that was given.
    """

    subject: Subject
    settings: RunSettings
    threads: int
    default_dt: bool

    @classmethod
    def of(
        cls,
        model: HHModel | Neuron,
        dt: Any,
        method: Method | None,
        threshold: Any,
        threads: Any,
        start: Start,
        Vm: Any = None,
    ) -> "Setup":
        """Return the setup that a user gave by these arguments of a public function, checked."""
        start = validation.choice("start", start, STARTS)
        threads = thread_count(threads)
        subject: Subject
        if isinstance(model, Neuron):
            subject = NeuronSubject(model)
        else:
            advice = "Run such models one by one, with Simulation."
            subject = ModelSubject(model, advice, state=start == "model")
        settings = RunSettings.of(
            dt=STEP if dt is None else dt,
            method=subject.method if method is None else method,
            threshold=subject.threshold(threshold),
            record=(),
        )
        if settings.fixed_step:
            speed = subject.speed()
            if dt is None:
                settings = dataclasses.replace(settings, dt=default_step(speed))
            else:
                warn_of_step_too_large(settings.dt, speed, subject.kind)
        return cls(subject.started(start, Vm), settings, threads, dt is None)

    def runs(self) -> Runs:
        """Return what makes runs of the model."""
        return self.subject.runs(self.settings, self.threads)

    @property
    def adaptive(self) -> "Setup":
        """The same with the adaptive method."""
        return self._replace(settings=dataclasses.replace(self.settings, method="adaptive"))

    @property
    def sampled(self) -> "Setup":
        """The same, with samples that are near enough to interpolate between them."""
        if self.settings.fixed_step:
            return self
        dt = min(self.settings.dt, default_step(self.subject.speed()))
        return self._replace(settings=dataclasses.replace(self.settings, dt=dt))

    @property
    def has_unknown_error(self) -> bool:
        """Whether results must be compared with those of the adaptive method.

        The error of the built-in model at its default step is known, and who gives a step, or takes
        forward Euler, has chosen the error.
        """
        unknown = not self.subject.known_error or self.settings.dt < STEP
        return self.default_dt and unknown and METHODS[self.settings.method].order in (2, 4)

    def way_out(self) -> str:
        """Return what to do where the model diverged."""
        if self.settings.fixed_step:
            return "Use method='adaptive', whose steps follow the fastest rate."
        return self.subject.after_divergence

    def warn_of_length(self, steps: float) -> None:
        """Warn of so many steps of all cells, where they are many because the default is tiny."""
        if self.default_dt and self.settings.dt < STEP / 100 and steps > LONG:
            warn_user(
                f"the rates of this {self.subject.kind} are so fast that dt is "
                f"{self.settings.dt:.2g} ms, and {steps:.2g} steps of cells take long. Check the "
                "parameters, or pass a larger dt, which method='exponential_euler' takes, or a "
                "shorter duration."
            )

    def warn_of_error(self, what: str, found: float, right: float) -> None:
        """Warn of the error of a result."""
        error = 100 * (found / right - 1)
        warn_user(
            f"{what} has an error of {error:+.2g} % at dt {self.settings.dt:.3g} ms, and others "
            "may as well. Use method='adaptive', or a smaller dt."
        )

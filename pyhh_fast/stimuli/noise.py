"""Random stimuli: Ornstein-Uhlenbeck noise and synaptic currents."""

import dataclasses
import math
from typing import Any

from pyhh_fast import _stimuli, validation
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.reader import State, number_in_state, whole_in_state
from pyhh_fast.typing import FloatArray

EVENTS_AT_ONCE = 2**20
"""Synaptic events between two chances for Ctrl-C, some 20 ms."""

MOST_EVENTS = 1e6
"""In one step; more would take long, and could not be told from a constant."""

LARGEST_RATIO = 1e300
"""Of dt to tau: e^-x is 0 there, and 0 x still 0."""


@dataclasses.dataclass(frozen=True, repr=False)
class ornstein_uhlenbeck(Stimulus):
    """Noise that fluctuates around a mean and forgets with a time constant.

    It is what many small synaptic currents add up to: normally distributed at any time, with the
    correlation e^(-s/tau) between times s apart.

    Parameters
    ----------
    mean : float, µA/cm²
    sd : float, µA/cm²
        Standard deviation of the current, whatever `dt`: 0 or more.
    tau : float, ms
        Time constant of the correlation.
    seed : int
        0 to 2⁶⁴ - 1. The same seed gives the same noise.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if `sd` is negative, `tau` not positive or `seed` none of those.

    Notes
    -----
    Value i, which holds from i dt to (i + 1) dt, is the process at the time i dt; the values have
    exactly its distribution, for any `dt` (Gillespie 1996):
    x' = mean + (x - mean) e^(-dt/tau) + sd sqrt(1 - e^(-2 dt/tau)) N. It is stationary from the
    first value on, mean + sd N. The standard normal numbers N are the inverse of the normal
    distribution (Wichura 1988) at uniform ones, number i for step i, from the counter-based
    generator Philox (Salmon et al. 2011).

    References
    ----------
    Uhlenbeck & Ornstein (1930), Phys. Rev. 36, 823-841.
    Gillespie (1996), Phys. Rev. E 54, 2084-2091.
    Wichura (1988), Applied Statistics 37, 477-484.
    Salmon, Moraes, Dror & Shaw (2011), Proc. SC'11, article 16.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> noise = stimuli.ornstein_uhlenbeck(mean=10, sd=2, tau=5, seed=1).to_array(500_000, dt=0.1)
    >>> print(f"{noise.mean():.0f} {noise.std():.0f}")
    10 2
    """

    mean: float
    sd: float
    tau: float
    seed: int

    def __post_init__(self) -> None:
        vars(self).update(
            mean=validation.real_number("mean", self.mean, unit="µA/cm²"),
            sd=validation.at_least("sd", self.sd, 0, unit="µA/cm²"),
            tau=validation.real_number("tau", self.tau, unit="ms", positive=True),
            seed=validation.index("seed", self.seed, 2**64),
        )

    def _begin(self) -> State:
        return {"step": 0, "deviation": 0.0}

    def _checked(self, state: Any, name: str) -> State:
        return super()._checked(state, name) | {
            "deviation": number_in_state(f"{name}['deviation']", state["deviation"])
        }

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        deviation = _stimuli.ornstein_uhlenbeck(
            *(values, state["step"], state["deviation"], self.mean, self.sd),
            *(dt / self.tau, self.seed),
        )
        return {"step": state["step"] + len(values), "deviation": deviation}


@dataclasses.dataclass(frozen=True, repr=False)
class poisson_epsc(Stimulus):
    """Synaptic currents at random times: shot noise.

    Events are a Poisson process from the time 0 on, when there is no current yet. Each adds
    amplitude e^(-(t - t_k)/tau) from its time t_k on. The values are the means over the steps, so
    that the charge of an event, amplitude tau, does not depend on `dt`.

    Parameters
    ----------
    rate : float, Hz
        Mean number of events a second, of all synapses together: 0 or more, and at most 10⁶ a step.
    amplitude : float, µA/cm²
        Of one event; negative for an inhibitory one.
    tau : float, ms
        Time constant of its decay.
    seed : int
        0 to 2⁶⁴ - 1. The same seed gives the same events.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if `rate` is negative, `tau` not positive or `seed` none of those;
        when it is read, if there were more than 10⁶ events a step.

    Notes
    -----
    A few `tau` after the beginning the mean is rate amplitude tau and the variance
    rate amplitude² tau / 2, with the rate in 1/ms (Campbell 1909). Any number of events may fall
    into one step. Their times do not depend on `dt`, but for rounding: intervals are -log(u) / rate
    with uniform numbers u from the counter-based generator Philox (Salmon et al. 2011).

    References
    ----------
    Campbell (1909), Proc. Camb. Phil. Soc. 15, 117-136.
    Salmon, Moraes, Dror & Shaw (2011), Proc. SC'11, article 16.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> currents = stimuli.poisson_epsc(rate=1_000, amplitude=2, tau=5, seed=1)
    >>> print(f"{currents.to_array(500_000, dt=0.1).mean():.0f}")
    10
    """

    rate: float
    amplitude: float
    tau: float
    seed: int

    def __post_init__(self) -> None:
        vars(self).update(
            rate=validation.at_least("rate", self.rate, 0, unit="Hz"),
            amplitude=validation.real_number("amplitude", self.amplitude, unit="µA/cm²"),
            tau=validation.real_number("tau", self.tau, unit="ms", positive=True),
            seed=validation.index("seed", self.seed, 2**64),
        )

    def _suits(self, dt: float) -> None:
        if self.rate / 1e3 * dt > MOST_EVENTS:
            raise ValueError(
                f"rate must be at most {MOST_EVENTS:.0f} events a step (Hz); got {self.rate} at dt "
                f"{dt}. Use ornstein_uhlenbeck, which so many add up to."
            )

    def _refined(self) -> Stimulus:
        return self  # the times of its events do not depend on dt

    def _begin(self) -> State:
        return {"step": 0, "current": 0.0, "next_step": 0, "lead": 0.0, "event": 0}

    def _checked(self, state: Any, name: str) -> State:
        found = super()._checked(state, name)
        for key in ("next_step", "event"):
            found[key] = whole_in_state(f"{name}['{key}']", state[key], _stimuli.NEVER)
        for key in ("current", "lead"):
            found[key] = number_in_state(f"{name}['{key}']", state[key])
        begun = found["step"] > 0
        for key, least in (("event", int(begun)), ("next_step", found["step"] + int(begun))):
            if found[key] < least:
                raise ValueError(f"{name}['{key}'] must be {least} or more; got {found[key]}.")
        if not 0 <= found["lead"] < 1:
            raise ValueError(f"{name}['lead'] must be 0 or more, below 1; got {found['lead']}.")
        return {key: found[key] for key in self._begin()}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        ratio = min(dt / self.tau, LARGEST_RATIO)
        interval = math.inf if self.rate == 0 else 1e3 / self.rate / dt
        step, current, next_step, lead, event = state.values()
        while len(values):
            done, current, next_step, lead, event = _stimuli.poisson_epsc(
                *(values, step, current, next_step, lead, event),
                *(self.amplitude, interval, ratio, self.seed, EVENTS_AT_ONCE),
            )
            values, step = values[done:], step + done
        return dict(zip(state, (step, current, next_step, lead, event), strict=True))

"""Random stimuli: Ornstein-Uhlenbeck noise, white noise and synaptic currents."""

import dataclasses
import inspect
import math
from typing import Any, Literal, Self

import numpy as np

from pyhh_fast import _stimuli, validation
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.parameters import Parameter, largest, parameter, rows, same, short
from pyhh_fast.stimuli.reader import State, number_in_state, whole_in_state
from pyhh_fast.typing import FloatArray

EVENTS_AT_ONCE = 2**20
"""Synaptic events between two chances for Ctrl-C, some 20 ms."""

MOST_EVENTS = 1e6
"""In one step; more would take long, and could not be told from a constant."""

LARGEST_RATIO = 1e300
"""Of dt to tau: e^-x is 0 there, and 0 x still 0."""

LARGEST_RISING_RATIO = 1e150
"""Of dt to tau and to the time constant of the rise, whose products are formed."""

LEAST_PART = 1e-300
"""Of tau that the rise lasts, so that its logarithm is that of a normal number."""

EVENTS = ("current", "next_step", "lead", "event")
"""What the state of synaptic currents has beside the step; of those that rise "rising" as well."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Noise(Stimulus):
    """Noise from a seed. In a population each cell has a stream of its own."""

    cell: Any = dataclasses.field(default=0, kw_only=True)
    """A number; or, of many cells at once, that of each."""

    @property
    def differs_by_cell(self) -> bool:
        """As :attr:`Stimulus.differs_by_cell`."""
        return True

    def _of_cells(self, cells: Any, streams: Any) -> Self:
        made = super()._of_cells(cells, streams)
        if isinstance(streams, int) and streams == 0:
            return made
        return made._with(cell=made.cell + streams)

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`; without the cell where that is 0."""
        about = super().description()
        return about if self.cell else {key: about[key] for key in about if key != "cell"}

    def __repr__(self) -> str:
        *positional, _ = inspect.signature(type(self)).parameters.values()
        given = [(getattr(self, one.name), one.default) for one in positional]
        while same(*given[-1]):
            given.pop()
        parts = [short(value) for value, _ in given] + [f"cell={self.cell}"] * (self.cell > 0)
        return f"{self.kind}({', '.join(parts)})"

    def _check_stream(self, seed: Any) -> None:
        self._set(
            seed=validation.index("seed", seed, 2**64),
            cell=validation.index("cell", self.cell, 2**63),
        )


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class ornstein_uhlenbeck(Noise):
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
    cell : int, default 0
        Which of the streams of the seed it is: cell c of a population has number `cell` + c.

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

    mean: Parameter
    sd: Parameter
    tau: Parameter
    seed: int

    def __post_init__(self) -> None:
        self._set(
            mean=parameter("mean", self.mean, unit="µA/cm²"),
            sd=parameter("sd", self.sd, unit="µA/cm²", least=0),
            tau=parameter("tau", self.tau, unit="ms", positive=True),
        )
        self._check_stream(self.seed)

    def _begin(self) -> State:
        return {"step": 0, "deviation": 0.0}

    def _checked(self, state: Any, name: str) -> State:
        return super()._checked(state, name) | {
            "deviation": number_in_state(f"{name}['deviation']", state["deviation"])
        }

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        with np.errstate(over="ignore"):
            of_rows = rows(len(values), self.mean, self.sd, dt / self.tau)
        deviations = np.full(len(values), state["deviation"])
        streams = _streams(values, self.cell)
        _stimuli.ornstein_uhlenbeck(values, state["step"], deviations, self.seed, streams, *of_rows)
        after: Any = float(deviations[0]) if self.cells is None else deviations
        return {"step": state["step"] + values.shape[1], "deviation": after}


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class white_noise(Noise):
    """Independent normal numbers, one a step.

    Parameters
    ----------
    sd : float
        0 or more. Where `per` is "step", the standard deviation of the values, µA/cm²; where it is
        "sqrt_ms", that of the charge of a millisecond, µA/cm² ms, whatever `dt`.
    seed : int
        0 to 2⁶⁴ - 1. The same seed gives the same noise.
    per : {"step", "sqrt_ms"}, default "step"
        With "step" the values have this deviation for any `dt`, and so what they do to V depends on
        it: half the `dt` halves the variance. With "sqrt_ms" values are sd / sqrt(dt), as of white
        noise in continuous time, and the variance of V does not depend on `dt`.
    cell : int, default 0
        Which of the streams of the seed it is: cell c of a population has number `cell` + c.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if `sd` is negative, `per` neither, or `seed` none of those.

    Notes
    -----
    Normal number i, of step i, is the inverse of the normal distribution (Wichura 1988) at a
    uniform number from the counter-based generator Philox (Salmon et al. 2011).

    References
    ----------
    Wichura (1988), Applied Statistics 37, 477-484.
    Salmon, Moraes, Dror & Shaw (2011), Proc. SC'11, article 16.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> print(f"{stimuli.white_noise(3, seed=1).to_array(100_000, dt=0.01).std():.1f}")
    3.0
    >>> noise = stimuli.white_noise(3, seed=1, per="sqrt_ms")
    >>> print(f"{noise.to_array(100_000, dt=0.25).std():.1f}")
    6.0
    """

    sd: Parameter
    seed: int
    per: Literal["step", "sqrt_ms"] = "step"

    def __post_init__(self) -> None:
        self._set(
            sd=parameter("sd", self.sd, unit="µA/cm²", least=0),
            per=validation.choice("per", self.per, PER),
        )
        self._check_stream(self.seed)

    def _at(self, step: int) -> State:
        return {"step": step}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        sd = self.sd if self.per == "step" else self.sd / math.sqrt(dt)
        streams, of_rows = _streams(values, self.cell), rows(len(values), sd)
        _stimuli.white_noise(values, state["step"], self.seed, streams, *of_rows)
        return {"step": state["step"] + values.shape[1]}


PER = ("step", "sqrt_ms")
"""What the standard deviation of white noise is of."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class poisson_epsc(Noise):
    """Synaptic currents, or conductances, at random times: shot noise.

    Events are a Poisson process from the time 0 on, when there is no current yet. Each adds
    amplitude e^(-(t - t_k)/tau) from its time t_k on; or, with a `rise`, a difference of two
    exponentials, or their limit, the alpha function, whose peak is `amplitude`. The values are the
    means over the steps, so that the charge of an event does not depend on `dt`.

    Parameters
    ----------
    rate : float, Hz
        Mean number of events a second, of all synapses together: 0 or more, and at most 10⁶ a step.
    amplitude : float, µA/cm²
        The peak of one event; negative for an inhibitory one. For a conductance it is in mS/cm².
    tau : float, ms
        Time constant of its decay.
    seed : int
        0 to 2⁶⁴ - 1. The same seed gives the same events.
    rise : float, ms, default 0
        Time constant of its rise, at most `tau`: an event is in proportion to
        e^(-t/tau) - e^(-t/rise). Where it is `tau`, to t e^(-t/tau), the alpha function; where it
        is 0, an event begins with its peak.
    cell : int, default 0
        Which of the streams of the seed it is: cell c of a population has number `cell` + c.

    Raises
    ------
    TypeError
        If a parameter is no real number.
    ValueError
        If one is not finite; if `rate` or `rise` is negative, `tau` not positive or less than
        `rise`, or `seed` none of those; when it is read, if there were more than 10⁶ events a step.

    Notes
    -----
    A few `tau` after the beginning the mean is rate amplitude tau e^p and the variance
    rate amplitude² tau² e^(2p) / (2 (tau + rise)), with the rate in 1/ms (Campbell 1909). p is the
    time of the peak of an event over tau, r log(1/r) / (1 - r) with r = rise/tau; it is 0 without a
    rise, 1 for alpha functions. Any number of events may fall into one step. Their times do not
    depend on `dt`, but for rounding, nor on other parameters than `rate`: intervals are
    -log(u) / rate with uniform numbers u from the counter-based generator Philox (Salmon et al.
    2011).

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
    >>> conductances = stimuli.poisson_epsc(1_000, 0.02, tau=5, seed=1, rise=0.5)
    >>> stimulus = stimuli.conductance(conductances, reversal=0)
    """

    rate: Parameter
    amplitude: Parameter
    tau: Parameter
    seed: int
    rise: Parameter = 0.0

    def __post_init__(self) -> None:
        rise = parameter("rise", self.rise, unit="ms", least=0)
        tau = parameter("tau", self.tau, unit="ms", positive=True)
        self._set(
            rate=parameter("rate", self.rate, unit="Hz", least=0),
            amplitude=parameter("amplitude", self.amplitude, unit="µA/cm²"),
            tau=parameter("tau", tau, unit="ms", least=rise, least_name="rise"),
            rise=rise,
        )
        self._check_stream(self.seed)

    @property
    def _rises(self) -> bool:
        return bool(np.any(self.rise))

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`; without the rise where that is 0."""
        about = super().description()
        return about if self._rises else {key: about[key] for key in about if key != "rise"}

    def _suits(self, dt: float) -> None:
        rate = largest(self.rate)
        if rate / 1e3 * dt > MOST_EVENTS:
            raise ValueError(
                f"rate must be at most {MOST_EVENTS:.0f} events a step (Hz); got {rate} at dt "
                f"{dt}. Use ornstein_uhlenbeck, which so many add up to."
            )

    def _refined(self) -> Stimulus:
        return self  # the times of its events do not depend on dt

    def _begin(self) -> State:
        begin: State = {"step": 0, "current": 0.0, "next_step": 0, "lead": 0.0, "event": 0}
        return begin | {"rising": 0.0} if self._rises else begin

    def _checked(self, state: Any, name: str) -> State:
        found = super()._checked(state, name)
        for key in ("next_step", "event"):
            found[key] = whole_in_state(f"{name}['{key}']", state[key], _stimuli.NEVER)
        for key in ("current", "lead", "rising")[: 2 + self._rises]:
            found[key] = number_in_state(f"{name}['{key}']", state[key])
        begun = found["step"] > 0
        for key, least in (("event", int(begun)), ("next_step", found["step"] + int(begun))):
            if found[key] < least:
                raise ValueError(f"{name}['{key}'] must be {least} or more; got {found[key]}.")
        if not 0 <= found["lead"] < 1:
            raise ValueError(f"{name}['lead'] must be 0 or more, below 1; got {found['lead']}.")
        return {key: found[key] for key in self._begin()}

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            most = np.where(self.rise, LARGEST_RISING_RATIO, LARGEST_RATIO)
            ratio = np.minimum(dt / self.tau, most)
            interval = np.divide(1e3, self.rate) / dt
            rising = np.where(self.rise, np.minimum(np.divide(dt, self.rise), most), 0.0)
            part = np.maximum(self.rise / self.tau, LEAST_PART)
        of_rows = rows(len(values), self.amplitude, interval, ratio, rising, part)
        streams = _streams(values, self.cell)
        # Copies, because the state before does not change.
        known = {key: np.full(len(values), state.get(key, 0.0)) for key in ("rising", *EVENTS)}
        done = np.zeros(len(values), np.int64)
        while (done < values.shape[1]).any():
            _stimuli.poisson_epsc(
                *(values, done, state["step"], known["current"], known["rising"]),
                *(known["next_step"], known["lead"], known["event"]),
                *(self.seed, streams, EVENTS_AT_ONCE, *of_rows),
            )
        after: State = {"step": state["step"] + values.shape[1]}
        for key in state.keys() - after.keys():
            after[key] = known[key][0].item() if self.cells is None else known[key]
        return after


def _streams(values: FloatArray, cell: Any) -> Any:
    """Return the number of the stream of each row."""
    return cell if isinstance(cell, np.ndarray) else np.full(len(values), cell, np.uint64)

"""Inputs that are conductances: synapses, leaks through an electrode, dynamic clamp."""

import dataclasses
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.stimuli.arrays import from_array
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.combinations import Scaled, Shifted, Sum
from pyhh_fast.stimuli.functions import as_stimulus
from pyhh_fast.stimuli.noise import ornstein_uhlenbeck, white_noise
from pyhh_fast.stimuli.parameters import Parameter, parameter, short
from pyhh_fast.stimuli.reader import State
from pyhh_fast.stimuli.renamed_errors import errors_named
from pyhh_fast.stimuli.waveforms import constant
from pyhh_fast.typing import FloatArray

UNIT = "mS/cm²"

NOT_NEGATIVE = "Conductances are never negative: one of noise is clipped at 0, others are refused."

BELOW_0 = (
    "It is clipped at 0, and little of this is left; inhibition has a low reversal, not a negative "
    "g."
)

FOLLOWS_CALCIUM = "One that follows calcium is that of a Channel alone."


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class conductance(Stimulus):
    """A conductance with a reversal potential: the membrane gets the current g (reversal - V).

    It is added to currents and to other conductances by ``+``, multiplied by numbers of 0 or more,
    and shifted. V is that within the step, by every method, so a conductance shortens the time
    constant of the membrane as a channel does.

    Parameters
    ----------
    g : float, array_like of shape (steps,), Stimulus or function of t, mS/cm²
        A constant; one value a step, as of :func:`pyhh_fast.stimuli.from_array`; or any stimulus,
        whose values then are in mS/cm². With Ornstein-Uhlenbeck or white noise in it, it is clipped
        at 0. For a constant for each cell pass ``stimuli.constant(values)``.
    reversal : float or array_like of shape (cells,), mV
        Its reversal potential, in the voltages of the neuron: of an `HHModel` from rest.

    Raises
    ------
    TypeError
        If `g` is none of these, or conducts itself, or if `reversal` is no real number.
    ValueError
        If one is not finite; if a constant `g`, a value of an array, or the mean of noise with its
        factors and constants is negative; when it is read, if another `g` without noise is.

    Notes
    -----
    Clipping moves moments: noise of mean m and standard deviation s is negative, so 0, for a part
    Phi(-m/s) of the time, and its mean is m Phi(m/s) + s phi(m/s), with Phi and phi the normal
    distribution and its density. At m = 3 s that is m + 0.0004 s.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> excitation = stimuli.conductance(stimuli.step(0.2, 1, 3), reversal=0)
    >>> inhibition = stimuli.conductance(0.1, reversal=-75)
    >>> stimulus = excitation + inhibition + 2
    >>> stimulus
    conductance(step(0.2, 1, 3), 0) + conductance(0.1, -75) + constant(2)
    >>> stimulus.conducts
    True

    The membrane gets I - G V:

    >>> I, G = stimulus.to_arrays(4, dt=1)
    >>> I
    array([-5.5, -5.5, -5.5, -5.5])
    >>> G.round(3)
    array([0.1, 0.3, 0.3, 0.1])
    """

    g: Any
    reversal: Parameter
    clipped: bool = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        g = _stimulus_of(self.g)
        if hasattr(self.reversal, "celsius"):  # a Nernst, of which stimuli know nothing
            rule = "a finite number, or a 1-D array of one for each cell"
            got, advice = repr(self.reversal), FOLLOWS_CALCIUM
            raise TypeError(validation.message("reversal", rule, got, advice, unit="mV"))
        reversal = parameter("reversal", self.reversal, unit="mV")
        clipped = _is_normal(g)
        if clipped:
            _check_mean(g)
        self._set(g=g, clipped=clipped, reversal=reversal)

    def __repr__(self) -> str:
        number = isinstance(self.g, constant) and np.ndim(self.g.amplitude) == 0
        g = short(self.g.amplitude) if number else repr(self.g)
        return f"conductance({g}, {short(self.reversal)})"

    def _inner(self) -> tuple[Stimulus, ...]:
        return (self.g,)

    @property
    def conducts(self) -> bool:
        """True."""
        return True

    @property
    def steps(self) -> int | None:
        """As :attr:`Stimulus.steps`."""
        steps: int | None = self.g.steps
        return steps

    @property
    def duration(self) -> float | None:
        """As :attr:`Stimulus.duration`."""
        duration: float | None = self.g.duration
        return duration

    def description(self) -> dict[str, Any]:
        """As :meth:`Stimulus.description`."""
        about = super().description() | {"g": self.g.description()}
        del about["clipped"]
        return about

    def _suits(self, dt: float) -> None:
        self.g._suits(dt)

    def _size(self, dt: float) -> int | None:
        size: int | None = self.g._size(dt)
        return size

    def _begin(self) -> State:
        begin: State = self.g._begin()
        return begin

    def _at(self, step: int) -> State | None:
        state: State | None = self.g._at(step)
        return state

    def _checked(self, state: Any, name: str) -> State:
        checked: State = self.g._checked(state, name)
        return checked

    def _recognise(self, state: State, dt: float, late: float = 0.0) -> None:
        self.g._recognise(state, dt)

    def _refined(self) -> Stimulus:
        return self._with(g=self.g._refined())

    def _bends(self) -> list[float] | None:
        bends: list[float] | None = self.g._bends()
        return bends

    def of_g(self, g: Stimulus) -> "conductance":
        """Return one with another `g`, which is clipped where that of this one is."""
        return self._with(g=g)

    def _read(self, state: State, values: FloatArray, dt: float) -> State:
        raise AssertionError("a conductance has no currents alone")

    def _read_arrays(self, state: State, I: FloatArray, G: FloatArray, dt: float) -> State:  # noqa: E741
        read = G if self.g.cells == len(G) else G[:1]  # the same for all
        with errors_named("g", UNIT):
            after: State = self.g._read(state, read, dt)
        if self.clipped:
            np.maximum(read, 0.0, out=read)
            read += 0.0  # which makes -0 a 0, the same on every CPU
        elif read.size and read.min() < 0:
            row, at = np.unravel_index(np.argmax(read < 0), read.shape)
            got = f"{read[row, at]} at index {state['step'] + int(at)}"
            raise ValueError(validation.message("g", "0 or more", got, NOT_NEGATIVE, unit=UNIT))
        G[len(read) :] = read[:1]
        np.multiply(G, np.reshape(self.reversal, (-1, 1)), out=I)
        return after


def _stimulus_of(g: Any) -> Stimulus:
    """Return g, in mS/cm², as a stimulus, as far as it can be validated before it is read."""
    made = as_stimulus(g)
    if made is not None:
        if made.conducts:
            rule, advice = "a stimulus without a conductance", "Add conductances by +."
            raise TypeError(validation.message("g", rule, repr(made), advice))
        if isinstance(made, constant):
            parameter("g", made.amplitude, unit=UNIT, least=0)
        return made
    if validation.is_scalar(g):
        return constant(validation.at_least("g", g, 0, unit=UNIT))
    if isinstance(g, str | bytes | dict) or not hasattr(g, "__getitem__"):
        rule = "a number, an array of a value a step, a stimulus or a function of t"
        raise TypeError(validation.message("g", rule, validation.shown(g), unit=UNIT))
    with errors_named("g", UNIT):
        array = from_array(g)
        if type(array.values) is not np.ndarray:  # perhaps one in a file
            return array
        low = validation.waveform("stimulus", array.values, advice="") < 0
    if low.any():
        at = int(np.argmax(low))
        got = f"{array.values[at]} at index {at}"
        raise ValueError(validation.message("g", "0 or more", got, NOT_NEGATIVE, unit=UNIT))
    return array


def _is_normal(stimulus: Any) -> bool:
    """Whether it has normally distributed noise in it, so that nothing bounds its values."""
    return isinstance(stimulus, ornstein_uhlenbeck | white_noise) or any(
        map(_is_normal, stimulus._inner())
    )


def _check_mean(g: Stimulus) -> None:
    """Raise ValueError if noise, with constants and factors, has a mean below 0."""
    mean = np.atleast_1d(_mean(g))
    if (mean < 0).any():
        at = int(np.argmax(mean < 0))
        got = f"noise of mean {mean[at]:g}" + f" at index {at}" * (mean.size > 1)
        raise ValueError(validation.message("g", "of a mean of 0 or more", got, BELOW_0, unit=UNIT))


def _mean(stimulus: Any) -> Parameter:
    """Return the mean of noise and constants; NaN where there is anything else."""
    if isinstance(stimulus, ornstein_uhlenbeck):
        return stimulus.mean
    if isinstance(stimulus, white_noise):
        return 0.0
    if isinstance(stimulus, constant):
        return stimulus.amplitude
    if isinstance(stimulus, Shifted):
        return _mean(stimulus.stimulus)
    if isinstance(stimulus, Scaled):
        return _mean(stimulus.stimulus) * stimulus.factor
    return sum(map(_mean, stimulus.parts)) if isinstance(stimulus, Sum) else np.nan

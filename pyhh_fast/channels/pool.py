"""A pool of calcium, declared: what fills and empties it, and the potential that follows it."""

import dataclasses
import reprlib
from typing import Any, Never

from pyhh_fast import validation
from pyhh_fast.rate_forms import as_typed

FARADAY = 96_485.309
"""In C/mol, as the gas constant in J/(mol K): those that NEURON had when the published models were
made, so that their figures come out. Those of CODATA 2018 are 2e-7 and 6e-6 larger."""

GAS_CONSTANT = 8.31441

ZERO_CELSIUS = 273.15
"""In K."""

HIGHEST_TEMPERATURE = 50.0
"""In °C; kelvins are above it."""

LEAST_REST, LARGEST_REST = 1e-8, 100.0
"""In mM; tables reach a little further."""


@dataclasses.dataclass(frozen=True, repr=False, init=False)
class Pool:
    """Calcium inside the membrane, which channels let in and pumps remove.

    Its concentration obeys ``dCa/dt = max(0, -gain * sum of I) + (rest - Ca) / tau`` over the
    currents of the channels that feed it, so outward ones remove nothing. Pools are given to a
    :class:`Neuron` by name. They are immutable; two are equal where rest, tau and gain are.

    Parameters
    ----------
    rest : float, mM
        Its concentration without current, from 1e-8 to 100.
    tau : float, ms
        Time constant with which it returns to rest, above 0.
    depth : float, µm, optional
        Thickness of the shell below the membrane that calcium enters: `gain` is 10 / (2 F depth).
    gain : float, mM/ms per µA/cm², optional
        By how much a current changes it, above 0; in place of `depth`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or both `depth` and `gain` are given, or none.
    ValueError
        If a number is not finite or not above 0, or `rest` is not from 1e-8 to 100 mM.

    Examples
    --------
    >>> from pyhh_fast import Pool
    >>> Ca = Pool(2.4e-4, 5, depth=1)
    >>> print(f"{Ca.gain:.4e}")
    5.1821e-05
    """

    rest: float
    tau: float
    depth: float | None = dataclasses.field(compare=False)
    gain: float

    def __init__(
        self,
        rest: float,
        tau: float,
        *unnamed: Never,
        depth: float | None = None,
        gain: float | None = None,
    ) -> None:
        if unnamed:
            given = ", ".join(map(reprlib.repr, (rest, tau, *unnamed)))
            raise TypeError(
                "a pool must be given as Pool(rest, tau, depth=1) (mM, ms, µm), or with gain= "
                f"(mM/ms per µA/cm²) in place of depth=; got Pool({given})."
            )
        if (depth is None) == (gain is None):
            got = "neither" if depth is None else f"depth {depth} and gain {gain}"
            raise TypeError(
                f"a pool must be given its depth (µm) or its gain (mM/ms per µA/cm²), one of them; "
                f"got {got}."
            )
        rest = validation.real_number("a pool's rest", rest, unit="mM", positive=True)
        if not LEAST_REST <= rest <= LARGEST_REST:
            raise ValueError(
                f"a pool's rest must be from {LEAST_REST:g} to {LARGEST_REST:g} (mM); got "
                f"{rest:g}. Check its unit: 100 nM are 1e-4 mM."
            )
        checked = {
            "rest": rest,
            "tau": validation.real_number("a pool's tau", tau, unit="ms", positive=True),
            "depth": depth,
        }
        if depth is not None:
            depth = validation.real_number("a pool's depth", depth, unit="µm", positive=True)
            checked["depth"], gain = depth, 10 / (2 * FARADAY * depth)
        unit = "mM/ms per µA/cm²"
        checked["gain"] = validation.real_number("a pool's gain", gain, unit=unit, positive=True)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        how = "gain" if self.depth is None else "depth"
        return f"Pool({as_typed(self.rest)}, {as_typed(self.tau)}, {how}={_typed(self, how)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _pool, (self.rest, self.tau, self.depth, self.gain)


@dataclasses.dataclass(frozen=True, repr=False)
class Nernst:
    """A reversal potential that follows the concentration of a pool.

    ``E = R T / (2 F) ln(outside / Ca)``, of an ion of valence 2. It is given to a :class:`Channel`
    as `E`. Two are equal where all their parts are.

    Parameters
    ----------
    pool : str
        Name of the pool in the neuron.
    outside : float, mM
        Concentration outside, above 0.
    celsius : float, °C
        Temperature, from 0 to 50.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If `outside` is not above 0, or `celsius` not from 0 to 50.

    Examples
    --------
    >>> from pyhh_fast import Channel, Nernst
    >>> Channel(0.4, E=Nernst("Ca", outside=2, celsius=36)).E
    Nernst('Ca', outside=2, celsius=36)
    """

    pool: str
    _: dataclasses.KW_ONLY
    outside: float
    celsius: float

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"pool": pool_name("Nernst's pool", self.pool)}
        checked["outside"] = validation.real_number(
            "Nernst's outside", self.outside, unit="mM", positive=True
        )
        celsius = validation.real_number("Nernst's celsius", self.celsius, unit="°C")
        if not 0 <= celsius <= HIGHEST_TEMPERATURE:
            raise ValueError(
                f"Nernst's celsius must be from 0 to {HIGHEST_TEMPERATURE:g} (°C); got {celsius:g}."
            )
        checked["celsius"] = celsius
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={_typed(self, name)}" for name in ("outside", "celsius"))
        return f"Nernst({self.pool!r}, {numbers})"


def nernst_slope(celsius: Any) -> Any:
    """Return R T / (2 F), mV, at temperatures in °C."""
    return 1e3 * GAS_CONSTANT * (celsius + ZERO_CELSIUS) / (2 * FARADAY)


def pool_name(name: str, value: Any) -> str:
    """Return the name of a pool that `value` is; it must be a text."""
    rule = "the name of a pool of the neuron"
    validation.instance(name, value, str, rule, "Pass 'Ca', for the pool Neuron(Ca=Pool(...)).")
    return str(value)


def _pool(rest: float, tau: float, depth: float | None, gain: float) -> Pool:
    """Return a pool that was pickled."""
    return Pool(rest, tau, gain=gain) if depth is None else Pool(rest, tau, depth=depth)


def _typed(part: Any, name: str) -> str:
    return as_typed(getattr(part, name))

"""Steady states of a neuron's gates and pools at given V, of one neuron or of many cells of one.

A gate of V alone is at alpha / (alpha + beta). Concentrations come next: each is where inflow and
decay balance,

    Ca = rest + tau gain max(0, -sum of I(V, Ca)),

and if it is so at several, the lowest that is not below its rest.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from pyhh_fast import _rate_tables
from pyhh_fast.channels.axes import CONCENTRATION
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.channels.pool import Nernst, nernst_slope
from pyhh_fast.root_search import roots
from pyhh_fast.typing import FloatArray, IntArray

Value = Callable[[str], Any]
"""Returns a parameter of the neuron by path: a number, or an array that broadcasts with V."""

SCAN = 2 ** (1 / 8)
"""Concentrations are searched in steps of this factor where gates of its own let calcium in."""

ROUNDS = 200
"""How often two pools that feed on each other are balanced in turn, at most."""

TOP = CONCENTRATION.high
"""In mM; tables end there."""


def logarithm(x: Any) -> FloatArray:
    """Return ln(x) of positive numbers, with the same bits on every CPU."""
    x = np.asarray(x, np.float64)
    out = np.empty(x.size)
    _rate_tables.logarithm(x.ravel(), out)
    return out.reshape(x.shape)


def reversal(name: str, E: float | Nernst, value: Value) -> tuple[Any, Any]:
    """Return the reversal potential of a channel, at 1 mM if it follows a pool, and the slope.

    The slope (mV) is that over the logarithm of the concentration, with a minus sign; or 0.
    """
    if not isinstance(E, Nernst):
        return value(f"{name}.E"), 0.0
    slope = nernst_slope(value(f"{name}.E.celsius"))
    return slope * logarithm(value(f"{name}.E.outside")), slope


def potential(name: str, E: float | Nernst, state: Mapping[str, Any], value: Value) -> Any:
    """Return the reversal potential of a channel at the concentrations of a state."""
    at_1_mM, slope = reversal(name, E, value)
    return at_1_mM - slope * logarithm(state[E.pool]) if isinstance(E, Nernst) else at_1_mM


def reversals(neuron: Any, value: Value) -> dict[str, list[Any]]:
    """Return between what a channel's reversal potential is, by name: one, or a high and a low."""
    found = {}
    for name, channel in neuron.channels.items():
        found[name] = [reversal(name, channel.E, value)[0]]
        if isinstance(channel.E, Nernst):
            ends = value(f"{channel.E.pool}.rest"), TOP
            pool = channel.E.pool
            found[name] = [potential(name, channel.E, {pool: Ca}, value) for Ca in ends]
    return found


def rates(
    neuron: Any, path: str, V: FloatArray, state: Mapping[str, Any], value: Value
) -> FloatArray:
    """Return alpha and alpha + beta of a gate without its speed, shape (2, ...).

    Parameters
    ----------
    state : mapping of str to array
        Has the concentrations, by pool.
    """
    name, _, gate_name = path.partition(".")
    gate = neuron.channels[name].gates[gate_name]
    if gate.of is not None:
        return looked_up(neuron.pool_tables[path], np.asarray(state[gate.of]))
    found = looked_up(neuron.tables[path], V - value(f"{name}.shift"))
    if gate.times is not None:
        factor = looked_up(neuron.pool_tables[path], np.asarray(state[gate.pool]))
        found = np.stack(np.broadcast_arrays(found[0] * factor[0], found[1]))
    return found


def looked_up(table: GateTable, x: FloatArray) -> FloatArray:
    """Return both rates of a table at numbers of any shape, shape (2, *x.shape)."""
    return table(x.ravel()).reshape(2, *x.shape)


def state_at(
    neuron: Any, V: FloatArray, value: Value, held: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, FloatArray]:
    """Return the steady states at each V (mV): of gates, by path, and of pools, in mM.

    Parameters
    ----------
    V : ndarray
        Of any shape that broadcasts with the parameters; states have no larger one than they need.
    held : mapping of str to float or array, optional
        Gates and pools that are not steady, but at these values; others follow them, too.
    """
    gates = neuron.gates
    found = {name: np.broadcast_to(one, V.shape) for name, one in held.items()}
    for path, gate in gates.items():
        if gate.pool is None and path not in held:
            alpha, total = rates(neuron, path, V, {}, value)
            found[path] = alpha / total
    pools = _Balance(neuron, V, value, found).concentrations() if neuron.pools else {}
    for path, gate in gates.items():
        if gate.pool is not None and path not in held:
            alpha, total = rates(neuron, path, V, pools, value)
            found[path] = alpha / total
    return {path: found[path] for path in gates} | pools


def check_balanced(neuron: Any, state: Mapping[str, FloatArray], V: FloatArray) -> None:
    """Raise ValueError where a concentration is balanced nowhere in the range of the tables."""
    for name in neuron.pools:
        beyond = state[name] >= TOP
        if beyond.any():
            raise ValueError(
                f"V must be where the concentration of {name} is balanced below {TOP:g} mM (mV); "
                f"got {V[np.argmax(beyond)]:g}. Check the pool's gain and tau, and the currents "
                "that feed it."
            )


class _Balance:
    """The pools of a neuron at each V.

    Parameters
    ----------
    known : dict of str to array
        Gates that do not follow calcium, and pools that are held.
    """

    def __init__(
        self, neuron: Any, V: FloatArray, value: Value, known: Mapping[str, FloatArray]
    ) -> None:
        self._neuron = neuron
        self._shape = np.broadcast_shapes(
            V.shape,
            *(np.shape(one) for one in known.values()),
            *(np.shape(value(path)) for path in neuron.parameters),
        )
        self._following: dict[str, dict[str, Any]] = {}  # gates that follow calcium, by channel

        def flat(given: Any) -> FloatArray:
            return np.broadcast_to(given, self._shape).ravel()

        self._V = flat(V)
        self._held = {name: flat(known[name]) for name in neuron.pools if name in known}
        self._rest = {name: flat(value(f"{name}.rest")) for name in neuron.pools}
        self._strength = {
            name: flat(value(f"{name}.tau") * value(f"{name}.gain")) for name in neuron.pools
        }
        self._feeders: dict[str, list[str]] = {name: [] for name in neuron.pools}
        self._conductance: dict[str, FloatArray] = {}  # but for what calcium does
        self._reversal: dict[str, tuple[FloatArray, FloatArray]] = {}
        for name, channel in neuron.channels.items():
            if channel.feeds is None:
                continue
            self._feeders[channel.feeds].append(name)
            at_1_mM, slope = reversal(name, channel.E, value)
            self._reversal[name] = flat(at_1_mM), flat(slope)
            conductance = flat(value(f"{name}.g")).copy()
            following = self._following[name] = {}
            for gate_name, gate in channel.gates.items():
                path = f"{name}.{gate_name}"
                if path in known:
                    of_V = known[path]
                else:
                    following[path] = gate
                    if gate.of is not None:
                        continue
                    alpha, total = looked_up(neuron.tables[path], V - value(f"{name}.shift"))
                    of_V = alpha / total
                of_V = flat(of_V)
                for _ in range(gate.power):
                    conductance *= of_V
            self._conductance[name] = conductance

    def concentrations(self) -> dict[str, FloatArray]:
        """Return them by pool, of the shape of V."""
        found = {name: rest.copy() for name, rest in self._rest.items()} | self._held
        free = [name for name in found if name not in self._held]
        for _ in range(ROUNDS):
            before = dict(found)
            for name in free:
                found[name] = self._balanced(name, found)
            if len(free) < 2 or all(np.array_equal(found[k], before[k]) for k in found):
                break
        return {name: one.reshape(self._shape) for name, one in found.items()}

    def _balanced(self, pool: str, found: Mapping[str, FloatArray]) -> FloatArray:
        """Return where a pool is balanced, the others being as they were found."""
        rest = self._rest[pool]

        def target(Ca: FloatArray, which: IntArray) -> FloatArray:
            state = {name: one[which] for name, one in found.items()} | {pool: Ca}
            inflow = np.maximum(self._inflow(pool, which, state), 0.0)
            return np.asarray(rest[which] + self._strength[pool][which] * inflow)

        feeders = self._feeders[pool]
        E = [self._neuron.channels[name].E for name in feeders]
        follows = any(isinstance(one, Nernst) and one.pool == pool for one in E)
        gates = [item for name in feeders for item in self._following[name].items()]
        tables = [self._neuron.pool_tables[path] for path, gate in gates if gate.pool == pool]
        at_rest = target(rest, np.arange(rest.size))
        if not (follows or tables):
            return np.minimum(at_rest, TOP)
        balanced = rest.copy()
        where = np.flatnonzero(at_rest > rest)
        # Where potentials follow it, and gates close with it, more calcium means less inflow.
        low, high = rest[where], at_rest[where]
        if not all(_falls(table) for table in tables):
            low, high = _scanned(target, rest, where)
            inside = high < TOP
            balanced[where[~inside]] = TOP
            where, low, high = where[inside], low[inside], high[inside]
        unit = rest[where]

        def excess(x: FloatArray, which: IntArray) -> FloatArray:
            return np.asarray(target(x * unit[which], where[which]) / unit[which] - x)

        balanced[where] = unit * roots(excess, low / unit, high / unit)
        return np.minimum(balanced, TOP)

    def _inflow(self, pool: str, which: IntArray, state: Mapping[str, FloatArray]) -> FloatArray:
        """Return the current into a pool at some of the V, µA/cm²."""
        total = np.zeros(which.size)
        for name in self._feeders[pool]:
            channel = self._neuron.channels[name]
            conductance = self._conductance[name][which]
            for path, gate in self._following[name].items():
                part, whole = self._neuron.pool_tables[path](state[gate.pool])
                for _ in range(gate.power):
                    conductance *= part / whole
            E, slope = (one[which] for one in self._reversal[name])
            if isinstance(channel.E, Nernst):
                E = E - slope * logarithm(state[channel.E.pool])
            total -= conductance * (self._V[which] - E)
        return total


def _falls(table: GateTable) -> bool:
    """Whether the steady state of a gate nowhere rises with the concentration."""
    part, whole = table.coefficients[:, 0].T
    return bool((np.diff(part / whole) <= 0).all())


def _scanned(
    target: Callable[[FloatArray, IntArray], FloatArray], rest: FloatArray, where: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return concentrations below and above the lowest balance; the latter is TOP without one."""
    low, high = rest[where], rest[where]
    left = np.arange(where.size)
    while left.size:
        high[left] = np.minimum(high[left] * SCAN, TOP)
        rises = target(high[left], where[left]) > high[left]
        left = left[rises & (high[left] < TOP)]
        low[left] = high[left]
    return low, high

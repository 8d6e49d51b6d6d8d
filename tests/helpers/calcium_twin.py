"""Steps of a neuron with pools of calcium in plain Python, method by method: the slow twin.

A neuron is a `Cell` of calcium_papers.py: written from a paper, or made of declared functions.
"""

import functools
import math

import calcium_papers as papers
import numpy as np
from hypothesis import strategies as st

from pyhh_fast import Channel, Gate, Nernst, Neuron, Pool
from pyhh_fast.rate_forms import sigmoid


def cell_of(neuron):
    """Return a declared neuron as a Cell; its functions are called one number at a time."""
    of_channels = list(neuron.channels.items())
    gates = [
        (c, gate) for c, (_, channel) in enumerate(of_channels) for gate in channel.gates.values()
    ]
    pools = list(neuron.pools)

    def kinetics(V, Ca):
        for c, gate in gates:
            at = V - of_channels[c][1].shift if gate.of is None else Ca[pools.index(gate.of)]
            if gate.alpha is None:
                inf, tau = float(gate.inf(at)), 0 if gate.instantaneous else float(gate.tau(at))
            else:
                inf, tau = papers.of_rates(float(gate.alpha(at)), float(gate.beta(at)))
            if gate.times is not None:
                inf *= float(gate.times[1](Ca[pools.index(gate.times[0])]))
            yield inf, 0 if gate.instantaneous else tau / gate.speed

    def channels(*x_and_Ca):
        *x, Ca = x_and_Ca
        for c, (_, channel) in enumerate(of_channels):
            opened = math.prod(
                value**gate.power for value, (of, gate) in zip(x, gates, strict=True) if of == c
            )
            E = channel.E
            if not isinstance(E, (int, float)):
                E = papers.nernst(Ca[pools.index(E.pool)], E.outside, E.celsius)
            yield channel.g * opened, E

    fed = [
        (
            pool.rest,
            pool.tau,
            pool.gain,
            [c for c, (_, one) in enumerate(of_channels) if one.feeds == name],
        )
        for name, pool in neuron.pools.items()
    ]
    return papers.Cell(kinetics, channels, tuple(fed), neuron.Cm)


def settled(cell, V, x, Ca):
    """Return the gates, with the instantaneous ones where V and the concentrations put them."""
    return [inf if tau == 0 else at for at, (inf, tau) in zip(x, cell.gates(V, Ca), strict=True)]


def slopes(cell, V, x, Ca, I):  # noqa: E741
    """Return how fast V, the gates and the concentrations change."""
    total = sum(g * (V - E) for g, E in cell.channels(*x, Ca))
    gates = [
        (inf - at) / tau if tau else 0.0
        for at, (inf, tau) in zip(x, cell.gates(V, Ca), strict=True)
    ]
    pools = [
        max(0.0, -gain * papers.feed(cell, V, x, Ca, by)) + (rest - at) / tau
        for at, (rest, tau, gain, by) in zip(Ca, cell.pools, strict=True)
    ]
    return (I - total) / cell.Cm, gates, pools


def moved(state, dt, change):
    V, x, Ca = state
    dV, dx, dCa = change
    return (
        V + dt * dV,
        [a + dt * b for a, b in zip(x, dx, strict=True)],
        [a + dt * b for a, b in zip(Ca, dCa, strict=True)],
    )


def euler(cell, state, I, dt):  # noqa: E741
    return moved(state, dt, slopes(cell, *state, I))


def rk4(cell, state, I, dt):  # noqa: E741
    end = at = state
    for weight, ahead in ((1 / 6, 1 / 2), (1 / 3, 1 / 2), (1 / 3, 1), (1 / 6, 0)):
        V, x, Ca = at
        change = slopes(cell, V, settled(cell, V, x, Ca), Ca, I)
        end, at = moved(end, weight * dt, change), moved(state, ahead * dt, change)
    return end


def exponential_euler(cell, state, I, dt):  # noqa: E741
    """Gates first, then V, then the pools, each with a constant rate of decay during the step."""
    V, x, Ca = state
    x = [
        inf if tau == 0 else inf + (at - inf) * math.exp(-dt / tau)
        for at, (inf, tau) in zip(x, cell.gates(V, Ca), strict=True)
    ]
    channels = list(cell.channels(*x, Ca))
    g = sum(g for g, _ in channels)
    V_inf = (I + sum(g * E for g, E in channels)) / g
    V_after = V_inf + (V - V_inf) * math.exp(-dt * g / cell.Cm)
    after = []
    for at, (rest, tau, gain, by) in zip(Ca, cell.pools, strict=True):
        inflow = max(0.0, -gain * papers.feed(cell, (V + V_after) / 2, x, Ca, by))
        end = rest + tau * inflow
        after.append(end + (at - end) * math.exp(-dt / tau))
    return V_after, x, after


STEPS = {"euler": euler, "exponential_euler": exponential_euler, "rk4": rk4}


def run(cell, method, state, I, dt, steps):  # noqa: E741
    """Return V, gates and concentrations after each step, and currents during it, by rows.

    `I` is a number or one for each step.
    """
    V, x, Ca = state
    rows = []
    for current in np.broadcast_to(I, steps):
        currents = [g * (V - E) for g, E in cell.channels(*x, Ca)]
        V, x, Ca = STEPS[method](cell, (V, x, Ca), float(current), dt)
        x = settled(cell, V, x, Ca)
        rows.append([V, *x, *Ca, *currents])
    return np.array(rows).T


@st.composite
def neurons(draw):
    """Neurons with one or two pools, which channels feed, follow, and depend on in all ways."""
    number, any_of = st.floats, st.sampled_from
    names = draw(any_of([["Ca"], ["Ca", "inner"]]))
    parts = {"leak": Channel(draw(number(0.05, 0.5)), E=-65)}
    for name in names:
        parts[name] = Pool(
            draw(number(2e-5, 1e-3)), draw(number(2, 300)), depth=draw(number(0.05, 5))
        )
    for i in range(draw(st.integers(len(names), 3))):  # each pool is fed
        pool = draw(any_of(names))
        E = draw(
            any_of([120.0, Nernst(pool, outside=draw(number(0.5, 5)), celsius=draw(number(5, 40)))])
        )
        midpoint, k = draw(number(-60, -10)), draw(number(4, 12))
        instantaneous, speed = draw(st.booleans()), draw(any_of([1.0, 2.5]))
        form = {
            "inf": sigmoid(1, midpoint, k),
            "tau": functools.partial(_constant, draw(number(1, 30))),
        }
        p = Gate(**form, power=draw(st.integers(1, 3)), instantaneous=instantaneous, speed=speed)
        shift = draw(any_of([0.0, -2.0, 5.5]))
        feeds = names[i] if i < len(names) else draw(any_of([None, *names]))
        parts[f"in{i}"] = Channel(draw(number(0, 2)), E=E, feeds=feeds, shift=shift, p=p)
    for i in range(draw(st.integers(1, 3))):
        pool, half = draw(any_of(names)), draw(number(1e-4, 1e-2))
        bound = functools.partial(_bound, half)
        kind = draw(any_of(["alone", "rates", "instantaneous", "product"]))
        gate = {
            "alone": {"inf": bound, "tau": lambda Ca: 10 + 5e-3 / (Ca + 1e-3), "of": pool},
            "rates": {"alpha": lambda Ca: 50 * Ca, "beta": lambda Ca: 0.03 + 0 * Ca, "of": pool},
            "instantaneous": {"inf": bound, "instantaneous": True, "of": pool},
            "product": {
                "inf": sigmoid(1, -30, 10),
                "tau": lambda V: 8 + 0 * V,
                "times": (pool, bound),
            },
        }[kind]
        q = Gate(**gate, power=draw(st.integers(1, 4)))
        parts[f"out{i}"] = Channel(draw(number(0, 5)), E=-90, q=q)
    return Neuron(Cm=draw(number(0.8, 2)), threshold=0, **parts)


def _constant(tau, V):
    return tau + 0 * V


def _bound(half, Ca):
    return Ca / (Ca + half)

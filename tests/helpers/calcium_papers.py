"""Published neurons with pools of calcium as their papers print them, solved with SciPy's DOP853.

They share nothing with the package's declarations. Concentrations are in mM here as there; where a
paper has µM, the formula shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from neuron_papers import of_rates, traub_gates
from scipy.integrate import solve_ivp

FARADAY, GAS_CONSTANT = 96485.309, 8.31441
"""NEURON's when the models were published; CODATA's are 2e-7 and 6e-6 larger."""


@dataclass(frozen=True)
class Cell:
    """A neuron: lists of what depends on V, the gates x and the concentrations Ca (mM).

    Gates are pairs of steady state and time constant, 0 where a gate is instantaneous. Channels are
    pairs of conductance and reversal potential; a pool is its rest, its tau, its gain and the
    channels that feed it.
    """

    gates: Callable
    channels: Callable
    pools: tuple = ()
    Cm: float = 1.0


def nernst(Ca, outside, celsius):
    return 1e3 * GAS_CONSTANT * (celsius + 273.15) / (2 * FARADAY) * log(outside / Ca)


def shell(depth):
    """Return the gain of a pool so deep (µm): ions that 1 µA/cm² carries in a ms, mM."""
    return 10 / (2 * FARADAY * depth)


def pospischil(g_leak, g_M=0.0, g_L=0.0, g_T=0.0, spikes=True, E_L=120.2547, pool=True):
    """Pospischil et al. (2008), LTS, IB and parts of them; gates m, h, n, p, q, r, s, u.

    `E_L` None is Nernst's. Calcium is of NEURON's cadecay_destexhe.mod.
    """

    def gates(V, Ca):
        yield from traub_gates(V + 55)
        tau_p = 1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20))
        yield 1 / (1 + exp(-(V + 35) / 10)), tau_p
        alpha_q = 0.055 * (-27 - V) / (exp((-27 - V) / 3.8) - 1)
        yield of_rates(alpha_q, 0.94 * exp((-75 - V) / 17))
        yield of_rates(0.000457 * exp((-13 - V) / 50), 0.0065 / (exp((-15 - V) / 28) + 1))
        W = V + 2
        yield 1 / (1 + exp(-(W + 57) / 6.2)), 0
        tau_u = 30.8 + (211.4 + exp((W + 113.2) / 5)) / (1 + exp((W + 84) / 3.2))
        yield 1 / (1 + exp((W + 81) / 4)), tau_u / 3**1.2

    def channels(m, h, n, p, q, r, s, u, Ca):
        E_Ca = nernst(Ca[0], 2, 36)
        yield g_leak, -85
        yield spikes * 50 * m**3 * h, 50
        yield spikes * 5 * n**4, -100
        yield g_M * p, -100
        yield g_L * q**2 * r, E_Ca if E_L is None else E_L
        yield g_T * s**2 * u, E_Ca

    return Cell(gates, channels, ((2.4e-4, 5.0, shell(1), (4, 5)),))


def ermentrout(rest=0.0):
    """Ermentrout (1998) with the AHP current; gates m, h, n, s, q. His calcium is in µM, rest 0."""

    def gates(V, Ca):
        alpha_m = 0.32 * (54 + V) / (1 - exp(-(V + 54) / 4))
        yield of_rates(alpha_m, 0.28 * (V + 27) / (exp((V + 27) / 5) - 1))
        yield of_rates(0.128 * exp(-(50 + V) / 18), 4 / (1 + exp(-(V + 27) / 5)))
        alpha_n = 0.032 * (V + 52) / (1 - exp(-(V + 52) / 5))
        yield of_rates(alpha_n, 0.5 * exp(-(57 + V) / 40))
        yield 1 / (1 + exp(-(V + 25) / 5)), 0
        yield 1e3 * Ca[0] / (30 + 1e3 * Ca[0]), 0

    def channels(m, h, n, s, q, Ca):
        yield 0.1, -67
        yield 100 * m**3 * h, 50
        yield 80 * n**4, -100
        yield 1 * s, 120
        yield 5 * q, -100

    return Cell(gates, channels, ((rest, 80.0, 0.002 / 1e3, (3,)),))


def prinz(g_Na, g_CaT, g_CaS, g_A, g_KCa, g_Kd, g_H, g_leak, celsius=10):
    """Prinz, Billimoria & Marder (2003); gates of Na, CaT, CaS, A, KCa, Kd, H in that order.

    Their calcium is in µM and nA, of a cell of 0.628e-3 cm²: 200 dCa/dt = -14.96 I + 0.05 - Ca.
    """

    def rises(V, half, k):
        return 1 / (1 + exp((V + half) / k))

    def gates(V, Ca):
        yield rises(V, 25.5, -5.29), 2.64 - 2.52 * rises(V, 120, -25)
        tau_h = 1.34 * rises(V, 62.9, -10) * (1.5 + rises(V, 34.9, 3.6))
        yield rises(V, 48.9, 5.18), tau_h
        yield rises(V, 27.1, -7.2), 43.4 - 42.6 * rises(V, 68.1, -20.5)
        yield rises(V, 32.1, 5.5), 210 - 179.6 * rises(V, 55, -16.9)
        tau = 2.8 + 14 / (exp((V + 27) / 10) + exp(-(V + 70) / 13))
        yield rises(V, 33, -8.1), tau
        tau = 120 + 300 / (exp((V + 55) / 9) + exp(-(V + 65) / 16))
        yield rises(V, 60, 6.2), tau
        yield rises(V, 27.2, -8.7), 23.2 - 20.8 * rises(V, 32.9, -15.2)
        yield rises(V, 56.9, 4.9), 77.2 - 58.4 * rises(V, 38.9, -26.5)
        micromolar = 1e3 * Ca[0]
        opened = micromolar / (micromolar + 3) * rises(V, 28.3, -12.6)
        yield opened, 180.6 - 150.2 * rises(V, 46, -22.7)
        yield rises(V, 12.3, -11.8), 14.4 - 12.8 * rises(V, 28.3, -19.2)
        yield rises(V, 75, 5.5), 2 / (exp(-(V + 169.7) / 11.6) + exp((V - 26.7) / 14.3))

    def channels(mNa, hNa, mT, hT, mS, hS, mA, hA, mKCa, mKd, mH, Ca):
        E_Ca = nernst(Ca[0], 3, celsius)
        yield g_leak, -50
        yield g_Na * mNa**3 * hNa, 50
        yield g_CaT * mT**3 * hT, E_Ca
        yield g_CaS * mS**3 * hS, E_Ca
        yield g_A * mA**3 * hA, -80
        yield g_KCa * mKCa**4, -80
        yield g_Kd * mKd**4, -80
        yield g_H * mH, -20

    nA = 0.628e-3 * 1e3  # of 1 µA/cm²
    return Cell(gates, channels, ((0.05e-3, 200.0, 14.96e-3 * nA / 200, (2, 3)),))


AB_PD_1 = (400, 2.5, 6, 50, 10, 100, 0.01, 0)  # Prinz, Bucher & Marder (2004), table 2


def steady(cell, V):
    """Return gates and concentrations that are steady at V, found by iteration."""
    Ca = [max(rest, 1e-8) for rest, *_ in cell.pools]
    for _ in range(20_000):
        x = [inf_ for inf_, _ in cell.gates(V, Ca)]
        found = [
            rest + tau * gain * max(0.0, -feed(cell, V, x, Ca, by))
            for rest, tau, gain, by in cell.pools
        ]
        if np.allclose(found, Ca, rtol=1e-15, atol=0):
            break
        Ca = [old + 0.5 * (new - old) for old, new in zip(Ca, found, strict=True)]
    return x, found


def feed(cell, V, x, Ca, by):
    """Return the current (µA/cm²) of the channels that feed a pool."""
    channels = list(cell.channels(*x, Ca))
    return sum(channels[c][0] * (V - channels[c][1]) for c in by)


def driving(cell, V, x, Ca, by):
    """Return V minus where that current reverses; closed gates are 0 up to errors of any sign."""
    channels = [list(cell.channels(*x, Ca))[c] for c in by]
    total = sum(abs(g) for g, _ in channels)
    return sum(abs(g) * (V - E) for g, E in channels) / total if total else V - channels[0][1]


@dataclass(frozen=True)
class Solution:
    spike_times: np.ndarray
    calcium_times: np.ndarray
    pieces: list

    def __call__(self, t):
        """Return V, gates that are not instantaneous and concentrations at times t, by rows."""
        t = np.asarray(t, float)
        ends = [piece.t[-1] for piece in self.pieces]
        which = np.minimum(np.searchsorted(ends, t), len(ends) - 1)
        return np.stack([self.pieces[i].sol(one) for i, one in zip(which, t, strict=True)], axis=1)


def solve(cell, Vm, pulse, duration, threshold=0.0, level=inf, dense=False, start=None, rtol=1e-10):
    """Solve a neuron under a pulse (amplitude, start, stop), steady at first.

    Spikes are where V rises through `threshold`, calcium's times where the first pool rises through
    `level`. Where the inflow of a pool ends or begins, its slope has a kink: there the solution is
    begun again.
    """
    x, Ca = steady(cell, Vm) if start is None else start
    moving = [i for i, (_, tau) in enumerate(cell.gates(Vm, Ca)) if tau]
    pools = len(cell.pools)

    def parts(y):
        V, Ca = y[0], y[len(y) - pools :]
        pairs = list(cell.gates(V, Ca))
        x = [inf_ for inf_, _ in pairs]
        for i, value in zip(moving, y[1:], strict=False):
            x[i] = value
        return V, x, Ca, pairs

    def slope(t, y, I, flows):  # noqa: E741
        V, x, Ca, pairs = parts(y.tolist())
        channels = list(cell.channels(*x, Ca))
        total = sum(g * (V - E) for g, E in channels)
        changes = [(pairs[i][0] - x[i]) / pairs[i][1] for i in moving]
        for (rest, tau, gain, by), flowing in zip(cell.pools, flows, strict=True):
            inflow = -sum(channels[c][0] * (V - channels[c][1]) for c in by) if flowing else 0.0
            changes.append(gain * inflow + (rest - Ca[len(changes) - len(moving)]) / tau)
        return [(I - total) / cell.Cm, *changes]

    def event(function, direction, terminal=False):
        def found(t, y, I, flows):  # noqa: E741
            return function(y)

        found.direction, found.terminal = direction, terminal
        return found

    def kink(number):
        def current(y):
            V, x, Ca, _ = parts(y.tolist())
            return driving(cell, V, x, Ca, cell.pools[number][3])

        return current

    amplitude, begin, stop = pulse
    bounds = [(0.0, begin, 0.0), (begin, stop, amplitude), (stop, duration, 0.0)]
    y = np.array([Vm, *(x[i] for i in moving), *Ca])
    flows = [kink(i)(y) <= 0 for i in range(pools)]
    spikes, calcium, pieces = [], [], []
    for t, end, I in bounds:  # noqa: E741
        while t < end:
            events = [event(lambda y: y[0] - threshold, 1)]
            events.append(event(lambda y: y[len(y) - pools] - level if pools else 1.0, 1))
            events += [event(kink(i), 1 if flows[i] else -1, True) for i in range(pools)]
            options = {"method": "DOP853", "rtol": rtol, "atol": rtol * np.array([1.0] * len(y))}
            options["atol"][len(y) - pools :] *= 1e-4  # mM
            found = solve_ivp(
                slope, (t, end), y, args=(I, flows), events=events, dense_output=dense, **options
            )
            assert found.success, found.message
            t, y = found.t[-1], found.y[:, -1]
            spikes += list(found.t_events[0])
            calcium += list(found.t_events[1])
            pieces.append(found)
            flows = [
                flowing != bool(times.size)
                for flowing, times in zip(flows, found.t_events[2:], strict=True)
            ]
    return Solution(np.array(spikes), np.array(calcium), pieces)

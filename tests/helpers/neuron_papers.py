"""Equations of published neurons as the papers print them, solved with SciPy's DOP853.

They share nothing with the package's declarations.
"""

from math import cosh, exp, tanh

import numpy as np
from scipy.integrate import solve_ivp


def lin(x):
    return x / (1 - exp(-x))


def of_rates(alpha, beta):
    """Return steady state and time constant."""
    return alpha / (alpha + beta), 1 / (alpha + beta)


def hodgkin_huxley(leak_reversal=-54.4, phi=1.0):
    """Hodgkin and Huxley (1952), V from rest, which is moved to -65 mV."""

    def gates(V):
        v = V + 65
        yield of_rates(phi * 0.1 * lin((v - 25) / 10) * 10, phi * 4 * exp(-v / 18))
        yield of_rates(phi * 0.07 * exp(-v / 20), phi / (exp((30 - v) / 10) + 1))
        yield of_rates(phi * 0.01 * lin((v - 10) / 10) * 10, phi * 0.125 * exp(-v / 80))

    def current(V, m, h, n):
        return 120 * m**3 * h * (V - 50) + 36 * n**4 * (V + 77) + 0.3 * (V - leak_reversal)

    return gates, current


def wang_buzsaki():
    """Wang and Buzsáki (1996); gates h and n."""

    def gates(V):
        yield of_rates(5 * 0.07 * exp(-(V + 58) / 20), 5 / (exp(-0.1 * (V + 28)) + 1))
        alpha_n = -0.01 * (V + 34) / (exp(-0.1 * (V + 34)) - 1)
        yield of_rates(5 * alpha_n, 5 * 0.125 * exp(-(V + 44) / 80))

    def current(V, h, n):
        alpha_m = -0.1 * (V + 35) / (exp(-0.1 * (V + 35)) - 1)
        m = alpha_m / (alpha_m + 4 * exp(-(V + 60) / 18))
        return 35 * m**3 * h * (V - 55) + 9 * n**4 * (V + 90) + 0.1 * (V + 65)

    return gates, current


def golomb():
    """Golomb et al. (2007), fast-spiking and stuttering, gd = 1.8; gates h, n, a, b."""

    def gates(V):
        yield 1 / (1 + exp((V + 58.3) / 6.7)), 0.5 + 14 / (1 + exp((V + 60) / 12))
        first, second = 1 + exp((V + 14.6) / 8.6), 1 + exp(-(V - 1.3) / 18.7)
        tau_n = (0.087 + 11.4 / first) * (0.087 + 11.4 / second)
        yield 1 / (1 + exp(-(V + 12.4) / 6.8)), tau_n
        yield 1 / (1 + exp(-(V + 50) / 20)), 2
        yield 1 / (1 + exp((V + 70) / 6)), 150

    def current(V, h, n, a, b):
        m = 1 / (1 + exp(-(V + 24) / 11.5))
        potassium = 225 * n**2 + 1.8 * a**3 * b
        return 112.5 * m**3 * h * (V - 50) + potassium * (V + 90) + 0.25 * (V + 70)

    return gates, current


def traub_gates(u, phi=1.0):
    """Traub's m, h and n, of V - V_T, as in Destexhe's files."""
    alpha_m = -0.32 * (u - 13) / (exp(-(u - 13) / 4) - 1)
    yield of_rates(phi * alpha_m, phi * 0.28 * (u - 40) / (exp((u - 40) / 5) - 1))
    yield of_rates(phi * 0.128 * exp(-(u - 17) / 18), phi * 4 / (1 + exp(-(u - 40) / 5)))
    alpha_n = -0.032 * (u - 15) / (exp(-(u - 15) / 5) - 1)
    yield of_rates(phi * alpha_n, phi * 0.5 * exp(-(u - 10) / 40))


def traub_miles(leak_reversal=-60.0):
    """Brette et al. (2007), benchmark 3; gates m, h, n."""

    def gates(V):
        return traub_gates(V + 63)

    def current(V, m, h, n):
        traub = 100 * m**3 * h * (V - 50) + 30 * n**4 * (V + 90)
        return traub + 0.05 * (V - leak_reversal)

    return gates, current


def pospischil(g_leak, E_leak, g_M=0.0, g_L=0.0, g_K=5, warmer=0.0):
    """Pospischil et al. (2008); gates m, h, n, p, q, r; so many °C above 36, over 10."""

    def gates(V):
        yield from traub_gates(V + 55, 3**warmer)
        tau_peak = 1000 / 2.3**warmer
        tau_p = tau_peak / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20))
        yield 1 / (1 + exp(-(V + 35) / 10)), tau_p
        alpha_q = 0.055 * (-27 - V) / (exp((-27 - V) / 3.8) - 1)
        yield of_rates(alpha_q, 0.94 * exp((-75 - V) / 17))
        yield of_rates(0.000457 * exp((-13 - V) / 50), 0.0065 / (exp((-15 - V) / 28) + 1))

    def current(V, m, h, n, p, q, r):
        traub = 50 * m**3 * h * (V - 50) + g_K * n**4 * (V + 100)
        slow = g_M * p * (V + 100) + g_L * q**2 * r * (V - 120.2547)
        return traub + slow + g_leak * (V - E_leak)

    return gates, current


def morris_lecar(g_Ca, V_3, V_4, phi):
    """Rinzel and Ermentrout (1989); gate w; C is 20 µF/cm²."""

    def gates(V):
        yield (1 + tanh((V - V_3) / V_4)) / 2, 1 / (phi * cosh((V - V_3) / (2 * V_4)))

    def current(V, w):
        m = (1 + tanh((V + 1.2) / 18)) / 2
        return g_Ca * m * (V - 120) + 8 * w * (V + 84) + 2 * (V + 60)

    return gates, current, 20


MORRIS_LECAR_I = (4.0, 12.0, 17.4, 1 / 15)
MORRIS_LECAR_II = (4.4, 2.0, 30.0, 0.04)


def connor_stevens():
    """Connor and Stevens as in Dayan and Abbott (2001); gates m, h, n, a, b."""

    def gates(V):
        alpha_m = 0.38 * (V + 29.7) / (1 - exp(-0.1 * (V + 29.7)))
        yield of_rates(alpha_m, 15.2 * exp(-0.0556 * (V + 54.7)))
        yield of_rates(0.266 * exp(-0.05 * (V + 48)), 3.8 / (1 + exp(-0.1 * (V + 18))))
        alpha_n = 0.02 * (V + 45.7) / (1 - exp(-0.1 * (V + 45.7)))
        yield of_rates(alpha_n, 0.25 * exp(-0.0125 * (V + 55.7)))
        cube = 0.0761 * exp(0.0314 * (V + 94.22)) / (1 + exp(0.0346 * (V + 1.17)))
        yield cube ** (1 / 3), 0.3632 + 1.158 / (1 + exp(0.0497 * (V + 55.96)))
        b_inf = (1 / (1 + exp(0.0688 * (V + 53.3)))) ** 4
        yield b_inf, 1.24 + 2.678 / (1 + exp(0.0624 * (V + 50)))

    def current(V, m, h, n, a, b):
        sodium, potassium = 120 * m**3 * h * (V - 55), 20 * n**4 * (V + 72)
        return sodium + potassium + 47.7 * a**3 * b * (V + 75) + 0.3 * (V + 17)

    return gates, current


def spike_times(paper, Vm, pulses, duration):
    """Return when V rises through 0 mV under (amplitude, start, stop), gates steady at first."""
    gates, current, Cm = (*paper, 1)[:3]

    def slope(t, y, I):  # noqa: E741
        V, *x = y.tolist()
        changes = [(inf - x) / tau for x, (inf, tau) in zip(x, gates(V), strict=True)]
        return [(I - current(V, *x)) / Cm, *changes]

    def crossing(t, y, I):  # noqa: E741
        return y[0]

    crossing.direction = 1
    amplitude, start, stop = pulses
    pieces = [(0, start, 0.0), (start, stop, amplitude), (stop, duration, 0.0)]
    y = np.array([Vm, *(inf for inf, _ in gates(Vm))])
    spikes = []
    for begin, end, I in pieces:  # noqa: E741
        if end > begin:
            options = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-10, "events": crossing}
            solution = solve_ivp(slope, (begin, end), y, args=(I,), **options)
            y = solution.y[:, -1]
            spikes += list(solution.t_events[0])
    return np.array(spikes)

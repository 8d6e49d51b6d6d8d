"""The neurons of neurons.py as texts that numba, NMODL, Brian2 and JAX read alike.

Each names its rates, its currents and, where it has calcium, the slope of that.
"""

import math
from math import exp
from typing import Any

from cell import PROTOCOLS

TRAUB = """
    alpha_m = 1.28 * linoid((V + 42) / 4)
    beta_m = 1.4 * linoid(-(V + 15) / 5)
    alpha_h = 0.128 * exp(-(V + 38) / 18)
    beta_h = 4 / (1 + exp(-(V + 15) / 5))
    alpha_n = 0.16 * linoid((V + 40) / 5)
    beta_n = 0.5 * exp(-(V + 45) / 40)
    I_leak = 0.01 * (V + 85)
    I_Na = 50 * m * m * m * h * (V - 50)
    I_K = 5 * n * n * n * n * (V + 100)
"""
M_AND_L = """
    p_inf = 1 / (1 + exp(-(V + 35) / 10))
    tau_p = 1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20))
    alpha_p = p_inf / tau_p
    beta_p = (1 - p_inf) / tau_p
    alpha_q = 0.209 * linoid((V + 27) / 3.8)
    beta_q = 0.94 * exp(-(V + 75) / 17)
    alpha_r = 0.000457 * exp(-(V + 13) / 50)
    beta_r = 0.0065 / (1 + exp(-(V + 15) / 28))
    I_M = 0.03 * p * (V + 100)
    I_L = 0.17 * q * q * r * (V - 120.2547)
"""
CONNOR_STEVENS = """
    alpha_m = 3.8 * linoid((V + 29.7) / 10)
    beta_m = 15.2 * exp(-0.0556 * (V + 54.7))
    alpha_h = 0.266 * exp(-(V + 48) / 20)
    beta_h = 3.8 / (1 + exp(-(V + 18) / 10))
    alpha_n = 0.2 * linoid((V + 45.7) / 10)
    beta_n = 0.25 * exp(-(V + 55.7) / 80)
    a_inf = (0.0761 * exp(0.0314 * (V + 94.22)) / (1 + exp(0.0346 * (V + 1.17)))) ** (1.0 / 3.0)
    tau_a = 0.3632 + 1.158 / (1 + exp(0.0497 * (V + 55.96)))
    alpha_a = a_inf / tau_a
    beta_a = (1 - a_inf) / tau_a
    root = 1 + exp(0.0688 * (V + 53.3))
    b_inf = 1 / (root * root * root * root)
    tau_b = 1.24 + 2.678 / (1 + exp(0.0624 * (V + 50)))
    alpha_b = b_inf / tau_b
    beta_b = (1 - b_inf) / tau_b
    I_leak = 0.3 * (V + 17)
    I_Na = 120 * m * m * m * h * (V - 55)
    I_K = 20 * n * n * n * n * (V + 72)
    I_A = 47.7 * a * a * a * b * (V + 75)
"""
WANG_BUZSAKI = """
    alpha_m = linoid((V + 35) / 10)
    m_inf = alpha_m / (alpha_m + 4 * exp(-(V + 60) / 18))
    alpha_h = 0.35 * exp(-(V + 58) / 20)
    beta_h = 5 / (1 + exp(-(V + 28) / 10))
    alpha_n = 0.5 * linoid((V + 34) / 10)
    beta_n = 0.625 * exp(-(V + 44) / 80)
    I_leak = 0.1 * (V + 65)
    I_Na = 35 * m_inf * m_inf * m_inf * h * (V - 55)
    I_K = 9 * n * n * n * n * (V + 90)
"""
H_CURRENT = """
    alpha_x = 0.01 / (1 + exp((V + 80) / 10))
    beta_x = 0.01 - alpha_x
    I_H = 0.02 * x * (V + 40)
"""
PRINZ = """
    m_Na_inf = 1 / (1 + exp(-(V + 25.5) / 5.29))
    m_Na_tau = 2.64 - 2.52 / (1 + exp(-(V + 120) / 25))
    h_Na_inf = 1 / (1 + exp((V + 48.9) / 5.18))
    h_Na_tau = 1.34 / (1 + exp(-(V + 62.9) / 10)) * (1.5 + 1 / (1 + exp((V + 34.9) / 3.6)))
    m_CaT_inf = 1 / (1 + exp(-(V + 27.1) / 7.2))
    m_CaT_tau = 43.4 - 42.6 / (1 + exp(-(V + 68.1) / 20.5))
    h_CaT_inf = 1 / (1 + exp((V + 32.1) / 5.5))
    h_CaT_tau = 210 - 179.6 / (1 + exp(-(V + 55) / 16.9))
    m_CaS_inf = 1 / (1 + exp(-(V + 33) / 8.1))
    m_CaS_tau = 2.8 + 14 / (exp((V + 27) / 10) + exp(-(V + 70) / 13))
    h_CaS_inf = 1 / (1 + exp((V + 60) / 6.2))
    h_CaS_tau = 120 + 300 / (exp((V + 55) / 9) + exp(-(V + 65) / 16))
    m_A_inf = 1 / (1 + exp(-(V + 27.2) / 8.7))
    m_A_tau = 23.2 - 20.8 / (1 + exp(-(V + 32.9) / 15.2))
    h_A_inf = 1 / (1 + exp((V + 56.9) / 4.9))
    h_A_tau = 77.2 - 58.4 / (1 + exp(-(V + 38.9) / 26.5))
    m_KCa_inf = Ca / (Ca + 0.003) / (1 + exp(-(V + 28.3) / 12.6))
    m_KCa_tau = 180.6 - 150.2 / (1 + exp(-(V + 46) / 22.7))
    m_Kd_inf = 1 / (1 + exp(-(V + 12.3) / 11.8))
    m_Kd_tau = 14.4 - 12.8 / (1 + exp(-(V + 28.3) / 19.2))
    m_H_inf = 1 / (1 + exp((V + 75) / 5.5))
    m_H_tau = 2 / (exp(-(V + 169.7) / 11.6) + exp((V - 26.7) / 14.3))
    E_Ca = 12.199915281921312 * log(3 / Ca)
    I_leak = 0 * (V + 50)
    I_Na = 400 * m_Na * m_Na * m_Na * h_Na * (V - 50)
    I_CaT = 2.5 * m_CaT * m_CaT * m_CaT * h_CaT * (V - E_Ca)
    I_CaS = 6 * m_CaS * m_CaS * m_CaS * h_CaS * (V - E_Ca)
    I_A = 50 * m_A * m_A * m_A * h_A * (V + 80)
    I_KCa = 10 * m_KCa * m_KCa * m_KCa * m_KCa * (V + 80)
    I_Kd = 100 * m_Kd * m_Kd * m_Kd * m_Kd * (V + 80)
    I_H = 0.01 * m_H * (V + 20)
    Ca_slope = 4.69744e-05 * rectified(-(I_CaT + I_CaS)) + (5e-05 - Ca) / 200
"""
TEXTS = {
    "wang_buzsaki": WANG_BUZSAKI,
    "connor_stevens": CONNOR_STEVENS,
    "pospischil_ib": TRAUB + M_AND_L,
    "nine_gates": CONNOR_STEVENS + M_AND_L + H_CURRENT,
    "prinz": PRINZ,
}
"""V is in mV, rates in 1/ms, times in ms, currents in µA/cm², calcium in mM.

Gates have alpha and beta, or inf and tau. E_Ca is R T / (2 F) ln(3 / Ca) at 10 °C.
"""


class Equations:
    """A neuron's text, taken apart."""

    def __init__(self, neuron: str) -> None:
        self.current, self.V = PROTOCOLS[neuron]
        self.lines = [line.strip() for line in TEXTS[neuron].splitlines() if line.strip()]
        names = [line.split(" = ")[0] for line in self.lines]
        self.currents = [name for name in names if name.startswith("I_")]
        self.rate_lines = [line for line in self.lines if not line.startswith(("I_", "Ca_"))]
        self.rate_names = [line.split(" = ")[0] for line in self.rate_lines]
        self.current_lines = [line for line in self.lines if line.startswith("I_")]
        self.sum = " + ".join(self.currents)
        self.slopes = {}
        for name in names:
            if name.startswith("beta_"):
                gate = name.removeprefix("beta_")
                self.slopes[gate] = f"alpha_{gate} * (1 - {gate}) - beta_{gate} * {gate}"
            elif name.endswith("_tau"):
                gate = name.removesuffix("_tau")
                self.slopes[gate] = f"({gate}_inf - {gate}) / {gate}_tau"
        self.gates = list(self.slopes)
        self.states = list(self.slopes)
        if "Ca_slope" in names:
            self.slopes["Ca"] = "Ca_slope"
            self.states.append("Ca")

    def values(self, lines: list[str], **known: Any) -> dict[str, Any]:
        """Return what the lines compute."""
        exec("\n".join(lines), known)
        return known

    def start(self) -> dict[str, float]:
        """Return V, and the gates and calcium, steady at it."""
        if "Ca" not in self.states:
            return {"V": self.V, **self._steady_gates()}
        low, high = 1e-9, 1e3
        for _ in range(200):  # calcium is steady where its slope, which falls with it, is 0
            Ca = math.sqrt(low * high)
            known = FUNCTIONS | {"V": self.V, "Ca": Ca} | self._steady_gates(Ca=Ca)
            rising = self.values(self.lines, **known)["Ca_slope"] > 0
            low, high = (Ca, high) if rising else (low, Ca)
        return {"V": self.V, **self._steady_gates(Ca=Ca), "Ca": Ca}

    def _steady_gates(self, **known: float) -> dict[str, float]:
        rates = self.values(self.rate_lines, V=self.V, **known, **FUNCTIONS)
        return {
            g: rates[f"{g}_inf"]
            if f"{g}_inf" in rates and f"{g}_tau" in rates
            else rates[f"alpha_{g}"] / (rates[f"alpha_{g}"] + rates[f"beta_{g}"])
            for g in self.gates
        }


def linoid(x: float) -> float:
    """Return x / (1 - exp(-x))."""
    return x / (1 - exp(-x)) if x != 0 else 1.0


def rectified(x: float) -> float:
    """Return x, or 0 where it is below."""
    return x if x > 0 else 0.0


FUNCTIONS = {"exp": exp, "log": math.log, "linoid": linoid, "rectified": rectified}

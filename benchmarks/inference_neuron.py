"""A cortical neuron of nine gates and seven currents, as inference fits it to recordings.

It is of the kind that Bernaerts and others fitted by 20 million simulations: leak, sodium,
potassium, M and L current of Pospischil and others (2008), the first three after Traub; a potassium
current of Kv3 channels and a second, transient sodium current as in Hay and others (2011). The
functions of V are NumPy's; numba compiles them as they are.

    Y. Bernaerts et al., bioRxiv 2023.03.02.530774
    M. Pospischil et al., Biol. Cybern. 99, 427-441 (2008)
    J. Rettig et al., EMBO J. 11, 2473-2486 (1992): Kv3
    C. M. Colbert & E. Pan, Nat. Neurosci. 5, 533-538 (2002): transient sodium
    E. Hay et al., PLoS Comput. Biol. 7, e1002107 (2011): both as formulas, at 34 °C

Mind that the files of Hay and others move the transient sodium of Colbert and Pan by 6 mV.
"""

from typing import Any

import numpy as np

DT = 0.04  # ms
STEPS = 30_000
START, STOP = 200.0, 1_000.0  # ms, of the current step
CURRENT = 4.0  # µA/cm²
NOISE_SD = 3.0  # µA/cm², of the value of each step
METHOD = "exponential_euler"
START_V = -75.0  # mV, gates steady

E_NA, E_K, E_L = 50.0, -100.0, 120.2547  # mV

SPEED_34 = 2.3 ** ((34 - 21) / 10)
"""Of the transient sodium's rates, which were measured at 21 °C."""


def linoid(x: Any) -> Any:
    return x / -np.expm1(-x)


def alpha_m(U: Any) -> Any:
    """Return a rate (1/ms) at U = V - V_T (mV), as those of the other gates of Traub."""
    return 1.28 * linoid((U - 13) / 4)


def beta_m(U: Any) -> Any:
    return 1.4 * linoid(-(U - 40) / 5)


def alpha_h(U: Any) -> Any:
    return 0.128 * np.exp(-(U - 17) / 18)


def beta_h(U: Any) -> Any:
    return 4 / (1 + np.exp(-(U - 40) / 5))


def alpha_n(U: Any) -> Any:
    return 0.16 * linoid((U - 15) / 5)


def beta_n(U: Any) -> Any:
    return 0.5 * np.exp(-(U - 10) / 40)


def inf_p(V: Any) -> Any:
    return 1 / (1 + np.exp(-(V + 35) / 10))


def tau_p(V: Any) -> Any:
    return 1000 / (3.3 * np.exp((V + 35) / 20) + np.exp(-(V + 35) / 20))


def alpha_q(V: Any) -> Any:
    return 0.209 * linoid((V + 27) / 3.8)


def beta_q(V: Any) -> Any:
    return 0.94 * np.exp(-(V + 75) / 17)


def alpha_r(V: Any) -> Any:
    return 0.000457 * np.exp(-(V + 13) / 50)


def beta_r(V: Any) -> Any:
    return 0.0065 / (1 + np.exp(-(V + 15) / 28))


def inf_z(V: Any) -> Any:
    return 1 / (1 + np.exp(-(V - 18.7) / 9.7))


def tau_z(V: Any) -> Any:
    return 4 / (1 + np.exp(-(V + 46.56) / 44.14))


def alpha_a(V: Any) -> Any:
    return 1.092 * linoid((V + 32) / 6)


def beta_a(V: Any) -> Any:
    return 0.744 * linoid(-(V + 32) / 6)


def alpha_b(V: Any) -> Any:
    return 0.09 * linoid(-(V + 60) / 6)


def beta_b(V: Any) -> Any:
    return 0.09 * linoid((V + 60) / 6)


RATES = (
    *(linoid, alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n, inf_p, tau_p),
    *(alpha_q, beta_q, alpha_r, beta_r, inf_z, tau_z, alpha_a, beta_a, alpha_b, beta_b),
)

PRIOR = {
    "Cm": (0.8, 1.6),  # µF/cm²
    "leak.g": (0.03, 0.15),  # mS/cm²
    "leak.E": (-85.0, -65.0),  # mV
    "Na.g": (20.0, 80.0),
    "Na.shift": (-62.0, -50.0),  # V_T
    "K.g": (1.0, 10.0),
    "K.shift": (-62.0, -50.0),
    "M.g": (0.0, 0.2),
    "L.g": (0.0, 0.05),
    "Kv3.g": (0.0, 20.0),
    "NaT.g": (0.0, 40.0),
    "Na.h.speed": (0.5, 2.0),
    "K.n.speed": (0.5, 2.0),
    "M.p.speed": (0.3, 3.0),
}
"""The 14 parameters and their ranges; the last three are kinetic."""


def neuron() -> Any:
    """Return the neuron as this package declares it."""
    from pyhh_fast import Channel, Gate, Neuron

    m, h = Gate(alpha=alpha_m, beta=beta_m, power=3), Gate(alpha=alpha_h, beta=beta_h)
    n = Gate(alpha=alpha_n, beta=beta_n, power=4)
    q, r = Gate(alpha=alpha_q, beta=beta_q, power=2), Gate(alpha=alpha_r, beta=beta_r)
    a = Gate(alpha=alpha_a, beta=beta_a, power=3, speed=SPEED_34)
    b = Gate(alpha=alpha_b, beta=beta_b, speed=SPEED_34)
    return Neuron(
        threshold=0,
        leak=Channel(0.1, E=-70),
        Na=Channel(50, E=E_NA, shift=-55, m=m, h=h),
        K=Channel(5, E=E_K, shift=-55, n=n),
        M=Channel(0.07, E=E_K, p=Gate(inf=inf_p, tau=tau_p)),
        L=Channel(0.01, E=E_L, q=q, r=r),
        Kv3=Channel(5, E=E_K, z=Gate(inf=inf_z, tau=tau_z)),
        NaT=Channel(10, E=E_NA, a=a, b=b),
    )


def stimulus() -> Any:
    """Return the current: a step, and noise of each cell's own all the time."""
    from pyhh_fast import stimuli

    return stimuli.step(CURRENT, START, STOP) + stimuli.white_noise(NOISE_SD, seed=0)


def features() -> dict[str, Any]:
    """Return the 23 features."""
    from pyhh_fast import features as f

    window, rest = (START, STOP), (START - 100, START)
    chosen: dict[str, Any] = {
        "rest": f.mean_voltage(*rest),
        "sd at rest": f.voltage_sd(*rest),
        "count": f.spike_count(*window),
        "latency": f.time_to_first_spike(*window),
        "frequency": f.mean_frequency(*window),
        "ISI": f.mean_ISI(*window),
        "ISI CV": f.ISI_CV(*window),
        "adaptation": f.adaptation_index2(*window),
        "mean": f.mean_voltage(*window),
        "sd": f.voltage_sd(*window),
        "skewness": f.voltage_skewness(*window),
    }
    shapes = {
        "threshold": f.AP_begin_voltage,
        "amplitude": f.AP_amplitude,
        "width": f.AP_duration_half_width,
        "AHP": f.AHP_depth_abs,
    }
    for name, feature in shapes.items():
        chosen[f"first {name}"] = feature(*window, spike=0)
        chosen[f"third {name}"] = feature(*window, spike=2)
        chosen[f"mean {name}"] = feature(*window)
    return chosen


def drawn(size: int, seed: int) -> Any:
    """Return parameters drawn from their ranges, shape (size, 14)."""
    low, high = np.array(list(PRIOR.values())).T
    return np.random.default_rng(seed).uniform(low, high, (size, len(PRIOR)))

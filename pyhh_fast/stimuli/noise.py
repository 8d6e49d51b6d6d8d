"""The random stimuli of :mod:`pyhh_fast.stimuli`."""

from pyhh_fast import validation
from pyhh_fast.stimuli import kinds
from pyhh_fast.stimuli.base import Stimulus


def ornstein_uhlenbeck(mean: float, sd: float, tau: float, seed: int) -> Stimulus:
    """Return noise that fluctuates around a mean and forgets with a time constant.

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

    Returns
    -------
    Stimulus

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
    return kinds.OrnsteinUhlenbeck(
        validation.real_number("mean", mean, unit="µA/cm²"),
        validation.at_least("sd", sd, 0, unit="µA/cm²"),
        validation.real_number("tau", tau, unit="ms", positive=True),
        validation.index("seed", seed, 2**64),
    )


def poisson_epsc(rate: float, amplitude: float, tau: float, seed: int) -> Stimulus:
    """Return synaptic currents at random times: shot noise.

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

    Returns
    -------
    Stimulus

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
    return kinds.PoissonEpsc(
        validation.at_least("rate", rate, 0, unit="Hz"),
        validation.real_number("amplitude", amplitude, unit="µA/cm²"),
        validation.real_number("tau", tau, unit="ms", positive=True),
        validation.index("seed", seed, 2**64),
    )

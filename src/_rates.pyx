"""The six rates of Hodgkin & Huxley (1952) as the kernels compute them."""

from hodgkin_huxley cimport PYHH_FAST_SOURCES, hh_rates, hh_rates_at

SOURCES = PYHH_FAST_SOURCES.decode("ascii")


def rates_at(const double[::1] V, hh_rates[::1] rates):
    """Fill `rates` with alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n (1/ms) at each V (mV).

    Parameters
    ----------
    V : array of float64, shape (n,), mV
    rates : structured array, shape (n,)
        Output; six float64 fields of those names, in that order.
    """
    cdef Py_ssize_t i
    if rates.shape[0] != V.shape[0]:
        raise ValueError("rates and V must have one length")
    with nogil:
        for i in range(V.shape[0]):
            rates[i] = hh_rates_at(V[i])

# The C headers of this folder, declared for the kernels.

from libc.stdint cimport int64_t


cdef extern from "hh_equations.h" nogil:
    ctypedef struct hh_parameters:
        double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L

    ctypedef struct hh_rates:
        double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n

    hh_rates hh_rates_at(double V)


cdef extern from "hh_euler.h" nogil:
    ctypedef struct hh_cell:
        double V, m, h, n
        double I_Na, I_K, I_L
        double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n
        int64_t step

    hh_cell hh_euler_step(hh_cell c, const hh_parameters *p, double I, double dt)
    bint hh_is_finite(const hh_cell *c)


cdef extern from *:
    """
    #include <assert.h>
    """
    const char *PYHH_FAST_SOURCES
    void c_assert "assert" (bint condition) nogil

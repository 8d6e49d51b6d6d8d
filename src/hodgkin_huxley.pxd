# The C headers of this folder, declared for the kernels.

from libc.stdint cimport int64_t


cdef extern from "hh_equations.h" nogil:
    ctypedef struct hh_parameters:
        double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L

    ctypedef struct hh_rates:
        double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n

    ctypedef struct hh_currents:
        double I_Na, I_K, I_L

    hh_rates hh_rates_at(double V)

    ctypedef struct lanes:
        pass

    double lane_m(lanes x)
    double lane_h(lanes x)
    double lane_n(lanes x)


cdef extern from "rate_table.h" nogil:
    const double *rate_table_nodes
    const int RATE_TABLE_POWERS
    const int RATE_TABLE_LANES

    ctypedef struct rate_table_place:
        int64_t k
        double r

    ctypedef struct gate_rates:
        lanes alpha, beta

    void rate_table_fit_row(const double *values, double *coefficients)
    rate_table_place rate_table_find(double V, double inverse_width)
    gate_rates rate_table_at(const double *row, double r)


cdef extern from "hh_euler.h" nogil:
    ctypedef struct hh_cell:
        double V, m, h, n
        double I_Na, I_K, I_L
        double V_before
        int64_t step

    ctypedef struct hh_neuron:
        double V
        lanes x
        hh_currents i

    hh_neuron hh_neuron_of(const hh_cell *c)
    hh_neuron hh_euler_step(hh_neuron c, const hh_parameters *p, double dt_over_C_m,
                            const double *row, double r, double I)
    bint hh_gates_are_finite(lanes x)


cdef extern from *:
    """
    #include <assert.h>
    """
    const char *PYHH_FAST_SOURCES
    void c_assert "assert" (bint condition) nogil

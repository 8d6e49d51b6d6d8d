# The C headers of the equations and the rate tables, declared for the kernels; those of the time
# loops are in time_loops.pxd.

from libc.stdint cimport int64_t, uint64_t


cdef extern from "hodgkin_huxley.h" nogil:
    ctypedef struct hh_parameters:
        double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L

    ctypedef struct hh_rates:
        double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n

    ctypedef struct hh_currents:
        double I_Na, I_K, I_L

    hh_rates hh_rates_at(double V)
    hh_currents hh_currents_in_order(const hh_parameters *p, double V, double m, double h, double n)
    double hh_dVdt_in_order(const hh_parameters *p, double V, double m, double h, double n)


cdef extern from "rate_table.h" nogil:
    const double *rate_table_nodes
    const int RATE_TABLE_POWERS
    const int RATE_TABLE_LANES
    const int RATE_SOURCE_LINE

    ctypedef struct rate_table_position:
        Py_ssize_t row
        double r

    ctypedef struct pool_table:
        const double *rows
        uint64_t first, count, bits

    ctypedef struct rate_source:
        const double *rows
        double first
        int64_t count
        double inverse_width, low, high
        const double *evaluated
        int64_t evaluated_lines, extendable
        pool_table *pools

    void rate_table_fit_row(const double *values, double *coefficients)
    rate_table_position rate_table_find(double V, double inverse_width, double first)
    double rate_table_plain(const double *row, int lane, double r)


cdef extern from "root_search.h" nogil:
    ctypedef struct root_search:
        double at

    bint root_search_begin(root_search *s, double low, double high, double f_low, double f_high)
    bint root_search_next(root_search *s, double f)


cdef extern from "hh_math.h" nogil:
    void exponential_rates(double *alpha_dt, double *alpha_plus_beta_dt)


cdef extern from *:
    """
    #include <assert.h>
    """
    const char *PYHH_FAST_SOURCES
    void c_assert "assert" (bint condition) nogil

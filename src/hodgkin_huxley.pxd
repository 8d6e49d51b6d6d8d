# The C headers of this folder, declared for the kernels.

from libc.stdint cimport int64_t


cdef extern from "lanes.h" nogil:
    ctypedef struct lanes:
        pass

    lanes lanes_of(double m, double h, double n)
    lanes lanes_with_V(lanes a, double V)
    double lane_m(lanes a)
    double lane_h(lanes a)
    double lane_n(lanes a)
    double lane_V(lanes a)


cdef extern from "hh_equations.h" nogil:
    ctypedef struct hh_parameters:
        double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L

    ctypedef struct hh_rates:
        double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n

    ctypedef struct hh_currents:
        double I_Na, I_K, I_L

    ctypedef struct hh_open:
        pass

    ctypedef struct hh_membrane:
        double per_C_m

    ctypedef struct hh_state:
        double V
        lanes x

    hh_rates hh_rates_at(double V)
    hh_open hh_open_at(lanes x)
    hh_currents hh_currents_at(const hh_parameters *p, double V, hh_open open)
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

    ctypedef struct rate_source:
        const double *rows
        double first
        int64_t count
        double inverse_width, low, high
        const double *evaluated
        int64_t evaluated_lines

    void rate_table_fit_row(const double *values, double *coefficients)
    rate_table_position rate_table_find(double V, double inverse_width, double first)
    double rate_table_plain(const double *row, int lane, double r)


cdef extern from "root_search.h" nogil:
    ctypedef struct root_search:
        double at

    bint root_search_begin(root_search *s, double low, double high, double f_low, double f_high)
    bint root_search_next(root_search *s, double f)


cdef extern from "hh_cell.h" nogil:
    ctypedef struct hh_point:
        double V, m, h, n

    hh_neuron hh_neuron_at(hh_point y)

    ctypedef struct hh_cell:
        double V, m, h, n
        double I_Na, I_K, I_L
        double V_before
        int64_t step, spikes

    ctypedef struct hh_neuron:
        hh_state y
        hh_currents i

    hh_neuron hh_neuron_of(const hh_cell *c)
    bint hh_is_finite(hh_state y)


cdef extern from "fixed_step.h" nogil:
    ctypedef enum hh_method:
        HH_EULER
        HH_EXPONENTIAL_EULER
        HH_RK4

    void hh_exponential_rates(double *alpha_dt, double *alpha_plus_beta_dt)
    bint hh_step(hh_method method, hh_neuron now, const hh_parameters *p, double dt_over_C_m,
                 const rate_source *rates_dt, double I, hh_neuron *after)
    double hh_crossing(hh_method method, hh_neuron before, hh_neuron after,
                       const hh_parameters *p, double dt_over_C_m, double I, double level)


cdef extern from "hh_block.h" nogil:
    const int HH_BLOCK
    const int HH_ROWS
    const int HH_SPIKE
    const int HH_NEEDS_EXACT_RATES

    ctypedef struct hh_block_state:
        double *V
        double *m
        double *h
        double *n

    ctypedef struct hh_block_membranes:
        pass

    ctypedef struct hh_block:
        hh_block_state states[2]
        hh_block_membranes membranes
        double I[8][128]
        double traces[7][128][8]
        int64_t *flags
        int64_t cells
        char *inactive

    hh_point hh_block_point(const hh_block_state *s, int64_t c)
    void hh_block_put(hh_block_state *s, int64_t c, hh_point y)
    hh_membrane hh_block_membrane(const hh_block_membranes *membranes, int64_t c)
    void hh_block_deactivate(hh_block *b, hh_block_state *s, int64_t c)
    void hh_block_activate(hh_block *b, int64_t c, hh_point y, const hh_parameters *p, double dt)
    void hh_block_pad(hh_block *b, int64_t cells)
    int64_t hh_block_step(hh_method method, hh_block *b, int now, int row, double dt,
                          double threshold)
    hh_point hh_step_with_exact_rates(hh_method method, hh_point now, hh_membrane membrane,
                                      double I, double dt)
    void hh_exponential_line(double V, double dt, double *line)


cdef extern from "adaptive.h" nogil:
    const double ADAPTIVE_FIRST_STEP
    const double ADAPTIVE_SMALLEST_STEP
    const int64_t ADAPTIVE_MAX_ATTEMPTS_PER_MS
    const double ADAPTIVE_MAX_EXCURSION
    const int DOP853_INTERPOLANT
    const int CROSSINGS_MAX

    ctypedef struct adaptive_run:
        double V, m, h, n
        double elapsed, step_size, log_err_before, ms_remaining
        int64_t begin, end, attempts, rejected, at_row

    ctypedef struct hh_cell_model:
        hh_parameters p
        double per_C_m
        rate_source rates
        double I

    ctypedef struct dop853_tolerance:
        double rtol, atol

    ctypedef struct dop853_step:
        hh_state y, after
        double h
        hh_state k[16]

    bint dop853_slope(const hh_cell_model *m, hh_state y, hh_state *slope)
    bint dop853_attempt(dop853_step *s, const hh_cell_model *m, dop853_tolerance t,
                        double *error, double *missing_V)
    void dop853_interpolate(dop853_step *s)
    lanes dop853_between(const dop853_step *s, double theta)
    bint dop853_may_cross(const dop853_step *s, dop853_tolerance t, double level)
    void dop853_bernstein(const dop853_step *s, double level, double *b)
    int crossings_upward(const double *b, int degree, double *at)
    double step_control_log2(double a)
    int64_t adaptive_segment_end(const double *I, int64_t begin, int64_t end)
    void adaptive_accept(adaptive_run *run, double h, double log_err, bint cut)
    void adaptive_reject(adaptive_run *run, double h, double log_err)


cdef extern from *:
    """
    #include <assert.h>
    """
    const char *PYHH_FAST_SOURCES
    void c_assert "assert" (bint condition) nogil

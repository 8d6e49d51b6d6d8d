# The C headers of the time loops, declared for loops.pxi.

from libc.stdint cimport int32_t, int64_t

from hodgkin_huxley cimport hh_parameters, rate_source


cdef extern from "hh_cell.h" nogil:
    ctypedef struct hh_point:
        double V, m, h, n

    ctypedef struct hh_cell:
        double V, m, h, n
        double I_Na, I_K, I_L
        double V_before
        int64_t step, spikes

    ctypedef struct hh_state:
        double V

    ctypedef struct hh_neuron:
        hh_state y

    hh_neuron hh_neuron_of(const hh_cell *c)
    void hh_cell_put(hh_cell *c, const hh_neuron *neuron)
    bint hh_is_finite(hh_state y)


cdef extern from "outputs.h" nogil:
    const int HH_VARIABLES

    ctypedef enum ending:
        LOOP_DONE
        LOOP_NOT_FINITE
        LOOP_RATES_MISSING
        LOOP_SPIKES_FULL

    ctypedef struct output_buffer:
        char *data
        int64_t stride

    ctypedef struct output_buffers:
        output_buffer *of

    ctypedef struct input_buffer:
        const char *data
        int64_t stride, count

    ctypedef struct spike_buffer:
        double *times
        int64_t capacity

    void hh_write(const output_buffers *out, int64_t i, const hh_neuron *neuron)


cdef extern from "fixed_step.h" nogil:
    ctypedef struct fixed_step_settings:
        int64_t method
        double dt, threshold

    ctypedef enum hh_method:
        HH_EULER
        HH_EXPONENTIAL_EULER
        HH_RK4

    bint hh_step(hh_method method, hh_neuron now, const hh_parameters *p, double dt_over_C_m,
                 const rate_source *rates_dt, double I, hh_neuron *after)
    double hh_crossing(hh_method method, hh_neuron before, hh_neuron after, const hh_parameters *p,
                       double dt_over_C_m, double I, double level)


cdef extern from "adaptive.h" nogil:
    const double ADAPTIVE_SMALLEST_STEP
    const int64_t ADAPTIVE_MAX_ATTEMPTS_PER_MS

    ctypedef struct adaptive_settings:
        double dt, rtol, atol, threshold
        int64_t restart_every, max_attempts

    ctypedef struct adaptive_run:
        double V, m, h, n
        double elapsed, step_size, log_err_before, ms_remaining
        int64_t window, begin, end, attempts, rejected, last_row

    ending adaptive_solve(hh_cell *cell, adaptive_run *progress, hh_parameters p,
                          rate_source rates, const adaptive_settings *given, input_buffer I,
                          int64_t stop, spike_buffer spikes, bint every_row, output_buffers out,
                          double *missing_V)


cdef extern from "population.h" nogil:
    const int HH_BLOCK

    ctypedef struct population_settings:
        int64_t method, built_in, block_size
        double dt, threshold, largest_V

    ctypedef struct population_cells:
        const hh_parameters *parameters
        const hh_point *before
        hh_point *after
        int64_t *diverged_at

    ctypedef struct population_stimulus:
        const char *data
        int64_t cell_stride, step_stride, steps

    ctypedef struct population_samples:
        const int64_t *cells
        const int64_t *rows
        const int64_t *variables
        int64_t cell_count, variable_count, every, sample_count
        double *traces

    ctypedef packed struct population_spike:
        int32_t cell
        double time

    ctypedef struct population_spikes:
        population_spike *list
        int64_t count, capacity

    ending population_run(const population_settings *settings, const population_cells *cells,
                          rate_source rates, const population_stimulus *stimulus, int64_t step,
                          int64_t first_cell, int64_t last_cell, population_spikes *spikes,
                          const population_samples *samples, double *missing_V)

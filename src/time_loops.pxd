# The C headers of the time loops, declared for loops.pxi and the files that it includes.

from libc.stdint cimport int32_t, int64_t

from hodgkin_huxley cimport hh_parameters, rate_source


cdef extern from "membrane.h" nogil:
    const int MEMBRANE_VECTORS, MEMBRANE_GATES, MEMBRANE_CHANNELS, MEMBRANE_FACTORS
    const int MEMBRANE_LANES, MEMBRANE_POOLS

    ctypedef struct membrane_shape:
        int64_t vectors, gates, channels, rows, ungated, factors, shifted, instantaneous
        int64_t pools, nernst
        int64_t factor[8][16]
        int64_t lane_of_gate[16]
        int64_t channel_of_current[8]
        double shift[10]
        double at_inf[40]
        int64_t by_factor[4][8]
        int64_t lane_of_pool[2]
        int64_t feeders[2]
        int64_t feeder[2][8]
        int64_t factored[2]
        double is_factored[20]
        int64_t pool_of_E[8]
        double is_pool[2][40]
        double scale[40]

    ctypedef struct membrane_parameters:
        double C_m
        double g[8]
        double E[8]
        double slope[8]
        double rest[2]
        double tau[2]
        double gain[2]

    ctypedef struct drive:
        double I, G
        int64_t conducts

    ctypedef struct membrane_state:
        double V

    void membrane_prepare(membrane_shape *s)
    bint membrane_same_shape(const membrane_shape *a, const membrane_shape *b)
    bint membrane_is_finite(int vectors, const membrane_state *y)


cdef extern from "hodgkin_huxley.h" nogil:
    const membrane_shape hh_shape

    void hh_membrane(const hh_parameters *p, membrane_parameters *membrane)


cdef extern from "neuron.h" nogil:
    ctypedef struct neuron_record:
        double V
        double x[40]
        double I[8]
        double V_before
        int64_t step, spikes

    ctypedef struct neuron:
        membrane_state y
        double *I

    ctypedef struct neuron_model:
        bint currents

    neuron_model neuron_model_of(const membrane_shape *s, const membrane_parameters *p,
                                 const rate_source *rates, double dt, bint exponential)
    void neuron_load(int vectors, const membrane_shape *s, const neuron_record *start, neuron *to)
    void neuron_store(int vectors, const membrane_shape *s, const neuron *end, neuron_record *to)
    void neuron_copy(int vectors, const membrane_shape *s, const neuron_model *m,
                     const neuron *now, neuron *to)
    void state_copy(int vectors, const membrane_state *now, membrane_state *to)
    void neuron_currents(int vectors, const membrane_shape *s, const neuron_model *m,
                         const membrane_state *y, double *I)


cdef extern from "outputs.h" nogil:
    ctypedef enum ending:
        LOOP_DONE
        LOOP_NOT_FINITE
        LOOP_RATES_MISSING
        LOOP_SPIKES_FULL
        LOOP_PAUSED
        LOOP_STEP_TOO_SMALL
        LOOP_TOO_MANY_STEPS

    ctypedef struct output_buffer:
        char *data
        int64_t stride

    ctypedef struct output_buffers:
        output_buffer *of
        int64_t count
        int64_t *recorded
        bint currents

    ctypedef struct input_buffer:
        const char *data
        int64_t stride, count

    void neuron_write(int vectors, const membrane_shape *s, const neuron *now, int64_t i,
                      const output_buffers *out)


cdef extern from "fixed_step.h" nogil:
    ctypedef struct fixed_step_settings:
        int64_t method
        double dt, threshold

    ctypedef enum fixed_method:
        METHOD_EULER
        METHOD_EXPONENTIAL_EULER
        METHOD_RK4

    bint fixed_step_make(fixed_method method, int vectors, const membrane_shape *s,
                         const neuron_model *m, const neuron *now, const drive *put,
                         neuron *after)
    double fixed_step_crossing(fixed_method method, int vectors, const membrane_shape *s,
                               const neuron_model *m, const neuron *before, const neuron *after,
                               const drive *put, double level)


cdef extern from "crossings.h" nogil:
    const int CROSSINGS_MAX


cdef extern from "adaptive.h" nogil:
    const double ADAPTIVE_SMALLEST_STEP
    const int64_t ADAPTIVE_MAX_ATTEMPTS_PER_MS, ADAPTIVE_ROWS_PER_ATTEMPT

    ctypedef enum last_row:
        LAST_ROW_SKIPPED
        LAST_ROW_STATE
        LAST_ROW_WHOLE

    ctypedef struct adaptive_settings:
        double dt, rtol, atol, threshold
        int64_t restart_every, max_attempts

    ctypedef struct adaptive_run:
        double V
        double x[40]
        double elapsed, step_size, log_err_before, ms_remaining
        int64_t window, begin, end, attempts, rejected, last_row

    ctypedef struct dop853_tolerance:
        pass

    ctypedef struct dop853_step:
        double h

    ctypedef struct adaptive_solver:
        adaptive_run run
        drive put "in"
        dop853_step step
        int64_t rows
        bint every_row

    dop853_tolerance adaptive_tolerance(const adaptive_settings *settings)
    void adaptive_load(int vectors, const membrane_shape *shape, const neuron_model *model,
                       const adaptive_settings *settings, const neuron_record *record,
                       const adaptive_run *run, adaptive_solver *s)
    void adaptive_store(int vectors, const membrane_shape *shape, const adaptive_solver *s,
                        int64_t spikes, neuron_record *record, adaptive_run *run)
    void adaptive_read_drive(adaptive_solver *s, input_buffer I, input_buffer G, int64_t row)
    void adaptive_begin_segment(adaptive_solver *s, input_buffer I, input_buffer G)
    bint adaptive_begin_slope(int vectors, const membrane_shape *shape, adaptive_solver *s,
                              double *missing_V)
    bint adaptive_attempt(int vectors, const membrane_shape *shape, adaptive_solver *s,
                          int *accepted, double *log_err, double *missing_V)
    void adaptive_accept(adaptive_run *run, double h, double log_err, bint cut)
    void adaptive_reject(adaptive_run *run, double h, double log_err)
    int64_t adaptive_rows_passed(const adaptive_solver *s, double after, bint cut)
    int64_t adaptive_find_spikes(const adaptive_solver *s, double *times)
    void adaptive_compute_rows(int vectors, const membrane_shape *shape, adaptive_solver *s,
                               int64_t last, int64_t first_row, const output_buffers *out)
    void adaptive_advance(int vectors, adaptive_solver *s)
    bint dop853_may_cross(const dop853_step *s, dop853_tolerance t, double level)
    void dop853_interpolate(int vectors, dop853_step *s)


cdef extern from "cells_step.h" nogil:
    ctypedef struct cells_shape:
        pass

    cells_shape cells_shape_of(const membrane_shape *s, const int64_t *has_speed)
    bint cells_are_of_hodgkin_huxley(const cells_shape *s)


cdef extern from "population.h" nogil:
    const int HH_BLOCK, POPULATION_ROWS

    ctypedef struct population_settings:
        int64_t method, built_in, block_size
        double dt, threshold, largest_V

    ctypedef struct population_cells:
        input_buffer C_m
        input_buffer g[8]
        input_buffer E[8]
        input_buffer slope[8]
        input_buffer rest[2]
        input_buffer tau[2]
        input_buffer gain[2]
        input_buffer shift[10]
        input_buffer speed[16]
        input_buffer before[17]
        output_buffer after[17]
        int64_t *diverged_at

    ctypedef struct population_values:
        const char *data
        int64_t cell_stride, step_stride, steps

    ctypedef struct population_stimulus:
        population_values I, G

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

    ctypedef struct population_block:
        pass

    ctypedef struct population_call:
        const population_settings *settings
        const population_cells *cells
        const population_stimulus *stimulus
        const population_samples *samples
        population_spikes *spikes
        const void *features
        const membrane_shape *shape
        cells_shape cells_shape
        bint hodgkin_huxley
        rate_source rates
        int64_t step, first_cell, first, past
        double *missing_V
        population_block *block
        int now

    int64_t population_recorded_before(const population_samples *samples, int64_t cell)
    void population_begin_block(population_call *call, int64_t cell, int64_t count)
    void population_load_stimulus(population_call *call, int64_t i)
    ending population_step(population_call *call, int row, int64_t step)
    void population_record(population_call *call, int sample)
    void population_write(const population_call *call, int64_t first_sample, int count)
    void population_store_cells(population_call *call, bint whole)

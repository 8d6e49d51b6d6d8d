# The time loops, compiled once for each instruction set by the modules that include this file.
#
# Design
# ------
# The loops stand in the three files included below, one step of each method in a C header, the
# equations in hh_equations.h, the rates in a table (rate_table.h). Nothing in a loop allocates,
# takes the GIL or touches a Python object. The caller has checked every argument and calls again
# and again, so that Python can answer Ctrl-C in between: all that a run carries from one call to
# the next is in structs, written once when a loop ends, and so is never torn. Where the rates at
# some V are not known, or the room for spikes is full, a loop stops before the step that wants
# them, and the caller comes back with more. They round to nearest, whatever the process does.

from libc.math cimport fabs, floor, fmax, fmin, INFINITY, isfinite, NAN
from libc.stdint cimport int32_t, int64_t

from hodgkin_huxley cimport (
    adaptive_accept, ADAPTIVE_FIRST_STEP, ADAPTIVE_MAX_ATTEMPTS_PER_MS, ADAPTIVE_MAX_EXCURSION,
    adaptive_reject,
    adaptive_run, ADAPTIVE_SMALLEST_STEP, adaptive_segment_end, c_assert, CROSSINGS_MAX,
    crossings_upward, dop853_attempt, dop853_bernstein, dop853_between, DOP853_INTERPOLANT,
    dop853_interpolate, dop853_may_cross, dop853_slope, dop853_step, dop853_tolerance, HH_BLOCK,
    hh_block, hh_block_membrane, hh_block_pad, hh_block_point, hh_block_put, hh_block_step,
    hh_block_activate, hh_block_deactivate, hh_cell, hh_cell_model, hh_crossing, hh_currents,
    hh_currents_at, HH_EXPONENTIAL_EULER, hh_exponential_line, hh_is_finite, hh_method, hh_neuron,
    hh_neuron_at, hh_neuron_of, HH_NEEDS_EXACT_RATES, hh_open_at, hh_parameters, hh_point, HH_ROWS,
    HH_SPIKE, hh_step, hh_step_with_exact_rates, lane_h, lane_m, lane_n, lane_V, lanes, lanes_of,
    lanes_with_V,
    PYHH_FAST_SOURCES, rate_source, RATE_SOURCE_LINE, RATE_TABLE_LANES,
    RATE_TABLE_POWERS, step_control_log2,
)
from pyhh_fast._cpu import rounded_to_nearest

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
BLOCK = HH_BLOCK
MAX_STEPS_PER_MS = ADAPTIVE_MAX_ATTEMPTS_PER_MS
SMALLEST_STEP = ADAPTIVE_SMALLEST_STEP


cpdef enum Ending:
    DONE
    NOT_FINITE      # the next step would give a number that is not finite
    RATES_MISSING    # at the V that `missing_V` holds
    SPIKES_FULL     # the next step has a spike for which there is no room
    PAUSED          # as many steps were tried as were evaluated for
    STEP_TOO_SMALL  # no step is short enough for the tolerances
    TOO_MANY_STEPS  # in a millisecond of model time


cdef inline rate_source rates_in(
    const double[:, :, ::1] rows,
    Py_ssize_t first,
    double inverse_width,
    double low,
    double high,
    const double[:, ::1] evaluated,
) noexcept nogil:
    cdef rate_source source
    c_assert(low >= first / inverse_width)
    c_assert(high <= (first + rows.shape[0] - 1) / inverse_width)
    c_assert(rows.shape[1] == RATE_TABLE_POWERS and rows.shape[2] == RATE_TABLE_LANES)
    c_assert(evaluated.shape[1] == RATE_SOURCE_LINE)
    source.rows, source.first, source.count = &rows[0, 0, 0], first, rows.shape[0]
    source.inverse_width, source.low, source.high = inverse_width, low, high
    source.evaluated, source.evaluated_lines = NULL, evaluated.shape[0]
    if evaluated.shape[0] > 0:
        source.evaluated = &evaluated[0, 0]
    return source


include "fixed_step.pxi"
include "adaptive.pxi"
include "population.pxi"

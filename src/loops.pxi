# The time loops, compiled once for each instruction set by the modules that include this file.
#
# Design
# ------
# One step of each method is in C, and so are the equations, in hh_equations.h. The loop over the
# steps of one cell is in fixed_step.pxi, over typed memoryviews; those of the adaptive method and
# of many cells are in adaptive.h and population.h, which get pointers. Nothing in a loop allocates,
# takes the GIL or touches a Python object, and there is no static state: calls with different
# outputs may run in different threads.
#
# A call takes some milliseconds, so that Python can answer Ctrl-C in between. All that a run
# carries from one call to the next is in structs, written once when a loop ends, and so is never
# torn. Where the table has no rates at some V, or there is no space for a spike, a loop stops
# before that step, and the caller calls again with more. Each function returns how the loop ended
# and the V at which rates are missing. Loops round to nearest, whatever the process does.

import cython
import numpy as np

from libc.stdint cimport int32_t, int64_t

from hodgkin_huxley cimport (
    c_assert, hh_parameters, PYHH_FAST_SOURCES, rate_source, RATE_SOURCE_LINE, RATE_TABLE_LANES,
    RATE_TABLE_POWERS,
)
from time_loops cimport (
    ADAPTIVE_MAX_ATTEMPTS_PER_MS, adaptive_run, adaptive_settings, ADAPTIVE_SMALLEST_STEP,
    adaptive_solve, ending, fixed_step_settings, HH_BLOCK, hh_cell, hh_cell_put, hh_crossing,
    HH_EULER, HH_EXPONENTIAL_EULER, hh_is_finite, hh_method, hh_neuron, hh_neuron_of, hh_point,
    HH_RK4, hh_step, HH_VARIABLES, hh_write, input_buffer, LOOP_DONE, LOOP_NOT_FINITE,
    LOOP_RATES_MISSING, LOOP_SPIKES_FULL, output_buffers, population_cells, population_run,
    population_samples, population_settings, population_spike, population_spikes,
    population_stimulus, spike_buffer,
)
from pyhh_fast._cpu import rounded_to_nearest

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
BLOCK = HH_BLOCK
MAX_STEPS_PER_MS = ADAPTIVE_MAX_ATTEMPTS_PER_MS
SMALLEST_STEP = ADAPTIVE_SMALLEST_STEP


cdef extern from "fixed_step.h" nogil:
    cpdef enum Method "hh_method":
        euler "HH_EULER"
        exponential_euler "HH_EXPONENTIAL_EULER"
        rk4 "HH_RK4"


cdef extern from "outputs.h" nogil:
    cpdef enum Variable "hh_variable":
        V "HH_V"
        m "HH_M"
        h "HH_H"
        n "HH_N"
        I_Na "HH_I_NA"
        I_K "HH_I_K"
        I_L "HH_I_L"

    cpdef enum Ending "ending":
        DONE "LOOP_DONE"
        NOT_FINITE "LOOP_NOT_FINITE"
        RATES_MISSING "LOOP_RATES_MISSING"
        SPIKES_FULL "LOOP_SPIKES_FULL"
        PAUSED "LOOP_PAUSED"
        STEP_TOO_SMALL "LOOP_STEP_TOO_SMALL"
        TOO_MANY_STEPS "LOOP_TOO_MANY_STEPS"


cdef extern from "adaptive.h" nogil:
    cpdef enum LastRow "last_row":
        SKIPPED "LAST_ROW_SKIPPED"
        STATE "LAST_ROW_STATE"
        WHOLE "LAST_ROW_WHOLE"


# The structs that callers fill, as dtypes: so that their fields are written down in C alone.
cdef hh_cell _cell
cdef hh_parameters _parameters
cdef hh_point _point
cdef fixed_step_settings _fixed_step_settings
cdef adaptive_settings _adaptive_settings
cdef adaptive_run _adaptive_run
cdef population_settings _population_settings
cdef population_spike _spike

CELL = np.asarray(<hh_cell[:1]>&_cell).dtype
PARAMETERS = np.asarray(<hh_parameters[:1]>&_parameters).dtype
POINT = np.asarray(<hh_point[:1]>&_point).dtype
FIXED_STEP_SETTINGS = np.asarray(<fixed_step_settings[:1]>&_fixed_step_settings).dtype
ADAPTIVE_SETTINGS = np.asarray(<adaptive_settings[:1]>&_adaptive_settings).dtype
ADAPTIVE_RUN = np.asarray(<adaptive_run[:1]>&_adaptive_run).dtype
POPULATION_SETTINGS = np.asarray(<population_settings[:1]>&_population_settings).dtype
SPIKE = np.asarray(<population_spike[:1]>&_spike).dtype


@cython.final
cdef class Rates:
    """The rates that a loop reads: rows of a table, and a list of single V and their rates.

    Parameters
    ----------
    rows : array, shape (rows, 6, 8)
        alpha and alpha + beta as the method needs them (rate_table.h).
    first : int
        Number k of the first row.
    inverse_width : float, 1/mV
    low, high : float, mV
        The rows are used between these two V, both excluded: at most to the middle of the outermost
        rows, so that rounding, in whichever direction, cannot leave the table.
    evaluated : array, shape (n, 9)
        V and rates, for V beyond the table.
    """

    cdef const double[:, :, ::1] _rows
    cdef const double[:, ::1] _evaluated
    cdef rate_source source

    def __cinit__(
        self,
        const double[:, :, ::1] rows,
        Py_ssize_t first,
        double inverse_width,
        double low,
        double high,
        const double[:, ::1] evaluated,
    ):
        c_assert(low >= first / inverse_width)
        c_assert(high <= (first + rows.shape[0] - 1) / inverse_width)
        c_assert(rows.shape[1] == RATE_TABLE_POWERS and rows.shape[2] == RATE_TABLE_LANES)
        c_assert(evaluated.shape[1] == RATE_SOURCE_LINE)
        self._rows, self._evaluated = rows, evaluated  # which keeps them alive
        self.source.rows, self.source.count = &rows[0, 0, 0], rows.shape[0]
        self.source.first, self.source.inverse_width = first, inverse_width
        self.source.low, self.source.high = low, high
        self.source.evaluated_lines = evaluated.shape[0]
        self.source.evaluated = &evaluated[0, 0] if evaluated.shape[0] > 0 else NULL


cdef inline input_buffer input_from(const double[:] values) noexcept nogil:
    cdef input_buffer buffer
    buffer.data = <const char *>&values[0] if values.shape[0] > 0 else NULL
    buffer.stride, buffer.count = values.strides[0], values.shape[0]
    return buffer


cdef inline spike_buffer spikes_to(double[::1] times) noexcept nogil:
    cdef spike_buffer buffer
    buffer.times = &times[0] if times.shape[0] > 0 else NULL
    buffer.capacity = times.shape[0]
    return buffer


cdef inline int outputs_to(
    output_buffers *out, tuple outputs, Py_ssize_t rows, double *unused
) except -1:
    # Arrays for `rows` rows in the order of Variable; None for one that is not recorded.
    cdef double[:] values
    cdef int variable
    if outputs is not None and len(outputs) != HH_VARIABLES:
        raise ValueError("outputs must have an array or None for each variable")
    for variable in range(HH_VARIABLES):
        out.of[variable].data, out.of[variable].stride = <char *>unused, 0
        if outputs is not None and outputs[variable] is not None:
            values = outputs[variable]
            c_assert(values.shape[0] >= rows)
            if values.shape[0] > 0:
                out.of[variable].data = <char *>&values[0]
                out.of[variable].stride = values.strides[0]
    return 0


include "fixed_step.pxi"


@rounded_to_nearest
def adaptive(
    const adaptive_settings[::1] settings,  # IN     shape (1,)
    hh_cell[::1] cell,                      # INOUT  shape (1,): the state at the last row
    adaptive_run[::1] progress,             # INOUT  shape (1,): the state of the solver
    const hh_parameters[::1] parameters,    # IN     shape (1,)
    Rates rates not None,                   # 1/ms
    const double[:] I,                      # IN     from row number `progress.window` on, up to a
                                            #        restart point or the end of the run, µA/cm²
    int64_t stop,                           # row at which the call ends
    double[::1] spike_times,                # OUT    ms, space for those of the whole run
    tuple outputs,                          # OUT    by Variable, rows from `cell.step` on, to I's
                                            #        end; None where no row is recorded
):
    """Solve on to row `stop` or the end of I; return how that ended, and a V.

    DONE: the end was reached. PAUSED: call again. STEP_TOO_SMALL, TOO_MANY_STEPS: the solver cannot
    continue. In any case `cell.step` has counted the rows that are behind the solver, and where
    `progress.last_row` is WHOLE `cell` is that of the last of them: always where there are outputs,
    else at `stop`, and where the rows are rarer than the steps.

    Row i of V, m, h, n is the state at (i + 1) dt, row i of the currents that at i dt: counted from
    the start of the run, while the arrays begin at `cell.step`. I is contiguous, or has stride 0
    for a constant. Results do not depend on where a run was paused.
    """
    cdef input_buffer stimulus = input_from(I)
    cdef spike_buffer spikes = spikes_to(spike_times)
    cdef output_buffers out
    cdef bint every_row = outputs is not None
    cdef double unused, missing_V = 0.0
    cdef ending ended
    c_assert(0 <= progress[0].window <= cell[0].step <= progress[0].window + I.shape[0])
    outputs_to(&out, outputs, progress[0].window + I.shape[0] - cell[0].step, &unused)
    with nogil:
        ended = adaptive_solve(
            &cell[0], &progress[0], parameters[0], rates.source, &settings[0], stimulus, stop,
            spikes, every_row, out, &missing_V,
        )
    return <Ending>ended, missing_V


@cython.final
cdef class Samples:
    """Where the samples of many cells go.

    Parameters
    ----------
    cells : array of int, shape (cells,)
        Which cells are recorded, in rising order.
    rows : array of int, shape (cells,)
        The row of each in `traces`.
    variables : array of int, shape (variables,)
        Each a Variable.
    every : int
        Steps whose number this divides are recorded.
    traces : array, shape (variables, cells, samples)
        Output.
    """

    cdef const int64_t[::1] _cells, _rows, _variables
    cdef double[:, :, ::1] _traces
    cdef population_samples samples

    def __cinit__(
        self,
        const int64_t[::1] cells,
        const int64_t[::1] rows,
        const int64_t[::1] variables,
        int64_t every,
        double[:, :, ::1] traces,
    ):
        cdef population_samples *s = &self.samples
        c_assert(rows.shape[0] == cells.shape[0] == traces.shape[1])
        c_assert(variables.shape[0] == traces.shape[0])
        self._cells, self._rows, self._variables, self._traces = cells, rows, variables, traces
        s.cells = s.rows = s.variables = NULL
        s.traces = NULL
        if cells.shape[0] > 0:
            s.cells, s.rows = &cells[0], &rows[0]
        if variables.shape[0] > 0:
            s.variables = &variables[0]
        if traces.shape[0] > 0 and traces.shape[1] > 0 and traces.shape[2] > 0:
            s.traces = &traces[0, 0, 0]
        s.cell_count, s.variable_count = cells.shape[0], variables.shape[0]
        s.every, s.sample_count = every, traces.shape[2]


@rounded_to_nearest
def population(
    const population_settings[::1] settings,  # IN     shape (1,)
    const hh_parameters[::1] parameters,      # IN     shape (size,)
    Rates rates not None,                     # times dt, by method
    const hh_point[::1] before,               # IN     shape (size,)
    hh_point[::1] after,                      # OUT    the same, I.shape[1] steps later
    int64_t[::1] diverged_at,                 # INOUT  shape (size,): a step, or -1
    const double[:, :] I,                     # IN     shape (size, steps), any strides, µA/cm²
    int64_t step,                             # number of the first step within its run
    cells not None,                           # range: the call is for these
    population_spike[::1] spikes,             # OUT    space for those of this call
    Samples samples not None,                 # OUT
):
    """Make I.shape[1] steps with each of some cells; return how that ended, a V, and the spikes.

    DONE: all were made. Anything else: what was written does not count, and the same call may be
    made again. Only these cells' parts of the outputs are written.

    The step that would leave a cell not finite is noted in diverged_at; from there on its traces
    and its state are NaN, and the others continue.
    """
    cdef population_cells arrays
    cdef population_stimulus stimulus
    cdef population_spikes found
    cdef int64_t first_cell = cells.start, last_cell = cells.stop
    cdef Py_ssize_t size = before.shape[0]
    cdef double missing_V = 0.0
    cdef ending ended
    c_assert(0 <= first_cell < last_cell <= size)
    c_assert(after.shape[0] == size and parameters.shape[0] == size)
    c_assert(I.shape[0] == size and I.shape[1] > 0 and diverged_at.shape[0] == size)
    c_assert(
        samples.samples.cell_count == 0
        or (step + I.shape[1] - 1) // samples.samples.every < samples.samples.sample_count
    )
    arrays.parameters, arrays.before, arrays.after = &parameters[0], &before[0], &after[0]
    arrays.diverged_at = &diverged_at[0]
    stimulus.data = <const char *>&I[0, 0]
    stimulus.cell_stride, stimulus.step_stride = I.strides[0], I.strides[1]
    stimulus.steps = I.shape[1]
    found.list, found.count, found.capacity = &spikes[0], 0, spikes.shape[0]
    with nogil:
        ended = population_run(
            &settings[0], &arrays, rates.source, &stimulus, step, first_cell, last_cell, &found,
            &samples.samples, &missing_V,
        )
    return <Ending>ended, missing_V, found.count


@rounded_to_nearest
def order_spikes(
    const population_spike[::1] spikes,
    int64_t[::1] next_place,    # INOUT  shape (size,): where the next spike of each cell goes
    double[::1] times,          # OUT
):
    """Put the time of each spike at its cell's next place."""
    cdef Py_ssize_t i
    cdef int32_t cell
    with nogil:
        for i in range(spikes.shape[0]):
            cell = spikes[i].cell
            times[next_place[cell]] = spikes[i].time
            next_place[cell] += 1

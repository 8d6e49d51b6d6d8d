# Forward Euler for one cell: the time loop, compiled once for each instruction set by the modules
# that include this file.
#
# Design
# ------
# The loop stands here, the step in hh_euler.h, the equations in hh_equations.h, the rates in a
# table (rate_table.h). Nothing in the loop allocates, takes the GIL or touches a Python object.
# The caller has checked every argument and calls in chunks, so that Python can answer Ctrl-C in
# between: all that a run carries from one chunk to the next is in `cell`, written once when the
# loop ends, and so is never torn. Where V leaves the table the loop stops, and the caller comes
# back with one that covers it.

from libc.math cimport isfinite

from hodgkin_huxley cimport (
    PYHH_FAST_SOURCES, RATE_TABLE_LANES, RATE_TABLE_POWERS, c_assert, hh_cell, hh_euler_step,
    hh_gates_are_finite, hh_neuron, hh_neuron_of, hh_parameters, lane_h, lane_m, lane_n,
    rate_table_find, rate_table_place,
)

SOURCES = PYHH_FAST_SOURCES.decode("ascii")


cpdef enum Ending:
    DONE
    NOT_FINITE
    OUTSIDE_TABLE


def advance(
    hh_cell[::1] cell,                      # INOUT  shape (1,)
    const hh_parameters[::1] parameters,    # IN     shape (1,)
    const double[:, :, ::1] rows,           # IN     shape (rows, 6, 8): rates times dt
    Py_ssize_t first,                       # number k of the first row
    double inverse_width,                   # 1/mV
    double low,                             # V must be between these two, both excluded, so that
    double high,                            # rounding to a row cannot leave the table
    const double[:] I,                      # IN     shape (steps,)
    double dt,
    double[:] V,                            # OUT    the rest: shape (steps,)
    double[:] m,
    double[:] h,
    double[:] n,
    double[:] I_Na,
    double[:] I_K,
    double[:] I_L,
):
    """Make one step for each value of I, counting them in `cell.step`; return how that ended.

    DONE: all were made. OUTSIDE_TABLE: those were that `cell.step` has counted, and V is now
    where no rows are. NOT_FINITE: the next step would give a number that is not finite; `cell` is
    as it was before that step, and nothing is written to its row.

    Row i of V, m, h, n is the state after the step with I[i]; row i of the currents is that of the
    same step, from the state before it. Strides are free: 0 for a constant I, or for an output
    that nobody wants. Holds no static state: calls on different cells may run in different threads.
    """
    cdef hh_cell at = cell[0]
    cdef hh_parameters p = parameters[0]
    cdef hh_neuron now = hh_neuron_of(&at), after
    cdef rate_table_place place
    cdef double dt_over_C_m = dt / p.C_m
    cdef double V_before = at.V_before
    cdef Py_ssize_t i = 0, steps = I.shape[0]
    cdef Ending status = DONE

    with nogil:
        c_assert(V.shape[0] == steps and I_L.shape[0] == steps)
        c_assert(low >= (first - 0.5) / inverse_width)
        c_assert(high <= (first + rows.shape[0] - 0.5) / inverse_width)
        c_assert(rows.shape[1] == RATE_TABLE_POWERS and rows.shape[2] == RATE_TABLE_LANES)
        if not (low < now.V and now.V < high):
            status = OUTSIDE_TABLE
        while status == DONE and i < steps:
            place = rate_table_find(now.V, inverse_width)
            after = hh_euler_step(
                now, &p, dt_over_C_m, &rows[place.k - first, 0, 0], place.r, I[i]
            )
            if not (low < after.V and after.V < high and hh_gates_are_finite(after.x)):
                if not (isfinite(after.V) and hh_gates_are_finite(after.x)):
                    status = NOT_FINITE
                    break
                status = OUTSIDE_TABLE
            V_before = now.V
            now = after
            V[i] = now.V
            m[i] = lane_m(now.x)
            h[i] = lane_h(now.x)
            n[i] = lane_n(now.x)
            I_Na[i] = now.i.I_Na
            I_K[i] = now.i.I_K
            I_L[i] = now.i.I_L
            i += 1

    at.V, at.m, at.h, at.n = now.V, lane_m(now.x), lane_h(now.x), lane_n(now.x)
    at.I_Na, at.I_K, at.I_L = now.i.I_Na, now.i.I_K, now.i.I_L
    at.V_before, at.step = V_before, at.step + i
    cell[0] = at
    return status

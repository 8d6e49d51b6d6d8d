# The time loop of the methods of fixed step.


@rounded_to_nearest
def fixed_step(
    hh_method method,
    hh_cell[::1] cell,                      # INOUT  shape (1,)
    const hh_parameters[::1] parameters,    # IN     shape (1,)
    const double[:, :, ::1] rows,           # IN     shape (rows, 6, 8): alpha and alpha + beta
    Py_ssize_t first,                       # number k of the first row
    double inverse_width,                   # 1/mV
    double low,                             # the rows hold between these two V, both excluded: not
    double high,                            # beyond the middle of the outermost, so that rounding,
                                            # whichever way, cannot leave the table
    const double[:, ::1] evaluated,         # IN     shape (lines, 9): V and rates, beside the table
    double[::1] missing_at,                 # OUT    shape (1,), mV
    const double[:] I,                      # IN     shape (steps,)
    double dt,
    double threshold,                       # mV
    double[::1] spike_times,                # OUT    room for those of the whole run
    double[:] V,                            # OUT    the rest: shape (steps,)
    double[:] m,
    double[:] h,
    double[:] n,
    double[:] I_Na,
    double[:] I_K,
    double[:] I_L,
):
    """Make one step for each value of I, counting them in `cell.step`; return how that ended.

    DONE: all were made. Anything else: those were that `cell.step` has counted; `cell` is as it
    was before the next one, and nothing is written to its row.

    Row i of V, m, h, n is the state after the step with I[i]; row i of the currents is that of the
    same step, from the state before it. Strides are free: 0 for a constant I, or for an output
    that nobody wants. Holds no static state: calls on different cells may run in different threads.
    """
    cdef hh_cell at = cell[0]
    cdef hh_parameters p = parameters[0]
    cdef hh_neuron now = hh_neuron_of(&at), after = now
    cdef rate_source rates = rates_in(rows, first, inverse_width, low, high, evaluated)
    cdef double dt_over_C_m = dt / p.C_m
    cdef double V_before = at.V_before, missing_V = 0.0
    cdef Py_ssize_t i = 0, steps = I.shape[0]
    cdef Ending status = DONE

    with nogil:
        c_assert(V.shape[0] == steps and I_L.shape[0] == steps)
        while i < steps:
            if not hh_step(method, now, &p, dt_over_C_m, &rates, I[i], &after):
                missing_V = after.y.V
                status = RATES_MISSING
                break
            if not hh_is_finite(after.y):
                status = NOT_FINITE
                break
            if now.y.V < threshold and threshold <= after.y.V:
                if at.spikes >= spike_times.shape[0]:
                    status = SPIKES_FULL
                    break
                spike_times[at.spikes] = dt * (
                    at.step + i + hh_crossing(method, now, after, &p, dt_over_C_m, I[i], threshold)
                )
                at.spikes += 1
            V_before = now.y.V
            now = after
            V[i] = now.y.V
            m[i] = lane_m(now.y.x)
            h[i] = lane_h(now.y.x)
            n[i] = lane_n(now.y.x)
            I_Na[i] = now.i.I_Na
            I_K[i] = now.i.I_K
            I_L[i] = now.i.I_L
            i += 1

    at.V, at.m, at.h, at.n = now.y.V, lane_m(now.y.x), lane_h(now.y.x), lane_n(now.y.x)
    at.I_Na, at.I_K, at.I_L = now.i.I_Na, now.i.I_K, now.i.I_L
    at.V_before, at.step = V_before, at.step + i
    cell[0] = at
    missing_at[0] = missing_V
    return status

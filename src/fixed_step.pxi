# The time loop of the methods of fixed step for one cell.


cdef inline ending steps_of_cell(
    hh_method method,
    const fixed_step_settings *settings,
    hh_cell *cell,
    const hh_parameters *p,
    const rate_source *rates_dt,
    const double[:] I,
    double[::1] spike_times,
    const output_buffers *out,
    double *missing_V,
) noexcept nogil:
    # Called with a constant method, so that the loop is compiled for each by itself.
    cdef double dt = settings.dt, threshold = settings.threshold, dt_over_C_m = dt / p.C_m
    cdef hh_neuron now = hh_neuron_of(cell), after = now
    cdef double V_before = cell.V_before
    cdef int64_t found = cell.spikes
    cdef Py_ssize_t i = 0, steps = I.shape[0]
    cdef ending ended = LOOP_DONE
    while i < steps:
        if not hh_step(method, now, p, dt_over_C_m, rates_dt, I[i], &after):
            missing_V[0] = after.y.V
            ended = LOOP_RATES_MISSING
            break
        if not hh_is_finite(after.y):
            ended = LOOP_NOT_FINITE
            break
        if now.y.V < threshold and threshold <= after.y.V:
            if found >= spike_times.shape[0]:
                ended = LOOP_SPIKES_FULL
                break
            spike_times[found] = dt * (
                <double>(cell.step + i)
                + hh_crossing(method, now, after, p, dt_over_C_m, I[i], threshold)
            )
            found += 1
        V_before = now.y.V
        now = after
        hh_write(out, i, &now)
        i += 1
    hh_cell_put(cell, &now)
    cell.V_before = V_before
    cell.step += i
    cell.spikes = found
    return ended


@rounded_to_nearest
def fixed_step(
    const fixed_step_settings[::1] settings,  # IN     shape (1,)
    hh_cell[::1] cell,                        # INOUT  shape (1,)
    const hh_parameters[::1] parameters,      # IN     shape (1,)
    Rates rates not None,                     # times dt, by method
    const double[:] I,                        # IN     shape (steps,), µA/cm²
    double[::1] spike_times,                  # OUT    ms, space for those of the whole run
    tuple outputs not None,                   # OUT    by Variable, shape (steps,) each, or None
):
    """Make one step for each value of I, counted in `cell.step`; return how that ended, and a V.

    DONE: all were made. Anything else: those were that `cell.step` has counted; `cell` is as it was
    before the next one, and nothing is written to its row.

    Row i of V, m, h, n is the state after the step with I[i]; row i of the currents is that of the
    same step, from the state before it. Strides are free: 0 for a constant I.
    """
    cdef const fixed_step_settings *s = &settings[0]
    cdef hh_cell *at = &cell[0]
    cdef hh_parameters p = parameters[0]
    cdef rate_source source = rates.source
    cdef output_buffers out
    cdef double unused, V = 0.0
    cdef ending ended
    outputs_to(&out, outputs, I.shape[0], &unused)
    with nogil:
        if s.method == HH_EULER:
            ended = steps_of_cell(HH_EULER, s, at, &p, &source, I, spike_times, &out, &V)
        elif s.method == HH_EXPONENTIAL_EULER:
            ended = steps_of_cell(
                HH_EXPONENTIAL_EULER, s, at, &p, &source, I, spike_times, &out, &V
            )
        elif s.method == HH_RK4:
            ended = steps_of_cell(HH_RK4, s, at, &p, &source, I, spike_times, &out, &V)
        else:
            ended = LOOP_NOT_FINITE
    return <Ending>ended, V

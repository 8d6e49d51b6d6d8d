# The time loop of the methods of fixed step for one neuron.


cdef inline ending steps_of_neuron(
    fixed_method method,
    int vectors,
    const membrane_shape *shape,
    const neuron_model *model,
    const fixed_step_settings *settings,
    neuron_record *record,
    const double[:] I,
    double[::1] spike_times,
    const output_buffers *out,
    double *missing_V,
) noexcept nogil:
    # Called with constant methods and shapes, so that the loop is compiled for each by itself.
    cdef double dt = settings.dt, threshold = settings.threshold, V_before = record.V_before
    cdef neuron now, after
    cdef membrane_state before
    cdef int64_t found = record.spikes
    cdef Py_ssize_t i = 0, steps = I.shape[0]
    cdef ending ended = LOOP_DONE
    neuron_load(vectors, shape, record, &now)
    while i < steps:
        if not fixed_step_make(method, vectors, shape, model, &now, I[i], &after):
            missing_V[0] = after.y.V
            ended = LOOP_RATES_MISSING
            break
        if not membrane_is_finite(vectors, &after.y):
            ended = LOOP_NOT_FINITE
            break
        if now.y.V < threshold and threshold <= after.y.V:
            if found >= spike_times.shape[0]:
                ended = LOOP_SPIKES_FULL
                break
            spike_times[found] = dt * (
                <double>(record.step + i)
                + fixed_step_crossing(
                    method, vectors, shape, model, &now, &after, I[i], threshold
                )
            )
            found += 1
        V_before = now.y.V
        if not model.currents:
            state_copy(vectors, &now.y, &before)
        neuron_copy(vectors, shape, model, &after, &now)
        neuron_write(vectors, shape, &now, i, out)
        i += 1
    if not model.currents and i > 0:
        neuron_currents(vectors, shape, model, &before, now.I)
    neuron_store(vectors, shape, &now, record)
    record.V_before = V_before
    record.step += i
    record.spikes = found
    return ended


cdef inline ending steps_by_method(
    int vectors,
    const membrane_shape *shape,
    const neuron_model *model,
    const fixed_step_settings *s,
    neuron_record *record,
    const double[:] I,
    double[::1] spike_times,
    const output_buffers *out,
    double *missing_V,
) noexcept nogil:
    if s.method == METHOD_EULER:
        return steps_of_neuron(
            METHOD_EULER, vectors, shape, model, s, record, I, spike_times, out, missing_V
        )
    if s.method == METHOD_EXPONENTIAL_EULER:
        return steps_of_neuron(
            METHOD_EXPONENTIAL_EULER, vectors, shape, model, s, record, I, spike_times, out,
            missing_V,
        )
    if s.method == METHOD_RK4:
        return steps_of_neuron(
            METHOD_RK4, vectors, shape, model, s, record, I, spike_times, out, missing_V
        )
    return LOOP_NOT_FINITE


@rounded_to_nearest
def fixed_step(
    const fixed_step_settings[::1] settings,  # IN     shape (1,)
    neuron_record[::1] record,                # INOUT  shape (1,)
    Membrane membrane not None,
    Rates rates not None,                     # times dt, by method
    const double[:] I,                        # IN     shape (steps,), µA/cm²
    double[::1] spike_times,                  # OUT    ms, space for those of the whole run
    tuple outputs not None,                   # OUT    by variable, shape (steps,) each, or None
):
    """Make one step for each value of I, counted in `record.step`; return how that ended, and a V.

    DONE: all were made. Anything else: those were that `record.step` has counted; `record` is as it
    was before the next one, and nothing is written to its row.

    Row i of V and the gates is the state after the step with I[i]; row i of the currents is that of
    the same step, from the state before it. Strides are free: 0 for a constant I.
    """
    cdef const fixed_step_settings *s = &settings[0]
    cdef neuron_record *at = &record[0]
    cdef const membrane_shape *shape = &membrane.shape
    cdef rate_source source = rates.source
    cdef neuron_model model
    cdef output_buffers out
    cdef double unused, V = 0.0
    cdef ending ended
    rates.check(shape)
    outputs_to(&out, membrane, outputs, I.shape[0], &unused)
    model = neuron_model_of(shape, &membrane.parameters, &source, s.dt)
    model.currents = membrane.hodgkin_huxley or out.currents
    with nogil:
        if membrane.hodgkin_huxley:
            ended = steps_by_method(1, &hh_shape, &model, s, at, I, spike_times, &out, &V)
        elif shape.vectors == 1:
            ended = steps_by_method(1, shape, &model, s, at, I, spike_times, &out, &V)
        elif shape.vectors == 2:
            ended = steps_by_method(2, shape, &model, s, at, I, spike_times, &out, &V)
        elif shape.vectors == 3:
            ended = steps_by_method(3, shape, &model, s, at, I, spike_times, &out, &V)
        else:
            ended = steps_by_method(
                <int>shape.vectors, shape, &model, s, at, I, spike_times, &out, &V
            )
    return <Ending>ended, V

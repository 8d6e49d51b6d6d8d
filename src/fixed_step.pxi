# The time loop of the methods of fixed step for one neuron.

ctypedef struct fixed_step_call:
    const membrane_shape *shape
    const neuron_model *model
    const fixed_step_settings *settings
    neuron_record *record
    const output_buffers *out
    double *missing_V


cdef inline ending steps_of_neuron(
    fixed_method method,
    int vectors,
    const membrane_shape *shape,
    const fixed_step_call *call,
    const double[:] I,
    const double[:] G,
    double[::1] spike_times,
) noexcept nogil:
    # Called with constant methods and shapes, so that the loop is compiled for each by itself.
    cdef const neuron_model *model = call.model
    cdef neuron_record *record = call.record
    cdef double dt = call.settings.dt, threshold = call.settings.threshold
    cdef double V_before = record.V_before
    cdef neuron now, after
    cdef membrane_state before
    cdef drive put
    cdef int64_t found = record.spikes
    cdef Py_ssize_t i = 0, steps = I.shape[0]
    cdef ending ended = LOOP_DONE
    put.conducts, put.G = G.shape[0] > 0, 0.0
    neuron_load(vectors, shape, record, &now)
    while i < steps:
        put.I = I[i]
        if put.conducts:
            put.G = G[i]
        if not fixed_step_make(method, vectors, shape, model, &now, &put, &after):
            call.missing_V[0] = after.y.V
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
                    method, vectors, shape, model, &now, &after, &put, threshold
                )
            )
            found += 1
        V_before = now.y.V
        if not model.currents:
            state_copy(vectors, &now.y, &before)
        neuron_copy(vectors, shape, model, &after, &now)
        neuron_write(vectors, shape, &now, i, call.out)
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
    const fixed_step_call *call,
    const double[:] I,
    const double[:] G,
    double[::1] spike_times,
) noexcept nogil:
    if call.settings.method == METHOD_EULER:
        return steps_of_neuron(METHOD_EULER, vectors, shape, call, I, G, spike_times)
    if call.settings.method == METHOD_EXPONENTIAL_EULER:
        return steps_of_neuron(METHOD_EXPONENTIAL_EULER, vectors, shape, call, I, G, spike_times)
    if call.settings.method == METHOD_RK4:
        return steps_of_neuron(METHOD_RK4, vectors, shape, call, I, G, spike_times)
    return LOOP_NOT_FINITE


# A function for each shape: in one for all, compilers run out of patience, and leave in memory what
# belongs into registers (5 to 25 % slower).
cdef ending steps_of_hodgkin_huxley(
    const fixed_step_call *call, const double[:] I, const double[:] G, double[::1] spike_times
) noexcept nogil:
    return steps_by_method(1, &hh_shape, call, I, G, spike_times)


cdef ending steps_of_one_vector(
    const fixed_step_call *call, const double[:] I, const double[:] G, double[::1] spike_times
) noexcept nogil:
    return steps_by_method(1, call.shape, call, I, G, spike_times)


cdef ending steps_of_two_vectors(
    const fixed_step_call *call, const double[:] I, const double[:] G, double[::1] spike_times
) noexcept nogil:
    return steps_by_method(2, call.shape, call, I, G, spike_times)


cdef ending steps_of_three_vectors(
    const fixed_step_call *call, const double[:] I, const double[:] G, double[::1] spike_times
) noexcept nogil:
    return steps_by_method(3, call.shape, call, I, G, spike_times)


cdef ending steps_of_four_vectors(
    const fixed_step_call *call, const double[:] I, const double[:] G, double[::1] spike_times
) noexcept nogil:
    return steps_by_method(4, call.shape, call, I, G, spike_times)


cdef ending steps_of_vectors(
    const fixed_step_call *call, const double[:] I, const double[:] G, double[::1] spike_times
) noexcept nogil:
    return steps_by_method(<int>call.shape.vectors, call.shape, call, I, G, spike_times)


@rounded_to_nearest
def fixed_step(
    const fixed_step_settings[::1] settings,  # IN     shape (1,)
    neuron_record[::1] record,                # INOUT  shape (1,)
    Membrane membrane not None,
    Rates rates not None,                     # times dt, by method
    const double[:] I,                        # IN     shape (steps,), µA/cm²
    const double[:] G,                        # IN     the same, mS/cm² to 0 mV; shape (0,): none
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
    cdef fixed_step_call call
    cdef double unused, V = 0.0
    cdef ending ended
    rates.check(shape)
    outputs_to(&out, membrane, outputs, I.shape[0], &unused)
    c_assert(G.shape[0] == 0 or G.shape[0] == I.shape[0])
    model = neuron_model_of(
        shape, &membrane.parameters, &source, s.dt, s.method == METHOD_EXPONENTIAL_EULER
    )
    model.currents = membrane.hodgkin_huxley or out.currents
    call.shape, call.model, call.settings, call.record = shape, &model, s, at
    call.out, call.missing_V = &out, &V
    with nogil:
        if membrane.hodgkin_huxley:
            ended = steps_of_hodgkin_huxley(&call, I, G, spike_times)
        elif shape.vectors == 1:
            ended = steps_of_one_vector(&call, I, G, spike_times)
        elif shape.vectors == 2:
            ended = steps_of_two_vectors(&call, I, G, spike_times)
        elif shape.vectors == 3:
            ended = steps_of_three_vectors(&call, I, G, spike_times)
        elif shape.vectors == 4:
            ended = steps_of_four_vectors(&call, I, G, spike_times)
        else:
            ended = steps_of_vectors(&call, I, G, spike_times)
    return <Ending>ended, V

# The time loops of voltage clamp: of one neuron, and of many cells, one after the other.

cdef extern from "clamp.h" nogil:
    ctypedef struct clamp_cell:
        membrane_shape shape
        neuron_model model
        neuron *states
        double *speed
        bint own_speed

    bint clamp_step(int vectors, const membrane_shape *s, const neuron_model *m, double dt,
                    const double *speed, const neuron *now, double V, neuron *after,
                    double *I_total)
    void clamp_load(const population_call *call, int64_t cell, clamp_cell *to)
    void clamp_record(const population_call *call, const clamp_cell *of, const neuron *at,
                      double I_total, int64_t sample)
    void clamp_store(const population_call *call, int64_t cell, const clamp_cell *of,
                     const neuron *at)


cdef inline ending clamp_neuron(
    int vectors,
    const membrane_shape *shape,
    const neuron_model *model,
    double dt,
    neuron_record *record,
    const double[:] V,
    const output_buffers *out,
    output_buffer total,
    double *missing_V,
) noexcept nogil:
    # Called with constant shapes, so that the loop is compiled for each by itself.
    cdef neuron now, after
    cdef double I = 0.0
    cdef Py_ssize_t i = 0, steps = V.shape[0]
    cdef ending ended = LOOP_DONE
    neuron_load(vectors, shape, record, &now)
    while i < steps:
        if not clamp_step(vectors, shape, model, dt, NULL, &now, V[i], &after, &I):
            missing_V[0] = V[i]
            ended = LOOP_RATES_MISSING
            break
        if not membrane_is_finite(vectors, &after.y):
            ended = LOOP_NOT_FINITE
            break
        neuron_copy(vectors, shape, model, &after, &now)
        neuron_write(vectors, shape, &now, i, out)
        (<double *>(total.data + i * total.stride))[0] = I
        i += 1
    neuron_store(vectors, shape, &now, record)
    record.V_before = record.V  # the last step used its rates
    record.step += i
    return ended


@rounded_to_nearest
def clamp(
    double dt,                    # ms
    neuron_record[::1] record,    # INOUT  shape (1,)
    Membrane membrane not None,
    Rates rates not None,         # times dt phi1, as exponential Euler needs them
    const double[:] V,            # IN     shape (steps,), mV
    tuple outputs not None,       # OUT    by variable, shape (steps,) each, or None
    double[:] I_total,            # OUT    shape (steps,), or None
):
    """Hold V for a step at each of its values; return how that ended, and a V.

    DONE: all were made. Anything else: those were that `record.step` has counted; `record` is as it
    was before the next one.

    Row i of all variables is at the end of the step with V[i].
    """
    cdef neuron_record *at = &record[0]
    cdef const membrane_shape *shape = &membrane.shape
    cdef rate_source source = rates.source
    cdef neuron_model model = neuron_model_of(shape, &membrane.parameters, &source, dt, True)
    cdef output_buffers out
    cdef output_buffer total
    cdef double unused, V_missing = 0.0
    cdef ending ended
    rates.check(shape)
    outputs_to(&out, membrane, outputs, V.shape[0], &unused)
    total.data, total.stride = <char *>&unused, 0
    if I_total is not None and V.shape[0] > 0:
        c_assert(I_total.shape[0] >= V.shape[0])
        total.data, total.stride = <char *>&I_total[0], I_total.strides[0]
    with nogil:
        if membrane.hodgkin_huxley:
            ended = clamp_neuron(1, &hh_shape, &model, dt, at, V, &out, total, &V_missing)
        elif shape.vectors == 1:
            ended = clamp_neuron(1, shape, &model, dt, at, V, &out, total, &V_missing)
        elif shape.vectors == 2:
            ended = clamp_neuron(2, shape, &model, dt, at, V, &out, total, &V_missing)
        else:
            ended = clamp_neuron(
                <int>shape.vectors, shape, &model, dt, at, V, &out, total, &V_missing
            )
    return <Ending>ended, V_missing


cdef inline ending clamp_one_of_many(
    const population_call *call, clamp_cell *of, int64_t cell, const double *speed
) noexcept nogil:
    # Hold a cell for the steps of the call.
    cdef int vectors = <int>of.shape.vectors
    cdef int64_t every = call.samples.every, step = call.step, i
    cdef double I = 0.0, dt = call.settings.dt, V
    cdef const population_values *command = &call.stimulus.I
    cdef bint finite = membrane_is_finite(vectors, &of.states[0].y)
    cdef int now = 0
    for i in range(command.steps):
        if finite:
            V = (<const double *>(
                command.data + cell * command.cell_stride + i * command.step_stride
            ))[0]
            if not clamp_step(
                vectors, &of.shape, &of.model, dt, speed, &of.states[now], V,
                &of.states[1 - now], &I
            ):
                call.missing_V[0] = V
                return LOOP_RATES_MISSING
            now = 1 - now
            finite = membrane_is_finite(vectors, &of.states[now].y)
            if not finite:
                call.cells.diverged_at[cell] = step + i
        if call.past > call.first and (step + i) % every == 0:
            clamp_record(call, of, &of.states[now] if finite else NULL, I, (step + i) // every)
    clamp_store(call, cell, of, &of.states[now] if finite else NULL)
    return LOOP_DONE


@rounded_to_nearest
def clamp_cells(
    const population_settings[::1] settings,  # all but rates as `population` takes it
    Membrane membrane not None,
    tuple parameters not None,
    Rates rates not None,                     # times dt phi1, but for gates with their own speed
    tuple before not None,
    tuple after not None,
    int64_t[::1] diverged_at,
    const double[:, :] V,                     # IN     shape (cells, steps), any strides, mV
    int64_t step,
    cells not None,
    Samples samples not None,                 # OUT    I_total is the variable after the currents
):
    """Hold each of some cells at its V for V.shape[1] steps; return how that ended, and a V."""
    cdef population_cells columns
    cdef population_stimulus command
    cdef population_call call
    cdef clamp_cell of
    cdef int64_t cell = cells.start, last_cell = cells.stop
    cdef int64_t recorded = samples.samples.cell_count
    cdef double missing_V = 0.0
    cdef ending ended = LOOP_DONE
    begin_call(
        &call, &columns, &command, &settings[0], membrane, parameters, rates, before, after,
        diverged_at, V, V[:0], step, cells, samples,
    )
    call.missing_V, call.first_cell = &missing_V, 0
    with nogil:
        while cell < last_cell and ended == LOOP_DONE:
            call.first = call.past
            while call.past < recorded and samples.samples.cells[call.past] == cell:
                call.past += 1
            clamp_load(&call, cell, &of)
            if of.own_speed:
                ended = clamp_one_of_many(&call, &of, cell, of.speed)
            else:
                ended = clamp_one_of_many(&call, &of, cell, NULL)
            cell += 1
    return <Ending>ended, missing_V

# The time loop of the adaptive method for one neuron.


cdef inline ending solve_rows(
    int vectors,
    const membrane_shape *shape,
    const neuron_model *model,
    const adaptive_settings *settings,
    neuron_record *record,
    adaptive_run *progress,
    const double[:] I,
    const double[:] G,
    int64_t stop,
    double[::1] spike_times,
    bint every_row,
    const output_buffers *out,
    double *missing_V,
) noexcept nogil:
    cdef int64_t window = progress.window, end = window + I.shape[0], first_row = record.step
    cdef int64_t attempts = settings.max_attempts, found = record.spikes, last
    cdef input_buffer current = input_from(I), conductance = input_from(G)
    cdef adaptive_solver s
    cdef adaptive_run *run = &s.run
    cdef double length, remaining, after, log_err = 0.0
    cdef bint slope_known = False, cut, compute, may_cross
    cdef int accepted = 0
    cdef ending ended = LOOP_DONE
    adaptive_load(vectors, shape, model, settings, record, progress, &s)
    s.every_row = every_row
    # At the end of a window the next segment, and with it I, is still unknown.
    s.put.I, s.put.G, s.put.conducts = 0.0, 0.0, False
    if window <= run.begin < end:
        adaptive_read_drive(&s, current, conductance, run.begin)
    while True:
        length = <double>(run.end - run.begin) * settings.dt
        remaining = length - run.elapsed
        if run.elapsed >= length:
            if run.end == end:
                break
            adaptive_begin_segment(&s, current, conductance)
            slope_known = False
            continue
        if not slope_known:
            if not adaptive_begin_slope(vectors, shape, &s, missing_V):
                ended = LOOP_RATES_MISSING
                break
            slope_known = True
        if attempts <= 0 or s.rows >= stop:
            ended = LOOP_PAUSED
            break

        cut = run.step_size * 1.01 >= remaining
        s.step.h = remaining if cut else run.step_size
        if not adaptive_attempt(vectors, shape, &s, &accepted, &log_err, missing_V):
            ended = LOOP_RATES_MISSING
            break
        if not accepted:
            adaptive_reject(run, s.step.h, log_err)
            if run.step_size < ADAPTIVE_SMALLEST_STEP:
                ended = LOOP_STEP_TOO_SMALL
                break
            run.attempts += 1
            attempts -= 1
            continue
        if run.attempts >= ADAPTIVE_MAX_ATTEMPTS_PER_MS:
            ended = LOOP_TOO_MANY_STEPS
            break

        after = length if cut else run.elapsed + s.step.h
        last = adaptive_rows_passed(&s, after, cut)
        compute = last > s.rows and (every_row or last >= stop - 1 or s.step.h < settings.dt)
        may_cross = dop853_may_cross(&s.step, adaptive_tolerance(settings), settings.threshold)
        if compute or may_cross:
            dop853_interpolate(vectors, &s.step)
        if may_cross:
            if found + CROSSINGS_MAX > spike_times.shape[0]:
                ended = LOOP_SPIKES_FULL
                break
            found += adaptive_find_spikes(&s, &spike_times[found])
        if compute:
            adaptive_compute_rows(vectors, shape, &s, last, first_row, out)
            if run.last_row != LAST_ROW_SKIPPED or last - s.rows >= 2:
                run.last_row = LAST_ROW_WHOLE
            else:
                run.last_row = LAST_ROW_STATE
            if every_row:
                attempts -= (last - s.rows) // ADAPTIVE_ROWS_PER_ATTEMPT
        elif last > s.rows:
            run.last_row = LAST_ROW_SKIPPED
        s.rows = last

        if not cut:
            run.attempts += 1
        attempts -= 1
        adaptive_accept(run, s.step.h, log_err, cut)
        run.elapsed = after
        adaptive_advance(vectors, &s)
    adaptive_store(vectors, shape, &s, found, record, progress)
    return ended


@rounded_to_nearest
def adaptive(
    const adaptive_settings[::1] settings,  # IN     shape (1,)
    neuron_record[::1] record,              # INOUT  shape (1,): the state at the last row
    adaptive_run[::1] progress,             # INOUT  shape (1,): the state of the solver
    Membrane membrane not None,
    Rates rates not None,                   # 1/ms
    const double[:] I,                      # IN     from row number `progress.window` on, up to a
                                            #        restart point or the end of the run, µA/cm²
    const double[:] G,                      # IN     the same, mS/cm² to 0 mV; shape (0,): none
    int64_t stop,                           # row at which the call ends
    double[::1] spike_times,                # OUT    ms, space for those of the whole run
    tuple outputs,                          # OUT    by variable, rows from `record.step` on, to
                                            #        I's end; None where no row is recorded
):
    """Solve on to row `stop` or the end of I; return how that ended, and a V.

    DONE: the end was reached. PAUSED: call again. STEP_TOO_SMALL, TOO_MANY_STEPS: the solver cannot
    continue. In any case `record.step` has counted the rows that are behind the solver, and where
    `progress.last_row` is WHOLE `record` is that of the last of them: always where there are
    outputs, else at `stop`, and where the rows are rarer than the steps.

    The stimulus is cut into segments on which it is constant, and these at restart points, every so
    many rows. No step reaches across the end of a segment. At a restart point the step size begins
    again from its first value, so that the state there decides all that follows: a run may end at a
    restart point and be continued later without the difference of a bit.

    Row i of V and the gates is the state at (i + 1) dt, row i of the currents that at i dt: counted
    from the start of the run, while the arrays begin at `record.step`. I is contiguous, or has
    stride 0 for a constant. Results do not depend on where a run was paused.
    """
    cdef const adaptive_settings *given = &settings[0]
    cdef neuron_record *at = &record[0]
    cdef adaptive_run *run = &progress[0]
    cdef const membrane_shape *shape = &membrane.shape
    cdef rate_source source = rates.source
    cdef neuron_model model
    cdef output_buffers out
    cdef bint every_row = outputs is not None
    cdef double unused, V = 0.0
    cdef ending ended
    c_assert(0 <= run.window <= at.step <= run.window + I.shape[0])
    c_assert(I.strides[0] == 0 or I.shape[0] < 2 or I.strides[0] == sizeof(double))
    c_assert(G.strides[0] == 0 or G.shape[0] < 2 or G.strides[0] == sizeof(double))
    c_assert(G.shape[0] == 0 or G.shape[0] == I.shape[0])
    c_assert(run.window <= run.end <= run.window + I.shape[0])
    rates.check(shape)
    outputs_to(&out, membrane, outputs, run.window + I.shape[0] - at.step, &unused)
    model = neuron_model_of(shape, &membrane.parameters, &source, 1.0, False)
    with nogil:
        if membrane.hodgkin_huxley:
            ended = solve_rows(
                1, &hh_shape, &model, given, at, run, I, G, stop, spike_times, every_row, &out, &V
            )
        else:
            ended = solve_rows(
                <int>shape.vectors, shape, &model, given, at, run, I, G, stop, spike_times,
                every_row, &out, &V,
            )
    return <Ending>ended, V

# The time loop of the adaptive method.
#
# The stimulus is cut into stretches on which it is constant, and these at every `mark` rows. A
# step never reaches across the end of a stretch. At a mark the step size is chosen anew from
# nothing, so that the state there decides all that follows: a run may be cut at a mark and
# lengthened later without a bit of difference.

cdef enum:
    ROWS_PER_ATTEMPT = 64  # how many rows take as long to write as a step to try


@rounded_to_nearest
def adaptive(
    hh_cell[::1] cell,                      # INOUT  shape (1,): the state at the rows' clock
    adaptive_run[::1] progress,             # INOUT  shape (1,): the state of the solver
    const hh_parameters[::1] parameters,    # IN     shape (1,)
    const double[:, :, ::1] rows,           # IN     shape (rows, 6, 8): alpha, alpha + beta, 1/ms
    Py_ssize_t first,                       # number k of the first row
    double inverse_width,                   # 1/mV
    double low,                             # as for fixed_step
    double high,
    const double[:, ::1] evaluated,         # IN     shape (lines, 9)
    double[::1] missing_at,                 # OUT    shape (1,), mV
    const double[:] I,                      # IN     shape (steps,): from row number `begin` on, up
    Py_ssize_t begin,                       # to a multiple of `mark` or the end of the run
    double dt,                              # ms: of the rows
    double rtol,
    double atol,                            # mV, and fractions of the gates
    Py_ssize_t mark,                        # rows
    Py_ssize_t most_attempts,
    Py_ssize_t stop,                        # row at which to pause, to be looked at in any case
    bint every_row,                         # whether the rows are missing_V
    double threshold,                       # mV
    double[::1] spike_times,                # OUT    room for those of the whole run
    double[:] V,                            # OUT    the rest: rows from `cell.step` on, to I's end
    double[:] m,
    double[:] h,
    double[:] n,
    double[:] I_Na,
    double[:] I_K,
    double[:] I_L,
):
    """Solve on to the end of I; return how that ended.

    DONE: it was reached. PAUSED: call again. STEP_TOO_SMALL, TOO_MANY_STEPS: the solver is stuck.
    In any case `cell.step` has counted the rows that are behind the solver, and where
    `progress.at_row` is 2 `cell` is that of the last of them: always where `every_row`, else at
    `stop`, and where the rows are rarer than the steps, so that they may be looked at for nothing.

    Row i of V, m, h, n is the state at (i + 1) dt, row i of the currents that at i dt: counted from
    the start of the run, while the arrays begin at `cell.step`. I is contiguous, or has stride 0
    for a constant. Results do not depend on where a run was paused. Holds no static state.
    """
    cdef hh_cell at = cell[0]
    cdef hh_neuron row = hh_neuron_of(&at)
    cdef adaptive_run run = progress[0]
    cdef hh_cell_model model
    cdef dop853_tolerance tolerance
    cdef dop853_step s
    cdef double[DOP853_INTERPOLANT + 1] bernstein
    cdef double[CROSSINGS_MAX] passes
    cdef double length, remaining, lowest, highest, error, log_err, after, per_h, missing_V = 0.0
    cdef Py_ssize_t end = begin + I.shape[0], first_row = at.step, i, out, last
    cdef int spikes, j
    cdef bint constant = I.strides[0] == 0, slope_known = False, cut, look, may_cross
    cdef lanes y
    cdef Ending status = DONE

    model.p = parameters[0]
    model.per_C_m = 1.0 / model.p.C_m
    model.rates = rates_in(rows, first, inverse_width, low, high, evaluated)
    # At the end of the last stretch before `begin` it is 0, until the solver has moved on.
    model.I = I[run.begin - begin] if begin <= run.begin < end else 0.0
    tolerance.rtol, tolerance.atol = rtol, atol
    s.y.V, s.y.x = run.V, lanes_with_V(lanes_of(run.m, run.h, run.n), run.V)

    with nogil:
        c_assert(V.shape[0] == end - first_row and I_L.shape[0] == end - first_row)
        c_assert(constant or end - begin < 2 or I.strides[0] == sizeof(double))
        c_assert(begin <= run.end <= end)
        while True:
            length = (run.end - run.begin) * dt
            if run.elapsed >= length:
                if run.end == end:
                    break
                run.begin, run.elapsed = run.end, 0.0
                run.end = min(end, run.begin - run.begin % mark + mark)
                model.I = I[run.begin - begin]
                if not constant:
                    run.end = begin + adaptive_segment_end(
                        &I[0], run.begin - begin, run.end - begin
                    )
                if run.begin % mark == 0:
                    run.step_size, run.log_err_before = ADAPTIVE_FIRST_STEP, 0.0
                    run.attempts, run.ms_remaining = 0, 1.0
                slope_known = False
                continue
            if not slope_known:
                if not dop853_slope(&model, s.y, &s.k[0]):
                    missing_V = s.k[0].V
                    status = RATES_MISSING
                    break
                slope_known = True
            if most_attempts <= 0 or at.step >= stop:
                status = PAUSED
                break

            remaining = length - run.elapsed
            cut = run.step_size * 1.01 >= remaining
            s.h = remaining if cut else run.step_size
            lowest, highest = s.y.V - ADAPTIVE_MAX_EXCURSION, s.y.V + ADAPTIVE_MAX_EXCURSION
            model.rates.low, model.rates.high = fmax(low, lowest), fmin(high, highest)
            if not dop853_attempt(&s, &model, tolerance, &error, &missing_V):
                if lowest < missing_V and missing_V < highest:
                    status = RATES_MISSING
                    break
                error = INFINITY
            log_err = 0.5 * step_control_log2(error)
            if not error <= 1.0:
                adaptive_reject(&run, s.h, log_err)
                if run.step_size < ADAPTIVE_SMALLEST_STEP:
                    status = STEP_TOO_SMALL
                    break
                run.attempts += 1
                most_attempts -= 1
                continue
            if run.attempts >= ADAPTIVE_MAX_ATTEMPTS_PER_MS:
                status = TOO_MANY_STEPS
                break

            after = length if cut else run.elapsed + s.h
            last = run.end if cut else min(run.end - 1, run.begin + <Py_ssize_t>floor(after / dt))
            look = last > at.step and (every_row or last >= stop - 1 or s.h < dt)
            may_cross = dop853_may_cross(&s, tolerance, threshold)
            if look or may_cross:
                dop853_interpolate(&s)
            if may_cross:
                if at.spikes + CROSSINGS_MAX > spike_times.shape[0]:
                    status = SPIKES_FULL
                    break
                dop853_bernstein(&s, threshold, bernstein)
                spikes = crossings_upward(bernstein, DOP853_INTERPOLANT, passes)
                for j in range(spikes):
                    spike_times[at.spikes] = run.begin * dt + (run.elapsed + passes[j] * s.h)
                    at.spikes += 1
            if look:
                per_h = 1.0 / s.h
                for i in range(at.step if every_row else max(at.step, last - 2), last):
                    row.i = hh_currents_at(&model.p, row.y.V, hh_open_at(row.y.x))
                    at.V_before = row.y.V
                    if i + 1 == run.end:
                        row.y = s.after
                    else:
                        y = dop853_between(&s, ((i + 1 - run.begin) * dt - run.elapsed) * per_h)
                        row.y.V, row.y.x = lane_V(y), y
                    out = i - first_row
                    V[out] = row.y.V
                    m[out] = lane_m(row.y.x)
                    h[out] = lane_h(row.y.x)
                    n[out] = lane_n(row.y.x)
                    I_Na[out] = row.i.I_Na
                    I_K[out] = row.i.I_K
                    I_L[out] = row.i.I_L
                run.at_row = 2 if run.at_row > 0 or last - at.step >= 2 else 1
                most_attempts -= (last - at.step) // ROWS_PER_ATTEMPT if every_row else 0
            elif last > at.step:
                run.at_row = 0
            at.step = last

            if not cut:
                run.attempts += 1
            most_attempts -= 1
            adaptive_accept(&run, s.h, log_err, cut)
            run.elapsed = after
            s.y, s.k[0] = s.after, s.k[12]

    at.V, at.m, at.h, at.n = row.y.V, lane_m(row.y.x), lane_h(row.y.x), lane_n(row.y.x)
    at.I_Na, at.I_K, at.I_L = row.i.I_Na, row.i.I_K, row.i.I_L
    run.V, run.m, run.h, run.n = s.y.V, lane_m(s.y.x), lane_h(s.y.x), lane_n(s.y.x)
    cell[0] = at
    progress[0] = run
    missing_at[0] = missing_V
    return status

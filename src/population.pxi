# The time loop of many cells, block by block.


cdef struct spike_list:
    int32_t *cell
    double *time
    int64_t count, capacity


cdef struct population_steps:
    # What all steps of a call have in common.
    hh_method method
    double dt, threshold
    bint built_in     # rates are Hodgkin and Huxley's; those of others are read cell by cell from
    rate_source rates
    double largest_V  # where they end for good, mV


cdef inline bint step_from_table(
    hh_block *b,
    int now,
    int row,
    int64_t c,
    const population_steps *s,
    const hh_parameters *p,
    double *missing_V,
) noexcept nogil:
    # Steps one cell with rates from the table; returns 0 where it lacks those at `missing_V`.
    cdef hh_neuron before = hh_neuron_at(hh_block_point(&b.states[now], c)), after = before
    cdef double dt_over_C_m = hh_block_membrane(&b.membranes, c).per_C_m
    cdef rate_source rates = s.rates
    cdef double[9] line
    cdef hh_point y
    c_assert(RATE_SOURCE_LINE == 9)
    while not hh_step(s.method, before, p, dt_over_C_m, &rates, b.I[row][c], &after):
        if s.built_in:
            hh_exponential_line(after.y.V, s.dt, line)
            rates.evaluated, rates.evaluated_lines = line, 1
        elif fabs(after.y.V) < s.largest_V:
            missing_V[0] = after.y.V
            return 0
        else:
            after.y.V = NAN
            break
    y.V, y.m, y.h, y.n = after.y.V, lane_m(after.y.x), lane_h(after.y.x), lane_n(after.y.x)
    hh_block_put(&b.states[1 - now], c, y)
    return 1


cdef inline int64_t step_all_from_table(
    hh_block *b,
    int now,
    int row,
    const population_steps *s,
    const hh_parameters *parameters,
    double *missing_V,
) noexcept nogil:
    # Flags cells as hh_block_step does, and returns -1 where rates are missing_V.
    cdef hh_point y
    cdef double V
    cdef int64_t c, any_flag = 0
    for c in range(b.cells):
        b.flags[c] = 0
        if b.inactive[c]:
            hh_block_put(&b.states[1 - now], c, hh_block_point(&b.states[now], c))
            continue
        if not step_from_table(b, now, row, c, s, &parameters[c], missing_V):
            return -1
        V, y = b.states[now].V[c], hh_block_point(&b.states[1 - now], c)
        if (V < s.threshold and s.threshold <= y.V) or not isfinite(y.V + y.m + y.h + y.n):
            b.flags[c] = HH_SPIKE  # or worse
        any_flag |= b.flags[c]
    return any_flag


cdef inline int finish_flagged(
    hh_block *b,
    int now,
    int row,
    int64_t c,
    const population_steps *s,
    const hh_parameters *p,
    int64_t step,
    int64_t *diverged_at,
    spike_list *spikes,
    int32_t cell,
) noexcept nogil:
    # Does for a flagged cell what its step left over; returns 0 where there is no room.
    cdef hh_point before = hh_block_point(&b.states[now], c), y
    cdef hh_neuron start, end
    cdef double missing_V
    if b.flags[c] & HH_NEEDS_EXACT_RATES:
        if s.method == HH_EXPONENTIAL_EULER:
            step_from_table(b, now, row, c, s, p, &missing_V)
        else:
            y = hh_step_with_exact_rates(
                s.method, before, hh_block_membrane(&b.membranes, c), b.I[row][c], s.dt
            )
            hh_block_put(&b.states[1 - now], c, y)
    start, end = hh_neuron_at(before), hh_neuron_at(hh_block_point(&b.states[1 - now], c))
    if not hh_is_finite(end.y):
        # A step straight to infinity is seen at the next.
        diverged_at[0] = step if hh_is_finite(start.y) else step - 1
        hh_block_deactivate(b, &b.states[1 - now], c)
        return 1
    if start.y.V < s.threshold and s.threshold <= end.y.V:
        if spikes.count >= spikes.capacity:
            return 0
        spikes.cell[spikes.count] = cell
        spikes.time[spikes.count] = s.dt * (
            step
            + hh_crossing(s.method, start, end, p, s.dt / p.C_m, b.I[row][c], s.threshold)
        )
        spikes.count += 1
    return 1


cdef inline void record(
    hh_block *b,
    int now,
    const hh_parameters *parameters,
    Py_ssize_t first_cell,
    const int64_t[::1] recorded,
    const int64_t[::1] variables,
    int row,
) noexcept nogil:
    # Keeps a sample of each variable and cell that is recorded as number `row` of its traces.
    cdef double *from_state
    cdef hh_neuron before
    cdef hh_currents i
    cdef Py_ssize_t j, v
    cdef int64_t c, variable
    for v in range(variables.shape[0]):
        variable = variables[v]
        if variable == 0:
            from_state = b.states[1 - now].V
        elif variable == 1:
            from_state = b.states[1 - now].m
        elif variable == 2:
            from_state = b.states[1 - now].h
        else:
            from_state = b.states[1 - now].n
        for j in range(recorded.shape[0]):
            c = recorded[j] - first_cell
            if b.inactive[c] or not isfinite(b.states[1 - now].V[c]):
                b.traces[variable][j][row] = NAN
            elif variable < 4:
                b.traces[variable][j][row] = from_state[c]
            else:
                before = hh_neuron_at(hh_block_point(&b.states[now], c))
                i = hh_currents_at(&parameters[c], before.y.V, hh_open_at(before.y.x))
                b.traces[variable][j][row] = (
                    i.I_Na if variable == 4 else i.I_K if variable == 5 else i.I_L
                )


cdef inline void write_traces(
    const hh_block *b,
    const int64_t[::1] rows,
    const int64_t[::1] variables,
    double[:, :, ::1] traces,
    int64_t first_sample,
    int samples,
) noexcept nogil:
    cdef Py_ssize_t j, v
    cdef int i
    for v in range(variables.shape[0]):
        for j in range(rows.shape[0]):
            for i in range(samples):
                traces[v, rows[j], first_sample + i] = b.traces[variables[v]][j][i]


@rounded_to_nearest
def population(
    hh_method method,
    const hh_point[::1] before,             # IN     shape (size,)
    hh_point[::1] after,                    # OUT    the same, I.shape[1] steps later
    const hh_parameters[::1] parameters,    # IN     shape (size,)
    bint built_in,                          # rates are Hodgkin and Huxley's, not the table's
    double largest_V,                       # mV; the table's end here for good
    const double[:, :, ::1] rows,           # IN     these as for fixed_step
    Py_ssize_t first,
    double inverse_width,
    double low,
    double high,
    const double[:, ::1] evaluated,
    double[::1] missing_at,
    const double[:, :] I,                   # IN     shape (size, steps), any strides
    int64_t step,                           # number of the first step within its run
    double dt,
    double threshold,                       # mV
    Py_ssize_t first_cell,                  # the call is for these cells, the last excluded
    Py_ssize_t last_cell,
    Py_ssize_t block_size,                  # at most BLOCK
    int64_t[::1] diverged_at,               # INOUT  shape (size,): a step, or -1
    int32_t[::1] spike_cells,               # OUT    room for the spikes of this call
    double[::1] spike_times,                # OUT    ms
    int64_t[::1] spikes,                    # OUT    shape (1,): how many there are
    int64_t every,                          # steps whose number this divides are recorded
    const int64_t[::1] recorded,            # IN     which cells are, rising
    const int64_t[::1] recorded_rows,       # IN     the row of each in traces
    const int64_t[::1] variables,           # IN     which of V, m, h, n, I_Na, I_K, I_L are
    double[:, :, ::1] traces,               # OUT    shape (variables, cells, samples)
):
    """Make I.shape[1] steps with each of some cells; return how that ended.

    DONE: all were made. Anything else: what was written counts for nothing, and the same call may
    be made again. Only these cells' parts of the outputs are written, and there is no static
    state: calls for different cells may run in different threads.

    The step that would leave a cell not finite is noted in diverged_at; from there on its traces
    and state are NaN, and the others go on.
    """
    cdef population_steps s
    cdef spike_list found
    cdef hh_block b
    cdef hh_point y
    cdef Py_ssize_t cell = first_cell, cells, steps = I.shape[1], i, to_record = 0, past
    cdef int64_t c, any_flag
    cdef int64_t first_sample
    cdef int now, row, r, samples
    cdef bint I_changes = I.strides[1] != 0
    cdef Ending status = DONE

    s.method, s.dt, s.threshold = method, dt, threshold
    s.rates = rates_in(rows, first, inverse_width, low, high, evaluated)
    s.built_in, s.largest_V = built_in, largest_V
    found.count, found.capacity = 0, min(spike_cells.shape[0], spike_times.shape[0])
    found.cell, found.time = &spike_cells[0], &spike_times[0]

    with nogil:
        c_assert(0 < block_size <= HH_BLOCK)
        c_assert(0 <= first_cell and last_cell <= before.shape[0])
        c_assert(after.shape[0] == before.shape[0] and parameters.shape[0] == before.shape[0])
        c_assert(I.shape[0] == before.shape[0] and diverged_at.shape[0] == before.shape[0])
        c_assert(recorded_rows.shape[0] == recorded.shape[0] == traces.shape[1])
        c_assert(variables.shape[0] == traces.shape[0])
        c_assert(traces.shape[1] == 0 or (step + steps - 1) // every < traces.shape[2])
        while to_record < recorded.shape[0] and recorded[to_record] < first_cell:
            to_record += 1
        while cell < last_cell and status == DONE:
            cells = min(block_size, last_cell - cell)
            past = to_record
            while past < recorded.shape[0] and recorded[past] < cell + cells:
                past += 1
            now = row = samples = 0
            first_sample = (step + every - 1) // every
            hh_block_pad(&b, cells)
            for c in range(cells):
                y = before[cell + c]
                if isfinite(y.V + y.m + y.h + y.n):
                    hh_block_activate(&b, c, y, &parameters[cell + c], dt)
                else:
                    hh_block_deactivate(&b, &b.states[0], c)
                    if diverged_at[cell + c] < 0:
                        diverged_at[cell + c] = step
            for i in range(steps):
                if I_changes:
                    row = i % HH_ROWS
                if row == 0 and (I_changes or i == 0):
                    for c in range(cells):
                        for r in range(min(HH_ROWS, steps - i)):
                            b.I[r][c] = I[cell + c, i + r]
                if built_in:
                    any_flag = hh_block_step(method, &b, now, row, dt, threshold)
                else:
                    any_flag = step_all_from_table(
                        &b, now, row, &s, &parameters[cell], &missing_at[0]
                    )
                    if any_flag < 0:
                        status = RATES_MISSING
                        break
                if any_flag:
                    for c in range(cells):
                        if b.flags[c] and not finish_flagged(
                            &b, now, row, c, &s, &parameters[cell + c], step + i,
                            &diverged_at[cell + c], &found, <int32_t>(cell + c),
                        ):
                            status = SPIKES_FULL
                            break
                    if status != DONE:
                        break
                if past > to_record and (step + i) % every == 0:
                    record(
                        &b, now, &parameters[cell], cell, recorded[to_record:past], variables,
                        samples,
                    )
                    samples += 1
                    if samples == HH_ROWS:
                        write_traces(
                            &b, recorded_rows[to_record:past], variables, traces, first_sample,
                            samples,
                        )
                        first_sample += samples
                        samples = 0
                now = 1 - now
            if status == DONE and samples > 0:
                write_traces(
                    &b, recorded_rows[to_record:past], variables, traces, first_sample, samples
                )
            for c in range(cells):
                y = hh_block_point(&b.states[now], c)
                if not isfinite(y.V) and status == DONE:
                    diverged_at[cell + c] = step + steps - 1
                if b.inactive[c] or not isfinite(y.V):
                    y.V = y.m = y.h = y.n = NAN
                after[cell + c] = y
            to_record = past
            cell += cells

    spikes[0] = found.count
    return status


@rounded_to_nearest
def order_spikes(
    const int32_t[::1] cells,
    const double[::1] times,
    int64_t[::1] next_place,    # INOUT  shape (size,): where the next spike of each cell goes
    double[::1] ordered,        # OUT
):
    """Put each spike at its cell's next place."""
    cdef Py_ssize_t i
    with nogil:
        c_assert(cells.shape[0] == times.shape[0])
        for i in range(cells.shape[0]):
            ordered[next_place[cells[i]]] = times[i]
            next_place[cells[i]] += 1

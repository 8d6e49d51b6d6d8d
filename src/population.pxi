# The time loop of many cells, block by block.


cdef inline ending steps_of_block(
    population_call *call, Py_ssize_t steps, bint changes
) noexcept nogil:
    # Make all steps of the call with the cells of the block.
    cdef int64_t every = call.samples.every, first_sample = (call.step + every - 1) // every
    cdef bint recorded = call.past > call.first
    cdef int64_t taken = call.step, made = call.step
    cdef Py_ssize_t i
    cdef int row = 0, count = 0
    cdef ending ended
    for i in range(steps):
        if changes:
            row = <int>(i % POPULATION_ROWS)
        if row == 0 and (changes or i == 0):
            population_load_stimulus(call, i)
        ended = population_step(call, row, call.step + i)
        if ended != LOOP_DONE:
            return ended
        if recorded and (call.step + i) % every == 0:
            population_record(call, count)
            count += 1
            if count == POPULATION_ROWS:
                population_write(call, first_sample, count)
                first_sample += count
                count = 0
        if call.features != NULL:
            population_keep_V(call, made)
            made += 1
            if made - taken == FEATURE_ROWS:
                population_take_features(call, taken, made)
                taken = made
        call.now = 1 - call.now
    if count > 0:
        population_write(call, first_sample, count)
    if call.features != NULL:
        population_take_features(call, taken, made)
        population_store_features(call, made)
    return LOOP_DONE


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
        Numbers: 0 is V, then the gates and the currents as they are recorded.
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


cdef extern from "population_features.h" nogil:
    ctypedef struct population_features:
        const feature_plan *plan
        const double *numbers_before
        const double *history_before
        double *numbers_after
        double *history_after
        int64_t numbers, history
        double *of_groups
        double *V
        int64_t mask

    void population_load_features(const population_call *call)
    void population_keep_V(const population_call *call, int64_t row)
    void population_take_features(const population_call *call, int64_t row, int64_t past)
    void population_store_features(const population_call *call, int64_t past)


@cython.final
cdef class Features:
    """What is known of the features of many cells, before a call and after it.

    Parameters
    ----------
    plan : FeaturePlan
    numbers_before, history_before : array, shape (cells, numbers), (cells, history)
    numbers_after, history_after : array
        Output, of the same shapes.
    """

    cdef FeaturePlan _plan
    cdef const double[:, ::1] _numbers_before, _history_before
    cdef double[:, ::1] _numbers_after, _history_after
    cdef population_features features
    cdef Py_ssize_t size

    def __cinit__(
        self,
        FeaturePlan plan not None,
        const double[:, ::1] numbers_before,
        const double[:, ::1] history_before,
        double[:, ::1] numbers_after,
        double[:, ::1] history_after,
    ):
        cdef population_features *f = &self.features
        self._plan = plan
        self._numbers_before, self._history_before = numbers_before, history_before
        self._numbers_after, self._history_after = numbers_after, history_after
        self.size = numbers_before.shape[0]
        f.plan, f.numbers, f.history = &plan.plan, plan.numbers, plan.history
        f.mask = feature_space(&plan.plan.s) - 1
        c_assert(self.size > 0)
        c_assert(history_before.shape[0] == numbers_after.shape[0] == self.size)
        c_assert(history_after.shape[0] == self.size)
        c_assert(numbers_before.shape[1] == numbers_after.shape[1] == f.numbers)
        c_assert(history_before.shape[1] == history_after.shape[1] == f.history)
        f.numbers_before, f.history_before = &numbers_before[0, 0], &history_before[0, 0]
        f.numbers_after, f.history_after = &numbers_after[0, 0], &history_after[0, 0]


cdef inline int read_column(input_buffer *column, object values, Py_ssize_t size) except -1:
    cdef const double[:] of_cells = values
    c_assert(of_cells.shape[0] == size)
    column.data, column.stride = <const char *>&of_cells[0], of_cells.strides[0]
    column.count = size
    return 0


cdef inline int read_columns(input_buffer *columns, tuple values, Py_ssize_t size) except -1:
    cdef int k
    for k in range(len(values)):
        read_column(&columns[k], values[k], size)
    return 0


cdef inline void values_from(
    population_values *to, const double[:, :] values, int64_t first_cell
) noexcept:
    to.data = <const char *>&values[0, 0] - first_cell * values.strides[0]  # so that row 0 is its
    to.cell_stride, to.step_stride = values.strides[0], values.strides[1]
    to.steps = values.shape[1]


cdef double _same_speed = 1.0  # a constant: over the speed that the rates have


cdef int begin_call(
    population_call *call,
    population_cells *columns,
    population_stimulus *stimulus,
    const population_settings *settings,
    Membrane membrane,
    tuple parameters,
    Rates rates,
    tuple before,
    tuple after,
    int64_t[::1] diverged_at,
    const double[:, :] I,
    const double[:, :] G,
    int64_t step,
    cells,
    Samples samples,
) except -1:
    # Set up a call of a time loop of many cells, as `population` takes it, from its arrays, all of
    # which the caller keeps. `I` is the current, or a command; G has no rows where none is.
    cdef const membrane_shape *shape = &membrane.shape
    cdef int64_t cell = cells.start, last_cell = cells.stop
    cdef Py_ssize_t size = diverged_at.shape[0], steps = I.shape[1], k
    cdef double[:] column
    cdef int64_t[16] has_speed
    rates.check(shape)
    c_assert(0 <= cell < last_cell <= size)
    c_assert(steps > 0 and I.shape[0] == last_cell - cell)
    c_assert(
        samples.samples.cell_count == 0
        or (step + steps - 1) // samples.samples.every < samples.samples.sample_count
    )
    C_m, g, E, shift, speed, slope, pools = parameters
    c_assert(len(g) == shape.channels and len(E) == shape.channels)
    c_assert(len(slope) == (shape.channels if shape.nernst else 0))
    c_assert(len(pools) == shape.pools)
    c_assert(len(shift) == shape.vectors and len(speed) == shape.gates)
    c_assert(len(before) == 1 + shape.gates and len(after) == 1 + shape.gates)
    read_column(&columns.C_m, C_m, size)
    read_columns(columns.g, g, size)
    read_columns(columns.E, E, size)
    read_columns(columns.slope, slope, size)
    for k in range(shape.pools):
        rest, tau, gain = pools[k]
        read_column(&columns.rest[k], rest, size)
        read_column(&columns.tau[k], tau, size)
        read_column(&columns.gain[k], gain, size)
    read_columns(columns.shift, shift, size)
    read_columns(columns.before, before, size)
    for k in range(shape.gates):
        has_speed[k] = speed[k] is not None
        columns.speed[k].data, columns.speed[k].stride = <const char *>&_same_speed, 0
        if has_speed[k]:
            read_column(&columns.speed[k], speed[k], size)
    for k in range(1 + shape.gates):
        column = after[k]
        c_assert(column.shape[0] == size)
        columns.after[k].data, columns.after[k].stride = <char *>&column[0], column.strides[0]
    columns.diverged_at = &diverged_at[0]
    values_from(&stimulus.I, I, cell)
    stimulus.G.data = NULL
    if G.shape[0] > 0:
        c_assert(G.shape[0] == I.shape[0] and G.shape[1] == steps)
        values_from(&stimulus.G, G, cell)
    call.settings, call.cells, call.stimulus = settings, columns, stimulus
    call.samples, call.rates = &samples.samples, rates.source
    call.shape, call.cells_shape = shape, cells_shape_of(shape, has_speed)
    call.step = step
    call.past = population_recorded_before(&samples.samples, cell)
    return 0


@rounded_to_nearest
def population(
    const population_settings[::1] settings,  # IN     shape (1,)
    Membrane membrane not None,               # its shape; parameters are each cell's
    tuple parameters not None,                # IN     columns: C_m, (g, ...), (E, ...),
                                              #        (shift, ...), (speed or None, ...),
                                              #        (slope, ...) or (), ((rest, tau, gain), ...)
    Rates rates not None,                     # times dt, by method
    tuple before not None,                    # IN     columns: V and the gates
    tuple after not None,                     # OUT    the same, I.shape[1] steps later
    int64_t[::1] diverged_at,                 # INOUT  shape (size,): a step, or -1
    const double[:, :] I,                     # IN     shape (cells, steps), any strides, µA/cm²
    const double[:, :] G,                     # IN     the same, mS/cm² to 0 mV; or no rows
    int64_t step,                             # number of the first step within its run
    cells not None,                           # range: the call is for these
    population_spike[::1] spikes,             # OUT    space for those of this call
    Samples samples not None,                 # OUT
    Features features,                        # or None
):
    """Make I.shape[1] steps with each of some cells; return how that ended, a V, and the spikes.

    I has a row for each of these cells. A column is an array of shape (size,), with any stride: a
    number of each cell. Channels are in the order of evaluation. Shifts are those of the vectors of
    gates. Speeds are in the order of gates, over those that the rates have; None is 1.

    DONE: all were made. Anything else: what was written does not count, and the same call may be
    made again. Only these cells' parts of the outputs are written.

    The step that would leave a cell not finite is noted in diverged_at; from there on its traces
    and its state are NaN, and the others continue.
    """
    cdef population_cells columns
    cdef population_stimulus stimulus
    cdef population_spikes found
    cdef population_call call
    cdef int64_t cell = cells.start, last_cell = cells.stop, count
    cdef double missing_V = 0.0
    cdef ending ended = LOOP_DONE
    cdef population_features own_features
    cdef double[::1] feature_scratch
    cdef char[::1] scratch = np.empty(sizeof(population_block) + CACHE_LINE, np.int8)
    c_assert(0 < settings[0].block_size <= HH_BLOCK)
    begin_call(
        &call, &columns, &stimulus, &settings[0], membrane, parameters, rates, before, after,
        diverged_at, I, G, step, cells, samples,
    )
    found.list, found.count, found.capacity = &spikes[0], 0, spikes.shape[0]
    call.spikes, call.missing_V = &found, &missing_V
    call.features = NULL
    if features is not None:
        c_assert(features.size == diverged_at.shape[0])
        own_features = features.features
        feature_scratch = np.empty(HH_BLOCK * (own_features.numbers + own_features.mask + 1))
        own_features.of_groups = &feature_scratch[0]
        own_features.V = &feature_scratch[HH_BLOCK * own_features.numbers]
        call.features = &own_features
    call.hodgkin_huxley = cells_are_of_hodgkin_huxley(&call.cells_shape)
    call.block = <population_block *>(
        (<uintptr_t>&scratch[0] + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
    )
    with nogil:
        while cell < last_cell and ended == LOOP_DONE:
            count = min(last_cell - cell, settings[0].block_size)
            population_begin_block(&call, cell, count)
            if call.features != NULL:
                population_load_features(&call)
            ended = steps_of_block(
                &call, I.shape[1], I.strides[1] != 0 or (G.shape[0] > 0 and G.strides[1] != 0)
            )
            population_store_cells(&call, ended == LOOP_DONE)
            cell += settings[0].block_size
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

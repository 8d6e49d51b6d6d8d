/* Runs of any neuron, alone and as cells, for kernel_harness.c: with the structs and the rows that
   the package gives to its time loops. fixed_step.pxi and population.pxi have those, in Cython. */

#include <stdio.h>
#include <stdlib.h>

#include "population.h"

static void give(const void *values, size_t size)
{
    if (fwrite(values, 1, size, stdout) != size) {
        exit(EXIT_FAILURE);
    }
}

static void *space_for(size_t doubles)
{
    void *space = calloc(doubles + 1, sizeof(double));
    if (space == NULL) {
        exit(EXIT_FAILURE);
    }
    return space;
}

/* Outputs of all variables, side by side. */
static output_buffers rows_of(double *traces, size_t variables)
{
    output_buffers out = {.count = (int64_t)variables, .currents = 1};
    size_t v;
    for (v = 0; v < variables; ++v) {
        out.of[v].data = (char *)(traces + v);
        out.of[v].stride = (int64_t)(variables * sizeof *traces);
        out.recorded[v] = (int64_t)v;
    }
    return out;
}

HH_INLINE int64_t fixed_step_run(fixed_method method, double dt, const membrane_shape *shape,
                                 const membrane_parameters *p, const rate_source *rates, neuron now,
                                 const double *I, size_t steps, const output_buffers *out)
{
    const neuron_model model = neuron_model_of(shape, p, rates, dt, method == METHOD_EXPONENTIAL_EULER);
    const int vectors = (int)shape->vectors;
    neuron after;
    int64_t i;
    for (i = 0; i < (int64_t)steps; ++i) {
        const drive in = {I[i], 0.0, 0};
        if (!fixed_step_make(method, vectors, shape, &model, &now, &in, &after) ||
            !membrane_is_finite(vectors, &after.y)) {
            break;
        }
        now = after;
        neuron_write(vectors, shape, &now, i, out);
    }
    return i;
}

/* Any neuron, with rows that the caller has made: of V, then those of each pool. */
typedef struct {
    double count, first, inverse_width, low, high;
    double pool_count[MEMBRANE_POOLS], pool_first[MEMBRANE_POOLS], pool_bits[MEMBRANE_POOLS];
} rows_given;

static rate_source source_given(const rows_given *given, const membrane_shape *shape,
                                const double *rows)
{
    const int64_t size = RATE_TABLE_POWERS * RATE_TABLE_LANES;
    int p;
    rate_source source = {
        .rows = rows,
        .first = given->first,
        .count = (int64_t)given->count,
        .inverse_width = given->inverse_width,
        .low = given->low,
        .high = given->high,
    };
    rows += source.count * shape->rows * size;
    for (p = 0; p < shape->pools; ++p) {
        source.pools[p].rows = rows;
        source.pools[p].first = (uint64_t)given->pool_first[p];
        source.pools[p].count = (uint64_t)given->pool_count[p];
        source.pools[p].bits = (uint64_t)given->pool_bits[p];
        rows += (int64_t)given->pool_count[p] * shape->factored[p] * size;
    }
    return source;
}

typedef struct {
    rows_given rows;
    fixed_step_settings settings;
    membrane_shape shape;
    membrane_parameters p;
    neuron_record start;
    double steps;
} neuron_problem;

static void run_neuron(neuron_problem *given, const double *I)
{
    const size_t steps = (size_t)given->steps;
    const rate_source rates = source_given(&given->rows, &given->shape, I + steps);
    membrane_shape *shape = &given->shape;
    const size_t width = (size_t)(1 + shape->gates + shape->channels);
    double *traces = space_for(width * steps);
    const output_buffers out = rows_of(traces, width);
    neuron start;
    int64_t made;
    membrane_prepare(shape);
    neuron_load((int)shape->vectors, shape, &given->start, &start);
    made = fixed_step_run((fixed_method)given->settings.method, given->settings.dt, shape,
                          &given->p, &rates, start, I, steps, &out);
    give(traces, width * (size_t)made * sizeof *traces);
}

typedef struct {
    rows_given rows;
    population_settings settings;
    membrane_shape shape;
    int64_t has_speed[MEMBRANE_GATES];
    double steps, size;
} cells_problem;

/* One of many cells, with its current. */
typedef struct {
    membrane_parameters p;
    double shift[MEMBRANE_VECTORS], speed[MEMBRANE_GATES], before[POPULATION_VARIABLES], I;
} member;

static input_buffer column(const double *of_first, size_t count)
{
    const input_buffer column = {(const char *)of_first, sizeof(member), (int64_t)count};
    return column;
}

static population_cells cells_of(const member *members, size_t count)
{
    population_cells cells = {.C_m = column(&members->p.C_m, count)};
    int i;
    for (i = 0; i < MEMBRANE_CHANNELS; ++i) {
        cells.g[i] = column(&members->p.g[i], count);
        cells.slope[i] = column(&members->p.slope[i], count);
        cells.E[i] = column(&members->p.E[i], count);
    }
    for (i = 0; i < MEMBRANE_POOLS; ++i) {
        cells.rest[i] = column(&members->p.rest[i], count);
        cells.tau[i] = column(&members->p.tau[i], count);
        cells.gain[i] = column(&members->p.gain[i], count);
    }
    for (i = 0; i < MEMBRANE_VECTORS; ++i) {
        cells.shift[i] = column(&members->shift[i], count);
    }
    for (i = 0; i < MEMBRANE_GATES; ++i) {
        cells.speed[i] = column(&members->speed[i], count);
    }
    for (i = 0; i < POPULATION_VARIABLES; ++i) {
        cells.before[i] = column(&members->before[i], count);
    }
    return cells;
}

/* The steps of a block; of the last, what is recorded of each cell goes to its buffers. */
static void run_block(population_call *call, const output_buffers *out)
{
    const int64_t steps = call->stimulus->I.steps;
    int64_t i, c, v;
    population_load_stimulus(call, 0);
    for (i = 0; i < steps; ++i) {
        if (population_step(call, 0, i) != LOOP_DONE) {
            exit(EXIT_FAILURE);
        }
        for (c = 0; i == steps - 1 && c < call->block->cells; ++c) {
            for (v = 0; v < out->count; ++v) {
                output_write(&out->of[v], call->first_cell + c, population_recorded(call, v, c));
            }
        }
        call->now = 1 - call->now;
    }
    population_store_cells(call, 1);
}

static void run_cells(cells_problem *given, const member *members)
{
    const int64_t size = (int64_t)given->size, block_size = given->settings.block_size;
    const population_stimulus stimulus = {
        .I = {(const char *)&members->I, sizeof *members, 0, (int64_t)given->steps}};
    const population_samples nothing = {.every = 1};
    const size_t width = (size_t)(1 + given->shape.gates + given->shape.channels), most = 1 << 16;
    population_cells cells = cells_of(members, (size_t)size);
    population_spikes spikes = {space_for(2 * most), 0, (int64_t)most};
    double *recorded = space_for((size_t)size * width), missing_V;
    const output_buffers out = rows_of(recorded, width);
    population_block *block =
        (population_block *)(((uintptr_t)space_for(sizeof *block / sizeof(double) + 8) + 63) / 64 *
                             64);
    population_call call = {.settings = &given->settings,
                            .cells = &cells,
                            .stimulus = &stimulus,
                            .samples = &nothing,
                            .spikes = &spikes,
                            .shape = &given->shape,
                            .rates = source_given(&given->rows, &given->shape,
                                                  (const double *)(members + size)),
                            .missing_V = &missing_V,
                            .block = block};
    int64_t c;
    membrane_prepare(&given->shape);
    call.cells_shape = cells_shape_of(&given->shape, given->has_speed);
    call.hodgkin_huxley = cells_are_of_hodgkin_huxley(&call.cells_shape);
    memcpy(cells.after, out.of, sizeof cells.after);
    cells.diverged_at = space_for((size_t)size);
    memset(cells.diverged_at, -1, (size_t)size * sizeof *cells.diverged_at);
    for (c = 0; c < size; c += block_size) {
        population_begin_block(&call, c, size - c < block_size ? size - c : block_size);
        run_block(&call, &out);
    }
    for (c = 0; c < size; ++c) {
        const double diverged_at = (double)cells.diverged_at[c];
        give(recorded + (size_t)c * width, width * sizeof *recorded);
        give(&diverged_at, sizeof diverged_at);
    }
    for (c = 0; c < spikes.count; ++c) {
        const double spike[2] = {spikes.list[c].cell, spikes.list[c].time};
        give(spike, sizeof spike);
    }
}

/* What the time loop of many cells (population.pxi) is made of beside the steps of a block: its
   stimulus, what is recorded of it, and where it leaves the cells. */
#ifndef PYHH_FAST_POPULATION_H
#define PYHH_FAST_POPULATION_H

#include "population_features.h"

HH_INLINE void population_load_values(const population_call *call, const population_values *from,
                                      int64_t i, double to[POPULATION_ROWS][HH_BLOCK])
{
    const int64_t rows = from->steps - i < POPULATION_ROWS ? from->steps - i : POPULATION_ROWS;
    int64_t c, r;
    for (r = 0; r < rows && from->cell_stride == 0; ++r) { /* shared by all */
        const double value = *(const double *)(from->data + (i + r) * from->step_stride);
        for (c = 0; c < call->block->cells; ++c) {
            to[r][c] = value;
        }
    }
    for (c = 0; c < call->block->cells && from->cell_stride != 0; ++c) {
        const char *of_cell = from->data + (call->first_cell + c) * from->cell_stride;
        for (r = 0; r < rows; ++r) {
            to[r][c] = *(const double *)(of_cell + (i + r) * from->step_stride);
        }
    }
}

/* Read the stimulus of POPULATION_ROWS steps from number i of the call on. */
HH_INLINE void population_load_stimulus(population_call *call, int64_t i)
{
    population_block *b = call->block;
    population_load_values(call, &call->stimulus->I, i, b->I);
    if (call->stimulus->G.data) {
        population_load_values(call, &call->stimulus->G, i, b->G);
    }
}

/* Write the cells where they are after the call. */
HH_INLINE void population_store_cells(population_call *call, int whole)
{
    const population_cells *to = call->cells;
    population_block *b = call->block;
    int64_t c, k;
    for (c = 0; c < b->cells; ++c) {
        const int64_t cell = call->first_cell + c;
        const int finite = isfinite(*population_at(call, call->now, 0, c));
        if (!finite && whole) {
            to->diverged_at[cell] = call->step + call->stimulus->I.steps - 1;
        }
        for (k = 0; k <= call->shape->gates; ++k) {
            const double value = *population_at(call, call->now, k, c);
            output_write(&to->after[k], cell, b->inactive[c] || !finite ? NAN : value);
        }
    }
}

/* A variable of a cell at the step from states[now] to the other. */
HH_INLINE double population_recorded(const population_call *call, int64_t variable, int64_t c)
{
    const membrane_shape *shape = call->shape;
    double I[MEMBRANE_CHANNELS];
    neuron_model model;
    neuron at;
    if (call->block->inactive[c] || !isfinite(*population_at(call, 1 - call->now, 0, c))) {
        return NAN;
    }
    if (variable <= shape->gates) {
        return *population_at(call, 1 - call->now, variable, c);
    }
    population_model(call, c, &model);
    population_neuron(call, call->now, c, &at);
    neuron_currents((int)shape->vectors, shape, &model, &at.y, I);
    return I[shape->channel_of_current[variable - 1 - shape->gates]];
}

/* Keep what is recorded of the step as number `sample` of the block's samples. */
HH_INLINE void population_record(population_call *call, int sample)
{
    const population_samples *samples = call->samples;
    int64_t v, j;
    for (v = 0; v < samples->variable_count; ++v) {
        for (j = 0; j < call->past - call->first; ++j) {
            const int64_t c = samples->cells[call->first + j] - call->first_cell;
            call->block->traces[v][j][sample] =
                population_recorded(call, samples->variables[v], c);
        }
    }
}

/* Write the block's samples to the traces, the first to number first_sample. */
HH_INLINE void population_write(const population_call *call, int64_t first_sample, int count)
{
    const population_samples *s = call->samples;
    int64_t v, j;
    int i;
    for (v = 0; v < s->variable_count; ++v) {
        for (j = call->first; j < call->past; ++j) {
            double *trace =
                s->traces + (v * s->cell_count + s->rows[j]) * s->sample_count + first_sample;
            for (i = 0; i < count; ++i) {
                trace[i] = call->block->traces[v][j - call->first][i];
            }
        }
    }
}

/* Begin a block of `count` cells from number `cell` on. */
HH_INLINE void population_begin_block(population_call *call, int64_t cell, int64_t count)
{
    const population_samples *samples = call->samples;
    call->first_cell = cell;
    call->first = call->past;
    while (call->past < samples->cell_count && samples->cells[call->past] < cell + count) {
        ++call->past;
    }
    population_load_cells(call, count);
}

/* How many recorded cells are before number `cell`. */
HH_INLINE int64_t population_recorded_before(const population_samples *samples, int64_t cell)
{
    int64_t count = 0;
    while (count < samples->cell_count && samples->cells[count] < cell) {
        ++count;
    }
    return count;
}

#endif

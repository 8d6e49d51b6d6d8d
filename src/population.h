/* What the time loop of many cells (population.pxi) is made of: blocks of cells, their steps. */
#ifndef PYHH_FAST_POPULATION_H
#define PYHH_FAST_POPULATION_H

#include <assert.h>

#include "hh_block.h"
#include "outputs.h"

typedef struct {
    int64_t method;       /* a fixed_method */
    int64_t built_in;     /* rates are those of Hodgkin and Huxley; others are in the table */
    int64_t block_size;   /* cells, at most HH_BLOCK */
    double dt, threshold; /* ms, mV */
    double largest_V;     /* mV; beyond it a cell whose rates the table lacks has diverged */
} population_settings;

/* The cells, one element each. */
typedef struct {
    const hh_parameters *parameters;
    const hh_point *before;
    hh_point *after;
    int64_t *diverged_at; /* a step, or -1 */
} population_cells;

/* The stimulus: of cell c in step i at data + c cell_stride + i step_stride, in bytes. */
typedef struct {
    const char *data;
    int64_t cell_stride, step_stride, steps;
} population_stimulus;

/* What is recorded: of some cells, in rising order, some variables at each step whose number
   `every` divides; to traces[variable][row of the cell][sample]. */
typedef struct {
    const int64_t *cells, *rows;
    const int64_t *variables; /* each an hh_variable */
    int64_t cell_count, variable_count, every, sample_count;
    double *traces;
} population_samples;

#pragma pack(push, 4) /* 12 bytes: there may be more spikes than anything else */
typedef struct {
    int32_t cell;
    double time; /* ms */
} population_spike;
#pragma pack(pop)

typedef struct {
    population_spike *list;
    int64_t count, capacity;
} population_spikes;

/* A call of the loop, and the block that it is at. */
typedef struct {
    const population_settings *settings;
    const population_cells *cells;
    const population_stimulus *stimulus;
    const population_samples *samples;
    population_spikes *spikes;
    rate_source rates;
    int64_t step;        /* number of the first step of the call */
    int64_t first_cell;  /* of the block */
    int64_t first, past; /* which of the recorded cells are in the block */
    double *missing_V;
    hh_block block;
    int now; /* which of the block's two states is that before the step */
} population_call;

HH_INLINE int hh_point_is_finite(hh_point y)
{
    return isfinite(y.V + y.m + y.h + y.n);
}

HH_INLINE void population_neuron(hh_point point, neuron *to)
{
    to->y.V = point.V;
    to->y.x[0] = lanes_of(point.m, point.h, point.n, 0.0);
}

HH_INLINE hh_point population_point(const neuron *from)
{
    double x[4];
    lanes_store(x, from->y.x[0]);
    {
        const hh_point point = {from->y.V, x[HH_M], x[HH_H], x[HH_N]};
        return point;
    }
}

/* A cell of the block, with rates from the table. */
HH_INLINE void population_model(const population_call *call, int64_t c, neuron_model *model)
{
    hh_membrane(&call->cells->parameters[call->first_cell + c], &model->p);
    membrane_scale(&hh_shape, &model->p, call->block.membranes.per_C_m[c], &model->scaled);
    model->rates = &call->rates;
}

/* Step a cell whose rates the table lacks at V. Those of Hodgkin and Huxley are taken from the
   equations. Others are missing, and 0 is returned, up to largest_V; beyond, the cell diverges. */
HH_COLD int population_step_beside_table(population_call *call, int64_t c, hh_point before,
                                         double I, double V, hh_point *after)
{
    const population_settings *s = call->settings;
    rate_source rates = call->rates;
    neuron_model model;
    neuron start, end;
    double line[RATE_SOURCE_LINE];
    if (!s->built_in) {
        *call->missing_V = V;
        after->V = NAN;
        return !(fabs(V) < s->largest_V);
    }
    population_model(call, c, &model);
    population_neuron(before, &start);
    model.rates = &rates;
    end.y.V = V;
    do {
        hh_exponential_line(end.y.V, s->dt, line);
        rates.evaluated = line;
        rates.evaluated_lines = 1;
    } while (!fixed_step_make((fixed_method)s->method, 1, &hh_shape, &model, &start, I, &end));
    *after = population_point(&end);
    return 1;
}

/* Step one cell with rates from the table; return 0 where they are missing, at *missing_V. */
HH_INLINE int population_step_from_table(population_call *call, fixed_method method, int64_t c,
                                         hh_point before, double I, hh_point *after)
{
    neuron_model model;
    neuron start, end;
    population_model(call, c, &model);
    population_neuron(before, &start);
    if (!fixed_step_make(method, 1, &hh_shape, &model, &start, I, &end)) {
        return population_step_beside_table(call, c, before, I, end.y.V, after);
    }
    *after = population_point(&end);
    return 1;
}

/* The loop of population_step_all_from_table for one method, which is a constant. */
HH_INLINE int64_t population_table_loop(population_call *call, fixed_method method, int row)
{
    const double threshold = call->settings->threshold;
    hh_block *b = &call->block;
    const hh_block_state *HH_RESTRICT before = &b->states[call->now];
    hh_block_state *HH_RESTRICT after = &b->states[1 - call->now];
    const double *I = b->I[row];
    const int64_t cells = b->cells;
    int64_t any = 0, c;
    for (c = 0; c < cells; ++c) {
        const hh_point start = hh_block_point(before, c);
        hh_point end = start;
        int flagged = 0;
        if (!b->inactive[c]) {
            if (!population_step_from_table(call, method, c, start, I[c], &end)) {
                return -1;
            }
            flagged = (start.V < threshold && threshold <= end.V) || !hh_point_is_finite(end);
        }
        hh_block_put(after, c, end);
        b->flags[c] = flagged ? HH_SPIKE : 0; /* or divergence */
        any |= flagged;
    }
    return any;
}

/* Step all cells of the block with rates from the table. Flags them as hh_block_step does, and
   returns -1 where rates are missing. */
HH_NOINLINE int64_t population_step_all_from_table(population_call *call, int row)
{
    switch ((fixed_method)call->settings->method) {
    case METHOD_EULER:
        return population_table_loop(call, METHOD_EULER, row);
    case METHOD_EXPONENTIAL_EULER:
        return population_table_loop(call, METHOD_EXPONENTIAL_EULER, row);
    case METHOD_RK4:
        return population_table_loop(call, METHOD_RK4, row);
    }
    return population_table_loop(call, (fixed_method)-1, row);
}

/* Complete the step of a flagged cell: with exact rates where it needs them; note a divergence and
   a spike. Returns 0 where there is no space for the spike. */
HH_INLINE int population_finish_flagged(population_call *call, int row, int64_t c, int64_t step)
{
    const population_settings *s = call->settings;
    const fixed_method method = (fixed_method)s->method;
    const int64_t cell = call->first_cell + c;
    population_spikes *spikes = call->spikes;
    hh_block *b = &call->block;
    hh_block_state *states = &b->states[1 - call->now];
    const hh_point before = hh_block_point(&b->states[call->now], c);
    const double I = b->I[row][c];
    hh_point after = hh_block_point(states, c);
    neuron_model model;
    neuron start, end;
    population_model(call, c, &model);
    if (b->flags[c] & HH_NEEDS_EXACT_RATES) {
        if (method == METHOD_EXPONENTIAL_EULER) {
            population_step_from_table(call, method, c, before, I, &after);
        } else {
            after = hh_step_with_exact_rates(method, before, &model.scaled, I, s->dt);
        }
        hh_block_put(states, c, after);
    }
    if (!hh_point_is_finite(after)) {
        /* A step straight to infinity is seen at the next. */
        call->cells->diverged_at[cell] = hh_point_is_finite(before) ? step : step - 1;
        hh_block_deactivate(b, states, c);
        return 1;
    }
    if (before.V < s->threshold && s->threshold <= after.V) {
        population_spike *spike = &spikes->list[spikes->count];
        if (spikes->count >= spikes->capacity) {
            return 0;
        }
        population_neuron(before, &start);
        population_neuron(after, &end);
        spike->cell = (int32_t)cell;
        spike->time = s->dt * ((double)step + fixed_step_crossing(method, 1, &hh_shape, &model,
                                                                  &start, &end, I, s->threshold));
        ++spikes->count;
    }
    return 1;
}

/* Make one step with all cells of the block, and return how that ended. */
HH_INLINE ending population_step(population_call *call, int row, int64_t step)
{
    const population_settings *s = call->settings;
    hh_block *b = &call->block;
    int64_t c, any;
    if (s->built_in) {
        any = hh_block_step((fixed_method)s->method, b, call->now, row, s->dt, s->threshold);
    } else {
        any = population_step_all_from_table(call, row);
        if (any < 0) {
            return LOOP_RATES_MISSING;
        }
    }
    if (any) {
        for (c = 0; c < b->cells; ++c) {
            if (b->flags[c] && !population_finish_flagged(call, row, c, step)) {
                return LOOP_SPIKES_FULL;
            }
        }
    }
    return LOOP_DONE;
}

/* Fill the block with the next cells, in their state before the call. */
HH_INLINE void population_load_cells(population_call *call, int64_t count)
{
    const population_cells *cells = call->cells;
    hh_block *b = &call->block;
    int64_t c;
    hh_block_pad(b, count);
    for (c = 0; c < count; ++c) {
        const int64_t cell = call->first_cell + c;
        const hh_point y = cells->before[cell];
        if (hh_point_is_finite(y)) {
            hh_block_activate(b, c, y, &cells->parameters[cell], call->settings->dt);
        } else {
            hh_block_deactivate(b, &b->states[0], c);
            if (cells->diverged_at[cell] < 0) {
                cells->diverged_at[cell] = call->step;
            }
        }
    }
    call->now = 0;
}

/* Read the stimulus of HH_ROWS steps from number i of the call on. */
HH_INLINE void population_load_stimulus(population_call *call, int64_t i)
{
    const population_stimulus *I = call->stimulus;
    const int64_t rows = I->steps - i < HH_ROWS ? I->steps - i : HH_ROWS;
    hh_block *b = &call->block;
    int64_t c, r;
    for (c = 0; c < b->cells; ++c) {
        const char *of_cell = I->data + (call->first_cell + c) * I->cell_stride;
        for (r = 0; r < rows; ++r) {
            b->I[r][c] = *(const double *)(of_cell + (i + r) * I->step_stride);
        }
    }
}

/* Write the cells where they are after the call. */
HH_INLINE void population_store_cells(population_call *call, int whole)
{
    const population_cells *cells = call->cells;
    hh_block *b = &call->block;
    int64_t c;
    for (c = 0; c < b->cells; ++c) {
        const hh_point none = {NAN, NAN, NAN, NAN};
        const hh_point y = hh_block_point(&b->states[call->now], c);
        if (!isfinite(y.V) && whole) {
            cells->diverged_at[call->first_cell + c] = call->step + call->stimulus->steps - 1;
        }
        cells->after[call->first_cell + c] = b->inactive[c] || !isfinite(y.V) ? none : y;
    }
}

/* Keep what is recorded of the step from states[now] as number `sample` of the block's samples. */
HH_INLINE void population_record(population_call *call, int sample)
{
    const population_samples *samples = call->samples;
    hh_block *b = &call->block;
    const hh_block_state *before = &b->states[call->now], *after = &b->states[1 - call->now];
    const double *const state[] = {
        [HH_V] = after->V, [HH_VAR_M] = after->m, [HH_VAR_H] = after->h, [HH_VAR_N] = after->n};
    int64_t v, j;
    for (v = 0; v < samples->variable_count; ++v) {
        const int64_t variable = samples->variables[v];
        for (j = 0; j < call->past - call->first; ++j) {
            const int64_t cell = samples->cells[call->first + j], c = cell - call->first_cell;
            double *trace = b->traces[variable][j];
            if (b->inactive[c] || !isfinite(after->V[c])) {
                trace[sample] = NAN;
            } else if (variable <= HH_VAR_N) {
                trace[sample] = state[variable][c];
            } else {
                membrane_parameters p;
                const double x[] = {1.0, before->m[c], before->h[c], before->n[c]};
                double open[HH_CHANNELS], I[HH_CHANNELS];
                hh_membrane(&call->cells->parameters[cell], &p);
                membrane_open_of(&hh_shape, x, open);
                membrane_currents(&hh_shape, &p, before->V[c], open, I);
                trace[sample] = I[hh_shape.channel_of_current[variable - HH_I_NA]];
            }
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
                trace[i] = call->block.traces[s->variables[v]][j - call->first][i];
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

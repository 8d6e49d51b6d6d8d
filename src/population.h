/* The time loop of many cells, block by block. */
#ifndef PYHH_FAST_POPULATION_H
#define PYHH_FAST_POPULATION_H

#include <assert.h>

#include "hh_block.h"
#include "outputs.h"

typedef struct {
    int64_t method;       /* an hh_method */
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

/* Step a cell whose rates the table lacks. Those of Hodgkin and Huxley are taken from the
   equations. Others are missing, and 0 is returned, up to largest_V; beyond, the cell diverges. */
HH_COLD int population_step_beside_table(population_call *call, hh_neuron before,
                                         const hh_parameters *p, double dt_over_C_m, double I,
                                         hh_neuron *after)
{
    const population_settings *s = call->settings;
    rate_source rates = call->rates;
    double line[RATE_SOURCE_LINE];
    if (!s->built_in) {
        *call->missing_V = after->y.V;
        if (fabs(after->y.V) < s->largest_V) {
            return 0;
        }
        after->y.V = NAN;
        return 1;
    }
    do {
        hh_exponential_line(after->y.V, s->dt, line);
        rates.evaluated = line;
        rates.evaluated_lines = 1;
    } while (!hh_step((hh_method)s->method, before, p, dt_over_C_m, &rates, I, after));
    return 1;
}

/* Step one cell with rates from the table; return 0 where they are missing, at *missing_V. */
HH_INLINE int population_step_from_table(population_call *call, hh_method method,
                                         const hh_parameters *p, double dt_over_C_m,
                                         hh_point before, double I, hh_point *after)
{
    const hh_neuron start = hh_neuron_at(before);
    hh_neuron end = start;
    if (!hh_step(method, start, p, dt_over_C_m, &call->rates, I, &end)) {
        hh_neuron beside = end; /* in memory, so that `end` need not be */
        if (!population_step_beside_table(call, start, p, dt_over_C_m, I, &beside)) {
            return 0;
        }
        end = beside;
    }
    *after = hh_point_of(&end);
    return 1;
}

/* The loop of population_step_all_from_table for one method: a constant, as in fixed_step_loop. */
HH_INLINE int64_t population_table_loop(population_call *call, hh_method method, int row)
{
    const double threshold = call->settings->threshold;
    const hh_parameters *p = &call->cells->parameters[call->first_cell];
    hh_block *b = &call->block;
    const hh_block_state *HH_RESTRICT before = &b->states[call->now];
    hh_block_state *HH_RESTRICT after = &b->states[1 - call->now];
    const double *I = b->I[row], *dt_over_C_m = b->membranes.per_C_m;
    const int64_t cells = b->cells;
    int64_t any = 0, c;
    for (c = 0; c < cells; ++c) {
        const hh_point start = hh_block_point(before, c);
        hh_point end = start;
        int flagged = 0;
        if (!b->inactive[c]) {
            if (!population_step_from_table(call, method, &p[c], dt_over_C_m[c], start, I[c],
                                            &end)) {
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
    switch ((hh_method)call->settings->method) {
    case HH_EULER:
        return population_table_loop(call, HH_EULER, row);
    case HH_EXPONENTIAL_EULER:
        return population_table_loop(call, HH_EXPONENTIAL_EULER, row);
    case HH_RK4:
        return population_table_loop(call, HH_RK4, row);
    }
    return population_table_loop(call, (hh_method)-1, row);
}

/* Complete the step of a flagged cell: with exact rates where it needs them; note a divergence and
   a spike. Returns 0 where there is no space for the spike. */
HH_INLINE int population_finish_flagged(population_call *call, int row, int64_t c, int64_t step)
{
    const population_settings *s = call->settings;
    const hh_method method = (hh_method)s->method;
    const int64_t cell = call->first_cell + c;
    const hh_parameters *p = &call->cells->parameters[cell];
    population_spikes *spikes = call->spikes;
    hh_block *b = &call->block;
    hh_block_state *states = &b->states[1 - call->now];
    const hh_point before = hh_block_point(&b->states[call->now], c);
    const double I = b->I[row][c];
    hh_point after = hh_block_point(states, c);
    hh_neuron start, end;
    if (b->flags[c] & HH_NEEDS_EXACT_RATES) {
        if (method == HH_EXPONENTIAL_EULER) {
            population_step_from_table(call, method, p, s->dt / p->C_m, before, I, &after);
        } else {
            const hh_membrane membrane = hh_block_membrane(&b->membranes, c);
            after = hh_step_with_exact_rates(method, before, membrane, I, s->dt);
        }
        hh_block_put(states, c, after);
    }
    start = hh_neuron_at(before);
    end = hh_neuron_at(after);
    if (!hh_is_finite(end.y)) {
        /* A step straight to infinity is seen at the next. */
        call->cells->diverged_at[cell] = hh_is_finite(start.y) ? step : step - 1;
        hh_block_deactivate(b, states, c);
        return 1;
    }
    if (start.y.V < s->threshold && s->threshold <= end.y.V) {
        population_spike *spike = &spikes->list[spikes->count];
        if (spikes->count >= spikes->capacity) {
            return 0;
        }
        spike->cell = (int32_t)cell;
        spike->time = s->dt * ((double)step + hh_crossing(method, start, end, p, s->dt / p->C_m, I,
                                                          s->threshold));
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
        any = hh_block_step((hh_method)s->method, b, call->now, row, s->dt, s->threshold);
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
        [HH_V] = after->V, [HH_M] = after->m, [HH_H] = after->h, [HH_N] = after->n};
    int64_t v, j;
    for (v = 0; v < samples->variable_count; ++v) {
        const int64_t variable = samples->variables[v];
        for (j = 0; j < call->past - call->first; ++j) {
            const int64_t cell = samples->cells[call->first + j], c = cell - call->first_cell;
            double *trace = b->traces[variable][j];
            if (b->inactive[c] || !isfinite(after->V[c])) {
                trace[sample] = NAN;
            } else if (variable <= HH_N) {
                trace[sample] = state[variable][c];
            } else {
                const hh_neuron neuron = hh_neuron_at(hh_block_point(before, c));
                const hh_currents i = hh_currents_at(&call->cells->parameters[cell], neuron.y.V,
                                                     hh_open_at(neuron.y.x));
                trace[sample] = variable == HH_I_NA  ? i.I_Na
                                : variable == HH_I_K ? i.I_K
                                                     : i.I_L;
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

/* Make all steps of the call with the cells of the block, and return how that ended. */
HH_INLINE ending population_run_block(population_call *call)
{
    const population_samples *samples = call->samples;
    const int64_t every = samples->every, steps = call->stimulus->steps;
    const int changes = call->stimulus->step_stride != 0, recorded = call->past > call->first;
    int64_t first_sample = (call->step + every - 1) / every, i;
    int row = 0, count = 0;
    for (i = 0; i < steps; ++i) {
        ending ended;
        if (changes) {
            row = (int)(i % HH_ROWS);
        }
        if (row == 0 && (changes || i == 0)) {
            population_load_stimulus(call, i);
        }
        ended = population_step(call, row, call->step + i);
        if (ended != LOOP_DONE) {
            return ended;
        }
        if (recorded && (call->step + i) % every == 0) {
            population_record(call, count);
            ++count;
            if (count == HH_ROWS) {
                population_write(call, first_sample, count);
                first_sample += count;
                count = 0;
            }
        }
        call->now = 1 - call->now;
    }
    if (count > 0) {
        population_write(call, first_sample, count);
    }
    return LOOP_DONE;
}

/* Make the steps of the stimulus, from number `step` of the run on, with cells first_cell to
   last_cell, the last excluded; return how that ended.

   LOOP_DONE: all were made. Anything else: what was written does not count, and the same call may
   be made again. The step that would leave a cell not finite is noted in diverged_at; from there on
   its traces and its state are NaN, and the others continue. */
static inline ending population_run(const population_settings *settings,
                                    const population_cells *cells, rate_source rates,
                                    const population_stimulus *stimulus, int64_t step,
                                    int64_t first_cell, int64_t last_cell,
                                    population_spikes *spikes, const population_samples *samples,
                                    double *missing_V)
{
    population_call call;
    ending ended = LOOP_DONE;
    int64_t cell;
    assert(0 < settings->block_size && settings->block_size <= HH_BLOCK);
    call.settings = settings;
    call.cells = cells;
    call.stimulus = stimulus;
    call.samples = samples;
    call.spikes = spikes;
    call.rates = rates;
    call.step = step;
    call.missing_V = missing_V;
    call.past = 0;
    while (call.past < samples->cell_count && samples->cells[call.past] < first_cell) {
        ++call.past;
    }
    for (cell = first_cell; cell < last_cell && ended == LOOP_DONE; cell += settings->block_size) {
        const int64_t left = last_cell - cell;
        const int64_t count = left < settings->block_size ? left : settings->block_size;
        call.first_cell = cell;
        call.first = call.past;
        while (call.past < samples->cell_count && samples->cells[call.past] < cell + count) {
            ++call.past;
        }
        population_load_cells(&call, count);
        ended = population_run_block(&call);
        population_store_cells(&call, ended == LOOP_DONE);
    }
    return ended;
}

#endif

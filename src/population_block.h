/* A block of many cells: how it is filled, and a step of it. Steps with Hodgkin and Huxley's
   built-in rates are those of hh_block.h; all others, of groups of eight, of cells_step.h. */
#ifndef PYHH_FAST_POPULATION_BLOCK_H
#define PYHH_FAST_POPULATION_BLOCK_H

#include "population_call.h"

/* Where V (0) or a gate of a cell of the block is, in either of its states. */
HH_INLINE double *population_at(const population_call *call, int state, int64_t variable,
                                int64_t c)
{
    population_block *b = call->block;
    cells *of_eight;
    if (call->settings->built_in) {
        return (double *)&b->hh.states[state] + variable * HH_BLOCK + c;
    }
    of_eight = &b->groups[c / CELLS].states[state].y.V;
    return (double *)(of_eight + (variable == 0 ? 0 : 1 + variable)) + c % CELLS;
}

HH_INLINE int population_is_finite(const population_call *call, int state, int64_t c)
{
    double sum = 0.0;
    int64_t k;
    for (k = 0; k <= call->shape->gates; ++k) {
        sum += *population_at(call, state, k, c);
    }
    return isfinite(sum);
}

HH_INLINE void population_membrane(const population_call *call, int64_t cell,
                                   membrane_parameters *p)
{
    const population_cells *from = call->cells;
    int c;
    p->C_m = input_read(&from->C_m, cell);
    for (c = 0; c < MEMBRANE_CHANNELS; ++c) {
        p->g[c] = c < call->shape->channels ? input_read(&from->g[c], cell) : 0.0;
        p->E[c] = c < call->shape->channels ? input_read(&from->E[c], cell) : 0.0;
        p->slope[c] =
            call->shape->nernst && c < call->shape->channels ? input_read(&from->slope[c], cell)
                                                             : 0.0;
    }
    for (c = 0; c < call->shape->pools; ++c) {
        p->rest[c] = input_read(&from->rest[c], cell);
        p->tau[c] = input_read(&from->tau[c], cell);
        p->gain[c] = input_read(&from->gain[c], cell);
    }
}

/* A cell of the block by itself. */
HH_INLINE void population_neuron(const population_call *call, int state, int64_t c, neuron *to)
{
    double x[MEMBRANE_LANES] = {0.0};
    int64_t k;
    int v;
    for (k = 0; k < call->shape->gates; ++k) {
        x[call->shape->lane_of_gate[k]] = *population_at(call, state, 1 + k, c);
    }
    to->y.V = *population_at(call, state, 0, c);
    for (v = 0; v < call->shape->vectors; ++v) {
        to->y.x[v] = lanes_load(x + 4 * v);
    }
}

HH_INLINE void population_model(const population_call *call, int64_t c, neuron_model *model)
{
    population_membrane(call, call->first_cell + c, &model->p);
    membrane_scale(call->shape, &model->p, call->settings->dt,
                   call->settings->method == METHOD_EXPONENTIAL_EULER, &model->scaled);
    model->rates = &call->rates;
    model->currents = 0;
}

HH_INLINE drive population_drive(const population_call *call, int row, int64_t c)
{
    const int conducts = call->stimulus->G.data != NULL;
    const drive in = {call->block->I[row][c], conducts ? call->block->G[row][c] : 0.0, conducts};
    return in;
}

/* Step a cell with built-in rates by the table, or, where that has none at V, by the equations. */
HH_COLD void population_step_from_table(const population_call *call, int64_t c,
                                        const drive *in)
{
    const fixed_method method = (fixed_method)call->settings->method;
    rate_source rates = call->rates;
    neuron_model model;
    neuron start, end;
    double line[RATE_SOURCE_LINE], x[4];
    int64_t k;
    population_model(call, c, &model);
    population_neuron(call, call->now, c, &start);
    model.rates = &rates;
    while (!fixed_step_make(method, 1, &hh_shape, &model, &start, in, &end)) {
        hh_exponential_line(end.y.V, call->settings->dt, line);
        rates.evaluated = line;
        rates.evaluated_lines = 1;
    }
    lanes_store(x, end.y.x[0]);
    *population_at(call, 1 - call->now, 0, c) = end.y.V;
    for (k = 0; k < call->shape->gates; ++k) {
        *population_at(call, 1 - call->now, 1 + k, c) = x[call->shape->lane_of_gate[k]];
    }
}

HH_COLD void population_step_exactly(const population_call *call, int64_t c, const drive *in)
{
    const population_settings *s = call->settings;
    hh_block *b = &call->block->hh;
    neuron_model model;
    if (s->method == METHOD_EXPONENTIAL_EULER) {
        population_step_from_table(call, c, in);
        return;
    }
    population_model(call, c, &model);
    hh_block_put(&b->states[1 - call->now], c,
                 hh_step_with_exact_rates((fixed_method)s->method,
                                          hh_block_point(&b->states[call->now], c),
                                          &model.scaled, in, s->dt));
}

/* Take a cell out of the run: nothing moves it any more. */
HH_INLINE void population_deactivate(const population_call *call, int state, int64_t c)
{
    population_block *b = call->block;
    const rate_source *rates = &call->rates;
    int64_t k;
    int i;
    for (k = 0; k <= call->shape->gates; ++k) {
        *population_at(call, state, k, c) = 0.0;
    }
    b->inactive[c] = 1;
    if (call->settings->built_in) {
        membrane_scaled none;
        memset(&none, 0, sizeof none);
        hh_block_set_membrane(&b->hh.membranes, c, &none);
    } else {
        cells_neuron_model *m = &b->groups[c / CELLS].model;
        if (!(rates->low < 0.0 && 0.0 < rates->high)) {
            *population_at(call, state, 0, c) = 0.5 * (rates->low + rates->high);
        }
        cells_put(&m->scaled.per_C_m, c % CELLS, 0.0);
        for (i = 0; i < call->shape->channels; ++i) {
            cells_put(&m->p.g[i], c % CELLS, 0.0);
            cells_put(&m->scaled.g[i], c % CELLS, 0.0);
            cells_put(&m->scaled.E[i], c % CELLS, 0.0);
            cells_put(&m->scaled.slope[0][i], c % CELLS, 0.0);
            cells_put(&m->scaled.slope[1][i], c % CELLS, 0.0);
        }
        for (i = 0; i < call->shape->pools; ++i) { /* the concentration stays in the table */
            cells_put(&m->scaled.alpha[i], c % CELLS, 0.0);
            cells_put(&m->scaled.alpha_plus_beta[i], c % CELLS, 0.0);
            cells_put(&m->scaled.feed[i], c % CELLS, 0.0);
            *population_at(call, state, call->shape->gates - call->shape->pools + 1 + i, c) = 1.0;
        }
        for (i = 0; i < call->shape->vectors; ++i) {
            cells_put(&m->shift[i], c % CELLS, 0.0);
        }
        for (i = 0; i < call->shape->gates; ++i) {
            cells_put(&m->speed[i], c % CELLS, 1.0);
        }
    }
}

/* Complete the step of a flagged cell: with exact rates where it needs them; note a divergence and
   a spike. */
HH_INLINE ending population_finish_flagged(population_call *call, int row, int64_t c, int64_t step)
{
    const population_settings *s = call->settings;
    const int64_t cell = call->first_cell + c;
    const int after = 1 - call->now;
    const drive in = population_drive(call, row, c);
    population_spikes *spikes = call->spikes;
    double V_before, V_after;
    if (call->block->flags[c] & HH_NEEDS_EXACT_RATES) {
        if (s->built_in) {
            population_step_exactly(call, c, &in);
        } else {
            const double V = call->block->groups[c / CELLS].outside.V[c % CELLS];
            if (fabs(V) < s->largest_V) {
                *call->missing_V = V;
                return LOOP_RATES_MISSING;
            }
            *population_at(call, after, 0, c) = NAN;
        }
    }
    if (!population_is_finite(call, after, c)) {
        /* A step straight to infinity is seen at the next. */
        call->cells->diverged_at[cell] =
            population_is_finite(call, call->now, c) ? step : step - 1;
        population_deactivate(call, after, c);
        return LOOP_DONE;
    }
    V_before = *population_at(call, call->now, 0, c);
    V_after = *population_at(call, after, 0, c);
    if (V_before < s->threshold && s->threshold <= V_after) {
        population_spike *spike = &spikes->list[spikes->count];
        neuron_model model;
        neuron start, end;
        if (spikes->count >= spikes->capacity) {
            return LOOP_SPIKES_FULL;
        }
        population_model(call, c, &model);
        population_neuron(call, call->now, c, &start);
        population_neuron(call, after, c, &end);
        spike->cell = (int32_t)cell;
        spike->time =
            s->dt * ((double)step + fixed_step_crossing((fixed_method)s->method,
                                                        (int)call->shape->vectors, call->shape,
                                                        &model, &start, &end, &in, s->threshold));
        ++spikes->count;
    }
    return LOOP_DONE;
}

/* Step the block's groups; return the flags of all cells combined. Of a constant method, and of one
   shape that is a constant; by themselves those with pools or conductances. */
HH_INLINE int64_t population_step_groups(fixed_method method, population_call *call, int gates,
                                         int pools, const cells_shape *shape, hh_block_drive from,
                                         int conducts)
{
    population_block *b = call->block;
    const int64_t groups = (b->cells + CELLS - 1) / CELLS;
    int64_t any = 0, g, i;
    for (g = 0; g < groups; ++g) {
        population_group *group = &b->groups[g];
        cells_drive in = {cells_load(from.I + CELLS * g), cells_all(0.0), conducts};
        unsigned flagged;
        if (conducts) {
            in.G = cells_load(from.G + CELLS * g);
        }
        flagged =
            cells_step(method, gates, pools, shape, &group->model, &group->states[call->now], &in,
                       call->settings->threshold, &group->states[1 - call->now]);
        flagged |= group->outside.cells;
        if (flagged) {
            for (i = 0; i < CELLS; ++i) {
                const int64_t c = CELLS * g + i;
                if (flagged >> i & !b->inactive[c]) {
                    b->flags[c] =
                        HH_SPIKE | (group->outside.cells >> i & 1 ? HH_NEEDS_EXACT_RATES : 0);
                    any |= b->flags[c];
                }
            }
            group->outside.cells = 0;
        }
    }
    return any;
}

#define POPULATION_GROUPS_BY(method)                                                         \
    HH_NOINLINE int64_t population_groups_##method(population_call *call, hh_block_drive in) \
    {                                                                                        \
        return call->hodgkin_huxley                                                         \
                   ? population_step_groups(method, call, 3, 0, &hh_cells_shape, in, 0)      \
                   : population_step_groups(method, call, (int)call->cells_shape.gates, 0,   \
                                            &call->cells_shape, in, 0);                      \
    }                                                                                        \
    HH_NOINLINE int64_t population_fed_groups_##method(population_call *call,                \
                                                       hh_block_drive in)                    \
    {                                                                                        \
        return population_step_groups(method, call, (int)call->cells_shape.gates,            \
                                      (int)call->cells_shape.pools, &call->cells_shape, in,  \
                                      in.G != NULL);                                         \
    }

POPULATION_GROUPS_BY(METHOD_EULER)
POPULATION_GROUPS_BY(METHOD_EXPONENTIAL_EULER)
POPULATION_GROUPS_BY(METHOD_RK4)

HH_INLINE int64_t population_step_cells(population_call *call, hh_block_drive in)
{
    const population_settings *s = call->settings;
    population_block *b = call->block;
    const int fed = in.G || call->cells_shape.pools;
    if (s->built_in) {
        return hh_block_step((fixed_method)s->method, &b->hh, call->now, (b->cells + 7) & ~7, in,
                             s->dt, s->threshold, b->flags);
    }
    switch ((fixed_method)s->method) {
    case METHOD_EULER:
        return fed ? population_fed_groups_METHOD_EULER(call, in)
                   : population_groups_METHOD_EULER(call, in);
    case METHOD_EXPONENTIAL_EULER:
        return fed ? population_fed_groups_METHOD_EXPONENTIAL_EULER(call, in)
                   : population_groups_METHOD_EXPONENTIAL_EULER(call, in);
    case METHOD_RK4:
        return fed ? population_fed_groups_METHOD_RK4(call, in)
                   : population_groups_METHOD_RK4(call, in);
    }
    return population_step_groups((fixed_method)-1, call, (int)call->cells_shape.gates, 0,
                                  &call->cells_shape, in, 0);
}

/* Make one step with all cells of the block, and return how that ended. */
HH_INLINE ending population_step(population_call *call, int row, int64_t step)
{
    population_block *b = call->block;
    const hh_block_drive in = {b->I[row], call->stimulus->G.data ? b->G[row] : NULL};
    int64_t c;
    if (population_step_cells(call, in)) {
        for (c = 0; c < b->cells; ++c) {
            if (b->flags[c]) {
                const ending ended = population_finish_flagged(call, row, c, step);
                if (ended != LOOP_DONE) {
                    return ended;
                }
                b->flags[c] = 0;
            }
        }
    }
    return LOOP_DONE;
}

/* Put a cell into the block, in its state before the call. */
HH_INLINE void population_activate(population_call *call, int64_t c)
{
    const population_cells *from = call->cells;
    const int64_t cell = call->first_cell + c;
    population_block *b = call->block;
    neuron_model model;
    int64_t k;
    int i;
    for (k = 0; k <= call->shape->gates; ++k) {
        *population_at(call, 0, k, c) = input_read(&from->before[k], cell);
    }
    b->inactive[c] = 0;
    population_model(call, c, &model);
    if (call->settings->built_in) {
        hh_block_set_membrane(&b->hh.membranes, c, &model.scaled);
        return;
    }
    {
        cells_neuron_model *m = &b->groups[c / CELLS].model;
        cells_put(&m->scaled.per_C_m, c % CELLS, model.scaled.per_C_m);
        for (i = 0; i < call->shape->channels; ++i) {
            cells_put(&m->p.g[i], c % CELLS, model.p.g[i]);
            cells_put(&m->scaled.g[i], c % CELLS, model.scaled.g[i]);
            cells_put(&m->scaled.E[i], c % CELLS, model.scaled.E[i]);
            if (call->shape->nernst) {
                cells_put(&m->scaled.slope[0][i], c % CELLS, model.scaled.slope[0][i]);
                cells_put(&m->scaled.slope[1][i], c % CELLS, model.scaled.slope[1][i]);
            }
        }
        for (i = 0; i < call->shape->pools; ++i) {
            cells_put(&m->scaled.alpha[i], c % CELLS, model.scaled.alpha[i]);
            cells_put(&m->scaled.alpha_plus_beta[i], c % CELLS, model.scaled.alpha_plus_beta[i]);
            cells_put(&m->scaled.feed[i], c % CELLS, model.scaled.feed[i]);
        }
        for (i = 0; i < call->shape->vectors; ++i) {
            cells_put(&m->shift[i], c % CELLS, input_read(&from->shift[i], cell));
        }
        for (i = 0; i < call->shape->gates; ++i) {
            cells_put(&m->speed[i], c % CELLS, input_read(&from->speed[i], cell));
        }
    }
}

/* Fill the block with the next cells; up to whole vectors with inactive ones. */
HH_INLINE void population_load_cells(population_call *call, int64_t count)
{
    const int64_t padded = (count + CELLS - 1) / CELLS * CELLS;
    population_block *b = call->block;
    int64_t c;
    int row, g;
    call->now = 0;
    b->cells = count;
    for (g = 0; g < padded / CELLS && !call->settings->built_in; ++g) {
        population_group *group = &b->groups[g];
        group->states[0].y.x[0] = group->states[1].y.x[0] = cells_all(1.0);
        group->model.rates = &call->rates;
        group->model.exponential = call->settings->method == METHOD_EXPONENTIAL_EULER;
        group->model.outside = &group->outside;
        group->model.latest = &group->latest;
        group->latest.V = cells_all(NAN); /* which is equal to no V */
        group->outside.cells = 0;
    }
    for (c = 0; c < padded; ++c) {
        b->flags[c] = 0;
        if (c < count) {
            population_activate(call, c);
            if (population_is_finite(call, 0, c)) {
                continue;
            }
            if (call->cells->diverged_at[call->first_cell + c] < 0) {
                call->cells->diverged_at[call->first_cell + c] = call->step;
            }
        }
        population_deactivate(call, 0, c);
        for (row = 0; row < POPULATION_ROWS; ++row) {
            b->I[row][c] = b->G[row][c] = 0.0;
        }
    }
}

#endif

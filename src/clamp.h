/* Voltage clamp: an electrode holds V, and injects whatever current that needs.

   At a constant V the rates are constant, and the closed form of a gate,

       x(dt) = x_inf + (x(0) - x_inf) e^(-(alpha + beta) dt)
             = x(0) + dt phi1(-(alpha + beta) dt) (alpha - (alpha + beta) x(0)),

   is the gates' step of exponential Euler (exponential_euler.h), whose rows of rates this takes: it
   has no error but that of the rows. Pools decay as there, too, with the mean of the inflows at
   both ends of the step, and gates that depend on them have the rates of the concentrations
   between: both are of second order. The currents are those at V, of the gates and the pools after
   the step.

   The electrode injects these, and what charges the membrane when V changes:

       I_total = sum of I_c + C_m (V - V_before) / dt,                     outward positive. */
#ifndef PYHH_FAST_CLAMP_H
#define PYHH_FAST_CLAMP_H

#include "population.h"

/* Multiply rates by speeds that are a cell's own, and by phi1, which the table has for the gates
   of the others; their speed is 0 here. */
HH_INLINE void clamp_apply_speeds(int vectors, const double *speed, gate_rates *r)
{
    double alpha[4], alpha_plus_beta[4];
    int v, i;
    for (v = 0; v < vectors; ++v) {
        lanes_store(alpha, r[v].alpha);
        lanes_store(alpha_plus_beta, r[v].alpha_plus_beta);
        for (i = 0; i < 4; ++i) {
            if (speed[4 * v + i] > 0) {
                alpha[i] *= speed[4 * v + i];
                alpha_plus_beta[i] *= speed[4 * v + i];
                exponential_rates(&alpha[i], &alpha_plus_beta[i]);
            }
        }
        r[v].alpha = lanes_load(alpha);
        r[v].alpha_plus_beta = lanes_load(alpha_plus_beta);
    }
}

/* Find the rates of the pools at a state, with their inflow; all other gates have 0 and 0. Its
   instantaneous gates are put where they are. Return 0 where rates are missing. */
HH_INLINE int clamp_find_pools(int vectors, const membrane_shape *s, const neuron_model *m,
                               membrane_state *y, gate_rates *pools)
{
    found_rates at;
    double open[MEMBRANE_CHANNELS];
    int v;
    if (!neuron_settle(vectors, (int)s->pools, s, m, y, &at)) {
        return 0;
    }
    membrane_open(vectors, s, y, open);
    for (v = 0; v < vectors; ++v) {
        at.r[v].alpha = at.r[v].alpha_plus_beta = lanes_all(0.0);
    }
    membrane_feed(vectors, (int)s->pools, s, &m->scaled, y->V, open, &at);
    for (v = 0; v < vectors; ++v) {
        pools[v] = at.r[v];
    }
    return 1;
}

/* Step the gates and pools of *y at its V; return 0 where rates are missing. */
HH_INLINE int clamp_step_with_pools(int vectors, const membrane_shape *s, const neuron_model *m,
                                    const double *speed, membrane_state *y)
{
    gate_rates begin[MEMBRANE_VECTORS], end[MEMBRANE_VECTORS];
    membrane_state guess;
    found_rates at;
    int v;
    if (!clamp_find_pools(vectors, s, m, y, begin)) {
        return 0;
    }
    guess.V = y->V;
    for (v = 0; v < vectors; ++v) { /* the pools half a step later; all else is as it is */
        const lanes after = gates_step(y->x[v], begin[v].alpha, begin[v].alpha_plus_beta);
        guess.x[v] = lanes_mul(lanes_all(0.5), lanes_add(y->x[v], after));
    }
    if (!neuron_find_rates(vectors, (int)s->pools, s, m, &guess, &at)) {
        return 0;
    }
    if (speed) {
        clamp_apply_speeds(vectors, speed, at.r);
    }
    for (v = 0; v < vectors; ++v) {
        y->x[v] = gates_step(y->x[v], at.r[v].alpha, at.r[v].alpha_plus_beta);
        guess.x[v] = gates_step(y->x[v], begin[v].alpha, begin[v].alpha_plus_beta);
    }
    if (!clamp_find_pools(vectors, s, m, &guess, end)) {
        return 0;
    }
    for (v = 0; v < vectors; ++v) {
        const lanes alpha = lanes_mul(lanes_all(0.5), lanes_add(begin[v].alpha, end[v].alpha));
        y->x[v] = gates_step(y->x[v], alpha, end[v].alpha_plus_beta);
    }
    return neuron_settle(vectors, (int)s->pools, s, m, y, &at);
}

/* Hold a neuron at V for a step of dt ms, and set I_total. `speed` is that of each lane, or NULL.
   Return 0 where the rates at V are missing. */
HH_INLINE int clamp_step(int vectors, const membrane_shape *s, const neuron_model *m, double dt,
                         const double *speed, const neuron *now, double V, neuron *after,
                         double *I_total)
{
    found_rates at;
    double open[MEMBRANE_CHANNELS], sum = 0.0;
    int v, c;
    state_copy(vectors, &now->y, &after->y);
    after->y.V = V;
    if (s->pools) {
        if (!clamp_step_with_pools(vectors, s, m, speed, &after->y)) {
            return 0;
        }
    } else {
        if (!neuron_find_rates(vectors, 0, s, m, &after->y, &at)) {
            return 0;
        }
        if (speed) {
            clamp_apply_speeds(vectors, speed, at.r);
        }
        for (v = 0; v < vectors; ++v) {
            after->y.x[v] = gates_step(now->y.x[v], at.r[v].alpha, at.r[v].alpha_plus_beta);
        }
        if (s->instantaneous) {
            membrane_settle(vectors, s, at.r, &after->y);
        }
    }
    membrane_open(vectors, s, &after->y, open);
    neuron_note_currents(s, m, neuron_reversals(vectors, s, m, &after->y, &at), V, open, after);
    for (c = 0; c < s->channels; ++c) {
        HH_ONE_BY_ONE(s->channels);
        sum += after->I[c];
    }
    *I_total = sum + m->p.C_m * ((V - now->y.V) / dt);
    return 1;
}

/* A cell of many, whose command is that of a call of their time loop. */
typedef struct {
    membrane_shape shape; /* with its own shifts */
    neuron_model model;
    neuron states[2];
    double speed[MEMBRANE_LANES];
    int own_speed; /* whether a gate's is */
} clamp_cell;

/* The cell of a number, in its state before the call, whose first_cell is 0. */
HH_INLINE void clamp_load(const population_call *call, int64_t cell, clamp_cell *to)
{
    const population_cells *from = call->cells;
    double x[MEMBRANE_LANES] = {0.0};
    int64_t k;
    int v;
    to->shape = *call->shape;
    population_model(call, cell, &to->model);
    to->model.currents = 1;
    memset(to->speed, 0, sizeof to->speed);
    to->own_speed = 0;
    for (k = 0; k < to->shape.gates; ++k) {
        const int64_t lane = to->shape.lane_of_gate[k];
        x[lane] = input_read(&from->before[1 + k], cell);
        if (call->cells_shape.has_speed[k] && to->shape.at_inf[lane] == 0) {
            to->speed[lane] = input_read(&from->speed[k], cell);
            to->own_speed = 1;
        }
    }
    to->states[0].y.V = input_read(&from->before[0], cell);
    for (v = 0; v < to->shape.vectors; ++v) {
        to->shape.shift[v] = input_read(&from->shift[v], cell);
        to->states[0].y.x[v] = lanes_load(x + 4 * v);
    }
}

/* A variable of a neuron, by its number: V, the gates, the currents, I_total. */
HH_INLINE double clamp_variable(const membrane_shape *s, const neuron *at, double I_total,
                                int64_t number)
{
    const int64_t gate = number - 1, current = gate - s->gates;
    double x[4];
    if (number == 0) {
        return at->y.V;
    }
    if (current >= s->channels) {
        return I_total;
    }
    if (current >= 0) {
        return at->I[s->channel_of_current[current]];
    }
    lanes_store(x, at->y.x[s->lane_of_gate[gate] / 4]);
    return x[s->lane_of_gate[gate] % 4];
}

/* Write a sample of a cell, or NaN, to each of its rows. */
HH_INLINE void clamp_record(const population_call *call, const clamp_cell *of, const neuron *at,
                            double I_total, int64_t sample)
{
    const population_samples *to = call->samples;
    int64_t v, j;
    for (v = 0; v < to->variable_count; ++v) {
        const double value =
            at ? clamp_variable(&of->shape, at, I_total, to->variables[v]) : NAN;
        for (j = call->first; j < call->past; ++j) {
            to->traces[(v * to->cell_count + to->rows[j]) * to->sample_count + sample] = value;
        }
    }
}

/* Write the cell where it is after the call, or NaN. */
HH_INLINE void clamp_store(const population_call *call, int64_t cell, const clamp_cell *from,
                           const neuron *at)
{
    int64_t k;
    for (k = 0; k <= call->shape->gates; ++k) {
        output_write(&call->cells->after[k], cell,
                     at ? clamp_variable(&from->shape, at, 0.0, k) : NAN);
    }
}

#endif

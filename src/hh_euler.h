/* One forward Euler step, in pyHH's order: rates from V; currents from V and the gates; then V
   and the gates move, all from values before the step. */
#ifndef PYHH_FAST_HH_EULER_H
#define PYHH_FAST_HH_EULER_H

#include "hh_equations.h"
#include "rate_table.h"

/* One neuron between two steps. V_before and the currents are those of the step that led here: of
   the state before it. `step` counts the steps of this run. */
typedef struct {
    double V, m, h, n;
    double I_Na, I_K, I_L;
    double V_before;
    int64_t step;
} hh_cell;

/* The same while it is stepped. */
typedef struct {
    double V;
    lanes x; /* m, h, n */
    hh_currents i;
} hh_neuron;

static inline hh_neuron hh_neuron_of(const hh_cell *c)
{
    const hh_neuron neuron = {c->V, lanes_of(c->m, c->h, c->n), {c->I_Na, c->I_K, c->I_L}};
    return neuron;
}

/* `row` holds the rates times dt for the row of V, `r` is where V stands in it. */
static inline hh_neuron hh_euler_step(hh_neuron c, const hh_parameters *p, double dt_over_C_m,
                                      const double *row, double r, double I)
{
    const gate_rates rates = rate_table_at(row, r);
    hh_neuron after;
    after.i = hh_currents_at(p, c.V, c.x);
    after.V = hh_V_after(c.V, &after.i, I, dt_over_C_m);
    after.x = hh_gates_after(c.x, rates.alpha, rates.beta);
    return after;
}

/* Whether all gates are finite; a sum of three is not where one of them is not. */
static inline int hh_gates_are_finite(lanes x)
{
    return isfinite(lane_m(x) + lane_h(x) + lane_n(x));
}

#endif

/* One neuron, as the time loops of fixed step carry it. */
#ifndef PYHH_FAST_HH_CELL_H
#define PYHH_FAST_HH_CELL_H

#include <stdint.h>

#include "hh_equations.h"

/* One neuron between two steps. V_before and the currents are those of the step that led here: of
   the state before it. `step` counts the steps of this run, `spikes` its spikes. */
typedef struct {
    double V, m, h, n;
    double I_Na, I_K, I_L;
    double V_before;
    int64_t step, spikes;
} hh_cell;

/* The same while it is stepped. */
typedef struct {
    hh_state y;
    hh_currents i;
} hh_neuron;

static inline hh_neuron hh_neuron_of(const hh_cell *c)
{
    const hh_neuron neuron = {{c->V, lanes_of(c->m, c->h, c->n)}, {c->I_Na, c->I_K, c->I_L}};
    return neuron;
}

static inline void hh_cell_put(hh_cell *c, const hh_neuron *neuron)
{
    c->V = neuron->y.V;
    c->m = lane_m(neuron->y.x);
    c->h = lane_h(neuron->y.x);
    c->n = lane_n(neuron->y.x);
    c->I_Na = neuron->i.I_Na;
    c->I_K = neuron->i.I_K;
    c->I_L = neuron->i.I_L;
}

/* One of many cells, which are the lanes themselves. */
typedef struct {
    double V, m, h, n;
} hh_point;

static inline hh_neuron hh_neuron_at(hh_point y)
{
    const hh_neuron neuron = {{y.V, lanes_of(y.m, y.h, y.n)}, {0.0, 0.0, 0.0}};
    return neuron;
}

static inline hh_point hh_point_of(const hh_neuron *neuron)
{
    const lanes x = neuron->y.x;
    const hh_point y = {neuron->y.V, lane_m(x), lane_h(x), lane_n(x)};
    return y;
}

/* Whether V and all gates are finite: a sum is not where one of its terms is not. */
static inline int hh_is_finite(hh_state y)
{
    return isfinite(y.V + (lane_m(y.x) + lane_h(y.x) + lane_n(y.x)));
}

#endif

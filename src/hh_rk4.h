/* One step of the classic Runge-Kutta method: fourth order, four slopes. */
#ifndef PYHH_FAST_HH_RK4_H
#define PYHH_FAST_HH_RK4_H

#include "hh_cell.h"
#include "rate_table.h"

static const double hh_rk4_stage[4] = {0.5, 0.5, 1.0, 0.0}; /* where the next slope is taken */
static const double hh_rk4_weight[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

/* The source holds the rates times dt, so each k is dt times a slope. Returns 0 where it lacks the
   rates of one of the four; after->y.V is then the V where they are missing. */
HH_INLINE int hh_rk4_step(hh_neuron now, const hh_parameters *p, double dt_over_C_m,
                              const rate_source *rates_dt, double I, hh_neuron *after)
{
    const lanes start = lanes_with_V(now.y.x, now.y.V);
    const hh_membrane membrane = hh_membrane_of(p, dt_over_C_m);
    hh_state y = {now.y.V, start}, sum = y;
    int i;
    after->i = hh_currents_at(p, now.y.V, hh_open_at(now.y.x));
    for (i = 0; i < 4; ++i) {
        gate_rates r;
        hh_state k;
        if (!rate_source_find(rates_dt, y.V, &r)) {
            after->y.V = y.V;
            return 0;
        }
        k = hh_slope_at(membrane, r.alpha, r.alpha_plus_beta, y, I);
        sum = hh_state_plus(sum.x, hh_rk4_weight[i], k);
        y = hh_state_plus(start, hh_rk4_stage[i], k);
    }
    after->y = sum;
    return 1;
}

/* One of the four stages for one of many cells: the slope at *y, with its rates, goes into *sum and
   leads to the next *y. */
HH_INLINE void hh_rk4_point_stage(int i, hh_point start, hh_membrane membrane, hh_rates_dt r,
                                  double I, hh_point *y, hh_point *sum)
{
    const double a = hh_rk4_stage[i], w = hh_rk4_weight[i];
    hh_point k;
    k.V = hh_V_step(0.0, membrane, y->V, hh_open_of(y->m, y->h, y->n), I);
    k.m = hh_gate_slope(y->m, r.alpha_m, r.alpha_plus_beta_m);
    k.h = hh_gate_slope(y->h, r.alpha_h, r.alpha_plus_beta_h);
    k.n = hh_gate_slope(y->n, r.alpha_n, r.alpha_plus_beta_n);
    sum->V = HH_FMA(w, k.V, sum->V);
    sum->m = HH_FMA(w, k.m, sum->m);
    sum->h = HH_FMA(w, k.h, sum->h);
    sum->n = HH_FMA(w, k.n, sum->n);
    y->V = HH_FMA(a, k.V, start.V);
    y->m = HH_FMA(a, k.m, start.m);
    y->h = HH_FMA(a, k.h, start.h);
    y->n = HH_FMA(a, k.n, start.n);
}

#endif

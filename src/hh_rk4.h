/* One step of the classic Runge-Kutta method: fourth order, four slopes. */
#ifndef PYHH_FAST_HH_RK4_H
#define PYHH_FAST_HH_RK4_H

#include "hh_cell.h"
#include "rate_table.h"

/* The source holds the rates times dt, so each k is dt times a slope. Returns 0 where it lacks the
   rates of one of the four; after->y.V is then where they are wanted. */
static inline int hh_rk4_step(hh_neuron now, const hh_parameters *p, double dt_over_C_m,
                              const rate_source *rates_dt, double I, hh_neuron *after)
{
    const double stage[4] = {0.5, 0.5, 1.0, 0.0}; /* of the next */
    const double weight[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    const lanes start = lanes_with_V(now.y.x, now.y.V);
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
        k = hh_slope_at(p, dt_over_C_m, r.alpha, r.both, y, I);
        sum = hh_moved(sum.x, weight[i], k);
        y = hh_moved(start, stage[i], k);
    }
    after->y = sum;
    return 1;
}

#endif

/* One forward Euler step, in pyHH's order: rates from V; currents from V and the gates; then V
   and the gates move, all from values before the step. First order. */
#ifndef PYHH_FAST_HH_EULER_H
#define PYHH_FAST_HH_EULER_H

#include "hh_cell.h"
#include "rate_table.h"

/* The source holds the rates times dt. Returns 0 where it lacks those at now.y.V. */
HH_INLINE int hh_euler_step(hh_neuron now, const hh_parameters *p, double dt_over_C_m,
                                const rate_source *rates_dt, double I, hh_neuron *after)
{
    const hh_open open = hh_open_at(now.y.x);
    gate_rates r;
    if (!rate_source_find(rates_dt, now.y.V, &r)) {
        after->y.V = now.y.V;
        return 0;
    }
    after->i = hh_currents_at(p, now.y.V, open);
    after->y.V = hh_V_step(now.y.V, hh_membrane_of(p, dt_over_C_m), now.y.V, open, I);
    after->y.x = hh_gates_step(now.y.x, r.alpha, r.alpha_plus_beta);
    return 1;
}

/* The same for one of many cells, with its rates. */
HH_INLINE hh_point hh_euler_point_step(hh_point now, hh_membrane membrane, hh_rates_dt r, double I)
{
    hh_point after;
    after.V = hh_V_step(now.V, membrane, now.V, hh_open_of(now.m, now.h, now.n), I);
    after.m = hh_gate_step(now.m, r.alpha_m, r.alpha_plus_beta_m);
    after.h = hh_gate_step(now.h, r.alpha_h, r.alpha_plus_beta_h);
    after.n = hh_gate_step(now.n, r.alpha_n, r.alpha_plus_beta_n);
    return after;
}

#endif

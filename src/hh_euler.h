/* One forward Euler step, in pyHH's order: rates from V; currents from V and the gates; then V
   and the gates move, all from values before the step. */
#ifndef PYHH_FAST_HH_EULER_H
#define PYHH_FAST_HH_EULER_H

#include <math.h>

#include "hh_equations.h"

/* One neuron between two steps. Currents and rates are those of the step that led here: of the
   state before it. `step` counts the steps of this run. */
typedef struct {
    double V, m, h, n;
    double I_Na, I_K, I_L;
    double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n;
    int64_t step;
} hh_cell;

static inline hh_cell hh_euler_step(hh_cell c, const hh_parameters *p, double I, double dt)
{
    const hh_rates r = hh_rates_at(c.V);
    const hh_currents i = hh_currents_at(p, c.V, c.m, c.h, c.n);

    c.V += dt * hh_dVdt(p, &i, I);
    c.m += dt * hh_dxdt(c.m, r.alpha_m, r.beta_m);
    c.h += dt * hh_dxdt(c.h, r.alpha_h, r.beta_h);
    c.n += dt * hh_dxdt(c.n, r.alpha_n, r.beta_n);

    c.I_Na = i.I_Na, c.I_K = i.I_K, c.I_L = i.I_L;
    c.alpha_m = r.alpha_m, c.beta_m = r.beta_m;
    c.alpha_h = r.alpha_h, c.beta_h = r.beta_h;
    c.alpha_n = r.alpha_n, c.beta_n = r.beta_n;
    c.step += 1;
    return c;
}

/* Whether V and all gates are finite; a sum of four is not where one of them is not. */
static inline int hh_is_finite(const hh_cell *c)
{
    return isfinite(c->V + c->m + c->h + c->n);
}

#endif

/* The equations of Hodgkin & Huxley (1952), in pyHH's units and signs. This is the only compiled
   place that holds them: every method and every loop calls these functions.

       C_m dV/dt = I - I_Na - I_K - I_L
       I_Na = g_Na m^3 h (V - E_Na),   I_K = g_K n^4 (V - E_K),   I_L = g_L (V - E_L)
       dx/dt = alpha_x(V) (1 - x) - beta_x(V) x      for x = m, h, n

   Units: mV (relative to rest, depolarisation positive), ms, mS/cm2, uA/cm2, uF/cm2, rates 1/ms.
   Outward currents are positive.

   All functions are pure; they may be called from any thread.
*/
#ifndef PYHH_FAST_HH_EQUATIONS_H
#define PYHH_FAST_HH_EQUATIONS_H

#include "hh_math.h"

typedef struct {
    double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L;
} hh_parameters;

typedef struct {
    double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n;
} hh_rates;

typedef struct {
    double I_Na, I_K, I_L;
} hh_currents;

/* L(x) = x / (1 - e^-x) carries the two 0/0 of the paper's formulas: alpha_n(10) = 0.1 and
   alpha_m(25) = 1 are its limits. */
static inline hh_rates hh_rates_at(double V)
{
    hh_rates r;
    r.alpha_n = 0.1 * hh_exprelr((V - 10.0) * 0.1);
    r.beta_n = 0.125 * hh_exp(V * (-1.0 / 80.0));
    r.alpha_m = hh_exprelr((V - 25.0) * 0.1);
    r.beta_m = 4.0 * hh_exp(V * (-1.0 / 18.0));
    r.alpha_h = 0.07 * hh_exp(V * (-1.0 / 20.0));
    r.beta_h = 1.0 / (hh_exp((30.0 - V) * 0.1) + 1.0);
    return r;
}

static inline hh_currents hh_currents_at(const hh_parameters *p, double V, double m, double h,
                                         double n)
{
    hh_currents c;
    c.I_Na = p->g_Na * (m * m * m) * h * (V - p->E_Na);
    c.I_K = p->g_K * (n * n) * (n * n) * (V - p->E_K);
    c.I_L = p->g_L * (V - p->E_L);
    return c;
}

static inline double hh_dVdt(const hh_parameters *p, const hh_currents *c, double I)
{
    return (I - c->I_Na - c->I_K - c->I_L) / p->C_m;
}

static inline double hh_dxdt(double x, double alpha, double beta)
{
    return alpha * (1.0 - x) - beta * x;
}

#endif

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
#include "lanes.h"

typedef struct {
    double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L;
} hh_parameters;

typedef struct {
    double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n;
} hh_rates;

typedef struct {
    double I_Na, I_K, I_L;
} hh_currents;

/* Fractions of the sodium and potassium channels that are open. */
typedef struct {
    double Na, K;
} hh_open;

/* V and the gates m, h, n; or how fast they change. Methods that take many slopes keep V in the
   fourth lane of x as well, to add all in one operation. */
typedef struct {
    double V;
    lanes x;
} hh_state;

/* L(x) = x / (1 - e^-x) carries the two 0/0 of the paper's formulas: alpha_n(10) = 0.1 and
   alpha_m(25) = 1 are its limits. */
static inline hh_rates hh_rates_at(double V)
{
    hh_rates r;
    r.alpha_n = 0.1 * hh_exprelr((V - 10.0) / 10.0);
    r.beta_n = 0.125 * hh_exp(-V / 80.0);
    r.alpha_m = hh_exprelr((V - 25.0) / 10.0);
    r.beta_m = 4.0 * hh_exp(-V / 18.0);
    r.alpha_h = 0.07 * hh_exp(-V / 20.0);
    r.beta_h = 1.0 / (hh_exp((30.0 - V) / 10.0) + 1.0);
    return r;
}

static inline hh_open hh_open_at(lanes x)
{
    const double m = lane_m(x), h = lane_h(x), n = lane_n(x);
    const double n2 = n * n;
    const hh_open open = {(m * m) * (m * h), n2 * n2};
    return open;
}

static inline hh_currents hh_currents_at(const hh_parameters *p, double V, hh_open open)
{
    const hh_currents c = {
        open.Na * (p->g_Na * (V - p->E_Na)),
        open.K * (p->g_K * (V - p->E_K)),
        p->g_L * (V - p->E_L),
    };
    return c;
}

/* All conductances together: how fast V would settle if the gates stayed, times C_m. */
static inline double hh_conductance_at(const hh_parameters *p, hh_open open)
{
    return HH_FMA(p->g_Na, open.Na, HH_FMA(p->g_K, open.K, p->g_L));
}

/* from + dt dV/dt at V. Terms stand in the order in which they are known, V before the gates, so that
   one fused operation waits for each. */
HH_INLINE double hh_V_moved(double from, const hh_parameters *p, double dt_over_C_m, double V,
                            hh_open open, double I)
{
    const double Na = dt_over_C_m * p->g_Na * (p->E_Na - V);
    const double K = dt_over_C_m * p->g_K * (p->E_K - V);
    const double L = dt_over_C_m * p->g_L;
    const double rest = HH_FMA(L, p->E_L - V, HH_FMA(dt_over_C_m, I, from));
    return HH_FMA(K, open.K, HH_FMA(Na, open.Na, rest));
}

/* x + dt dx/dt for all gates, with dt alpha and dt (alpha + beta): so only one operation waits for
   both. */
HH_INLINE lanes hh_gates_moved(lanes x, lanes alpha_dt, lanes both_dt)
{
    return lanes_fnma(both_dt, x, lanes_add(x, alpha_dt));
}

/* dV/dt and dx/dt; or, with dt/C_m and rates times dt, these times dt. */
HH_INLINE hh_state hh_slope_at(const hh_parameters *p, double per_C_m, lanes alpha, lanes both,
                               hh_state y, double I)
{
    hh_state slope;
    slope.V = hh_V_moved(0.0, p, per_C_m, y.V, hh_open_at(y.x), I);
    slope.x = lanes_with_V(lanes_fnma(both, y.x, alpha), slope.V);
    return slope;
}

/* base + a k, with V in the fourth lane of all; V by itself too, because the rates wait for it. */
HH_INLINE hh_state hh_moved(lanes base, double a, hh_state k)
{
    hh_state y;
    y.V = HH_FMA(a, k.V, lane_V(base));
    y.x = lanes_fma(lanes_all(a), k.x, base);
    return y;
}

#endif

/* What is special to the neuron of Hodgkin & Huxley (1952), in pyHH's units and signs: its rates,
   its gates and its channels. The equations themselves are in membrane.h.

   Units: mV (relative to rest, depolarisation positive), ms, mS/cm2, uA/cm2, uF/cm2, rates 1/ms.
   Outward currents are positive.

   All functions are pure; they may be called from any thread.
*/
#ifndef PYHH_FAST_HODGKIN_HUXLEY_H
#define PYHH_FAST_HODGKIN_HUXLEY_H

#include "hh_math.h"
#include "membrane.h"

typedef struct {
    double C_m, g_Na, g_K, g_L, E_Na, E_K, E_L;
} hh_parameters;

typedef struct {
    double alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n;
} hh_rates;

typedef struct {
    double I_Na, I_K, I_L;
} hh_currents;

enum { HH_M, HH_H, HH_N }; /* lanes of the gates */
enum { HH_L, HH_NA, HH_K, HH_CHANNELS };

/* The order in which variables are recorded. */
typedef enum hh_variable {
    HH_V,
    HH_VAR_M,
    HH_VAR_H,
    HH_VAR_N,
    HH_I_NA,
    HH_I_K,
    HH_I_L,
    HH_VARIABLES
} hh_variable;

/* Sodium m^3 h, potassium n^4, and a leak. */
static const membrane_shape hh_shape = {
    .vectors = 1,
    .rows = 1,
    .gates = 3,
    .channels = HH_CHANNELS,
    .ungated = 1,
    .factors = 4,
    .factor = {[HH_NA] = {HH_M, HH_M, HH_M, HH_H}, [HH_K] = {HH_N, HH_N, HH_N, HH_N}},
    .by_factor = {{15, HH_M, HH_N, 15, 15, 15, 15, 15},
                  {15, HH_M, HH_N, 15, 15, 15, 15, 15},
                  {15, HH_M, HH_N, 15, 15, 15, 15, 15},
                  {15, HH_H, HH_N, 15, 15, 15, 15, 15}},
    .lane_of_gate = {HH_M, HH_H, HH_N},
    .channel_of_current = {HH_NA, HH_K, HH_L},
};

HH_INLINE void hh_membrane(const hh_parameters *p, membrane_parameters *membrane)
{
    membrane->C_m = p->C_m;
    membrane->g[HH_L] = p->g_L;
    membrane->g[HH_NA] = p->g_Na;
    membrane->g[HH_K] = p->g_K;
    membrane->E[HH_L] = p->E_L;
    membrane->E[HH_NA] = p->E_Na;
    membrane->E[HH_K] = p->E_K;
}

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

/* Exponentials that the rates share, of V within HH_ROOT_RANGE. */
typedef struct {
    double V_80, V_20, V_18, V_10; /* e^(-V/80) and so on */
} hh_exponentials;

static inline hh_exponentials hh_exponentials_at(double V)
{
    const double q = hh_expm1_root(V), q2 = hh_expm1_doubled(q), q4 = hh_expm1_doubled(q2);
    const double V_90 = hh_expm1_doubled(q4) + 1.0;
    hh_exponentials e;
    double V_40;
    e.V_80 = HH_FMA(V_90, q, V_90);
    V_40 = e.V_80 * e.V_80;
    e.V_20 = V_40 * V_40;
    e.V_18 = e.V_20 * (q4 + 1.0);
    e.V_10 = e.V_20 * e.V_20;
    return e;
}

/* Where the product of the denominators of alpha_n and alpha_m is less, it has too few digits. */
#define HH_SHARED_LEAST 1e-3

/* alpha and alpha + beta, times dt, of each gate. */
typedef struct {
    double alpha_m, alpha_plus_beta_m, alpha_h, alpha_plus_beta_h, alpha_n, alpha_plus_beta_n;
} hh_rates_dt;

static inline hh_rates_dt hh_rates_dt_at(double V, double dt)
{
    const hh_rates r = hh_rates_at(V);
    hh_rates_dt d;
    d.alpha_m = r.alpha_m * dt;
    d.alpha_h = r.alpha_h * dt;
    d.alpha_n = r.alpha_n * dt;
    d.alpha_plus_beta_m = r.beta_m * dt + d.alpha_m;
    d.alpha_plus_beta_h = r.beta_h * dt + d.alpha_h;
    d.alpha_plus_beta_n = r.beta_n * dt + d.alpha_n;
    return d;
}

/* The same rates for many cells at once: no branch, one exponential, one division.
   Relative errors are below 1e-14, but for alpha_n near its 0/0 at 10 mV and alpha_m near that at
   25 mV: below 2e-14 mV over the distance, so up to 1e-11 at 0.003 mV. Closer than that, and beyond
   HH_ROOT_RANGE, *shared is 0, and the rates must be taken from hh_rates_dt_at. */
HH_INLINE hh_rates_dt hh_shared_rates_dt(double V, hh_exponentials e, double dt, int *shared)
{
    const double to_n = HH_FMA(-2.718281828459045091, e.V_10, 1.0);  /* 1 - e^((10 - V)/10) */
    const double to_m = HH_FMA(-12.18249396070347344, e.V_10, 1.0);  /* 1 - e^((25 - V)/10) */
    const double to_h = HH_FMA(20.08553692318766774, e.V_10, 1.0);   /* 1 + e^((30 - V)/10) */
    const double to_nm = to_n * to_m;
    const double inverse = 1.0 / (to_nm * to_h), inverse_nm = inverse * to_h;
    hh_rates_dt d;
    d.alpha_n = HH_FMA(0.01 * dt, V, -0.1 * dt) * (inverse_nm * to_m);
    d.alpha_m = HH_FMA(0.1 * dt, V, -2.5 * dt) * (inverse_nm * to_n);
    d.alpha_h = (0.07 * dt) * e.V_20;
    d.alpha_plus_beta_n = HH_FMA(0.125 * dt, e.V_80, d.alpha_n);
    d.alpha_plus_beta_m = HH_FMA(4.0 * dt, e.V_18, d.alpha_m);
    d.alpha_plus_beta_h = HH_FMA(dt, inverse * to_nm, d.alpha_h);
    *shared = (fabs(V) < HH_ROOT_RANGE) & (fabs(to_nm) > HH_SHARED_LEAST);
    return d;
}

/* The currents, and dV/dt without stimulus, each operation in the order of HHModel's own
   _UpdateCellVoltage: so a model rests at the same bits whoever has computed its rates. */
static inline hh_currents hh_currents_in_order(const hh_parameters *p, double V, double m, double h,
                                               double n)
{
    const hh_currents c = {
        p->g_Na * (m * m * m) * h * (V - p->E_Na),
        p->g_K * (n * n) * (n * n) * (V - p->E_K),
        p->g_L * (V - p->E_L),
    };
    return c;
}

static inline double hh_dVdt_in_order(const hh_parameters *p, double V, double m, double h,
                                      double n)
{
    const hh_currents c = hh_currents_in_order(p, V, m, h, n);
    return (0.0 - c.I_Na - c.I_K - c.I_L) / p->C_m;
}

#endif

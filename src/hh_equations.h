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

static inline hh_open hh_open_of(double m, double h, double n)
{
    const double n2 = n * n;
    const hh_open open = {(m * m) * (m * h), n2 * n2};
    return open;
}

static inline hh_open hh_open_at(lanes x)
{
    return hh_open_of(lane_m(x), lane_h(x), lane_n(x));
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

/* The sum of all conductances: C_m times the rate at which V decays if the gates do not move. */
static inline double hh_conductance_at(const hh_parameters *p, hh_open open)
{
    return HH_FMA(p->g_Na, open.Na, HH_FMA(p->g_K, open.K, p->g_L));
}

/* The parameters as a step of V uses them: per_C_m is dt / C_m, the conductances are times that. */
typedef struct {
    double per_C_m, Na, K, L, E_Na, E_K, E_L;
} hh_membrane;

static inline hh_membrane hh_membrane_of(const hh_parameters *p, double dt_over_C_m)
{
    const hh_membrane membrane = {
        dt_over_C_m, dt_over_C_m * p->g_Na, dt_over_C_m * p->g_K, dt_over_C_m * p->g_L,
        p->E_Na,     p->E_K,                p->E_L,
    };
    return membrane;
}

/* from + dt dV/dt at V. Terms are added in the order in which they are known, V before the gates,
   so that one fused operation waits for each. */
HH_INLINE double hh_V_step(double from, hh_membrane membrane, double V, hh_open open, double I)
{
    const double Na = membrane.Na * (membrane.E_Na - V);
    const double K = membrane.K * (membrane.E_K - V);
    const double rest = HH_FMA(membrane.L, membrane.E_L - V, HH_FMA(membrane.per_C_m, I, from));
    return HH_FMA(K, open.K, HH_FMA(Na, open.Na, rest));
}

/* dt dx/dt, and x + dt dx/dt, with dt alpha and dt (alpha + beta): so only one operation waits for
   the rates. For one gate, and below for all of a cell. */
HH_INLINE double hh_gate_slope(double x, double alpha_dt, double alpha_plus_beta_dt)
{
    return HH_FMA(-alpha_plus_beta_dt, x, alpha_dt);
}

HH_INLINE double hh_gate_step(double x, double alpha_dt, double alpha_plus_beta_dt)
{
    return HH_FMA(-alpha_plus_beta_dt, x, x + alpha_dt);
}

HH_INLINE lanes hh_gates_step(lanes x, lanes alpha_dt, lanes alpha_plus_beta_dt)
{
    return lanes_fnma(alpha_plus_beta_dt, x, lanes_add(x, alpha_dt));
}

/* dV/dt and dx/dt; or, with dt/C_m and rates times dt, these times dt. */
HH_INLINE hh_state hh_slope_at(hh_membrane membrane, lanes alpha, lanes alpha_plus_beta,
                               hh_state y, double I)
{
    hh_state slope;
    slope.V = hh_V_step(0.0, membrane, y.V, hh_open_at(y.x), I);
    slope.x = lanes_with_V(lanes_fnma(alpha_plus_beta, y.x, alpha), slope.V);
    return slope;
}

/* base + a k, with V in the fourth lane of all; V by itself as well: the rates wait for it. */
HH_INLINE hh_state hh_state_plus(lanes base, double a, hh_state k)
{
    hh_state y;
    y.V = HH_FMA(a, k.V, lane_V(base));
    y.x = lanes_fma(lanes_all(a), k.x, base);
    return y;
}

#endif
